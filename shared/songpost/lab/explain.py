"""Explain: one action's story in plain words, from what was stored of it.

What is told: how it was chosen (the stored decision), what the ledger's history says, each attempt with its price, and
what came of it. The verdicts of gates that let it through were never stored; that it was sent says that all did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from songpost.agent import crediting
from songpost.agent.crediting import Stored
from songpost.core import bandit
from songpost.core.bandit import Decision
from songpost.core.learning_state import FRACTION_BITS, arm_of
from songpost.errors import NotFound
from songpost.lab.replay import DayOfDecisions, days_of
from songpost.model import Action, Attempt, State, event_digest
from songpost.store.port import Store

MOST_CANDIDATES = 8
"""Candidates that are told one by one; the rest as one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One arm that could have been chosen, its probability (0 to 1), and in how many draws it was the best."""

    arm: str
    probability: float
    wins: int | None
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the story: its title and its sentences."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is known of an action. `decision` is the name of the choice behind it; none where a person chose."""

    key: str
    state: str
    text: str
    decision: str
    candidates: tuple[Candidate, ...]
    left_out: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]


def explain(store: Store, account: str, key: str, timezone: str) -> Story:
    """The story of an action, times in a zone's. Reads only. Raises `NotFound` for a key that the ledger lacks."""
    stored = store.action(account, key)
    if stored is None:
        raise NotFound(
            "no such action", where=key, mend="see 'songpost actions'; what is planned, 'songpost plan' shows"
        )
    action, zone = stored.action, ZoneInfo(timezone)
    decision, exact = chosen_by(store, account, action)
    credit = None
    if action.post_id:
        credit = crediting.stored_credits(store, account, (action.post_id,)).get(action.post_id)
    parts = (
        Part(title="Why this post", sentences=tuple(_choice(action, decision, exact=exact))),
        Part(title="When", sentences=tuple(_time(action, zone))),
        Part(title="Gates", sentences=tuple(_gates(action))),
        Part(title="Attempts and price", sentences=tuple(_attempts(action, zone))),
        Part(title="What happened", sentences=tuple(_history(action, zone))),
        Part(title="What came of it", sentences=tuple(_outcome(action, credit, zone))),
    )
    return Story(
        key=action.key,
        state=action.state.value,
        text=action.text,
        decision="" if decision is None else decision.name,
        candidates=() if decision is None else candidates_of(decision),
        left_out=() if decision is None else tuple((str(arm_of(arm)), why) for arm, why in decision.left_out),
        parts=parts,
    )


def chosen_by(store: Store, account: str, action: Action) -> tuple[Decision | None, bool]:
    """The decision that chose an action's arm, and whether there was only one that it can be.

    Decisions are kept by day with the slots that they were for, not slot by slot: of a day's choices of the same arm,
    the one is taken that stands where the slot stands among those of that arm.
    """
    arm = action.arm
    date = action.key.split("/")[1] if action.key.count("/") >= 2 else ""
    if arm is None or not date:
        return None, True
    days = [day for day in days_of(store, account, date) if day.key.startswith(f"{date}/")]
    days = [day for day in days if action.key in day.slots] or days
    if not days:
        return None, True
    fitting = [decision for decision in days[-1].decisions if decision.arm == arm]
    place = min(_place(days[-1], action), len(fitting) - 1)
    return (fitting[place], len(fitting) == 1 and len(days) == 1) if fitting else (None, True)


def _place(day: DayOfDecisions, action: Action) -> int:
    """Which of its window's slots a slot is, from 0."""
    window = action.key.rsplit("/", 1)[0]
    same = [slot for slot in day.slots if slot.rsplit("/", 1)[0] == window]
    return same.index(action.key) if action.key in same else 0


def candidates_of(decision: Decision) -> tuple[Candidate, ...]:
    """The candidates, the likeliest first."""
    wins: tuple[int | None, ...] = decision.wins or (None,) * len(decision.candidates)
    found = [
        Candidate(arm=str(arm_of(key)), probability=part / bandit.WHOLE, wins=won, chosen=key == decision.chosen)
        for key, part, won in zip(decision.candidates, decision.probabilities, wins, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.probability, one.arm)))


