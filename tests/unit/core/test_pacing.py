from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Usage
from songpost.core import budget, pacing, rate_limits
from songpost.core.admission import Refused, admit
from songpost.core.pacing import Pace
from songpost.core.reads import AdmittedRead, admit_read, settled_read
from songpost.core.snapshot import Snapshot
from songpost.model import Kind, PriceClass
from songpost.money_settings import Budget, UsdPerKind
from tests.unit.core.cases import LINKED, NOW, SETTINGS, action, approved, snapshot

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
PACE = Pace(micros=3_000_000, period=30 * DAY, burst=7 * DAY)
"""Three dollars in thirty days: ten cents a day, seventy at once."""


def with_budget(**values: object) -> Snapshot:
    """An account with another budget; ten cents a day where nothing else is said."""
    budget_of = {"usd_per_month": Decimal(3), "buffer_pct": 0.0, **values}
    return snapshot(replace(SETTINGS, budget=Budget(**budget_of)))  # type: ignore[arg-type]


def owing(of: Snapshot, micros: int) -> Snapshot:
    """The account after so much was booked now."""
    return replace(of, usage=budget.booked(of.usage, of.settings.budget, NOW, micros=micros))


def test_burst_may_be_spent_at_once_and_not_a_micro_dollar_more() -> None:
    """Seven days' worth goes through in one go; what follows waits until as much is earned."""
    arrival_at = pacing.moved(PACE, None, 690_000, NOW)

    assert 700_000 == PACE.burst_micros
    assert NOW == pacing.free_at(PACE, arrival_at, 10_000, NOW)
    assert NOW < pacing.free_at(PACE, arrival_at, 10_001, NOW)
    assert NOW + DAY == pacing.free_at(PACE, arrival_at, 110_000, NOW)
    assert NOW + DAY == pacing.free_at(PACE, arrival_at, 110_000, NOW + DAY)


def test_what_is_owed_is_earned_evenly() -> None:
    """After a day ten cents less are owed, after enough of them nothing; never less than nothing."""
    arrival_at = pacing.moved(PACE, None, 250_000, NOW)
    owed = [pacing.owed_micros(PACE, arrival_at, NOW + days * DAY) for days in (0, 1, 2, 3, 400)]

    assert [250_000, 150_000, 50_000, 0, 0] == owed
    assert 0 == pacing.owed_micros(PACE, None, NOW)


def test_call_dearer_than_the_burst_waits_until_nothing_is_owed() -> None:
    """A small budget can still pay a dear call, but only from a standing start."""
    arrival_at = pacing.moved(PACE, None, 100_000, NOW)

    assert NOW == pacing.free_at(PACE, None, 900_000, NOW)
    assert NOW + DAY == pacing.free_at(PACE, arrival_at, 900_000, NOW)


def test_bill_far_over_the_ceiling_stays_within_the_calendar() -> None:
    """A cent a month against a bill of thousands moves the arrival by a year, and is not an overflow."""
    tiny = Pace(micros=1, period=30 * DAY, burst=DAY)

    assert NOW + pacing.LONGEST == pacing.moved(tiny, None, 10**12, NOW)
    assert NOW == pacing.moved(tiny, NOW + pacing.LONGEST, -(10**12), NOW)


@given(micros=st.integers(1, 10**7), owed=st.integers(0, 10**7), wait=st.integers(0, 10**12))
def test_give_back_restores_what_its_booking_took(micros: int, owed: int, wait: int) -> None:
    """Booked and given back, the arrival is where it was (a microsecond of rounding in favour of the ceiling)."""
    before = pacing.moved(PACE, None, owed, NOW)
    at = NOW + wait * TICK
    booked = pacing.moved(PACE, before, micros, at)
    after = pacing.moved(PACE, booked, -micros, at)
    effective = at if before is None else max(before, at)

    assert after is not None
    assert timedelta(0) <= after - effective <= TICK
    assert pacing.free_at(PACE, before, 700_000, at) <= pacing.free_at(PACE, after, 700_000, at) <= at + 8 * DAY * 20


def test_give_back_without_a_booking_makes_no_room() -> None:
    """Whatever is given back, the burst is never larger than the burst."""
    past = pacing.moved(PACE, NOW, -5_000_000, NOW)

    assert pacing.moved(PACE, None, -5, NOW) is None
    assert 0 == pacing.owed_micros(PACE, past, NOW)
    full = pacing.moved(PACE, past, 700_000, NOW)
    assert NOW < pacing.free_at(PACE, full, 1, NOW)


