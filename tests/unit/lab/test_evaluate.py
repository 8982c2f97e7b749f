"""Evaluating a policy: from the log of an account, its export, and plain lines; and when the data cannot tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from songpost.agent import moving
from songpost.agent.crediting import stored_credits
from songpost.agent.events import Invocation
from songpost.core.learning_state import FRACTION_BITS, arm_key
from songpost.errors import BadInput
from songpost.invoking import run_reader
from songpost.lab.decision_log import Choice, Log, from_file, from_store, modelled, normal
from songpost.lab.evaluate import Evaluation, evaluate, policy_file
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Text
from songpost.settings import LearningSettings
from songpost.store.port import Item, Store
from tests.unit.agent.conftest import SETTINGS, START, World

DAYS = 14
TEXTS = tuple(
    Text(
        id=f"{topic}-{number}", topic=topic, variants=(f"{topic} {sha256(bytes([number, ord(topic[0])])).hexdigest()}",)
    )
    for topic in ("gardening", "bread")
    for number in range(DAYS)
)
LEARNER = replace(SETTINGS, learning=LearningSettings(exploration_floor=0.2))


def lived(folder: Path, *, enabled: bool = True) -> World:
    """An account that has posted daily for two weeks and was credited for most of it."""
    clock = VirtualClock(START)
    learning = replace(LEARNER.learning, enabled=enabled)
    world = World(folder, clock, Sandbox(clock=clock), settings=replace(LEARNER, learning=learning), texts=TEXTS)
    for day in range(DAYS):
        clock.set(START + timedelta(days=day))
        world.tick()
        for post in world.sandbox.posts():
            likes = 9 if post.text.startswith("bread") else 2
            world.sandbox.actors.set_metrics(post.id, {"impression_count": 500, "like_count": likes})
        session = world.session()
        run_reader(session, Invocation(mode="timeline", account="default"), lambda: 900.0)
        session.close()
    return world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The account of the learner."""
    return lived(tmp_path_factory.mktemp("learner"))


@pytest.fixture
def store(world: World) -> Iterator[Store]:
    """Its store, to be read."""
    session = world.session()
    yield session.store
    session.close()


def by_method(found: Evaluation) -> dict[str, float]:
    """The estimates' values."""
    return {one.method: one.value for one in found.estimates}


def test_every_credited_post_is_joined_to_its_decision(store: Store) -> None:
    """Each credit finds the decision of its slot: the arm, the reward, and a distribution that sums to 1."""
    log = from_store(store, "default")
    credits_ = sorted(stored_credits(store, "default").values(), key=lambda one: one.posted_at)

    assert 10 <= len(credits_) == len(log.choices)
    assert [arm_key(one.arm) for one in credits_] == [one.chosen for one in log.choices]
    assert [one.reward.rate / (1 << FRACTION_BITS) for one in credits_] == [one.reward for one in log.choices]
    assert all(abs(1 - sum(one.probabilities)) < 1e-9 for one in log.choices)
    assert (DAYS, DAYS - len(credits_), 0) == (log.decisions, log.uncredited, log.doubtful)


def test_uniform_is_weighed_by_the_logged_probabilities(store: Store) -> None:
    """IPS of the uniform policy is the mean of reward times (1 / candidates) / propensity."""
    log = from_store(store, "default")
    shares = [(one.reward, dict(zip(one.candidates, one.probabilities, strict=True))) for one in log.choices]
    by_hand = [r * (1 / len(p)) / p[c.chosen] for (r, p), c in zip(shares, log.choices, strict=True)]

    assert abs(sum(by_hand) / len(by_hand) - by_method(evaluate(log, "uniform"))["IPS"]) < 1e-12


def test_thompson_is_the_logged_policy_without_its_floor(store: Store) -> None:
    """Its weights are nearly 1, so the log tells as much of it as of itself; greedy puts all on one candidate."""
    thompson = evaluate(from_store(store, "default", "thompson"), "thompson")
    greedy = from_store(store, "default", "greedy")

    assert 0.8 * len(greedy.choices) < thompson.estimates[0].effective
    assert all({0.0, 1.0} == set(one.policies["greedy"].values()) for one in greedy.choices)
    assert "bread" in max(greedy.choices[-1].policies["greedy"].items(), key=lambda one: one[1])[0]


def test_an_export_tells_the_same(store: Store, tmp_path: Path) -> None:
    """The log of an export is that of its account, choice by choice."""
    path = tmp_path / "export.jsonl"
    path.write_text("".join(moving.exported(store, "default", START)), encoding="utf-8")

    assert from_store(store, "default", "greedy").choices == from_file(path, "greedy").choices


