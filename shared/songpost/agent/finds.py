"""A page of others' posts, sorted out: candidates, wishes to be left alone, and what is left out, with the reason.

`core/sighting.py` says what a post is by itself; here that meets what the store knows of its author, of what waits in
the inbox, and of what was done already. Only reads; what is found is committed by `agent/reading.py`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from songpost.agent import inbox, own_posts
from songpost.agent.interacting import FOLLOWED
from songpost.agent.ledger import Account, Desk
from songpost.candidates import Candidate, OptOut
from songpost.core import sighting
from songpost.core.reading_plan import Planned
from songpost.core.sighting import LeftOut
from songpost.model import Kind, Post
from songpost.nouns import replace

logger = logging.getLogger(__name__)

ANSWERS = frozenset({Kind.REPLY, Kind.QUOTE})
"""Whoever was answered by one of these is not answered by the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a page of others' posts came to."""

    candidates: tuple[Candidate, ...] = ()
    opt_outs: Mapping[str, OptOut] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


def sorted_out(desk: Desk, account: Account, planned: Planned, posts: Collection[Post], now: datetime) -> Found:
    """Sort a page's posts out, by what the store knows of their authors, of what waits, and of what was done."""
    snapshot, place = account.snapshot, planned.wanted.place
    identity = snapshot.identity
    if identity is None or place is None:
        raise AssertionError("others' posts are read after the own user is known")
    if not posts:
        return Found()
    own_ids = own_posts.known_ids(account)
    sighted = [(post, sighting.sighted(post, place, identity, own_ids, snapshot.settings, now)) for post in posts]
    opt_outs = {one.user_id: one for _, one in sighted if isinstance(one, OptOut)}
    candidates = [one for _, one in sighted if isinstance(one, Candidate)]
    left_out = Counter(one.reason for _, one in sighted if isinstance(one, LeftOut))
    alone = inbox.opted_out(desk.store, desk.account, {one.author_id for one in candidates})
    followable = {one.author_id for one in candidates if Kind.FOLLOW in one.allowed}
    followed = inbox.among(desk.store, desk.account, FOLLOWED, followable)
    repeats = repeats_among(desk, candidates)
    kept: list[Candidate] = []
    for found in candidates:
        one = _without_follow(found) if found.author_id in followed else found
        if one.author_id in alone or one.author_id in opt_outs:
            left_out["its author has opted out"] += 1
        elif one.key in repeats:
            left_out["it waits, or was acted on"] += 1
        elif not one.allowed:
            left_out["its author was followed once"] += 1
        else:
            kept.append(one)
    for wish in opt_outs.values():
        logger.info("user %s has opted out with %r in post %s", wish.user_id, wish.word, wish.post_id)
    return Found(candidates=tuple(kept), opt_outs=opt_outs, left_out=left_out)


def _without_follow(candidate: Candidate) -> Candidate:
    """A user is followed once for good: nothing of that kind follows from another of their posts."""
    return replace(candidate, allowed=tuple(kind for kind in candidate.allowed if kind is not Kind.FOLLOW))


def repeats_among(desk: Desk, candidates: Collection[Candidate]) -> frozenset[str]:
    """Inbox keys of those that wait already, or that an action was made of; two queries at most."""
    if not candidates:
        return frozenset()
    keys = sorted(one.key for one in candidates)
    waiting = {
        one.key for one in inbox.everything(desk.store, desk.account, after=inbox.before(keys[0]), until=keys[-1])
    }
    oldest = min(one.posted_at for one in candidates) - timedelta(days=1)
    made = {stored.action.key for stored in desk.store.actions(desk.account, since=oldest)}
    acted = {one.key for one in candidates if any(one.action_key(kind) in made for kind in _taken_by(one))}
    return frozenset(waiting | acted)


def _taken_by(candidate: Candidate) -> frozenset[Kind]:
    """The kinds of which an action means that a candidate was acted on; reply and quote are one answer."""
    kinds = frozenset(candidate.allowed)
    return kinds | ANSWERS if kinds & ANSWERS else kinds
