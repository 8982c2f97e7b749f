"""The writer's other half: candidates of the inbox become actions, claimed once, and go out one after the other.

    inbox ── claim: one commit ──▶ planned (or proposed, where a person has to write or to agree)
             DeleteItem(candidate, must exist) + PutAction(no action of that key, open or closed)

An action's key follows from the post that it answers, so a post is answered once, over all ticks and days; a follow is
kept once for each user by an item of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.agent import documents, inbox, ledger
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.planning import Texts
from songpost.candidates import Candidate
from songpost.core import admission, interactions
from songpost.core.content import REPLIES
from songpost.core.interactions import Follows
from songpost.core.snapshot import CONTROL, USAGE, Snapshot
from songpost.core.windows import Occurrence
from songpost.model import INTERACTIONS, Action, Kind, State, Text, recorded
from songpost.nouns import replace
from songpost.store.port import Change, Item, PutItem, Store

FOLLOWED = "followed"
"""Collection of the users that were followed once, by user id; for good."""
LOOKED_AT = 100
"""Candidates that one tick looks at, oldest first."""
CANDIDATES_LIVE = timedelta(days=7)
"""No candidate is worth an answer for longer: an action's key carries the date of its post."""
CLAIMED = 20
"""Candidates that one commit takes out of the inbox: with four actions each it stays below the store's bounds."""
PATIENCE_SECONDS = 60.0
"""The longest that a tick waits between two interactions; a longer distance is kept by the next tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the inbox holds for a tick: candidates, oldest first, and their authors who want to be left alone."""

    candidates: tuple[Candidate, ...] = ()
    opted_out: frozenset[str] = frozenset()


NOTHING = Found()
"""An empty inbox."""


def look(store: Store, snapshot: Snapshot, now: datetime) -> Found:
    """Read the inbox, strongly consistent; not where nothing may begin, or where the reader has left nothing in it."""
    if _window(snapshot, now) is None or not _may_hold(snapshot, now):
        return NOTHING
    candidates = inbox.waiting(store, snapshot.account, now, LOOKED_AT)
    authors = {candidate.author_id for candidate in candidates}
    return Found(candidates=candidates, opted_out=inbox.opted_out(store, snapshot.account, authors))


def _may_hold(snapshot: Snapshot, now: datetime) -> bool:
    """Whether the reader has found anything that may wait still: most accounts, most of the time, save a request."""
    found = [place.found_at or place.read_at for place in snapshot.reading.places.values() if place.found]
    return any(at is not None and now < at + CANDIDATES_LIVE for at in found)


def following(snapshot: Snapshot, texts: Texts, found: Found, now: datetime) -> Iterator[Follows]:
    """What follows from each candidate at `now`, those before it counted in. Pure but for texts.

    Outside of windows, in quiet hours and while the account is paused nothing does, and all wait.
    """
    window = _window(snapshot, now) if found.candidates else None
    if window is None:
        return
    replies: Sequence[Text] | None = None
    for candidate in found.candidates:
        if candidate.author_id in found.opted_out:
            yield Follows(candidate=candidate, actions=(), later=())
            continue
        if replies is None and interactions.IN_WORDS & set(interactions.open_kinds(snapshot.settings, candidate)):
            replies = texts.load().get(REPLIES, ())
        follows = interactions.follows(snapshot, candidate, replies or (), window, now)
        for action in follows.actions:
            snapshot = snapshot.with_action(action)
        yield follows


def _window(snapshot: Snapshot, now: datetime) -> Occurrence | None:
    """The window in which something may begin at `now`; `None` where nothing may."""
    if snapshot.control.paused or admission.quiet_until(snapshot.settings, Kind.REPLY, now) is not None:
        return None
    return interactions.window_of(snapshot.settings, now)


def claim(desk: Desk, account: Account, texts: Texts) -> Account:
    """Turn candidates into actions as far as the maxima hold, and drop those from which nothing can follow.

    Raises as `ledger.move` does.
    """
    races = 0

    def decide(current: Account) -> Move[None]:
        nonlocal races
        races += 1
        found = look(desk.store, current.snapshot, desk.now())
        chosen: list[Follows] = []
        for follows in following(current.snapshot, texts, found, desk.now()):
            if follows.actions or not follows.later:
                # The commit itself fails where an action of this key was closed long ago; only then is it worth asking.
                chosen.append(follows if races == 1 else _anew(desk, follows))
            if len(chosen) == CLAIMED:
                break
        return Move(
            snapshot=current.snapshot,
            relied_on=(CONTROL, USAGE, documents.SETTINGS) if chosen else (),
            actions=tuple((action, None) for follows in chosen for action in follows.actions),
            others=tuple(change for follows in chosen for change in _changes(follows)),
            result=None,
        )

    return ledger.move(desk, account, decide)[0]


