"""The learner's agenda: which sent posts are due for a look, and the cheapest read that serves them. Pure.

`core/measurement.py` says which post is worth a read today; here that meets the account: its documents, its
prices and its ceilings. A post is read at most once a UTC day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from songpost.account_documents import Awaited, Measuring
from songpost.agent.crediting import counters
from songpost.core import measurement, rate_limits
from songpost.core.admission import Refused
from songpost.core.learning_state import Reward
from songpost.core.measurement import Measurable
from songpost.core.ownership import own_price
from songpost.core.prices import price, price_list
from songpost.core.reads import AdmittedRead, admit_read
from songpost.core.snapshot import Snapshot
from songpost.model import Arm, PriceClass

MOST_POSTS = 80
"""Posts of one read: their credits fit into one commit, and X gives 100 at once."""
SMALLEST_PAGE = 5
MARGIN_POSTS = 5
"""Posts by the owner's hand, and replies, that a page of the timeline may hold besides those we know of."""


class Result(StrEnum):
    """What became of a post that is measured."""

    CREDITED = "credited"
    CORRECTED = "corrected"
    NOT_CREDITED = "not credited"
    DUE = "due"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One post, what became of it, and why. `final` where it is not looked at again."""

    post_id: str
    key: str
    result: Result
    reason: str = ""
    arm: Arm | None = None
    reward: Reward | None = None
    due_at: datetime | None = None
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A read that serves these posts: by their ids, or where that is cheaper by the newest page of the own timeline."""

    endpoint: str
    price_class: PriceClass
    post_ids: tuple[str, ...]
    resources: int
    since_id: str = ""


def due_at(awaited: Awaited, credit_after_hours: int) -> datetime | None:
    """When a post is looked at next (UTC); `None` where its credit stands."""
    if awaited.credited_at is not None:
        return measurement.correction_at(awaited.posted_at, awaited.credited_at)
    return awaited.posted_at + timedelta(hours=credit_after_hours)


def agenda(snapshot: Snapshot, now: datetime, only: str = "") -> tuple[Measured, ...]:
    """Every post on the agenda, or `only` one: what is due, the most telling first; then what waits, and for what."""
    hours, awaited = snapshot.settings.learning.credit_after_hours, snapshot.measuring.posts
    plan = measurement.plan_reads(
        [_measurable(post_id, one) for post_id, one in awaited.items() if only in {"", post_id}],
        counters(snapshot, now),
        now,
        credit_after_hours=hours,
        reads=MOST_POSTS,
    )
    due = [(one.post_id, Result.DUE, f"for its {one.purpose}") for one in plan.readings]
    waiting = [(post_id, Result.WAITING, reason) for post_id, reason in plan.left_out]
    return tuple(
        Measured(
            post_id=post_id,
            key=awaited[post_id].key,
            result=result,
            reason=reason,
            arm=awaited[post_id].arm,
            due_at=due_at(awaited[post_id], hours),
        )
        for post_id, result, reason in (*due, *waiting)
    )


def _measurable(post_id: str, awaited: Awaited) -> Measurable:
    return Measurable(
        post_id=post_id,
        arm=awaited.arm,
        posted_at=awaited.posted_at,
        credited_at=awaited.credited_at,
        read_on=awaited.read_on,
    )


def marked(measuring: Measuring, post_ids: Iterable[str], day: date | None) -> Measuring:
    """The agenda with the day's mark on posts, or without it."""
    posts = {one: replace(measuring.posts[one], read_on=day) for one in post_ids if one in measuring.posts}
    return replace(measuring, posts={**measuring.posts, **posts})


def without_old(measuring: Measuring, now: datetime) -> Measuring:
    """The agenda without posts that are too old to be read."""
    oldest = now - timedelta(days=measurement.GIVEN_UP_DAYS)
    return replace(measuring, posts={one: post for one, post in measuring.posts.items() if post.posted_at > oldest})


def reading_of(snapshot: Snapshot, post_ids: tuple[str, ...], now: datetime) -> Reading:
    """The cheaper of the two reads that serve these posts. The owned price counts only once ownership is proved."""
    by_ids = Reading(
        endpoint=rate_limits.POSTS, price_class=PriceClass.POST_READ, post_ids=post_ids, resources=len(post_ids)
    )
    if own_price(snapshot, now.date()) is not PriceClass.OWNED_READ:
        return by_ids
    oldest = min(map(int, post_ids))
    newer = sum(int(mark.id) > oldest for mark in snapshot.timeline.latest)
    awaited = sum(int(post_id) >= oldest for post_id in snapshot.measuring.posts)
    page = Reading(
        endpoint=rate_limits.TIMELINE,
        price_class=PriceClass.OWNED_READ,
        post_ids=post_ids,
        resources=max(SMALLEST_PAGE, newer + 1, awaited) + MARGIN_POSTS,
        since_id=str(oldest - 1),
    )
    prices = price_list(snapshot.settings, now.date())
    return min((by_ids, page), key=lambda one: price(prices, one.price_class, one.resources))


def admitted(snapshot: Snapshot, now: datetime, only: str) -> tuple[Reading, AdmittedRead | Refused] | None:
    """The read that is due with its booking; as many posts as the ceilings leave room for. `None`: nothing is due."""
    due = [one.post_id for one in agenda(snapshot, now, only) if one.result is Result.DUE][:MOST_POSTS]
    while due:
        reading = reading_of(snapshot, tuple(due), now)
        decision = admit_read(snapshot, reading.endpoint, reading.price_class, reading.resources, now)
        if not (isinstance(decision, Refused) and decision.gate == "budget" and len(due) > 1):
            return reading, decision
        due = due[: len(due) // 2]
    return None
