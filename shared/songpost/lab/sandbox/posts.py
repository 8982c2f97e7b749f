"""Creating, deleting and looking up posts, with everything for which X refuses a create."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from . import problems, render
from .reading import posts_answer
from .rules import PLANS
from .service import Call, Service, id_field, is_id, known_fields, path_id
from .text import WEIGHTED_LIMIT, cashtags, urls, weighted_length
from .vocabulary import CREATE_BODY, MEDIA_BODY, REPLY_BODY
from .wire import JSON, Answer, as_dict, as_list
from .world import Post

_NOT_EMULATED = frozenset({"card_uri", "community_id", "direct_message_deep_link", "edit_options"})
_REPLY_SETTINGS = frozenset({"following", "mentionedUsers", "subscribers", "verified"})


def create(service: Service, call: Call) -> Answer:
    """POST /2/tweets."""
    now = call.now
    draft = _draft(service, call)
    item = item_of(service, draft)
    service.bill.require(service.rules, item, now, service.owner.id)
    service.bill.require_cap("written", service.rules, now, service.owner.id)
    _check_rules(service, draft)
    post = service.publish(replace(draft, visible_at=service.visible_at(now)))
    service.bill.charge(service.rules, call.number, call.endpoint, item, 1, now)
    service.bill.count("written", 1, now)
    text = render.shown(service.world, post).text
    data: dict[str, JSON] = {"id": post.id, "text": text, "edit_history_tweet_ids": [post.id]}
    return Answer(201, {"data": data})


def item_of(service: Service, draft: Post) -> str:
    """The line of the price list under which a create falls. A link makes any create dear."""
    if urls(draft.text):
        return "create with URL"
    parent = service.world.posts.get(draft.in_reply_to_id or "")
    if parent is not None and parent.author_id != draft.author_id:
        return "summoned reply"
    return "create"


def _draft(service: Service, call: Call) -> Post:
    """The post that a body asks for; a 400 where the body is not what the schema wants."""
    body = call.json()
    known_fields(body, CREATE_BODY)
    for name in _NOT_EMULATED & body.keys():
        raise problems.invalid(f"$.{name}: is not available to this app")
    reply = as_dict(body.get("reply"))
    known_fields(reply, REPLY_BODY, "$.reply")
    text = body.get("text") or ""
    if not isinstance(text, str):
        raise problems.invalid("$.text: must be a string")
    post_id = service.world.new_id(call.now)
    parent_id = id_field(reply, "in_reply_to_tweet_id") or id_field(reply, "in_reply_to_post_id")
    if "reply" in body and parent_id is None:
        raise problems.invalid("$.reply.in_reply_to_tweet_id: is missing but it is required")
    parent = service.world.posts.get(parent_id or "")
    options, minutes = _poll(as_dict(body.get("poll"))) if "poll" in body else ((), 0)
    draft = Post(
        id=post_id,
        author_id=call.user_id,
        text=text,
        created_at=call.now,
        visible_at=call.now,
        conversation_id=parent.conversation_id if parent else post_id,
        in_reply_to_id=parent_id,
        quoted_id=id_field(body, "quote_tweet_id") or id_field(body, "quote_post_id"),
        media_ids=_media_ids(body),
        poll_options=options,
        poll_minutes=minutes,
        excluded_user_ids=tuple(str(item) for item in as_list(reply.get("exclude_reply_user_ids"))),
        reply_settings=_reply_settings(body),
        made_with_ai=_flag(body, "made_with_ai"),
        paid_partnership=_flag(body, "paid_partnership"),
        request=call.number,
    )
    _check_shape(draft)
    return draft


def _check_shape(draft: Post) -> None:
    if sum(map(bool, (draft.media_ids, draft.poll_options, draft.quoted_id))) > 1:
        raise problems.invalid("media, poll and quote_tweet_id are mutually exclusive")
    if not draft.text.strip() and not draft.media_ids:
        raise problems.invalid("One of text, media is required: neither was present")
    if weighted_length(draft.text) > WEIGHTED_LIMIT:
        raise problems.problem(
            400,
            "Invalid Request",
            "Your Tweet text is too long. For more information on how Twitter determines text length see "
            "https://github.com/twitter/twitter-text.",
            problems.TWITTER + "invalid-request",
        )


def _flag(body: Mapping[str, JSON], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise problems.invalid(f"$.{name}: must be a boolean")
    return value


def _reply_settings(body: Mapping[str, JSON]) -> str:
    value = body.get("reply_settings")
    if value is not None and value not in _REPLY_SETTINGS:
        raise problems.invalid(f"$.reply_settings: {value!r} is not one of {sorted(_REPLY_SETTINGS)}")
    return str(value or "everyone")


def _media_ids(body: Mapping[str, JSON]) -> tuple[str, ...]:
    if "media" not in body:
        return ()
    media = as_dict(body["media"])
    known_fields(media, MEDIA_BODY, "$.media")
    ids = as_list(media.get("media_ids"))
    if not 1 <= len(ids) <= 4 or not all(is_id(item) for item in ids):
        raise problems.invalid("$.media.media_ids: must hold 1 to 4 ids")
    return tuple(str(item) for item in ids)


def _poll(poll: Mapping[str, JSON]) -> tuple[tuple[str, ...], int]:
    known_fields(poll, {"options", "duration_minutes", "reply_settings"}, "$.poll")
    options, minutes = as_list(poll.get("options")), poll.get("duration_minutes")
    if not 2 <= len(options) <= 4 or not all(isinstance(o, str) and 1 <= len(o) <= 25 for o in options):
        raise problems.invalid("$.poll.options: must hold 2 to 4 texts of 1 to 25 characters")
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 5 <= minutes <= 10_080:
        raise problems.invalid("$.poll.duration_minutes: must lie between 5 and 10080")
    return tuple(str(option) for option in options), minutes


def _check_rules(service: Service, draft: Post) -> None:
    """Everything that is well-formed and yet not allowed (403), in X's order as far as it is known."""
    plan = PLANS[service.rules.plan]
    if draft.quoted_id and "quote" not in plan.permits:
        raise problems.plan_forbids(service.rules.plan, "quoting posts")
    if draft.quoted_id and service.world.live_post(draft.quoted_id) is None:
        raise problems.forbidden("You attempted to quote a Tweet that is deleted or not visible to you.")
    if draft.in_reply_to_id:
        _check_reply(service, draft)
    if plan.cashtags is not None and len(cashtags(draft.text)) > plan.cashtags:
        raise problems.forbidden(f"Posts may contain at most {plan.cashtags} cashtag.")
    _check_media(service, draft)
    if _is_duplicate(service, draft):
        raise problems.duplicate()


