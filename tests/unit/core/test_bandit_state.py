"""The learner's memory: whole numbers that add in any order, and what is refused."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songpost.core.bandit import beliefs, choose
from songpost.core.learning_state import (
    EPOCH,
    Reward,
    Statistics,
    arm_key,
    arm_of,
    believable,
    checked,
    digest,
    fresh,
    observe,
    rebuilt,
)
from songpost.core.reward import reward_from
from songpost.errors import BadInput, StoreNewer, StoreUnreadable
from songpost.model import Arm

START = datetime(2026, 1, 1, tzinfo=UTC)
ARM = Arm("bread", "morning")

rewards = st.builds(reward_from, st.integers(0, 10**6), st.integers(20, 10**7))
times = st.integers(-100 * 86_400, 900 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))
arms = st.builds(Arm, st.sampled_from("abc"), st.sampled_from("xy"), st.booleans())
credited = st.lists(st.tuples(arms, rewards, times), max_size=12)


@given(credited=credited, data=st.data())
@settings(max_examples=80, deadline=None)
def test_the_order_of_credits_does_not_matter(
    credited: list[tuple[Arm, Reward, datetime]], data: st.DataObject
) -> None:
    """Credits in any order give the same bytes, over epochs and times before the landmark."""
    shuffled = data.draw(st.permutations(credited))
    assert msgspec.json.encode(rebuilt(fresh(START), credited)) == msgspec.json.encode(rebuilt(fresh(START), shuffled))


@given(credited=credited, first=rewards, second=rewards, at=times)
@settings(max_examples=60, deadline=None)
def test_a_correction_adds_only_its_difference(
    credited: list[tuple[Arm, Reward, datetime]], first: Reward, second: Reward, at: datetime
) -> None:
    """A credit corrected to another reward equals having credited the other, bit for bit, whenever it comes."""
    early = observe(fresh(START), ARM, first, at)
    corrected = observe(rebuilt(early, credited), ARM, second, at, previous=first)
    plain = observe(rebuilt(fresh(START), credited), ARM, second, at)
    assert plain == corrected


@given(credited=credited)
@settings(max_examples=60, deadline=None)
def test_what_credits_sum_to_is_believed(credited: list[tuple[Arm, Reward, datetime]]) -> None:
    """No honest credits are ever taken for broken counters, and statistics survive JSON."""
    statistics = rebuilt(fresh(START), credited)
    assert statistics == checked(statistics)
    assert statistics == msgspec.json.decode(msgspec.json.encode(statistics), type=Statistics)


def test_a_post_counts_half_after_a_half_life() -> None:
    """A post made one half-life after another has twice its weight."""
    reward = reward_from(10, 1000)
    old = observe(fresh(START, 30), ARM, reward, START)
    new = observe(fresh(START, 30), ARM, reward, START + timedelta(days=30))
    assert 2 * old.counters["bread|morning|0"][1] == new.counters["bread|morning|0"][1]


def test_recent_sums_leave_after_two_epochs() -> None:
    """A post is recent in its epoch and the next; a credit of the one after ends that, in whatever order they come."""
    reward = reward_from(10, 1000)
    statistics = observe(fresh(START), ARM, reward, START)
    other = Arm("hiking", "morning")
    next_one = observe(statistics, other, reward, START + EPOCH)
    later = observe(statistics, other, reward, START + 2 * EPOCH)
    late = observe(later, ARM, reward, START)
    both, new = {"bread|morning|0": 9, "hiking|morning|0": 9}, {"bread|morning|0": 5, "hiking|morning|0": 9}
    assert [both, new, new] == [
        {key: len(sums) for key, sums in known.counters.items()} for known in (next_one, later, late)
    ]


def test_a_document_of_400_arms_is_below_40_kilobytes() -> None:
    """Two years of 30 posts a day over 400 arms, all of them recent, take less than 40,000 bytes."""
    draws = random.Random(4)
    every = [Arm(f"topic number {t}", f"window-{w:02}", m) for t in range(20) for w in range(10) for m in (False, True)]
    statistics = fresh(START)
    counters: dict[str, tuple[int, ...]] = {}
    # Each arm by itself, as if credited alone, then joined: the same as crediting all, faster.
    for arm in every:
        alone = statistics
        for _ in range(55):
            at = START + timedelta(days=730 * draws.random())
            alone = observe(alone, arm, reward_from(draws.randrange(20), draws.randrange(100, 3000)), at)
        for _ in range(3):
            at = START + timedelta(days=700 + 29 * draws.random())
            alone = observe(alone, arm, reward_from(draws.randrange(20), 500), at)
        counters |= alone.counters
    assert {9} == {len(sums) for sums in counters.values()}
    size = len(msgspec.json.encode(replace(statistics, counters=counters, epoch=48)))
    assert size < 40_000


@given(topic=st.text(), window=st.text(), media=st.booleans())
def test_keys_tell_arms_apart(*, topic: str, window: str, media: bool) -> None:
    """Whatever characters names have, a key leads back to its arm."""
    arm = Arm(topic, window, media)
    assert arm == arm_of(arm_key(arm))


@pytest.mark.parametrize("key", ["bread", "bread|morning", "bread|morning|2", "a|b|c|1"])
def test_a_key_that_names_no_arm_is_refused(key: str) -> None:
    """A key that this code did not write is a named error."""
    with pytest.raises(StoreUnreadable, match="no arm is named"):
        checked(replace(fresh(START), counters={key: (1, 1, 1, 1, 1)}))


@pytest.mark.parametrize(
    ("counters", "error"),
    [
        ((1, -1, 0, 0, 0), "no posts"),
        ((-1, 1, 0, 0, 0), "no posts"),
        ((1, 4096, 2**21 + 99, 0, 0), "no posts"),
        ((1, 4096, 10, 10**9, 10), "no posts"),
        ((1, float("nan"), 0, 0, 0), "whole numbers"),
        ((1, float("inf"), 0, 0, 0), "whole numbers"),
        ((1, 2.0, 0, 0, 0), "whole numbers"),
        ((1, True, 0, 0, 0), "whole numbers"),
        ((1, 2, 3), "whole numbers"),
    ],
)
def test_broken_counters_are_refused_by_name(counters: tuple[int, ...], error: str) -> None:
    """Negative, unfinite, fractional or impossible counters are a `StoreUnreadable` that names the arm."""
    broken = replace(fresh(START), counters={"bread|morning|0": counters})
    with pytest.raises(StoreUnreadable, match=r"bread\|morning\|0.*" + error if error == "no" else error):
        checked(broken)


@pytest.mark.parametrize("sums", [(-1, 0, 2, 0), (10**9, 0, 0, 0), (4000, 0, 4000, 0)])
def test_broken_recent_sums_are_refused(sums: tuple[int, ...]) -> None:
    """Recent sums that are not part of all are a `StoreUnreadable`."""
    good = observe(fresh(START), ARM, reward_from(5, 500), START)
    with pytest.raises(StoreUnreadable, match="recent sums"):
        checked(replace(good, counters={"bread|morning|0": good.counters["bread|morning|0"][:5] + sums}))


def test_a_landmark_far_behind_leaves_nothing_and_breaks_nothing() -> None:
    """With a half-life of a week in 2100 old counters tell nothing: a new landmark, and choices and credits go on."""
    at = datetime(2100, 6, 1, 15, tzinfo=UTC)
    old = observe(fresh(START, 7.0), ARM, reward_from(5, 900), START + timedelta(days=3))
    with pytest.raises(BadInput, match="half-lives after the landmark"):
        observe(old, ARM, reward_from(5, 900), at)

    new = believable(old, at)
    assert (datetime(2100, 6, 1, tzinfo=UTC), {}) == (new.landmark_at, new.counters)
    assert old is believable(old, START + timedelta(days=7 * 900))
    credited = observe(new, ARM, reward_from(5, 900), at)
    assert 1 == beliefs(credited, [ARM], "seed", at + timedelta(days=2))[0].posts
    assert ARM == choose([ARM], credited, "seed", at).arm


def test_newer_documents_are_refused() -> None:
    """A document of a newer schema or reward is `StoreNewer`, so that an old version never writes over it."""
    for newer in (replace(fresh(START), schema_version=2), replace(fresh(START), reward_version=9)):
        with pytest.raises(StoreNewer, match="this Songpost knows"):
            checked(newer)


def test_a_reward_of_another_version_is_not_added() -> None:
    """Counters are sums of one definition of the reward only."""
    reward = replace(reward_from(5, 500), version=2)
    with pytest.raises(BadInput, match="version 2"):
        observe(fresh(START), ARM, reward, START)


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan"), float("inf")])
def test_a_half_life_is_positive_and_finite(half_life: float) -> None:
    """Other half-lives are `BadInput`, and one that got into a document is `StoreUnreadable`."""
    with pytest.raises(BadInput, match="half-life"):
        fresh(START, half_life)
    with pytest.raises(StoreUnreadable, match="half-life"):
        checked(replace(fresh(START), half_life_seconds=0))


def test_times_have_zones_and_bounds() -> None:
    """A naive time, and one so late that weights would overflow, are `BadInput`."""
    naive = START.replace(tzinfo=None)
    with pytest.raises(BadInput, match="no time zone"):
        fresh(naive)
    with pytest.raises(BadInput, match="without zone"):
        observe(fresh(START), ARM, reward_from(5, 500), naive)
    with pytest.raises(BadInput, match="half-lives after the landmark"):
        observe(fresh(START, 1), ARM, reward_from(5, 500), START + timedelta(days=901))


def test_the_digest_tells_statistics_apart() -> None:
    """The digest changes with any credit and does not change without one."""
    one = observe(fresh(START), ARM, reward_from(5, 500), START)
    two = observe(one, ARM, reward_from(5, 500), START)
    assert digest(one) == digest(rebuilt(fresh(START), [(ARM, reward_from(5, 500), START)]))
    assert 3 == len({digest(fresh(START)), digest(one), digest(two)})
