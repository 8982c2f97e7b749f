"""The ledger: every way in which an action changes, each as one commit.

    proposed → planned → sending → sent | refused | unknown | planned again        (drawn in docs/architecture.md)

`book` is the only door to X: it decides by `admission.admit` and commits the decision with the versions it was
made from. `record` writes what came of the call. Transitions are pure functions of an action; the functions
that take a store commit them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from songpost.agent import documents, pausing
from songpost.core import admission, budget, rate_limits
from songpost.core.admission import Admitted, Refused
from songpost.core.breakers import Trip
from songpost.core.snapshot import Snapshot
from songpost.errors import (
    AccountBlocked,
    CommitConflict,
    CommitUnanswered,
    Duplicate,
    NotFound,
    NotSent,
    RateLimited,
    StoreUnavailable,
    UsageCapped,
    XError,
)
from songpost.errors import OutcomeOpen as OpenError
from songpost.model import (
    Action,
    Attempt,
    Awaited,
    Bucket,
    Kind,
    Measuring,
    Post,
    PostMark,
    State,
    Timeline,
    recorded,
)
from songpost.store.port import Change, PutAction, Store, StoredAction

R = TypeVar("R")
RACES = 24
"""How often a lost race is decided again before a tick gives up."""
RACE_WAIT_SECONDS = 0.02
ANSWER_TRIES = 6
ANSWER_WAIT_SECONDS = 0.2
MOST_AWAITED = 150
"""Posts that the learner's agenda holds at most: five days of 30 posts a day."""
LATEST_POSTS = 30
"""Own posts that the timeline document remembers, for spacing and for telling them from others."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the ledger needs: the store, the time, a way to wait, fresh ids, and how to get the account anew."""

    store: Store
    account: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    new_id: Callable[[], str]
    reload: Callable[[], tuple[Snapshot, dict[str, StoredAction]]]


def commit(desk: Desk, changes: Sequence[Change]) -> None:
    """Commit, and repeat an unanswered commit with its token until the answer is definite.

    Raises `CommitConflict` where a race was lost, `StoreUnavailable` where no answer came in the end: the
    caller must then take it that anything may have been written, and do nothing on X.
    """
    token = desk.new_id()
    unanswered = False
    for attempt in range(ANSWER_TRIES):
        try:
            desk.store.commit(desk.account, changes, token)
        except CommitUnanswered:
            unanswered = True
        except StoreUnavailable:
            # After an answer that got lost this says only that the repeat was not written.
            if not unanswered:
                raise
        else:
            return
        desk.sleep(ANSWER_WAIT_SECONDS * attempt)
    raise StoreUnavailable(
        f"gave no answer to a commit in {ANSWER_TRIES} tries",
        where=desk.account,
        mend="nothing was sent; the next tick decides again",
    )


@dataclass(frozen=True, slots=True)
class Account:
    """The account in hand: its snapshot, and the open actions with the versions that a write must expect."""

    snapshot: Snapshot
    stored: dict[str, StoredAction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Generic[R]):
    """A decision about an account, ready to be committed; with nothing to write it is only a `result`.

    `written` and `relied_on` name documents of `snapshot`; `actions` are written over what they were read from.
    """

    snapshot: Snapshot
    written: tuple[str, ...] = ()
    relied_on: tuple[str, ...] = ()
    actions: tuple[tuple[Action, StoredAction | None], ...] = ()
    others: tuple[Change, ...] = ()
    result: R


def move(desk: Desk, account: Account, decide: Callable[[Account], Move[R]]) -> tuple[Account, R]:
    """Decide and commit; after a lost race load the account anew and decide again, `RACES` times.

    `decide` is pure but for strongly consistent reads. The account comes back as the commit left it. Raises
    `StoreUnavailable`, and `CommitConflict` where every race was lost.
    """
    #   this tick          another tick
    #   load v7            load v7
    #   commit 7 → 8       commit 7 → 8: the expectation fails, nothing is written, it loads v8 and decides again
    # Whoever writes a document expects the version that its decision was made from, so all moves that write one
    # document stand in one order, and none of them rests on what another has already changed.
    for race in range(RACES):
        if race:
            desk.sleep(RACE_WAIT_SECONDS * random.random() * race)
            account = Account(*desk.reload())
        chosen = decide(account)
        changes = documents.changes_of(
            replace(chosen.snapshot, versions=account.snapshot.versions), chosen.written, chosen.relied_on
        )
        changes += [PutAction(action, previous) for action, previous in chosen.actions]
        changes += chosen.others
        if not (chosen.written or chosen.actions or chosen.others):
            return account, chosen.result
        try:
            commit(desk, changes)
        except CommitConflict:
            continue
        after = documents.moved(replace(chosen.snapshot, versions=account.snapshot.versions), changes)
        return _with_actions(after, account.stored, chosen.actions), chosen.result
    raise CommitConflict(
        f"lost {RACES} races in a row", where=desk.account, mend="other ticks are at work; the next one decides"
    )


