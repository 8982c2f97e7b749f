"""How a SQLite file is opened, locked and read: for writing by several processes, or without a trace.

`LiveFile` is the laptop's store: WAL, `synchronous=FULL`, every write in `BEGIN IMMEDIATE`. `FrozenFile`
is what a dry run reads through: it opens the database in a way that changes no byte and creates no file
beside it, and still sees what a running writer has committed. Both turn SQLite's error codes into ours.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from songpost.errors import CommitUnanswered, StoreError, StoreNewer, StoreUnavailable, StoreUnreadable
from songpost.store.sqlite_schema import APPLICATION_ID, FRESH, RETIRED, SCHEMA_VERSION, STEPS, WITH_TABLES

BUSY_SECONDS = 30.0
_PAUSE_SECONDS = 0.02
_SNAPSHOT_TRIES = 50

Result = TypeVar("Result")
Operation = Callable[[sqlite3.Connection], Result]


class File(Protocol):
    """What the adapter needs of a database file."""

    def read(self, operation: Operation[Result]) -> Result:
        """Run `operation` on one consistent state of the database."""
        ...

    def write(self, operation: Operation[Result]) -> Result:
        """Run `operation` in a transaction of its own: all of it, or nothing where it raises."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class LiveFile:
    """A database that this process writes, beside others. For one thread."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = path
        _prepare_to_write(path)
        with translated(path):
            self._connection = _opened(path, busy_seconds)

    def read(self, operation: Operation[Result]) -> Result:
        """One read transaction: a snapshot, whatever others write meanwhile."""
        return self._run("BEGIN", operation)

    def write(self, operation: Operation[Result]) -> Result:
        """Take the write lock first (`IMMEDIATE`), so that what `operation` reads stays true until it is done.

            ours    BEGIN IMMEDIATE ── check versions ── write ── COMMIT (fsync)
            theirs                 └─ BEGIN IMMEDIATE waits ───────────┴─ check versions: moved ── conflict

        With a plain `BEGIN` both could check before either writes, and the later one would fail half-way
        with SQLITE_BUSY_SNAPSHOT, which no time-out waits out.
        """
        return self._run("BEGIN IMMEDIATE", operation)

    def _run(self, begin: str, operation: Operation[Result]) -> Result:
        try:
            return _in_transaction(self._connection, begin, operation)
        except (sqlite3.Error, OSError) as error:
            raise _translation(error, self._path) from error

    def close(self) -> None:
        """Close; the last process to do so moves the write-ahead log into the file."""
        with translated(self._path):
            self._connection.close()


class FrozenFile:
    """A database that is only looked at. Each read opens it anew, so it sees the newest commit."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, operation: Operation[Result]) -> Result:
        """Run `operation` on a state that held still meanwhile; an absent file reads as an empty store.

            no log beside it:  the file alone is the database; `immutable` opens it without lock or log
            a log beside it:   a copy of the file, and after it of the log, is the database (see `_copied`)

        Both hold only if nobody moved the ground meanwhile, so the files are stamped before and after.
        A plain `mode=ro` would create -wal and -shm beside a file in WAL mode, and leave them there.
        """
        for _ in range(_SNAPSHOT_TRIES):
            before = _stamp(self._path)
            if not before.settled:
                time.sleep(_PAUSE_SECONDS)
                continue
            try:
                with translated(self._path), self._still(before) as connection:
                    result = operation(connection)
            except StoreError:
                if before == _stamp(self._path):
                    raise
            else:
                if before == _stamp(self._path):
                    return result
        raise StoreUnavailable(
            "other processes write it without a pause", where=str(self._path), mend="try again in a moment"
        )

    def write(self, operation: Operation[Result]) -> NoReturn:
        """Refuse: `StoreUnavailable`."""
        del operation
        raise StoreUnavailable("opened for reading only", where=str(self._path), mend="run live to change state")

    def close(self) -> None:
        """Nothing is held between reads."""

    @contextmanager
    def _still(self, stamp: Stamp) -> Iterator[sqlite3.Connection]:
        with ExitStack() as opened:
            if stamp.size:
                alone = stamp.logs == _NO_LOGS
                connection = opened.enter_context(closing(_immutable(self._path)) if alone else _copied(self._path))
                if _layout(connection, self._path):
                    yield connection
                    return
            empty = opened.enter_context(closing(_connected(":memory:")))
            _bring_up_to_date(empty, 0)
            yield empty


