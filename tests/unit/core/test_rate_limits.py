from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Bucket, Limits
from songpost.core import rate_limits
from songpost.model import SKEW_SECONDS, Kind
from songpost.settings import Plan
from tests.unit.core.cases import NOW

CREATE = "POST /2/tweets"
USER15 = f"{CREATE}:user15"


def told(
    remaining: int, *, minutes: float = 5, scope: str = "user15", limit: int = 40, seen_at: datetime = NOW
) -> Bucket:
    """A bucket as X's headers tell it, that resets in so many minutes."""
    name = f"{CREATE}:{scope}"
    reset_at = NOW + timedelta(minutes=minutes)
    return Bucket(name=name, limit=limit, remaining=remaining, reset_at=reset_at, seen_at=seen_at)


def limits(*buckets: Bucket) -> Limits:
    """Limits that hold these buckets."""
    return Limits(buckets={bucket.name: bucket for bucket in buckets})


def left(known: Limits, plan: Plan = Plan.PAY_PER_USE, at: datetime = NOW) -> dict[str, int]:
    """What is left of each bucket of a create, by scope."""
    running = rate_limits.current(known, plan, CREATE, at)
    return {name.rpartition(":")[2]: bucket.remaining for name, bucket in running.items()}


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan.PAY_PER_USE, {"user15": 100, "app24h": 10_000}),
        (Plan.ENTERPRISE, {"user15": 100, "app24h": 10_000}),
        (Plan.FREE, {"user24h": 17}),
        (Plan.BASIC, {"user24h": 100}),
        (Plan.PRO, {"user15": 100}),
    ],
)
def test_plan_holds_until_a_header_has_spoken(plan: Plan, expected: dict[str, int]) -> None:
    """Before any answer the published limits of the plan are taken to be whole."""
    assert expected == left(Limits(), plan)


def test_every_write_has_an_endpoint_with_a_limit() -> None:
    """No kind of write is without a limit on any plan."""
    assert set(Kind) - {Kind.READ} == set(rate_limits.ENDPOINTS)
    assert all(rate_limits.defaults(plan, name) for plan in Plan for name in rate_limits.ENDPOINTS.values())
    assert {} == rate_limits.defaults(Plan.FREE, "GET /2/unheard/of")


def test_endpoints_do_not_share_buckets() -> None:
    """What is exhausted of one endpoint stops no other, though one's path begins as the other's."""
    known = limits(told(0))

    assert rate_limits.blocked_until(known, Plan.PRO, "POST /2/tweets/more", NOW) is None
    assert rate_limits.blocked_until(known, Plan.PRO, CREATE, NOW) == told(0).reset_at


def test_headers_win_over_defaults_while_they_hold() -> None:
    """A bucket that headers told counts as told until its reset, and is then whole at the limit that they told."""
    known = limits(told(3))
    reset_at = told(3).reset_at

    assert {"user15": 3, "app24h": 10_000} == left(known)
    assert 3 == left(known, at=reset_at - timedelta(seconds=1))["user15"]
    assert 40 == left(known, at=reset_at)["user15"]


def test_scope_that_the_plan_does_not_publish_blocks_too() -> None:
    """A 24-hour limit that only a header knows of is kept, and forgotten when it is over."""
    known = limits(told(0, minutes=600, scope="user24h"))

    assert NOW + timedelta(minutes=600) == rate_limits.blocked_until(known, Plan.PAY_PER_USE, CREATE, NOW)
    assert rate_limits.blocked_until(known, Plan.PAY_PER_USE, CREATE, NOW + timedelta(minutes=600)) is None


def test_latest_reset_among_the_exhausted_decides() -> None:
    """Of several exhausted buckets the one that is whole last says when; one with calls left says nothing."""
    known = limits(told(0), told(0, minutes=90, scope="user24h"), told(1, minutes=900, scope="app24h"))

    assert NOW + timedelta(minutes=90) == rate_limits.blocked_until(known, Plan.PAY_PER_USE, CREATE, NOW)


@pytest.mark.parametrize("plan", list(Plan))
def test_default_bucket_runs_from_its_first_call(plan: Plan) -> None:
    """Without any header the published number of calls may go, and no more before the time is over."""
    known, calls = Limits(), 0
    while calls < 200 and rate_limits.blocked_until(known, plan, CREATE, NOW) is None:
        known, calls = rate_limits.taken(known, plan, CREATE, NOW + timedelta(seconds=calls / 1000)), calls + 1
    until = rate_limits.blocked_until(known, plan, CREATE, NOW)

    assert {Plan.FREE: 17}.get(plan, 100) == calls
    assert until is not None
    seconds = 86_400 if plan in {Plan.FREE, Plan.BASIC} else 900
    assert NOW + timedelta(seconds=seconds) == until
    assert rate_limits.blocked_until(known, plan, CREATE, until) is None


