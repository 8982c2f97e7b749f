"""Taking over the past of the agent that Songpost replaces: once, into an account that has done nothing yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.account_documents import Control
from songpost.agent import documents, ledger
from songpost.agent.ledger import Desk
from songpost.core import day_plan, learning_state, similarity
from songpost.core.learning_state import Reward
from songpost.core.snapshot import Snapshot
from songpost.errors import CommitConflict
from songpost.model import Action
from songpost.nouns import replace
from songpost.store.port import Change, PutAction

BATCH = 90
"""Actions in one commit: DynamoDB takes 100 changes, some of them two writes."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken over."""

    actions: int
    texts: int
    credits: int


def adopt(
    desk: Desk,
    snapshot: Snapshot,
    past: Sequence[tuple[Action, Reward | None]],
    texts: Iterable[tuple[str, datetime]],
) -> Adopted:
    """Write the past into the account, and pause it until a person has looked.

    The documents come first, in one commit that only an account without any can make; so a second import is
    refused, and one that was cut short says so by its missing actions. Raises `CommitConflict`.
    """
    if set(snapshot.versions) - {documents.SETTINGS, "library"}:
        raise CommitConflict(
            "has a past of its own already", where=f"account {desk.account}", mend="import into a new account"
        )
    now = desk.now()
    since = now - timedelta(days=snapshot.settings.similarity.window_days)
    recent = {(text, at) for text, at in texts if at >= since}
    recent |= {(a.text, a.posted_at) for a, _ in past if a.text and a.posted_at is not None and a.posted_at >= since}
    statistics = day_plan.statistics_of(snapshot, now)
    credited = 0
    for action, earned in past:
        if earned is not None and action.arm is not None and action.posted_at is not None:
            statistics = learning_state.observe(statistics, action.arm, earned, action.posted_at)
            credited += 1
    after = replace(
        snapshot,
        learning=statistics,
        fingerprints=replace(
            snapshot.fingerprints,
            entries=tuple(sorted(similarity.entry(text, at) for text, at in recent)),
        ),
        control=Control(
            paused=True,
            reason="took over the earlier agent's past: see that the other agent is off, then 'songpost resume'",
            changed_at=now,
            changed_by="songpost import",
        ),
    )
    ledger.commit(desk, documents.changes_of(after, after.versions, ("control", "fingerprints", "learning"), ()))
    puts: list[Change] = [PutAction(action, None) for action, _ in past]
    for start in range(0, len(puts), BATCH // 2):
        ledger.commit(desk, puts[start : start + BATCH // 2])
    return Adopted(actions=len(puts), texts=len(recent), credits=credited)
