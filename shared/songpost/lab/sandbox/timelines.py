"""Pages of posts: a user's own, those that mention a user, and the results of a search; newest first.

A page token holds the place where the page begins and a check over what was asked, so that a token goes on where
it left off while posts come and go, and fails with a 400 when it is used for another question.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from . import problems
from .clock import parse_iso
from .reading import posts_answer
from .search import parse_query
from .service import Call, Service, is_id, path_id, whole_number
from .wire import JSON, Answer
from .world import Post, first_id_at

REACH = 800
"""How many posts back a timeline or the mentions go."""

SEARCH_DAYS = 7
"""How far back recent search goes."""

QUERY_LENGTH = 512
"""The longest query of recent search outside enterprise."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def user_posts(service: Service, call: Call) -> Answer:
    """GET /2/users/:id/tweets."""
    return _users_page(service, call, service.world.timeline)


def user_mentions(service: Service, call: Call) -> Answer:
    """GET /2/users/:id/mentions."""
    return _users_page(service, call, service.world.mentions)


def _users_page(service: Service, call: Call, index: Callable[[str], list[int]]) -> Answer:
    user = service.world.users.get(path_id(call, "id"))
    size = _size(call, 5, 10)
    window = _Window(call)
    excluded = _excluded(call)
    owned = user is not None and service.owns_app(user.id) and call.identity.user_id == user.id
    item = "owned read" if owned else "post read"
    service.bill.require(service.rules, item, call.now, service.owner.id)
    service.bill.require_cap("read", service.rules, call.now, service.owner.id)
    if user is None:
        return Answer(200, {"errors": [problems.missing("user", "id", call.path["id"])]})
    if user.suspended:
        return Answer(200, {"errors": [problems.suspended_user("id", user.id)]})
    ids = index(user.id)
    newer = ids if window.since is None else ids[bisect_right(ids, window.since) :]
    reachable = _visible(service, newer, call.now, REACH)
    kept = (post for post in reachable if _kind(post) not in excluded and window.holds(post))
    return _page(service, call, kept, size, item)


def _visible(service: Service, ids: Sequence[int], now: datetime, reach: int | None) -> Iterator[Post]:
    """The newest visible posts among ids, newest first, at most `reach`."""
    posts, users = service.world.posts, service.world.users
    live = (post for number in reversed(ids) if (post := posts[str(number)]).is_visible(now))
    return islice((post for post in live if not users[post.author_id].suspended), reach)


def search_recent(service: Service, call: Call) -> Answer:
    """GET /2/tweets/search/recent."""
    text = call.query.get("query", "").strip()
    longest = 4_096 if service.rules.plan == "enterprise" else QUERY_LENGTH
    if not 1 <= len(text) <= longest:
        raise problems.invalid(
            f"The `query` query parameter length [{len(text)}] is not between 1 and {longest}", {"query": [text]}
        )
    matches = parse_query(text)
    size = _size(call, 10, 10)
    window = _Window(call)
    oldest = call.now - timedelta(days=SEARCH_DAYS)
    if window.since and window.since < first_id_at(oldest):
        raise problems.invalid(
            f"'since_id' must be a tweet id created after {oldest:%Y-%m-%dT%H:%MZ}. Please use a 'since_id' that "
            f"is larger than {first_id_at(oldest)}",
            {"since_id": [str(window.since)]},
        )
    service.bill.require(service.rules, "post read", call.now, service.owner.id)
    service.bill.require_cap("read", service.rules, call.now, service.owner.id)
    visible = _visible(service, service.world.since(oldest), call.now, None)
    kept = (post for post in visible if window.holds(post) and matches(service.world, post))
    return _page(service, call, kept, size, "post read")


def _size(call: Call, least: int, usual: int) -> int:
    text = call.query.get("max_results", str(usual))
    size = whole_number(text, least, 100)
    if size is None:
        raise problems.invalid(
            f"The `max_results` query parameter value [{text}] is not between {least} and 100",
            {"max_results": [text]},
        )
    return size


def _excluded(call: Call) -> frozenset[str]:
    if "exclude" not in call.query:
        return frozenset()
    found = frozenset(call.query["exclude"].split(","))
    if not found <= {"replies", "retweets"}:
        raise problems.invalid(
            f"The `exclude` query parameter value [{call.query['exclude']}] is not one of [replies,retweets]",
            {"exclude": [call.query["exclude"]]},
        )
    return found


def _kind(post: Post) -> str:
    if post.reposted_id:
        return "retweets"
    return "replies" if post.in_reply_to_id else "posts"


class _Window:
    """The ids and times between which posts are wanted, as the query gives them."""

    def __init__(self, call: Call) -> None:
        asked = call.query
        self.since = self._id(asked["since_id"], "since_id") if "since_id" in asked else None
        self.until = self._id(asked["until_id"], "until_id") if "until_id" in asked else None
        self.start = self._time(asked["start_time"], "start_time") if "start_time" in asked else None
        self.end = self._time(asked["end_time"], "end_time") if "end_time" in asked else None

    @staticmethod
    def _id(text: str, name: str) -> int:
        if not is_id(text):
            raise problems.invalid(f"The `{name}` query parameter value [{text}] is not valid", {name: [text]})
        return int(text)

    @staticmethod
    def _time(text: str, name: str) -> datetime:
        try:
            return parse_iso(text)
        except ValueError:
            raise problems.invalid(
                f"The `{name}` query parameter value [{text}] is not a valid RFC 3339 time", {name: [text]}
            ) from None

    def holds(self, post: Post) -> bool:
        """Whether a post lies within: ids exclusive, start inclusive, end exclusive."""
        number = int(post.id)
        return (
            (self.since is None or number > self.since)
            and (self.until is None or number < self.until)
            and (self.start is None or post.created_at >= self.start)
            and (self.end is None or post.created_at < self.end)
        )


def _page(service: Service, call: Call, posts: Iterator[Post], size: int, item: str) -> Answer:
    """The page of posts, newest first, at which the query's token points, read no further than needed."""
    token = call.query.get("pagination_token", call.query.get("next_token"))
    first = None if token is None else _place(token, _check(call))
    newer: deque[Post] = deque(maxlen=size)
    page: list[Post] = []
    meta: dict[str, JSON] = {}
    for post in posts:
        if first is not None and int(post.id) > first:
            newer.append(post)
        elif len(page) < size:
            page.append(post)
        else:
            meta["next_token"] = _token(int(post.id), _check(call))
            break
    if newer and call.endpoint != "GET /2/tweets/search/recent":
        meta["previous_token"] = _token(int(newer[0].id), _check(call))
    if page:
        meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
    meta["result_count"] = len(page)
    return posts_answer(service, call, page, item=item, meta=meta)


def _check(call: Call) -> int:
    """A number over everything that must stay the same from page to page."""
    asked = {name: value for name, value in call.query.items() if name not in {"pagination_token", "next_token"}}
    asked.pop("max_results", None)
    text = f"{call.endpoint} {dict(call.path)} {sorted(asked.items())}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def _token(place: int, check: int) -> str:
    number, letters = (place << 32) | check, []
    while number:
        number, rest = divmod(number, 36)
        letters.append(_DIGITS[rest])
    return "".join(reversed(letters))


def _place(token: str, check: int) -> int:
    if token and len(token) < 40 and all(letter in _DIGITS for letter in token):
        number = int(token, 36)
        if number & 0xFFFFFFFF == check:
            return number >> 32
    raise problems.invalid(
        f"The `pagination_token` query parameter value [{token}] is not valid", {"pagination_token": [token]}
    )
