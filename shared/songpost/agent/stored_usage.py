"""The short form in which the document `usage` is stored: one row a day, the day's money by kind at its end.

    {"2026-11-22": {"writes": 3, "reads": 17, "spent_micros": 62000}} and {"2026-11-22/post": 45000}
      ⇄  {"2026-11-22": [3, 17, 62000, {"post": 45000}]}

Every booking writes this document, and DynamoDB charges each started KB twice: half the bytes are half the money
(docs/decisions/0094).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from songpost.account_documents import Usage
from songpost.model import Json

Rows = dict[str, tuple[int, int, int, dict[str, int]]]
"""By UTC date: writes, reads, micro-dollars, and of these by kind."""


COUNTS = ("writes", "reads", "spent_micros")


def stored(usage: Usage, plain: Callable[[object], dict[str, Json]]) -> dict[str, Json]:
    """The stored form of the noun; `plain` makes JSON of all that is not stored otherwise."""
    body = plain(replace(usage, days={}, kind_micros={}))
    days = {day: (tally.writes, tally.reads, tally.spent_micros) for day, tally in usage.days.items()}
    return _stored(body, days, usage.kind_micros)


def packed(usage: Mapping[str, Json]) -> dict[str, Json]:
    """The stored form of the plain one, as which a document of version 1 was stored.

    Raises `ValueError` for what is no plain form.
    """
    days, kinds = usage.get("days", {}), usage.get("kind_micros", {})
    if not isinstance(days, Mapping) or not isinstance(kinds, Mapping):
        raise ValueError("days and kind_micros are objects")  # noqa: TRY004 - as every other text that does not decode
    return _stored(usage, {day: _counts(tally) for day, tally in days.items()}, kinds)


def _stored(body: Mapping[str, Json], days: Mapping[str, Sequence[Json]], kinds: Mapping[str, Json]) -> dict[str, Json]:
    by_kind: dict[str, dict[str, Json]] = {}
    for key, micros in kinds.items():
        day, _, kind = key.partition("/")
        by_kind.setdefault(day, {})[kind] = micros
    rows: dict[str, Json] = {day: [*counts, by_kind.pop(day, {})] for day, counts in days.items()}
    rows |= {day: [0, 0, 0, found] for day, found in by_kind.items()}
    return {**{name: body[name] for name in body if name != "kind_micros"}, "days": rows, "schema_version": 2}


def _counts(tally: Json) -> tuple[Json, ...]:
    if not isinstance(tally, Mapping) or set(tally) - {*COUNTS}:
        raise ValueError(f"a day has {', '.join(COUNTS)} and nothing else")
    return tuple(tally.get(name, 0) for name in COUNTS)


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
