"""The ledger: every way in which an action changes, each as one commit.

    proposed → planned → sending → sent | refused | unknown | planned again        (drawn in docs/architecture.md)

`book` is the only door to X: it decides by `admission.admit` and commits the decision with the versions it was
made from. `record` writes what came of the call. What an outcome does to an action is in `transitions.py`; here it
is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from songpost import telemetry
from songpost.agent import apart, documents, pausing, transitions
from songpost.core import admission, rate_limits
from songpost.core.admission import Admitted, Refused
from songpost.core.breakers import Trip
from songpost.core.snapshot import Snapshot
from songpost.errors import (
    CommitConflict,
    CommitUnanswered,
    NotFound,
    StoreUnavailable,
)
from songpost.model import Action, State
from songpost.nouns import replace
from songpost.store.port import Change, PutAction, Store, StoredAction

logger = logging.getLogger(__name__)

R = TypeVar("R")
RACES = 24
"""How often a lost race is decided again before a tick gives up."""
RACE_WAIT_SECONDS = 0.02
ANSWER_TRIES = 6
ANSWER_WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Desk:
    """What the ledger needs: the store, the time, a way to wait, fresh ids, and how to get the account anew.

    `chance` draws from [0, 1): two that have lost a race to each other shall not meet again.
    """

    store: Store
    account: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    new_id: Callable[[], str]
    chance: Callable[[], float]
    reload: Callable[[], tuple[Snapshot, dict[str, StoredAction]]]


def commit(desk: Desk, changes: Sequence[Change]) -> None:
    """Commit, and repeat an unanswered commit with its token until the answer is definite.

    Raises `CommitConflict` where a race was lost, `StoreUnavailable` where no answer came in the end: the
    caller must then take it that anything may have been written, and do nothing on X.
    """
    token = desk.new_id()
    unanswered = False
    for attempt in range(ANSWER_TRIES):
        try:
            with telemetry.span("commit", changes=len(changes), attempt=attempt + 1):
                desk.store.commit(desk.account, changes, token)
        except CommitUnanswered:
            unanswered = True
        except StoreUnavailable:
            # After an answer that got lost this says only that the repeat was not written.
            if not unanswered:
                raise
        else:
            return
        desk.sleep(ANSWER_WAIT_SECONDS * attempt)
    raise StoreUnavailable(
        f"gave no answer to a commit in {ANSWER_TRIES} tries",
        where=desk.account,
        mend="nothing was sent; the next tick decides again",
    )


@dataclass(frozen=True, slots=True)
class Account:
    """The account in hand: its snapshot, and the open actions with the versions that a write must expect."""

    snapshot: Snapshot
    stored: dict[str, StoredAction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Generic[R]):
    """A decision about an account, ready to be committed; with nothing to write it is only a `result`.

    `written` and `relied_on` name documents of `snapshot`; `actions` are written over what they were read from.
    """

    snapshot: Snapshot
    written: tuple[str, ...] = ()
    relied_on: tuple[str, ...] = ()
    actions: tuple[tuple[Action, StoredAction | None], ...] = ()
    others: tuple[Change, ...] = ()
    result: R


def move(desk: Desk, account: Account, decide: Callable[[Account], Move[R]]) -> tuple[Account, R]:
    """Decide and commit; after a lost race load the account anew and decide again, `RACES` times.

    `decide` is pure but for strongly consistent reads. The account comes back as the commit left it. Raises
    `StoreUnavailable`, and `CommitConflict` where every race was lost.
    """
    #   this tick          another tick
    #   load v7            load v7
    #   commit 7 → 8       commit 7 → 8: the expectation fails, nothing is written, it loads v8 and decides again
    # Whoever writes a document expects the version that its decision was made from, so all moves that write one
    # document stand in one order, and none of them rests on what another has already changed.
    for race in range(RACES):
        if race:
            desk.sleep(RACE_WAIT_SECONDS * desk.chance() * race)
            account = Account(*desk.reload())
        chosen = decide(account)
        if not (chosen.written or chosen.actions or chosen.others):
            return account, chosen.result
        versions = account.snapshot.versions
        changes = documents.changes_of(chosen.snapshot, versions, chosen.written, chosen.relied_on)
        changes += [PutAction(action, previous) for action, previous in chosen.actions]
        changes += chosen.others
        try:
            commit(desk, changes)
        except CommitConflict:
            continue
        _tell(chosen.actions)
        return _after(chosen, account.stored, documents.moved(versions, changes)), chosen.result
    raise CommitConflict(
        f"lost {RACES} races in a row", where=desk.account, mend="other ticks are at work; the next one decides"
    )


def _tell(actions: Iterable[tuple[Action, StoredAction | None]]) -> None:
    """Raise an alarm for a thread that has just ended in part: only a person can finish or delete it."""
    for action, previous in actions:
        if action.state is State.PARTIAL and (previous is None or previous.action.state is not State.PARTIAL):
            told = f"{action.next_step} of {len(action.steps)} posts are on X"
            logger.warning("%s: %s: %s", action.key, told, action.reason, extra={"alarm": "Partial"})


def _after(chosen: Move[R], stored: Mapping[str, StoredAction], versions: Mapping[str, int]) -> Account:
    """The account as a commit left it, with actions as they were just written; a closed one leaves it."""
    kept, actions = dict(stored), dict(chosen.snapshot.actions)
    for action, previous in chosen.actions:
        kept.pop(action.key, None)
        actions.pop(action.key, None)
        if action.is_open:
            kept[action.key] = StoredAction(action, 1 if previous is None else previous.version + 1)
            actions[action.key] = action
    return Account(replace(chosen.snapshot, versions=versions, actions=actions), kept)


RELIED_ON = ("control", "identity", "timeline", documents.SETTINGS)
"""What every admission rests on besides what it writes: a pause, or new settings, undo it."""


def book(desk: Desk, account: Account, action: Action) -> tuple[Account, Admitted | Refused]:
    """Admit a planned action and commit its booking. Only a returned `Admitted` may be carried out on X.

    Raises as `move` does.
    """
    fresh, races = action.key not in account.stored, 0

    def decide(current: Account) -> Move[Admitted | Refused]:
        nonlocal races
        races += 1
        stored = current.stored.get(action.key)
        # The booking itself fails where a closed action of this key exists; only then is it worth a request to ask.
        if stored is None and (not fresh or (races > 1 and desk.store.action(desk.account, action.key) is not None)):
            return Move(snapshot=current.snapshot, result=_taken("another tick has taken it to its end"))
        if stored is not None and stored.action.state is not State.PLANNED:
            return Move(snapshot=current.snapshot, result=_taken(f"another tick has it: {stored.action.state.value}"))
        wanted = action if stored is None else stored.action
        with telemetry.span("admission", kind=wanted.kind.value) as span:
            decision = admission.admit(current.snapshot, wanted, desk.now(), desk.new_id())
            span.tell(refused_by=decision.gate if isinstance(decision, Refused) else "")
        if isinstance(decision, Refused):
            return Move(snapshot=current.snapshot, result=decision)
        # What it has said before has left marks of its own; to find them by a commit that fails costs more.
        again = f"{wanted.content_id}/{wanted.variant}" in current.snapshot.fingerprints.used
        rule, ask = current.snapshot.settings.similarity, again or races > 1 or bool(wanted.attempts)
        marks = apart.kept(desk.store, desk.account, decision, rule, desk.now(), ask=ask)
        if isinstance(marks, Refused):
            return Move(snapshot=current.snapshot, result=marks)
        return Move(
            snapshot=decision.snapshot,
            written=decision.written,
            relied_on=RELIED_ON,
            actions=((decision.action, stored),),
            others=marks,
            result=decision,
        )

    return move(desk, account, decide)


def _taken(reason: str) -> Refused:
    return Refused(gate="ledger", reason=reason, retry_at=None, final=False, quote=None, verdicts=())


def record(desk: Desk, account: Account, key: str, outcome: transitions.Outcome) -> Account:
    """Commit an outcome, however late and whatever state the action is in by now.

    Raises `StoreUnavailable` where the store gives no answer: the action then stays `sending`, and is
    reconciled from the timeline.
    """

    def decide(current: Account) -> Move[Trip | None]:
        previous = current.stored.get(key) or desk.store.action(desk.account, key)
        if previous is None:
            raise NotFound("no such action", where=key, mend="see 'songpost actions'")
        after = transitions.settled(previous.action, outcome)
        snapshot = transitions.booked_after(current.snapshot, previous.action, after, outcome.attempt_id)
        snapshot = replace(snapshot, limits=rate_limits.learned(snapshot.limits, outcome.limits))
        snapshot, trip = pausing.after_outcome(snapshot, previous.action, after, outcome.error, outcome.at)
        return Move(
            snapshot=snapshot,
            written=transitions.differing(current.snapshot, snapshot),
            actions=((after, previous),),
            result=trip,
        )

    account, trip = move(desk, account, decide)
    pausing.tell(trip)
    return account