def test_what_the_learner_would_do_is_worked_out_where_it_was_off(tmp_path: Path) -> None:
    """A log of uniform choices says nothing of draws: Thompson's probabilities follow from the stored counters."""
    session = lived(tmp_path, enabled=False).session()
    log = from_store(session.store, "default", "thompson")
    session.close()

    assert all(abs(1 - sum(one.policies["thompson"].values())) < 1e-9 for one in log.choices)
    assert 0.6 < max(log.choices[-1].policies["thompson"].values())
    assert {0.5} == {probability for one in log.choices for probability in one.probabilities}


def test_a_credit_without_its_decision_is_left_out_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where decisions, counters or the arm do not fit, the choice is doubtful: it does not enter the estimate."""
    items = store.items

    def without(account: str, collection: str, **bounds: str) -> Iterator[Item]:
        found = list(items(account, collection, **bounds))  # type: ignore[arg-type]  # keys are text
        return iter(found[1:] if collection == "decisions" else found)

    monkeypatch.setattr(store, "items", without)
    assert 1 == from_store(store, "default").doubtful
    monkeypatch.setattr(store, "items", lambda a, c, **b: iter(()) if c == "statistics" else items(a, c, **b))
    assert 0 == len(from_store(store, "default").choices)


def test_two_plans_of_a_day_that_both_know_the_slot_are_doubtful_unless_alike(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second plan of the same day with other probabilities leaves a doubt; an equal one leaves none."""
    items = store.items

    def doubled(factor: int) -> None:
        def twice(account: str, collection: str, **bounds: str) -> Iterator[Item]:
            for item in items(account, collection, **bounds):  # type: ignore[arg-type]  # keys are text
                yield item
                if collection == "decisions":
                    body = json.loads(json.dumps(item.body))
                    for decision in body["decisions"]:
                        decision["probabilities"][0] -= factor
                        decision["probabilities"][-1] += factor
                    yield Item(f"{item.key}x", body)

        monkeypatch.setattr(store, "items", twice)

    doubled(0)
    assert 0 == from_store(store, "default").doubtful
    doubled(5)
    assert 0 == len(from_store(store, "default").choices)


# ------------------------------------------------------------------------------------------------------ plain lines

LINE = {"candidates": ["a|noon|text", "b|noon|0"], "probabilities": [0.75, 0.25], "chosen": "a|noon|0", "reward": 0.02}


def plain(tmp_path: Path, *lines: dict[str, object]) -> Log:
    """A log of plain lines."""
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return from_file(path)


def test_plain_lines_are_a_log(tmp_path: Path) -> None:
    """Arms may be written as tables show them; a model and policies ride along."""
    model = {"a|noon|0": 0.01, "b|noon|0": 0.03}
    log = plain(tmp_path, LINE, {**LINE, "modelled": model, "greedy": {"b|noon|text": 1.0}})

    assert ("a|noon|0", ("a|noon|0", "b|noon|0")) == (log.choices[0].chosen, log.choices[0].candidates)
    assert (model, {"greedy": {"b|noon|0": 1.0}}) == (log.choices[1].modelled, log.choices[1].policies)
    assert abs(0.02 * 0.5 / 0.75 - by_method(evaluate(log, "uniform"))["IPS"]) < 1e-12


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ({**LINE, "reward": "much"}, "reward"),
        ({**LINE, "colour": 1}, "colour"),
        ({**LINE, "probabilities": [0.5, 0.4]}, "together 1"),
        ({**LINE, "probabilities": [1.0]}, "probability for each"),
        ({**LINE, "chosen": "c|noon|0"}, "one of the candidates"),
        ({**LINE, "probabilities": [1.5, -0.5]}, "<= 1"),
        ({**LINE, "modelled": {"a|noon|0": 0.1}}, "leaves candidates out"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: dict[str, object], match: str) -> None:
    """The file, the line and what is wrong."""
    with pytest.raises(BadInput, match=match) as told:
        plain(tmp_path, LINE, line)
    assert told.value.where.endswith("log.jsonl:2")


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """A missing log, one that is no JSON, and a policy that plain lines cannot know."""
    with pytest.raises(BadInput, match="cannot be read"):
        from_file(tmp_path / "nothing")
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(BadInput, match="no JSON"):
        from_file(tmp_path / "text")
    with pytest.raises(BadInput, match="no column 'greedy'"):
        evaluate(plain(tmp_path, LINE), "greedy")
    with pytest.raises(BadInput, match="no logged choice"):
        evaluate(Log(choices=(), decisions=0), "uniform")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("{", "no JSON"),
        ("[1]", "no object"),
        ('{"a|noon|0": true}', "no object"),
        ('{"a|noon|0": 1.5}', "no object"),
        ('{"a|noon|0": 0.5}', "sum to 0.5"),
    ],
)
def test_a_policy_file_must_hold_a_distribution(tmp_path: Path, content: str, match: str) -> None:
    """Anything else is refused with what is wrong."""
    path = tmp_path / "policy.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=match):
        policy_file(path)
    with pytest.raises(BadInput, match="uniform, greedy, thompson"):
        policy_file(tmp_path / "gready")


