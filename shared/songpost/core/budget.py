"""The ceilings: what a period may use, what it has used, and the booking of reservations.

Money is integer micro-dollars. A billing month starts on `budget.billing_day` and a day at 00:00, both UTC,
as X's own cycle and its once-a-day pricing of reads do. Beside the ceilings stands the pace (`core/pacing.py`), at
which the month's money may be spent. What a month has used is the sum of its days, so a
`billing_day` that the owner moves in the middle of a month neither loses a booking nor gives one back elsewhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from songpost.account_documents import UNUSED, Day, Tally, Usage
from songpost.core import pacing
from songpost.core.pacing import Pace
from songpost.model import MICROS_PER_USD, Kind
from songpost.money_settings import Budget
from songpost.nouns import dataclass, replace
from songpost.settings import Plan, Settings

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A UTC day and the billing month that it lies in, in the words of the counters.

    `month` is named after the calendar month in which it starts, `first` its first day, `end` the day after its last;
    `oldest` is the first day that is still kept.
    """

    day: str
    day_end: datetime
    month: str
    first: str
    end: str
    month_end: datetime
    month_days: int
    oldest: str


@lru_cache(maxsize=64)
def _place(day: date, billing_day: int) -> _Place:
    """Where a UTC date lies."""
    first = day.replace(day=1)
    if day.day < billing_day:
        first = (first - timedelta(days=1)).replace(day=1)
    first = first.replace(day=billing_day)
    end = (first.replace(day=1) + timedelta(days=32)).replace(day=billing_day)
    return _Place(
        day=day.isoformat(),
        day_end=_midnight(day + timedelta(days=1)),
        month=f"{first.year:04d}-{first.month:02d}",
        first=first.isoformat(),
        end=end.isoformat(),
        month_end=_midnight(end),
        month_days=(end - first).days,
        oldest=(day - timedelta(days=KEPT_DAYS)).isoformat(),
    )


def month_of(now: datetime, billing_day: int) -> str:
    """The billing period of a UTC time, named after the month in which it starts: `2026-11`."""
    return _place(now.date(), billing_day).month


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """The ceilings that settings set: counts, and micro-dollars. `None` or absent: there is none."""

    reads: int | None
    writes: int | None
    day: int | None
    kinds: tuple[tuple[Kind, str, int], ...]
    month: int


@lru_cache(maxsize=64)
def _limits(budget: Budget, plan: Plan) -> _Limits:
    read_cap, write_cap = CAPS[plan]
    per_kind = ((kind, budget.usd_per_kind.of(kind)) for kind in Kind)
    return _Limits(
        reads=_capped(read_cap, budget.custom_read_cap, budget.buffer_pct),
        writes=_capped(write_cap, budget.custom_write_cap, budget.buffer_pct),
        day=None if budget.usd_per_day is None else budget.micros(budget.usd_per_day),
        kinds=tuple(
            (kind, f"{kind.value} dollars per month", budget.micros(usd)) for kind, usd in per_kind if usd is not None
        ),
        month=budget.micros(budget.usd_per_month),
    )


def _capped(cap: int | None, custom: int | None, buffer_pct: float) -> int | None:
    caps = [limit for limit in (cap, custom) if limit is not None]
    return int(min(caps) * (1 - Decimal(str(buffer_pct)))) if caps else None


def ceilings(settings: Settings, usage: Usage, now: datetime) -> tuple[Ceiling, ...]:
    """Every ceiling of an account at `now` (UTC), counts before money, the month's money last."""
    limits = _limits(settings.budget, settings.plan)
    at = _place(now.date(), settings.budget.billing_day)
    first, end, resets_at = at.first, at.end, at.month_end
    month = [row for day, row in usage.days.items() if first <= day < end]
    found: list[Ceiling] = []
    if limits.reads is not None:
        used = sum([row.reads for row in month])
        found.append(Ceiling("reads per month", limits.reads, used, resets_at, money=False))
    if limits.writes is not None:
        used = sum([row.writes for row in month])
        found.append(Ceiling("writes per month", limits.writes, used, resets_at, money=False))
    if limits.day is not None:
        used = usage.days.get(at.day, UNUSED).spent_micros
        found.append(Ceiling("dollars per day", limits.day, used, at.day_end, money=True))
    for kind, name, limit in limits.kinds:
        one = kind.value
        used = sum([row.kind_micros.get(one, 0) for row in month])
        found.append(Ceiling(name, limit, used, resets_at, money=True, kind=kind))
    used = sum([row.spent_micros for row in month])
    found.append(Ceiling(MONTH, limits.month, used, resets_at, money=True))
    return tuple(found)


def day_share(budget: Budget, at: datetime) -> int:
    """A day's even share of the monthly ceiling, in the billing month that a UTC time lies in."""
    return budget.micros(budget.usd_per_month) // _place(at.date(), budget.billing_day).month_days


def pace_of(budget: Budget, at: datetime) -> Pace | None:
    """The pace of the billing month that a UTC time lies in; `None` where it is off, or nothing may be spent."""
    return _pace(budget, _place(at.date(), budget.billing_day).month_days)


@lru_cache(maxsize=64)
def _pace(budget: Budget, month_days: int) -> Pace | None:
    micros = budget.micros(budget.usd_per_month)
    if budget.burst_days is None or not micros:
        return None
    return Pace(micros, timedelta(days=month_days), timedelta(days=budget.burst_days))


def burst(settings: Settings, usage: Usage, now: datetime) -> Ceiling | None:
    """The pace as a ceiling: what may be spent at once, and what of it is owed at `now`; `None` where it is off."""
    pace = pace_of(settings.budget, now)
    return None if pace is None else _burst(pace, usage, now)


def _burst(pace: Pace, usage: Usage, now: datetime) -> Ceiling:
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
        if ceiling.kind is not None and ceiling.kind is not kind:
            continue
        need = micros if ceiling.money else needs[ceiling.name]
        if need > 0 and need > ceiling.left:
            return Shortfall(ceiling, need)
    pace = pace_of(settings.budget, now)
    if pace is None or micros <= 0:
        return None
    free_at = pacing.free_at(pace, usage.theoretical_arrival_at, micros, now)
    return None if free_at <= now else Shortfall(_burst(pace, usage, now), micros, free_at)


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
    place = _place(at.date(), budget.billing_day)
    month, day = usage.months.get(place.month, Tally()), usage.days.get(place.day, UNUSED)
    months = {
        **usage.months,
        place.month: Tally(
            writes=max(0, month.writes + writes),
            reads=max(0, month.reads + reads),
            spent_micros=max(0, month.spent_micros + micros),
        ),
    }
    by_kind = day.kind_micros
    if kind is not None:
        by_kind = {**by_kind, kind.value: max(0, by_kind.get(kind.value, 0) + micros)}
    row = Day(max(0, day.writes + writes), max(0, day.reads + reads), max(0, day.spent_micros + micros), by_kind)
    pace, arrival_at = pace_of(budget, at), usage.theoretical_arrival_at
    if pace is not None:
        arrival_at = pacing.moved(pace, arrival_at, micros, at)
    return replace(
        usage,
        months=months if len(months) <= KEPT_MONTHS else dict(sorted(months.items())[-KEPT_MONTHS:]),
        days={key: kept for key, kept in {**usage.days, place.day: row}.items() if key >= place.oldest},
        theoretical_arrival_at=arrival_at,
        updated_at=at if usage.updated_at is None else max(at, usage.updated_at),
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
