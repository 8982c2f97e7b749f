"""What a call through the client costs beside the same call through bare tweepy, against the same sandbox.

The sandbox runs in a process of its own, over HTTP on loopback. The two take turns, call by call, so that both
meet the same machine. Bare tweepy keeps its connection and checks nothing; the client reads limits and the clock,
and opens a new connection for each write. Prints medians and their ratio; the target is at most 1.2.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

import pytest
import requests
import tweepy
from requests.adapters import HTTPAdapter

from songpost.lab.sandbox import Credentials, Rules, Sandbox
from songpost.lab.sandbox.server import SandboxServer
from songpost.x import open_client
from songpost.x.answers import POST_FIELDS
from songpost.x.credentials import OAuth1
from songpost.x.nouns import Draft

pytestmark = pytest.mark.benchmark

CALLS = 200
WARM_UP = 10
Call = Callable[[int], object]
PLENTY = {"user 15m": 1_000_000, "app 15m": 1_000_000, "app 24h": 1_000_000, "user 24h": 1_000_000}
ENDPOINTS = ("GET /2/users/me", "GET /2/users/:id/tweets", "POST /2/tweets")


class Elsewhere(HTTPAdapter):
    """Sends tweepy's requests to another host: the one change that bare tweepy needs."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override]
        """Send to the sandbox what was signed for X."""
        request.url = (request.url or "").replace("https://api.twitter.com", self._url)
        return super().send(request, **options)  # type: ignore[arg-type]  # passed on as they came


def serve(pipe: Connection) -> None:
    """Run the sandbox until the other side hangs up."""
    rules = Rules(plan="enterprise", limits=dict.fromkeys(ENDPOINTS, PLENTY))
    sandbox = Sandbox(rules=rules)
    for number in range(50):
        sandbox.actors.post("songpost", f"a post to read, number {number}")
    with SandboxServer(sandbox) as server:
        pipe.send((server.url, sandbox.credentials()))
        pipe.recv()


def timed(call: Call, number: int) -> float:
    """Time one call, in seconds."""
    started = time.perf_counter()
    call(number)
    return time.perf_counter() - started


def test_what_a_call_costs_beside_bare_tweepy() -> None:
    """Prints the medians of both; every call of either must succeed."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        url, keys = ours.recv()
        print(f"\nmedian of {CALLS} calls each, in milliseconds")
        print(f"{'call':<16}{'bare tweepy':>12}{'client':>9}{'ratio':>8}")
        for name, calls in _pairs(url, keys).items():
            plain, full = _medians(calls)
            print(f"{name:<16}{plain:>12.2f}{full:>9.2f}{full / plain:>8.2f}")
    finally:
        ours.send("done")
        process.join(10)


def _medians(calls: tuple[Call, Call]) -> tuple[float, float]:
    """Time both in turns; give their medians in milliseconds, the first few left out."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + CALLS):
        for call, taken in zip(calls, times, strict=True):
            taken.append(timed(call, number))
    plain, full = (statistics.median(taken[WARM_UP:]) * 1000 for taken in times)
    return plain, full


def _pairs(url: str, keys: Credentials) -> dict[str, tuple[Call, Call]]:
    """Make the same calls of bare tweepy and of the client."""
    secrets = (keys.api_key, keys.api_secret, keys.access_token, keys.access_secret)
    bare = tweepy.Client(None, *secrets)
    bare.session.mount("https://", Elsewhere(url))
    names = ("api_key", "api_secret", "access_token", "access_secret")
    credentials = OAuth1(**dict(zip(names, secrets, strict=True)))
    client = open_client(credentials, clock=lambda: datetime.now(UTC), sleep=time.sleep, base_url=url)
    until = datetime.now(UTC) + timedelta(hours=1)
    fields = list(POST_FIELDS)
    return {
        "me": (lambda _: bare.get_me(), lambda _: client.me(deadline=until)),
        "timeline of 50": (
            lambda _: bare.get_users_tweets(keys.user_id, max_results=50, tweet_fields=fields, user_auth=True),
            lambda _: client.timeline(keys.user_id, max_posts=50, deadline=until),
        ),
        "create_post": (
            lambda number: bare.create_tweet(text=f"bare {number}"),
            lambda number: client.create_post(Draft(text=f"client {number}"), send_by=until, deadline=until),
        ),
    }
