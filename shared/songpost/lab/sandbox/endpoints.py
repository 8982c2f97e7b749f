"""The table of endpoints: how each is called, with which credentials and scopes, and what the plan must permit.

Scopes and authentication after the OpenAPI file 2.166. `app_only` None means that a user or the app alone may call,
True that only the app alone may, False that only a user may. A permission that the plan lacks is a 403.
"""

from __future__ import annotations

import re

from . import media, oauth2, people, posts, relations, timelines, usage
from .service import Endpoint
from .vocabulary import POST_QUERY, USER_QUERY

_READ = ("tweet.read", "users.read")
_WRITE = ("tweet.read", "tweet.write", "users.read")
_UPLOAD = ("media.write",)
_LIKE = ("like.write", "tweet.read", "users.read")
_FOLLOW = ("follows.write", "tweet.read", "users.read")
_PAGE = frozenset({"since_id", "until_id", "max_results", "pagination_token", "start_time", "end_time"}) | POST_QUERY
_SEARCH = _PAGE | {"query", "next_token", "sort_order"}

API = (
    Endpoint(name="GET /2/users/me", handler=people.me, scopes=_READ, query=USER_QUERY),
    Endpoint(
        name="GET /2/users/by/username/:username",
        handler=people.by_username,
        app_only=None,
        scopes=_READ,
        query=USER_QUERY,
    ),
    Endpoint(name="GET /2/users/:id", handler=people.by_id, app_only=None, scopes=_READ, query=USER_QUERY),
    Endpoint(name="GET /2/tweets", handler=posts.lookup, app_only=None, scopes=_READ, query=POST_QUERY | {"ids"}),
    Endpoint(name="GET /2/tweets/:id", handler=posts.lookup_one, app_only=None, scopes=_READ, query=POST_QUERY),
    Endpoint(
        name="GET /2/tweets/search/recent",
        handler=timelines.search_recent,
        app_only=None,
        scopes=_READ,
        query=_SEARCH,
    ),
    Endpoint(
        name="GET /2/users/:id/tweets",
        handler=timelines.user_posts,
        app_only=None,
        scopes=_READ,
        query=_PAGE | {"exclude"},
    ),
    Endpoint(
        name="GET /2/users/:id/mentions",
        handler=timelines.user_mentions,
        app_only=None,
        scopes=_READ,
        query=_PAGE,
    ),
    Endpoint(name="POST /2/tweets", handler=posts.create, scopes=_WRITE, permission="post"),
    Endpoint(name="DELETE /2/tweets/:id", handler=posts.delete, scopes=_WRITE, permission="delete"),
    Endpoint(name="POST /2/users/:id/retweets", handler=relations.repost, scopes=_WRITE, permission="repost"),
    Endpoint(
        name="DELETE /2/users/:id/retweets/:source_tweet_id",
        handler=relations.undo_repost,
        scopes=_WRITE,
        permission="repost",
    ),
    Endpoint(name="POST /2/users/:id/likes", handler=relations.like, scopes=_LIKE, permission="like"),
    Endpoint(name="DELETE /2/users/:id/likes/:tweet_id", handler=relations.unlike, scopes=_LIKE, permission="like"),
    Endpoint(name="POST /2/users/:id/following", handler=relations.follow, scopes=_FOLLOW, permission="follow"),
    Endpoint(
        name="DELETE /2/users/:source_user_id/following/:target_user_id",
        handler=relations.unfollow,
        scopes=_FOLLOW,
        permission="follow",
    ),
    Endpoint(name="POST /2/media/upload/initialize", handler=media.initialize, scopes=_UPLOAD),
    Endpoint(name="POST /2/media/upload/:id/append", handler=media.append, scopes=_UPLOAD),
    Endpoint(name="POST /2/media/upload/:id/finalize", handler=media.finalize, scopes=_UPLOAD),
    Endpoint(
        name="GET /2/media/upload",
        handler=media.status,
        scopes=_UPLOAD,
        query=frozenset({"command", "media_id"}),
    ),
    Endpoint(name="POST /2/media/upload", handler=media.upload, scopes=_UPLOAD),
    Endpoint(name="POST /2/media/metadata", handler=media.metadata, scopes=_UPLOAD),
    Endpoint(
        name="GET /2/usage/tweets", handler=usage.tweets, app_only=True, query=frozenset({"days", "usage.fields"})
    ),
)
"""The endpoints that want credentials."""

OPEN = (
    Endpoint(name="GET /i/oauth2/authorize", handler=oauth2.authorize_page),
    Endpoint(name="POST /i/oauth2/authorize", handler=oauth2.decide),
    Endpoint(name="GET /2/oauth2/authorize", handler=oauth2.authorize_page),
    Endpoint(name="POST /2/oauth2/authorize", handler=oauth2.decide),
    Endpoint(name="POST /2/oauth2/token", handler=oauth2.token),
    Endpoint(name="POST /2/oauth2/revoke", handler=oauth2.revoke),
)
"""The pages and endpoints of OAuth 2.0, which bring credentials of their own or none."""

OPEN_NAMES = frozenset(endpoint.name for endpoint in OPEN)


class Routes:
    """Finds the endpoint of a method and path: fixed paths first, then those with parts to fill."""

    def __init__(self) -> None:
        self._fixed: dict[str, Endpoint] = {}
        self._open: dict[str, list[tuple[re.Pattern[str], Endpoint]]] = {}
        for endpoint in (*API, *OPEN):
            method, path = endpoint.name.split(" ")
            if ":" in path:
                form = re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]*)", path))
                self._open.setdefault(method, []).append((form, endpoint))
            else:
                self._fixed[endpoint.name] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the parts of the path; None where there is none."""
        fixed = self._fixed.get(f"{method} {path}")
        if fixed is not None:
            return fixed, {}
        for form, endpoint in self._open.get(method, []):
            if (match := form.fullmatch(path)) is not None:
                return endpoint, match.groupdict()
        return None
