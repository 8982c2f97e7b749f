"""Settling what an open like, follow, repost or delete came to: a second time changes nothing more, so it is repeated.

    unknown, or sending with its lease over
      ├─ first time, within 15 minutes, its window open ──▶ planned: admitted, booked and sent anew
      └─ else ────────────────────────────────────────────▶ abandoned, with the word that it may have taken effect

The lost call counts as spent: X may have billed it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from songpost.agent import ledger, transitions
from songpost.agent.ledger import Account, Desk, Move
from songpost.endpoints import BY_KIND, Lost
from songpost.model import Action, State, recorded
from songpost.nouns import replace

REPEATED_WITHIN = timedelta(minutes=15)
OPEN = frozenset({State.SENDING, State.UNKNOWN})


def due(account: Account, now: datetime) -> tuple[str, ...]:
    """Keys of the actions that may be repeated and whose outcome is open, with nobody else at work on them."""
    return tuple(key for key, stored in sorted(account.stored.items()) if _is_due(stored.action, now))


def _is_due(action: Action, now: datetime) -> bool:
    if BY_KIND[action.kind].lost is not Lost.REPEATABLE or action.state not in OPEN or not action.attempts:
        return False
    return action.state is State.UNKNOWN or now >= action.attempts[-1].lease_until


def settle(desk: Desk, account: Account) -> Account:
    """Let every such action be done once more, or end it. Raises as `ledger.move` does."""
    for key in due(account, desk.now()):
        account = _settle_one(desk, account, key)
    return account


def _settle_one(desk: Desk, account: Account, key: str) -> Account:
    def decide(current: Account) -> Move[None]:
        stored, now = current.stored.get(key), desk.now()
        if stored is None or not _is_due(stored.action, now):
            return Move(snapshot=current.snapshot, result=None)
        after = judged(stored.action, now)
        snapshot = transitions.booked_after(current.snapshot, stored.action, after, stored.action.attempts[-1].id)
        return Move(
            snapshot=snapshot,
            written=transitions.differing(current.snapshot, snapshot),
            actions=((after, stored),),
            result=None,
        )

    return ledger.move(desk, account, decide)[0]


def judged(action: Action, now: datetime) -> Action:
    """What becomes of an action whose last attempt had no answer. Pure."""
    last = action.attempts[-1]
    lost_before = any(attempt.outcome == "open" for attempt in action.attempts[:-1])
    closed = replace(last, outcome="open", closed_at=now, settled_micros=last.call_micros)
    after = replace(action, attempts=(*action.attempts[:-1], closed))
    until = min(action.closes_at, action.attempts[0].started_at + REPEATED_WITHIN)
    if lost_before or now >= until:
        reason = "twice without an answer" if lost_before else "no answer, and too late for a second time"
        reason = f"{reason}: it may have taken effect"
        return recorded(replace(after, state=State.ABANDONED, retry_at=None, reason=reason), now, reason, last.id)
    reason = "no answer: done once more"
    again = replace(after, state=State.PLANNED, closes_at=until, retry_at=None, reason=reason)
    return recorded(again, now, reason, last.id)
