"""Every call of the client in both modes: what goes over the wire, and what comes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from songpost.account_documents import Bucket
from songpost.errors import CredentialsError, Duplicate, RateLimited, Refused, Unreadable, UsageError
from songpost.model import Json, Post, User
from songpost.x.answers import POST_FIELDS
from songpost.x.authorization import OAuth1Authorization
from songpost.x.client import Client
from songpost.x.nouns import AppUsage, Draft, Found
from tests.unit.x.conftest import CREDENTIALS, NOW, OWN_ID, PaperX, answer, rate_headers

DEADLINE = NOW + timedelta(seconds=60)


def post(post_id: str) -> dict[str, Json]:
    """A post in X's words."""
    return {"id": post_id, "text": f"text {post_id}", "author_id": OWN_ID}


WRITES: list[tuple[str, str, str, dict[str, Json], Json]] = [
    ("delete_post", "DELETE", "/2/tweets/42", {"deleted": True}, None),
    ("repost", "POST", f"/2/users/{OWN_ID}/retweets", {"retweeted": True, "id": "42"}, {"tweet_id": "42"}),
    ("undo_repost", "DELETE", f"/2/users/{OWN_ID}/retweets/42", {"retweeted": False}, None),
    ("like", "POST", f"/2/users/{OWN_ID}/likes", {"liked": True}, {"tweet_id": "42"}),
    ("undo_like", "DELETE", f"/2/users/{OWN_ID}/likes/42", {"liked": False}, None),
    ("follow", "POST", f"/2/users/{OWN_ID}/following", {"following": True}, {"target_user_id": "42"}),
    ("undo_follow", "DELETE", f"/2/users/{OWN_ID}/following/42", {"following": False}, None),
]


@pytest.mark.parametrize(("name", "method", "path", "data", "body"), WRITES)
def test_a_write_sends_one_request_and_takes_its_confirmation(
    client: Client, paper: PaperX, scheme: str, name: str, method: str, path: str, data: Json, body: Json
) -> None:
    """Each write is one request on a fresh connection with the own id in its path, confirmed by X's flag."""
    paper.script = [answer(200, {"data": data})]

    given = getattr(client, name)("42", send_by=DEADLINE, deadline=DEADLINE)

    assert [(method, path, {}, body, scheme)] == paper.wire
    assert (True, 0) == (given.value, given.resources)
    assert paper.requests[0].fresh
    assert DEADLINE == paper.requests[0].send_by


@pytest.mark.parametrize(("name", "data"), [(row[0], row[3]) for row in WRITES])
def test_the_opposite_flag_is_a_refusal(client: Client, paper: PaperX, name: str, data: dict[str, Json]) -> None:
    """A 200 that says the thing was not done is a refusal, not a success."""
    paper.script = [answer(200, {"data": {flag: not done for flag, done in data.items() if flag != "id"}})]

    with pytest.raises(Refused, match="="):
        getattr(client, name)("42", send_by=DEADLINE, deadline=DEADLINE)


def test_a_follow_that_waits_for_consent_is_done(client: Client, paper: PaperX) -> None:
    """Following a protected user is done when the request to follow stands."""
    paper.script = [answer(200, {"data": {"following": False, "pending_follow": True}})]

    assert client.follow("42", send_by=DEADLINE, deadline=DEADLINE).value


def test_an_unconfirmed_write_is_unreadable(client: Client, paper: PaperX) -> None:
    """A 200 without the flag leaves the outcome open."""
    paper.script = [answer(200, {"data": {}})]

    with pytest.raises(Unreadable):
        client.like("42", send_by=DEADLINE, deadline=DEADLINE)


