"""What an account does to others' things: repost, like, follow, and the undoing of each.

X answers a second repost, like or follow as it answers the first, and so does this: nothing changes, and the call
is charged all the same.
"""

from __future__ import annotations

from . import problems
from .service import Call, Service, known_fields, own_path_id, path_id, required_id
from .wire import JSON, Answer
from .world import Post


def repost(service: Service, call: Call) -> Answer:
    """POST /2/users/:id/retweets; a second time it changes nothing and is charged all the same."""
    own_path_id(call, "id")
    post = _post_in_body(service, call)
    service.bill.require(service.rules, "repost", call.now, service.owner.id)
    made = service.world.repost_of(call.user_id, post.id) or service.publish(_repost(service, call, post))
    service.bill.charge(service.rules, call.number, call.endpoint, "repost", 1, call.now)
    named: dict[str, JSON] = {"id": made.id} if service.rules.vocabulary == "tweet" else {"rest_id": post.id}
    return Answer(200, {"data": {**named, "retweeted": True}})


def _repost(service: Service, call: Call, post: Post) -> Post:
    repost_id = service.world.new_id(call.now)
    return Post(
        id=repost_id,
        author_id=call.user_id,
        text="",
        created_at=call.now,
        visible_at=service.visible_at(call.now),
        conversation_id=repost_id,
        reposted_id=post.id,
        request=call.number,
    )


def undo_repost(service: Service, call: Call) -> Answer:
    """DELETE /2/users/:id/retweets/:source_tweet_id; without a repost it changes nothing."""
    own_path_id(call, "id")
    made = service.world.repost_of(call.user_id, path_id(call, "source_tweet_id"))
    service.bill.require(service.rules, "delete", call.now, service.owner.id)
    if made is not None:
        service.world.delete_post(made.id, call.now)
    service.bill.charge(service.rules, call.number, call.endpoint, "delete", 1, call.now)
    return Answer(200, {"data": {"retweeted": False}})


def like(service: Service, call: Call) -> Answer:
    """POST /2/users/:id/likes."""
    own_path_id(call, "id")
    post = _post_in_body(service, call)
    if (call.user_id, post.id) not in service.world.likes:
        service.world.likes.add((call.user_id, post.id))
        service.world.count(post.id, "like_count", 1)
    return Answer(200, {"data": {"liked": True}})


def unlike(service: Service, call: Call) -> Answer:
    """DELETE /2/users/:id/likes/:tweet_id."""
    own_path_id(call, "id")
    pair = (call.user_id, path_id(call, "tweet_id"))
    if pair in service.world.likes:
        service.world.likes.remove(pair)
        service.world.count(pair[1], "like_count", -1)
    return Answer(200, {"data": {"liked": False}})


def follow(service: Service, call: Call) -> Answer:
    """POST /2/users/:id/following."""
    own_path_id(call, "id")
    body = call.json()
    known_fields(body, {"target_user_id"})
    target = service.world.users.get(required_id(body, "target_user_id"))
    if target is None or target.suspended:
        raise problems.not_found("Could not find the user to follow.")
    if target.id == call.user_id:
        raise problems.invalid("You cannot follow yourself.", {"target_user_id": [target.id]})
    service.world.follows.add((call.user_id, target.id))
    return Answer(200, {"data": {"following": True, "pending_follow": target.protected}})


def unfollow(service: Service, call: Call) -> Answer:
    """DELETE /2/users/:source_user_id/following/:target_user_id."""
    own_path_id(call, "source_user_id")
    service.world.follows.discard((call.user_id, path_id(call, "target_user_id")))
    return Answer(200, {"data": {"following": False}})


def _post_in_body(service: Service, call: Call) -> Post:
    body = call.json()
    known_fields(body, {"tweet_id", "post_id"})
    post_id = required_id(body, "post_id" if "post_id" in body else "tweet_id")
    post = service.world.live_post(post_id)
    if post is None:
        raise problems.not_found(f"Could not find tweet with id: [{post_id}].")
    return post
