"""Admission: whether an action may go out now, and what is booked when it does. Pure.

    control → schedule → window quota → policy → duplicate → approval → budget → rate limit

Each gate is a function of one `Case` and answers with a `Verdict`. The first gate that does not pass refuses;
where all pass, the action becomes `sending` and every document that the decision writes is made here, to be
committed in one transaction with the versions that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from songpost.account_documents import DayPlan, Fingerprints
from songpost.core import budget, consent, policy, rate_limits, similarity, windows
from songpost.core.prices import Quote, quote_action
from songpost.core.snapshot import Snapshot
from songpost.model import CREATES, ORIGINALS, SKEW_SECONDS, Action, Attempt, Held, Kind, State, recorded
from songpost.nouns import dataclass, replace
from songpost.settings import MAX_FINGERPRINTS, Consent, Settings, Stage

SEND_SECONDS = 15
"""From the booking to the first byte, at most: past it nothing is sent."""
CALL_SECONDS = 20
"""From the first byte to the answer, at most."""
USED_DAYS = 400
"""How long it is remembered that a text was used: a text of a certain day of the year comes round once."""
MEDIA_SECONDS = 45
"""As much later, where media have to be uploaded between the booking and the first byte."""
RETRY_AFTER_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one gate says: `detail` is a phrase for a person, `retry_at` when asking again makes sense."""

    gate: str
    passed: bool
    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the gates look at: the account, the action, the time (UTC), and the action's worst price."""

    snapshot: Snapshot
    action: Action
    now: datetime
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An action that may go out, with the account as it is once the booking is committed.

    `written` names the documents that the booking writes; `verdicts` holds every gate's word.
    """

    action: Action
    attempt: Attempt
    snapshot: Snapshot
    written: tuple[str, ...]
    quote: Quote
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The first gate that would not have it; `final` where no later time can change that.

    `quote` is missing where the price was not even asked for.
    """

    gate: str
    reason: str
    retry_at: datetime | None
    final: bool
    quote: Quote | None
    verdicts: tuple[Verdict, ...]


def _control(case: Case) -> Verdict:
    snapshot = case.snapshot
    if snapshot.control.paused:
        reason = snapshot.control.reason or "no reason given"
        return _no("control", f"the account is paused: {reason}", case.now + RETRY_AFTER_PAUSE)
    if snapshot.settings.stage is Stage.DRY:
        return _no(
            "control", "the stage is dry: nothing is sent ('stage' of the settings)", case.now + RETRY_AFTER_PAUSE
        )
    newest = snapshot.usage.updated_at
    if newest is not None and (newest - case.now).total_seconds() > SKEW_SECONDS:
        return _no("control", f"this clock is behind the newest stored event ({newest.isoformat()})", newest)
    return _yes("control", "not paused")


def _schedule(case: Case) -> Verdict:
    action, now = case.action, case.now
    if now < action.due_at:
        return _no("schedule", f"due at {action.due_at.isoformat()}", action.due_at)
    if now >= action.sendable_until:
        return _no("schedule", f"its window was over at {action.closes_at.isoformat()}")
    if action.retry_at is not None and now < action.retry_at:
        return _no("schedule", f"held back until {action.retry_at.isoformat()}", action.retry_at)
    loud_at = quiet_until(case.snapshot.settings, action.kind, now)
    if loud_at is not None:
        return _no("schedule", f"quiet hours until {loud_at.isoformat()} ({policy.QUIET.source})", loud_at)
    if action.kind in ORIGINALS and not action.post_ids:
        free_at = earliest_post(case.snapshot)
        if free_at is not None and now < free_at:
            return _no("schedule", f"too soon after another post, free at {free_at.isoformat()}", free_at)
    return _yes("schedule", "due")


