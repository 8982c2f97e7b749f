"""The judge of a simulated account. It believes X alone: its list of posts, and its bill; never the ledger's word.

*Twice*: two posts on X for one action, or a post that no action accounts for. *Lost in silence*: an action that is
over without a reason, that is still open long after its window, or that claims a post which X does not have.
*Overspent*: X's bill of a UTC day or a billing month above its ceiling, or above what the ledger knows of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from songpost.account_documents import UNUSED
from songpost.agent import audit, crediting
from songpost.core import budget
from songpost.core.learning_state import FRACTION_BITS
from songpost.core.snapshot import Snapshot
from songpost.lab import replay
from songpost.lab.sandbox.world import Post
from songpost.lab.simulation.audience import best_by_window, best_day, uniform_day
from songpost.lab.simulation.record import AccountRun, DayRun, PostRun, RefusalRun, Verdict
from songpost.model import CREATES, Action, Arm, State
from songpost.store.port import Store

LEFT_ALONE = timedelta(days=2)
"""An action may be open for so long after its window: the owner looks once a day."""
ATTEMPT = timedelta(minutes=10)
"""A post that came of an attempt was made within this time of its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the judge gets to see of an account: its store, its posts on X, X's bill by UTC day and by local day, the
    calls and the true rewards by local day. `stood` has the reason by action and gate.
    """

    account: str
    username: str
    store: Store
    snapshot: Snapshot
    posts: Sequence[Post]
    billed: Mapping[str, int]
    billed_locally: Mapping[str, int]
    calls: Mapping[str, int]
    expected: Mapping[date, Mapping[Arm, float]]
    stood: Mapping[tuple[str, str], str]
    now: datetime


def account_run(evidence: Evidence) -> AccountRun:
    """Judge one account."""
    actions = [stored.action for stored in evidence.store.actions(evidence.account)]
    actions.sort(key=lambda action: (action.due_at, action.key))
    settings, snapshot = evidence.snapshot.settings, evidence.snapshot
    ceilings = settings.budget
    replayed = replay.replay(evidence.store, evidence.account)
    findings = [*audit.broken_chains(actions), *audit.miscounts(snapshot, actions)]
    day_ceiling = None if ceilings.usd_per_day is None else ceilings.micros(ceilings.usd_per_day)
    month_ceiling = ceilings.micros(ceilings.usd_per_month)
    posts = _posts(evidence, actions)
    verdict = Verdict(
        twice=tuple(twice(evidence.posts, actions)),
        lost=tuple(lost(evidence.posts, actions, evidence.now)),
        overspent=tuple(overspent(evidence, month_ceiling, day_ceiling)),
        broken=tuple(f"{finding.where}: {finding.what}" for finding in findings),
        unreplayed=tuple(map(str, replayed.differences)),
        unknown=tuple(action.key for action in actions if action.state is State.UNKNOWN),
    )
    return AccountRun(
        account=evidence.account,
        username=evidence.username,
        timezone=settings.timezone,
        month_ceiling_micros=month_ceiling,
        day_ceiling_micros=day_ceiling,
        billed_micros=sum(evidence.billed.values()),
        booked_micros=sum(tally.spent_micros for tally in snapshot.usage.months.values()),
        posts=posts,
        days=_days(evidence, posts),
        refusals=_refusals(evidence, actions),
        states=dict(sorted(Counter(f"{action.kind.value} {action.state.value}" for action in actions).items())),
        decisions=replayed.decisions,
        verdict=verdict,
    )


def twice(posts: Sequence[Post], actions: Sequence[Action]) -> Iterator[str]:
    """Posts on X beyond one for an action, and those that nobody accounts for."""
    owners = {post_id: action for action in actions for post_id in _ids(action)}
    by_text: dict[str, list[Action]] = defaultdict(list)
    for action in actions:
        by_text[action.text].append(action)
    made: Counter[str] = Counter()
    for post in posts:
        owner = owners.get(post.id) or next(
            (one for one in by_text[post.text] if any(_within(post, at.started_at) for at in one.attempts)), None
        )
        if owner is None:
            yield f"post {post.id} of {post.created_at.isoformat()} is nobody's"
            continue
        made[owner.key] += 1
        if made[owner.key] > max(1, len(_ids(owner))):
            yield f"{owner.key} is on X {made[owner.key]} times"


def _ids(action: Action) -> tuple[str, ...]:
    return tuple(getattr(action, "post_ids", ())) or ((action.post_id,) if action.post_id else ())


def _within(post: Post, started_at: datetime) -> bool:
    return timedelta() <= post.created_at - started_at + timedelta(seconds=1) <= ATTEMPT


def lost(posts: Sequence[Post], actions: Sequence[Action], now: datetime) -> Iterator[str]:
    """Actions that ended in silence, that never end, or that claim what X does not have."""
    on_x = {post.id for post in posts}
    for action in actions:
        if action.kind in CREATES and action.state is State.SENT and action.post_id not in on_x:
            yield f"{action.key} says sent, but X has no {action.post_id}"
        if action.state in {State.REFUSED, State.ABANDONED, State.PARTIAL, State.UNKNOWN} and not action.reason:
            yield f"{action.key} is {action.state.value} without a reason"
        if action.is_open and action.closes_at < now - LEFT_ALONE:
            yield f"{action.key} is still {action.state.value} at {now.isoformat()}"


def overspent(evidence: Evidence, month_ceiling: int, day_ceiling: int | None) -> Iterator[str]:
    """Days and billing months on which X charged more than their ceilings, or more than the ledger knows of."""
    usage, months = evidence.snapshot.usage, Counter[str]()
    for day, micros in evidence.billed.items():
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        months[budget.month_of(at, evidence.snapshot.settings.budget.billing_day)] += micros
        if day_ceiling is not None and micros > day_ceiling:
            yield f"X billed {micros} micro-dollars on {day}, the ceiling is {day_ceiling}"
        known = usage.days.get(day, UNUSED).spent_micros
        if micros > known and day >= min(usage.days, default=""):
            yield f"X billed {micros} micro-dollars on {day}, the ledger knows of {known}"
    for month, micros in months.items():
        if micros > month_ceiling:
            yield f"X billed {micros} micro-dollars in {month}, the ceiling is {month_ceiling}"


def _posts(evidence: Evidence, actions: Sequence[Action]) -> tuple[PostRun, ...]:
    credited = crediting.stored_credits(evidence.store, evidence.account)
    zone = ZoneInfo(evidence.snapshot.settings.timezone)
    found = []
    for action in actions:
        arm, at = action.arm, action.posted_at
        if action.state is not State.SENT or arm is None or at is None:
            continue
        expected = evidence.expected.get(at.astimezone(zone).date(), {})
        known = credited.get(action.post_id)
        found.append(
            PostRun(
                key=action.key,
                post_id=action.post_id,
                posted_at=at,
                topic=arm.topic,
                window=arm.window,
                media=arm.media,
                expected=expected.get(arm, 0.0),
                best=best_by_window(expected).get(arm.window, 0.0),
                reward=None if known is None else known.reward.rate / (1 << FRACTION_BITS),
                spent_micros=sum(attempt.settled_micros or 0 for attempt in action.attempts),
            )
        )
    return tuple(found)


def _days(evidence: Evidence, posts: Sequence[PostRun]) -> tuple[DayRun, ...]:
    settings = evidence.snapshot.settings
    zone = ZoneInfo(settings.timezone)
    sent: dict[date, list[PostRun]] = defaultdict(list)
    for post in posts:
        sent[post.posted_at.astimezone(zone).date()].append(post)
    rooms = dict.fromkeys(settings.schedule.windows, settings.max_per_window.post)
    booked = evidence.snapshot.usage.days
    found = []
    for day, expected in evidence.expected.items():
        if datetime.combine(day, datetime.min.time(), zone) >= evidence.now:
            continue
        of_day, name = sent[day], day.isoformat()
        found.append(
            DayRun(
                date=name,
                posts=len(of_day),
                expected=sum(post.expected for post in of_day),
                oracle=best_day(expected, rooms, len(of_day)),
                uniform=uniform_day(expected, len(of_day)),
                billed_micros=evidence.billed_locally.get(name, 0),
                booked_micros=booked[name].spent_micros if name in booked else 0,
                calls=evidence.calls.get(name, 0),
            )
        )
    return tuple(found)


def _refusals(evidence: Evidence, actions: Sequence[Action]) -> tuple[RefusalRun, ...]:
    """By gate: what a tick told of, and what ended there."""
    stood = dict(evidence.stood)
    for action in actions:
        if action.state in {State.REFUSED, State.ABANDONED} and action.gate:
            stood[action.key, action.gate] = action.reason
    counts = Counter(gate for _, gate in stood)
    latest = {gate: reason for (_, gate), reason in stood.items()}
    return tuple(RefusalRun(gate=gate, count=count, reason=latest[gate]) for gate, count in sorted(counts.items()))
