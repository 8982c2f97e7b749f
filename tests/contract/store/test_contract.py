"""What every store promises: one suite over all adapters."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from songpost.errors import CommitConflict, CommitRefused, StoreUnavailable, StoreUnreadable
from songpost.model import Json, Kind, State
from songpost.store.codec import StoredItem, record_json
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
from tests.contract.store.samples import NOW, action, full_action, moved

ACCOUNT = "default"


def commit(store: Store, *changes: Change, account: str = ACCOUNT) -> None:
    """Commit with a token of its own."""
    store.commit(account, changes, uuid.uuid4().hex)


def documents(store: Store, account: str = ACCOUNT) -> dict[str, tuple[int, object]]:
    """The account's documents as name → (version, body)."""
    return {name: (found.version, found.body) for name, found in store.load(account).documents.items()}


# -------------------------------------------------------------------------------------------------- documents


def test_absent_account_loads_empty(store: Store) -> None:
    """An account that nobody has written to has no documents and no actions."""
    assert Loaded() == store.load(ACCOUNT)


def test_documents_count_their_versions(store: Store) -> None:
    """A document starts at version 1 and moves on by one with each commit."""
    commit(store, PutDocument("control", {"paused": False}, 0))
    commit(store, PutDocument("control", {"paused": True}, 1))
    assert {"control": Document("control", 2, {"paused": True})} == store.load(ACCOUNT).documents


@pytest.mark.parametrize(
    "stale",
    [
        PutDocument("control", {}, 0),
        PutDocument("control", {}, 2),
        PutDocument("other", {}, 1),
        CheckDocument("control", 0),
        CheckDocument("control", 2),
        CheckDocument("other", 1),
        DeleteDocument("control", 2),
        DeleteDocument("other", 1),
    ],
    ids=repr,
)
def test_stale_expectation_writes_nothing(store: Store, stale: Change) -> None:
    """One expectation that fails keeps every other change of the commit from being written."""
    commit(store, PutDocument("control", {"a": 1}, 0))
    with pytest.raises(CommitConflict, match=getattr(stale, "name", "")):
        commit(
            store, PutDocument("usage", {"b": 1}, 0), stale, PutAction(action(), None), PutItem("reads", "1", {"c": 1})
        )
    assert Loaded({"control": Document("control", 1, {"a": 1})}) == store.load(ACCOUNT)
    assert [] == list(store.items(ACCOUNT, "reads"))


def test_expectations_that_hold(store: Store) -> None:
    """Checks that hold let a commit through and move nothing; a deleted document is absent."""
    commit(store, PutDocument("control", {}, 0), PutDocument("plan/2026-11-20", {}, 0))
    commit(store, CheckDocument("control", 1), CheckDocument("absent", 0), DeleteDocument("plan/2026-11-20", 1))
    assert {"control": (1, {})} == documents(store)


def test_accounts_are_apart(store: Store) -> None:
    """What one account writes no other account sees, unless a change names that other account."""
    commit(store, PutDocument("control", {"of": "a"}, 0), account="a")
    commit(
        store,
        PutDocument("control", {"of": "b"}, 0),
        PutDocument("control", {"of": "a, by b"}, 1, account="a"),
        PutItem("bands", "17", {}, account="shared"),
        account="b",
    )
    assert {"control": (2, {"of": "a, by b"})} == documents(store, "a")
    assert {"control": (1, {"of": "b"})} == documents(store, "b")
    assert [Item("17", {})] == list(store.items("shared", "bands"))
    with pytest.raises(CommitConflict):
        commit(
            store,
            PutDocument("usage", {}, 0),
            CheckDocument("control", 1, account="a"),
            DeleteItem("bands", "17"),
            account="b",
        )
    assert {"control": (1, {"of": "b"})} == documents(store, "b")


def test_bodies_come_back_as_they_were(store: Store) -> None:
    """Unicode, nesting, large and negative numbers, and nulls survive."""
    body: dict[str, Json] = {
        "a": [None, True, -1, 2**70, 0.1, "🐦\x00\u2028"],
        "ü": {"": {"deep": []}},
        "big": 9_007_199_254_740_993,
    }
    commit(store, PutDocument("Ünïcode/name with spaces", body, 0))
    assert {"Ünïcode/name with spaces": (1, body)} == documents(store)