def _immutable(path: Path) -> sqlite3.Connection:
    return _connected(f"{path.resolve().as_uri()}?immutable=1", uri=True)


@contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database and its logs, in a folder of its own that is removed after.

    The order is what makes it sound. A checkpoint moves pages from the log into the file, so the file may
    be copied half old, half new; but every page that it moves stands in the log, which is copied after and
    overlays it. Only where a *new* log was begun in between could a page be missing: then the log's header
    (its salt) is another, and the reader, who compares it before and after, starts again.

    The file itself is read by SQLite and not by `open`: when a process closes any descriptor of a file,
    POSIX drops all locks that it holds there, those of a live store in this process among them.
    """
    # Costs 10 ms to import, and only a store that somebody is writing, or died writing, needs it.
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="songpost-") as folder:
        copy = Path(folder) / "copy.db"
        with closing(_immutable(path)) as connection:
            copy.write_bytes(connection.serialize())
        for suffix in _LOG_SUFFIXES:
            log = Path(f"{path}{suffix}")
            if log.exists():
                shutil.copyfile(log, f"{copy}{suffix}")
        with closing(_connected(str(copy))) as connection:
            yield connection


# -------------------------------------------------------------------------------------------------- stamps

_LOG_SUFFIXES = ("-wal", "-journal")
_LOG_HEADER_BYTES = 32
_NO_LOGS = (b"", b"")
_TICK_NANOSECONDS = 20_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What must not change while a database is looked at, and whether a change would show.

    With a log, its header tells which log it is, and of the file only whether it holds anything (`size` 0 or 1);
    without, the file's own inode, size and time do.
    File systems count time in ticks of some milliseconds, so a file of this very tick is not `settled`.
    """

    inode: int
    size: int
    changed_at_nanoseconds: int
    logs: tuple[bytes, ...]
    settled: bool


def _stamp(path: Path) -> Stamp:
    with translated(path):
        logs = tuple(_log_header(Path(f"{path}{suffix}")) for suffix in _LOG_SUFFIXES)
        try:
            found = path.stat()
        except FileNotFoundError:
            return Stamp(0, 0, 0, logs, settled=True)
        if logs != _NO_LOGS:
            return Stamp(found.st_ino, min(found.st_size, 1), 0, logs, settled=True)
        settled = not 0 <= time.time_ns() - found.st_mtime_ns < _TICK_NANOSECONDS
        return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, logs, settled=settled)


def _log_header(log: Path) -> bytes:
    try:
        with log.open("rb") as stream:
            return stream.read(_LOG_HEADER_BYTES)
    except FileNotFoundError:
        return b""


# ------------------------------------------------------------------------------------------------- opening


def _prepare_to_write(path: Path) -> None:
    """Create an absent file for its owner alone (0600), its folder too (0700): texts and plans are private.

    A file that cannot be written is refused here: SQLite would open it for reading, and leave logs beside it.

    SQLite gives -wal and -shm the mode of the file. `O_EXCL`: an existing file is never opened here, since
    closing it would drop this process's locks on it (see `_copied`).
    """
    with translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        for place in (path, path.parent):
            if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                kind, what, mend = _ERRORS[sqlite3.SQLITE_READONLY]
                raise kind(what, where=str(place), mend=mend)


def _connected(location: str, *, busy_seconds: float = 0, uri: bool = False) -> sqlite3.Connection:
    # isolation_level None: Python opens no transaction of its own; ours say BEGIN themselves.
    return sqlite3.connect(location, timeout=busy_seconds, isolation_level=None, uri=uri)


