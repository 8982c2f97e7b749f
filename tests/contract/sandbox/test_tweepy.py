"""tweepy, unmodified but for the host, works against the sandbox in both modes: a client that nobody here wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
import tweepy
from requests.adapters import HTTPAdapter

from songpost.lab.sandbox import Fault, Rules, Sandbox
from songpost.lab.sandbox.requests_adapter import SandboxAdapter
from songpost.lab.sandbox.server import SandboxServer

Client = Callable[[str], tweepy.Client]


class Elsewhere(HTTPAdapter):
    """Sends what is meant for X to another address; the signature stays computed over X's own host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # requests' own
        """Change the host and nothing else."""
        assert request.url is not None
        request.url = request.url.replace("https://api.twitter.com", self.url)
        return super().send(request, *args, **kwargs)


def tweepy_client(sandbox: Sandbox, mode: str) -> tweepy.Client:
    """A client in one of the modes; `user_auth` is what each call has to be given."""
    known = sandbox.credentials()
    if mode == "oauth2":
        return tweepy.Client(bearer_token=known.oauth2_access_token)
    return tweepy.Client(
        consumer_key=known.api_key,
        consumer_secret=known.api_secret,
        access_token=known.access_token,
        access_token_secret=known.access_secret,
    )


@pytest.mark.parametrize("mode", ["oauth1", "oauth2"])
def test_every_call_over_http(sandbox: Sandbox, server: SandboxServer, mode: str) -> None:
    """Me, users, create, reply, quote, poll, lookups, timelines, mentions, search, repost, like, follow, delete."""
    client = tweepy_client(sandbox, mode)
    client.session.mount("https://", Elsewhere(server.url))
    auth = {"user_auth": mode == "oauth1"}
    ann = sandbox.actors.add_user("ann")
    theirs = sandbox.actors.post("ann", "hey @songpost").id

    me = client.get_me(**auth, user_fields=["created_at", "public_metrics"]).data
    assert (me.username, me.public_metrics["tweet_count"]) == ("songpost", 0)
    assert client.get_user(username="ann", **auth).data.id == int(ann.id)
    assert client.get_user(id=ann.id, **auth).data.username == "ann"

    first = client.create_tweet(text="hello & welcome", **auth).data["id"]
    reply = client.create_tweet(text="yes?", in_reply_to_tweet_id=theirs, **auth).data["id"]
    quote = client.create_tweet(text="look", quote_tweet_id=theirs, **auth).data["id"]
    poll = client.create_tweet(text="which?", poll_options=["a", "b"], poll_duration_minutes=60, **auth).data["id"]

    fields = ["author_id", "created_at", "public_metrics", "referenced_tweets", "non_public_metrics", "entities"]
    found = client.get_tweets([first, reply, "12345"], tweet_fields=fields, expansions=["author_id"], **auth)
    assert [str(post.id) for post in found.data] == [first, reply]
    assert found.data[1].referenced_tweets[0].type == "replied_to"
    assert found.data[0].non_public_metrics["impression_count"] == 0
    assert [error["resource_id"] for error in found.errors] == ["12345"]
    assert found.includes["users"][0].username == "songpost"
    assert client.get_tweet(first, **auth).data.text == "hello &amp; welcome"

    pages = list(tweepy.Paginator(client.get_users_tweets, me.id, max_results=5, **auth))
    assert [str(post.id) for post in pages[0].data] == [poll, quote, reply, first]
    assert [str(post.id) for post in client.get_users_mentions(me.id, **auth).data] == [theirs]
    assert [str(post.id) for post in client.search_recent_tweets("welcome", **auth).data] == [first]

    assert client.retweet(theirs, **auth).data["retweeted"] is True
    assert client.unretweet(theirs, **auth).data["retweeted"] is False
    assert client.like(theirs, **auth).data["liked"] is True
    assert client.unlike(theirs, **auth).data["liked"] is False
    assert client.follow_user(ann.id, **auth).data["following"] is True
    assert client.unfollow_user(ann.id, **auth).data["following"] is False
    assert client.delete_tweet(first, **auth).data["deleted"] is True
    assert {record.scheme for record in sandbox.requests()} == {"oauth" if mode == "oauth1" else "bearer"}
    assert {record.status for record in sandbox.requests()} == {200, 201}


def test_the_bearer_header_that_tweepy_sends_without_user_auth_is_refused(sandbox: Sandbox) -> None:
    """With OAuth 1.0a and no `user_auth`, tweepy says `Bearer None`."""
    client = tweepy_client(sandbox, "oauth1")
    client.session.mount("https://", SandboxAdapter(sandbox))
    with pytest.raises(tweepy.Unauthorized):
        client.get_user(username="ann")


