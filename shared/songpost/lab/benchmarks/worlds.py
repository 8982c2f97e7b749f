"""The simulated audiences that the learner is measured on. Seeded numpy, nothing of Songpost is imported.

A world says how an audience's taste is made; an audience is one draw from it, with every outcome of every arm on
every day drawn beforehand, so that all policies see the same noise: whoever posts arm *a* on day *d* gets the same
impressions and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

BASE_RATE = 0.009
LOWEST_RATE, HIGHEST_RATE = 2e-4, 0.15
WINDOW_IMPRESSIONS_SD = 0.15
LEVEL_DAYS, EFFECT_DAYS = 60.0, 120.0
# Share of the engagement rate that each public count gets, and its weight in the reward.
SHARES = {"likes": 0.78, "replies": 0.10, "reposts": 0.09, "quotes": 0.03}
WEIGHTS = {"likes": 1, "replies": 2, "reposts": 2, "quotes": 1}
REWARD_PER_RATE = sum(SHARES[name] * WEIGHTS[name] for name in SHARES)


@dataclass(frozen=True)
class World:
    """How an audience's taste is made. Standard deviations are of natural logarithms of the engagement rate."""

    name: str
    topic_sd: float = 0.45
    window_sd: float = 0.25
    media_sd: float = 0.25
    cell_sd: float = 0.20
    level_sd: float = 0.0
    drifts: bool = False
    breaks: tuple[int, ...] = ()
    impressions_median: float = 500.0
    impressions_sd: float = 0.9
    quality_sd: float = 0.6
    correlation: float = 0.4
    topics: int = 5
    windows: int = 6
    media: int = 2

    @property
    def arms(self) -> int:
        """How many arms there are: topics x windows x media."""
        return self.topics * self.windows * self.media


WORLDS: dict[str, World] = {
    world.name: world
    for world in (
        World("standard"),
        World("unstructured", topic_sd=0.0, window_sd=0.0, media_sd=0.0, cell_sd=0.605),
        World("drift", drifts=True, level_sd=0.3),
        World("abrupt", breaks=(45, 150, 250)),
        World("small", impressions_median=230.0, impressions_sd=0.54, quality_sd=0.36, correlation=0.0),
        World("large", impressions_median=8000.0, impressions_sd=1.36, quality_sd=0.8, correlation=0.58),
    )
}
MAIN_WORLDS = ("standard", "unstructured", "drift", "abrupt")


@dataclass(frozen=True)
class Audience:
    """One draw from a world. Arrays are indexed [day, arm]; an arm's factors are `topic[arm]`, `window[arm]`,
    `media[arm]`.
    """

    world: World
    topic: Counts
    window: Counts
    media: Counts
    expected: Floats = field(repr=False)
    impressions: Counts = field(repr=False)
    likes: Counts = field(repr=False)
    replies: Counts = field(repr=False)
    reposts: Counts = field(repr=False)
    quotes: Counts = field(repr=False)
    delay_days: Counts = field(repr=False)

    @property
    def days(self) -> int:
        """How many days were drawn."""
        return int(self.expected.shape[0])

    def oracle(self, posts: int) -> Floats:
        """The expected reward of each day's best arms in `posts` different windows, summed."""
        best = np.stack([self.expected[:, self.window == w].max(axis=1) for w in range(self.world.windows)], axis=1)
        best.sort(axis=1)
        total: Floats = best[:, -posts:].sum(axis=1)
        return total


def draw_audience(world: World, seed: int, days: int = 365, delays: tuple[int, int] = (1, 3)) -> Audience:
    """One audience: the same for the same world, seed and days. `delays`: fewest and most days to a credit."""
    rng = np.random.default_rng([seed, *world.name.encode()])
    topic, window, media = (index.ravel() for index in np.indices((world.topics, world.windows, world.media)))
    logs = np.full((days, world.arms), np.log(BASE_RATE))
    for sd, index, breaks in (
        (world.topic_sd, topic, world.breaks),
        (world.window_sd, window, ()),
        (world.media_sd, media, ()),
        (world.cell_sd, np.arange(world.arms), world.breaks),
    ):
        logs += _paths(rng, sd, int(index.max()) + 1, days, EFFECT_DAYS if world.drifts else None, breaks)[:, index]
    logs += _paths(rng, world.level_sd, 1, days, LEVEL_DAYS, ())
    rates = np.exp(np.clip(logs, np.log(LOWEST_RATE), np.log(HIGHEST_RATE)))

    shared = rng.standard_normal((days, world.arms))
    own = rng.standard_normal((days, world.arms))
    quality = np.exp(world.quality_sd * shared - world.quality_sd**2 / 2)
    spread = world.correlation * shared + np.sqrt(1 - world.correlation**2) * own
    window_effect = WINDOW_IMPRESSIONS_SD * rng.standard_normal(world.windows)[window]
    impressions = np.round(world.impressions_median * np.exp(world.impressions_sd * spread + window_effect)).astype(
        np.int64
    )
    counts = {name: rng.poisson(impressions * rates * quality * share) for name, share in SHARES.items()}
    return Audience(
        world=world,
        topic=topic,
        window=window,
        media=media,
        expected=rates * REWARD_PER_RATE,
        impressions=impressions,
        delay_days=rng.integers(delays[0], delays[1] + 1, size=(days, world.arms)),
        **counts,
    )


def _paths(
    rng: np.random.Generator, sd: float, size: int, days: int, timescale: float | None, breaks: tuple[int, ...]
) -> Floats:
    """Effects by day: constant, drawn anew on each of `breaks`, or Ornstein-Uhlenbeck with a time scale in days."""
    innovations = sd * rng.standard_normal((days, size))
    values = np.empty((days, size))
    values[0] = innovations[0]
    kept = np.exp(-1.0 / timescale) if timescale else 1.0
    for day in range(1, days):
        values[day] = (
            innovations[day] if day in breaks else kept * values[day - 1] + np.sqrt(1 - kept**2) * innovations[day]
        )
    return values
