"""What the measurement planner saves: `python -m songpost.lab.benchmarks.reading`, with the extra `bench` installed.

The same audiences are played twice with the shipped policy. One reader reads every post of the last week daily and
corrects its credit each time; the other reads what `core/measurement.py` plans. Both see counts grow with a post's
age. Prints dollars a month for each, and the paired difference in reward.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from songpost.core import bandit
from songpost.core.learning_state import Reward
from songpost.core.measurement import Measurable, plan_reads
from songpost.core.reward import reward_of
from songpost.lab.benchmarks.learning import Z95, interval
from songpost.lab.benchmarks.play import metrics_of
from songpost.lab.benchmarks.policies import POSTS, START_AT, Songpost
from songpost.lab.benchmarks.worlds import WORLDS, Audience, draw_audience

OWNED_READ_DOLLARS = 0.001
"""One post of the own timeline, where the account owns the app (X's price list, read in November 2026)."""

WEEK_DAYS, MONTH_DAYS = 7, 365 / 12
FIRST_SEED = 200_000
LATE_SHARE = 0.05
"""The part of a post's counts that comes after its first day; it halves with each further day."""


@dataclass(frozen=True, slots=True)
class Post:
    """A simulated post: what the planner knows of it, where its outcome lies, and what it was credited with."""

    known: Measurable
    day: int
    arm: int
    credited: Reward | None = None


Reader = Callable[[list[Post], Songpost, datetime], list[str]]


def everything(posts: list[Post], policy: Songpost, now: datetime) -> list[str]:  # noqa: ARG001 - it plans nothing
    """Every post of the last week, daily, from its first day on."""
    return [post.known.post_id for post in posts if 1 <= (now - post.known.posted_at).days <= WEEK_DAYS]


def planned(posts: list[Post], policy: Songpost, now: datetime) -> list[str]:
    """What the planner says, with the usual age of credit and no ceiling."""
    known = [post.known for post in posts]
    plan = plan_reads(known, policy.statistics, now, credit_after_hours=48, reads=len(known))
    return [reading.post_id for reading in plan.readings]


def play(audience: Audience, seed: int, reader: Reader) -> tuple[float, float]:
    """The fraction of the oracle's reward over all days, and dollars of reads a month."""
    policy = Songpost(audience, seed)
    posts: dict[str, Post] = {}
    earned, reads = np.zeros(audience.days), 0
    for day in range(audience.days):
        now = START_AT + timedelta(days=day)
        for post_id in reader(list(posts.values()), policy, now):
            reads += 1
            posts[post_id] = _read(posts[post_id], audience, policy, now)
        for arm in policy.choose(day):
            known = Measurable(post_id=f"{day}/{arm}", arm=policy.named[arm], posted_at=now)
            posts[known.post_id] = Post(known, day, arm)
            earned[day] += audience.expected[day, arm]
        posts = {key: post for key, post in posts.items() if day - post.day <= WEEK_DAYS}
    return float((earned / audience.oracle(POSTS)).mean()), reads * OWNED_READ_DOLLARS / audience.days * MONTH_DAYS


def _read(post: Post, audience: Audience, policy: Songpost, now: datetime) -> Post:
    """Read a post: credit it, or correct what it was credited with."""
    age = (now - post.known.posted_at).days
    share = 1 - LATE_SHARE / 2 ** (age - 1)
    reward = reward_of({name: round(count * share) for name, count in metrics_of(audience, post.day, post.arm).items()})
    known = replace(post.known, read_on=now.date())
    if not isinstance(reward, Reward):
        return replace(post, known=known)
    arm = policy.named[post.arm]
    policy.statistics = bandit.observe(policy.statistics, arm, reward, post.known.posted_at, post.credited)
    known = replace(known, credited_at=known.credited_at or now, corrected=known.credited_at is not None)
    return replace(post, known=known, credited=reward)


def main(arguments: list[str] | None = None) -> int:
    """Play, print a line a world; exit code 1 where the planner's reward is below the other's interval."""
    parser = argparse.ArgumentParser(prog="python -m songpost.lab.benchmarks.reading", description=__doc__)
    parser.add_argument("--audiences", type=int, default=20)
    parser.add_argument("--worlds", nargs="*", choices=WORLDS, default=["standard", "drift"])
    chosen = parser.parse_args(arguments)
    good = True
    for world in chosen.worlds:
        audiences = [draw_audience(WORLDS[world], FIRST_SEED + seed) for seed in range(chosen.audiences)]
        all_of, some_of = (
            [play(audience, seed, reader) for seed, audience in enumerate(audiences)]
            for reader in (everything, planned)
        )
        (mean_all, _), (mean_some, _) = interval([x for x, _ in all_of]), interval([x for x, _ in some_of])
        lead, half = interval([b - a for (a, _), (b, _) in zip(all_of, some_of, strict=True)])
        good = good and lead + half >= 0
        sys.stdout.write(
            f"{world}: everything daily {mean_all:.3f} at ${all_of[0][1]:.3f} a month, "
            f"planned {mean_some:.3f} at ${some_of[0][1]:.3f}; paired difference {lead:+.3f} ± {half:.3f} "
            f"({chosen.audiences} audiences, {Z95} standard errors)\n"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
