"""POST /2/tweets and DELETE: what is taken, what is refused, and as what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from songpost.lab.sandbox import Sandbox, VirtualClock
from songpost.lab.sandbox.wire import JSON
from tests.unit.sandbox.calling import Caller, data, detail

DUPLICATE = "You are not allowed to create a Tweet with duplicate content."


def test_a_create_answers_with_the_id_of_the_post(caller: Caller) -> None:
    """201, the id of the post that is then there, and the text as timelines will show it."""
    made = data(caller.post("fish & chips"))
    assert [post.id for post in caller.sandbox.posts()] == [made["id"]]
    assert made["text"] == "fish &amp; chips"


def test_the_log_tells_which_request_made_a_post(caller: Caller) -> None:
    """A post leads to the request that made it: method, path, body, scheme, status."""
    caller.get("/2/users/me")
    caller.post("hello")
    (post,) = caller.sandbox.posts()
    (record,) = [one for one in caller.sandbox.requests() if one.number == post.request]
    assert (record.method, record.path, record.scheme, record.status) == ("POST", "/2/tweets", "oauth", 201)
    assert record.body == '{"text": "hello"}'
    assert record.user_id == caller.user_id
    assert "Authorization" not in repr(record)


def test_ids_are_snowflakes_of_the_clock(caller: Caller, clock: VirtualClock) -> None:
    """An id holds the millisecond of its post, and later ids are larger, also within one millisecond."""
    first, second = int(caller.posted("one")), int(caller.posted("two"))
    clock.advance(0.001)
    third = int(caller.posted("three"))
    assert first < second < third
    assert (first >> 22) + 1_288_834_974_657 == int(clock.now().timestamp() * 1000) - 1


def test_before_x_there_are_no_ids() -> None:
    """A clock before November 2010 cannot be served, and says so."""
    with pytest.raises(ValueError, match="set the clock later"):
        Caller(Sandbox(clock=VirtualClock(datetime(2010, 1, 1, tzinfo=UTC)))).post("early")


@pytest.mark.parametrize("again", ["Good morning", "good MORNING", " Good   morning "])
def test_the_same_words_again_are_a_duplicate(caller: Caller, again: str) -> None:
    """Case and white space make no difference; the refusal is X's, and nothing is posted."""
    caller.posted("Good morning")
    refused = caller.post(again)
    assert (refused.status, detail(refused)) == (403, DUPLICATE)
    assert len(caller.sandbox.posts()) == 1


def test_what_is_not_a_duplicate(caller: Caller, clock: VirtualClock) -> None:
    """One more word, a deleted original, another day: all pass. A near-duplicate is the caller's own business."""
    first = caller.posted("Good morning")
    caller.posted("Good morning!")
    caller("DELETE", f"/2/tweets/{first}")
    second = caller.posted("Good morning")
    clock.advance(86_401)
    assert caller.posted("Good morning") != second


def test_the_same_reply_to_another_person_is_no_duplicate(caller: Caller) -> None:
    """The leading mention is part of the text: thanks to one and thanks to another are two texts."""
    one, two = (caller.sandbox.actors.post(name, "hey @songpost").id for name in ("ann", "bob"))
    third = caller.sandbox.actors.post("ann", "and @songpost again").id
    assert caller.post("thanks", reply={"in_reply_to_tweet_id": one}).status == 201
    assert caller.post("thanks", reply={"in_reply_to_tweet_id": two}).status == 201
    assert caller.post("thanks", reply={"in_reply_to_tweet_id": third}).status == 403


def test_a_quote_is_a_duplicate_of_the_same_quote_alone(make: Callable[..., Caller]) -> None:
    """The same words over another post, or over none, are another text."""
    caller = make(plan="enterprise")
    one, two = (caller.sandbox.actors.post("ann", text).id for text in ("a", "b"))
    assert caller.post("so true", quote_tweet_id=one).status == 201
    assert caller.post("so true", quote_tweet_id=two).status == 201
    assert caller.post("so true").status == 201
    assert caller.post("so true", quote_tweet_id=one).status == 403


