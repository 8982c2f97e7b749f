"""The control room: what a test in another process can ask and arrange."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from songpost.lab.sandbox import KINDS, PROFILES, Request, Sandbox, VirtualClock
from songpost.lab.sandbox.control import COMMANDS, PREFIX, handle
from songpost.lab.sandbox.wire import JSON, as_dict, as_list
from tests.unit.sandbox.calling import Caller


def ask(sandbox: Sandbox, method: str, path: str, body: JSON = None) -> JSON:
    """A request to the control room that must be understood."""
    response = handle(sandbox, Request(method, f"http://127.0.0.1{PREFIX}{path}", {}, json.dumps(body or {}).encode()))
    assert response.status == 200, response.body
    return response.json()


def test_what_was_posted_and_by_which_request(caller: Caller) -> None:
    """Posts lead to requests, requests can be asked by endpoint, deleted posts come on demand."""
    gone = caller.posted("one")
    caller.posted("two")
    caller("DELETE", f"/2/tweets/{gone}")
    sandbox = caller.sandbox
    (post,) = (as_dict(item) for item in as_list(ask(sandbox, "GET", "posts")))
    requests = [as_dict(item) for item in as_list(ask(sandbox, "GET", "requests?endpoint=POST%20%2F2%2Ftweets"))]
    assert (post["text"], post["request"]) == ("two", requests[1]["number"])
    assert [request["body"] for request in requests] == ['{"text": "one"}', '{"text": "two"}']
    assert len(as_list(ask(sandbox, "GET", "posts?deleted=true&username=songpost"))) == 2
    assert len(as_list(ask(sandbox, "GET", "requests"))) == 3


def test_the_bill(caller: Caller) -> None:
    """What was spent, by endpoint, and what is left."""
    caller.posted("one")
    bill = as_dict(ask(caller.sandbox, "GET", "bill"))
    assert (bill["spent_micros"], bill["credits_left_micros"]) == (15_000, 999_985_000)
    assert bill["by_endpoint"] == {"POST /2/tweets": 15_000}
    assert as_dict(as_list(bill["charges"])[0])["item"] == "create"


def test_faults_are_loaded_seen_and_cleared(caller: Caller) -> None:
    """A single shot and a profile; a struck call is noted."""
    sandbox = caller.sandbox
    ask(sandbox, "POST", "faults", {"kind": "status", "status": 503, "endpoint": "GET /2/users/me"})
    assert caller.get("/2/users/me").status == 503
    assert as_dict(ask(sandbox, "GET", "faults"))["struck"] == [{"request": 1, "kind": "status"}]
    ask(sandbox, "POST", "faults", {"kind": "reset"})
    assert as_dict(ask(sandbox, "DELETE", "faults"))["waiting"] == []
    assert as_dict(ask(sandbox, "POST", "faults/profile", {"profile": "rough", "seed": 5}))["profile"] == "rough"
    assert sandbox.faults.seed == 5


def test_the_clock_is_set_and_moved() -> None:
    """A sandbox on the machine's clock gets one that stands still."""
    sandbox = Sandbox()
    assert as_dict(ask(sandbox, "GET", "clock"))["virtual"] is False
    ask(sandbox, "POST", "clock", {"at": "2026-12-24T18:00:00+01:00"})
    ask(sandbox, "POST", "clock", {"advance_seconds": 60})
    assert isinstance(sandbox.clock, VirtualClock)
    assert sandbox.clock.now() == datetime(2026, 12, 24, 17, 1, tzinfo=UTC)
    Caller(sandbox).posted("merry")
    assert sandbox.posts()[0].created_at == datetime(2026, 12, 24, 17, 1, tzinfo=UTC)


def test_rules_are_read_and_changed(caller: Caller) -> None:
    """One rule at a time; the others stay."""
    ask(caller.sandbox, "POST", "rules", {"plan": "free", "limits": {"POST /2/tweets": {"user 15m": 1}}})
    rules = as_dict(ask(caller.sandbox, "GET", "rules"))
    assert (rules["plan"], rules["owns_app"]) == ("free", True)
    assert caller.post("one").status == 201
    assert caller.post("two").status == 429