@given(
    calls=st.lists(
        st.tuples(st.integers(0, 3 * 86_400), st.integers(1, 400_000), st.floats(0, 1)), min_size=1, max_size=25
    ),
    burst_days=st.floats(0.1, 31.0),
    micros=st.integers(100_000, 20_000_000),
)
def test_no_stretch_of_time_passes_burst_and_rate(
    calls: list[tuple[int, int, float]], burst_days: float, micros: int
) -> None:
    """In every stretch, what is booked less what is given back is at most the burst and what the stretch earns."""
    pace = Pace(micros=micros, period=30 * DAY, burst=timedelta(days=burst_days))
    arrival_at: datetime | None = None
    now, moves, dearest = NOW, [], 0
    for wait, need, settles in calls:
        now += timedelta(seconds=wait)
        if pacing.free_at(pace, arrival_at, need, now) > now:
            continue
        arrival_at = pacing.moved(pace, arrival_at, need, now)
        dearest = max(dearest, need)
        back = int(need * settles)
        moves.append((now, need))
        now += timedelta(seconds=2)
        arrival_at = pacing.moved(pace, arrival_at, -back, now - timedelta(seconds=2))
        moves.append((now, -back))
        assert pacing.owed_micros(pace, arrival_at, now) >= 0

    for first, last in combinations(range(len(moves) + 1), 2):
        stretch = moves[first:last]
        length = stretch[-1][0] - stretch[0][0]
        spent = sum(amount for _, amount in stretch)
        room = max(dearest, pace.burst_micros + 1)
        assert spent * (pace.period // TICK) <= room * (pace.period // TICK) + (length // TICK) * pace.micros


# ------------------------------------------------------------------------------------------------ in the budget gate


def test_budget_gate_keeps_the_pace_and_says_when() -> None:
    """An action within every ceiling waits for the pace; at the time that it names it goes."""
    ahead = owing(with_budget(), 650_000)
    found = admit(ahead, action(), NOW, "attempt-1")

    assert isinstance(found, Refused)
    assert ("budget", False) == (found.gate, found.final)
    assert "dollars at once: $0.050 left, $0.065 needed at worst" == found.reason
    assert NOW + timedelta(hours=3, minutes=36) == found.retry_at
    waiting = replace(action(), closes_at=NOW + DAY)
    assert not isinstance(admit(ahead, waiting, found.retry_at, "attempt-1"), Refused)
    assert isinstance(admit(ahead, waiting, found.retry_at - TICK, "attempt-1"), Refused)


def test_null_switches_the_pace_off() -> None:
    """Without `burst_days` the month's whole ceiling may go on its first day."""
    free = owing(with_budget(burst_days=None), 2_900_000)

    assert not isinstance(admit(free, action(), NOW, "attempt-1"), Refused)
    assert budget.burst(free.settings, free.usage, NOW) is None


def test_reads_keep_the_pace_and_settle_into_it() -> None:
    """A read waits like a write, and what X did not return is room again."""
    ahead = owing(with_budget(), 650_000)
    first = admit_read(ahead, rate_limits.TIMELINE, PriceClass.POST_READ, 10, NOW)
    assert isinstance(first, AdmittedRead)
    second = admit_read(first.snapshot, rate_limits.TIMELINE, PriceClass.POST_READ, 1, NOW)
    settled = settled_read(first.snapshot, first, 9)
    third = admit_read(settled, rate_limits.TIMELINE, PriceClass.POST_READ, 1, NOW + TICK)

    assert isinstance(second, Refused)
    assert ("budget", NOW + timedelta(minutes=72)) == (second.gate, second.retry_at)
    assert isinstance(third, AdmittedRead)


def test_first_day_cannot_burn_the_month() -> None:
    """Asked every minute of the month's first day, the account spends the burst and one day's worth, not more."""
    of = with_budget(burst_days=7)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    usage = Usage()
    for minute in range(1440):
        at = start + timedelta(minutes=minute)
        if budget.shortfall(of.settings, usage, at, writes=1, reads=0, micros=15_000) is None:
            usage = budget.booked(usage, of.settings.budget, at, writes=1, micros=15_000)

    assert 53 * 15_000 == usage.months["2026-11"].spent_micros


def test_pace_is_shown_beside_the_ceilings() -> None:
    """`songpost budget` and the dry run show what may go at once, what is owed of it, and when nothing is."""
    ahead = owing(with_budget(), 100_000)
    shown = budget.overview(ahead.settings, ahead.usage, NOW)[-1]

    assert ("dollars at once", 700_000, 100_000, NOW + DAY) == (shown.name, shown.limit, shown.used, shown.resets_at)


# ------------------------------------------------------------------------------------------------ ceilings of a kind


def kinds(of: Snapshot) -> dict[str, tuple[int, int]]:
    """Limit and used of each ceiling that holds for one kind."""
    return {c.name: (c.limit, c.used) for c in budget.ceilings(of.settings, of.usage, NOW) if c.kind is not None}


def test_kind_has_a_ceiling_of_its_own() -> None:
    """Posts stop at theirs while replies go on; the refusal names the ceiling, and the reset."""
    of = with_budget(usd_per_kind=UsdPerKind(post=Decimal("0.10"), reply=Decimal("0.20")), burst_days=None)
    first = admit(of, action(), NOW, "attempt-1")
    assert not isinstance(first, Refused)
    after = replace(first.snapshot, actions={}, usage=replace(first.snapshot.usage, windows={}))
    other = action(2, words="A loaf is done at 96 degrees inside.")
    second = admit(after, other, NOW, "attempt-2")
    reply = approved(action(3, Kind.REPLY, words="Ninety-six degrees, in the middle."))

    assert isinstance(second, Refused)
    assert "post dollars per month: $0.035 left, $0.065 needed at worst" == second.reason
    assert ("budget", datetime(2026, 12, 1, tzinfo=UTC)) == (second.gate, second.retry_at)
    assert not isinstance(admit(after, reply, NOW, "attempt-3"), Refused)
    assert {"post dollars per month": (100_000, 65_000), "reply dollars per month": (200_000, 0)} == kinds(after)


def test_kinds_ceiling_keeps_the_buffer_and_absent_is_none() -> None:
    """A kind's money is short by the buffer like every ceiling, and a kind that is not named has none."""
    assert {"post dollars per month": (95_000, 0)} == kinds(
        with_budget(usd_per_kind=UsdPerKind(post=Decimal("0.10")), buffer_pct=0.05)
    )
    assert {} == kinds(with_budget())


@pytest.mark.parametrize("billing_day", [1, 10])
def test_kinds_money_is_that_of_the_billing_month(billing_day: int) -> None:
    """What lies before the billing month is not counted; a give-back lands in its own day, never below nothing."""
    of = with_budget(usd_per_kind=UsdPerKind(post=Decimal(1)), billing_day=billing_day, burst_days=None)
    usage, cycle = Usage(), datetime(2026, 11, billing_day, tzinfo=UTC)
    for at, micros in ((cycle - TICK, 500_000), (cycle, 65_000), (cycle - TICK, -100_000), (cycle, -50_000)):
        usage = budget.booked(usage, of.settings.budget, at, micros=micros, kind=Kind.POST)

    assert {"post dollars per month": (1_000_000, 15_000)} == kinds(replace(of, usage=usage))
    before = (cycle - TICK).date().isoformat()
    assert 400_000 == usage.days[before].kind_micros["post"]
    emptied = budget.booked(usage, of.settings.budget, cycle - TICK, micros=-600_000, kind=Kind.POST)
    assert 0 == emptied.days[before].kind_micros["post"]


def test_long_dear_month_forgets_old_kinds() -> None:
    """Money by kind is kept for forty days, like the days it is counted from."""
    of, usage = with_budget(), Usage()
    for days in range(100):
        usage = budget.booked(usage, of.settings.budget, NOW + days * DAY, micros=3, kind=Kind.REPLY)

    assert [{"reply": 3}] * 41 == [day.kind_micros for day in usage.days.values()]


def test_text_with_a_link_counts_thirteenfold_for_its_kind() -> None:
    """The kind's ceiling is booked at the worst price, link and looks included."""
    of = with_budget(usd_per_kind=UsdPerKind(post=Decimal(1)), burst_days=None)
    found = admit(of, action(words=LINKED), NOW, "attempt-1")

    assert not isinstance(found, Refused)
    assert {"post dollars per month": (1_000_000, 250_000)} == kinds(found.snapshot)
