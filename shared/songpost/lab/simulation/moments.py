"""A clock that notices what it was asked, so that a tick that did nothing can tell how long it would go on doing so.

A tick is a function of the store and of the time. Where it neither wrote nor called X, another one over the same store
does the same for as long as every question that it asked about the time has the same answer. `Moment` is a `datetime`
that answers such questions and notes in its `Watch` when the answer next changes: a comparison changes where the time
meets what it was compared with, a date at the next midnight of its zone. Whatever it cannot follow (an hour, a text, a
number of seconds) it notes as changing at once; then nothing may be left out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, SupportsIndex

MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}


class Watch:
    """Until when (UTC, not included) every answer given so far stays what it was."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.until = datetime.max.replace(tzinfo=UTC)

    def moment(self) -> Moment:
        """The present, to be asked."""
        return Moment.of(self.now, self, timedelta())

    def told(self) -> Moment:
        """The present for telling what was done: only its comparisons and dates count, not what is made of it."""
        return Moment.of(self.now, _Told(self), timedelta())

    def note(self, at: datetime) -> None:
        """An answer changes at this time; times that are over changed theirs already."""
        if self.now <= at < self.until:
            self.until = at

    def taint(self) -> None:
        """An answer changes with every instant."""
        self.until = self.now


class _Told(Watch):
    """A watch whose answers may change as long as nothing is decided by them."""

    def __init__(self, of: Watch) -> None:
        super().__init__(of.now)
        self._of = of

    def note(self, at: datetime) -> None:
        """As the watch itself."""
        self._of.note(at)

    def taint(self) -> None:
        """Nothing hangs on it."""


def _compared(ask: Callable[[Any, Any], bool], *, turns_after: bool) -> Callable[[Moment, object], bool]:
    """A comparison; where both are equal its answer is the later one already, unless it `turns_after`."""

    def method(self: Moment, other: object) -> bool:
        if isinstance(other, Moment):
            return ask(self.plain, other.plain)  # both move on together
        if not isinstance(other, datetime):
            return NotImplemented  # type: ignore[no-any-return]  # what Python asks of a comparison
        if turns_after or other != self.plain:
            at = other if other.tzinfo is UTC else other.astimezone(UTC)
            self.watch.note(at - self.offset if self.offset else at)
        return ask(self.plain, other)

    return method


def _tainting(name: str) -> Callable[..., Any]:
    def method(self: Moment, *values: Any, **named: Any) -> Any:
        self.watch.taint()
        return getattr(self.plain, name)(*values, **named)

    return method


def _dated(name: str) -> property:
    def read(self: Moment) -> Any:
        self.to_midnight()
        return getattr(self.plain, name)

    return property(read)


def _timed(name: str) -> property:
    def read(self: Moment) -> Any:
        self.watch.taint()
        return getattr(self.plain, name)

    return property(read)


class Moment(datetime):
    """The present and `offset`, to be asked; `plain` is the same as a plain `datetime`."""

    watch: Watch
    plain: datetime
    offset: timedelta

    @classmethod
    def of(cls, plain: datetime, watch: Watch, offset: timedelta) -> Moment:
        """A moment that shows `plain`, which lies `offset` from the watch's present."""
        parts = (plain.year, plain.month, plain.day, plain.hour, plain.minute, plain.second, plain.microsecond)
        made = super().__new__(cls, *parts, plain.tzinfo, fold=plain.fold)
        made.watch, made.plain, made.offset = watch, plain, offset
        return made

    def to_midnight(self) -> None:
        """Note that an answer changes where this moment's date does."""
        following = datetime.combine(self.plain.date() + timedelta(days=1), time(), self.plain.tzinfo)
        self.watch.note(following.astimezone(UTC) - self.offset)

    __lt__ = _compared(operator.lt, turns_after=False)
    __le__ = _compared(operator.le, turns_after=True)
    __gt__ = _compared(operator.gt, turns_after=True)
    __ge__ = _compared(operator.ge, turns_after=False)
    __eq__ = _compared(operator.eq, turns_after=True)
    __ne__ = _compared(operator.ne, turns_after=True)

    def __hash__(self) -> int:
        self.watch.taint()
        return hash(self.plain)

    def __add__(self, other: timedelta) -> Moment:
        if not isinstance(other, timedelta):
            return NotImplemented
        return Moment.of(self.plain + other, self.watch, self.offset + other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Moment):
            return self.plain - other.plain
        if isinstance(other, timedelta):
            return self + -other
        if isinstance(other, datetime):
            return Stretch(self.watch, self.plain - other, 1)
        return NotImplemented

    def __rsub__(self, other: Any) -> Any:
        if isinstance(other, datetime):
            return Stretch(self.watch, other - self.plain, -1)
        return NotImplemented

    def date(self) -> date:
        """The date, until midnight."""
        self.to_midnight()
        return self.plain.date()

    def weekday(self) -> int:
        """The weekday, until midnight."""
        return self.date().weekday()

    def isoweekday(self) -> int:
        """The weekday, until midnight."""
        return self.date().isoweekday()

    def isocalendar(self) -> Any:
        """The week, until midnight."""
        return self.date().isocalendar()

    def astimezone(self, tz: tzinfo | None = None) -> Moment:
        """The same moment in another zone."""
        return Moment.of(self.plain.astimezone(tz), self.watch, self.offset)

    def replace(self, *values: SupportsIndex, **named: Any) -> datetime:  # type: ignore[override]
        """With parts replaced: the start of its day holds until midnight, anything else for no time at all."""
        if not values and named.items() >= MIDNIGHT.items():
            self.to_midnight()
        else:
            self.watch.taint()
        return self.plain.replace(*values, **named)  # type: ignore[arg-type]

    @property
    def hour(self) -> int:
        """The hour, until it is over: clocks are changed at full hours, or at half ones of the hour before."""
        left = timedelta(hours=1) - timedelta(
            minutes=self.plain.minute, seconds=self.plain.second, microseconds=self.plain.microsecond
        )
        self.watch.note(self.plain.astimezone(UTC) + left - self.offset)
        return self.plain.hour

    year, month, day = _dated("year"), _dated("month"), _dated("day")
    minute, second, microsecond = _timed("minute"), _timed("second"), _timed("microsecond")


