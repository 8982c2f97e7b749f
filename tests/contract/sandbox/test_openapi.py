"""Every answer of the sandbox, good and bad, is one that X's specification allows; and so is its table of endpoints."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from songpost.lab.sandbox import Request, Response, Rules, Sandbox, VirtualClock
from songpost.lab.sandbox import vocabulary as words
from songpost.lab.sandbox.endpoints import API
from songpost.lab.sandbox.wire import JSON, as_dict
from tests.contract.sandbox.specification import Specification

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
GIF = b"GIF89a" + bytes(100)
POST_FIELDS = ",".join(sorted(words.POST_FIELDS))
USER_FIELDS = ",".join(sorted(words.USER_FIELDS))
MEDIA_FIELDS = ",".join(sorted(words.MEDIA_FIELDS))
POLL_FIELDS = ",".join(sorted(words.POLL_FIELDS))
EXPANSIONS = ",".join(sorted(words.POST_EXPANSIONS))
EVERYTHING = (
    f"tweet.fields={POST_FIELDS}&user.fields={USER_FIELDS}&media.fields={MEDIA_FIELDS}&poll.fields={POLL_FIELDS}"
    f"&expansions={EXPANSIONS}"
)


@dataclass
class Visitor:
    """Calls a sandbox with tokens of OAuth 2.0 and keeps every answer with its endpoint."""

    sandbox: Sandbox
    token: str = ""
    seen: list[tuple[str, Response]] = field(default_factory=list)

    def __call__(self, method: str, path: str, body: JSON = None) -> dict[str, JSON]:
        """Make a call; the data of the answer."""
        token = self.token or self.sandbox.credentials().oauth2_access_token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        response = self.sandbox.handle(Request(method, f"https://api.x.com{path}", headers, content))
        self.seen.append((self.sandbox.requests()[-1].endpoint, response))
        data = as_dict(response.json()).get("data") if response.body else None
        return as_dict(data)

    def rules(self, **changes: object) -> None:
        """Change the rules."""
        self.sandbox.change(replace(self.sandbox.rules, **changes))  # type: ignore[arg-type] # a test knows them


@pytest.fixture
def visitor() -> Visitor:
    """A visitor of an enterprise sandbox on a clock that stands still."""
    clock = VirtualClock(datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
    return Visitor(Sandbox(clock=clock, rules=Rules(plan="enterprise")))


@pytest.fixture(scope="module")
def spec(specification: Path) -> Specification:
    """The file, closed."""
    return Specification.load(specification)


def upload(visit: Visitor, media_type: str, content: bytes) -> str:
    """A whole upload."""
    base = "/2/media/upload"
    made = visit("POST", f"{base}/initialize", {"media_type": media_type, "total_bytes": len(content)})
    encoded = base64.b64encode(content).decode()
    visit("POST", f"{base}/{made['id']}/append", {"segment_index": 0, "media": encoded})
    visit("POST", f"{base}/{made['id']}/finalize")
    return str(made["id"])


def good(visit: Visitor) -> None:
    """A day on X on which every endpoint is called as it should be, and every kind of post is read."""
    sandbox = visit.sandbox
    me = f"/2/users/{sandbox.credentials().user_id}"
    ann = sandbox.actors.add_user("ann", description="sings", followers=3)
    theirs = sandbox.actors.post("ann", "hey @songpost and @nobody #jazz $ABC https://example.com/a?b=1&c").id
    gone = sandbox.actors.post("ann", "soon gone").id
    photo, gif = upload(visit, "image/png", PNG), upload(visit, "image/gif", GIF)
    for _ in range(3):
        visit("GET", f"/2/media/upload?command=STATUS&media_id={gif}")
        assert isinstance(sandbox.clock, VirtualClock)
        sandbox.clock.advance(3)
    visit("POST", "/2/media/metadata", {"id": photo, "metadata": {"alt_text": {"text": "a bird"}}})
    one_shot: JSON = {"media": base64.b64encode(PNG).decode(), "media_category": "tweet_image"}
    visit("POST", "/2/media/upload", one_shot)
    creates: list[dict[str, JSON]] = [
        {"text": "hello <b> & x.ai"},
        {"text": "look", "media": {"media_ids": [photo]}},
        {"text": "it moves", "media": {"media_ids": [gif]}, "made_with_ai": True, "paid_partnership": True},
        {"text": "yes?", "reply": {"in_reply_to_tweet_id": theirs}},
        {"text": "so true", "quote_tweet_id": theirs},
        {"text": "answer", "reply": {"in_reply_to_tweet_id": gone}, "reply_settings": "following"},
        {"text": "which?", "poll": {"options": ["a", "b"], "duration_minutes": 60}},
    ]
    ids = [str(visit("POST", "/2/tweets", body)["id"]) for body in creates]
    sandbox.actors.delete(gone)
    visit("POST", f"{me}/retweets", {"tweet_id": theirs})
    visit("POST", f"{me}/likes", {"tweet_id": theirs})
    visit("POST", f"{me}/following", {"target_user_id": ann.id})
    visit("GET", f"/2/tweets?ids={','.join([*ids, theirs, gone, '12345'])}&{EVERYTHING}")
    for post_id in (*ids, theirs, gone):
        visit("GET", f"/2/tweets/{post_id}?{EVERYTHING}")
        visit("GET", f"/2/tweets/{post_id}")
    for path in (f"{me}/tweets?max_results=5", f"{me}/mentions?max_results=5", "/2/tweets/search/recent?query=hey"):
        visit("GET", f"{path}&{EVERYTHING}")
    first = as_dict(visit.seen[-3][1].json())
    visit("GET", f"{me}/tweets?max_results=5&{EVERYTHING}&pagination_token={as_dict(first['meta'])['next_token']}")
    visit("GET", "/2/users/12345/tweets")
    visit("GET", f"/2/users/me?user.fields={USER_FIELDS}&expansions=most_recent_tweet_id&tweet.fields={POST_FIELDS}")
    for path in ("/2/users/by/username/ann", "/2/users/by/username/nobody", f"/2/users/{ann.id}", "/2/users/12345"):
        visit("GET", f"{path}?user.fields={USER_FIELDS}")
    sandbox.actors.suspend("ann")
    visit("GET", f"/2/users/{ann.id}")
    sandbox.actors.suspend("ann", suspended=False)
    visit("DELETE", f"{me}/retweets/{theirs}")
    visit("DELETE", f"{me}/likes/{theirs}")
    visit("DELETE", f"{me}/following/{ann.id}")
    visit("DELETE", f"/2/tweets/{ids[0]}")
    visit.token = sandbox.credentials().bearer_token
    visit("GET", "/2/usage/tweets?usage.fields=daily_client_app_usage,daily_project_usage")
    visit.token = ""


def every_call(visit: Visitor) -> list[tuple[str, str, JSON]]:
    """One call of every endpoint, with ids of things that are not there."""
    me = visit.sandbox.credentials().user_id
    calls: list[tuple[str, str, JSON]] = []
    for endpoint in API:
        method, path = endpoint.name.split(" ")
        own = path.replace(":username", "nobody").replace("/users/:id", f"/users/{me}").replace(":source_user_id", me)
        parts = ["12345" if part.startswith(":") else part for part in own.split("/")]
        body: JSON = {"text": "hello"} if endpoint.name == "POST /2/tweets" else {}
        calls.append((method, "/".join(parts), body if method == "POST" else None))
    return calls


def turned_away(visit: Visitor) -> None:
    """Every endpoint without a credential, with the wrong kind, suspended, not enrolled, unplanned, limited, poor."""
    calls = every_call(visit)

    def call_all(token: str) -> None:
        visit.token = token
        for method, path, body in calls:
            visit(method, path, body)

    known = visit.sandbox.credentials()
    call_all("nonsense")
    call_all(known.bearer_token)
    call_all(known.oauth2_access_token)
    visit.rules(plan="free")
    call_all(known.oauth2_access_token)
    visit.rules(plan="pay-per-use", credits_micros=0)
    call_all(known.oauth2_access_token)
    call_all(known.bearer_token)
    visit.rules(plan="basic", monthly_posts_read=0, monthly_posts_written=0)
    call_all(known.oauth2_access_token)
    visit.rules(plan="enterprise", limits={endpoint.name: {"user 15m": 0, "app 15m": 0} for endpoint in API})
    call_all(known.oauth2_access_token)
    call_all(known.bearer_token)
    visit.rules(limits={}, enrolled=False)
    call_all(known.oauth2_access_token)
    visit.rules(enrolled=True)
    visit.sandbox.actors.suspend("songpost")
    call_all(known.oauth2_access_token)
    visit.sandbox.actors.suspend("songpost", suspended=False)
    visit.token = ""


def badly_asked(visit: Visitor) -> None:
    """Wrong ids, wrong parameters, wrong bodies, forbidden creates."""
    me = f"/2/users/{visit.sandbox.credentials().user_id}"
    theirs = visit.sandbox.actors.post("ann", "nice weather").id
    for path in (
        "/2/tweets?ids=",
        "/2/tweets?ids=abc",
        "/2/tweets?ids=1&tweet.fields=colour",
        "/2/tweets/abc",
        "/2/users/abc",
        "/2/users/by/username/way-too-odd",
        "/2/users/me?colour=red",
        f"{me}/tweets?max_results=1",
        f"{me}/mentions?pagination_token=x",
        "/2/tweets/search/recent?query=(",
        "/2/media/upload?media_id=1",
        "/2/media/upload?command=APPEND&media_id=1",
    ):
        visit("GET", path)
    visit.token = visit.sandbox.credentials().bearer_token
    visit("GET", "/2/usage/tweets?days=0")
    visit.token = ""
    visit("POST", "/2/tweets", {"text": "x" * 281})
    visit("POST", "/2/tweets", {"colour": "red"})
    visit("POST", "/2/tweets", {"text": "twice"})
    visit("POST", "/2/tweets", {"text": "twice"})
    visit("POST", "/2/tweets", {"text": "hm", "reply": {"in_reply_to_tweet_id": "12345"}})
    visit.rules(plan="pay-per-use")
    visit("POST", "/2/tweets", {"text": "hm", "reply": {"in_reply_to_tweet_id": theirs}})
    visit("POST", "/2/tweets", {"text": "hm", "quote_tweet_id": theirs})
    visit("POST", "/2/tweets", {"text": "$ABC $XYZ"})
    visit("DELETE", "/2/tweets/12345")
    visit("DELETE", f"/2/tweets/{theirs}")
    visit("POST", "/2/media/upload", {})
    visit("POST", "/2/media/metadata", {"id": "1"})


SCENES = {"good": good, "turned away": turned_away, "badly asked": badly_asked}


@pytest.mark.parametrize("scene", SCENES)
def test_every_answer_is_one_that_the_specification_allows(visitor: Visitor, spec: Specification, scene: str) -> None:
    """Status, shape and every single field, against the closed schemas."""
    SCENES[scene](visitor)
    wrong = [
        f"{endpoint} {response.status} {complaint}"
        for endpoint, response in visitor.seen
        for complaint in spec.wrong(endpoint, response.status, response.headers["content-type"], response.json())
    ]
    assert wrong == []


def test_the_scenes_show_every_endpoint_and_every_refusal(visitor: Visitor) -> None:
    """Each endpoint has answered well and badly, and each status of X's error table was seen."""
    good(visitor)
    assert {endpoint.name for endpoint in API} == {name for name, response in visitor.seen if response.status < 400}
    visitor.seen.clear()
    turned_away(visitor)
    badly_asked(visitor)
    bad = {(name, response.status) for name, response in visitor.seen if response.status >= 400}
    assert {endpoint.name for endpoint in API} == {name for name, _ in bad}
    assert {400, 401, 402, 403, 404, 429} == {status for _, status in bad}


