"""What each plan permits, when a reply counts as summoned, and what X refuses whatever the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from songpost.lab.sandbox import Response, Rules
from tests.unit.sandbox.calling import Caller, detail

PLANS = ("pay-per-use", "enterprise", "free", "basic", "pro")
PERMITTED = {
    "post": PLANS,
    "thread": PLANS,
    "delete": PLANS,
    "summoned reply": ("pay-per-use", "enterprise", "basic", "pro"),
    "uncalled reply": ("enterprise",),
    "repost": ("pay-per-use", "enterprise", "basic", "pro"),
    "quote": ("enterprise",),
    "like": ("enterprise",),
    "follow": ("enterprise",),
}


def act(caller: Caller, action: str) -> int:
    """Do one thing and tell the status."""
    actors, own = caller.sandbox.actors, f"/2/users/{caller.user_id}"
    mine = actors.post("songpost", "by hand").id
    theirs = actors.post("stranger", "hey @songpost" if action == "summoned reply" else "hey").id
    ann = actors.user("stranger").id
    acts: dict[str, Callable[[], Response]] = {
        "post": lambda: caller.post("hello"),
        "thread": lambda: caller.post("second", reply={"in_reply_to_tweet_id": mine}),
        "delete": lambda: caller("DELETE", f"/2/tweets/{mine}"),
        "summoned reply": lambda: caller.post("yes?", reply={"in_reply_to_tweet_id": theirs}),
        "uncalled reply": lambda: caller.post("yes?", reply={"in_reply_to_tweet_id": theirs}),
        "quote": lambda: caller.post("look", quote_tweet_id=theirs),
        "repost": lambda: caller("POST", f"{own}/retweets", {"tweet_id": theirs}),
        "like": lambda: caller("POST", f"{own}/likes", {"tweet_id": theirs}),
        "follow": lambda: caller("POST", f"{own}/following", {"target_user_id": ann}),
    }
    return acts[action]().status


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("action", PERMITTED)
def test_a_plan_permits_what_its_row_says(make: Callable[..., Caller], plan: str, action: str) -> None:
    """Every action under every plan: done where the plan includes it, a 403 where it does not."""
    done = act(make(plan=plan), action)
    assert (done in {200, 201}) is (plan in PERMITTED[action])
    assert done in {200, 201, 403}


def test_a_reply_to_someone_who_did_not_call_is_refused_by_name(caller: Caller) -> None:
    """The refusal says who may be answered, and nothing is posted."""
    theirs = caller.sandbox.actors.post("stranger", "nice weather")
    refused = caller.post("indeed", reply={"in_reply_to_tweet_id": theirs.id})
    assert refused.status == 403
    expected = "You can only reply to or quote posts where you are mentioned or are the author."
    assert detail(refused) == expected
    assert caller.sandbox.posts() == []


def test_a_quote_of_an_own_post_summons(caller: Caller) -> None:
    """Whoever quotes the account may be answered at that quote."""
    mine = caller.posted("a thought")
    quote = caller.sandbox.actors.post("stranger", "well said", quote=mine)
    assert caller.post("thanks", reply={"in_reply_to_tweet_id": quote.id}).status == 201


def test_a_reply_to_an_own_post_summons(caller: Caller) -> None:
    """A reply to the account mentions it, and may be answered."""
    mine = caller.posted("a thought")
    answer = caller.sandbox.actors.post("stranger", "why?", reply_to=mine)
    assert caller.post("because", reply={"in_reply_to_tweet_id": answer.id}).status == 201


def test_a_summons_is_good_for_that_very_post(caller: Caller) -> None:
    """Another post of the same author does not call, even beside one that does."""
    caller.sandbox.actors.post("stranger", "hey @songpost")
    other = caller.sandbox.actors.post("stranger", "something else")
    assert caller.post("me?", reply={"in_reply_to_tweet_id": other.id}).status == 403


def test_a_longer_name_that_begins_with_the_accounts_does_not_summon(caller: Caller) -> None:
    """@songposts is somebody else."""
    other = caller.sandbox.actors.post("stranger", "hey @songposts")
    assert caller.post("me?", reply={"in_reply_to_tweet_id": other.id}).status == 403


def test_one_cashtag_is_enough_on_pay_per_use(make: Callable[..., Caller]) -> None:
    """A second cashtag is refused there, and taken on enterprise."""
    caller = make()
    assert caller.post("buy $ABC").status == 201
    assert caller.post("buy $ABC and $XYZ").status == 403
    assert caller.post("costs $20 or $30").status == 201
    assert make(plan="enterprise").post("buy $ABC and $XYZ").status == 201


def test_a_suspended_account_is_refused_everywhere(caller: Caller) -> None:
    """Reads and writes alike get code 64 in the older shape, until X lifts the suspension."""
    caller.sandbox.actors.suspend("songpost")
    for response in (caller.get("/2/users/me"), caller.post("hello")):
        assert response.status == 403
        message = "Your account is suspended and is not permitted to access this feature."
        assert response.json() == {"errors": [{"code": 64, "message": message}]}
    caller.sandbox.actors.suspend("songpost", suspended=False)
    assert caller.post("hello").status == 201


def test_an_app_that_is_not_enrolled_is_refused(caller: Caller) -> None:
    """Every call is a client-forbidden 403 with its reason."""
    caller.sandbox.change(replace(caller.sandbox.rules, enrolled=False))
    refused = caller.get("/2/users/me")
    assert refused.status == 403
    assert b"client-forbidden" in refused.body
    assert b"client-not-enrolled" in refused.body


@pytest.mark.parametrize("rules", [{"plan": "gold"}, {"vocabulary": "toot"}, {"cycle_day": 29}])
def test_rules_that_do_not_exist_are_refused(rules: dict[str, object]) -> None:
    """A plan, vocabulary or day that cannot be is named."""
    with pytest.raises(ValueError, match=str(next(iter(rules.values())))):
        Rules(**rules)  # type: ignore[arg-type] # on purpose
