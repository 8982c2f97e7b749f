"""Ticks that are only tried out: over a store, a wire and a letterbox that let nothing through, on a clock and a
snapshot that notice what they are asked. One that has no effect is a `Proof` that the next ones have none either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from songpost.agent import inbox, interacting, planning
from songpost.agent.planning import Texts
from songpost.core.snapshot import Snapshot
from songpost.lab.simulation.moments import Watch
from songpost.lab.simulation.reliance import Reliance
from songpost.model import Json, Kind, State
from songpost.store.port import Change, DeleteItem, Item, Loaded, PutAction, PutItem, Store, StoredAction
from songpost.x.transport import Request

ACTIONS = "(actions)"
"""Beside the collections' names: actions of the store."""
_OF_ITEMS = (PutItem, DeleteItem)


class Busy(BaseException):
    """A tick that was only tried out is about to do something."""


@dataclass(slots=True)
class Proof:
    """That ticks of one function do nothing: until a time, and as long as the account answers as it did."""

    watch: Watch
    loaded: Loaded
    reliance: Reliance
    asked: set[str] = field(default_factory=set)

    @property
    def until(self) -> datetime:
        """The first time at which an answer of the clock changes."""
        return self.watch.until

    def holds(self, snapshot: Snapshot, loaded: Loaded, written: Iterable[str]) -> bool:
        """Whether the account still answers as it did, after collections (or `ACTIONS`) were written."""
        if self.loaded.actions is not loaded.actions and self.loaded.actions != loaded.actions:
            return False
        return self.asked.isdisjoint(written) and self.reliance.holds(snapshot)

    def is_over(self, store: Store, snapshot: Snapshot, texts: Texts, now: datetime) -> bool:
        """Whether the writer has something to do for sure, which to try out would only cost time.

        Time has brought a day to plan or a slot, or something follows from a candidate that waits in the inbox.
        """
        if self.until <= now:
            if planning.local_day(snapshot, now).isoformat() not in snapshot.plans:
                return True
            if any(slot.due_at <= now for slot in planning.open_slots(snapshot.plans.values())):
                return True
        if not inbox.waiting(store, snapshot.account, now, 1):
            return False
        found = interacting.look(store, snapshot, now)
        return any(one.actions or not one.later for one in interacting.following(snapshot, texts, found, now))


def written_by(changes: Iterable[Change]) -> Iterator[str]:
    """The collections that a commit writes, and `ACTIONS`."""
    for change in changes:
        if isinstance(change, PutAction):
            yield ACTIONS
        elif isinstance(change, _OF_ITEMS):
            yield change.collection


class TriedStore(Store):
    """A store for a tick that is only tried out: it notes what is read beside the load, and who would write is busy."""

    def __init__(self, of: Store, account: str) -> None:
        self._of, self._account = of, account
        self.asked: set[str] = set()
        self.elsewhere = False
        """Whether another account's partition was asked, whose commits nobody tells of."""

    def _note(self, account: str, what: str) -> None:
        self.asked.add(what)
        self.elsewhere = self.elsewhere or account != self._account

    def load(self, account: str) -> Loaded:
        """As the other store remembers it."""
        return self._of.load(account)

    def commit(self, account: str, changes: Sequence[Change], token: str) -> NoReturn:
        """Busy."""
        del account, changes, token
        raise Busy

    def action(self, account: str, key: str) -> StoredAction | None:
        """As the other store has it."""
        self._note(account, ACTIONS)
        return self._of.action(account, key)

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
        """As the other store has them."""
        self._note(account, ACTIONS)
        return self._of.actions(account, since=since, until=until, state=state, kind=kind, limit=limit)

    def items(
        self, account: str, collection: str, *, after: str = "", until: str = "", newest_first: bool = False
    ) -> Iterator[Item]:
        """As the other store has them."""
        self._note(account, collection)
        return self._of.items(account, collection, after=after, until=until, newest_first=newest_first)

    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> NoReturn:
        """Busy."""
        del account, name, holder, now, until
        raise Busy

    def release_lease(self, account: str, name: str, holder: str) -> NoReturn:
        """Busy."""
        del account, name, holder
        raise Busy

    def export(self, account: str) -> NoReturn:
        """Busy."""
        del account
        raise Busy

    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> NoReturn:
        """Busy."""
        del account, records
        raise Busy

    def close(self) -> None:
        """It is the other store's to be closed."""


class NoWire:
    """The wire of a tick that is only tried out: whoever would call is busy."""

    def send(self, request: Request) -> NoReturn:
        """Busy."""
        del request
        raise Busy


class TriedMail:
    """The mail of a tick that is only tried out: whoever would write to the owner is busy."""

    def send(self, subject: str, body: str) -> NoReturn:
        """Busy."""
        del subject, body
        raise Busy
