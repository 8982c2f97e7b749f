"""The owner of simulated accounts, who looks three times a day: resumes, approves, and settles what nobody else can."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from songpost.agent import approvals, control, resolving
from songpost.agent.ledger import Account
from songpost.bootstrap import Session
from songpost.errors import Refusal, SongpostError
from songpost.lab.simulation.world import Died
from songpost.model import CREATES, Action, State

OWNER_LOOKS_AT = (time(9, 0), time(13, 0), time(19, 0))
PATIENCE = timedelta(hours=6)
"""How long the owner leaves an unknown outcome to the agent."""


@dataclass(slots=True)
class Owner:
    """One person for all accounts; what was done is counted."""

    resumed: int = 0
    resolved: int = 0
    approved: int = 0

    def look(self, session: Session, on_x: Callable[[Action], str]) -> None:
        """Look at one account. `on_x` tells the id of the post that an action made, empty where X has none."""
        try:
            account = session.open()
            if account.snapshot.control.paused:
                control.resume(session.desk, "the owner")
                self.resumed += 1
                account = Account(*session.desk.reload())
            for action in stuck(account, session.clock()):
                made = on_x(action) if action.kind in CREATES else ""
                resolving.resolve(session.desk, account, action.key, post_id=made, by="the owner")
                self.resolved += 1
                account = Account(*session.desk.reload())
            for action in approvals.waiting(account):
                with suppress(Refusal):  # such as for a reply that has no words
                    approvals.approve(session.desk, account, action.key, by="the owner")
                    self.approved += 1
                    account = Account(*session.desk.reload())
        except (SongpostError, Died):
            return  # there is another look


def stuck(account: Account, now: datetime) -> list[Action]:
    """Actions whose outcome the agent has not learned in all this time."""
    return [
        action
        for action in account.snapshot.actions.values()
        if action.state is State.UNKNOWN and now - action.attempts[-1].started_at > PATIENCE
    ]
