"""Prices, credits, the bill and the monthly caps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from songpost.lab.sandbox import VirtualClock
from songpost.lab.sandbox.bill import cycle_start, days_to_reset
from songpost.lab.sandbox.rules import Rules, price
from tests.unit.sandbox.calling import Caller


def cost(caller: Caller, act: Callable[[], object]) -> int:
    """What an act puts on the bill, in micro-dollars."""
    before = caller.sandbox.bill_micros()
    act()
    return caller.sandbox.bill_micros() - before


def test_every_write_costs_its_price(caller: Caller) -> None:
    """Post, post with a link, thread step, summoned reply, repost, undo, delete: each as the price list says."""
    actors = caller.sandbox.actors
    call = actors.post("stranger", "hey @songpost").id
    first = caller.posted("first")
    mine = f"/2/users/{caller.user_id}"
    costs = {
        "post": cost(caller, lambda: caller.posted("hello")),
        "bare domain": cost(caller, lambda: caller.posted("see foo.py")),
        "link": cost(caller, lambda: caller.posted("see https://example.com/a")),
        "thread": cost(caller, lambda: caller.posted("next", reply={"in_reply_to_tweet_id": first})),
        "reply": cost(caller, lambda: caller.posted("yes?", reply={"in_reply_to_tweet_id": call})),
        "reply with link": cost(caller, lambda: caller.posted("see x.ai", reply={"in_reply_to_tweet_id": call})),
        "repost": cost(caller, lambda: caller("POST", f"{mine}/retweets", {"tweet_id": call})),
        "undo": cost(caller, lambda: caller("DELETE", f"{mine}/retweets/{call}")),
        "delete": cost(caller, lambda: caller("DELETE", f"/2/tweets/{first}")),
    }
    assert costs == {
        "post": 15_000,
        "bare domain": 200_000,
        "link": 200_000,
        "thread": 15_000,
        "reply": 10_000,
        "reply with link": 200_000,
        "repost": 15_000,
        "undo": 10_000,
        "delete": 10_000,
    }
    by_endpoint = caller.sandbox.service.bill.by_endpoint()
    assert sum(by_endpoint.values()) == caller.sandbox.bill_micros()
    assert by_endpoint["DELETE /2/tweets/:id"] == 10_000


def test_reads_are_charged_per_resource(caller: Caller) -> None:
    """Two foreign posts by id, one user, the caller, two own posts from the timeline."""
    theirs = [caller.sandbox.actors.post("stranger", text).id for text in ("a", "b")]
    caller.posted("one")
    caller.posted("two")
    assert cost(caller, lambda: caller.get("/2/tweets", ids=",".join(theirs))) == 2 * 5_000
    assert cost(caller, lambda: caller.get("/2/users/by/username/stranger")) == 10_000
    assert cost(caller, lambda: caller.get("/2/users/me")) == 10_000
    assert cost(caller, lambda: caller.get(f"/2/users/{caller.user_id}/tweets")) == 2 * 1_000


def test_a_resource_is_charged_once_a_utc_day(caller: Caller, clock: VirtualClock) -> None:
    """The same post again that day is free, after midnight UTC it costs again."""
    theirs = caller.sandbox.actors.post("stranger", "a").id

    def read() -> object:
        return caller.get("/2/tweets", ids=theirs)

    clock.set(datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))
    assert [cost(caller, read), cost(caller, read)] == [5_000, 0]
    clock.advance(1)
    assert cost(caller, read) == 5_000


def test_what_is_expanded_is_charged_too(caller: Caller) -> None:
    """An author and a referenced post in `includes` are resources that were returned."""
    mine = caller.posted("one")
    theirs = caller.sandbox.actors.post("stranger", "well", reply_to=mine).id
    act = lambda: caller.get("/2/tweets", ids=theirs, expansions="author_id,referenced_tweets.id")  # noqa: E731
    assert cost(caller, act) == 5_000 + 10_000 + 5_000


def test_owned_prices_are_for_the_owner_of_the_app(caller: Caller) -> None:
    """A second account's own timeline costs the full price, and the first's does once it owns nothing."""
    caller.sandbox.add_account("second")
    second = Caller(caller.sandbox, "second")
    second.posted("one")
    assert cost(caller, lambda: second.get(f"/2/users/{second.user_id}/tweets")) == 5_000
    caller.posted("two")
    caller.sandbox.change(replace(caller.sandbox.rules, owns_app=False))
    assert cost(caller, lambda: caller.get(f"/2/users/{caller.user_id}/tweets")) == 5_000


def test_a_refused_create_is_charged_unless_the_rules_say_otherwise(make: Callable[..., Caller]) -> None:
    """The dear reading by default: a duplicate costs what the post would have cost."""
    for billed, expected in ((True, 15_000), (False, 0)):
        caller = make(refused_creates_are_billed=billed)
        caller.posted("hello")
        assert cost(caller, lambda c=caller: c.post("hello")) == expected  # type: ignore[misc]
    caller = make()
    assert cost(caller, lambda: caller.post("foo.py " * 60)) == 200_000


def test_nothing_is_charged_for_a_401_a_402_or_a_429(make: Callable[..., Caller]) -> None:
    """A call that X turned away at the door is free."""
    assert cost(stranger := make(mode="none"), lambda: stranger.post("hello")) == 0
    assert cost(poor := make(credits_micros=14_999), lambda: poor.post("hello")) == 0
    hasty = make(limits={"POST /2/tweets": {"user 15m": 0}})
    assert cost(hasty, lambda: hasty.post("hello")) == 0


def test_credits_run_out_with_a_402(make: Callable[..., Caller]) -> None:
    """With credits for one post the second is a 402 problem, and so is a read once nothing is left."""
    caller = make(credits_micros=15_000)
    caller.posted("one")
    refused = caller.post("two")
    assert refused.status == 402
    assert b"CreditsDepleted" in refused.body
    assert caller.get("/2/users/me").status == 402
    assert len(caller.sandbox.posts()) == 1
    caller.sandbox.change(replace(caller.sandbox.rules, credits_micros=30_000))
    assert caller.post("two").status == 201


@pytest.mark.parametrize("plan", ["enterprise", "free", "basic", "pro"])
def test_other_plans_have_no_bill(make: Callable[..., Caller], plan: str) -> None:
    """Only pay-per-use is charged by the call."""
    caller = make(plan=plan, credits_micros=0)
    caller.posted("hello")
    assert caller.get("/2/users/me").status == 200
    assert caller.sandbox.bill_micros() == 0


def test_prices_have_dates() -> None:
    """A create was cheaper before 20 April 2026, links and owned reads had no price of their own."""
    before, after = datetime(2026, 4, 19, 23, 59, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
    items = ("create", "create with URL", "owned read", "repost")
    assert [price(item, before) for item in items] == [10_000, 10_000, 5_000, 15_000]
    assert [price(item, after) for item in items] == [15_000, 200_000, 1_000, 15_000]
    with pytest.raises(KeyError):
        price("like", after)


def test_the_monthly_cap_of_reads_is_a_429_with_healthy_headers(make: Callable[..., Caller]) -> None:
    """The free plan's reads: once they are used up, every read of posts is UsageCapExceeded until the next cycle."""
    caller = make(plan="free", monthly_posts_read=2)
    ids = ",".join(caller.sandbox.actors.post("stranger", text).id for text in ("a", "b"))
    assert caller.get("/2/tweets", ids=ids).status == 200
    capped = caller.get("/2/tweets", ids=ids)
    assert capped.status == 429
    assert b"UsageCapExceeded" in capped.body
    assert int(capped.headers["x-rate-limit-remaining"]) > 0
    assert caller.get(f"/2/users/{caller.user_id}/tweets").status == 429
    assert caller.get("/2/users/me").status == 200
    caller.sandbox.clock.set(datetime(2026, 12, 1, tzinfo=UTC))  # type: ignore[attr-defined] # it is virtual
    assert caller.get("/2/tweets", ids=ids).status == 200


