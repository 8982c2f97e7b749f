"""Replay: every stored decision made again from its stored inputs, and compared with what is stored.

A day's decisions are one item of the collection `decisions`, with the arms that its draws were made for; the counters
that they name by digest are an item of `statistics`. Nothing else goes in: no clock, no settings, no texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast

from songpost.agent import documents
from songpost.agent.planning import DECISIONS, STATISTICS
from songpost.core import bandit, learning_state
from songpost.core.bandit import Decision
from songpost.core.learning_state import Statistics, arm_of
from songpost.errors import SongpostError
from songpost.model import Json
from songpost.store.port import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfDecisions:
    """What one plan was chosen by: its decisions, the slots that they were for, and the arms of its draws (keys)."""

    key: str
    decisions: tuple[Decision, ...]
    slots: tuple[str, ...]
    arms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A decision that comes out otherwise: in which field, what is stored, and what it is when made again."""

    day: str
    decision: str
    field: str
    stored: str
    rebuilt: str

    def __str__(self) -> str:
        return f"{self.day}, {self.decision}: {self.field} is stored as {self.stored}, rebuilt it is {self.rebuilt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay came to."""

    days: int
    decisions: int
    differences: tuple[Difference, ...]


def days_of(store: Store, account: str, since: str = "") -> Iterator[DayOfDecisions]:
    """The stored days in their order, from the local date `since` on (`2026-11-22`; empty: all).

    Raises `StoreUnreadable` and `StoreNewer` for what does not decode.
    """
    # The text before the last digit of a date sorts right below every key of that date.
    for item in store.items(account, DECISIONS, after=since[:-1]):
        if item.key >= since:
            yield day_of(item.key, item.body)


def day_of(key: str, body: Mapping[str, Json]) -> DayOfDecisions:
    """Decode one stored day. What was stored without its arms is taken to have drawn for those that it names."""
    where = f"{DECISIONS}/{key}"
    stored = cast("Sequence[Mapping[str, Json]]", body["decisions"])
    decisions = tuple(documents.decode(where, one, Decision) for one in stored)
    named = {key for one in decisions for key in (*one.candidates, *(arm for arm, _ in one.left_out))}
    return DayOfDecisions(
        key=key,
        decisions=decisions,
        slots=tuple(cast("Sequence[str]", body.get("slots", ()))),
        arms=tuple(cast("Sequence[str]", body.get("arms") or sorted(named))),
    )


def replay(store: Store, account: str, since: datetime | None = None) -> Replay:
    """Make every decision since a time again (by its plan's local date). Reads only."""
    days = decisions = 0
    differences: list[Difference] = []
    for day in days_of(store, account, "" if since is None else since.date().isoformat()):
        days += 1
        decisions += len(day.decisions)
        differences += _differences(day, _counters(store, account, day.decisions))
    return Replay(days=days, decisions=decisions, differences=tuple(differences))


def _counters(store: Store, account: str, decisions: Sequence[Decision]) -> dict[str, Statistics]:
    """The stored counters that decisions name, by digest; one that is gone is missing."""
    found: dict[str, Statistics] = {}
    for digest in dict.fromkeys(one.statistics for one in decisions):
        for item in store.items(account, STATISTICS, after=digest[:-1], until=digest):
            if item.key == digest:
                found[digest] = documents.decode(f"{STATISTICS}/{digest}", item.body, Statistics)
    return found


def _differences(day: DayOfDecisions, counters: Mapping[str, Statistics]) -> Iterator[Difference]:
    arms = [arm_of(key) for key in day.arms]
    imagined: dict[tuple[str, ...], bandit.Imagined] = {}
    for stored in day.decisions:
        statistics = counters.get(stored.statistics)
        if statistics is None:
            yield _difference(day, stored, "statistics", stored.statistics, "not stored any more")
            continue
        digest = learning_state.digest(statistics)
        if digest != stored.statistics:
            yield _difference(day, stored, "statistics", stored.statistics, digest)
            continue
        made_from = (digest, stored.seed, stored.at, stored.policy_version, str(stored.draws))
        try:
            if made_from not in imagined:
                imagined[made_from] = bandit.imagined_for(stored, statistics, arms)
            again = bandit.remade(stored, imagined[made_from])
        except SongpostError as error:
            yield _difference(day, stored, "inputs", "a decision", str(error))
            continue
        for field in fields(Decision):
            was, now = getattr(stored, field.name), getattr(again, field.name)
            if was != now:
                yield _difference(day, stored, field.name, was, now)


def _difference(day: DayOfDecisions, stored: Decision, field: str, was: object, now: object) -> Difference:
    was, now = (one if isinstance(one, str) else repr(one) for one in (was, now))
    return Difference(day=day.key, decision=stored.name, field=field, stored=was, rebuilt=now)
