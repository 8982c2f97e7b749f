"""One account of a simulation: what stays between its ticks, who reads it, and what its ticks said on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from songpost.agent import summary
from songpost.agent.measuring import Measurement
from songpost.agent.reading import Round
from songpost.agent.writing import Tick
from songpost.core import windows
from songpost.core.admission import Refused
from songpost.given import Given
from songpost.lab.simulation.audience import Audience
from songpost.lab.simulation.sessions import Warm
from songpost.lab.simulation.trying import Proof
from songpost.runtime import Runtime
from songpost.settings import Settings
from songpost.x.credentials import Credentials
from songpost.x.transport import Transport


@dataclass(slots=True, kw_only=True)
class Person:
    """One account, and who reads it.

    `given` are its settings and its own texts, `topics` what each of these is about.

    `at` is when its latest tick ended, `due` when each function's next one is, and `proofs` why ticks of it were left
    out; `written` are the collections that the present event has written (with "" where it wrote anything at all).
    """

    place: int
    name: str
    username: str
    user_id: str
    given: Given
    topics: Mapping[str, str]
    runtime: Runtime
    environ: Mapping[str, str]
    credentials: Credentials
    audience: Audience
    wire: Transport
    warm: Warm
    at: datetime
    due: dict[str, datetime]
    proofs: dict[str, Proof | None]
    busy: Counter[str] = field(default_factory=Counter)
    written: set[str] = field(default_factory=set)
    seen_posts: int = 0
    billed: Counter[str] = field(default_factory=Counter)
    billed_locally: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    stood: dict[tuple[str, str], str] = field(default_factory=dict)

    def note_writer(self, tick: Tick) -> None:
        """Remember which gate an action stood at, and why."""
        for step in tick.steps:
            by, action = step.decision, step.action
            gate, reason = (by.gate, by.reason) if isinstance(by, Refused) else (action.gate, action.reason)
            if gate:
                self.stood[action.key, gate] = reason

    def note_reader(self, found: Measurement | None, read: Round | None, now: datetime) -> None:
        """Remember which gate a read stood at, and why."""
        shown = [] if found is None or found.reading is None else [summary.of_reading(found, now)]
        shown += [] if read is None else [summary.of_page(page, now) for page in read.pages]
        for one in shown:
            if one["gate"]:
                self.stood[str(one["key"]), str(one["gate"])] = str(one["reason"])


def window_at(settings: Settings, at: datetime) -> str | None:
    """The window that is open at a time; of several the one that opened last by the calendar."""
    spans, weekdays = settings.schedule.windows, settings.cadence.weekdays
    day = at.astimezone(ZoneInfo(settings.timezone)).date()
    for one in (day, day - timedelta(days=1)):
        for found in windows.occurrences(spans, settings.timezone, weekdays, one):
            if found.opens_at <= at < found.closes_at:
                return found.name
    return None
