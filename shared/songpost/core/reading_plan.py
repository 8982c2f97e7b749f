"""What the reader reads next, so that the day's money for reading tells most. Pure.

An open outcome is settled first, then come the account's mentions: somebody waits for an answer. Then the own posts,
which every plan of the day rests on; then searches and watched users, whichever have brought most candidates for a
dollar so far (each place begins with one find in two posts believed, so none is written off untried). A place that can
lead to nothing, is not due, or does not fit into the money is left out, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from songpost import endpoints
from songpost.account_documents import Position
from songpost.candidates import Source
from songpost.core import ownership, reads, sighting, sweep
from songpost.core.budget import dollars
from songpost.core.prices import price, price_list
from songpost.core.sighting import Place
from songpost.core.snapshot import Snapshot
from songpost.core.sweep import Asked
from songpost.endpoints import Endpoint
from songpost.model import Kind, PriceClass
from songpost.nouns import dataclass
from songpost.settings import QueryAction

PAGE_POSTS = 90
"""Posts of one read: what follows from them fits into one commit of 100 operations."""
SEARCH_REACH = timedelta(days=7) - timedelta(minutes=10)
"""How far back recent search goes, less a margin: an older `since_id` is refused."""
TIMELINE, MENTIONS = "timeline", "mentions"
SOURCES = {"timeline": (TIMELINE,), "mentions": (MENTIONS,), "search": ("search", "watch")}
"""What each mode of the reader reads, by the first part of a place's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A place that may be read: `subject` is a user's id or a query, `micros_of` what one post costs.

    `place` says what may follow from its posts; the own timeline has none. `rank` orders the reads, the least first.
    """

    name: str
    endpoint: Endpoint
    price_class: PriceClass
    subject: str
    start_id: str
    every_minutes: int | None
    rank: tuple[int, float, float]
    place: Place | None = None
    needless: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A read that is due: what is asked, of at most how many posts, for how much at worst.

    Once it is booked, `line` names it in the journal; `awaited` are the own posts that it may show the learner.
    """

    wanted: Wanted
    asked: Asked
    most: int
    unit_micros: int
    line: str = ""
    awaited: tuple[str, ...] = ()

    @property
    def micros(self) -> int:
        """The worst price."""
        return self.most * self.unit_micros


@dataclass(frozen=True, slots=True)
class Skipped:
    """A place that is not read now, why, and when it will be, where that is known."""

    name: str
    reason: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The reads that are due, the most telling first, and every place that is not read."""

    reads: tuple[Planned, ...]
    skipped: tuple[Skipped, ...]


def plan(
    snapshot: Snapshot,
    now: datetime,
    modes: Collection[str],
    baselines: Collection[str] = (),
    done: Collection[str] = (),
) -> ReadPlan:
    """The reads of `modes` (keys of `SOURCES`) at `now` (UTC).

    `baselines` are newest own posts known before attempts whose outcome is open: they make the timeline due. `done`
    names places that this tick has finished with. Raises `PriceUnknown`.
    """
    if snapshot.identity is None:
        return ReadPlan((), (Skipped("everything", "X has not been asked yet whose credentials these are"),))
    families = {family for mode in modes for family in SOURCES[mode]}
    wanted = [one for one in _places(snapshot, now, baselines, families - set(done)) if one.name not in done]
    planned: list[Planned] = []
    skipped: list[Skipped] = []
    left = reads.left_today(snapshot.settings, snapshot.usage, now)
    for one in sorted(wanted, key=lambda found: found.rank):
        reason, due_at = _not_now(snapshot, one, now)
        if reason:
            skipped.append(Skipped(one.name, reason, due_at))
            continue
        read = _sized(snapshot, one, now, left)
        if isinstance(read, Skipped):
            skipped.append(read)
            continue
        planned.append(read)
        left = None if left is None else left - read.micros
    return ReadPlan(tuple(planned), tuple(skipped))


def _not_now(snapshot: Snapshot, one: Wanted, now: datetime) -> tuple[str, datetime | None]:
    """Why a place is not due, and when it is."""
    if one.needless:
        return one.needless, None
    if one.urgent:
        return "", None
    if one.every_minutes is None:
        return "reading never looks there (every_minutes is null)", None
    position = snapshot.reading.places.get(one.name, sweep.UNREAD)
    last = position.read_at
    if one.name == TIMELINE and snapshot.timeline.read_at is not None:
        last = snapshot.timeline.read_at if last is None else max(last, snapshot.timeline.read_at)
    if last is None or sweep.is_cut(position):
        return "", None
    due_at = last + timedelta(minutes=one.every_minutes)
    return ("", None) if due_at <= now else (f"it is read every {one.every_minutes} minutes", due_at)


def _sized(snapshot: Snapshot, one: Wanted, now: datetime, left: int | None) -> Planned | Skipped:
    """The read as large as its bounds and the money allow."""
    position = snapshot.reading.places.get(one.name, sweep.UNREAD)
    unit = price(price_list(snapshot.settings, now.date()), one.price_class)
    least, largest = one.endpoint.page or (1, PAGE_POSTS)
    most = min(PAGE_POSTS, largest)
    if left is not None and unit:
        most = min(most, left // unit)
    if most < least:
        have = dollars(max(0, left or 0))
        return Skipped(one.name, f"{have} is left of reading.usd_per_day, {dollars(unit * least)} needed at worst")
    return Planned(wanted=one, asked=sweep.question(position, one.start_id), most=most, unit_micros=unit)


def search_name(query: str) -> str:
    """The name of a query's place: its hash, so that an edited query begins anew."""
    return "search/" + hashlib.sha256(query.encode()).hexdigest()[:12]


