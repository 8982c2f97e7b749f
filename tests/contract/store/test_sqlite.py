"""What SQLite adds to the contract: a file for its owner, a look that leaves no trace, views, and named errors."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from songpost.account_documents import Bucket, Limits, Tally, Usage
from songpost.agent.documents import encode
from songpost.core.learning_state import Reward, fresh, observe
from songpost.errors import CommitConflict, StoreError, StoreNewer, StoreUnavailable, StoreUnreadable
from songpost.model import Arm, State
from songpost.store import sqlite_files
from songpost.store.port import Change, Loaded, PutAction, PutDocument, PutItem, Store, StoredAction
from songpost.store.sqlite import SqliteStore, open_sqlite
from songpost.store.sqlite_files import FrozenFile, LiveFile, _set_up, _stamp
from tests.contract.store.samples import NOW, action, full_action, moved

ACCOUNT = "default"
Trace = dict[str, tuple[bytes, int, int]]


def trace(folder: Path) -> Trace:
    """Everything that can be seen of a folder: names, bytes, times of change, modes."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def put(name: str, number: int, expected: int = 0) -> PutDocument:
    """A document with a number in it."""
    return PutDocument(name, {"n": number}, expected)


def numbers(store: Store) -> dict[str, object]:
    """The numbers in an account's documents."""
    return {name: document.body["n"] for name, document in store.load(ACCOUNT).documents.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "data" / "songpost.db"


@pytest.fixture
def filled(path: Path) -> Path:
    """A file that was written and closed, old enough for its time-stamp to tell of any change."""
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [put("control", 1), PutAction(full_action(), None), PutItem("reads", "1", {})], "first")
    os.utime(path, ns=(0, 0))
    return path


