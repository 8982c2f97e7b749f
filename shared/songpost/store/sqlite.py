"""State in one SQLite file: the store of a laptop, safe under several processes.

A commit is one `BEGIN IMMEDIATE` transaction; every expectation is part of a statement's WHERE, and a
statement that touches no row is an expectation that failed. Times are text in UTC that sorts as time
does. Open one store per thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import assert_never

from songpost.errors import CommitConflict
from songpost.model import Json, Kind, State
from songpost.store.changes import Prepared, booked_micros, key_date, prepare
from songpost.store.codec import (
    Record,
    StoredItem,
    action_from,
    action_text,
    canonical,
    parsed,
    record_from,
    record_json,
    stamp,
)
from songpost.store.port import (
    Change,
    CheckDocument,
    DeleteDocument,
    DeleteItem,
    Document,
    Item,
    Loaded,
    PutAction,
    PutDocument,
    PutItem,
    Store,
    StoredAction,
)
from songpost.store.sqlite_files import BUSY_SECONDS, File, FrozenFile, LiveFile

COMMIT_MEMORY_SECONDS = 7 * 86_400
"""How long a token is remembered at least, and so how late a commit may be repeated."""
COMMITS_BETWEEN_FORGETTING = 2048
"""Tokens are kept for seven days of a laptop's commits, some thousands; as many more do no harm."""
_PAGE_ROWS = 500

_INSERT_DOCUMENT = "INSERT INTO documents (account, name, version, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_UPDATE_DOCUMENT = "UPDATE documents SET body = ?, version = version + 1 WHERE account = ? AND name = ? AND version = ?"
_VERSION = "SELECT version FROM documents WHERE account = ? AND name = ?"
_DELETE_DOCUMENT = "DELETE FROM documents WHERE account = ? AND name = ? AND version = ?"
_INSERT_ACTION = """
    INSERT INTO actions (account, key, version, date, price_micros, body) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING"""
_UPDATE_ACTION = """
    UPDATE actions SET body = ?, price_micros = ?, version = version + 1
    WHERE account = ? AND key = ? AND version = ?"""
