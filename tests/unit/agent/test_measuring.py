"""Sent posts are read again at their best price, once a day, and what they earned reaches the learner once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from songpost.account_documents import Awaited, Identity, Measuring, PostMark
from songpost.agent import crediting, documents, ledger, transitions
from songpost.agent.agenda import Measured, Result, reading_of
from songpost.agent.events import Invocation
from songpost.agent.journal import READS
from songpost.agent.measuring import Measurement
from songpost.core.reward import reward_from
from songpost.errors import IdentityError, NotFound
from songpost.invoking import run_reader
from songpost.lab.sandbox.world import Post as SandboxPost
from songpost.model import Arm, Kind, PriceClass
from songpost.money_settings import Budget
from songpost.settings import AppOwner, LearningSettings, Schedule
from songpost.store.port import Change, PutAction, PutDocument, PutItem, Store
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import KEY, START, Crash, World, breaking, whole

POSTS = "GET /2/tweets"
READ_MICROS = 5_000
LIKED = {"impression_count": 500, "like_count": 9, "retweet_count": 1}
"""Eleven points on 500 impressions."""
REWARD = reward_from(11, 500)


def put(world: World, name: str, noun: object) -> None:
    """Write a document over the one that is there, as a person with a prompt might."""
    session = world.session()
    version = session.open().snapshot.versions.get(name, 0)
    session.store.commit("default", [PutDocument(name, documents.encode(noun), version)], f"{name}-{version}")
    session.close()


def read(world: World, *, dry_run: bool = False, only: str = "", remaining: float = 900.0) -> Measurement:
    """One tick of the reader in a process of its own."""
    session = world.session(dry_run=dry_run)
    try:
        invocation = Invocation(mode="timeline", account="default", dry_run=dry_run)
        found = run_reader(session, invocation, lambda: remaining, only)[1]
    finally:
        session.close()
    assert found is not None
    return found


def sent(world: World, metrics: dict[str, int] | None = None) -> SandboxPost:
    """Send the day's post, and let X count what it earned; the clock goes on to when its credit is due."""
    world.tick()
    post = world.sandbox.posts()[-1]
    world.sandbox.actors.set_metrics(post.id, LIKED if metrics is None else metrics)
    world.later(hours=world.settings.learning.credit_after_hours, seconds=1)
    return post


def told(posts: Sequence[Measured]) -> list[tuple[Result, str]]:
    """What became of each post, and why."""
    return [(one.result, one.reason) for one in posts]


def counted(world: World) -> int:
    """How many credits the learner's counters hold."""
    learning = world.account().snapshot.learning
    return 0 if learning is None else sum(counters[0] for counters in learning.counters.values())


def on_agenda(world: World) -> set[str]:
    """The posts that are still to be read."""
    return set(world.account().snapshot.measuring.posts)


def credits_of(world: World) -> dict[str, crediting.Stored]:
    """Every credit in the store."""
    session = world.session()
    found = crediting.stored_credits(session.store, "default")
    session.close()
    return found


class Meanwhile:
    """A wire on which something else happens, once, just before the read goes out."""

    def __init__(self, inner: Transport, act: Callable[[], object]) -> None:
        self._inner, self._act, self._done = inner, act, False

    def send(self, request: Request) -> Response:
        """Pass on, after what happens meanwhile."""
        ours = not self._done and request.method == "GET" and "/2/tweets" in request.url
        self._done = self._done or ours
        if ours:
            self._act()
        return self._inner.send(request)


def freeze_before_commit(world: World, number: int, act: Callable[[], object]) -> None:
    """Let the next process sleep before its commit of this number, while others go on."""
    numbers = itertools.count(1)

    def sleeping(store: Store) -> Store:
        world.wrap_store = lambda store: store
        commit = store.commit

        def slow(account: str, changes: Sequence[Change], token: str) -> None:
            if next(numbers) == number:
                act()
            commit(account, changes, token)

        store.commit = slow  # type: ignore[method-assign]
        return store

    world.wrap_store = sleeping


# ----------------------------------------------------------------------------------------------------- the credit


