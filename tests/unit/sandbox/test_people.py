"""Users, reposts, likes, follows, and the project's usage."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from songpost.lab.sandbox.wire import as_dict, as_list
from tests.unit.sandbox.calling import Caller, data


def test_users_come_with_the_fields_that_were_asked_for(caller: Caller) -> None:
    """By name whatever its case, by id, and oneself."""
    ann = caller.sandbox.actors.add_user("Ann", name="Ann A.", description="sings", followers=7)
    caller.sandbox.actors.post("ann", "la")
    short = {"id": ann.id, "name": "Ann A.", "username": "Ann"}
    assert data(caller.get("/2/users/by/username/aNN")) == short
    assert data(caller.get(f"/2/users/{ann.id}")) == short
    assert data(caller.get("/2/users/me"))["id"] == caller.user_id
    more = data(caller.get(f"/2/users/{ann.id}", user_fields="public_metrics,description,verified"))
    metrics = as_dict(more["public_metrics"])
    assert (metrics["followers_count"], metrics["tweet_count"], more["verified"]) == (7, 1, False)


def test_the_latest_post_can_be_expanded(caller: Caller) -> None:
    """`most_recent_tweet_id` and the post behind it."""
    caller.posted("one")
    last = caller.posted("two")
    response = caller.get("/2/users/me", user_fields="most_recent_tweet_id", expansions="most_recent_tweet_id")
    assert data(response)["most_recent_tweet_id"] == last
    (post,) = as_list(as_dict(as_dict(response.json())["includes"])["tweets"])
    assert as_dict(post)["text"] == "two"


@pytest.mark.parametrize("path", ["/2/users/by/username/nobody", "/2/users/12345", "/2/users/by/username/gone"])
def test_who_is_not_there_is_an_error_inside_a_200(caller: Caller, path: str) -> None:
    """Unknown and suspended users come as partial errors, without data."""
    caller.sandbox.actors.add_user("gone")
    caller.sandbox.actors.suspend("gone")
    response = caller.get(path)
    assert (response.status, set(as_dict(response.json()))) == (200, {"errors"})


@pytest.mark.parametrize("path", ["/2/users/by/username/way-too-odd", "/2/users/abc"])
def test_a_name_or_id_that_cannot_be_is_a_400(caller: Caller, path: str) -> None:
    """Names have letters, digits and underscores; ids have digits."""
    assert caller.get(path).status == 400


def test_a_repost_happens_once_and_can_be_undone(caller: Caller) -> None:
    """A second repost answers alike and changes nothing; so does a second undo."""
    theirs = caller.sandbox.actors.post("ann", "la").id
    path = f"/2/users/{caller.user_id}/retweets"
    first = data(caller("POST", path, {"tweet_id": theirs}))
    assert first == data(caller("POST", path, {"tweet_id": theirs}))
    assert first["retweeted"] is True
    assert caller.sandbox.service.world.posts[theirs].metrics["retweet_count"] == 1
    for _ in range(2):
        assert data(caller("DELETE", f"{path}/{theirs}")) == {"retweeted": False}
    assert caller.sandbox.posts() == []
    assert caller.sandbox.service.world.posts[theirs].metrics["retweet_count"] == 0


def test_a_like_happens_once_and_can_be_undone(make: Callable[..., Caller]) -> None:
    """On a plan that permits likes."""
    caller = make(plan="enterprise")
    theirs = caller.sandbox.actors.post("ann", "la").id
    path = f"/2/users/{caller.user_id}/likes"
    for _ in range(2):
        assert data(caller("POST", path, {"tweet_id": theirs})) == {"liked": True}
    assert caller.sandbox.service.world.posts[theirs].metrics["like_count"] == 1
    for _ in range(2):
        assert data(caller("DELETE", f"{path}/{theirs}")) == {"liked": False}
    assert caller.sandbox.service.world.posts[theirs].metrics["like_count"] == 0


def test_a_follow_happens_once_and_can_be_undone(make: Callable[..., Caller]) -> None:
    """On a plan that permits follows; oneself and nobody cannot be followed."""
    caller = make(plan="enterprise")
    ann = caller.sandbox.actors.add_user("ann")
    path = f"/2/users/{caller.user_id}/following"
    for _ in range(2):
        assert data(caller("POST", path, {"target_user_id": ann.id})) == {"following": True, "pending_follow": False}
    metrics = as_dict(data(caller.get(f"/2/users/{ann.id}", user_fields="public_metrics"))["public_metrics"])
    assert metrics["followers_count"] == 1
    assert data(caller("DELETE", f"{path}/{ann.id}")) == {"following": False}
    assert caller("POST", path, {"target_user_id": caller.user_id}).status == 400
    assert caller("POST", path, {"target_user_id": "12345"}).status == 404
    assert caller("POST", path, {}).status == 400


def test_one_acts_for_oneself_alone(make: Callable[..., Caller]) -> None:
    """Another user's id in the path is a 400."""
    caller = make(plan="enterprise")
    ann = caller.sandbox.actors.add_user("ann").id
    theirs = caller.sandbox.actors.post("ann", "la").id
    calls = (
        caller("POST", f"/2/users/{ann}/retweets", {"tweet_id": theirs}),
        caller("DELETE", f"/2/users/{ann}/retweets/{theirs}"),
        caller("POST", f"/2/users/{ann}/likes", {"tweet_id": theirs}),
        caller("POST", f"/2/users/{ann}/following", {"target_user_id": ann}),
        caller("DELETE", f"/2/users/{ann}/following/{ann}"),
    )
    assert [response.status for response in calls] == [400] * 5


def test_what_is_gone_can_be_neither_reposted_nor_liked(make: Callable[..., Caller]) -> None:
    """A 404 for a post that is not there."""
    caller = make(plan="enterprise")
    for path in ("retweets", "likes"):
        assert caller("POST", f"/2/users/{caller.user_id}/{path}", {"tweet_id": "12345"}).status == 404


def test_usage_tells_the_posts_that_were_read(make: Callable[..., Caller]) -> None:
    """For the app's token alone: the cap, what is used, and the days."""
    caller = make()
    app = Caller(caller.sandbox, mode="app")
    empty = data(app.get("/2/usage/tweets", usage_fields="daily_project_usage"))
    assert (empty["project_usage"], "daily_project_usage" in empty) == (0, False)
    ids = ",".join(caller.sandbox.actors.post("ann", text).id for text in ("a", "b"))
    caller.get("/2/tweets", ids=ids)
    usage = data(app.get("/2/usage/tweets", usage_fields="daily_project_usage", days="30"))
    assert (usage["project_cap"], usage["project_usage"], usage["cap_reset_day"]) == (3_000_000, 2, 9)
    daily = as_list(as_dict(usage["daily_project_usage"])["usage"])
    assert daily == [{"date": "2026-11-22T00:00:00.000Z", "usage": 2}]
    assert caller.get("/2/usage/tweets").status == 403
    for query in ({"days": "0"}, {"days": "91"}, {"usage_fields": "colour"}):
        assert app.get("/2/usage/tweets", **query).status == 400


def test_a_path_that_x_does_not_have(caller: Caller) -> None:
    """In v2 a 404 without a body, elsewhere code 34 in the older shape."""
    unknown = caller.get("/2/colours")
    assert (unknown.status, unknown.body) == (404, b"")
    old = caller("POST", "/1.1/media/upload.json", {})
    assert old.status == 404
    assert old.json() == {"errors": [{"code": 34, "message": "Sorry, that page does not exist."}]}
    assert caller("PUT", "/2/tweets", {}).status == 404
