"""The built functions at their time-out: killed as Lambda kills them, with X and the store as they would be then."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from songpost.lab.in_process import environment
from songpost.lab.sandbox.faults import Fault
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.sandbox.server import SandboxServer, serve
from songpost.model import State
from songpost.store.opening import open_store
from tests.runtime.conftest import store_with_a_post_due

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from songpost.model import Action
    from tests.runtime.lambda_service import Lambda

CREATE = "POST /2/tweets"


@pytest.fixture
def x() -> Iterator[SandboxServer]:
    """X on loopback."""
    server = serve(Sandbox())
    yield server
    server.stop()


@pytest.fixture
def environ(x: SandboxServer, tmp_path: Path) -> dict[str, str]:
    """A live account with a post that is due, and X at its address."""
    return {
        **environment(x.sandbox),
        "SONGPOST_STORE": store_with_a_post_due(tmp_path),
        "DRY_RUN": "false",
        "X_API_BASE_URL": x.url,
    }


def _action(environ: dict[str, str]) -> Action:
    store = open_store(environ["SONGPOST_STORE"], read_only=True)
    try:
        (action,) = (one.action for one in store.actions("default") if "pinned" in one.action.key)
    finally:
        store.close()
    return action


def test_a_store_that_is_silent_ends_with_the_time_out(writer: Lambda) -> None:
    """A table that takes the request and never answers holds the function until Lambda ends it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        answer = writer.invoke(
            {"mode": "post"},
            {"SONGPOST_STORE": "dynamodb://songpost", "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}"},
            timeout_seconds=3,
        )
    assert "timeout" == answer.kind, answer


@pytest.mark.parametrize(("seconds", "creates"), [(40, 0), (120, 1)])
def test_what_might_not_end_is_not_begun(
    writer: Lambda, x: SandboxServer, environ: dict[str, str], seconds: float, creates: int
) -> None:
    """With less time left than a post may take, the tick leaves it to the next one; with the template's, it posts."""
    answer = writer.invoke({"mode": "post"}, environ, timeout_seconds=seconds)
    assert "response" == answer.kind, answer
    assert creates == len(x.sandbox.requests(CREATE)), answer


def test_a_time_out_in_the_midst_of_a_post_repeats_nothing(
    writer: Lambda, x: SandboxServer, environ: dict[str, str]
) -> None:
    """Ended after X took the post and before it answered: the ledger holds the action and its money, and the next
    tick, well within the lease, sends nothing.
    """
    x.sandbox.inject(Fault(kind="slow", seconds=30, endpoint=CREATE))
    ended = writer.invoke({"mode": "post"}, environ, ended_when=lambda: x.sandbox.requests(CREATE))
    assert "timeout" == ended.kind, ended
    held = _action(environ)
    assert (State.SENDING, 1) == (held.state, len(held.attempts))
    again = writer.invoke({"mode": "post"}, environ)
    assert "response" == again.kind, again
    assert 1 == len(x.sandbox.requests(CREATE)) == len(x.sandbox.posts())
    assert held == _action(environ)
