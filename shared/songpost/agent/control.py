"""The kill switch, by a person's hand: pause and resume, committed against everything in flight.

It needs nothing but the store: it works where settings, texts or credentials are broken.
"""

from __future__ import annotations

from collections.abc import Callable

from songpost.account_documents import Control
from songpost.agent import documents, ledger
from songpost.agent.ledger import Desk
from songpost.core.snapshot import CONTROL
from songpost.errors import CommitConflict
from songpost.store.port import PutDocument


def pause(desk: Desk, reason: str, by: str) -> Control:
    """Stop every admission that has not been committed. A second pause replaces the reason."""
    return _switch(desk, lambda: Control(paused=True, reason=reason, changed_at=desk.now(), changed_by=by))


def resume(desk: Desk, by: str) -> Control:
    """Let admissions through again; what fell due meanwhile is sent only while its window is open."""
    return _switch(desk, lambda: Control(paused=False, changed_at=desk.now(), changed_by=by))


def _switch(desk: Desk, control: Callable[[], Control]) -> Control:
    for _ in range(ledger.RACES):
        document = desk.store.load(desk.account).documents.get(CONTROL)
        after = control()
        put = PutDocument(CONTROL, documents.encode(after), 0 if document is None else document.version)
        try:
            ledger.commit(desk, [put])
        except CommitConflict:
            continue
        return after
    raise CommitConflict("lost every race", where=desk.account, mend="run it again")
