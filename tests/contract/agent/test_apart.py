"""Two accounts of one table and one text: DynamoDB's own transactions keep them apart."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from songpost.agent import apart, ledger
from songpost.core.admission import Admitted, Refused
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.store.dynamodb import create_table, open_dynamodb
from songpost.store.port import Store
from tests.unit.agent.conftest import START, World
from tests.unit.agent.test_apart import ALIKE, SAID, opened
from tests.unit.core.cases import action

pytestmark = [pytest.mark.dynamodb_local, pytest.mark.usefixtures("dynamodb_local")]


def test_of_two_accounts_that_book_alike_texts_at_once_one_is_refused(tmp_path: Path) -> None:
    """Both have loaded an empty table; the second transaction fails on the shared bands, and is decided again."""
    table = f"apart-{uuid.uuid4().hex}"
    create_table(table)

    def dynamo(sqlite: Store) -> Store:
        sqlite.close()
        return open_dynamodb(table)

    clock = VirtualClock(START)
    world = World(tmp_path, clock, Sandbox(clock=clock), wrap_store=dynamo)
    world.wrap_wire = lambda _: SandboxTransport(world.sandbox, clock.now)
    sessions = {name: opened(world, name, words) for name, words in (("one", SAID), ("other", ALIKE))}
    loaded = {name: session.open() for name, session in sessions.items()}
    found = [
        ledger.book(sessions[name].desk, loaded[name], action(words=words, at=START))[1]
        for name, words in (("one", SAID), ("other", ALIKE))
    ]
    marks = list(sessions["one"].store.items(apart.SHARED, apart.BANDS))
    for session in sessions.values():
        session.close()

    assert [Admitted, Refused] == [type(decision) for decision in found]
    assert {"one"} == {mark.body["account"] for mark in marks}
    assert 16 == len(marks)
