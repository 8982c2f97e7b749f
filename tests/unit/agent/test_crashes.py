"""A process that dies at any step of a tick leaves an account that the next ticks bring to one honest end."""

from __future__ import annotations

from contextlib import suppress

import pytest

from songpost.model import State
from tests.unit.agent.conftest import KEY, Crash, World, breaking, whole

STEPS = 12
"""More than the commits and calls of a first tick: enrolment, plan, booking, create, outcome."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_crash_at_any_step_never_posts_twice_nor_loses_the_action(world: World, step: int, *, after: bool) -> None:
    """Whatever step the process dies at, X ends with at most one post, and the ledger says what became of it."""
    world.with_settings(schedule=type(world.settings.schedule)(windows={"noon": ("10:00", "13:00")}))
    with suppress(Crash):
        breaking(world, step, after=after).tick()
    whole(world)
    for _ in range(8):
        world.later(minutes=6)
        world.tick()

    posts, action = world.posts(), world.action()
    assert 1 == len(posts)
    assert [action.text] == posts
    assert State.SENT is action.state
    assert {post.id for post in world.sandbox.posts()} == {action.post_id}


def test_the_steps_cover_the_whole_first_tick(world: World) -> None:
    """The step past the last one is never reached: the range above is long enough to meet every commit and call."""
    breaking(world, STEPS, after=False).tick()

    assert State.SENT is whole(world).action(KEY).state


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_ledger_never_knows_of_less_money_than_x_billed(world: World, step: int) -> None:
    """After a crash at any step the booked money covers X's own bill."""
    with suppress(Crash):
        breaking(world, step, after=True).tick()

    assert world.bill_micros <= whole(world).spent_micros()