def test_a_post_is_credited_once_it_is_old_enough(world: World) -> None:
    """A minute before, nothing is read; then one read of half a cent tells the arm its rate, and that is all."""
    world.tick()
    post = world.sandbox.posts()[-1]
    world.sandbox.actors.set_metrics(post.id, LIKED)
    world.later(hours=47, minutes=59)
    assert [Result.WAITING] == [one.result for one in read(world).posts]
    assert [] == world.sandbox.requests(POSTS)

    world.later(minutes=2)
    before = world.spent_micros()
    found = read(world)

    assert [(Result.CREDITED, "")] == told(found.posts)
    assert REWARD == found.posts[0].reward == credits_of(world)[post.id].reward
    assert world.action().arm == found.posts[0].arm
    assert READ_MICROS == found.settled_micros == world.spent_micros() - before
    assert world.bill_micros == world.spent_micros()
    assert set() == on_agenda(world)
    assert 1 == counted(world)


def test_a_credited_post_is_never_read_again(world: World) -> None:
    """Weeks of ticks later there is one read and one credit."""
    sent(world)
    for _ in range(20):
        read(world)
        world.later(days=1)

    assert 1 == len(world.sandbox.requests(POSTS))
    assert 1 == counted(world)


def test_with_nothing_due_a_tick_loads_once_and_commits_nothing(world: World) -> None:
    """One load is one request to DynamoDB; X's client is not even built."""
    world.tick()
    asked: list[str] = []

    def counting(store: Store) -> Store:
        for name in ("load", "commit", "action", "actions", "items"):
            setattr(store, name, _heard(asked, name, getattr(store, name)))
        return store

    world.wrap_store = counting
    calls = world.sandbox.requests_seen
    read(world)

    assert ["load"] == asked
    assert calls == world.sandbox.requests_seen


def _heard(asked: list[str], name: str, verb: Callable[..., object]) -> Callable[..., object]:
    def heard(*words: object, **more: object) -> object:
        asked.append(name)
        return verb(*words, **more)

    return heard


def test_one_read_serves_all_that_is_due(world: World) -> None:
    """Three days of posts, one request, three credits in one commit."""
    world.with_settings(learning=LearningSettings(credit_after_hours=100))
    for _ in range(3):
        world.tick()
        world.sandbox.actors.set_metrics(world.sandbox.posts()[-1].id, LIKED)
        world.later(days=1)
    world.later(days=4)
    found = read(world)

    assert [Result.CREDITED] * 3 == [one.result for one in found.posts]
    assert 1 == len(world.sandbox.requests(POSTS))
    assert 3 * READ_MICROS == found.settled_micros
    assert 3 == counted(world)
    assert world.bill_micros == world.spent_micros()


def test_a_young_credit_is_corrected_once_by_the_difference(world: World) -> None:
    """Credited at a day, corrected at three: the counters are those of the last reward alone, counted once."""
    world.with_settings(learning=LearningSettings(credit_after_hours=24))
    post = sent(world)
    first = read(world)
    world.sandbox.actors.set_metrics(post.id, {"impression_count": 900, "like_count": 30})
    world.later(days=1)
    assert [Result.WAITING] == [one.result for one in read(world).posts]
    world.later(days=1)
    second = read(world)
    world.later(days=10)
    last = read(world)

    assert [Result.CREDITED] == [one.result for one in first.posts]
    assert [Result.CORRECTED] == [one.result for one in second.posts]
    assert () == last.posts
    stored = credits_of(world)[post.id]
    assert (REWARD, reward_from(32, 900)) == (stored.previous, stored.reward)
    assert 1 == counted(world)
    snapshot = world.account().snapshot
    assert snapshot.learning == crediting.rebuilt([stored], snapshot.settings.learning, world.clock.now())
    assert 2 == len(world.sandbox.requests(POSTS))


# ------------------------------------------------------------------------------------------- what cannot be credited


def test_a_deleted_post_is_named_and_left_alone(world: World) -> None:
    """X says that it is not there: no credit, the reason with X's words, and no second read."""
    post = sent(world)
    world.sandbox.actors.delete(post.id)
    found = read(world)

    assert Result.NOT_CREDITED is found.posts[0].result
    assert found.posts[0].reason.startswith("the post is deleted (")
    assert set() == on_agenda(world)
    assert 0 == counted(world)
    assert 0 == found.settled_micros


def test_too_few_impressions_are_asked_for_twice(world: World) -> None:
    """Nineteen impressions say nothing: another day may bring more, and then the post is left alone."""
    sent(world, {"impression_count": 19, "like_count": 4})
    first = read(world)
    again_today = read(world)
    world.later(days=1)
    second = read(world)
    world.later(days=1)
    third = read(world)

    assert ["19 impressions are fewer than 20: the rate says nothing"] == [one.reason for one in first.posts]
    assert [(Result.WAITING, "it was read today")] == told(again_today.posts)
    assert [True] == [one.final for one in second.posts]
    assert () == third.posts
    assert 2 == len(world.sandbox.requests(POSTS))
    assert 0 == counted(world)


