"""What an opt-out undoes: whatever waits for that user is dropped, and no proposal to them is left to be approved.

The opt-out itself is written by the commit that takes its post in (`agent/reading.py`); what follows here is swept up
after it, and the writer asks `inbox.opted_out` once more before it acts, so nothing rests on this being quick.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from songpost.agent import inbox, ledger
from songpost.agent.ledger import Account, Desk, Move
from songpost.model import State, recorded
from songpost.nouns import replace

logger = logging.getLogger(__name__)

AT_ONCE = 40
"""Changes of one commit, well below a commit's bound."""
WAITING = frozenset({State.PROPOSED, State.PLANNED})
REASON = "its author has asked to be left alone"


def forget(desk: Desk, account: Account, user_ids: Collection[str]) -> Account:
    """Drop what waits for these users in the inbox, and abandon what is proposed or planned for them."""
    waiting = [one for one in inbox.everything(desk.store, desk.account) if one.author_id in user_ids]
    for start in range(0, len(waiting), AT_ONCE):
        ledger.commit(desk, [inbox.dropped(one) for one in waiting[start : start + AT_ONCE]])
    if waiting:
        logger.info("%d candidates dropped: %s", len(waiting), REASON)

    def decide(current: Account) -> Move[bool]:
        theirs = [
            stored
            for stored in current.stored.values()
            if stored.action.state in WAITING and stored.action.target_author_id in user_ids
        ][:AT_ONCE]
        now = desk.now()
        abandoned = [
            (recorded(replace(s.action, state=State.ABANDONED, reason=REASON), now, REASON), s) for s in theirs
        ]
        return Move(snapshot=current.snapshot, actions=tuple(abandoned), result=bool(abandoned))

    more = True
    while more:
        account, more = ledger.move(desk, account, decide)
    return account
