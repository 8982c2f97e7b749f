"""The decision log: logged choices with what they earned, from an account's store, its export, or a plain file.

A choice is a stored decision whose post was credited. The credit names the slot, the slot's day names its decisions,
and the arm tells which of them it was; where that leaves a doubt the choice is left out and counted. Of two plans of
one day (settings that changed) the one that knows the slot counts.

A plain file is JSON Lines, one choice a line:

    {"candidates": ["bread|noon|0", …], "probabilities": [0.5, …], "chosen": "bread|noon|0", "reward": 0.012}

with `modelled` beside it where a model of the reward is known (by arm; it must not have seen this choice's reward),
and `thompson` or `greedy` (probabilities by arm) where those policies are to be evaluated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from songpost.agent import documents
from songpost.agent.crediting import CREDITS, Stored
from songpost.agent.moving import records_in
from songpost.agent.planning import DECISIONS, STATISTICS
from songpost.core import bandit, posterior
from songpost.core.bandit import WHOLE, Decision
from songpost.core.learning_state import (
    FRACTION_BITS,
    REFERENCE_RATE,
    WEIGHT_BITS,
    Statistics,
    arm_key,
    arm_of,
    exponent_at,
)
from songpost.errors import BadInput, quote
from songpost.lab.replay import DayOfDecisions, day_of
from songpost.model import Json
from songpost.store.port import Store

PRIOR_POSTS = 3.0
"""What the reward model's prior for an arm, the account's mean, is worth."""
LEAST_DRAWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One logged choice and what it earned.

    `probabilities` are of `candidates` (arm keys), `modelled` is what a model that had not seen it expects of each.
    `policies` maps a learner's policy to its probabilities by arm. `drawn` is false where a person chose otherwise.
    """

    name: str
    candidates: tuple[str, ...]
    probabilities: tuple[float, ...]
    chosen: str
    reward: float
    modelled: Mapping[str, float] = field(default_factory=dict)
    policies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    drawn: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Choices in the order of their days, and how many are left out: not credited (yet), or with a doubt."""

    choices: tuple[Choice, ...]
    decisions: int
    uncredited: int = 0
    doubtful: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Records:
    """What the log is made from: days of decisions, counters by digest, credits by post."""

    days: tuple[DayOfDecisions, ...]
    counters: Mapping[str, Statistics]
    credits_: Mapping[str, Stored]


def from_store(store: Store, account: str, policy: str = "") -> Log:
    """The log of an account; `policy` is the learner's policy to work out for each choice, if any. Reads only."""
    bodies = {
        name: [(item.key, item.body) for item in store.items(account, name)]
        for name in (DECISIONS, STATISTICS, CREDITS)
    }
    return _joined(_decoded(bodies), policy, f"account {account}")


