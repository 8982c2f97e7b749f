"""What an outcome does to an action, and what that does to its account's documents. Pure; `ledger.py` commits it.

Which answer of X means what is one table, `RULINGS`, over the errors that `x/` makes of its answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.account_documents import Awaited, Bucket, Measuring, PostMark, Timeline
from songpost.core import admission, budget
from songpost.core.snapshot import Snapshot
from songpost.errors import AccountBlocked, Duplicate, NotSent, RateLimited, UsageCapped, XError
from songpost.errors import OutcomeOpen as OpenError
from songpost.model import ORIGINALS, Action, Attempt, Kind, Post, State, recorded
from songpost.nouns import replace

MOST_AWAITED = 150
"""Posts that the learner's agenda holds at most: five days of 30 posts a day."""
LATEST_POSTS = 30
"""Own posts that the timeline document remembers, for spacing and for telling them from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: the post if there is one, or the error; and what the headers told.

    `resources` counts the posts that a reconciling read returned on the way. `unsent`: the call was not even begun,
    since its media could not be uploaded; `described_micros` is what their alt texts cost, whatever became of the call.
    """

    attempt_id: str
    at: datetime
    post: Post | None = None
    error: XError | None = None
    limits: tuple[Bucket, ...] = ()
    resources: int = 0
    unsent: bool = False
    described_micros: int = 0


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


def _without_call(ruling: Ruling) -> Ruling:
    """What an upload's error means for its post: that was certainly not sent, whatever became of the medium."""
    if ruling.state is State.UNKNOWN:
        ruling = next(row for kind, row in RULINGS if kind is NotSent)
    return replace(ruling, outcome="not sent", billed=False)


def settled(action: Action, outcome: Outcome) -> Action:
    """The action after an outcome; pure.

    Success is taken in from any state: an answer that comes after the lease was over, or after a person's
    word, is still the truth. An error decides only where its attempt is the newest one and still open.
    """
    attempt = next(a for a in action.attempts if a.id == outcome.attempt_id)
    if outcome.error is None:
        return _succeeded(action, attempt, outcome)
    ruling = ruling_on(outcome.error, sum(other.step == attempt.step for other in action.attempts))
    if outcome.unsent:
        ruling = _without_call(ruling)
    done = replace(attempt, outcome=ruling.outcome)
    if ruling.billed is not None:
        # Once the lease is over another tick may be looking for the post: its look stays paid (`reconcile.paid_late`).
        looking = outcome.at >= attempt.lease_until
        held = max(0, attempt.reserved_reads - attempt.resources) if looking else 0
        micros = attempt.call_micros if ruling.billed else outcome.described_micros
        micros += reads_micros(attempt, attempt.resources + held)
        done = replace(done, closed_at=outcome.at, settled_micros=micros, held_reads=held)
    after = _with_attempt(action, done)
    if action.attempts[-1].id == attempt.id and action.state in {State.SENDING, State.UNKNOWN}:
        retry_at = getattr(outcome.error, "retry_at", None)
        if retry_at is None and ruling.retry_after is not None:
            retry_at = outcome.at + ruling.retry_after
        gate = ("media" if outcome.unsent else "X") if ruling.state is State.REFUSED else ""
        reason = f"{_named(action, attempt.step)}{outcome.error}"
        state = ended(action, ruling.state)
        after = freed(replace(after, state=state, retry_at=retry_at, gate=gate, reason=reason))
    return recorded(after, outcome.at, f"{_named(action, attempt.step)}{ruling.outcome}: {outcome.error}", attempt.id)


def _named(action: Action, step: int) -> str:
    """Which step of a thread a line speaks of; empty where there is but one."""
    return f"step {step + 1} of {len(action.steps)}: " if action.thread else ""


def ended(action: Action, state: State) -> State:
    """The state that an action ends in: one that is on X in part is neither refused nor abandoned."""
    return State.PARTIAL if action.post_ids and state in {State.REFUSED, State.ABANDONED} else state


