"""Others' posts come into the inbox once, whatever cuts a read, for the money that the day has."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from songpost.account_documents import Position
from songpost.agent import documents, inbox, journal, opting_out
from songpost.agent.events import Invocation
from songpost.agent.reading import Round
from songpost.candidates import Candidate, Source
from songpost.core import reading_plan
from songpost.errors import CommitConflict
from songpost.invoking import run_reader
from songpost.model import Action, Kind, State
from songpost.money_settings import Budget, Prices
from songpost.settings import AppOwner, PerKind, Plan, Query, QueryAction, Reading
from songpost.store.port import PutAction, PutItem, Store
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import START, Crash, World, breaking, whole

MENTIONS, SEARCH, TIMELINE = "GET /2/users/:id/mentions", "GET /2/tweets/search/recent", "GET /2/users/:id/tweets"
OWNED = 1_000
EVERYWHERE = Reading(usd_per_day=Decimal(1))


@pytest.fixture
def world(world: World) -> World:
    """A world whose account owns its app, has posted once, and reads everywhere."""
    owner = AppOwner(user_id=world.sandbox.credentials().user_id, attested_on=START.date())
    world.with_settings(reading=EVERYWHERE, app_owner=owner)
    world.tick()
    world.later(minutes=30)
    return world


def read(world: World, mode: str = "mentions", *, dry_run: bool = False, remaining: float = 900.0) -> Round:
    """One tick of the reader in a process of its own."""
    session = world.session(dry_run=dry_run)
    try:
        invocation = Invocation(mode=mode, account="default", dry_run=dry_run)
        found = run_reader(session, invocation, lambda: remaining)[2]
    finally:
        session.close()
    assert found is not None
    return found


def waiting(world: World) -> list[Candidate]:
    """The inbox, oldest first."""
    session = world.session()
    found = list(inbox.everything(session.store, "default"))
    session.close()
    return found


def place(world: World, name: str = "mentions") -> Position:
    """How far a place is read."""
    return world.account().snapshot.reading.places[name]


def storm(world: World, count: int, *, first: int = 0) -> list[str]:
    """So many mentions by so many strangers, ten milliseconds apart, up to now; their ids, oldest first."""
    now = world.clock.now()
    return [
        world.sandbox.actors.post(
            f"fan{first + n}", f"@songpost number {first + n}", at=now - timedelta(milliseconds=10 * (count - n))
        ).id
        for n in range(count)
    ]


def late(world: World, at: datetime, *, ticks: int = 1) -> bool:
    """Whether a mention of an earlier time that X begins to show now is found by the ticks that follow."""
    post = world.sandbox.actors.post("slow", "@songpost I am late", at=at)
    for _ in range(ticks):
        world.later(minutes=31)
        read(world)
    return post.id in {one.post_id for one in waiting(world)}


def left_out(found: Round) -> dict[str, int]:
    """Why posts were left out, over all pages."""
    total: dict[str, int] = {}
    for page in found.pages:
        for reason, number in page.left_out.items():
            total[reason] = total.get(reason, 0) + number
    return total


class Edited:
    """A wire whose answers to one endpoint are changed on the way, in turn."""

    def __init__(
        self, inner: Transport, part: str, edits: Collection[Callable[[dict[str, object]], None] | None]
    ) -> None:
        self._inner, self._part, self._edits = inner, part, list(edits)

    def send(self, request: Request) -> Response:
        """Pass on, and change what comes back."""
        answer = self._inner.send(request)
        if self._part not in request.url or not self._edits:
            return answer
        edit = self._edits.pop(0)
        if edit is None:
            return answer
        body = json.loads(answer.body)
        edit(body)
        return replace(answer, status=200, body=json.dumps(body).encode())


def edited(world: World, *edits: Callable[[dict[str, object]], None] | None, part: str = "/mentions") -> None:
    """Let the next answers of an endpoint come in another form."""
    world.wrap_wire = lambda wire: Edited(wire, part, edits)


# --------------------------------------------------------------------------------------------------- into the inbox


def test_a_mention_waits_in_the_inbox(world: World) -> None:
    """Its author, its plain text and what may follow from it; the answer cost a thousandth a post, as X says too."""
    post = world.sandbox.actors.post("mia", "@songpost does rye need salt & water?")
    before = world.spent_micros()
    found = read(world)
    (one,) = waiting(world)

    assert (Source.MENTION, True, (Kind.REPLY,)) == (one.source, one.summons, one.allowed)
    assert (post.id, post.author_id, "@songpost does rye need salt & water?") == (one.post_id, one.author_id, one.text)
    assert timedelta(hours=24) == one.expires_at - one.posted_at
    assert [(1, 1, OWNED)] == [(page.posts, page.taken, page.settled_micros) for page in found.pages]
    assert OWNED == world.spent_micros() - before
    assert world.bill_micros == world.spent_micros()


def test_the_inbox_is_read_oldest_first_and_claimed_once(world: World) -> None:
    """Two claims of one candidate: the second commit fails; the expired ones are not shown."""
    ids = storm(world, 3)
    read(world)
    session = world.session()
    oldest = inbox.waiting(session.store, "default", world.clock.now(), 2)
    assert ids[:2] == [one.post_id for one in oldest]
    claim = [inbox.claimed(oldest[0])]
    session.store.commit("default", claim, "one")
    with pytest.raises(CommitConflict):
        session.store.commit("default", claim, "two")
    later = world.clock.now() + timedelta(hours=25)
    assert () == inbox.waiting(session.store, "default", later, 10)
    session.close()


def test_the_next_read_asks_only_for_what_is_newer(world: World) -> None:
    """The watermark goes over the wire; what was claimed meanwhile does not come back."""
    storm(world, 2)
    read(world)
    mark = place(world).since_id
    world.later(minutes=30)
    storm(world, 1, first=2)
    read(world)

    asked = [record.query for record in world.sandbox.requests(MENTIONS)]
    assert [mark] == [query["since_id"] for query in asked[1:]]
    assert 3 == len(waiting(world))


def test_a_mention_that_turns_up_late_is_not_lost(world: World) -> None:
    """X may show an older post after a newer one: the watermark stays a minute behind the question."""
    now = world.clock.now()
    storm(world, 1)
    read(world)

    assert late(world, now - timedelta(seconds=20))
    assert 2 == len(waiting(world))


def test_a_slow_answer_makes_the_watermark_no_younger(world: World) -> None:
    """X looked when it was asked; the answer was there 25 seconds later, and the minute counts from before."""
    now = world.clock.now()
    storm(world, 1)

    class Slow(Transport):
        def __init__(self, inner: Transport) -> None:
            self._inner = inner

        def send(self, request: Request) -> Response:
            answer = self._inner.send(request)
            world.clock.advance(25.0)
            return answer

    world.wrap_wire = Slow
    read(world)
    world.wrap_wire = lambda wire: wire

    assert late(world, now - timedelta(seconds=50))
    assert 2 == len(waiting(world))


def test_a_mention_that_turns_up_late_between_two_pages_is_not_lost(world: World) -> None:
    """A sweep that is cut, and whole half an hour later, has still looked up when it began."""
    world.with_settings(reading=replace(EVERYWHERE, posts_per_tick=90))
    now = world.clock.now()
    storm(world, 100)
    read(world)
    assert place(world).until_id

    assert late(world, now - timedelta(milliseconds=505), ticks=3)
    assert 101 == len(waiting(world))


def test_what_is_no_candidate_is_left_out_by_name(world: World) -> None:
    """Own posts, reposts, blocked users, and what is too old to answer."""
    actors = world.sandbox.actors
    blocked = actors.add_user("pest").id
    world.with_settings(blocked_user_ids=(blocked,))
    own = actors.post("songpost", "note to myself: @songpost")
    summons = actors.post("mia", "@songpost hello")
    actors.post("pest", "@songpost hello")
    actors.post("bob", "@songpost from before", at=world.clock.now() - timedelta(hours=23, minutes=59))
    world.later(minutes=2)
    found = read(world)

    assert [summons.id] == [one.post_id for one in waiting(world)]
    assert {"blocked_user_ids names its author": 1} == left_out(found)
    assert own.id not in {one.post_id for one in waiting(world)}


def test_what_was_answered_does_not_come_back(world: World) -> None:
    """The action's key is the post's: a post that an action was made of is a repeat, wherever it turns up again."""
    storm(world, 2)
    read(world)
    (one, other) = waiting(world)
    session = world.session()
    now = world.clock.now()
    action = Action(
        key=one.action_key(Kind.REPLY), kind=Kind.REPLY, state=State.ABANDONED, created_at=now, updated_at=now,
        due_at=now, closes_at=now,
    )  # fmt: skip
    session.store.commit("default", [PutAction(action, None), inbox.claimed(one)], "claim")
    session.close()
    world.later(minutes=30)
    forget_place(world)
    found = read(world)

    assert [other.post_id] == [one.post_id for one in waiting(world)]
    assert {"it waits, or was acted on": 2} == left_out(found)


def forget_place(world: World, name: str = "mentions") -> None:
    """Let a place be read as if for the first time."""
    session = world.session()
    account = session.open()
    places = {key: one for key, one in account.snapshot.reading.places.items() if key != name}
    snapshot = replace(account.snapshot, reading=replace(account.snapshot.reading, places=places))
    changes = documents.changes_of(snapshot, snapshot.versions, ["reading"], [])
    session.store.commit("default", changes, f"forget-{world.clock.now():%H%M}")
    session.close()


# -------------------------------------------------------------------------------------------------------- no gap


def test_a_storm_is_taken_whole(world: World) -> None:
    """Four pages in one tick: each mention once, in the order of their posting."""
    ids = storm(world, 300)
    found = read(world)

    assert ids == [one.post_id for one in waiting(world)]
    assert [90, 90, 90, 30] == [page.posts for page in found.pages]
    assert world.bill_micros == world.spent_micros()


def test_a_storm_goes_on_tick_after_tick(world: World) -> None:
    """Eight hundred mentions before each of two ticks, as far as X reaches back: all wait, in their order, once."""
    world.with_settings(
        reading=replace(EVERYWHERE, usd_per_day=Decimal(5)), budget=Budget(usd_per_month=Decimal(50), burst_days=None)
    )
    ids: list[str] = []
    for _ in range(2):
        ids += storm(world, 800, first=len(ids))
        world.later(minutes=2)
        read(world)
        world.later(minutes=31)
    read(world)

    assert ids == [one.post_id for one in waiting(world)]
    assert world.bill_micros == world.spent_micros()


def test_a_page_limit_leaves_a_gap_that_is_closed_first(world: World) -> None:
    """What is newer waits until nothing older is left: X reaches back only 800 posts."""
    world.with_settings(reading=replace(EVERYWHERE, posts_per_tick=90))
    ids = storm(world, 200)
    read(world)
    cut = place(world)
    assert ids[110] == cut.until_id
    assert cut.since_id == ""

    world.later(minutes=5)
    ids += storm(world, 5, first=200)
    read(world)
    assert ids[20:110] == [one.post_id for one in waiting(world)][:90]
    read(world)
    assert "" == place(world).until_id
    for _ in range(3):  # the storm's minute is asked for again
        world.later(minutes=30)
        read(world)

    assert ids == [one.post_id for one in waiting(world)]
    assert ("", ids[-1]) == (place(world).until_id, place(world).since_id)


def test_a_budget_that_ends_leaves_a_gap_for_the_next_day(world: World) -> None:
    """Sixty posts' money a day: the rest comes on the days after, nothing is lost, no day costs more."""
    world.with_settings(
        reading=replace(EVERYWHERE, usd_per_day=Decimal("0.06"), answer_within_hours=120, timeline_every_minutes=None)
    )
    world.later(hours=12)
    ids = storm(world, 150)
    spent = []
    for _ in range(4):
        before = world.spent_micros()
        for _ in range(3):
            read(world)
        spent.append(world.spent_micros() - before)
        world.later(days=1)

    assert ids == [one.post_id for one in waiting(world)]
    assert max(spent) <= 60_000
    assert world.bill_micros <= world.spent_micros()


