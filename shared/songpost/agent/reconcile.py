"""Settling what an open outcome came to, from the own timeline.

    unknown, or sending with its lease over
      ├─ found in the timeline ────────────────▶ sent
      ├─ absent twice, ten minutes on ─────────▶ planned again, the same bytes (once; its window still open)
      │                                          abandoned (its window over)
      └─ anything between ─────────────────────▶ stays unknown: holds its slot and its money

Its reads were booked with the attempt, so neither the ceiling nor a pause stands in their way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from songpost.agent import ledger
from songpost.agent.ledger import Account, Desk, Move, Outcome
from songpost.core import budget, matching, rate_limits
from songpost.core.prices import RECONCILING_POSTS, RECONCILING_READS, price, price_list
from songpost.errors import NotSent, RateLimited, XError
from songpost.model import (
    CREATES,
    Action,
    Attempt,
    Bucket,
    Post,
    PostMark,
    PriceClass,
    State,
    recorded,
)

ABSENT_READS = 2
ABSENT_AFTER = timedelta(minutes=10)
READ_APART = timedelta(minutes=2)
"""Two reads tell more than one only where X had time to show a late post between them."""
LATER_APART = timedelta(minutes=15)
MOST_READS = 8
"""Looks after which only a person's word can settle an outcome."""
LARGEST_READ = 100
OPEN = frozenset({State.SENDING, State.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRead:
    """What one read of the own timeline brought: posts newest first, whether that is all since
    `since_id`, and how many resources are billed for it.
    """

    posts: tuple[Post, ...]
    complete: bool
    read_at: datetime
    resources: int
    limits: tuple[Bucket, ...] = ()


ReadTimeline = Callable[[str, str, int], TimelineRead]
"""`(user_id, since_id, max_posts) -> TimelineRead`; raises the errors of `x/`."""


def due(account: Account, now: datetime) -> tuple[Action, ...]:
    """Actions whose outcome is open and whose lease is over: nobody else is at work on them."""
    found = [
        action
        for action in account.snapshot.actions.values()
        if action.state in OPEN
        and action.attempts
        and (action.state is State.UNKNOWN or now >= action.attempts[-1].lease_until)
    ]
    return tuple(sorted(found, key=lambda action: action.attempts[-1].started_at))


def next_read(attempt: Attempt, now: datetime) -> int:
    """How many posts the next look may bring; 0 where it is too early for one, or there were enough.

    The first two looks are small and were booked with the attempt. Where they could not decide, further ones
    grow and come less often, each booked by itself, until a person has to decide.
    """
    if attempt.reads >= MOST_READS:
        return 0
    if attempt.read_at is None:
        return RECONCILING_POSTS
    wait = READ_APART if attempt.reads < RECONCILING_READS else LATER_APART * (attempt.reads - 1)
    if now < max(attempt.read_at + wait, attempt.started_at + ABSENT_AFTER):
        return 0
    return min(LARGEST_READ, RECONCILING_POSTS << max(0, attempt.reads - RECONCILING_READS + 1))


def accounted_for(account: Account, except_key: str) -> frozenset[str]:
    """Ids of posts that are known to be another action's, or the owner's own from before the attempt."""
    others = {a.post_id for key, a in account.snapshot.actions.items() if key != except_key and a.post_id}
    return frozenset(others | {mark.id for mark in account.snapshot.timeline.latest})


def reconcile(desk: Desk, account: Account, read: ReadTimeline) -> Account:
    """Settle every due action as far as one read of the timeline each can. Errors of the read pass through."""
    identity = account.snapshot.identity
    if identity is None:  # nothing was ever sent
        return account
    for action in due(account, desk.now()):
        if action.kind not in CREATES:
            continue
        account, most = _book_read(desk, account, action)
        if not most:
            continue
        try:
            seen = read(identity.user_id, action.attempts[-1].baseline_id, most)
        except (NotSent, RateLimited):
            raise
        except XError:
            # No answer is not no bill: the look counts as fully used, and shows nothing.
            seen = TimelineRead(posts=(), complete=False, read_at=desk.now(), resources=most)
            _take_in(desk, account, action, action.attempts[-1], seen)
            raise
        account = _take_in(desk, account, action, action.attempts[-1], seen)
    return account


def _book_read(desk: Desk, account: Account, action: Action) -> tuple[Account, int]:
    """See that a look is booked: the first two were, with the attempt. 0 where it may not be made now."""
    attempt_id = action.attempts[-1].id

    def decide(current: Account) -> Move[int]:
        snapshot, now = current.snapshot, desk.now()
        stored = current.stored.get(action.key)
        if stored is None or stored.action.state not in OPEN or stored.action.attempts[-1].id != attempt_id:
            return Move(snapshot=snapshot, result=0)
        attempt = stored.action.attempts[-1]
        most = next_read(attempt, now)
        short = attempt.resources + most - attempt.reserved_reads
        if not most or short <= 0:
            return Move(snapshot=snapshot, result=most)
        micros = price(price_list(snapshot.settings, now.date()), PriceClass.POST_READ, short)
        settings, usage = snapshot.settings, snapshot.usage
        if budget.shortfall(settings, usage, now, writes=0, reads=short, micros=micros) is not None:
            return Move(snapshot=snapshot, result=0)
        # Booked at the attempt's own time, so that what is given back at the end lands where it came from.
        usage = budget.booked(usage, settings.budget, attempt.started_at, reads=short, micros=micros)
        attempt = replace(
            attempt,
            reserved_reads=attempt.reserved_reads + short,
            reserved_micros=attempt.reserved_micros + micros,
        )
        after = replace(stored.action, attempts=(*stored.action.attempts[:-1], attempt))
        after = recorded(after, now, f"another look of {most} posts booked, ${micros / 1e6:.3f}", attempt.id)
        return Move(
            snapshot=replace(snapshot, usage=usage),
            written=("usage",),
            actions=((after, stored),),
            result=most,
        )

    return ledger.move(desk, account, decide)


def _take_in(desk: Desk, account: Account, action: Action, attempt: Attempt, seen: TimelineRead) -> Account:
    post = matching.found(action, attempt, seen.posts, accounted_for(account, action.key))
    if post is not None:
        outcome = Outcome(attempt_id=attempt.id, at=desk.now(), post=post, limits=seen.limits, resources=seen.resources)
        return ledger.record(desk, account, action.key, outcome)

    def decide(current: Account) -> Move[None]:
        stored = current.stored.get(action.key)
        if stored is None or stored.action.state not in OPEN or stored.action.attempts[-1].id != attempt.id:
            return Move(snapshot=current.snapshot, result=None)
        after = judged(stored.action, seen, accounted_for(current, action.key), desk.now())
        snapshot = ledger.booked_after(current.snapshot, stored.action, after, attempt.id)
        snapshot = replace(snapshot, limits=rate_limits.learned(snapshot.limits, seen.limits))
        return Move(
            snapshot=snapshot,
            written=ledger.differing(current.snapshot, snapshot),
            actions=((after, stored),),
            result=None,
        )

    return ledger.move(desk, account, decide)[0]


def judged(action: Action, seen: TimelineRead, accounted: Collection[str], now: datetime) -> Action:
    """The action after a read that did not find it. Pure.

    A read counts towards *absent* only where it is complete and shows no post of that kind that the ledger
    cannot account for.
    """
    attempt = action.attempts[-1]
    strangers = matching.unaccounted(action, attempt, seen.posts, accounted)
    counts = seen.complete and not strangers and now >= attempt.lease_until
    attempt = replace(
        attempt,
        reads=attempt.reads + 1,
        read_at=now,
        resources=attempt.resources + seen.resources,
        absent_reads=attempt.absent_reads + counts,
    )
    attempts = (*action.attempts[:-1], attempt)
    after = replace(action, attempts=attempts, state=State.UNKNOWN)
    absent = attempt.absent_reads >= ABSENT_READS and now >= attempt.started_at + ABSENT_AFTER
    if not absent:
        why = f"{len(strangers)} own posts since that nobody can account for" if strangers else "not found"
        why = why if seen.complete else "the timeline did not come whole"
        return recorded(replace(after, reason=f"looked in the timeline: {why}"), now, why, attempt.id)
    spent = attempt.call_micros + ledger.reads_micros(attempt, attempt.resources)
    closed = replace(attempt, outcome="absent", closed_at=now, settled_micros=spent)
    after = replace(after, attempts=(*action.attempts[:-1], closed))
    if len(attempts) > 1:
        reason = "absent after a second send: 'songpost actions resolve' decides"
        return recorded(replace(after, reason=reason), now, reason, attempt.id)
    if now >= action.closes_at:
        reason = "not in the timeline, and its window is over"
        return recorded(replace(after, state=State.ABANDONED, reason=reason), now, reason, attempt.id)
    reason = "not in the timeline: sent once more"
    return recorded(replace(after, state=State.PLANNED, reason=reason), now, reason, attempt.id)


def by_hand(account: Account, posts: Sequence[Post]) -> tuple[PostMark, ...]:
    """Marks for own posts that no action made."""
    ours = {mark.id for mark in account.snapshot.timeline.latest}
    return tuple(
        PostMark(id=post.id, posted_at=post.created_at, by_hand=True)
        for post in posts
        if post.id not in ours and post.created_at is not None
    )
