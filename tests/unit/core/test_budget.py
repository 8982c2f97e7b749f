from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import UNUSED, Tally, Usage
from songpost.core import budget
from songpost.money_settings import Budget
from songpost.settings import Plan, Settings
from tests.unit.core.cases import NOW, SETTINGS


def with_budget(**values: object) -> Settings:
    """The usual settings with another budget, and no pace unless it is named."""
    return replace(SETTINGS, budget=Budget(**{"burst_days": None, **values}))  # type: ignore[arg-type]


def used(settings: Settings, usage: Usage, at: datetime, name: str) -> int:
    """How much of a ceiling is used."""
    return {ceiling.name: ceiling.used for ceiling in budget.ceilings(settings, usage, at)}[name]


def spend(usage: Usage, settings: Settings, at: datetime, micros: int) -> Usage:
    """Book money alone."""
    return budget.booked(usage, settings.budget, at, micros=micros)


@pytest.mark.parametrize(
    ("micros", "expected"),
    [
        (0, "$0.000"),
        (15_000, "$0.015"),
        (249_600, "$0.2496"),
        (1, "$0.000001"),
        (1_234_567_890, "$1,234.56789"),
        (100, "$0.0001"),
    ],
)
def test_dollars_never_round(micros: int, expected: str) -> None:
    """Money is shown with three places, and with as many more as it takes to be exact."""
    assert expected == budget.dollars(micros)


@pytest.mark.parametrize(
    ("day", "billing_day", "expected"),
    [
        ("2026-11-01", 1, "2026-11"),
        ("2026-10-31", 1, "2026-10"),
        ("2026-11-14", 15, "2026-10"),
        ("2026-11-15", 15, "2026-11"),
        ("2027-01-14", 15, "2026-12"),
        ("2028-02-28", 28, "2028-02"),
        ("2028-02-29", 28, "2028-02"),
        ("2028-03-27", 28, "2028-02"),
    ],
)
def test_billing_month_bears_the_name_of_its_first_day(day: str, billing_day: int, expected: str) -> None:
    """A billing month runs from its day to the day before, over the turn of the year and leap days too."""
    assert expected == budget.month_of(datetime.fromisoformat(day).replace(tzinfo=UTC), billing_day)


@given(day=st.dates(date(2024, 1, 1), date(2032, 12, 31)), billing_day=st.integers(1, 28))
def test_every_day_lies_in_exactly_one_billing_month(day: date, billing_day: int) -> None:
    """From its first day to the reset that it announces a billing month holds its days, and no others."""
    settings = with_budget(billing_day=billing_day)
    at = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
    month = budget.ceilings(settings, Usage(), at)[-1]
    booked = spend(Usage(), settings, at, 7)

    assert at < month.resets_at <= at + timedelta(days=31)
    assert billing_day == month.resets_at.day
    assert 7 == used(settings, booked, month.resets_at - timedelta(seconds=1), "dollars per month")
    assert 0 == used(settings, booked, month.resets_at, "dollars per month")


def test_days_and_months_turn_at_midnight_in_utc() -> None:
    """A second before midnight belongs to the old day and month, midnight itself to the new ones."""
    settings = with_budget(usd_per_day=Decimal(1))
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    usage = spend(Usage(), settings, midnight - timedelta(seconds=1), 3)
    usage = spend(usage, settings, midnight, 4)

    names = ("dollars per day", "dollars per month")
    assert [3, 3] == [used(settings, usage, midnight - timedelta(seconds=1), name) for name in names]
    assert [4, 4] == [used(settings, usage, midnight, name) for name in names]


def test_give_back_lands_in_the_period_of_its_reservation() -> None:
    """What was booked before midnight of the last day is given back there, however late the answer came."""
    settings = with_budget(usd_per_day=Decimal(1))
    before = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    after = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    usage = spend(Usage(), settings, before, 65_000)
    usage = spend(usage, settings, after, 15_000)
    usage = spend(usage, settings, before, -50_000)

    assert [15_000, 15_000] == [used(settings, usage, at, "dollars per month") for at in (before, after)]
    assert after == usage.updated_at


@pytest.mark.parametrize("moved_to", [1, 10, 25, 28])
def test_moved_billing_day_loses_nothing_and_gives_nothing_back(moved_to: int) -> None:
    """An owner who moves the billing day between a booking and its settlement cannot spend the difference twice."""
    first, second = with_budget(billing_day=15), with_budget(billing_day=moved_to)
    at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    usage = spend(Usage(), first, at, 65_000)
    usage = spend(usage, second, at, -50_000)
    days = [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=n) for n in range(-31, 60)]
    seen = Counter((used(second, usage, day, "dollars per month"), budget.month_of(day, moved_to)) for day in days)

    assert {15_000} == {spent for spent, _ in seen} - {0}
    assert 1 == len({month for spent, month in seen if spent})


