"""What a post earned, when it is credited, and every reason for which it is not."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.core.learning_state import FRACTION_BITS, Reward
from songpost.core.reward import Credit, NotCredited, credit_of, reward_from, reward_of
from songpost.model import Action, Arm, Kind, State, ThreadStep

POSTED = datetime(2026, 11, 22, 9, tzinfo=UTC)
DUE = POSTED + timedelta(hours=48)
ONE = 1 << FRACTION_BITS
METRICS = {"like_count": 6, "reply_count": 1, "retweet_count": 1, "quote_count": 0, "impression_count": 1000}
POST = Action(
    key="post/2026-11-22/morning/1",
    kind=Kind.POST,
    state=State.SENT,
    created_at=POSTED,
    updated_at=POSTED,
    due_at=POSTED,
    closes_at=POSTED + timedelta(hours=3),
    arm=Arm("bread", "morning"),
    post_id="1990000000000000001",
    posted_at=POSTED,
)


def test_the_rate_weighs_replies_and_reposts_double() -> None:
    """6 likes, a reply and a repost on 1,000 impressions are 10 in 1,000."""
    reward = reward_of(METRICS)
    assert isinstance(reward, Reward)
    assert (10, 1000, round(0.01 * ONE)) == (reward.engagements, reward.impressions, reward.rate)
    expected = math.log(10.5 / (1000 + 0.5 / 0.012)) - math.log(0.012)
    assert math.isclose(expected, reward.log_rate / ONE, abs_tol=1e-6)


def test_reposts_count_under_either_name() -> None:
    """`repost_count` stands in for `retweet_count` where X uses its newer name."""
    renamed = {("repost_count" if name == "retweet_count" else name): count for name, count in METRICS.items()}
    assert reward_of(METRICS) == reward_of(renamed)


def test_non_public_impressions_fill_in_for_missing_ones() -> None:
    """Where public impressions are missing, the non-public ones are taken, and clicks change nothing."""
    public = {name: count for name, count in METRICS.items() if name != "impression_count"}
    assert reward_of(METRICS) == reward_of(public, {"impression_count": 1000, "url_link_clicks": 70})


def test_rates_are_winsorised() -> None:
    """900 likes on 1,000 impressions count as 200."""
    assert reward_from(200, 1000).rate == reward_from(900, 1000).rate == round(0.2 * ONE)
    assert reward_from(200, 1000).log_rate == reward_from(900, 1000).log_rate


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({}, "0 impressions"),
        ({"like_count": 50, "impression_count": 0}, "0 impressions"),
        ({"like_count": 1, "impression_count": 19}, "19 impressions"),
        ({"like_count": -1, "impression_count": 100}, "no counts"),
        ({"like_count": 10**400, "impression_count": 100}, "no counts"),
        ({"like_count": float("nan"), "impression_count": 100}, "no counts"),
        ({"like_count": "3", "impression_count": 100}, "no counts"),
        ({"like_count": 3, "impression_count": None}, "no counts"),
        ({"like_count": True, "impression_count": 100}, "no counts"),
    ],
)
def test_what_gives_no_reward_says_why(metrics: dict[str, int], reason: str) -> None:
    """Too few impressions and metrics that are no counts give no reward, by name."""
    found = reward_of(metrics)
    assert isinstance(found, NotCredited)
    assert reason in found.reason


def test_a_million_impressions_without_a_like_is_a_finite_failure() -> None:
    """10^6 impressions with no engagement are credited: rate 0, its logarithm held at the floor."""
    reward = reward_of({"like_count": 0, "impression_count": 10**6})
    assert isinstance(reward, Reward)
    assert (0, -4 * ONE) == (reward.rate, reward.log_rate)


@given(engagements=st.integers(0, 10**12), impressions=st.integers(20, 10**12))
def test_every_reward_is_bounded(engagements: int, impressions: int) -> None:
    """No post can earn less than the floor or more than the winsorised rate, whatever X says."""
    reward = reward_from(engagements, impressions)
    assert 0 <= reward.rate <= round(0.2 * ONE)
    assert -4 * ONE <= reward.log_rate <= 3 * ONE


def test_a_due_post_is_credited_to_its_arm() -> None:
    """At its age of credit a sent post gives a credit with its arm and the time of its posting."""
    credit = credit_of(POST, METRICS, DUE, credit_after_hours=48)
    assert credit == Credit(
        post_id=POST.post_id, arm=Arm("bread", "morning"), posted_at=POSTED, reward=reward_from(10, 1000)
    )


@pytest.mark.parametrize(
    "action",
    [
        replace(POST, kind=Kind.QUOTE, target_id="7"),
        replace(POST, thread=(ThreadStep(text="More."),), state=State.PARTIAL),
        replace(POST, thread=(ThreadStep(text="More."),), state=State.UNKNOWN),
    ],
)
def test_quotes_and_the_first_posts_of_threads_are_credited(action: Action) -> None:
    """A planned quote is a post of ours, and of a thread the first post counts, whatever became of the rest."""
    credit = credit_of(action, METRICS, DUE, credit_after_hours=48)
    assert isinstance(credit, Credit)
    assert POST.post_id == credit.post_id


@pytest.mark.parametrize(
    ("action", "metrics", "now", "reason", "final"),
    [
        (None, METRICS, DUE, "ledger knows no such post", True),
        (replace(POST, kind=Kind.REPLY), METRICS, DUE, "a reply is no post", True),
        (replace(POST, kind=Kind.REPOST), METRICS, DUE, "a repost is no post", True),
        (replace(POST, arm=None), METRICS, DUE, "no arm chose it", True),
        (replace(POST, state=State.UNKNOWN, post_id=""), METRICS, DUE, "it is unknown, not sent", False),
        (replace(POST, posted_at=None), METRICS, DUE, "not sent", False),
        (replace(POST, post_id=""), METRICS, DUE, "not sent", False),
        (POST, None, DUE, "deleted", True),
        (POST, METRICS, DUE - timedelta(seconds=1), "from 2026-11-24T09:00:00+00:00", False),
        (POST, {"impression_count": 3}, DUE, "3 impressions", False),
    ],
)
def test_every_other_post_says_why_not(
    action: Action | None, metrics: dict[str, int] | None, now: datetime, reason: str, *, final: bool
) -> None:
    """Foreign, unsent, deleted, young and unseen posts are not credited, with the reason and whether waiting helps."""
    found = credit_of(action, metrics, now, credit_after_hours=48)
    assert isinstance(found, NotCredited)
    assert reason in found.reason
    assert final is found.final


def test_a_correction_carries_what_it_corrects() -> None:
    """A later reading of the same post carries the reward before, and none at all if nothing has changed."""
    before = reward_from(8, 900)
    credit = credit_of(POST, METRICS, DUE, credit_after_hours=48, previous=before)
    assert isinstance(credit, Credit)
    assert before == credit.previous
    same = credit_of(POST, METRICS, DUE, credit_after_hours=48, previous=reward_from(10, 1000))
    assert same == NotCredited("nothing has changed since its credit", final=True)
