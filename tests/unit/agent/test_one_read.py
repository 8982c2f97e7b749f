"""One look at the own timeline serves reconciling, measuring and the owner's posts: each post once a UTC day."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from songpost.agent import control, crediting
from songpost.agent.agenda import SWEPT, Result
from songpost.agent.events import Invocation
from songpost.agent.measuring import Measurement
from songpost.agent.reading import Round
from songpost.core.learning_state import Statistics
from songpost.invoking import run_reader
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Text
from songpost.money_settings import Budget
from songpost.settings import AppOwner, LearningSettings, PerKind, Reading, Schedule, Similarity
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import START, Crash, World, breaking, whole
from tests.unit.agent.test_measuring import freeze_before_commit

TIMELINE, POSTS = "GET /2/users/:id/tweets", "GET /2/tweets"
SWEEPING = Reading(usd_per_day=Decimal(1), mentions_every_minutes=None)
MEASURING_ONLY = replace(SWEEPING, timeline_every_minutes=None)
WORDS = (
    *("anvil", "birch", "cedar", "daisy", "ember", "fjord", "grove", "heron", "ivory", "joist", "knoll", "larch"),
    *("maple", "north", "otter", "poppy", "quill", "raven", "slate", "thorn", "umber", "viola", "wharf", "yarrow"),
    *("zephyr", "amber", "bison", "coral", "drift", "egret"),
)
TEXTS = tuple(
    Text(id=f"{topic}-{word}", topic=topic, variants=(f"{word} {word[::-1]} {other}, {other[::-1]}: {topic} {n}.",))
    for topic in ("gardening", "bread")
    for n, (word, other) in enumerate(zip(WORDS, WORDS[7:] + WORDS[:7], strict=True))
)


class Reads:
    """A wire that counts how often X gives an own post by a read, by UTC date."""

    def __init__(self, world: World) -> None:
        self.by_day: dict[date, Counter[str]] = {}
        self._world = world
        world.wrap_wire = self.over

    def over(self, inner: Transport) -> Transport:
        """The same wire, with what comes back counted."""
        return _Counted(inner, self)

    def heard(self, request: Request, answer: Response) -> None:
        """Count the posts of an answer; the sandbox's clock says the day."""
        if request.method != "GET" or "/tweets" not in request.url or answer.status != 200:
            return
        day = self.by_day.setdefault(self._world.clock.now().date(), Counter())
        day.update(post["id"] for post in json.loads(answer.body).get("data", []))

    @property
    def most(self) -> int:
        """The most often that one post was read on one UTC day."""
        return max((max(day.values()) for day in self.by_day.values() if day), default=0)

    @property
    def total(self) -> int:
        """All posts that X gave."""
        return sum(day.total() for day in self.by_day.values())


class _Counted:
    def __init__(self, inner: Transport, reads: Reads) -> None:
        self._inner, self._reads = inner, reads

    def send(self, request: Request) -> Response:
        """Pass on and count."""
        answer = self._inner.send(request)
        self._reads.heard(request, answer)
        return answer


def new_world(folder: Path, **changes: object) -> World:
    """A world that owns its app and whose texts may come again; settings changed as said."""
    clock = VirtualClock(START)
    world = World(folder, clock, Sandbox(clock=clock), texts=TEXTS)
    world.with_settings(
        reading=SWEEPING,
        app_owner=AppOwner(user_id=world.sandbox.credentials().user_id, attested_on=START.date()),
        similarity=Similarity(threshold=0.9, window_days=1),
        learning=LearningSettings(credit_after_hours=24),
        **changes,
    )
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world that sweeps its own timeline every six hours, and credits posts at a day."""
    return new_world(tmp_path)


def read(world: World, *, only: str | None = None) -> tuple[Measurement, Round | None]:
    """One live tick of the reader over the own timeline."""
    session = world.session()
    try:
        _, found, swept = run_reader(session, Invocation(mode="timeline", account="default"), lambda: 900.0, only)
    finally:
        session.close()
    assert found is not None
    return found, swept


def post(world: World) -> str:
    """Send the day's post, and let X count what it earned: something else for each."""
    number = len(world.sandbox.posts())
    world.tick()
    sent = world.sandbox.posts()[-1]
    world.sandbox.actors.set_metrics(sent.id, {"impression_count": 500 + number, "like_count": 3 + number % 7})
    return sent.id


