"""What a process of these tests does with a store; run as `python -m tests.faults.store.workers TASK URL …`.

Each prints a line for every commit that it was told went through, at once: the parent judges by these lines
and by the store itself, and kills when it has read enough of them.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from songpost.errors import CommitConflict, CommitUnanswered
from songpost.store.opening import open_store
from songpost.store.port import Change, PutDocument, PutItem, Store

ACCOUNT = "default"


def tell(task: str, number: int, name: str) -> None:
    """Tell the parent, at once, what was won and under which name."""
    sys.stdout.write(f"{task} {number} {name}\n")
    sys.stdout.flush()


def surely(store: Store, changes: list[Change], token: str) -> bool:
    """Repeat an unanswered commit with its token until the answer is definite; False where it lost."""
    for _ in range(20):
        try:
            store.commit(ACCOUNT, changes, token)
        except CommitUnanswered:
            continue
        except CommitConflict:
            return False
        return True
    raise AssertionError("no answer in 20 tries")


def count(store: Store, times: int) -> None:
    """Count the two documents up, together, until this process has won `times` races; an item for each."""
    won = 0
    while won < times:
        loaded = store.load(ACCOUNT).documents
        number = int(loaded["a"].body["n"]) if "a" in loaded else 0  # type: ignore[arg-type]  # this test wrote it
        changes: list[Change] = [
            PutDocument(name, {"n": number + 1}, loaded[name].version if name in loaded else 0) for name in ("a", "b")
        ]
        token = uuid.uuid4().hex
        if surely(store, [*changes, PutItem("won", f"{number + 1:06}", {"token": token})], token):
            won += 1
            tell("count", number + 1, token)


def take(store: Store, keys: int) -> None:
    """Take as many of the keys as are free, in one fixed order."""
    for number in range(keys):
        token = uuid.uuid4().hex
        if surely(store, [PutItem("taken", f"{number:06}", {"by": token})], token):
            tell("take", number, token)


def lease(store: Store, rounds: int) -> None:
    """Hold a lease for each round, or learn that another has it."""
    holder, now = uuid.uuid4().hex, datetime(2026, 11, 22, tzinfo=UTC)
    for number in range(rounds):
        if store.acquire_lease(ACCOUNT, f"round {number}", holder, now, now.replace(year=2027)):
            tell("lease", number, holder)


def race(store: Store, amount: int) -> None:
    """All three, one after the other: a worker takes longer to start than to race."""
    for task in (count, take, lease):
        task(store, amount)


def reopen(url: str, times: int) -> None:
    """Count up with a store that is opened and closed for each commit."""
    for _ in range(times):
        store = open_store(url, read_only=False)
        count(store, 1)
        store.close()


TASKS: Mapping[str, Callable[[Store, int], None]] = {"count": count, "race": race}

if __name__ == "__main__":
    _, task, url, amount = sys.argv
    sys.stdin.readline()  # the parent lets all of them go at once
    if task == "reopen":
        reopen(url, int(amount))
    else:
        opened = open_store(url, read_only=False)
        TASKS[task](opened, int(amount))
        opened.close()
