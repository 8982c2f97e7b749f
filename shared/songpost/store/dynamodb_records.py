"""How records lie in the DynamoDB table: sort keys, attributes, and back.

    account (partition)   key (sort)                     body   beside it
    default               live/doc/control               JSON   version
    default               live/action/<key>              JSON   version, state, kind, due_at        open actions
    default               past/<date>/<key>              JSON   version, state, kind, due_at        closed actions
    default               item/<collection>/<key>        JSON   expires_at (TTL)
    default               lease/<name>                   -      holder, until, expires_at (TTL)
    default               commit/<token>                 -      digest, expires_at (TTL)
    default               live/import                    -      import_id, while an import is under way

All that a tick decides on stands under `live/`, so one query brings it; what grows does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from songpost.errors import StoreNewer, StoreUnreadable
from songpost.model import Action
from songpost.store.changes import key_date
from songpost.store.codec import Record, StoredItem, action_from, action_text, canonical, parsed, stamp
from songpost.store.port import Document, Item, Loaded, StoredAction

PARTITION = "account"
SORT = "key"
TTL = "expires_at"

LIVE = "live/"
DOCUMENTS = "live/doc/"
OPEN_ACTIONS = "live/action/"
IMPORT = "live/import"
PAST = "past/"
ITEMS = "item/"

Attribute = Mapping[str, str]
Row = Mapping[str, Attribute]


def document_key(name: str) -> str:
    """Where a document lies."""
    return f"{DOCUMENTS}{name}"


def open_key(key: str) -> str:
    """Where an action lies while it is open."""
    return f"{OPEN_ACTIONS}{key}"


def past_key(key: str) -> str:
    """Where an action lies once it is closed: by the date in its key."""
    return f"{PAST}{key_date(key)}/{key}"


def place_of(action: Action) -> str:
    """Where an action in this state lies."""
    return open_key(action.key) if action.is_open else past_key(action.key)


def item_key(collection: str, key: str) -> str:
    """Where a member of a collection lies."""
    return f"{ITEMS}{collection}/{key}"


def lease_key(name: str) -> str:
    """Where a lease lies."""
    return f"lease/{name}"


def commit_key(token: str) -> str:
    """Where a commit leaves its mark."""
    return f"commit/{token}"


def text(value: str) -> Attribute:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Attribute:
    """A number attribute."""
    return {"N": str(value)}


def action_attributes(action: Action, body: str, version: int) -> dict[str, Attribute]:
    """An action's attributes: its body, and what people and consoles filter by."""
    return {
        "body": text(body),
        "version": number(version),
        "state": text(action.state),
        "kind": text(action.kind),
        "due_at": text(stamp(action.due_at)),
    }


def item_attributes(body: str, expires_at: datetime | int | None) -> dict[str, Attribute]:
    """An item's attributes; TTL counts in whole epoch seconds."""
    if expires_at is None:
        return {"body": text(body)}
    seconds = expires_at if isinstance(expires_at, int) else int(expires_at.timestamp())
    return {"body": text(body), TTL: number(seconds)}


def record_attributes(record: Record) -> tuple[str, dict[str, Attribute]]:
    """A whole record's sort key and attributes, as an import writes them."""
    match record:
        case Document(name, version, body):
            written = canonical(body, f"document {name}")
            return document_key(name), {"body": text(written), "version": number(version)}
        case StoredAction(action, version):
            return place_of(action), action_attributes(action, action_text(action), version)
        case StoredItem(collection, item, expires_at):
            written = canonical(item.body, f"item {collection}/{item.key}")
            return item_key(collection, item.key), item_attributes(written, expires_at)
        case _:
            assert_never(record)


# ------------------------------------------------------------------------------------------------- and back


def sort_key(row: Row) -> str:
    """A row's sort key."""
    return row[SORT]["S"]


def document_from(row: Row) -> Document:
    """Decode a document."""
    name = sort_key(row).removeprefix(DOCUMENTS)
    where = f"document {name}"
    return Document(name, _version(row, where), parsed(_body(row, where), where))


def action_from_row(row: Row) -> StoredAction:
    """Decode an action, open or closed."""
    where = f"record {sort_key(row)}"
    action = action_from(parsed(_body(row, where), where), where)
    if place_of(action) != sort_key(row):
        raise StoreUnreadable(
            f"holds action {action.key} in state {action.state}", where=where, mend="report it with `songpost bundle`"
        )
    return StoredAction(action, _version(row, where))


def item_from(row: Row) -> StoredItem:
    """Decode a member of a collection."""
    where = f"record {sort_key(row)}"
    collection, _, key = sort_key(row).removeprefix(ITEMS).partition("/")
    expires_at = int(row[TTL]["N"]) if TTL in row else None
    return StoredItem(collection, Item(key, parsed(_body(row, where), where)), expires_at)


def loaded_from(rows: list[Row], account: str) -> Loaded:
    """Sort what stands under `live/` into documents and open actions."""
    documents: dict[str, Document] = {}
    actions: dict[str, StoredAction] = {}
    for row in rows:
        key = sort_key(row)
        if key.startswith(DOCUMENTS):
            document = document_from(row)
            documents[document.name] = document
        elif key.startswith(OPEN_ACTIONS):
            stored = action_from_row(row)
            actions[stored.action.key] = stored
        elif key == IMPORT:
            raise StoreUnreadable("an import has not finished", where=account, mend="run `songpost import` again")
        else:
            raise StoreNewer("a record of a kind that this Songpost does not know", where=key, mend="update Songpost")
    return Loaded(documents, actions)


def _body(row: Row, where: str) -> str:
    return _attribute(row, "body", "S", where)


def _version(row: Row, where: str) -> int:
    return int(_attribute(row, "version", "N", where))


def _attribute(row: Row, name: str, kind: str, where: str) -> str:
    try:
        return row[name][kind]
    except KeyError as error:
        raise StoreUnreadable(
            f"has no attribute {name} of type {kind}", where=where, mend="restore the table to a point in time"
        ) from error
