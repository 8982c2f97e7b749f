"""What follows from a candidate of the inbox: which kinds, with which words, in which window, at what distance. Pure.

A candidate becomes one action for each kind that its query, the plan and the owner leave open, of reply and quote only
one: X's rules want at most one answer in words. What finds no room under the maxima of its window or day waits in the
inbox, until it expires.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from songpost.account_documents import Fingerprints
from songpost.candidates import Candidate
from songpost.core import consent, content, policy, similarity, windows
from songpost.core.content import Choice
from songpost.core.snapshot import Snapshot
from songpost.core.windows import Occurrence
from songpost.model import INTERACTIONS, Action, Kind, State, Text, recorded
from songpost.nouns import dataclass, replace
from songpost.settings import Consent, Settings

ORDER = (Kind.REPLY, Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW)
IN_WORDS = frozenset({Kind.REPLY, Kind.QUOTE})
TARGET_CHARACTERS = 400
WAITING = frozenset({State.PROPOSED, State.PLANNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Follows:
    """What follows from one candidate now: `actions` to be written, and the kinds that wait for room (`later`)."""

    candidate: Candidate
    actions: tuple[Action, ...]
    later: tuple[Kind, ...]


def window_of(settings: Settings, now: datetime) -> Occurrence | None:
    """The window in which interactions may begin at `now` (UTC); `None` outside of all."""
    return windows.window_at(settings.schedule.windows, settings.timezone, settings.cadence.weekdays, now)


def open_kinds(settings: Settings, candidate: Candidate) -> tuple[Kind, ...]:
    """The kinds that may follow at all: allowed by the source, by policy, and by a maximum that is not nothing."""
    found = [
        kind
        for kind in ORDER
        if kind in candidate.allowed
        and policy.permits(settings, kind, summoned=candidate.summons)
        and settings.max_per_window.of(kind)
        and settings.most_in_a_day(kind) != 0
    ]
    if Kind.REPLY in found and Kind.QUOTE in found:
        found.remove(Kind.QUOTE)
    return tuple(found)


def room(snapshot: Snapshot, kind: Kind, window: Occurrence) -> int:
    """How many more actions of a kind fit into a window and its day, those that wait counted in; never negative."""
    settings, usage, day = snapshot.settings, snapshot.usage, window.date.isoformat()
    waiting = [
        action
        for action in snapshot.actions.values()
        if action.kind is kind and action.state in WAITING and action.day == day
    ]
    in_window = settings.max_per_window.of(kind) or 0
    left = in_window - usage.windows.get(f"{day}/{window.name}/{kind.value}", 0)
    left -= sum(action.window == window.name for action in waiting)
    in_day = settings.most_in_a_day(kind)
    if in_day is not None:
        left = min(left, in_day - usage.kinds.get(f"{day}/{kind.value}", 0) - len(waiting))
    return max(0, left)


def spacing(snapshot: Snapshot, key: str) -> timedelta:
    """The distance that an interaction keeps to the one before it, from `jitter_seconds`: the same at every asking."""
    shortest, longest = snapshot.settings.jitter_seconds
    return timedelta(seconds=random.Random(f"{snapshot.account}/{key}").randint(shortest, longest))


def follows(
    snapshot: Snapshot, candidate: Candidate, replies: Sequence[Text], window: Occurrence, now: datetime
) -> Follows:
    """What follows from a candidate at `now` (UTC), within `window`; neither actions nor `later`: nothing ever."""
    actions: list[Action] = []
    later: list[Kind] = []
    for kind in open_kinds(snapshot.settings, candidate):
        if not room(snapshot, kind, window):
            later.append(kind)
            continue
        action = _action(snapshot, candidate, kind, window, now)
        if kind in IN_WORDS:
            action = _worded(snapshot, action, candidate, replies, now)
        actions.append(recorded(action, now, action.state.value))
        snapshot = snapshot.with_action(action)
    return Follows(candidate=candidate, actions=tuple(actions), later=tuple(later))


def _action(snapshot: Snapshot, candidate: Candidate, kind: Kind, window: Occurrence, now: datetime) -> Action:
    key = candidate.action_key(kind)
    before = [a.due_at for a in snapshot.actions.values() if a.kind in INTERACTIONS and a.state is State.PLANNED]
    due_at = max(now, max(before) + spacing(snapshot, key)) if before else now
    action = Action(
        key=key,
        kind=kind,
        state=State.PLANNED,
        created_at=now,
        updated_at=now,
        due_at=due_at,
        closes_at=min(window.closes_at, candidate.expires_at),
        window=window.name,
        day=window.date.isoformat(),
        target_id=candidate.author_id if kind is Kind.FOLLOW else candidate.post_id,
        target_author_id=candidate.author_id,
        target_author=candidate.username,
        target_text=candidate.text[:TARGET_CHARACTERS],
        summoned=candidate.summons,
    )
    if consent.consent_of(snapshot, action) is Consent.ASK:  # a person needs more time than a window has
        action = replace(action, closes_at=candidate.expires_at)
    return action


def _worded(snapshot: Snapshot, action: Action, candidate: Candidate, replies: Sequence[Text], now: datetime) -> Action:
    """The action with the next of the replies; where none is left, it waits for a person to write one."""
    choice = words_for(snapshot, replies, now)
    if choice is None:
        reason = "no reply of the content files is left: write one"
        return replace(action, state=State.PROPOSED, closes_at=candidate.expires_at, reason=reason)
    return replace(action, text=choice.words, content_id=choice.text.id, variant=choice.variant)


def words_for(snapshot: Snapshot, replies: Sequence[Text], now: datetime) -> Choice | None:
    """The least recently used reply that is not too much alike what was said, or what waits to be said."""
    said = _with_waiting(snapshot.fingerprints, snapshot.actions.values(), now)
    return content.choose(replies, said, snapshot.settings.similarity, now)


def _with_waiting(fingerprints: Fingerprints, actions: Iterable[Action], now: datetime) -> Fingerprints:
    waiting = [action for action in actions if action.state in WAITING and action.kind in IN_WORDS and action.text]
    used = {f"{action.content_id}/{action.variant}": now.date().isoformat() for action in waiting if action.content_id}
    entries = tuple(similarity.entry(action.text, now) for action in waiting)
    return replace(fingerprints, entries=(*fingerprints.entries, *entries), used={**fingerprints.used, **used})