def test_booking_takes_one_of_each_running_bucket() -> None:
    """A call takes one from what headers told and from the defaults, and forgets no size that headers told."""
    over = told(7, minutes=-1, scope="user24h", limit=55)
    after = rate_limits.taken(limits(told(3), over), Plan.PAY_PER_USE, CREATE, NOW)

    assert {"user15": 2, "app24h": 9_999} == left(after)
    assert over == after.buckets[over.name]
    stale = NOW + timedelta(days=2)
    assert f"{CREATE}:app24h" not in rate_limits.taken(after, Plan.PRO, CREATE, stale).buckets


@pytest.mark.parametrize(
    ("name", "limit", "minutes", "kept"),
    [
        (USER15, 40, -600, True),
        (USER15, 100, -600, False),
        (USER15, 100, -1, True),
        (USER15, 100, 1, True),
        (f"{rate_limits.SEARCH}:user15", 300, -600, True),
        (f"{CREATE}:user24h", 17, -600, True),
        ("POST /2/media/metadata:user15", 500, -600, False),
        ("POST /2/media/metadata:user15", 500, 1, True),
    ],
    ids=[
        "another size", "the published size", "over for this clock alone", "running", "a size of its plan", "two plans",
        "published by none", "published by none, running",
    ],
)  # fmt: skip
def test_what_is_over_is_kept_for_its_size(name: str, limit: int, minutes: int, *, kept: bool) -> None:
    """What headers told is forgotten once it is over for every clock, where its size is what any plan publishes."""
    reset_at = NOW + timedelta(minutes=minutes)
    bucket = Bucket(name=name, limit=limit, remaining=0, reset_at=reset_at, seen_at=reset_at)
    after = rate_limits.taken(limits(bucket), Plan.PAY_PER_USE, rate_limits.ME, NOW)

    assert kept is (name in after.buckets)


ENDPOINTS = (*rate_limits.ENDPOINTS.values(), rate_limits.SEARCH, "POST /2/media/metadata")
SIZES = st.sampled_from([0, 1, 17, 50, 60, 100, 300, 10_000, 77])
BUCKETS = st.builds(
    lambda endpoint, scope, limit, part, seconds: Bucket(
        name=f"{endpoint}:{scope}",
        limit=limit,
        remaining=int(limit * part),
        reset_at=NOW + timedelta(seconds=seconds),
        seen_at=NOW - timedelta(minutes=20),
    ),
    st.sampled_from(ENDPOINTS), st.sampled_from(sorted(rate_limits.SCOPE_SECONDS)), SIZES, st.floats(0, 1),
    st.integers(-2_000, 2_000),
)  # fmt: skip


@given(
    told=st.lists(BUCKETS, max_size=12),
    called=st.sampled_from(ENDPOINTS),
    plan=st.sampled_from(Plan),
    later=st.sampled_from(Plan),
    seconds=st.integers(-SKEW_SECONDS, 4_000),
)
def test_what_is_forgotten_decides_nothing(
    told: list[Bucket], called: str, plan: Plan, later: Plan, seconds: int
) -> None:
    """On any plan, for any clock that is let go on: the buckets are those of one who forgets nothing."""
    known = limits(*told)
    booked = rate_limits.taken(known, plan, called, NOW)
    everything = Limits(buckets={**known.buckets, **booked.buckets})
    at = NOW + timedelta(seconds=seconds)

    for endpoint in ENDPOINTS:
        assert rate_limits.current(everything, later, endpoint, at) == rate_limits.current(booked, later, endpoint, at)


def test_later_answer_wins() -> None:
    """Answers that overtake each other do not bring an older count back; a default yields to any header."""
    newer, older = told(3, seen_at=NOW), told(9, seen_at=NOW - timedelta(seconds=1))
    booked = rate_limits.taken(Limits(), Plan.PRO, CREATE, NOW + timedelta(seconds=5))

    assert 3 == rate_limits.learned(rate_limits.learned(Limits(), [older]), [newer]).buckets[USER15].remaining
    assert 3 == rate_limits.learned(rate_limits.learned(Limits(), [newer]), [older]).buckets[USER15].remaining
    assert 9 == rate_limits.learned(booked, [older]).buckets[USER15].remaining
    assert 2 == rate_limits.learned(limits(newer), [told(2, seen_at=NOW)]).buckets[USER15].remaining


@given(steps=st.lists(st.none() | st.integers(0, 5), max_size=60))
def test_never_more_calls_than_the_last_header_left(steps: list[int | None]) -> None:
    """Calls may go exactly as often as the last header left, whatever the order of calls and answers."""
    known, may = limits(told(3, minutes=60)), 3
    for seconds, remaining in enumerate(steps):
        at = NOW + timedelta(seconds=seconds)
        free = rate_limits.blocked_until(known, Plan.PRO, CREATE, at) is None
        assert (may > 0) == free
        if remaining is not None:
            known, may = rate_limits.learned(known, [told(remaining, minutes=60, seen_at=at)]), remaining
        elif free:
            known, may = rate_limits.taken(known, Plan.PRO, CREATE, at), may - 1