def test_the_validator_sees_a_wrong_answer(visitor: Visitor, spec: Specification) -> None:
    """A missing id, a wrong type, an unknown field and an unknown problem are all found: the check can fail."""
    complaints = spec.wrong
    fine: dict[str, JSON] = {"data": {"id": "1", "text": "x"}}
    assert list(complaints("POST /2/tweets", 201, "application/json", fine)) == []
    for body in (
        {"data": {"text": "x"}},
        {"data": {"id": 1, "text": "x"}},
        {"data": {**as_dict(fine["data"]), "no": 1}},
    ):
        assert list(complaints("POST /2/tweets", 201, "application/json", body))
    assert list(complaints("POST /2/tweets", 200, "application/json", fine))
    problem = {"type": "about:blank", "title": "Forbidden", "colour": "red"}
    assert list(complaints("POST /2/tweets", 403, "application/problem+json", problem))
    user = {"data": {"id": "1", "name": "x", "username": "way-too-odd"}}
    assert list(complaints("GET /2/users/me", 200, "application/json", user))
    post: dict[str, JSON] = {"id": "1", "text": "x", "edit_history_tweet_ids": ["1"]}
    spoilers: list[dict[str, JSON]] = [
        {"colour": "red"},
        {"public_metrics": {}},
        {"entities": {"urls": [{"start": 1, "end": 2}]}},
    ]
    for spoilt in spoilers:
        assert list(complaints("GET /2/tweets", 200, "application/json", {"data": [{**post, **spoilt}]}))
    assert list(complaints("GET /2/tweets", 200, "application/json", {"data": [post]})) == []
    assert visitor.seen == []


