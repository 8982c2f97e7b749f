"""A tick's figures for CloudWatch: `{name: (unit, value)}`, at most six names in all (template.yaml counts on that).

Written by live functions alone. `Pauses`, `SpendSlope`, `Alarms` and `UnknownAgeSeconds` come out of log lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from songpost.core import budget
from songpost.core.learning_state import FRACTION_BITS
from songpost.core.snapshot import Snapshot
from songpost.model import MICROS_PER_USD, State

if TYPE_CHECKING:
    from songpost.agent.measuring import Measurement
    from songpost.agent.reading import Round
    from songpost.agent.writing import Tick

Figures = Mapping[str, tuple[str, float]]


def of_tick(tick: Tick, now: datetime) -> Figures:
    """What a tick of the writer sent and was refused, the month's cost and ceiling, and X's tightest limit."""
    states = [step.action.state for step in tick.steps]
    snapshot = tick.account.snapshot
    figures: dict[str, tuple[str, float]] = {
        "Posts": ("Count", sum(state is State.SENT for state in states)),
        "Refusals": ("Count", sum(state is State.REFUSED for state in states)),
    }
    for ceiling in budget.overview(snapshot.settings, snapshot.usage, now):
        if ceiling.name == budget.MONTH:
            figures["SpentUsd"] = ("None", ceiling.used / MICROS_PER_USD)
            figures["CeilingUsd"] = ("None", ceiling.limit / MICROS_PER_USD)
    left = limit_left(snapshot, now)
    if left is not None:
        figures["RateLimitLeft"] = ("None", left)
    return figures


def limit_left(snapshot: Snapshot, now: datetime) -> float | None:
    """The part (0 to 1) that is left of the tightest rate limit still running; `None` where none is known."""
    running = [bucket for bucket in snapshot.limits.buckets.values() if bucket.reset_at > now and bucket.limit > 0]
    return min((bucket.remaining / bucket.limit for bucket in running), default=None)


def of_reader(found: Measurement | None, read: Round | None) -> Figures:
    """The mean engagement rate of the posts that a reader's tick credited; nothing where it credited none."""
    posts = [] if found is None else [*found.posts]
    posts += [] if read is None else [one for page in read.pages for one in page.measured]
    rates = [one.reward.rate / (1 << FRACTION_BITS) for one in posts if one.reward is not None]
    return {"Reward": ("None", sum(rates) / len(rates))} if rates else {}