def _check_reply(service: Service, draft: Post) -> None:
    plan = PLANS[service.rules.plan]
    parent = service.world.live_post(draft.in_reply_to_id or "")
    if parent is None:
        raise problems.forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
    if parent.author_id == draft.author_id:
        return
    if "reply" not in plan.permits:
        raise problems.plan_forbids(service.rules.plan, "replying to others")
    if plan.summoned_replies_only and not summons(service, parent, draft.author_id):
        raise problems.not_summoned()


def summons(service: Service, post: Post, user_id: str) -> bool:
    """Whether a post calls a user: it mentions them, or quotes one of their posts."""
    quoted = service.world.posts.get(post.quoted_id or "")
    if quoted is not None and quoted.author_id == user_id:
        return True
    return user_id in render.shown(service.world, post).mentioned


def _check_media(service: Service, draft: Post) -> None:
    found = [service.world.media.get(media_id) for media_id in draft.media_ids]
    for media_id, media in zip(draft.media_ids, found, strict=True):
        ready = media is not None and media.ready_at is not None and media.ready_at <= draft.created_at
        mine = media is not None and media.owner_id == draft.author_id
        fresh = media is not None and draft.created_at - media.created_at <= timedelta(days=1)
        if not (ready and mine and fresh):
            raise problems.invalid("Your media IDs are invalid.", {"media.media_ids": [media_id]})
    if len(found) > 1 and any(media is not None and media.kind != "photo" for media in found):
        raise problems.invalid("A post takes 4 photos, or 1 GIF, or 1 video.", {"media.media_ids": draft.media_ids})


def _is_duplicate(service: Service, draft: Post) -> bool:
    """The same words to the same people with the same attachments, posted lately and still up."""
    since = draft.created_at - timedelta(seconds=service.rules.duplicate_window_seconds)
    before = service.world.said_before(draft.author_id, render.said(service.world, draft))
    return any(post.deleted_at is None and post.created_at >= since for post in before)


def delete(service: Service, call: Call) -> Answer:
    """DELETE /2/tweets/:id."""
    post = service.world.live_post(path_id(call, "id"))
    if post is None:
        raise problems.not_found(f"Could not find tweet with id: [{call.path['id']}].")
    if post.author_id != call.user_id:
        raise problems.forbidden("You are not allowed to delete this Tweet.")
    service.bill.require(service.rules, "delete", call.now, service.owner.id)
    service.world.delete_post(post.id, call.now)
    service.bill.charge(service.rules, call.number, call.endpoint, "delete", 1, call.now)
    return Answer(200, {"data": {"deleted": True}})


def lookup(service: Service, call: Call) -> Answer:
    """GET /2/tweets: up to 100 posts by id; the missing ones come as partial errors."""
    text = call.query.get("ids")
    if not text:
        raise problems.invalid("The `ids` query parameter can not be empty", {"ids": [""]})
    ids = list(dict.fromkeys(text.split(",")))
    if len(ids) > 100:
        raise problems.invalid(
            f"The number of values in the `ids` query parameter list [{len(ids)}] is not between 1 and 100",
            {"ids": [text]},
        )
    for post_id in ids:
        if not is_id(post_id):
            raise problems.invalid(f"The `ids` query parameter value [{post_id}] is not valid", {"ids": [post_id]})
    _require_read(service, call)
    found = [(post_id, service.world.live_post(post_id)) for post_id in ids]
    errors: list[JSON] = [problems.missing("tweet", "ids", post_id) for post_id, post in found if post is None]
    return posts_answer(service, call, [post for _, post in found if post is not None], errors=errors)


def lookup_one(service: Service, call: Call) -> Answer:
    """GET /2/tweets/:id."""
    post_id = path_id(call, "id")
    _require_read(service, call)
    post = service.world.live_post(post_id)
    if post is None:
        return Answer(200, {"errors": [problems.missing("tweet", "id", post_id)]})
    return posts_answer(service, call, [post], single=True)


def _require_read(service: Service, call: Call) -> None:
    service.bill.require(service.rules, "post read", call.now, service.owner.id)
    service.bill.require_cap("read", service.rules, call.now, service.owner.id)