@pytest.mark.parametrize("endpoint", API, ids=lambda endpoint: endpoint.name)
def test_the_table_of_endpoints_is_that_of_the_specification(spec: Specification, endpoint: object) -> None:
    """Who may call, with which scopes, and with which query parameters."""
    from songpost.lab.sandbox.service import Endpoint

    assert isinstance(endpoint, Endpoint)
    security = spec.security(endpoint.name)
    app, user = "BearerToken" in security, "OAuth2UserToken" in security
    assert endpoint.app_only is (None if app and user else app)
    if user:
        assert set(endpoint.scopes) == set(security["OAuth2UserToken"])
    renamed = {"post.fields"} if "tweet.fields" in endpoint.query else set()
    assert spec.parameters(endpoint.name) == endpoint.query - renamed


@pytest.mark.parametrize(
    ("parameter", "known"),
    [
        ("TweetFieldsParameter", words.POST_FIELDS),
        ("UserFieldsParameter", words.USER_FIELDS),
        ("MediaFieldsParameter", words.MEDIA_FIELDS),
        ("PollFieldsParameter", words.POLL_FIELDS),
        ("PlaceFieldsParameter", words.PLACE_FIELDS),
        ("TweetExpansionsParameter", words.POST_EXPANSIONS),
        ("UserExpansionsParameter", words.USER_EXPANSIONS),
    ],
)
def test_the_words_are_those_of_the_specification(spec: Specification, parameter: str, known: frozenset[str]) -> None:
    """Fields and expansions, one list after the other."""
    listed = spec.document["components"]["parameters"][parameter]["schema"]["items"]["enum"]
    assert set(listed) == known


def test_a_create_takes_what_the_specification_lists(spec: Specification) -> None:
    """The body's fields, and the newer name of one."""
    listed = spec.document["components"]["schemas"]["TweetCreateRequest"]["properties"]
    assert set(listed) == words.CREATE_BODY - {"quote_post_id"}
    assert set(listed["reply"]["properties"]) == words.REPLY_BODY - {"in_reply_to_post_id"}
    assert set(listed["media"]["properties"]) == words.MEDIA_BODY
