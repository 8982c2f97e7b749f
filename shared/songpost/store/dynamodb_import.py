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
from songpost.store.dynamodb_wire import ABSENT, Operations, Wire, begins

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
        for prefix in (LIVE, PAST, ITEMS):
            for row in list(wire.query(account, begins(prefix))):
                if sort_key(row) != IMPORT:
                    wire.delete_if(account, sort_key(row))
        return left["import_id"]["S"]
    for prefix in (LIVE, PAST, ITEMS):
        if next(wire.query(account, begins(prefix), page_rows=1), None):
            raise CommitConflict("holds records already", where=account, mend="import into a new account")
    import_id = uuid.uuid4().hex
    # A put that was answered late is ours all the same: the id tells.
    ours = ABSENT | (Path("import_id") == import_id)
    if not wire.put_if(account, IMPORT, {"import_id": text(import_id)}, ours):
        raise CommitConflict("another import has begun", where=account, mend="wait for it")
    return import_id


def _write(wire: Wire, account: str, chunk: Sequence[_Placed], import_id: str) -> None:
    """Write some records; safe to send twice, since it writes over nothing but this import's own."""
    ours = Path("import_id") == import_id
    sign = wire.check(account, IMPORT, ours)
    puts = [
        wire.put(account, key, {**attributes, "import_id": text(import_id)}, ABSENT | ours) for key, attributes in chunk
    ]
    for tries_left in reversed(range(_TRIES)):
        try:
            verdict = wire.transact(Operations((sign,), (), puts), uuid.uuid4().hex)
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