@pytest.fixture
def in_process(sandbox: Sandbox) -> tweepy.Client:
    """A tweepy client that speaks to the sandbox without a socket."""
    client = tweepy_client(sandbox, "oauth1")
    client.session.mount("https://", SandboxAdapter(sandbox))
    return client


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        ({"credits_micros": 0}, tweepy.HTTPException),
        ({"enrolled": False}, tweepy.Forbidden),
        ({"limits": {"POST /2/tweets": {"user 15m": 0}}}, tweepy.TooManyRequests),
    ],
)
def test_refusals_are_tweepys_errors(
    sandbox: Sandbox, in_process: tweepy.Client, rules: dict[str, object], error: type[Exception]
) -> None:
    """402, 403 and 429 are what tweepy makes of them; a 402 is a bare HTTPException."""
    sandbox.change(Rules(**rules))  # type: ignore[arg-type] # a test passes what the rule wants
    with pytest.raises(error) as refused:
        in_process.create_tweet(text="hello")
    assert refused.type is error


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="answer lost"), requests.ConnectionError),
        (Fault(kind="reset"), requests.ConnectionError),
        (Fault(kind="status", status=503), tweepy.TwitterServerError),
        (Fault(kind="html"), requests.exceptions.JSONDecodeError),
        (Fault(kind="list"), AttributeError),
        (Fault(kind="truncated"), requests.exceptions.JSONDecodeError),
    ],
)
def test_faults_are_met_as_on_a_network(
    sandbox: Sandbox, in_process: tweepy.Client, fault: Fault, error: type[Exception]
) -> None:
    """What tweepy is known to do with each of them, it does here."""
    sandbox.inject(fault)
    with pytest.raises(error):
        in_process.create_tweet(text="hello")
    assert bool(sandbox.posts()) is fault.effect


def test_an_answer_slower_than_the_read_timeout_times_out(sandbox: Sandbox) -> None:
    """In process nobody waits: the adapter compares the delay with the timeout, single or in two parts."""
    known = sandbox.credentials()
    session = requests.Session()
    session.mount("https://", SandboxAdapter(sandbox))
    session.headers["Authorization"] = f"Bearer {known.oauth2_access_token}"
    url = "https://api.x.com/2/users/me"
    for timeout, seconds, late in ((10, 11, True), ((3, 10), 11, True), ((3, 10), 9, False), (None, 99, False)):
        sandbox.inject(Fault(kind="slow", seconds=seconds))
        if late:
            with pytest.raises(requests.ReadTimeout):
                session.get(url, timeout=timeout)
        else:
            assert session.get(url, timeout=timeout).json()["data"]["username"] == "songpost"


def test_a_session_that_follows_redirects_posts_twice(sandbox: Sandbox) -> None:
    """A 307 after the effect: `requests` repeats the POST, which here meets the duplicate check."""
    known = sandbox.credentials()
    session = requests.Session()
    session.mount("https://", SandboxAdapter(sandbox))
    headers = {"Authorization": f"Bearer {known.oauth2_access_token}"}
    sandbox.inject(Fault(kind="redirect"))
    session.post("https://api.x.com/2/tweets", json={"text": "hello"}, headers=headers)
    assert [record.status for record in sandbox.requests("POST /2/tweets")] == [307, 403]
    sandbox.inject(Fault(kind="redirect"))
    session.post("https://api.x.com/2/tweets", json={"text": "again"}, headers=headers, allow_redirects=False)
    assert len(sandbox.requests("POST /2/tweets")) == 3


def test_media_goes_up_through_tweepys_session(sandbox: Sandbox, in_process: tweepy.Client) -> None:
    """Tweepy has no v2 media: its session carries the calls, JSON and multipart, signed with its own handler."""
    known = sandbox.credentials()
    auth = tweepy.OAuth1UserHandler(
        known.api_key, known.api_secret, known.access_token, known.access_secret
    ).apply_auth()
    base = "https://api.twitter.com/2/media/upload"
    content = b"\x89PNG\r\n\x1a\n" + bytes(100)
    session = in_process.session
    made = session.post(f"{base}/initialize", json={"media_type": "image/png", "total_bytes": len(content)}, auth=auth)
    media_id = made.json()["data"]["id"]
    appended = session.post(
        f"{base}/{media_id}/append", data={"segment_index": 0}, files={"media": ("a.png", content)}, auth=auth
    )
    assert (appended.status_code, appended.text) == (200, appended.text)
    assert session.post(f"{base}/{media_id}/finalize", auth=auth).status_code == 200
    post_id = in_process.create_tweet(text="look", media_ids=[media_id]).data["id"]
    assert sandbox.posts()[0].id == post_id
