"""The kill switch, by a person's hand: pause and resume, committed against everything in flight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from songpost.agent import ledger
from songpost.agent.ledger import Account, Desk, Move
from songpost.model import Control


def pause(desk: Desk, account: Account, reason: str, by: str) -> Account:
    """Stop every admission that has not been committed. A second pause replaces the reason."""
    return _switch(desk, account, lambda at: Control(paused=True, reason=reason, changed_at=at, changed_by=by))


def resume(desk: Desk, account: Account, by: str) -> Account:
    """Let admissions through again; what was due in the meantime is sent only while its window is open."""
    return _switch(desk, account, lambda at: Control(paused=False, changed_at=at, changed_by=by))


def _switch(desk: Desk, account: Account, control: Callable[[datetime], Control]) -> Account:
    def decide(current: Account) -> Move[None]:
        after = replace(current.snapshot, control=control(desk.now()))
        return Move(snapshot=after, written=("control",), result=None)

    return ledger.move(desk, account, decide)[0]