def child(script: str, *arguments: object, check: bool = True) -> str:
    """Run a script in another process; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *(str(argument) for argument in arguments)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


# -------------------------------------------------------------------------------------------------- the file


def test_file_is_its_owners_alone(path: Path) -> None:
    """Folder, file and log are made for the owner alone, whatever the umask; an existing folder keeps its mode."""
    before = os.umask(0)
    try:
        with closing(open_sqlite(path)) as store:
            store.commit(ACCOUNT, [put("control", 1)], "first")
            modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert {"songpost.db": 0o600, "songpost.db-wal": 0o600, "songpost.db-shm": 0o600} == modes
    assert 0o700 == path.parent.stat().st_mode & 0o777
    path.parent.chmod(0o755)
    open_sqlite(path).close()
    assert 0o755 == path.parent.stat().st_mode & 0o777


def test_commits_reach_the_disk(path: Path) -> None:
    """The connection writes ahead and syncs each commit in full, on macOS down to the platter."""
    with closing(open_sqlite(path)) as store:
        connection = store._file._connection  # type: ignore[attr-defined]  # the pragmas are this connection's own
        asked = ("journal_mode", "synchronous", "fullfsync", "busy_timeout")
        assert ["wal", 2, 1, 30_000] == [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]


def test_closed_store_leaves_one_file(filled: Path) -> None:
    """The last to close moves the log into the file."""
    assert ["songpost.db"] == list(trace(filled.parent))


# ------------------------------------------------------------------------------------- a look without a trace


def test_look_at_nothing_creates_nothing(path: Path) -> None:
    """An absent file, in an absent folder, reads as an empty store and stays absent."""
    with closing(open_sqlite(path, read_only=True)) as store:
        assert Loaded() == store.load(ACCOUNT)
        assert [] == list(store.actions(ACCOUNT))
        assert [] == list(store.export(ACCOUNT))
    assert not path.parent.exists()


def test_look_at_an_empty_file(path: Path) -> None:
    """A file of no bytes reads as an empty store and stays as it is."""
    path.parent.mkdir()
    path.touch()
    before = trace(path.parent)
    with closing(open_sqlite(path, read_only=True)) as store:
        assert Loaded() == store.load(ACCOUNT)
    assert before == trace(path.parent)


def test_look_at_a_file_at_rest(filled: Path) -> None:
    """A file that nobody has open is read without a byte, a time or a neighbour changed."""
    before = trace(filled.parent)
    with closing(open_sqlite(filled, read_only=True)) as store:
        assert {"control": 1} == numbers(store)
        assert [StoredAction(full_action(), 1)] == list(store.actions(ACCOUNT))
        assert ["1"] == [item.key for item in store.items(ACCOUNT, "reads")]
        during = trace(filled.parent)
    assert before == during == trace(filled.parent)


def test_look_past_a_running_writer(path: Path) -> None:
    """What a writer has committed is seen at once, what it is still writing is not, and its files stay as they are."""
    with closing(open_sqlite(path)) as writer, closing(open_sqlite(path, read_only=True)) as store:
        for number in range(1, 4):
            writer.commit(ACCOUNT, [put("control", number, number - 1)], f"commit {number}")
            before = trace(path.parent)
            assert {"songpost.db", "songpost.db-wal", "songpost.db-shm"} == set(before)
            assert {"control": number} == numbers(store)
            assert before == trace(path.parent)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM documents")
            assert {"control": 3} == numbers(store)
            other.execute("ROLLBACK")
    assert ["songpost.db"] == list(trace(path.parent))


def test_look_leaves_the_locks_of_this_process(path: Path) -> None:
    """Looking at a file does not drop the locks that a store of this very process holds on it.

    POSIX drops them all when any descriptor of the file is closed; another process that then closes its
    store believes itself the last, and deletes the log under the one that is still open.
    """
    with closing(open_sqlite(path)) as ours:
        ours.commit(ACCOUNT, [put("control", 1)], "first")
        with closing(open_sqlite(path, read_only=True)) as look:
            assert {"control": 1} == numbers(look)
        child(
            """
            import sys; from pathlib import Path; from songpost.store.sqlite import open_sqlite
            store = open_sqlite(Path(sys.argv[1])); store.load("default"); store.close()
            """,
            path,
        )
        assert Path(f"{path}-wal").exists()
        ours.commit(ACCOUNT, [put("control", 2, 1)], "second")
    with closing(open_sqlite(path, read_only=True)) as look:
        assert {"control": 2} == numbers(look)


def big(name: str, number: int, expected: int) -> PutDocument:
    """A document that fills pages of its own."""
    return PutDocument(name, {"n": number, "text": str(number) * 9_000}, expected)


def number_in(connection: sqlite3.Connection, name: str) -> int:
    """The number in a document, as this connection sees it."""
    found = connection.execute("SELECT json_extract(body, '$.n') FROM documents WHERE name = ?", (name,)).fetchone()
    return int(found[0])


def test_file_that_moves_while_looked_at(path: Path) -> None:
    """A look during which another process opened, wrote and closed is done again, not shown half old, half new."""
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [PutDocument(name, {"n": 1, "text": "x" * 1_500}, 0) for name in "abcdefgh"], "first")
    os.utime(path, ns=(0, 0))
    looks: list[tuple[int, int]] = []

    def look(connection: sqlite3.Connection) -> tuple[int, int]:
        first = number_in(connection, "a")
        if not looks:
            with closing(open_sqlite(path)) as store:
                changes = [PutDocument(name, {"n": 2, "text": "x" * 1_500}, 1) for name in "ah"]
                store.commit(ACCOUNT, changes, "second")
        looks.append((first, number_in(connection, "h")))
        return looks[-1]

    assert (2, 2) == FrozenFile(path).read(look)
    assert 2 == len(looks)


def test_log_that_begins_anew_while_copied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy between whose halves the log was folded up and begun anew is made again, not read with pages missing."""
    copied: list[object] = []
    with closing(open_sqlite(path)) as writer:
        writer.commit(ACCOUNT, [big("a", 1, 0), big("b", 1, 0)], "first")

        def copyfile(source: Path, target: str) -> None:
            if not copied:
                with closing(sqlite3.connect(path)) as other:
                    assert (0, 0, 0) == other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                writer.commit(ACCOUNT, [big("a", 2, 1)], "second")
            copied.append(source)
            Path(target).write_bytes(source.read_bytes())

        monkeypatch.setattr("shutil.copyfile", copyfile)
        assert (2, 1) == FrozenFile(path).read(
            lambda connection: (number_in(connection, "a"), number_in(connection, "b"))
        )
    assert 2 == len(copied)


