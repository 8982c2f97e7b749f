"""Timelines and mentions: how texts come back, what is visible, and how one pages through it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from songpost.lab.sandbox import Fault, VirtualClock
from songpost.lab.sandbox.wire import as_dict, as_list
from tests.unit.sandbox.calling import MORNING, Caller, data, rows


def timeline(caller: Caller, **query: str) -> list[str]:
    """The ids on the first page of the own timeline."""
    response = caller.get(f"/2/users/{caller.user_id}/tweets", **query)
    assert response.status == 200, response.body
    return [str(row["id"]) for row in rows(response)]


def text_of(caller: Caller, post_id: str) -> str:
    """A post's text as it is read."""
    return str(data(caller.get(f"/2/tweets/{post_id}"))["text"])


def test_links_come_back_wrapped_and_entities_escaped(caller: Caller) -> None:
    """Every link becomes t.co, `<`, `>` and `&` become entities, and `entities.urls` tells what was behind."""
    post_id = caller.posted("<b> & https://example.com/a?b=1&c=2 and foo.py")
    row = data(caller.get(f"/2/tweets/{post_id}", tweet_fields="entities"))
    first, second = (as_dict(url) for url in as_list(as_dict(row["entities"])["urls"]))
    assert row["text"] == f"&lt;b&gt; &amp; {first['url']} and {second['url']}"
    assert (first["expanded_url"], second["expanded_url"]) == ("https://example.com/a?b=1&c=2", "http://foo.py")
    assert str(row["text"])[int(str(first["start"])) : int(str(first["end"]))] == first["url"]
    assert str(first["url"]).startswith("https://t.co/")
    assert len(str(first["url"])) == 23


def test_a_reply_comes_back_with_leading_mentions(caller: Caller) -> None:
    """The author that is answered, then whoever that post mentions, but never the account itself."""
    call = caller.sandbox.actors.post("ann", "@songpost and @bob, look").id
    caller.sandbox.actors.add_user("bob")
    later = caller.sandbox.actors.post("ann", "@songpost @bob again").id
    assert text_of(caller, caller.posted("thanks", reply={"in_reply_to_tweet_id": call})) == "@ann thanks"
    assert text_of(caller, caller.posted("thanks", reply={"in_reply_to_tweet_id": later})) == "@ann @bob thanks"


def test_who_is_excluded_or_named_already_is_not_put_before(caller: Caller) -> None:
    """An excluded user stays out, and a text that begins with the name does not get it twice."""
    caller.sandbox.actors.add_user("bob")
    call = caller.sandbox.actors.post("ann", "@songpost @bob again").id
    bob = caller.sandbox.actors.user("bob").id
    without = caller.posted("one", reply={"in_reply_to_tweet_id": call, "exclude_reply_user_ids": [bob]})
    named = caller.posted("@ann two", reply={"in_reply_to_tweet_id": call})
    assert text_of(caller, without) == "@ann one"
    assert text_of(caller, named) == "@bob @ann two"


def test_a_thread_has_no_leading_mentions(caller: Caller) -> None:
    """Answering oneself puts nothing before the text, and stays in one conversation."""
    first = caller.posted("one")
    second = caller.posted("two", reply={"in_reply_to_tweet_id": first})
    row = data(caller.get(f"/2/tweets/{second}", tweet_fields="conversation_id,referenced_tweets"))
    assert row["text"] == "two"
    assert row["conversation_id"] == first
    assert row["referenced_tweets"] == [{"type": "replied_to", "id": first}]


def test_a_quote_comes_back_with_a_link_at_the_end(make: Callable[..., Caller]) -> None:
    """The quoted post is a t.co link after the text, whose entity leads to it."""
    caller = make(plan="enterprise")
    theirs = caller.sandbox.actors.post("ann", "a thought").id
    post_id = caller.posted("indeed", quote_tweet_id=theirs)
    row = data(caller.get(f"/2/tweets/{post_id}", tweet_fields="entities,referenced_tweets"))
    (link,) = (as_dict(url) for url in as_list(as_dict(row["entities"])["urls"]))
    assert row["text"] == f"indeed {link['url']}"
    assert link["expanded_url"] == f"https://x.com/ann/status/{theirs}"
    assert row["referenced_tweets"] == [{"type": "quoted", "id": theirs}]