def test_impressions_that_come_late_are_credited_by_the_second_look(world: World) -> None:
    """X showed none on the first day; on the second the post is credited as any other."""
    post = sent(world, {"impression_count": 0, "like_count": 9})
    read(world)
    world.sandbox.actors.set_metrics(post.id, LIKED)
    world.later(days=1)

    assert [(Result.CREDITED, "")] == told(read(world).posts)
    assert 1 == counted(world)


def test_an_arm_that_is_no_longer_offered_is_credited_with_a_word_about_it(world: World) -> None:
    """Its topic left the settings since: the learner still hears of it, and the table says so."""
    sent(world)
    arm = world.action().arm
    assert arm is not None
    world.with_settings(topics=tuple(topic for topic in ("gardening", "bread") if topic != arm.topic))
    found = read(world)

    assert [(Result.CREDITED, "its arm is no longer offered; what it earned still tells of the others")] == told(
        found.posts
    )


def test_a_post_that_the_ledger_does_not_know_is_named_and_dropped(world: World) -> None:
    """An agenda that tells of an action that is not there credits nothing."""
    post = sent(world)
    stray = Awaited(key="post/2026-11-25/noon/9", arm=Arm("bread", "noon"), posted_at=START)
    put(world, "measuring", Measuring(posts={post.id: stray}))
    found = read(world)

    assert [(Result.NOT_CREDITED, "the ledger knows no such post")] == told(found.posts)
    assert set() == on_agenda(world)
    assert 0 == counted(world)


def test_only_posts_that_an_arm_chose_are_awaited(world: World) -> None:
    """A reply, and a post that the owner pinned, are not on the agenda."""
    world.tick()
    action = world.action()
    empty = Measuring()

    assert {action.post_id} == set(transitions.with_awaited(empty, action).posts)
    assert empty == transitions.with_awaited(empty, replace(action, kind=Kind.REPLY))
    assert empty == transitions.with_awaited(empty, replace(action, arm=None))


def test_the_agenda_is_bounded(world: World) -> None:
    """The document holds a fixed number of posts; the newest stay."""
    world.tick()
    action = world.action()
    measuring = Measuring()
    for number in range(transitions.MOST_AWAITED + 5):
        measuring = transitions.with_awaited(measuring, replace(action, post_id=str(1000 + number)))

    assert transitions.MOST_AWAITED == len(measuring.posts)
    assert {"1004", str(1000 + transitions.MOST_AWAITED + 4)} & set(measuring.posts) == {
        str(1000 + transitions.MOST_AWAITED + 4)
    }


# ------------------------------------------------------------------------------------------------------------ money


def test_a_lost_answer_is_spent_and_the_post_is_read_the_next_day(world: World) -> None:
    """A read without an answer may be billed: it stays booked, and the post is not read twice in a UTC day."""
    sent(world)
    before = world.spent_micros()
    for _ in range(6):
        world.fault("answer lost", endpoint=POSTS)
    lost = read(world)
    world.sandbox.faults.waiting.clear()
    calls = world.sandbox.requests_seen
    again = read(world)

    assert lost.stopped is not None
    assert READ_MICROS == world.spent_micros() - before
    assert world.bill_micros <= world.spent_micros()
    assert calls == world.sandbox.requests_seen
    assert [(Result.WAITING, "it was read today")] == told(again.posts)
    world.later(days=1)
    assert [(Result.CREDITED, "")] == told(read(world).posts)


def test_a_rate_limit_gives_everything_back_and_the_post_is_read_after_the_reset(world: World) -> None:
    """A 429 is not billed: the money is free again, the day's mark too."""
    sent(world)
    before = world.spent_micros()
    for _ in range(6):
        world.fault("rate limited", endpoint=POSTS)
    limited = read(world)
    world.sandbox.faults.waiting.clear()

    assert limited.stopped is not None
    assert before == world.spent_micros()
    held = read(world)
    assert held.refused is not None
    assert "rate limit" == held.refused.gate
    world.later(hours=1)
    assert [(Result.CREDITED, "")] == told(read(world).posts)
    assert world.bill_micros == world.spent_micros()


