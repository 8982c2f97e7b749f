"""How long an outcome has been unknown, as the stack's alarm reads it off the log line of a tick."""

from __future__ import annotations

from songpost.agent import summary
from songpost.model import State
from tests.unit.agent.conftest import World


def _age_seconds(world: World) -> int:
    return summary.unknown_age_seconds(world.account().snapshot, world.clock.now())


def test_an_account_without_open_outcomes_has_no_age(world: World) -> None:
    """Before anything was sent, and after a post that was answered, there is nothing to wonder about."""
    assert 0 == _age_seconds(world)
    world.tick()
    world.later(hours=2)
    assert 0 == _age_seconds(world)


def test_the_age_runs_from_the_call(world: World) -> None:
    """A call without a clear answer is as old as its attempt, however often the account is looked at."""
    world.fault("status", status=500, when="before", shape="problem")
    world.tick()
    assert State.UNKNOWN is world.action().state
    started_at = world.action().attempts[-1].started_at
    world.later(seconds=4000)
    assert int((world.clock.now() - started_at).total_seconds()) == _age_seconds(world) >= 4000
