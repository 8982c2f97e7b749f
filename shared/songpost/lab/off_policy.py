"""What another policy would have earned, from the logs of this one: IPS, SNIPS and doubly robust estimates.

A logged choice carries the probability with which it was made (its propensity). Weighing rewards by how much likelier
the other policy would have made the same choice gives an unbiased value, as long as the logging policy could have
chosen whatever the other one would (an exploration floor sees to that). Standard library only; intervals are normal,
at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from songpost.errors import BadInput

Z95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One logged choice: the probability with which it was made, that which the other policy gives it, and its reward.

    For the doubly robust estimate also what a model of the reward expects of the choice (`modelled`) and of the other
    policy's whole distribution at that time (`modelled_policy`).
    """

    propensity: float
    target: float
    reward: float
    modelled: float = 0.0
    modelled_policy: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A policy's value a choice, its 95 % interval, and on how many choices it rests.

    `effective` is Kish's effective sample size of the weights; `unsupported` counts choices logged without a
    propensity, left out.
    """

    method: str
    value: float
    low: float
    high: float
    choices: int
    effective: float
    unsupported: int = 0


def ips(log: Iterable[Logged]) -> Estimate:
    """Inverse propensity score (Horvitz and Thompson 1952): the mean of w r, w = target / propensity. Unbiased."""
    rows, unsupported = _supported(log)
    weights = [row.target / row.propensity for row in rows]
    return _mean("IPS", [w * row.reward for w, row in zip(weights, rows, strict=True)], weights, unsupported)


def snips(log: Iterable[Logged]) -> Estimate:
    """Self-normalised IPS (Swaminathan and Joachims 2015): sum w r / sum w; the interval is by the delta method.

    `BadInput` if the other policy would have made none of the logged choices.
    """
    rows, unsupported = _supported(log)
    weights = [row.target / row.propensity for row in rows]
    total = math.fsum(weights)
    if total <= 0.0:
        raise BadInput(
            "the other policy would have made none of the logged choices",
            where="evaluate",
            mend="log with an exploration floor, or compare a policy nearer to the logged one",
        )
    value = math.fsum(w * row.reward for w, row in zip(weights, rows, strict=True)) / total
    squares = math.fsum((w * (row.reward - value)) ** 2 for w, row in zip(weights, rows, strict=True))
    half = Z95 * math.sqrt(squares) / total
    return Estimate(
        method="SNIPS",
        value=value,
        low=value - half,
        high=value + half,
        choices=len(rows),
        effective=_effective(weights),
        unsupported=unsupported,
    )


def doubly_robust(log: Iterable[Logged]) -> Estimate:
    """Doubly robust (Dudík, Langford and Li 2011): the model's value of the policy, its errors weighed as by IPS.

    Right if either the propensities or the model are; narrower than IPS where the model is any good.
    """
    rows, unsupported = _supported(log)
    weights = [row.target / row.propensity for row in rows]
    terms = [row.modelled_policy + w * (row.reward - row.modelled) for w, row in zip(weights, rows, strict=True)]
    return _mean("DR", terms, weights, unsupported)


def expected(probabilities: Mapping[str, float], modelled: Mapping[str, float]) -> float:
    """What a model of the reward (by arm) expects of a policy's distribution over arms."""
    return math.fsum(probability * modelled.get(arm, 0.0) for arm, probability in probabilities.items())


def _supported(log: Iterable[Logged]) -> tuple[list[Logged], int]:
    """The rows that can be weighed, and how many cannot; `BadInput` for what is no probability or reward."""
    rows: list[Logged] = []
    unsupported = 0
    for row in log:
        numbers = (row.propensity, row.target, row.reward, row.modelled, row.modelled_policy)
        if not all(math.isfinite(number) for number in numbers) or not (
            0 <= row.propensity <= 1 and 0 <= row.target <= 1
        ):
            raise BadInput(f"a logged choice that cannot be: {row}", where="evaluate", mend="leave it out of the log")
        if row.propensity > 0.0:
            rows.append(row)
        else:
            unsupported += 1
    if not rows:
        raise BadInput(
            "no logged choice has a propensity", where="evaluate", mend="evaluate once decisions have been credited"
        )
    return rows, unsupported


def _mean(method: str, terms: Sequence[float], weights: Sequence[float], unsupported: int) -> Estimate:
    count = len(terms)
    value = math.fsum(terms) / count
    variance = math.fsum((term - value) ** 2 for term in terms) / (count - 1) if count > 1 else math.inf
    half = Z95 * math.sqrt(variance / count)
    return Estimate(
        method=method,
        value=value,
        low=value - half,
        high=value + half,
        choices=count,
        effective=_effective(weights),
        unsupported=unsupported,
    )


def _effective(weights: Sequence[float]) -> float:
    """Kish 1965: (sum w)^2 / sum w^2; 0 where all weights are 0."""
    squares = math.fsum(w * w for w in weights)
    return math.fsum(weights) ** 2 / squares if squares else 0.0
