"""A whole account as a file of JSON Lines, and back: for backups, and for moving between stores.

    {"record": "export", …}     what this is, of which account, when
    {"record": …}               documents, actions, items, as the store keeps them
    {"record": "end", …}        how many, and their SHA-256: a file that was cut off is told from a whole one

An imported account starts paused, and its timeline counts as unread: the first tick after `songpost resume` looks at
what is on X before it does anything else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from songpost.account_documents import Control, Timeline
from songpost.agent import documents
from songpost.core.snapshot import CONTROL, TIMELINE
from songpost.errors import NotFound, StoreNewer, StoreUnreadable
from songpost.model import Json
from songpost.nouns import replace
from songpost.store.port import Store

EXPORT_SCHEMA_VERSION = 1
_MEND = "export the account again"


def exported(store: Store, account: str, now: datetime) -> Iterator[str]:
    """The lines of an export, each with its line end. Raises `NotFound` for an account that holds nothing."""
    head: dict[str, Json] = {
        "record": "export",
        "account": account,
        "exported_at": now.isoformat(),
        "schema_version": EXPORT_SCHEMA_VERSION,
    }
    digest, count = hashlib.sha256(), 0
    yield _line(head)
    for record in store.export(account):
        line = _line(record)
        digest.update(line.encode())
        count += 1
        yield line
    if not count:
        raise NotFound("holds nothing", where=f"account {account}", mend="see --account")
    yield _line({"record": "end", "records": count, "sha256": digest.hexdigest()})


def _line(record: Mapping[str, Json]) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def records_in(lines: Iterable[str], where: str) -> list[dict[str, Json]]:
    """Read an export's records after checking that it is whole.

    Raises `StoreUnreadable` where it is no export, was cut off or changed; `StoreNewer` for a newer form.
    """
    digest = hashlib.sha256()
    records: list[dict[str, Json]] = []
    end: dict[str, Json] | None = None
    for number, line in enumerate(lines, 1):
        record = _parsed(line, f"{where}:{number}")
        if number == 1:
            _check_head(record, where)
        elif end is not None:
            raise StoreUnreadable("goes on after its end", where=f"{where}:{number}", mend=_MEND)
        elif record.get("record") == "end":
            end = record
        else:
            records.append(record)
            digest.update(line.encode())
    if end is None:
        raise StoreUnreadable("was cut off: its last line is missing", where=where, mend=_MEND)
    if end.get("records") != len(records) or end.get("sha256") != digest.hexdigest():
        raise StoreUnreadable("was changed since it was exported", where=where, mend=_MEND)
    return records


def _parsed(line: str, where: str) -> dict[str, Json]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise StoreUnreadable("is no JSON", where=where, mend=_MEND) from error
    if not isinstance(record, dict):
        raise StoreUnreadable("is no JSON object", where=where, mend=_MEND)
    return record


def _check_head(record: Mapping[str, Json], where: str) -> None:
    if record.get("record") != "export":
        raise StoreUnreadable("is no export of Songpost", where=where, mend="make one with 'songpost export FILE'")
    version = record.get("schema_version")
    if version != EXPORT_SCHEMA_VERSION:
        raise StoreNewer(f"is an export of form {version}", where=where, mend="update Songpost")


def imported(store: Store, account: str, records: Iterable[Mapping[str, Json]], now: datetime) -> int:
    """Write records into an account that holds nothing yet, paused and with its timeline to be read; how many.

    Raises `CommitConflict` where the account holds anything.
    """
    found = [dict(record) for record in records]
    names = {record.get("name"): record for record in found if record.get("record") == "document"}
    control = Control(
        paused=True,
        reason="imported: make sure that its source is paused, then 'songpost resume'",
        changed_at=now,
        changed_by="songpost import",
    )
    _put(found, names.get(CONTROL), CONTROL, documents.encode(control))
    if (timeline := names.get(TIMELINE)) is not None:
        body = timeline["body"]
        known = documents.decode(TIMELINE, body if isinstance(body, dict) else {}, Timeline)
        timeline["body"] = documents.encode(replace(known, read_at=None))
    return store.import_(account, found)


def _put(records: list[dict[str, Json]], present: dict[str, Json] | None, name: str, body: dict[str, Json]) -> None:
    if present is None:
        records.append({"record": "document", "name": name, "version": 1, "body": body})
    else:
        present["body"] = body
