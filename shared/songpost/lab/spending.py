"""Which setting costs most, by finite differences of the forecast; and the forecast against what was spent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from songpost.account_documents import Tally, Usage
from songpost.lab.forecast import MONTH_DAYS, Deployed, Forecast, foretell, total
from songpost.model import Kind
from songpost.settings import PerKind, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """What one step of a setting would change: from, to, and the expected micro-dollars a month that it saves."""

    setting: str
    now: str
    then: str
    saves_micros: int


def knobs(
    settings: Settings,
    on: date,
    *,
    with_links: float = 0.0,
    with_pictures: float = 0.0,
    owns_app: bool = False,
    deployed: Deployed | None = None,
) -> tuple[Knob, ...]:
    """What one step down of each setting saves a month, the dearest first: finite differences, ceilings left aside."""
    deployed = deployed or Deployed()

    def cost(changed: Settings, linked: float, stack: Deployed) -> float:
        found = foretell(changed, on, with_links=linked, with_pictures=with_pictures, owns_app=owns_app, deployed=stack)
        return found.x_uncapped_micros.expected + found.aws_beyond_free_micros.expected

    before = cost(settings, with_links, deployed)
    found = [
        Knob(setting=name, now=now, then=then, saves_micros=round(before - cost(changed, linked, stack)))
        for name, now, then, changed, linked, stack in _steps(settings, with_links, deployed)
    ]
    return tuple(
        sorted((one for one in found if one.saves_micros > 0), key=lambda one: (-one.saves_micros, one.setting))
    )


def _steps(settings: Settings, linked: float, stack: Deployed) -> list[tuple[str, str, str, Settings, float, Deployed]]:
    """Every setting that can be one step smaller: its name, what it is, what it would be, and the whole after it."""
    found: list[tuple[str, str, str, Settings, float, Deployed]] = []
    posts, weekdays = settings.posts_per_day, settings.cadence.weekdays
    if posts:
        fewer = replace(settings, max_per_day=posts - 1)
        found.append(("max_per_day", str(posts), str(posts - 1), fewer, linked, stack))
    for kind in (Kind.REPLY, Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW):
        most = settings.max_per_window.of(kind)
        if most:
            fewer = replace(settings, max_per_window=_one_less(settings.max_per_window, kind))
            found.append((f"max_per_window.{kind.value}", str(most), str(most - 1), fewer, linked, stack))
    if len(set(weekdays)) > 1:
        fewer = replace(settings, cadence=replace(settings.cadence, weekdays=tuple(sorted(set(weekdays)))[:-1]))
        days = len(set(weekdays))
        found.append(("cadence.weekdays", f"{days} days", f"{days - 1} days", fewer, linked, stack))
    if settings.queries:
        fewer = replace(settings, queries=settings.queries[:-1])
        found.append(("queries", str(len(settings.queries)), str(len(settings.queries) - 1), fewer, linked, stack))
    if settings.learning.credit_after_hours < 48:
        later = replace(settings, learning=replace(settings.learning, credit_after_hours=48))
        hours = str(settings.learning.credit_after_hours)
        found.append(("learning.credit_after_hours", hours, "48", later, linked, stack))
    if linked:
        found.append(("content: texts with links", f"{linked:.0%}", "0%", settings, 0.0, stack))
    for name in ("writer_minutes", "reader_minutes"):
        minutes = getattr(stack, name)
        slower = replace(stack, **{name: 2 * minutes})
        found.append((f"stack: {name}", f"{minutes:g}", f"{2 * minutes:g}", settings, linked, slower))
    return found


def _one_less(most: PerKind, kind: Kind) -> PerKind:
    return replace(most, **{kind.value: (most.of(kind) or 1) - 1})


# ------------------------------------------------------------------------------------------- forecast against actual


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """A billing month as it was, or is so far: its days that have usage, and the forecast for as many days.

    `by_kind` pairs what actions of a kind (or `reads and the rest`) cost with the forecast for it; it is told as long
    as the days are kept.
    """

    month: str
    days: float
    spent_micros: int
    expected_micros: int
    writes: int
    reads: int
    by_kind: Mapping[str, tuple[int, int]]


def actuals(forecast: Forecast, usage: Usage, billing_day: int, now: datetime) -> tuple[Actual, ...]:
    """Every billing month in the usage document against the forecast of today's settings, oldest first."""
    return tuple(
        _actual(forecast, usage, month, tally, billing_day, now) for month, tally in sorted(usage.months.items())
    )


def _actual(forecast: Forecast, usage: Usage, month: str, tally: Tally, billing_day: int, now: datetime) -> Actual:
    start, end = month_span(month, billing_day)
    inside = sorted(day for day in usage.days if start.date().isoformat() <= day < end.date().isoformat())
    first_month = month == min(usage.months)
    if inside and first_month:
        start = max(start, datetime.combine(date.fromisoformat(inside[0]), datetime.min.time(), UTC))
    days = max((min(now, end) - start) / timedelta(days=1), 0.0)
    part = days / MONTH_DAYS
    by_kind: dict[str, tuple[int, int]] = {}
    if inside:
        for kind in Kind:
            expected = total(line.micros for line in forecast.x if line.kind is kind).expected
            spent = sum(usage.kind_micros.get(f"{day}/{kind.value}", 0) for day in inside)
            if spent or expected:
                by_kind[kind.value] = (spent, round(expected * part))
        rest = total(line.micros for line in forecast.x if line.kind is None).expected
        kinds = sum(spent for spent, _ in by_kind.values())
        by_kind["reads and the rest"] = (max(tally.spent_micros - kinds, 0), round(rest * part))
    return Actual(
        month=month,
        days=days,
        spent_micros=tally.spent_micros,
        expected_micros=round(forecast.x_micros.expected * part),
        writes=tally.writes,
        reads=tally.reads,
        by_kind=by_kind,
    )


def month_span(month: str, billing_day: int) -> tuple[datetime, datetime]:
    """When a billing month, named after the calendar month in which it starts, begins and ends (UTC)."""
    start = datetime(int(month[:4]), int(month[5:7]), billing_day, tzinfo=UTC)
    later = (start.replace(day=1) + timedelta(days=32)).replace(day=billing_day)
    return start, later
