"""The policy: exact propensities, replay, the floor, a day's windows, and what it refuses."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songpost.core import bandit
from songpost.core.bandit import WHOLE, choose, choose_day, decide, imagine, observe
from songpost.core.learning_state import Statistics, fresh
from songpost.core.reward import reward_from
from songpost.errors import BadInput, StoreUnreadable
from songpost.model import Arm

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=100)
ARMS = tuple(
    Arm(topic, window, media)
    for topic in ("bread", "gardening", "hiking")
    for window in ("morning", "evening", "night")
    for media in (False, True)
)


def taught(posts: int = 120, seed: int = 1) -> Statistics:
    """Statistics after some posts, of which those on bread did best."""
    draws = random.Random(seed)
    statistics = fresh(START)
    for number in range(posts):
        arm = draws.choice(ARMS)
        likes = int(draws.random() * (30 if arm.topic == "bread" else 10))
        statistics = observe(statistics, arm, reward_from(likes, 800), START + timedelta(hours=19 * number))
    return statistics


TAUGHT = taught()


def test_choices_follow_the_stored_probabilities() -> None:
    """Over 100,000 draws the chosen arms are spread as the decision's probabilities say (chi-squared, 0.1 %)."""
    decision = choose(ARMS, TAUGHT, "seed", NOW, floor=0.3)
    draws = 100_000
    found = Counter(bandit.pick(decision.probabilities, f"draw {number}")[1] for number in range(draws))
    expected = [draws * parts / WHOLE for parts in decision.probabilities]
    chi_squared = sum((found[index] - mean) ** 2 / mean for index, mean in enumerate(expected))
    assert min(expected) > 100
    assert chi_squared < 40.79  # the 99.9 % quantile for 17 degrees of freedom