def test_load_brings_every_page(store: Store) -> None:
    """A load beyond what one answer of DynamoDB holds (1 MB) is complete."""
    bodies = {f"plan/2026-11-{day}": {"text": str(day) * 150_000} for day in range(10, 20)}
    for name, body in bodies.items():
        commit(store, PutDocument(name, body, 0))
    assert {name: (1, body) for name, body in bodies.items()} == documents(store)


# ---------------------------------------------------------------------------------------------------- actions


def test_action_comes_back_whole(store: Store) -> None:
    """Every field of an action survives, open or closed."""
    closed = full_action()
    opened = replace(closed, key="post/2026-11-22/noon/1", state=State.UNKNOWN)
    commit(store, PutAction(closed, None), PutAction(opened, None))
    assert {opened.key: StoredAction(opened, 1)} == store.load(ACCOUNT).actions
    assert StoredAction(closed, 1) == store.action(ACCOUNT, closed.key)
    assert StoredAction(opened, 1) == store.action(ACCOUNT, opened.key)
    assert None is store.action(ACCOUNT, "post/2026-11-22/night/1")


@pytest.mark.parametrize("first", [State.PLANNED, State.SENT])
@pytest.mark.parametrize("second", [State.PLANNED, State.SENT])
def test_new_action_needs_a_free_key(store: Store, first: State, second: State) -> None:
    """A key is taken once, whether the action under it is open or closed."""
    commit(store, PutAction(action(state=first), None))
    with pytest.raises(CommitConflict, match="post/2026-11-22/morning/1"):
        commit(store, PutAction(action(state=second, text="another"), None))
    assert StoredAction(action(state=first), 1) == store.action(ACCOUNT, action().key)


@pytest.mark.parametrize(
    "states",
    [
        (State.PLANNED, State.SENDING, State.SENT),
        (State.PROPOSED, State.ABANDONED, State.SENT),
        (State.SENDING, State.PARTIAL, State.PLANNED),
    ],
)
def test_action_moves_between_states(store: Store, states: tuple[State, State, State]) -> None:
    """An action keeps one version count through open and closed states, and lies in one place."""
    now = action(state=states[0])
    commit(store, PutAction(now, None))
    for version, state in enumerate(states[1:], 1):
        then, now = now, moved(now, state)
        commit(store, PutAction(now, StoredAction(then, version)))
        with pytest.raises(CommitConflict):
            commit(store, PutAction(moved(now, State.REFUSED), StoredAction(then, version)))
    assert StoredAction(now, 3) == store.action(ACCOUNT, now.key)
    assert ({now.key: StoredAction(now, 3)} if now.is_open else {}) == store.load(ACCOUNT).actions
    assert [StoredAction(now, 3)] == list(store.actions(ACCOUNT))


@pytest.mark.parametrize("state", [State.SENDING, State.SENT])
def test_action_that_is_not_there_cannot_move(store: Store, state: State) -> None:
    """An action that was never written cannot be written over."""
    with pytest.raises(CommitConflict):
        commit(store, PutAction(moved(action(), state), StoredAction(action(), 1)))
    assert [] == list(store.actions(ACCOUNT))


