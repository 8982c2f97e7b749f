"""One policy against one audience: the same noise for all, credits by the shipped reward code, late by one to three
days.
"""

from __future__ import annotations

import numpy as np

from songpost.core.learning_state import Reward
from songpost.core.reward import reward_of
from songpost.lab.benchmarks.policies import POSTS, Maker
from songpost.lab.benchmarks.worlds import Audience, Floats


def play(maker: Maker, audience: Audience, seed: int) -> Floats:
    """The expected reward of each day's chosen arms over the oracle's, an array by day."""
    policy = maker(audience, seed)
    due: dict[int, list[tuple[int, int, Reward]]] = {}
    earned = np.zeros(audience.days)
    for day in range(audience.days):
        for posted, arm, reward in due.pop(day, ()):
            policy.credit(posted, arm, reward)
        for arm in policy.choose(day):
            earned[day] += audience.expected[day, arm]
            told = reward_of(metrics_of(audience, day, arm))
            if isinstance(told, Reward):
                due.setdefault(day + int(audience.delay_days[day, arm]), []).append((day, arm, told))
    result: Floats = earned / audience.oracle(POSTS)
    return result


def metrics_of(audience: Audience, day: int, arm: int) -> dict[str, int]:
    """A post's public metrics, as X names them, once all has been counted."""
    return {
        "like_count": int(audience.likes[day, arm]),
        "reply_count": int(audience.replies[day, arm]),
        "retweet_count": int(audience.reposts[day, arm]),
        "quote_count": int(audience.quotes[day, arm]),
        "impression_count": int(audience.impressions[day, arm]),
    }


def through(fractions: Floats, day: int) -> float:
    """The score of a run: the mean fraction of the oracle's reward over all days through `day`."""
    return float(fractions[:day].mean())
