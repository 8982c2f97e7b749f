"""Texts that run out: a dry run shows it, and the writer says it once a day."""

from __future__ import annotations

import logging

import pytest

from songpost.agent import summary
from songpost.agent.foretelling import foretell
from tests.unit.agent.conftest import World


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The alarms of the log, by name."""
    return [name for record in caplog.records if (name := getattr(record, "alarm", ""))]


def test_the_writer_says_once_a_day_what_runs_dry(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Four texts at a post a day: a day's first tick warns with the field `alarm`, later ones and new texts do not."""
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        world.tick()
    world.texts = world.texts[:3]
    world.tick()
    assert ["RunningDry"] == alarms(caplog)

    world.later(hours=13)
    for _ in range(2):
        world.tick()
    assert ["RunningDry"] * 2 == alarms(caplog)


def test_a_dry_run_shows_what_runs_dry(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The summary of a dry run names the topics; nothing is logged as an alarm."""
    session = world.session()
    account, now = session.open(), world.clock.now()
    came_to = foretell(account, session.given.texts, now, lambda: "0" * 32)
    told = summary.of_tick(came_to, account="a", mode="post", dry_run=True, now=now, before=account.snapshot)
    session.close()

    assert isinstance(told["running_dry"], list)
    assert ["bread", "gardening"] == sorted(str(line).split(":")[0] for line in told["running_dry"])
    assert [] == alarms(caplog)
