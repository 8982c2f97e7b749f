"""Settling what an open outcome came to, from the own timeline.

    unknown, or sending with its lease over
      ├─ found in the timeline ────────────────▶ sent
      ├─ absent twice, ten minutes on ─────────▶ planned again, the same bytes (once; its window still open)
      │                                          abandoned (its window over)
      └─ anything between ─────────────────────▶ stays unknown: holds its slot and its money

Its reads were booked with the attempt, so neither the ceiling nor a pause stands in their way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.account_documents import Bucket
from songpost.agent import ledger, transitions
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.transitions import Outcome
from songpost.core import budget, matching, rate_limits, sweep
from songpost.core.prices import RECONCILING_POSTS, RECONCILING_READS, price, price_list
from songpost.errors import NotSent, RateLimited, XError
from songpost.model import CREATES, Action, Attempt, Post, PriceClass, State, recorded
from songpost.nouns import replace

ABSENT_READS = 2
ABSENT_AFTER = timedelta(minutes=10)
READ_APART = timedelta(minutes=2)
"""Two reads tell more than one only where X had time to show a late post between them."""
LATER_APART = timedelta(minutes=15)
MOST_READS = 8
"""Looks after which only a person's word can settle an outcome."""
LARGEST_READ = 100
BEFORE_IT = timedelta(minutes=5)
"""More than any clock that is tolerated is off X's (`SKEW_SECONDS`): no post of an attempt is older than that."""
OPEN = frozenset({State.SENDING, State.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRead:
    """What one read of the own timeline brought: posts newest first, whether that is all since
    `since_id`, and how many resources are billed for it.

    `read_at` is when X was asked, not when its answer is taken in: whoever asked may have been frozen in between, and
    what X did not show then, it may have shown since.
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


def accounted_for(account: Account) -> frozenset[str]:
    """Ids of posts that are known: an action's, a step's that is sent, or the owner's own from before the attempt."""
    known = {post_id for action in account.snapshot.actions.values() for post_id in action.post_ids}
    return frozenset(known | {mark.id for mark in account.snapshot.timeline.latest})


def reconcile(desk: Desk, account: Account, read: ReadTimeline) -> Account:
    """Settle every due action as far as one read of the timeline each can. Errors of the read pass through."""
    identity = account.snapshot.identity
    if identity is None:  # nothing was ever sent
        return account
    for action in due(account, desk.now()):
        if action.kind not in CREATES:
            continue
        account, look = _book_look(desk, account, action)
        if not look.most:
            continue
        attempt, asked_at = action.attempts[-1], desk.now()
        try:
            seen = read(identity.user_id, attempt.baseline_id, look.most)
        except (NotSent, RateLimited):
            _unlooked(desk, _give_back(desk, account, look, 0), action.key, attempt.id, look)
            raise
        except XError:
            # No answer is not no bill: the look counts as fully used, and shows nothing.
            _take_in(
                desk, account, action, attempt, TimelineRead(posts=(), complete=False, read_at=asked_at, resources=0)
            )
            raise
        account = _give_back(desk, account, look, seen.resources)
        unused = look.booked_before - min(seen.resources, look.booked_before)
        account = _take_in(desk, account, action, attempt, replace(seen, resources=-unused))
    return account


def reaches_from(attempt: Attempt) -> str:
    """The id above which an attempt's post must lie: its baseline, or where that is old, its beginning."""
    return sweep.later_of(attempt.baseline_id, sweep.id_at(attempt.started_at - BEFORE_IT))


def settle_from(desk: Desk, account: Account, seen: TimelineRead, since_id: str) -> Account:
    """Settle every due action that a read of the timeline from `since_id` on reaches, paid for by somebody else."""
    for action in due(account, desk.now()):
        attempt = action.attempts[-1]
        if action.kind not in CREATES or not next_read(attempt, desk.now()):
            continue
        first = int(reaches_from(attempt))
        if int(since_id or "0") > first:
            continue
        newer = tuple(post for post in seen.posts if int(post.id) > first)
        account = _take_in(desk, account, action, attempt, replace(seen, posts=newer, resources=0))
    return account


@dataclass(frozen=True, slots=True)
class Look:
    """A read that may be made now, of `most` posts: so many were booked with the attempt, the rest at `booked_at`."""

    most: int = 0
    booked_before: int = 0
    booked_at: datetime | None = None
    unit_micros: int = 0


def _book_look(desk: Desk, account: Account, action: Action) -> tuple[Account, Look]:
    """See that a look is booked: the first two were, with the attempt; what a later one needs more is booked today.

    What was booked with the attempt is counted as used before X is asked. A tick that dies with the answer has used
    it, and one beside this one finds that much less.
    """
    attempt_id = action.attempts[-1].id

    def decide(current: Account) -> Move[Look]:
        snapshot, now = current.snapshot, desk.now()
        stored = current.stored.get(action.key)
        if stored is None or stored.action.state not in OPEN or stored.action.attempts[-1].id != attempt_id:
            return Move(snapshot=snapshot, result=Look())
        attempt = stored.action.attempts[-1]
        most = next_read(attempt, now)
        if not most:
            return Move(snapshot=snapshot, result=Look())
        before = max(0, min(most, attempt.reserved_reads - attempt.resources))
        short = most - before
        begun = ((_used(_opened(stored.action, now), attempt.id, before), stored),) if before else ()
        if not short:
            return Move(snapshot=snapshot, actions=begun, result=Look(most, before))
        unit = price(price_list(snapshot.settings, now.date()), PriceClass.POST_READ)
        settings, usage = snapshot.settings, snapshot.usage
        if budget.shortfall(settings, usage, now, writes=0, reads=short, micros=unit * short) is not None:
            return Move(snapshot=snapshot, result=Look())
        usage = budget.booked(usage, settings.budget, now, reads=short, micros=unit * short)
        return Move(
            snapshot=replace(snapshot, usage=usage),
            written=("usage",),
            actions=begun,
            result=Look(most, before, now, unit),
        )

    return ledger.move(desk, account, decide)


def _opened(action: Action, now: datetime) -> Action:
    """The action as unknown, where its process left it `sending`: should the look die too, a person can tell. Pure."""
    if action.state is not State.SENDING:
        return action
    reason = "its lease was over before an answer came"
    return recorded(replace(action, state=State.UNKNOWN, reason=reason), now, reason, action.attempts[-1].id)


def _used(action: Action, attempt_id: str, resources: int) -> Action:
    """The action with so many more posts counted as read for an attempt. Pure."""
    attempts = tuple(
        replace(attempt, resources=attempt.resources + resources) if attempt.id == attempt_id else attempt
        for attempt in action.attempts
    )
    return replace(action, attempts=attempts)


def _unlooked(desk: Desk, account: Account, key: str, attempt_id: str, look: Look) -> Account:
    """Give back what a look that certainly was not made had of the attempt's own reads, while its outcome is open."""

    def decide(current: Account) -> Move[None]:
        stored = current.stored.get(key)
        if stored is None or stored.action.state not in OPEN or stored.action.attempts[-1].id != attempt_id:
            return Move(snapshot=current.snapshot, result=None)
        after = _used(stored.action, attempt_id, -look.booked_before)
        return Move(snapshot=current.snapshot, actions=((after, stored),), result=None)

    return ledger.move(desk, account, decide)[0]


def _give_back(desk: Desk, account: Account, look: Look, returned: int) -> Account:
    """Give back what a look booked for itself and X did not return."""
    unused = look.most - max(returned, look.booked_before)
    booked_at = look.booked_at
    if booked_at is None or unused <= 0:
        return account

    def decide(current: Account) -> Move[None]:
        snapshot = current.snapshot
        micros = -unused * look.unit_micros
        usage = budget.booked(snapshot.usage, snapshot.settings.budget, booked_at, reads=-unused, micros=micros)
        return Move(snapshot=replace(snapshot, usage=usage), written=("usage",), result=None)

    return ledger.move(desk, account, decide)[0]


def _take_in(desk: Desk, account: Account, action: Action, attempt: Attempt, seen: TimelineRead) -> Account:
    post = matching.found(action.at_step(attempt.step), attempt, seen.posts, accounted_for(account))
    if post is not None:
        outcome = Outcome(attempt_id=attempt.id, at=desk.now(), post=post, limits=seen.limits, resources=seen.resources)
        return ledger.record(desk, account, action.key, outcome)

    def decide(current: Account) -> Move[None]:
        stored = current.stored.get(action.key) or desk.store.action(desk.account, action.key)
        if stored is None:
            return Move(snapshot=current.snapshot, result=None)
        if stored.action.state not in OPEN or stored.action.attempts[-1].id != attempt.id:
            held = next((old.held_reads for old in stored.action.attempts if old.id == attempt.id), 0)
            if not seen.resources and not held:
                return Move(snapshot=current.snapshot, result=None)
            after = paid_late(stored.action, attempt.id, seen.resources, desk.now())
        else:
            after = judged(stored.action, seen, accounted_for(current), desk.now())
        snapshot = transitions.booked_after(current.snapshot, stored.action, after, attempt.id)
        snapshot = replace(snapshot, limits=rate_limits.learned(snapshot.limits, seen.limits))
        return Move(
            snapshot=snapshot,
            written=transitions.differing(current.snapshot, snapshot),
            actions=((after, stored),),
            result=None,
        )

    return ledger.move(desk, account, decide)[0]


def paid_late(action: Action, attempt_id: str, resources: int, now: datetime) -> Action:
    """The action whose attempt was settled while a look for it was under way: the look is paid all the same. Pure."""
    attempt = next(attempt for attempt in action.attempts if attempt.id == attempt_id)
    paid = replace(
        attempt,
        resources=attempt.resources + resources,
        held_reads=0,
        settled_micros=(attempt.settled_micros or 0)
        + transitions.reads_micros(attempt, resources)
        - transitions.reads_micros(attempt, attempt.held_reads),
    )
    attempts = tuple(paid if attempt.id == attempt_id else attempt for attempt in action.attempts)
    return recorded(replace(action, attempts=attempts), now, f"settled while a look read {resources} posts", attempt_id)


def judged(action: Action, seen: TimelineRead, accounted: Collection[str], now: datetime) -> Action:
    """The action after a read that did not find it. Pure.

    A read counts towards *absent* only where it is complete and shows no post of that kind that the ledger
    cannot account for, and X was asked once the lease was over and some time after it was asked before. Only such
    a read, ten minutes on, concludes: not one that failed where those before it were too early.
    """
    attempt = action.attempts[-1]
    strangers = matching.unaccounted(action.at_step(attempt.step), attempt, seen.posts, accounted)
    apart = attempt.read_at is None or seen.read_at >= attempt.read_at + READ_APART
    counts = seen.complete and not strangers and apart and seen.read_at >= attempt.lease_until
    attempt = replace(
        attempt,
        reads=attempt.reads + 1,
        read_at=max(attempt.read_at or seen.read_at, seen.read_at),
        resources=attempt.resources + seen.resources,
        absent_reads=attempt.absent_reads + counts,
    )
    attempts = (*action.attempts[:-1], attempt)
    after = replace(action, attempts=attempts, state=State.UNKNOWN)
    late_enough = seen.read_at >= attempt.started_at + ABSENT_AFTER
    absent = counts and late_enough and attempt.absent_reads >= ABSENT_READS
    if not absent:
        why = f"{len(strangers)} own posts since that nobody can account for" if strangers else "not found"
        why = why if seen.complete else "the timeline did not come whole"
        return recorded(replace(after, reason=f"looked in the timeline: {why}"), now, why, attempt.id)
    spent = attempt.call_micros + transitions.reads_micros(attempt, attempt.resources)
    closed = replace(attempt, outcome="absent", closed_at=now, settled_micros=spent)
    after = replace(after, attempts=(*action.attempts[:-1], closed))
    if sum(other.step == attempt.step for other in attempts) > 1:
        reason = "absent after a second send: 'songpost actions resolve' decides"
        return recorded(replace(after, reason=reason), now, reason, attempt.id)
    if now >= action.sendable_until:
        reason = "not in the timeline, and its window is over"
        over = replace(after, state=transitions.ended(action, State.ABANDONED), reason=reason)
        return recorded(transitions.freed(over), now, reason, attempt.id)
    reason = "not in the timeline: sent once more"
    again = replace(after, state=State.PLANNED, reason=reason)
    return recorded(transitions.freed(again), now, reason, attempt.id)