def test_the_monthly_cap_of_writes(make: Callable[..., Caller]) -> None:
    """A capped create posts nothing."""
    caller = make(plan="basic", monthly_posts_written=1)
    caller.posted("one")
    assert caller.post("two").status == 429
    assert len(caller.sandbox.posts()) == 1


def test_the_free_plan_reads_a_hundred_posts_a_month(make: Callable[..., Caller]) -> None:
    """The plans' own caps are in force without being asked for."""
    caller = make(plan="free")
    ids = [caller.sandbox.actors.post("stranger", f"post {number}").id for number in range(100)]
    assert caller.get("/2/tweets", ids=",".join(ids)).status == 200
    assert caller.get("/2/tweets", ids=ids[0]).status == 429


def test_a_billing_cycle_may_begin_on_any_day() -> None:
    """The cycle of the 15th: from the 15th before to the 15th after, across the turn of a year."""
    rules = Rules(cycle_day=15)
    assert cycle_start(rules, datetime(2027, 1, 3, 8, tzinfo=UTC)) == datetime(2026, 12, 15, tzinfo=UTC)
    assert cycle_start(rules, datetime(2027, 1, 15, tzinfo=UTC)) == datetime(2027, 1, 15, tzinfo=UTC)
    assert days_to_reset(rules, datetime(2027, 1, 14, tzinfo=UTC)) == 1
    assert days_to_reset(rules, datetime(2027, 1, 15, tzinfo=UTC)) == 31
