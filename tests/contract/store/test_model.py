"""Every store against a dict: random stories of commits, repeats, stale expectations and leases."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from songpost.errors import CommitConflict
from songpost.model import Json, Kind, State
from songpost.store.port import (
    Change,
    CheckDocument,
    DeleteDocument,
    DeleteItem,
    Document,
    Item,
    Loaded,
    PutAction,
    PutDocument,
    PutItem,
    Store,
    StoredAction,
)
from tests.contract.store.conftest import Backend
from tests.contract.store.samples import NOW, action

NAMES = ("control", "usage", "plan/2026-11-22")
KEYS = ("post/2026-11-22/morning/1", "post/2026-11-23/noon/1", "reply/2026-11-20/7")
COLLECTIONS = ("bands", "bands-", "b")
MEMBERS = ("1", "1/2", "é")
HOLDERS = ("us", "them")

bodies = st.dictionaries(st.sampled_from(["a", "ü"]), st.integers(0, 3) | st.none() | st.text(max_size=3), max_size=2)


@dataclass
class Model:
    """What a store holds, as plainly as it can be said."""

    documents: dict[tuple[str, str], tuple[int, Mapping[str, Json]]] = field(default_factory=dict)
    actions: dict[tuple[str, str], list[StoredAction]] = field(default_factory=dict)
    items: dict[tuple[str, str, str], Mapping[str, Json]] = field(default_factory=dict)
    leases: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)

    def version(self, account: str, name: str) -> int:
        """A document's version, 0 for none."""
        return self.documents.get((account, name), (0, {}))[0]

    def accepts(self, account: str, change: Change) -> bool:
        """Whether the change's expectation holds."""
        place = getattr(change, "account", "") or account
        match change:
            case PutDocument() | CheckDocument() | DeleteDocument():
                return change.expected == self.version(place, change.name)
            case PutAction():
                told = self.actions.get((place, change.action.key), [])
                return (change.previous.version if change.previous else 0) == len(told)
            case PutItem():
                return not change.if_absent or (place, change.collection, change.key) not in self.items
            case DeleteItem():
                return not change.must_exist or (place, change.collection, change.key) in self.items

    def apply(self, account: str, change: Change) -> None:
        """Carry the change out."""
        place = getattr(change, "account", "") or account
        match change:
            case PutDocument():
                self.documents[place, change.name] = (change.expected + 1, change.body)
            case CheckDocument():
                pass
            case DeleteDocument():
                del self.documents[place, change.name]
            case PutAction():
                told = self.actions.setdefault((place, change.action.key), [])
                told.append(StoredAction(change.action, len(told) + 1))
            case PutItem():
                self.items[place, change.collection, change.key] = change.body
            case DeleteItem():
                self.items.pop((place, change.collection, change.key), None)

    def loaded(self, account: str) -> Loaded:
        """What a load brings."""
        return Loaded(
            {name: Document(name, *found) for (place, name), found in self.documents.items() if place == account},
            {one.action.key: one for one in self.newest(account) if one.action.is_open},
        )

    def newest(self, account: str) -> list[StoredAction]:
        """The account's actions, newest first."""
        found = [told[-1] for (place, _), told in self.actions.items() if place == account]
        return sorted(found, key=lambda one: (one.action.due_at, one.action.key), reverse=True)

    def members(self, account: str, collection: str) -> list[Item]:
        """A collection in order."""
        found = [
            Item(key, body) for (place, of, key), body in self.items.items() if (place, of) == (account, collection)
        ]
        return sorted(found, key=lambda item: item.key)


