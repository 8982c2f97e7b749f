"""The reader's tick over mentions, searches, watched users and the own timeline: page by page, into the inbox.

    plan ─▶ book one page (worst price, `read_at`) ─▶ X ─▶ one commit: settled, position moved, candidates in
      ▲                                                                       │
      └──────────── next page, next place, until time or money is over ◀──────┘

A page and the position behind it move in one commit, so a crash anywhere loses no post and takes none twice: it costs
one page of reads. What was cut goes on at the next tick (`core/sweep.py`). Nothing here writes to X.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from songpost.account_documents import Position, Positions
from songpost.agent import documents, finds, inbox, journal, ledger, looks, opting_out, own_posts
from songpost.agent.agenda import Measured, marked
from songpost.agent.enrolment import Passport, Told, check_clock
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.writing import known, pause_if_blocked, pause_if_overspending
from songpost.core import rate_limits, reading_plan, sweep
from songpost.core.admission import Refused
from songpost.core.reading_plan import TIMELINE, Planned, ReadPlan, Skipped
from songpost.core.reads import AdmittedRead, admit_read, settled_read
from songpost.core.snapshot import MEASURING, READING, Snapshot
from songpost.core.sweep import UNREAD
from songpost.errors import ClockError, NotSent, RateLimited, SongpostError, XError
from songpost.errors import Refused as NotPermitted
from songpost.model import Post
from songpost.nouns import replace
from songpost.store.port import PutItem

logger = logging.getLogger(__name__)

TICK_SECONDS = 40.0
"""Time that must be left before a page is asked for."""
MOST_PAGES = 64
"""Pages of one tick, of all places together: more than `posts_per_tick` of any place needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one read brought: posts newest first, and whether it gave all there is between the bounds (`complete`).

    `stopped` is the error that cut it after its first page; what came before it is paid for, and taken in.
    """

    posts: tuple[Post, ...]
    complete: bool
    next_token: str
    told: Told
    stopped: XError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What reads X for the reader, a page at a time; built only where a run is live. Raises the errors of `x/`."""

    passport: Passport
    page: Callable[[Planned], Sight]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One read that was made, refused or foretold: how many posts came and were taken in, and why others were not.

    `measured` are the own posts that it showed the learner.
    """

    name: str
    read: Planned
    settled_micros: int | None = None
    posts: int = 0
    taken: int = 0
    opted_out: int = 0
    left_out: Mapping[str, int]
    refused: Refused | None = None
    note: str = ""
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a tick of reading came to, or in a dry run would come to."""

    account: Account
    pages: tuple[Page, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    refused: Refused | None = None
    stopped: SongpostError | None = None


def foretell(account: Account, now: datetime, modes: Collection[str]) -> Round:
    """What a live tick would read at `now`, each place's first page at its worst price, and what it leaves. Pure."""
    snapshot = account.snapshot
    plan = _planned(account, now, modes)
    pages: list[Page] = []
    for read in plan.reads:
        decision = _admitted(snapshot, read, now)
        refused = decision if isinstance(decision, Refused) else None
        if isinstance(decision, AdmittedRead):
            snapshot = decision.snapshot
        pages.append(Page(name=read.wanted.name, read=read, left_out={}, refused=refused))
    return Round(account=Account(snapshot, account.stored), pages=tuple(pages), skipped=plan.skipped)


# ------------------------------------------------------------------------------------------------------------- live


def read(
    desk: Desk, account: Account, window: Callable[[], Window], remaining: Callable[[], float], modes: Collection[str]
) -> Round:
    """Read what is due. `window` is built only where there is something to read.

    An error of X ends the tick, not the function: it stands in the result, and the account pauses where nothing
    will work. Raises the errors of the store, and `IdentityError` for another user's credentials.
    """
    before, plan = account, _planned(account, desk.now(), modes)
    # An account that X has not been asked about yet starts with that.
    if not (plan.reads or account.snapshot.identity is None) or remaining() < TICK_SECONDS:
        return Round(account=account, skipped=plan.skipped)
    account = pause_if_overspending(desk, account)
    opened = window()
    # A pause is admission's to say, and it says it of the read itself.
    account, refused, stopped = known(desk, account, opened.passport)
    if stopped is not None or refused is not None:
        return Round(account=account, refused=refused, stopped=stopped)
    return _sweep(desk, account, opened, remaining, modes, plan if account is before else None)


def _planned(account: Account, now: datetime, modes: Collection[str], done: Collection[str] = ()) -> ReadPlan:
    """What is to be read now, and what is not."""
    return reading_plan.plan(account.snapshot, now, modes, own_posts.baselines(account, now), done)


def _sweep(
    desk: Desk,
    account: Account,
    window: Window,
    remaining: Callable[[], float],
    modes: Collection[str],
    plan: ReadPlan | None,
) -> Round:
    """Page after page until nothing is due, or time or money is over. `plan` is the account's, where it has one."""
    pages: list[Page] = []
    done: set[str] = set()
    rest: tuple[Skipped, ...] | None = None
    while len(pages) < MOST_PAGES and remaining() >= TICK_SECONDS:
        account, found = _book(desk, account, modes, done, plan)
        plan = None  # the next page is due, or not, by what this one has changed
        if isinstance(found, ReadPlan):
            rest = found.skipped
            break
        planned, decision = found
        if isinstance(decision, Refused):
            pages.append(Page(name=planned.wanted.name, read=planned, left_out={}, refused=decision))
            done.add(planned.wanted.name)
            continue
        account, page, stopped = _read(desk, account, window, planned, decision)
        pages.append(page)
        if isinstance(stopped, NotPermitted):
            done.add(planned.wanted.name)
            continue
        if stopped is not None:
            return Round(account=account, pages=tuple(pages), stopped=stopped)
        if _finished(account.snapshot, planned, pages):
            done.add(planned.wanted.name)
    if rest is None:  # what was cut short by time or pages
        rest = _planned(account, desk.now(), modes, done).skipped
    return Round(account=account, pages=tuple(pages), skipped=rest)


def _finished(snapshot: Snapshot, planned: Planned, pages: list[Page]) -> bool:
    """Whether a place has had its turn in this tick."""
    name = planned.wanted.name
    position = snapshot.reading.places.get(name, UNREAD)
    taken = sum(page.posts for page in pages if page.name == name)
    most = snapshot.settings.reading.posts_per_tick
    return not sweep.is_cut(position) or bool(position.stuck) or taken >= most


def _admitted(snapshot: Snapshot, read: Planned, now: datetime) -> AdmittedRead | Refused:
    return admit_read(snapshot, read.wanted.endpoint.key, read.wanted.price_class, read.most, now)


def _book(
    desk: Desk, account: Account, modes: Collection[str], done: Collection[str], ready: ReadPlan | None
) -> tuple[Account, tuple[Planned, AdmittedRead | Refused] | ReadPlan]:
    """Commit the booking of the page that comes next, with the time on its place; the plan where nothing is due.

    `ready` is the plan of this very account, where it was just made: after a lost race there is another one.
    """
    #   this reader                     another reader
    #   load: mentions are due          load: mentions are due
    #   commit: mentions read at 9:00   commit: the version of `reading` is another; it loads, and they are not due

    line = desk.new_id()

    def decide(current: Account) -> Move[tuple[Planned, AdmittedRead | Refused] | ReadPlan]:
        now, snapshot = desk.now(), current.snapshot
        plan = ready if ready is not None and current is account else _planned(current, now, modes, done)
        if not plan.reads:
            return Move(snapshot=snapshot, result=plan)
        bounded = own_posts.bounded(plan.reads[0], current, now)
        decision = _admitted(snapshot, bounded, now)
        if isinstance(decision, Refused):
            return Move(snapshot=snapshot, result=(bounded, decision))
        name, awaited, measuring = bounded.wanted.name, bounded.awaited, snapshot.measuring
        if name == TIMELINE:
            # The day's mark goes on with the booking, so that no other reader asks for these posts by their ids.
            awaited = looks.within(measuring, bounded.asked, now)
            measuring = marked(measuring, awaited, now.date())
        planned = replace(bounded, line=line, awaited=awaited)
        before = snapshot.reading.places.get(name, UNREAD)
        reading = _with_place(snapshot, name, replace(before, read_at=now))
        return Move(
            snapshot=replace(decision.snapshot, reading=reading, measuring=measuring),
            written=(*decision.written, READING, *((MEASURING,) if planned.awaited else ())),
            relied_on=("control", "identity", documents.SETTINGS),
            others=(_journal(planned, decision, journal.BOOKED),),
            result=(planned, decision),
        )

    return ledger.move(desk, account, decide)


def _with_place(snapshot: Snapshot, name: str, position: Position) -> Positions:
    """Where all places stand, with one place's position; places that no settings name any more go."""
    settings = snapshot.settings
    named = {TIMELINE, reading_plan.MENTIONS, name}
    named |= {reading_plan.search_name(query.query) for query in settings.queries}
    named |= {f"watch/{user_id}" for user_id in settings.watchlist_user_ids}
    places = {**snapshot.reading.places, name: position}
    return Positions(places={key: one for key, one in places.items() if key in named})


def _journal(planned: Planned, booked: AdmittedRead, outcome: str, resources: int | None = None) -> PutItem:
    """The line about one page."""
    wanted = planned.wanted
    return journal.line(
        f"{wanted.name}/{planned.line}", wanted.endpoint.key, wanted.price_class, booked, outcome, resources
    )


def _read(
    desk: Desk, account: Account, window: Window, planned: Planned, booked: AdmittedRead
) -> tuple[Account, Page, SongpostError | None]:
    """Ask X for a page, and take in what comes."""
    name, as_booked = planned.wanted.name, account.snapshot
    try:
        sight = window.page(planned)
    except XError as error:
        logger.warning("reading %s: %s", name, error)
        account, micros = _settle_error(desk, account, planned, booked, error)
        account = pause_if_blocked(desk, account, error)
        return account, Page(name=name, read=planned, settled_micros=micros, left_out={}, note=str(error)), error
    stopped: SongpostError | None = sight.stopped
    shown = frozenset(post.id for post in sight.posts)
    try:
        check_clock(sight.told)
    except ClockError as error:
        # A clock that is off cannot say what has expired: the read is paid, and its posts are asked for again.
        stopped = error
        sight = replace(sight, posts=(), complete=False, next_token=planned.asked.token)
    if name == TIMELINE:
        account = own_posts.settle_open(
            desk, account, sight.posts, planned.asked, booked.booked_at, complete=sight.complete
        )
    account, page, opted = _take_in(desk, account, planned, booked, sight, as_booked, shown)
    if opted:
        account = opting_out.forget(desk, account, opted)
    if stopped is not None:
        account = pause_if_blocked(desk, account, stopped)
    return account, page, stopped


def _settle_error(
    desk: Desk, account: Account, planned: Planned, booked: AdmittedRead, error: XError
) -> tuple[Account, int]:
    """What certainly was not billed is given back; anything else counts as spent. The place waits its interval."""
    unbilled = isinstance(error, NotSent | RateLimited)

    def decide(current: Account) -> Move[int]:
        snapshot = settled_read(current.snapshot, booked, 0) if unbilled else current.snapshot
        if unbilled and planned.awaited:
            snapshot = replace(snapshot, measuring=marked(snapshot.measuring, planned.awaited, None))
        limits, reading = rate_limits.learned(snapshot.limits, error.limits), snapshot.reading
        position = reading.places.get(planned.wanted.name, UNREAD)
        if position.token:
            # A token that X does not know any more would be refused for ever.
            reading = _with_place(snapshot, planned.wanted.name, replace(position, token=""))
        snapshot = replace(snapshot, limits=limits, reading=reading)
        return Move(
            snapshot=snapshot,
            written=_changed(current.snapshot, snapshot),
            others=(_journal(planned, booked, error.name, 0 if unbilled else None),),
            result=0 if unbilled else booked.resources * booked.unit_micros,
        )

    return ledger.move(desk, account, decide)


def _changed(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """The documents of money, limits, timeline and learner that a page has changed."""
    names = ("usage", "limits", "timeline", "fingerprints", "learning", MEASURING, READING)
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in names]
    return tuple([name for name, was, is_now in pairs if was is not is_now and was != is_now])


def _take_in(
    desk: Desk,
    account: Account,
    planned: Planned,
    booked: AdmittedRead,
    sight: Sight,
    as_booked: Snapshot,
    shown: Collection[str],
) -> tuple[Account, Page, frozenset[str]]:
    """Settle a page, move its place, put in what it brought and credit what is due, by one commit.

    `as_booked` is the account as the booking left it; `shown` are all posts that X gave, also where none is believed.
    """
    name, posts = planned.wanted.name, _once(sight.posts)
    as_asked = as_booked.reading.places.get(name, UNREAD)
    awaited = {post_id: as_booked.measuring.posts[post_id] for post_id in planned.awaited}
    read_at = max(booked.booked_at, sight.told.at)

    def decide(current: Account) -> Move[tuple[Page, frozenset[str]]]:
        now, asked_at, before = desk.now(), booked.booked_at, current.snapshot
        snapshot = settled_read(before, booked, sight.told.resources)
        limits, reading = rate_limits.learned(snapshot.limits, sight.told.limits), before.reading
        position = reading.places.get(name, UNREAD)
        ours = _same_sweep(position, as_asked)
        found, seen = finds.Found(), looks.Looked(snapshot=snapshot)
        if planned.wanted.place is None:
            seen = looks.taken_in(desk, snapshot, awaited, shown, posts, read_at)
            snapshot, seen_to = own_posts.recognised(desk, current, seen.snapshot, posts, now)
            if seen_to:
                asked_at = min(asked_at, sweep.time_of(seen_to) + sweep.LAG)
        else:
            found = finds.sorted_out(desk, current, planned, posts, now)
        note = "" if ours else "another reader was first"
        if ours:
            moved = sweep.advanced(
                position,
                planned.asked,
                [post.id for post in posts],
                complete=sight.complete,
                next_token=sight.next_token,
                asked_at=asked_at,
            )
            if found.candidates:
                moved = replace(moved, found=moved.found + len(found.candidates), found_at=now)
            reading, note = _with_place(before, name, moved), moved.stuck
        snapshot = replace(snapshot, limits=limits, reading=reading)
        if note:
            logger.warning("reading %s: %s", name, note)
        page = Page(
            name=name,
            read=planned,
            settled_micros=sight.told.resources * booked.unit_micros,
            posts=len(posts),
            taken=len(found.candidates),
            opted_out=len(found.opt_outs),
            left_out=dict(found.left_out),
            note=note,
            measured=seen.posts,
        )
        return Move(
            snapshot=snapshot,
            written=_changed(before, snapshot),
            others=(
                *(inbox.put(one) for one in found.candidates),
                *(inbox.opt_out(one) for one in found.opt_outs.values()),
                *seen.changes,
                _journal(planned, booked, "answered", sight.told.resources),
            ),
            result=(page, frozenset(found.opt_outs)),
        )

    account, (page, opted) = ledger.move(desk, account, decide)
    return account, page, opted


def _same_sweep(one: Position, other: Position) -> bool:
    """Whether nobody else has moved a place since it was asked about."""
    return (one.since_id, one.until_id, one.newest_id, one.token) == (
        other.since_id,
        other.until_id,
        other.newest_id,
        other.token,
    )


def _once(posts: Collection[Post]) -> tuple[Post, ...]:
    """Each post once, oldest first: X has been seen to give one on two pages."""
    return tuple(sorted({post.id: post for post in posts}.values(), key=lambda post: int(post.id)))
