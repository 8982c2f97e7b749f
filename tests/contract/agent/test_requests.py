"""What a tick costs at DynamoDB, counted at the wire: real agent and client, X in process, DynamoDB Local."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from songpost.agent import inbox
from songpost.agent.events import Invocation
from songpost.candidates import OptOut
from songpost.invoking import run_reader
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import State, Text, ThreadStep
from songpost.settings import Reading, Schedule
from songpost.store.dynamodb import create_table, open_dynamodb
from songpost.store.port import Store
from tests.contract.store.proxy import Proxy, proxy_before
from tests.unit.agent.conftest import KEY, START, World

pytestmark = pytest.mark.dynamodb_local


@pytest.fixture
def wire(dynamodb_local: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before DynamoDB Local, which everything in this process talks to."""
    with proxy_before(dynamodb_local) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        yield proxy


@pytest.fixture
def world(tmp_path: Path, wire: Proxy) -> World:
    """The agent's world with its state behind the proxy."""
    table = f"requests-{uuid.uuid4().hex}"
    create_table(table)

    def dynamo(sqlite: Store) -> Store:
        sqlite.close()
        return open_dynamodb(table)

    clock = VirtualClock(START - timedelta(days=1))
    world = World(tmp_path, clock, Sandbox(clock=clock), wrap_store=dynamo)
    world.wrap_wire = lambda _: SandboxTransport(world.sandbox, clock.now)
    world.tick()
    wire.reset()
    return world


def test_a_post_costs_three_requests(world: World, wire: Proxy) -> None:
    """Load, booking, outcome; the day's plan is saved by an earlier tick of the day."""
    world.later(hours=21)
    world.tick()
    wire.reset()
    world.later(hours=3)
    world.tick()

    assert ["Query", "TransactWriteItems", "TransactWriteItems"] == wire.operations
    assert State.SENT is world.action(KEY).state


def test_a_thread_costs_two_transactions_a_step_and_resumes(world: World, wire: Proxy) -> None:
    """Booking and outcome for each step; after a lost answer at the second, the timeline and a later tick end it."""
    steps = (ThreadStep(text="The first one rests under clover."), ThreadStep(text="The third bears leeks."))
    world.texts = (
        Text(id="beds", topic="gardening", variants=("Compost steams on a cold morning.",), threads=(steps,)),
    )
    world.with_settings(schedule=Schedule(windows={"noon": ("10:00", "14:00")}))
    world.later(hours=21)
    world.tick()
    wire.reset()
    world.fault("answer lost", skip=1)
    world.clock.set(START + timedelta(hours=1))
    world.tick()
    assert ["Query", *["TransactWriteItems"] * 4] == wire.operations
    assert (State.UNKNOWN, 1) == (world.action(KEY).state, world.action(KEY).next_step)
    world.later(minutes=4)
    world.tick()

    action = world.action(KEY)
    assert (State.SENT, 3) == (action.state, len(action.post_ids))
    posts = sorted(world.sandbox.posts(), key=lambda post: int(post.id))[-3:]
    assert [None, *action.post_ids[:2]] == [post.in_reply_to_id for post in posts]
    assert world.bill_micros <= world.spent_micros()


def test_a_tick_with_nothing_to_do_costs_one_request(world: World, wire: Proxy) -> None:
    """One query tells that nothing is due."""
    world.later(hours=21)
    world.tick()
    wire.reset()
    world.later(minutes=5)
    world.tick()

    assert ["Query"] == wire.operations


def test_a_dry_run_only_reads(world: World, wire: Proxy) -> None:
    """A dry run sends one query, and no write."""
    from songpost.agent.foretelling import foretell
    from songpost.bootstrap import new_id

    session = world.session()
    foretell(session.open(), session.given.texts, world.clock.now(), new_id)
    session.close()

    assert ["Query"] == wire.operations


def read(world: World) -> list[str]:
    """One live tick of the reader; what became of the posts on its agenda."""
    session = world.session()
    found = run_reader(session, Invocation(mode="all", account="default"), lambda: 900.0)[1]
    session.close()
    assert found is not None
    return [one.result.value for one in found.posts]


def test_a_reader_with_nothing_due_costs_one_request(world: World, wire: Proxy) -> None:
    """The agenda comes with the account: one query tells that its posts are too young."""
    world.later(days=1)
    world.tick()
    wire.reset()

    assert {"waiting"} == set(read(world))
    assert ["Query"] == wire.operations


def test_a_reader_credits_in_two_transactions(world: World, wire: Proxy) -> None:
    """Load and booking; the action, looked for in two places, and the known credits; one settles and credits."""
    world.sandbox.actors.set_metrics(world.sandbox.posts()[-1].id, {"impression_count": 500, "like_count": 9})
    world.later(days=3)
    wire.reset()

    assert ["credited"] == read(world)
    assert ["Query", "TransactWriteItems", "GetItem", "GetItem", "Query", "TransactWriteItems"] == wire.operations


def reading_everywhere(world: World) -> None:
    """Let the reader look at the own timeline and the mentions too."""
    world.with_settings(reading=Reading(usd_per_day=Decimal(1)))


def test_a_reader_that_looks_everywhere_costs_one_request_where_nothing_is_due(world: World, wire: Proxy) -> None:
    """How far each place is read comes with the account."""
    reading_everywhere(world)
    read(world)
    wire.reset()
    calls = world.sandbox.requests_seen
    world.later(minutes=5)
    read(world)

    assert ["Query"] == wire.operations
    assert calls == world.sandbox.requests_seen


def test_a_page_of_mentions_is_taken_in_by_one_transaction(world: World, wire: Proxy) -> None:
    """Load and booking; who opted out, what waits and what was done already; ninety candidates in one commit."""
    reading_everywhere(world)
    for number in range(90):
        world.sandbox.actors.post(f"fan{number}", f"@songpost number {number}")
    wire.reset()
    session = world.session()
    read_round = run_reader(session, Invocation(mode="mentions", account="default"), lambda: 900.0)[2]
    session.close()
    assert read_round is not None

    assert [90] == [page.taken for page in read_round.pages]
    assert ["Query", "TransactWriteItems"] == wire.operations[:2]
    assert {"Query", "TransactWriteItems"} == set(wire.operations)
    assert 2 == wire.operations.count("TransactWriteItems")
    assert len(wire.operations) <= 8


def test_an_opt_out_is_found_among_ids_that_look_alike(world: World) -> None:
    """Ids of digits are looked up by text: neither a longer nor a shorter one is taken for another."""
    session = world.session()
    wishes = [OptOut(user_id=one, at=START, post_id="1", word="stop") for one in ("10", "200", "29", "3")]
    session.store.commit("default", [inbox.opt_out(one) for one in wishes], "wishes")

    assert frozenset({"10", "200"}) == inbox.opted_out(session.store, "default", ["1", "10", "200", "2", ""])
    assert frozenset({"29", "3"}) == inbox.opted_out(session.store, "default", ["29", "3", "30", "4", "5", "6", "100"])
    session.close()
