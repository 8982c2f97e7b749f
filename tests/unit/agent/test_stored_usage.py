"""The counters are stored a row a day; an older document is moved, one that makes no sense is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Tally, Usage
from songpost.agent import documents
from songpost.errors import StoreUnreadable
from songpost.model import Json, Kind

DAYS = st.dates().map(str)
COUNTS = st.integers(0, 10**9)
USAGES = st.dictionaries(DAYS, st.builds(Tally, writes=COUNTS, reads=COUNTS, spent_micros=COUNTS), max_size=5).flatmap(
    lambda days: st.builds(
        Usage,
        days=st.just(days),
        kind_micros=st.dictionaries(
            st.tuples(st.sampled_from(sorted(days) or ["2026-11-22"]), st.sampled_from(list(Kind))).map(
                lambda of: f"{of[0]}/{of[1].value}"
            ),
            COUNTS,
            max_size=6 if days else 0,
        ),
        windows=st.dictionaries(DAYS.map(lambda day: f"{day}/noon/post"), COUNTS, max_size=3),
        months=st.dictionaries(st.just("2026-11"), st.builds(Tally, writes=COUNTS), max_size=1),
        updated_at=st.none() | st.just(datetime(2026, 11, 22, tzinfo=UTC)),
    )
)


@given(usage=USAGES)
def test_what_is_stored_comes_back(usage: Usage) -> None:
    """Whatever the counters are, by way of the stored form or of a document of the first schema."""
    first: dict[str, Json] = {**msgspec.to_builtins(usage), "schema_version": 1}

    assert usage == documents.decode("usage", documents.encode(usage), Usage)
    assert usage == documents.decode("usage", first, Usage)


def test_a_row_holds_a_day_with_its_money_by_kind() -> None:
    """The form that people see in the store, and in an export."""
    usage = Usage(
        days={"2026-11-22": Tally(writes=3, reads=17, spent_micros=62_000)},
        kind_micros={"2026-11-22/post": 45_000, "2026-11-22/read": 17_000},
    )
    stored = documents.encode(usage)

    assert {"2026-11-22": [3, 17, 62_000, {"post": 45_000, "read": 17_000}]} == stored["days"]
    assert "kind_micros" not in stored


def test_a_month_of_days_is_stored_in_half_the_bytes() -> None:
    """Each booking writes it, and each started KB is charged twice."""
    days = [f"2026-11-{day:02}" for day in range(1, 31)]
    usage = Usage(
        days={day: Tally(writes=3, reads=17, spent_micros=62_000) for day in days},
        kind_micros={f"{day}/{kind}": 20_000 for day in days for kind in ("post", "reply", "read")},
    )
    plain = msgspec.json.encode(usage)

    assert len(msgspec.json.encode(documents.encode(usage))) < 0.6 * len(plain)


@pytest.mark.parametrize(
    "body",
    [
        {"days": {"2026-11-22": [3, 17]}, "schema_version": 2},
        {"days": {"2026-11-22": [3, 17, "62000", {}]}, "schema_version": 2},
        {"days": [], "schema_version": 2},
        {"days": {}, "kind_micros": {}, "schema_version": 2},
        {"days": {"2026-11-22": {"writes": 1, "stray": 2}}, "schema_version": 1},
        {"days": [], "schema_version": 1},
        {"days": {}, "kind_micros": {"2026-11-22/post": "much"}, "schema_version": 1},
        {"stray": 1, "schema_version": 2},
    ],
    ids=["short row", "text", "no object", "both forms", "stray count", "old list", "old text", "stray field"],
)
def test_what_makes_no_sense_is_refused(body: dict[str, Json]) -> None:
    """By the name of the document, never with a traceback."""
    with pytest.raises(StoreUnreadable, match="document usage"):
        documents.decode("usage", body, Usage)
