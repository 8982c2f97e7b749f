"""One read of the own timeline settles open outcomes, measures, and tells what the owner posts by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from songpost.account_documents import Measuring
from songpost.agent import documents
from songpost.agent.events import Invocation
from songpost.agent.reading import Round
from songpost.core import similarity
from songpost.invoking import run_reader
from songpost.model import Kind, State
from songpost.settings import AppOwner, LearningSettings, Reading
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import START, TEXTS, Crash, World, whole

TIMELINE = "GET /2/users/:id/tweets"
READING = Reading(usd_per_day=Decimal(1), timeline_every_minutes=30, mentions_every_minutes=None)


@pytest.fixture
def world(world: World) -> World:
    """A world whose account owns its app, and whose reader looks at the own timeline alone."""
    owner = AppOwner(user_id=world.sandbox.credentials().user_id, attested_on=START.date())
    world.with_settings(reading=READING, app_owner=owner)
    return world


class DiesAfterCreate:
    """A wire under a process that dies before it can write down what came of its create."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    def send(self, request: Request) -> Response:
        """Pass on, and die after a create."""
        answer = self._inner.send(request)
        if request.method == "POST":
            raise Crash
        return answer


def read(world: World) -> Round:
    """One live tick of the reader over the own timeline."""
    session = world.session()
    try:
        found = run_reader(session, Invocation(mode="timeline", account="default"), lambda: 900.0)[2]
    finally:
        session.close()
    assert found is not None
    return found


def by_hand(world: World) -> list[str]:
    """Posts that the timeline document takes for the owner's own, newest first."""
    return [mark.id for mark in world.account().snapshot.timeline.latest if mark.by_hand]


def looks(world: World) -> int:
    """Reads of the own timeline so far."""
    return len(world.sandbox.requests(TIMELINE))


def test_a_post_by_hand_keeps_its_distance_and_its_words(world: World) -> None:
    """The writer holds a slot back beside it, and never says the same again."""
    world.tick()
    world.later(days=1, minutes=-20)
    text = next(text.variants[0] for text in TEXTS if text.variants[0] not in world.posts())
    own = world.sandbox.actors.post("songpost", text)
    world.later(minutes=2)
    read(world)
    snapshot = world.account().snapshot
    near = similarity.nearest(text, snapshot.fingerprints.entries)
    world.later(minutes=17)
    world.tick()

    assert [own.id] == by_hand(world)
    assert near is not None
    assert 1.0 == near.similarity
    assert 1 == world.creates()


def test_a_post_by_hand_is_read_once(world: World) -> None:
    """Only what is newer is asked for: a day of ticks costs one thousandth for it."""
    world.tick()
    world.later(minutes=31)
    read(world)
    world.sandbox.actors.post("songpost", "By hand, and with a link: https://example.org")
    before = world.bill_micros
    for _ in range(20):
        world.later(minutes=31)
        read(world)

    assert 1_000 == world.bill_micros - before
    assert world.bill_micros == world.spent_micros()


def test_replies_and_reposts_by_hand_are_told_apart(world: World) -> None:
    """They leave no distance to keep, and a repost no words."""
    world.tick()
    world.later(minutes=5)
    theirs = world.sandbox.actors.post("mia", "a question of mine")
    reply = world.sandbox.actors.post("songpost", "an answer by hand", reply_to=theirs.id)
    repost = world.sandbox.actors.post("songpost", "", repost=theirs.id)
    world.later(minutes=31)
    before = len(world.account().snapshot.fingerprints.entries)
    read(world)
    snapshot = world.account().snapshot
    kinds = {mark.id: mark.kind for mark in snapshot.timeline.latest}

    assert (Kind.REPLY, Kind.REPOST) == (kinds[reply.id], kinds[repost.id])
    assert 1 == len(snapshot.fingerprints.entries) - before


def test_our_own_posts_are_nobody_s_by_hand(world: World) -> None:
    """What the ledger sent is known, though the timeline document has long forgotten it."""
    world.tick()
    session = world.session()
    snapshot = session.open().snapshot
    bare = replace(snapshot, timeline=replace(snapshot.timeline, latest=()), measuring=Measuring())
    session.store.commit("default", documents.changes_of(bare, bare.versions, ["timeline", "measuring"], []), "bare")
    session.close()
    world.later(minutes=31)
    read(world)

    assert [] == by_hand(world)


def test_the_reader_settles_a_lost_answer(world: World) -> None:
    """One read, paid by the reader, finds the post: the attempt gives its own reads back."""
    world.fault("answer lost")
    world.tick()
    assert State.UNKNOWN is world.action().state
    before = looks(world)
    found = read(world)

    assert State.SENT is world.action().state
    assert 1 == looks(world) - before
    assert [1_000] == [page.settled_micros for page in found.pages]
    assert 15_000 == world.action().attempts[-1].settled_micros
    assert [] == by_hand(world)
    assert world.bill_micros == world.spent_micros()


def test_the_reader_tells_that_a_post_is_absent(world: World) -> None:
    """Two complete reads, ten minutes on: its window is over, so it is abandoned, and was never sent."""
    world.fault("reset")
    world.tick()
    for _ in range(3):
        world.later(minutes=12)
        read(world)

    assert State.ABANDONED is world.action().state
    assert [] == world.posts()


@pytest.mark.parametrize("minutes", [0.5, 2.5, 12.0])
def test_a_post_in_flight_is_not_taken_for_the_owner_s(world: World, minutes: float) -> None:
    """The writer died after its call. Were the post the owner's, the attempt would look absent, and go out again."""
    world.settings = replace(
        world.settings, schedule=replace(world.settings.schedule, windows={"noon": ("10:00", "20:00")})
    )
    read(world)
    world.later(hours=7, minutes=58)
    world.wrap_wire = DiesAfterCreate
    with pytest.raises(Crash):
        world.tick()
    whole(world)
    assert State.SENDING is world.action().state
    world.later(minutes=minutes / 2)
    own = world.sandbox.actors.post("songpost", "Meanwhile, by hand.")
    world.later(minutes=minutes / 2)
    read(world)
    for _ in range(6):
        world.later(minutes=7)
        world.tick()
        read(world)

    assert [own.id] == by_hand(world)
    assert 1 == world.creates()
    assert State.SENT is world.action().state


def test_a_bracket_that_is_read_to_measure_serves_too(world: World) -> None:
    """The owner's posts in it are taken in, though the timeline itself is never looked at."""
    world.with_settings(
        reading=replace(READING, timeline_every_minutes=None), learning=LearningSettings(credit_after_hours=100)
    )
    world.tick()
    world.later(hours=12)
    ids = [world.sandbox.actors.post("songpost", f"By hand number {n}: {'x' * n}").id for n in range(3)]
    world.later(hours=12)
    world.tick()
    world.later(hours=101)
    read(world)

    assert ids[::-1] == by_hand(world)
    assert {"since_id", "until_id"} <= set(world.sandbox.requests(TIMELINE)[-1].query)