@pytest.mark.parametrize(
    ("plan", "custom", "expected"),
    [
        (Plan.PAY_PER_USE, {}, (2_850_000, None)),
        (Plan.ENTERPRISE, {}, (None, None)),
        (Plan.FREE, {}, (95, 475)),
        (Plan.BASIC, {}, (14_250, 47_500)),
        (Plan.PRO, {}, (950_000, 285_000)),
        (Plan.ENTERPRISE, {"custom_read_cap": 10, "custom_write_cap": 20}, (9, 19)),
        (Plan.FREE, {"custom_read_cap": 1_000_000, "custom_write_cap": 1}, (95, 0)),
        (Plan.FREE, {"custom_read_cap": 0}, (0, 475)),
        (Plan.ENTERPRISE, {"custom_read_cap": 10, "buffer_pct": 0.9}, (1, None)),
        (Plan.ENTERPRISE, {"custom_read_cap": 1000, "buffer_pct": 0.421}, (579, None)),
    ],
)
def test_caps_are_the_lower_of_plan_and_owner_less_the_buffer(
    plan: Plan, custom: dict[str, float], expected: tuple[int | None, int | None]
) -> None:
    """An own cap can only lower the plan's; the buffer comes off by exact arithmetic, rounded down."""
    settings = replace(with_budget(**custom), plan=plan)
    limits = {ceiling.name: ceiling.limit for ceiling in budget.ceilings(settings, Usage(), NOW)}

    assert expected == (limits.get("reads per month"), limits.get("writes per month"))


def test_money_keeps_its_buffer() -> None:
    """Money ceilings are short by the buffer too, and only a set daily one exists."""
    limits = [(c.name, c.limit) for c in budget.ceilings(with_budget(usd_per_month=Decimal("5.00")), Usage(), NOW)]
    daily = budget.ceilings(with_budget(usd_per_day=Decimal("0.50"), buffer_pct=0.1), Usage(), NOW)

    assert ("dollars per month", 4_750_000) in limits
    assert "dollars per day" not in [name for name, _ in limits]
    assert [450_000, 4_500_000] == [ceiling.limit for ceiling in daily if ceiling.money]


def test_booking_fits_to_the_last_micro_dollar_and_not_beyond() -> None:
    """What is exactly left may be booked, and one micro-dollar more may not."""
    settings = with_budget(usd_per_month=Decimal(1), buffer_pct=0.0)
    usage = spend(Usage(), settings, NOW, 900_000)

    def short(micros: int) -> str:
        return str(budget.shortfall(settings, usage, NOW, writes=1, reads=1, micros=micros))

    assert "None" == short(100_000)
    assert "dollars per month: $0.100 left, $0.100001 needed at worst" == short(100_001)
    assert "dollars per month: $1.000001 needed at worst, $1.000 is the whole ceiling" == short(1_000_001)


def test_shortfall_asks_counts_before_money_and_says_when_to_come_back() -> None:
    """Counts come first; a retry makes sense at the reset, unless even the whole ceiling would not do."""
    settings = with_budget(
        usd_per_month=Decimal(0), usd_per_day=Decimal(0), custom_read_cap=10, custom_write_cap=1, buffer_pct=0.0
    )
    usage = budget.booked(Usage(), settings.budget, NOW, writes=1, reads=4)
    reads = budget.shortfall(settings, usage, NOW, writes=1, reads=10, micros=5)
    writes = budget.shortfall(settings, usage, NOW, writes=1, reads=6, micros=5)
    money = budget.shortfall(settings, Usage(), NOW, writes=1, reads=6, micros=5)

    assert "reads per month: 6 left, 10 needed at worst" == str(reads)
    assert "writes per month: 0 left, 1 needed at worst" == str(writes)
    assert writes is not None
    assert datetime(2026, 12, 1, tzinfo=UTC) == writes.retry_at
    assert money is not None
    assert ("dollars per day", None) == (money.ceiling.name, money.retry_at)
    assert budget.shortfall(settings, usage, NOW, writes=0, reads=0, micros=0) is None


def test_daily_money_is_whole_again_at_midnight() -> None:
    """The daily ceiling resets at the next midnight, the monthly one at the billing day."""
    settings = with_budget(usd_per_day=Decimal("0.10"), buffer_pct=0.0)
    usage = spend(Usage(), settings, NOW, 90_000)
    short = budget.shortfall(settings, usage, NOW, writes=1, reads=0, micros=20_000)

    assert short is not None
    assert datetime(2026, 11, 26, tzinfo=UTC) == short.retry_at
    assert budget.shortfall(settings, usage, short.retry_at, writes=1, reads=0, micros=20_000) is None


