"""How a post looks when it is read: leading mentions, t.co links, HTML entities, and only the fields asked for.

Field names follow the OpenAPI file 2.166 (`tweet.fields`); since 2.167 they are spelled `post.fields`, and both
are accepted. An answer speaks the old names, or the new ones where `Rules.vocabulary` says so.
"""

from __future__ import annotations

import hashlib
import html
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import problems
from .clock import iso
from .text import Span, cashtags, hashtags, mentions, urls
from .vocabulary import NEW_NAMES
from .wire import JSON
from .world import Media, Post, Said, Shown, User, World

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_METRICS = (
    "retweet_count",
    "reply_count",
    "like_count",
    "quote_count",
    "bookmark_count",
    "impression_count",
)
PRIVATE_METRICS = ("impression_count", "url_link_clicks", "user_profile_clicks")
PRIVATE_METRICS_DAYS = 30
"""Non-public metrics are shown for posts of the last 30 days (https://docs.x.com/x-api/fundamentals/metrics)."""

DEFAULT_POST_FIELDS = frozenset({"id", "text", "edit_history_tweet_ids"})
DEFAULT_USER_FIELDS = frozenset({"id", "name", "username"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asked for: fields by kind, expansions, and who is asking (None for an app alone)."""

    post_fields: frozenset[str] = DEFAULT_POST_FIELDS
    user_fields: frozenset[str] = DEFAULT_USER_FIELDS
    media_fields: frozenset[str] = frozenset({"media_key", "type"})
    poll_fields: frozenset[str] = frozenset({"id", "options"})
    expansions: frozenset[str] = frozenset()
    reader_id: str | None = None


def short_link(post_id: str, index: int) -> str:
    """The t.co link that stands for a post's link number `index`; always the same for the same post."""
    digest = int.from_bytes(hashlib.blake2b(f"{post_id}/{index}".encode(), digest_size=8).digest(), "big")
    letters = []
    for _ in range(10):
        digest, rest = divmod(digest, 62)
        letters.append(_BASE62[rest])
    return "https://t.co/" + "".join(letters)


def leading_mentions(world: World, post: Post) -> str:
    """What X puts before a reply: the author that is answered and whoever that post mentions, never oneself."""
    parent = world.posts.get(post.in_reply_to_id or "")
    if parent is None:
        return ""
    named = (span.value.lower() for span in mentions(post.text)) if post.text.startswith("@") else ()
    silent = {post.author_id, *post.excluded_user_ids}
    silent |= {user.id for name in named if (user := world.by_name(name))}
    called = dict.fromkeys((parent.author_id, *shown(world, parent).mentioned))
    return "".join(f"@{world.users[user_id].username} " for user_id in called if user_id not in silent)


def shown(world: World, post: Post) -> Shown:
    """The text as timelines show it, with its entities (`start` and `end` in code points of that text).

    It stays as it was when it was first asked for: a user who takes a mentioned name later is not mentioned by it.
    """
    found = world.shown.get(post.id)
    if found is None:
        found = world.shown[post.id] = _shown(world, post)
    return found


def _shown(world: World, post: Post) -> Shown:
    original = world.posts.get(post.reposted_id or "")
    if original is not None:
        return _repost(world, original)
    links: list[JSON] = []
    text = ""
    raw = leading_mentions(world, post) + post.text
    position = 0
    for index, link in enumerate(urls(raw)):
        text += html.escape(raw[position : link.start], quote=False)
        short = short_link(post.id, index)
        expanded = link.value if "://" in link.value[:8].lower() else f"http://{link.value}"
        links.append(_link(len(text), short, expanded))
        text += short
        position = link.end
    text += html.escape(raw[position:], quote=False)
    author = world.users[post.author_id].username
    for kind, target in _trailing_links(world, post, author):
        short = short_link(post.id, len(links))
        text += " " if text else ""
        links.append(_link(len(text), short, target, kind))
        text += short
    return _with_entities(world, text, links)


def said(world: World, post: Post) -> Said:
    """What a post says, for telling duplicates; a repost says nothing of its own."""
    if post.reposted_id:
        return f"repost {post.reposted_id}", (), ()
    text = unicodedata.normalize("NFC", leading_mentions(world, post) + post.text)
    attached = (*post.media_ids, post.quoted_id or "")
    return " ".join(text.casefold().split()), attached, post.poll_options


def _trailing_links(world: World, post: Post, author: str) -> Iterator[tuple[str, str]]:
    for media_id in post.media_ids[:1]:
        media = world.media[media_id]
        kind = "photo" if media.kind == "photo" else "video"
        yield media.key, f"https://x.com/{author}/status/{post.id}/{kind}/1"
    quoted = world.posts.get(post.quoted_id or "")
    if quoted is not None:
        yield "", f"https://x.com/{world.users[quoted.author_id].username}/status/{quoted.id}"


def _link(start: int, short: str, expanded: str, media_key: str = "") -> dict[str, JSON]:
    display = expanded.split("://", 1)[-1]
    entity: dict[str, JSON] = {
        "start": start,
        "end": start + len(short),
        "url": short,
        "expanded_url": expanded,
        "display_url": display if len(display) <= 26 else display[:25] + "…",
    }
    return {**entity, "media_key": media_key} if media_key else entity


def _repost(world: World, original: Post) -> Shown:
    author = world.users[original.author_id]
    text = f"RT @{author.username}: {shown(world, original).text}"
    return _with_entities(world, text if len(text) <= 140 else text[:139] + "…", [])


def _with_entities(world: World, text: str, links: list[JSON]) -> Shown:
    named: list[JSON] = []
    mentioned: dict[str, None] = {}
    for span in mentions(text):
        user = world.by_name(span.value)
        entity: dict[str, JSON] = {"start": span.start, "end": span.end, "username": span.value}
        if user is not None:
            entity["id"] = user.id
            mentioned[user.id] = None
        named.append(entity)
    entities: dict[str, JSON] = {
        "urls": links,
        "mentions": named,
        "hashtags": _tags(hashtags(text)),
        "cashtags": _tags(cashtags(text)),
    }
    return Shown(text, {name: found for name, found in entities.items() if found}, tuple(mentioned))


def _tags(spans: Iterable[Span]) -> list[JSON]:
    return [{"start": span.start, "end": span.end, "tag": span.value} for span in spans]


def post_json(world: World, post: Post, wanted: Wanted, now: datetime, errors: list[JSON]) -> dict[str, JSON]:
    """A post with the fields that were asked for; a field that is not the reader's goes to `errors`."""
    fields = wanted.post_fields
    seen = shown(world, post)
    attachments: dict[str, JSON] = {}
    if post.media_ids:
        attachments["media_keys"] = [world.media[media_id].key for media_id in post.media_ids]
    if post.poll_options:
        attachments["poll_ids"] = [post.id]
    parent = world.posts.get(post.in_reply_to_id or "")
    everything: dict[str, JSON] = {
        "id": post.id,
        "text": seen.text,
        "edit_history_tweet_ids": [post.id],
        "attachments": attachments,
        "author_id": post.author_id,
        "conversation_id": post.conversation_id,
        "created_at": iso(post.created_at),
        "entities": seen.entities,
        "in_reply_to_user_id": parent.author_id if parent else None,
        "lang": "en",
        "paid_partnership": post.paid_partnership,
        "possibly_sensitive": False,
        "public_metrics": {name: post.metrics[name] for name in PUBLIC_METRICS},
        "referenced_tweets": references(post),
        "reply_settings": post.reply_settings,
    }
    document: dict[str, JSON] = {
        name: value for name, value in everything.items() if name in fields and value not in (None, {}, [])
    }
    for name in ("non_public_metrics", "organic_metrics"):
        if name in fields:
            _private(post, name, wanted, now, document, errors)
    return document


def _private(
    post: Post, name: str, wanted: Wanted, now: datetime, document: dict[str, JSON], errors: list[JSON]
) -> None:
    own = wanted.reader_id == post.author_id and post.reposted_id is None
    if not own or now - post.created_at > timedelta(days=PRIVATE_METRICS_DAYS):
        errors.append(problems.field_forbidden(name, post.id))
        return
    counts: tuple[str, ...] = PRIVATE_METRICS
    if name == "organic_metrics":
        counts = ("impression_count", "retweet_count", "reply_count", "like_count")
    document[name] = {count: post.metrics[count] for count in counts}


def references(post: Post) -> list[JSON]:
    """What a post refers to, as X lists it."""
    pairs = (("retweeted", post.reposted_id), ("quoted", post.quoted_id), ("replied_to", post.in_reply_to_id))
    return [{"type": kind, "id": target} for kind, target in pairs if target]


def user_json(world: World, user: User, wanted: Wanted) -> dict[str, JSON]:
    """A user with the fields that were asked for."""
    document: dict[str, JSON] = {"id": user.id, "name": user.name, "username": user.username}
    everything: dict[str, JSON] = {
        "created_at": iso(user.created_at),
        "description": user.description,
        "protected": user.protected,
        "verified": user.verified,
        "verified_type": "blue" if user.verified else "none",
    }
    document |= {name: value for name, value in everything.items() if name in wanted.user_fields}
    if wanted.user_fields & {"public_metrics", "most_recent_tweet_id"}:
        own = [number for number in world.timeline(user.id) if world.posts[str(number)].deleted_at is None]
        if own and "most_recent_tweet_id" in wanted.user_fields:
            document["most_recent_tweet_id"] = str(own[-1])
        if "public_metrics" in wanted.user_fields:
            document["public_metrics"] = _user_metrics(world, user, len(own))
    return document


def _user_metrics(world: World, user: User, posts: int) -> dict[str, JSON]:
    return {
        "followers_count": user.followers_count + sum(1 for _, target in world.follows if target == user.id),
        "following_count": sum(1 for source, _ in world.follows if source == user.id),
        "tweet_count": posts,
        "listed_count": 0,
        "like_count": sum(1 for source, _ in world.likes if source == user.id),
    }


def media_json(media: Media, wanted: Wanted) -> dict[str, JSON]:
    """An attachment with the fields that were asked for."""
    everything: dict[str, JSON] = {
        "media_key": media.key,
        "type": media.kind,
        "alt_text": media.alt_text or None,
        "height": 800,
        "width": 1200,
        "url": f"https://pbs.twimg.com/media/{media.id}" if media.kind == "photo" else None,
        "preview_image_url": f"https://pbs.twimg.com/preview/{media.id}" if media.kind != "photo" else None,
        "duration_ms": 10_000 if media.kind == "video" else None,
    }
    return {
        name: value
        for name, value in everything.items()
        if name in wanted.media_fields | {"media_key", "type"} and value is not None
    }


def poll_json(post: Post, wanted: Wanted, now: datetime) -> dict[str, JSON]:
    """The poll of a post with the fields that were asked for; nobody votes here."""
    ends_at = post.created_at + timedelta(minutes=post.poll_minutes)
    options: list[JSON] = [
        {"position": number, "label": label, "votes": 0} for number, label in enumerate(post.poll_options, start=1)
    ]
    everything: dict[str, JSON] = {
        "id": post.id,
        "options": options,
        "duration_minutes": post.poll_minutes,
        "end_datetime": iso(ends_at),
        "voting_status": "open" if now < ends_at else "closed",
    }
    return {name: value for name, value in everything.items() if name in wanted.poll_fields | {"id", "options"}}


def in_new_words(value: JSON) -> JSON:
    """The same document in the vocabulary of 2.167 and later."""
    if isinstance(value, dict):
        return {NEW_NAMES.get(name, name): in_new_words(item) for name, item in value.items()}
    if isinstance(value, list):
        return [in_new_words(item) for item in value]
    return value
