"""The bounds of a setting, written beside its type: `Annotated[int, Bounds(ge=0, le=30)]`. Nouns only.

Two read them: pydantic, which says what is wrong with a file, by the protocol for constraints of one's own that
annotated-types describes (`GroupedMetadata`, read 2026-11-30); and the glance before it (`settings_glance.py`). A
function reads neither, so annotated-types is imported when pydantic asks: that was a tenth of the core's import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from decimal import Decimal
from typing import Any

from songpost.nouns import dataclass

FORBID_UNKNOWN = {"extra": "forbid"}
"""Configuration that pydantic reads off each class of settings: a key that is not a field is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """At least, more than, at most, less than; for text and lists, how long at least. `None` and 0 bound nothing."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int = 0

    __is_annotated_types_grouped_metadata__ = True

    def __iter__(self) -> Iterator[object]:
        """The same bounds in the words of annotated-types."""
        from annotated_types import Interval, MinLen

        yield from Interval(ge=self.ge, gt=self.gt, le=self.le, lt=self.lt)
        if self.min_length:
            yield MinLen(self.min_length)

    def hold(self, value: Any) -> bool:  # a number where numbers bound it, else what has a length
        """Whether a value of the field's type is within them."""
        if isinstance(value, Sized):
            return len(value) >= self.min_length
        number: int | float | Decimal = value
        return (
            (self.ge is None or number >= self.ge)
            and (self.gt is None or number > self.gt)
            and (self.le is None or number <= self.le)
            and (self.lt is None or number < self.lt)
        )
