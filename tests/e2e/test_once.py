"""A post goes out once, whatever is repeated, runs in parallel, or gets lost on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.e2e.conftest import NOON, House, XSandbox, leaks

KEY = "post/2026-11-25/noon/1"
SOON = "2026-11-25T12:59:30+01:00"


def widen(house: House) -> None:
    """Let the window end at 15:00, so that there is time to look twice."""
    settings = house.folder / "songpost.yaml"
    settings.write_text(settings.read_text().replace('["11:00", "13:00"]', '["11:00", "15:00"]'))


def test_a_live_tick_posts_once_and_the_next_posts_nothing(house: House) -> None:
    """The first tick sends the due slot; a second one finds it done."""
    first = house.tick()
    second = house.tick(SOON)

    assert [(KEY, "sent")] == [(a["key"], a["state"]) for a in first["actions"]]
    assert [] == second["actions"]
    assert [first["actions"][0]["post_id"]] == [post["id"] for post in house.sandbox.posts]
    assert "sent" == house.actions()[KEY]["state"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_as_its_user_runs_it(house: House) -> None:
    """The sandbox is a command too: served by one process, ticked and shown by others, it ends when it is told to."""
    served = subprocess.Popen(
        [sys.executable, "-m", "songpost.cli.main", "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert served.stdout is not None
    told = json.loads(served.stdout.readline())
    alone = replace(house, sandbox=XSandbox(told["url"], told), in_processes=True)
    alone.tick()
    alone.tick(SOON)

    assert [alone.actions()[KEY]["post_id"]] == [post["id"] for post in alone.sandbox.posts]
    assert [] == leaks(alone)
    served.terminate()
    assert "" == served.communicate(timeout=10)[0]
    assert 0 == served.returncode


def test_eight_parallel_ticks_post_once(house: House) -> None:
    """Eight processes that find the same slot due make one create between them, and one action."""
    house.at(NOON)
    ticks = [house.start("run", "--mode", "post", "--dry-run", "false", "--at", NOON, "--json") for _ in range(8)]
    answers = [tick.communicate(timeout=120) for tick in ticks]

    assert [0] * 8 == [tick.returncode for tick in ticks], [err for _, err in answers]
    assert 1 == len(house.sandbox.creates())
    assert [house.actions()[KEY]["post_id"]] == [post["id"] for post in house.sandbox.posts]


def test_a_lost_answer_is_found_in_the_timeline_not_posted_again(house: House) -> None:
    """X took the post and its answer was lost: the next tick finds it, and the ledger ends `sent` with its id."""
    house.sandbox.ask("faults", {"kind": "answer lost", "endpoint": "POST /2/tweets"})

    lost = house.tick()
    found = house.tick(SOON)

    assert ["unknown"] == [a["state"] for a in lost["actions"]]
    assert [] == found["actions"]
    assert 1 == len(house.sandbox.creates())
    action = house.actions()[KEY]
    assert ("sent", house.sandbox.posts[0]["id"]) == (action["state"], action["post_id"])


def test_a_reset_before_the_effect_is_sent_once_more_after_two_reads(house: House) -> None:
    """Nothing reached X but the client cannot know: absent twice and ten minutes on, the same bytes go out once."""
    widen(house)
    house.sandbox.ask("faults", {"kind": "reset", "endpoint": "POST /2/tweets"})
    first = house.tick("2026-11-25T14:30:00+01:00")
    states = []
    for minute in ("35", "41", "46"):
        house.tick(f"2026-11-25T14:{minute}:00+01:00")
        states.append(house.actions()[KEY]["state"])

    assert "unknown" == first["actions"][0]["state"]
    assert ["unknown", "sent", "sent"] == states
    assert 2 == len(house.sandbox.creates())
    assert [first["actions"][0]["text"]] == [post["text"] for post in house.sandbox.posts]


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_after_the_effect_is_reconciled(house: House, status: int) -> None:
    """A 5xx says nothing about the effect: the post is looked for, not repeated."""
    house.sandbox.ask("faults", {"kind": "status", "status": status, "when": "after", "endpoint": "POST /2/tweets"})
    house.tick()
    house.tick(SOON)

    assert 1 == len(house.sandbox.creates())
    assert "sent" == house.actions()[KEY]["state"]


def test_credits_depleted_pause_the_account_and_keep_the_action(house: House) -> None:
    """A 402 pauses the account with the reason; the action stays planned, and `resume` lets it go."""
    house.sandbox.ask("faults", {"kind": "status", "status": 402, "when": "before", "endpoint": "POST /2/tweets"})
    said = house.tick(code=1)
    assert "CreditsDepleted" in said
    assert "planned" == house.actions()[KEY]["state"]

    paused = house.tick(SOON)
    assert ["control"] == [a["gate"] for a in paused["actions"]]
    house.run("resume")
    house.tick("2026-11-25T12:59:50+01:00")

    assert "sent" == house.actions()[KEY]["state"]
    assert 1 == len(house.sandbox.posts)


def test_a_pause_stops_what_is_due(house: House) -> None:
    """While paused nothing is called at X; the slot is still sent once the pause is over."""
    house.run("pause", "--reason", "holidays")
    house.tick()
    assert [] == house.sandbox.ask("requests")

    house.run("resume")
    house.tick(SOON)
    assert 1 == len(house.sandbox.posts)


def test_a_process_killed_while_x_answers_is_settled_after_its_lease(house: House) -> None:
    """SIGKILL between the request and its answer: while the lease runs nobody touches it, then the post is found."""
    widen(house)
    start = "2026-11-25T14:30:00+01:00"
    house.sandbox.ask("faults", {"kind": "slow", "seconds": 20, "endpoint": "POST /2/tweets"})
    house.at(start)
    process = house.start("run", "--mode", "post", "--dry-run", "false", "--at", start)
    deadline = time.monotonic() + 30
    while not house.sandbox.creates():
        assert time.monotonic() < deadline, "the create never reached X"
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()

    house.tick("2026-11-25T14:31:00+01:00")
    assert "sending" == house.actions()[KEY]["state"]
    house.tick("2026-11-25T14:34:00+01:00")
    action = house.actions()[KEY]
    assert ("sent", house.sandbox.posts[0]["id"]) == (action["state"], action["post_id"])
    assert 1 == len(house.sandbox.creates())