def test_a_read_is_booked_before_it_is_made(world: World) -> None:
    """At the moment of the call the store already has the money and the day's mark."""
    post = sent(world)
    before = world.spent_micros()
    seen: list[tuple[int, object]] = []

    def look() -> None:
        world.wrap_wire = lambda wire: wire
        snapshot = world.account().snapshot
        seen.append((world.spent_micros() - before, snapshot.measuring.posts[post.id].read_on))

    world.wrap_wire = lambda wire: Meanwhile(wire, look)
    read(world)

    assert [(READ_MICROS, world.clock.now().date())] == seen


def test_a_ceiling_leaves_the_read_unmade(world: World) -> None:
    """No money, no read: the gate is named, and X is not called."""
    sent(world)
    world.with_settings(budget=Budget(usd_per_month=0))  # type: ignore[arg-type]  # whole dollars read better
    calls = world.sandbox.requests_seen
    found = read(world)

    assert found.refused is not None
    assert "budget" == found.refused.gate
    assert calls == world.sandbox.requests_seen
    assert 1 == len(on_agenda(world))


def test_what_money_is_left_reads_what_tells_most(world: World) -> None:
    """Four are due and the day's ceiling leaves room for one: one is read today, the others wait."""
    world.with_settings(learning=LearningSettings(credit_after_hours=100))
    for _ in range(4):
        world.tick()
        world.sandbox.actors.set_metrics(world.sandbox.posts()[-1].id, LIKED)
        world.later(days=1)
    world.later(days=4)
    world.with_settings(budget=Budget(usd_per_month=5, usd_per_day=Decimal("0.0099"), buffer_pct=0.0))  # type: ignore[arg-type]
    found = read(world)

    assert [Result.CREDITED] == [one.result for one in found.posts]
    assert READ_MICROS == found.settled_micros
    assert 3 == len(on_agenda(world))


def test_a_dry_run_tells_of_the_ceiling_too(world: World) -> None:
    """What would hold the read back is foretold with its gate."""
    sent(world)
    world.with_settings(budget=Budget(usd_per_month=0))  # type: ignore[arg-type]  # whole dollars read better
    found = read(world, dry_run=True)

    assert found.refused is not None
    assert "budget" == found.refused.gate


def test_a_pause_holds_reads_back(world: World) -> None:
    """While paused nothing is read; the gate says why."""
    sent(world)
    from songpost.agent import control

    session = world.session()
    control.pause(session.desk, "holidays", "ana")
    session.close()
    calls = world.sandbox.requests_seen
    found = read(world)

    assert found.refused is not None
    assert ("control", "the account is paused: holidays") == (found.refused.gate, found.refused.reason)
    assert calls == world.sandbox.requests_seen


def test_a_read_that_finds_no_credits_left_pauses_the_account(world: World) -> None:
    """402 says that nothing will work."""
    sent(world)
    world.fault("status", endpoint=POSTS, status=402, when="before")
    found = read(world)

    assert found.stopped is not None
    assert "CreditsDepleted" == found.stopped.name
    assert world.account().snapshot.control.paused


def test_a_clock_that_is_off_credits_nothing(world: World) -> None:
    """Whoever does not know the time does not know what is due: the read is paid, the account pauses."""
    sent(world)
    world.fault("clock skew", endpoint=POSTS, seconds=300)
    found = read(world)

    assert found.stopped is not None
    assert "ClockError" == found.stopped.name
    assert world.account().snapshot.control.paused
    assert 0 == counted(world)
    assert world.bill_micros == world.spent_micros()


def test_credentials_of_another_user_are_refused(world: World) -> None:
    """The store is one user's: another's keys read nothing into it."""
    sent(world)
    identity = world.account().snapshot.identity
    assert identity is not None
    put(world, "identity", replace(identity, user_id="42"))
    with pytest.raises(IdentityError):
        read(world)
    assert [] == world.sandbox.requests(POSTS)


def _other_credentials(world: World) -> None:
    identity = world.account().snapshot.identity
    assert identity is not None
    put(world, "identity", replace(identity, credentials="of another day"))


def test_new_credentials_are_asked_for_their_user_first(world: World) -> None:
    """Who reads is known before anything is read; what that costs is booked too."""
    sent(world)
    _other_credentials(world)
    found = read(world)

    assert [(Result.CREDITED, "")] == told(found.posts)
    assert 2 == len(world.sandbox.requests("GET /2/users/me"))
    assert world.bill_micros == world.spent_micros()


