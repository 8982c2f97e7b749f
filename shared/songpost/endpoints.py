"""The one table of X's endpoints that Songpost calls: plain data, and nothing here is read twice elsewhere.

Admission takes the price class and the rate buckets from it, the client its retries and what a lost answer
means, tracing and docs the names, the sandbox's contract test the lot. Sources: X's public documentation and
its OpenAPI description 2.166 (read 2026-11-22). Adding a call starts with a row here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from songpost.model import Kind, PriceClass
from songpost.nouns import dataclass


class Lost(StrEnum):
    """What a lost answer means for the action behind the call."""

    HARMLESS = "harmless"
    """Nothing on the account has changed; asking again is safe (a read may be billed again)."""
    REPEATABLE = "repeatable"
    """It may have taken effect, and a second time changes nothing more: repeat once, later."""
    OPEN = "open"
    """It may have taken effect, and a second time would do it twice: only the timeline can tell."""


class Retry(StrEnum):
    """When the client itself tries again, within the time it was given."""

    SAFE = "safe"
    """Whenever no usable answer came (5xx, time-out, unreadable), besides what `UNSENT` allows."""
    UNSENT = "unsent"
    """Only where nothing can have happened: no connection, or a 429 whose wait fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint. `path` is a pattern as X's documentation writes it (`/2/tweets/:id`).

    `price` is `POST_CREATE` for the whole family (with a URL, summoned reply): which of them, the text decides.
    `scopes` are what OAuth 2.0 needs; `buckets` the windows (`user15`, `app15`, `user24h`, `app24h`) that X is
    known to count it in; `fresh` asks for a connection of its own; `page` is the smallest and largest page.
    """

    name: str
    method: str
    path: str
    price: PriceClass
    lost: Lost
    retry: Retry
    scopes: tuple[str, ...]
    buckets: tuple[str, ...] = ("user15",)
    page: tuple[int, int] | None = None

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.method == "GET"

    @property
    def fresh(self) -> bool:
        """Whether the call gets a connection of its own: a kept one may die under a write, unseen."""
        return not self.is_read

    @property
    def key(self) -> str:
        """Name the endpoint as rate limits and traces do: `POST /2/tweets`."""
        return f"{self.method} {self.path}"

    def bucket(self, scope: str) -> str:
        """Name the rate bucket of a window, as `account_documents.Bucket` has it: `POST /2/tweets:user15`."""
        return f"{self.method} {self.path}:{scope}"


_READ = ("tweet.read", "users.read")
_WRITE = ("tweet.read", "tweet.write", "users.read")


def _read(
    name: str,
    path: str,
    price: PriceClass,
    *,
    buckets: tuple[str, ...] = ("user15",),
    scopes: tuple[str, ...] = _READ,
    page: tuple[int, int] | None = None,
) -> Endpoint:
    return Endpoint(
        name=name,
        method="GET",
        path=path,
        price=price,
        lost=Lost.HARMLESS,
        retry=Retry.SAFE,
        scopes=scopes,
        buckets=buckets,
        page=page,
    )


def _write(  # noqa: PLR0913 - the columns of the table
    name: str,
    method: str,
    path: str,
    price: PriceClass,
    *,
    lost: Lost = Lost.REPEATABLE,
    retry: Retry = Retry.UNSENT,
    scopes: tuple[str, ...] = _WRITE,
    buckets: tuple[str, ...] = ("user15",),
) -> Endpoint:
    return Endpoint(
        name=name,
        method=method,
        path=path,
        price=price,
        lost=lost,
        retry=retry,
        scopes=scopes,
        buckets=buckets,
    )


_LIKE = ("tweet.read", "users.read", "like.write")
_FOLLOW = ("tweet.read", "users.read", "follows.write")
_MEDIA = ("media.write",)
_DAILY = ("user15", "app24h")

ME = _read("me", "/2/users/me", PriceClass.USER_READ)
USER_BY_NAME = _read("user_by_name", "/2/users/by/username/:username", PriceClass.USER_READ)
POSTS = _read("posts", "/2/tweets", PriceClass.POST_READ, page=(1, 100))
TIMELINE = _read("timeline", "/2/users/:id/tweets", PriceClass.OWNED_READ, buckets=("user15", "app15"), page=(5, 100))
MENTIONS = _read("mentions", "/2/users/:id/mentions", PriceClass.OWNED_READ, buckets=("user15", "app15"), page=(5, 100))
SEARCH = _read("search", "/2/tweets/search/recent", PriceClass.POST_READ, buckets=("user15", "app15"), page=(10, 100))
USAGE = _read("usage", "/2/usage/tweets", PriceClass.FREE, buckets=("app15",), scopes=())

CREATE_POST = _write(
    "create_post", "POST", "/2/tweets", PriceClass.POST_CREATE, lost=Lost.OPEN, buckets=("user15", "app24h")
)
DELETE_POST = _write("delete_post", "DELETE", "/2/tweets/:id", PriceClass.DELETE)
REPOST = _write("repost", "POST", "/2/users/:id/retweets", PriceClass.INTERACTION)
UNDO_REPOST = _write("undo_repost", "DELETE", "/2/users/:id/retweets/:source_tweet_id", PriceClass.INTERACTION)
LIKE = _write("like", "POST", "/2/users/:id/likes", PriceClass.INTERACTION, scopes=_LIKE)
UNDO_LIKE = _write("undo_like", "DELETE", "/2/users/:id/likes/:tweet_id", PriceClass.INTERACTION, scopes=_LIKE)
FOLLOW = _write("follow", "POST", "/2/users/:id/following", PriceClass.INTERACTION, scopes=_FOLLOW)
UNDO_FOLLOW = _write(
    "undo_follow",
    "DELETE",
    "/2/users/:source_user_id/following/:target_user_id",
    PriceClass.INTERACTION,
    scopes=_FOLLOW,
)

# A medium shows nowhere until a post names it: losing an answer harms nobody, and the upload starts over.
MEDIA_INITIALIZE = _write(
    "media_initialize",
    "POST",
    "/2/media/upload/initialize",
    PriceClass.FREE,
    lost=Lost.HARMLESS,
    retry=Retry.SAFE,
    scopes=_MEDIA,
    buckets=_DAILY,
)
MEDIA_APPEND = _write(
    "media_append",
    "POST",
    "/2/media/upload/:id/append",
    PriceClass.FREE,
    lost=Lost.HARMLESS,
    scopes=_MEDIA,
    buckets=_DAILY,
)
MEDIA_FINALIZE = _write(
    "media_finalize",
    "POST",
    "/2/media/upload/:id/finalize",
    PriceClass.FREE,
    lost=Lost.HARMLESS,
    scopes=_MEDIA,
    buckets=_DAILY,
)
MEDIA_STATUS = _read("media_status", "/2/media/upload", PriceClass.FREE, scopes=_MEDIA)
MEDIA_METADATA = _write(
    "media_metadata",
    "POST",
    "/2/media/metadata",
    PriceClass.MEDIA_METADATA,
    lost=Lost.REPEATABLE,
    scopes=_MEDIA,
)

# A lost answer may have spent the refresh token: see `tokens`.
TOKEN = _write("token", "POST", "/2/oauth2/token", PriceClass.FREE, lost=Lost.OPEN, scopes=(), buckets=("app15",))

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        endpoint.name: endpoint
        for endpoint in (
            ME,
            USER_BY_NAME,
            POSTS,
            TIMELINE,
            MENTIONS,
            SEARCH,
            USAGE,
            CREATE_POST,
            DELETE_POST,
            REPOST,
            UNDO_REPOST,
            LIKE,
            UNDO_LIKE,
            FOLLOW,
            UNDO_FOLLOW,
            MEDIA_INITIALIZE,
            MEDIA_APPEND,
            MEDIA_FINALIZE,
            MEDIA_STATUS,
            MEDIA_METADATA,
            TOKEN,
        )
    }
)
"""Every endpoint by the name of the client's method (the steps of an upload by their own names)."""

OWNER_SCOPES = (
    "tweet.read",
    "tweet.write",
    "users.read",
    "offline.access",
    "media.write",
)
"""What `songpost authorize` asks for whatever the plan (see `scopes_for`)."""

BY_KIND: Mapping[Kind, Endpoint] = MappingProxyType(
    {
        Kind.POST: CREATE_POST,
        Kind.REPLY: CREATE_POST,
        Kind.QUOTE: CREATE_POST,
        Kind.DELETE: DELETE_POST,
        Kind.REPOST: REPOST,
        Kind.LIKE: LIKE,
        Kind.FOLLOW: FOLLOW,
    }
)
"""The endpoint that each kind of action calls: what admission prices and counts it by."""


def scopes_for(kinds: Collection[Kind]) -> tuple[str, ...]:
    """What OAuth 2.0 has to grant for these kinds of action, beside what every owner is asked for."""
    wanted = [scope for kind in Kind if kind in kinds and kind in BY_KIND for scope in BY_KIND[kind].scopes]
    return tuple(dict.fromkeys((*OWNER_SCOPES, *wanted)))