def _anew(desk: Desk, follows: Follows) -> Follows:
    """What follows, without the actions that were taken once before."""
    fresh = tuple(
        action
        for action in follows.actions
        if desk.store.action(desk.account, action.key) is None
        and not (action.kind is Kind.FOLLOW and _item(desk, FOLLOWED, action.target_id))
    )
    return replace(follows, actions=fresh)


def _item(desk: Desk, collection: str, key: str) -> Item | None:
    found = next(desk.store.items(desk.account, collection, until=key, newest_first=True), None)
    return found if found is not None and found.key == key else None


def _changes(follows: Follows) -> Iterator[Change]:
    """What a claim writes beside its actions: the candidate goes, or stays for the kinds that found no room."""
    candidate = follows.candidate
    if follows.later:
        kept = inbox.put(replace(candidate, allowed=follows.later))
        yield replace(kept, if_absent=False)
    elif follows.actions:
        yield inbox.claimed(candidate)
    else:
        yield inbox.dropped(candidate)
    for action in follows.actions:
        if action.kind is Kind.FOLLOW:
            yield PutItem(FOLLOWED, action.target_id, {"key": action.key, "schema_version": 1})


# ------------------------------------------------------------------------------------------------- in their order


def is_interaction(action: Action) -> bool:
    """Whether an action answers somebody of the inbox: a quote may also be one of the planned posts."""
    return action.kind in INTERACTIONS and bool(action.target_author_id)


def queue(account: Account, now: datetime) -> tuple[Action, ...]:
    """Interactions that wait to go out, in their order; those held back are left out."""
    waiting = [
        stored.action
        for stored in account.stored.values()
        if is_interaction(stored.action)
        and stored.action.state is State.PLANNED
        and (stored.action.retry_at or now) <= now < stored.action.closes_at
    ]
    return tuple(sorted(waiting, key=lambda action: (action.due_at, action.key)))


def last_at(snapshot: Snapshot) -> datetime | None:
    """When the latest interaction that is known of went out."""
    times = [mark.posted_at for mark in snapshot.timeline.latest if mark.kind in INTERACTIONS]
    times += [a.attempts[-1].started_at for a in snapshot.actions.values() if a.kind in INTERACTIONS and a.attempts]
    return max(times, default=None)


def wait_seconds(snapshot: Snapshot, action: Action, after: datetime | None, now: datetime) -> float:
    """How long an interaction still has to wait: until it is due, and for its distance to the one before it."""
    at = action.due_at if after is None else max(action.due_at, after + interactions.spacing(snapshot, action.key))
    return max(0.0, (at - now).total_seconds())


def left_alone(store: Store, account: str, actions: Collection[Action]) -> frozenset[str]:
    """Users among those whom the actions are about who have asked to be left alone; asked right before acting."""
    return inbox.opted_out(store, account, {action.target_author_id for action in actions})


def abandon(desk: Desk, account: Account, keys: Collection[str]) -> tuple[Account, tuple[Action, ...]]:
    """Abandon waiting interactions whose author asked to be left alone."""

    def decide(current: Account) -> Move[tuple[Action, ...]]:
        reason = "its author has asked to be left alone"
        now = desk.now()
        stopped = []
        for key in sorted(keys):
            stored = current.stored.get(key)
            if stored is not None and stored.action.state in interactions.WAITING:
                closed = replace(stored.action, state=State.ABANDONED, gate="policy", reason=reason, retry_at=None)
                stopped.append((recorded(closed, now, reason), stored))
        return Move(snapshot=current.snapshot, actions=tuple(stopped), result=tuple(action for action, _ in stopped))

    return ledger.move(desk, account, decide)


def act(
    desk: Desk,
    account: Account,
    remaining: Callable[[], float],
    needed_seconds: float,
    carry: Callable[[Account, Action], tuple[Account, bool]],
) -> Account:
    """Carry out what waits, one after the other at its distance, while there is time for each; `carry` says to stop.

    A wait is slept only where `remaining` leaves room for it and for the action; else the next tick goes on.
    """
    waiting = queue(account, desk.now())
    after = last_at(account.snapshot)
    for action in waiting:
        wait = wait_seconds(account.snapshot, action, after, desk.now())
        if wait > PATIENCE_SECONDS or remaining() < wait + needed_seconds:
            break
        if wait:
            desk.sleep(wait)
        account, stop = carry(account, action)
        if stop:
            break
        after = desk.now()
    return account
