"""Days of the whole agent: what is credited decides what is chosen, choices replay, and topics come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pytest

from songpost.agent import documents
from songpost.agent.events import Invocation
from songpost.agent.planning import DECISIONS, STATISTICS
from songpost.core import bandit
from songpost.core.bandit import Decision
from songpost.core.learning_state import Statistics, arm_of
from songpost.errors import BadInput
from songpost.invoking import run_reader
from songpost.model import Arm, Json, Text
from songpost.settings import LearningSettings, Schedule, Similarity
from tests.unit.agent.conftest import World

RATES: Mapping[str, float] = {"gardening": 0.03, "bread": 0.005, "bees": 0.06}
"""Likes an impression that each topic earns in this world."""
WORDS = {
    "gardening": "Mulch|Leeks|Compost|Slugs|Frost|Seeds|Pears|Hoes",
    "bread": "Rye|Salt|Crumb|Ovens|Yeast|Malt|Spelt|Tins",
    "bees": "Hives|Nectar|Smoke|Queens|Combs|Swarms|Drones|Wax",
}
TEXTS = tuple(
    Text(
        id=f"{topic}-{word}", topic=topic, variants=(f"{word} {word.lower()}wards, {word[::-1].lower()} and {topic}.",)
    )
    for topic, words in WORDS.items()
    for word in words.split("|")
)


def read(world: World) -> None:
    """One live tick of the reader."""
    session = world.session()
    run_reader(session, Invocation(mode="all", account="default"), lambda: 900.0)
    session.close()


def live(world: World, days: int) -> list[str]:
    """Live so many days, a post each; the topics that went out, oldest first."""
    topics = []
    for _ in range(days):
        (step,) = world.tick().steps
        post, action = world.sandbox.posts()[-1], step.action
        assert action.arm is not None
        likes = round(1000 * RATES[action.arm.topic])
        world.sandbox.actors.set_metrics(post.id, {"impression_count": 1000, "like_count": likes})
        topics.append(action.arm.topic)
        world.later(hours=12)
        read(world)
        world.later(hours=12)
    return topics


@pytest.fixture
def days(world: World) -> World:
    """A world in which texts may come again after a day, and posts are credited at a day."""
    world.texts = TEXTS
    world.with_settings(
        learning=LearningSettings(credit_after_hours=24), similarity=Similarity(threshold=0.9, window_days=1)
    )
    return world


def decisions_of(world: World) -> list[tuple[str, Decision]]:
    """Every decision that is kept, with the name of its day."""
    session = world.session()
    found = [
        (item.key, documents.decode(DECISIONS, cast("Mapping[str, Json]", body), Decision))
        for item in session.store.items("default", DECISIONS)
        for body in item.body["decisions"]  # type: ignore[union-attr]  # a list of objects, as the writer keeps them
    ]
    session.close()
    return found


def statistics_of(world: World) -> dict[str, Statistics]:
    """The counters that decisions name, by their digest."""
    session = world.session()
    found = {
        item.key: documents.decode(STATISTICS, item.body, Statistics)
        for item in session.store.items("default", STATISTICS)
    }
    session.close()
    return found


def test_the_topic_that_earns_more_is_chosen_more(days: World) -> None:
    """One topic earns six times as much: after two weeks nearly all posts are of it, and the money adds up."""
    topics = live(days, 35)

    early, late = Counter(topics[:5]), Counter(topics[-20:])
    assert late["gardening"] >= 16
    assert early["bread"] >= 1
    assert days.bill_micros <= days.spent_micros()
    assert 35 == len(days.posts())


def test_without_credits_nothing_is_learned(days: World) -> None:
    """The same days without a reader: the choice stays near even, so it is the credits that made the difference."""
    topics = []
    for _ in range(35):
        (step,) = days.tick().steps
        assert step.action.arm is not None
        topics.append(step.action.arm.topic)
        days.later(days=1)

    assert 5 <= Counter(topics[-20:])["gardening"] <= 15


def test_learning_that_is_off_is_uniform_and_still_logs(days: World) -> None:
    """Every decision is even, named uniform, and kept; credits are counted all the same."""
    days.with_settings(learning=LearningSettings(enabled=False, credit_after_hours=24))
    live(days, 12)
    decisions = decisions_of(days)
    learning = days.account().snapshot.learning

    assert 12 == len(decisions)
    assert {"uniform/1"} == {decision.policy_version for _, decision in decisions}
    assert {(bandit.WHOLE // 2, bandit.WHOLE // 2)} == {decision.probabilities for _, decision in decisions}
    assert learning is not None
    assert sum(counters[0] for counters in learning.counters.values()) >= 9


def test_topics_and_windows_come_and_go_without_a_restart(days: World) -> None:
    """A topic that is new is tried and, being best, taken; one that is removed is no candidate any more."""
    live(days, 8)
    days.with_settings(topics=("bread", "bees"), schedule=Schedule(windows={"midday": ("10:00", "12:00")}))
    topics = live(days, 25)

    assert "gardening" not in topics
    assert Counter(topics[-12:])["bees"] >= 10
    offered = {arm_of(key) for _, decision in decisions_of(days)[-20:] for key in decision.candidates}
    assert {Arm("bread", "midday"), Arm("bees", "midday")} == offered
    learning = days.account().snapshot.learning
    assert learning is not None
    assert {"gardening|noon|0", "bees|midday|0"} <= set(learning.counters)


@pytest.mark.parametrize("enabled", [True, False])
def test_decisions_replay_from_what_was_stored(days: World, *, enabled: bool) -> None:
    """From the store alone: the counters by their digest, the seed, the candidates; each decision comes out equal."""
    days.with_settings(
        learning=LearningSettings(enabled=enabled, credit_after_hours=24),
        schedule=Schedule(windows={"early": ("08:00", "09:00"), "noon": ("10:00", "12:00")}),
        max_per_day=1,
    )
    days.later(hours=-3)
    for _ in range(10):
        days.tick()
        days.later(hours=3)
        days.tick()
        post = days.sandbox.posts()[-1]
        days.sandbox.actors.set_metrics(post.id, {"impression_count": 1000, "like_count": int(post.id) % 40})
        read(days)
        days.later(hours=21)
    counters = statistics_of(days)
    by_day: dict[str, list[Decision]] = {}
    for day, decision in decisions_of(days):
        by_day.setdefault(day, []).append(decision)

    assert 10 == len(by_day) == len(days.posts())
    assert len(counters) >= 8
    for decisions in by_day.values():
        arms = [arm_of(key) for one in decisions for key in (*one.candidates, *(left for left, _ in one.left_out))]
        for decision in decisions:
            assert decision == bandit.replayed(decision, counters[decision.statistics], arms)


def test_a_changed_counter_does_not_replay(days: World) -> None:
    """Counters that are not those of the digest are refused, so a replay cannot pass by accident."""
    live(days, 4)
    (_, decision), *_ = decisions_of(days)[-1:]
    known = statistics_of(days)[decision.statistics]
    other = replace(known, half_life_seconds=known.half_life_seconds + 1)
    with pytest.raises(BadInput, match="not the counters"):
        bandit.replayed(decision, other)
