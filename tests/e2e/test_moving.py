"""An account moves as a file and comes up paused; the earlier agent's past guards against repeats."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import NOON, House
from tests.e2e.test_once import KEY

DAY_AFTER = "2026-11-26T12:59:00+01:00"


def test_an_export_comes_back_paused_and_posts_nothing_twice(house: House, tmp_path: Path) -> None:
    """Source paused, copy paused; once resumed the copy goes on where the source was."""
    house.tick(NOON)
    house.run("export", "moved.jsonl", "--move")
    assert 0o600 == (house.folder / "moved.jsonl").stat().st_mode & 0o777
    copy = replace(house, store=f"sqlite:///{tmp_path}/copy.db")
    copy.run("import", "moved.jsonl")

    assert ["control"] == [action["gate"] for action in house.tick(DAY_AFTER)["actions"]]
    assert ["control"] == [action["gate"] for action in copy.tick(DAY_AFTER)["actions"]]
    assert "sent" == copy.actions()[KEY]["state"]
    copy.run("resume")
    copy.tick(DAY_AFTER)

    assert 2 == len(house.sandbox.posts)
    assert json.loads(copy.run("doctor", "--ledger", "--json"))["bad"] == 0


@pytest.mark.parametrize("cut", [1, 3])
def test_an_export_that_was_cut_off_is_refused(house: House, tmp_path: Path, cut: int) -> None:
    """A file without its end imports nothing."""
    house.tick(NOON)
    house.run("export", "whole.jsonl")
    lines = (house.folder / "whole.jsonl").read_text().splitlines(keepends=True)
    (house.folder / "cut.jsonl").write_text("".join(lines[:-cut]))
    copy = replace(house, store=f"sqlite:///{tmp_path}/copy.db")

    assert "was cut off" in copy.run("import", "cut.jsonl", code=1)
    assert {} == copy.actions()


def test_an_export_that_was_changed_is_refused(house: House, tmp_path: Path) -> None:
    """One character more or less is noticed."""
    house.tick(NOON)
    house.run("export", "whole.jsonl")
    text = (house.folder / "whole.jsonl").read_text()
    (house.folder / "changed.jsonl").write_text(text.replace('"state":"sent"', '"state":"planned"'))

    copy = replace(house, store=f"sqlite:///{tmp_path}/copy.db")
    assert "was changed" in copy.run("import", "changed.jsonl", code=1)


def test_an_account_with_a_past_takes_no_import(house: House) -> None:
    """Importing over what is there is refused."""
    house.tick(NOON)
    house.run("export", "whole.jsonl")

    assert "CommitConflict" in house.run("import", "whole.jsonl", code=1)


def test_the_earlier_agents_past_guards_against_repeats(house: House) -> None:
    """Three of the four texts were posted by the earlier agent last week: the fourth goes out."""
    database = sqlite3.connect(house.folder / "agent_unified.db")
    database.executescript(
        """
        CREATE TABLE actions (id INTEGER, post_id TEXT, kind TEXT, dt TEXT, ref_id TEXT, text TEXT, topic TEXT,
                              slot TEXT, media INTEGER, status TEXT,
                              rate_limit_remaining INTEGER, rate_limit_reset INTEGER);
        CREATE TABLE metrics (post_id TEXT, like_count INTEGER, reply_count INTEGER, retweet_count INTEGER,
                              quote_count INTEGER, impression_count INTEGER, reward REAL, last_updated TEXT);
        CREATE TABLE text_hashes (text_hash TEXT, post_id TEXT, dt TEXT, text TEXT, text_norm TEXT, created_at TEXT);
        INSERT INTO actions VALUES (1, '11', 'post', '2026-11-18T10:00:00', NULL, 'Mulch after rain, not before it.',
                                    'gardening', 'morning', 0, 'ok', NULL, NULL);
        INSERT INTO actions VALUES (2, '12', 'post', '2026-11-19T10:00:00+00:00', NULL,
                                    'Rye wants more water than you think & less kneading.', 'bread', 'morning', 0,
                                    'ok', 1, 2);
        INSERT INTO actions VALUES (3, '99', 'like', '2026-11-19T11:00:00', NULL, NULL, NULL, 'morning', 0, 'ok', 1, 2);
        INSERT INTO actions VALUES (4, '99', 'dance', '2026-11-19T11:00:00', NULL, NULL, NULL, NULL, 0, 'ok', 1, 2);
        INSERT INTO metrics VALUES ('11', 5, 1, 0, 0, 400, 0.1, '2026-11-20');
        INSERT INTO text_hashes VALUES ('x', '13', '2026-11-20T10:00:00',
                                        'A loaf is done at 96 degrees inside.', 'x', 'x');
        """
    )
    database.close()
    told = json.loads(house.run("import", "agent_unified.db", "--json"))

    assert (3, 3, 1, 1) == (told["actions"], told["texts"], told["credits"], told["left out"])
    house.run("resume")
    house.tick(NOON)
    assert ["Leeks do not mind frost, they wait in the ground."] == [post["text"] for post in house.sandbox.posts]
    assert "CommitConflict" in house.run("import", "agent_unified.db", code=1)


def test_a_bundle_tells_the_story_and_no_secret(house: House) -> None:
    """One zip file with the ledger; the house's own scan looks through it for secrets."""
    house.sandbox.ask("faults", {"kind": "answer lost", "endpoint": "POST /2/tweets"})
    house.tick(NOON)
    house.run("bundle", "incident.zip")
    with zipfile.ZipFile(house.folder / "incident.zip") as archive:
        parts = {name: json.loads(archive.read(name)) for name in archive.namelist()}
        archive.extractall(house.folder / "unpacked")

    assert ["unknown"] == [action["state"] for action in parts["actions.json"]]
    assert [] == parts["findings.json"]
    assert "X_API_KEY" in parts["about.json"]["variables"]


def test_a_changed_history_is_found(house: House) -> None:
    """A line rewritten by hand breaks the chain, and the doctor says where."""
    if not house.store.startswith("sqlite"):
        pytest.skip("the store's file is changed by hand: SQLite alone")
    house.tick(NOON)
    database = sqlite3.connect(house.folder / "data" / "songpost.db")
    with database:
        database.execute('UPDATE actions SET body = replace(body, \'"note":"planned"\', \'"note":"plotted"\')')
    database.close()

    house.run("doctor", "--ledger", "--json", code=1)
    found = [one for one in json.loads(house.said[-2])["findings"] if one["level"] == "bad"]
    assert [KEY] == [one["what"].partition(": ")[0] for one in found]