def test_a_tick_that_runs_out_of_time_goes_on_later(world: World) -> None:
    """Less than forty seconds left: no further page is asked for."""
    ids = storm(world, 150)
    left = itertools.chain([900.0, 900.0], itertools.repeat(30.0))
    session = world.session()
    run_reader(session, Invocation(mode="mentions", account="default"), lambda: next(left))
    session.close()
    assert 90 == len(waiting(world))
    read(world)

    assert ids == [one.post_id for one in waiting(world)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, 11))
def test_a_crash_at_any_step_loses_nothing_and_takes_nothing_twice(world: World, step: int, *, after: bool) -> None:
    """Three pages, each booked, read and taken in: wherever the process dies, the next ones bring the rest."""
    ids = storm(world, 200)
    breaking(world, step, after=after)
    try:
        read(world)
    except Crash:
        whole(world)
        for _ in range(2):
            world.later(minutes=31)
            read(world)

    assert ids == [one.post_id for one in waiting(world)]
    assert "" == place(world).until_id


@pytest.mark.parametrize("kind", ["status", "answer lost", "rate limited", "truncated", "list", "no data"])
def test_an_error_of_x_loses_nothing(world: World, kind: str) -> None:
    """The second page fails for good: the tick says so by name, and later ticks close the gap."""
    ids = storm(world, 200)
    for _ in range(4):
        world.fault(kind, MENTIONS, skip=1)
    found = read(world)
    while world.sandbox.faults.waiting:
        world.sandbox.faults.waiting.pop()
    for _ in range(3):
        world.later(minutes=31)
        read(world)

    assert found.stopped is not None or kind != "status"
    assert ids == [one.post_id for one in waiting(world)]
    assert world.bill_micros <= world.spent_micros()