def freed(action: Action) -> Action:
    """The action without what it holds for further steps, unless it goes on with them."""
    goes_on = action.is_open and (action.state is not State.PLANNED or bool(action.post_ids))
    return action if goes_on or action.held is None else replace(action, held=None)


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
        # What is held for another tick's look stays paid until that look is over (`reconcile.paid_late`).
        settled_micros=attempt.call_micros + reads_micros(attempt, resources + attempt.held_reads),
    )
    after = _with_attempt(action, done)
    post_id, name = outcome.post.id if outcome.post is not None else "", _named(action, attempt.step)
    if attempt.step < action.next_step:
        if action.post_ids[attempt.step] == post_id:
            return recorded(after, outcome.at, f"{name}sent as {post_id}", attempt.id)
        # Only a process frozen for longer than its lease gets here (README, "what it does not promise").
        return recorded(after, outcome.at, f"{name}sent once more as {post_id}: delete one", attempt.id)
    posted_at = outcome.post.created_at if outcome.post is not None else None
    if attempt.step:
        after = replace(after, thread_ids=(*action.thread_ids, post_id))
    else:
        after = replace(after, post_id=post_id, posted_at=posted_at or outcome.at)
    if not after.thread or after.next_step == len(after.steps):
        after = replace(after, state=State.SENT, retry_at=None, gate="", reason="")
    elif action.is_open:
        after = replace(after, state=State.PLANNED, retry_at=None, gate="", reason="")
    else:
        reason = f"{name}on X after all, as {post_id}; it had ended: {action.reason}"
        after = replace(after, state=State.PARTIAL, retry_at=None, reason=reason)
    return recorded(freed(after), outcome.at, f"{name}sent as {post_id}" if post_id else "done", attempt.id)


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
            reads=new.resources + new.held_reads - (old.reserved_reads if first else old.resources + old.held_reads),
            micros=new.settled_micros - held,
            kind=after.kind,
        )
    change = _holds_place(after) - _holds_place(before)
    if change:
        # An action that waits holds no place in its window; one whose answer comes late takes it again.
        usage = budget.counted(usage, admission.window_key(after), admission.local_date(after), change)
    result = unheld(replace(snapshot, usage=usage), before, after)
    if unbilled and old.settled_micros is None and not after.post_ids:
        result = replace(result, fingerprints=admission.without_own(snapshot.fingerprints, after))
    if after.post_ids != before.post_ids:
        result = replace(result, timeline=with_posts(snapshot.timeline, before, after))
    if after.post_id and after.post_id != before.post_id:
        result = replace(result, measuring=with_awaited(snapshot.measuring, after))
    return result


def _holds_place(action: Action) -> bool:
    """Whether an action counts in its window: one that waits does not, unless a thread's first post is out."""
    return action.state not in {State.PLANNED, State.PROPOSED} or bool(action.post_ids)


def unheld(snapshot: Snapshot, before: Action, after: Action) -> Snapshot:
    """The account with what an action held for further steps given back, where it holds it no more."""
    return admission.without_held(snapshot, before) if before.held is not None and after.held is None else snapshot


def with_posts(timeline: Timeline, before: Action, after: Action) -> Timeline:
    """The timeline document with the posts that an action has newly become; a thread's further ones are replies."""
    marks = [
        PostMark(id=post_id, posted_at=after.updated_at, kind=Kind.REPLY)
        if step
        else PostMark(id=post_id, posted_at=after.posted_at or after.updated_at, kind=after.kind)
        for step, post_id in enumerate(after.post_ids)
        if post_id not in before.post_ids
    ]
    return with_marks(timeline, marks)


def with_awaited(measuring: Measuring, action: Action) -> Measuring:
    """The learner's agenda with a post that an arm chose; the oldest ones go where it is full."""
    if action.kind not in ORIGINALS or action.arm is None:
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
