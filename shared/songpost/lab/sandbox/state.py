"""The sandbox in a file: everything that it remembers, saved as JSON and loaded again.

The file holds the sandbox's made-up tokens, so it is written with mode 0600, and atomically.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from .bill import Charge
from .clock import Clock, VirtualClock
from .codec import decode, encode
from .faults import Fault, Faults
from .grants import Code, Grants, Pair
from .record import Record
from .rules import Rules
from .sandbox import Sandbox
from .wire import JSON, as_dict, as_list
from .world import Media, Post, User

SCHEMA_VERSION = 1
T = TypeVar("T")


class StateError(ValueError):
    """A state file that cannot be used; says which and why."""


def to_json(sandbox: Sandbox) -> dict[str, JSON]:
    """Everything that a sandbox remembers. A virtual clock is saved where it stands."""
    with sandbox.lock:
        service = sandbox.service
        world, grants, bill = service.world, service.grants, service.bill
        return {
            "schema_version": SCHEMA_VERSION,
            "clock_at": encode(sandbox.clock.now()) if isinstance(sandbox.clock, VirtualClock) else None,
            "rules": encode(service.rules),
            "accounts": encode(service.accounts),
            "requests_seen": sandbox.requests_seen,
            "records": encode(list(sandbox.records)),
            "world": {
                "sequence": world.sequence,
                "users": encode(list(world.users.values())),
                "posts": encode([world.posts[post_id] for post_id in sorted(world.posts, key=int)]),
                "media": encode(list(world.media.values())),
                "likes": encode([list(pair) for pair in sorted(world.likes)]),
                "follows": encode([list(pair) for pair in sorted(world.follows)]),
            },
            "grants": {
                "seed": grants.seed,
                "counter": grants.counter,
                "oauth1": {token: list(owner) for token, owner in grants.oauth1.items()},
                "pairs": encode(list(grants.pairs.values())),
                "codes": encode(list(grants.codes.values())),
            },
            "windows": {key: list(window) for key, window in service.windows.open.items()},
            "bill": {
                "charges": encode(bill.charges),
                "spent_micros": bill.spent_micros,
                "read_today": encode([list(pair) for pair in sorted(bill.read_today)]),
                "read_day": bill.read_day,
                "usage": encode(bill.usage),
            },
            "faults": {
                "profile": sandbox.faults.profile,
                "seed": sandbox.faults.seed,
                "waiting": encode(sandbox.faults.waiting),
                "struck": encode([list(hit) for hit in sandbox.faults.struck]),
                "dice": _dice_to_json(sandbox.faults),
            },
        }


def _dice_to_json(faults: Faults) -> JSON:
    version, numbers, gauss = faults.dice.getstate()
    return [version, list(numbers), gauss]


def from_json(document: JSON, clock: Clock | None = None) -> Sandbox:
    """The sandbox that was saved; StateError where the document is not one of ours or of another version."""
    state = as_dict(document)
    version = state.get("schema_version")
    if version != SCHEMA_VERSION:
        raise StateError(f"schema_version {version!r}: this sandbox reads {SCHEMA_VERSION}; start with a new file")
    try:
        return _restored(state, clock)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise StateError(f"not a sandbox's state ({error}): start with a new file") from error


def _restored(state: dict[str, JSON], clock: Clock | None) -> Sandbox:
    grants, faults = as_dict(state["grants"]), as_dict(state["faults"])
    at = state["clock_at"]
    if clock is None and isinstance(at, str):
        clock = VirtualClock(datetime.fromisoformat(at))
    seed = _int(grants["seed"])
    sandbox = Sandbox(accounts=(), rules=decode(Rules, state["rules"]), clock=clock, seed=seed)
    sandbox.requests_seen = _int(state["requests_seen"])
    sandbox.records.extend(_each(Record, state["records"]))
    sandbox.service.accounts.extend(str(user_id) for user_id in as_list(state["accounts"]))
    _restore_world(sandbox, as_dict(state["world"]))
    _restore_grants(sandbox.service.grants, grants)
    _restore_money(sandbox, state)
    sandbox.faults = Faults(str(faults["profile"]), _int(faults["seed"]), list(_each(Fault, faults["waiting"])))
    sandbox.faults.struck = [(_int(hit[0]), str(hit[1])) for hit in map(as_list, as_list(faults["struck"]))]
    dice = as_list(faults["dice"])
    sandbox.faults.dice.setstate((dice[0], tuple(as_list(dice[1])), dice[2]))
    return sandbox


def _restore_world(sandbox: Sandbox, saved: dict[str, JSON]) -> None:
    world = sandbox.service.world
    for user in _each(User, saved["users"]):
        world.add_user(user)
    world.media = {media.id: media for media in _each(Media, saved["media"])}
    posts = list(_each(Post, saved["posts"]))
    world.posts = {post.id: post for post in posts}
    for post in posts:
        world.index(post, *sandbox.service.index_of(post))
    world.likes = {_pair(item) for item in as_list(saved["likes"])}
    world.follows = {_pair(item) for item in as_list(saved["follows"])}
    world.sequence = _int(saved["sequence"])


def _restore_grants(grants: Grants, saved: dict[str, JSON]) -> None:
    grants.counter = _int(saved["counter"])
    grants.oauth1 = {token: _pair(owner) for token, owner in as_dict(saved["oauth1"]).items()}
    grants.pairs = {pair.access_token: pair for pair in _each(Pair, saved["pairs"])}
    grants.by_refresh = {p.refresh_token: p.access_token for p in grants.pairs.values() if p.refresh_token}
    grants.codes = {code.code: code for code in _each(Code, saved["codes"])}


def _restore_money(sandbox: Sandbox, state: dict[str, JSON]) -> None:
    bill, saved = sandbox.service.bill, as_dict(state["bill"])
    bill.charges = list(_each(Charge, saved["charges"]))
    bill.spent_micros = _int(saved["spent_micros"])
    bill.read_today = {_pair(item) for item in as_list(saved["read_today"])}
    bill.read_day = str(saved["read_day"])
    bill.recall({day: {k: _int(n) for k, n in as_dict(c).items()} for day, c in as_dict(saved["usage"]).items()})
    for key, window in as_dict(state["windows"]).items():
        opened_at, used = as_list(window)
        sandbox.service.windows.open[key] = (_float(opened_at), _int(used))


def _each(kind: type[T], document: JSON) -> Iterable[T]:
    return (decode(kind, item) for item in as_list(document))


def _pair(value: JSON) -> tuple[str, str]:
    first, second = as_list(value)
    return str(first), str(second)


def _int(value: JSON) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _float(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def save(sandbox: Sandbox, path: Path) -> None:
    """Write a sandbox to a file, whole or not at all, readable by its owner alone."""
    text = json.dumps(to_json(sandbox), ensure_ascii=False, indent=1)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def load(path: Path, clock: Clock | None = None) -> Sandbox:
    """The sandbox of a file; StateError names the file and what is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateError(f"{path}: cannot be read as JSON ({error})") from error
    try:
        return from_json(document, clock)
    except StateError as error:
        raise StateError(f"{path}: {error}") from error