def _places(
    snapshot: Snapshot, now: datetime, baselines: Collection[str], families: Collection[str]
) -> Iterator[Wanted]:
    """The places of these families (first parts of names) that the settings name."""
    own = ownership.own_price(snapshot, now.date())
    if TIMELINE in families:
        yield _timeline(snapshot, now, own, baselines)
    if MENTIONS in families:
        yield _mentions(snapshot, now, own)
    if "search" in families:
        yield from _searches(snapshot, now)
    if "watch" in families:
        yield from _watched(snapshot, now)


def _timeline(snapshot: Snapshot, now: datetime, own: PriceClass, baselines: Collection[str]) -> Wanted:
    first = snapshot.timeline.read_at or now
    return Wanted(
        name=TIMELINE,
        endpoint=endpoints.TIMELINE,
        price_class=own,
        subject="" if snapshot.identity is None else snapshot.identity.user_id,
        start_id=sweep.id_at(first - sweep.LAG),
        every_minutes=snapshot.settings.reading.timeline_every_minutes,
        rank=(0 if baselines else 2, 0.0, 0.0),
        urgent=bool(baselines),
    )


def _mentions(snapshot: Snapshot, now: datetime, own: PriceClass) -> Wanted:
    settings = snapshot.settings
    return Wanted(
        name=MENTIONS,
        endpoint=endpoints.MENTIONS,
        price_class=own,
        subject="" if snapshot.identity is None else snapshot.identity.user_id,
        start_id=_first(snapshot, now),
        every_minutes=settings.reading.mentions_every_minutes,
        rank=(1, 0.0, 0.0),
        place=Place(source=Source.MENTION, actions=(QueryAction.REPLY,)),
        needless=sighting.barred(settings, Kind.REPLY, summons=True),
    )


def _searches(snapshot: Snapshot, now: datetime) -> Iterator[Wanted]:
    settings = snapshot.settings
    for query in settings.queries:
        name = search_name(query.query)
        position = snapshot.reading.places.get(name, sweep.UNREAD)
        reached = sweep.id_at(now - SEARCH_REACH)
        yield Wanted(
            name=name,
            endpoint=endpoints.SEARCH,
            price_class=PriceClass.POST_READ,
            subject=query.query,
            start_id=sweep.later_of(reached, "" if position.since_id else _first(snapshot, now)),
            every_minutes=settings.reading.search_every_minutes,
            rank=(3, -_yield(snapshot, position, now), _seconds(position)),
            place=Place(source=Source.SEARCH, actions=query.actions, query=query.query),
            needless=_nothing_follows(snapshot, query.actions, "the query names no actions"),
        )


def _watched(snapshot: Snapshot, now: datetime) -> Iterator[Wanted]:
    settings = snapshot.settings
    for user_id in settings.watchlist_user_ids:
        name = f"watch/{user_id}"
        position = snapshot.reading.places.get(name, sweep.UNREAD)
        needless = _nothing_follows(snapshot, settings.watchlist_actions, "watchlist_actions is empty")
        if user_id in settings.blocked_user_ids:
            needless = "blocked_user_ids names this user"
        yield Wanted(
            name=name,
            endpoint=endpoints.TIMELINE,
            price_class=PriceClass.POST_READ,
            subject=user_id,
            start_id=_first(snapshot, now),
            every_minutes=settings.reading.watchlist_every_minutes,
            # In turn: who was read longest ago comes first, however much the others bring.
            rank=(3, -_yield(snapshot, sweep.UNREAD, now), _seconds(position)),
            place=Place(source=Source.WATCHLIST, actions=settings.watchlist_actions),
            needless=needless,
        )


def _first(snapshot: Snapshot, now: datetime) -> str:
    """Where the first read of a place begins: what is older has expired."""
    return sweep.id_at(now - timedelta(hours=snapshot.settings.reading.answer_within_hours))


def _nothing_follows(snapshot: Snapshot, actions: Collection[QueryAction], none: str) -> str:
    """Why reading a place would lead to nothing; the first action's reason stands for all."""
    barred = [sighting.barred(snapshot.settings, Kind(action.value), summons=False) for action in actions]
    if not barred:
        return f"{none}: nothing may follow"
    return "" if "" in barred else f"{barred[0]}: nothing may follow"


def _yield(snapshot: Snapshot, position: Position, now: datetime) -> float:
    """Candidates for a dollar, as far as is known."""
    unit = price(price_list(snapshot.settings, now.date()), PriceClass.POST_READ) or 1
    return (position.found + 1) / (position.posts + 2) / unit


def _seconds(position: Position) -> float:
    return 0.0 if position.read_at is None else position.read_at.timestamp()
