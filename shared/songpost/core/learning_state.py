"""What the learner remembers: per arm a few whole numbers, summed so that credits arrive in any order.

Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, 2009): a credit's weight is 2^((posted_at - landmark) / half-life),
by the time of *posting*, so nothing stored ever has to be aged; only ratios of sums matter, and whoever reads them divides
by the weight of the present. Because the sums are integers, credits commute bit for bit, and a correction is the
difference of two credits. The statistics are a stored document: `encode` and `decode` of it belong to the agent's rooms.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from songpost.errors import BadInput, StoreNewer, StoreUnreadable
from songpost.model import Arm

SCHEMA_VERSION = 1
REWARD_VERSION = 1
"""Which definition of the reward the counters are sums of (see `core/reward.py`)."""

FRACTION_BITS = 20
"""Counters and rewards are fixed-point numbers with this many binary places."""

REFERENCE_RATE = 0.012
"""The rate that a log rate is relative to, engagements an impression; it only says where the prior is centred."""

LARGEST_EXPONENT = 900
"""Half-lives between landmark and posting beyond which a weight would leave the floats: rebuild with a newer landmark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What a post earned, as fixed-point integers with `FRACTION_BITS` binary places.

    `rate` is engagements per impression, winsorised; `log_rate` is its smoothed natural logarithm relative to a
    reference rate. `impressions` and `engagements` are what they were computed from.
    """

    rate: int
    log_rate: int
    impressions: int
    engagements: int
    version: int = REWARD_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The learner's memory, plain JSON. `counters` maps an arm's key to (posts, n, sum r, sum y, sum y^2).

    `posts` counts credits, undecayed. The other four are fixed-point and decayed forward from `landmark_at` (UTC) with
    `half_life_seconds`: n sums weights, r is the winsorised rate, y its logarithm relative to the reference rate.
    """

    landmark_at: datetime
    half_life_seconds: int
    counters: Mapping[str, tuple[int, int, int, int, int]] = field(default_factory=dict)
    reward_version: int = REWARD_VERSION
    schema_version: int = SCHEMA_VERSION


def fresh(landmark_at: datetime, half_life_days: float = 60.0) -> Statistics:
    """Statistics that know nothing yet. The landmark is any fixed time (UTC), best the account's first day."""
    if landmark_at.tzinfo is None:
        raise BadInput("the landmark has no time zone", where="learning", mend="give an aware datetime in UTC")
    if not (math.isfinite(half_life_days) and half_life_days > 0):
        raise BadInput(
            f"a half-life of {half_life_days} days is not positive", where="learning.half_life_days", mend="60 is usual"
        )
    return Statistics(landmark_at=landmark_at.astimezone(UTC), half_life_seconds=round(half_life_days * 86_400))


def arm_key(arm: Arm) -> str:
    """`topic|window|0` or `…|1` with media; a bar or per cent sign inside a name is percent-encoded."""
    return f"{_escaped(arm.topic)}|{_escaped(arm.window)}|{int(arm.media)}"


def arm_of(key: str) -> Arm:
    """The arm that `arm_key` wrote; `StoreUnreadable` where it did not."""
    parts = key.split("|")
    if len(parts) != 3 or parts[2] not in {"0", "1"}:
        raise StoreUnreadable(f"no arm is named {key!r}", where="learning document", mend="rebuild it from the ledger")
    topic, window = (part.replace("%7C", "|").replace("%25", "%") for part in parts[:2])
    return Arm(topic, window, media=parts[2] == "1")


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("|", "%7C")


def observe(
    statistics: Statistics, arm: Arm, reward: Reward, posted_at: datetime, previous: Reward | None = None
) -> Statistics:
    """Credit a post to its arm, or with `previous` correct a credit: only the difference is added.

    Pure and commutative: credits in any order give the same statistics, bit for bit. That a post is credited once is the
    caller's to see to (the commit that moves the learning document's version). Raises `BadInput` for a reward of another
    version than the statistics', and for a time without zone or absurdly far from the landmark.
    """
    if reward.version != statistics.reward_version or (previous and previous.version != reward.version):
        raise BadInput(
            f"a reward of version {reward.version} does not add to counters of version {statistics.reward_version}",
            where="learning",
            mend="rebuild the learning document from the ledger",
        )
    weight = _weight(statistics, posted_at)
    key = arm_key(arm)
    before = statistics.counters.get(key, (0, 0, 0, 0, 0))
    added = _contribution(weight, reward)
    taken = _contribution(weight, previous) if previous is not None else (0, 0, 0, 0, 0)
    posts, n, r, y, yy = (b + a - t for b, a, t in zip(before, added, taken, strict=True))
    counters = {**statistics.counters, key: (posts, n, r, y, yy)}
    return replace(statistics, counters=dict(sorted(counters.items())))


