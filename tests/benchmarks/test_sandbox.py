"""How many requests a second the sandbox serves in process, on one thread: printed, not judged.

Requests are signed beforehand, so that only the sandbox's own work is measured: the check of the signature, rules,
rate windows, bill, log and rendering. The target is at least 1,500 a second. On a machine that does other things the
wall clock measures those too; the processor's time is the sandbox's own.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from oauthlib.oauth1 import Client as Signer

from songpost.lab.sandbox import Request, Rules, Sandbox

pytestmark = pytest.mark.benchmark

ROUNDS = 5
CALLS = 300
PLENTY = {"user 15m": 10_000_000, "app 24h": 10_000_000}
HOST = "https://api.twitter.com"


def requests_of(sandbox: Sandbox, mode: str, kind: str, round_: int) -> list[Request]:
    """The requests of one round, with their credentials."""
    known = sandbox.credentials()
    signer = Signer(known.api_key, known.api_secret, known.access_token, known.access_secret)
    fields = urlencode({"max_results": "10", "tweet.fields": "created_at,public_metrics"})
    timeline = f"/2/users/{known.user_id}/tweets?{fields}"
    made = []
    for number in range(CALLS):
        create = kind == "create" or (kind == "mixed" and number % 3 == 0)
        read = timeline if kind == "timeline" or (kind == "mixed" and number % 3 == 1) else "/2/users/me"
        body = (
            json.dumps({"text": f"{mode} {kind} {round_}/{number}: see example.com & more"}).encode() if create else b""
        )
        url = HOST + ("/2/tweets" if create else read)
        headers = {"Authorization": f"Bearer {known.oauth2_access_token}", "Content-Type": "application/json"}
        if mode == "oauth1":
            headers["Authorization"] = signer.sign(url, "POST" if create else "GET")[1]["Authorization"]
        made.append(Request("POST" if create else "GET", url, headers, body))
    return made


def rates(serve: Callable[[Request], object], batch: list[Request]) -> tuple[float, float]:
    """Requests a second over a batch: by the wall clock, and by the processor's time in this process."""
    begin, spent = time.perf_counter(), time.process_time()
    for request in batch:
        serve(request)
    return len(batch) / (time.perf_counter() - begin), len(batch) / (time.process_time() - spent)


def test_requests_a_second_in_process() -> None:
    """Median of five rounds for each mode and kind of call, on a timeline that grows all the while."""
    names = ("POST /2/tweets", "GET /2/users/me", "GET /2/users/:id/tweets")
    sandbox = Sandbox(rules=Rules(credits_micros=None, limits=dict.fromkeys(names, PLENTY)))
    for mode in ("oauth1", "oauth2"):
        for kind in ("me", "create", "timeline", "mixed"):
            batches = [requests_of(sandbox, mode, kind, round_) for round_ in range(ROUNDS)]
            measured = [rates(sandbox.handle, batch) for batch in batches]
            wall, processor = (statistics.median(column) for column in zip(*measured, strict=True))
            print(
                f"sandbox, {mode}, {kind}: {wall:,.0f} requests/s, {processor:,.0f} per processor second (target 1,500)"
            )
    assert {200, 201} == {record.status for record in sandbox.requests()}
