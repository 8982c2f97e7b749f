"""X's answers, read: JSON in, frozen nouns out. Strict about what decides, deaf to what it does not know.

An id, a text, or what a post refers to in another form than X documents makes the whole answer unreadable: to
overlook a post is to think it absent. Everything optional is left out where it makes no sense. Both of X's
vocabularies are read (`referenced_tweets` and `referenced_posts`, `tweet_count` and `post_count`, …).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from songpost.endpoints import Endpoint
from songpost.errors import Refused, quote
from songpost.model import Json, Post, User
from songpost.x.limits import buckets_from
from songpost.x.nouns import AppUsage, Upload
from songpost.x.refusals import Circumstances, Problem, parsed, problem, refusal, unreadable
from songpost.x.transport import Response

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

POST_FIELDS = (
    "attachments",
    "author_id",
    "conversation_id",
    "created_at",
    "entities",
    "in_reply_to_user_id",
    "note_tweet",
    "public_metrics",
    "referenced_tweets",
)
"""Fields asked for with every post. No expansions: whatever they bring along is billed too."""
USER_FIELDS = ("description", "public_metrics")


class _ShapeError(Exception):
    """A part of the answer that decides has another form than X documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One 2xx answer: its JSON object, what its headers told, and where it came from."""

    endpoint: Endpoint
    status: int
    body: Mapping[str, Json]
    told: Circumstances

    def post(self) -> Post:
        """Read `data` as the post of a create: its id is all that counts."""
        return self._read(lambda: Post(id=_id(_object(self.body.get("data"))), text=self._sent_text()))

    def posts(self) -> tuple[Post, ...]:
        """Read `data` as a list of posts.

        X leaves it out where there are none, but then says so (`result_count` 0, or why in `errors`): an answer
        that just lacks it must not pass for an empty timeline.
        """
        return self._read(self._posts)

    def user(self) -> User:
        """Read `data` as a user. Raises `Refused` where X says that there is none."""
        if self.body.get("data") is None and (errors := self.errors()):
            words = next(iter(errors.values()))
            raise Refused(
                f"X knows no such user: {quote(words)}",
                where=f"{self.endpoint.method} {self.endpoint.path}",
                mend="check the name",
                status=self.status,
                **self.told._asdict(),
            )
        return self._read(lambda: _user(self.body.get("data")))

    def upload(self) -> Upload:
        """Read `data` as a medium and its processing."""
        return self._read(lambda: _upload(self.body.get("data")))

    def usage(self) -> AppUsage:
        """Read `data` as the app's usage."""
        return self._read(lambda: _usage(self.body.get("data")))

    def confirm(self, names: tuple[str, ...], *, expected: bool) -> bool:
        """Read a flag of `data`, under whichever of `names`: one that is as `expected` says that it is done.

        Raises `Refused` for the opposite: X understood, and did not do it.
        """
        data = self.body.get("data")
        flags = [data[name] for name in names if name in data] if isinstance(data, dict) else []
        if any(flag is expected for flag in flags):
            return True
        if flags and all(flag is (not expected) for flag in flags):
            raise Refused(
                f"X answered {self.status}, but with {names[0]} = {str(not expected).lower()}",
                where=f"{self.endpoint.method} {self.endpoint.path}",
                mend="see on X why",
                status=self.status,
                **self.told._asdict(),
            )
        raise unreadable(self.endpoint, self.status, f"no {names[0]} in the answer", self.told)

    def errors(self) -> dict[str, str]:
        """Read the partial `errors[]` of a 2xx: what X says, by the resource that it says it of."""
        listed = self.body.get("errors")
        found = {}
        for item in listed if isinstance(listed, list) else []:
            said = problem(item) or Problem()
            if isinstance(item, dict):
                of = item.get("resource_id") or item.get("value") or ""
                found[str(of)[:64]] = "; ".join(dict.fromkeys(said.words)) or said.segment
        return found

    @property
    def next_token(self) -> str:
        """The token of the next page; empty on the last."""
        meta = self.body.get("meta")
        token = meta.get("next_token") if isinstance(meta, dict) else None
        return token if isinstance(token, str) else ""

    @property
    def resources(self) -> int:
        """How many objects came, and so are billed; included ones count."""
        data, includes = self.body.get("data"), self.body.get("includes")
        count = len(data) if isinstance(data, list) else int(isinstance(data, dict))
        if isinstance(includes, dict):
            count += sum(len(some) for some in includes.values() if isinstance(some, list))
        return count

    def _posts(self) -> tuple[Post, ...]:
        meta = self.body.get("meta")
        told_none = isinstance(meta, dict) and meta.get("result_count") == 0
        if self.body.get("data") is None and not told_none and not self.errors():
            raise _ShapeError("neither posts nor word that there are none")
        return tuple(_post(item) for item in _list(self.body.get("data")))

    def _sent_text(self) -> str:
        text = _object(self.body.get("data")).get("text")
        return text if isinstance(text, str) else ""

    def _read(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except _ShapeError as error:
            raise unreadable(self.endpoint, self.status, f"the answer is not X's: {error}", self.told) from None


def read(endpoint: Endpoint, response: Response, now: datetime) -> Reply:
    """Read an answer that arrived at `now` (aware). Raises the named error of anything but a JSON 2xx."""
    told = _told(endpoint, response.headers, now)
    if not 200 <= response.status < 300:
        raise refusal(endpoint, response.status, response.body, told)
    body = parsed(response.body)
    if not isinstance(body, dict):
        # An append is answered with 204 or an empty 2xx, and says nothing that anyone needs.
        if endpoint.name == "media_append" and not response.body:
            body = {}
        else:
            raise unreadable(endpoint, response.status, f"X answered {response.status} with no JSON object", told)
    return Reply(endpoint=endpoint, status=response.status, body=body, told=told)


def _told(endpoint: Endpoint, headers: Mapping[str, str], now: datetime) -> Circumstances:
    """Read what the headers of any answer tell: X's time, our skew, the rate buckets."""
    answered_at = _date(headers.get("date", ""))
    skew = round((now - answered_at).total_seconds()) if answered_at else 0
    buckets = buckets_from(endpoint, headers, seen_at=now, x_now=answered_at or now)
    return Circumstances(buckets, answered_at, skew)


def _date(value: str) -> datetime | None:
    """Read a `Date` header."""
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        logger.warning("Date header ignored: %s", quote(value))
        return None


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _ShapeError("an object is missing")
    return value


def _list(value: Json) -> list[Json]:
    """Read a list that may be left out."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _ShapeError("a list is something else")
    return value


def _id(value: Mapping[str, Json]) -> str:
    """Read an id: digits as text, as X gives them to keep them from being rounded."""
    found = value.get("id")
    if not isinstance(found, str) or not (found.isascii() and found.isdigit() and len(found) <= 19):
        raise _ShapeError(f"no id but {quote(found)}")
    return found


def _post(value: Json) -> Post:
    item = _object(value)
    text = item.get("text")
    if not isinstance(text, str):
        raise _ShapeError("a post without text")
    note = item.get("note_tweet", item.get("note_post"))
    full = note.get("text") if isinstance(note, dict) else None
    referred = _references(item)
    entities = item.get("entities")
    attachments = item.get("attachments")
    keys = attachments.get("media_keys") if isinstance(attachments, dict) else None
    return Post(
        id=_id(item),
        text=full if isinstance(full, str) else text,
        author_id=_text(item.get("author_id")),
        created_at=_time(item.get("created_at")),
        replied_to=referred.get("replied_to", ""),
        quoted=referred.get("quoted", ""),
        reposted=referred.get("retweeted", referred.get("reposted", "")),
        conversation_id=_text(item.get("conversation_id")),
        in_reply_to_user_id=_text(item.get("in_reply_to_user_id")),
        mentions=tuple(_text(entity.get("username")) for entity in _objects(entities, "mentions")),
        urls=tuple(
            (_text(entity.get("url")), _text(entity.get("expanded_url"))) for entity in _objects(entities, "urls")
        ),
        media_keys=tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else (),
        metrics=_metrics(item.get("public_metrics")),
    )


def _references(item: Mapping[str, Json]) -> dict[str, str]:
    """Read what a post answers, quotes or repeats, by the kind of reference."""
    found = {}
    for entry in _list(item.get("referenced_tweets", item.get("referenced_posts"))):
        reference = _object(entry)
        found[_text(reference.get("type"))] = _id(reference)
    return found


def _objects(value: Json, name: str) -> list[dict[str, Json]]:
    """Read an optional list of objects under `name`."""
    listed = value.get(name) if isinstance(value, dict) else None
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Json) -> datetime | None:
    """Read a time of X (`2026-11-22T08:00:00.000Z`)."""
    try:
        at = datetime.fromisoformat(_text(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _metrics(value: Json) -> dict[str, int]:
    """Read counts under the old names (`retweet_count`), whichever vocabulary X used."""
    counts = value if isinstance(value, dict) else {}
    renamed = {"repost_count": "retweet_count", "post_count": "tweet_count"}
    return {
        renamed.get(name, name): count
        for name, count in counts.items()
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0
    }


def _user(value: Json) -> User:
    item = _object(value)
    username = item.get("username")
    if not isinstance(username, str) or not username:
        raise _ShapeError("a user without a name")
    return User(
        id=_id(item),
        username=username,
        name=_text(item.get("name")),
        description=_text(item.get("description")),
        posts=_metrics(item.get("public_metrics")).get("tweet_count"),
    )


def _upload(value: Json) -> Upload:
    item = _object(value)
    processing = item.get("processing_info")
    if not isinstance(processing, dict):
        return Upload(media_id=_id(item))
    after = processing.get("check_after_secs")
    return Upload(
        media_id=_id(item),
        state=_text(processing.get("state")),
        check_after_seconds=float(max(after, 1)) if isinstance(after, int) and after <= 3600 else 1.0,
    )


def _usage(value: Json) -> AppUsage:
    item = _object(value)
    posts = _count(item.get("project_usage"))
    if posts is None:
        raise _ShapeError("no project_usage")
    return AppUsage(
        posts=posts,
        cap=_count(item.get("project_cap")) or 0,
        reset_in_days=_count(item.get("cap_reset_day")),
    )


def _count(value: Json) -> int | None:
    """Read a count, which X gives as a number or as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