def rebuilt(empty: Statistics, credits: Iterable[tuple[Arm, Reward, datetime]]) -> Statistics:
    """All credits replayed onto `empty`: what a change of half-life, landmark or reward version calls for."""
    for arm, reward, posted_at in credits:
        empty = observe(empty, arm, reward, posted_at)
    return empty


def _weight(statistics: Statistics, posted_at: datetime) -> int:
    """The fixed-point weight of a post. 2^fraction is rounded to 20 places before it is shifted, the same everywhere."""
    exponent = exponent_at(statistics, posted_at)
    whole = math.floor(exponent)
    mantissa = round(2.0 ** (exponent - whole) * (1 << FRACTION_BITS))
    return mantissa << whole if whole >= 0 else mantissa >> min(-whole, 2 * FRACTION_BITS)


def exponent_at(statistics: Statistics, at: datetime) -> float:
    """How many half-lives lie between the landmark and `at`. Raises `BadInput` beyond `LARGEST_EXPONENT`."""
    if at.tzinfo is None:
        raise BadInput("a time without zone", where="learning", mend="give an aware datetime in UTC")
    exponent = (at - statistics.landmark_at) / timedelta(seconds=statistics.half_life_seconds)
    if exponent > LARGEST_EXPONENT:
        raise BadInput(
            f"{at.isoformat()} is {exponent:.0f} half-lives after the landmark",
            where="learning",
            mend="rebuild the learning document with a newer landmark",
        )
    return exponent


def _contribution(weight: int, reward: Reward) -> tuple[int, int, int, int, int]:
    return (
        1,
        weight,
        (weight * reward.rate) >> FRACTION_BITS,
        (weight * reward.log_rate) >> FRACTION_BITS,
        (weight * reward.log_rate * reward.log_rate) >> (2 * FRACTION_BITS),
    )


def checked(statistics: Statistics) -> Statistics:
    """The same statistics, if they can be believed.

    Raises `StoreNewer` for a schema of a newer Songpost, and `StoreUnreadable` for counters that no credits could have
    summed to: not whole, negative, or with a negative variance.
    """
    if statistics.schema_version > SCHEMA_VERSION or statistics.reward_version > REWARD_VERSION:
        raise StoreNewer(
            f"schema {statistics.schema_version}, reward {statistics.reward_version}; "
            f"this Songpost knows {SCHEMA_VERSION} and {REWARD_VERSION}",
            where="learning document",
            mend="update Songpost",
        )
    if statistics.half_life_seconds <= 0:
        raise _unreadable("a half-life that is not positive")
    for key, counters in statistics.counters.items():
        arm_of(key)
        if len(counters) != 5 or any(type(number) is not int for number in counters):
            raise _unreadable(f"counters of {key} that are not five whole numbers")
        posts, n, r, y, yy = counters
        # Each of the sums was rounded down once a credit, so they are off by less than `posts`.
        if (
            posts < 0
            or n < 0
            or r < 0
            or yy < 0
            or r > n
            or y * y > (n + posts) * (yy + posts) + posts * (2 * abs(y) + posts)
        ):
            raise _unreadable(f"counters of {key} that no posts can have summed to: {counters}")
    return statistics


def _unreadable(what: str) -> StoreUnreadable:
    return StoreUnreadable(what, where="learning document", mend="rebuild it from the ledger's posts")


def digest(statistics: Statistics) -> str:
    """Sixteen hex digits of SHA-256 over all that a choice depends on: what a decision stores in place of the counters."""
    canonical = json.dumps(
        [
            statistics.schema_version,
            statistics.reward_version,
            statistics.landmark_at.isoformat(),
            statistics.half_life_seconds,
            sorted((key, *counters) for key, counters in statistics.counters.items()),
        ],
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
