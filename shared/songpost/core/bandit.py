"""The policy: Thompson sampling over topic, window and media whose estimate of its own probabilities *is* the policy.

A choice draws the posterior many times, counts how often each candidate is the best, mixes in the exploration floor,
and picks from exactly that distribution with one uniform draw. So the propensities that a `Decision` stores are
exact, as whole numbers, and `replayed` rebuilds them. A day's slots share one set of draws. Remembering is in
`core/learning_state.py`, believing in `core/posterior.py`.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import accumulate

from songpost.core import learning_state, posterior
from songpost.core.learning_state import Reward, Statistics, arm_key, arm_of, observe
from songpost.core.posterior import DRAWS
from songpost.errors import BadInput
from songpost.model import Arm
from songpost.nouns import dataclass, replace

__all__ = [
    "Belief",
    "Decision",
    "Reward",
    "Statistics",
    "beliefs",
    "choose",
    "choose_day",
    "decide",
    "imagine",
    "observe",
]

POLICY_VERSION = "lognormal-thompson/1"
UNIFORM_VERSION = "uniform/1"
DECISION_SCHEMA_VERSION = 1

WHOLE = 1 << 32
"""Probabilities and uniform draws are whole parts of this."""

LEVEL = 0.90
"""The level of the intervals of `beliefs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One choice with everything that it followed from; plain JSON, whole numbers and text only.

    `candidates` are arm keys in order (they carry the factor values: topic|window|media), `left_out` pairs further
    keys with the reason. `wins` counts among `draws` the draws in which each candidate was best (empty under a
    uniform policy), by a posterior of the statistics whose digest is `statistics`, at `at` (ISO 8601, UTC), drawn
    with `seed`. `probabilities` are parts of 2^32 that sum to 2^32, `floor` of them shared evenly; `uniform` is the
    draw, also in parts of 2^32, made with `seed` and `name`. `chosen` is an arm key; `override` is empty, or says who
    chose otherwise and why.
    """

    name: str
    at: str
    candidates: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    statistics: str
    seed: str
    draws: int
    wins: tuple[int, ...]
    floor: int
    probabilities: tuple[int, ...]
    uniform: int
    chosen: str
    override: str = ""
    policy_version: str
    reward_version: int
    code_version: str = ""
    schema_version: int = DECISION_SCHEMA_VERSION

    @property
    def arm(self) -> Arm:
        """The chosen arm."""
        return arm_of(self.chosen)

    @property
    def propensity(self) -> int:
        """The probability of the chosen arm in parts of 2^32; 0 if an override chose what was no candidate."""
        return dict(zip(self.candidates, self.probabilities, strict=True)).get(self.chosen, 0)


@dataclass(frozen=True, slots=True)
class Imagined:
    """Posterior draws for a set of arms with what they were made from: what the decisions of a day share.

    `rankings` holds for every draw the arms' positions, best first (none under a uniform policy): the best of any
    candidates is then the first of them, so a decision more costs next to nothing. `positions` are by arm key.
    """

    digest: str
    reward_version: int
    at: datetime
    seed: str
    rankings: tuple[Sequence[int], ...]
    positions: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many draws there are; none under a uniform policy."""
        return len(self.rankings)


@dataclass(frozen=True, slots=True)
class Belief:
    """What an arm is believed to earn a post: reward rate with a 90 % interval, and how many credits it had."""

    arm: Arm
    expected: float
    low: float
    high: float
    posts: int


def imagine(
    statistics: Statistics, arms: Sequence[Arm], seed: str, at: datetime, *, enabled: bool = True, draws: int = DRAWS
) -> Imagined:
    """Draw the posterior of all `arms` once, for any number of `decide`s. Without `enabled` nothing is drawn: uniform.

    The arms are put into the order of their keys, so that the order in which they come does not matter.
    """
    ordered = {arm_key(arm): arm for arm in sorted(set(arms), key=arm_key)}
    rankings: tuple[Sequence[int], ...] = ()
    if enabled and arms:
        drawn = posterior.draw(statistics, tuple(ordered.values()), at, seed, draws=draws)
        # Sorting is stable in reverse too: of equals the first position stands first.
        rankings = tuple(sorted(range(len(row)), key=row.__getitem__, reverse=True) for row in drawn.values)
    known = learning_state.checked(statistics)
    positions = {key: index for index, key in enumerate(ordered)}
    return Imagined(learning_state.digest(known), known.reward_version, at, seed, rankings, positions)


def decide(
    imagined: Imagined,
    candidates: Sequence[Arm],
    name: str,
    *,
    floor: float = 0.0,
    left_out: Sequence[tuple[Arm, str]] = (),
    context: Mapping[str, str] | None = None,
    code_version: str = "",
) -> Decision:
    """Choose among `candidates`, which must be among the imagined arms. `name` tells the day's decisions apart (a
    slot's key).

    Raises `BadInput` where there is nothing to choose from, a candidate was not imagined, or the floor is not in 0..1.
    """
    keys = tuple(sorted({arm_key(arm) for arm in candidates}))
    unknown = [key for key in keys if key not in imagined.positions]
    if not keys or unknown:
        raise BadInput(
            f"no posterior was drawn for {', '.join(unknown)}" if keys else "there is no candidate",
            where=name,
            mend="imagine every arm that may become a candidate, and decide only where there is one",
        )
    if not 0.0 <= floor <= 1.0:
        raise BadInput(
            f"a floor of {floor} is no probability", where="learning.exploration_floor", mend="0.05 is usual"
        )
    wins = _wins(imagined, keys)
    floor_parts = round(floor * WHOLE)
    probabilities = _probabilities(wins, floor_parts) if wins else _shared(WHOLE, len(keys))
    uniform, picked = pick(probabilities, f"{imagined.seed}/{name}")
    return Decision(
        name=name,
        at=imagined.at.isoformat(),
        candidates=keys,
        left_out=tuple(sorted((arm_key(arm), reason) for arm, reason in left_out)),
        context=dict(sorted((context or {}).items())),
        statistics=imagined.digest,
        seed=imagined.seed,
        draws=imagined.count,
        wins=wins,
        floor=floor_parts,
        probabilities=probabilities,
        uniform=uniform,
        chosen=keys[picked],
        policy_version=POLICY_VERSION if wins else UNIFORM_VERSION,
        reward_version=imagined.reward_version,
        code_version=code_version,
    )


def choose(
    candidates: Sequence[Arm],
    statistics: Statistics,
    seed: str,
    at: datetime,
    *,
    name: str = "choice",
    floor: float = 0.0,
    enabled: bool = True,
) -> Decision:
    """One choice by itself: `imagine` and `decide` in one."""
    return decide(imagine(statistics, candidates, seed, at, enabled=enabled), candidates, name, floor=floor)


def choose_day(  # noqa: PLR0913 - the day's offer and the settings that bear on it
    offered: Mapping[str, Sequence[Arm]],
    rooms: Mapping[str, int],
    posts: int,
    statistics: Statistics,
    seed: str,
    at: datetime,
    *,
    floor: float = 0.0,
    enabled: bool = True,
    draws: int = DRAWS,
) -> tuple[Decision, ...]:
    """Choose a day's arms: `posts` of them, at most `rooms[window]` in each window, `offered[window]` its candidates.

    Where every room is used, each window chooses among its own arms; where posts are fewer, windows are chosen too.
    A window without room or arms is left out; fewer decisions than `posts` mean that the rooms ran out. Decisions are
    named `1`, `2` ….
    """
    free = {window: rooms.get(window, 0) for window in sorted(offered) if offered[window] and rooms.get(window, 0) > 0}
    everything = [arm for window in free for arm in offered[window]]
    imagined = imagine(statistics, everything, seed, at, enabled=enabled, draws=draws)
    scarce = posts < sum(free.values())
    decisions: list[Decision] = []
    while free and len(decisions) < posts:
        open_windows = list(free) if scarce else list(free)[:1]
        candidates = [arm for window in open_windows for arm in offered[window]]
        decision = decide(imagined, candidates, str(len(decisions) + 1), floor=floor)
        decisions.append(decision)
        taken = next(window for window in open_windows if decision.arm in offered[window])
        free[taken] -= 1
        if not free[taken]:
            del free[taken]
    return tuple(decisions)


def overridden(decision: Decision, arm: Arm, reason: str) -> Decision:
    """The decision with a person's or a gate's word over it; the probabilities stay what they were."""
    return replace(decision, chosen=arm_key(arm), override=reason)


def replayed(decision: Decision, statistics: Statistics, imagined_arms: Sequence[Arm] | None = None) -> Decision:
    """Make the decision again from what it stored, and from the statistics that its digest names.

    `imagined_arms` are all arms that the day's draws were made for, where they were more than the candidates. The
    result equals `decision` (but for an override) if code and counters are the same; `BadInput` if the counters are
    others.
    """
    if decision.statistics != learning_state.digest(statistics):
        raise BadInput(
            "these are not the counters that it was made from", where=decision.name, mend="load their version"
        )
    arms = imagined_arms or [arm_of(key) for key in decision.candidates]
    return remade(decision, imagined_for(decision, statistics, arms))


def imagined_for(decision: Decision, statistics: Statistics, arms: Sequence[Arm]) -> Imagined:
    """The draws that a decision was made from, anew; all decisions of one day share them."""
    return imagine(
        statistics,
        arms,
        decision.seed,
        datetime.fromisoformat(decision.at),
        enabled=decision.policy_version == POLICY_VERSION,
        draws=decision.draws or DRAWS,
    )


def remade(decision: Decision, imagined: Imagined) -> Decision:
    """Make a decision again from the draws of its day (`imagined_for`) and from what it stored."""
    again = decide(
        imagined,
        [arm_of(key) for key in decision.candidates],
        decision.name,
        floor=decision.floor / WHOLE,
        left_out=[(arm_of(key), reason) for key, reason in decision.left_out],
        context=decision.context,
        code_version=decision.code_version,
    )
    return replace(again, chosen=decision.chosen, override=decision.override) if decision.override else again


def beliefs(
    statistics: Statistics, arms: Sequence[Arm], seed: str, at: datetime, *, draws: int = 1000
) -> tuple[Belief, ...]:
    """What each arm is believed to earn: mean rate with a 90 % interval, from the posterior at its full width.

    A rate's mean is not its geometric mean, so draws are multiplied by the smearing factor (Duan 1983).
    """
    if not arms:
        return ()
    drawn = posterior.draw(statistics, arms, at, seed, draws=draws, spread=1.0, curiosity=0.0)
    smearing = posterior.smearing(statistics, at)
    found = []
    for position, arm in enumerate(arms):
        rates = sorted([smearing * math.exp(row[position]) for row in drawn.values])
        if rates[-1] > 1.0:
            rates = [min(rate, 1.0) for rate in rates]
        tail = int(len(rates) * (1 - LEVEL) / 2)
        posts = statistics.counters.get(arm_key(arm), (0,))[0]
        found.append(Belief(arm, math.fsum(rates) / len(rates), rates[tail], rates[-1 - tail], posts))
    return tuple(found)


def _wins(imagined: Imagined, keys: Sequence[str]) -> tuple[int, ...]:
    """In how many draws each candidate is the best of them; nothing where nothing was drawn."""
    if not imagined.rankings:
        return ()
    places = [imagined.positions[key] for key in keys]
    offered = bytearray(len(imagined.positions))
    for place in places:
        offered[place] = 1
    wins = [0] * len(offered)
    for ranking in imagined.rankings:
        for place in ranking:
            if offered[place]:
                wins[place] += 1
                break
    return tuple(wins[place] for place in places)


def _probabilities(wins: Sequence[int], floor_parts: int) -> tuple[int, ...]:
    """Wins and floor as parts of 2^32. What does not divide evenly goes to the candidate with the most wins."""
    total = sum(wins)
    rest = WHOLE - floor_parts
    parts = [even + rest * won // total for even, won in zip(_shared(floor_parts, len(wins)), wins, strict=True)]
    parts[max(range(len(wins)), key=wins.__getitem__)] += WHOLE - sum(parts)
    return tuple(parts)


def _shared(parts: int, among: int) -> tuple[int, ...]:
    """`parts` split evenly, the first ones taking what remains."""
    each, more = divmod(parts, among)
    return tuple(each + (index < more) for index in range(among))


def pick(probabilities: Sequence[int], seed: str) -> tuple[int, int]:
    """The uniform draw of a seed in parts of 2^32, and the index at which the probabilities' running sum exceeds it."""
    uniform = int(random.Random(seed).random() * WHOLE)
    edges = list(accumulate(probabilities))
    return uniform, bisect_right(edges, uniform)
