"""How records become text and come back: canonical JSON for bodies, strict decoding of actions.

Both adapters write the same bytes: keys sorted, no spaces, UTF-8, times in UTC with six decimals (so that
text sorts as time does). What cannot be written faithfully is refused with `CommitRefused`; what does not
read back is `StoreUnreadable`, naming the record; what a newer Songpost wrote is `StoreNewer`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import cast

from songpost.errors import CommitRefused, StoreNewer, StoreUnreadable, quote
from songpost.model import Action, Json
from songpost.store.port import Document, Item, StoredAction

ACTION_SCHEMA_VERSION = 1


def stamp(at: datetime) -> str:
    """Write an aware time in UTC at a fixed width: `2026-11-22T08:14:00.000000Z`. `ValueError` if naive."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at.isoformat()}")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _plain(value: object) -> object:
    """Show `json` what it does not know: times, and mappings that are no dict."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)


@cache
def _quick() -> tuple[Callable[[object], bytes], Callable[[bytes], object]]:
    """The same bytes in a fraction of the time, but for floats with an exponent (`1e16`, not `1e+16`); and back."""
    import msgspec  # a start that writes nothing does without it

    return msgspec.json.Encoder(order="sorted").encode, msgspec.json.Decoder().decode


class Written(Mapping[str, Json]):
    """A body that is canonical text already; as a mapping it is what the text says, read when it is asked for."""

    __slots__ = ("_body", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._body: dict[str, Json] | None = None

    def _read(self) -> dict[str, Json]:
        if self._body is None:
            self._body = parsed(self.text, "what was just written")
        return self._body

    def __getitem__(self, name: str) -> Json:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def written(noun: object) -> Mapping[str, Json]:
    """The body of a document's noun (`account_documents.py`), written but once: a store has nothing left to check.

    That rests on what such a noun is made of: texts, whole numbers, times and other nouns. For a float the quick
    encoder has `null` where it is none, and for bytes or a set something that reads as another thing.
    """
    import msgspec

    encode, _ = _quick()
    try:
        return Written(encode(noun).decode())
    except (TypeError, ValueError, OverflowError, RecursionError):
        # Half a surrogate pair, say: the store looks at the plain form and refuses it by name. The signature of
        # `to_builtins` cannot say that a dataclass becomes an object.
        return cast("dict[str, Json]", msgspec.to_builtins(noun, str_keys=True))


def canonical(body: Mapping[str, Json], where: str) -> str:
    """Encode plain JSON canonically; `where` names the record in `CommitRefused`."""
    if isinstance(body, Written):
        return body.text
    encode, decode = _quick()
    try:
        written = encode(body)
        # It makes JSON of what is none (bytes, sets, NaN): where the same does not come back, the strict one decides.
        if decode(written) == body:
            return written.decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    return _strictly(body, where)


def _strictly(value: object, where: str) -> str:
    """Encode plain JSON and times canonically, or refuse."""
    try:
        text = _ENCODER.encode(value)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CommitRefused(
            f"cannot be written as JSON: {error}", where=where, mend="this is a fault of the caller; report it"
        ) from error
    return text


def parsed(text: str, where: str) -> dict[str, Json]:
    """Decode a stored JSON object; `StoreUnreadable` names the record."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"its JSON does not decode: {error}", where) from error
    if not isinstance(value, dict):
        raise _unreadable(f"expected a JSON object, found {quote(value)}", where)
    return value


def action_text(action: Action) -> str:
    """Encode an action canonically. `CommitRefused` for a naive time or a text that is no Unicode."""
    return _strictly(_builtins(action), f"action {action.key}")


