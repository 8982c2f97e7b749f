"""The week in one plain text of at most 80 columns: what was posted, spent, learned, refused, and what waits. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from songpost.agent import crediting
from songpost.core import bandit, budget, day_plan
from songpost.core.learning_state import arm_of
from songpost.core.snapshot import Snapshot
from songpost.model import Action, State

COLUMNS = 80
DAYS = 7
MOST_LINES = 20
"""Actions, arms or reasons that one part of the text shows; the rest is counted."""


def digest(snapshot: Snapshot, ended: Sequence[Action], now: datetime) -> str:
    """The seven days before `now` (UTC): `ended` are the actions of that time that came to an end, oldest first."""
    zone = ZoneInfo(snapshot.settings.timezone)
    sent = [action for action in ended if action.state in {State.SENT, State.PARTIAL}]
    parts = [
        _part("Posted", [_line(action, zone) for action in sent], "nothing"),
        _part("Spent", _spent(snapshot, now), "nothing"),
        _part("Learned", _learned(snapshot, now), "nothing yet"),
        _part("Not sent", _refused(ended), "nothing was refused or abandoned"),
        _part("Waits for your word", _waits(snapshot, zone), "nothing"),
    ]
    if snapshot.control.paused:
        parts.insert(0, _part("PAUSED", [f"{snapshot.control.reason} (songpost resume)"], ""))
    head = f"{snapshot.account}, {_day(now - timedelta(days=DAYS), zone)} to {_day(now, zone)} ({zone.key})"
    return "\n\n".join([_wrapped(head, ""), *parts]) + "\n"


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d}"


def _part(title: str, lines: Sequence[str], otherwise: str) -> str:
    shown = [_wrapped(line) for line in lines[:MOST_LINES]] or [f"  {otherwise}"]
    more = [f"  … and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([title, *shown, *more])


def _wrapped(line: str, indent: str = "  ") -> str:
    return textwrap.fill(line, COLUMNS, initial_indent=indent, subsequent_indent=indent + indent)


def _line(action: Action, zone: ZoneInfo) -> str:
    at = action.posted_at or action.due_at
    said = " ".join((action.text or action.target_id).split())
    return f"{at.astimezone(zone):%a %H:%M} {action.kind.value}: {textwrap.shorten(said, 56, placeholder='…')}"


def _spent(snapshot: Snapshot, now: datetime) -> list[str]:
    days = {(now - timedelta(days=number)).date().isoformat() for number in range(DAYS)}
    tallies = [tally for day, tally in snapshot.usage.days.items() if day in days]
    micros = sum(tally.spent_micros for tally in tallies)
    writes, reads = sum(tally.writes for tally in tallies), sum(tally.reads for tally in tallies)
    week = f"{budget.dollars(micros)}, for {writes} writes and {reads} posts or users read"
    ceilings = [
        f"{ceiling.name}: {budget.dollars(ceiling.left)} of {budget.dollars(ceiling.limit)} left"
        for ceiling in budget.overview(snapshot.settings, snapshot.usage, now)
        if ceiling.money
    ]
    return [week, *ceilings]


def _learned(snapshot: Snapshot, now: datetime) -> list[str]:
    statistics = crediting.counters(snapshot, now)
    arms = [arm_of(key) for key in statistics.counters]
    if not arms:
        return []
    seed = day_plan.seed_of(snapshot.account, now.date().isoformat())
    found = sorted(bandit.beliefs(statistics, arms, seed, now), key=lambda belief: -belief.expected)
    return [f"{belief.arm}: {belief.expected:.2%} expected, {belief.posts} posts" for belief in found[:5]]


def _refused(ended: Iterable[Action]) -> list[str]:
    counted = Counter(
        (action.state.value, action.gate or "X") for action in ended if action.state in {State.REFUSED, State.ABANDONED}
    )
    return [f"{count} {state}, gate {gate}" for (state, gate), count in sorted(counted.items())]


def _waits(snapshot: Snapshot, zone: ZoneInfo) -> list[str]:
    asking = {State.PROPOSED: "approve, reject or edit", State.UNKNOWN: "songpost actions resolve"}
    found = sorted((a for a in snapshot.actions.values() if a.state in asking), key=lambda a: (a.due_at, a.key))
    return [f"{_line(action, zone)} ({action.key}: {asking[action.state]})" for action in found]
