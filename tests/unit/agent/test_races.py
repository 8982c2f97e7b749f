"""What another process does while this one waits for X."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from songpost.agent import ledger
from songpost.agent.reconcile import TimelineRead, judged
from songpost.agent.transitions import Outcome
from songpost.errors import NotSent
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.rules import Rules
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Post, State
from songpost.money_settings import Budget
from songpost.settings import Schedule
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import KEY, SETTINGS, START, Crash, World, whole


class Meanwhile:
    """Lets something happen once, when a request of a method comes: before it is passed on, or after the answer."""

    def __init__(self, inner: Transport, method: str, happens: Callable[[], object], *, after: bool) -> None:
        self._inner, self._method, self._happens, self._after = inner, method, happens, after

    def send(self, request: Request) -> Response:
        """Pass on, with what happens meanwhile."""
        now = request.method == self._method and "/tweets" in request.url
        if now and not self._after:
            self._happens()
        answer = self._inner.send(request)
        if now and self._after:
            self._happens()
        return answer


def test_a_post_made_while_another_tick_reads_the_past_is_not_the_owners(world: World) -> None:
    """Two first ticks: what one posts is not taken for a post by hand by the other, which reads the past later.

    Its answer is lost, so only the timeline can tell; were it held for the owner's, it would look absent.
    """
    world.fault("answer lost")
    world.wrap_wire = lambda wire: Meanwhile(wire, "GET", lambda: whole(world).tick(), after=False)
    world.tick()
    world.later(minutes=4)
    whole(world).tick()

    assert 1 == len(world.posts())
    assert State.SENT is world.action().state
    assert [False] == [mark.by_hand for mark in world.account().snapshot.timeline.latest]


def test_a_look_is_paid_although_its_attempt_was_settled_meanwhile(world: World) -> None:
    """A process wakes and says "not sent" while another reads the timeline for it: X bills that read, so it counts.

    What was sent since stays in the memory of texts.
    """
    world.with_settings(schedule=type(world.settings.schedule)(windows={"noon": ("10:00", "13:00")}))
    world.later(minutes=45)

    def dies() -> None:
        raise Crash

    world.wrap_wire = lambda wire: Meanwhile(wire, "POST", dies, after=False)
    with suppress(Crash):
        world.tick()
    world.sandbox.actors.post("songpost", "By hand, in between.")
    world.later(minutes=4)
    attempt = world.action().attempts[0]
    held: list[int | None] = []

    def wakes() -> None:
        session = whole(world).session()
        error = NotSent("no time was left", where="POST /2/tweets", mend="try again later")
        ledger.record(
            session.desk, session.open(), KEY, Outcome(attempt_id=attempt.id, at=world.clock.now(), error=error)
        )
        session.close()
        held.append(world.action().attempts[0].settled_micros)
        world.later(minutes=6)
        world.tick()

    world.wrap_wire = lambda wire: Meanwhile(wire, "GET", wakes, after=True)
    world.tick()

    settled = world.action().attempts[0]
    assert 0 == settled.held_reads
    assert [50_000] == held, "while the look is under way its money is not free"
    assert ("not sent", 1, 5_000) == (settled.outcome, settled.resources, settled.settled_micros)
    assert world.bill_micros <= world.spent_micros()
    assert State.SENT is world.action().state
    assert 1 == len(world.account().snapshot.fingerprints.entries)


def harsh_world(folder: Path, lag_seconds: float = 0.0) -> World:
    """A world whose window stays open; X charges full price, takes the same words twice, and may show posts late."""
    clock = VirtualClock(START)
    rules = Rules(owns_app=False, duplicate_window_seconds=0.0, visibility_lag_seconds=lag_seconds)
    world = World(folder, clock, Sandbox(clock=clock, rules=rules), settings=SETTINGS)
    world.with_settings(schedule=Schedule(windows={"noon": ("10:00", "13:00")}))
    world.later(minutes=45)
    return world


def dies() -> None:
    """What a process does that is killed."""
    raise Crash


def test_a_look_counts_for_when_x_was_asked(tmp_path: Path) -> None:
    """A process is frozen with what X showed after four minutes, and wakes after eleven: that is no late look.

    X shows the post after nine minutes, so that what was seen before says nothing.
    """
    world = harsh_world(tmp_path, lag_seconds=540)
    world.fault("answer lost")
    world.tick()
    world.later(minutes=4)

    def sleeps() -> None:
        whole(world).tick()
        world.later(minutes=7)

    world.wrap_wire = lambda wire: Meanwhile(wire, "GET", sleeps, after=True)
    world.tick()
    assert (1, 2) == (world.creates(), world.action().attempts[0].reads)
    world.later(minutes=9)
    world.tick()

    assert 1 == len(world.posts())
    assert State.SENT is world.action().state


def test_one_look_that_does_not_show_it_makes_nothing_absent(tmp_path: Path) -> None:
    """X shows a post after a quarter of an hour: a look after eleven minutes misses it, the next one finds it."""
    world = harsh_world(tmp_path, lag_seconds=900)
    world.fault("answer lost")
    world.tick()
    for minutes in (11, 5):
        world.later(minutes=minutes)
        world.tick()

    assert (1, State.SENT) == (world.creates(), world.action().state)


def test_two_looks_at_once_count_as_one(tmp_path: Path) -> None:
    """Two ticks look at the same moment: X had no time to show a late post between them."""
    world = harsh_world(tmp_path, lag_seconds=1_000)
    world.fault("answer lost")
    world.tick()
    world.later(minutes=11)
    world.wrap_wire = lambda wire: Meanwhile(wire, "GET", lambda: whole(world).tick(), after=False)
    world.tick()

    attempt = world.action().attempts[-1]
    assert (2, 1) == (attempt.reads, attempt.absent_reads)
    assert 1 == world.creates()


@pytest.mark.parametrize("fails", ["it does not come whole", "it shows a stranger"])
def test_a_look_that_does_not_count_concludes_nothing(tmp_path: Path, fails: str) -> None:
    """Two looks counted before ten minutes were over: one that fails later, or shows a stranger, concludes nothing."""
    world = harsh_world(tmp_path)
    world.fault("reset")
    world.tick()
    action, later = world.action(), world.clock.now() + timedelta(minutes=15)
    counted = replace(action.attempts[-1], reads=2, absent_reads=2, read_at=later - timedelta(minutes=9))
    stranger = Post(id="9" * 19, text="By hand.", created_at=later)
    alone = TimelineRead(posts=(), complete=True, read_at=later, resources=0)
    seen = replace(alone, posts=(stranger,)) if fails == "it shows a stranger" else replace(alone, complete=False)

    assert State.UNKNOWN is judged(replace(action, attempts=(counted,)), seen, frozenset(), later).state
    assert State.PLANNED is judged(replace(action, attempts=(counted,)), alone, frozenset(), later).state


def test_looks_that_die_with_their_answer_have_used_what_was_booked(tmp_path: Path) -> None:
    """Each of three looks is billed five posts and dies: two are the attempt's own, the third is booked by itself."""
    world = harsh_world(tmp_path)
    world.fault("reset")
    world.tick()
    for look in range(3):
        for number in range(5):
            world.sandbox.actors.post("songpost", f"By hand, {look} and {number}.")
        world.later(minutes=4)
        world.wrap_wire = lambda wire: Meanwhile(wire, "GET", dies, after=True)
        with suppress(Crash):
            world.tick()
        whole(world)

    assert 10 == world.action().attempts[-1].resources
    assert 10_000 + 15 * 5_000 == world.bill_micros
    assert world.bill_micros <= world.spent_micros()


