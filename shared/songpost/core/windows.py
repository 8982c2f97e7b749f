"""Windows of local time, and when they are open: pure calendar arithmetic over an IANA zone.

A window is `name: (start, end)` as `HH:MM` local time, end exclusive; an end that is not after its start lies
on the next day. On a local date it *occurs* from the first instant at which the local clock shows its start
until the first instant at which it shows its end. From that one rule follow the odd days:

    clocks go forward, 02:00 → 03:00    01:00-02:30 lasts 1 h; 02:30-04:00 opens at 03:00; 02:00-03:00 is empty
    clocks go back,    02:00 → 01:00    00:30-01:30 lasts 1 h (the first 01:30); 01:30-02:30 lasts 2 h; no window
                                        opens twice
    a date is left out (Apia 2011-12-30)  its windows are empty, unless they reach into the day after

A window belongs to the date and weekday on which it starts by the calendar, even where it runs past midnight.
Windows may overlap: each keeps its own slots and quota, and of those that are open the one that closes first
is `window_at`, for its slots die first. Dates are local, instants aware and in UTC; the zone's rules are those of
the `tzdata` that is installed (docs/decisions/0031).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from songpost.nouns import dataclass

Spans = Mapping[str, tuple[str, str]]
"""Windows by name: local start and end as `HH:MM`, as the settings hold them."""

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A named span of local time, end exclusive; an end at or before the start is on the next day."""

    name: str
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A window on one local date: open in [opens_at, closes_at), both UTC."""

    name: str
    date: date
    opens_at: datetime
    closes_at: datetime

    @property
    def seconds(self) -> int:
        """How long it is really open, clock changes counted in."""
        return int((self.closes_at - self.opens_at).total_seconds())


def parse(spans: Spans) -> tuple[Window, ...]:
    """The windows of `spans`; a time that is none raises `ValueError` (settings are validated before)."""
    return tuple(
        Window(name, time.fromisoformat(start), time.fromisoformat(end)) for name, (start, end) in spans.items()
    )


def first_instant(clock: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, at which the local clock of `zone` shows the naive `clock` or, in a gap, later.

    An hour that comes twice gives its first coming. A time that a clock change leaves out gives the instant of
    the change: the two readings of PEP 495 lie on either side of it, so halving finds it to the second.
    """
    aware = clock.replace(tzinfo=zone, fold=0)
    after = aware.astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == clock:
        return after
    before = aware.replace(fold=1).astimezone(UTC)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) >= clock:
            after = middle
        else:
            before = middle
    return after


def occurrences(spans: Spans, zone: str, weekdays: Collection[int], day: date) -> tuple[Occurrence, ...]:
    """The windows that start on the local date `day` and are open at all, in order of opening.

    `weekdays` are those on which windows start, 1 for Monday to 7 for Sunday. An unknown `zone` raises
    `zoneinfo.ZoneInfoNotFoundError` (settings are validated before).
    """
    if day.isoweekday() not in weekdays:
        return ()
    return _occurrences(tuple([(name, (start, end)) for name, (start, end) in spans.items()]), zone, day)


@lru_cache(maxsize=256)
def _occurrences(spans: tuple[tuple[str, tuple[str, str]], ...], zone: str, day: date) -> tuple[Occurrence, ...]:
    """The windows that start on a date, whatever its weekday. A tick asks for the same three days again and again."""
    rules = ZoneInfo(zone)
    found = []
    for window in parse(dict(spans)):
        last = day if window.end > window.start else day + _DAY
        opens_at = first_instant(datetime.combine(day, window.start), rules)
        closes_at = first_instant(datetime.combine(last, window.end), rules)
        if opens_at < closes_at:
            found.append(Occurrence(window.name, day, opens_at, closes_at))
    return tuple(sorted(found, key=lambda occurrence: (occurrence.opens_at, occurrence.closes_at, occurrence.name)))


def dates_around(now: datetime, zone: str) -> tuple[date, date, date]:
    """The local dates on which a window that is open at `now` (aware) can have started.

    Yesterday, because windows cross midnight; tomorrow, because a clock can go back over midnight when a window of
    the new day has just opened (St. John's did so at 00:01 until 2011).
    """
    if now.tzinfo is None:
        raise ValueError(f"{now!r} is naive: windows are asked for aware instants")
    today = now.astimezone(ZoneInfo(zone)).date()
    return today - _DAY, today, today + _DAY


def window_at(spans: Spans, zone: str, weekdays: Collection[int], now: datetime) -> Occurrence | None:
    """The window that is open at `now` (aware), `None` where none is; of several the one that closes first."""
    open_now: list[Occurrence] = []
    for day in dates_around(now, zone):
        for occurrence in occurrences(spans, zone, weekdays, day):
            if now < occurrence.opens_at:
                break  # those of a day come in the order of opening
            if now < occurrence.closes_at:
                open_now.append(occurrence)
    return min(open_now, key=lambda found: (found.closes_at, found.opens_at, found.name), default=None)