def pause(world: World, *, on: bool) -> None:
    """Turn the kill switch."""
    session = world.session()
    if on:
        control.pause(session.desk, "away", "test")
    else:
        control.resume(session.desk, "test")
    session.close()


def credits_of(world: World) -> dict[str, crediting.Stored]:
    """Every credit in the store."""
    session = world.session()
    found = crediting.stored_credits(session.store, "default")
    session.close()
    return found


def earned(world: World) -> dict[str, tuple[object, ...]]:
    """What each action was credited with, and with what before."""
    return {one.key: (one.arm, one.reward, one.previous) for one in credits_of(world).values()}


def counters(world: World) -> Statistics:
    """What the learner remembers."""
    learning = world.account().snapshot.learning
    assert learning is not None
    return learning


def counted(world: World) -> int:
    """How many credits the learner's counters hold."""
    return sum(sums[0] for sums in counters(world).counters.values())


def live(world: World, days: int, posting_days: int) -> None:
    """So many days of ticks every half hour; the owner posts by hand as well, and replies."""
    for tick in range(days * 48):
        if tick % 48 == 0 and tick < posting_days * 48:
            post(world)
        if tick % 17 == 5 and tick < posting_days * 48:
            world.sandbox.actors.post("songpost", f"By hand, the {tick}th half hour.")
        read(world)
        world.later(minutes=30)


def test_each_post_is_read_once_a_day_at_most(tmp_path: Path) -> None:
    """Ten days of ticks every half hour: by X's own answers no post twice a UTC day, and the ledger knows the bill."""
    world = new_world(tmp_path)
    reads = Reads(world)
    live(world, 10, 7)

    assert 1 == reads.most
    assert set(credits_of(world)) == {one.id for one in world.sandbox.posts() if "By hand" not in one.text}
    assert 7 == counted(world)
    assert world.bill_micros == world.spent_micros()
    assert 1_000 * reads.total == sum(
        line.micros for line in world.sandbox.service.bill.charges if line.endpoint in {TIMELINE, POSTS}
    )


def test_a_sweep_credits_what_measuring_alone_would(tmp_path: Path) -> None:
    """Posts are due an hour after they go out: six-hourly sweeps credit them all, as reads of their own would."""
    results: list[tuple[dict[str, tuple[object, ...]], object]] = []
    for reading in (SWEEPING, MEASURING_ONLY):
        folder = tmp_path / str(len(results))
        folder.mkdir()
        world = new_world(folder)
        world.with_settings(reading=reading, learning=LearningSettings(credit_after_hours=1))
        reads = Reads(world)
        for _ in range(5):
            post(world)
            for _ in range(12):
                world.later(hours=2)
                read(world)
        for _ in range(4):
            world.later(days=1)
            read(world)
        assert 1 == reads.most
        results.append((earned(world), {key: sums[:2] for key, sums in counters(world).counters.items()}))

    assert [5, 5] == [len(list(one)) for one, _ in results]
    assert results[0] == results[1]


def test_a_young_post_waits_for_the_sweep(world: World) -> None:
    """Due an hour after it went out: the sweep that comes in five hours credits it; nothing is read for it alone."""
    world.with_settings(learning=LearningSettings(credit_after_hours=1))
    sent = post(world)
    world.later(minutes=90)
    (waiting,) = read(world)[0].posts
    assert (Result.WAITING, SWEPT) == (waiting.result, waiting.reason)
    before = world.spent_micros()
    world.later(hours=5)
    found, swept = read(world)
    assert swept is not None
    (page,) = swept.pages

    assert [(sent, Result.CREDITED)] == [(one.post_id, one.result) for one in page.measured]
    assert found.reading is None
    assert 1_000 == world.spent_micros() - before
    assert 1 == counted(world)


def test_a_person_s_word_does_not_wait_for_the_sweep(world: World) -> None:
    """`settle` reads the post at once; the sweep that comes later adds nothing."""
    world.with_settings(learning=LearningSettings(credit_after_hours=1))
    sent = post(world)
    world.later(minutes=90)
    (one,) = read(world, only=sent)[0].posts
    after = counters(world)
    world.later(hours=5)
    read(world)

    assert Result.CREDITED is one.result
    assert after == counters(world)