def test_credentials_that_x_does_not_take_stop_the_tick(world: World) -> None:
    """The question who we are is answered with 402: nothing is read, and the account pauses."""
    sent(world)
    _other_credentials(world)
    world.fault("status", endpoint="GET /2/users/me", status=402, when="before")
    found = read(world)

    assert found.stopped is not None
    assert [] == world.sandbox.requests(POSTS)
    assert world.account().snapshot.control.paused


def test_no_money_to_ask_who_we_are_reads_nothing(world: World) -> None:
    """The read would fit under the day's ceiling, the question before it does not."""
    sent(world)
    _other_credentials(world)
    world.with_settings(budget=Budget(usd_per_month=5, usd_per_day=Decimal("0.0099"), buffer_pct=0.0))  # type: ignore[arg-type]
    calls = world.sandbox.requests_seen
    found = read(world)

    assert found.refused is not None
    assert "budget" == found.refused.gate
    assert calls == world.sandbox.requests_seen


def test_no_time_left_begins_nothing(world: World) -> None:
    """An invocation that is about to end reads nothing."""
    sent(world)
    read(world, remaining=20.0)

    assert [] == world.sandbox.requests(POSTS)


def test_reads_are_journalled(world: World) -> None:
    """Each read is an item: its day, its posts, its price and its outcome."""
    post = sent(world)
    read(world)
    session = world.session()
    lines = list(session.store.items("default", READS))
    session.close()

    assert ["2026-11-27"] == [line.key.partition("/")[0] for line in lines]
    assert [[post.id]] == [line.body["post_ids"] for line in lines]
    assert [("answered", READ_MICROS)] == [(line.body["outcome"], line.body["micros"]) for line in lines]


# ---------------------------------------------------------------------------------------------------- the best price


def _with_ownership(world: World, posts: int) -> ledger.Account:
    """An account that owns its app, and has posted so often; the oldest post is the one that is due."""
    account = world.account()
    marks = tuple(PostMark(id=str(2000 - n), posted_at=START) for n in range(posts))
    awaited = {mark.id: Awaited(key=KEY, arm=Arm("bread", "noon"), posted_at=START) for mark in marks}
    identity = Identity(user_id="1", username="songpost", credentials="", learned_at=START)
    settings = replace(account.snapshot.settings, app_owner=AppOwner(user_id="1", attested_on=START.date()))
    timeline = replace(account.snapshot.timeline, latest=marks)
    snapshot = replace(account.snapshot, identity=identity, timeline=timeline, settings=settings)
    snapshot = replace(snapshot, measuring=Measuring(posts=awaited))
    return ledger.Account(snapshot, {})


def test_the_cheaper_read_is_chosen(world: World) -> None:
    """The owner's price is a fifth: a bracket of the timeline, which holds what is due and no other post we know of."""
    snapshot = _with_ownership(world, 20).snapshot
    one = reading_of(snapshot, ("1981",), START)
    ten = reading_of(snapshot, tuple(str(1981 + n) for n in range(10)), START)

    assert (PriceClass.OWNED_READ, "1980", "1982", 5) == (one.price_class, one.since_id, one.until_id, one.resources)
    assert (PriceClass.OWNED_READ, "1980", "1991") == (ten.price_class, ten.since_id, ten.until_id)
    assert 15 == ten.resources


def test_a_bracket_ends_before_a_post_that_is_not_due(world: World) -> None:
    """In a tick that comes again the rest is left to the next one; a person's word reads them at once, by ids."""
    snapshot = _with_ownership(world, 20).snapshot
    apart = ("1985", "1981", "1984", "1982")
    ticking = reading_of(snapshot, apart, START, swept=True)
    asked = reading_of(snapshot, apart, START)

    assert (("1981", "1982"), "1980", "1983") == (ticking.post_ids, ticking.since_id, ticking.until_id)
    assert (PriceClass.POST_READ, apart, "") == (asked.price_class, asked.post_ids, asked.since_id)


def test_without_proof_of_ownership_nothing_counts_as_owned(world: World) -> None:
    """The full price is booked where the owner's word names another user."""
    snapshot = _with_ownership(world, 20).snapshot
    assert snapshot.identity is not None
    snapshot = replace(snapshot, identity=replace(snapshot.identity, user_id="2"))
    ten = reading_of(snapshot, tuple(str(1981 + n) for n in range(10)), START)

    assert (PriceClass.POST_READ, 10) == (ten.price_class, ten.resources)


