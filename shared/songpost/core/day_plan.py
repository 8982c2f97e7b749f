"""The plan of one local day: which posts, when, in which window, with which text. Pure.

Everything follows from the account's documents and the seed of the day, `sha256(account/date)`, where the date
is the local one on which a window starts. So a dry run foretells what a live run will do, and two ticks that
plan the same day from the same documents make the same plan.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from songpost.core import content, windows
from songpost.core.content import Library
from songpost.core.snapshot import Snapshot
from songpost.model import Arm, DayPlan, Fingerprints, Slot, Text
from songpost.settings import Flag, Settings


@dataclass(frozen=True, slots=True)
class Moment:
    """A slot's place in time, before a text is chosen for it. Times are UTC."""

    key: str
    window: str
    opens_at: datetime
    closes_at: datetime
    due_at: datetime


def seed_of(account: str, day: str) -> str:
    """The seed of a day, 32 hex digits."""
    return hashlib.sha256(f"{account}/{day}".encode()).hexdigest()[:32]


def _random(seed: str, purpose: str) -> random.Random:
    """A generator of its own for each purpose: a change in one draw moves no other."""
    return random.Random(int(hashlib.sha256(f"{seed}/{purpose}".encode()).hexdigest(), 16))


def moments(settings: Settings, day: date, seed: str) -> tuple[tuple[Moment, ...], tuple[str, ...]]:
    """Draw the minutes of a local day's slots, and say which slots found no room.

    Within a window the minutes are uniform among those that keep `minimum_gap_minutes` to each other and to
    the window before: n sorted draws over what the gaps leave, spread by the gaps.
    """
    gap = settings.minimum_gap_minutes
    found: list[Moment] = []
    left_out: list[str] = []
    for occurrence in windows.occurrences(settings.schedule.windows, settings.timezone, settings.cadence.weekdays, day):
        draws = _random(seed, f"minutes/{occurrence.name}")
        start = occurrence.opens_at
        if found:
            start = max(start, found[-1].due_at + timedelta(minutes=gap))
        minutes = int((occurrence.closes_at - start).total_seconds() // 60)
        wanted = settings.max_per_window.post
        count = min(wanted, 1 + (minutes - 1) // max(gap, 1)) if minutes > 0 else 0
        left_out += [
            f"{occurrence.name}/{number}: no room that keeps {gap} minutes to the posts before"
            for number in range(count + 1, wanted + 1)
        ]
        free = minutes - (count - 1) * gap if count else 0
        offsets = sorted(int(draws.random() * free) for _ in range(count))
        found += [
            Moment(
                key=f"post/{day.isoformat()}/{occurrence.name}/{index + 1}",
                window=occurrence.name,
                opens_at=occurrence.opens_at,
                closes_at=occurrence.closes_at,
                due_at=start + timedelta(minutes=offset + index * gap),
            )
            for index, offset in enumerate(offsets)
        ]
    return tuple(found), tuple(left_out)


def build(snapshot: Snapshot, library: Library, day: date, library_digest: str) -> DayPlan:
    """Plan a local day: minutes, arms and texts, with the reasons for whatever could not be filled.

    Slots that the saved plan has already handed out, and those that the owner changed, stay as they are.
    """
    settings = snapshot.settings
    seed = seed_of(snapshot.account, day.isoformat())
    drawn, left_out = moments(settings, day, seed)
    if settings.max_per_day is not None and len(drawn) > settings.max_per_day:
        drawn = _fewer(drawn, settings.max_per_day, seed)
    saved = snapshot.plans.get(day.isoformat())
    kept = {slot.key: slot for slot in saved.slots if slot.taken or slot.note} if saved is not None else {}
    slots: list[Slot] = list(kept.values())
    fingerprints = snapshot.fingerprints
    notes = list(left_out)
    for moment in drawn:
        if moment.key in kept:
            continue
        slot, fingerprints = _filled(settings, library, fingerprints, moment, seed)
        slots.append(slot)
        if not slot.text:
            notes.append(f"{moment.window}: {slot.note}")
    return DayPlan(
        date=day.isoformat(),
        zone=settings.timezone,
        seed=seed,
        slots=tuple(sorted((slot for slot in slots if slot.text), key=lambda slot: (slot.due_at, slot.key))),
        left_out=tuple(notes),
        basis=basis(settings, library_digest),
    )


def _fewer(drawn: tuple[Moment, ...], limit: int, seed: str) -> tuple[Moment, ...]:
    """Keep `limit` of the moments, each set of that size equally likely, in order of time."""
    draws = _random(seed, "which windows")
    ranked = sorted(drawn, key=lambda moment: (draws.random(), moment.key))
    return tuple(sorted(ranked[:limit], key=lambda moment: (moment.due_at, moment.key)))


def basis(settings: Settings, library_digest: str) -> str:
    """Twelve hex digits of what the owner has decided that bears on a plan: its settings and the texts."""
    decided = repr(
        (
            settings.timezone,
            settings.topics,
            sorted(settings.schedule.windows.items()),
            settings.cadence,
            settings.max_per_window.post,
            settings.max_per_day,
            settings.minimum_gap_minutes,
            settings.feature_flags.allow_media,
            settings.learning,
            settings.similarity,
            library_digest,
        )
    )
    return hashlib.sha256(decided.encode()).hexdigest()[:12]


def _filled(
    settings: Settings, library: Library, fingerprints: Fingerprints, moment: Moment, seed: str
) -> tuple[Slot, Fingerprints]:
    """Choose a topic and its next text for a moment; without one the slot's note says why."""
    choices = {
        topic: choice
        for topic in settings.topics
        if (
            choice := content.choose(
                _usable(settings, library.get(topic, ())), fingerprints, settings.similarity, moment.due_at
            )
        )
    }
    slot = Slot(
        key=moment.key,
        window=moment.window,
        opens_at=moment.opens_at,
        closes_at=moment.closes_at,
        due_at=moment.due_at,
        arm=None,
    )
    if not choices:
        return replace(slot, note="no topic has a text that is not too much like one posted before"), fingerprints
    topics = sorted(choices)
    topic = topics[int(_random(seed, f"arm/{moment.key}").random() * len(topics))]
    choice = choices[topic]
    filled = replace(
        slot,
        arm=Arm(topic, moment.window, media=bool(choice.text.media)),
        content_id=choice.text.id,
        variant=choice.variant,
        text=choice.words,
        media=choice.text.media,
    )
    return filled, content.taken(fingerprints, choice, moment.due_at)


def _usable(settings: Settings, texts: Sequence[Text]) -> Sequence[Text]:
    """Texts that may go out as they are: without media where the owner has switched media off."""
    if settings.feature_flags.allow_media is Flag.OFF:
        return [text for text in texts if not text.media]
    return texts
