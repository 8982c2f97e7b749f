"""The store's port: what the rest of Songpost may ask of state, and what it may rely on.

A store holds, for each account (a partition): *documents* (named, versioned, plain JSON, few and bounded),
*actions* (see `model.Action`), *items* (unbounded collections by key), and *leases*. Adapters stand beside
this file; `tests/contract` runs one suite over all of them.

What is promised, by every adapter:

- `load` is strongly consistent and complete: it sees every commit that was answered before it began.
- `commit` is atomic and isolated: all changes or none, and only if every expectation holds at that moment.
- Two commits that expect the same version of the same thing cannot both succeed. So all commits that write
  one document form a total order.
- A `commit` repeated with the same token and changes succeeds if the first had succeeded, and has no second effect.
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
    """A member of a collection; keys sort as text."""

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
    """Write an action over the `previous` one that was read; `None`: no action of that key exists, open or closed."""

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
        """Apply all changes or none, at most once for a `token` (at most 36 characters).

        Raises `CommitConflict` (an expectation failed: nothing written), `CommitUnanswered` (repeat with
        the same token and changes), `StoreUnavailable` (certainly nothing written).
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
        """Yield actions, open and closed, newest `due_at` first, with `since <= due_at < until`."""

    @abstractmethod
    def items(
        self, account: str, collection: str, *, after: str = "", until: str = "", newest_first: bool = False
    ) -> Iterator[Item]:
        """Yield the members of a collection in the order of their keys, `after < key <= until` (empty: unbounded)."""

    @abstractmethod
    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Take a lease until `until` if it is free, over (`<= now`), or already the holder's. False: another has it."""

    @abstractmethod
    def release_lease(self, account: str, name: str, holder: str) -> None:
        """Give a lease back; nothing happens where another holder has it."""

    @abstractmethod
    def export(self, account: str) -> Iterator[dict[str, Json]]:
        """Yield every record of an account as one JSON object each, leases left out; `import_` reads them back."""

    @abstractmethod
    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> int:
        """Write exported records into an account that holds nothing yet; return how many.

        Raises `CommitConflict` where the account holds anything, `StoreUnreadable` for a record of another form.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections. A closed store is not used again."""