class StoreMachine(RuleBasedStateMachine):
    """A store and its model take the same steps."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.model = Model()
        self.accounts = [f"{uuid.uuid4().hex}-{name}" for name in "ab"]
        self.done: list[tuple[str, Sequence[Change], str]] = []

    def change(self, data: st.DataObject, account: str) -> Change:
        """Draw a change whose expectation holds more often than not."""
        other = data.draw(st.sampled_from(["", "", *self.accounts]))
        place = other or account
        kind = data.draw(st.sampled_from([PutDocument, CheckDocument, DeleteDocument, PutAction, PutItem, DeleteItem]))
        if kind is PutAction:
            return self.put_action(data, account)
        if kind in {PutItem, DeleteItem}:
            collection, key = data.draw(st.sampled_from(COLLECTIONS)), data.draw(st.sampled_from(MEMBERS))
            flag = data.draw(st.booleans())
            if kind is DeleteItem:
                return DeleteItem(collection, key, must_exist=flag, account=other)
            return PutItem(collection, key, data.draw(bodies), if_absent=flag, account=other)
        name = data.draw(st.sampled_from(NAMES))
        expected = max(0, self.model.version(place, name) + data.draw(st.sampled_from([0, 0, 0, 0, 0, -1, 1])))
        if kind is PutDocument:
            return PutDocument(name, data.draw(bodies), expected, account=other)
        if kind is CheckDocument:
            return CheckDocument(name, expected, account=other)
        return DeleteDocument(name, max(1, expected), account=other)

    def put_action(self, data: st.DataObject, account: str) -> PutAction:
        """Draw an action over what was there, or over what is out of date."""
        key = data.draw(st.sampled_from(KEYS))
        told = self.model.actions.get((account, key), [])
        previous = data.draw(st.sampled_from([told[-1] if told else None] * 4 + [None, *told]))
        made = action(
            key,
            state=data.draw(st.sampled_from(list(State))),
            kind=data.draw(st.sampled_from(list(Kind))),
            due_at=NOW + timedelta(hours=data.draw(st.integers(-3, 3))),
        )
        return PutAction(replace(made, variant=len(told)), previous)

    @rule(data=st.data(), at=st.integers(0, 1), count=st.integers(1, 5))
    def commit(self, data: st.DataObject, at: int, count: int) -> None:
        """All changes, if every expectation holds; otherwise none."""
        account = self.accounts[at]
        drawn = [self.change(data, account) for _ in range(count)]
        changes = list({self.record(account, change): change for change in drawn}.values())
        token = uuid.uuid4().hex
        if not all(self.model.accepts(account, change) for change in changes):
            try:
                self.store.commit(account, changes, token)
            except CommitConflict:
                return
            raise AssertionError(f"should have lost: {changes}")
        self.store.commit(account, changes, token)
        for change in changes:
            self.model.apply(account, change)
        self.done.append((account, changes, token))

    @staticmethod
    def record(account: str, change: Change) -> tuple[object, ...]:
        """Which record a change is about: a commit names each once."""
        match change:
            case PutAction():
                return account, "action", change.action.key
            case PutItem() | DeleteItem():
                return change.account or account, change.collection, change.key
            case _:
                return change.account or account, "document", change.name

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A commit that went through, once more: success, and no effect."""
        self.store.commit(*data.draw(st.sampled_from(self.done)))

    @rule(at=st.integers(0, 1), holder=st.sampled_from(HOLDERS), minutes=st.integers(0, 4), lasts=st.integers(0, 4))
    def acquire(self, at: int, holder: str, minutes: int, lasts: int) -> None:
        """A lease goes to whoever finds it free, over, or his own."""
        account, now = self.accounts[at], NOW + timedelta(minutes=minutes)
        until = now + timedelta(minutes=lasts)
        held = self.model.leases.get((account, "refresh"))
        expected = held is None or held[0] == holder or held[1] <= now
        assert expected == self.store.acquire_lease(account, "refresh", holder, now, until)
        if expected:
            self.model.leases[account, "refresh"] = (holder, until)

    @rule(at=st.integers(0, 1), holder=st.sampled_from(HOLDERS))
    def release(self, at: int, holder: str) -> None:
        """Only the holder gives a lease back."""
        account = self.accounts[at]
        self.store.release_lease(account, "refresh", holder)
        if self.model.leases.get((account, "refresh"), ("", NOW))[0] == holder:
            del self.model.leases[account, "refresh"]

    @invariant()
    def shows_the_same(self) -> None:
        """After every step the store shows what the model holds."""
        for account in self.accounts:
            assert self.model.loaded(account) == self.store.load(account)
            assert self.model.newest(account) == list(self.store.actions(account))
            for collection in COLLECTIONS:
                assert self.model.members(account, collection) == list(self.store.items(account, collection))

    def teardown(self) -> None:
        """What was left exports, and imports again as it was."""
        exported = list(self.store.export(self.accounts[0]))
        copy = f"{self.accounts[0]}-copy"
        assert len(exported) == self.store.import_(copy, exported)
        assert exported == list(self.store.export(copy))
        assert self.store.load(self.accounts[0]) == self.store.load(copy)


def test_store_behaves_as_a_dict(backend: Backend) -> None:
    """Whatever is committed, repeated, raced and leased, the store shows what a dict would."""
    run_state_machine_as_test(
        lambda: StoreMachine(backend.open()),  # type: ignore[arg-type]  # a factory will do, and takes the store
        settings=settings(
            max_examples={"sqlite": 40, "moto": 5, "dynamodb-local": 12}[backend.name],
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
