"""An account that pauses itself: what trips it, what is told, what reaches X after that, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from songpost.account_documents import Control
from songpost.agent import control, pausing
from songpost.core import budget
from songpost.errors import Refused as RefusedByX
from songpost.model import State, Text
from songpost.money_settings import Budget
from tests.unit.agent.conftest import World
from tests.unit.agent.test_measuring import POSTS, put, read, sent
from tests.unit.core.cases import NOW, action, snapshot

TEXTS = tuple(
    Text(id=f"t{number}", topic=("gardening", "bread")[number % 2], variants=(words,))
    for number, words in enumerate(
        (
            "Mulch after rain, not before it.",
            "Rye wants more water than you think.",
            "The cheapest greenhouse is a south wall with an old window.",
            "A loaf is done at 96 degrees inside.",
            "Write down what you planted where.",
            "Steam for fifteen minutes, dry heat after that.",
            "Leeks wait in the ground all winter.",
            "Cold dough is easier to score with a blade.",
        )
    )
)
RICH = Budget(usd_per_month=Decimal(20))
"""Nineteen dollars in the thirty days of November: a day's even share is $0.633333."""


@pytest.fixture
def garden(world: World) -> World:
    """A world with texts for a week."""
    world.texts = TEXTS
    return world


def day(world: World, answer: str) -> None:
    """One day of the account: its post is refused by X, or goes out; then the next day begins."""
    if answer == "refused":
        world.fault("status", status=403, when="before", shape="problem")
    world.tick()
    world.later(days=1)


def switch(world: World) -> Control:
    """The control document."""
    return world.account().snapshot.control


def resume(world: World) -> None:
    """A person lets the account act again."""
    session = world.session()
    control.resume(session.desk, "ana")
    session.close()


def spend(world: World, micros: int) -> None:
    """Let today have cost so much more."""
    found = world.account().snapshot
    put(world, "usage", budget.booked(found.usage, found.settings.budget, world.clock.now(), micros=micros))


