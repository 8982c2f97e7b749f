"""The ceilings: what a period may use, what it has used, and the booking of reservations.

Money is integer micro-dollars. A billing month starts on `budget.billing_day` and a day at 00:00, both UTC,
as X's own cycle and its once-a-day pricing of reads do. Beside the ceilings stands the pace (`core/pacing.py`), at
which the month's money may be spent. What a month has used is the sum of its days, so a
`billing_day` that the owner moves in the middle of a month neither loses a booking nor gives one back elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from songpost.account_documents import Tally, Usage
from songpost.core import pacing
from songpost.core.pacing import Pace
from songpost.model import MICROS_PER_USD, Kind
from songpost.nouns import dataclass
from songpost.settings import Budget, Plan, Settings

CAPS: dict[Plan, tuple[int | None, int | None]] = {
    Plan.PAY_PER_USE: (3_000_000, None),
    Plan.ENTERPRISE: (None, None),
    Plan.FREE: (100, 500),
    Plan.BASIC: (15_000, 50_000),
    Plan.PRO: (1_000_000, 300_000),
}
"""A plan's monthly caps: resources read, writes (docs.x.com, read 2026-08-22)."""

KEPT_MONTHS = 13
KEPT_DAYS = 40
"""More than the longest billing month: its days are what the monthly ceilings are counted from."""
KEPT_COUNTS_DAYS = 8
"""More than any action lives (its key's date is at most a week from its due time): counts of windows and local days."""

MONTH = "dollars per month"
"""The name of the month's money ceiling."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One ceiling, and how much of it is used. `resets_at` is when it is whole again, `kind` the only one it is for."""

    name: str
    limit: int
    used: int
    resets_at: datetime
    money: bool
    kind: Kind | None = None

    @property
    def left(self) -> int:
        """What may still be booked; never negative."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A ceiling that a booking would break, and how much it would take of it. `free_at` is set by the pace alone."""

    ceiling: Ceiling
    need: int
    free_at: datetime | None = None

    @property
    def retry_at(self) -> datetime | None:
        """When it would fit: by the pace, or when the ceiling is whole again; `None` where even that would not do."""
        if self.free_at is not None:
            return self.free_at
        return self.ceiling.resets_at if self.need <= self.ceiling.limit else None

    def __str__(self) -> str:
        """The ceiling, what is left of it, and what was needed."""
        ceiling = self.ceiling
        left, need, limit = (
            dollars(amount) if ceiling.money else f"{amount:,}" for amount in (ceiling.left, self.need, ceiling.limit)
        )
        if self.need > ceiling.limit and self.free_at is None:
            return f"{ceiling.name}: {need} needed at worst, {limit} is the whole ceiling"
        return f"{ceiling.name}: {left} left, {need} needed at worst"


def dollars(micros: int) -> str:
    """Micro-dollars (not negative) as a person reads them: three places, and more only where they say something."""
    whole, part = divmod(micros, MICROS_PER_USD)
    places = f"{part:06d}"
    return f"${whole:,}.{places[:3]}{places[3:].rstrip('0')}"


def month_of(now: datetime, billing_day: int) -> str:
    """The billing period of a UTC time, named after the month in which it starts: `2026-11`."""
    start = _month_start(now.date(), billing_day)
    return f"{start.year:04d}-{start.month:02d}"


@lru_cache(maxsize=256)
def _month_start(day: date, billing_day: int) -> date:
    first = day.replace(day=1)
    if day.day < billing_day:
        first = (first - timedelta(days=1)).replace(day=1)
    return first.replace(day=billing_day)


