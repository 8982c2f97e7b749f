"""Every row of X's error table, in both modes: what the ledger says after, and that nothing went out twice."""

from __future__ import annotations

import json

import pytest

from songpost.errors import AccountBlocked, OutcomeOpen, RateLimited, Unauthorized
from songpost.model import State
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import World
from tests.unit.x.test_error_table import ROWS, Row


class OneAnswer:
    """X, but for creates: those get one answer, whatever they ask."""

    def __init__(self, inner: Transport, row: Row) -> None:
        self._inner, self._row = inner, row
        self.creates: list[Request] = []

    def send(self, request: Request) -> Response:
        """Answer a create with the row, and let X answer the rest."""
        if not (request.method == "POST" and request.url.endswith("/2/tweets")):
            return self._inner.send(request)
        self.creates.append(request)
        body = self._row.body if isinstance(self._row.body, bytes) else json.dumps(self._row.body).encode()
        return Response(status=self._row.status, headers={}, body=body)


def expected(row: Row) -> tuple[State, bool, int]:
    """State, whether the account pauses, and what of the call's 15,000 micro-dollars counts, by the row's error."""
    if issubclass(row.create, OutcomeOpen):
        return State.UNKNOWN, False, 65_000
    if issubclass(row.create, RateLimited):
        return State.PLANNED, False, 0
    if issubclass(row.create, AccountBlocked):
        return State.PLANNED, True, 15_000
    return State.REFUSED, False, 15_000


@pytest.mark.parametrize("mode", ["tweepy", "oauth2"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_ledger_after_every_answer_to_a_create(world: World, row: Row, mode: str) -> None:
    """State, pause and money follow from the row; the create went out once, by the mode's own scheme."""
    if mode == "oauth2":
        world.consent()
    world.tick()
    world.later(days=1)
    wires: list[OneAnswer] = []

    def wrapped(wire: Transport) -> Transport:
        wires.append(OneAnswer(wire, row))
        return wires[-1]

    before = world.spent_micros()
    world.wrap_wire = wrapped
    world.tick()
    creates = [request for wire in wires for request in wire.creates]
    action = world.action("post/2026-11-26/noon/1")
    state, paused, micros = expected(row)

    assert state is action.state
    assert paused is world.account().snapshot.control.paused
    assert micros == world.spent_micros() - before
    tries = 2 if mode == "oauth2" and row.create is Unauthorized else 1
    assert ["OAuth" if mode == "tweepy" else "Bearer"] * tries == [
        r.headers["Authorization"].split()[0] for r in creates
    ]
    assert [{"text": action.text}] * tries == [json.loads(request.body) for request in creates]
