"""State in one DynamoDB table: the store of the functions in AWS.

A load is one strongly consistent query, a commit one TransactWriteItems. What makes a commit happen at
most once is a mark that it leaves in its own transaction (`commit/<token>`): whoever finds it knows that
the commit went through, however many others have written since. See docs/decisions/0040.
"""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import assert_never

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from songpost.errors import CommitConflict, CommitUnanswered, StoreUnavailable
from songpost.model import Json, Kind, State
from songpost.store.changes import DUE_DAYS_AROUND_KEY, Prepared, key_date, prepare
from songpost.store.codec import record_from, record_json, stamp
from songpost.store.dynamodb_import import import_records
from songpost.store.dynamodb_records import (
    DOCUMENTS,
    ITEMS,
    LIVE,
    OPEN_ACTIONS,
    PAST,
    TTL,
    Row,
    action_attributes,
    action_from_row,
    commit_key,
    document_from,
    document_key,
    item_attributes,
    item_from,
    item_key,
    lease_key,
    loaded_from,
    number,
    open_key,
    past_key,
    place_of,
    sort_key,
    text,
)
from songpost.store.dynamodb_wire import ABSENT, Fault, Operation, Operations, Verdict, Wire, begins, connected
from songpost.store.port import (
    Change,
    CheckDocument,
    DeleteDocument,
    DeleteItem,
    Item,
    Loaded,
    PutAction,
    PutDocument,
    PutItem,
    Store,
    StoredAction,
)

COMMIT_MEMORY_DAYS = 8
"""For how many days a commit's mark is kept, counted from the beginning of its UTC day."""
_DAY_SECONDS = 86_400
_PRESENT = Path("account").exists()
_LISTING_ROWS = 100


def open_dynamodb(table: str, *, read_only: bool = False) -> Store:
    """Open the store in `table`, by the credentials, region and endpoint that botocore finds.

    Sends nothing yet. Raises `StoreUnavailable` where no region is set.
    """
    return DynamoStore(Wire(table, connected()), read_only=read_only)


def create_table(table: str) -> None:
    """Create a table as the stack would (without its backups), for tests and laptops with an emulator."""
    with closing(Wire(table, connected())) as wire:
        wire.create_table()


