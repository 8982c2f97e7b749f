"""Deleting an action's posts from X at a person's word: an action of its own for each post, booked like any write.

The newest post of a thread goes first, so that what is left of it still reads from its start. A delete that X has
carried out is done once more without harm, so one without an answer is repeated (`repeating.py`), and one of a post
that is gone already is done.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from songpost.account_documents import Awaited
from songpost.agent import ledger, repeating, writing
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.writing import Hand, Step
from songpost.core import admission
from songpost.core.admission import Admitted
from songpost.core.snapshot import MEASURING
from songpost.errors import NotFound, Refusal
from songpost.model import Action, Kind, State, recorded
from songpost.nouns import replace
from songpost.store.port import Store, StoredAction

OPEN_FOR = timedelta(days=1)
"""How long the writer's ticks go on with a delete that X would not take at once (429)."""


def target(store: Store, account: str, key: str) -> StoredAction:
    """The action whose posts are to be deleted.

    Raises `NotFound`, and `Refusal` where it has no posts, is still open, or its posts were deleted already.
    """
    stored = store.action(account, key)
    if stored is None:
        raise NotFound("no such action", where=key, mend="see 'songpost actions'")
    action = stored.action
    if action.deleted_at is not None:
        raise Refusal(f"its posts were deleted at {action.deleted_at.isoformat()}", where=key, mend="nothing is left")
    if action.is_open:
        raise Refusal(f"it is {action.state.value}", where=key, mend="let it end first, or 'songpost actions resolve'")
    if not action.post_ids:
        raise Refusal(f"it has no post on X: it is {action.state.value}", where=key, mend="there is nothing to delete")
    return stored


def wanted(store: Store, account: str, of: Action, now: datetime) -> tuple[Action, ...]:
    """The deletes of an action's posts, newest first: those that the ledger has already of today, else planned ones."""
    return tuple(_wanted(store, account, of, post_id, now) for post_id in reversed(of.post_ids))


def _wanted(store: Store, account: str, of: Action, post_id: str, now: datetime) -> Action:
    # Another one is made only where the one before it was refused or given up: that one will never be sent.
    for number in itertools.count(1):
        key = f"delete/{now.date().isoformat()}/{post_id}/{number}"
        stored = store.action(account, key)
        if stored is None:
            return _planned(key, of, post_id, now)
        if stored.action.is_open or stored.action.state is State.SENT:
            return stored.action
    raise AssertionError("counting never ends")


def _planned(key: str, of: Action, post_id: str, now: datetime) -> Action:
    action = Action(
        key=key,
        kind=Kind.DELETE,
        state=State.PLANNED,
        created_at=now,
        updated_at=now,
        due_at=now,
        closes_at=now + OPEN_FOR,
        target_id=post_id,
        target_text=of.text,
    )
    return recorded(action, now, f"a person wants the post of {of.key} deleted")


def foretell(store: Store, account: Account, key: str, now: datetime, new_id: Callable[[], str]) -> tuple[Step, ...]:
    """What `delete` would do at `now`, each post in its turn. Writes nothing; raises as `target` does."""
    snapshot = account.snapshot
    steps = []
    for action in wanted(store, snapshot.account, target(store, snapshot.account, key).action, now):
        decision = None if action.state is State.SENT else admission.admit(snapshot, action, now, new_id())
        steps.append(Step(action=action, decision=decision, at=now))
        if isinstance(decision, Admitted):
            snapshot = decision.snapshot
    return tuple(steps)


def delete(desk: Desk, account: Account, hand: Hand, key: str, *, by: str) -> tuple[Step, ...]:
    """Delete every post of an action from X, newest first, up to the first that is not done.

    Where all are gone the action says so from then on, and the learner waits for them no more. Raises as `target`.
    """
    found = target(desk.store, desk.account, key)
    account = repeating.settle(desk, account)
    steps: list[Step] = []
    for action in wanted(desk.store, desk.account, found.action, desk.now()):
        if action.state is State.SENT:
            steps.append(Step(action=action, decision=None, at=desk.now()))
            continue
        account, step, stopped = writing.act(desk, account, hand, action)
        steps.append(step)
        if stopped is not None or step.action.state is not State.SENT:
            return tuple(steps)
    _mark(desk, account, key, by)
    return tuple(steps)


def _mark(desk: Desk, account: Account, key: str, by: str) -> None:
    def decide(current: Account) -> Move[None]:
        stored, now = target(desk.store, desk.account, key), desk.now()
        ids = stored.action.post_ids
        after = recorded(replace(stored.action, deleted_at=now), now, f"deleted by {by}: {', '.join(ids)}")
        measuring = current.snapshot.measuring
        left: Mapping[str, Awaited] = {name: post for name, post in measuring.posts.items() if name not in ids}
        snapshot = replace(current.snapshot, measuring=replace(measuring, posts=left))
        written = (MEASURING,) if len(left) < len(measuring.posts) else ()
        return Move(snapshot=snapshot, written=written, actions=((after, stored),), result=None)

    ledger.move(desk, account, decide)
