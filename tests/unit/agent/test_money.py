"""What an attempt's outcome does to its kind's ceiling and to the pace, and how both are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from songpost.agent import control, summary
from songpost.cli import run
from songpost.core.admission import Refused
from songpost.model import State
from songpost.money_settings import Budget, UsdPerKind
from tests.unit.agent.conftest import START, World

ENROLMENT_MICROS = 10_000
PACED = Budget(
    usd_per_month=Decimal(3), buffer_pct=0.0, burst_days=7.0, usd_per_kind=UsdPerKind(post=Decimal(1), reply=Decimal(1))
)
"""Ten cents a day in November's thirty days: a cent takes 2 hours and 24 minutes to be earned."""
A_CENT = timedelta(hours=2, minutes=24)


def of_posts(world: World) -> int:
    """What the ledger has for posts today."""
    return world.account().snapshot.usage.days["2026-11-25"].kind_micros["post"]


def ahead(world: World) -> timedelta:
    """How far the theoretical arrival lies ahead of the start."""
    arrival_at = world.account().snapshot.usage.theoretical_arrival_at
    assert isinstance(arrival_at, datetime)
    return arrival_at - START


@pytest.mark.parametrize(
    ("fault", "micros", "state"),
    [
        ("", 15_000, State.SENT),
        ("rate limited", 0, State.PLANNED),
        ("answer lost", 65_000, State.UNKNOWN),
    ],
)
def test_kind_and_pace_follow_the_attempt(world: World, fault: str, micros: int, state: State) -> None:
    """Settled, given back or held: the kind's money and the pace move by what the attempt's money moves."""
    world.with_settings(budget=PACED)
    if fault:
        world.fault(fault)
    world.tick()

    assert state is world.action().state
    assert micros == of_posts(world)
    assert ENROLMENT_MICROS + micros == world.spent_micros()
    assert timedelta(0) <= ahead(world) - A_CENT * ((ENROLMENT_MICROS + micros) / 10_000) <= timedelta(seconds=1)


def test_a_kind_whose_money_is_spent_sends_nothing(world: World) -> None:
    """The tick's step names the ceiling of the kind, and no create reaches X."""
    world.with_settings(budget=replace(PACED, usd_per_kind=UsdPerKind(post=Decimal("0.0649"))))
    (step,) = world.tick().steps

    assert isinstance(step.decision, Refused)
    assert "post dollars per month: $0.065 needed at worst, $0.0649 is the whole ceiling" == step.decision.reason
    assert 0 == world.creates()


def test_the_pace_holds_the_tick_back_and_names_the_time(world: World) -> None:
    """A small burst pays for one read of the enrolment: the other waits, and the post with it."""
    world.with_settings(budget=replace(PACED, burst_days=0.5))
    (step,) = world.tick().steps

    assert isinstance(step.decision, Refused)
    assert "budget" == step.decision.gate
    assert "dollars at once: $0.040 left, $0.050 needed at worst" == step.decision.reason
    assert START + A_CENT == step.decision.retry_at
    assert 0 == world.creates()
    assert ENROLMENT_MICROS == world.bill_micros


def test_ceilings_of_kinds_and_the_pace_are_shown(world: World) -> None:
    """The summary and the dry run's table hold them, in eighty columns."""
    world.with_settings(budget=PACED)
    world.tick()
    snapshot = world.account().snapshot
    shown = summary.of_budget(snapshot, START)
    lines = list(run.budget_lines(snapshot, snapshot, START))

    assert {"reply dollars per month", "post dollars per month", "dollars per month", "dollars at once"} <= set(shown)
    assert "  post dollars per month          $1.000          $0.015          $0.015" in lines
    assert "  dollars at once                 $0.700          $0.025          $0.025" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("paused", "told"),
    [(False, "post dollars per month: $0.065 needed at worst, $0.010"), (True, "the account is paused")],
)
def test_a_slot_that_died_tells_what_stood_in_its_way(world: World, *, paused: bool, told: str) -> None:
    """A refusal that may pass is not stored; the end of the window is, and says why nothing was sent until then."""
    world.with_settings(budget=replace(PACED, usd_per_kind=UsdPerKind(post=Decimal("0.01"))))
    world.tick()
    if paused:
        session = world.session()
        control.pause(session.desk, "holidays", "ana")
        session.close()
    world.later(hours=8)
    world.tick()

    assert State.ABANDONED is world.action().state
    assert told in world.action().reason
    assert 0 == world.creates()
