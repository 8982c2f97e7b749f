"""Whether the ledger is what it was: every history's chain, and every counter recounted from the actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from songpost.core import admission
from songpost.core.snapshot import Snapshot
from songpost.model import Action, State, event_digest


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: where, what, and what to do."""

    where: str
    what: str
    mend: str


def broken_chains(actions: Iterable[Action]) -> Iterator[Finding]:
    """Histories in which a line was changed, removed from the middle, or put in later."""
    for action in actions:
        previous = ""
        for number, event in enumerate(action.history, 1):
            if event_digest(previous, event, action.key) != event.digest:
                yield Finding(
                    action.key,
                    f"line {number} of its history was changed, or one before it is gone",
                    "compare it with a backup; the store was written by something else than Songpost",
                )
                break
            previous = event.digest
        if action.history and action.history[-1].state is not action.state:
            yield Finding(
                action.key,
                f"is {action.state.value}, but its history ends with {action.history[-1].state.value}",
                "compare it with a backup",
            )


def _took_a_place(action: Action) -> bool:
    """Whether an action counts in its window: it is on X, may be, or X itself refused it.

    One whose attempt gave its place back, and which was refused here later, does not.
    """
    if not action.attempts:
        return False
    if action.state is State.REFUSED:
        return action.attempts[-1].outcome == "refused" or bool(action.post_ids)
    return action.state in {State.SENT, State.SENDING, State.UNKNOWN, State.PARTIAL} or bool(action.post_ids)


def miscounts(snapshot: Snapshot, actions: Iterable[Action]) -> Iterator[Finding]:
    """Counters that do not cover what the actions say: fewer windows counted, or less money, than was used."""
    usage = snapshot.usage
    windows: Counter[str] = Counter()
    days: Counter[str] = Counter()
    for action in actions:
        if _took_a_place(action):
            windows[admission.window_key(action)] += 1
        for attempt in action.attempts:
            micros = attempt.reserved_micros if attempt.settled_micros is None else attempt.settled_micros
            days[attempt.started_at.date().isoformat()] += micros
        if action.held is not None:
            days[action.held.booked_at.date().isoformat()] += action.held.micros
    for key, used in sorted(windows.items()):
        counted = usage.windows.get(key)
        if counted is not None and counted < used:
            yield Finding(f"usage {key}", f"counts {counted}, the ledger has {used}", "pause, and report it")
    for day, micros in sorted(days.items()):
        tally = usage.days.get(day)
        if tally is not None and tally.spent_micros < micros:
            yield Finding(
                f"usage {day}",
                f"counts ${tally.spent_micros / 1e6:.3f}, the actions alone cost ${micros / 1e6:.3f}",
                "pause, and compare with X's own bill",
            )
