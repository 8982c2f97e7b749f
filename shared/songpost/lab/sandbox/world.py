"""What exists on the emulated X: users, posts, media, and who likes, reposts or follows what.

The nouns are frozen; `World` holds them, finds them and gives out ids. It knows no endpoint, plan or price.
Ids are snowflakes: milliseconds since X's epoch, shifted left by 22 bits, so that they sort by time
(https://docs.x.com/fundamentals/x-ids). Times are aware and in UTC.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from .wire import JSON

EPOCH_MILLISECONDS = 1_288_834_974_657
"""The first millisecond of the snowflake calendar: 2010-11-04T01:42:54.657Z."""

Said = tuple[str, tuple[str, ...], tuple[str, ...]]
"""What a post says, for telling duplicates: its normalised words, its media and quote, its poll."""

NO_METRICS: Mapping[str, int] = {
    "retweet_count": 0,
    "reply_count": 0,
    "like_count": 0,
    "quote_count": 0,
    "bookmark_count": 0,
    "impression_count": 0,
    "url_link_clicks": 0,
    "user_profile_clicks": 0,
}
"""The counts that every post carries, at nought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account on X."""

    id: str
    username: str
    name: str
    created_at: datetime
    description: str = ""
    followers_count: int = 0
    verified: bool = False
    protected: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post as it was sent. `visible_at` is when timelines and searches begin to show it; `request` the number
    of the API request that made it, None for one made by hand.
    """

    id: str
    author_id: str
    text: str
    created_at: datetime
    visible_at: datetime
    conversation_id: str
    in_reply_to_id: str | None = None
    quoted_id: str | None = None
    reposted_id: str | None = None
    media_ids: tuple[str, ...] = ()
    poll_options: tuple[str, ...] = ()
    poll_minutes: int = 0
    excluded_user_ids: tuple[str, ...] = ()
    reply_settings: str = "everyone"
    made_with_ai: bool = False
    paid_partnership: bool = False
    metrics: Mapping[str, int] = field(default_factory=lambda: dict(NO_METRICS))
    request: int | None = None
    deleted_at: datetime | None = None

    def is_visible(self, now: datetime) -> bool:
        """Whether timelines and searches show it."""
        return self.deleted_at is None and self.visible_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An upload. `size` counts the bytes received; `ready_at` is None until it is finalized."""

    id: str
    owner_id: str
    media_type: str
    category: str
    total_bytes: int
    created_at: datetime
    size: int = 0
    segments: tuple[int, ...] = ()
    head: str = ""
    finalized_at: datetime | None = None
    ready_at: datetime | None = None
    alt_text: str = ""

    @property
    def key(self) -> str:
        """X's media key: a prefix for the kind, then the id."""
        return f"{ {'photo': 3, 'video': 7, 'animated_gif': 16}[self.kind] }_{self.id}"

    @property
    def kind(self) -> str:
        """X's word for it in a post: photo, video or animated_gif."""
        if self.media_type == "image/gif":
            return "animated_gif"
        return "video" if self.media_type.startswith("video/") else "photo"


@dataclass(frozen=True, slots=True)
class Shown:
    """A post's text as it is read, the entities in it as X lists them, and the ids of the users it mentions."""

    text: str
    entities: dict[str, JSON]
    mentioned: tuple[str, ...]