_INSERT_ITEM = """
    INSERT INTO items (account, collection, key, body, expires_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_REPLACE_ITEM = "INSERT OR REPLACE INTO items (account, collection, key, body, expires_at) VALUES (?, ?, ?, ?, ?)"
_DELETE_ITEM = "DELETE FROM items WHERE account = ? AND collection = ? AND key = ?"
_NOW = "CAST(strftime('%s', 'now') AS INTEGER)"
_REMEMBER = f"INSERT OR IGNORE INTO commits (account, token, digest, committed_at) VALUES (?, ?, ?, {_NOW})"  # noqa: S608
_FORGET = f"DELETE FROM commits WHERE committed_at < {_NOW} - {COMMIT_MEMORY_SECONDS}"  # noqa: S608


def open_sqlite(path: Path, *, read_only: bool = False, busy_seconds: float = BUSY_SECONDS) -> Store:
    """Open the store in `path`, creating it (0600, its folder 0700) if absent.

    With `read_only` nothing on disk changes: no byte of the file, no file beside it; an absent file reads
    as an empty store. Raises `StoreUnavailable`, `StoreUnreadable`, `StoreNewer` (read-only: on first use).
    """
    return SqliteStore(FrozenFile(path) if read_only else LiveFile(path, busy_seconds=busy_seconds))


class SqliteStore(Store):
    """The port over one database file; see `Store` for what is promised."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._commits = 0

    def load(self, account: str) -> Loaded:
        """Read both tables in one read transaction."""

        def operation(connection: sqlite3.Connection) -> Loaded:
            documents = connection.execute(
                "SELECT name, version, body FROM documents WHERE account = ? ORDER BY name", (account,)
            )
            actions = connection.execute(
                "SELECT key, version, body FROM actions WHERE account = ? AND is_open ORDER BY key", (account,)
            )
            return Loaded(
                {name: _document(name, version, body) for name, version, body in documents},
                {key: _stored(key, version, body) for key, version, body in actions},
            )

        return self._file.read(operation)

    def commit(self, account: str, changes: Sequence[Change], token: str) -> None:
        """Apply all changes in one transaction, unless this token has been through already."""
        prepared, digest = prepare(account, changes, token)
        if not prepared:
            return

        def operation(connection: sqlite3.Connection) -> None:
            if not _remembered(connection, account, token, digest):
                return
            if self._commits % COMMITS_BETWEEN_FORGETTING == 0:
                connection.execute(_FORGET)
            moved = [one.label for one in prepared if not _applied(connection, one)]
            if moved:
                raise CommitConflict(f"moved meanwhile: {', '.join(moved)}", where=account)

        self._file.write(operation)
        self._commits += 1

    def action(self, account: str, key: str) -> StoredAction | None:
        """Read one row."""

        def operation(connection: sqlite3.Connection) -> StoredAction | None:
            row = connection.execute(
                "SELECT key, version, body FROM actions WHERE account = ? AND key = ?", (account, key)
            ).fetchone()
            return _stored(*row) if row else None

        return self._file.read(operation)

    def actions(
        self,
        account: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        state: State | None = None,
        kind: Kind | None = None,
        limit: int | None = None,
    ) -> Iterator[StoredAction]:
        """Walk the index by time in pages, so that no read transaction stays open between them."""
        wanted: list[tuple[str, object]] = [("account = ?", account)]
        wanted += [("due_at >= ?", stamp(since))] if since else []
        wanted += [("due_at < ?", stamp(until))] if until else []
        wanted += [("state = ?", state.value)] if state else []
        wanted += [("kind = ?", kind.value)] if kind else []
        left = limit
        before: list[object] = []
        while left is None or left > 0:
            rows = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
            page = self._page(wanted, before, rows)
            yield from (_stored(key, version, body) for _, key, version, body in page)
            if len(page) < rows:
                return
            left = None if left is None else left - rows
            before = list(page[-1][:2])

    def _page(self, wanted: Sequence[tuple[str, object]], before: Sequence[object], rows: int) -> list[_ActionRow]:
        conditions = [condition for condition, _ in wanted] + (["(due_at, key) < (?, ?)"] if before else [])
        # Only the fixed conditions above are put together here; every value is bound.
        statement = f"""
            SELECT due_at, key, version, body FROM actions WHERE {" AND ".join(conditions)}
            ORDER BY due_at DESC, key DESC LIMIT ?"""  # noqa: S608
        values = [*(value for _, value in wanted), *before, rows]
        return self._file.read(lambda connection: connection.execute(statement, values).fetchall())

    def items(
        self, account: str, collection: str, *, after: str = "", until: str = "", newest_first: bool = False
    ) -> Iterator[Item]:
        """Walk the primary key in pages."""
        order, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        bounds = [("key > ?", after)]
        bounds += [("key <= ?", until)] if until else []
        last: list[tuple[str, str]] = []
        while True:
            conditions = " AND ".join(condition for condition, _ in (*bounds, *last))
            # Only the conditions and words above are put together; every value is bound.
            statement = f"""
                SELECT key, body FROM items WHERE account = ? AND collection = ? AND {conditions}
                ORDER BY key {order} LIMIT {_PAGE_ROWS}"""  # noqa: S608
            page = self._rows(statement, (account, collection, *(value for _, value in (*bounds, *last))))
            yield from (Item(key, parsed(body, f"item {collection}/{key}")) for key, body in page)
            if len(page) < _PAGE_ROWS:
                return
            last = [(f"key {beyond} ?", page[-1][0])]

    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Insert, or take over where it is over or ours: one statement."""
        statement = """
            INSERT INTO leases (account, name, holder, until) VALUES (?, ?, ?, ?)
            ON CONFLICT (account, name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                WHERE leases.until <= ? OR leases.holder = excluded.holder"""
        values = (account, name, holder, stamp(until), stamp(now))
        return self._file.write(lambda connection: connection.execute(statement, values).rowcount == 1)

    def release_lease(self, account: str, name: str, holder: str) -> None:
        """Delete the row where it is the holder's."""
        statement = "DELETE FROM leases WHERE account = ? AND name = ? AND holder = ?"
        self._file.write(lambda connection: connection.execute(statement, (account, name, holder)))

    def export(self, account: str) -> Iterator[dict[str, Json]]:
        """Read everything in one read transaction, so that an export is one moment of the account."""

        def operation(connection: sqlite3.Connection) -> list[Record]:
            documents = connection.execute(
                "SELECT name, version, body FROM documents WHERE account = ? ORDER BY name", (account,)
            )
            records: list[Record] = [_document(*row) for row in documents]
            actions = connection.execute(
                "SELECT key, version, body FROM actions WHERE account = ? ORDER BY date, key", (account,)
            )
            records += [_stored(*row) for row in actions]
            items = connection.execute(
                """SELECT collection, key, body, expires_at FROM items WHERE account = ?
                ORDER BY collection || '/' || key""",
                (account,),
            )
            records += [_stored_item(*row) for row in items]
            return records

        yield from (record_json(record) for record in self._file.read(operation))

    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> int:
        """Write all records in one transaction."""
        found = [record_from(record, number) for number, record in enumerate(records, 1)]

        def operation(connection: sqlite3.Connection) -> None:
            for table in ("documents", "actions", "items"):
                if connection.execute(f"SELECT 1 FROM {table} WHERE account = ?", (account,)).fetchone():  # noqa: S608
                    raise CommitConflict("holds records already", where=account, mend="import into a new account")
            for number, record in enumerate(found, 1):
                if not _insert(connection, account, record):
                    raise CommitConflict(f"record {number} is there twice", where=account, mend="mend the file")

        self._file.write(operation)
        return len(found)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[str, str]]:
        return self._file.read(lambda connection: connection.execute(statement, values).fetchall())