def _opened(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """Connect and set up. Switching to WAL answers "locked" at once, whatever the busy time-out: retried."""
    give_up_at = time.monotonic() + busy_seconds
    while True:
        connection = _connected(str(path), busy_seconds=busy_seconds)
        try:
            _set_up(connection, path)
        except sqlite3.OperationalError as error:
            connection.close()
            if _primary(error) not in _LOCKED or time.monotonic() > give_up_at:
                raise
            time.sleep(_PAUSE_SECONDS)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    _layout(connection, path)  # before anything is written: another program's file stays as it is
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise StoreUnavailable(
            "this file system cannot share a write-ahead log", where=str(path), mend="name a path on a local disk"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the platter
    if _layout(connection, path) < SCHEMA_VERSION:
        _in_transaction(connection, "BEGIN IMMEDIATE", lambda held: _bring_up_to_date(held, _layout(held, path)))


def _layout(connection: sqlite3.Connection, path: Path) -> int:
    """The layout a file is in (0: still empty). `StoreUnreadable` for another program's, `StoreNewer`."""
    # In one transaction: another process may be creating the store between two of these questions.
    marks = _marks(connection) if connection.in_transaction else _in_transaction(connection, "BEGIN", _marks)
    application, version, tables = marks
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreUnreadable(
            "a database of another program",
            where=str(path),
            mend="name another path in SONGPOST_STORE; the earlier agent's file is read by `songpost import`",
        )
    if version > SCHEMA_VERSION:
        raise StoreNewer(
            f"in layout {version}; this Songpost knows {SCHEMA_VERSION}", where=str(path), mend="update Songpost"
        )
    return version


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """What a file says of itself: whose it is, its layout, and how many tables and views it holds."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return application, version, tables


def _bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    """Lay out an empty file (0), or move one of an earlier layout; what an owner has added to it stays as it is."""
    steps = [STEPS[layout] for layout in range(version, SCHEMA_VERSION)] if version else [FRESH]
    before = dict(connection.execute(WITH_TABLES))
    connection.execute("PRAGMA legacy_alter_table = ON")  # a view or trigger goes on naming the table that it names
    for statement in chain.from_iterable(steps):
        connection.execute(statement)
    for name in before.keys() - dict(connection.execute(WITH_TABLES)) - RETIRED:
        connection.execute(before[name])
    connection.execute("PRAGMA legacy_alter_table = OFF")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _in_transaction(connection: sqlite3.Connection, begin: str, operation: Operation[Result]) -> Result:
    """Run `operation` in a transaction: all of it, or nothing where it raises."""
    connection.execute(begin)
    try:
        result = operation(connection)
        _commit(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return result


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        # The pages may have reached the disk although the sync failed: only a repeat can tell.
        if _primary(error) == sqlite3.SQLITE_IOERR:
            raise CommitUnanswered(f"the disk did not confirm: {error}", where="commit") from error
        raise


# -------------------------------------------------------------------------------------------------- errors

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_ERRORS: dict[int, tuple[type[StoreError], str, str]] = {
    sqlite3.SQLITE_BUSY: (
        StoreUnavailable,
        "locked by another process",
        "wait for it, or end it: `fuser` or `lsof` on the file names it",
    ),
    sqlite3.SQLITE_LOCKED: (StoreUnavailable, "locked by this process", "report it"),
    sqlite3.SQLITE_READONLY: (StoreUnavailable, "read-only", "give the file and its folder write permission"),
    sqlite3.SQLITE_PERM: (StoreUnavailable, "no permission", "give the file and its folder write permission"),
    sqlite3.SQLITE_FULL: (StoreUnavailable, "the disk is full", "make room; nothing was written"),
    sqlite3.SQLITE_IOERR: (StoreUnavailable, "the disk failed", "check the disk; nothing was written"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnavailable, "cannot be opened", "check that the path names a file, not a folder"),
    sqlite3.SQLITE_NOMEM: (StoreUnavailable, "out of memory", "make room; nothing was written"),
    sqlite3.SQLITE_NOTADB: (
        StoreUnreadable,
        "not a database",
        "restore a backup, or name another path in SONGPOST_STORE",
    ),
    sqlite3.SQLITE_CORRUPT: (StoreUnreadable, "damaged or cut off", "restore a backup (`songpost import`)"),
}
_OTHER = (StoreUnreadable, "not laid out as a store", "restore a backup (`songpost import`)")


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the low byte of the extended one (sqlite.org/rescode.html)."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's and the system's errors as ours, naming the file and the way out."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _translation(error, path) from error


def _translation(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    if isinstance(error, sqlite3.Error):
        kind, what, mend = _ERRORS.get(_primary(error), _OTHER)
        return kind(f"{what} ({error})", where=str(path), mend=mend)
    reason = error.strerror or type(error).__name__
    return StoreUnavailable(
        f"cannot be used: {reason}", where=str(path), mend="check the path, its permissions and the disk's room"
    )
