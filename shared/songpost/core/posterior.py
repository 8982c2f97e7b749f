"""What the learner believes: a hierarchical log-normal model of what an arm earned and earns, averaged by evidence.

A post's y (its smoothed log rate relative to the reference) is base + topic + window + media + cell + noise, all
effects normal. Every effect exists twice, as it was and as it is now, with a correlation between the two; recent
posts tell of now, older ones of then, and so of now as far as the correlation reaches: that is how a change of taste
in one topic is learned from all its arms. The cells are integrated out; what remains is a linear model in the
factors' levels, solved by one Cholesky factorisation for each of a few priors and correlations. Draws take one of
them with the probability that its evidence gives it (Hoeting et al. 1999). Standard library only; all randomness
comes from `random.Random(seed).random()`, the one method whose values Python promises across versions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate
from operator import add, mul, sub
from typing import NamedTuple

from songpost.core.envelope import backward, factorised, forward
from songpost.core.learning_state import (
    FRACTION_BITS,
    REFERENCE_RATE,
    WEIGHT_BITS,
    Statistics,
    aged,
    arm_of,
    checked,
    epoch_at,
    exponent_at,
)
from songpost.model import Arm
from songpost.nouns import dataclass

BASE_SD = 1.0
"""Prior standard deviation of the account's own level, in logarithms of the rate."""

PRIORS: tuple[tuple[float, float, float, float], ...] = ((0.45, 0.25, 0.25, 0.20), (0.15, 0.15, 0.15, 0.50))
"""Prior standard deviations of topic, window, media and cell: factors that tell most, or cells that stand for
themselves.
"""

CORRELATIONS = (0.95, 0.7, 0.4)
"""How much of an effect as it was is still there now."""

BASE_KEEPS = 0.9
"""The account's own level loses only this part of what the effects lose: (1 - correlation) is multiplied by 1 -
BASE_KEEPS.
"""

NOISE_VARIANCE, NOISE_POSTS = 0.7, 20.0
"""The noise of a post's y before any is seen, and how many posts that is worth (tuned on seeds that no benchmark uses).
"""

SPREAD = 0.2
"""Draws deviate from the mean by this fraction of the posterior's deviation (Chapelle and Li 2011, section 4)."""

CURIOSITY = 0.4
"""An arm's own effect deviates by this fraction more, over 1 + its posts: what is little known is tried."""

DRAWS = 128
NEGLIGIBLE_POSTS = 0.01
"""An arm whose decayed count is below this is treated as never tried."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Joint draws of the arms: `values[draw][position]` is a log rate relative to the reference."""

    arms: tuple[Arm, ...]
    values: tuple[Sequence[float], ...]


class _Tried(NamedTuple):
    """An arm's decayed posts of then and of now, and their mean y."""

    old_n: float
    old_mean: float
    new_n: float
    new_mean: float


class _Seen(NamedTuple):
    """What the present makes of the counters; the noise is the pooled variance within arms."""

    arms: dict[Arm, _Tried]
    noise: float
    smearing: float


class _Layout(NamedTuple):
    """Where effects stand among the unknowns: the first index of each level's pair (then, now), and each pair's factor.

    `tried` are the arms with data, each with its indices in ascending order.

    The factor with the most levels stands first: its levels never meet, which keeps the factorisation sparse.
    """

    places: dict[Arm, tuple[int, int, int, int]]
    tried: list[tuple[Arm, _Tried, list[int]]]
    factors: tuple[int, ...]
    apart: int


class _Cell(NamedTuple):
    """How an arm's own effect answers: precisions of (then, then), (then, now), (now, now); gains of its value now; its
    sd.
    """

    old: float
    both: float
    new: float
    old_gain: float
    new_gain: float
    sd: float


class _Solved(NamedTuple):
    """The posterior under one prior and correlation: means and factor of the precision, the cells, the log evidence."""

    mean: list[float]
    factor: list[tuple[int, list[float]]]
    cells: dict[Arm, _Cell]
    untried: _Cell
    log_evidence: float


