"""X's own Python client, unmodified, works against the sandbox: it speaks the vocabulary of later specifications."""

from __future__ import annotations

import base64
import importlib
import importlib.util
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from songpost.lab.sandbox import Sandbox
from songpost.lab.sandbox.server import SandboxServer

if importlib.util.find_spec("xdk") is None:
    pytest.skip("NOT RUN with X's own client: install the dev requirements (xdk)", allow_module_level=True)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
REDIRECT = "http://127.0.0.1:8765/callback"


@pytest.fixture(autouse=True)
def newer_words(sandbox: Sandbox) -> None:
    """The sandbox answers in the newer vocabulary, for this client reads no other."""
    sandbox.change(replace(sandbox.rules, vocabulary="post"))


def xdk_client(sandbox: Sandbox, url: str, mode: str) -> Any:  # the client has no types
    """A client in one of the modes."""
    xdk = importlib.import_module("xdk")  # takes a second: not while tests are collected
    known = sandbox.credentials()
    if mode == "oauth1":
        oauth1 = importlib.import_module("xdk.oauth1_auth")
        auth = oauth1.OAuth1(known.api_key, known.api_secret, REDIRECT, known.access_token, known.access_secret)
        return xdk.Client(base_url=url, auth=auth)
    if mode == "app":
        return xdk.Client(base_url=url, bearer_token=known.bearer_token)
    return xdk.Client(base_url=url, access_token=known.oauth2_access_token)


@pytest.mark.parametrize("mode", ["oauth1", "oauth2"])
def test_every_call(sandbox: Sandbox, server: SandboxServer, mode: str) -> None:
    """Me, users, create, reply, lookup, timelines, mentions, search, repost, like, follow, media, delete."""
    client = xdk_client(sandbox, server.url, mode)
    ann = sandbox.actors.add_user("ann")
    theirs = sandbox.actors.post("ann", "hey @songpost").id
    me = client.users.get_me(user_fields=["created_at", "public_metrics"]).data
    assert (me.username, me.public_metrics.post_count) == ("songpost", 0)
    assert client.users.get_by_username("ann").data.id == ann.id
    assert client.users.get_by_id(ann.id).data.username == "ann"

    first = client.posts.create({"text": "hello"}).data.id
    reply = client.posts.create({"text": "yes?", "reply": {"in_reply_to_tweet_id": theirs}}).data.id
    found = client.posts.get_by_ids([first, reply], post_fields=["created_at", "public_metrics"])
    assert [post.id for post in found.data] == [first, reply]
    assert found.data[0].public_metrics.repost_count == 0
    assert client.posts.get_by_id(first).data.text == "hello"

    assert [post.id for page in client.users.get_posts(me.id, max_results=5) for post in page.data] == [reply, first]
    assert [post.id for page in client.users.get_mentions(me.id, max_results=5) for post in page.data] == [theirs]
    assert [post.id for page in client.posts.search_recent("hello", max_results=10) for post in page.data] == [first]

    assert client.users.repost_post(me.id, {"tweet_id": theirs}).data.rest_id == theirs
    assert client.users.unrepost_post(me.id, theirs).data.retweeted is False
    assert client.users.like_post(me.id, {"tweet_id": theirs}).data.liked is True
    assert client.users.unlike_post(me.id, theirs).data.liked is False
    assert client.users.follow_user(me.id, {"target_user_id": ann.id}).data.following is True
    assert client.users.unfollow_user(me.id, ann.id).data.following is False

    announced = {"media_type": "image/png", "total_bytes": len(PNG), "media_category": "tweet_image"}
    media_id = client.media.initialize_upload(announced).data.id
    client.media.append_upload(media_id, {"segment_index": 0, "media": base64.b64encode(PNG).decode()})
    assert client.media.finalize_upload(media_id).data.id == media_id
    assert client.media.get_upload_status(media_id).data.size == len(PNG)
    client.media.create_metadata({"id": media_id, "metadata": {"alt_text": {"text": "a bird"}}})
    assert sandbox.service.world.media[media_id].alt_text == "a bird"
    client.posts.create({"text": "look", "media": {"media_ids": [media_id]}})

    assert client.posts.delete(first).data.deleted is True
    assert {record.status for record in sandbox.requests()} == {200, 201}
    assert {record.scheme for record in sandbox.requests()} == {"oauth" if mode == "oauth1" else "bearer"}


def test_pages_lead_on(sandbox: Sandbox, server: SandboxServer) -> None:
    """Its paginator walks through a timeline of twelve posts in pages of five."""
    client = xdk_client(sandbox, server.url, "oauth2")
    ids = [sandbox.actors.post("songpost", f"post {number}").id for number in range(12)]
    user_id = sandbox.credentials().user_id
    pages = [[post.id for post in page.data] for page in client.users.get_posts(user_id, max_results=5)]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [post_id for page in pages for post_id in page] == ids[::-1]


def test_usage_is_for_the_app(sandbox: Sandbox, server: SandboxServer) -> None:
    """With the bearer token of the app alone."""
    usage = xdk_client(sandbox, server.url, "app").usage.get().data
    assert (usage.project_usage, usage.cap_reset_day > 0) == ("0", True)


def test_its_way_to_a_pair_and_its_refresh(
    sandbox: Sandbox, server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authorization link, the button, the exchange, a call, a refresh, a call with the new pair."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # oauthlib wants TLS, which a loopback port does without
    known = sandbox.credentials()
    client = importlib.import_module("xdk").Client(
        base_url=server.url,
        authorization_base_url=f"{server.url}/i",
        client_id=known.client_id,
        client_secret=known.client_secret,
        redirect_uri=REDIRECT,
        scope=["tweet.read", "tweet.write", "users.read", "offline.access"],
    )
    link = client.get_authorization_url(state="a state of its own")
    assert requests.get(link, timeout=10).status_code == 200
    form = dict(parse_qsl(urlsplit(link).query))
    pressed = requests.post(
        f"{server.url}/i/oauth2/authorize", data={**form, "decision": "allow"}, allow_redirects=False, timeout=10
    )
    first = client.fetch_token(pressed.headers["location"])["access_token"]
    assert client.users.get_me().data.username == "songpost"
    assert client.refresh_token()["access_token"] != first
    assert client.posts.create({"text": "hello"}).data.id == sandbox.posts()[0].id


def test_a_refusal_is_an_http_error(sandbox: Sandbox, server: SandboxServer) -> None:
    """A duplicate is a 403 that its session raises."""
    client = xdk_client(sandbox, server.url, "oauth1")
    client.posts.create({"text": "hello"})
    with pytest.raises(requests.HTTPError) as refused:
        client.posts.create({"text": "hello"})
    assert refused.value.response.status_code == 403