def test_people_act(caller: Caller) -> None:
    """Users, accounts, posts by hand, metrics, deletion, suspension, revocation, expiry."""
    sandbox = caller.sandbox
    ask(sandbox, "POST", "actors/user", {"username": "ann", "followers": 3, "name": "Ann", "description": "sings"})
    post = as_dict(ask(sandbox, "POST", "actors/post", {"username": "ann", "text": "hey @songpost"}))
    earlier: JSON = {"username": "songpost", "text": "by hand", "at": "2026-11-22T08:00:00+00:00"}
    assert as_dict(ask(sandbox, "POST", "actors/post", earlier))["created_at"] == "2026-11-22T08:00:00+00:00"
    answer: JSON = {"username": "ann", "text": "why?", "reply_to": post["id"]}
    assert as_dict(ask(sandbox, "POST", "actors/post", answer))["conversation_id"] == post["id"]
    metrics: JSON = {"id": post["id"], "metrics": {"like_count": 9}}
    assert as_dict(as_dict(ask(sandbox, "POST", "actors/metrics", metrics))["metrics"])["like_count"] == 9
    ask(sandbox, "POST", "actors/delete", {"id": post["id"]})
    assert caller.post("hm", reply={"in_reply_to_tweet_id": post["id"]}).status == 403
    second = as_dict(ask(sandbox, "POST", "actors/account", {"username": "second"}))
    assert as_dict(ask(sandbox, "GET", "credentials?username=second")) == second
    for action, status in (("suspend", 403), ("unsuspend", 200), ("revoke", 401)):
        ask(sandbox, "POST", f"actors/{action}", {"username": "songpost"})
        assert caller.get("/2/users/me").status == status
    modern = Caller(sandbox, "second", mode="oauth2")
    assert modern.get("/2/users/me").status == 200
    ask(sandbox, "POST", "actors/expire", {"username": "second"})
    assert modern.get("/2/users/me").status == 401


def test_the_whole_state_can_be_asked(caller: Caller) -> None:
    """Everything that the state file would hold."""
    assert as_dict(ask(caller.sandbox, "GET", "state"))["schema_version"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", {}, 404),
        ("POST", "posts", {}, 404),
        ("POST", "faults", {"kind": "flood"}, 400),
        ("POST", "faults", {"colour": "red"}, 400),
        ("POST", "faults", {"kind": "slow", "seconds": "long"}, 400),
        ("POST", "faults", {}, 400),
        ("POST", "faults/profile", {"profile": "mild"}, 400),
        ("POST", "rules", {"plan": "gold"}, 400),
        ("POST", "clock", {"at": "yesterday"}, 400),
        ("POST", "clock", {"at": "2026-11-22T09:30:00"}, 400),
        ("POST", "actors/post", {}, 400),
        ("POST", "actors/metrics", {"id": "1", "metrics": {"applause": 1}}, 400),
        ("POST", "actors/account", {"username": "songpost"}, 400),
        ("GET", "posts?username=nobody", {}, 400),
    ],
)
def test_what_is_not_understood_is_said(caller: Caller, method: str, path: str, body: JSON, status: int) -> None:
    """A wrong request is answered with the reason, and the sandbox goes on."""
    url = f"http://127.0.0.1{PREFIX}{path}"
    response = handle(caller.sandbox, Request(method, url, {}, json.dumps(body).encode()))
    assert response.status == status
    assert as_dict(response.json())["error"]
    assert handle(caller.sandbox, Request("POST", f"http://127.0.0.1{PREFIX}clock", {}, b"not json")).status == 400


def test_every_command_is_named_in_the_docstring() -> None:
    """The paragraph on top of the module and the table agree."""
    from songpost.lab.sandbox import control

    assert control.__doc__ is not None
    for command in COMMANDS:
        assert command.split(" ")[1].split("/")[0] in control.__doc__


def test_the_guide_names_every_fault_profile_and_command() -> None:
    """docs/sandbox.md keeps up with the code."""
    guide = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    words = {*KINDS, *PROFILES, *(command.split("/")[-1].split(" ")[-1] for command in COMMANDS)}
    assert sorted(word for word in words if f"{word}`" not in guide and f"{word}?" not in guide) == []
