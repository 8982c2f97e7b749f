"""Which own posts to read today, so that a dollar of owned reads tells the learner most. Pure.

A read is worth what it lets the learner know: the first credit of a post narrows its arm by one observation among those
that the arm has, a correction only by as much as engagement still changes. No post is read twice in a UTC day, and
reading stops where a credit can no longer change a choice: about 95 % of posts gain nothing that matters after 24
hours (Pfeffer, Matter and Sargsyan 2023, "The half-life of a tweet").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from songpost.core.learning_state import WEIGHT_BITS, Statistics, arm_key, exponent_at
from songpost.model import Arm
from songpost.nouns import dataclass

SETTLED_HOURS = 48
"""A first credit at this age or later needs no correction: what is still to come does not move a choice."""

CORRECTION_HOURS = 72
"""The age of the one correction of a post that was credited younger than that."""

GIVEN_UP_DAYS = 30
"""The age from which a post is not read for the learner: X shows non-public metrics no longer than this either."""

LATE_CHANGE_SD = 0.25
"""How much a y credited at 24 hours still moves, one standard deviation; noise between posts is about 0.8."""

LEAST_GAIN = 0.005
"""A correction that tells less than this, in nats about its arm, is not read: that of an arm of ten posts or more."""

CREDIT, CORRECTION = "credit", "correction"

_SETTLED, _CORRECTED_AFTER = timedelta(hours=SETTLED_HOURS), timedelta(hours=CORRECTION_HOURS)
_GIVEN_UP_AFTER = timedelta(days=GIVEN_UP_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurable:
    """An own post as the planner sees it. Times are UTC; `arm` is `None` where no arm chose it.

    `credited_at` is when its first credit was read, `corrected` whether that was corrected since, `read_on` the UTC
    date of its latest read, whatever that was for.
    """

    post_id: str
    arm: Arm | None
    posted_at: datetime
    credited_at: datetime | None = None
    corrected: bool = False
    read_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A post worth reading today: for its `credit` or its `correction`, and what that tells, in nats about its arm."""

    post_id: str
    purpose: str
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPlan:
    """The reads of today, the most telling first, and (post id, reason) for every post that is not read."""

    readings: tuple[Reading, ...]
    left_out: tuple[tuple[str, str], ...]


def plan_reads(
    posts: Sequence[Measurable], statistics: Statistics, now: datetime, *, credit_after_hours: int, reads: int
) -> ReadingPlan:
    """Choose at most `reads` posts to read at `now` (UTC), each billed once: what tells most comes first.

    Two posts that tell the same are read in the order of their posting. A budget of nothing reads nothing.
    """
    wanted: list[tuple[Reading, datetime]] = []
    left_out: list[tuple[str, str]] = []
    today = now.astimezone(UTC).date() if posts else None
    credited_after = timedelta(hours=credit_after_hours)
    for post in posts:
        purpose, reason = _purpose(post, now, today, credited_after)
        gain = _gain(statistics, post.arm, purpose, now) if post.arm and purpose else 0.0
        if not purpose:
            left_out.append((post.post_id, reason))
        elif purpose == CORRECTION and gain < LEAST_GAIN:
            left_out.append((post.post_id, "its correction can no longer change a choice"))
        else:
            wanted.append((Reading(post_id=post.post_id, purpose=purpose, gain=gain), post.posted_at))
    wanted.sort(key=lambda item: (-item[0].gain, item[1], item[0].post_id))
    ranked = [reading for reading, _ in wanted]
    made = max(reads, 0)
    left_out += [(reading.post_id, "today's reads are spent on posts that tell more") for reading in ranked[made:]]
    return ReadingPlan(readings=tuple(ranked[:made]), left_out=tuple(left_out))


def correction_at(posted_at: datetime, credited_at: datetime) -> datetime | None:
    """When a credited post is to be corrected, or `None` where its credit was old enough to stand."""
    return None if credited_at - posted_at >= _SETTLED else posted_at + _CORRECTED_AFTER


def _purpose(post: Measurable, now: datetime, today: date | None, credited_after: timedelta) -> tuple[str, str]:
    """What a post would be read for, or else why it is not read."""
    if post.arm is None:
        return "", "no arm chose it"
    if post.read_on == today:
        return "", "it was read today"
    posted_at, credited_at = post.posted_at, post.credited_at
    due_at = posted_at + credited_after if credited_at is None else correction_at(posted_at, credited_at)
    if post.corrected or due_at is None:
        return "", "its credit is final"
    if now - posted_at >= _GIVEN_UP_AFTER:
        return "", f"it is older than {GIVEN_UP_DAYS} days"
    if now < due_at:
        return "", f"it is read from {due_at.isoformat()} on"
    return (CORRECTION if post.credited_at else CREDIT), ""


def _gain(statistics: Statistics, arm: Arm, purpose: str, now: datetime) -> float:
    """How many nats a read tells about its arm: log(1 + w / (n + 1)) / 2 for an observation of weight w beside n.

    That is the entropy that a normal mean loses. The prior counts as one post; a correction weighs as much as the
    variance that it removes has in that of a post.
    """
    fixed = statistics.counters.get(arm_key(arm), (0, 0, 0, 0, 0))[1]
    n = fixed * 2.0 ** (-exponent_at(statistics, now) - WEIGHT_BITS)
    weight = 1.0 if purpose == CREDIT else LATE_CHANGE_SD**2 / 0.64
    return 0.5 * math.log1p(weight / (n + 1.0))
