"""`songpost simulate`, `replay` and `explain`, as their user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from songpost.given import from_file
from songpost.lab.simulation import run
from songpost.lab.simulation.fleets import fleets_of, simulate
from songpost.lab.simulation.record import Plan, to_json
from songpost.lab.simulation.run import store_for_a_run
from tests.e2e.conftest import House
from tests.e2e.door import kept, songpost

TOP = Path(__file__).parents[2]


def process(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command as a process, in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "songpost.cli.main", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    """Two processes with other hash seeds print the same document, and nothing is wrong with it."""
    words = ("simulate", "--days", "1", "--seed", "4", "--faults", "rough", "--json")

    one, other = (process(tmp_path, *words, PYTHONHASHSEED=seed) for seed in ("1", "2"))

    assert (0, "") == (one.returncode, one.stderr)
    assert one.stdout == other.stdout
    told = json.loads(one.stdout)
    assert [] == told["faults_found"]
    assert 3 == len(told["run"]["accounts"][0]["posts"])


def test_fleets_of_accounts_come_to_the_same_on_any_number_of_processors(tmp_path: Path) -> None:
    """Twelve accounts are two fleets: side by side in processes, and one after the other in this one."""
    settings = (TOP / "songpost.example.yaml").read_text().replace("content: [content/example.yaml]", "content: []")
    (tmp_path / "songpost.yaml").write_text(settings)
    plan = Plan(days=1, settings=from_file(tmp_path / "songpost.yaml").settings, accounts=12, faults="rough", seed=5)
    days: list[date] = []

    with store_for_a_run() as store:
        alone = simulate(plan, store, days.append, processors=1)
    words = ("simulate", "--days", "1", "--accounts", "12", "--faults", "rough", "--seed", "5", "--json")
    aside = process(tmp_path, *words)

    assert (0, "") == (aside.returncode, aside.stderr)
    assert to_json(alone) == json.loads(aside.stdout)["run"]
    assert [f"sim-{number:03d}" for number in range(1, 13)] == [one.account for one in alone.accounts]
    assert 36 == sum(len(one.posts) for one in alone.accounts)
    assert 2 == len(days)
    fleets = []
    for fleet in fleets_of(plan):
        with store_for_a_run() as store:
            fleets.append(run.simulate(fleet, store))
    for name in ("calls", "ticks", "played", "people"):
        assert getattr(alone, name) == sum(getattr(one, name) for one in fleets)
    assert alone.trouble.struck == sum(one.trouble.struck for one in fleets) > 0


def test_a_simulation_is_told_in_words(tmp_path: Path) -> None:
    """The table names what its user looks for; nothing is left behind in the folder."""
    said = songpost(tmp_path, kept(), "simulate", "--days", "1", "--faults", "hostile")

    assert (0, "") == (said.returncode, said.stderr)
    for word in ("posts", "duplicates", "lost in silence", "dearest month", "of the oracle's", "decisions replayed"):
        assert word in said.stdout
    assert all(len(line) <= 80 for line in said.stdout.splitlines())
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "where"), [(("--days", "0"), "--days"), (("--days", "1", "--accounts", "9999"), "--accounts")]
)
def test_bounds_are_named(tmp_path: Path, words: tuple[str, ...], where: str) -> None:
    """No days, or more accounts than there may be: bad usage, by name."""
    said = songpost(tmp_path, kept(), "simulate", *words)

    assert 2 == said.returncode
    assert where in said.stderr
    assert "Traceback" not in said.stderr


def test_a_live_accounts_decisions_replay_and_its_posts_are_explained(house: House) -> None:
    """After a tick the decision comes out the same, and the post's story has its candidates and its price."""
    told = house.tick()
    (action,) = [one for one in told["actions"] if one["state"] == "sent"]

    replayed = json.loads(house.run("replay", "--json"))
    story = json.loads(house.run("explain", action["key"], "--json"))
    in_words = house.run("explain", action["key"])

    assert 1 <= replayed["decisions"]
    assert [] == replayed["differences"]
    assert "all come out the same" in house.run("replay", "--since", "2026-11-01")
    assert 1 == sum(one["chosen"] for one in story["candidates"])
    assert action["post_id"] in in_words
    assert all(len(line) <= 80 for line in in_words.splitlines())


def test_what_nobody_knows_is_named(house: House) -> None:
    """A time that is none is bad usage; a key without an action is refused."""
    assert "--since" in house.run("replay", "--since", "yesterday", code=2)
    assert "post/2026-11-25/noon/9" in house.run("explain", "post/2026-11-25/noon/9", code=1)