def test_a_post_that_was_read_young_is_due_tomorrow(world: World) -> None:
    """A sweep showed it before it was due: on that UTC day it is not read again."""
    world.with_settings(
        learning=LearningSettings(credit_after_hours=7), schedule=Schedule(windows={"night": ("00:10", "02:00")})
    )
    world.later(hours=13, minutes=59)
    reads = Reads(world)
    sent = post(world)
    for _ in range(85):
        world.later(minutes=15)
        read(world)
    found, _ = read(world)
    assert {(Result.WAITING, "it was read today")} == {(one.result, one.reason) for one in found.posts}
    assert set() == set(credits_of(world))
    world.later(hours=1)
    read(world)

    assert {sent} == set(credits_of(world))
    assert 1 == reads.most


def away(world: World, days: int = 4) -> list[str]:
    """Post a day, read nothing for four: all of it is due and above the sweep's mark."""
    read(world)
    ids = []
    world.with_settings(reading=replace(SWEEPING, timeline_every_minutes=10_080))
    for _ in range(days):
        ids.append(post(world))
        world.sandbox.actors.post("songpost", f"By hand, {len(ids)}.")
        world.later(days=1)
    world.later(days=2)
    world.with_settings(reading=SWEEPING)
    return ids


def test_after_a_silence_one_sweep_credits_all(world: World) -> None:
    """Four posts are due and were never swept: one page shows them and the owner's, and credits them, in one commit."""
    ids = away(world)
    reads = Reads(world)
    before = world.spent_micros()
    found, swept = read(world)
    assert swept is not None
    for _ in range(20):
        world.later(minutes=30)
        read(world)

    assert {SWEPT} == {one.reason for one in found.posts}
    assert dict.fromkeys(ids, Result.CREDITED) == {
        one.post_id: one.result for page in swept.pages for one in page.measured
    }
    assert 1 == reads.most
    assert 8 * 1_000 == world.spent_micros() - before
    assert 4 == counted(world)


def test_a_cut_sweep_keeps_what_is_below_for_its_next_page(world: World) -> None:
    """Ten posts a tick: the older ones wait for the page that shows them, each post is read and credited once."""
    world.with_settings(reading=replace(SWEEPING, posts_per_tick=10))
    ids = away(world, 5)
    for number in range(8):
        world.sandbox.actors.post("songpost", f"And by hand, number {number}.")
    world.later(minutes=5)
    reads = Reads(world)
    for _ in range(6):
        world.with_settings(reading=replace(SWEEPING, posts_per_tick=10, usd_per_day=Decimal("0.005")))
        read(world)
        world.later(hours=24)

    assert 1 == reads.most
    assert set(ids) == set(credits_of(world))
    assert 5 == counted(world)