_ActionRow = tuple[str, str, int, str]


def _applied(connection: sqlite3.Connection, one: Prepared) -> bool:
    """Apply one change; False where its expectation does not hold."""
    account, change = one.account, one.change
    match change:
        case PutDocument(name=name, expected=expected):
            if expected:
                cursor = connection.execute(_UPDATE_DOCUMENT, (one.body, account, name, expected))
            else:
                cursor = connection.execute(_INSERT_DOCUMENT, (account, name, 1, one.body))
        case CheckDocument(name=name, expected=expected):
            found: tuple[int] | None = connection.execute(_VERSION, (account, name)).fetchone()
            return found == ((expected,) if expected else None)
        case DeleteDocument():
            cursor = connection.execute(_DELETE_DOCUMENT, (account, change.name, change.expected))
        case PutAction():
            cursor = connection.execute(*_action_statement(account, one.body, change))
        case PutItem():
            expires_at = int(change.expires_at.timestamp()) if change.expires_at else None
            statement = _INSERT_ITEM if change.if_absent else _REPLACE_ITEM
            cursor = connection.execute(statement, (account, change.collection, change.key, one.body, expires_at))
        case DeleteItem():
            cursor = connection.execute(_DELETE_ITEM, (account, change.collection, change.key))
            return cursor.rowcount == 1 or not change.must_exist
        case _:
            assert_never(change)
    return cursor.rowcount == 1


def _action_statement(account: str, body: str, change: PutAction) -> tuple[str, tuple[object, ...]]:
    action, price = change.action, booked_micros(change.action)
    if change.previous is None:
        return _INSERT_ACTION, (account, action.key, 1, key_date(action.key), price, body)
    return _UPDATE_ACTION, (body, price, account, action.key, change.previous.version)


def _insert(connection: sqlite3.Connection, account: str, record: Record) -> bool:
    match record:
        case Document(name, version, body):
            values: tuple[object, ...] = (account, name, version, canonical(body, f"document {name}"))
            cursor = connection.execute(_INSERT_DOCUMENT, values)
        case StoredAction(action, version):
            date, price = key_date(action.key), booked_micros(action)
            values = (account, action.key, version, date, price, action_text(action))
            cursor = connection.execute(_INSERT_ACTION, values)
        case StoredItem(collection, item, expires_at):
            text = canonical(item.body, f"item {collection}/{item.key}")
            cursor = connection.execute(_INSERT_ITEM, (account, collection, item.key, text, expires_at))
        case _:
            assert_never(record)
    return cursor.rowcount == 1


def _remembered(connection: sqlite3.Connection, account: str, token: str, digest: str) -> bool:
    """Keep a commit's token as long as anyone may repeat it; False where this very commit has been through already.

    `CommitConflict` where other changes took the token.
    """
    made = connection.execute(_REMEMBER, (account, token, digest))
    if made.rowcount != 1:
        known = connection.execute("SELECT digest FROM commits WHERE account = ? AND token = ?", (account, token))
        if known.fetchone() != (digest,):
            raise CommitConflict("this token was used for other changes", where=f"commit {token}")
        return False
    return True


def _document(name: str, version: int, body: str) -> Document:
    return Document(name, version, parsed(body, f"document {name}"))


def _stored(key: str, version: int, body: str) -> StoredAction:
    where = f"action {key}"
    return StoredAction(action_from(parsed(body, where), where), version)


def _stored_item(collection: str, key: str, body: str, expires_at: int | None) -> StoredItem:
    return StoredItem(collection, Item(key, parsed(body, f"item {collection}/{key}")), expires_at)
