"""`actions delete`: its posts go from X, newest first, once, each booked like any write."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from songpost.agent import control, deleting
from songpost.agent.writing import Step
from songpost.core.admission import Admitted, Refused
from songpost.errors import NotFound, Refusal
from songpost.model import Action, Kind, State, Text, ThreadStep
from songpost.settings import Stage
from songpost.store.port import PutAction
from tests.unit.agent.conftest import KEY, Crash, World, breaking, whole

DELETE_MICROS = 10_000
"""X's price of a delete since 2026-04-20."""
ENDPOINT = "DELETE /2/tweets/:id"


@pytest.fixture
def posted(world: World) -> World:
    """A world with one post on X."""
    world.tick()
    return world


@pytest.fixture
def thread(world: World) -> World:
    """A world with a thread of three posts on X."""
    steps = (ThreadStep(text="Second, wait for the frost."), ThreadStep(text="Third, eat the leeks."))
    world.texts = (Text(id="t", topic="gardening", variants=("First, sow the leeks.",), threads=(steps,)),)
    world.with_settings(topics=("gardening",))
    world.tick()
    assert 3 == len(world.action().post_ids)
    return world


def delete(world: World, key: str = KEY) -> Sequence[Step]:
    """A person's word, in a process of its own."""
    session = world.session()
    try:
        return deleting.delete(session.desk, session.open(), session.hand, key, by="ana")
    finally:
        session.close()


def asked(world: World) -> list[str]:
    """The ids of the deletes that reached X, in their order."""
    return [request.path.rpartition("/")[2] for request in world.sandbox.requests() if request.method == "DELETE"]


def deletes(world: World) -> list[Action]:
    """The deletes of the ledger, oldest first."""
    session = world.session()
    found = [stored.action for stored in session.store.actions("default", kind=Kind.DELETE)]
    session.close()
    return sorted(found, key=lambda action: action.key)


def test_a_post_is_deleted_once_and_booked(posted: World) -> None:
    """X shows it no more, the ledger has the delete and its price, and a second word calls X no more."""
    spent, post_id = posted.spent_micros(), posted.action().post_id
    delete(posted)

    assert [] == posted.posts()
    assert [post_id] == asked(posted)
    assert spent + DELETE_MICROS == posted.spent_micros()
    assert [State.SENT] == [action.state for action in deletes(posted)]
    assert posted.clock.now() == posted.action().deleted_at
    assert State.SENT is posted.action().state
    assert f"deleted by ana: {post_id}" == posted.action().history[-1].note
    assert {} == posted.account().snapshot.measuring.posts
    with pytest.raises(Refusal, match="were deleted at"):
        delete(posted)
    assert [post_id] == asked(posted)


def test_a_thread_goes_newest_first(thread: World) -> None:
    """All of its posts go, the last one first, each with a booking of its own."""
    ids = thread.action().post_ids
    delete(thread)

    assert list(reversed(ids)) == asked(thread)
    assert [] == thread.posts()
    assert 3 == len(deletes(thread))


def test_a_refused_delete_stops_the_thread(thread: World) -> None:
    """Where X refuses one, older posts stay: the thread still reads from its start, and says nothing of deletion."""
    thread.fault("status", ENDPOINT, status=403, when="before", shape="problem")
    steps = delete(thread)

    assert [State.REFUSED] == [step.action.state for step in steps]
    assert 3 == len(thread.posts())
    assert thread.action().deleted_at is None
    assert [State.SENT] * 3 == [step.action.state for step in delete(thread)]
    assert [] == thread.posts()
    assert 4 == len(deletes(thread))


def test_a_post_that_is_gone_is_done(posted: World) -> None:
    """What the owner deleted by hand counts as deleted."""
    posted.fault("status", ENDPOINT, status=404, when="before", shape="problem")
    steps = delete(posted)

    assert [State.SENT] == [step.action.state for step in steps]
    assert posted.action().deleted_at is not None