def test_an_action_whose_looks_all_die_waits_for_a_person(tmp_path: Path) -> None:
    """Its sender dies, its paid looks die too, and there is no money for another: it is unknown, and says why."""
    world = harsh_world(tmp_path)
    world.with_settings(budget=Budget(usd_per_month=Decimal("0.08"), usd_per_day=None, burst_days=None))
    world.wrap_wire = lambda wire: Meanwhile(wire, "POST", dies, after=True)
    with suppress(Crash):
        world.tick()
    for _ in range(3):
        world.later(minutes=4)
        world.wrap_wire = lambda wire: Meanwhile(wire, "GET", dies, after=True)
        with suppress(Crash):
            world.tick()

    assert 3 == len(world.sandbox.requests("GET /2/users/:id/tweets")), "the past, and two looks"
    assert (State.UNKNOWN, "its lease was over before an answer came") == (world.action().state, world.action().reason)


def test_a_late_answer_leaves_the_look_under_way_paid(tmp_path: Path) -> None:
    """A look finds the post, its frozen sender wakes and says so first, and the looking process dies: X bills both."""
    world = harsh_world(tmp_path)
    world.wrap_wire = lambda wire: Meanwhile(wire, "POST", dies, after=True)
    with suppress(Crash):
        world.tick()
    world.later(minutes=4)

    def wakes() -> None:
        session = whole(world).session()
        attempt, sent = world.action().attempts[0], world.sandbox.posts()[0]
        outcome = Outcome(attempt_id=attempt.id, at=world.clock.now(), post=Post(id=sent.id, text=sent.text))
        ledger.record(session.desk, session.open(), KEY, outcome)
        session.close()
        raise Crash

    world.wrap_wire = lambda wire: Meanwhile(wire, "GET", wakes, after=True)
    with suppress(Crash):
        world.tick()

    assert State.SENT is world.action().state
    assert world.bill_micros <= world.spent_micros()


def test_a_look_that_x_limits_gives_back_what_it_had(tmp_path: Path) -> None:
    """A 429 is certainly not billed: both looks that were booked with the attempt are still to be had."""
    world = harsh_world(tmp_path)
    world.fault("reset")
    world.tick()
    world.later(minutes=4)
    world.fault("rate limited", endpoint="GET /2/users/:id/tweets")
    world.tick()

    attempt = world.action().attempts[-1]
    assert (0, 0) == (attempt.reads, attempt.resources)


def test_an_action_in_flight_is_left_to_its_process(tmp_path: Path) -> None:
    """A tick beside a call that is under way asks X nothing, and uses up none of the looks that are paid for later."""
    world = harsh_world(tmp_path)
    world.wrap_wire = lambda wire: Meanwhile(wire, "POST", lambda: whole(world).tick(), after=True)
    world.tick()

    assert 1 == len(world.sandbox.requests("GET /2/users/:id/tweets")), "the past was read, and nothing since"
    assert 0 == world.action().attempts[-1].reads
    assert State.SENT is world.action().state
