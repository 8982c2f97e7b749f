"""What the learner remembers: per arm a few whole numbers, summed so that credits arrive in any order.

Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, 2009): a credit's weight is 2^((posted_at - landmark) /
half-life), by the time of *posting*, so nothing stored ever has to be aged; only ratios of sums matter, and whoever
reads them divides by the weight of the present. Because the sums are integers, credits commute bit for bit, and a
correction is the difference of two credits. Beside the sums over all posts stand those of the last one to two epochs:
from both together the posterior tells what an audience liked from what it likes now. The statistics are a stored
document.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import add, sub

from songpost import account_documents
from songpost.errors import BadInput, StoreNewer, StoreUnreadable
from songpost.model import Arm
from songpost.nouns import dataclass, replace

SCHEMA_VERSION = 1
REWARD_VERSION = 1
"""Which definition of the reward the counters are sums of (see `core/reward.py`)."""

FRACTION_BITS = account_documents.RATE_BITS
"""Rewards, and the sums of rates, are fixed-point numbers with this many binary places."""

WEIGHT_BITS = account_documents.WEIGHT_BITS
"""Weights, and the sums of weights, log rates and their squares, have this many."""

EPOCH = timedelta(days=15)
"""A post is recent in the epoch in which it was posted and in the next; epochs are counted from the landmark."""

HALF_LIFE_DAYS = 120.0
"""The usual half-life of what a post tells (docs/learning.md)."""

REFERENCE_RATE = 0.012
"""The rate that a log rate is relative to, engagements an impression; it only says where the prior is centred."""

LARGEST_EXPONENT = 900
"""Half-lives between landmark and posting beyond which a weight would leave the floats: rebuild with a newer landmark.
"""


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
    An arm with posts in `epoch`, the newest that a credit's post fell into, or in the one before, has four more:
    (n, sum y) of the one before and (n, sum y) of the newest.
    """

    landmark_at: datetime
    half_life_seconds: int
    counters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    epoch: int = 0
    reward_version: int = REWARD_VERSION
    schema_version: int = SCHEMA_VERSION


def fresh(landmark_at: datetime, half_life_days: float = HALF_LIFE_DAYS) -> Statistics:
    """Statistics that know nothing yet. The landmark is any fixed time (UTC), best the account's first day."""
    if landmark_at.tzinfo is None:
        raise BadInput("the landmark has no time zone", where="learning", mend="give an aware datetime in UTC")
    if not (math.isfinite(half_life_days) and half_life_days > 0):
        raise BadInput(
            f"a half-life of {half_life_days} days is not positive",
            where="learning.half_life_days",
            mend="120 is usual",
        )
    return Statistics(landmark_at=landmark_at.astimezone(UTC), half_life_seconds=round(half_life_days * 86_400))


def believable(statistics: Statistics, at: datetime) -> Statistics:
    """The statistics as they tell of `at` (UTC); where their landmark lies too far back, nothing of them is left."""
    if (at - statistics.landmark_at) / timedelta(seconds=statistics.half_life_seconds) <= LARGEST_EXPONENT:
        return statistics
    landmark_at = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return replace(statistics, landmark_at=landmark_at, counters={}, epoch=0)


def arm_key(arm: Arm) -> str:
    """`topic|window|0` or `…|1` with media; a bar or per cent sign inside a name is percent-encoded."""
    return f"{_escaped(arm.topic)}|{_escaped(arm.window)}|{'1' if arm.media else '0'}"


def arm_of(key: str) -> Arm:
    """The arm that `arm_key` wrote; `StoreUnreadable` where it did not."""
    parts = key.split("|")
    if len(parts) != 3 or parts[2] not in {"0", "1"}:
        raise StoreUnreadable(f"no arm is named {key!r}", where="learning document", mend="rebuild it from the ledger")
    topic, window, media = parts
    return Arm(_plain(topic), _plain(window), media=media == "1")


@lru_cache(maxsize=1024)
def _escaped(name: str) -> str:
    """A name without bars. A plan writes the keys of the same few topics and windows thousands of times."""
    return name.replace("%", "%25").replace("|", "%7C")


@lru_cache(maxsize=1024)
def _plain(escaped: str) -> str:
    """What `_escaped` was given."""
    return escaped.replace("%7C", "|").replace("%25", "%")