def told(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    """The names of the breakers that were logged as tripped."""
    return [record.__dict__["breaker"] for record in caplog.records if "breaker" in record.__dict__]


def test_five_refusals_in_a_row_pause_the_account(garden: World, caplog: pytest.LogCaptureFixture) -> None:
    """The fifth refusal by X throws the switch, by name and once in the log; a sixth create does not reach X."""
    for _ in range(4):
        day(garden, "refused")
    assert (False, 4) == (switch(garden).paused, switch(garden).refusals)
    assert [] == told(caplog)
    for _ in range(2):
        day(garden, "refused")

    assert switch(garden).paused
    assert "RefusalRun: X refused 5 actions in a row (see 'songpost actions --state refused')" == switch(garden).reason
    assert 5 == garden.creates()
    assert ["RefusalRun"] == told(caplog)


def test_a_sent_post_ends_the_run(garden: World) -> None:
    """Four refusals, a post, four refusals: X refuses texts, not the account."""
    for answer in ("refused",) * 3 + ("sent",) + ("refused",) * 4:
        day(garden, answer)

    assert (False, 4) == (switch(garden).paused, switch(garden).refusals)
    assert 1 == len(garden.posts())


def test_resume_begins_a_new_run(garden: World, caplog: pytest.LogCaptureFixture) -> None:
    """After a person's resume one more refusal does not trip the breaker again."""
    for _ in range(5):
        day(garden, "refused")
    resume(garden)
    day(garden, "refused")

    assert (False, 1) == (switch(garden).paused, switch(garden).refusals)
    assert 6 == garden.creates()
    assert ["RefusalRun"] == told(caplog)


@pytest.mark.parametrize("state", [State.PLANNED, State.UNKNOWN, State.ABANDONED])
def test_only_refusals_and_posts_count(state: State) -> None:
    """A rate limit, an open outcome and a window that is over neither lengthen the run nor end it."""
    before = replace(snapshot(), control=Control(refusals=4))
    after, trip = pausing.after_outcome(before, action(), replace(action(), state=state), None, NOW)

    assert (before, None) == (after, trip)


def test_a_refusal_counts_once_and_an_earlier_pause_keeps_its_reason() -> None:
    """What is refused already is not counted again, and the run says nothing over a person's own pause."""
    refused, error = replace(action(), state=State.REFUSED), RefusedByX("no")
    before = replace(snapshot(), control=Control(refusals=4, paused=True, reason="holidays"))
    again, _ = pausing.after_outcome(before, refused, refused, error, NOW)
    fifth, trip = pausing.after_outcome(before, action(), refused, error, NOW)

    assert 4 == again.control.refusals
    assert (5, "holidays", None) == (fifth.control.refusals, fifth.control.reason, trip)


# ---------------------------------------------------------------------------------------------------- spend slope


def test_a_day_that_costs_more_than_forecast_pauses_the_account(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond a day's share and twice the due slot's worst price nothing is sent; the reason tells both amounts."""
    world.with_settings(budget=RICH)
    world.tick()
    world.later(days=1)
    world.tick(remaining=0)
    spend(world, 633_333 + 2 * 65_000 + 1)
    world.tick()

    assert switch(world).paused
    assert "SpendSlope: $0.763334 are spent or booked today, $0.763333 were to be expected by now" == (
        switch(world).reason
    )
    assert ["SpendSlope"] == told(caplog)
    assert 1 == world.creates()


def test_a_day_that_costs_what_was_forecast_goes_on(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The due slot's worst price counts twice: to the last micro-dollar of it the post goes out."""
    world.with_settings(budget=RICH)
    world.tick()
    world.later(days=1)
    world.tick(remaining=0)
    spend(world, 633_333 + 2 * 65_000)
    world.tick()

    assert not switch(world).paused
    assert 2 == world.creates()
    assert [] == told(caplog)


def test_the_reader_looks_at_the_slope_too(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A read that is due is not made on a day that costs more than forecast."""
    world.with_settings(budget=RICH)
    sent(world)
    spend(world, 1_000_000)
    found = read(world)

    assert switch(world).paused
    assert found.refused is not None
    assert ("control", ["SpendSlope"]) == (found.refused.gate, told(caplog))
    assert [] == world.sandbox.requests(POSTS)


def test_resume_holds_for_the_rest_of_the_day(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A person has seen the bill: the same day does not trip again; a new day is looked at anew."""
    world.with_settings(budget=RICH)
    world.tick()
    world.later(days=1)
    spend(world, 1_000_000)
    world.tick()
    assert switch(world).paused
    resume(world)
    world.tick()
    assert 2 == world.creates()
    world.later(days=1)
    spend(world, 1_000_000)
    world.tick()

    assert switch(world).paused
    assert 2 == world.creates()
    assert ["SpendSlope", "SpendSlope"] == told(caplog)


# ------------------------------------------------------------------------------------- what was there, by its name


@pytest.mark.parametrize(("status", "name"), [(401, "Unauthorized"), (402, "CreditsDepleted")])
def test_a_blocked_account_is_told_by_name(
    world: World, caplog: pytest.LogCaptureFixture, status: int, name: str
) -> None:
    """The error's own name stands in the log, for a metric filter to count."""
    world.fault("status", status=status, when="before")
    world.tick()

    assert switch(world).paused
    assert [name] == told(caplog)


def test_a_dead_grant_pauses_the_account(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A grant that the owner has withdrawn: no create goes out, the account pauses and says how to consent anew."""
    world.consent()
    world.tick()
    grants = world.sandbox.service.grants
    for family in {pair.family for pair in grants.pairs.values()}:
        grants.revoke_family(family)
    world.later(days=1)
    came_to = world.tick()

    assert came_to.stopped is not None
    assert "Unauthorized" == came_to.stopped.name
    assert switch(world).paused
    assert "songpost authorize" in switch(world).reason
    assert State.PLANNED is world.action("post/2026-11-26/noon/1").state
    assert ["Unauthorized"] == told(caplog)
    assert 1 == len(world.posts())
