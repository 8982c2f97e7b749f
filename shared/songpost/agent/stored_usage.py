"""The step that moves a document `usage` of version 1: its days become rows with the day's money by kind at their end.

{"2026-11-22": {"writes": 3, "reads": 17, "spent_micros": 62000}} and {"2026-11-22/post": 45000}
  →  {"2026-11-22": [3, 17, 62000, {"post": 45000}]}
"""

from __future__ import annotations

from collections.abc import Mapping

from songpost.model import Json

COUNTS = ("writes", "reads", "spent_micros")


def packed(usage: Mapping[str, Json]) -> dict[str, Json]:
    """The present form of a document of version 1. Raises `ValueError` for what is none."""
    days, kinds = usage.get("days", {}), usage.get("kind_micros", {})
    if not isinstance(days, Mapping) or not isinstance(kinds, Mapping):
        raise ValueError("days and kind_micros are objects")  # noqa: TRY004 - as every other text that does not decode
    by_kind: dict[str, dict[str, Json]] = {}
    for key, micros in kinds.items():
        day, _, kind = key.partition("/")
        by_kind.setdefault(day, {})[kind] = micros
    rows: dict[str, Json] = {day: [*_counts(tally), by_kind.pop(day, {})] for day, tally in days.items()}
    rows |= {day: [0, 0, 0, found] for day, found in by_kind.items()}
    return {**{name: usage[name] for name in usage if name != "kind_micros"}, "days": rows, "schema_version": 2}


def _counts(tally: Json) -> tuple[Json, ...]:
    if not isinstance(tally, Mapping) or set(tally) - {*COUNTS}:
        raise ValueError(f"a day has {', '.join(COUNTS)} and nothing else")
    return tuple(tally.get(name, 0) for name in COUNTS)