def from_file(path: Path, policy: str = "") -> Log:
    """The log of a file: what `songpost export` wrote, or plain lines. Raises `BadInput`, and as an import does."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({error})", where=str(path), mend="name an export, or JSON Lines") from error
    if lines and '"record"' in lines[0]:
        bodies: dict[str, list[tuple[str, Mapping[str, Json]]]] = {DECISIONS: [], STATISTICS: [], CREDITS: []}
        for record in records_in(lines, str(path)):
            key, body = record.get("key"), record.get("body")
            if record.get("collection") in bodies and isinstance(key, str) and isinstance(body, dict):
                bodies[str(record["collection"])].append((key, body))
        return _joined(_decoded(bodies), policy, str(path))
    choices = tuple(_plain(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip())
    return Log(choices=choices, decisions=len(choices), source=str(path))


def _decoded(bodies: Mapping[str, Sequence[tuple[str, Mapping[str, Json]]]]) -> _Records:
    return _Records(
        days=tuple(day_of(key, body) for key, body in bodies[DECISIONS]),
        counters={key: documents.decode(STATISTICS, body, Statistics) for key, body in bodies[STATISTICS]},
        credits_={key: documents.decode(CREDITS, body, Stored) for key, body in bodies[CREDITS]},
    )


def _joined(records: _Records, policy: str, source: str) -> Log:
    of_date: dict[str, list[DayOfDecisions]] = {}
    for day in records.days:
        of_date.setdefault(day.key.partition("/")[0], []).append(day)
    taken: set[tuple[str, str]] = set()
    choices: list[Choice] = []
    doubtful = 0
    for credit in sorted(records.credits_.values(), key=lambda one: (one.posted_at, one.key)):
        found = _decision_of(credit, of_date, taken)
        if found is None:
            doubtful += 1
            continue
        day, decision = found
        taken.add((day.key, decision.name))
        statistics = records.counters.get(decision.statistics)
        if statistics is None:
            doubtful += 1
            continue
        choices.append(_choice(day, decision, statistics, credit, policy))
    decisions = sum(len(day.decisions) for day in records.days)
    return Log(
        choices=tuple(choices),
        decisions=decisions,
        uncredited=max(decisions - len(choices) - doubtful, 0),
        doubtful=doubtful,
        source=source,
    )


def _decision_of(
    credit: Stored, of_date: Mapping[str, Sequence[DayOfDecisions]], taken: set[tuple[str, str]]
) -> tuple[DayOfDecisions, Decision] | None:
    """The decision that a credited post goes back to; `None` where there is none, or two that were not alike."""
    date = credit.key.split("/")[1] if credit.key.count("/") > 1 else ""
    wanted = arm_key(credit.arm)
    found = [
        (day, decision)
        for day in of_date.get(date, ())
        if credit.key in day.slots
        for decision in day.decisions
        if decision.chosen == wanted and (day.key, decision.name) not in taken
    ]
    alike = {(decision.candidates, decision.probabilities, decision.statistics) for _, decision in found}
    days = {day.key for day, _ in found}
    return found[0] if found and (len(days) == 1 or len(alike) == 1) else None


def _choice(day: DayOfDecisions, decision: Decision, statistics: Statistics, credit: Stored, policy: str) -> Choice:
    return Choice(
        name=f"{day.key}/{decision.name}",
        candidates=decision.candidates,
        probabilities=tuple(parts / WHOLE for parts in decision.probabilities),
        chosen=decision.chosen,
        reward=credit.reward.rate / (1 << FRACTION_BITS),
        modelled=modelled(statistics, decision.candidates, _at(decision)),
        policies={policy: _LEARNERS[policy](decision, statistics)} if policy in _LEARNERS else {},
        drawn=not decision.override,
    )


def modelled(statistics: Statistics, candidates: Iterable[str], at: datetime) -> dict[str, float]:
    """What counters expect of each arm at a time: its mean rate, drawn to the account's as if by `PRIOR_POSTS` posts.

    The counters are those that the decision was made from, so they have not seen what came of it.
    """
    prior = PRIOR_POSTS * 2.0 ** exponent_at(statistics, at)
    sums = {key: (line[1] / 2**WEIGHT_BITS, line[2] / 2**FRACTION_BITS) for key, line in statistics.counters.items()}
    posts, rates = (math.fsum(line[part] for line in sums.values()) for part in (0, 1))
    mean = (rates + prior * REFERENCE_RATE) / (posts + prior)
    known = {key: (rate + prior * mean) / (n + prior) for key, (n, rate) in sums.items()}
    return {key: known.get(key, mean) for key in candidates}


def _thompson(decision: Decision, statistics: Statistics) -> dict[str, float]:
    """How often each candidate is the best in draws of the posterior, without the floor: Thompson sampling itself."""
    if decision.wins:
        return {key: won / decision.draws for key, won in zip(decision.candidates, decision.wins, strict=True)}
    candidates = [arm_of(key) for key in decision.candidates]
    again = bandit.choose(candidates, statistics, decision.seed, _at(decision), name=decision.name)
    return {key: parts / WHOLE for key, parts in zip(again.candidates, again.probabilities, strict=True)}


def _greedy(decision: Decision, statistics: Statistics) -> dict[str, float]:
    """The candidate with the highest expectation, always: the means of the posterior's models by their evidence."""
    arms = [arm_of(key) for key in decision.candidates]
    drawn = posterior.draw(statistics, arms, _at(decision), decision.seed, draws=LEAST_DRAWS, spread=0.0, curiosity=0.0)
    means = [math.fsum(math.exp(row[place]) for row in drawn.values) for place in range(len(arms))]
    best = max(range(len(arms)), key=means.__getitem__)
    return {key: float(place == best) for place, key in enumerate(decision.candidates)}


_LEARNERS = {"thompson": _thompson, "greedy": _greedy}
"""The learner's own policies, worked out from the counters of each decision."""


def _at(decision: Decision) -> datetime:
    return datetime.fromisoformat(decision.at)


# ------------------------------------------------------------------------------------------------------ plain lines


def _plain(line: str, where: str) -> Choice:
    """One plain line. Raises `BadInput` with what is wrong with it."""
    try:
        found = json.loads(line)
    except ValueError:
        raise BadInput("is no JSON", where=where, mend="write one JSON object a line") from None
    try:
        known = msgspec.convert(found, _Line, strict=True)
    except msgspec.ValidationError as error:
        raise BadInput(quote(str(error)), where=where, mend="see 'songpost evaluate --help' for the columns") from None
    keys = tuple(normal(key) for key in known.candidates)
    chosen = normal(known.chosen)
    whole = math.fsum(known.probabilities)
    if len(keys) != len(known.probabilities) or chosen not in keys or not math.isclose(whole, 1.0, abs_tol=1e-6):
        raise BadInput(
            "needs a probability for each candidate, together 1, and one of the candidates as chosen",
            where=where,
            mend="log the whole distribution that the choice was drawn from",
        )
    if known.modelled and not set(keys) <= {normal(key) for key in known.modelled}:
        raise BadInput("has a model that leaves candidates out", where=where, mend="model every candidate, or none")
    policies = {"thompson": known.thompson, "greedy": known.greedy}
    return Choice(
        name=where,
        candidates=keys,
        probabilities=tuple(known.probabilities),
        chosen=chosen,
        reward=known.reward,
        modelled={normal(key): value for key, value in known.modelled.items()},
        policies={
            name: {normal(key): value for key, value in by_arm.items()} for name, by_arm in policies.items() if by_arm
        },
    )


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns of a plain line; `name` is for people."""

    candidates: list[str]
    probabilities: list[Annotated[float, msgspec.Meta(ge=0, le=1)]]
    chosen: str
    reward: float
    name: str = ""
    modelled: dict[str, float] = {}
    thompson: dict[str, float] = {}
    greedy: dict[str, float] = {}


def normal(key: str) -> str:
    """An arm's key, also where it is written as tables show it (`bread|noon|text`)."""
    start, bar, last = key.rpartition("|")
    return start + bar + {"text": "0", "media": "1"}.get(last, last)