def test_a_page_of_the_own_timeline_credits_what_is_due(world: World) -> None:
    """With ownership proved six posts cost a page of owned reads; X's bill is the ledger's."""
    world.with_settings(
        learning=LearningSettings(credit_after_hours=200), schedule=Schedule(windows={"noon": ("10:00", "12:00")})
    )
    for _ in range(4):
        world.tick()
        world.sandbox.actors.set_metrics(world.sandbox.posts()[-1].id, LIKED)
        world.later(days=1)
    world.later(days=8)
    identity = world.account().snapshot.identity
    assert identity is not None
    world.with_settings(app_owner=AppOwner(user_id=identity.user_id, attested_on=START.date()))
    before = world.spent_micros()
    found = read(world)

    assert found.reading is not None
    assert PriceClass.OWNED_READ is found.reading.price_class
    assert [Result.CREDITED] * 4 == [one.result for one in found.posts]
    assert 4 * 1_000 == found.settled_micros == world.spent_micros() - before
    assert world.bill_micros == world.spent_micros()


# ------------------------------------------------------------------------------------------------------------- once


STEPS = 5
"""More than the commits and calls of a reader's tick: booking, read, credit."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_crash_at_any_step_credits_once_in_the_end(world: World, step: int, *, after: bool) -> None:
    """Whatever step the reader dies at, a later day credits the post, once, and the ledger knows of all money."""
    sent(world)
    with suppress(Crash):
        read(breaking(world, step, after=after))
    assert world.bill_micros <= whole(world).spent_micros()
    for _ in range(3):
        world.later(days=1)
        read(world)

    assert 1 == counted(world)
    assert 1 == len(credits_of(world))
    assert len(world.sandbox.requests(POSTS)) <= 2
    assert world.bill_micros <= world.spent_micros()


def test_the_steps_cover_a_whole_tick(world: World) -> None:
    """The step past the last one is never reached."""
    sent(world)
    read(breaking(world, STEPS, after=False))

    assert 1 == counted(whole(world))


def test_two_readers_of_one_day_read_once(world: World) -> None:
    """While one reader's call is out, another finds the post read today, and calls nothing."""
    sent(world)

    def other() -> None:
        world.wrap_wire = lambda wire: wire
        assert [(Result.WAITING, "it was read today")] == told(read(world).posts)

    world.wrap_wire = lambda wire: Meanwhile(wire, other)
    read(world)

    assert 1 == len(world.sandbox.requests(POSTS))
    assert 1 == counted(world)


def test_a_booking_that_lost_its_race_reads_nothing(world: World) -> None:
    """Both found the post due; the second one's booking is refused, and looking again it finds the day's mark."""
    sent(world)

    def other() -> None:
        assert [Result.CREDITED] == [one.result for one in read(world).posts]

    freeze_before_commit(world, 1, other)
    found = read(world)

    assert found.reading is None
    assert 1 == len(world.sandbox.requests(POSTS))
    assert world.bill_micros == world.spent_micros()
    assert 1 == counted(world)


def test_a_reader_that_slept_over_midnight_adds_nothing(world: World) -> None:
    """It read the post, froze, and another credited it the next day: what it brings then moves nothing."""
    post = sent(world)
    between: list[object] = []

    def other() -> None:
        world.later(days=1)
        world.sandbox.actors.set_metrics(post.id, {"impression_count": 900, "like_count": 30})
        assert [Result.CREDITED] == [one.result for one in read(world).posts]
        between.append(world.account().snapshot.learning)

    freeze_before_commit(world, 2, other)
    found = read(world)

    assert [(Result.WAITING, "another reader was first")] == told(found.posts)
    assert between == [world.account().snapshot.learning]
    assert 1 == counted(world)
    assert {post.id} == set(credits_of(world))


def test_a_late_look_does_not_count_as_the_next_one(world: World) -> None:
    """Two readers found nothing to credit, one of them late: that is one fruitless look of each day, not the last."""
    post = sent(world, {"impression_count": 19})

    def other() -> None:
        world.later(days=1)
        assert [Result.NOT_CREDITED] == [one.result for one in read(world).posts]

    freeze_before_commit(world, 2, other)
    found = read(world)
    world.sandbox.actors.set_metrics(post.id, LIKED)
    world.later(days=1)

    assert [(Result.WAITING, "another reader was first")] == told(found.posts)
    assert [(Result.CREDITED, "")] == told(read(world).posts)


