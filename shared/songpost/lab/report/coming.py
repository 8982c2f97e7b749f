"""The next seven days as they would go: each day is planned as if those before it had gone out. Pure but for texts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from songpost.agent import planning
from songpost.agent.foretelling import as_if_sent
from songpost.agent.planning import Texts
from songpost.core import admission, consent
from songpost.core.admission import Admitted
from songpost.core.snapshot import Snapshot
from songpost.model import ORIGINALS, Action, State
from songpost.settings import Consent, Stage

DAYS = 7
WAITING = frozenset({State.PLANNED, State.PROPOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One planned post, its price as X charges it (`micros`), and what is booked for it at worst (`worst_micros`).

    `asks` says that it waits for a person's word; `gate` and `reason` what stands in its way, if anything does.
    """

    action: Action
    micros: int
    worst_micros: int
    asks: bool
    gate: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingDay:
    """A local day: its posts in order of time, why others could not be planned, and topics that run out of texts."""

    date: date
    posts: tuple[Coming, ...]
    left_out: tuple[str, ...]
    running_dry: tuple[str, ...]

    @property
    def micros(self) -> int:
        """What its posts that nothing stands in the way of cost."""
        return sum(post.micros for post in self.posts if not post.gate)


def coming_days(snapshot: Snapshot, texts: Texts, now: datetime) -> tuple[ComingDay, ...]:
    """Today's rest and the six days after it, as if the account ran, with every word given that is asked for."""
    settings, control = replace(snapshot.settings, stage=Stage.AUTO), replace(snapshot.control, paused=False)
    imagined = replace(snapshot, settings=settings, control=control)
    today = planning.local_day(snapshot, now)
    days = []
    for number in range(DAYS):
        day, imagined = _day(snapshot, imagined, texts, today + timedelta(days=number), now)
        days.append(day)
    return tuple(days)


def _day(snapshot: Snapshot, imagined: Snapshot, texts: Texts, day: date, now: datetime) -> tuple[ComingDay, Snapshot]:
    plan = planning.planned(imagined, texts, day)
    waiting = [
        replace(action, state=State.PLANNED)
        for action in imagined.actions.values()
        if action.kind in ORIGINALS and action.state in WAITING and planning.local_day(snapshot, action.due_at) == day
    ]
    actions = [*waiting, *(planning.action_of(slot, now) for slot in planning.open_slots((plan,)))]
    posts = []
    for action in sorted(actions, key=lambda one: (one.due_at, one.key)):
        if action.sendable_until > now:
            post, imagined = _post(snapshot, imagined, action, now)
            posts.append(post)
    yesterday = (day - timedelta(days=1)).isoformat()
    kept = {name: value for name, value in imagined.plans.items() if name >= yesterday}
    coming = ComingDay(date=day, posts=tuple(posts), left_out=plan.left_out, running_dry=plan.running_dry)
    return coming, replace(imagined, plans={**kept, plan.date: plan})


def _post(snapshot: Snapshot, imagined: Snapshot, action: Action, now: datetime) -> tuple[Coming, Snapshot]:
    at = max(now, action.due_at, action.retry_at or now)
    asks = consent.consent_of(snapshot, action) is Consent.ASK
    approved = action
    if asks:
        worst = consent.worst_micros(imagined.settings, action, at.date())
        approved = replace(action, approved=consent.shown(action, worst), approved_at=at)
    decision = admission.admit(imagined, approved, at, f"report/{action.key}"[:36])
    quote = decision.quote
    micros, worst_micros = (0, 0) if quote is None else (quote.call_micros, quote.worst_micros)
    if isinstance(decision, Admitted):
        found = Coming(action=action, micros=micros, worst_micros=worst_micros, asks=asks)
        return found, as_if_sent(decision, at)
    found = Coming(
        action=action,
        micros=micros,
        worst_micros=worst_micros,
        asks=asks,
        gate=decision.gate,
        reason=decision.reason,
    )
    return found, imagined
