"""What a post earned, from the numbers that X tells: the reward, when it is credited, and why sometimes it is not.
Pure.

The reward is a rate, engagements an impression: raw engagement follows reach, which the arm does not make, and
impressions taken as trials break on heavy tails (docs/learning.md). Engagements are weighted by what they cost a
reader.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from songpost.core.learning_state import FRACTION_BITS, REFERENCE_RATE, REWARD_VERSION, Reward
from songpost.errors import quote
from songpost.model import ORIGINALS, Action, Arm
from songpost.nouns import dataclass

WEIGHTS: Mapping[str, int] = {"like_count": 1, "reply_count": 2, "retweet_count": 2, "quote_count": 1}
"""Points of each public count of X's `public_metrics`; `repost_count`, its newer name, stands for `retweet_count`."""

LEAST_IMPRESSIONS = 20
HIGHEST_RATE = 0.2
"""Rates are winsorised here: one joke that everybody liked must not own its arm."""
LARGEST_COUNT = 10**12
"""No post is shown more often than this: a larger number is a mistake."""
LOWEST_LOG = -4.0
"""The smoothed log rate, relative to the reference, never goes below this: a million impressions without a like say no
more.
"""


@dataclass(frozen=True, slots=True)
class NotCredited:
    """Why a post gives no reward (now); `final` where waiting does not help."""

    reason: str
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What `observe` is to be called with for a post, and the reward that it had been credited with before, if any."""

    post_id: str
    arm: Arm
    posted_at: datetime
    reward: Reward
    previous: Reward | None = None


def reward_of(public: Mapping[str, int], non_public: Mapping[str, int] | None = None) -> Reward | NotCredited:
    """The reward of a post from X's `public_metrics`, with `non_public_metrics` where the account may see them.

    Non-public numbers only fill in impressions that the public ones miss: points for clicks would make posts with and
    without them incomparable. No impressions, or fewer than 20, or numbers that cannot be: no reward, with the reason.
    """
    shown = [metrics["impression_count"] for metrics in (public, non_public or {}) if "impression_count" in metrics]
    counts = {name: public.get(name, 0) for name in WEIGHTS}
    if "retweet_count" not in public:
        counts["retweet_count"] = public.get("repost_count", 0)
    if any(type(number) is not int or not 0 <= number <= LARGEST_COUNT for number in (*counts.values(), *shown)):
        return NotCredited(f"metrics that are no counts: {quote(dict(public))}")
    impressions = max(shown, default=0)
    if impressions < LEAST_IMPRESSIONS:
        return NotCredited(f"{impressions} impressions are fewer than {LEAST_IMPRESSIONS}: the rate says nothing")
    return reward_from(sum(WEIGHTS[name] * count for name, count in counts.items()), impressions)


def reward_from(engagements: int, impressions: int) -> Reward:
    """The reward of weighted engagements on impressions (both non-negative, impressions positive).

    y = log((e + 1/2) / (n + 1/(2 r0))) - log r0 is the posterior mode's logarithm of a rate whose prior is worth half
    an engagement at the reference rate r0; it is finite without engagements.
    """
    counted = min(float(engagements), HIGHEST_RATE * impressions)
    log_rate = math.log((counted + 0.5) / (impressions + 0.5 / REFERENCE_RATE)) - math.log(REFERENCE_RATE)
    return Reward(
        rate=round(counted / impressions * (1 << FRACTION_BITS)),
        log_rate=round(max(log_rate, LOWEST_LOG) * (1 << FRACTION_BITS)),
        impressions=impressions,
        engagements=engagements,
        version=REWARD_VERSION,
    )


def credit_of(
    action: Action | None,
    public: Mapping[str, int] | None,
    now: datetime,
    *,
    credit_after_hours: int,
    non_public: Mapping[str, int] | None = None,
    previous: Reward | None = None,
) -> Credit | NotCredited:
    """What a post's metrics, read at `now` (UTC), add to the learner; `public` is `None` for a post that X no longer
    has.

    Only own posts that the ledger knows as sent and that an arm chose are credited, once they are `credit_after_hours`
    old. With `previous`, what it was credited with, this is the correction; one that changes nothing is not credited.
    """
    subject = _subject(action, public)
    if isinstance(subject, NotCredited):
        return subject
    post_id, arm, posted_at, metrics = subject
    due_at = posted_at + timedelta(hours=credit_after_hours)
    if now < due_at:
        return NotCredited(f"it is credited from {due_at.isoformat()} on")
    reward = reward_of(metrics, non_public)
    if isinstance(reward, NotCredited):
        return reward
    if previous is not None and (previous.rate, previous.log_rate) == (reward.rate, reward.log_rate):
        return NotCredited("nothing has changed since its credit", final=True)
    return Credit(post_id=post_id, arm=arm, posted_at=posted_at, reward=reward, previous=previous)


def _subject(
    action: Action | None, public: Mapping[str, int] | None
) -> tuple[str, Arm, datetime, Mapping[str, int]] | NotCredited:
    """What a credit is about: post id, arm, time of posting and metrics; or why there is none."""
    if action is None:
        return NotCredited("the ledger knows no such post", final=True)
    if action.kind not in ORIGINALS:
        return NotCredited(f"a {action.kind.value} is no post of ours to learn from", final=True)
    if action.arm is None:
        return NotCredited("no arm chose it: a person wrote or pinned it", final=True)
    if action.posted_at is None or not action.post_id:  # of a thread the first post counts, whatever became of the rest
        return NotCredited(f"it is {action.state.value}, not sent")
    if public is None:
        return NotCredited("the post is deleted", final=True)
    return action.post_id, action.arm, action.posted_at, public
