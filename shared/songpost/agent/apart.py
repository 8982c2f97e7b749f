"""Texts of different accounts kept apart, in the transaction that books them.

    account A                                account B, at the same moment
    put bands/… only if free  ✔              put bands/… only if free: the commit fails, nothing is written
                                             it reads who stands there, compares, and is refused, or goes on without

The marks lie in a partition that all accounts of a store share (`core/neighbours.py`). Only a lost race, a second
attempt, or a text that the account has used before costs a read of them. Of a thread the first post is kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from songpost.agent import documents
from songpost.core import neighbours
from songpost.core.admission import Admitted, Refused, Verdict
from songpost.core.neighbours import Mark
from songpost.model import CREATES
from songpost.settings import Similarity
from songpost.store.port import PutItem, Store

SHARED = "*"
"""The partition that all accounts share: no account can have that name (runtime.py)."""
BANDS = "bands"


def kept(
    store: Store, account: str, decision: Admitted, rule: Similarity, now: datetime, *, ask: bool
) -> tuple[PutItem, ...] | Refused:
    """What the booking of an admitted text leaves for other accounts, or why one of theirs forbids it.

    Unless it should `ask`, it takes every place to be free: the commit fails where one is not.
    """
    words = words_of(decision)
    if not words:
        return ()
    body = documents.encode(neighbours.mark(account, words, now))
    until = neighbours.forgotten_at(now)
    places = neighbours.keys(words, now)
    if not ask:
        return tuple(PutItem(BANDS, key, body, expires_at=until, account=SHARED) for key in places)
    taken = dict(_taken(store, places))
    reason = neighbours.objection(taken.values(), account, words, rule, now)
    if reason:
        return refused(decision, reason)
    # Another account's mark stays, whatever is under it: it may be all that keeps a third text from it.
    return tuple(
        PutItem(BANDS, key, body, if_absent=key not in taken, expires_at=until, account=SHARED)
        for key in places
        if key not in taken or taken[key].account == account
    )


Objection = Callable[[Admitted], Refused | None]
"""What a dry run asks about an admitted action."""


def objections(store: Store, account: str, now: datetime) -> Objection:
    """What a live run at `now` would find in the way of an admitted text. Reads, and writes nothing."""

    def objection(decision: Admitted) -> Refused | None:
        words, rule = words_of(decision), decision.snapshot.settings.similarity
        marks = dict(_taken(store, neighbours.keys(words, now))) if words else {}
        reason = neighbours.objection(marks.values(), account, words, rule, now)
        return refused(decision, reason) if reason else None

    return objection


def no_objection(_: Admitted) -> None:
    """Nobody else is there."""


def words_of(decision: Admitted) -> str:
    """The text that an admitted attempt is kept apart by; empty where it has none."""
    action, step = decision.action, decision.attempt.step
    return action.text if action.kind in CREATES and step == 0 else ""


def refused(decision: Admitted, reason: str) -> Refused:
    """The duplicate gate's word, once the store has been asked."""
    verdict = Verdict(gate="duplicate", passed=False, detail=reason)
    verdicts = tuple(verdict if one.gate == verdict.gate else one for one in decision.verdicts)
    return Refused(gate=verdict.gate, reason=reason, retry_at=None, final=True, quote=decision.quote, verdicts=verdicts)


def _taken(store: Store, places: tuple[str, ...]) -> Iterator[tuple[str, Mark]]:
    """The marks that stand under these keys; strongly consistent."""
    for key in places:
        found = next(store.items(SHARED, BANDS, after=key[:-1], until=key, newest_first=True), None)
        if found is not None and found.key == key:
            yield key, documents.decode(BANDS, found.body, Mark)