CRASHING = """
    import os, signal, sys; from pathlib import Path
    from songpost.store.port import PutDocument; from songpost.store.sqlite import open_sqlite
    store = open_sqlite(Path(sys.argv[1]))
    store.commit("default", [PutDocument("control", {"n": 7}, 0)], "first")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("with_shm", [True, False])
def test_look_after_a_crash(path: Path, with_shm: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What a killed writer had committed is in its log, is seen there, and is left there; a live run takes it in."""
    child(CRASHING, path, check=False)
    if not with_shm:
        Path(f"{path}-shm").unlink()
    before = trace(path.parent)
    assert Path(f"{path}-wal").stat().st_size
    with closing(open_sqlite(path, read_only=True)) as store:
        assert {"control": 7} == numbers(store)
    assert before == trace(path.parent)
    with closing(open_sqlite(path)) as store:
        assert {"control": 7} == numbers(store)


def test_look_leaves_no_copy_behind(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy that a look at a running store makes is gone after it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with closing(open_sqlite(path)) as writer, closing(open_sqlite(path, read_only=True)) as store:
        writer.commit(ACCOUNT, [put("control", 1)], "first")
        before = sorted(found.name for found in tmp_path.iterdir())
        assert {"control": 1} == numbers(store)
        assert before == sorted(found.name for found in tmp_path.iterdir())


AS_NOBODY = """
    import os, sys; from pathlib import Path
    from songpost.errors import StoreError; from songpost.store.port import PutDocument
    from songpost.store.sqlite import open_sqlite
    import msgspec, shutil, tempfile, urllib.parse  # while they can still be read
    if os.getuid() == 0:
        os.setuid(65534)
    path, read_only = Path(sys.argv[1]), sys.argv[2] == "look"
    try:
        store = open_sqlite(path, read_only=read_only)
        if not read_only:
            store.commit("default", [PutDocument("control", {"n": 2}, 1)], "second")
        print({name: document.body["n"] for name, document in store.load("default").documents.items()})
        store.close()
    except StoreError as error:
        print(error.name, error)
"""


def _readable_by_all(folder: Path) -> None:
    """Open the way to a folder of pytest's for another user."""
    for parent in [folder, *folder.parents][:5]:
        if parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o055)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o555), (0o444, 0o777), (0o666, 0o555)])
def test_read_only_file(filled: Path, file_mode: int, folder_mode: int) -> None:
    """A file that may only be read can be looked at; to a live run it is a named error, and nothing is left."""
    _readable_by_all(filled.parent)
    filled.chmod(file_mode)
    filled.parent.chmod(folder_mode)
    before = trace(filled.parent)
    try:
        assert "{'control': 1}" == child(AS_NOBODY, filled, "look")
        assert "StoreUnavailable" in (said := child(AS_NOBODY, filled, "live"))
        assert str(filled.parent) in said
        assert "write permission" in said
        assert before == trace(filled.parent)
    finally:
        filled.parent.chmod(0o700)


def test_unreadable_file(filled: Path) -> None:
    """A file that may not even be read is a named error."""
    _readable_by_all(filled.parent)
    filled.chmod(0o000)
    for how in ("look", "live"):
        assert "StoreUnavailable" in child(AS_NOBODY, filled, how)


# ---------------------------------------------------------------------------------------------- an older layout


FIRST_LAYOUT = """
    DROP TABLE items;
    CREATE TABLE items (
        account TEXT NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, expires_at INTEGER,
        PRIMARY KEY (account, collection, key)
    ) STRICT;
    DROP TABLE commits;
    CREATE TABLE commits (
        account TEXT NOT NULL, token TEXT NOT NULL, digest TEXT NOT NULL, committed_at INTEGER NOT NULL,
        PRIMARY KEY (account, token)
    ) STRICT;
    CREATE INDEX commits_by_time ON commits (committed_at);
    PRAGMA user_version = 1;
"""
"""How the first Songpost laid out what the second layout has otherwise."""


