"""Rate windows: 15 minutes and 24 hours, for a user and for the app, and what the headers say of them."""

from __future__ import annotations

from collections.abc import Callable

from songpost.lab.sandbox import VirtualClock
from songpost.lab.sandbox.rules import LIMITS, Rules, limits_of
from tests.unit.sandbox.calling import MORNING, Caller

POST = "POST /2/tweets"


def test_the_headers_count_down_and_name_the_reset(caller: Caller, clock: VirtualClock) -> None:
    """The window opens with its first request; the app's 24 hours come with headers of their own."""
    first = caller.post("one")
    clock.advance(60)
    second = caller.post("two")
    opened = int(MORNING.timestamp())
    assert {name: value for name, value in first.headers.items() if "-limit-" in name} == {
        "x-rate-limit-limit": "100",
        "x-rate-limit-remaining": "99",
        "x-rate-limit-reset": str(opened + 900),
        "x-app-limit-24hour-limit": "10000",
        "x-app-limit-24hour-remaining": "9999",
        "x-app-limit-24hour-reset": str(opened + 86_400),
    }
    assert second.headers["x-rate-limit-remaining"] == "98"
    assert second.headers["x-rate-limit-reset"] == str(opened + 900)


def test_a_spent_window_is_a_429_until_its_reset(make: Callable[..., Caller], clock: VirtualClock) -> None:
    """At the limit the call is refused without effect, and the very second of the reset opens the next window."""
    caller = make(limits={POST: {"user 15m": 2}})
    for text in ("one", "two"):
        caller.posted(text)
    refused = caller.post("three")
    assert refused.status == 429
    assert (refused.headers["x-rate-limit-remaining"], len(caller.sandbox.posts())) == ("0", 2)
    clock.set(MORNING)
    clock.advance(899)
    assert caller.post("three").status == 429
    clock.advance(1)
    assert caller.post("three").status == 201


def test_a_429_spends_nothing(make: Callable[..., Caller], clock: VirtualClock) -> None:
    """Refused requests are not counted against the longer window."""
    caller = make(limits={POST: {"user 15m": 1, "user 24h": 3}})
    caller.posted("one")
    for _ in range(5):
        assert caller.post("two").status == 429
    clock.advance(900)
    assert caller.post("two").headers["x-user-limit-24hour-remaining"] == "1"


def test_a_spent_day_comes_with_a_healthy_quarter_of_an_hour(make: Callable[..., Caller], clock: VirtualClock) -> None:
    """The free plan: 17 posts in 24 hours, told by the 24-hour headers alone."""
    caller = make(plan="free")
    for number in range(17):
        caller.posted(f"post {number}")
        clock.advance(60)
    refused = caller.post("one more")
    assert refused.status == 429
    assert refused.headers["x-user-limit-24hour-remaining"] == "0"
    assert refused.headers["x-user-limit-24hour-reset"] == str(int(MORNING.timestamp()) + 86_400)
    assert int(refused.headers["x-rate-limit-remaining"]) > 1_000_000


def test_each_user_has_windows_and_the_app_has_its_own(make: Callable[..., Caller]) -> None:
    """A second account begins afresh, but the app's 24 hours are shared."""
    caller = make(limits={POST: {"user 15m": 1, "app 24h": 2}})
    caller.sandbox.add_account("second")
    caller.sandbox.add_account("third")
    assert caller.post("one").status == 201
    assert caller.post("two").status == 429
    assert Caller(caller.sandbox, "second").post("one").status == 201
    last = Caller(caller.sandbox, "third").post("one")
    assert (last.status, last.headers["x-app-limit-24hour-remaining"]) == (429, "0")


def test_the_apps_token_spends_the_apps_window(make: Callable[..., Caller]) -> None:
    """A read with the bearer token counts for the app, one for a user counts for the user."""
    caller = make()
    app = Caller(caller.sandbox, mode="app")
    path = f"/2/users/{caller.user_id}/tweets"
    assert caller.get(path).headers["x-rate-limit-limit"] == "900"
    assert app.get(path).headers["x-rate-limit-limit"] == "10000"
    assert caller.get(path).headers["x-rate-limit-remaining"] == "898"


def test_another_program_of_the_app_can_spend_a_window(caller: Caller) -> None:
    """A test can say that somebody else has used most of the day."""
    windows = caller.sandbox.service.windows
    windows.spend(POST, "app 24h", None, 9_999, MORNING)
    assert caller.post("one").status == 201
    assert caller.post("two").status == 429


def test_an_endpoint_without_a_window_has_no_headers(make: Callable[..., Caller]) -> None:
    """Where X documents no limit, none is told."""
    response = make(limits={"GET /2/users/me": {}}).get("/2/users/me")
    assert not [name for name in response.headers if "-limit-" in name]


def test_the_limits_are_those_of_the_documentation() -> None:
    """The table, row by row, as the documentation has it."""
    documented = {
        "POST /2/tweets": {"user 15m": 100, "app 24h": 10_000},
        "DELETE /2/tweets/:id": {"user 15m": 50},
        "GET /2/tweets": {"user 15m": 5_000, "app 15m": 3_500},
        "GET /2/tweets/search/recent": {"user 15m": 300, "app 15m": 450},
        "GET /2/users/:id/mentions": {"user 15m": 300, "app 15m": 450},
        "GET /2/users/:id/tweets": {"user 15m": 900, "app 15m": 10_000},
        "GET /2/users/me": {"user 15m": 75},
        "POST /2/users/:id/retweets": {"user 15m": 50},
        "POST /2/users/:id/likes": {"user 15m": 50},
        "POST /2/users/:id/following": {"user 15m": 50},
        "POST /2/media/upload/initialize": {"user 15m": 1_875, "app 24h": 180_000},
    }
    assert documented == {name: dict(LIMITS[name]) for name in documented}


def test_legacy_plans_have_their_own_limits() -> None:
    """Free, basic and pro differ where the documentation says so."""
    assert {
        (plan, name): limits_of(Rules(plan=plan), name).get(window)
        for plan, name, window in (
            ("free", POST, "user 24h"),
            ("basic", POST, "user 24h"),
            ("pro", POST, "user 15m"),
            ("free", "GET /2/users/me", "user 24h"),
            ("basic", "GET /2/users/me", "user 24h"),
            ("free", "GET /2/tweets/search/recent", "user 15m"),
            ("basic", "GET /2/tweets/search/recent", "user 15m"),
            ("pro", "GET /2/tweets/search/recent", "user 15m"),
        )
    } == {
        ("free", POST): 17,
        ("basic", POST): 100,
        ("pro", POST): 100,
        ("free", "GET /2/users/me"): 25,
        ("basic", "GET /2/users/me"): 250,
        ("free", "GET /2/tweets/search/recent"): 1,
        ("basic", "GET /2/tweets/search/recent"): 60,
        ("pro", "GET /2/tweets/search/recent"): 300,
    }