def _listed() -> list[StoredAction]:
    """Actions whose order by time is not the order of their keys, newest first."""
    hour = timedelta(hours=1)
    made = [
        action("reply/2026-11-25/a", kind=Kind.REPLY, due_at=NOW + 90 * hour, state=State.PROPOSED),
        action("post/2026-11-21/late/1", due_at=NOW + 50 * hour, state=State.REFUSED),
        action("post/2026-11-22/night/2", due_at=NOW + 9 * hour, state=State.SENT),
        action("post/2026-11-22/night/1", due_at=NOW + 9 * hour, state=State.PLANNED),
        action("like/2026-11-24/x", kind=Kind.LIKE, due_at=NOW, state=State.SENT),
        action("post/2026-11-20/noon/1", due_at=NOW - 40 * hour, state=State.SENT),
        action("post/2026-11-23/noon/1", due_at=NOW - 41 * hour, state=State.UNKNOWN),
        action("post/2026-10-01/noon/1", due_at=datetime(2026, 10, 1, 12, tzinfo=UTC), state=State.SENT),
    ]
    return [StoredAction(one, 1) for one in made]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, range(8)),
        ({"limit": 3}, [0, 1, 2]),
        ({"limit": 0}, []),
        ({"since": NOW}, [0, 1, 2, 3, 4]),
        ({"until": NOW}, [5, 6, 7]),
        ({"since": NOW - timedelta(hours=41), "until": NOW + timedelta(hours=9)}, [4, 5, 6]),
        ({"since": (NOW + timedelta(hours=9)).astimezone(timezone(timedelta(hours=13)))}, [0, 1, 2, 3]),
        ({"since": NOW, "until": NOW}, []),
        ({"since": NOW + timedelta(days=40), "until": NOW}, []),
        ({"state": State.SENT}, [2, 4, 5, 7]),
        ({"state": State.SENT, "limit": 2}, [2, 4]),
        ({"kind": Kind.POST, "state": State.SENT, "until": NOW}, [5, 7]),
        ({"kind": Kind.FOLLOW}, []),
    ],
)
def test_actions_by_time(store: Store, asked: dict[str, object], expected: Sequence[int]) -> None:
    """Actions come newest `due_at` first, whatever their keys and states, within the bounds asked for."""
    made = _listed()
    commit(store, *(PutAction(stored.action, None) for stored in reversed(made)))
    commit(store, PutAction(action(), None), account="other")
    assert [made[at] for at in expected] == list(store.actions(ACCOUNT, **asked))  # type: ignore[arg-type]


def test_actions_beyond_one_page(backend: Backend) -> None:
    """A history beyond one page (500 rows of SQLite, 1 MB of DynamoDB, 100 rows where few were asked for) is whole."""
    slots, size = (10, 10) if backend.name == "sqlite" else (2, 10_000)
    moments = [
        datetime(2026, month, day, 12, n, tzinfo=UTC) for month in (9, 10) for day in range(1, 29) for n in range(slots)
    ]
    made = [
        action(f"post/{due_at.date()}/noon/{due_at.minute}", state=State.SENT, due_at=due_at, text="x" * size)
        for due_at in moments
    ]
    store = backend.open()
    store.import_(ACCOUNT, (record_json(StoredAction(one, 1)) for one in made))
    expected = [one.key for one in reversed(made)]
    assert expected == [stored.action.key for stored in store.actions(ACCOUNT)]
    assert expected[:-5] == [stored.action.key for stored in store.actions(ACCOUNT, limit=len(made) - 5)]


# ------------------------------------------------------------------------------------------------------ items


def test_items_are_taken_once(store: Store) -> None:
    """An item is by default only written where its key is free."""
    commit(store, PutItem("reads", "a", {"n": 1}, expires_at=datetime(2099, 1, 1, tzinfo=UTC)))
    with pytest.raises(CommitConflict, match="reads/a"):
        commit(store, PutItem("reads", "a", {"n": 2}), PutItem("reads", "b", {}))
    commit(store, PutItem("reads", "a", {"n": 3}, if_absent=False), PutItem("other", "a", {"n": 4}))
    assert [Item("a", {"n": 3})] == list(store.items(ACCOUNT, "reads"))


