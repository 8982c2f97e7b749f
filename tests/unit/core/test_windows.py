from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.core import windows
from songpost.settings import KNOWN_WINDOWS

EVERY_DAY = range(1, 8)
ZONES = (
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # no 2011-12-30
    "Asia/Kathmandu",
    "America/St_Johns",  # changed at 00:01 until 2011
    "Africa/Cairo",  # changes at midnight
    "America/Havana",
    "Africa/Casablanca",  # goes back for Ramadan
    "Asia/Gaza",
    "UTC",
)


def only(span: tuple[str, str], zone: str, day: date) -> windows.Occurrence | None:
    """The one occurrence of a window on a date."""
    found = windows.occurrences({"w": span}, zone, EVERY_DAY, day)
    return found[0] if found else None


def hours(occurrence: windows.Occurrence | None) -> float:
    """How long it is open."""
    return occurrence.seconds / 3600 if occurrence else 0.0


def utc(text: str) -> datetime:
    """An instant from its ISO text without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_known_windows_open_at_their_local_times() -> None:
    """On a plain day the six known windows open and close as the clock on the wall shows."""
    found = windows.occurrences(KNOWN_WINDOWS, "America/New_York", EVERY_DAY, date(2026, 11, 23))

    assert [
        ("early-morning", utc("2026-11-23T10:00"), utc("2026-11-23T13:00")),
        ("morning", utc("2026-11-23T14:00"), utc("2026-11-23T17:00")),
        ("afternoon", utc("2026-11-23T18:00"), utc("2026-11-23T22:00")),
        ("evening", utc("2026-11-23T23:00"), utc("2026-11-24T02:00")),
        ("night", utc("2026-11-24T02:00"), utc("2026-11-24T04:00")),
        ("late-night", utc("2026-11-24T04:00"), utc("2026-11-24T07:00")),
    ] == [(o.name, o.opens_at, o.closes_at) for o in found]


@pytest.mark.parametrize(
    ("span", "opens_at", "expected_hours"),
    [
        (("01:00", "02:30"), "2026-03-08T06:00", 1.0),
        (("02:30", "04:00"), "2026-03-08T07:00", 1.0),
        (("02:00", "03:30"), "2026-03-08T07:00", 0.5),
        (("01:00", "05:00"), "2026-03-08T06:00", 3.0),
        (("01:59", "02:01"), "2026-03-08T06:59", 1 / 60),
    ],
)
def test_forward_change_cuts_windows(span: tuple[str, str], opens_at: str, expected_hours: float) -> None:
    """When clocks go forward a start in the gap moves to the change, and windows last as long as they really do."""
    found = only(span, "America/New_York", date(2026, 3, 8))

    assert found is not None
    assert (utc(opens_at), expected_hours * 3600) == (found.opens_at, found.seconds)


def test_window_wholly_in_a_gap_does_not_occur() -> None:
    """A window whose every minute the clock leaves out is not open on that day."""
    assert [None, None, None] == [
        only(("02:00", "03:00"), "America/New_York", date(2026, 3, 8)),
        only(("02:15", "02:45"), "America/New_York", date(2026, 3, 8)),
        only(("02:00", "02:30"), "Australia/Lord_Howe", date(2026, 10, 4)),
    ]


@pytest.mark.parametrize(
    ("span", "opens_at", "expected_hours"),
    [
        (("00:30", "01:30"), "2026-11-01T04:30", 1.0),
        (("01:15", "01:45"), "2026-11-01T05:15", 0.5),
        (("01:30", "02:30"), "2026-11-01T05:30", 2.0),
        (("00:00", "03:00"), "2026-11-01T04:00", 4.0),
    ],
)
def test_backward_change_opens_no_window_twice(span: tuple[str, str], opens_at: str, expected_hours: float) -> None:
    """When clocks go back start and end are the first time that the clock shows them."""
    found = only(span, "America/New_York", date(2026, 11, 1))

    assert found is not None
    assert (utc(opens_at), expected_hours * 3600) == (found.opens_at, found.seconds)


def test_lord_howe_changes_by_half_an_hour() -> None:
    """Half an hour of summer time shortens and lengthens a window by half an hour."""
    assert (2.5, 3.5) == (
        hours(only(("01:00", "04:00"), "Australia/Lord_Howe", date(2026, 10, 4))),
        hours(only(("01:00", "04:00"), "Australia/Lord_Howe", date(2026, 4, 5))),
    )


def test_date_that_was_left_out_has_no_windows() -> None:
    """Apia had no 2011-12-30: only what reaches into the next day is open, from that day's first instant."""
    day = date(2011, 12, 30)
    reaching = only(("23:00", "02:00"), "Pacific/Apia", day)

    assert only(("09:00", "12:00"), "Pacific/Apia", day) is None
    assert (utc("2011-12-30T10:00"), 2.0) == (reaching and reaching.opens_at, hours(reaching))
    assert hours(only(("23:00", "02:00"), "Pacific/Apia", day - timedelta(days=1))) == 1.0


def test_change_over_midnight_is_found_from_the_day_before() -> None:
    """A window of the new day stays open while the clock shows the old day again (St. John's, 2010)."""
    during = utc("2010-11-07T03:00")  # 23:30 on the 6th, for the second time

    found = windows.window_at({"w": ("00:00", "01:00")}, "America/St_Johns", EVERY_DAY, during)

    assert (date(2010, 11, 6), date(2010, 11, 7)) == (
        during.astimezone(ZoneInfo("America/St_Johns")).date(),
        found and found.date,
    )


