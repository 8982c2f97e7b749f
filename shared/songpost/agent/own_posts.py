"""The own timeline, as a read shows it: open outcomes are settled from it, and the owner's own posts are taken in.

What the owner posts by hand keeps its distance and its words like everything else: it goes into `timeline` and the
fingerprints. A post that may be an attempt's, whose outcome is still open, is nobody's until that is settled: were it
taken for the owner's, the attempt would look absent and be sent again.
"""

from __future__ import annotations

import html
from collections.abc import Collection
from datetime import datetime, timedelta

from songpost.account_documents import PostMark
from songpost.agent import ledger, reconcile, transitions
from songpost.agent.enrolment import kind_of
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.reconcile import TimelineRead
from songpost.core import similarity, sweep
from songpost.core.reading_plan import TIMELINE, Planned
from songpost.core.snapshot import Snapshot
from songpost.core.sweep import Asked
from songpost.model import CREATES, Kind, Post
from songpost.nouns import replace
from songpost.settings import MAX_FINGERPRINTS


def baselines(account: Account, now: datetime) -> tuple[str, ...]:
    """Where the timeline has to be read from for each attempt that a look at it may settle now, as ids."""
    return tuple(
        reconcile.reaches_from(action.attempts[-1])
        for action in reconcile.due(account, now)
        if action.kind in CREATES and reconcile.next_read(action.attempts[-1], now)
    )


def bounded(planned: Planned, account: Account, now: datetime) -> Planned:
    """The read of the own timeline, between the bounds that let one read serve all.

    With an open outcome it reaches down to the oldest baseline. Without, it leaves out the last minute, in which a
    post may turn up after one that is newer: it would have to be read again.
    """
    asked = planned.asked
    if planned.wanted.name != TIMELINE or asked.until_id:
        return planned
    lowest = baselines(account, now)
    if lowest:
        return replace(planned, asked=replace(asked, since_id=min((*lowest, asked.since_id), key=int)))
    until_id = sweep.id_at(now - sweep.LAG)
    return replace(planned, asked=replace(asked, until_id=until_id)) if int(until_id) > int(asked.since_id) else planned


def known_ids(account: Account) -> frozenset[str]:
    """Own posts that the account's documents name."""
    snapshot = account.snapshot
    actions = {post_id for action in snapshot.actions.values() for post_id in action.post_ids}
    marks = {mark.id for mark in snapshot.timeline.latest}
    return frozenset((marks | actions | set(snapshot.measuring.posts)) - {""})


def served(
    desk: Desk, account: Account, posts: Collection[Post], asked: Asked, asked_at: datetime, *, complete: bool
) -> Account:
    """Let a page that was read for another reason serve here too: settle open outcomes, take in the owner's posts."""
    account = settle_open(desk, account, posts, asked, asked_at, complete=complete)

    def decide(current: Account) -> Move[None]:
        before = current.snapshot
        after, _ = recognised(desk, current, before, posts, desk.now())
        return Move(snapshot=after, written=transitions.differing(before, after), result=None)

    return ledger.move(desk, account, decide)[0]


def settle_open(
    desk: Desk, account: Account, posts: Collection[Post], asked: Asked, asked_at: datetime, *, complete: bool
) -> Account:
    """Settle the open outcomes that a page of the own timeline reaches: the page is paid, so they pay nothing.

    `asked_at` (UTC) is no later than when X was asked for it.
    """
    seen = TimelineRead(posts=tuple(posts), complete=complete and not asked.until_id, read_at=asked_at, resources=0)
    return reconcile.settle_from(desk, account, seen, asked.since_id)


def recognised(
    desk: Desk, account: Account, snapshot: Snapshot, posts: Collection[Post], now: datetime
) -> tuple[Snapshot, str]:
    """The snapshot with the owner's own posts of a page, and the id up to which the page may count as read.

    That is empty where all of it may: no attempt is open that could have made one of its posts.
    """
    in_flight = [
        reconcile.reaches_from(action.attempts[-1])
        for action in account.snapshot.actions.values()
        if action.state in reconcile.OPEN and action.kind in CREATES and action.attempts
    ]
    seen_to = min(in_flight, key=int, default="")
    known = known_ids(account)
    strangers = [post for post in posts if post.id not in known and (not seen_to or int(post.id) <= int(seen_to))]
    if not strangers:
        return snapshot, seen_to
    oldest = min(sweep.time_of(post.id) for post in strangers) - timedelta(days=1)
    stored = desk.store.actions(desk.account, since=oldest)
    ours = {post_id for one in stored for post_id in one.action.post_ids}
    by_hand = [post for post in strangers if post.id not in ours]
    marks = tuple(
        PostMark(id=post.id, posted_at=post.created_at or sweep.time_of(post.id), by_hand=True, kind=kind_of(post))
        for post in by_hand
    )
    entries = {
        similarity.entry(html.unescape(post.text), post.created_at or sweep.time_of(post.id))
        for post in by_hand
        if kind_of(post) is not Kind.REPOST
    }
    remembered = snapshot.fingerprints
    since = now - timedelta(days=snapshot.settings.similarity.window_days)
    merged = similarity.since(sorted({*remembered.entries, *entries}), since)[-MAX_FINGERPRINTS:]
    timeline = transitions.with_marks(snapshot.timeline, marks)
    return replace(snapshot, timeline=timeline, fingerprints=replace(remembered, entries=tuple(merged))), seen_to
