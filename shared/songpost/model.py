"""The nouns of Songpost: frozen dataclasses that every other room speaks in.

Nothing here does I/O, reads a clock or knows how it is stored. Times are aware and in UTC (`_at`),
money is integer micro-dollars (`_micros`), durations are seconds. Classes that are stored whole carry
`schema_version`; changing one of them means a tested migration step in `agent/documents.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from songpost.nouns import dataclass, replace

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MICROS_PER_USD = 1_000_000
SKEW_SECONDS = 120
"""The largest clock skew that is tolerated, in seconds (DESIGN.md, invariant 4)."""


class Kind(StrEnum):
    """What an action does on X."""

    POST = "post"
    REPLY = "reply"
    QUOTE = "quote"
    REPOST = "repost"
    LIKE = "like"
    FOLLOW = "follow"
    DELETE = "delete"
    READ = "read"


CREATES = frozenset({Kind.POST, Kind.REPLY, Kind.QUOTE})
"""The kinds that make a post, whose lost answer can be found in the own timeline."""
ORIGINALS = frozenset({Kind.POST, Kind.QUOTE})
"""The kinds that stand by themselves in the timeline: they keep a distance, and the learner hears of them."""
THREAD_GRACE = timedelta(hours=1)
"""How long after its window a thread that has begun may still be finished: half of one reads worse than a late end."""
INTERACTIONS = frozenset({Kind.REPLY, Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW})
"""The kinds that answer somebody else's post."""


class State(StrEnum):
    """Where an action stands; the edges are drawn in docs/architecture.md and kept by `agent/ledger.py`."""

    PROPOSED = "proposed"
    PLANNED = "planned"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    PARTIAL = "partial"
    REFUSED = "refused"
    ABANDONED = "abandoned"


class PriceClass(StrEnum):
    """What X charges for, a call or a resource (docs/x-api.md says which call is of which class)."""

    POST_CREATE = "post_create"
    POST_CREATE_URL = "post_create_url"
    REPLY_CREATE = "reply_create"
    INTERACTION = "interaction"
    DELETE = "delete"
    MEDIA_METADATA = "media_metadata"
    POST_READ = "post_read"
    USER_READ = "user_read"
    OWNED_READ = "owned_read"
    FREE = "free"