def test_items_go(store: Store) -> None:
    """A deleted item is gone; deleting what is not there fails only where that was asked for."""
    commit(store, PutItem("reads", "a", {}), PutItem("reads", "b", {}))
    commit(store, DeleteItem("reads", "a", must_exist=True), DeleteItem("reads", "never"))
    with pytest.raises(CommitConflict, match="reads/a"):
        commit(store, DeleteItem("reads", "a", must_exist=True), DeleteItem("reads", "b"))
    assert [Item("b", {})] == list(store.items(ACCOUNT, "reads"))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "A 0 2026/11 a a! ab z é 🐦"),
        ({"newest_first": True}, "🐦 é z ab a! a 2026/11 0 A"),
        ({"after": "a"}, "a! ab z é 🐦"),
        ({"until": "a"}, "A 0 2026/11 a"),
        ({"after": "0", "until": "ab"}, "2026/11 A a a! ab"),
        ({"after": "0", "until": "ab", "newest_first": True}, "ab a! a A 2026/11"),
        ({"after": "b", "until": "y"}, ""),
        ({"after": "z", "until": "a"}, ""),
        ({"after": "a", "until": "a"}, ""),
    ],
)
def test_items_in_order(store: Store, asked: dict[str, object], expected: str) -> None:
    """A collection comes in the order of its keys as text, `after < key <= until`, and nothing of its neighbours."""
    keys = ["A", "0", "2026/11", "a", "a!", "ab", "z", "é", "🐦"]
    neighbours = [PutItem(name, "a", {}) for name in ("b", "bc", "ba", "b-", "b0", "a")]
    commit(store, *(PutItem("bands", key, {"key": key}) for key in reversed(keys)), *neighbours)
    expected_keys = sorted(expected.split(), reverse=bool(asked.get("newest_first")))
    found = list(store.items(ACCOUNT, "bands", **asked))  # type: ignore[arg-type]
    assert [Item(key, {"key": key}) for key in expected_keys] == found


def test_items_beyond_one_page(backend: Backend) -> None:
    """A collection beyond one page (500 rows of SQLite, 1 MB of DynamoDB) comes whole and in order, both ways."""
    rows, size = (1_040, 10) if backend.name == "sqlite" else (104, 12_000)
    keys = [f"{number:04}" for number in range(rows)]
    store = backend.open()
    store.import_(ACCOUNT, (record_json(StoredItem("log", Item(key, {"text": "x" * size}), None)) for key in keys))
    assert keys == [item.key for item in store.items(ACCOUNT, "log")]
    assert keys[::-1] == [item.key for item in store.items(ACCOUNT, "log", newest_first=True)]
    assert keys[4:-4] == [item.key for item in store.items(ACCOUNT, "log", after="0003", until=keys[-5])]


# ----------------------------------------------------------------------------------------------------- tokens


def test_repeated_commit_has_no_second_effect(backend: Backend) -> None:
    """A commit repeated with its token succeeds and changes nothing, from another process's store too."""
    changes: list[Change] = [
        PutDocument("usage", {"n": 1}, 0), PutAction(action(), None), PutItem("log", "1", {}, if_absent=False)
    ]  # fmt: skip
    store = backend.open()
    store.commit(ACCOUNT, changes, "token")
    before = list(store.export(ACCOUNT))
    store.commit(ACCOUNT, changes, "token")
    backend.open().commit(ACCOUNT, changes, "token")
    assert before == list(store.export(ACCOUNT))


def test_repeated_commit_succeeds_after_others_moved_on(backend: Backend) -> None:
    """That a commit went through is known however much was written over it since."""
    store = backend.open()
    first: list[Change] = [PutDocument("usage", {"n": 1}, 0), PutItem("log", "1", {})]
    store.commit(ACCOUNT, first, "first")
    commit(store, PutDocument("usage", {"n": 2}, 1), DeleteItem("log", "1"))
    commit(store, DeleteDocument("usage", 2))
    store.commit(ACCOUNT, first, "first")
    assert {} == documents(store)
    assert [] == list(store.items(ACCOUNT, "log"))


def test_token_of_a_lost_race_is_not_used_up(store: Store) -> None:
    """A commit that lost wrote nothing, so its token may still be used."""
    commit(store, PutDocument("usage", {"n": 1}, 0))
    with pytest.raises(CommitConflict):
        store.commit(ACCOUNT, [PutDocument("usage", {"n": 2}, 0)], "token")
    commit(store, DeleteDocument("usage", 1))
    store.commit(ACCOUNT, [PutDocument("usage", {"n": 3}, 0)], "token")
    assert {"usage": (1, {"n": 3})} == documents(store)


