"""Rate limits from headers: the three windows, and everything that X may write there instead."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Bucket
from songpost.endpoints import CREATE_POST
from songpost.x.limits import buckets_from, merged, retry_at
from tests.unit.x.conftest import NOW, rate_headers


def read(headers: dict[str, str], x_now: datetime = NOW) -> tuple[Bucket, ...]:
    """Read headers of a create at the usual time."""
    return buckets_from(CREATE_POST, headers, seen_at=NOW, x_now=x_now)


def test_each_family_of_headers_is_a_window() -> None:
    """The 15-minute window and both of 24 hours come out under their own names."""
    headers = {
        **rate_headers(99, 900),
        **rate_headers(98, 80_000, "x-user-limit-24hour-"),
        **rate_headers(97, 70_000, "x-app-limit-24hour-"),
    }

    assert (
        Bucket(
            name="POST /2/tweets:user15", limit=100, remaining=99, reset_at=NOW + timedelta(seconds=900), seen_at=NOW
        ),
        Bucket(
            name="POST /2/tweets:user24h",
            limit=100,
            remaining=98,
            reset_at=NOW + timedelta(seconds=80_000),
            seen_at=NOW,
        ),
        Bucket(
            name="POST /2/tweets:app24h",
            limit=100,
            remaining=97,
            reset_at=NOW + timedelta(seconds=70_000),
            seen_at=NOW,
        ),
    ) == read(headers)


@pytest.mark.parametrize(
    "change",
    [
        {"x-rate-limit-limit": ""},
        {"x-rate-limit-limit": "many"},
        {"x-rate-limit-limit": "99999999999"},
        {"x-rate-limit-limit": "1"},
        {"x-rate-limit-remaining": "-1"},
        {"x-rate-limit-remaining": "1.5"},
        {"x-rate-limit-remaining": "\u0661"},
        {"x-rate-limit-remaining": "101"},
        {"x-rate-limit-reset": ""},
        {"x-rate-limit-reset": "0"},
        {"x-rate-limit-reset": str(int(NOW.timestamp()))},
        {"x-rate-limit-reset": str(int(NOW.timestamp()) + 26 * 3600)},
        {"x-rate-limit-reset": "9" * 18},
        {"x-rate-limit-reset": "9" * 5000},
        {"x-rate-limit-reset": "Sun, 22 Nov 2026 08:15:00 GMT"},
    ],
)
def test_nonsense_is_left_out_and_logged(change: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """A window with one senseless value tells nothing; the log names the call and shows the values."""
    caplog.set_level(logging.WARNING)

    assert () == read({**rate_headers(2, 900), **change})

    assert caplog.messages[0].startswith("create_post: rate limit headers ignored: user15 ")
    assert len(caplog.messages[0]) < 300


def test_no_headers_are_no_nonsense(caplog: pytest.LogCaptureFixture) -> None:
    """An answer without rate headers tells nothing, and is not complained about."""
    assert () == read({})
    assert [] == caplog.messages


def test_a_reset_is_judged_by_x_own_clock() -> None:
    """With this clock an hour ahead of X's, X's reset in ten minutes is still to come."""
    x_now = NOW - timedelta(hours=1)

    assert 1 == len(read(rate_headers(5, -3000), x_now=x_now))


def test_the_latest_reset_among_the_spent_decides() -> None:
    """Buckets with something left do not count; without a spent one nothing is told."""
    spent = [
        Bucket(name=str(n), limit=1, remaining=left, reset_at=NOW + timedelta(seconds=n), seen_at=NOW)
        for n, left in ((10, 0), (30, 0), (90, 1))
    ]

    assert NOW + timedelta(seconds=30) == retry_at(spent)
    assert retry_at(spent[2:]) is None


def test_the_newer_bucket_of_a_name_wins() -> None:
    """Of two answers the later one's buckets replace the earlier one's, name by name."""
    old, other, new = (
        Bucket(name=name, limit=9, remaining=left, reset_at=NOW, seen_at=NOW)
        for name, left in (("a", 5), ("b", 7), ("a", 4))
    )

    assert (new, other) == merged([old, other], [new])


@given(
    st.dictionaries(
        st.sampled_from(
            [
                f"{family}{part}"
                for family in ("x-rate-limit-", "x-user-limit-24hour-")
                for part in ("limit", "remaining", "reset")
            ]
        ),
        st.one_of(st.text(), st.integers().map(str)),
    )
)
def test_no_header_brings_it_down(headers: dict[str, str]) -> None:
    """Whatever X writes, the buckets that come out make sense."""
    for bucket in read(headers):
        assert 0 <= bucket.remaining <= bucket.limit
        assert NOW < bucket.reset_at <= NOW + timedelta(hours=25)
