"""What a look at an own post tells the learner, whichever read it came with: a credit, a correction, or nothing yet.

A read by ids, a bracket of the own timeline (`agent/measuring.py`) and a page of its sweep (`agent/reading.py`) all end
here, each in the one commit that settles its read and moves the learning document's version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from songpost.account_documents import Awaited, Measuring
from songpost.agent import crediting
from songpost.agent.agenda import MOST_POSTS, Measured, Result, marked, measurable
from songpost.agent.crediting import Credited, Stored
from songpost.agent.ledger import Desk
from songpost.core import measurement
from songpost.core.measurement import correction_at
from songpost.core.reward import NotCredited
from songpost.core.snapshot import Snapshot
from songpost.core.sweep import Asked
from songpost.model import Action, Post
from songpost.nouns import replace
from songpost.store.port import PutItem

FRUITLESS_LOOKS = 2
"""Reads after which a post that shows too few impressions is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The account after looks at posts, the credits to be committed with it, and what each look came to."""

    snapshot: Snapshot
    changes: tuple[PutItem, ...] = ()
    posts: tuple[Measured, ...] = ()


def told(post_id: str, awaited: Awaited | None, result: Result, reason: str) -> Measured:
    """What became of a post that was not credited."""
    return Measured(post_id=post_id, key="" if awaited is None else awaited.key, result=result, reason=reason)


def looked(
    snapshot: Snapshot,
    post_id: str,
    action: Action | None,
    metrics: Mapping[str, int] | None,
    known: Stored | None,
    read_at: datetime,
    gone: str = "",
) -> Looked:
    """Take in a look at a post on the agenda, answered by X at `read_at` (UTC). Pure.

    `metrics` is `None` for a post that X no longer has, `gone` X's word about it, `known` the post's credit.
    """
    awaited = snapshot.measuring.posts[post_id]
    came = crediting.credit(snapshot, action, metrics, known, read_at)
    if isinstance(came, Credited):
        snapshot = replace(snapshot, learning=came.statistics)
    result = _measured(post_id, awaited, came, snapshot, gone)
    after = replace(snapshot, measuring=_without_or_after(snapshot.measuring, result, read_at))
    return Looked(snapshot=after, changes=(came.change,) if isinstance(came, Credited) else (), posts=(result,))


def _measured(post_id: str, awaited: Awaited, came: Credited | NotCredited, snapshot: Snapshot, gone: str) -> Measured:
    """What a look came to, for people; `final` where there is nothing more to look for."""
    if isinstance(came, NotCredited):
        reason = f"{came.reason} ({gone})" if gone else came.reason
        shown = told(post_id, awaited, Result.NOT_CREDITED, reason)
        return replace(shown, final=came.final or awaited.looks + 1 >= FRUITLESS_LOOKS)
    stored, settings = came.stored, snapshot.settings
    offered = stored.arm.topic in settings.topics and stored.arm.window in settings.schedule.windows
    corrected = stored.corrected_at is not None
    return Measured(
        post_id=post_id,
        key=awaited.key,
        result=Result.CORRECTED if corrected else Result.CREDITED,
        reason="" if offered else "its arm is no longer offered; what it earned still tells of the others",
        arm=stored.arm,
        reward=stored.reward,
        final=corrected or correction_at(stored.posted_at, stored.credited_at) is None,
    )


def _without_or_after(measuring: Measuring, result: Measured, at: datetime) -> Measuring:
    """The agenda after a look that X answered."""
    posts = dict(measuring.posts)
    awaited = posts.pop(result.post_id)
    if not result.final:
        credited = result.result is Result.CREDITED
        posts[result.post_id] = (
            replace(awaited, credited_at=at) if credited else replace(awaited, looks=awaited.looks + 1)
        )
    return replace(measuring, posts=posts)


# ------------------------------------------------------------------------------------------- pages of the timeline


def within(measuring: Measuring, asked: Asked, now: datetime) -> tuple[str, ...]:
    """The awaited posts that a read of the own timeline may show and that were not read on the UTC day of `now`."""
    floor, ceiling = int(asked.since_id or "0"), int(asked.until_id or "0")
    return tuple(
        post_id
        for post_id, awaited in measuring.posts.items()
        if floor < int(post_id) and (not ceiling or int(post_id) < ceiling) and awaited.read_on != now.date()
    )


def taken_in(
    desk: Desk,
    snapshot: Snapshot,
    as_booked: Mapping[str, Awaited],
    shown: Collection[str],
    posts: Collection[Post],
    read_at: datetime,
) -> Looked:
    """Let a page serve the learner: what is due is credited, what it did not show may be read again today.

    `as_booked` are the awaited posts that the page's booking marked, `shown` the ids that X gave (and charged for),
    `posts` those of them that may be believed. A post that another reader has looked at since is left to that one.
    """
    #   this page                           another reader
    #   booked: p is read today             load: p is read today, so not due
    #   commit: the credit of p, v7 → v8    (a late one commits 7 → 8: refused; it finds p changed, and adds nothing)
    ours = {one: was for one, was in as_booked.items() if snapshot.measuring.posts.get(one) == was}
    unseen = [post_id for post_id in ours if post_id not in shown]
    after = replace(snapshot, measuring=marked(snapshot.measuring, unseen, None)) if unseen else snapshot
    metrics = {post.id: post.metrics for post in posts if post.id in ours}
    plan = measurement.plan_reads(
        [measurable(post_id, replace(ours[post_id], read_on=None)) for post_id in metrics],
        crediting.counters(after, read_at),
        read_at,
        credit_after_hours=snapshot.settings.learning.credit_after_hours,
        reads=MOST_POSTS,
    )
    due = [one.post_id for one in plan.readings]
    if not due:
        return Looked(snapshot=after)
    known = crediting.stored_credits(desk.store, desk.account, due)
    changes: list[PutItem] = []
    results: list[Measured] = []
    for post_id in due:
        found = desk.store.action(desk.account, ours[post_id].key)
        action = None if found is None else found.action
        one = looked(after, post_id, action, metrics[post_id], known.get(post_id), read_at)
        after = one.snapshot
        changes += one.changes
        results += one.posts
    return Looked(snapshot=after, changes=tuple(changes), posts=tuple(results))