@pytest.mark.parametrize(
    "other",
    [
        PutDocument("usage", {"n": 2}, 0),
        PutDocument("usage", {"n": 1}, 1),
        PutDocument("other", {"n": 1}, 0),
        PutDocument("usage", {"n": 1}, 0, account="other"),
        CheckDocument("usage", 1),
    ],
    ids=repr,
)
def test_token_stands_for_one_commit(store: Store, other: Change) -> None:
    """A token that was used for other changes is refused: success would be a lie."""
    store.commit(ACCOUNT, [PutDocument("usage", {"n": 1}, 0)], "token")
    with pytest.raises(CommitConflict, match="token"):
        store.commit(ACCOUNT, [other], "token")
    assert {"usage": (1, {"n": 1})} == documents(store)


def test_nothing_to_commit(store: Store) -> None:
    """A commit of no changes is done at once."""
    store.commit(ACCOUNT, [], "token")
    assert Loaded() == store.load(ACCOUNT)


# --------------------------------------------------------------------------------------------------- refusals


def _many(count: int) -> list[Change]:
    return [PutItem("many", f"{number:03}", {}) for number in range(count)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (lambda: _many(100), "100"),
        (
            lambda: [*_many(90), *(PutAction(action(f"post/2026-11-22/w/{n}"), None) for n in range(5))],
            "101 operations",
        ),
        (lambda: [PutDocument("usage", {}, 0), CheckDocument("usage", 0)], "two changes"),
        (lambda: [PutItem("a", "b", {}), DeleteItem("a", "b")], "two changes"),
        (lambda: [PutAction(action(), None), PutAction(moved(action(), State.SENT), None)], "two changes"),
        (lambda: [PutDocument("usage", {"n": "x" * 400_000}, 0)], "380000 bytes"),
        (lambda: [PutItem("a", str(n), {"n": "x" * 370_000}) for n in range(11)], "3800000"),
        (lambda: [PutDocument("", {}, 0)], "a name"),
        (lambda: [PutDocument("x" * 901, {}, 0)], "a name"),
        (lambda: [PutDocument("usage", {}, -1)], "version -1"),
        (lambda: [DeleteDocument("usage", 0)], "version 0"),
        (lambda: [PutDocument("usage", {"n": float("nan")}, 0)], "usage"),
        (lambda: [PutDocument("usage", {"n": object()}, 0)], "usage"),  # type: ignore[dict-item]
        (lambda: [PutDocument("usage", {"n": "\ud800"}, 0)], "usage"),
        (lambda: [PutItem("a/b", "c", {})], "slash"),
        (lambda: [PutItem("a", "", {})], "a name"),
        (lambda: [PutItem("a", "b", {}, expires_at=datetime(2099, 1, 1))], "zone"),  # noqa: DTZ001 - naive on purpose
        (lambda: [PutAction(action("morning"), None)], "kind/date"),
        (lambda: [PutAction(action("post/2026-13-01/x"), None)], "kind/date"),
        (lambda: [PutAction(action("post/2026-11-22/"), None)], "kind/date"),
        (lambda: [PutAction(action(due_at=NOW + timedelta(days=8)), None)], "7 days"),
        (lambda: [PutAction(action(due_at=datetime(2026, 11, 22)), None)], "7 days"),  # noqa: DTZ001 - naive on purpose
        (lambda: [PutAction(replace(action(), retry_at=datetime(2026, 11, 22)), None)], "zone"),  # noqa: DTZ001
        (lambda: [PutAction(action(), StoredAction(action("post/2026-11-22/noon/1"), 1))], "another action"),
    ],
)
def test_commit_out_of_bounds(store: Store, changes: Callable[[], list[Change]], said: str) -> None:
    """What no store could keep is refused by name on every store alike, before anything is written."""
    with pytest.raises(CommitRefused, match=said):
        commit(store, *changes())
    assert [] == list(store.export(ACCOUNT))


@pytest.mark.parametrize("token", ["", "x" * 37])
def test_token_out_of_bounds(store: Store, token: str) -> None:
    """A token has 1 to 36 characters."""
    with pytest.raises(CommitRefused, match="36"):
        store.commit(ACCOUNT, [PutDocument("usage", {}, 0)], token)


def test_account_needs_a_name(store: Store) -> None:
    """The account without a name is refused."""
    with pytest.raises(CommitRefused, match="account"):
        commit(store, PutDocument("usage", {}, 0), account="")