def _with_actions(
    snapshot: Snapshot,
    stored: dict[str, StoredAction],
    actions: Iterable[tuple[Action, StoredAction | None]],
) -> Account:
    """The account with actions as they were just written; a closed one leaves it."""
    stored = dict(stored)
    for action, previous in actions:
        stored.pop(action.key, None)
        if action.is_open:
            stored[action.key] = StoredAction(action, 1 if previous is None else previous.version + 1)
        snapshot = snapshot.with_action(action)
    return Account(snapshot, stored)


RELIED_ON = ("control", "identity", "timeline", documents.SETTINGS)
"""What every admission rests on besides what it writes: a pause, or new settings, undo it."""


def book(desk: Desk, account: Account, action: Action) -> tuple[Account, Admitted | Refused]:
    """Admit a planned action and commit its booking. Only a returned `Admitted` may be carried out on X.

    Raises as `move` does.
    """
    fresh, races = action.key not in account.stored, 0

    def decide(current: Account) -> Move[Admitted | Refused]:
        nonlocal races
        races += 1
        stored = current.stored.get(action.key)
        # The booking itself fails where a closed action of this key exists; only then is it worth a request to ask.
        if stored is None and (not fresh or (races > 1 and desk.store.action(desk.account, action.key) is not None)):
            return Move(snapshot=current.snapshot, result=_taken("another tick has taken it to its end"))
        if stored is not None and stored.action.state is not State.PLANNED:
            return Move(snapshot=current.snapshot, result=_taken(f"another tick has it: {stored.action.state.value}"))
        wanted = action if stored is None else stored.action
        decision = admission.admit(current.snapshot, wanted, desk.now(), desk.new_id())
        if isinstance(decision, Refused):
            return Move(snapshot=current.snapshot, result=decision)
        return Move(
            snapshot=decision.snapshot,
            written=decision.written,
            relied_on=RELIED_ON,
            actions=((decision.action, stored),),
            result=decision,
        )

    return move(desk, account, decide)


def _taken(reason: str) -> Refused:
    return Refused(gate="ledger", reason=reason, retry_at=None, final=False, quote=None, verdicts=())


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


def record(desk: Desk, account: Account, key: str, outcome: Outcome) -> Account:
    """Commit an outcome, however late and whatever state the action is in by now.

    Raises `StoreUnavailable` where the store gives no answer: the action then stays `sending`, and is
    reconciled from the timeline.
    """

    def decide(current: Account) -> Move[Trip | None]:
        previous = current.stored.get(key) or desk.store.action(desk.account, key)
        if previous is None:
            raise NotFound("no such action", where=key, mend="see 'songpost actions'")
        after = settled(previous.action, outcome)
        snapshot = booked_after(current.snapshot, previous.action, after, outcome.attempt_id)
        snapshot = replace(snapshot, limits=rate_limits.learned(snapshot.limits, outcome.limits))
        snapshot, trip = pausing.after_outcome(snapshot, previous.action, after, outcome.error, outcome.at)
        return Move(
            snapshot=snapshot,
            written=differing(current.snapshot, snapshot),
            actions=((after, previous),),
            result=trip,
        )

    account, trip = move(desk, account, decide)
    pausing.tell(trip)
    return account


def differing(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """The documents that a transition has changed."""
    candidates = ("control", "usage", "limits", "fingerprints", "timeline", "identity", "learning", "measuring")
    return tuple(name for name in candidates if getattr(before, name) != getattr(after, name))
