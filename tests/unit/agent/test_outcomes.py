"""What the ledger makes of every kind of answer, and what that does to money, slots and the account."""

from __future__ import annotations

import pytest

from songpost.agent import control, resolving
from songpost.agent.foretelling import foretell
from songpost.agent.ledger import record
from songpost.agent.transitions import Outcome
from songpost.agent.writing import Tick, tick
from songpost.bootstrap import new_id
from songpost.core.admission import Refused
from songpost.errors import IdentityError, NotFound, Refusal, UsageError
from songpost.model import Post, State
from tests.unit.agent.conftest import KEY, START, Crash, World, breaking, whole

ENROLMENT_MICROS = 10_000
"""One user read; the timeline of a new account returns nothing."""
CREATE_MICROS = 15_000


def gates(came_to: Tick) -> list[str]:
    """The gates that refused something."""
    return [step.decision.gate for step in came_to.steps if isinstance(step.decision, Refused)]


def test_a_post_settles_at_the_price_of_the_call(world: World) -> None:
    """The reads booked for reconciling are given back, and the ledger's sum is X's own bill."""
    world.tick()

    assert ENROLMENT_MICROS + CREATE_MICROS == world.spent_micros() == world.bill_micros
    assert State.SENT is world.action().state
    assert CREATE_MICROS == world.action().attempts[0].settled_micros


def test_a_rate_limit_holds_the_action_back_and_gives_everything_back(world: World) -> None:
    """A 429 is not billed: money, count and fingerprint are free again, and the action waits for the reset."""
    world.fault("rate limited")
    world.tick()

    action, account = world.action(), world.account()
    assert State.PLANNED is action.state
    assert action.retry_at is not None
    assert action.retry_at > START
    assert ENROLMENT_MICROS == world.spent_micros()
    assert () == account.snapshot.fingerprints.entries
    assert 0 == sum(account.snapshot.usage.windows.values())


def test_what_was_held_back_is_not_tried_before_its_time(world: World) -> None:
    """Until the reset nothing is called at X; the window closes first, and the action ends as abandoned."""
    world.fault("rate limited")
    world.tick()
    calls = world.sandbox.requests_seen
    world.later(seconds=30)
    world.tick()
    assert calls == world.sandbox.requests_seen

    world.later(minutes=1)
    world.tick()
    assert State.ABANDONED is world.action().state
    assert "window was over" in world.action().reason


@pytest.mark.parametrize(("status", "shape"), [(403, "problem"), (400, "errors"), (404, "problem")])
def test_a_refusal_of_x_ends_the_action_and_counts_as_spent(world: World, status: int, shape: str) -> None:
    """X does not say whether it bills a refused create, so the ledger counts it."""
    world.fault("status", status=status, when="before", shape=shape)
    world.tick()

    assert State.REFUSED is world.action().state
    assert "X" == world.action().gate
    assert ENROLMENT_MICROS + CREATE_MICROS == world.spent_micros()


@pytest.mark.parametrize("status", [401, 402])
def test_a_blocked_account_pauses_itself_and_keeps_the_action(world: World, status: int) -> None:
    """401 and 402 say that nothing will work: the action stays planned, the reason stands in the control document."""
    world.fault("status", status=status, when="before")
    if status == 401:
        world.fault("status", status=status, when="before")
    came_to = world.tick()

    assert came_to.stopped is not None
    assert State.PLANNED is world.action().state
    assert world.account().snapshot.control.paused


def test_an_open_outcome_keeps_everything_booked(world: World) -> None:
    """While nobody knows, the worst price, the window's count and the fingerprint stay."""
    world.fault("answer lost")
    world.tick()

    assert State.UNKNOWN is world.action().state
    assert ENROLMENT_MICROS + CREATE_MICROS + 50_000 == world.spent_micros()
    assert 1 == sum(world.account().snapshot.usage.windows.values())
    assert 1 == len(world.account().snapshot.fingerprints.entries)


def test_a_found_post_settles_with_the_price_of_the_look(world: World) -> None:
    """The read that found it is paid at the unproven price; what it did not need is given back."""
    world.fault("answer lost")
    world.tick()
    world.later(seconds=20)
    world.tick()

    assert State.SENT is world.action().state
    assert ENROLMENT_MICROS + CREATE_MICROS + 5_000 == world.spent_micros()
    assert world.bill_micros <= world.spent_micros()


def test_absent_twice_after_the_window_is_abandoned(world: World) -> None:
    """Nothing reached X and the window is over: the ledger says so, and nothing is sent late."""
    world.fault("reset")
    world.tick()
    for _ in range(4):
        world.later(minutes=6)
        world.tick()

    assert State.ABANDONED is world.action().state
    assert 1 == world.creates()
    assert [] == world.posts()


def test_a_post_that_nobody_can_account_for_keeps_the_outcome_open(world: World) -> None:
    """The owner posted by hand meanwhile: X may show our text otherwise, so it is not taken for absent."""
    world.fault("reset")
    world.tick()
    world.sandbox.actors.post("songpost", "Something that I wrote by hand just now.")
    for _ in range(12):
        world.later(minutes=30)
        world.tick()

    assert State.UNKNOWN is world.action().state
    assert 1 == world.creates()


def test_a_persons_word_closes_an_unknown_action(world: World) -> None:
    """`--lost` abandons it, spent; it never goes out again."""
    world.fault("reset")
    world.tick()
    session = world.session()
    after = resolving.resolve(session.desk, session.open(), KEY, post_id="", by="ana")
    session.close()
    world.later(seconds=20)
    world.tick()

    assert State.ABANDONED is after.state
    assert "ana says it is not on X" == world.action().reason
    assert 1 == world.creates()
    assert ENROLMENT_MICROS + CREATE_MICROS == world.spent_micros()


