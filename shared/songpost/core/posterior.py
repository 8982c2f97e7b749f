"""What the learner believes: a hierarchical log-normal model of an arm's rate, averaged over priors by their evidence.

A post's y (its smoothed log rate relative to the reference) is base + topic + window + media + cell + noise, all effects
normal. The cell is integrated out, so what remains is a linear model in the factors' levels, solved by one Cholesky
factorisation for each of a few priors. Draws take a prior with the probability that its evidence gives it (Hoeting et al. 1999),
the factors' effects and then the cells. Standard library only; all randomness comes from `random.Random(seed).random()`,
the one method whose values Python promises across versions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from operator import mul

from songpost.core.learning_state import FRACTION_BITS, REFERENCE_RATE, Statistics, arm_of, checked, exponent_at
from songpost.model import Arm

BASE_SD = 1.0
"""Prior standard deviation of the account's own level, in logarithms of the rate."""

PRIORS: tuple[tuple[float, float, float, float], ...] = (
    (0.45, 0.25, 0.25, 0.20),
    (0.10, 0.10, 0.10, 0.60),
    (0.60, 0.20, 0.20, 0.10),
    (0.30, 0.30, 0.30, 0.40),
    (0.20, 0.10, 0.10, 0.10),
)
"""Prior standard deviations of topic, window, media and cell: the structures that are averaged over."""

NOISE_VARIANCE, NOISE_POSTS = 0.7, 10.0
"""The noise of a post's y before any is seen, and how many posts that is worth (tuned on seeds that no benchmark uses)."""

SPREAD = 0.4
"""Draws deviate from the mean by this fraction of the posterior's deviation (Chapelle and Li 2011, section 4)."""

DRAWS = 200
NEGLIGIBLE_POSTS = 0.01
"""An arm whose decayed count is below this is treated as never tried."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Joint draws from the posterior: `values[draw][position]` is the log rate of `arms[position]`, relative to the reference."""

    arms: tuple[Arm, ...]
    values: tuple[Sequence[float], ...]


@dataclass(frozen=True, slots=True)
class _Level:
    """An arm's place in the linear model: columns of its topic, window and media; column 0 is the base."""

    topic: int
    window: int
    media: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the present makes of the counters: decayed number of posts, mean y, by arm; and the pooled noise variance."""

    arms: dict[Arm, tuple[float, float]]
    noise: float
    smearing: float


@dataclass(frozen=True, slots=True)
class _Solved:
    """The posterior under one prior: the factors' mean, the Cholesky factor (rows) of their precision, and the log evidence."""

    mean: list[float]
    factor: list[list[float]]
    cell_sd: float
    log_evidence: float


