"""A scripted week of answering, reader and writer together, against X in process: exactly what the script lists."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from songpost.agent import control
from songpost.agent.events import Invocation
from songpost.agent.writing import tick
from songpost.core.content import REPLIES
from songpost.invoking import run_reader
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Text
from songpost.settings import Approval, Consent, PerKind, Query, QueryAction, Reading
from songpost.store.dynamodb import create_table, open_dynamodb
from songpost.store.port import Store
from tests.unit.agent.conftest import World

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ANSWERS = (
    "Rye wants a wet hand, and patience.",
    "We bake it at 230 degrees, door shut.",
    "Let the dough sleep in the cold overnight.",
    "Flour from the mill down the road.",
    "Salt last, so that the yeast can wake.",
    "A tin with a lid keeps the crust thin.",
    "Cut it the day after, never warm.",
    "Caraway if you like it, and only whole.",
)


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.dynamodb_local)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """An account that answers by itself and reposts what a search finds, on either store."""
    clock = VirtualClock(MONDAY - timedelta(hours=1))
    made = World(tmp_path, clock, Sandbox(clock=clock), texts=_answers())
    if request.param == "dynamodb":
        request.getfixturevalue("dynamodb_local")
        made.wrap_store = _dynamo(f"week-{uuid.uuid4().hex}")
    made.wrap_wire = lambda _: SandboxTransport(made.sandbox, clock.now)
    made.with_settings(
        reading=Reading(usd_per_day=Decimal(1), watchlist_every_minutes=None),
        approval=Approval(reply=Consent.AUTO, repost=Consent.AUTO),
        queries=(Query(query="sourdough", actions=(QueryAction.REPOST, QueryAction.LIKE, QueryAction.REPLY)),),
        max_per_window=PerKind(post=0, reply=3, repost=1, like=3),
        quiet_hours=("11:30", "12:00"),
    )
    return made


def _answers() -> tuple[Text, ...]:
    return tuple(Text(id=f"answer-{n}", topic=REPLIES, variants=(words,)) for n, words in enumerate(ANSWERS))


def _dynamo(table: str) -> Callable[[Store], Store]:
    create_table(table)

    def instead(sqlite: Store) -> Store:
        sqlite.close()
        return open_dynamodb(table)

    return instead


def day(world: World, number: int, *, ticks: int = 3) -> None:
    """The window of a day: the reader at its start, then the writer every five minutes."""
    world.clock.set(MONDAY + timedelta(days=number, minutes=30))
    session = world.session()
    run_reader(session, Invocation(mode="all", account="default", dry_run=False), lambda: 900.0)
    session.close()
    for _ in range(ticks):
        world.later(minutes=5)
        session = world.session()
        session.sleep = lambda seconds: world.later(seconds=seconds)
        tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
        session.close()


def test_a_week_ends_with_exactly_what_the_script_lists(world: World) -> None:
    """Summons are answered once, strangers and who said stop never, a storm to its maximum; lost answers settle."""
    people = world.sandbox.actors
    expected: list[tuple[str, str, str]] = []

    def says(number: int, who: str, words: str, minutes: int = 0) -> str:
        at = MONDAY + timedelta(days=number, minutes=minutes)
        world.clock.set(max(world.clock.now(), at))
        return people.post(who, words, at=at).id

    day(world, -1)  # joins the account, finds nothing
    first = says(0, "miller", "@songpost what flour?")
    says(0, "stranger", "What flour, anyone?")
    day(world, 0)
    expected.append(("reply", first, "sent"))

    says(1, "baker", "@songpost stop")
    says(1, "baker", "@songpost really, what flour?", 1)
    day(world, 1)

    storm = [says(2, f"fan{n}", f"@songpost number {n}, what flour?", 2) for n in range(40)]
    day(world, 2, ticks=5)
    expected += [("reply", one, "sent") for one in storm[:3]]

    lost = says(3, "mason", "@songpost how hot?", 29)  # by now the storm is older than an answer is worth
    says(3, "baker", "@songpost and now?", 29)
    world.fault("answer lost")
    day(world, 3, ticks=5)
    expected.append(("reply", lost, "sent"))

    found = says(4, "walker", "My first sourdough")
    world.fault("answer lost", "POST /2/users/:id/retweets")
    day(world, 4, ticks=5)
    expected.append(("repost", found, "sent"))

    says(5, "paused", "@songpost hello?")
    session = world.session()
    control.pause(session.desk, "away", "the owner")
    session.close()
    day(world, 5)
    session = world.session()
    control.resume(session.desk, "the owner")
    session.close()

    day(world, 6)
    session = world.session()
    actions = sorted(
        (stored.action.kind.value, stored.action.key.rpartition("/")[2], stored.action.state.value)
        for stored in session.store.actions("default")
    )
    session.close()

    answers = [json.loads(request.body) for request in world.sandbox.requests("POST /2/tweets")]
    assert sorted(expected) == actions
    assert [(target, 1) for kind, target, _ in expected if kind == "reply"] == sorted(
        Counter(body["reply"]["in_reply_to_tweet_id"] for body in answers).items()
    )
    assert list(ANSWERS[:5]) == [body["text"] for body in answers]
    assert 2 == len(world.sandbox.requests("POST /2/users/:id/retweets"))
    assert [] == world.sandbox.requests("POST /2/users/:id/likes")
    assert world.bill_micros <= world.spent_micros()
