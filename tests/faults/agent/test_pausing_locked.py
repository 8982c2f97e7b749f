"""The kill switch while another process holds the database: it waits its turn, or says who is in the way."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from songpost.agent import control
from songpost.agent.ledger import Desk
from songpost.core.snapshot import Snapshot
from songpost.errors import StoreUnavailable
from songpost.store.port import Store, StoredAction
from songpost.store.sqlite import open_sqlite

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store's file."""
    path = tmp_path / "songpost.db"
    open_sqlite(path).close()
    return path


@pytest.fixture
def holder(database: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the write lock, as a running tick does, until it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "held\n" == process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_pause_waits_for_a_running_tick(database: Path, holder: subprocess.Popen[str]) -> None:
    """`songpost pause` with the database locked waits for the lock, and pauses as soon as it is free."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME", "COVERAGE"))}
    pause = subprocess.Popen(
        [sys.executable, "-m", "songpost.cli.main", "pause", "--reason", "fire"],
        cwd=database.parent,
        env={**kept, "SONGPOST_STORE": f"sqlite:///{database}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert pause.stdout is not None
    # Nothing is said while the lock is held: a pause that is told of is committed.
    assert not select.select([pause.stdout], [], [], 2.0)[0]
    assert pause.poll() is None
    assert holder.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    said, complained = pause.communicate(timeout=30)

    assert (0, "") == (pause.returncode, complained)
    assert said.startswith("paused: fire")
    with closing(open_sqlite(database, read_only=True)) as store:
        assert store.load("default").documents["control"].body["paused"]


def test_a_lock_that_is_never_given_back_is_named(database: Path, holder: subprocess.Popen[str]) -> None:
    """Past the busy time-out the error says that another process has the file, and how to find it."""
    assert holder.poll() is None
    with (
        closing(open_sqlite(database, busy_seconds=0.2)) as store,
        pytest.raises(StoreUnavailable, match=r"locked by another process.*fuser"),
    ):
        control.pause(desk_over(store), "fire", "ana")
    with closing(open_sqlite(database, read_only=True)) as store:
        assert {} == store.load("default").documents


def desk_over(store: Store) -> Desk:
    """A desk that needs nothing but the store."""

    def never() -> tuple[Snapshot, dict[str, StoredAction]]:
        raise AssertionError("the kill switch decodes no settings")

    return Desk(
        store=store,
        account="default",
        now=lambda: datetime(2026, 11, 25, tzinfo=UTC),
        sleep=lambda _: None,
        new_id=lambda: "token",
        chance=lambda: 0.5,
        reload=never,
    )
