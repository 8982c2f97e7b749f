"""What another policy would have earned, from the logs of this one: IPS, SNIPS and doubly robust estimates.

A logged choice carries the probability with which it was made (its propensity). Weighing rewards by how much likelier
the other policy would have made the same choice gives an unbiased value, as long as the logging policy could have
chosen whatever the other one would (an exploration floor sees to that). Standard library only; intervals are
Student's, at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from songpost.errors import BadInput

Z95 = 1.959964
LEAST_FREEDOM = 4.0
"""Below so many degrees of freedom the expansion of `student` does not hold; such a log is warned of."""


def student(freedom: float) -> float:
    """The 97.5 % quantile of Student's distribution with at least 4 degrees of freedom, within 0.5 %.

    Three terms of its expansion about the normal one (Abramowitz and Stegun 26.7.5).
    """
    z = Z95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


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
    propensity, left out. `clipped` counts weights that were cut, `heaviest` is the largest one's part of their sum.
    """

    method: str
    value: float
    low: float
    high: float
    choices: int
    effective: float
    unsupported: int = 0
    clipped: int = 0
    heaviest: float = 0.0


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Rows with their weights, cut at most once, and how many rows could not be weighed."""

    rows: list[Logged]
    weights: list[float]
    unsupported: int
    clipped: int


def ips(log: Iterable[Logged], most_weight: float = math.inf) -> Estimate:
    """Inverse propensity score (Horvitz and Thompson 1952): the mean of w r, w = target / propensity. Unbiased.

    Weights above `most_weight` are cut there (Ionides 2008): less variance, but a value that is too low.
    """
    found = _weighed(log, most_weight)
    return _mean("IPS", [w * row.reward for w, row in zip(found.weights, found.rows, strict=True)], found)


def snips(log: Iterable[Logged], most_weight: float = math.inf) -> Estimate:
    """Self-normalised IPS (Swaminathan and Joachims 2015): sum w r / sum w; the interval is by the delta method.

    `BadInput` if the other policy would have made none of the logged choices.
    """
    found = _weighed(log, most_weight)
    total = math.fsum(found.weights)
    if total <= 0.0:
        raise BadInput(
            "the other policy would have made none of the logged choices",
            where="evaluate",
            mend="log with an exploration floor, or compare a policy nearer to the logged one",
        )
    value = math.fsum(w * row.reward for w, row in zip(found.weights, found.rows, strict=True)) / total
    mean = total / len(found.rows)
    deviations = [w * (row.reward - value) / mean for w, row in zip(found.weights, found.rows, strict=True)]
    return _estimate("SNIPS", value, deviations, found)


def doubly_robust(log: Iterable[Logged], most_weight: float = math.inf) -> Estimate:
    """Doubly robust (Dudík, Langford and Li 2011): the model's value of the policy, its errors weighed as by IPS.

    Right if either the propensities or the model are; narrower than IPS where the model is any good.
    """
    found = _weighed(log, most_weight)
    return _mean("DR", _robust_terms(found), found)


def gain(log: Iterable[Logged], most_weight: float = math.inf) -> Estimate:
    """What the other policy would have earned more a choice than was earned: doubly robust, choice by choice.

    Paired, so its interval is narrower than the difference of two: what both have in common is in neither.
    """
    found = _weighed(log, most_weight)
    terms = [term - row.reward for term, row in zip(_robust_terms(found), found.rows, strict=True)]
    return _mean("DR gain", terms, found)


def _robust_terms(found: _Weighed) -> list[float]:
    pairs = zip(found.weights, found.rows, strict=True)
    return [row.modelled_policy + w * (row.reward - row.modelled) for w, row in pairs]


def expected(probabilities: Mapping[str, float], modelled: Mapping[str, float]) -> float:
    """What a model of the reward (by arm) expects of a policy's distribution over arms."""
    return math.fsum(probability * modelled.get(arm, 0.0) for arm, probability in probabilities.items())


def _weighed(log: Iterable[Logged], most_weight: float) -> _Weighed:
    """Weigh the rows that can be weighed; `BadInput` for what is no probability or reward."""
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
    whole = [row.target / row.propensity for row in rows]
    weights = [min(weight, most_weight) for weight in whole]
    return _Weighed(rows, weights, unsupported, sum(weight > most_weight for weight in whole))


def _mean(method: str, terms: Sequence[float], found: _Weighed) -> Estimate:
    value = math.fsum(terms) / len(terms)
    return _estimate(method, value, [term - value for term in terms], found)


def _estimate(method: str, value: float, deviations: Sequence[float], found: _Weighed) -> Estimate:
    """The interval of a mean of such deviations: Student's, by as many degrees of freedom as the variance really has.

    Rewards and weights have heavy tails, so their variance is known from few of them: 2 n / (kurtosis - 1), as
    Satterthwaite (1946) counts them; n where deviations are normal.
    """
    count = len(deviations)
    squares = math.fsum(one * one for one in deviations)
    half = math.inf if count < 2 else 0.0
    if count > 1 and squares > 0.0:
        kurtosis = count * math.fsum(one**4 for one in deviations) / squares**2
        freedom = max(min(2 * count / max(kurtosis - 1, 2.0), count - 1), LEAST_FREEDOM)
        half = student(freedom) * math.sqrt(squares / (count - 1) / count)
    total = math.fsum(found.weights)
    return Estimate(
        method=method,
        value=value,
        low=value - half,
        high=value + half,
        choices=len(found.rows),
        effective=_effective(found.weights),
        unsupported=found.unsupported,
        clipped=found.clipped,
        heaviest=max(found.weights) / total if total else 0.0,
    )


def _effective(weights: Sequence[float]) -> float:
    """Kish 1965: (sum w)^2 / sum w^2; 0 where all weights are 0."""
    squares = math.fsum(w * w for w in weights)
    return math.fsum(weights) ** 2 / squares if squares else 0.0