@pytest.fixture
def first_layout(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store as the first Songpost left it: a document, two items, and the token of the commit that wrote them."""
    open_sqlite(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_LAYOUT)
    with monkeypatch.context() as then:
        then.setattr(sqlite_files, "SCHEMA_VERSION", 1)
        store = open_sqlite(path)
        store.commit(ACCOUNT, KEPT, "kept")
        store.close()
    return path


KEPT: tuple[Change, ...] = (
    put("control", 1),
    PutItem("inbox", "2026-11-22/1", {"n": 1}, expires_at=NOW),
    PutItem("inbox", "2026-11-22/2", {"n": 2}),
)


def test_a_store_in_the_first_layout_is_read_as_it_lies(first_layout: Path) -> None:
    """Who only looks finds everything, and changes nothing."""
    before, store = trace(first_layout.parent), open_sqlite(first_layout, read_only=True)

    assert {"control": 1} == numbers(store)
    assert [1, 2] == [item.body["n"] for item in store.items(ACCOUNT, "inbox")]
    assert before == trace(first_layout.parent)


def test_a_store_in_the_first_layout_is_moved_whole(first_layout: Path) -> None:
    """Whoever writes finds every record, when it is over, and the tokens: a repeated commit has no second effect."""
    before = list(open_sqlite(first_layout, read_only=True).export(ACCOUNT))
    store = open_sqlite(first_layout)
    store.commit(ACCOUNT, KEPT, "kept")
    with pytest.raises(CommitConflict):
        store.commit(ACCOUNT, KEPT, "other")
    found = list(store.export(ACCOUNT))
    store.close()

    assert before == found
    assert 3 == len(found)
    assert int(NOW.timestamp()) == found[1]["expires_at"]
    with closing(sqlite3.connect(first_layout)) as connection:
        assert (2,) == connection.execute("PRAGMA user_version").fetchone()
        assert (
            2 == connection.execute("SELECT count(*) FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'").fetchone()[0]
        )
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'commits_by_time'").fetchall()


OWN = {
    "my_inbox": "CREATE VIEW my_inbox AS SELECT key FROM items WHERE collection = 'inbox'",
    "my_broken": "CREATE VIEW my_broken AS SELECT one FROM nowhere",
    "my_dates": "CREATE INDEX my_dates ON items (expires_at)",
    "my_guard": "CREATE TRIGGER my_guard AFTER INSERT ON items BEGIN DELETE FROM leases WHERE name = new.key; END",
    "my_watch": "CREATE TRIGGER my_watch AFTER INSERT ON actions BEGIN DELETE FROM items WHERE key = new.key; END",
}
"""What an owner with an SQL prompt may have added."""


def test_what_an_owner_has_added_outlives_the_move(first_layout: Path) -> None:
    """Views, indexes and triggers of the owner's own stand afterwards as they were, also one that never worked."""
    with closing(sqlite3.connect(first_layout)) as connection:
        for statement in OWN.values():
            connection.execute(statement)
    store = open_sqlite(first_layout)
    store.commit(ACCOUNT, [PutItem("inbox", "2026-11-22/3", {"n": 3})], "after")
    store.close()

    with closing(sqlite3.connect(first_layout)) as connection:
        found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE name LIKE 'my_%'"))
        listed = [key for (key,) in connection.execute("SELECT key FROM my_inbox ORDER BY key")]
    assert found == OWN
    assert ["2026-11-22/1", "2026-11-22/2", "2026-11-22/3"] == listed


# ---------------------------------------------------------------------------------------------- files at fault


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE actions (id INTEGER)")


def _foreign_with_marks(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 7")


def _newer(path: Path) -> None:
    open_sqlite(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _without_table(path: Path) -> None:
    open_sqlite(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP VIEW rate_limits; DROP VIEW usage_monthly; DROP TABLE documents;")


AT_FAULT: list[tuple[Callable[[Path], object], type[StoreError], str]] = [
    (_foreign, StoreUnreadable, "another program"),
    (_foreign_with_marks, StoreUnreadable, "another program"),
    (_newer, StoreNewer, "layout 99"),
    (_without_table, StoreUnreadable, "no such table"),
    (lambda path: path.write_text("tweets: 12\n" * 400), StoreUnreadable, "not a database"),
    (lambda path: path.write_bytes(b"SQLite"), StoreUnreadable, "not a database"),
    (Path.mkdir, StoreUnavailable, "cannot be (opened|used)"),
]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(("make", "expected", "said"), AT_FAULT)
def test_file_at_fault(
    path: Path, make: Callable[[Path], object], expected: type[StoreError], said: str, *, read_only: bool
) -> None:
    """What is no store of ours is named and left exactly as it is, live or not."""
    path.parent.mkdir()
    make(path)
    before = trace(path.parent)
    with pytest.raises(expected, match=said) as caught, closing(open_sqlite(path, read_only=read_only)) as store:
        store.load(ACCOUNT)
    assert str(path) == caught.value.where
    assert caught.value.mend
    assert before == trace(path.parent)


@pytest.mark.parametrize("read_only", [True, False])
def test_folder_that_is_none(path: Path, *, read_only: bool) -> None:
    """A path through a file is a named error."""
    path.parent.write_text("not a folder")
    with pytest.raises(StoreUnavailable, match=r"Not a directory|File exists"):
        open_sqlite(path, read_only=read_only).load(ACCOUNT)


def test_file_system_without_shared_memory() -> None:
    """Where SQLite cannot switch to the write-ahead log (it says so by staying as it is), the store is refused."""
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(StoreUnavailable, match="local disk"):
        _set_up(connection, Path("songpost.db"))


def test_file_that_never_rests(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes whenever it is looked at is given up on by name, not read in passing."""
    inodes = itertools.count()
    monkeypatch.setattr("songpost.store.sqlite_files._PAUSE_SECONDS", 0)
    monkeypatch.setattr("songpost.store.sqlite_files._stamp", lambda path: replace(_stamp(path), inode=next(inodes)))
    inodes = itertools.count()
    with (
        closing(open_sqlite(filled, read_only=True)) as store,
        pytest.raises(StoreUnavailable, match="without a pause"),
    ):
        store.load(ACCOUNT)


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("kept", [100, 511, 4_096, 12_288, 0.3, 0.6, 0.9, 0.99])
def test_truncated_file(path: Path, kept: float, *, read_only: bool) -> None:
    """A file that was cut off is named, never read as less than it was."""
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [PutDocument(f"plan/{number}", {"text": "x" * 1_500}, 0) for number in range(99)], "all")
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.truncate(int(kept if kept > 1 else kept * size))
    os.utime(path, ns=(0, 0))
    with pytest.raises(StoreUnreadable, match="songpost"), closing(open_sqlite(path, read_only=read_only)) as store:
        store.load(ACCOUNT)


@pytest.mark.parametrize(
    ("column", "value", "error", "said"),
    [
        ("body", "{", StoreUnreadable, "does not decode"),
        ("body", "[]", StoreUnreadable, "JSON object"),
        ("body", '{"schema_version":2}', StoreNewer, "schema 2"),
        ("body", "{}", StoreUnreadable, "schema_version"),
        ("body", '{"schema_version":1}', StoreUnreadable, "missing required field"),
        ("body", "json_set(body, '$.likes', 3)", StoreUnreadable, "unknown field 'likes'"),
        ("body", "json_set(body, '$.history[0].by', 'me')", StoreUnreadable, r"history\[0\].by"),
        ("body", "json_set(body, '$.due_at', '2026-11-22T08:14:00')", StoreUnreadable, "zone"),
        ("body", "json_set(body, '$.state', 'gone')", StoreUnreadable, "gone"),
    ],
)
def test_action_at_fault(filled: Path, column: str, value: str, error: type[StoreError], said: str) -> None:
    """An action that does not read exactly is named, not guessed at."""
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        if value.startswith("json_set"):
            connection.execute(f"UPDATE actions SET {column} = {value}")  # noqa: S608 - the test's own words
        else:
            # A body that is no JSON cannot get past the generated columns: it comes from a damaged disk.
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("DROP VIEW action_log")
            connection.execute("CREATE TABLE damaged AS SELECT account, key, version, body FROM actions")
            connection.execute("DROP TABLE actions")
            connection.execute("ALTER TABLE damaged RENAME TO actions")
            connection.execute("UPDATE actions SET body = ?", (value,))
    with closing(open_sqlite(filled, read_only=True)) as store, pytest.raises(error, match=said) as caught:
        store.action(ACCOUNT, full_action().key)
    assert f"action {full_action().key}" == caught.value.where


# ------------------------------------------------------------------------------------------- locked and full


@pytest.fixture
def locking(filled: Path) -> Iterator[sqlite3.Connection]:
    """Another program that holds the write lock and does not let go."""
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_locked_file(filled: Path, locking: sqlite3.Connection) -> None:
    """A lock that is not given up within the time-out is a named error; reading goes on; then writing does."""
    with closing(open_sqlite(filled, busy_seconds=0.05)) as store:
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            store.commit(ACCOUNT, [put("control", 2, 1)], "second")
        assert {"control": 1} == numbers(store)
        locking.execute("ROLLBACK")
        store.commit(ACCOUNT, [put("control", 2, 1)], "second")
        assert {"control": 2} == numbers(store)


def test_exclusively_locked_file(filled: Path) -> None:
    """A program that lets nobody read either is a named error on opening."""
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM items")
        with pytest.raises(StoreUnavailable, match="locked"):
            open_sqlite(filled, busy_seconds=0.05)


@pytest.fixture
def small_disk(tmp_path: Path) -> Callable[[str], str]:
    """A way to run a script in a file system of 256 KB; skips where this machine does not let us make one."""
    mountpoint = tmp_path / "disk"
    mountpoint.mkdir()
    wrap = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=256k tmpfs {mountpoint}"
    try:
        tried = subprocess.run([*wrap, mount], capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        pytest.skip("NOT RUN on a full disk: no unshare(1) here")
    if tried.returncode:
        pytest.skip(f"NOT RUN on a full disk: no mount of our own here ({tried.stderr.decode().strip()})")

    def run(script: str) -> str:
        command = [*wrap, f'{mount} && exec "$@"', "sh", sys.executable, "-c", textwrap.dedent(script), str(mountpoint)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_full_disk(small_disk: Callable[[str], str]) -> None:
    """On a disk without room a commit is a named error, writes nothing, and goes through once there is room."""
    said = small_disk("""
        import sys; from pathlib import Path
        from songpost.errors import StoreUnavailable; from songpost.store.port import PutDocument
        from songpost.store.sqlite import open_sqlite
        folder = Path(sys.argv[1]); ballast = folder / "ballast"; ballast.write_bytes(b"x" * 60_000)
        store = open_sqlite(folder / "songpost.db")
        store.commit("default", [PutDocument("control", {"n": 1}, 0)], "first")
        changes = [PutDocument("control", {"n": 2}, 1), PutDocument("settings", {"text": "x" * 90_000}, 0)]
        try:
            store.commit("default", changes, "second")
        except StoreUnavailable as error:
            print(error)
        assert {"n": 1} == store.load("default").documents["control"].body
        ballast.unlink()
        store.close(); store = open_sqlite(folder / "songpost.db")
        store.commit("default", changes, "second")
        print(sorted((name, document.version) for name, document in store.load("default").documents.items()))
    """)
    assert "disk is full" in said.splitlines()[0]
    assert "[('control', 2), ('settings', 1)]" == said.splitlines()[-1]


def test_disk_that_fails_at_the_end(path: Path) -> None:
    """Where the system refuses the last write of a commit, its outcome is open; the repeat settles it, once."""
    said = child(
        """
        import resource, sys; from pathlib import Path
        from songpost.errors import CommitUnanswered; from songpost.store.port import PutDocument
        from songpost.store.sqlite import open_sqlite
        store = open_sqlite(Path(sys.argv[1]))
        store.commit("default", [PutDocument("control", {"n": 1}, 0)], "first")
        changes = [PutDocument("control", {"n": 2}, 1), PutDocument("settings", {"text": "x" * 90_000}, 0)]
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1] + "-wal").stat().st_size + 9_000, hard))
        try:
            store.commit("default", changes, "second")
        except CommitUnanswered as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        for _ in range(2):
            store.commit("default", changes, "second")
        print(sorted((name, document.version) for name, document in store.load("default").documents.items()))
        """,
        path,
    )
    assert "did not confirm" in said.splitlines()[0]
    assert "[('control', 2), ('settings', 1)]" == said.splitlines()[-1]


# ------------------------------------------------------------------------------------------- the SQL prompt


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What a person at a SQL prompt sees."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_views_for_people(path: Path) -> None:
    """Rate limits, months and the log of actions can be read as tables, of documents as the agent writes them."""
    bucket = Bucket(name="POST /2/tweets:user24h", limit=100, remaining=97, reset_at=NOW, seen_at=NOW)
    usage = Usage(months={"2026-11": Tally(writes=3, reads=40, spent_micros=2_230_000), "2026-10": Tally()})
    changes: list[Change] = [
        PutDocument("limits", encode(Limits(buckets={bucket.name: bucket})), 0),
        PutDocument("usage", encode(usage), 0),
        PutAction(full_action(), None),
    ]
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, changes, "first")
    at = "2026-11-22T08:14:00Z"
    assert [(ACCOUNT, bucket.name, 100, 97, at, at, "headers")] == rows(path, "SELECT * FROM rate_limits")
    assert [(ACCOUNT, "2026-10", 0, 0, 0, 0.0), (ACCOUNT, "2026-11", 3, 40, 2_230_000, 2.23)] == rows(
        path, "SELECT * FROM usage_monthly ORDER BY period"
    )
    log = rows(path, "SELECT key, line, at, state, note, attempt_id, digest FROM action_log ORDER BY line")
    assert [
        (
            full_action().key,
            number,
            at[:17] + f"{seconds}.000000Z",
            str(event.state),
            event.note,
            event.attempt_id,
            event.digest,
        )
        for number, (seconds, event) in enumerate(zip(("00", "03"), full_action().history, strict=True), 1)
    ] == log


def test_learner_for_people(path: Path) -> None:
    """What the learner remembers can be read as a table of arms with their mean rates, whatever the arms are called."""
    learned = fresh(NOW - timedelta(days=300))
    arms = [Arm("birds|of%prey", "early|morning", media=True), Arm("trees", "noon")]
    rates = {arms[0]: (0.01, 0.03), arms[1]: (0.02,)}
    for arm, seen in rates.items():
        for rate in seen:
            reward = Reward(
                rate=round(rate * 2**20), log_rate=round(2**20 * rate * 10), impressions=1_000, engagements=9
            )
            learned = observe(learned, arm, reward, NOW)
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [PutDocument("learning", encode(learned), 0)], "1")
    found = rows(path, 'SELECT topic, "window", media, posts, mean_rate, mean_log_rate FROM bandit ORDER BY topic')
    assert [("birds|of%prey", "early|morning", 1, 2), ("trees", "noon", 0, 1)] == [row[:4] for row in found]
    assert [(pytest.approx(0.02, rel=1e-4), pytest.approx(0.2, rel=1e-3))] * 2 == [row[4:] for row in found]


def test_columns_for_people(path: Path) -> None:
    """An action's row says what its body says, in columns, and moves with it."""
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [PutAction(full_action(), None), PutAction(action("post/2026-11-22/noon/1"), None)], "1")
        later = moved(action("post/2026-11-22/noon/1"), State.SENT, text="Wrens")
        store.commit(ACCOUNT, [PutAction(later, StoredAction(action("post/2026-11-22/noon/1"), 1))], "2")
    shown = full_action().text.split("\0")[0]  # SQLite's own functions end a text at a null; the body has it all
    columns = 'date, kind, state, is_open, post_id, topic, "window", media, text, price_micros, version'
    assert [
        ("2026-11-22", "post", "sent", 0, "1990000000000000001", "birds", "morning", 1, shown, 35_000, 1),
        ("2026-11-22", "post", "sent", 0, "", "birds", "morning", 0, "Wrens", 0, 2),
    ] == rows(path, f"SELECT {columns} FROM actions ORDER BY key")  # noqa: S608 - the test's own words


