"""The owner's changes to the plan: what they do to slots and actions, what X gets, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from songpost.account_documents import Slot
from songpost.agent import approvals, plan_changes
from songpost.errors import NotFound, Refusal, UsageError
from songpost.model import Action, State, Text, ThreadStep
from songpost.settings import Approval, Consent, PerKind, Schedule
from tests.unit.agent.conftest import KEY, START, World
from tests.unit.agent.test_measuring import put

MORNING = START - timedelta(hours=4)
"""07:59 of the slot's day, before its window opens at ten."""
FAIR = Text(id="", topic="", variants=("We are at the fair all day.",))


@pytest.fixture
def morning(world: World) -> World:
    """The morning of the slot's day."""
    world.clock.set(MORNING)
    return world


def changed(world: World, change: Callable[..., Action | Slot], *words: object) -> Action | Slot:
    """A change of the owner's, in a process of its own."""
    session = world.session()
    try:
        return change(session.desk, session.open(), session.given.texts, *words, by="ana")
    finally:
        session.close()


def at(hour: int, minute: int = 0, day: int = 25) -> datetime:
    """A time of the slot's day."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def slots(world: World) -> dict[str, Slot]:
    """The slots of the day as the store has them."""
    return {slot.key: slot for slot in world.account().snapshot.plans["2026-11-25"].slots}


def test_a_skipped_slot_is_abandoned_and_its_place_stays_empty(morning: World) -> None:
    """It ends in the ledger with who skipped it; neither this day's ticks nor new settings put another in its place."""
    changed(morning, plan_changes.skip, KEY)
    morning.with_settings(minimum_gap_minutes=20)
    morning.clock.set(START)
    morning.tick()

    assert (State.ABANDONED, "skipped by ana") == (morning.action().state, morning.action().reason)
    assert 0 == morning.creates()
    assert [KEY] == list(slots(morning))
    with pytest.raises(Refusal, match="it is skipped"):
        changed(morning, plan_changes.skip, KEY)


def test_a_moved_slot_goes_out_at_its_new_time(morning: World) -> None:
    """Within its window the arm stays the learner's; not a minute before the new time does it go out."""
    morning.tick()
    changed(morning, plan_changes.move, KEY, at(11, 40))
    morning.with_settings(minimum_gap_minutes=20)
    morning.clock.set(at(11, 39))
    morning.tick()
    assert 0 == morning.creates()
    morning.clock.set(at(11, 40))
    morning.tick()

    assert 1 == morning.creates()
    assert morning.action().arm is not None
    assert "moved by ana" in slots(morning)[KEY].note


def test_out_of_its_window_a_slot_teaches_nothing(morning: World) -> None:
    """The learner did not choose that hour: the post goes out without an arm, until an hour after its time."""
    changed(morning, plan_changes.move, KEY, at(15))
    moved = slots(morning)[KEY]
    morning.clock.set(at(15, 30))
    morning.tick()

    assert (None, at(16)) == (moved.arm, moved.closes_at)
    assert 1 == morning.creates()
    assert {} == morning.account().snapshot.measuring.posts


def test_a_proposal_moves_too(morning: World) -> None:
    """A slot that waits for a word already keeps it at its new time; nothing but the time is another."""
    morning.with_settings(approval=Approval(post=Consent.ASK))
    morning.tick()
    session = morning.session()
    approvals.approve(session.desk, session.open(), KEY, by="ana")
    session.close()
    changed(morning, plan_changes.move, KEY, at(14))
    morning.clock.set(at(14))
    morning.tick()

    assert 1 == morning.creates()
    assert State.SENT is morning.action().state


def test_a_proposal_is_skipped_too(morning: World) -> None:
    """A slot that waits for a word is abandoned where it is skipped."""
    morning.with_settings(approval=Approval(post=Consent.ASK))
    morning.tick()
    changed(morning, plan_changes.skip, KEY)

    assert State.ABANDONED is morning.action().state
    assert {} == morning.account().stored


def test_a_pinned_post_goes_out_beside_the_plan(morning: World) -> None:
    """It has a key and a window of its own, X gets its text, and the learner hears nothing of it."""
    slot = changed(morning, plan_changes.pin, at(8, 30), FAIR)
    morning.clock.set(at(8, 31))
    morning.tick()

    assert "post/2026-11-25/pinned/1" == slot.key
    assert [FAIR.variants[0]] == morning.posts()
    assert {} == morning.account().snapshot.measuring.posts
    morning.clock.set(START)
    morning.tick()
    assert 2 == morning.creates()


def test_a_pin_for_another_day_is_kept_with_its_plan(morning: World) -> None:
    """Tomorrow's plan is made and saved with the pin in it, and is still there when tomorrow's ticks come."""
    slot = changed(morning, plan_changes.pin, at(14, day=26), FAIR)
    morning.clock.set(at(14, 5, day=26))
    morning.tick()

    assert "post/2026-11-26/pinned/1" == slot.key
    assert FAIR.variants[0] in morning.posts()