def test_largest_commit_goes_through(store: Store) -> None:
    """99 changes, and nearly 3.8 MB of them, are one commit."""
    commit(store, *(PutItem("many", f"{number:03}", {"n": "x" * 38_000}) for number in range(99)))
    assert 99 == sum(1 for _ in store.items(ACCOUNT, "many"))


# ----------------------------------------------------------------------------------------------------- leases


def test_lease_has_one_holder(backend: Backend) -> None:
    """A lease is its holder's until it is over or given back; the holder may prolong it."""
    ours, theirs = backend.open(), backend.open()
    later = NOW + timedelta(minutes=1)
    assert ours.acquire_lease(ACCOUNT, "refresh", "us", NOW, later)
    assert not theirs.acquire_lease(ACCOUNT, "refresh", "them", NOW, later)
    assert theirs.acquire_lease(ACCOUNT, "another", "them", NOW, later)
    assert theirs.acquire_lease("other", "refresh", "them", NOW, later)
    assert ours.acquire_lease(ACCOUNT, "refresh", "us", NOW, later + timedelta(minutes=1))
    assert not theirs.acquire_lease(ACCOUNT, "refresh", "them", later, later + timedelta(minutes=5))
    theirs.release_lease(ACCOUNT, "refresh", "them")
    assert not theirs.acquire_lease(ACCOUNT, "refresh", "them", later, later + timedelta(minutes=5))
    ours.release_lease(ACCOUNT, "refresh", "us")
    assert theirs.acquire_lease(ACCOUNT, "refresh", "them", later, later + timedelta(minutes=5))


def test_lease_that_is_over_is_free(store: Store) -> None:
    """At its end, to the microsecond and in any zone, a lease can be taken; the former holder has lost it."""
    until = NOW + timedelta(microseconds=1)
    assert store.acquire_lease(ACCOUNT, "refresh", "us", NOW, until)
    assert not store.acquire_lease(ACCOUNT, "refresh", "them", NOW, NOW + timedelta(minutes=1))
    at_its_end = until.astimezone(timezone(timedelta(hours=-7)))
    assert store.acquire_lease(ACCOUNT, "refresh", "them", at_its_end, NOW + timedelta(minutes=1))
    assert not store.acquire_lease(ACCOUNT, "refresh", "us", until, NOW + timedelta(minutes=1))


# -------------------------------------------------------------------------------------------- export, import


def fill(store: Store, account: str = ACCOUNT) -> None:
    """Give an account something of everything, at versions beyond the first."""
    commit(store, PutDocument("control", {"ü": [1, 0.5]}, 0), PutDocument("usage", {}, 0), account=account)
    commit(store, PutDocument("control", {"ü": [2, 0.5]}, 1), account=account)
    for stored in _listed():
        commit(store, PutAction(stored.action, None), account=account)
    commit(store, PutAction(full_action(), None), account=account)
    sent = moved(_listed()[3].action, State.SENT)
    commit(store, PutAction(sent, StoredAction(_listed()[3].action, 1)), account=account)
    expiring = PutItem("a", "/", {}, expires_at=datetime(2099, 1, 1, tzinfo=UTC))
    commit(
        store, PutItem("a", "x", {"n": 1}), PutItem("a-b", "x", {}), PutItem("a0", "x", {}), expiring, account=account
    )
    store.acquire_lease(account, "refresh", "us", NOW, NOW + timedelta(minutes=1))


def test_export_shows_everything_in_order(store: Store) -> None:
    """An export has documents by name, actions by date and key, items by collection and key; no leases, no tokens."""
    fill(store)
    shown = [
        record.get("name") or record.get("collection") or record["body"]["key"]  # type: ignore[index,call-overload]
        for record in store.export(ACCOUNT)
    ]
    actions = sorted((stored.action.key for stored in _listed()), key=lambda key: (key.split("/")[1], key))
    actions.insert(actions.index("post/2026-11-22/night/1"), full_action().key)
    assert ["control", "usage", *actions, "a-b", "a", "a", "a0"] == shown


def test_import_brings_an_export_back(store: Store) -> None:
    """An export imported into another account exports the same and lives on at its versions."""
    fill(store)
    exported = list(store.export(ACCOUNT))
    assert len(exported) == store.import_("copy", exported)
    assert exported == list(store.export("copy"))
    assert store.load(ACCOUNT) == store.load("copy")
    commit(store, PutDocument("control", {}, 2), account="copy")
    assert {"control": (3, {}), "usage": (1, {})} == documents(store, "copy")