def test_weekday_is_that_of_the_start() -> None:
    """At 01:00 on a Saturday the late-night window of Friday is open, and Saturday's setting does not matter."""
    saturday = utc("2026-11-28T01:00")
    late = {"late-night": KNOWN_WINDOWS["late-night"]}

    on_friday = windows.window_at(late, "Europe/London", [5], saturday)

    assert date(2026, 11, 27) == (on_friday and on_friday.date)
    assert windows.window_at(late, "Europe/London", [6], saturday) is None


def test_end_is_exclusive() -> None:
    """A window is open at its start and closed at its end; the next one may open at that very instant."""
    at = utc("2026-11-27T21:00")
    before = windows.window_at(KNOWN_WINDOWS, "Europe/London", EVERY_DAY, at - timedelta(microseconds=1))
    after = windows.window_at(KNOWN_WINDOWS, "Europe/London", EVERY_DAY, at)

    assert ("evening", "night") == (before and before.name, after and after.name)


def test_overlapping_windows_the_first_to_close_is_current() -> None:
    """Where windows overlap the current one is that which closes first, and each occurs in full."""
    spans = {"long": ("08:00", "18:00"), "short": ("09:00", "10:00")}
    current = windows.window_at(spans, "UTC", EVERY_DAY, utc("2026-11-27T09:30"))

    assert "short" == (current and current.name)
    assert [36_000, 3_600] == [o.seconds for o in windows.occurrences(spans, "UTC", EVERY_DAY, date(2026, 11, 27))]


def test_equal_start_and_end_is_a_whole_day() -> None:
    """A window that ends when it starts lasts until the next day's same time."""
    assert (24.0, 23.0) == (
        hours(only(("06:00", "06:00"), "Europe/London", date(2026, 11, 27))),
        hours(only(("06:00", "06:00"), "Europe/London", date(2026, 3, 28))),
    )


def test_naive_instants_are_refused() -> None:
    """An instant without a zone is refused by name, not taken for the machine's local time."""
    with pytest.raises(ValueError, match="naive"):
        windows.window_at(KNOWN_WINDOWS, "UTC", EVERY_DAY, datetime(2026, 1, 1))  # noqa: DTZ001 - that is the case


CLOCK = st.times().map(lambda t: t.replace(second=0, microsecond=0))
DAYS = st.dates(date(1995, 1, 1), date(2036, 12, 31)) | st.sampled_from(
    [
        date(2026, 3, 8), date(2026, 11, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 10, 4),
        date(2011, 12, 29), date(2011, 12, 30), date(2010, 3, 14), date(2010, 11, 6), date(2010, 11, 7),
        date(2026, 4, 24), date(2026, 10, 29), date(2026, 10, 30), date(2026, 2, 15), date(2026, 3, 22),
    ]
)  # fmt: skip


@given(clock=st.datetimes(datetime(1995, 1, 1), datetime(2036, 1, 1)), zone=st.sampled_from(ZONES))  # noqa: DTZ001
def test_first_instant_is_the_first(clock: datetime, zone: str) -> None:
    """At the first instant the local clock has come to the asked time, and one second before it had not."""
    clock = clock.replace(microsecond=0)
    rules = ZoneInfo(zone)
    at = windows.first_instant(clock, rules)

    assert at.astimezone(rules).replace(tzinfo=None) >= clock
    assert (at - timedelta(seconds=1)).astimezone(rules).replace(tzinfo=None) < clock


@given(day=DAYS, zone=st.sampled_from(ZONES), start=CLOCK, end=CLOCK)
def test_windows_are_nearly_as_long_as_written(day: date, zone: str, start: time, end: time) -> None:
    """A window's real length differs from the written one by the clock changes within it, and by no more."""
    last = day if end > start else day + timedelta(days=1)
    written = datetime.combine(last, end) - datetime.combine(day, start)
    found = only((start.isoformat("minutes"), end.isoformat("minutes")), zone, day)
    real = found.closes_at - found.opens_at if found else timedelta()
    rules = ZoneInfo(zone)
    offsets = {
        (datetime.combine(day - timedelta(days=1), time(), UTC) + timedelta(minutes=30 * n))
        .astimezone(rules)
        .utcoffset()
        or timedelta()
        for n in range(4 * 48)
    }

    assert abs(real - written) <= max(offsets) - min(offsets)


@given(day=DAYS, zone=st.sampled_from(ZONES), start=CLOCK, end=CLOCK, later=st.integers(0, 86_400))
def test_open_windows_are_found(day: date, zone: str, start: time, end: time, later: int) -> None:
    """Whenever a window is open `window_at` finds it, under the date on which it started; never at its end."""
    spans = {"w": (start.isoformat("minutes"), end.isoformat("minutes"))}
    found = only(spans["w"], zone, day)
    if found is None:
        return
    inside = found.opens_at + timedelta(seconds=later % found.seconds)

    current = windows.window_at(spans, zone, EVERY_DAY, inside)
    assert current is not None
    assert current.opens_at <= inside < current.closes_at
    assert day == current.date or end <= start  # a whole day or more can meet the next one after a clock change
    assert found == next(iter(windows.occurrences(spans, zone, [day.isoweekday()], day)))
    assert windows.window_at(spans, zone, [day.isoweekday()], found.closes_at) != found


@given(day=DAYS, zone=st.sampled_from(ZONES), start=CLOCK, end=CLOCK)
def test_occurrences_follow_each_other(day: date, zone: str, start: time, end: time) -> None:
    """The same window never overlaps itself from one day to the next."""
    span = (start.isoformat("minutes"), end.isoformat("minutes"))
    today, tomorrow = only(span, zone, day), only(span, zone, day + timedelta(days=1))

    assert today is None or tomorrow is None or today.closes_at <= tomorrow.opens_at
