"""DynamoDB going wrong under a tick: real agent, real client, DynamoDB Local behind a proxy, X in process.

The judge is the sandbox, and a recount of the account's sums from its actions and X's own requests.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from songpost.agent import audit
from songpost.core.budget import month_of
from songpost.errors import StoreError
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import State
from songpost.store.dynamodb import DynamoStore
from songpost.store.dynamodb_wire import Wire, connected
from songpost.store.port import Store
from tests.contract.store.proxy import Deed, Forward, Lose, Proxy, cancelled, error, proxy_before
from tests.unit.agent.conftest import KEY, START, World

pytestmark = pytest.mark.dynamodb_local
READ_MICROS, USER_MICROS = 5_000, 10_000
COMMITS = ("booking of identity", "identity", "booking of the past", "past", "plan", "booking", "outcome")
"""The commits of a first tick that posts, in their order."""
FAULTS: dict[str, Deed] = {
    "answer lost after": Lose(after=True),
    "answer lost before": Lose(after=False),
    "throttled": error("ProvisionedThroughputExceededException"),
    "throttled in the transaction": cancelled("ThrottlingError"),
    "contended": cancelled("TransactionConflict"),
    "internal error": error("InternalServerError", status=500),
    "internal error after": error("InternalServerError", status=500, after=True),
}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before DynamoDB Local."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB", "")
    if not endpoint:
        pytest.skip("NOT RUN on DynamoDB Local: start it and set AWS_ENDPOINT_URL_DYNAMODB to its address")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with proxy_before(endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        yield proxy


@pytest.fixture
def world(tmp_path: Path, wire: Proxy) -> World:
    """A world whose state lies behind the proxy, and that has never ticked."""
    table = Wire(f"faults-{uuid.uuid4().hex}", connected())  # 100 ms each: one for all sessions
    table.create_table()
    wire.reset()

    def dynamo(sqlite: Store) -> Store:
        sqlite.close()
        return DynamoStore(table, read_only=False)

    clock = VirtualClock(START - timedelta(minutes=60))
    world = World(tmp_path, clock, Sandbox(clock=clock), wrap_store=dynamo)
    world.with_settings(schedule=type(world.settings.schedule)(windows={"noon": ("08:00", "12:00")}))
    world.later(minutes=45)
    return world


def exact(world: World) -> list[str]:
    """Whatever is not exact: the sums against a recount from the actions and from X's requests, and the chains."""
    session = world.session()
    actions = [stored.action for stored in session.store.actions("default")]
    usage = session.open().snapshot.usage
    session.close()
    attempts = [attempt for action in actions for attempt in action.attempts]
    micros = sum(a.reserved_micros if a.settled_micros is None else a.settled_micros for a in attempts) + USER_MICROS
    writes = sum(attempt.outcome not in {"rate limited", "not sent"} for attempt in attempts)
    reads = 1 + sum(a.reserved_reads if a.settled_micros is None else a.resources for a in attempts)
    tally = usage.months[month_of(world.clock.now(), world.settings.budget.billing_day)]
    counted = sum(action.state is not State.PLANNED for action in actions)
    found = [
        f"{what}: {is_} is stored, {shall} counted"
        for what, is_, shall in (
            ("micros", tally.spent_micros, micros),
            ("writes", tally.writes, writes),
            ("reads", tally.reads, reads),
            ("posts of the window", sum(usage.windows.values()), counted),
            ("posts of the day", sum(usage.kinds.values()), counted),
        )
        if is_ != shall
    ]
    found += [finding.what for finding in audit.broken_chains(actions)]
    bill = world.bill_micros
    return found + ([f"X billed {bill}, {tally.spent_micros} is known"] if bill > tally.spent_micros else [])


def at_commit(wire: Proxy, number: int, deed: Deed, times: int = 1) -> None:
    """Let the commit of this number go wrong, so many times in a row."""
    before = wire.operations.count("TransactWriteItems")
    wire.script = lambda request: (
        deed
        if request.operation == "TransactWriteItems" and number <= request.number - before < number + times
        else Forward()
    )


def test_a_first_tick_is_as_long_as_the_table_of_its_commits(world: World, wire: Proxy) -> None:
    """A tick without faults makes the commits that are named above, posts once, and every sum is exact."""
    world.tick()

    assert len(COMMITS) == wire.operations.count("TransactWriteItems")
    assert ([], 1) == (exact(world), len(world.posts()))


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for name in COMMITS for fault in FAULTS if "lost" in fault or name in {"booking", "outcome"}],
)
def test_a_fault_at_any_commit_leaves_every_sum_exact(world: World, wire: Proxy, name: str, fault: str) -> None:
    """One answer of DynamoDB goes wrong at one commit: the tick, or a later one, posts once, and no sum is off."""
    at_commit(wire, COMMITS.index(name), FAULTS[fault])
    with suppress(StoreError):
        world.tick()
    wire.reset()
    for _ in range(3):
        world.later(minutes=4)
        world.tick()

    assert 1 == len(world.posts())
    assert State.SENT is world.action(KEY).state
    assert [] == exact(world)


@pytest.mark.parametrize("fault", ["throttled", "internal error"])
def test_a_booking_that_never_goes_through_sends_nothing(world: World, wire: Proxy, fault: str) -> None:
    """Where every try of the booking fails, the tick ends by a name and X has heard of no create."""
    at_commit(wire, COMMITS.index("booking"), FAULTS[fault], times=10_000)
    with pytest.raises(StoreError):
        world.tick()
    assert 0 == world.creates()

    wire.reset()
    world.later(minutes=4)
    world.tick()
    assert ([], 1) == (exact(world), len(world.posts()))
