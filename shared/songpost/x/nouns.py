"""What the client takes and gives, beside the nouns of `model`: drafts, answers, pages. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from songpost.account_documents import Bucket
from songpost.errors import XError
from songpost.model import Poll, Post
from songpost.x.limits import merged

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T_co]):
    """What X answered, and what the answer told besides.

    `limits` are the rate buckets of its headers, `answered_at` X's own time (UTC, from `Date`; `None` where it
    gave none), `skew_seconds` how far this clock is ahead of it, `resources` how many objects were returned
    and so billed. Where several requests made one answer, the buckets are the newest of each name, the
    resources are summed, and the skew is the largest.
    """

    value: T_co
    limits: tuple[Bucket, ...] = ()
    answered_at: datetime | None = None
    skew_seconds: int = 0
    resources: int = 0


def joined(before: Answer[object], after: Answer[T]) -> Answer[T]:
    """Lay a later answer over an earlier one of the same call."""
    return Answer(
        value=after.value,
        limits=merged(before.limits, after.limits),
        answered_at=after.answered_at or before.answered_at,
        skew_seconds=max(before.skew_seconds, after.skew_seconds, key=abs),
        resources=before.resources + after.resources,
    )


def valued(answer: Answer[object], value: T) -> Answer[T]:
    """Give an answer another value."""
    return Answer(
        value=value,
        limits=answer.limits,
        answered_at=answer.answered_at,
        skew_seconds=answer.skew_seconds,
        resources=answer.resources,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A post to create. Ids are X's; empty means none. A step of a thread is a reply to the step before."""

    text: str
    reply_to: str = ""
    quote: str = ""
    media_ids: tuple[str, ...] = ()
    poll: Poll | None = None
    made_with_ai: bool = False
    paid_partnership: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Posts, newest first, of one read that may have taken several requests.

    `complete`: everything that was asked for (all since `since_id`, as far as X reaches back) is here. If not,
    `next_token` goes on where it stopped, and `stopped_by` is the error that stopped it, if one did.
    """

    posts: tuple[Post, ...]
    complete: bool
    next_token: str = ""
    stopped_by: XError | None = None


NOT_GIVEN = "not given"
"""Where X neither gave a post nor said why: it may be there all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Posts asked for by id: those that X gave, and why it gave none of the others, by id (or `NOT_GIVEN`)."""

    posts: tuple[Post, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A medium at X: its id, and how far its processing has come (`succeeded` where X says nothing).

    `check_after_seconds` is when X wants to be asked again.
    """

    media_id: str
    state: str = "succeeded"
    check_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Attached:
    """The media of a post at X: their ids in order, or the error that stopped it; and how many alt texts were billed.

    `alt_texts` counts a call whose answer was lost, too.
    """

    media_ids: tuple[str, ...] = ()
    alt_texts: int = 0
    error: XError | None = None
    limits: tuple[Bucket, ...] = ()
    skew_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppUsage:
    """The app's post reads in this billing cycle, its cap (0: none told), and the days until it starts anew."""

    posts: int
    cap: int = 0
    reset_in_days: int | None = None