def earliest_post(snapshot: Snapshot) -> datetime | None:
    """When the minimum gap to the latest own post is over: those by hand, and those still open, count."""
    posted = [mark.posted_at for mark in snapshot.timeline.latest if mark.kind in ORIGINALS]
    posted += [
        other.attempts[-1].started_at
        for other in snapshot.actions.values()
        if other.kind in ORIGINALS
        and other.state in {State.SENDING, State.UNKNOWN}
        and other.attempts
        and not other.post_ids  # of a thread that has begun, the timeline knows the first post
    ]
    if not posted:
        return None
    return max(posted) + timedelta(minutes=snapshot.settings.minimum_gap_minutes)


def quiet_until(settings: Settings, kind: Kind, now: datetime) -> datetime | None:
    """When the quiet hours that `now` (UTC) lies in are over; a delete is a person's own word and waits for none."""
    if settings.quiet_hours is None or kind is Kind.DELETE:
        return None
    found = windows.window_at({"quiet": settings.quiet_hours}, settings.timezone, range(1, 8), now)
    return None if found is None else found.closes_at


def window_key(action: Action) -> str:
    """The counter of the action's window: `date/window/kind`, the date on which the window starts."""
    return f"{local_date(action)}/{action.window or '-'}/{action.kind.value}"


def local_date(action: Action) -> str:
    """The local date that an action counts for, on which its window starts: its `day`, else the date in its key."""
    return action.day or action.key.split("/")[1]


def _quota(case: Case) -> Verdict:
    settings, usage, action = case.snapshot.settings, case.snapshot.usage, case.action
    limit = settings.max_per_window.of(action.kind)
    if limit is None:
        return _yes("window quota", "not counted")
    if action.post_ids:
        return _yes("window quota", "its first post has taken its place")
    used = usage.windows.get(window_key(action), 0)
    if used >= limit:
        return _no("window quota", f"{used} of {limit} are used in this window")
    a_day = settings.most_in_a_day(action.kind)
    if a_day is not None:
        today = usage.kinds.get(f"{local_date(action)}/{action.kind.value}", 0)
        if today >= a_day:
            return _no("window quota", f"{today} of {a_day} are used on this day")
    return _yes("window quota", f"{used} of {limit} used")


def _policy(case: Case) -> Verdict:
    settings, identity = case.snapshot.settings, case.snapshot.identity
    violation = next(policy.violations(settings, case.action), None)
    if violation is not None:
        return _no("policy", str(violation))
    today = case.now.astimezone(ZoneInfo(settings.timezone)).date()
    bio = None if identity is None else identity.bio
    missing = next(policy.standing(settings, case.action.kind, bio, today), None)
    if missing is not None:  # the owner can mend it while the window is open
        return _no("policy", str(missing), case.now + RETRY_AFTER_PAUSE)
    return _yes("policy", "no rule broken" if bio is not None else "no rule broken; the bio was not read yet")


def _duplicate(case: Case) -> Verdict:
    if case.action.kind not in CREATES:
        return _yes("duplicate", "no text")
    rule = case.snapshot.settings.similarity
    since = case.now - timedelta(days=rule.window_days)
    others = without_own(case.snapshot.fingerprints, case.action).entries
    steps = case.action.steps[case.action.next_step :]
    found = [similarity.nearest(step.text, others, since=since) for step in steps]
    nearest = max((near for near in found if near is not None), key=lambda near: near.similarity, default=None)
    if nearest is None:
        return _yes("duplicate", "nothing to compare with")
    if nearest.similarity >= rule.threshold:
        return _no(
            "duplicate",
            f"{nearest.similarity:.2f} alike a text of {nearest.posted_at.date()}, {rule.threshold:.2f} is too much",
        )
    return _yes("duplicate", f"at most {nearest.similarity:.2f} alike")


def _approval(case: Case) -> Verdict:
    action, again = case.action, case.now + RETRY_AFTER_PAUSE
    if action.state is State.PROPOSED:
        return _no("approval", "proposed: it waits for a person's word", again)
    if consent.holds(case.snapshot.settings, action, case.now.date()):
        return _yes("approval", "approved as it stands, at this price")
    if action.approved:
        return _no("approval", "its text or price is not what was approved: it waits for a new word", again)
    if consent.consent_of(case.snapshot, action) is Consent.AUTO:
        return _yes("approval", "not asked for")
    return _no("approval", "waits for a person's word", again)


