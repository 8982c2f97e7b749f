"""What an outcome does to an action, and what that does to its account's documents. Pure; `ledger.py` commits it.

Which answer of X means what is one table, `RULINGS`, over the errors that `x/` makes of its answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from songpost.account_documents import Awaited, Bucket, Measuring, PostMark, Timeline
from songpost.core import admission, budget
from songpost.core.snapshot import Snapshot
from songpost.errors import AccountBlocked, Duplicate, NotSent, RateLimited, UsageCapped, XError
from songpost.errors import OutcomeOpen as OpenError
from songpost.model import Action, Attempt, Kind, Post, State, recorded

MOST_AWAITED = 150
"""Posts that the learner's agenda holds at most: five days of 30 posts a day."""
LATEST_POSTS = 30
"""Own posts that the timeline document remembers, for spacing and for telling them from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: the post if there is one, or the error; and what the headers told.

    `resources` counts the posts that a reconciling read returned on the way.
    """

    attempt_id: str
    at: datetime
    post: Post | None = None
    error: XError | None = None
    limits: tuple[Bucket, ...] = ()
    resources: int = 0


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an error means for its action: the next state, whether the call counts as billed, when to retry.

    `billed` is `None` while nobody knows.
    """

    state: State
    outcome: str
    billed: bool | None
    retry_after: timedelta | None = None


RULINGS: tuple[tuple[type[XError], Ruling], ...] = (
    (OpenError, Ruling(State.UNKNOWN, "open", None)),
    (UsageCapped, Ruling(State.PLANNED, "rate limited", billed=False, retry_after=timedelta(hours=6))),
    (RateLimited, Ruling(State.PLANNED, "rate limited", billed=False, retry_after=timedelta(minutes=15))),
    (NotSent, Ruling(State.PLANNED, "not sent", billed=False, retry_after=timedelta(minutes=5))),
    (AccountBlocked, Ruling(State.PLANNED, "account blocked", billed=True)),
    (XError, Ruling(State.REFUSED, "refused", billed=True)),
)
"""The first row whose class fits decides (the edges out of `sending` in docs/architecture.md)."""


def ruling_on(error: XError, tries: int) -> Ruling:
    """Look an error up; a duplicate on a second send may be the first one that landed, so it is open."""
    if isinstance(error, Duplicate) and tries > 1:
        return RULINGS[0][1]
    return next(ruling for kind, ruling in RULINGS if isinstance(error, kind))


def settled(action: Action, outcome: Outcome) -> Action:
    """The action after an outcome; pure.

    Success is taken in from any state: an answer that comes after the lease was over, or after a person's
    word, is still the truth. An error decides only where its attempt is the newest one and still open.
    """
    attempt = next(a for a in action.attempts if a.id == outcome.attempt_id)
    if outcome.error is None:
        return _succeeded(action, attempt, outcome)
    ruling = ruling_on(outcome.error, len(action.attempts))
    looked = reads_micros(attempt, attempt.resources)
    micros = None if ruling.billed is None else attempt.call_micros * ruling.billed + looked
    done = replace(
        attempt, outcome=ruling.outcome, closed_at=None if micros is None else outcome.at, settled_micros=micros
    )
    after = _with_attempt(action, done)
    if action.attempts[-1].id == attempt.id and action.state in {State.SENDING, State.UNKNOWN}:
        retry_at = getattr(outcome.error, "retry_at", None)
        if retry_at is None and ruling.retry_after is not None:
            retry_at = outcome.at + ruling.retry_after
        gate = "X" if ruling.state is State.REFUSED else ""
        after = replace(after, state=ruling.state, retry_at=retry_at, gate=gate, reason=str(outcome.error))
    return recorded(after, outcome.at, f"{ruling.outcome}: {outcome.error}", attempt.id)


def reads_micros(attempt: Attempt, resources: int) -> int:
    """What `resources` posts read for an attempt cost, at the price they were booked at."""
    if not attempt.reserved_reads:
        return 0
    return (attempt.reserved_micros - attempt.call_micros) * resources // attempt.reserved_reads


def _succeeded(action: Action, attempt: Attempt, outcome: Outcome) -> Action:
    resources = attempt.resources + outcome.resources
    done = replace(
        attempt,
        outcome="sent",
        closed_at=outcome.at,
        resources=resources,
        settled_micros=attempt.call_micros + reads_micros(attempt, resources),
    )
    after = _with_attempt(action, done)
    post_id = outcome.post.id if outcome.post is not None else ""
    if action.state is State.SENT and action.post_id != post_id:
        # Only a process frozen for longer than its lease gets here (README, "what it does not promise").
        return recorded(after, outcome.at, f"sent once more as {post_id}: delete one", attempt.id)
    posted_at = outcome.post.created_at if outcome.post is not None else None
    after = replace(
        after,
        state=State.SENT,
        post_id=post_id,
        posted_at=posted_at or outcome.at,
        retry_at=None,
        gate="",
        reason="",
    )
    return recorded(after, outcome.at, f"sent as {post_id}" if post_id else "done", attempt.id)


def _with_attempt(action: Action, attempt: Attempt) -> Action:
    attempts = tuple(attempt if a.id == attempt.id else a for a in action.attempts)
    return replace(action, attempts=attempts)


def booked_after(snapshot: Snapshot, before: Action, after: Action, attempt_id: str) -> Snapshot:
    """The account once an attempt is settled: money, counts, fingerprints and the newest post. Pure."""
    old = next(a for a in before.attempts if a.id == attempt_id)
    new = next(a for a in after.attempts if a.id == attempt_id)
    unbilled = new.settled_micros is not None and new.outcome in {"rate limited", "not sent"}
    usage = snapshot.usage
    if new.settled_micros is not None:
        first = old.settled_micros is None
        held = old.reserved_micros if old.settled_micros is None else old.settled_micros
        usage = budget.booked(
            usage,
            snapshot.settings.budget,
            old.started_at,
            writes=-1 if unbilled and first else 0,
            reads=new.resources - (old.reserved_reads if first else old.resources),
            micros=new.settled_micros - held,
            kind=after.kind,
        )
    planned, sent = State.PLANNED, State.SENT
    change = (before.state is planned and after.state is sent) - (
        before.state is not planned and after.state is planned
    )
    if change:
        # An action that waits holds no place in its window; one whose answer comes late takes it again.
        usage = budget.counted(usage, admission.window_key(after), admission.local_date(after), change)
    result = replace(snapshot, usage=usage)
    if unbilled and old.settled_micros is None:
        result = replace(result, fingerprints=admission.without_own(snapshot.fingerprints, after))
    if after.post_id and after.post_id != before.post_id:
        timeline, measuring = with_post(snapshot.timeline, after), with_awaited(snapshot.measuring, after)
        result = replace(result, timeline=timeline, measuring=measuring)
    return result


def with_post(timeline: Timeline, action: Action) -> Timeline:
    """The timeline document with a post of our own at its place."""
    mark = PostMark(id=action.post_id, posted_at=action.posted_at or action.updated_at, kind=action.kind)
    return with_marks(timeline, (mark,))


def with_awaited(measuring: Measuring, action: Action) -> Measuring:
    """The learner's agenda with a post that an arm chose; the oldest ones go where it is full."""
    if action.kind is not Kind.POST or action.arm is None:
        return measuring
    awaited = Awaited(key=action.key, arm=action.arm, posted_at=action.posted_at or action.updated_at)
    kept = sorted({**measuring.posts, action.post_id: awaited}.items(), key=lambda post: (len(post[0]), post[0]))
    return replace(measuring, posts=dict(kept[-MOST_AWAITED:]))


def with_marks(timeline: Timeline, marks: Sequence[PostMark]) -> Timeline:
    """The timeline document with posts taken in, newest first, a post once."""
    known = {mark.id: mark for mark in (*marks, *timeline.latest)}
    latest = sorted(known.values(), key=lambda mark: (len(mark.id), mark.id), reverse=True)[:LATEST_POSTS]
    newest = max((timeline.newest_id, *(mark.id for mark in latest)), key=lambda i: (len(i), i))
    return replace(timeline, newest_id=newest, latest=tuple(latest))


def differing(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """The documents that a transition has changed."""
    candidates = ("control", "usage", "limits", "fingerprints", "timeline", "identity", "learning", "measuring")
    return tuple(name for name in candidates if getattr(before, name) != getattr(after, name))