def test_left_is_never_negative() -> None:
    """A ceiling that was lowered under what is spent has nothing left, and says so."""
    settings = with_budget(usd_per_month=Decimal("0.01"))
    ceiling = budget.ceilings(settings, spend(Usage(), settings, NOW, 500_000), NOW)[-1]

    assert (0, 500_000) == (ceiling.left, ceiling.used)


def test_give_back_makes_no_room_that_was_not_taken() -> None:
    """A give-back of what was forgotten or never booked leaves no count below nothing."""
    settings = with_budget()
    usage = budget.booked(Usage(), settings.budget, NOW, writes=-1, reads=-9, micros=-9)
    usage = budget.counted(usage, "2026-11-25/noon/post", "2026-11-25", -1)

    assert {"2026-11-25": UNUSED} == dict(usage.days)
    assert {"2026-11": Tally()} == dict(usage.months)
    assert [{"2026-11-25/noon/post": 0}, {"2026-11-25/post": 0}] == [dict(usage.windows), dict(usage.kinds)]


def test_a_forgotten_count_stays_forgotten() -> None:
    """An action of three weeks ago is settled late: half a count of its window would be a wrong one."""
    usage, day = Usage(), NOW.date()
    for _ in range(2):
        usage = budget.counted(usage, f"{day}/noon/post", day.isoformat(), 1)
    for days in (21, 22):
        later = day + timedelta(days=days)
        usage = budget.counted(usage, f"{later}/noon/post", later.isoformat(), 1)
    after = budget.counted(usage, f"{day}/noon/post", day.isoformat(), -1)

    assert usage == after
    assert f"{day}/noon/post" not in after.windows


def test_old_counts_are_forgotten_and_the_month_is_not() -> None:
    """Days older than forty go, windows older than eight; every day of the running billing month stays."""
    settings = with_budget()
    usage = Usage()
    for days in range(400):
        at = NOW + timedelta(days=days)
        usage = budget.booked(usage, settings.budget, at, writes=1, reads=2, micros=3)
        usage = budget.counted(usage, f"{at.date()}/noon/post", at.date().isoformat(), 1)

    assert (41, 9, 9, 13) == tuple(map(len, (usage.days, usage.windows, usage.kinds, usage.months)))
    last = NOW + timedelta(days=399)
    assert 3 * last.day == used(settings, usage, last, "dollars per month")
    assert Tally(writes=31, reads=62, spent_micros=93) == usage.months["2027-10"]


@given(
    bookings=st.lists(
        st.tuples(
            st.integers(0, 60 * 24 * 35), st.integers(0, 400_000), st.integers(0, 12), st.none() | st.floats(0, 1)
        ),
        max_size=40,
    ),
    billing_day=st.integers(1, 28),
    per_day=st.none() | st.integers(0, 900_000),
    per_month=st.integers(0, 3_000_000),
)
def test_no_sequence_of_bookings_passes_a_ceiling(
    bookings: list[tuple[int, int, int, float | None]], billing_day: int, per_day: int | None, per_month: int
) -> None:
    """Whatever is asked for and given back, no ceiling is passed, and every counter equals a recount from scratch."""
    settings = with_budget(
        billing_day=billing_day,
        usd_per_day=None if per_day is None else Decimal(per_day) / 1_000_000,
        usd_per_month=Decimal(per_month) / 1_000_000,
        buffer_pct=0.0,
        custom_read_cap=100,
        custom_write_cap=25,
    )
    usage = Usage()
    spent: Counter[date] = Counter()
    reads_of: Counter[date] = Counter()
    start = datetime(2026, 11, 3, tzinfo=UTC)
    for minutes, micros, reads, settles in sorted(bookings, key=lambda booking: booking[0]):
        at = start + timedelta(minutes=minutes)
        if budget.shortfall(settings, usage, at, writes=1, reads=reads, micros=micros) is not None:
            continue
        usage = budget.booked(usage, settings.budget, at, writes=1, reads=reads, micros=micros)
        spent[at.date()] += micros
        reads_of[at.date()] += reads
        assert all(ceiling.used <= ceiling.limit for ceiling in budget.ceilings(settings, usage, at))
        if settles is not None:
            back, unread = int(micros * settles), int(reads * settles)
            usage = budget.booked(usage, settings.budget, at, reads=-unread, micros=-back)
            spent[at.date()] -= back
            reads_of[at.date()] -= unread

    months: Counter[str] = Counter()
    for day, micros in spent.items():
        months[budget.month_of(datetime(day.year, day.month, day.day, tzinfo=UTC), billing_day)] += micros
        if per_day is not None:
            assert micros <= per_day
    assert all(micros <= per_month for micros in months.values())
    assert {day.isoformat(): (spent[day], reads_of[day]) for day in spent} == {
        day: (tally.spent_micros, tally.reads) for day, tally in usage.days.items()
    }
    assert dict(months) == {month: tally.spent_micros for month, tally in usage.months.items()}