def _budget(case: Case) -> Verdict:
    snapshot, worst = case.snapshot, case.quote.worst_micros
    reads, kind = case.quote.reads, case.action.kind
    short = budget.shortfall(
        snapshot.settings, snapshot.usage, case.now, writes=case.quote.writes, reads=reads, micros=worst, kind=kind
    )
    if short is None:
        return _yes("budget", f"{budget.dollars(worst)} at worst")
    return _no("budget", str(short), short.retry_at)


def _rate_limit(case: Case) -> Verdict:
    endpoint = rate_limits.ENDPOINTS[case.action.kind]
    plan = case.snapshot.settings.plan
    until = rate_limits.blocked_until(case.snapshot.limits, plan, endpoint, case.now, case.quote.writes)
    if until is not None:
        return _no("rate limit", f"{endpoint} is exhausted until {until.isoformat()}", until)
    running = rate_limits.current(case.snapshot.limits, plan, endpoint, case.now)
    left = min((bucket.remaining for bucket in running.values()), default=None)
    return _yes("rate limit", "no limit known" if left is None else f"{left} left")


GATES: tuple[Callable[[Case], Verdict], ...] = (
    _control,
    _schedule,
    _quota,
    _policy,
    _duplicate,
    _approval,
    _budget,
    _rate_limit,
)
"""The gates in their order."""
FINAL_GATES = frozenset({"schedule", "window quota", "policy", "duplicate"})
"""Gates whose refusal no later moment of the same window can lift, unless it says when to ask again."""


def _yes(gate: str, detail: str) -> Verdict:
    return Verdict(gate=gate, passed=True, detail=detail)


def _no(gate: str, detail: str, retry_at: datetime | None = None) -> Verdict:
    return Verdict(gate=gate, passed=False, detail=detail, retry_at=retry_at)


def admit(snapshot: Snapshot, action: Action, now: datetime, attempt_id: str) -> Admitted | Refused:
    """Decide whether `action` may go out at `now` (UTC), and book its worst price if so.

    `attempt_id` becomes the id of the attempt. Every gate is asked, so that a refusal can be shown whole; the
    first that does not pass decides. Of a thread all steps that are not sent yet are priced and booked; what an earlier
    step held for them makes room first. Raises `PriceUnknown`.
    """
    quote = quote_action(snapshot.settings, action, now.date())
    case = Case(snapshot=without_held(snapshot, action), action=action, now=now, quote=quote)
    verdicts = tuple(gate(case) for gate in GATES)
    for verdict in verdicts:
        if not verdict.passed:
            return Refused(
                gate=verdict.gate,
                reason=verdict.detail,
                retry_at=verdict.retry_at,
                final=verdict.gate in FINAL_GATES and verdict.retry_at is None,
                quote=quote,
                verdicts=verdicts,
            )
    return _book(case, attempt_id, verdicts)


def send_seconds(action: Action) -> int:
    """How many seconds may pass from an action's booking to the first byte of its call."""
    pictured = action.media or any(step.media for step in action.thread)
    return SEND_SECONDS + (MEDIA_SECONDS if pictured else 0)


