"""Breakers: signs that going on would only burn money or the account's name. Pure.

A breaker that trips pauses the account, with its name in the reason; `songpost resume` is the way back. There are two
here; that nothing will work (401, 402, a suspension, a dead grant) and that the clock is off are told by errors.

- `RefusalRun`: X has refused `REFUSALS` actions in a row, none accepted in between.
- `SpendSlope`: today (UTC) has cost more than the forecast so far: `SLOPE` times the worst prices of today's slots that
  are due by now, what answers have cost (nobody foresees who will ask; the maxima of windows and days hold them), and a
  day's even share of the month's ceiling (`LEAST_MICROS` at least) for the rest; with it, what reads have cost within
  `reading.usd_per_day`.
"""

from __future__ import annotations

from datetime import datetime

from songpost.account_documents import UNUSED, Control, Day
from songpost.core import budget
from songpost.core.prices import quote_steps
from songpost.core.snapshot import Snapshot
from songpost.model import INTERACTIONS, MICROS_PER_USD, Kind
from songpost.nouns import dataclass, replace

REFUSALS = 5
"""A topic that X does not like costs one or two; five in a row say that it is the account, or the app."""
SLOPE = 2
"""A slot is sent twice at most, each time booked at its worst price."""
LEAST_MICROS = 100_000
"""Joining an account costs 60,000 micro-dollars of reads at worst, however small its ceiling."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that has tripped: its name as metrics have it, and the reason for a person."""

    name: str
    reason: str

    def __str__(self) -> str:
        """What stands in the control document."""
        return f"{self.name}: {self.reason}"


def counted(control: Control, *, refused: bool) -> Control:
    """The run of refusals after an action was refused by X, or sent; as it is where nothing changes."""
    refusals = control.refusals + 1 if refused else 0
    return control if refusals == control.refusals else replace(control, refusals=refusals)


def refusal_run(control: Control) -> Trip | None:
    """Whether X has refused too many actions in a row. A resume begins a new run."""
    if control.refusals < REFUSALS:
        return None
    return Trip("RefusalRun", f"X refused {control.refusals} actions in a row (see 'songpost actions --state refused')")


def forecast_micros(snapshot: Snapshot, now: datetime) -> int:
    """What today (UTC) may have cost by `now`. Raises `PriceUnknown`."""
    settings, today, row = snapshot.settings, now.date(), _today(snapshot, now)
    due = [
        slot
        for plan in snapshot.plans.values()
        for slot in plan.slots
        if slot.due_at.date() == today and slot.due_at <= now and not slot.skipped
    ]
    prices = [quote_steps(settings, Kind.POST, slot.steps, today).worst_micros for slot in due]
    answers = sum([row.kind_micros.get(kind, 0) for kind in INTERACTIONS])
    return SLOPE * sum(prices) + answers + _reading(snapshot, row) + _any_day(snapshot, now)


def _any_day(snapshot: Snapshot, now: datetime) -> int:
    """What any day may cost, whatever its plans are."""
    return max(LEAST_MICROS, budget.day_share(snapshot.settings.budget, now))


def _today(snapshot: Snapshot, now: datetime) -> Day:
    return snapshot.usage.days.get(now.date().isoformat(), UNUSED)


def _reading(snapshot: Snapshot, row: Day) -> int:
    """What today's reads have cost within their own ceiling: a storm of mentions must not pause what it cannot ruin."""
    ceiling = snapshot.settings.reading.usd_per_day
    if ceiling is None:
        return 0
    return min(row.kind_micros.get(Kind.READ.value, 0), int(ceiling * MICROS_PER_USD))


def spend_slope(snapshot: Snapshot, now: datetime) -> Trip | None:
    """Whether today costs more than was to be expected by `now` (UTC).

    A resume holds for the rest of its UTC day: a person has seen the bill; the ceilings hold all the same. Raises
    `PriceUnknown` where more is spent than any day may cost, and what the day's slots cost is not known.
    """
    changed_at = snapshot.control.changed_at
    if changed_at is not None and changed_at.date() == now.date():
        return None
    spent = _today(snapshot, now).spent_micros
    if spent <= _any_day(snapshot, now):
        return None
    forecast = forecast_micros(snapshot, now)
    if spent <= forecast:
        return None
    told = f"{budget.dollars(spent)} are spent or booked today, {budget.dollars(forecast)} were to be expected by now"
    return Trip("SpendSlope", told)