def test_of_two_readers_one_asks(world: World) -> None:
    """The booking carries the time: whoever comes second finds the mentions read."""
    storm(world, 3)
    again: list[Round] = []

    class Meanwhile:
        def __init__(self, inner: Transport) -> None:
            self._inner = inner

        def send(self, request: Request) -> Response:
            world.wrap_wire = lambda wire: wire
            if not again:
                again.append(read(world))
            return self._inner.send(request)

    world.wrap_wire = Meanwhile
    found = read(world)

    assert () == again[0].pages
    assert 1 == len(found.pages) == len(world.sandbox.requests(MENTIONS))
    assert 3 == len(waiting(world))


def test_a_reader_that_comes_second_moves_nothing_back(world: World) -> None:
    """A page that another reader has taken meanwhile is paid, and its posts are repeats."""
    storm(world, 100)
    world.with_settings(reading=replace(EVERYWHERE, posts_per_tick=10))

    class Meanwhile:
        done = False

        def __init__(self, inner: Transport) -> None:
            self._inner = inner

        def send(self, request: Request) -> Response:
            answer = self._inner.send(request)
            if not Meanwhile.done and "until_id" in request.url:
                Meanwhile.done = True
                world.wrap_wire = lambda wire: wire
                read(world)
            return answer

    read(world)
    world.wrap_wire = Meanwhile
    found = read(world)

    assert ["another reader was first"] == [page.note for page in found.pages]
    assert 100 == len({one.post_id for one in waiting(world)}) == len(waiting(world))
    assert world.bill_micros <= world.spent_micros()


