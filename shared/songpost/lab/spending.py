"""Which setting costs most, by finite differences of the forecast; and the forecast against what was spent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from songpost.account_documents import Tally, Usage
from songpost.lab.forecast import MONTH_DAYS, Deployed, Forecast, foretell, total
from songpost.model import Kind
from songpost.nouns import replace
from songpost.settings import Reading, Settings


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


_Step = tuple[str, str, str, Settings, float, Deployed]
"""A setting, what it is, what it would be, and the whole after that one step."""


def _steps(settings: Settings, linked: float, stack: Deployed) -> list[_Step]:
    """Every step that can be taken."""
    steps: list[_Step] = [
        (name, now, then, changed, linked, stack)
        for name, now, then, changed in (*_fewer(settings), *_never(settings.reading, settings))
        if changed != settings
    ]
    if linked:
        steps.append(("content: texts with links", f"{linked:.0%}", "0%", settings, 0.0, stack))
    writer, reader = stack.writer_minutes, stack.reader_minutes
    for name, minutes, slower in (
        ("writer_minutes", writer, replace(stack, writer_minutes=2 * writer)),
        ("reader_minutes", reader, replace(stack, reader_minutes=2 * reader)),
    ):
        steps.append((f"stack: {name}", f"{minutes:g}", f"{2 * minutes:g}", settings, linked, slower))
    return steps


def _fewer(settings: Settings) -> Iterator[tuple[str, str, str, Settings]]:
    """One less of what is counted; the same settings where there is none to take away."""
    posts, queries = settings.posts_per_day, settings.queries
    days = tuple(sorted(set(settings.cadence.weekdays)))
    hours = settings.learning.credit_after_hours
    if posts:
        yield "max_per_day", str(posts), str(posts - 1), replace(settings, max_per_day=posts - 1)
    for kind in (Kind.REPLY, Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW):
        most = settings.max_per_window.of(kind) or 0
        fewer = replace(settings.max_per_window, **{kind.value: max(most - 1, 0)})
        yield f"max_per_window.{kind.value}", str(most), str(most - 1), replace(settings, max_per_window=fewer)
    if len(days) > 1:
        cadence = replace(settings.cadence, weekdays=days[:-1])
        yield "cadence.weekdays", f"{len(days)} days", f"{len(days) - 1} days", replace(settings, cadence=cadence)
    yield "queries", str(len(queries)), str(len(queries) - 1), replace(settings, queries=queries[:-1])
    later = replace(settings.learning, credit_after_hours=max(hours, 48))
    yield "learning.credit_after_hours", str(hours), "48", replace(settings, learning=later)


def _never(reading: Reading, settings: Settings) -> Iterator[tuple[str, str, str, Settings]]:
    """Each place where the reader looks, as if it never did."""
    for place, every, blind in (
        ("timeline", reading.timeline_every_minutes, replace(reading, timeline_every_minutes=None)),
        ("mentions", reading.mentions_every_minutes, replace(reading, mentions_every_minutes=None)),
        ("search", reading.search_every_minutes, replace(reading, search_every_minutes=None)),
        ("watchlist", reading.watchlist_every_minutes, replace(reading, watchlist_every_minutes=None)),
    ):
        yield f"reading.{place}_every_minutes", str(every), "null", replace(settings, reading=blind)


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
            spent = sum(usage.days[day].kind_micros.get(kind.value, 0) for day in inside)
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