def test_an_agenda_from_an_older_backup_credits_nothing_twice(world: World) -> None:
    """The agenda says that a post was never read, the credits say that it was: the credits are believed."""
    post = sent(world)
    read(world)
    learning = world.account().snapshot.learning
    put(world, "measuring", transitions.with_awaited(Measuring(), world.action()))
    world.later(days=1)
    read(world)

    assert {post.id} == set(credits_of(world))
    assert learning == world.account().snapshot.learning


def test_a_corrected_credit_is_not_corrected_again(world: World) -> None:
    """The agenda of an older backup asks for a third look: the credit says that its correction was made."""
    world.with_settings(learning=LearningSettings(credit_after_hours=24))
    post = sent(world)
    read(world)
    old = world.account().snapshot.measuring
    world.later(days=2)
    world.sandbox.actors.set_metrics(post.id, {"impression_count": 900})
    read(world)
    learning = world.account().snapshot.learning
    put(world, "measuring", old)
    world.later(days=1)
    world.sandbox.actors.set_metrics(post.id, {"impression_count": 5000})
    found = read(world)

    assert [(Result.NOT_CREDITED, "it was credited, and corrected once")] == told(found.posts)
    assert learning == world.account().snapshot.learning
    assert set() == on_agenda(world)


# ------------------------------------------------------------------------------------------------------ dry, one, anew


def test_a_dry_run_shows_the_read_that_a_live_run_makes(world: World) -> None:
    """The same posts at the same price; X is not called, and the store's bytes stay."""
    post = sent(world)
    before = {path.name: path.read_bytes() for path in world.folder.iterdir()}
    calls = world.sandbox.requests_seen
    foretold = read(world, dry_run=True)
    after = {path.name: path.read_bytes() for path in world.folder.iterdir()}

    assert before == after
    assert calls == world.sandbox.requests_seen
    done = read(world)
    assert foretold.reading == done.reading
    assert foretold.booked is not None
    assert READ_MICROS == foretold.booked.resources * foretold.booked.unit_micros == done.settled_micros
    assert [(post.id, Result.DUE)] == [(one.post_id, one.result) for one in foretold.posts]


def test_one_post_is_settled_by_its_id(world: World) -> None:
    """Of two posts that are due only the one that was named is read."""
    world.with_settings(learning=LearningSettings(credit_after_hours=100))
    world.tick()
    first = world.sandbox.posts()[-1]
    world.later(days=1)
    second = sent(world)
    world.sandbox.actors.set_metrics(first.id, LIKED)
    found = read(world, only=second.id)

    assert [(second.id, Result.CREDITED)] == [(one.post_id, one.result) for one in found.posts]
    assert {first.id} == on_agenda(world)


def test_a_post_that_has_left_the_agenda_is_found_in_the_ledger(world: World) -> None:
    """The document was lost: by its id the post is put back, read and credited; then its credit stands."""
    post = sent(world)
    put(world, "measuring", Measuring())

    assert () == read(world).posts
    assert [(Result.DUE, "for its credit")] == told(read(world, only=post.id, dry_run=True).posts)
    assert [(Result.CREDITED, "")] == told(read(world, only=post.id).posts)
    again = read(world, only=post.id)
    assert [Result.CREDITED] == [one.result for one in again.posts]
    assert "old enough for that to stand" in again.posts[0].reason
    assert 1 == counted(world)
    assert 1 == len(world.sandbox.requests(POSTS))


def test_a_post_that_the_ledger_never_made_cannot_be_settled(world: World) -> None:
    """A post by hand is none of the learner's."""
    sent(world)
    by_hand = world.sandbox.actors.post("songpost", "By hand.")
    with pytest.raises(NotFound):
        read(world, only=by_hand.id)


