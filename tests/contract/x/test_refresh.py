"""Fifty processes that find the same token at its end: one refresh at X, fifty calls that succeed, on both stores."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from songpost.lab.sandbox import Sandbox
from songpost.lab.sandbox.server import SandboxServer
from songpost.store.dynamodb_wire import Wire, connected
from songpost.store.sqlite import open_sqlite
from songpost.x import open_client, open_grant
from songpost.x.credentials import OAuth2
from songpost.x.token_file import TokenFile
from songpost.x.tokens import Pair
from tests.contract.x.conftest import now
from tests.contract.x.refreshing import StoreLease

PROCESSES = 50


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite store that is there."""
    path = tmp_path / "songpost.db"
    open_sqlite(path, read_only=False).close()
    return f"sqlite:///{path}"


@pytest.fixture
def dynamodb_url(dynamodb_local: str) -> Iterator[str]:
    """A table in DynamoDB Local."""
    del dynamodb_local  # botocore has it from the environment
    table = f"songpost-{uuid.uuid4().hex}"
    wire = Wire(table, connected())
    wire.create_table()
    yield f"dynamodb://{table}"
    wire.delete_table()
    wire.close()


@pytest.mark.parametrize("store", ["sqlite_url", pytest.param("dynamodb_url", marks=pytest.mark.dynamodb_local)])
@pytest.mark.parametrize("rejected", [False, True], ids=["expired", "rejected"])
def test_fifty_processes_refresh_a_token_once(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    server: SandboxServer,
    tmp_path: Path,
    store: str,
    *,
    rejected: bool,
) -> None:
    """Processes that find the same token at its end, or rejected by X, refresh it once, and all their calls succeed."""
    keys = sandbox.credentials()
    file = TokenFile(tmp_path / "x-token.json")
    sandbox.actors.expire_access("songpost")
    file.save(
        Pair(
            generation=1,
            access_token=keys.oauth2_access_token,
            refresh_token=keys.oauth2_refresh_token,
            expires_at=now() + timedelta(hours=2 if rejected else 0),
        )
    )

    arguments = (server.url, keys.client_id, keys.client_secret, str(tmp_path / "x-token.json"))
    url: str = request.getfixturevalue(store)
    command = [sys.executable, "-m", "tests.contract.x.refreshing", str(PROCESSES), *arguments, url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert {"succeeded": PROCESSES, "failed": 0} == json.loads(ran.stdout), ran.stderr[-2000:]
    assert 1 == len(sandbox.requests("POST /2/oauth2/token"))
    kept = file.load()
    assert kept is not None
    assert (2, False) == (kept.generation, kept.spending)


def test_a_client_renews_its_token_and_goes_on(sandbox: Sandbox, server: SandboxServer, tmp_path: Path) -> None:
    """A client with a token at its end refreshes it, calls, and does not refresh again while the new one is good."""
    keys = sandbox.credentials()
    path = tmp_path / "x-token.json"
    pair = Pair(
        generation=1,
        access_token=keys.oauth2_access_token,
        refresh_token=keys.oauth2_refresh_token,
        expires_at=now(),
    )
    TokenFile(path).save(pair)
    credentials = OAuth2(client_id=keys.client_id, client_secret=keys.client_secret, token_file=path)
    store = open_sqlite(tmp_path / "songpost.db", read_only=False)
    grant = open_grant(credentials, StoreLease(store), clock=now, sleep=time.sleep, base_url=server.url)
    client = open_client(credentials, clock=now, sleep=time.sleep, base_url=server.url, tokens=grant)

    for _ in range(2):
        assert "songpost" == client.me(deadline=now() + timedelta(seconds=20)).value.username

    assert 1 == len(sandbox.requests("POST /2/oauth2/token"))
    store.close()