def test_a_repost_comes_back_as_rt_and_cut(caller: Caller) -> None:
    """`RT @name: ` and the text, cut at 140 characters, referring to the original."""
    theirs = caller.sandbox.actors.post("ann", "x" * 200).id
    caller("POST", f"/2/users/{caller.user_id}/retweets", {"tweet_id": theirs})
    (row,) = rows(caller.get(f"/2/users/{caller.user_id}/tweets", tweet_fields="referenced_tweets"))
    assert str(row["text"]).startswith("RT @ann: xxx")
    assert (len(str(row["text"])), str(row["text"])[-1]) == (140, "…")
    assert row["referenced_tweets"] == [{"type": "retweeted", "id": theirs}]


def test_an_answer_has_only_the_fields_that_were_asked_for(caller: Caller) -> None:
    """Without fields: id, text and edit history; with fields: those too."""
    caller.posted("hello")
    path = f"/2/users/{caller.user_id}/tweets"
    assert set(rows(caller.get(path))[0]) == {"id", "text", "edit_history_tweet_ids"}
    wanted = "author_id,created_at,public_metrics"
    more = rows(caller.get(path, tweet_fields=wanted))[0]
    assert set(more) == {"id", "text", "edit_history_tweet_ids", "author_id", "created_at", "public_metrics"}
    assert more["created_at"] == "2026-11-22T09:30:00.000Z"


def test_both_vocabularies_are_understood_and_the_newer_one_can_be_spoken(make: Callable[..., Caller]) -> None:
    """`post.fields` asks like `tweet.fields`; under the newer vocabulary the answers use the newer names."""
    caller = make(vocabulary="post")
    first = caller.posted("one")
    second = caller.posted("two", reply={"in_reply_to_tweet_id": first})
    row = data(caller.get(f"/2/tweets/{second}", post_fields="referenced_posts"))
    assert row["referenced_posts"] == [{"type": "replied_to", "id": first}]
    assert row["edit_history_post_ids"] == [second]
    old = data(make().get("/2/users/me", user_fields="public_metrics"))
    assert "tweet_count" in as_dict(old["public_metrics"])


def test_private_metrics_are_for_the_author_for_thirty_days(caller: Caller, clock: VirtualClock) -> None:
    """One's own young posts have them; another's, and old ones, come without and with an error of their own."""
    mine = caller.posted("mine")
    theirs = caller.sandbox.actors.post("ann", "theirs").id
    caller.sandbox.actors.set_metrics(mine, {"impression_count": 321, "url_link_clicks": 4, "like_count": 5})
    response = caller.get("/2/tweets", ids=f"{mine},{theirs}", tweet_fields="non_public_metrics,public_metrics")
    own, other = rows(response)
    private = {"impression_count": 321, "url_link_clicks": 4, "user_profile_clicks": 0}
    assert own["non_public_metrics"] == private
    assert as_dict(own["public_metrics"])["like_count"] == 5
    assert "non_public_metrics" not in other
    (error,) = as_list(as_dict(response.json())["errors"])
    assert as_dict(error)["resource_id"] == theirs
    assert str(as_dict(error)["type"]).endswith("/not-authorized-for-field")
    clock.advance(30 * 86_400 + 1)
    late = caller.get("/2/tweets", ids=mine, tweet_fields="non_public_metrics")
    assert "non_public_metrics" not in rows(late)[0]


def test_a_lookup_tells_what_is_missing_and_gives_the_rest(caller: Caller) -> None:
    """Known, deleted and unknown ids together are a 200 with data and partial errors."""
    first, second = caller.posted("one"), caller.posted("two")
    caller("DELETE", f"/2/tweets/{second}")
    response = caller.get("/2/tweets", ids=f"{first},{second},12345")
    assert [row["id"] for row in rows(response)] == [first]
    errors = [as_dict(error) for error in as_list(as_dict(response.json())["errors"])]
    assert [error["resource_id"] for error in errors] == [second, "12345"]
    assert all(str(error["type"]).endswith("/resource-not-found") for error in errors)