@pytest.mark.parametrize(
    ("draft", "body"),
    [
        (Draft(text="hé & <b>"), {"text": "hé & <b>"}),
        (Draft(text="r", reply_to="7"), {"text": "r", "reply": {"in_reply_to_tweet_id": "7"}}),
        (Draft(text="q", quote="8"), {"text": "q", "quote_tweet_id": "8"}),
        (Draft(text="m", media_ids=("1", "2")), {"text": "m", "media": {"media_ids": ["1", "2"]}}),
        (
            Draft(text="f", made_with_ai=True, paid_partnership=True),
            {"text": "f", "made_with_ai": True, "paid_partnership": True},
        ),
    ],
)
def test_a_create_sends_its_draft_and_relies_on_the_id(
    client: Client, paper: PaperX, scheme: str, draft: Draft, body: Json
) -> None:
    """A create sends exactly the fields of its draft, and the answer's id is what counts."""
    paper.script = [answer(201, {"data": {"id": "99", "text": "shortened https://t.co/x"}})]

    given = client.create_post(draft, send_by=DEADLINE, deadline=DEADLINE)

    assert [("POST", "/2/tweets", {}, body, scheme)] == paper.wire
    assert Post(id="99", text="shortened https://t.co/x") == given.value
    assert paper.requests[0].fresh


def test_me_is_read_and_remembered(client: Client, paper: PaperX, scheme: str) -> None:
    """`me` tells the own user, and the client knows its id from then on."""
    data: Json = {"id": "77", "username": "wren", "name": "Wren", "public_metrics": {"tweet_count": 3}}
    paper.script = [answer(200, {"data": data})]

    given = client.me(deadline=DEADLINE)

    query = {"user.fields": ["description,public_metrics"]}
    assert [("GET", "/2/users/me", query, None, scheme)] == paper.wire
    assert User(id="77", username="wren", name="Wren", posts=3) == given.value
    assert (1, "77") == (given.resources, client.user_id)


def test_a_user_is_read_by_name(client: Client, paper: PaperX, scheme: str) -> None:
    """A user is found by name."""
    paper.script = [answer(200, {"data": {"id": "5", "username": "lark"}})]

    given = client.user_by_name("lark", deadline=DEADLINE)

    query = {"user.fields": ["description,public_metrics"]}
    assert [("GET", "/2/users/by/username/lark", query, None, scheme)] == paper.wire
    assert User(id="5", username="lark") == given.value


def test_a_name_that_nobody_has_is_refused(client: Client, paper: PaperX) -> None:
    """X answers 200 with a partial error for a name that is not taken: that is a refusal."""
    paper.script = [answer(200, {"errors": [{"value": "nobody", "detail": "Could not find user"}]})]

    with pytest.raises(Refused, match="Could not find user"):
        client.user_by_name("nobody", deadline=DEADLINE)


def test_posts_are_read_by_id_and_the_missing_are_named(client: Client, paper: PaperX, scheme: str) -> None:
    """A partial answer gives the posts that are there, and why the others are not."""
    errors: Json = [{"resource_id": "2", "title": "Not Found Error", "detail": "Could not find tweet"}]
    paper.script = [answer(200, {"data": [post("1")], "errors": errors})]

    given = client.posts(["1", "2", "3"], deadline=DEADLINE)

    query = {"ids": ["1,2,3"], "tweet.fields": [",".join(POST_FIELDS)]}
    assert [("GET", "/2/tweets", query, None, scheme)] == paper.wire
    expected = Found(
        posts=(Post(id="1", text="text 1", author_id=OWN_ID),),
        missing={"2": "Not Found Error; Could not find tweet", "3": "not given"},
    )
    assert expected == given.value
    assert 1 == given.resources


@pytest.mark.parametrize("count", [0, 101])
def test_posts_takes_one_to_a_hundred_ids(client: Client, paper: PaperX, count: int) -> None:
    """More ids than X takes at once are refused before anything is sent."""
    with pytest.raises(UsageError):
        client.posts(["1"] * count, deadline=DEADLINE)
    assert [] == paper.requests