def _choice(action: Action, decision: Decision | None, *, exact: bool) -> Iterator[str]:
    if decision is None:
        yield (
            "No decision of the learner is stored for it: "
            + (
                "a person, or what somebody said, brought it about."
                if action.arm is None
                else "it is older than the log."
            )
        )
        return
    found = candidates_of(decision)
    chosen = next((one for one in found if one.chosen), None)
    if decision.override:
        yield f"It was decided otherwise than drawn: {decision.override}."
    if decision.wins:
        yield (
            f"The learner drew {decision.draws} times what each of {len(found)} candidates may earn; how often one was "
            f"the best is its probability, but for a floor of {decision.floor / bandit.WHOLE:.1%} shared by all."
        )
    else:
        yield f"Learning was off, so each of {len(found)} candidates was as likely as any other."
    if chosen is not None:
        draw = decision.uniform / bandit.WHOLE
        yield f"{chosen.arm} had a probability of {chosen.probability:.1%}, and the draw of {draw:.4f} fell on it."
    for one in found[:MOST_CANDIDATES]:
        best = "" if one.wins is None else f", best in {one.wins} of {decision.draws} draws"
        yield f"{'chosen' if one.chosen else 'candidate'}: {one.arm}, {one.probability:.1%}{best}"
    if len(found) > MOST_CANDIDATES:
        rest = sum(one.probability for one in found[MOST_CANDIDATES:])
        yield f"{len(found) - MOST_CANDIDATES} more candidates shared {rest:.1%}."
    for arm, why in decision.left_out:
        yield f"left out: {arm_of(arm)}, because {why}"
    if not exact:
        yield "That day chose this arm more than once; which of those choices became this slot is told by their order."


def _time(action: Action, zone: ZoneInfo) -> Iterator[str]:
    window = f" of the window '{action.window}'" if action.window else ""
    yield f"It was due at {_at(action.due_at, zone)}{window}, and could be sent until {_at(action.closes_at, zone)}."


def _gates(action: Action) -> Iterator[str]:
    if action.gate:
        yield f"It stood at the gate '{action.gate}': {action.reason}"
    if action.attempts:
        count = len(action.attempts)
        yield (
            f"Every gate let it through {'once' if count == 1 else f'{count} times'}: without that, no attempt is "
            "booked. The verdicts of each gate are not stored."
        )
    elif not action.gate:
        yield "No gate has been asked in a way that was stored."
    if action.approved_at is not None:
        yield f"A person approved it at {action.approved_at:%Y-%m-%d %H:%M} UTC."


def _attempts(action: Action, zone: ZoneInfo) -> Iterator[str]:
    if not action.attempts:
        yield "X was never called for it, and it cost nothing."
    for number, attempt in enumerate(action.attempts, 1):
        yield f"Attempt {number} at {_at(attempt.started_at, zone)}: {_came_to(attempt)}"
    settled = [attempt.settled_micros for attempt in action.attempts]
    if settled and None not in settled:
        yield f"In all it cost {_usd(sum(micros or 0 for micros in settled))}."


def _came_to(attempt: Attempt) -> str:
    said = f"{_usd(attempt.reserved_micros)} were set aside at the worst price, "
    if attempt.settled_micros is None:
        said += "and are held until its outcome is known"
    else:
        said += f"{_usd(attempt.settled_micros)} counted in the end"
    said += f"; outcome: {attempt.outcome or 'open'}."
    if attempt.reads:
        said += f" {attempt.reads} looks into the own timeline returned {attempt.resources} posts."
    return said


def _history(action: Action, zone: ZoneInfo) -> Iterator[str]:
    previous = ""
    for event in action.history:
        whole = event_digest(previous, event, action.key) == event.digest
        yield f"{_at(event.at, zone, seconds=True)}, {event.state.value}: {event.note}" + (
            "" if whole else " (the chain of this history is BROKEN here: it was changed later)"
        )
        previous = event.digest


def _outcome(action: Action, credit: Stored | None, zone: ZoneInfo) -> Iterator[str]:
    endings = {
        State.SENT: "It was sent",
        State.PARTIAL: "It was sent in part",
        State.REFUSED: "It was refused and is over",
        State.ABANDONED: "It was given up",
        State.UNKNOWN: "Nobody knows yet whether X has it; a person can say so ('songpost actions resolve')",
        State.SENDING: "It is being sent",
        State.PLANNED: "It waits for its time",
        State.PROPOSED: "It waits for a person's word ('songpost approvals list')",
    }
    said = endings[action.state]
    if action.post_id:
        said += f" as post {action.post_id}"
    yield said + (f": {action.reason}" if action.reason else "") + "."
    if credit is not None:
        reward = credit.reward
        yield (
            f"The learner was credited at {_at(credit.credited_at, zone)}: {reward.engagements} engagements on "
            f"{reward.impressions} impressions, a reward of {reward.rate / (1 << FRACTION_BITS):.2%}."
        )
        if credit.corrected_at is not None:
            yield f"That was corrected once, at {_at(credit.corrected_at, zone)}."
    elif action.state is State.SENT and action.arm is not None:
        yield "The learner has not been credited with it."


def _at(at: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if seconds else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _usd(micros: int) -> str:
    return f"${micros / 1e6:.3f}"
