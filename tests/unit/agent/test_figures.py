"""What a tick tells CloudWatch: at most six names, and true ones."""

from __future__ import annotations

from songpost.agent import figures
from songpost.agent.measuring import Measurement
from tests.unit.agent.conftest import World

SIX = {"Posts", "Refusals", "SpentUsd", "CeilingUsd", "RateLimitLeft", "Reward"}


def test_a_tick_with_a_post_tells_what_it_sent_and_spent(world: World) -> None:
    """One post sent, nothing refused, the month's money beside its ceiling, the tightest limit as a part."""
    tick = world.tick()
    assert ["sent"] == [step.action.state.value for step in tick.steps]
    told = figures.of_tick(tick, world.clock.now())
    assert 1 == told["Posts"][1]
    assert 0 == told["Refusals"][1]
    assert 0.015 <= told["SpentUsd"][1] < told["CeilingUsd"][1]
    assert 0 < told["RateLimitLeft"][1] <= 1
    assert set(told) <= SIX


def test_no_credit_is_no_reward(world: World) -> None:
    """A reader that credited nothing writes no figure, not a nought."""
    found = Measurement(account=world.account(), posts=(), reading=None)
    assert {} == figures.of_reader(found, None)