PAGED: list[tuple[str, str, str, dict[str, list[str]], str]] = [
    ("timeline", OWN_ID, f"/2/users/{OWN_ID}/tweets", {}, "pagination_token"),
    ("mentions", OWN_ID, f"/2/users/{OWN_ID}/mentions", {}, "pagination_token"),
    ("search", "wren has:media", "/2/tweets/search/recent", {"query": ["wren has:media"]}, "next_token"),
]


@pytest.mark.parametrize(("name", "what", "path", "extra", "paging"), PAGED)
def test_pages_never_ask_for_more_resources_than_allowed(
    client: Client,
    paper: PaperX,
    scheme: str,
    name: str,
    what: str,
    path: str,
    extra: dict[str, list[str]],
    paging: str,
) -> None:
    """Pages are followed up to the stated number of resources, and the last page asks only for the rest."""
    first: Json = {"data": [post(str(n)) for n in range(200, 100, -1)], "meta": {"next_token": "t1"}}
    second: Json = {"data": [post(str(n)) for n in range(100, 80, -1)], "meta": {"next_token": "t2"}}
    paper.script = [answer(200, first), answer(200, second)]

    given = getattr(client, name)(what, max_posts=120, since_id="80", deadline=DEADLINE)

    common = {"since_id": ["80"], "tweet.fields": [",".join(POST_FIELDS)], **extra}
    assert [
        ("GET", path, {**common, "max_results": ["100"]}, None, scheme),
        ("GET", path, {**common, "max_results": ["20"], paging: ["t1"]}, None, scheme),
    ] == paper.wire
    assert [str(n) for n in range(200, 80, -1)] == [one.id for one in given.value.posts]
    assert (120, False, "t2") == (given.resources, given.value.complete, given.value.next_token)
    assert not paper.requests[0].fresh


@pytest.mark.parametrize(("name", "what"), [(row[0], row[1]) for row in PAGED])
def test_a_last_page_completes_the_read(client: Client, paper: PaperX, name: str, what: str) -> None:
    """Without a token for the next page everything was read."""
    paper.script = [answer(200, {"data": [post("9")], "meta": {"result_count": 1}})]

    given = getattr(client, name)(what, max_posts=50, deadline=DEADLINE)

    assert (True, "", None) == (given.value.complete, given.value.next_token, given.value.stopped_by)


def test_an_empty_timeline_is_complete(client: Client, paper: PaperX) -> None:
    """X leaves `data` out where there is nothing; that is an answer, not a fault."""
    paper.script = [answer(200, {"meta": {"result_count": 0}})]

    given = client.timeline(OWN_ID, max_posts=5, deadline=DEADLINE)

    assert ((), True, 0) == (given.value.posts, given.value.complete, given.resources)


def test_pages_that_were_paid_for_are_given_when_a_later_one_fails(client: Client, paper: PaperX) -> None:
    """A refusal on the second page keeps the first, says what stopped it, and where to go on."""
    paper.script = [
        answer(200, {"data": [post("9")], "meta": {"next_token": "t1"}}),
        answer(429, {"title": "Too Many Requests"}, rate_headers(0, 600)),
    ]

    given = client.timeline(OWN_ID, max_posts=50, deadline=DEADLINE)

    assert (("9",), False, "t1", 1) == (
        tuple(one.id for one in given.value.posts),
        given.value.complete,
        given.value.next_token,
        given.resources,
    )
    assert isinstance(given.value.stopped_by, RateLimited)