def test_a_corrected_post_tells_its_story(world: World) -> None:
    """By its id, a post that was credited and corrected is not read again; one between the two waits."""
    world.with_settings(learning=LearningSettings(credit_after_hours=24))
    post = sent(world)
    read(world)
    put(world, "measuring", Measuring())
    between = read(world, only=post.id)
    world.later(days=2)
    world.sandbox.actors.set_metrics(post.id, {"impression_count": 900})
    corrected = read(world, only=post.id)
    after = read(world, only=post.id)

    assert [Result.WAITING] == [one.result for one in between.posts]
    assert [Result.CORRECTED] == [one.result for one in corrected.posts]
    assert "and corrected at 2026-11-28" in after.posts[0].reason
    assert Result.CORRECTED is after.posts[0].result
    assert 2 == len(world.sandbox.requests(POSTS))


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"arm": None}, "no arm chose it"), ({"kind": Kind.REPLY}, "a reply is no post of ours to learn from")],
)
def test_what_no_arm_chose_cannot_be_settled(world: World, changes: dict[str, object], said: str) -> None:
    """A pinned post and a reply are named as what they are, and not read."""
    world.tick()
    other = replace(world.action(), key="post/2026-11-25/noon/7", post_id="77", **changes)  # type: ignore[arg-type]
    session = world.session()
    session.store.commit("default", [PutAction(other, None)], "other")
    session.close()
    found = read(world, only="77")

    assert said in found.posts[0].reason
    assert Result.NOT_CREDITED is found.posts[0].result
    assert [] == world.sandbox.requests(POSTS)


def test_another_half_life_rebuilds_the_counters_from_the_credits(world: World) -> None:
    """The owner changes the half-life: the next live tick sums all credits anew, and a dry run foretells it."""
    sent(world)
    read(world)
    world.with_settings(learning=LearningSettings(half_life_days=7.0))
    foretold = read(world, dry_run=True)
    found = read(world)

    assert "the half-life is now 7 days" in found.rebuilt
    assert foretold.rebuilt == found.rebuilt
    snapshot = world.account().snapshot
    assert snapshot.learning is not None
    assert 7 * 86_400 == snapshot.learning.half_life_seconds
    expected = crediting.rebuilt(credits_of(world).values(), snapshot.settings.learning, world.clock.now())
    assert expected == snapshot.learning
    assert "" == read(world).rebuilt


def test_the_counters_are_the_sum_of_the_credits(world: World) -> None:
    """After two weeks of posts a rebuild from the credits gives the stored counters, bit for bit."""
    world.with_settings(
        learning=LearningSettings(credit_after_hours=24),
        similarity=replace(world.settings.similarity, window_days=1),
    )
    for day in range(14):
        world.tick()
        post = world.sandbox.posts()[-1]
        world.sandbox.actors.set_metrics(post.id, {"impression_count": 300 + 40 * day, "like_count": day})
        read(world)
        world.later(days=1, seconds=5)
    snapshot = world.account().snapshot

    assert counted(world) >= 10
    expected = crediting.rebuilt(credits_of(world).values(), snapshot.settings.learning, world.clock.now())
    assert expected == snapshot.learning
    assert world.bill_micros <= world.spent_micros()


def test_old_counters_move_to_a_newer_landmark() -> None:
    """Whole numbers that double every half-life would grow for ever: after 64 half-lives they are made anew."""
    learning = LearningSettings(half_life_days=1.0)
    now = datetime(2028, 11, 27, tzinfo=UTC)
    fresh = crediting.rebuilt((), learning, now)

    assert now == fresh.landmark_at
    assert "" == crediting.out_of_date(fresh, learning, now + timedelta(days=60))
    assert "65 half-lives back" in crediting.out_of_date(fresh, learning, now + timedelta(days=65))


def test_a_credit_of_an_older_definition_is_corrected_by_the_present_one(world: World) -> None:
    """The counters were rebuilt since: the difference is taken from what the old credit is worth now."""
    world.with_settings(learning=LearningSettings(credit_after_hours=24))
    post = sent(world)
    read(world)
    stored = credits_of(world)[post.id]
    old = replace(stored, reward=replace(stored.reward, version=0, rate=1, log_rate=1))
    session = world.session()
    item = PutItem(crediting.CREDITS, post.id, documents.encode(old), if_absent=False)
    session.store.commit("default", [item], "old")
    session.close()
    world.later(days=2)
    world.sandbox.actors.set_metrics(post.id, {"impression_count": 900})
    read(world)
    snapshot = world.account().snapshot

    expected = crediting.rebuilt(credits_of(world).values(), snapshot.settings.learning, world.clock.now())
    assert expected == snapshot.learning
    assert 1 == counted(world)


def test_rewards_of_an_older_definition_are_computed_anew() -> None:
    """Counters of another reward's version do not add up with new ones: they are rebuilt."""
    learning = LearningSettings()
    now = START
    older = replace(crediting.rebuilt((), learning, now), reward_version=0)

    assert "it was of 0" in crediting.out_of_date(older, learning, now)
