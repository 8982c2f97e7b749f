"""The sandbox's clock: the machine's, or one that is set and moved by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Whoever tells the time; aware, in UTC."""

    def now(self) -> datetime:
        """This moment."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """This moment by the machine."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is set or moved; safe to share among threads."""

    def __init__(self, at: datetime) -> None:
        self._lock = threading.Lock()
        self._at = _aware(at)

    def now(self) -> datetime:
        """The moment it was last set or moved to."""
        return self._at

    def set(self, at: datetime) -> None:
        """Put it at a moment, forwards or backwards; a naive one is a ValueError."""
        with self._lock:
            self._at = _aware(at)

    def advance(self, seconds: float) -> datetime:
        """Move it on and tell where it stands."""
        with self._lock:
            self._at += timedelta(seconds=seconds)
            return self._at


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"a clock needs an aware time, not {at!r}: add tzinfo=UTC")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{at!r} lies outside the calendar") from None


def iso(at: datetime) -> str:
    """A moment as X writes it: `2026-11-22T09:30:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """A moment from RFC 3339; ValueError where it is none or has no zone."""
    return _aware(datetime.fromisoformat(text))