def test_a_policy_file_is_shared_among_the_candidates(tmp_path: Path) -> None:
    """Its probabilities are renormalised to what was offered; a choice of none of its arms is left out."""
    path = tmp_path / "policy.json"
    path.write_text('{"a|noon|text": 0.3, "b|noon|0": 0.1, "c|noon|0": 0.6}')
    other = {**LINE, "candidates": ["d|noon|0"], "probabilities": [1.0], "chosen": "d|noon|0"}
    found = evaluate(plain(tmp_path, LINE, other), str(path), policy_file(path))

    assert 1 == found.silent
    assert abs(0.02 * 0.75 / 0.75 - by_method(found)["IPS"]) < 1e-12


# ------------------------------------------------------------------------------------------------------- warnings


def made(count: int, *, propensity: float, reward: float = 0.02, every: int = 2, **more: object) -> Log:
    """Choices between a and b; of `every` choices one is b, and earns twice as much."""
    choices = [
        Choice(
            name=str(number),
            candidates=("a", "b"),
            probabilities=(1 - propensity, propensity),
            chosen="b" if number % every == 0 else "a",
            reward=reward * (2 if number % every == 0 else 1) * (1 + number % 3),
            **more,  # type: ignore[arg-type]  # fields by name
        )
        for number in range(count)
    ]
    return Log(choices=tuple(choices), decisions=count)


def warned(found: Evaluation) -> set[str]:
    """The warnings' names."""
    return {one.name for one in found.warnings}


def test_a_log_that_can_tell_is_not_doubted() -> None:
    """Many choices, logged as likely as they were made, of a policy that differs: no warning."""
    found = evaluate(made(600, propensity=0.5), "file", {"b": 1.0})

    assert set() == warned(found)
    assert 0 < found.gain.low < found.gain.value < found.gain.high


@pytest.mark.parametrize(
    ("log", "policy", "weight", "expected"),
    [
        (made(20, propensity=0.5), {"b": 1.0}, 1e9, "few choices"),
        (made(900, propensity=0.05, every=20), {"b": 1.0}, 1e9, "few choices"),
        (made(10, propensity=0.5), {"b": 1.0}, 1e9, "heavy weight"),
        (made(600, propensity=0.5), {"b": 1.0}, 1.5, "clipped"),
        (made(600, propensity=0.2), {"b": 1.0}, 1e9, "weights"),
        (made(600, propensity=0.5), {"a": 0.5, "b": 0.5}, 1e9, "no difference"),
    ],
)
def test_what_cannot_be_told_is_said(log: Log, policy: dict[str, float], weight: float, expected: str) -> None:
    """Few effective choices, a heavy one, cut weights, propensities that do not fit, an interval that holds 0."""
    assert expected in warned(evaluate(log, "file", policy, weight))


def test_what_could_never_be_chosen_is_said_first() -> None:
    """Without a floor the log says nothing of arms of probability 0: that is the first warning, with its share."""
    sure = [replace(one, probabilities=(1.0, 0.0), chosen="a") for one in made(50, propensity=0.5).choices]
    found = evaluate(Log(choices=tuple(sure), decisions=50), "uniform")

    assert 0.5 == found.unreachable
    assert "no overlap" == found.warnings[0].name


def test_a_choice_that_a_person_made_is_no_evidence() -> None:
    """An override was not drawn from the probabilities: it is left out and counted."""
    log = made(100, propensity=0.5)
    mixed = (replace(log.choices[0], drawn=False), *log.choices[1:])

    assert (99, 1) == (
        (found := evaluate(Log(choices=mixed, decisions=100), "uniform").estimates[0]).choices,
        found.unsupported,
    )


def test_the_model_draws_an_arm_to_the_mean(world: World) -> None:
    """An arm never tried is expected to earn the account's mean; one that earned more, more."""
    statistics = world.account().snapshot.learning
    assert statistics is not None
    found = modelled(statistics, ["bread|noon|0", "gardening|noon|0", "new|noon|0"], datetime(2026, 12, 9, tzinfo=UTC))

    assert found["gardening|noon|0"] < found["new|noon|0"] < found["bread|noon|0"] < 0.018


def test_arms_are_read_as_tables_write_them() -> None:
    """`text` and `media` stand for 0 and 1."""
    assert ["a|b|0", "a|b|1", "a|b|1", "odd"] == [normal(key) for key in ("a|b|text", "a|b|media", "a|b|1", "odd")]