def draw(
    statistics: Statistics,
    arms: Sequence[Arm],
    at: datetime,
    seed: str,
    *,
    draws: int = DRAWS,
    spread: float = SPREAD,
    curiosity: float = CURIOSITY,
) -> Draws:
    """Draw `draws` joint samples of the arms' log rates as believed at `at` (UTC), the same for the same seed.

    An arm never tried borrows from its factors; a factor's level never seen comes from its prior. Draws come in fours,
    the two signs of the factors' deviations by the two of the cells': each is a draw in its own right, at a third of
    the work, and counts are less noisy.
    """
    seen = _seen(checked(statistics), at)
    layout = _layout(seen, arms)
    solved = [_solve(seen, layout, prior, kept) for prior in PRIORS for kept in CORRELATIONS]
    uniform = random.Random(seed).random
    values: list[list[float]] = []
    for model, fours in zip(solved, _shares(solved, -(-draws // 4), uniform()), strict=True):
        if fours:
            values += _sampled(model, seen, layout, arms, fours, (spread, curiosity), uniform)
    return Draws(tuple(arms), tuple(values[:draws]))


def smearing(statistics: Statistics, at: datetime) -> float:
    """The factor that turns exp(log rate) into an expected rate: observed over geometric mean (Duan 1983).

    Without data it is the reference rate.
    """
    return _seen(checked(statistics), at).smearing


def _seen(statistics: Statistics, at: datetime) -> _Seen:
    """Age the counters to `at`, part then from now, and pool the noise within each part."""
    scale = 2.0 ** (-exponent_at(statistics, at) - WEIGHT_BITS)
    counters = aged(statistics.counters, epoch_at(statistics, at) - statistics.epoch)
    arms: dict[Arm, _Tried] = {}
    squares, freedom = NOISE_VARIANCE * NOISE_POSTS, NOISE_POSTS
    rates = geometric = 0.0
    for key, (_, n_fixed, r_fixed, y_fixed, yy_fixed, *recent) in counters.items():
        n = n_fixed * scale
        if n < NEGLIGIBLE_POSTS:
            continue
        new_fixed, new_y = sum(recent[::2]), sum(recent[1::2])
        new_n, old_n = new_fixed * scale, (n_fixed - new_fixed) * scale
        new_mean = new_y / new_fixed if new_fixed else 0.0
        old_mean = (y_fixed - new_y) / (n_fixed - new_fixed) if n_fixed > new_fixed else 0.0
        arms[arm_of(key)] = _Tried(old_n, old_mean, new_n, new_mean)
        squares += max(yy_fixed * scale - old_n * old_mean**2 - new_n * new_mean**2, 0.0)
        freedom += max(n - 1.0 - min(old_n, new_n, 1.0), 0.0)
        rates += r_fixed * scale / (1 << (FRACTION_BITS - WEIGHT_BITS))
        geometric += n * math.exp(y_fixed / n_fixed)
    return _Seen(arms, squares / freedom, rates / geometric if geometric and rates > 0 else REFERENCE_RATE)


def _layout(seen: _Seen, arms: Sequence[Arm]) -> _Layout:
    """Number the factors' levels, those of arms that are no longer offered included: they still tell of the others."""
    every = dict.fromkeys([*seen.arms, *arms])
    levels = [
        sorted({arm.topic for arm in every}),
        sorted({arm.window for arm in every}),
        sorted({str(arm.media) for arm in every}),
    ]
    order = sorted(range(3), key=lambda factor: -len(levels[factor]))
    index: dict[tuple[int, str], int] = {}
    factors: list[int] = []
    for factor in order:
        for level in levels[factor]:
            index[factor, level] = 2 * len(factors)
            factors.append(factor)
    base = 2 * len(factors)
    places = {arm: (index[0, arm.topic], index[1, arm.window], index[2, str(arm.media)], base) for arm in every}
    tried = [(arm, means, sorted(places[arm])) for arm, means in seen.arms.items()]
    return _Layout(places, tried, tuple(factors), 2 * len(levels[order[0]]))


def _solve(seen: _Seen, layout: _Layout, prior: tuple[float, float, float, float], kept: float) -> _Solved:
    """Condition the factors' effects on the arms' means; the evidence leaves out what all models share."""
    *factor_sds, cell_sd = prior
    pairs = [(factor_sds[factor] ** 2, kept) for factor in layout.factors]
    pairs.append((BASE_SD**2, 1.0 - (1.0 - kept) * (1.0 - BASE_KEEPS)))
    matrix, evidence = _prior_precision(pairs, layout.apart)
    right = [0.0] * (2 * len(pairs))
    cells: dict[Arm, _Cell] = {}
    for arm, tried, places in layout.tried:
        cell, determinant = _cell(tried, seen.noise, cell_sd**2, kept)
        cells[arm] = cell
        old_pull = cell.old * tried.old_mean + cell.both * tried.new_mean
        new_pull = cell.both * tried.old_mean + cell.new * tried.new_mean
        evidence -= 0.5 * (math.log(determinant) + old_pull * tried.old_mean + new_pull * tried.new_mean)
        _add(matrix, places, cell)
        for place in places:
            right[place] += old_pull
            right[place + 1] += new_pull
    factor = factorised(matrix)
    half = forward(factor, right)
    logs = [math.log(line[-1]) for _, line in factor]
    evidence += 0.5 * math.fsum([value * value for value in half]) - math.fsum(logs)
    untried, _ = _cell(_Tried(0.0, 0.0, 0.0, 0.0), seen.noise, cell_sd**2, kept)
    return _Solved(backward(factor, half), factor, cells, untried, evidence)


def _prior_precision(pairs: Sequence[tuple[float, float]], apart: int) -> tuple[list[tuple[int, list[float]]], float]:
    """The lower envelope of the effects' prior precision, and half its log determinant, from (variance, correlation)
    pairs.

    A row is its first column and its entries up to the diagonal; rows below `apart` reach back only to their own pair.
    """
    matrix: list[tuple[int, list[float]]] = []
    evidence = 0.0
    for number, (variance, kept) in enumerate(pairs):
        first = 2 * number if 2 * number < apart else 0
        lost = variance * (1.0 - kept * kept)
        matrix.append((first, [0.0] * (2 * number - first) + [1.0 / lost]))
        matrix.append((first, [0.0] * (2 * number - first) + [-kept / lost, 1.0 / lost]))
        evidence -= 0.5 * math.log(variance * lost)
    return matrix, evidence


def _cell(tried: _Tried, noise: float, variance: float, kept: float) -> tuple[_Cell, float]:
    """Integrate an arm's own effects out, and the determinant of what its means' covariance then is.

    Its means are (then, now) effects of the factors, plus own effects of this variance and correlation, plus noise / n.
    """
    if tried.new_n <= 0.0 and tried.old_n <= 0.0:
        return _Cell(0.0, 0.0, 0.0, 0.0, 0.0, math.sqrt(variance)), 1.0
    old = variance + (noise / tried.old_n if tried.old_n > 0.0 else 0.0)
    new = variance + (noise / tried.new_n if tried.new_n > 0.0 else 0.0)
    if tried.new_n <= 0.0:
        gain = variance * kept / old
        return _Cell(1.0 / old, 0.0, 0.0, gain, 0.0, math.sqrt(variance * (1.0 - gain * kept))), old
    if tried.old_n <= 0.0:
        gain = variance / new
        return _Cell(0.0, 0.0, 1.0 / new, 0.0, gain, math.sqrt(variance * (1.0 - gain))), new
    shared = variance * kept
    determinant = old * new - shared * shared
    precision_old, precision_both, precision_new = new / determinant, -shared / determinant, old / determinant
    old_gain = shared * precision_old + variance * precision_both
    new_gain = shared * precision_both + variance * precision_new
    left = max(variance - old_gain * shared - new_gain * variance, 0.0)
    return _Cell(precision_old, precision_both, precision_new, old_gain, new_gain, math.sqrt(left)), determinant


def _add(matrix: list[tuple[int, list[float]]], places: Sequence[int], cell: _Cell) -> None:
    """Add an arm's information to the precision of the effects that it has, in place."""
    old, both, new = cell.old, cell.both, cell.new
    for position, row in enumerate(places):
        first, then = matrix[row]
        _, now = matrix[row + 1]
        for column in places[:position]:
            then[column - first] += old
            then[column + 1 - first] += both
            now[column - first] += both
            now[column + 1 - first] += new
        then[row - first] += old
        now[row - first] += both
        now[row + 1 - first] += new


def _sampled(
    model: _Solved,
    seen: _Seen,
    layout: _Layout,
    arms: Sequence[Arm],
    fours: int,
    widths: tuple[float, float],
    uniform: Callable[[], float],
) -> list[list[float]]:
    """Four times `fours` draws under one model: the factors' effects, then each arm's own given them."""
    spread, curiosity = widths
    nothing = _Tried(0.0, 0.0, 0.0, 0.0)
    means, rows, sds = [], [], []
    for arm in arms:
        cell = model.cells.get(arm, model.untried)
        tried = seen.arms.get(arm, nothing)
        topic, window, media, _ = places = layout.places[arm]
        old = math.fsum([model.mean[place] for place in places])
        new = math.fsum([model.mean[place + 1] for place in places])
        means.append(new + cell.old_gain * (tried.old_mean - old) + cell.new_gain * (tried.new_mean - new))
        rows.append((topic, window, media, -spread * cell.old_gain, spread * (1.0 - cell.new_gain)))
        sds.append((spread + curiosity / (1.0 + tried.old_n + tried.new_n)) * cell.sd)
    width = len(model.factor)
    values: list[list[float]] = []
    for _ in range(fours):
        normals = _normals(width + len(arms), uniform)
        effects = backward(model.factor, normals[:width])
        base_old, base_new = effects[-2:]
        shared = [
            old_part * (base_old + effects[t] + effects[w] + effects[m])
            + new_part * (base_new + effects[t + 1] + effects[w + 1] + effects[m + 1])
            for t, w, m, old_part, new_part in rows
        ]
        own = list(map(mul, sds, normals[width:]))
        for moved in (list(map(add, means, shared)), list(map(sub, means, shared))):
            values.append(list(map(add, moved, own)))
            values.append(list(map(sub, moved, own)))
    return values


def _shares(solved: Sequence[_Solved], count: int, offset: float) -> list[int]:
    """Split `count` among the models by their evidence: systematic sampling with one uniform offset."""
    best = max(model.log_evidence for model in solved)
    weights = [math.exp(model.log_evidence - best) for model in solved]
    total = math.fsum(weights)
    bounds = [math.floor(count * edge / total + offset) for edge in accumulate(weights)]
    bounds[-1] = count
    return [max(upper - lower, 0) for lower, upper in zip([0, *bounds], bounds, strict=False)]


def _normals(count: int, uniform: Callable[[], float]) -> list[float]:
    """At least `count` standard normal draws (one more if that is odd), by Box and Muller 1958."""
    log, sqrt, turn = math.log, math.sqrt, 2.0 * math.pi
    radii = [sqrt(-2.0 * log(1.0 - uniform())) for _ in range((count + 1) // 2)]
    angles = [turn * uniform() for _ in radii]
    return [*map(mul, radii, map(math.cos, angles)), *map(mul, radii, map(math.sin, angles))]
