"""What a commit has to be before any store sees it: one table of bounds for all adapters.

The bounds are DynamoDB's (TransactWriteItems: 100 operations, 4 MB, one operation per item; items of 400 KB;
AWS service quotas, read 2026-11), kept for SQLite too, so that what a laptop accepts, the cloud accepts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import assert_never

from songpost.errors import CommitRefused
from songpost.model import Action
from songpost.store.codec import action_text, canonical
from songpost.store.port import (
    Change,
    CheckDocument,
    DeleteDocument,
    DeleteItem,
    PutAction,
    PutDocument,
    PutItem,
)

OPERATIONS_LIMIT = 100
"""Operations in one transaction, the commit's own marker included."""
BODY_BYTES_LIMIT = 380_000
COMMIT_BYTES_LIMIT = 3_800_000
NAME_BYTES_LIMIT = 900
TOKEN_CHARACTERS_LIMIT = 36
DUE_DAYS_AROUND_KEY = 7
"""How far an action's `due_at` may lie from the date in its key. Listings by time rest on it: closed actions
are kept by the date of their key and shown by `due_at`, so a reader knows how far ahead to look."""

_ACTION_KEY = re.compile(r"[^/]+/(\d{4}-\d{2}-\d{2})/.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change with its account filled in and its body written; `label` names the record in messages.

    `size` is the body's in bytes; `condition` what the change expects or asks beyond it, as text.
    """

    account: str
    label: str
    change: Change
    condition: str
    body: str
    size: int


def key_date(key: str) -> str:
    """The date in an action's key, `kind/date/…`; `CommitRefused` for a key of another form."""
    found = _ACTION_KEY.fullmatch(key)
    try:
        return date.fromisoformat(found[1] if found else "").isoformat()
    except ValueError as error:
        raise CommitRefused(
            "an action's key is kind/date/…, like post/2026-11-22/morning/1", where=f"action {key}"
        ) from error


def prepare(account: str, changes: Sequence[Change], token: str) -> tuple[tuple[Prepared, ...], str]:
    """Check a commit against every bound and write its bodies; also return a digest of all of it.

    The digest tells a repeated commit from another one that took the same token by mistake. Its form may change with
    a release: a commit is repeated by the process that made it.
    """
    if not 0 < len(token) <= TOKEN_CHARACTERS_LIMIT:
        raise CommitRefused(f"a token has 1 to {TOKEN_CHARACTERS_LIMIT} characters", where="commit")
    prepared = tuple([_prepare(account, change) for change in changes])
    seen: set[tuple[str, str]] = set()
    operations, size = 1, 0
    for one in prepared:
        place = (one.account, one.label)
        if place in seen:
            raise CommitRefused("two changes of one record in one commit", where=one.label, mend="merge them")
        seen.add(place)
        operations += operations_of(one.change)
        size += one.size
    if operations > OPERATIONS_LIMIT:
        raise CommitRefused(
            f"{len(prepared)} changes need {operations} operations; a commit has at most {OPERATIONS_LIMIT}",
            where="commit",
            mend="split it",
        )
    if size > COMMIT_BYTES_LIMIT:
        raise CommitRefused(f"{size} bytes; a commit has at most {COMMIT_BYTES_LIMIT}", where="commit", mend="split it")
    return prepared, _digest(prepared)


def operations_of(change: Change) -> int:
    """How many operations a change takes: an action that is new, opens or closes is looked for in two places."""
    if not isinstance(change, PutAction):
        return 1
    previous = change.previous
    return 2 if previous is None or previous.action.is_open != change.action.is_open else 1


def _prepare(account: str, change: Change) -> Prepared:
    body = ""
    match change:
        case PutDocument() | CheckDocument() | DeleteDocument():
            _check_name(change.name, "document")
            account, label, condition = change.account or account, f"document {change.name}", str(change.expected)
            if isinstance(change, PutDocument):
                body = canonical(change.body, label)
            if change.expected < isinstance(change, DeleteDocument):
                raise CommitRefused(f"expects version {change.expected}", where=label)
        case PutAction():
            _check_action(change)
            label, condition = f"action {change.action.key}", str(change.previous.version if change.previous else 0)
            body = action_text(change.action)
        case PutItem() | DeleteItem():
            _check_name(change.collection, "collection")
            if "/" in change.collection:
                raise CommitRefused("a collection's name has no slash", where=f"collection {change.collection}")
            _check_name(change.key, "item")
            account, label = change.account or account, f"item {change.collection}/{change.key}"
            if isinstance(change, PutItem):
                body, condition = canonical(change.body, label), f"{change.if_absent} {change.expires_at}"
                if change.expires_at and change.expires_at.tzinfo is None:
                    raise CommitRefused("expires_at has no zone", where=label)
            else:
                condition = str(change.must_exist)
        case _:
            assert_never(change)
    _check_name(account, "account")
    size = len(body) if body.isascii() else len(body.encode())
    if size > BODY_BYTES_LIMIT:
        raise CommitRefused(f"over {BODY_BYTES_LIMIT} bytes", where=label, mend="make it smaller")
    return Prepared(account, label, change, condition, body, size)


def _check_name(name: str, what: str) -> None:
    if 0 < len(name) <= NAME_BYTES_LIMIT and name.isascii():
        return
    if not 0 < len(name.encode(errors="replace")) <= NAME_BYTES_LIMIT:
        raise CommitRefused(f"a name has 1 to {NAME_BYTES_LIMIT} bytes", where=what)


def _check_action(change: PutAction) -> None:
    action, label = change.action, f"action {change.action.key}"
    _check_name(action.key, "action")
    if change.previous is not None and change.previous.action.key != action.key:
        raise CommitRefused(f"written over another action, {change.previous.action.key}", where=label)
    day = datetime.fromisoformat(key_date(action.key)).replace(tzinfo=UTC)
    if action.due_at.tzinfo is None or abs(action.due_at - day) > timedelta(days=DUE_DAYS_AROUND_KEY):
        raise CommitRefused(
            f"due_at {action.due_at.isoformat()} is not within {DUE_DAYS_AROUND_KEY} days of the key's date",
            where=label,
        )


def _digest(prepared: Sequence[Prepared]) -> str:
    """The hash of all parts, the lengths of all before them, so that no two commits run into the same text."""
    parts: list[str] = []
    for one in prepared:
        parts += (one.account, one.label, one.change.__class__.__name__, one.body, one.condition)
    text = f"{[*map(len, parts)]}{''.join(parts)}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def booked_micros(action: Action) -> int:
    """What an action's attempts cost: settled where it is known, reserved where it is open (micro-dollars)."""
    return sum(
        attempt.reserved_micros if attempt.settled_micros is None else attempt.settled_micros
        for attempt in action.attempts
    )
