"""Whatever comes in, the sandbox answers: no request makes it fall over."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from songpost.lab.sandbox import PROFILES, ConnectionLost, Request, Response, Rules, Sandbox, VirtualClock
from songpost.lab.sandbox.endpoints import API, OPEN
from songpost.lab.sandbox.text import cashtags, hashtags, mentions, urls, weighted_length

NAMES = sorted(endpoint.name for endpoint in (*API, *OPEN))
FIELDS = sorted(
    {
        *(parameter for endpoint in API for parameter in endpoint.query),
        *("text", "reply", "media", "poll", "quote_tweet_id", "tweet_id", "target_user_id", "media_ids", "id"),
        *("media_type", "total_bytes", "segment_index", "metadata", "options", "duration_minutes", "made_with_ai"),
        *("grant_type", "code", "refresh_token", "client_id", "redirect_uri", "code_verifier", "scope", "state"),
    }
)
SANDBOX = Sandbox(
    clock=VirtualClock(datetime(2026, 11, 22, tzinfo=UTC)),
    rules=Rules(plan="enterprise", limits={name: {} for name in NAMES}),
)
KNOWN = SANDBOX.credentials()
POST = SANDBOX.actors.post("ann", "hey @songpost").id

ids = st.sampled_from([KNOWN.user_id, POST, "0", "12345", "abc", "9" * 19, "9" * 5_000, "\u0663", ""])
values = st.one_of(
    ids, st.text(max_size=30), st.sampled_from(["5", "100", "STATUS", "2026-11-22T00:00:00Z", "is:reply"])
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    st.binary(max_size=60),
    documents.map(lambda document: json.dumps(document).encode()),
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=4).map(
        lambda form: "&".join(f"{name}={value}" for name, value in form.items()).encode("utf-8", "replace")
    ),
)
CREDENTIALS = {
    "Authorization": [
        f"Bearer {KNOWN.oauth2_access_token}",
        f"Bearer {KNOWN.bearer_token}",
        "Basic " + base64.b64encode(f"{KNOWN.client_id}:{KNOWN.client_secret}".encode()).decode(),
        'OAuth oauth_timestamp="' + "9" * 5_000 + '"',
    ],
    "Content-Type": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
}


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request that has something to do with X, and may be wrong in every part."""
    method, path = draw(st.sampled_from(NAMES)).split(" ")
    parts = [draw(ids) if part.startswith(":") else part for part in path.split("/")]
    query = draw(st.dictionaries(st.sampled_from(FIELDS), values, max_size=3))
    url = "https://api.x.com" + "/".join(parts)
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    headers = {name: draw(st.sampled_from(choices) | st.text(max_size=20)) for name, choices in CREDENTIALS.items()}
    return Request(method, url, headers, draw(bodies))


HALF_A_PAIR = b'{"text": "\\ud800"}'
DEEP = b'{"text": ' + b"[" * 100_000
AUTHORIZED = {"Authorization": f"Bearer {KNOWN.oauth2_access_token}"}


@given(request=requests())
@example(request=Request("POST", "https://api.x.com/2/tweets", AUTHORIZED, HALF_A_PAIR))
@example(request=Request("POST", "https://api.x.com/2/tweets", AUTHORIZED, DEEP))
@example(request=Request("POST", "https://api.x.com/2/tweets", AUTHORIZED, b'{"text": "\xff"}'))
@example(
    request=Request(
        "GET",
        f"https://api.x.com/2/users/{KNOWN.user_id}/tweets?start_time=0001-01-01T00:00:00%2B23:59",
        AUTHORIZED,
    )
)
@example(
    request=Request("GET", f"https://api.x.com/2/users/{KNOWN.user_id}/tweets?max_results=" + "9" * 5_000, AUTHORIZED)
)
def test_every_request_gets_an_answer(request: Request) -> None:
    """Never an exception, never a 5xx of its own, and a body that fits its Content-Length."""
    response = SANDBOX.handle(request)
    assert response.status in {200, 201, 302, 400, 401, 402, 403, 404, 429}
    assert response.headers["content-length"] == str(len(response.body))


@pytest.mark.parametrize("profile", ["rough", "hostile"])
@given(seed=st.integers(0, 1_000))
def test_every_fault_is_an_answer_or_a_lost_connection(profile: str, seed: int) -> None:
    """Under each profile a create ends as a response or as one of the two losses, and says truly whether it posted."""
    sandbox = Sandbox(clock=VirtualClock(datetime(2026, 11, 22, tzinfo=UTC)), profile=profile, seed=seed)
    headers = {"Authorization": f"Bearer {sandbox.credentials().oauth2_access_token}"}
    for number in range(30):
        before = len(sandbox.posts())
        request = Request("POST", "https://api.x.com/2/tweets", headers, json.dumps({"text": f"{number}"}).encode())
        outcome: Response | ConnectionLost
        try:
            outcome = sandbox.handle(request)
            answered: int | None = outcome.status
        except ConnectionLost as lost:
            outcome, answered = lost, None
        record = sandbox.requests()[-1]
        assert record.status == answered
        assert record.effect is (len(sandbox.posts()) == before + 1)
        assert isinstance(outcome, Response) or outcome.effect is record.effect
    assert profile in PROFILES


@given(text=st.text(max_size=300))
def test_every_text_can_be_read(text: str) -> None:
    """Links, names and tags lie where they say, apart from each other; a weight is never negative."""
    links = urls(text)
    assert all(text[link.start : link.end] == link.value for link in links)
    assert all(first.end <= second.start for first, second in pairwise(links))
    for span in (*mentions(text), *hashtags(text), *cashtags(text)):
        assert not any(link.start <= span.start < link.end for link in links)
    assert 0 <= weighted_length(text) <= 2 * max(1, len(text)) + 23 * len(links)