def action_from(body: Mapping[str, Json], where: str) -> Action:
    """Decode an action strictly: known fields only, exact types, aware times, this schema version."""
    version = body.get("schema_version")
    if isinstance(version, int) and version > ACTION_SCHEMA_VERSION:
        raise StoreNewer(
            f"written with schema {version}; this Songpost knows {ACTION_SCHEMA_VERSION}",
            where=where,
            mend="update Songpost",
        )
    if version != ACTION_SCHEMA_VERSION:
        raise _unreadable(f"schema_version is {quote(version)}", where)
    # msgspec costs 30 ms to import; a start that meets no action does without it.
    import msgspec

    try:
        action = msgspec.convert(body, Action)
        again = json.loads(action_text(action))
    except (msgspec.ValidationError, CommitRefused) as error:
        raise _unreadable(str(error), where) from error
    unknown = stray(body, again)
    if unknown:
        raise _unreadable(f"unknown field {quote(unknown)}", where)
    return action


def _builtins(action: Action) -> object:
    import msgspec

    return msgspec.to_builtins(action, builtin_types=(datetime,))


def stray(found: object, known: object, path: str = "") -> str:
    """Name the first field of `found` that `known` (the same record, written anew) does not have."""
    if found == known:  # as nearly always: told at once, by the interpreter
        return ""
    if isinstance(found, Mapping) and isinstance(known, Mapping):
        for name, value in found.items():
            place = f"{path}.{name}" if path else name
            if name not in known:
                return place
            if found_in := stray(value, known[name], place):
                return found_in
    elif isinstance(found, list) and isinstance(known, list | tuple):
        for index, (left, right) in enumerate(zip(found, known, strict=True)):
            if found_in := stray(left, right, f"{path}[{index}]"):
                return found_in
    return ""


def _unreadable(what: str, where: str) -> StoreUnreadable:
    return StoreUnreadable(
        what, where=where, mend="restore a backup (`songpost import`), or report it with `songpost bundle`"
    )


# ------------------------------------------------------------------------------------- records of an export


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A member of a collection with all that an adapter keeps of it; `expires_at` in whole epoch seconds."""

    collection: str
    item: Item
    expires_at: int | None


Record = Document | StoredAction | StoredItem


def record_json(record: Record) -> dict[str, Json]:
    """Show a record as one JSON object of an export; its first key says what it is."""
    match record:
        case Document():
            return {
                "record": "document",
                "name": record.name,
                "version": record.version,
                "body": dict(record.body),
            }
        case StoredAction():
            body = json.loads(action_text(record.action))
            return {"record": "action", "version": record.version, "body": body}
        case StoredItem():
            shown: dict[str, Json] = {
                "record": "item",
                "collection": record.collection,
                "key": record.item.key,
                "body": dict(record.item.body),
            }
            return shown if record.expires_at is None else {**shown, "expires_at": record.expires_at}


_FORMS = {
    "document": {"record", "name", "version", "body"},
    "action": {"record", "version", "body"},
    "item": {"record", "collection", "key", "body"},
}


def record_from(found: Mapping[str, Json], number: int) -> Record:
    """Read one record of an export back; `number` (from 1) names it in `StoreUnreadable`."""
    where = f"record {number}"
    kind = found.get("record")
    form = _FORMS.get(kind) if isinstance(kind, str) else None
    if form is None:
        raise _unreadable(f"no record that this Songpost exports: {quote(kind)}", where)
    if set(found) - {"expires_at"} != form or ("expires_at" in found and kind != "item"):
        raise _unreadable(f"a {kind} has the fields {', '.join(sorted(form))}", where)
    match found:
        case {"record": "document", "name": str(name), "version": int(version), "body": dict(body)} if (
            name and version > 0
        ):
            return Document(name, version, body)
        case {"record": "action", "version": int(version), "body": dict(body)} if version > 0:
            return StoredAction(action_from(body, where), version)
        case {"record": "item", "collection": str(collection), "key": str(key), "body": dict(body)}:
            expires_at = found.get("expires_at")
            if expires_at is None or isinstance(expires_at, int):
                return StoredItem(collection, Item(key, body), expires_at)
        case _:
            pass
    raise _unreadable(f"a {kind} with a field of the wrong type", where)
