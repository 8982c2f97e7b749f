"""The benchmark itself: its worlds are those that docs/learning.md describes, and all policies meet the same noise.

numpy comes with the extra `bench`; without it these tests skip.
"""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Self

import pytest

np = pytest.importorskip("numpy", reason="SKIPPED LOUDLY: the benchmark's worlds need the extra `bench`")

from songpost.lab.benchmarks import learning, picture, speed  # noqa: E402 - after the skip
from songpost.lab.benchmarks.play import play  # noqa: E402
from songpost.lab.benchmarks.policies import LIBRARIES, POLICIES, POSTS  # noqa: E402
from songpost.lab.benchmarks.worlds import BASE_RATE, REWARD_PER_RATE, WORLDS, draw_audience  # noqa: E402


def test_an_audience_is_the_same_for_all_who_ask() -> None:
    """The same world and seed give the same outcomes; another seed gives others."""
    one, same, other = (draw_audience(WORLDS["drift"], seed, days=30) for seed in (1, 1, 2))
    assert (one.likes == same.likes).all()
    assert (one.expected == same.expected).all()
    assert (one.likes != other.likes).any()


@pytest.mark.parametrize(("name", "median"), [("standard", 500), ("small", 230), ("large", 8000)])
def test_impressions_and_rates_are_as_described(name: str, median: int) -> None:
    """Impressions have the world's median, and engagements over impressions the expected rate, within a tenth."""
    audiences = [draw_audience(WORLDS[name], seed, days=40) for seed in range(12)]
    impressions = np.concatenate([audience.impressions.ravel() for audience in audiences])
    assert abs(np.median(impressions) / median - 1) < 0.1
    logs = np.concatenate([np.log(audience.expected[0] / REWARD_PER_RATE) for audience in audiences])
    assert abs(logs.mean() - np.log(BASE_RATE)) < 0.4


def test_only_worlds_that_change_change() -> None:
    """Standard tastes stand still, abrupt ones break on their days and on no others, drifting ones move daily."""
    standard, abrupt, drift = (draw_audience(WORLDS[name], 3).expected for name in ("standard", "abrupt", "drift"))
    assert (standard[0] == standard[-1]).all()
    moved = [day for day in range(1, 365) if (abrupt[day] != abrupt[day - 1]).any()]
    assert [45, 150, 250] == moved
    assert (drift[1] != drift[0]).all()


@pytest.mark.parametrize("name", [name for name in POLICIES if not any(lib in name for lib in LIBRARIES)])
def test_every_own_policy_plays_by_the_rules(name: str) -> None:
    """Three arms in three windows a day: no policy earns more than the oracle, none nothing."""
    audience = draw_audience(WORLDS["standard"], 5, days=20)
    policy = POLICIES[name](audience, 5)
    chosen = policy.choose(0)
    assert POSTS == len({policy.windows[arm] for arm in chosen}) == len(chosen)
    fractions = play(POLICIES[name], audience, 5)
    assert 0 < fractions.min() <= fractions.max() <= 1


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished audiences are not played again: a second measurement with the same file plays only what is missing."""
    monkeypatch.setattr(learning, "draw_audience", lambda world, seed: draw_audience(world, seed, days=14))
    monkeypatch.setattr(learning, "ProcessPoolExecutor", _InProcess)
    runs = tmp_path / "runs.jsonl"
    first = learning.measure({"standard": 2}, ("uniform",), 1, runs)
    again = learning.measure({"standard": 3}, ("uniform", "UCB1"), 1, runs)
    assert first["standard"]["uniform"].items() <= again["standard"]["uniform"].items()
    played = [(seed, sorted(results)) for _, seed, results in map(json.loads, runs.read_text().splitlines())]
    first_seed = learning.FIRST_SEED
    assert [
        (first_seed, ["uniform"]),
        (first_seed + 1, ["uniform"]),
        (first_seed, ["UCB1"]),
        (first_seed + 1, ["UCB1"]),
        (first_seed + 2, ["UCB1", "uniform"]),
    ] == played


@pytest.mark.benchmark
def test_speed_of_a_day_s_plan_and_of_the_import(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole plan at 60 and 400 arms with 3 and 30 slots, a process's first, and the import of the core."""
    with capsys.disabled():
        print()
        assert 0 == speed.main()


class _InProcess:
    """An executor that runs at once, here."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, function: object, *arguments: object) -> "_Done":
        """Call it."""
        assert callable(function)
        return _Done(function(*arguments))


class _Done:
    """A future that is over."""

    def __init__(self, value: object) -> None:
        self.value = value

    def result(self) -> object:
        """What it gave."""
        return self.value


def test_the_picture_is_well_formed() -> None:
    """The learning curves are XML with a line for each policy shown."""
    drawn = ET.fromstring(picture.svg({"a & b": {"songpost": [0.4, 0.8], "uniform": [0.4, 0.4], "unknown": [1.0]}}))  # noqa: S314 - our own
    assert 1 + 4 + 2 + 2 == len([node for node in drawn.iter() if node.tag.endswith("path")])
