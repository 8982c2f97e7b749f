"""How an account pauses itself: the control document as it is after a breaker has tripped, and the line in the log.

The line is a warning with the field `breaker`: the name that a metric filter counts (`RefusalRun`, `SpendSlope`, or
the name of the error: `CreditsDepleted`, `Suspended`, `Unauthorized`, `ClockError`). The way back is `songpost resume`.
"""

from __future__ import annotations

import logging
from datetime import datetime

from songpost.account_documents import Control
from songpost.core import breakers
from songpost.core.breakers import Trip
from songpost.core.snapshot import Snapshot
from songpost.errors import AccountBlocked, XError
from songpost.model import Action, State
from songpost.nouns import replace

logger = logging.getLogger(__name__)


def paused(control: Control, at: datetime, reason: str, by: str) -> Control:
    """The control document with the kill switch thrown; an earlier pause keeps its reason."""
    if control.paused:
        return control
    return replace(control, paused=True, reason=reason, changed_at=at, changed_by=by)


def after_outcome(
    snapshot: Snapshot, before: Action, after: Action, error: XError | None, at: datetime
) -> tuple[Snapshot, Trip | None]:
    """The account once an outcome has been held against the breakers; what tripped, if it was not paused before."""
    control, trip = snapshot.control, None
    if after.state in {State.SENT, State.REFUSED} and before.state is not after.state:
        control = breakers.counted(control, refused=after.state is State.REFUSED)
        trip = breakers.refusal_run(control)
    if isinstance(error, AccountBlocked):
        trip = Trip(error.name, str(error))
    if trip is None or control.paused:
        return replace(snapshot, control=control), None
    reason = trip.reason if isinstance(error, AccountBlocked) else str(trip)
    return replace(snapshot, control=paused(control, at, reason, "songpost")), trip


def tell(trip: Trip | None) -> None:
    """Log that the account has paused itself, once that is committed."""
    if trip is not None:
        logger.warning("the account pauses itself: %s", trip, extra={"breaker": trip.name, "reason": trip.reason})