STEPS = 6
"""More than the commits and calls of a tick that sweeps: the booking, the read, the credits."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_crash_at_any_step_of_a_sweep_credits_once(world: World, step: int, *, after: bool) -> None:
    """Wherever the process dies, later ticks credit each post once, and the ledger knows of all money."""
    ids = away(world)
    with suppress(Crash):
        read(breaking(world, step, after=after))
    assert world.bill_micros <= whole(world).spent_micros()
    for _ in range(12):
        world.later(hours=6)
        read(world)

    assert set(ids) == set(credits_of(world))
    assert 4 == counted(world)
    assert world.bill_micros <= world.spent_micros()


def test_the_steps_cover_a_whole_sweep(world: World) -> None:
    """The step past the last one is never reached."""
    away(world)
    read(breaking(world, STEPS, after=False))

    assert 4 == counted(whole(world))


@pytest.mark.parametrize("commit", [1, 2])
def test_of_two_sweeps_one_credits(world: World, commit: int) -> None:
    """One reader sleeps before its booking, or before it takes its page in; the other one does it all meanwhile."""
    ids = away(world)
    reads = Reads(world)
    freeze_before_commit(world, commit, lambda: read(world))
    read(world)

    assert set(ids) == set(credits_of(world))
    assert 4 == counted(world)
    assert 1 == reads.most
    assert world.bill_micros == world.spent_micros()


def test_a_page_that_comes_late_adds_nothing(world: World) -> None:
    """It slept over midnight with its page in hand; what another reader has credited since stands."""
    ids = away(world)
    between: list[Statistics] = []

    def other() -> None:
        world.later(days=1)
        for post_id in ids:
            read(world, only=post_id)
        between.append(counters(world))

    freeze_before_commit(world, 2, other)
    _, swept = read(world)
    assert swept is not None

    assert between == [counters(world)]
    assert 4 == counted(world)
    assert [()] == [page.measured for page in swept.pages]


def test_a_page_that_comes_late_corrects_nothing(world: World) -> None:
    """Another reader has credited the post after midnight, by newer counts: the older page is no correction."""
    read(world)
    world.with_settings(reading=replace(SWEEPING, timeline_every_minutes=10_080))
    sent = post(world)
    world.later(hours=35)
    world.with_settings(reading=SWEEPING)
    between: list[dict[str, crediting.Stored]] = []

    def other() -> None:
        world.later(hours=2)
        world.sandbox.actors.set_metrics(sent, {"impression_count": 900, "like_count": 30})
        read(world, only=sent)
        between.append(credits_of(world))

    freeze_before_commit(world, 2, other)
    read(world)

    assert {sent} == set(between[0])
    assert between == [credits_of(world)]
    assert {sent} == set(world.account().snapshot.measuring.posts)


def test_a_post_of_the_last_minute_is_left_to_the_next_sweep(world: World) -> None:
    """It is found once, by the sweep after: asked for at once, it would have to be asked for again."""
    world.tick()
    world.later(hours=6, seconds=10)
    reads = Reads(world)
    own = world.sandbox.actors.post("songpost", "Just now, by hand.", at=world.clock.now() - timedelta(seconds=20))
    for _ in range(3):
        read(world)
        world.later(hours=6, seconds=10)

    assert own.id in {mark.id for mark in world.account().snapshot.timeline.latest if mark.by_hand}
    assert 1 == reads.most


def test_a_clock_that_is_off_credits_nothing_and_reads_nothing_twice(world: World) -> None:
    """The page is paid and not believed: on another day, or by the next sweep, its posts are credited."""
    ids = away(world)
    world.fault("clock skew", TIMELINE, seconds=600)
    _, swept = read(world)

    assert swept is not None
    assert swept.stopped is not None
    assert "ClockError" == swept.stopped.name
    assert set() == set(credits_of(world))
    assert {world.clock.now().date()} == {world.account().snapshot.measuring.posts[one].read_on for one in ids}


def test_a_rate_limit_takes_the_marks_back(world: World) -> None:
    """Nothing was read, so everything may be read today."""
    ids = away(world)
    for _ in range(4):
        world.fault("rate limited", TIMELINE)
    read(world)
    world.sandbox.faults.waiting.clear()

    assert {None} == {world.account().snapshot.measuring.posts[one].read_on for one in ids}
    world.later(hours=7)
    read(world)
    assert set(ids) == set(credits_of(world))


def test_sixty_own_posts_on_four_days_cost_at_most_24_cents(tmp_path: Path) -> None:
    """Some sixteen posts a day go out for four days: each is found, credited and corrected, at X's own bill."""
    world = new_world(
        tmp_path,
        schedule=Schedule(windows={"day": ("00:00", "23:30")}),
        max_per_window=PerKind(post=16),
        budget=Budget(usd_per_month=Decimal(50), burst_days=None),
    )
    reads = Reads(world)
    world.later(hours=12, minutes=1)
    for tick in range(7 * 48):
        before = world.creates()
        if before < 60:
            world.tick()
        for sent in world.sandbox.posts()[before:]:
            world.sandbox.actors.set_metrics(sent.id, {"impression_count": 500, "like_count": before % 9})
        if tick % 4 == 3:
            read(world)
        world.later(minutes=30)
    posts = {one.id for one in world.sandbox.posts()}
    days = {one.created_at.date() for one in world.sandbox.posts()}
    known = credits_of(world)
    cost = sum(line.micros for line in world.sandbox.service.bill.charges if line.endpoint in {TIMELINE, POSTS})

    assert (60, 4) == (len(posts), len(days))
    assert posts == set(known)
    assert 60 == counted(world)
    assert 1 == reads.most
    assert 60_000 <= cost <= 240_000
    assert timedelta(hours=24) <= min(one.credited_at - one.posted_at for one in known.values())
    assert world.bill_micros <= world.spent_micros()