class Stretch:
    """The time from a moment to a fixed time, or back; grows (`rate` 1) or shrinks (-1) as time passes."""

    fixed = timedelta

    def __init__(self, watch: Watch, plain: timedelta, rate: int) -> None:
        self._watch, self._plain, self._rate = watch, plain, rate

    def __getattr__(self, name: str) -> Any:
        self._watch.taint()
        return getattr(self._plain, name)

    def __neg__(self) -> Stretch:
        return Stretch(self._watch, -self._plain, -self._rate)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, timedelta) and other:
            return Ratio(self._watch, self, other)
        self._watch.taint()
        return self._plain / other

    def total_seconds(self) -> Ratio:
        """In seconds, to be compared."""
        return Ratio(self._watch, self, timedelta(seconds=1))

    def meets(self, other: timedelta) -> None:
        """Note when it will be as long as `other`."""
        self._watch.note(self._watch.now + (other - self._plain) * self._rate)

    @property
    def plain(self) -> timedelta:
        """As it is now."""
        return self._plain


class Ratio:
    """How often a unit of time goes into a stretch."""

    fixed = (int, float)

    def __init__(self, watch: Watch, stretch: Stretch, unit: timedelta) -> None:
        self._watch, self._stretch, self._unit = watch, stretch, unit

    def __getattr__(self, name: str) -> Any:
        self._watch.taint()
        return getattr(self.plain, name)

    def meets(self, other: float) -> None:
        """Note when it will be as much as `other`."""
        try:
            self._stretch.meets(self._unit * other)
        except (OverflowError, ValueError):  # infinitely long, or no number: it never is
            return

    @property
    def plain(self) -> float:
        """As it is now."""
        return self._stretch.plain / self._unit


def _met(ask: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def method(self: Any, other: Any) -> bool:
        if isinstance(other, self.fixed):
            self.meets(other)
            return ask(self.plain, other)
        self._watch.taint()
        return ask(self.plain, getattr(other, "plain", other))

    return method


def _unfollowed(ask: Callable[..., Any], *, swapped: bool = False) -> Callable[..., Any]:
    def method(self: Stretch | Ratio, *others: Any) -> Any:
        self._watch.taint()
        plain = [getattr(other, "plain", other) for other in others]
        return ask(*plain, self.plain) if swapped else ask(self.plain, *plain)

    return method


for _noun in (Stretch, Ratio):
    for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(_noun, f"__{_name}__", _met(getattr(operator, _name)))
    for _name in ("add", "sub", "mul", "floordiv", "mod", "pow"):
        setattr(_noun, f"__{_name}__", _unfollowed(getattr(operator, _name)))
        setattr(_noun, f"__r{_name}__", _unfollowed(getattr(operator, _name), swapped=True))
    for _name, _ask in (
        ("abs", abs), ("bool", bool), ("hash", hash), ("str", str), ("repr", repr), ("format", format),
        ("divmod", divmod),
    ):  # fmt: skip
        setattr(_noun, f"__{_name}__", _unfollowed(_ask))
_PLAIN: dict[str, Callable[..., Any]] = {
    "float": float, "int": int, "round": round, "neg": operator.neg, "truediv": operator.truediv,
}  # fmt: skip
for _name, _plain in _PLAIN.items():
    setattr(Ratio, f"__{_name}__", _unfollowed(_plain))
setattr(Ratio, "__rtruediv__", _unfollowed(operator.truediv, swapped=True))  # noqa: B010 - mypy knows no such method

_FOLLOWED = {
    "astimezone", "combine", "date", "fold", "fromisocalendar", "fromisoformat", "fromordinal", "fromtimestamp",
    "isocalendar", "isoweekday", "max", "min", "now", "replace", "resolution", "strptime", "today", "tzinfo",
    "utcfromtimestamp", "utcnow", "weekday", "year", "month", "day", "hour", "minute", "second", "microsecond",
}  # fmt: skip
for _name in dir(datetime):
    if not _name.startswith("_") and _name not in _FOLLOWED:
        setattr(Moment, _name, _tainting(_name))
for _name in ("__str__", "__repr__", "__format__", "__reduce__", "__reduce_ex__"):
    setattr(Moment, _name, _tainting(_name))
