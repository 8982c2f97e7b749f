"""What every read has in common: the fields asked for, the resources expanded, what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from . import problems, render
from .render import Wanted
from .service import Call, Service
from .vocabulary import (
    MEDIA_FIELDS,
    NEWER_EXPANSIONS,
    NEWER_FIELDS,
    OLD_NAMES,
    PLACE_FIELDS,
    POLL_FIELDS,
    POST_EXPANSIONS,
    POST_FIELDS,
    USER_EXPANSIONS,
    USER_FIELDS,
)
from .wire import JSON, Answer
from .world import Post, User


def _list(call: Call, name: str, allowed: frozenset[str]) -> frozenset[str]:
    text = call.query.get(name)
    return frozenset() if text is None else _known(name, text, allowed)


@lru_cache(maxsize=64)
def _known(name: str, text: str, allowed: frozenset[str]) -> frozenset[str]:
    """The values of a list, by their old names; a 400 for the first that does not exist."""
    found = [_old_name(item) for item in text.split(",")]
    for item in found:
        if item not in allowed and item not in NEWER_FIELDS and item not in NEWER_EXPANSIONS:
            raise problems.invalid(
                f"The `{name}` query parameter value [{item}] is not one of [{','.join(sorted(allowed))}]",
                {name: [item]},
            )
    return frozenset(found)


def _old_name(item: str) -> str:
    head, dot, tail = item.partition(".")
    return OLD_NAMES.get(head, head) + dot + tail


def wanted(call: Call, expansions: frozenset[str]) -> Wanted:
    """What the reader asked for, defaults included; a 400 names the first value that does not exist."""
    _list(call, "place.fields", PLACE_FIELDS)
    return Wanted(
        post_fields=render.DEFAULT_POST_FIELDS
        | _list(call, "tweet.fields", POST_FIELDS)
        | _list(call, "post.fields", POST_FIELDS),
        user_fields=render.DEFAULT_USER_FIELDS | _list(call, "user.fields", USER_FIELDS),
        media_fields=_list(call, "media.fields", MEDIA_FIELDS),
        poll_fields=_list(call, "poll.fields", POLL_FIELDS),
        expansions=_list(call, "expansions", expansions),
        reader_id=call.identity.user_id,
    )


def posts_answer(
    service: Service,
    call: Call,
    posts: Sequence[Post],
    *,
    item: str = "post read",
    errors: Sequence[JSON] = (),
    meta: Mapping[str, JSON] | None = None,
    single: bool = False,
) -> Answer:
    """The answer of a read of posts: data, includes, errors, meta; charged and counted per resource."""
    asked = wanted(call, POST_EXPANSIONS)
    found = list(errors)
    data: list[JSON] = [render.post_json(service.world, post, asked, call.now, found) for post in posts]
    document: dict[str, JSON] = {}
    if data:
        document["data"] = data[0] if single else data
    includes, users, extra = _includes(service, call, posts, asked)
    if includes:
        document["includes"] = includes
    if found:
        document["errors"] = found
    if meta is not None:
        document["meta"] = dict(meta)
    charge(service, call, item, [post.id for post in posts])
    charge(service, call, "post read", extra)
    charge(service, call, "user read", users)
    service.bill.count("read", len(posts) + len(extra), call.now)
    return Answer(200, document)


def charge(service: Service, call: Call, item: str, ids: Sequence[str]) -> None:
    """Charge a read, per resource."""
    if not ids:
        return
    service.bill.charge_reads(service.rules, call.number, call.endpoint, item, ids, call.now)


def _includes(
    service: Service, call: Call, posts: Sequence[Post], asked: Wanted
) -> tuple[dict[str, JSON], list[str], list[str]]:
    world, wants = service.world, asked.expansions
    if not wants:
        return {}, [], []
    users: dict[str, User] = {}
    others: dict[str, Post] = {}
    for post in posts:
        if "author_id" in wants:
            users[post.author_id] = world.users[post.author_id]
        parent = world.posts.get(post.in_reply_to_id or "")
        if "in_reply_to_user_id" in wants and parent is not None:
            users[parent.author_id] = world.users[parent.author_id]
        if "entities.mentions.username" in wants:
            users.update({name: world.users[name] for name in render.shown(world, post).mentioned})
        for target in (post.in_reply_to_id, post.quoted_id, post.reposted_id):
            referenced = world.live_post(target or "")
            if referenced is None:
                continue
            if wants & {"referenced_tweets", "referenced_tweets.id", "referenced_tweets.id.author_id"}:
                others[referenced.id] = referenced
            if "referenced_tweets.id.author_id" in wants:
                users[referenced.author_id] = world.users[referenced.author_id]
    ignored: list[JSON] = []
    includes: dict[str, JSON] = {
        "users": [render.user_json(world, user, asked) for user in users.values()],
        "tweets": [render.post_json(world, post, asked, call.now, ignored) for post in others.values()],
        "media": _media(service, posts, asked),
        "polls": [
            render.poll_json(post, asked, call.now)
            for post in posts
            if post.poll_options and "attachments.poll_ids" in wants
        ],
    }
    return {name: found for name, found in includes.items() if found}, list(users), list(others)


def _media(service: Service, posts: Sequence[Post], asked: Wanted) -> list[JSON]:
    if "attachments.media_keys" not in asked.expansions:
        return []
    ids = dict.fromkeys(media_id for post in posts for media_id in post.media_ids)
    return [render.media_json(service.world.media[media_id], asked) for media_id in ids]


def user_answer(service: Service, call: Call, user: User | None, missing: JSON) -> Answer:
    """The answer of a read of one user, or a 200 with the error of the one that is not there."""
    asked = wanted(call, USER_EXPANSIONS)
    if user is None:
        return Answer(200, {"errors": [missing]})
    service.bill.require(service.rules, "user read", call.now, service.owner.id)
    document: dict[str, JSON] = {"data": render.user_json(service.world, user, asked)}
    latest = _latest(service, user, call) if "most_recent_tweet_id" in asked.expansions else None
    if latest is not None:
        ignored: list[JSON] = []
        document["includes"] = {"tweets": [render.post_json(service.world, latest, asked, call.now, ignored)]}
        charge(service, call, "post read", [latest.id])
        service.bill.count("read", 1, call.now)
    charge(service, call, "user read", [user.id])
    return Answer(200, document)


def _latest(service: Service, user: User, call: Call) -> Post | None:
    for number in reversed(service.world.timeline(user.id)):
        post = service.world.posts[str(number)]
        if post.is_visible(call.now):
            return post
    return None
