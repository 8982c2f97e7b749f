"""The counters are stored a row a day; an older document is moved, one that makes no sense is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Day, Tally, Usage
from songpost.agent import documents
from songpost.errors import StoreUnreadable
from songpost.model import Json, Kind
from songpost.store.codec import canonical, parsed

DAYS = st.dates().map(str)
COUNTS = st.integers(0, 10**9)
KINDS = st.dictionaries(st.sampled_from([kind.value for kind in Kind]), COUNTS, max_size=4)
USAGES = st.builds(
    Usage,
    days=st.dictionaries(
        DAYS, st.builds(Day, writes=COUNTS, reads=COUNTS, spent_micros=COUNTS, kind_micros=KINDS), max_size=5
    ),
    windows=st.dictionaries(DAYS.map(lambda day: f"{day}/noon/post"), COUNTS, max_size=3),
    months=st.dictionaries(st.just("2026-11"), st.builds(Tally, writes=COUNTS), max_size=1),
    updated_at=st.none() | st.just(datetime(2026, 11, 22, tzinfo=UTC)),
)


def stored(usage: Usage) -> dict[str, Json]:
    """The document as a store gives it back."""
    return parsed(canonical(documents.encode(usage), "usage"), "usage")


def first(usage: Usage) -> dict[str, Json]:
    """The same in the form of version 1: money by kind lay beside the days."""
    return {
        **stored(usage),
        "days": {
            day: {"writes": row.writes, "reads": row.reads, "spent_micros": row.spent_micros}
            for day, row in usage.days.items()
        },
        "kind_micros": {
            f"{day}/{kind}": micros for day, row in usage.days.items() for kind, micros in row.kind_micros.items()
        },
        "schema_version": 1,
    }


@given(usage=USAGES)
def test_what_is_stored_comes_back(usage: Usage) -> None:
    """Whatever the counters are, by way of the stored form or of a document of the first schema."""
    assert usage == documents.decode("usage", stored(usage), Usage)
    assert usage == documents.decode("usage", first(usage), Usage)


def test_money_without_its_day_is_kept() -> None:
    """A document of the first schema may name a kind's money on a day that it does not count."""
    body: dict[str, Json] = {"days": {}, "kind_micros": {"2026-11-22/post": 7}, "schema_version": 1}

    assert {"2026-11-22": Day(0, 0, 0, {"post": 7})} == documents.decode("usage", body, Usage).days


def test_a_row_holds_a_day_with_its_money_by_kind() -> None:
    """The form that people see in the store, and in an export."""
    found = stored(Usage(days={"2026-11-22": Day(3, 17, 62_000, {"post": 45_000, "read": 17_000})}))

    assert {"2026-11-22": [3, 17, 62_000, {"post": 45_000, "read": 17_000}]} == found["days"]
    assert 2 == found["schema_version"]


def test_a_month_of_days_is_stored_in_half_the_bytes() -> None:
    """Each booking writes it, and each started KB is charged twice."""
    kinds = dict.fromkeys(("post", "reply", "read"), 20_000)
    usage = Usage(days={f"2026-11-{day:02}": Day(3, 17, 62_000, kinds) for day in range(1, 31)})

    assert len(msgspec.json.encode(usage)) < 0.6 * len(msgspec.json.encode(first(usage)))


@pytest.mark.parametrize(
    "body",
    [
        {"days": {"2026-11-22": [3, 17]}, "schema_version": 2},
        {"days": {"2026-11-22": [3, 17, 62_000, {}, 1]}, "schema_version": 2},
        {"days": {"2026-11-22": [3, 17, "62000", {}]}, "schema_version": 2},
        {"days": {"2026-11-22": [3, 17, 62_000.5, {}]}, "schema_version": 2},
        {"days": {"2026-11-22": [3, 17, 62_000, {"post": "much"}]}, "schema_version": 2},
        {"days": {"2026-11-22": {"writes": 1}}, "schema_version": 2},
        {"days": [], "schema_version": 2},
        {"days": {}, "kind_micros": {}, "schema_version": 2},
        {"days": {"2026-11-22": {"writes": 1, "stray": 2}}, "schema_version": 1},
        {"days": [], "schema_version": 1},
        {"days": {}, "kind_micros": {"2026-11-22/post": "much"}, "schema_version": 1},
        {"stray": 1, "schema_version": 2},
    ],
    ids=[
        "short row", "long row", "text", "part of a micro-dollar", "kind in text", "old day", "no object", "both forms",
        "stray count", "old list", "old text", "stray field",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(body: dict[str, Json]) -> None:
    """By the name of the document, never with a traceback."""
    with pytest.raises(StoreUnreadable, match="document usage"):
        documents.decode("usage", body, Usage)
