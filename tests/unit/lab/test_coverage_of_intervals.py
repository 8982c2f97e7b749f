"""The 95 % intervals of `evaluate` on simulated worlds whose truth is known: they cover as often as they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from songpost.lab.off_policy import Estimate, Logged, doubly_robust, ips, snips

SEEDS, CHOICES, ARMS, FLOOR = 200, 250, 9, 0.1
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """200 logs of a learner that adapts as it goes; arrays by (choice, seed), or by (choice, seed, arm)."""

    propensities: Numbers
    chosen: NDArray[np.int64]
    rewards: Numbers
    means: Numbers
    modelled: Numbers


@cache
def played(*, drift: float) -> Played:
    """A learner that prefers what has earned most, on rates that stay or wander, with heavy-tailed rewards."""
    draws = np.random.default_rng(20261122)
    rates = np.log(0.012) + draws.normal(0, 0.5, (SEEDS, ARMS))
    counts, sums = np.zeros((SEEDS, ARMS)), np.zeros((SEEDS, ARMS))
    seeds = np.arange(SEEDS)
    rows: list[tuple[Numbers, NDArray[np.int64], Numbers, Numbers, Numbers]] = []
    for _ in range(CHOICES):
        rates = rates + draws.normal(0, drift, rates.shape)
        modelled = (sums + 3 * 0.012) / (counts + 3)
        wishes = np.exp(3 * np.log(modelled / 0.012))
        probabilities = FLOOR / ARMS + (1 - FLOOR) * wishes / wishes.sum(axis=1, keepdims=True)
        uniform = draws.random((SEEDS, 1))
        chosen = np.minimum((probabilities.cumsum(axis=1) < uniform).sum(axis=1), ARMS - 1)
        rewards = np.exp(rates[seeds, chosen] + draws.normal(0, 0.8, SEEDS) - 0.32)
        rows.append((probabilities, chosen, rewards, np.exp(rates), modelled))
        counts[seeds, chosen] += 1
        sums[seeds, chosen] += rewards
    return Played(*(np.stack(part) for part in zip(*rows, strict=True)))


def target_of(world: Played, policy: str) -> Numbers:
    """The other policy's probabilities by (choice, seed, arm), from what was known at each choice."""
    if policy == "uniform":
        return np.full_like(world.propensities, 1 / ARMS)
    if policy == "file":
        weights = np.arange(1.0, ARMS + 1)
        return np.broadcast_to(weights / weights.sum(), world.propensities.shape)
    return np.asarray(np.eye(ARMS)[world.modelled.argmax(axis=2)])


def coverage(world: Played, policy: str, estimate: Callable[[list[Logged]], Estimate]) -> float:
    """How often the interval holds the true value of the policy in the contexts that the log met."""
    target = target_of(world, policy)
    places = np.ix_(np.arange(CHOICES), np.arange(SEEDS)) + (world.chosen,)  # noqa: RUF005 - an index is a tuple
    truths = (target * world.means).sum(axis=2).mean(axis=0)
    columns = [world.propensities[places], target[places], world.rewards, world.modelled[places]]
    columns.append((target * world.modelled).sum(axis=2))
    covered = 0
    for seed in range(SEEDS):
        log = [
            Logged(propensity=p, target=t, reward=r, modelled=m, modelled_policy=v)
            for p, t, r, m, v in zip(*(column[:, seed].tolist() for column in columns), strict=True)
        ]
        found = estimate(log)
        covered += found.low <= truths[seed] <= found.high
    return covered / SEEDS


@pytest.mark.parametrize("drift", [0.0, 0.03])
@pytest.mark.parametrize("policy", ["uniform", "greedy", "file"])
@pytest.mark.parametrize("estimate", [ips, snips, doubly_robust])
def test_intervals_cover_the_truth(estimate: Callable[[list[Logged]], Estimate], policy: str, drift: float) -> None:
    """Between 90 % and 99 % of 200 intervals hold the policy's true value, the log being an adaptive learner's."""
    assert 0.90 <= coverage(played(drift=drift), policy, estimate) <= 0.99
