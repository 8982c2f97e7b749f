"""The functions' own handlers, in processes of their own: events that come at once, twice, and out of order."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from songpost.agent import audit, library
from songpost.model import State
from tests.faults.agent.conftest import Street, at
from tests.faults.agent.nursery import Killer, library_of, session_of, settings_of

EVENTS = Path(__file__).parents[3] / "events"
SCHEDULED: dict[str, Any] = json.loads((EVENTS / "writer-eventbridge.json").read_text())
"""What the schedule sends; the writer and the reader understand it alike."""


@pytest.fixture
def pushed(street: Street) -> Street:
    """A street whose store holds settings and texts, as the functions need them."""
    session = session_of(street.job, Killer(0))
    library.push(session.desk, settings_of(street.job), library_of(street.job))
    session.store.close()
    return street


def deliver(street: Street, clock: str, *functions: str, event: dict[str, Any] = SCHEDULED) -> list[dict[str, Any]]:
    """Give one event to handlers at once, at a time of both clocks; what each answered."""
    street.at(at(clock))
    running = [street.start(at=at(clock), function=function, event=event) for function in functions]
    return [street.wait(pid) for pid in running]


def test_one_event_given_to_two_writers_and_two_readers_at_once_posts_once(pushed: Street) -> None:
    """The schedule's event reaches four handlers in the same moment, then twice more, late and early: one post."""
    deliver(pushed, "09:00", "writer")
    at_once = deliver(pushed, "12:30", "writer", "writer", "reader", "reader")
    earlier = {**SCHEDULED, "time": "2026-11-22T09:00:00Z", "id": "0"}
    again = deliver(pushed, "12:31", "writer", "reader")
    late = deliver(pushed, "12:32", "writer", event=earlier)
    (action,) = pushed.actions()

    assert {0} == {one["code"] for one in (*at_once, *again, *late)}, at_once
    assert 1 == len(pushed.x.creates())
    assert pushed.shown() == pushed.sent()
    assert State.SENT is action.state
    assert [] == list(audit.broken_chains([action]))
    sent = Counter(step["state"] for one in at_once for step in one["actions"] if step.get("post_id"))
    assert 1 == sent["sent"]
    assert not [step for one in (*again, *late) for step in one["actions"]]


def test_a_pause_that_overtakes_the_event_before_it_holds(pushed: Street) -> None:
    """Events that come in the wrong order: the pause first, then the tick that was meant to go before it."""
    deliver(pushed, "09:00", "writer")
    paused = deliver(pushed, "12:31", "writer", event={"mode": "pause", "reason": "wait"})
    tick = deliver(pushed, "12:30", "writer")
    deliver(pushed, "12:33", "writer", event={"mode": "resume"})
    resumed = deliver(pushed, "12:34", "writer")

    assert [True] == [one["paused"] for one in paused]
    assert {0} == {one["code"] for one in (*paused, *tick, *resumed)}, tick
    assert 1 == len(pushed.x.creates())
    assert pushed.shown() == pushed.sent()