def _book(case: Case, attempt_id: str, verdicts: tuple[Verdict, ...]) -> Admitted:
    snapshot, now, quote = case.snapshot, case.now, case.quote
    first = quote.steps[0] if quote.steps else quote
    send_deadline = now + timedelta(seconds=send_seconds(case.action))
    attempt = Attempt(
        id=attempt_id,
        step=case.action.next_step,
        started_at=now,
        send_deadline_at=send_deadline,
        lease_until=send_deadline + timedelta(seconds=CALL_SECONDS + SKEW_SECONDS),
        baseline_id=snapshot.timeline.newest_id,
        reserved_micros=first.worst_micros,
        reserved_reads=first.reads,
        call_micros=first.call_micros,
    )
    held = Held(
        micros=quote.worst_micros - first.worst_micros,
        writes=quote.writes - 1,
        reads=quote.reads - first.reads,
        booked_at=now,
    )
    sending = replace(
        case.action,
        state=State.SENDING,
        gate="",
        reason="",
        retry_at=None,
        held=held if held.writes else None,
        attempts=(*case.action.attempts, attempt),
    )
    sending = recorded(sending, now, f"admitted, {budget.dollars(quote.worst_micros)} booked", attempt_id)
    usage = budget.booked(
        snapshot.usage,
        snapshot.settings.budget,
        now,
        writes=quote.writes,
        kind=sending.kind,
        reads=quote.reads,
        micros=quote.worst_micros,
    )
    if not sending.post_ids:
        usage = budget.counted(usage, window_key(sending), local_date(sending), 1)
    endpoint = rate_limits.ENDPOINTS[sending.kind]
    limits = rate_limits.taken(snapshot.limits, snapshot.settings.plan, endpoint, now)
    after = replace(snapshot, usage=usage, limits=limits).with_action(sending)
    written = ["usage", "limits"]
    if sending.kind in CREATES:
        after = replace(after, fingerprints=_remembered(snapshot, sending, now))
        written.append("fingerprints")
    plan = snapshot.plans.get(local_date(sending))
    if plan is not None and any(slot.key == sending.key and not slot.taken for slot in plan.slots):
        slots = tuple(replace(s, taken=True) if s.key == sending.key else s for s in plan.slots)
        plans: Mapping[str, DayPlan] = {**snapshot.plans, plan.date: replace(plan, slots=slots)}
        after = replace(after, plans=plans)
        written.append(f"plan/{plan.date}")
    return Admitted(
        action=sending,
        attempt=attempt,
        snapshot=after,
        written=tuple(written),
        quote=quote,
        verdicts=verdicts,
    )


def without_held(snapshot: Snapshot, action: Action) -> Snapshot:
    """The account without what is held for the steps of a thread that are yet to begin."""
    held = action.held
    if held is None:
        return snapshot
    usage = budget.booked(
        snapshot.usage,
        snapshot.settings.budget,
        held.booked_at,
        writes=-held.writes,
        reads=-held.reads,
        micros=-held.micros,
        kind=action.kind,
    )
    return replace(snapshot, usage=usage)


def _remembered(snapshot: Snapshot, action: Action, now: datetime) -> Fingerprints:
    """Book the fingerprints of its texts, and drop those that have left the guard's window, or its room.

    That a text was used is forgotten with the fingerprint's window, but not before `USED_DAYS`.
    """
    rule = snapshot.settings.similarity
    kept = without_own(snapshot.fingerprints, action)
    own = tuple(similarity.entry(step.text, now) for step in action.steps)
    entries = similarity.since(kept.entries, now - timedelta(days=rule.window_days))
    oldest = (now - timedelta(days=max(rule.window_days, USED_DAYS))).date().isoformat()
    used = {name: day for name, day in kept.used.items() if day >= oldest}
    if action.content_id:
        used[f"{action.content_id}/{action.variant}"] = now.date().isoformat()
    return replace(kept, entries=(*entries, *own)[-MAX_FINGERPRINTS:], used=used)


def without_own(fingerprints: Fingerprints, action: Action) -> Fingerprints:
    """Leave out what earlier attempts of this very action booked: an action is no duplicate of itself."""
    if not action.attempts:
        return fingerprints
    begun = [attempt.started_at for attempt in action.attempts]
    marks = [similarity.entry(step.text, begun[0]) for step in action.steps]
    own = {similarity.moved(mark, at) for mark in marks for at in begun}
    return replace(fingerprints, entries=tuple(e for e in fingerprints.entries if e not in own))