@pytest.mark.parametrize(
    "query",
    [
        {"ids": ""},
        {"ids": "abc"},
        {"ids": ",".join(str(number) for number in range(1, 102))},
        {"ids": "1", "tweet_fields": "colour"},
        {"ids": "1", "expansions": "everything"},
        {"ids": "1", "since": "yesterday"},
    ],
)
def test_a_query_that_the_schema_does_not_know_is_a_400(caller: Caller, query: dict[str, str]) -> None:
    """The refusal names the parameter."""
    response = caller.get("/2/tweets", **query)
    assert response.status == 400
    assert b"invalid-request" in response.body


def test_a_post_is_seen_only_after_the_lag(make: Callable[..., Caller], clock: VirtualClock) -> None:
    """With a lag a post is known by its id at once, and on timelines and in mentions only later."""
    caller = make(visibility_lag_seconds=30)
    post_id = caller.posted("hello @ann")
    ann = caller.sandbox.actors.add_user("ann")
    mention = caller.posted("and again @ann")
    assert timeline(caller) == []
    assert text_of(caller, post_id) == "hello @ann"
    assert caller.sandbox.lag_left() == timedelta(seconds=30)
    clock.advance(30)
    assert timeline(caller) == [mention, post_id]
    assert [row["id"] for row in rows(caller.get(f"/2/users/{ann.id}/mentions"))] == [mention]


def test_one_create_can_be_late(caller: Caller, clock: VirtualClock) -> None:
    """A fault makes the next create visible late, and that one alone."""
    caller.sandbox.inject(Fault(kind="late", endpoint="POST /2/tweets", seconds=90))
    late, prompt = caller.posted("late"), caller.posted("prompt")
    assert timeline(caller) == [prompt]
    clock.advance(90)
    assert timeline(caller) == [prompt, late]


def test_pages_are_newest_first_and_lead_on(caller: Caller) -> None:
    """Following next_token gives every post once; the last page has none, the second one leads back."""
    ids = [caller.posted(f"post {number}") for number in range(12)]
    path = f"/2/users/{caller.user_id}/tweets"
    seen: list[str] = []
    query: dict[str, str] = {"max_results": "5"}
    metas = []
    while True:
        response = caller.get(path, **query)
        seen += [str(row["id"]) for row in rows(response)]
        metas.append(meta := as_dict(as_dict(response.json())["meta"]))
        if "next_token" not in meta:
            break
        query["pagination_token"] = str(meta["next_token"])
    assert seen == ids[::-1]
    assert [meta["result_count"] for meta in metas] == [5, 5, 2]
    assert (metas[0]["newest_id"], metas[0]["oldest_id"]) == (ids[-1], ids[-5])
    assert "previous_token" not in metas[0]
    back = caller.get(path, max_results="5", pagination_token=str(metas[1]["previous_token"]))
    assert [row["id"] for row in rows(back)] == ids[:-6:-1]


def test_a_page_goes_on_where_it_left_off_while_posts_come_and_go(caller: Caller) -> None:
    """A post that arrives between two pages, or one that goes, shifts nothing."""
    ids = [caller.posted(f"post {number}") for number in range(10)]
    path = f"/2/users/{caller.user_id}/tweets"
    first = caller.get(path, max_results="5")
    caller.posted("in between")
    caller("DELETE", f"/2/tweets/{ids[4]}")
    token = str(as_dict(as_dict(first.json())["meta"])["next_token"])
    assert [row["id"] for row in rows(caller.get(path, max_results="5", pagination_token=token))] == ids[3::-1]


def test_a_token_is_good_for_its_own_question(caller: Caller) -> None:
    """A token of one timeline on another, or made up, is a 400."""
    for number in range(7):
        caller.posted(f"post {number}")
    path = f"/2/users/{caller.user_id}"
    first = caller.get(f"{path}/tweets", max_results="5")
    token = str(as_dict(as_dict(first.json())["meta"])["next_token"])
    assert caller.get(f"{path}/mentions", max_results="5", pagination_token=token).status == 400
    assert caller.get(f"{path}/tweets", max_results="5", exclude="replies", pagination_token=token).status == 400
    for wrong in ("xyz", "!", "", "z" * 50):
        assert caller.get(f"{path}/tweets", pagination_token=wrong).status == 400


def test_since_and_until_are_exclusive(caller: Caller) -> None:
    """Between two ids lies neither of them."""
    ids = [caller.posted(f"post {number}") for number in range(5)]
    assert timeline(caller, since_id=ids[1]) == ids[:1:-1]
    assert timeline(caller, since_id=ids[1], until_id=ids[4]) == [ids[3], ids[2]]


