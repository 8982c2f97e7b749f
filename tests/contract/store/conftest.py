"""One suite, every adapter: SQLite, DynamoDB as moto plays it, and Amazon's own DynamoDB Local."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from pynamodb.connection import Connection

from songpost.store.dynamodb import DynamoStore
from songpost.store.dynamodb_wire import Wire, connected
from songpost.store.port import Store
from songpost.store.sqlite import open_sqlite

LOCAL = pytest.param("dynamodb-local", marks=pytest.mark.dynamodb_local)
ADAPTERS = ("sqlite", "moto", LOCAL)


@dataclass(frozen=True)
class Backend:
    """A place for state, and how to open it; what it opens is closed with the test."""

    name: str
    opened: Callable[[bool], Store]

    def open(self, *, read_only: bool = False) -> Store:
        """Open the store, as often as one likes."""
        return self.opened(read_only)


@pytest.fixture(params=ADAPTERS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each adapter in turn, empty."""
    fixture = {"sqlite": "sqlite_backend", "moto": "moto_backend", "dynamodb-local": "local_backend"}[request.param]
    found: Backend = request.getfixturevalue(fixture)
    return found


@pytest.fixture
def store(backend: Backend) -> Store:
    """An empty store."""
    return backend.open()


@pytest.fixture
def sqlite_backend(tmp_path: Path) -> Iterator[Backend]:
    """A new SQLite file."""
    path = tmp_path / "data" / "songpost.db"
    with ExitStack() as stack:
        yield Backend("sqlite", lambda read_only: stack.enter_context(closing(open_sqlite(path, read_only=read_only))))


@cache
def connection_to(endpoint: str) -> Connection:
    """A connection costs 100 ms to make: one for moto (no endpoint), one for each endpoint."""
    del endpoint  # botocore has it from the environment
    return connected()


@pytest.fixture
def moto_backend(aws_environment: pytest.MonkeyPatch) -> Iterator[Backend]:
    """A table in moto, in this process."""
    from moto import mock_aws

    aws_environment.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    with mock_aws():
        yield from _table("moto", connection_to(""))


@pytest.fixture
def local_backend(dynamodb_local: str) -> Iterator[Backend]:
    """A new table in DynamoDB Local."""
    yield from _table("dynamodb-local", connection_to(dynamodb_local))


def _table(name: str, connection: Connection) -> Iterator[Backend]:
    wire = Wire(f"songpost-{uuid.uuid4().hex}", connection)
    wire.create_table()
    yield Backend(name, lambda read_only: DynamoStore(wire, read_only=read_only))
    wire.delete_table()
    wire.close()
