"""The journal of reads: a line for each, written with its booking and again with what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from songpost.core.reads import AdmittedRead
from songpost.model import PriceClass
from songpost.store.port import PutItem

READS = "reads"
"""Collection of the reads that were made: what, on which UTC day, at what price, and what came of it."""
KEPT_READS = timedelta(days=400)
BOOKED = "booked"


def line(
    name: str,
    endpoint: str,
    price_class: PriceClass,
    booked: AdmittedRead,
    outcome: str,
    resources: int | None = None,
    post_ids: Sequence[str] = (),
) -> PutItem:
    """The line of one read, keyed by its UTC time and `name`; an outcome replaces the line of the booking.

    `resources` is what X returned; `None` where that is not known, so that all that was booked counts.
    """
    at, units = booked.booked_at, booked.resources if resources is None else resources
    day, time = at.isoformat(timespec="microseconds")[:26].split("T")
    return PutItem(
        READS,
        f"{day}/{time.replace(':', '')}/{name}",
        {
            "endpoint": endpoint,
            "price_class": price_class.value,
            "post_ids": list(post_ids),
            "micros": units * booked.unit_micros,
            "resources": units,
            "outcome": outcome,
            "schema_version": 1,
        },
        if_absent=outcome == BOOKED,
        expires_at=at + KEPT_READS,
    )
