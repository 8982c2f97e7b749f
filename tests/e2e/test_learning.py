"""The learner by its commands: `read`, `settle` and `learning`, as their user runs them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import House

DUE = "2026-11-27T13:00:00+01:00"
"""Two days after the post of `tick`."""
KEY = "post/2026-11-25/noon/1"
ON_A_FILE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""For what no store can change."""
REPORTS = (["learning"], ["settle"], ["read", "--mode", "timeline"])


def posted(house: House, **metrics: int) -> str:
    """Send the day's post and let X count; its id."""
    house.tick()
    post_id = str(house.sandbox.posts[0]["id"])
    house.sandbox.ask("actors/metrics", {"id": post_id, "metrics": {"impression_count": 500, **metrics}})
    house.at(DUE)
    return post_id


def asked(house: House, *words: str) -> Any:
    """A command's JSON."""
    return json.loads(house.run(*words, "--json"))


BY_IDS = "GET /2/tweets"


def reads(house: House) -> int:
    """How many reads by id reached X."""
    return sum(request["endpoint"] == BY_IDS for request in house.sandbox.ask("requests"))


def test_settling_credits_what_the_dry_run_foretold(house: House) -> None:
    """Dry: which posts, at which price, and nothing is called. Live: just that, and the learner knows of it."""
    post_id = posted(house, like_count=9)
    live = ("settle", "--at", DUE)
    dry = asked(house, *live)
    assert 0 == reads(house)
    done = asked(house, *live, "--dry-run", "false")

    assert [(post_id, "due")] == [(one["post_id"], one["result"]) for one in dry["posts"]]
    assert [(post_id, "credited", 9, 500)] == [
        (one["post_id"], one["result"], one["engagements"], one["impressions"]) for one in done["posts"]
    ]
    assert [("read", "planned", 0.005, [post_id])] == [
        (action["kind"], action["state"], action["price_usd"], action["post_ids"])
        for action in dry["actions"]
        if action["endpoint"] == BY_IDS
    ]
    assert [("read", "sent", 0.005)] == [
        (a["kind"], a["state"], a["price_usd"]) for a in done["actions"] if a["endpoint"] == BY_IDS
    ]
    assert 1 == reads(house)
    arms = {arm["arm"]: arm for arm in asked(house, "learning", "--at", DUE)["arms"]}
    assert house.actions()[KEY]["arm"]["topic"] in {arm["topic"] for arm in arms.values() if arm["credits"] == 1}
    assert 1 == sum(arm["credits"] for arm in arms.values()) == sum(arm["sent"] for arm in arms.values())
    assert abs(1 - sum(arm["probability"] for arm in arms.values())) < 1e-9
    booked = done["budget_after"]["dollars per month"]["used"]  # of the month that it was settled in
    assert house.sandbox.ask("bill")["spent_micros"] <= round(booked * 1_000_000)


def test_parallel_readers_read_and_credit_once(house: House) -> None:
    """Four processes find the post due: one read reaches X between them, and there is one credit."""
    posted(house, like_count=9)
    words = ("settle", "--dry-run", "false", "--at", DUE, "--json")
    readers = [house.start(*words) for _ in range(4)]
    answers = [reader.communicate(timeout=120) for reader in readers]

    assert [0] * 4 == [reader.returncode for reader in readers], [err for _, err in answers]
    results = [one["result"] for out, _ in answers for one in json.loads(out)["posts"]]
    assert 1 == results.count("credited")
    assert 1 == reads(house)
    assert 1 == sum(arm["credits"] for arm in asked(house, "learning")["arms"])


@ON_A_FILE
def test_one_post_is_settled_by_its_id(house: House) -> None:
    """By its id: due, credited, and then told that its credit stands; an id that is none of ours is refused."""
    post_id = posted(house, like_count=9)
    settle = ("settle", post_id, "--at", DUE)
    assert ["due"] == [one["result"] for one in asked(house, *settle)["posts"]]
    assert ["credited"] == [one["result"] for one in asked(house, *settle, "--dry-run", "false")["posts"]]
    again = asked(house, *settle, "--dry-run", "false")

    assert "old enough for that to stand" in again["posts"][0]["reason"]
    assert 1 == reads(house)
    assert "NotFound: 1234: the ledger knows no such post" in house.run("settle", "1234", code=1)
    assert "UsageError: POST_ID" in house.run("settle", "morning/1", code=2)


@ON_A_FILE
def test_a_failed_read_says_so(house: House) -> None:
    """402: the exit code is 1, the reason stands on standard error, and the account is paused."""
    posted(house)
    house.sandbox.ask("faults", {"kind": "status", "status": 402, "when": "before", "endpoint": "GET /2/tweets"})
    said = house.run("settle", "--dry-run", "false", "--at", DUE, code=1)
    (paused,) = asked(house, "settle", "--at", "2026-11-28T13:00:00+01:00")["actions"]

    assert "CreditsDepleted" in said
    assert "control" == paused["gate"]
    assert "X answered 402" in paused["reason"]
    assert 1 == reads(house)


@ON_A_FILE
def test_what_is_piped_is_plain_and_fits_80_columns(house: House) -> None:
    """No escape codes, and no line of more than 80 columns."""
    posted(house, like_count=9)
    for words in REPORTS:
        said = house.run(*words)
        assert "\x1b" not in said
        assert [] == [line for line in said.splitlines() if len(line) > 80]
    assert "gardening|noon|text" in house.run("learning")


@ON_A_FILE
def test_learning_that_is_off_is_uniform_and_still_logs(house: House) -> None:
    """Every arm has the same chance, choices say why, and decisions and credits are kept all the same."""
    path = house.folder / "songpost.yaml"
    path.write_text(path.read_text() + "learning: {enabled: false}\n")
    posted(house, like_count=9)
    asked(house, "settle", "--dry-run", "false", "--at", DUE)
    told = asked(house, "learning", "--at", DUE)

    assert told["enabled"] is False
    assert [0.5, 0.5] == [arm["probability"] for arm in told["arms"]]
    assert ["uniform/1"] == [choice["policy_version"] for choice in told["next"]["choices"]]
    assert 1 == sum(arm["credits"] for arm in told["arms"])