def test_an_owners_post_by_hand_counts_for_duplicates(caller: Caller) -> None:
    """What the owner posted by hand cannot be posted again."""
    caller.sandbox.actors.post("songpost", "by hand")
    assert caller.post("by hand").status == 403


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("x" * 280, 201),
        ("x" * 281, 400),
        ("鳥" * 140, 201),
        ("鳥" * 141, 400),
        ("x" * 256 + " https://example.com/" + "y" * 100, 201),
        ("x" * 257 + " https://example.com/", 400),
        ("👩‍👩‍👧‍👦" * 140, 201),
        ("👩‍👩‍👧‍👦" * 141, 400),
    ],
)
def test_a_text_may_weigh_280(caller: Caller, text: str, status: int) -> None:
    """Weighted as twitter-text does: light letters 1, all else 2, a link 23, an emoji sequence 2."""
    response = caller.post(text)
    assert response.status == status
    if status == 400:
        assert detail(response).startswith("Your Tweet text is too long.")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "  "},
        {"text": 7},
        {"text": "hello", "colour": "red"},
        {"text": "hello", "reply": {}},
        {"text": "hello", "reply": {"in_reply_to_tweet_id": "abc"}},
        {"text": "hello", "reply": {"in_reply_to_tweet_id": 7}},
        {"text": "hello", "reply": {"in_reply_to_tweet_id": "7", "to": "x"}},
        {"text": "hello", "quote_tweet_id": "7", "poll": {"options": ["a", "b"], "duration_minutes": 5}},
        {"text": "hello", "poll": {"options": ["a"], "duration_minutes": 5}},
        {"text": "hello", "poll": {"options": ["a", "b" * 26], "duration_minutes": 5}},
        {"text": "hello", "poll": {"options": ["a", "b"], "duration_minutes": 4}},
        {"text": "hello", "poll": {"options": ["a", "b"]}},
        {"text": "hello", "media": {"media_ids": []}},
        {"text": "hello", "media": {"media_ids": ["1", "2", "3", "4", "5"]}},
        {"text": "hello", "media": {"media_ids": ["1"]}},
        {"text": "hello", "made_with_ai": "yes"},
        {"text": "hello", "reply_settings": "nobody"},
        {"text": "hello", "community_id": "1"},
        ["text"],
        b"not json",
    ],
)
def test_a_body_that_the_schema_does_not_know_is_a_400(caller: Caller, body: JSON | bytes) -> None:
    """The refusal is an invalid-request problem with a message, and nothing is posted."""
    response = caller("POST", "/2/tweets", body)
    assert response.status == 400
    assert b"invalid-request" in response.body
    assert detail(response)
    assert caller.sandbox.posts() == []


def test_everything_that_a_create_may_carry_is_kept(caller: Caller) -> None:
    """Labels, reply settings, a poll and the excluded users end up on the post."""
    caller.posted(
        "which?",
        made_with_ai=True,
        paid_partnership=True,
        reply_settings="following",
        poll={"options": ["this", "that"], "duration_minutes": 60},
    )
    (post,) = caller.sandbox.posts()
    assert (post.made_with_ai, post.paid_partnership, post.reply_settings) == (True, True, "following")
    assert (post.poll_options, post.poll_minutes) == (("this", "that"), 60)


def test_the_newer_words_are_understood_too(caller: Caller) -> None:
    """A client of a later specification says in_reply_to_post_id."""
    first = caller.posted("one")
    second = caller.posted("two", reply={"in_reply_to_post_id": first})
    assert caller.sandbox.posts()[-1].in_reply_to_id == first
    assert second != first


def test_what_is_gone_can_be_neither_answered_nor_quoted(make: Callable[..., Caller]) -> None:
    """Replying to a deleted post, or quoting it, is a 403."""
    caller = make(plan="enterprise")
    theirs = caller.sandbox.actors.post("stranger", "hey @songpost").id
    caller.sandbox.actors.delete(theirs)
    assert caller.post("hm", reply={"in_reply_to_tweet_id": theirs}).status == 403
    assert caller.post("hm", quote_tweet_id=theirs).status == 403


def test_a_delete_takes_a_post_down_once(caller: Caller) -> None:
    """The first delete is done, the second is a 404, another's post is a 403."""
    mine = caller.posted("to go")
    assert data(caller("DELETE", f"/2/tweets/{mine}")) == {"deleted": True}
    assert caller.sandbox.posts() == []
    assert [post.id for post in caller.sandbox.posts(deleted=True)] == [mine]
    assert caller("DELETE", f"/2/tweets/{mine}").status == 404
    theirs = caller.sandbox.actors.post("stranger", "mine")
    assert caller("DELETE", f"/2/tweets/{theirs.id}").status == 403
    assert caller("DELETE", "/2/tweets/abc").status == 400


def test_a_shorter_duplicate_window_is_a_rule(caller: Caller, clock: VirtualClock) -> None:
    """X's window is undocumented, so a test can set it."""
    caller.sandbox.change(replace(caller.sandbox.rules, duplicate_window_seconds=60))
    caller.posted("hello")
    clock.advance(61)
    assert caller.post("hello").status == 201
