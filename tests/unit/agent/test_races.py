"""What another process does while this one waits for X."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from songpost.agent import ledger
from songpost.agent.transitions import Outcome
from songpost.errors import NotSent
from songpost.model import State
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import KEY, Crash, World, whole


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
