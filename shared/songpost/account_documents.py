"""The nouns of an account's documents: the kill switch, the plans, the counters, and what is known of its timeline.

As in `model.py`, nothing here does I/O, reads a clock or knows how it is stored. Classes that are stored whole carry
`schema_version`; changing one of them means a tested migration step in `agent/documents.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from typing import NamedTuple

from songpost.model import Arm, Kind, Media, Poll, Text, ThreadStep
from songpost.nouns import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One rate limit as X's headers or a plan's defaults tell it.

    `name` is `METHOD /path:scope`, scope one of `user15`, `app15`, `user24h`, `app24h`.
    """

    name: str
    limit: int
    remaining: int
    reset_at: datetime
    seen_at: datetime
    source: str = "headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The kill switch. Every admission checks its version, so a pause stops all that has not committed.

    `refusals` counts the actions that X has refused in a row, for `core/breakers.py`; `approvals` by kind how often
    a person has said yes, for `approval.ask_first`.
    """

    paused: bool = False
    reason: str = ""
    changed_at: datetime | None = None
    changed_by: str = ""
    refusals: int = 0
    approvals: Mapping[str, int] = field(default_factory=dict)
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The one X user that this account's store belongs to, learned once.

    `credentials` is a hash that tells whether the credentials have changed since. `bio` is the user's description as
    it was at `learned_at`, cut to 400 characters; `None` where it was not read yet.
    """

    user_id: str
    username: str
    credentials: str
    learned_at: datetime
    bio: str | None = None
    schema_version: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMark:
    """One own post as the timeline or the ledger knows it: its id and time, for spacing and baselines.

    Only posts keep a distance to each other; replies and reposts do not count.
    """

    id: str
    posted_at: datetime
    by_hand: bool = False
    kind: Kind = Kind.POST


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What is known of the own timeline: newest id, when it was last read, the latest posts (newest first)."""

    newest_id: str = ""
    read_at: datetime | None = None
    latest: tuple[PostMark, ...] = ()
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A sent post that the learner has yet to hear of: the action and the arm that made it, and when it was posted.

    `credited_at` is the time of its first credit, `looks` how many reads told nothing that could be credited, `read_on`
    the UTC date of the last read that was booked.
    """

    key: str
    arm: Arm
    posted_at: datetime
    credited_at: datetime | None = None
    looks: int = 0
    read_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """Which posts are still to be measured, by their id. Only an agenda: what was credited, the credits say."""

    posts: Mapping[str, Awaited] = field(default_factory=dict)
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far one place is read (`core/sweep.py`): everything up to `since_id` is taken in.

    Where a sweep was cut, `until_id` is the oldest post that it took, `newest_id` where `since_id` goes once it is
    whole; what lies between `since_id` and `until_id` is still to be read. `token` goes on behind a page without
    posts. `swept` counts the posts of the running sweep; `posts` and `found` all posts and candidates so far,
    `found_at` when the newest were found; `stuck` says why X could not be followed.
    """

    since_id: str = ""
    until_id: str = ""
    newest_id: str = ""
    token: str = ""
    read_at: datetime | None = None
    swept: int = 0
    posts: int = 0
    found: int = 0
    found_at: datetime | None = None
    stuck: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """How far every place is read, by name: `timeline`, `mentions`, `search/<hash of the query>`, `watch/<user id>`."""

    places: Mapping[str, Position] = field(default_factory=dict)
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a month has used: writes, reads (resources), and money, open reservations included."""

    writes: int = 0
    reads: int = 0
    spent_micros: int = 0


class Day(NamedTuple):
    """What a UTC day has used, in a row as it is stored: as a `Tally` has it, and of the money what each kind took.

    Every booking writes all days, and each started KB is charged twice (docs/decisions/0094).
    """

    writes: int
    reads: int
    spent_micros: int
    kind_micros: Mapping[str, int]


UNUSED = Day(0, 0, 0, {})
"""A day on which nothing was booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Counters under the ceilings. All keys are text so that the document is plain JSON.

    `months` by billing period (`2026-11`, the month in which the cycle starts), `days` by UTC date,
    `windows` by `date/window/kind` with the date on which the window starts, `kinds` by
    `date/kind` likewise. Ceilings are counted from `days`; `months` are for people to look back on.
    """

    months: Mapping[str, Tally] = field(default_factory=dict)
    days: Mapping[str, Day] = field(default_factory=dict)
    windows: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    theoretical_arrival_at: datetime | None = None
    updated_at: datetime | None = None
    schema_version: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The rate limits as last seen, by bucket name."""

    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """Marks of the texts that were posted or are booked, newest last (see `core/similarity.py`).

    `used` tells by `content_id/variant` on which UTC date (`2026-11-22`) a text was last taken.
    """

    entries: tuple[str, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One planned post: when, in which window, and with which text.

    `key` is the idempotency key of the action that it becomes. `taken` says that the action exists; `note`
    what the owner changed.
    """

    key: str
    window: str
    opens_at: datetime
    closes_at: datetime
    due_at: datetime
    arm: Arm | None
    content_id: str = ""
    variant: int = 0
    text: str = ""
    media: tuple[Media, ...] = ()
    thread: tuple[ThreadStep, ...] = ()
    poll: Poll | None = None
    quote_id: str = ""
    made_with_ai: bool = False
    taken: bool = False
    skipped: bool = False
    note: str = ""

    @property
    def steps(self) -> tuple[ThreadStep, ...]:
        """Its posts as they are to be: one, or those of a thread in their order."""
        return (ThreadStep(text=self.text, media=self.media), *self.thread)


RATE_BITS, WEIGHT_BITS = 20, 12
"""Binary places of the learner's fixed-point sums (core/learning_state.py): of rates; of weights and log rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """A local day's slots in order of time, with why any could not be filled, and which topics run out of texts.

    `basis` is a hash of the settings and texts that it was made from: where they change, the free slots change.
    """

    date: str
    zone: str
    seed: str
    slots: tuple[Slot, ...]
    left_out: tuple[str, ...] = ()
    running_dry: tuple[str, ...] = ()
    basis: str = ""
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A text that came from a feed or a model, and until when it is kept."""

    text: Text
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is remembered of one source: when it was asked last, what it has given, and how to ask only for news."""

    looked_at: datetime | None = None
    seen: tuple[str, ...] = ()
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Texts from feeds and models that wait to go out, and their origins by name (see `core/drafting.py`)."""

    texts: tuple[Draft, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    schema_version: int = 1