def test_the_probabilities_are_the_share_of_draws_that_an_arm_wins() -> None:
    """Without a floor, probabilities are the wins over the draws, up to what does not divide 2^32."""
    decision = choose(ARMS, TAUGHT, "seed", NOW)
    assert decision.draws == sum(decision.wins)
    assert [WHOLE * wins // decision.draws for wins in decision.wins] == list(decision.probabilities)


def test_what_earned_most_is_chosen_most() -> None:
    """The topic that did best has most of the probability, and more the better its arms did."""
    decision = choose(ARMS, TAUGHT, "seed", NOW)
    bread = sum(
        p for key, p in zip(decision.candidates, decision.probabilities, strict=True) if key.startswith("bread")
    )
    assert bread / WHOLE > 0.8


@given(
    seed=st.text(max_size=20),
    floor=st.floats(0, 1),
    chosen=st.sets(st.sampled_from(ARMS), min_size=1),
    posts=st.integers(0, 40),
    enabled=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_probabilities_sum_to_one_and_keep_the_floor(
    *, seed: str, floor: float, chosen: set[Arm], posts: int, enabled: bool
) -> None:
    """Whatever is offered, probabilities sum to exactly 2^32 and none is below its even share of the floor."""
    decision = choose(sorted(chosen, key=str), taught(posts), seed, NOW, floor=floor, enabled=enabled)
    assert WHOLE == sum(decision.probabilities)
    assert min(decision.probabilities) >= decision.floor // len(chosen)
    assert 0 <= decision.uniform < WHOLE
    assert decision.propensity > 0
    assert decision.arm in chosen


@given(seed=st.text(max_size=20), floor=st.sampled_from([0.0, 0.05, 1 / 3]), order=st.permutations(ARMS))
@settings(max_examples=20, deadline=None)
def test_replay_gives_the_same_bytes(seed: str, floor: float, order: list[Arm]) -> None:
    """A decision that went through JSON is made again, byte for byte, in whatever order the candidates came."""
    decision = choose(order, TAUGHT, seed, NOW, floor=floor)
    stored = msgspec.json.encode(decision)
    again = bandit.replayed(msgspec.json.decode(stored, type=bandit.Decision), TAUGHT)
    assert stored == msgspec.json.encode(again)


def test_replay_refuses_other_counters() -> None:
    """Replaying a decision with counters that it was not made from is a named error, not another decision."""
    decision = choose(ARMS, TAUGHT, "seed", NOW)
    with pytest.raises(BadInput, match="not the counters"):
        bandit.replayed(decision, taught(posts=119))


def test_an_override_is_kept_and_says_so() -> None:
    """A person's choice stands in the decision with its reason, and replay keeps it beside the same probabilities."""
    decision = choose(ARMS, TAUGHT, "seed", NOW)
    pinned = bandit.overridden(decision, Arm("knitting", "night"), "pinned by the owner")
    again = bandit.replayed(pinned, TAUGHT)
    assert pinned == again
    assert ("knitting|night|0", 0) == (again.chosen, again.propensity)


def test_switched_off_it_is_uniform_and_still_logs() -> None:
    """With learning off all arms are equally likely, to one part of 2^32, and the decision says by which policy."""
    decision = choose(ARMS, TAUGHT, "seed", NOW, enabled=False)
    assert bandit.UNIFORM_VERSION == decision.policy_version
    assert ((), 0) == (decision.wins, decision.draws)
    assert max(decision.probabilities) - min(decision.probabilities) <= 1
    assert decision == bandit.replayed(decision, TAUGHT)


def test_with_fewer_posts_than_windows_the_windows_are_chosen_too() -> None:
    """A day of two posts takes two different windows, and over seeds not always the same two."""
    offered = {name: [arm for arm in ARMS if arm.window == name] for name in ("morning", "evening", "night")}
    days = [
        [d.arm.window for d in choose_day(offered, dict.fromkeys(offered, 1), 2, fresh(START), f"day {n}", NOW)]
        for n in range(12)
    ]
    assert {2} == {len(set(day)) for day in days}
    assert len({frozenset(day) for day in days}) > 1


def test_where_every_window_is_used_each_chooses_among_its_own_arms() -> None:
    """With as many posts as rooms each decision has one window's candidates, and no room is exceeded."""
    offered = {name: [arm for arm in ARMS if arm.window == name] for name in ("morning", "evening", "night")}
    decisions = choose_day(offered, {"morning": 2, "evening": 1, "night": 0}, 3, TAUGHT, "seed", NOW)
    assert {"morning": 2, "evening": 1} == Counter(decision.arm.window for decision in decisions)
    assert [6, 6, 6] == [len(decision.candidates) for decision in decisions]


def test_no_more_posts_than_rooms() -> None:
    """Asked for more posts than there are rooms, the day is as long as the rooms."""
    offered = {"morning": ARMS[:2], "night": ()}
    assert 1 == len(choose_day(offered, {"morning": 1, "night": 5}, 9, TAUGHT, "seed", NOW))


def test_a_days_slots_share_their_draws() -> None:
    """A slot's decision does not depend on which other slots the day has, only on the arms imagined."""
    imagined = imagine(TAUGHT, ARMS, "seed", NOW)
    first = decide(imagined, ARMS, "slot 1")
    assert first == decide(imagined, tuple(reversed(ARMS)), "slot 1")
    assert first.wins == decide(imagined, ARMS, "slot 2").wins
    assert first.uniform != decide(imagined, ARMS, "slot 2").uniform


def test_a_new_arm_borrows_from_its_factors() -> None:
    """An arm never tried is believed to be better where its topic did well, and no belief is without width."""
    untried = [Arm("bread", "noon"), Arm("hiking", "noon"), Arm("knitting", "noon")]
    good, poor, unknown = bandit.beliefs(TAUGHT, untried, "seed", NOW)
    assert good.expected > 1.5 * poor.expected
    assert unknown.high / unknown.low > good.high / good.low
    assert (0, 0, 0) == (good.posts, poor.posts, unknown.posts)


def test_beliefs_are_rates() -> None:
    """The believed rate of a topic that earned about 15 of 800 is about that, inside its own interval."""
    belief = bandit.beliefs(TAUGHT, [Arm("bread", "morning")], "seed", NOW)[0]
    assert belief.low < belief.expected < belief.high
    assert 0.009 < belief.expected < 0.03


def test_no_arms_no_beliefs() -> None:
    """Asked about no arm, the learner believes nothing."""
    assert () == bandit.beliefs(TAUGHT, [], "seed", NOW)


def test_a_topic_that_is_gone_still_teaches_and_is_never_chosen() -> None:
    """Arms that are no longer offered inform the others' windows, and stay out of the candidates."""
    offered = [arm for arm in ARMS if arm.topic != "bread"]
    decision = choose(offered, TAUGHT, "seed", NOW)
    assert not [key for key in decision.candidates if key.startswith("bread")]


@pytest.mark.parametrize(
    ("candidates", "floor", "error"),
    [
        ((), 0.0, "no candidate"),
        ((Arm("never", "imagined"),), 0.0, "no posterior"),
        (ARMS[:2], 1.5, "no probability"),
        (ARMS[:2], float("nan"), "no probability"),
    ],
)
def test_bad_questions_have_named_answers(candidates: tuple[Arm, ...], floor: float, error: str) -> None:
    """Nothing to choose from, an arm without draws, or a floor outside 0..1 is a `BadInput` that says so."""
    imagined = imagine(TAUGHT, ARMS, "seed", NOW)
    with pytest.raises(BadInput, match=error):
        decide(imagined, candidates, "slot", floor=floor)


def test_unbelievable_counters_are_refused_before_a_choice() -> None:
    """A choice from counters that no posts can have summed to is refused, switched off or not."""
    broken = replace(TAUGHT, counters={"bread|morning|0": (3, -5, 0, 0, 0)})
    for enabled in (True, False):
        with pytest.raises(StoreUnreadable, match="no posts can have summed to"):
            choose(ARMS, broken, "seed", NOW, enabled=enabled)


def test_left_out_arms_and_context_are_stored_in_order() -> None:
    """What was left out and why, and the context, are part of the decision and of its replay."""
    decision = decide(
        imagine(TAUGHT, ARMS, "seed", NOW),
        ARMS[:3],
        "slot",
        left_out=[(ARMS[5], "media are not permitted"), (ARMS[4], "no text left")],
        context={"weekday": "7", "minute": "540"},
        code_version="1.2",
    )
    assert ["bread|evening|1", "bread|night|0"] != [key for key, _ in decision.left_out[::-1]]
    assert ["minute", "weekday"] == list(decision.context)
    assert decision == bandit.replayed(decision, TAUGHT, ARMS)
