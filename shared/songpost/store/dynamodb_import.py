"""An import into DynamoDB: many transactions that read as one.

A sign, `live/import`, is put up first and taken down last. A load refuses the account while it stands, and
every record that is written asks that it stand and that nobody else wrote there. An import that was cut off
is begun anew by running it again: what it left, and nobody else could have written, is cleared away first.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence

from pynamodb.expressions.operand import Path

from songpost.errors import CommitConflict, CommitUnanswered, StoreUnavailable
from songpost.store.codec import Record
from songpost.store.dynamodb_records import IMPORT, ITEMS, LIVE, PAST, Attribute, record_attributes, sort_key, text
from songpost.store.dynamodb_wire import ABSENT, Operation, Operations, Wire, begins

_ROWS = 90
_BYTES = 3_000_000
_TRIES = 4

_Placed = tuple[str, Mapping[str, Attribute]]


def import_records(wire: Wire, account: str, records: Sequence[Record]) -> None:
    """Write records into an account that holds nothing yet.

    Raises `CommitConflict` where it holds anything or somebody writes to it meanwhile, `StoreUnavailable`
    where DynamoDB does not answer (run it again).
    """
    import_id = _begin(wire, account)
    for chunk in _chunks(records):
        _write(wire, account, chunk, import_id)
    wire.delete_if(account, IMPORT)


def _begin(wire: Wire, account: str) -> str:
    """Put up the sign, or take over that of an import that was cut off, with what it left cleared away."""
    if left := wire.get(account, IMPORT):
        import_id = left["import_id"]["S"]
        rows = [row for prefix in (LIVE, PAST, ITEMS) for row in wire.query(account, begins(prefix))]
        keys = [sort_key(row) for row in rows if sort_key(row) != IMPORT]
        for start in range(0, len(keys), _ROWS):
            deletes = [wire.check(account, key, None) for key in keys[start : start + _ROWS]]
            _transact(wire, account, Operations((_sign(wire, account, import_id),), deletes, ()))
        return import_id
    for prefix in (LIVE, PAST, ITEMS):
        if next(wire.query(account, begins(prefix), page_rows=1), None):
            raise CommitConflict("holds records already", where=account, mend="import into a new account")
    import_id = uuid.uuid4().hex
    # A put that was answered late is ours all the same: the id tells.
    ours = ABSENT | (Path("import_id") == import_id)
    if not wire.put_if(account, IMPORT, {"import_id": text(import_id)}, ours):
        raise CommitConflict("another import has begun", where=account, mend="wait for it")
    return import_id


def _sign(wire: Wire, account: str, import_id: str) -> Operation:
    """Ask that the sign of this import stand."""
    return wire.check(account, IMPORT, Path("import_id") == import_id)


def _write(wire: Wire, account: str, chunk: Sequence[_Placed], import_id: str) -> None:
    """Write some records, over nothing but this import's own."""
    free = ABSENT | (Path("import_id") == import_id)
    puts = [wire.put(account, key, {**attributes, "import_id": text(import_id)}, free) for key, attributes in chunk]
    _transact(wire, account, Operations((_sign(wire, account, import_id),), (), puts))


def _transact(wire: Wire, account: str, operations: Operations) -> None:
    """Send a transaction that may be sent twice without harm, until it is answered or the tries are used up."""
    for tries_left in reversed(range(_TRIES)):
        try:
            verdict = wire.transact(operations, uuid.uuid4().hex)
        except CommitUnanswered as error:
            if not tries_left:
                raise StoreUnavailable("gave no answer", where=account, mend="run the import again") from error
        else:
            if verdict is None:
                return
            raise CommitConflict("somebody else writes here", where=account, mend="stop it, and import again")


def _chunks(records: Sequence[Record]) -> Iterator[list[_Placed]]:
    """Cut records into transactions by their number and their bytes. `CommitConflict` for one that is there twice."""
    seen: set[str] = set()
    chunk: list[_Placed] = []
    size = 0
    for number, record in enumerate(records, 1):
        key, attributes = record_attributes(record)
        if key in seen:
            raise CommitConflict(f"record {number} is there twice", where=key, mend="mend the file")
        seen.add(key)
        row_size = len(attributes["body"]["S"].encode())
        if chunk and (len(chunk) == _ROWS or size + row_size > _BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((key, attributes))
        size += row_size
    if chunk:
        yield chunk