def test_start_is_inclusive_and_end_is_exclusive(caller: Caller, clock: VirtualClock) -> None:
    """Times in RFC 3339, with any offset."""
    first = caller.posted("one")
    clock.advance(60)
    second = caller.posted("two")
    assert timeline(caller, start_time="2026-11-22T09:30:00Z", end_time="2026-11-22T10:31:00+01:00") == [first]
    assert timeline(caller, start_time="2026-11-22T09:30:01Z") == [second]


def test_replies_and_reposts_can_be_left_out(caller: Caller) -> None:
    """`exclude` takes either or both."""
    first = caller.posted("one")
    reply = caller.posted("two", reply={"in_reply_to_tweet_id": first})
    theirs = caller.sandbox.actors.post("ann", "hi").id
    caller("POST", f"/2/users/{caller.user_id}/retweets", {"tweet_id": theirs})
    assert timeline(caller, exclude="retweets") == [reply, first]
    assert timeline(caller, exclude="replies,retweets") == [first]


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": "4"},
        {"max_results": "101"},
        {"max_results": "ten"},
        {"since_id": "x"},
        {"start_time": "yesterday"},
        {"start_time": "2026-11-22T09:30:00"},
        {"exclude": "quotes"},
    ],
)
def test_a_page_that_cannot_be_is_a_400(caller: Caller, query: dict[str, str]) -> None:
    """Sizes, ids and times out of bounds are refused."""
    assert caller.get(f"/2/users/{caller.user_id}/tweets", **query).status == 400


def test_a_timeline_reaches_back_eight_hundred_posts(caller: Caller) -> None:
    """The 801st newest is out of reach."""
    ids = [
        caller.sandbox.actors.post("songpost", f"post {number}", at=MORNING - timedelta(minutes=900 - number)).id
        for number in range(801)
    ]
    assert timeline(caller, until_id=ids[2]) == [ids[1]]


def test_mentions_are_posts_of_others_that_name_the_account(caller: Caller) -> None:
    """A mention, a reply and a reply's leading mention count; the account's own posts do not."""
    mine = caller.posted("hello @songpost")
    first = caller.sandbox.actors.post("ann", "hey @SongPost").id
    second = caller.sandbox.actors.post("bob", "why?", reply_to=mine).id
    caller.sandbox.actors.post("bob", "nothing to see")
    response = caller.get(f"/2/users/{caller.user_id}/mentions")
    assert [row["id"] for row in rows(response)] == [second, first]


def test_an_empty_page_has_no_data(caller: Caller) -> None:
    """`meta` alone, with a count of nought."""
    response = caller.get(f"/2/users/{caller.user_id}/mentions")
    assert response.json() == {"meta": {"result_count": 0}}


def test_a_timeline_of_nobody_is_an_error_inside_a_200(caller: Caller) -> None:
    """An unknown user, and a suspended one, are told in `errors`."""
    ann = caller.sandbox.actors.add_user("ann")
    caller.sandbox.actors.suspend("ann")
    for user_id in ("12345", ann.id):
        response = caller.get(f"/2/users/{user_id}/tweets")
        assert (response.status, set(as_dict(response.json()))) == (200, {"errors"})


def test_includes_bring_what_was_expanded(caller: Caller) -> None:
    """Authors, mentioned users, referenced posts and their authors, polls."""
    poll = caller.posted("which?", poll={"options": ["a", "b"], "duration_minutes": 60})
    theirs = caller.sandbox.actors.post("ann", "hm", reply_to=poll).id
    wanted = (
        "author_id,referenced_tweets.id,referenced_tweets.id.author_id,entities.mentions.username,in_reply_to_user_id"
    )
    includes = as_dict(as_dict(caller.get("/2/tweets", ids=theirs, expansions=wanted).json())["includes"])
    assert {as_dict(user)["username"] for user in as_list(includes["users"])} == {"ann", "songpost"}
    assert [as_dict(post)["id"] for post in as_list(includes["tweets"])] == [poll]
    own = caller.get("/2/tweets", ids=poll, expansions="attachments.poll_ids", poll_fields="voting_status")
    (shown,) = as_list(as_dict(as_dict(own.json())["includes"])["polls"])
    assert (as_dict(shown)["voting_status"], as_dict(shown)["id"]) == ("open", poll)