class DynamoStore(Store):
    """The port over one table; see `Store` for what is promised."""

    def __init__(self, wire: Wire, *, read_only: bool) -> None:
        self._wire = wire
        self._read_only = read_only

    def load(self, account: str) -> Loaded:
        """Query everything under `live/`: one request for up to 1 MB."""
        return loaded_from(list(self._wire.query(account, begins(LIVE))), account)

    def commit(self, account: str, changes: Sequence[Change], token: str) -> None:
        """Send one transaction; where it does not go through, look for its mark to learn why.

        first send     conditions hold, mark absent  ── written, mark left ── answer lost
        repeat, soon   DynamoDB knows the token (10 minutes): success, nothing done
        repeat, late   mark present ── condition fails ── mark has our digest: success
        another's race conditions fail, mark absent ── conflict: nothing was written
        """
        prepared, digest = prepare(account, changes, token)
        if not prepared:
            return
        self._refuse_if_read_only()
        operations, labels = self._operations(prepared, self._mark(account, token, digest))
        # DynamoDB knows request tokens for ten minutes, across all tables of an AWS account: this one names it all.
        verdict = self._wire.transact(operations, f"{account} {token} {digest}")
        if verdict is None:
            return
        try:
            mark = self._wire.get(account, commit_key(token))
        except StoreUnavailable as error:
            raise CommitUnanswered(error.what, where=error.where, mend="repeat the commit") from error
        _settle(verdict, mark, digest, account, labels)

    def action(self, account: str, key: str) -> StoredAction | None:
        """Look where it lies while open, then where it lies once closed, then once more where it may have reopened."""
        for place in (open_key(key), past_key(key), open_key(key)):
            if row := self._wire.get(account, place):
                return action_from_row(row)
        return None

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
        """Merge the open actions with the closed ones, which lie by the date of their key.

        A key's date and `due_at` differ by a bounded time (`DUE_DAYS_AROUND_KEY`), so whatever is due later
        than that after the date reached has no later rival, and can be shown.
        """

        def wanted(stored: StoredAction) -> bool:
            action = stored.action
            return (
                (since is None or action.due_at >= since)
                and (until is None or action.due_at < until)
                and (state is None or action.state is state)
                and (kind is None or action.kind is kind)
            )

        def listed() -> Iterator[StoredAction]:
            # Open ones first: an action that closes meanwhile is then seen twice, not missed; `by_time` tells.
            open_rows = list(self._wire.query(account, begins(OPEN_ACTIONS)))
            past_rows = self._wire.query(
                account, _dates(since, until), newest_first=True, page_rows=limit and _LISTING_ROWS
            )
            for stored in _by_time(map(action_from_row, open_rows), map(action_from_row, past_rows)):
                if wanted(stored):
                    yield stored

        for shown, stored in enumerate(listed() if limit != 0 else ()):
            yield stored
            if shown + 1 == limit:
                return

    def items(
        self, account: str, collection: str, *, after: str = "", until: str = "", newest_first: bool = False
    ) -> Iterator[Item]:
        """Query a range of keys."""
        first = item_key(collection, after)
        last = item_key(collection, until) if until else _end_of(item_key(collection, ""))
        if first >= last:
            return
        for row in self._wire.query(account, Path("key").between(first, last), newest_first=newest_first):
            if sort_key(row) != first:
                yield item_from(row).item

    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Put the lease if it is absent, over or ours: one conditional write."""
        self._refuse_if_read_only()
        free = ABSENT | (Path("until") <= stamp(now)) | (Path("holder") == holder)
        attributes = {
            "holder": text(holder),
            "until": text(stamp(until)),
            TTL: number(int(until.timestamp()) + _DAY_SECONDS),
        }
        return self._wire.put_if(account, lease_key(name), attributes, free)

    def release_lease(self, account: str, name: str, holder: str) -> None:
        """Delete the lease if it is the holder's."""
        self._refuse_if_read_only()
        self._wire.delete_if(account, lease_key(name), Path("holder") == holder)

    def export(self, account: str) -> Iterator[dict[str, Json]]:
        """Query everything. Not one moment of the account: pause it before a move."""
        for row in self._wire.query(account, begins(DOCUMENTS)):
            yield record_json(document_from(row))
        actions = [action_from_row(row) for row in self._wire.query(account, begins(OPEN_ACTIONS))]
        actions += [action_from_row(row) for row in self._wire.query(account, begins(PAST))]
        for stored in sorted(actions, key=lambda stored: (key_date(stored.action.key), stored.action.key)):
            yield record_json(stored)
        for row in self._wire.query(account, begins(ITEMS)):
            yield record_json(item_from(row))

    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> int:
        """Write all records, in many transactions, as if in one; see `dynamodb_import`."""
        found = [record_from(record, number) for number, record in enumerate(records, 1)]
        self._refuse_if_read_only()
        import_records(self._wire, account, found)
        return len(found)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    # ---------------------------------------------------------------------------------------------- commit

    def _mark(self, account: str, token: str, digest: str) -> Operation:
        """The mark that this commit leaves. Its end falls on a day, so that a repeat sends the same bytes."""
        expires_at = (int(time.time()) // _DAY_SECONDS + COMMIT_MEMORY_DAYS) * _DAY_SECONDS
        attributes = {"digest": text(digest), TTL: number(expires_at)}
        return self._wire.put(account, commit_key(token), attributes, ABSENT)

    def _operations(self, prepared: Sequence[Prepared], mark: Operation) -> tuple[Operations, list[str]]:
        """All operations of a commit, and the label of each in DynamoDB's order of reasons."""
        checks: list[tuple[Operation, str]] = []
        deletes: list[tuple[Operation, str]] = []
        puts: list[tuple[Operation, str]] = [(mark, "the commit's mark")]
        for one in prepared:
            parts = self._parts(one)
            checks += [(operation, one.label) for operation in parts.checks]
            deletes += [(operation, one.label) for operation in parts.deletes]
            puts += [(operation, one.label) for operation in parts.puts]
        operations = Operations(*([operation for operation, _ in group] for group in (checks, deletes, puts)))
        return operations, [label for group in (checks, deletes, puts) for _, label in group]

    def _parts(self, one: Prepared) -> Operations:
        account, change = one.account, one.change
        match change:
            case PutDocument(name, _, expected):
                attributes = {"body": text(one.body), "version": number(expected + 1)}
                put = self._wire.put(account, document_key(name), attributes, _at_version(expected))
                return Operations((), (), (put,))
            case CheckDocument(name, expected):
                return Operations((self._wire.check(account, document_key(name), _at_version(expected)),), (), ())
            case DeleteDocument(name, expected):
                return Operations((), (self._wire.check(account, document_key(name), _at_version(expected)),), ())
            case PutAction():
                return self._action_parts(account, one.body, change)
            case PutItem(collection, key) as change:
                attributes = item_attributes(one.body, change.expires_at)
                free = ABSENT if change.if_absent else None
                return Operations((), (), (self._wire.put(account, item_key(collection, key), attributes, free),))
            case DeleteItem(collection, key) as change:
                there = _PRESENT if change.must_exist else None
                return Operations((), (self._wire.check(account, item_key(collection, key), there),), ())
            case _:
                assert_never(change)

    def _action_parts(self, account: str, body: str, change: PutAction) -> Operations:
        """An action lies in one of two places; where it is not to be found is checked as well.

        new            absent in the other place (check) · absent here (put)
        stays          at the version seen, here (put)
        opens, closes  at the version seen, in the other place (delete) · absent here (put)
        """
        action, previous = change.action, change.previous
        here = place_of(action)
        there = past_key(action.key) if action.is_open else open_key(action.key)
        seen = previous.version if previous else 0
        attributes = action_attributes(action, body, seen + 1)
        if previous is None:
            put = self._wire.put(account, here, attributes, ABSENT)
            return Operations((self._wire.check(account, there, ABSENT),), (), (put,))
        if previous.action.is_open == action.is_open:
            return Operations((), (), (self._wire.put(account, here, attributes, _at_version(seen)),))
        put = self._wire.put(account, here, attributes, ABSENT)
        return Operations((), (self._wire.check(account, there, _at_version(seen)),), (put,))

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise StoreUnavailable("opened for reading only", where="dynamodb", mend="run live to change state")


def _settle(verdict: Verdict, mark: Row | None, digest: str, account: str, labels: Sequence[str]) -> None:
    """Return where the mark shows that this commit went through; else raise what stands in its way."""
    if mark is not None and mark["digest"]["S"] == digest:
        return
    if mark is not None:
        raise CommitConflict("this token was used for other changes", where=account)
    if verdict.fault is Fault.TOKEN_KNOWN:
        raise CommitUnanswered("DynamoDB knows the token but shows no mark", where=account, mend="repeat it")
    moved = ", ".join(dict.fromkeys(labels[at] for at in verdict.positions))
    said = "moved meanwhile" if verdict.fault is Fault.CONDITION_FAILED else "held by another commit"
    raise CommitConflict(f"{said}: {moved or 'its records'}", where=account)


def _at_version(expected: int) -> Condition:
    return ABSENT if not expected else Path("version") == expected


def _end_of(prefix: str) -> str:
    """The first text behind everything that begins with `prefix`, which ends in a slash (0 follows it)."""
    return f"{prefix[:-1]}0"


def _dates(since: datetime | None, until: datetime | None) -> Condition:
    """The closed actions that can be due in `since <= due_at < until`, by the dates of their keys."""
    around = timedelta(days=DUE_DAYS_AROUND_KEY)
    first = f"{PAST}{(since - around).astimezone(UTC).date()}/" if since else PAST
    last = _end_of(f"{PAST}{(until + around).astimezone(UTC).date()}/" if until else PAST)
    return Path("key").between(first, max(first, last))


def _by_time(open_ones: Iterable[StoredAction], past_ones: Iterable[StoredAction]) -> Iterator[StoredAction]:
    """Put actions in order, newest `due_at` first; `past_ones` come newest key date first."""

    def rank(stored: StoredAction) -> tuple[datetime, str]:
        return stored.action.due_at, stored.action.key

    waiting = sorted(open_ones, key=rank)
    opened = {stored.action.key for stored in waiting}
    for stored in past_ones:
        key = stored.action.key
        latest = datetime.fromisoformat(key_date(key)).replace(tzinfo=UTC) + timedelta(days=DUE_DAYS_AROUND_KEY)
        while waiting and waiting[-1].action.due_at > latest:
            yield waiting.pop()
        if key in opened:  # it closed while we were reading; what we saw first is out of date
            waiting = [other for other in waiting if other.action.key != key]
        insort(waiting, stored, key=rank)
    yield from reversed(waiting)