class World:
    """Everything that exists, found by id, by author and by who is mentioned. Not thread-safe: the sandbox locks."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.posts: dict[str, Post] = {}
        self.media: dict[str, Media] = {}
        self.likes: set[tuple[str, str]] = set()
        self.follows: set[tuple[str, str]] = set()
        self.shown: dict[str, Shown] = {}
        self._by_name: dict[str, str] = {}
        self._timelines: dict[str, list[int]] = defaultdict(list)
        self._mentions: dict[str, list[int]] = defaultdict(list)
        self._said: dict[tuple[str, Said], list[str]] = defaultdict(list)
        self._all: list[int] = []
        self._sequence = 0

    def new_id(self, at: datetime) -> str:
        """A snowflake for a moment that no other thing has; ValueError before X's epoch."""
        self._sequence += 1
        return str(first_id_at(at) + (self._sequence & 0x3FFFFF))

    @property
    def sequence(self) -> int:
        """How many ids were given out; saved, so that a loaded world gives out no id twice."""
        return self._sequence

    @sequence.setter
    def sequence(self, value: int) -> None:
        self._sequence = value

    def add_user(self, user: User) -> User:
        """Make a user known; ValueError when the name is taken."""
        taken = self._by_name.setdefault(user.username.lower(), user.id)
        if taken != user.id:
            raise ValueError(f"the username {user.username!r} is taken: choose another")
        self.users[user.id] = user
        return user

    def by_name(self, username: str) -> User | None:
        """The user of that name, whatever its case."""
        user_id = self._by_name.get(username.lower())
        return self.users[user_id] if user_id else None

    def add_post(self, post: Post, mentioned: Iterable[str], said: Said) -> Post:
        """Publish a post that mentions those user ids, and count it with what it answers or quotes."""
        self.posts[post.id] = post
        self.index(post, mentioned, said)
        for target, count in (
            (post.in_reply_to_id, "reply_count"),
            (post.quoted_id, "quote_count"),
            (post.reposted_id, "retweet_count"),
        ):
            if target in self.posts:
                self.count(target, count, 1)
        return post

    def index(self, post: Post, mentioned: Iterable[str], said: Said) -> None:
        """Enter a post where it will be looked for."""
        number = int(post.id)
        self._said[post.author_id, said].append(post.id)
        insort(self._all, number)
        insort(self._timelines[post.author_id], number)
        for user_id in mentioned:
            insort(self._mentions[user_id], number)

    def count(self, post_id: str, name: str, by: int) -> None:
        """Move one count of a post."""
        post = self.posts[post_id]
        self.posts[post_id] = replace(post, metrics={**post.metrics, name: max(0, post.metrics[name] + by)})

    def delete_post(self, post_id: str, at: datetime) -> None:
        """Take a post down; its id stays taken."""
        post = self.posts[post_id]
        self.posts[post_id] = replace(post, deleted_at=at)
        if post.reposted_id in self.posts:
            self.count(post.reposted_id, "retweet_count", -1)

    def said_before(self, author_id: str, said: Said) -> list[Post]:
        """The posts in which a user has said the same before, in the order they were entered."""
        return [self.posts[post_id] for post_id in self._said.get((author_id, said), [])]

    def timeline(self, user_id: str) -> list[int]:
        """The ids of a user's posts, oldest first, deleted ones too."""
        return self._timelines.get(user_id, [])

    def mentions(self, user_id: str) -> list[int]:
        """The ids of posts that mention a user, oldest first, deleted ones too."""
        return self._mentions.get(user_id, [])

    def since(self, at: datetime) -> list[int]:
        """The ids of all posts since a moment, oldest first, deleted ones too."""
        return self._all[bisect_left(self._all, first_id_at(at)) :]

    def live_post(self, post_id: str) -> Post | None:
        """The post, unless it is deleted or its author suspended."""
        post = self.posts.get(post_id)
        if post is None or post.deleted_at is not None or self.users[post.author_id].suspended:
            return None
        return post

    def repost_of(self, user_id: str, post_id: str) -> Post | None:
        """The live repost of a post by a user."""
        for number in reversed(self.timeline(user_id)):
            post = self.posts[str(number)]
            if post.reposted_id == post_id and post.deleted_at is None:
                return post
        return None


def first_id_at(at: datetime) -> int:
    """The smallest snowflake of a moment; ValueError before X's epoch."""
    since_epoch = at - datetime(1970, 1, 1, tzinfo=UTC)
    milliseconds = since_epoch // timedelta(milliseconds=1) - EPOCH_MILLISECONDS
    if milliseconds < 0:
        raise ValueError(f"{at.isoformat()} is before X's first id (2010-11-04): set the clock later")
    return milliseconds << 22