# ------------------------------------------------------------------------------------------------------- opt-outs


def proposed(world: World, one: Candidate) -> Action:
    """A reply that waits for a person's word, as the writer makes it."""
    now = world.clock.now()
    return Action(
        key=one.action_key(Kind.REPLY), kind=Kind.REPLY, state=State.PROPOSED, created_at=now, updated_at=now,
        due_at=now, closes_at=one.expires_at, text="Thank you.", target_id=one.post_id, target_author_id=one.author_id,
    )  # fmt: skip


def test_an_opt_out_is_for_good_and_drops_what_waits(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The word is logged; candidates and proposals of that user go, others stay; a later mention is left out."""
    caplog.set_level(logging.INFO)
    for name in ("mia", "bob"):
        for n in range(2):
            world.sandbox.actors.post(name, f"@songpost question {n} about bread and water, which I ask politely")
    read(world)
    session = world.session()
    claims = {one.author_id: one for one in waiting(world)}
    for number, one in enumerate(claims.values()):
        session.store.commit("default", [PutAction(proposed(world, one), None), inbox.claimed(one)], f"claim{number}")
    session.close()
    mia = world.sandbox.actors.user("mia").id
    world.later(minutes=30)
    stop = world.sandbox.actors.post("mia", "@songpost Stop!")
    found = read(world)

    assert 1 == found.pages[0].opted_out
    assert {mia} == {action.target_author_id for action in actions(world, State.ABANDONED)}
    assert {opting_out.REASON} == {action.reason for action in actions(world, State.ABANDONED)}
    assert 1 == len(actions(world, State.PROPOSED))
    assert [] == [one for one in waiting(world) if one.author_id == mia]
    assert 1 == len(waiting(world))
    assert f"user {mia} has opted out with 'stop' in post {stop.id}" in caplog.text

    world.later(days=30)
    world.sandbox.actors.post("mia", "@songpost I have another question")
    world.sandbox.actors.post("bob", "@songpost I have another question")
    assert {"its author has opted out": 1} == left_out(read(world))


def actions(world: World, state: State) -> list[Action]:
    """Actions of a state, from the store."""
    session = world.session()
    found = [stored.action for stored in session.store.actions("default", state=state)]
    session.close()
    return found


def test_a_crash_after_the_opt_out_leaves_nobody_to_be_asked(world: World) -> None:
    """The opt-out stands with the page; whoever acts asks for it once more."""
    world.sandbox.actors.post("mia", "@songpost a question of some length, about the water in my dough")
    read(world)
    world.later(minutes=30)
    world.sandbox.actors.post("mia", "@songpost please stop")
    breaking(world, 3, after=True)
    with pytest.raises(Crash):
        read(world)
    whole(world)
    mia = world.sandbox.actors.user("mia").id
    session = world.session()

    assert frozenset({mia}) == inbox.opted_out(session.store, "default", [mia, "1", "10", "2"])
    assert frozenset() == inbox.opted_out(session.store, "default", [mia[:-1], mia + "0", ""])
    session.close()


def test_many_users_are_asked_about_at_once(world: World) -> None:
    """More than a few users are one query over their range."""
    ids = [world.sandbox.actors.post(f"fan{n}", "@songpost stop").author_id for n in range(12)]
    read(world)
    session = world.session()

    assert frozenset(ids) == inbox.opted_out(session.store, "default", [*ids, "5"])
    session.close()


# --------------------------------------------------------------------------------------------- search and watchlist


def query(*actions: QueryAction, words: str = "sourdough") -> Query:
    """A search with what may follow."""
    return Query(query=words, actions=actions)


def test_a_search_that_can_lead_to_nothing_is_not_paid_for(world: World) -> None:
    """On pay-per-use a reply never follows a find, nor a like anything: X is not even asked, and the reason is told."""
    world.with_settings(queries=(query(QueryAction.REPLY), query(QueryAction.LIKE, words="rye"), query(words="oats")))
    world.sandbox.actors.post("mia", "my sourdough and rye and oats")
    found = read(world, "search")

    reasons = {one.name: one.reason for one in found.skipped}
    assert "permits a reply only to who summoned" in reasons[reading_plan.search_name("sourdough")]
    assert "does not permit like" in reasons[reading_plan.search_name("rye")]
    assert "names no actions" in reasons[reading_plan.search_name("oats")]
    assert [] == world.sandbox.requests(SEARCH)


def test_a_search_brings_what_its_actions_permit(world: World) -> None:
    """A stranger's post may be reposted, one that quotes the account may be answered too."""
    own = world.sandbox.posts()[-1].id
    world.with_settings(queries=(query(QueryAction.REPOST, QueryAction.REPLY),))
    stranger = world.sandbox.actors.post("mia", "my sourdough")
    quoting = world.sandbox.actors.post("bob", "sourdough, see", quote=own)
    read(world, "search")
    found = {one.post_id: one for one in waiting(world)}

    assert (Kind.REPOST,) == found[stranger.id].allowed
    assert not found[stranger.id].summons
    assert (Kind.REPOST, Kind.REPLY) == found[quoting.id].allowed
    assert found[quoting.id].summons
    assert "sourdough" == found[quoting.id].query
    assert {2 * 5_000} == {record.micros for record in world.sandbox.service.bill.charges if record.endpoint == SEARCH}


CONTRACT = Budget(
    usd_per_month=Decimal(50),
    burst_days=None,
    prices=Prices(
        post_create=Decimal("0.015"),
        post_read=Decimal("0.005"),
        owned_read=Decimal("0.001"),
        user_read=Decimal("0.01"),
        interaction=Decimal("0.015"),
    ),
)


def put_action(world: World, key: str, kind: Kind) -> None:
    """Let an action of the ledger be one that came to its end."""
    now = world.clock.now()
    action = Action(
        key=key, kind=kind, state=State.ABANDONED, created_at=now, updated_at=now, due_at=now, closes_at=now
    )
    session = world.session()
    session.store.commit("default", [PutAction(action, None)], f"put-{key[-20:]}")
    session.close()


def test_a_post_that_was_answered_is_not_quoted_and_nobody_is_followed_twice(world: World) -> None:
    """Reply and quote are one answer, under whichever settings; a follow is one for each user, whatever the post."""
    actions = (QueryAction.QUOTE, QueryAction.FOLLOW)
    kinds = PerKind(post=1, reply=5, quote=5, repost=5, like=5, follow=5)
    world.with_settings(plan=Plan.ENTERPRISE, budget=CONTRACT, queries=(query(*actions),), max_per_window=kinds)
    now = world.clock.now()
    answered = world.sandbox.actors.post("mia", "my sourdough rises")
    again = world.sandbox.actors.post("bob", "bob's sourdough")
    new = world.sandbox.actors.post("zoe", "zoe's sourdough")
    put_action(world, f"reply/{now.date()}/{answered.id}", Kind.REPLY)
    session = world.session()
    session.store.commit("default", [PutItem("followed", again.author_id, {"schema_version": 1})], "followed")
    session.close()
    found = read(world, "search")

    assert {again.id: (Kind.QUOTE,), new.id: (Kind.QUOTE, Kind.FOLLOW)} == {
        one.post_id: one.allowed for one in waiting(world)
    }
    assert {"it waits, or was acted on": 1} == left_out(found)


def test_a_find_of_whom_only_a_follow_could_follow_is_left_out(world: World) -> None:
    """The user was followed by an earlier post: nothing else may come of this one."""
    kinds = PerKind(post=1, follow=5)
    world.with_settings(
        plan=Plan.ENTERPRISE, budget=CONTRACT, queries=(query(QueryAction.FOLLOW),), max_per_window=kinds
    )
    again = world.sandbox.actors.post("bob", "bob's sourdough")
    session = world.session()
    session.store.commit("default", [PutItem("followed", again.author_id, {"schema_version": 1})], "followed")
    session.close()

    assert {"its author was followed once": 1} == left_out(read(world, "search"))
    assert [] == waiting(world)


def test_a_quote_of_an_old_own_post_is_a_summons(world: World) -> None:
    """The post may be long forgotten here: the link that stands for it names the account."""
    old = world.sandbox.actors.post("songpost", "from long ago", at=START - timedelta(days=300))
    world.with_settings(queries=(query(QueryAction.REPOST),))
    world.sandbox.actors.post("bob", "sourdough", quote=old.id)
    read(world, "search")

    assert [True] == [one.summons for one in waiting(world)]


def test_a_watermark_older_than_a_week_is_not_asked_for(world: World) -> None:
    """X refuses a since_id before its seven days: after a pause the search begins where X can."""
    world.with_settings(queries=(query(QueryAction.REPOST),))
    read(world, "search")
    world.later(days=9)
    world.sandbox.actors.post("mia", "my sourdough")
    found = read(world, "search")

    assert None is found.stopped
    assert 1 == len(waiting(world))


def test_a_query_that_x_refuses_stops_no_other(world: World) -> None:
    """Its reason is told; the others are read."""
    world.with_settings(queries=(query(QueryAction.REPOST, words="bogus:operator"), query(QueryAction.REPOST)))
    world.sandbox.actors.post("mia", "my sourdough")
    found = read(world, "search")

    assert None is found.stopped
    assert 1 == len(waiting(world))
    assert any("invalid operator" in page.note for page in found.pages)


def test_a_watchlist_costs_one_request_a_user(world: World) -> None:
    """Each user's new posts, by what was read last; who has nothing new costs nothing."""
    ids = tuple(world.sandbox.actors.add_user(f"bird{n}").id for n in range(3))
    world.with_settings(watchlist_user_ids=ids, watchlist_actions=(QueryAction.REPOST,))
    world.sandbox.actors.post("bird1", "a new post")
    read(world, "search")
    world.later(hours=4)
    world.sandbox.actors.post("bird2", "another")
    before = world.bill_micros
    read(world, "search")

    assert 3 + 3 == len([r for r in world.sandbox.requests(TIMELINE) if r.path.split("/")[3] in ids])
    assert ["a new post", "another"] == [one.text for one in waiting(world)]
    assert {Source.WATCHLIST} == {one.source for one in waiting(world)}
    assert 5_000 == world.bill_micros - before


def test_a_watchlist_takes_turns_under_the_budget(world: World) -> None:
    """Money for two at worst: who was read longest ago comes first the next time."""
    ids = tuple(world.sandbox.actors.add_user(f"bird{n}").id for n in range(4))
    for n in range(4):
        for k in range(7):
            world.sandbox.actors.post(f"bird{n}", f"post {k}")
    world.with_settings(
        watchlist_user_ids=ids,
        watchlist_actions=(QueryAction.REPOST,),
        reading=replace(EVERYWHERE, usd_per_day=Decimal("0.07"), answer_within_hours=100),
    )
    world.later(hours=12)
    for _ in range(2):
        read(world, "search")
        world.later(days=1)
    asked = [record.path.split("/")[3] for record in world.sandbox.requests(TIMELINE)]
    order = [user_id for user_id in dict.fromkeys(asked) if user_id in ids]

    assert ids == tuple(order)


# ------------------------------------------------------------------------------------------------- money and quiet


def test_without_ownership_the_full_price_is_booked(world: World) -> None:
    """Nobody's word, or a word that X refutes: five thousandths a post."""
    storm(world, 2)
    for owner in (None, AppOwner(user_id="1", attested_on=START.date())):
        world.with_settings(app_owner=owner)
        before = world.spent_micros()
        read(world)
        forget_place(world)
        assert 10_000 == world.spent_micros() - before
        world.later(minutes=31)


def test_with_nothing_due_a_tick_loads_once(world: World) -> None:
    """One load is one request to DynamoDB; X's client is not even built."""
    world.with_settings(queries=(query(QueryAction.REPOST),))
    read(world, "all")
    asked: list[str] = []

    def counting(store: Store) -> Store:
        for name in ("load", "commit", "action", "actions", "items"):
            setattr(store, name, _heard(asked, name, getattr(store, name)))
        return store

    world.wrap_store = counting
    calls = world.sandbox.requests_seen
    world.later(minutes=5)
    found = read(world, "all")

    assert ["load"] == asked
    assert calls == world.sandbox.requests_seen
    assert {"mentions", "timeline", reading_plan.search_name("sourdough")} == {one.name for one in found.skipped}


def _heard(asked: list[str], name: str, verb: Callable[..., object]) -> Callable[..., object]:
    def heard(*words: object, **more: object) -> object:
        asked.append(name)
        return verb(*words, **more)

    return heard


def test_a_dry_run_foretells_and_asks_nobody(world: World) -> None:
    """Each place with its worst price; X hears nothing, the store stays as it is."""
    storm(world, 3)
    calls, version = world.sandbox.requests_seen, world.account().snapshot.versions
    found = read(world, "all", dry_run=True)

    assert [("mentions", 90 * OWNED, None)] == [
        (page.name, page.read.micros, page.settled_micros) for page in found.pages
    ]
    assert (calls, version) == (world.sandbox.requests_seen, world.account().snapshot.versions)
    assert 1 == len(read(world, "all").pages)


def test_a_pause_holds_reads_back(world: World) -> None:
    """Nothing is asked, and the gate is told."""
    from songpost.agent import control

    session = world.session()
    control.pause(session.desk, "holidays", "test")
    session.close()
    storm(world, 1)
    found = read(world)

    assert ["control"] == [page.refused.gate for page in found.pages if page.refused is not None]
    assert [] == world.sandbox.requests(MENTIONS)


def test_mentions_that_nobody_may_answer_are_not_read(world: World) -> None:
    """A plan without replies, replies off, or none in any window: the reader says why."""
    storm(world, 1)
    for changes, words in (
        ({"plan": Plan.FREE}, "does not permit reply"),
        ({"plan": Plan.PAY_PER_USE, "max_per_window": PerKind(post=1, reply=0)}, "max_per_window.reply is 0"),
    ):
        world.with_settings(**changes)
        assert any(words in one.reason for one in read(world).skipped)
    assert [] == world.sandbox.requests(MENTIONS)


def test_a_clock_that_is_off_takes_nothing_in(world: World) -> None:
    """The read is paid, the account pauses, and the mention is read once the clock is right."""
    storm(world, 1)
    world.fault("clock skew", MENTIONS, seconds=600.0)
    found = read(world)

    assert found.stopped is not None
    assert "ClockError" == found.stopped.name
    assert [] == waiting(world)
    assert world.account().snapshot.control.paused
    assert "" == place(world).since_id


def test_the_reader_needs_no_right_to_write(world: World) -> None:
    """An app that may only read serves every mode."""
    world.sandbox.change(replace(world.sandbox.rules, oauth1_write=False))
    storm(world, 2)
    found = read(world, "all")

    assert None is found.stopped
    assert 2 == len(waiting(world))


def test_an_account_that_x_was_never_asked_about_begins_with_that(world: World) -> None:
    """The first live tick learns the user and the past, then reads; a dry one says that it cannot know yet."""
    world.folder = world.folder / "fresh"
    world.folder.mkdir()
    session = world.session()
    session.close()
    storm(world, 1)
    dry = read(world, "all", dry_run=True)
    read(world)

    assert ["everything"] == [one.name for one in dry.skipped]
    assert 1 == len(waiting(world))


def test_every_read_leaves_a_line(world: World) -> None:
    """Each page leaves a line with its price and what came of it."""
    storm(world, 1)
    read(world)
    session = world.session()
    lines = [item.body for item in session.store.items("default", journal.READS)]
    session.close()

    assert [("answered", OWNED, 1)] == [(line["outcome"], line["micros"], line["resources"]) for line in lines]


# --------------------------------------------------------------------------------------------------------- bad input


def only_text(world: World, text: str) -> str:
    """What the inbox keeps of a mention with this text."""
    world.sandbox.actors.post("mia", "@songpost " + text)
    read(world)
    (one,) = waiting(world)
    return one.text


def test_control_characters_and_overrides_are_taken_out(world: World) -> None:
    """What a person is shown for approval reads as it is: nothing turns it round, nothing moves the cursor."""
    assert "@songpost pay evil now\nplease" == only_text(world, "pay \u202eevil\u2066 n\x1b\x00ow\nplease\ufeff")


def test_ten_thousand_marks_are_cut_to_a_few(world: World) -> None:
    """A letter keeps four of them; the item stays small."""
    kept = only_text(world, "zalgo" + "\u0301" * 10_000)

    assert "@songpost zalgo" + "\u0301" * 4 == kept


def test_a_text_is_kept_to_a_bounded_size(world: World) -> None:
    """A long post of wide characters is cut at a thousand characters and three thousand bytes."""
    kept = only_text(world, "\U0001f426" * 5_000)

    assert len(kept) <= 1_000
    assert 2_990 <= len(kept.encode()) <= 3_000


def test_users_of_one_name_are_told_apart(world: World) -> None:
    """A display name is anybody's; who opted out is an id."""
    world.sandbox.actors.add_user("mia1", name="Mia")
    world.sandbox.actors.add_user("mia2", name="Mia")
    world.sandbox.actors.post("mia1", "@songpost stop")
    other = world.sandbox.actors.post("mia2", "@songpost hello")
    read(world)

    assert [other.author_id] == [one.author_id for one in waiting(world)]


def test_a_deleted_parent_stops_nothing(world: World) -> None:
    """A mention that answers a post that is gone is taken in, with what X still says of it."""
    parent = world.sandbox.actors.post("bob", "a question").id
    answer = world.sandbox.actors.post("mia", "@songpost knows", reply_to=parent)
    world.sandbox.actors.delete(parent)
    read(world)

    assert [(answer.id, parent)] == [(one.post_id, one.replied_to) for one in waiting(world)]


def test_an_id_beyond_64_bits_is_an_error_by_name(world: World) -> None:
    """The page is unreadable and taken in by nobody; it is paid, and read again once X speaks sense."""
    (good,) = storm(world, 1)

    def absurd(body: dict[str, object]) -> None:
        body["data"] = [{"id": "9" * 25, "text": "@songpost hi", "author_id": "1"}]

    edited(world, absurd, absurd, absurd, absurd)
    found = read(world)
    world.wrap_wire = lambda wire: wire

    assert found.stopped is not None
    assert "no id but" in str(found.stopped)
    assert [] == waiting(world)
    world.later(minutes=31)
    read(world)
    assert [good] == [one.post_id for one in waiting(world)]


def test_an_empty_page_with_a_token_is_followed(world: World) -> None:
    """X filters after it pages: a page may be empty and not be the last."""
    ids = storm(world, 95)

    def emptied(body: dict[str, object]) -> None:
        body["data"], body["meta"] = [], {"result_count": 0, "next_token": body["meta"]["next_token"]}  # type: ignore[index]

    edited(world, emptied)
    read(world)
    world.later(minutes=31)
    read(world)

    # The page that came empty was X's newest: only what X gave can be taken in.
    assert ids[:5] == [one.post_id for one in waiting(world)]


def test_a_token_that_repeats_ends_the_turn(world: World) -> None:
    """Empty pages with one token for ever: two requests, a note, and the watermark stays."""
    storm(world, 3)

    def endless(body: dict[str, object]) -> None:
        body["data"], body["meta"] = [], {"result_count": 0, "next_token": "same"}

    edited(world, endless, endless, endless, endless, endless)
    found = read(world)
    world.wrap_wire = lambda wire: wire

    assert 2 == len(found.pages)
    assert "X gave the same page token again: the rest is asked for again" == found.pages[-1].note
    world.later(minutes=31)
    read(world)
    assert 3 == len(waiting(world))


def test_a_token_that_x_no_longer_knows_is_dropped(world: World) -> None:
    """A refused token is forgotten, so that the place is not refused for ever."""
    storm(world, 3)

    def stale(body: dict[str, object]) -> None:
        body["data"], body["meta"] = [], {"result_count": 0, "next_token": "stale"}

    edited(world, stale)
    read(world)
    world.wrap_wire = lambda wire: wire
    assert "" == place(world).token
    world.later(minutes=31)
    read(world)

    assert 3 == len(waiting(world))


def test_a_post_given_twice_is_taken_once(world: World) -> None:
    """X has been seen to repeat a post on a page."""
    ids = storm(world, 3)

    def doubled(body: dict[str, object]) -> None:
        body["data"] = [*body["data"], *body["data"]]  # type: ignore[misc]

    edited(world, doubled)
    read(world)

    assert ids == [one.post_id for one in waiting(world)]


# ------------------------------------------------------------------------------------------------------- beginnings


def test_an_error_at_the_first_question_ends_the_tick(world: World) -> None:
    """X refuses the keys: the account pauses, and no page is asked for."""
    fresh_store(world)
    world.fault("status", "GET /2/users/me", status=401, when="before", times=9)
    found = read(world)

    assert found.stopped is not None
    assert () == found.pages
    assert world.account().snapshot.control.paused


def test_a_ceiling_holds_back_the_first_question_too(world: World) -> None:
    """There is no money in the month: the tick says which gate stood in the way."""
    fresh_store(world)
    world.with_settings(budget=replace(world.settings.budget, usd_per_month=Decimal(0)))
    found = read(world)

    assert found.refused is not None
    assert "budget" == found.refused.gate


def fresh_store(world: World) -> None:
    """Begin with a store that knows nothing."""
    world.folder = world.folder / "fresh"
    world.folder.mkdir()


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_summary_tells_what_was_read_and_what_was_not(world: World, dry_run: bool) -> None:  # noqa: FBT001
    """Each page with the fields of every action, plain JSON; each place that was not read with its reason."""
    storm(world, 2)
    world.with_settings(queries=(query(QueryAction.LIKE),), blocked_user_ids=(world.sandbox.actors.user("fan0").id,))
    session = world.session(dry_run=dry_run)
    shown, *_ = run_reader(session, Invocation(mode="all", account="default", dry_run=dry_run), lambda: 900.0)
    session.close()
    told = json.loads(json.dumps(shown))
    (page,) = told["actions"]

    assert ("read", "GET /2/users/:id/mentions") == (page["kind"], page["endpoint"])
    assert ("planned" if dry_run else "sent") == page["state"]
    assert (0.09 if dry_run else 0.002) == page["price_usd"]
    assert dry_run or ({"blocked_user_ids names its author": 1}, 1) == (page["left_out"], page["taken"])
    assert {"timeline", reading_plan.search_name("sourdough")} <= {one["place"] for one in told["skipped"]}
    assert {"budget", "budget_after", "unknown_age_seconds"} <= set(told)


def test_a_person_is_told_the_same(world: World) -> None:
    """In lines of at most 80 columns: what was read, what came, what was left out, what was not read, and why."""
    from songpost.cli.run import round_report

    storm(world, 1)
    world.sandbox.actors.post("mia", "@songpost stop")
    world.sandbox.actors.post("pest", "@songpost hi")
    world.with_settings(blocked_user_ids=(world.sandbox.actors.user("pest").id,), queries=(query(QueryAction.LIKE),))
    dry = list(round_report(read(world, "all", dry_run=True), dry_run=True))
    live = list(round_report(read(world, "all"), dry_run=False))

    assert "mentions: would be read, up to 90 posts, $0.090 at worst" in dry
    assert "mentions: 3 posts, 1 into the inbox, $0.003" in live
    assert "  left out 1: blocked_user_ids names its author" in live
    assert "  1 user asked to be left alone" in live
    assert any("does not permit like" in line for line in live)
    assert max(map(len, [*dry, *live])) <= 80