def test_a_persons_word_can_name_the_post(world: World) -> None:
    """`--sent ID` records the post."""
    world.fault("answer lost")
    world.tick()
    session = world.session()
    after = resolving.resolve(session.desk, session.open(), KEY, post_id="1234567890", by="ana")
    session.close()

    assert (State.SENT, "1234567890") == (after.state, after.post_id)


def test_only_an_open_outcome_can_be_resolved(world: World) -> None:
    """A sent action, an unknown key and a word that is no id are refused by name."""
    world.tick()
    session = world.session()
    with pytest.raises(NotFound):
        resolving.resolve(session.desk, session.open(), KEY, post_id="", by="ana")
    with pytest.raises(UsageError):
        resolving.resolve(session.desk, session.open(), KEY, post_id="https://x.com/1", by="ana")
    session.close()


def test_an_action_in_flight_cannot_be_resolved(world: World) -> None:
    """While its lease runs, a tick is at work on it."""
    with pytest.raises(Crash):
        breaking(world, 9, after=False).tick()
    whole(world)
    assert State.SENDING is world.action().state
    session = world.session()
    with pytest.raises(Refusal, match="not open"):
        resolving.resolve(session.desk, session.open(), KEY, post_id="", by="ana")
    session.close()


def test_a_late_answer_is_recorded_whatever_was_decided_meanwhile(world: World) -> None:
    """A process frozen past its lease wakes with an answer: the truth is taken in from `abandoned` too."""
    world.fault("reset")
    world.tick()
    attempt_id = world.action().attempts[0].id
    session = world.session()
    resolving.resolve(session.desk, session.open(), KEY, post_id="", by="ana")
    record(
        session.desk,
        session.open(),
        KEY,
        Outcome(attempt_id=attempt_id, at=world.clock.now(), post=Post(id="77", text="")),
    )
    session.close()

    assert (State.SENT, "77") == (world.action().state, world.action().post_id)


def test_credentials_of_another_user_are_refused(world: World) -> None:
    """A store belongs to one X user: another account's keys stop the tick before anything is sent."""
    world.tick()
    world.sandbox.add_account("stranger")
    told = world.sandbox.credentials("stranger")
    world.later(days=1)
    session = world.session()
    session.environ = {
        **session.environ,
        "X_ACCESS_TOKEN": told.access_token,
        "X_ACCESS_SECRET": told.access_secret,
    }
    with pytest.raises(IdentityError, match="@songpost"):
        tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
    session.close()
    assert 1 == world.creates()


def test_a_clock_that_is_off_x_pauses_before_anything_is_sent(world: World) -> None:
    """More than 120 s off X's `Date`: the first read tells, the account pauses, no create goes out."""
    world.fault("clock skew", endpoint="GET /2/users/me", seconds=300)
    came_to = world.tick()

    assert came_to.stopped is not None
    assert "ClockError" == came_to.stopped.name
    assert 0 == world.creates()
    assert world.account().snapshot.control.paused


def test_a_clock_behind_the_store_is_refused(world: World) -> None:
    """A clock that is behind the newest stored event admits nothing."""
    world.tick()
    world.with_settings(max_per_window=type(world.settings.max_per_window)(post=2), minimum_gap_minutes=0)
    world.later(minutes=-5)

    assert ["control"] == gates(world.tick())
    assert 1 == world.creates()


def test_the_past_of_an_account_guards_against_repeats(world: World) -> None:
    """What the account had posted before Songpost came is read once: none of those texts goes out again."""
    for text in (
        "Mulch after rain, not before it.",
        "Rye wants more water than you think.",
        "Leeks do not mind frost & wait in the ground <all winter>.",
    ):
        world.sandbox.actors.post("songpost", text)
    world.later(seconds=5)
    world.with_settings(minimum_gap_minutes=0)
    world.tick()

    assert "A loaf is done at 96 degrees inside." == world.action().text


def test_a_post_by_hand_keeps_its_distance(world: World) -> None:
    """The owner's own post of a moment ago holds the slot back."""
    world.sandbox.actors.post("songpost", "By hand, a minute ago.")

    assert ["schedule"] == gates(world.tick())
    assert 0 == world.creates()


def test_no_time_left_begins_nothing(world: World) -> None:
    """An invocation that is about to end books nothing."""
    world.tick(remaining=20.0)

    assert 0 == world.creates()
    assert not world.account().snapshot.actions


def test_a_pause_is_seen_by_an_admission_that_has_not_committed(world: World) -> None:
    """The switch is thrown between load and booking: the commit fails its check, and the second look refuses."""
    world.tick()
    world.later(days=1)
    session = world.session()
    account = session.open()
    other = world.session()
    control.pause(other.desk, "holidays", "ana")
    other.close()
    came_to = tick(session.desk, account, session.hand, session.given.texts, lambda: 900.0)
    session.close()

    assert ["control"] == gates(came_to)
    assert 1 == world.creates()


def test_a_dry_run_foretells_what_the_live_run_does(world: World) -> None:
    """The same slot, text and arm; X is not called, the store's bytes stay, and nothing new lies beside them."""
    world.tick()
    world.later(days=1)
    before = {path.name: path.read_bytes() for path in world.folder.iterdir()}
    calls = world.sandbox.requests_seen
    session = world.session(dry_run=True)
    told = foretell(session.open(), session.given.texts, world.clock.now(), new_id)
    session.close()
    after = {path.name: path.read_bytes() for path in world.folder.iterdir()}

    assert before == after
    assert calls == world.sandbox.requests_seen
    done = world.tick()
    key = "post/2026-11-26/noon/1"
    assert [(key, told.steps[0].action.text)] == [(step.action.key, step.action.text) for step in done.steps]
    assert told.steps[0].action.arm == done.steps[0].action.arm
