"""The store's port: what the rest of Songpost may ask of state, and what it may rely on.

A store holds, for each account (a partition): *documents* (named, versioned, plain JSON, few and bounded),
*actions* (see `model.Action`), *items* (unbounded collections by key), and *leases*. Adapters stand beside
this file; `tests/contract` runs one suite over all of them.

What is promised, by every adapter:

- `load` is strongly consistent and complete: it sees every commit that was answered before it began. Of a commit
  that runs at the same time it may see a part (DynamoDB's queries read each record by itself); a decision is
  safe all the same, since its own commit checks the version of every document that it rests on.
- `commit` is atomic and isolated: all changes or none, and only if every expectation holds at that moment.
- Two commits that expect the same version of the same thing cannot both succeed. So all commits that write
  one document form a total order.
- A `commit` repeated with the same token and changes succeeds if the first had succeeded, and has no second effect,
  for seven days, however much was written over it since.

Versions count from 1 for each name. A document that was deleted and is written anew begins at 1 again, so a name
that is deleted is not to be taken again (a day's plan is; `control` never goes).

A commit has bounds, the same for all adapters (`changes.py`): each record named once, 100 operations with the
commit's own mark (a change is one; an action that is new, opens or closes is two), 380,000 bytes a body, 3.8 MB in
all. A store belongs to one thread at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from songpost.model import Action, Json, Kind, State


@dataclass(frozen=True, slots=True)
class Document:
    """A named JSON object and its version (from 1; 0 stands for absent)."""

    name: str
    version: int
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class StoredAction:
    """An action and its version (from 1)."""

    action: Action
    version: int


@dataclass(frozen=True, slots=True)
class Item:
    """A member of a collection; keys sort as text (by code point)."""

    key: str
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Loaded:
    """All documents and all open actions of an account, at one moment."""

    documents: Mapping[str, Document] = field(default_factory=dict)
    actions: Mapping[str, StoredAction] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutDocument:
    """Write a document whose version is `expected` (0: absent); it becomes `expected + 1`."""

    name: str
    body: Mapping[str, Json]
    expected: int
    account: str = ""


@dataclass(frozen=True, slots=True)
class CheckDocument:
    """Write nothing, but fail the commit unless the document's version is `expected` (0: absent)."""

    name: str
    expected: int
    account: str = ""


@dataclass(frozen=True, slots=True)
class DeleteDocument:
    """Remove a document whose version is `expected`."""

    name: str
    expected: int
    account: str = ""


@dataclass(frozen=True, slots=True)
class PutAction:
    """Write an action over the `previous` one that was read; `None`: no action of that key exists, open or closed.

    The key is `kind/date/…`, and `due_at` within seven days of that date (closed actions are kept by date).
    """

    action: Action
    previous: StoredAction | None


@dataclass(frozen=True, slots=True)
class PutItem:
    """Write a member of a collection, by default only if the key is free. It may vanish after `expires_at`."""

    collection: str
    key: str
    body: Mapping[str, Json]
    if_absent: bool = True
    expires_at: datetime | None = None
    account: str = ""


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Remove a member of a collection; with `must_exist` the commit fails where it is gone already."""

    collection: str
    key: str
    must_exist: bool = False
    account: str = ""


Change = PutDocument | CheckDocument | DeleteDocument | PutAction | PutItem | DeleteItem


class Store(ABC):
    """State behind a handful of verbs. `account` is always the partition; a change may name another one."""

    @abstractmethod
    def load(self, account: str) -> Loaded:
        """Read all documents and open actions of an account, strongly consistent, in one query (all its pages).

        Raises `StoreUnavailable`, `StoreUnreadable`, `StoreNewer`.
        """

    @abstractmethod
    def commit(self, account: str, changes: Sequence[Change], token: str) -> None:
        """Apply all changes or none, at most once for a `token` (1 to 36 characters, drawn anew for each commit).

        Raises `CommitConflict` (an expectation failed: nothing written), `CommitUnanswered` (repeat with
        the same token and changes), `CommitRefused` (out of bounds: nothing written, no use in repeating),
        `StoreUnavailable` (this very request wrote nothing). After a `CommitUnanswered` only a return or a
        `CommitConflict` settles the commit: `StoreUnavailable` then speaks of the repeat alone.
        """

    @abstractmethod
    def action(self, account: str, key: str) -> StoredAction | None:
        """Read one action, open or closed, strongly consistent."""

    @abstractmethod
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
        """Yield actions, open and closed, newest `due_at` first (then greatest key), with `since <= due_at < until`.

        For people and reports: pages are read one after the other, so what moves meanwhile may be missed.
        """

    @abstractmethod
    def items(
        self, account: str, collection: str, *, after: str = "", until: str = "", newest_first: bool = False
    ) -> Iterator[Item]:
        """Yield the members of a collection in the order of their keys, `after < key <= until` (empty: unbounded)."""

    @abstractmethod
    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Take a lease until `until` if it is free, over (`<= now`), or already the holder's. False: another has it.

        Raises `StoreUnavailable`; then it may be taken all the same, until `until`.
        """

    @abstractmethod
    def release_lease(self, account: str, name: str, holder: str) -> None:
        """Give a lease back; nothing happens where another holder has it."""

    @abstractmethod
    def export(self, account: str) -> Iterator[dict[str, Json]]:
        """Yield every record of an account as one JSON object each, leases left out; `import_` reads them back.

        In a fixed order, so that equal accounts export equal records on every store: documents by name, actions
        by the date in their key, items by collection and key. One moment of the account on SQLite only.
        """

    @abstractmethod
    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> int:
        """Write exported records into an account that holds nothing yet; return how many. All or nothing: where
        an import is cut off, loads refuse the account until it is run again.

        Raises `CommitConflict` where the account holds anything, `StoreUnreadable` for a record of another form.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections. A closed store is not used again."""
