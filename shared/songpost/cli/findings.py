"""What the doctor says: findings, each with its level and its mend, and how they are shown."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding is meant: in order, worth knowing, or to be mended."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing looked at: the area, how it stands, in words, and what to do."""

    area: str
    level: Level
    what: str
    mend: str = ""


def good(area: str, what: str) -> Found:
    """Something in order."""
    return Found(area, Level.GOOD, what)


def note(area: str, what: str, mend: str) -> Found:
    """Something worth knowing."""
    return Found(area, Level.NOTE, what, mend)


def bad(area: str, what: str, mend: str) -> Found:
    """Something to be mended."""
    return Found(area, Level.BAD, what, mend)


def shown(one: Found) -> str:
    """A finding in lines of at most 80 columns."""
    mark = {Level.GOOD: "ok  ", Level.NOTE: "note", Level.BAD: "BAD "}[one.level]
    text = f"{one.area}: {one.what}"
    lines = textwrap.wrap(text, 80, initial_indent=f"{mark}  ", subsequent_indent="      ")
    lines += textwrap.wrap(one.mend, 80, initial_indent="      → ", subsequent_indent="        ") if one.mend else []
    return "\n".join(lines)
