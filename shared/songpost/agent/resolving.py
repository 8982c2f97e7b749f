"""A person's word on an action whose outcome nobody else can tell, and on a thread that has ended in part."""

from __future__ import annotations

from songpost.agent import ledger, transitions
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.transitions import Outcome
from songpost.errors import NotFound, Refusal, UsageError, quote
from songpost.model import Action, Post, State, recorded
from songpost.nouns import replace


def resolve(desk: Desk, account: Account, key: str, *, post_id: str, by: str) -> Action:
    """Close an unknown action: as sent with `post_id`, or as lost (empty), never to be sent again.

    Raises `NotFound`, `Refusal` where its outcome is not open, `UsageError` for an id that is none.
    """
    if post_id and not (post_id.isascii() and post_id.isdigit() and len(post_id) <= 19):
        raise UsageError(f"{quote(post_id)} is no post's id", where="--sent", mend="copy the number from its address")

    def decide(current: Account) -> Move[Action]:
        stored = current.stored.get(key)
        now = desk.now()
        if stored is None:
            raise NotFound("no open action of that key", where=key, mend="see 'songpost actions --state unknown'")
        action = stored.action
        in_flight = action.state is State.SENDING and now < action.attempts[-1].lease_until
        if action.state not in {State.UNKNOWN, State.SENDING} or in_flight:
            raise Refusal(
                f"its outcome is not open: it is {action.state.value}",
                where=key,
                mend="wait for the tick that is at work" if in_flight else "there is nothing to resolve",
            )
        attempt = action.attempts[-1]
        if post_id:
            outcome = Outcome(attempt_id=attempt.id, at=now, post=Post(id=post_id, text=action.text))
            after = recorded(transitions.settled(action, outcome), now, f"{by} says it is on X", attempt.id)
        else:
            spent = attempt.call_micros + transitions.reads_micros(attempt, attempt.resources)
            closed = replace(attempt, outcome="lost", closed_at=now, settled_micros=spent)
            reason = f"{by} says it is not on X"
            state = transitions.ended(action, State.ABANDONED)
            lost = replace(action, state=state, reason=reason, attempts=(*action.attempts[:-1], closed))
            after = recorded(transitions.freed(lost), now, reason, attempt.id)
        snapshot = transitions.booked_after(current.snapshot, action, after, attempt.id)
        return Move(
            snapshot=snapshot,
            written=transitions.differing(current.snapshot, snapshot),
            actions=((after, stored),),
            result=after,
        )

    return ledger.move(desk, account, decide)[1]


def resume(desk: Desk, account: Account, key: str, *, by: str) -> Action:
    """Let a thread that ended in part go on at its first step that is not sent, for as long as `THREAD_GRACE`.

    What it is yet to cost is booked anew by the next tick. Raises `NotFound`, `Refusal` where it did not end in part.
    """

    def decide(current: Account) -> Move[Action]:
        stored, now = desk.store.action(desk.account, key), desk.now()
        if stored is None:
            raise NotFound("no action of that key", where=key, mend="see 'songpost actions --state partial'")
        action = stored.action
        if action.state is not State.PARTIAL or action.deleted_at is not None:
            what = "its posts were deleted" if action.deleted_at is not None else f"it is {action.state.value}"
            raise Refusal(f"it is no thread that ended in part: {what}", where=key, mend="there is nothing to resume")
        waiting = replace(action, state=State.PLANNED, closes_at=now, retry_at=None, gate="", reason="")
        after = recorded(waiting, now, f"{by} lets it go on")
        return Move(snapshot=current.snapshot, actions=((after, stored),), result=after)

    return ledger.move(desk, account, decide)[1]
