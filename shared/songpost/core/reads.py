"""Admission of reads: a read costs money like a write, so it passes the same ceilings before it is made. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from songpost.account_documents import UNUSED, Usage
from songpost.core import budget, rate_limits
from songpost.core.admission import Refused, Verdict
from songpost.core.prices import Quote, price, price_list
from songpost.core.snapshot import Snapshot
from songpost.model import MICROS_PER_USD, SKEW_SECONDS, Kind, PriceClass
from songpost.nouns import dataclass, replace
from songpost.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedRead:
    """A read that may be made, with the account as it is once its worst price is booked."""

    snapshot: Snapshot
    written: tuple[str, ...]
    resources: int
    unit_micros: int
    booked_at: datetime


@lru_cache(maxsize=64)
def _micros(usd: Decimal) -> int:
    """Micro-dollars, rounded down. Every look at the reads of a day asks for the same."""
    return int(usd * MICROS_PER_USD)


def left_today(settings: Settings, usage: Usage, now: datetime) -> int | None:
    """What the UTC day of `now` has left of `reading.usd_per_day`, in micro-dollars; `None` without such a ceiling."""
    if settings.reading.usd_per_day is None:
        return None
    return _micros(settings.reading.usd_per_day) - usage.days.get(now.date().isoformat(), UNUSED).kind_micros.get(
        Kind.READ.value, 0
    )


def admit_read(
    snapshot: Snapshot, endpoint: str, price_class: PriceClass, resources: int, now: datetime, *, must: bool = False
) -> AdmittedRead | Refused:
    """Book a read of at most `resources` objects at `now` (UTC), or say which gate refuses it.

    A read that `must` be made before anything else can be (whose account is this?) counts towards the day's money for
    reading, and is not held back by it. Raises `PriceUnknown`.
    """
    unit = price(price_list(snapshot.settings, now.date()), price_class)
    worst = unit * resources
    verdict = _refusal(snapshot, endpoint, worst, resources, now)
    if verdict is None and not must:
        verdict = _over_the_day(snapshot, worst, now)
    if verdict is not None:
        return Refused(
            gate=verdict.gate,
            reason=verdict.detail,
            retry_at=verdict.retry_at,
            final=False,
            quote=Quote(price_class, worst, resources, 0, ""),
            verdicts=(verdict,),
        )
    usage = budget.booked(snapshot.usage, snapshot.settings.budget, now, reads=resources, micros=worst, kind=Kind.READ)
    limits = rate_limits.taken(snapshot.limits, snapshot.settings.plan, endpoint, now)
    return AdmittedRead(
        snapshot=replace(snapshot, usage=usage, limits=limits),
        written=("usage", "limits"),
        resources=resources,
        unit_micros=unit,
        booked_at=now,
    )


def _refusal(snapshot: Snapshot, endpoint: str, worst: int, resources: int, now: datetime) -> Verdict | None:
    if snapshot.control.paused:
        reason = f"the account is paused: {snapshot.control.reason or 'no reason given'}"
        return Verdict(gate="control", passed=False, detail=reason)
    newest = snapshot.usage.updated_at
    if newest is not None and (newest - now).total_seconds() > SKEW_SECONDS:
        reason = f"this clock is behind the newest stored event ({newest.isoformat()})"
        return Verdict(gate="control", passed=False, detail=reason, retry_at=newest)
    short = budget.shortfall(snapshot.settings, snapshot.usage, now, writes=0, reads=resources, micros=worst)
    if short is not None:
        return Verdict(gate="budget", passed=False, detail=str(short), retry_at=short.retry_at)
    until = rate_limits.blocked_until(snapshot.limits, snapshot.settings.plan, endpoint, now)
    if until is not None:
        reason = f"{endpoint} is exhausted until {until.isoformat()}"
        return Verdict(gate="rate limit", passed=False, detail=reason, retry_at=until)
    return None


def _over_the_day(snapshot: Snapshot, worst: int, now: datetime) -> Verdict | None:
    left = left_today(snapshot.settings, snapshot.usage, now)
    if left is None or worst <= left:
        return None
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    whole = _micros(snapshot.settings.reading.usd_per_day or Decimal(0))
    have, need = budget.dollars(max(0, left)), budget.dollars(worst)
    reason = f"dollars of reading per day: {have} left, {need} needed at worst"
    return Verdict(gate="budget", passed=False, detail=reason, retry_at=tomorrow if worst <= whole else None)


def settled_read(snapshot: Snapshot, read: AdmittedRead, returned: int) -> Snapshot:
    """Settle a read by what X returned, for that is what it charges: give back the rest, or book what came on top."""
    more = returned - read.resources
    usage = budget.booked(
        snapshot.usage,
        snapshot.settings.budget,
        read.booked_at,
        reads=more,
        micros=more * read.unit_micros,
        kind=Kind.READ,
    )
    return replace(snapshot, usage=usage)
