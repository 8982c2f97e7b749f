"""Credits: what each sent post earned, kept for good, and the learner's counters that are their sum.

A credit is an item of the collection `credits`, its key the id of the post. It is written by the one commit that also
moves the version of the learning document, so the counters are always the sum of the credits, bit for bit, and
`rebuilt` can make them anew: with another half-life, a newer landmark, or a newer definition of the reward.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import songpost
from songpost.agent import documents
from songpost.core import day_plan, learning_state, reward
from songpost.core.learning_state import Reward, Statistics, observe
from songpost.core.reward import NotCredited
from songpost.core.snapshot import Snapshot
from songpost.model import Action, Arm
from songpost.nouns import replace
from songpost.settings import LearningSettings
from songpost.store.port import PutItem, Store

CREDITS = "credits"
LANDMARK_HALF_LIVES = 64
"""Counters grow by a binary digit a half-life: after so many they are rebuilt on a newer landmark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A credit as it is kept. `previous` is the first reward of a post that was corrected; times are UTC.

    `code_version` is the Songpost that credited it; the reward carries the version of its own definition.
    """

    key: str
    arm: Arm
    posted_at: datetime
    reward: Reward
    credited_at: datetime
    previous: Reward | None = None
    corrected_at: datetime | None = None
    code_version: str = ""
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Credited:
    """A credit with what it makes of the counters, to be committed together."""

    statistics: Statistics
    stored: Stored
    change: PutItem


def stored_credits(store: Store, account: str, post_ids: Iterable[str] | None = None) -> dict[str, Stored]:
    """The credits of these posts (at least one), or of all, by post; strongly consistent, one range query."""
    wanted = None if post_ids is None else set(post_ids)
    # Ids are digits, so the text before the last digit of the smallest one sorts right below all that matter.
    after, until = ("", "") if wanted is None else (min(wanted)[:-1], max(wanted))
    return {
        item.key: documents.decode(CREDITS, item.body, Stored)
        for item in store.items(account, CREDITS, after=after, until=until)
        if wanted is None or item.key in wanted
    }


def credit(
    snapshot: Snapshot,
    action: Action | None,
    metrics: Mapping[str, int] | None,
    known: Stored | None,
    read_at: datetime,
) -> Credited | NotCredited:
    """What a post's metrics, read at `read_at`, do to the learner; pure. `metrics` is `None` for a post that is gone.

    With `known`, its credit, this is the one correction: only the difference is added.
    """
    if known is not None and known.corrected_at is not None:
        return NotCredited("it was credited, and corrected once", final=True)
    found = reward.credit_of(
        action,
        metrics,
        read_at,
        credit_after_hours=snapshot.settings.learning.credit_after_hours,
        previous=None if known is None else _anew(known),
    )
    if isinstance(found, NotCredited) or action is None:
        return found if isinstance(found, NotCredited) else NotCredited("the ledger knows no such post", final=True)
    if known is None:
        stored = Stored(
            key=action.key,
            arm=found.arm,
            posted_at=found.posted_at,
            reward=found.reward,
            credited_at=read_at,
            code_version=songpost.__version__,
        )
    else:
        stored = replace(known, reward=found.reward, previous=known.reward, corrected_at=read_at)
    before = counters(snapshot, read_at)
    statistics = observe(before, stored.arm, stored.reward, stored.posted_at, previous=found.previous)
    change = PutItem(CREDITS, found.post_id, documents.encode(stored), if_absent=known is None)
    return Credited(statistics=statistics, stored=stored, change=change)


def counters(snapshot: Snapshot, now: datetime) -> Statistics:
    """What the learner remembers; for a new account, what no credits sum to."""
    return snapshot.learning or rebuilt((), snapshot.settings.learning, now)


def out_of_date(statistics: Statistics | None, learning: LearningSettings, now: datetime) -> str:
    """Why the counters have to be rebuilt before anything is added to them; empty where they need not."""
    if statistics is None:
        return ""
    seconds = round(learning.half_life_days * 86_400)
    if statistics.half_life_seconds != seconds:
        return (
            f"the half-life is now {learning.half_life_days:g} days, it was {statistics.half_life_seconds / 86_400:g}"
        )
    if statistics.reward_version < learning_state.REWARD_VERSION:
        return f"the reward is now of version {learning_state.REWARD_VERSION}, it was of {statistics.reward_version}"
    half_lives = (now - statistics.landmark_at) / timedelta(seconds=statistics.half_life_seconds)
    if half_lives > LANDMARK_HALF_LIVES:
        return f"the landmark lies {half_lives:.0f} half-lives back"
    return ""


def rebuilt(known: Iterable[Stored], learning: LearningSettings, now: datetime) -> Statistics:
    """The counters that these credits sum to. Their rewards are computed anew, by the present definition."""
    half_life = timedelta(days=learning.half_life_days)
    landmark = day_plan.LANDMARK
    if (now - landmark) / half_life > LANDMARK_HALF_LIVES:
        landmark = now.replace(hour=0, minute=0, second=0, microsecond=0)
    empty = learning_state.fresh(landmark, learning.half_life_days)
    return learning_state.rebuilt(empty, ((one.arm, _anew(one), one.posted_at) for one in known))


def _anew(stored: Stored) -> Reward:
    """A credit's reward by the present definition, whichever it was credited by."""
    return reward.reward_from(stored.reward.engagements, stored.reward.impressions)
