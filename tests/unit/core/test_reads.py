from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Bucket, Control, Day, Limits, Usage
from songpost.core import budget, rate_limits
from songpost.core.admission import Refused
from songpost.core.reads import AdmittedRead, admit_read, settled_read
from songpost.core.snapshot import Snapshot
from songpost.errors import PriceUnknown
from songpost.model import PriceClass
from songpost.money_settings import Budget, Prices
from songpost.settings import Plan
from tests.unit.core.cases import NOW, SETTINGS, snapshot


def read(of: Snapshot, resources: int = 10, at: datetime = NOW) -> AdmittedRead | Refused:
    """Ask for a read of the own timeline."""
    return admit_read(of, rate_limits.TIMELINE, PriceClass.POST_READ, resources, at)


def admitted(of: Snapshot, resources: int = 10, at: datetime = NOW) -> AdmittedRead:
    """A read that must be admitted."""
    found = read(of, resources, at)
    assert isinstance(found, AdmittedRead)
    return found


def refused(of: Snapshot, resources: int = 10) -> Refused:
    """A read that must be refused."""
    found = read(of, resources)
    assert isinstance(found, Refused)
    return found


def today(of: Snapshot, at: datetime = NOW) -> Day:
    """What a UTC day has used."""
    return of.usage.days[at.date().isoformat()]


def with_budget(**values: object) -> Snapshot:
    """An account with another budget."""
    return snapshot(replace(SETTINGS, budget=Budget(**values)))  # type: ignore[arg-type]


def test_read_books_its_worst_price_and_one_call() -> None:
    """A read is booked at as many resources as it may return, and takes one from its rate limit, not from writes."""
    found = admitted(snapshot())

    assert Day(0, 10, 50_000, {"read": 50_000}) == today(found.snapshot)
    assert ("usage", "limits") == found.written
    assert 899 == found.snapshot.limits.buckets[f"{rate_limits.TIMELINE}:user15"].remaining
    assert {} == dict(found.snapshot.usage.windows)


@pytest.mark.parametrize(("returned", "reads", "micros"), [(0, 0, 0), (3, 3, 15_000), (10, 10, 50_000)])
def test_settled_read_costs_what_came_back(returned: int, reads: int, micros: int) -> None:
    """What X did not return is given back, and no more than that."""
    found = admitted(snapshot())

    assert Day(0, reads, micros, {"read": micros}) == today(settled_read(found.snapshot, found, returned))


def test_read_that_brought_more_than_asked_is_booked_in_full() -> None:
    """X charges what it returns: resources on top of those that were asked for are spent too."""
    found = admitted(snapshot())

    assert Day(0, 12, 60_000, {"read": 60_000}) == today(settled_read(found.snapshot, found, 12))


def test_read_is_settled_on_the_day_of_its_booking() -> None:
    """A read that is booked before midnight of the month's last day gives back there."""
    before = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    found = admitted(snapshot(), at=before)
    later = admitted(found.snapshot, 1, at=before + timedelta(seconds=2))
    done = settled_read(later.snapshot, found, 0)

    assert Day(0, 0, 0, {"read": 0}) == today(done, before)
    assert Day(0, 1, 5_000, {"read": 5_000}) == today(done, before + timedelta(seconds=2))


def test_pause_stops_reads() -> None:
    """A paused account reads nothing, and the reason is told."""
    paused = replace(snapshot(), control=Control(paused=True, reason="credits are gone"))
    silent = replace(snapshot(), control=Control(paused=True))

    assert ("control", "the account is paused: credits are gone") == (refused(paused).gate, refused(paused).reason)
    assert "the account is paused: no reason given" == refused(silent).reason


def test_clock_behind_the_store_stops_reads() -> None:
    """More than 120 seconds behind the newest stored event, no read is made; at 120 it is."""
    ahead = replace(snapshot(), usage=Usage(updated_at=NOW + timedelta(seconds=121)))
    near = replace(snapshot(), usage=Usage(updated_at=NOW + timedelta(seconds=120)))

    assert ("control", NOW + timedelta(seconds=121)) == (refused(ahead).gate, refused(ahead).retry_at)
    assert isinstance(read(near), AdmittedRead)


def test_read_fits_under_the_ceilings_or_is_not_made() -> None:
    """Money and the monthly cap hold for reads; the refusal says how much is left and when to come back."""
    capped = with_budget(custom_read_cap=9, buffer_pct=0.0)
    poor = with_budget(usd_per_day=Decimal("0.06"), buffer_pct=0.0)
    spent = admitted(poor).snapshot

    assert "reads per month: 10 needed at worst, 9 is the whole ceiling" == refused(capped).reason
    assert "dollars per day: $0.010 left, $0.050 needed at worst" == refused(spent).reason
    assert ("budget", datetime(2026, 11, 26, tzinfo=UTC)) == (refused(spent).gate, refused(spent).retry_at)
    assert isinstance(read(spent, 2), AdmittedRead)
    assert not refused(spent).final


def test_exhausted_limit_stops_reads_until_its_reset() -> None:
    """A read waits for the reset of its endpoint's bucket."""
    name = f"{rate_limits.TIMELINE}:user15"
    reset_at = NOW + timedelta(minutes=5)
    bucket = Bucket(name=name, limit=900, remaining=0, reset_at=reset_at, seen_at=NOW)
    limited = replace(snapshot(), limits=Limits(buckets={name: bucket}))

    assert ("rate limit", reset_at) == (refused(limited).gate, refused(limited).retry_at)


def test_read_without_a_price_is_not_made() -> None:
    """A price list that leaves the class out stops the read."""
    settings = replace(SETTINGS, plan=Plan.ENTERPRISE, budget=Budget(prices=Prices(post_create=Decimal(1))))

    with pytest.raises(PriceUnknown):
        read(snapshot(settings))


@given(asked=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100)), max_size=20))
def test_reads_never_pass_the_ceiling(asked: list[tuple[int, int]]) -> None:
    """Whatever is asked for and comes back (never more than asked), money and counts stay under their ceilings."""
    account = with_budget(usd_per_month=Decimal(1), custom_read_cap=150, buffer_pct=0.0)
    total = 0
    for resources, came in asked:
        found = read(account, resources)
        if isinstance(found, Refused):
            continue
        account = settled_read(found.snapshot, found, min(came, resources))
        total += min(came, resources)
        used = {ceiling.name: ceiling.used for ceiling in budget.ceilings(account.settings, account.usage, NOW)}
        assert {"reads per month": total, "dollars per month": total * 5_000} == used
        assert total <= 150
