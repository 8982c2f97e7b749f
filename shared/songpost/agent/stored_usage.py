"""The short form in which the document `usage` is stored: one row a day, the day's money by kind at its end.

    {"2026-11-22": {"writes": 3, "reads": 17, "spent_micros": 62000}} and {"2026-11-22/post": 45000}
      ⇄  {"2026-11-22": [3, 17, 62000, {"post": 45000}]}

Every booking writes this document, and DynamoDB charges each started KB twice: half the bytes are half the money
(docs/decisions/0094).
"""

from __future__ import annotations

from collections.abc import Mapping

from songpost.model import Json

Rows = dict[str, tuple[int, int, int, dict[str, int]]]
"""By UTC date: writes, reads, micro-dollars, and of these by kind."""


COUNTS = ("writes", "reads", "spent_micros")


def packed(usage: Mapping[str, Json]) -> dict[str, Json]:
    """The stored form of the plain one; a document of version 1, which was the plain one, is moved so too.

    Raises `ValueError` for what is no plain form.
    """
    days, kinds = usage.get("days", {}), usage.get("kind_micros", {})
    if not isinstance(days, Mapping) or not isinstance(kinds, Mapping):
        raise ValueError("days and kind_micros are objects")  # noqa: TRY004 - as every other text that does not decode
    rows: dict[str, Json] = {day: _row(tally) for day, tally in days.items()}
    by_kind: dict[str, dict[str, Json]] = {}
    for key, micros in kinds.items():
        day, _, kind = key.partition("/")
        by_kind.setdefault(day, {})[kind] = micros
    for day, found in by_kind.items():
        row = rows.setdefault(day, [0, 0, 0, {}])
        rows[day] = [*(row[:3] if isinstance(row, list) else ()), {**found}]
    return {**{name: usage[name] for name in usage if name != "kind_micros"}, "days": rows, "schema_version": 2}


def _row(tally: Json) -> list[Json]:
    if not isinstance(tally, Mapping) or set(tally) - {*COUNTS}:
        raise ValueError(f"a day has {', '.join(COUNTS)} and nothing else")
    return [*(tally.get(name, 0) for name in COUNTS), {}]


def unpacked(stored: Mapping[str, Json]) -> dict[str, Json]:
    """The plain form of the stored one. Raises `ValueError` (msgspec's) for rows that are none."""
    import msgspec

    rows = msgspec.convert(stored.get("days", {}), Rows, strict=True)
    days: dict[str, Json] = {
        day: {"writes": writes, "reads": reads, "spent_micros": micros}
        for day, (writes, reads, micros, _) in rows.items()
    }
    kinds: dict[str, Json] = {
        f"{day}/{kind}": micros for day, (*_, by_kind) in rows.items() for kind, micros in by_kind.items()
    }
    if "kind_micros" in stored:
        raise ValueError("kind_micros stand in the rows of days")
    return {**stored, "days": days, "kind_micros": kinds}
