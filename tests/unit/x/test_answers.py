"""Reading X's answers: both vocabularies, what decides and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from songpost.endpoints import ENDPOINTS, MEDIA_APPEND, MEDIA_STATUS, POSTS, USAGE, USER_BY_NAME, Endpoint
from songpost.errors import Unreadable
from songpost.model import Json, Post
from songpost.x.answers import Reply, read
from songpost.x.nouns import AppUsage, Upload
from tests.unit.x.conftest import NOW, answer, rate_headers


def reply(body: Json, endpoint: Endpoint = POSTS) -> Reply:
    """Read a 200."""
    return read(endpoint, answer(200, body), NOW)


FULL: dict[str, Json] = {
    "id": "20",
    "text": "short… https://t.co/a",
    "author_id": "7",
    "created_at": "2026-11-22T08:00:00.000Z",
    "conversation_id": "10",
    "in_reply_to_user_id": "8",
    "entities": {
        "urls": [{"url": "https://t.co/a", "expanded_url": "https://example.org/", "start": 0, "end": 9}, 7],
        "mentions": [{"username": "lark", "id": "8"}],
    },
    "attachments": {"media_keys": ["3_1", 4]},
    "public_metrics": {"like_count": 3, "retweet_count": 1, "impression_count": 50, "odd": "x", "bad": -1, "b": True},
    "something_new": {"deep": [1, 2]},
}
POST = Post(
    id="20",
    text="short… https://t.co/a",
    author_id="7",
    created_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
    replied_to="10",
    quoted="11",
    conversation_id="10",
    in_reply_to_user_id="8",
    mentions=("lark",),
    urls=(("https://t.co/a", "https://example.org/"),),
    media_keys=("3_1",),
    metrics={"like_count": 3, "retweet_count": 1, "impression_count": 50},
)
OLD: Json = [{"type": "replied_to", "id": "10"}, {"type": "quoted", "id": "11"}]


@pytest.mark.parametrize("name", ["referenced_tweets", "referenced_posts"])
def test_a_post_is_read_in_both_vocabularies(name: str) -> None:
    """Old and new names of references give the same post; what is unknown is ignored."""
    assert (POST,) == reply({"data": [{**FULL, name: OLD}]}).posts()


def test_new_words_for_reposts_are_read() -> None:
    """`reposted` and `repost_count` come out under the old names."""
    item: Json = {
        "id": "1",
        "text": "RT",
        "referenced_posts": [{"type": "reposted", "id": "2"}],
        "public_metrics": {"repost_count": 4},
    }
    assert (Post(id="1", text="RT", reposted="2", metrics={"retweet_count": 4}),) == reply({"data": [item]}).posts()


@pytest.mark.parametrize("name", ["note_tweet", "note_post"])
def test_a_long_post_gives_its_whole_text(name: str) -> None:
    """The text of a post beyond 280 characters is the note's."""
    assert "whole" == reply({"data": [{"id": "1", "text": "who…", name: {"text": "whole"}}]}).posts()[0].text


@pytest.mark.parametrize(
    "change",
    [
        {"id": 20},
        {"id": "-1"},
        {"id": "1" * 20},
        {"id": None},
        {"text": None},
        {"text": 7},
        {"referenced_tweets": {}},
        {"referenced_tweets": [7]},
        {"referenced_tweets": [{"type": "quoted"}]},
    ],
)
def test_a_post_that_cannot_be_told_makes_the_answer_unreadable(change: dict[str, Json]) -> None:
    """An id, a text or a reference in another form is not skipped: to overlook a post is to think it absent."""
    with pytest.raises(Unreadable):
        reply({"data": [{**FULL, **change}]}).posts()


@pytest.mark.parametrize("data", [{}, "x", 7, [7], [None]])
def test_posts_that_are_no_list_of_posts_are_unreadable(data: Json) -> None:
    """Another shape than a list of objects is not read as an empty list."""
    with pytest.raises(Unreadable):
        reply({"data": data, "meta": {"result_count": 0}}).posts()


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("created_at", "yesterday", "created_at"),
        ("created_at", "0001-01-01T00:00:00+23:59", "created_at"),
        ("created_at", 7, "created_at"),
        ("entities", [], "urls"),
        ("entities", {"urls": {}}, "urls"),
        ("attachments", {"media_keys": "3_1"}, "media_keys"),
        ("public_metrics", 7, "metrics"),
        ("author_id", 7, "author_id"),
    ],
)
def test_what_does_not_decide_is_left_out_where_it_makes_no_sense(name: str, value: Json, field: str) -> None:
    """A senseless optional field is as good as none."""
    post = reply({"data": [{**FULL, name: value}]}).posts()[0]
    assert not getattr(post, field)