@pytest.mark.parametrize("name", ["timeline", "mentions", "search"])
def test_less_than_the_smallest_page_cannot_be_asked_for(client: Client, paper: PaperX, name: str) -> None:
    """X has a smallest page: a limit below it is refused instead of being exceeded."""
    with pytest.raises(UsageError):
        getattr(client, name)("1", max_posts=4, deadline=DEADLINE)
    assert [] == paper.requests


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.delete_post("../users", send_by=DEADLINE, deadline=DEADLINE),
        lambda client: client.delete_post("", send_by=DEADLINE, deadline=DEADLINE),
        lambda client: client.create_post(Draft(text="x", reply_to="1/2"), send_by=DEADLINE, deadline=DEADLINE),
        lambda client: client.create_post(Draft(text="x", quote="x"), send_by=DEADLINE, deadline=DEADLINE),
        lambda client: client.create_post(Draft(text="x", media_ids=("",)), send_by=DEADLINE, deadline=DEADLINE),
        lambda client: client.user_by_name("a/b", deadline=DEADLINE),
        lambda client: client.timeline("1?x", max_posts=5, deadline=DEADLINE),
        lambda client: client.timeline("1", max_posts=5, since_id="one", deadline=DEADLINE),
        lambda client: client.posts(["1", "2,3"], deadline=DEADLINE),
        lambda client: client.posts(["\u0661"], deadline=DEADLINE),
    ],
)
def test_what_is_no_id_never_becomes_part_of_a_path(
    client: Client, paper: PaperX, call: Callable[[Client], object]
) -> None:
    """An id that is none is refused before anything is sent."""
    with pytest.raises(UsageError):
        call(client)
    assert [] == paper.requests


def test_a_write_that_needs_the_own_id_says_so(paper: PaperX) -> None:
    """Where the own id is not known a repost is refused by name, instead of asking X for money."""
    client = Client(OAuth1Authorization(CREDENTIALS), paper, clock=paper.clock, sleep=paper.sleep)

    with pytest.raises(CredentialsError, match="own user's id"):
        client.repost("1", send_by=DEADLINE, deadline=DEADLINE)
    assert [] == paper.requests


def test_an_answer_tells_limits_time_and_skew(client: Client, paper: PaperX) -> None:
    """Every answer carries the rate buckets of its headers, X's time, and how far this clock is off."""
    x_now = NOW - timedelta(seconds=300)
    paper.script = [answer(200, {"data": {"id": "1", "username": "w"}}, rate_headers(74, 500), date=x_now)]

    given = client.me(deadline=DEADLINE)

    bucket = Bucket(
        name="GET /2/users/me:user15",
        limit=100,
        remaining=74,
        reset_at=NOW + timedelta(seconds=500),
        seen_at=NOW,
    )
    assert ((bucket,), x_now, 300) == (given.limits, given.answered_at, given.skew_seconds)


def test_an_error_tells_limits_time_and_skew(client: Client, paper: PaperX) -> None:
    """A refusal carries what its headers told, as an answer does."""
    x_now = NOW + timedelta(seconds=200)
    paper.script = [answer(403, {"detail": "duplicate content"}, rate_headers(3, 700), date=x_now)]

    with pytest.raises(Duplicate) as caught:
        client.create_post(Draft(text="x"), send_by=DEADLINE, deadline=DEADLINE)

    assert (3, x_now, -200) == (
        caught.value.limits[0].remaining,
        caught.value.answered_at,
        caught.value.skew_seconds,
    )


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 08:00:00 GMT", "\x00"])
def test_a_date_that_makes_no_sense_is_no_time(client: Client, paper: PaperX, date: str) -> None:
    """Without a readable `Date` there is no skew, and the answer counts all the same."""
    paper.script = [answer(200, {"data": {"id": "1", "username": "w"}}, {"date": date}, date=None)]

    given = client.me(deadline=DEADLINE)

    assert (None, 0) == (given.answered_at, given.skew_seconds)


def test_usage_is_read_with_the_apps_own_token(client: Client, paper: PaperX) -> None:
    """X tells the app's count of reads to the app's bearer token alone, whatever the mode."""
    paper.script = [answer(200, {"data": {"project_usage": "17", "project_cap": 100, "cap_reset_day": 3}})]

    given = client.usage(bearer_token="token-of-the-app", deadline=DEADLINE)

    assert AppUsage(posts=17, cap=100, reset_in_days=3) == given.value
    assert "Bearer token-of-the-app" == paper.requests[0].headers["Authorization"]