def observe(
    statistics: Statistics, arm: Arm, reward: Reward, posted_at: datetime, previous: Reward | None = None
) -> Statistics:
    """Credit a post to its arm, or with `previous` correct a credit: only the difference is added.

    Pure and commutative: credits in any order give the same statistics, bit for bit. That a post is credited once is
    the caller's to see to (the commit that moves the learning document's version). Raises `BadInput` for a reward of
    another version than the statistics', and for a time without zone or absurdly far from the landmark.
    """
    if reward.version != statistics.reward_version or (previous and previous.version != reward.version):
        raise BadInput(
            f"a reward of version {reward.version} does not add to counters of version {statistics.reward_version}",
            where="learning",
            mend="rebuild the learning document from the ledger",
        )
    weight = _weight(statistics, posted_at)
    added = _contribution(weight, reward)
    if previous is not None:
        added = tuple(map(sub, added, _contribution(weight, previous)))
    epoch = epoch_at(statistics, posted_at)
    newest = max(statistics.epoch, epoch)
    counters = aged(statistics.counters, newest - statistics.epoch)
    key = arm_key(arm)
    sums = counters.get(key, (0, 0, 0, 0, 0))
    recent = sums[5:] or (0, 0, 0, 0)
    n, y = added[1], added[3]
    if epoch == newest:
        recent = tuple(map(add, recent, (0, 0, n, y)))
    elif epoch == newest - 1:
        recent = tuple(map(add, recent, (n, y, 0, 0)))
    counters[key] = tuple(map(add, sums[:5], added)) + (recent if any(recent) else ())
    return replace(statistics, counters=dict(sorted(counters.items())), epoch=newest)


def epoch_at(statistics: Statistics, at: datetime) -> int:
    """The number of the epoch that `at` falls into."""
    return (at - statistics.landmark_at) // EPOCH


def aged(counters: Mapping[str, tuple[int, ...]], epochs: int) -> dict[str, tuple[int, ...]]:
    """The counters as they are `epochs` epochs later: the newest becomes the one before, what was before is forgotten.

    It is forgotten whichever credit comes first, so the order of credits does not matter.
    """
    if epochs <= 0:
        return dict(counters)
    moved = {}
    for key, sums in counters.items():
        kept = (*sums[7:], 0, 0) if epochs == 1 else ()
        moved[key] = sums[:5] + (kept if any(kept) else ())
    return moved


def rebuilt(empty: Statistics, credited: Iterable[tuple[Arm, Reward, datetime]]) -> Statistics:
    """All credits replayed onto `empty`: what a change of half-life, landmark or reward version calls for."""
    for arm, reward, posted_at in credited:
        empty = observe(empty, arm, reward, posted_at)
    return empty


def _weight(statistics: Statistics, posted_at: datetime) -> int:
    """The fixed-point weight of a post. 2^fraction is rounded before it is shifted, so it is the same everywhere."""
    exponent = exponent_at(statistics, posted_at)
    whole = math.floor(exponent)
    mantissa = round(math.pow(2.0, exponent - whole) * (1 << WEIGHT_BITS))
    return mantissa << whole if whole >= 0 else mantissa >> min(-whole, 2 * WEIGHT_BITS)


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


def _contribution(weight: int, reward: Reward) -> tuple[int, ...]:
    return (
        1,
        weight,
        (weight * reward.rate) >> WEIGHT_BITS,
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
        if not _whole(counters):
            raise _unreadable(f"counters of {key} that are not five or nine whole numbers")
        if not _possible(*counters[:5]):
            raise _unreadable(f"counters of {key} that no posts can have summed to: {counters}")
        if len(counters) == 9 and not (min(counters[5], counters[7]) >= 0 <= counters[1] - counters[5] - counters[7]):
            raise _unreadable(f"recent sums of {key} that are not a part of all: {counters}")
    return statistics


def _whole(numbers: Sequence[object]) -> bool:
    """Whether these are integers, five or nine; a float or a truth value in a document is a document gone wrong."""
    return len(numbers) in {5, 9} and not [number for number in numbers if type(number) is not int]


def _possible(posts: int, n: int, r: int, y: int, yy: int) -> bool:
    """Whether credits can have summed to these: nothing negative, no rate above 1, no negative variance.

    Each sum was rounded down once a credit and may be off by `posts`, more after corrections.
    """
    slack = 4 * posts
    positive = min(posts, n, r + slack, yy + slack) >= 0
    return (
        positive
        and (r - slack) >> (FRACTION_BITS - WEIGHT_BITS) <= n
        and y * y <= (n + slack) * (yy + slack) + slack * (2 * abs(y) + slack)
    )


def _unreadable(what: str) -> StoreUnreadable:
    return StoreUnreadable(what, where="learning document", mend="rebuild it from the ledger's posts")


def digest(statistics: Statistics) -> str:
    """Sixteen hex digits of SHA-256 over the statistics: what a decision stores in place of the counters."""
    canonical = json.dumps(
        [
            statistics.schema_version,
            statistics.reward_version,
            statistics.landmark_at.isoformat(),
            statistics.half_life_seconds,
            statistics.epoch,
            sorted((key, *counters) for key, counters in statistics.counters.items()),
        ],
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