@pytest.mark.parametrize(
    "there", [PutDocument("control", {}, 0), PutAction(action(state=State.SENT), None), PutItem("a", "b", {})], ids=repr
)
def test_import_needs_an_empty_account(store: Store, there: Change) -> None:
    """An account that holds anything takes no import and keeps what it has."""
    fill(store)
    exported = list(store.export(ACCOUNT))
    commit(store, there, account="copy")
    before = list(store.export("copy"))
    with pytest.raises(CommitConflict, match="copy"):
        store.import_("copy", exported)
    assert before == list(store.export("copy"))


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"record": "lease"},
        {"record": ["document"]},
        {"record": "document", "name": "control", "version": 1},
        {"record": "document", "name": "control", "version": 0, "body": {}},
        {"record": "document", "name": "control", "version": 1, "body": []},
        {"record": "document", "name": "control", "version": 1, "body": {}, "extra": 1},
        {"record": "document", "name": "control", "version": 1, "body": {}, "expires_at": 1},
        {"record": "action", "version": 1, "body": {"schema_version": 1, "key": "post/2026-11-22/x"}},
        {"record": "item", "collection": "a", "key": "b", "body": {}, "expires_at": "soon"},
    ],
    ids=repr,
)
def test_import_of_another_form_writes_nothing(store: Store, bad: dict[str, object]) -> None:
    """A record that does not read is named by its number, and nothing is imported."""
    good = {"record": "item", "collection": "a", "key": "b", "body": {}}
    with pytest.raises(StoreUnreadable, match="record 2"):
        store.import_("copy", [good, bad])  # type: ignore[list-item]
    assert Loaded() == store.load("copy")
    assert [] == list(store.export("copy"))


def test_import_of_a_record_twice_is_refused(store: Store) -> None:
    """A file that has a record twice is refused by its number; the account can still be imported into."""
    good: dict[str, Json] = {"record": "item", "collection": "a", "key": "b", "body": {}}
    with pytest.raises(CommitConflict, match="record 2"):
        store.import_("copy", [good, good])
    assert 1 == store.import_("copy", [good])
    assert [good] == list(store.export("copy"))


def test_large_account_moves_whole(store: Store) -> None:
    """An import beyond one transaction in number and in bytes is complete."""
    records = [
        {"record": "item", "collection": "a", "key": f"{number:03}", "body": {"n": "x" * 30_000}}
        for number in range(210)
    ]
    assert 210 == store.import_("copy", records)  # type: ignore[arg-type]
    assert records == list(store.export("copy"))


# -------------------------------------------------------------------------------------------------- read-only


def test_read_only_store_shows_and_changes_nothing(backend: Backend) -> None:
    """A store opened for reading shows all that a live one shows, and refuses every write."""
    live, frozen = backend.open(), backend.open(read_only=True)
    fill(live)
    before = list(live.export(ACCOUNT))
    assert live.load(ACCOUNT) == frozen.load(ACCOUNT)
    assert before == list(frozen.export(ACCOUNT))
    assert list(live.actions(ACCOUNT)) == list(frozen.actions(ACCOUNT))
    assert list(live.items(ACCOUNT, "a")) == list(frozen.items(ACCOUNT, "a"))
    assert StoredAction(full_action(), 1) == frozen.action(ACCOUNT, full_action().key)
    for write in (
        lambda: commit(frozen, PutDocument("control", {}, 2)),
        lambda: frozen.acquire_lease(ACCOUNT, "another", "us", NOW, NOW + timedelta(minutes=1)),
        lambda: frozen.release_lease(ACCOUNT, "refresh", "us"),
        lambda: frozen.import_("copy", before),
    ):
        with pytest.raises(StoreUnavailable, match="reading only"):
            write()
    assert before == list(live.export(ACCOUNT))
    assert not live.acquire_lease(ACCOUNT, "refresh", "them", NOW, NOW + timedelta(minutes=1))
    assert [] == list(live.export("copy"))