@lru_cache(maxsize=256)
def _next_month(start: date, billing_day: int) -> date:
    return (start.replace(day=1) + timedelta(days=32)).replace(day=billing_day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _days_between(usage: Usage, start: date, end: date) -> tuple[str, ...]:
    """The UTC dates from `start` until before `end` on which anything was booked."""
    first, last = start.isoformat(), end.isoformat()
    return tuple(day for day in usage.days if first <= day < last)


def _used(usage: Usage, days: Iterable[str]) -> Tally:
    """What UTC dates have used together."""
    writes = reads = spent_micros = 0
    for day in days:
        tally = usage.days[day]
        writes += tally.writes
        reads += tally.reads
        spent_micros += tally.spent_micros
    return Tally(writes=writes, reads=reads, spent_micros=spent_micros)


def _used_by(usage: Usage, kind: Kind, days: Iterable[str]) -> int:
    """What actions of one kind have used on UTC dates."""
    spent, name = usage.kind_micros, kind.value
    return sum(spent.get(f"{day}/{name}", 0) for day in days)


@lru_cache(maxsize=64)
def _capped(cap: int | None, custom: int | None, buffer_pct: float) -> int | None:
    caps = [limit for limit in (cap, custom) if limit is not None]
    return int(min(caps) * (1 - Decimal(str(buffer_pct)))) if caps else None


def ceilings(settings: Settings, usage: Usage, now: datetime) -> tuple[Ceiling, ...]:
    """Every ceiling of an account at `now` (UTC), counts before money, the month's money last."""
    budget = settings.budget
    today = now.date()
    first = _month_start(today, budget.billing_day)
    last = _next_month(first, budget.billing_day)
    days = _days_between(usage, first, last)
    month, day = _used(usage, days), usage.days.get(today.isoformat(), Tally())
    month_end, day_end = _midnight(last), _midnight(today + timedelta(days=1))
    read_cap, write_cap = CAPS[settings.plan]
    reads = _capped(read_cap, budget.custom_read_cap, budget.buffer_pct)
    writes = _capped(write_cap, budget.custom_write_cap, budget.buffer_pct)
    found: list[Ceiling] = []
    if reads is not None:
        found.append(Ceiling("reads per month", reads, month.reads, month_end, money=False))
    if writes is not None:
        found.append(Ceiling("writes per month", writes, month.writes, month_end, money=False))
    if budget.usd_per_day is not None:
        limit = budget.micros(budget.usd_per_day)
        found.append(Ceiling("dollars per day", limit, day.spent_micros, day_end, money=True))
    for kind in Kind:
        usd = budget.usd_per_kind.of(kind)
        if usd is not None:
            spent = _used_by(usage, kind, days)
            name = f"{kind.value} dollars per month"
            found.append(Ceiling(name, budget.micros(usd), spent, month_end, money=True, kind=kind))
    limit = budget.micros(budget.usd_per_month)
    found.append(Ceiling(MONTH, limit, month.spent_micros, month_end, money=True))
    return tuple(found)


def day_share(budget: Budget, at: datetime) -> int:
    """A day's even share of the monthly ceiling, in the billing month that a UTC time lies in."""
    first = _month_start(at.date(), budget.billing_day)
    return budget.micros(budget.usd_per_month) // (_next_month(first, budget.billing_day) - first).days


def pace_of(budget: Budget, at: datetime) -> Pace | None:
    """The pace of the billing month that a UTC time lies in; `None` where it is off, or nothing may be spent."""
    micros = budget.micros(budget.usd_per_month)
    if budget.burst_days is None or not micros:
        return None
    first = _month_start(at.date(), budget.billing_day)
    return Pace(micros, _next_month(first, budget.billing_day) - first, timedelta(days=budget.burst_days))


def burst(settings: Settings, usage: Usage, now: datetime) -> Ceiling | None:
    """The pace as a ceiling: what may be spent at once, and what of it is owed at `now`; `None` where it is off."""
    pace = pace_of(settings.budget, now)
    if pace is None:
        return None
    arrival_at = usage.theoretical_arrival_at
    owed = pacing.owed_micros(pace, arrival_at, now)
    return Ceiling("dollars at once", pace.burst_micros, owed, max(now, arrival_at or now), money=True)


def overview(settings: Settings, usage: Usage, now: datetime) -> tuple[Ceiling, ...]:
    """Every ceiling and the pace, as people are shown them."""
    paced = burst(settings, usage, now)
    return ceilings(settings, usage, now) if paced is None else (*ceilings(settings, usage, now), paced)


def shortfall(
    settings: Settings,
    usage: Usage,
    now: datetime,
    *,
    writes: int,
    reads: int,
    micros: int,
    kind: Kind | None = None,
) -> Shortfall | None:
    """The first ceiling that a booking would break, counts before money, the pace last; `None` where it fits.

    `kind` is the action's, whose own ceiling holds too; a read has none.
    """
    needs = {"reads per month": reads, "writes per month": writes}
    for ceiling in ceilings(settings, usage, now):
        if ceiling.kind not in {None, kind}:
            continue
        need = micros if ceiling.money else needs[ceiling.name]
        if need > 0 and need > ceiling.left:
            return Shortfall(ceiling, need)
    pace, paced = pace_of(settings.budget, now), burst(settings, usage, now)
    if pace is None or paced is None or micros <= 0:
        return None
    free_at = pacing.free_at(pace, usage.theoretical_arrival_at, micros, now)
    return None if free_at <= now else Shortfall(paced, micros, free_at)


def booked(
    usage: Usage,
    budget: Budget,
    at: datetime,
    *,
    writes: int = 0,
    reads: int = 0,
    micros: int = 0,
    kind: Kind | None = None,
) -> Usage:
    """Add to the month and the day of `at` (a negative amount gives back), and forget what is long past.

    A give-back is booked at the time of its reservation, so that it lands in the same day. No count goes below
    nothing: a give-back never makes room that was not taken. Money of an action counts for its `kind` too, and
    moves the pace.
    """
    month, day = month_of(at, budget.billing_day), at.date().isoformat()
    months = {**usage.months, month: _added(usage.months.get(month, Tally()), writes, reads, micros)}
    days = {**usage.days, day: _added(usage.days.get(day, Tally()), writes, reads, micros)}
    oldest = (at.date() - timedelta(days=KEPT_DAYS)).isoformat()
    kind_micros = dict(usage.kind_micros)
    if kind is not None:
        kind_micros[f"{day}/{kind.value}"] = max(0, kind_micros.get(f"{day}/{kind.value}", 0) + micros)
    pace, arrival_at = pace_of(budget, at), usage.theoretical_arrival_at
    if pace is not None:
        arrival_at = pacing.moved(pace, arrival_at, micros, at)
    return replace(
        usage,
        months=dict(sorted(months.items())[-KEPT_MONTHS:]),
        days={key: tally for key, tally in days.items() if key >= oldest},
        kind_micros={key: spent for key, spent in kind_micros.items() if key >= oldest},
        theoretical_arrival_at=arrival_at,
        updated_at=at if usage.updated_at is None else max(at, usage.updated_at),
    )


def _added(tally: Tally, writes: int, reads: int, micros: int) -> Tally:
    return Tally(
        writes=max(0, tally.writes + writes),
        reads=max(0, tally.reads + reads),
        spent_micros=max(0, tally.spent_micros + micros),
    )


def counted(usage: Usage, key: str, day: str, change: int) -> Usage:
    """Move the count of a window (`date/window/kind`) and of its local day (`date/kind`) by `change`, never below 0.

    What is long past is forgotten, and stays so: half a count of it would be a wrong one.
    """
    kind = key.rpartition("/")[2]
    latest = max((day, *(one[:10] for one in usage.kinds)))
    oldest = (date.fromisoformat(latest) - timedelta(days=KEPT_COUNTS_DAYS)).isoformat()
    windows = {**usage.windows, key: max(0, usage.windows.get(key, 0) + change)}
    daily = f"{day}/{kind}"
    kinds = {**usage.kinds, daily: max(0, usage.kinds.get(daily, 0) + change)}
    return replace(
        usage,
        windows={name: count for name, count in windows.items() if name >= oldest},
        kinds={name: count for name, count in kinds.items() if name >= oldest},
    )