def test_a_pinned_text_of_the_library_counts_as_used(morning: World) -> None:
    """By its id, in the wording that was not used for longest, with the thread that follows it."""
    wordings = ("Mulch, and wait for snow.", "Cover the beds before the frost comes.")
    text = Text(id="m", topic="gardening", variants=wordings, threads=((), (ThreadStep(text="With straw, not bark."),)))
    morning.texts = (*morning.texts, text)
    found = morning.account().snapshot.fingerprints
    put(morning, "fingerprints", replace(found, used={"m/0": "2026-11-20"}))
    session = morning.session()
    wanted = plan_changes.of_library(session.given.texts, "m")
    with pytest.raises(NotFound):
        plan_changes.of_library(session.given.texts, "n")
    session.close()
    slot = changed(morning, plan_changes.pin, at(8, 30), wanted)

    assert isinstance(slot, Slot)
    assert ("m", 1, wordings[1], 1) == (slot.content_id, slot.variant, slot.text, len(slot.thread))


@pytest.mark.parametrize(
    ("time", "text", "says"),
    [
        (at(7), FAIR, "is past"),
        (at(10, 1), Text(id="", topic="", variants=("",)), "rule empty"),
        (at(14), Text(id="", topic="", variants=("Rye wants more water than you thought.",)), "duplicate"),
    ],
)
def test_what_cannot_be_pinned(morning: World, time: datetime, text: Text, says: str) -> None:
    """A time that is past, and a text that breaks a rule or is too much like another, are refused by name."""
    session = morning.session()
    morning.with_settings(schedule=Schedule(windows={"late": ("20:00", "21:00")}))
    session.close()
    from songpost.core import similarity

    found = morning.account().snapshot.fingerprints
    entry = similarity.entry("Rye wants more water than you think.", MORNING)
    put(morning, "fingerprints", replace(found, entries=(entry,)))
    with pytest.raises(Refusal, match=says):
        changed(morning, plan_changes.pin, time, text)


def test_posts_keep_their_distance(morning: World) -> None:
    """Neither a pin nor a move comes nearer to another post than the settings say; by hand counts too."""
    morning.tick()
    due = slots(morning)[KEY].due_at
    with pytest.raises(Refusal, match=f"less than 30 minutes from {KEY}"):
        changed(morning, plan_changes.pin, due + timedelta(minutes=29), FAIR)
    changed(morning, plan_changes.pin, due + timedelta(minutes=30), FAIR)
    with pytest.raises(Refusal, match="pinned/1"):
        changed(morning, plan_changes.move, KEY, due + timedelta(minutes=1))
    from songpost.account_documents import PostMark, Timeline

    mark = PostMark(id="9", posted_at=at(7, 50), by_hand=True)
    put(morning, "timeline", Timeline(newest_id="9", read_at=at(7, 58), latest=(mark,)))
    with pytest.raises(Refusal, match="from the post 9"):
        changed(morning, plan_changes.pin, at(8, 10), FAIR)


def test_a_full_day_takes_no_pin(morning: World) -> None:
    """With `max_per_day` of one the owner has to skip the planned post first."""
    morning.with_settings(max_per_day=1)
    with pytest.raises(Refusal, match="the day has 1 of at most 1 posts"):
        changed(morning, plan_changes.pin, at(14), FAIR)
    changed(morning, plan_changes.skip, KEY)
    changed(morning, plan_changes.pin, at(14), FAIR)
    morning.clock.set(at(14, 5))
    morning.tick()

    assert [FAIR.variants[0]] == morning.posts()


def test_what_cannot_be_moved(morning: World) -> None:
    """Past, out of the day, sent, over, unknown or no key at all: each is refused by name, and nothing changes."""
    morning.with_settings(max_per_window=PerKind(post=1))
    for time, says in ((at(7), "is past"), (at(9, day=26), "outside of the day 2026-11-25")):
        with pytest.raises(Refusal, match=says):
            changed(morning, plan_changes.move, KEY, time)
    with pytest.raises(NotFound, match="no such slot"):
        changed(morning, plan_changes.move, "post/2026-11-25/noon/7", at(15))
    with pytest.raises(NotFound, match="no such slot"):
        changed(morning, plan_changes.move, "post/2026-11-01/noon/1", at(15))
    with pytest.raises(UsageError, match="no slot's key"):
        changed(morning, plan_changes.skip, "noon")
    morning.clock.set(START)
    morning.fault("answer lost")
    morning.tick()
    with pytest.raises(Refusal, match="it is unknown: X may have it"):
        changed(morning, plan_changes.skip, KEY)
    morning.later(minutes=4)
    morning.tick()
    with pytest.raises(Refusal, match="it has ended: it is sent"):
        changed(morning, plan_changes.move, KEY, at(15))


@pytest.mark.parametrize(
    ("words", "zone", "expected"),
    [
        ("10:15", "UTC", at(10, 15)),
        ("10:15", "Europe/Berlin", at(9, 15)),
        ("2026-11-26T10:15", "Europe/Berlin", at(9, 15, day=26)),
        ("2026-11-26T10:15+05:00", "Europe/Berlin", at(5, 15, day=26)),
    ],
)
def test_times_are_local_unless_they_say(words: str, zone: str, expected: datetime) -> None:
    """A person writes local times; one with a zone is what it says."""
    assert expected == plan_changes.time_of(words, date(2026, 11, 25), zone)


@pytest.mark.parametrize(
    ("words", "says"),
    [("noon", "is no time"), ("25:00", "is no time"), ("2026-03-29T02:30", "leave 2026-03-29T02:30 out")],
)
def test_times_that_are_none(words: str, says: str) -> None:
    """What is no time, and a local time that the clocks leave out, are refused."""
    with pytest.raises(UsageError, match=says):
        plan_changes.time_of(words, date(2026, 11, 25), "Europe/Berlin")