def test_a_time_without_a_zone_is_utc() -> None:
    """X's times are in UTC whether they say so or not."""
    post = reply({"data": [{**FULL, "created_at": "2026-11-22T08:00:00"}]}).posts()[0]
    assert POST.created_at == post.created_at


def test_included_objects_count_as_billed() -> None:
    """Whatever came along with the posts is counted with them."""
    body: Json = {"data": [FULL, FULL], "includes": {"users": [{}, {}, {}], "odd": 7}}
    assert 5 == reply(body).resources


def test_partial_errors_are_kept_by_resource() -> None:
    """Each partial error stands under the resource it is about, in X's words or by its kind."""
    body: Json = {
        "errors": [
            {"resource_id": "1", "title": "Not Found Error", "detail": "Could not find tweet"},
            {"value": "2", "type": "https://api.x.com/2/problems/resource-unavailable"},
            7,
        ]
    }
    assert {"1": "Not Found Error; Could not find tweet", "2": "resource-unavailable"} == reply(body).errors()


@pytest.mark.parametrize("data", [{"id": "1"}, {"id": "1", "username": 7}, {"username": "x"}, [], None])
def test_a_user_without_id_or_name_is_unreadable(data: Json) -> None:
    """A user is an id and a name."""
    with pytest.raises(Unreadable):
        reply({"data": data}, USER_BY_NAME).user()


@pytest.mark.parametrize(
    ("processing", "expected"),
    [
        (None, Upload(media_id="5")),
        (
            {"state": "in_progress", "check_after_secs": 3},
            Upload(media_id="5", state="in_progress", check_after_seconds=3),
        ),
        ({"state": "pending"}, Upload(media_id="5", state="pending", check_after_seconds=1)),
        ({"state": "pending", "check_after_secs": 0}, Upload(media_id="5", state="pending", check_after_seconds=1)),
        ({"state": "pending", "check_after_secs": 9**9}, Upload(media_id="5", state="pending", check_after_seconds=1)),
        ({}, Upload(media_id="5", state="", check_after_seconds=1)),
    ],
)
def test_processing_is_read(processing: Json, expected: Upload) -> None:
    """A medium without processing is ready; one in processing is asked about at least a second later."""
    data: Json = {"id": "5", "processing_info": processing}
    assert expected == reply({"data": data}, MEDIA_STATUS).upload()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"project_usage": 5}, AppUsage(posts=5)),
        ({"project_usage": "5", "project_cap": "9", "cap_reset_day": 2}, AppUsage(posts=5, cap=9, reset_in_days=2)),
        ({"project_usage": 5, "project_cap": "many"}, AppUsage(posts=5)),
    ],
)
def test_usage_is_read_as_numbers_or_digits(data: Json, expected: AppUsage) -> None:
    """Counts come as numbers or as digits; a senseless cap is none."""
    assert expected == reply({"data": data}, USAGE).usage()


@pytest.mark.parametrize("data", [{}, {"project_usage": -1}, {"project_usage": True}, {"project_usage": "x"}])
def test_usage_without_a_count_is_unreadable(data: Json) -> None:
    """The count is what was asked for."""
    with pytest.raises(Unreadable):
        reply({"data": data}, USAGE).usage()


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_only_an_append_may_answer_with_nothing(endpoint: Endpoint) -> None:
    """An empty 2xx is an answer to an append alone; of all else it is unreadable."""
    empty = answer(204, b"")
    if endpoint is MEDIA_APPEND:
        assert {} == read(endpoint, empty, NOW).body
    else:
        with pytest.raises(Unreadable):
            read(endpoint, empty, NOW)


def test_the_skew_is_how_far_this_clock_is_ahead() -> None:
    """A clock that is ahead of X's has a positive skew, one behind a negative one."""
    ahead = read(POSTS, answer(200, {}, date=NOW - timedelta(seconds=130)), NOW)
    behind = read(POSTS, answer(200, {}, date=NOW + timedelta(seconds=130)), NOW)
    assert (130, -130) == (ahead.told.skew_seconds, behind.told.skew_seconds)


def test_rate_limits_are_judged_by_the_answers_own_date() -> None:
    """With this clock an hour ahead, a reset that X has yet to reach still counts."""
    told = read(POSTS, answer(200, {}, rate_headers(5, -3000), date=NOW - timedelta(hours=1)), NOW).told
    assert (1, 3600) == (len(told.limits), told.skew_seconds)
