"""The kill switch, by a person's hand: pause and resume, committed against everything in flight.

It needs nothing but the store: it works where settings, texts or credentials are broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from songpost.account_documents import Control
from songpost.agent import accounts, documents, ledger
from songpost.agent.ledger import Desk
from songpost.core.snapshot import CONTROL
from songpost.errors import CommitConflict, StoreError, StoreUnreadable
from songpost.nouns import replace
from songpost.store.port import Document, PutDocument

ALL = "*"
"""What an event or a command names in place of an account, where it means every account of the store."""


def pause(desk: Desk, reason: str, by: str) -> Control:
    """Stop every admission that has not been committed. A second pause replaces the reason.

    A word by hand, either way, begins the run of refusals by X anew.
    """
    return _switch(desk, lambda known: replace(_by_hand(desk, known, by), paused=True, reason=reason))


def resume(desk: Desk, by: str) -> Control:
    """Let admissions through again; what fell due meanwhile is sent only while its window is open."""
    return _switch(desk, lambda known: replace(_by_hand(desk, known, by), paused=False, reason=""))


def _by_hand(desk: Desk, known: Control, by: str) -> Control:
    return replace(known, changed_at=desk.now(), changed_by=by, refusals=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What turning the switch of every account came to: the accounts that were turned, and why others were not."""

    done: Mapping[str, Control] = field(default_factory=dict)
    failed: Mapping[str, StoreError] = field(default_factory=dict)


def turn_all(desk: Desk, turn: Callable[[Desk], Control]) -> Turned:
    """Turn the switch of every account of the store, this one's first; a failure keeps no other from being turned.

    Accounts that come while this is at work are turned too: the register is read until it shows none that is new.
    """
    done: dict[str, Control] = {}
    failed: dict[str, StoreError] = {}
    waiting = [desk.account]
    while waiting:
        for account in waiting:
            try:
                done[account] = turn(replace(desk, account=account))
            except StoreError as error:
                failed[account] = error
        waiting = [account for account in accounts.known(desk.store) if account not in {*done, *failed}]
    return Turned(done=done, failed=failed)


def _switch(desk: Desk, turned: Callable[[Control], Control]) -> Control:
    for _ in range(ledger.RACES):
        document = desk.store.load(desk.account).documents.get(CONTROL)
        after = turned(_known(document))
        put = PutDocument(CONTROL, documents.encode(after), 0 if document is None else document.version)
        try:
            # An imported account has plans and no push: it may act from here on, so `turn_all` has to know of it.
            ledger.commit(desk, [put, accounts.registered(desk.account)])
        except CommitConflict:
            continue
        return after
    raise CommitConflict("lost every race", where=desk.account, mend="run it again")


def _known(document: Document | None) -> Control:
    """The switch as it stands; one that cannot be read is no reason not to throw it, and forgets what it counted."""
    if document is None:
        return Control()
    try:
        return documents.decode(CONTROL, document.body, Control)
    except StoreUnreadable:
        return Control()
