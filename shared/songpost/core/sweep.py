"""Reading a place from its newest post down to what was read before, whatever cuts it. Pure.

    oldest                                                              newest
    ├── taken in ──┤ since_id ··· still to be read ··· until_id ├── taken ──┤ newest_id
                                                                               (a new sweep begins above it)

X gives newest first. The watermark `since_id` moves to `newest_id` only once nothing is left between: a sweep that
was cut goes on at `until_id`, before anything newer is read, for X reaches back only 800 posts and the oldest fall
out first. Ids order as times do (snowflakes: milliseconds since 2010-11-04T01:42:54.657Z, shifted left by 22 bits;
docs.x.com, "X IDs", read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from songpost.account_documents import Position
from songpost.nouns import dataclass, replace

SNOWFLAKE_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC)
UNREAD = Position()
"""Where a place stands that was never read."""
REACH = 800
"""How many posts back X's timelines and mentions go."""
_MILLISECOND = timedelta(milliseconds=1)
LAG = timedelta(minutes=1)
"""A post may turn up later than one that is newer: the watermark stays this far behind a sweep's first question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question: posts newer than `since_id`, older than `until_id` (empty: no bound), from `token` on."""

    since_id: str
    until_id: str = ""
    token: str = ""


def id_at(at: datetime) -> str:
    """The smallest id of a moment (aware); `0` before there were any."""
    milliseconds = (at - SNOWFLAKE_EPOCH) // _MILLISECOND
    return str(max(0, milliseconds) << 22)


def time_of(post_id: str) -> datetime:
    """When the post of an id was made, to the millisecond (UTC)."""
    return SNOWFLAKE_EPOCH + timedelta(milliseconds=int(post_id) >> 22)


def later_of(*ids: str) -> str:
    """The greatest of ids; empty ones do not count, empty where there is none."""
    return max(ids, key=lambda one: int(one or "0"), default="")


def is_cut(position: Position) -> bool:
    """Whether a sweep was cut, so that something below what is taken is still to be read."""
    return bool(position.until_id or position.token)


def question(position: Position, start_id: str) -> Asked:
    """What to ask next; `start_id` bounds the first read of a place, and any read where X reaches no further back."""
    since = later_of(position.since_id, start_id)
    return Asked(since_id=since, until_id=position.until_id, token=position.token)


def advanced(
    position: Position, asked: Asked, post_ids: Iterable[str], *, complete: bool, next_token: str, asked_at: datetime
) -> Position:
    """The position once a page is taken in. `complete`: X has nothing further between the bounds that were asked.

    `asked_at` (UTC) is when X was asked, or a little earlier: what it does not show yet may be a `LAG` older, and lie
    between posts that are taken. A page that brings nothing new and yet promises more leaves everything as it was and
    says so (`stuck`).
    """
    floor, ceiling = int(asked.since_id or "0"), int(asked.until_id or "0")
    fresh = [one for one in map(int, post_ids) if one > floor and (not ceiling or one < ceiling)]
    newest = position.newest_id or (str(max(fresh)) if fresh else "")
    if newest:
        newest = str(min(int(newest), int(id_at(asked_at - LAG))))
    count = position.swept + len(fresh)
    since, until, token, stuck = position.since_id, position.until_id, "", ""
    if complete:
        since = later_of(position.since_id, asked.since_id, newest)
        if count >= REACH:
            stuck = f"{count} posts came in one sweep: X reaches back {REACH}, older ones may be lost"
        until, newest, count = "", "", 0
    elif fresh:
        until = str(min(fresh))
    elif next_token and next_token != asked.token:
        token = next_token
    else:
        why = "X gave the same page token again" if next_token else "X gave an empty page and no way on"
        stuck = f"{why}: the rest is asked for again"
    return replace(
        position,
        since_id=since,
        until_id=until,
        newest_id=newest,
        token=token,
        swept=count,
        posts=position.posts + len(fresh),
        stuck=stuck,
    )
