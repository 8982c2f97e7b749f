"""`songpost evaluate`: what another policy would have earned, from the decision log, and whether the log can tell.

The policies are `uniform` (every candidate alike), `thompson` (the learner without its floor), `greedy` (the arm with
the highest expectation) and a file: probabilities by arm as JSON, `{"bread|noon|0": 0.7, "hiking|noon|0": 0.3}`,
shared anew among the candidates of each choice. The learner's policies are what they would have chosen given what was
known at that choice: their value is that of following them for one choice, not of having learned by them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from songpost.errors import BadInput
from songpost.lab.decision_log import Choice, Log, normal
from songpost.lab.off_policy import Z95, Estimate, Logged, doubly_robust, expected, gain, ips, snips
from songpost.nouns import replace

POLICIES = ("uniform", "greedy", "thompson")
LEAST_EFFECTIVE = 30
"""Effective choices below which a normal interval is not to be trusted."""
LEAST_SHARE = 0.1
"""Effective choices as a part of all, below which a few heavy weights carry the estimate."""
HEAVY = 0.1
"""A weight that is this part of all of them is one post that decides."""
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Why the log cannot tell, or may not: a name for machines and a sentence for people."""

    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a policy would have earned a post, by three estimates, beside what was earned.

    `logged` is the mean reward of the choices with its interval, `gain` the paired difference. `unreachable` is the
    part of the policy's probability that lies on arms that the log could not have chosen.
    """

    policy: str
    log: Log
    estimates: tuple[Estimate, ...]
    logged: Estimate
    gain: Estimate
    unreachable: float
    silent: int
    warnings: tuple[Warned, ...]


def policy_file(path: Path) -> dict[str, float]:
    """Probabilities by arm from a JSON file. Raises `BadInput` where it holds anything else, or another sum than 1."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"is none of {', '.join(POLICIES)}, and cannot be read as a file ({error})",
            where=f"--policy {path}",
            mend="name a policy, or a JSON file of probabilities by arm",
        ) from error
    except ValueError as error:
        raise BadInput(f"is no JSON ({error})", where=str(path), mend="write an object of arms") from error
    if not isinstance(found, dict) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 1 for one in found.values()
    ):
        raise BadInput("is no object of probabilities by arm", where=str(path), mend='write {"bread|noon|0": 0.7, …}')
    if not math.isclose(math.fsum(found.values()), 1.0, abs_tol=1e-6):
        raise BadInput(
            f"its probabilities sum to {math.fsum(found.values()):g}, not 1", where=str(path), mend="divide by the sum"
        )
    return {normal(key): float(value) for key, value in found.items()}


def evaluate(
    log: Log, policy: str, by_arm: Mapping[str, float] | None = None, most_weight: float = math.inf
) -> Evaluation:
    """Estimate a policy (`by_arm` is one from a file) on a log. Raises `BadInput` where nothing can be estimated."""
    targets = [(choice, _target(choice, policy, by_arm)) for choice in log.choices]
    opined = [(choice, target) for choice, target in targets if target]
    rows = [_row(choice, target) for choice, target in opined]
    estimates = (ips(rows, most_weight), snips(rows, most_weight), doubly_robust(rows, most_weight))
    found = Evaluation(
        policy=policy,
        log=log,
        estimates=estimates,
        logged=ips([Logged(propensity=1.0, target=1.0, reward=row.reward) for row in rows if row.propensity]),
        gain=gain(rows, most_weight),
        unreachable=math.fsum(_unreachable(choice, target) for choice, target in opined) / len(opined),
        silent=len(targets) - len(opined),
        warnings=(),
    )
    mean, error = _mean_weight(rows)
    warnings = tuple(Warned(name=name, message=message) for name, message in _doubts(found, mean, error))
    return replace(found, warnings=warnings)


def _target(choice: Choice, policy: str, by_arm: Mapping[str, float] | None) -> Mapping[str, float]:
    """The policy's probabilities of the candidates, summing to 1; empty where it has none for any of them."""
    if by_arm is None and policy == "uniform":
        return dict.fromkeys(choice.candidates, 1.0 / len(choice.candidates))
    named = choice.policies.get(policy) if by_arm is None else by_arm
    if named is None:
        raise BadInput(
            f"has no column '{policy}', and a plain line has no counters to work it out from",
            where=choice.name,
            mend="evaluate the account or its export, or add the column",
        )
    of_candidates = {key: named.get(key, 0.0) for key in choice.candidates}
    total = math.fsum(of_candidates.values())
    return {key: value / total for key, value in of_candidates.items()} if total > 0 else {}


def _row(choice: Choice, target: Mapping[str, float]) -> Logged:
    propensity = dict(zip(choice.candidates, choice.probabilities, strict=True)).get(choice.chosen, 0.0)
    return Logged(
        propensity=propensity if choice.drawn else 0.0,
        target=min(target.get(choice.chosen, 0.0), 1.0),
        reward=choice.reward,
        modelled=choice.modelled.get(choice.chosen, 0.0),
        modelled_policy=expected(target, choice.modelled),
    )


def _unreachable(choice: Choice, target: Mapping[str, float]) -> float:
    pairs = zip(choice.candidates, choice.probabilities, strict=True)
    return math.fsum(target.get(key, 0.0) for key, probability in pairs if probability <= 0.0)


def _mean_weight(rows: list[Logged]) -> tuple[float, float]:
    """The mean weight and its standard error: weights of true propensities average 1."""
    weights = [row.target / row.propensity for row in rows if row.propensity]
    mean = math.fsum(weights) / len(weights)
    spread = math.fsum((weight - mean) ** 2 for weight in weights) / max(len(weights) - 1, 1)
    return mean, math.sqrt(spread / len(weights))


def _doubts(found: Evaluation, mean: float, error: float) -> Iterator[tuple[str, str]]:
    """Every reason why the data cannot tell, the gravest first."""
    plain = found.estimates[0]
    if found.unreachable > NEGLIGIBLE:
        share = f"{found.unreachable:.1%} of what the policy would choose could never have been chosen"
        yield "no overlap", f"{share}: of that the log says nothing (an exploration floor above 0 would)"
    told = f"{plain.choices} choices tell as much of this policy as {plain.effective:.1f} of its own would"
    if plain.effective < LEAST_EFFECTIVE:
        yield "few choices", f"{told}; below {LEAST_EFFECTIVE} the intervals are too narrow"
    elif plain.effective < LEAST_SHARE * plain.choices:
        yield "few choices", told
    if plain.heaviest > HEAVY:
        yield "heavy weight", f"a single post makes up {plain.heaviest:.0%} of all weights"
    if plain.clipped:
        lean = "the estimates lean towards less, and the intervals do not say so"
        yield "clipped", f"{plain.clipped} weights were cut: {lean}"
    if abs(mean - 1.0) > 2 * Z95 * error and abs(mean - 1.0) > NEGLIGIBLE:
        cause = "either the log hardly overlaps with the policy, or other probabilities were drawn from than are logged"
        yield "weights", f"the weights average {mean:.2f}, not 1: {cause}"
    if found.gain.low <= 0.0 <= found.gain.high:
        yield "no difference", "the interval of the gain holds 0: the log does not tell it from what was done"
