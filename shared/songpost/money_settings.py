"""What the owner decides about money: the ceilings, and an own price list. `settings.py` has the whole of it."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from songpost.bounds import FORBID_UNKNOWN, Bounds
from songpost.model import MICROS_PER_USD, Kind
from songpost.nouns import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """An own price list, in US dollars a call or resource, for a contract that has one."""

    __pydantic_config__ = FORBID_UNKNOWN
    post_create: Annotated[Decimal, Bounds(ge=0)] | None = None
    post_create_url: Annotated[Decimal, Bounds(ge=0)] | None = None
    reply_create: Annotated[Decimal, Bounds(ge=0)] | None = None
    interaction: Annotated[Decimal, Bounds(ge=0)] | None = None
    delete: Annotated[Decimal, Bounds(ge=0)] | None = None
    media_metadata: Annotated[Decimal, Bounds(ge=0)] | None = None
    post_read: Annotated[Decimal, Bounds(ge=0)] | None = None
    user_read: Annotated[Decimal, Bounds(ge=0)] | None = None
    owned_read: Annotated[Decimal, Bounds(ge=0)] | None = None


_USD = Annotated[Decimal, Bounds(ge=0, le=100_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsdPerKind:
    """Money ceilings of single kinds of action per billing month, in US dollars; `None`: only the account's holds."""

    __pydantic_config__ = FORBID_UNKNOWN
    post: _USD | None = None
    reply: _USD | None = None
    quote: _USD | None = None
    repost: _USD | None = None
    like: _USD | None = None
    follow: _USD | None = None

    def of(self, kind: Kind) -> Decimal | None:
        """The ceiling of a kind; deletes and reads have none of their own."""
        ceiling: Decimal | None = getattr(self, kind, None)
        return ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The ceilings: money per billing month, kind and UTC day, resources read and writes per billing month.

    Each ceiling is kept short by `buffer_pct` (0.05 is five percent). `billing_day` starts X's cycle. Of the month's
    money, what `burst_days` days earn may be spent at once (core/pacing.py); `None`: all of it.
    """

    __pydantic_config__ = FORBID_UNKNOWN
    usd_per_month: Annotated[Decimal, Bounds(ge=0, le=100_000)] = Decimal("5.00")
    usd_per_day: Annotated[Decimal, Bounds(ge=0, le=100_000)] | None = None
    usd_per_kind: UsdPerKind = field(default_factory=UsdPerKind)
    burst_days: Annotated[float, Bounds(gt=0.0, le=31.0)] | None = 7.0
    buffer_pct: Annotated[float, Bounds(ge=0.0, lt=1.0)] = 0.05
    custom_read_cap: Annotated[int, Bounds(ge=0)] | None = None
    custom_write_cap: Annotated[int, Bounds(ge=0)] | None = None
    billing_day: Annotated[int, Bounds(ge=1, le=28)] = 1
    prices: Prices | None = None

    def micros(self, usd: Decimal) -> int:
        """A ceiling in micro-dollars, less the buffer, rounded down."""
        return _less_buffer(usd, self.buffer_pct)


@lru_cache(maxsize=256)
def _less_buffer(usd: Decimal, buffer_pct: float) -> int:
    """Micro-dollars, rounded down. Every look at the money asks for the same few of them."""
    return int(usd * MICROS_PER_USD * (1 - Decimal(str(buffer_pct))))
