"""Faults: when they strike, what X has done by then, and what the client sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest

from songpost.lab.sandbox import KINDS, PROFILES, AnswerLost, ConnectionLost, ConnectionReset, Fault, Sandbox
from tests.unit.sandbox.calling import MORNING, Caller

POST = "POST /2/tweets"


def struck(caller: Caller, fault: Fault, text: str = "hello") -> tuple[int, bytes, bool]:
    """The status and body of a create under a fault, and whether the post is there; -1 where the line was cut."""
    caller.sandbox.inject(fault)
    try:
        response = caller.post(text)
    except ConnectionLost:
        return -1, b"", bool(caller.sandbox.posts())
    return response.status, response.body, bool(caller.sandbox.posts())


def test_a_lost_answer_has_its_effect(caller: Caller) -> None:
    """The post is there, the client never hears of it, and the log says both."""
    caller.sandbox.inject(Fault(kind="answer lost", endpoint=POST))
    with pytest.raises(AnswerLost) as lost:
        caller.post("hello")
    assert lost.value.effect is True
    assert [post.text for post in caller.sandbox.posts()] == ["hello"]
    (record,) = caller.sandbox.requests(POST)
    assert (record.status, record.effect, record.fault) == (None, True, "answer lost")
    assert caller.post("hello").status == 403


def test_a_reset_has_none(caller: Caller) -> None:
    """Nothing is posted or charged, and the same text goes through afterwards."""
    caller.sandbox.inject(Fault(kind="reset"))
    with pytest.raises(ConnectionReset):
        caller.post("hello")
    assert (caller.sandbox.posts(), caller.sandbox.bill_micros()) == ([], 0)
    assert caller.sandbox.requests()[0].effect is False
    assert caller.post("hello").status == 201


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
@pytest.mark.parametrize("status", [500, 502, 503, 408])
@pytest.mark.parametrize("shape", ["problem", "errors", "html", "empty"])
def test_an_error_strikes_on_either_side(caller: Caller, when: str, there: bool, status: int, shape: str) -> None:  # noqa: FBT001
    """The same answer in each shape, with the post or without."""
    seen, body, posted = struck(caller, Fault(kind="status", status=status, when=when, shape=shape))
    assert (seen, posted) == (status, there)
    if shape == "html":
        assert body.startswith(b"<!DOCTYPE html>")
    elif shape == "empty":
        assert body == b""
    else:
        assert (b"errors" in body) is (shape == "errors")


@pytest.mark.parametrize(
    ("kind", "status", "check"),
    [
        ("html", 201, lambda body: body.startswith(b"<!DOCTYPE html>")),
        ("empty", 201, lambda body: body == b""),
        ("truncated", 201, lambda body: body.startswith(b'{"data"') and not body.endswith(b"}")),
        ("list", 201, lambda body: body == b"[]"),
        ("no data", 201, lambda body: body == b"{}"),
        ("redirect", 307, lambda body: body == b""),
    ],
)
def test_an_unreadable_answer_hides_an_effect(
    caller: Caller, kind: str, status: int, check: Callable[[bytes], bool]
) -> None:
    """The true status with a body that says nothing, or a redirect; the post is there."""
    seen, body, posted = struck(caller, Fault(kind=kind, endpoint=POST))
    assert (seen, posted, check(body)) == (status, True, True)


def test_an_unreadable_answer_may_also_hide_nothing(caller: Caller) -> None:
    """With `before` the call never took effect."""
    assert struck(caller, Fault(kind="redirect", when="before"))[::2] == (307, False)
    assert struck(caller, Fault(kind="html", when="before", status=502))[::2] == (502, False)


def test_a_redirect_leads_back_to_the_same_address(caller: Caller) -> None:
    """A client that follows it posts again."""
    caller.sandbox.inject(Fault(kind="redirect", when="before"))
    assert caller.post("hello").headers["location"] == "https://api.twitter.com/2/tweets"


def test_a_slow_answer_says_how_long_it_takes(caller: Caller) -> None:
    """In process nobody waits: the response carries the delay."""
    caller.sandbox.inject(Fault(kind="slow", seconds=12))
    assert caller.post("hello").delay_seconds == 12
    caller.sandbox.inject(Fault(kind="slow"))
    assert caller.get("/2/users/me").delay_seconds == 30


def test_rate_headers_may_be_missing_absurd_or_past(caller: Caller) -> None:
    """The true answer, with headers that no sane client may trust."""
    seen = {}
    for number, kind in enumerate(("no rate headers", "absurd rate headers", "past rate headers")):
        caller.sandbox.inject(Fault(kind=kind))
        response = caller.post(f"post {number}")
        assert response.status == 201
        seen[kind] = {name: value for name, value in response.headers.items() if name.startswith("x-rate")}
    hour_ago = str(int(MORNING.timestamp()) - 3_600)
    assert seen == {
        "no rate headers": {},
        "absurd rate headers": {
            "x-rate-limit-limit": "",
            "x-rate-limit-remaining": "-7",
            "x-rate-limit-reset": "soon",
        },
        "past rate headers": {
            "x-rate-limit-limit": "100",
            "x-rate-limit-remaining": "0",
            "x-rate-limit-reset": hour_ago,
        },
    }


@pytest.mark.parametrize(("shape", "remaining"), [("", "0"), ("spent", "0"), ("healthy", "57"), ("none", None)])
def test_a_429_out_of_the_blue(caller: Caller, shape: str, remaining: str | None) -> None:
    """With spent, healthy or no headers; nothing is posted."""
    caller.sandbox.inject(Fault(kind="rate limited", shape=shape))
    response = caller.post("hello")
    assert (response.status, response.headers.get("x-rate-limit-remaining")) == (429, remaining)
    assert caller.sandbox.posts() == []


@pytest.mark.parametrize("seconds", [300, -7_200])
def test_the_date_may_be_off(caller: Caller, seconds: int) -> None:
    """Five minutes ahead unless said; the rest of the answer is true."""
    caller.sandbox.inject(Fault(kind="clock skew", seconds=None if seconds == 300 else seconds))
    response = caller.post("hello")
    skew = parsedate_to_datetime(response.headers["date"]) - MORNING
    assert (response.status, skew.total_seconds()) == (201, seconds)


def test_a_shot_waits_for_its_endpoint_and_its_turn(caller: Caller) -> None:
    """It skips calls of others and the first of its own, strikes as often as it was told, and is gone."""
    caller.sandbox.inject(Fault(kind="status", endpoint=POST, skip=1, times=2))
    assert caller.get("/2/users/me").status == 200
    assert [caller.post(f"post {number}").status for number in range(5)] == [201, 500, 500, 201, 201]
    assert caller.sandbox.faults.waiting == []


def test_shots_strike_in_the_order_they_were_loaded(caller: Caller) -> None:
    """One fault a call."""
    caller.sandbox.inject(Fault(kind="status", status=500))
    caller.sandbox.inject(Fault(kind="status", status=503))
    assert [caller.get("/2/users/me").status for _ in range(3)] == [500, 503, 200]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "flood"},
        {"kind": "status", "when": "during"},
        {"kind": "status", "shape": "round"},
        {"kind": "rate limited", "shape": "html"},
    ],
)
def test_a_fault_that_does_not_exist_is_refused_by_name(wrong: dict[str, str]) -> None:
    """Kind, side and shape are checked when the fault is made."""
    with pytest.raises(ValueError, match=list(wrong.values())[-1]):
        Fault(**wrong)  # type: ignore[arg-type] # on purpose


def test_a_profile_that_does_not_exist_is_refused_by_name() -> None:
    """And names those that do."""
    with pytest.raises(ValueError, match=r"mild.*rough.*hostile"):
        Sandbox(profile="mild")


def outcomes(caller: Caller, calls: int) -> list[str]:
    """What each of many calls met."""
    seen = []
    for number in range(calls):
        try:
            seen.append(str(caller.post(f"post {number}").status))
        except ConnectionLost as lost:
            seen.append(type(lost).__name__)
    return seen


def test_a_profile_follows_from_its_seed(make: Callable[..., Caller]) -> None:
    """The same seed strikes the same calls with the same faults, another seed others."""
    limits = {POST: {"user 15m": 10_000}}
    first, second, third = (outcomes(make(profile="hostile", seed=seed, limits=limits), 300) for seed in (7, 7, 8))
    assert first == second
    assert first != third


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_profile_strikes_as_often_as_it_says(make: Callable[..., Caller], profile: str) -> None:
    """Over many calls the share of struck ones is near the sum of its chances (four standard deviations)."""
    caller = make(profile=profile, limits={"GET /2/users/me": {}})
    calls = 4_000
    for _ in range(calls):
        try:
            caller("GET", "/2/users/me", headers={"Authorization": "Bearer None"})
        except ConnectionLost:
            continue
    chance = sum(share for share, _ in PROFILES[profile])
    spread = 4 * (calls * chance * (1 - chance)) ** 0.5
    assert abs(len(caller.sandbox.faults.struck) - calls * chance) <= spread


def test_the_hostile_profile_knows_every_kind_but_skew() -> None:
    """A skewed clock stops a careful client for good, so it is left to single shots."""
    assert {fault.kind for _, fault in PROFILES["hostile"]} == set(KINDS) - {"clock skew", "status"} | {"status"}


def test_the_pages_of_oauth_are_spared_by_profiles(make: Callable[..., Caller]) -> None:
    """A lost refresh would end a grant at random; a single shot may still do it."""
    caller = make(profile="hostile", mode="none")
    for _ in range(200):
        assert caller("POST", "/2/oauth2/token", form={}).status == 400
    caller.sandbox.inject(Fault(kind="answer lost", endpoint="POST /2/oauth2/token"))
    with pytest.raises(AnswerLost):
        caller("POST", "/2/oauth2/token", form={})


def test_a_fault_leaves_valid_json_where_it_says_so(caller: Caller) -> None:
    """`list` and `no data` are JSON, `truncated` is none."""
    for kind, valid in (("list", True), ("no data", True), ("truncated", False)):
        caller.sandbox.inject(Fault(kind=kind))
        body = caller.post(kind).body
        if valid:
            json.loads(body)
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(body)