def test_tokens_are_forgotten_in_the_end(path: Path) -> None:
    """A token is remembered for seven days; forgotten, its commit is judged like any other."""
    with closing(open_sqlite(path)) as store:
        for number in range(3):
            store.commit(ACCOUNT, [put(f"plan/{number}", number)], f"commit {number}")
    age(path, "commit 0", 604_790)
    age(path, "commit 1", 604_900)
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [put("control", 1)], "another")
        store.commit(ACCOUNT, [put("plan/0", 0)], "commit 0")
        with pytest.raises(CommitConflict, match="plan/1"):
            store.commit(ACCOUNT, [put("plan/1", 1)], "commit 1")
    assert [("another",), ("commit 0",), ("commit 2",)] == rows(path, "SELECT token FROM commits ORDER BY token")


def test_tokens_are_forgotten_now_and_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that stays open looks for old tokens again after so many commits, and a lost race is not one of them."""
    monkeypatch.setattr("songpost.store.sqlite.COMMITS_BETWEEN_FORGETTING", 3)
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [put("plan/0", 0)], "commit 0")
        age(path, "commit 0", 604_900)
        store.commit(ACCOUNT, [put("plan/1", 1)], "commit 1")
        with pytest.raises(CommitConflict):
            store.commit(ACCOUNT, [put("plan/1", 1)], "lost")
        store.commit(ACCOUNT, [put("plan/2", 2)], "commit 2")
        assert [("commit 0",), ("commit 1",), ("commit 2",)] == rows(path, "SELECT token FROM commits ORDER BY token")
        store.commit(ACCOUNT, [put("plan/3", 3)], "commit 3")
    assert [("commit 1",), ("commit 2",), ("commit 3",)] == rows(path, "SELECT token FROM commits ORDER BY token")


def age(path: Path, token: str, seconds: int) -> None:
    """Have a commit been made so long ago."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE commits SET committed_at = committed_at - ? WHERE token = ?", (seconds, token))


def test_expiry_is_kept(path: Path) -> None:
    """An item's time to go is kept in whole epoch seconds, as DynamoDB counts."""
    expires_at = datetime(2099, 1, 1, tzinfo=UTC)
    with closing(open_sqlite(path)) as store:
        store.commit(ACCOUNT, [PutItem("reads", "1", {}, expires_at=expires_at)], "1")
    assert [(int(expires_at.timestamp()),)] == rows(path, "SELECT expires_at FROM items")


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_look_at_a_few_items_passes_by_the_others(path: Path, *, newest_first: bool) -> None:
    """Both bounds are searched for in the tree of the keys: no look gets dearer with what lies beyond them."""
    store, statements = open_sqlite(path), list[str]()
    assert isinstance(store, SqliteStore)
    assert isinstance(store._file, LiveFile)
    connection = store._file._connection
    connection.set_trace_callback(statements.append)
    list(store.items(ACCOUNT, "bands", after="1", until="2", newest_first=newest_first))
    (asked,) = [one for one in statements if "FROM items" in one]
    plan = "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}"))
    store.close()

    assert "SEARCH items USING PRIMARY KEY (account=? AND collection=? AND key>? AND key<?)" == plan