def draw(
    statistics: Statistics,
    arms: Sequence[Arm],
    at: datetime,
    seed: str,
    *,
    draws: int = DRAWS,
    spread: float = SPREAD,
) -> Draws:
    """Draw `draws` joint samples of the arms' log rates as believed at `at` (UTC), the same for the same seed.

    An arm never tried borrows from its factors; a factor's level never seen comes from its prior. Draws come in pairs
    that mirror each other about the mean: half the work, and counts that are less noisy.
    """
    seen = _seen(checked(statistics), at)
    levels, sizes = _levels(seen, arms)
    solved = [_solve(seen, levels, sizes, prior) for prior in PRIORS]
    uniform = random.Random(seed).random
    values: list[list[float]] = []
    for model, pairs in zip(solved, _shares(solved, (draws + 1) // 2, uniform()), strict=True):
        if pairs:
            values += _sampled(model, seen, [levels[arm] for arm in arms], arms, pairs, spread, uniform)
    return Draws(tuple(arms), tuple(values[:draws]))


def smearing(statistics: Statistics, at: datetime) -> float:
    """The factor that turns exp(log rate) into an expected rate: observed over geometric mean (Duan 1983).

    Without data it is the reference rate.
    """
    return _seen(checked(statistics), at).smearing


def _seen(statistics: Statistics, at: datetime) -> _Seen:
    """Age the counters to `at` and pool the noise within arms."""
    scale = 2.0 ** (-exponent_at(statistics, at) - FRACTION_BITS)
    arms: dict[Arm, tuple[float, float]] = {}
    squares, freedom = NOISE_VARIANCE * NOISE_POSTS, NOISE_POSTS
    rates = geometric = 0.0
    for key, (_, n_fixed, r_fixed, y_fixed, yy_fixed) in statistics.counters.items():
        n = n_fixed * scale
        if n < NEGLIGIBLE_POSTS:
            continue
        mean = y_fixed / n_fixed
        arms[arm_of(key)] = (n, mean)
        squares += max(yy_fixed * scale - n * mean * mean, 0.0)
        freedom += max(n - 1.0, 0.0)
        rates += r_fixed * scale
        geometric += n * math.exp(mean)
    return _Seen(arms, squares / freedom, rates / geometric if geometric else REFERENCE_RATE)


def _levels(seen: _Seen, arms: Sequence[Arm]) -> tuple[dict[Arm, _Level], tuple[int, int, int]]:
    """Number the factors' levels, those of arms that are no longer offered included: they still tell of the others."""
    every = dict.fromkeys([*seen.arms, *arms])
    topics = {name: index for index, name in enumerate(sorted({arm.topic for arm in every}), 1)}
    windows = {name: index for index, name in enumerate(sorted({arm.window for arm in every}), 1 + len(topics))}
    first = 1 + len(topics) + len(windows)
    media = {flag: index for index, flag in enumerate(sorted({arm.media for arm in every}), first)}
    levels = {arm: _Level(topics[arm.topic], windows[arm.window], media[arm.media]) for arm in every}
    return levels, (len(topics), len(windows), len(media))


def _solve(
    seen: _Seen, levels: dict[Arm, _Level], sizes: tuple[int, int, int], prior: tuple[float, float, float, float]
) -> _Solved:
    """Condition the factors' effects on the arms' means under one prior; the evidence leaves out what all priors share."""
    *factor_sds, cell_sd = prior
    precisions = [1.0 / BASE_SD**2]
    for sd, size in zip(factor_sds, sizes, strict=True):
        precisions += [1.0 / sd**2] * size
    width = len(precisions)
    matrix = [[0.0] * (row + 1) for row in range(width)]
    for row, precision in enumerate(precisions):
        matrix[row][row] = precision
    right = [0.0] * width
    fit = 0.0
    for arm, (n, mean) in seen.arms.items():
        level = levels[arm]
        weight = 1.0 / (cell_sd**2 + seen.noise / n)
        moved = weight * mean
        columns = (0, level.topic, level.window, level.media)
        for position, row in enumerate(columns):
            right[row] += moved
            line = matrix[row]
            for column in columns[: position + 1]:
                line[column] += weight
        fit += math.log(weight) - moved * mean
    factor = _cholesky(matrix)
    half = _forward(factor, right)
    evidence = 0.5 * (fit + sum(map(mul, half, half)) + sum(map(math.log, precisions))) - sum(
        math.log(line[-1]) for line in factor
    )
    return _Solved(_backward(_columns(factor), half), factor, cell_sd, evidence)


def _sampled(
    model: _Solved,
    seen: _Seen,
    levels: Sequence[_Level],
    arms: Sequence[Arm],
    pairs: int,
    spread: float,
    uniform: Callable[[], float],
) -> list[list[float]]:
    """`pairs` mirrored pairs of draws under one prior: the factors' effects, then each arm's cell given them."""
    variance = model.cell_sd**2
    places = []
    means = []
    for arm, level in zip(arms, levels, strict=True):
        n, observed = seen.arms.get(arm, (0.0, 0.0))
        kept = seen.noise / (seen.noise + variance * n)
        mean = model.mean
        expected = mean[0] + mean[level.topic] + mean[level.window] + mean[level.media]
        means.append(kept * expected + (1.0 - kept) * observed)
        places.append((level.topic, level.window, level.media, kept, spread * math.sqrt(variance * kept)))
    columns = _columns(model.factor)
    width = len(columns)
    values: list[list[float]] = []
    for _ in range(pairs):
        normals = _normals(width + len(arms), uniform)
        effects = _backward(columns, normals)
        base = effects[0]
        # zip stops at the arms' end: the normals of an odd number are one too many.
        deviations = [
            kept * spread * (base + effects[topic] + effects[window] + effects[media]) + sd * normal
            for (topic, window, media, kept, sd), normal in zip(places, normals[width:], strict=False)
        ]
        values.append([mean + deviation for mean, deviation in zip(means, deviations, strict=True)])
        values.append([mean - deviation for mean, deviation in zip(means, deviations, strict=True)])
    return values


def _shares(solved: Sequence[_Solved], pairs: int, offset: float) -> list[int]:
    """Split `pairs` among the priors in proportion to their evidence, by systematic sampling with one uniform offset."""
    best = max(model.log_evidence for model in solved)
    weights = [math.exp(model.log_evidence - best) for model in solved]
    total = sum(weights)
    bounds = [math.floor(pairs * edge / total + offset) for edge in accumulate(weights)]
    bounds[-1] = pairs
    return [max(upper - lower, 0) for lower, upper in zip([0, *bounds], bounds, strict=False)]


def _normals(count: int, uniform: Callable[[], float]) -> list[float]:
    """At least `count` standard normal draws (one more if that is odd), by Box and Muller 1958."""
    log, sqrt, cos, sin, turn = math.log, math.sqrt, math.cos, math.sin, 2.0 * math.pi
    radii = [sqrt(-2.0 * log(1.0 - uniform())) for _ in range((count + 1) // 2)]
    angles = [turn * uniform() for _ in radii]
    return [r * cos(a) for r, a in zip(radii, angles, strict=True)] + [
        r * sin(a) for r, a in zip(radii, angles, strict=True)
    ]


def _cholesky(matrix: list[list[float]]) -> list[list[float]]:
    """The lower factor of a positive definite matrix; both are given by the rows of their lower triangles."""
    factor: list[list[float]] = []
    for row, line in enumerate(matrix):
        built: list[float] = []
        for column in range(row):
            above = factor[column]
            built.append((line[column] - sum(map(mul, built, above))) / above[column])
        built.append(math.sqrt(line[row] - sum(map(mul, built, built))))
        factor.append(built)
    return factor


def _columns(factor: list[list[float]]) -> list[list[float]]:
    """The columns of a lower triangle, each from its diagonal downwards."""
    return [[factor[row][column] for row in range(column, len(factor))] for column in range(len(factor))]


def _forward(factor: list[list[float]], right: list[float]) -> list[float]:
    """Solve L x = right."""
    solution: list[float] = []
    for line, value in zip(factor, right, strict=True):
        solution.append((value - sum(map(mul, line, solution))) / line[-1])
    return solution


def _backward(columns: list[list[float]], right: list[float]) -> list[float]:
    """Solve L' x = right, L given by its columns."""
    reverse: list[float] = []
    for row in range(len(columns) - 1, -1, -1):
        column = columns[row]
        reverse.append((right[row] - sum(map(mul, column[:0:-1], reverse))) / column[0])
    reverse.reverse()
    return reverse
