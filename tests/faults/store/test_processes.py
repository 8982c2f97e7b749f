"""Several processes on one account: every race has one winner, and a process that is killed leaves whole states."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from songpost.store import sqlite_files
from songpost.store.dynamodb import create_table
from songpost.store.opening import open_store
from songpost.store.port import Store
from songpost.store.sqlite import open_sqlite

ACCOUNT = "default"
ROOT = Path(__file__).parents[3]
Started = subprocess.Popen[str]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up credentials for DynamoDB Local."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def _sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/songpost.db"


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.dynamodb_local)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new store, as processes name it."""
    if request.param == "sqlite":
        return _sqlite_url(tmp_path)
    if not os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
        pytest.skip("NOT RUN on DynamoDB Local: start it and set AWS_ENDPOINT_URL_DYNAMODB to its address")
    request.getfixturevalue("aws")
    table = f"songpost-{uuid.uuid4().hex}"
    create_table(table)
    return f"dynamodb://{table}"


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    """Start a worker, waiting for its line on standard input; none outlives the test."""
    with ExitStack() as stack:

        def started(task: str, url: str, amount: int) -> Started:
            command = [sys.executable, "-m", "tests.faults.store.workers", task, url, str(amount)]
            worker = stack.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
            )
            stack.callback(worker.kill)
            return worker

        yield started


def go(worker: Started) -> None:
    """Let a worker go."""
    assert worker.stdin
    worker.stdin.write("\n")
    worker.stdin.flush()


def raced(start: Callable[..., Started], task: str, url: str, amount: int, workers: int) -> list[tuple[str, int, str]]:
    """Run workers beside each other to their end; all that they won: task, number, and the winner's name."""
    running = [start(task, url, amount) for _ in range(workers)]
    for worker in running:
        go(worker)
    lines = []
    for worker in running:
        said, complaint = worker.communicate(timeout=100)
        assert 0 == worker.returncode, complaint
        lines += said.splitlines()
    return [(of, int(number), name) for of, number, name in map(str.split, lines)]


def tally(store: Store) -> tuple[int, int, int]:
    """The two documents' numbers, and how many wins left an item."""
    documents = store.load(ACCOUNT).documents
    numbers = [int(documents[name].body["n"]) if name in documents else 0 for name in ("a", "b")]  # type: ignore[arg-type]
    return numbers[0], numbers[1], sum(1 for _ in store.items(ACCOUNT, "won"))


def test_every_race_has_one_winner(url: str, start: Callable[..., Started]) -> None:
    """Of four processes on a store that none of them made before, each version, key and lease has one winner.

    Each counts one document up until it has won 12 times; takes what it can of 12 keys; and of 12 leases.
    """
    won = raced(start, "race", url, 12, workers=4)
    numbers = {task: sorted(number for of, number, _ in won if of == task) for task in ("count", "take", "lease")}
    assert {"count": list(range(1, 49)), "take": list(range(12)), "lease": list(range(12))} == numbers
    taken = {number: name for task, number, name in won if task == "take"}
    with closing(open_store(url, read_only=True)) as store:
        assert (48, 48, 48) == tally(store)
        assert taken == {int(item.key): item.body["by"] for item in store.items(ACCOUNT, "taken")}


def test_killed_process_leaves_whole_states(url: str, start: Callable[..., Started]) -> None:
    """A killed process's commits are each there whole or not at all, and none that it was told of is lost."""
    draw = random.Random(4)
    known: list[str] = []
    for killed in range(1, 9 if url.startswith("sqlite") else 4):
        worker = start("count", url, 10_000)
        go(worker)
        assert worker.stdout
        known += [worker.stdout.readline() for _ in range(draw.randrange(1, 12))]
        worker.send_signal(signal.SIGKILL)
        known += worker.stdout.readlines()
        worker.wait()
        with closing(open_store(url, read_only=True)) as store:
            a, b, items = tally(store)
            kept = {item.body["token"] for item in store.items(ACCOUNT, "won")}
        assert a == b == items
        assert {line.split()[2] for line in known} <= kept
        assert len(known) <= items <= len(known) + killed


def test_looking_while_others_open_and_close(tmp_path: Path, start: Callable[..., Started]) -> None:
    """A look at a file that others open, write and close all the time shows whole states, none older than the last."""
    url = _sqlite_url(tmp_path)
    workers = [start("reopen", url, 60) for _ in range(2)]
    for worker in workers:
        go(worker)
    last, looks = 0, 0
    with closing(open_store(url, read_only=True)) as store:
        while any(worker.poll() is None for worker in workers):
            documents = store.load(ACCOUNT).documents
            numbers = [documents[name].body["n"] if name in documents else 0 for name in ("a", "b")]
            assert numbers[0] == numbers[1]
            assert isinstance(numbers[0], int)
            assert numbers[0] >= last
            last, looks = numbers[0], looks + 1
        assert (120, 120, 120) == tally(store)
    assert [0, 0] == [worker.wait() for worker in workers], [worker.communicate() for worker in workers]
    assert looks > 5
    assert ["songpost.db"] == [path.name for path in (tmp_path / "data").iterdir()]


def test_opening_waits_for_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file that is locked while it is first opened is waited for even where SQLite says "locked" at once.

    It may do so on the switch to the write-ahead log, whatever the time-out; here it has none, so it always does.
    """
    path = tmp_path / "songpost.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM sqlite_master").fetchall()
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                other.execute("ROLLBACK")

        connect = sqlite_files._connected
        monkeypatch.setattr(sqlite_files, "_connected", lambda path, **_: connect(path, busy_seconds=0))
        monkeypatch.setattr("songpost.store.sqlite_files.time.sleep", wait)
        open_sqlite(path).close()
    assert 3 == len(waits)