OPEN_STATES = frozenset({State.PROPOSED, State.PLANNED, State.SENDING, State.UNKNOWN})
"""States that an action leaves again by itself; the others end its story."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What the learner chooses among: a topic, in a window, with or without media."""

    topic: str
    window: str
    media: bool = False

    def __str__(self) -> str:
        """`topic|window|media`, as tables and summaries show it."""
        return f"{self.topic}|{self.window}|{'media' if self.media else 'text'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture or film of a text: where its bytes lie, and what it shows, in words."""

    path: str
    alt_text: str
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStep:
    """One post of a thread: its words, and its media."""

    text: str
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll under a post: two to four choices of at most 25 characters, open for so many minutes."""

    options: tuple[str, ...]
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is booked for the steps of a thread that are yet to begin: worst price, writes, resources read.

    `booked_at` is the time (UTC) at which the usage counts it.
    """

    micros: int
    writes: int
    reads: int
    booked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to carry an action, or a `step` of its thread (from 0), out on X, begun by the commit that booked it.

    `baseline_id` is the newest own post id known before the call; a post found later is newer.
    `reserved_micros` is the worst price booked, `call_micros` of it for the call itself and the rest for
    `reserved_reads` resources of the own timeline; `settled_micros` is what it came to, `None` while open.
    `outcome` is empty while nothing is known. `reads` counts the reads that looked for the post (X was asked for the
    last one at `read_at`), `resources` the posts they returned, or may while one is under way, `absent_reads` those of
    them that were complete and did not show it. `held_reads` of the reserved ones stay paid for a look that was under
    way when it was settled.
    """

    id: str
    step: int = 0
    started_at: datetime
    send_deadline_at: datetime
    lease_until: datetime
    baseline_id: str
    reserved_micros: int
    reserved_reads: int = 0
    call_micros: int
    settled_micros: int | None = None
    outcome: str = ""
    closed_at: datetime | None = None
    reads: int = 0
    read_at: datetime | None = None
    resources: int = 0
    absent_reads: int = 0
    held_reads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of an action's history; `digest` chains it to the line before (see `recorded`)."""

    at: datetime
    state: State
    note: str
    attempt_id: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do on X, at most once. `key` is its idempotency key: `kind/date/…`.

    `due_at` is when it may start and `closes_at` when its window is over (both UTC). `arm`,
    `content_id` and `variant` say where a post's text came from, `made_with_ai` that a model wrote it. `retry_at`
    holds it back. `approved` is the digest of what a person approved (core/consent.py), `told_at` when its proposal
    was mailed, `deleted_at` when its posts were deleted at a person's word.

    A thread is one action: `text`, `media` and `poll` are of its first post, `thread` holds the steps after it,
    `post_id` and `thread_ids` the posts that it has become so far, `held` what is booked for steps yet to begin.
    Between two steps it is planned, with posts. A quote's `target_id` is the post that it quotes.

    An interaction's `target_id` is the post that it answers (of a follow: the post that led to it), by
    `target_author` (a username, without the @); it counts for its `window` of the local date `day`; `summoned` says
    that this very post mentions the account or quotes it.
    """

    key: str
    kind: Kind
    state: State
    created_at: datetime
    updated_at: datetime
    due_at: datetime
    closes_at: datetime
    window: str = ""
    day: str = ""
    text: str = ""
    arm: Arm | None = None
    content_id: str = ""
    variant: int = 0
    media: tuple[Media, ...] = ()
    thread: tuple[ThreadStep, ...] = ()
    poll: Poll | None = None
    target_id: str = ""
    target_author_id: str = ""
    target_author: str = ""
    target_text: str = ""
    summoned: bool = False
    post_id: str = ""
    thread_ids: tuple[str, ...] = ()
    posted_at: datetime | None = None
    retry_at: datetime | None = None
    made_with_ai: bool = False
    approved_at: datetime | None = None
    approved: str = ""
    told_at: datetime | None = None
    deleted_at: datetime | None = None
    gate: str = ""
    reason: str = ""
    held: Held | None = None
    attempts: tuple[Attempt, ...] = ()
    history: tuple[Event, ...] = ()
    schema_version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it can still move by itself."""
        return self.state in OPEN_STATES

    @property
    def attempt(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def steps(self) -> tuple[ThreadStep, ...]:
        """Its posts as they are to be: one, or those of a thread in their order."""
        return (ThreadStep(text=self.text, media=self.media), *self.thread)

    @property
    def post_ids(self) -> tuple[str, ...]:
        """Every post that it has become on X, in the order of its steps."""
        return (self.post_id, *self.thread_ids) if self.post_id else ()

    @property
    def next_step(self) -> int:
        """The first step that is not sent; the number of steps where all are."""
        return len(self.post_ids)

    @property
    def sendable_until(self) -> datetime:
        """When it may begin no more: its window's end, and some grace for a thread that has begun."""
        return self.closes_at + THREAD_GRACE if self.post_ids else self.closes_at

    def at_step(self, step: int) -> Action:
        """One step as the create that it is on X: a reply to the post of the step before, if it is not the first."""
        if step == 0:
            return replace(self, thread=()) if self.thread else self
        wanted = self.thread[step - 1]
        return replace(
            self,
            kind=Kind.REPLY,
            text=wanted.text,
            media=wanted.media,
            thread=(),
            poll=None,
            target_id=self.post_ids[step - 1],
        )


def event_digest(previous: str, event: Event, key: str) -> str:
    """Hash one line of history onto the line before: SHA-256, hex, over a canonical JSON list."""
    line = [previous, key, event.at.isoformat(), event.state, event.note, event.attempt_id]
    return hashlib.sha256(json.dumps(line, separators=(",", ":")).encode()).hexdigest()


def recorded(action: Action, at: datetime, note: str, attempt_id: str = "") -> Action:
    """Append one line to the history of `action` in its present state, chained to the line before."""
    previous = action.history[-1].digest if action.history else ""
    bare = Event(at=at, state=action.state, note=note, attempt_id=attempt_id)
    digest = event_digest(previous, bare, action.key)
    event = Event(at=at, state=action.state, note=note, attempt_id=attempt_id, digest=digest)
    return replace(action, updated_at=at, history=(*action.history, event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text of the content library: an id, its topic, its wordings, and what goes with them.

    `threads` holds for each wording the steps that follow it as a thread (empty where none is one); media, poll and the
    quoted post belong to the first post. `made_with_ai` says that its media were made by a model.
    """

    id: str
    topic: str
    variants: tuple[str, ...]
    media: tuple[Media, ...] = ()
    threads: tuple[tuple[ThreadStep, ...], ...] = ()
    quote_id: str = ""
    poll: Poll | None = None
    made_with_ai: bool = False

    def thread_of(self, variant: int) -> tuple[ThreadStep, ...]:
        """The steps that follow a wording."""
        return self.threads[variant] if self.threads else ()

    def words_of(self, variant: int) -> tuple[str, ...]:
        """The words of every post that a wording becomes."""
        return (self.variants[variant], *(step.text for step in self.thread_of(variant)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post as X returns it: `text` still has X's t.co links and HTML entities.

    `urls` pairs each t.co link with what it stands for; `mentions` are usernames without the @.
    """

    id: str
    text: str
    author_id: str = ""
    created_at: datetime | None = None
    replied_to: str = ""
    quoted: str = ""
    reposted: str = ""
    conversation_id: str = ""
    in_reply_to_user_id: str = ""
    mentions: tuple[str, ...] = ()
    urls: tuple[tuple[str, str], ...] = ()
    media_keys: tuple[str, ...] = ()
    metrics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user as X returns it."""

    id: str
    username: str
    name: str = ""
    description: str = ""
    posts: int | None = None