def test_a_delete_without_an_answer_is_done_once_more(posted: World) -> None:
    """The writer's next tick repeats it, booked anew, and the word given again finds it done."""
    posted.fault("answer lost", ENDPOINT)
    assert [State.UNKNOWN] == [step.action.state for step in delete(posted)]
    posted.later(minutes=4)
    posted.tick()

    assert [State.SENT] == [action.state for action in deletes(posted)]
    assert 2 == len(asked(posted))
    delete(posted)
    assert 2 == len(asked(posted))
    assert posted.action().deleted_at is not None
    assert [] == posted.posts()


def test_a_429_is_left_to_the_next_tick(posted: World) -> None:
    """Nothing is lost: the tick after the limit's reset deletes it."""
    posted.fault("status", ENDPOINT, status=429, when="before", shape="problem")
    steps = delete(posted)
    assert [State.PLANNED] == [step.action.state for step in steps]
    assert 1 == len(posted.posts())
    posted.later(minutes=16)
    posted.tick()

    assert [] == posted.posts()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 5))
def test_a_crash_at_any_step_is_made_good(posted: World, step: int, *, after: bool) -> None:
    """Killed before or after any commit or call: the word given again ends with the post gone and the ledger right."""
    breaking(posted, step, after=after)
    with suppress(Crash):
        delete(posted)
    whole(posted)
    posted.later(minutes=4)
    with suppress(Refusal):
        delete(posted)

    assert [] == posted.posts()
    assert posted.action().deleted_at is not None
    assert posted.bill_micros <= posted.spent_micros()


def test_the_gates_hold_for_deletes(posted: World) -> None:
    """Paused, or in the stage `dry`, X hears of no delete; neither waits for an approval."""
    session = posted.session()
    control.pause(session.desk, "holidays", "ana")
    session.close()
    (step,) = delete(posted)
    assert isinstance(step.decision, Refused)
    assert "control" == step.decision.gate
    session = posted.session()
    control.resume(session.desk, "ana")
    session.close()
    posted.with_settings(stage=Stage.DRY)
    delete(posted)
    assert [] == asked(posted)
    posted.with_settings(stage=Stage.ASK)
    delete(posted)
    assert 1 == len(asked(posted))


def test_a_dry_delete_says_what_it_would_cost(thread: World) -> None:
    """Each post with its price and its gates; nothing is called or written."""
    before = thread.account()
    session = thread.session(dry_run=True)
    steps = deleting.foretell(session.store, session.open(), KEY, thread.clock.now(), lambda: "attempt")
    session.close()

    assert [DELETE_MICROS] * 3 == [
        step.decision.quote.worst_micros for step in steps if isinstance(step.decision, Admitted)
    ]
    assert [] == asked(thread)
    assert before == thread.account()


def test_what_has_been_deleted_in_part_is_not_asked_for_again(thread: World) -> None:
    """A dry run of the rest shows which posts are gone already."""
    thread.fault("status", ENDPOINT, status=403, when="before", shape="problem")
    delete(thread)
    session = thread.session()
    first = deleting.foretell(session.store, session.open(), KEY, thread.clock.now(), lambda: "attempt")[0]
    session.close()
    assert isinstance(first.decision, Admitted)
    newest = deletes(thread)[0]
    assert newest.key.endswith("/1")
    assert first.action.key.endswith("/2")


def test_what_cannot_be_deleted(world: World) -> None:
    """What is unknown, not on X, or still open is refused by name."""
    with pytest.raises(NotFound):
        delete(world)
    world.fault("answer lost")
    world.tick()
    with pytest.raises(Refusal, match="it is unknown"):
        delete(world)
    world.later(minutes=4)
    world.tick()
    session = world.session()
    stored = session.store.action("default", KEY)
    assert stored is not None

    gone = replace(stored.action, state=State.ABANDONED, post_id="")
    session.store.commit("default", [PutAction(gone, stored)], session.desk.new_id())
    session.close()
    with pytest.raises(Refusal, match="it has no post on X: it is abandoned"):
        delete(world)
