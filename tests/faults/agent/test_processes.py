"""Real processes against X as a process: killed, stopped, crowded, out of time, and with a broken file."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from songpost.account_documents import Usage
from songpost.agent import audit, documents
from songpost.model import State
from songpost.store.opening import open_store
from tests.faults.agent.conftest import Street, at

ONLY_SQLITE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
CREATE_MICROS = 15_000
BOOKED_MICROS = CREATE_MICROS + 2 * 5 * 5_000
"""A create and its two reconciling reads of five posts, at X's list of 2026-04-20."""
LATE = {"GET": "GET /2/users/:id/tweets", "POST": "POST /2/tweets"}


def unlike(number: int) -> str:
    """A text that is like no other."""
    dice = random.Random(number)
    return " ".join("".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(6))


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something that is sure to come; the clock only ends a test that has failed."""
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up, what
        time.sleep(0.01)


def enrolled(street: Street) -> int:
    """Let the account learn who it is before anything is due; what the ledger has spent on it."""
    assert {"code": 0, "sent": 0, "gates": []} == street.tick("09:00")
    with closing(open_store(street.job.store, read_only=True)) as store:
        usage = documents.decode("usage", store.load("default").documents["usage"].body, Usage)
    return sum(tally.spent_micros for tally in usage.months.values())


def test_sixteen_writers_post_exactly_what_the_ceiling_has_room_for(street: Street) -> None:
    """Sixteen processes find 60 slots due under a ceiling with room for 40 posts: X gets 40, each text once."""
    spent = enrolled(street)
    ceiling = spent + 39 * CREATE_MICROS + BOOKED_MICROS
    street.at(at("12:59"))
    crowd = [
        street.start(
            windows={"one": ("10:00", "13:00"), "two": ("10:00", "13:00")},
            per_window=30,
            texts=tuple(unlike(number) for number in range(60)),
            usd_per_month=f"{ceiling / 1e6:.6f}",
            until_idle=True,
        )
        for _ in range(16)
    ]
    ended = [street.wait(pid) for pid in crowd]

    shown = street.shown()
    assert 40 == len(shown), ended
    assert 40 == len(set(shown.values()))
    assert shown == street.sent()
    assert 40 == len(street.x.creates())
    assert 40 == sum(one.get("sent", 0) for one in ended)
    assert street.bill_micros() <= spent + 40 * CREATE_MICROS <= ceiling


def test_a_kill_after_any_step_leaves_one_post_and_an_honest_ledger(street: Street) -> None:
    """SIGKILL after each commit and each call of a first tick, in turn: later ticks bring it to one post each time."""
    deaths = 0
    for step in range(1, 20):
        words = f"Killed after step {step}, posted once."
        url = street.another()
        day = f"2026-11-{step:02}"
        again = {"store": url, "texts": (words,)}
        ended = street.wait(street.start(at=street.at(at("12:00", day)), die=step, **again))
        for clock in ("12:06", "12:17", "12:59"):
            assert 0 == street.wait(street.start(at=street.at(at(clock, day)), **again))["code"]
        assert 1 == street.texts().count(words), step
        with closing(open_store(url, read_only=True)) as store:
            (action,) = (stored.action for stored in store.actions("default"))
        assert (State.SENT, words) == (action.state, street.shown()[action.post_id])
        assert [] == list(audit.broken_chains([action]))
        if ended["code"] == 0:
            break
        assert -signal.SIGKILL == ended["code"]
        deaths += 1
    assert 8 <= deaths < 18  # identity: booking, call, record; past: the same; plan, booking, create, outcome


def frozen_in_the_create(street: Street) -> int:
    """A process that X is about to answer, stopped."""
    street.x.ask("faults", {"kind": "slow", "seconds": 2, "endpoint": LATE["POST"]})
    pid = street.start(at=street.at(at("12:30")))
    until(street.x.creates, "the create never reached X")
    os.kill(pid, signal.SIGSTOP)
    return pid


@pytest.mark.parametrize("readable", [True, False], ids=["found meanwhile", "still unknown"])
def test_a_frozen_process_records_its_late_answer(street: Street, *, readable: bool) -> None:
    """Stopped inside the create until its lease is over and another tick has looked: its answer is taken in, once."""
    enrolled(street)
    pid = frozen_in_the_create(street)
    if not readable:
        street.x.ask("faults", {"kind": "status", "status": 503, "endpoint": LATE["GET"], "times": 12})
    other = street.tick("12:36")
    (before,) = street.actions()
    os.kill(pid, signal.SIGCONT)
    late = street.wait(pid)
    street.x.ask("clock", {"at": at("12:50")})
    last = street.tick("12:50")
    (action,) = street.actions()

    assert (State.SENT if readable else State.UNKNOWN) is before.state
    assert {0} == {late["code"], last["code"]}, (other, late, last)
    assert [action.post_id] == list(street.shown())
    assert State.SENT is action.state
    assert 1 == len(street.x.creates())
    assert before.history == action.history[: len(before.history)]
    assert len(action.history) == len(before.history) + 1
    assert [] == list(audit.broken_chains([action]))


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_writer_whose_clock_is_ten_minutes_off_posts_nothing_twice(street: Street, minutes: int) -> None:
    """Two writers at once, one ten minutes off: one post at X, one action, and a right clock later adds nothing."""
    enrolled(street)
    street.at(at("12:30"))
    both = [street.start(at=at("12:30")), street.start(at=at(f"12:{30 + minutes}"))]
    ended = [street.wait(pid) for pid in both]
    street.tick("12:50")

    assert 1 == len(street.x.creates()), ended
    assert list(street.shown()) == list(street.sent())


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_wrong_clock_stops_the_account_by_name(street: Street, minutes: int) -> None:
    """A writer ten minutes off X's clock is stopped by the first answer's Date, and the account says why."""
    enrolled(street)
    street.at(at("12:30"))
    ended = street.wait(street.start(at=at(f"12:{30 + minutes}")))
    after = street.tick("12:51")

    assert (1, "ClockError") == (ended["code"], ended["error"])
    assert [] == after["gates"] or ["control"] == after["gates"]
    assert 1 >= len(street.x.creates())
    with closing(open_store(street.job.store, read_only=True)) as store:
        control = store.load("default").documents["control"].body
    assert control["paused"]
    assert "clock" in str(control["reason"])


# ---------------------------------------------------------------------------------------------- broken files


@pytest.fixture
def held(street: Street) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Whoever calls it holds the file's write lock until the test lets go."""
    path = street.job.store.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def hold() -> sqlite3.Connection:
            other.execute("BEGIN IMMEDIATE")
            return other

        yield hold


@ONLY_SQLITE
def test_a_file_locked_for_too_long_is_named_and_nothing_is_sent(
    street: Street, held: Callable[[], sqlite3.Connection]
) -> None:
    """A write lock held past the time-out ends a tick before its call, with the file's name; then all goes on."""
    enrolled(street)
    other = held()
    ended = street.tick("12:30", busy_seconds=0.2)
    other.execute("ROLLBACK")
    creates = len(street.x.creates())
    street.tick("12:31")

    assert (1, "StoreUnavailable") == (ended["code"], ended["error"])
    assert "locked by another process" in ended["words"]
    assert (0, 1) == (creates, len(street.x.creates()))


@ONLY_SQLITE
def test_a_file_locked_while_x_answers_is_settled_later(street: Street, held: Callable[[], sqlite3.Connection]) -> None:
    """The outcome cannot be written: the tick says so, the action stays `sending`, and the post is found, not sent."""
    enrolled(street)
    street.x.ask("faults", {"kind": "slow", "seconds": 1, "endpoint": LATE["POST"]})
    pid = street.start(at=street.at(at("12:30")), busy_seconds=0.2)
    until(street.x.creates, "the create never reached X")
    other = held()
    ended = street.wait(pid)
    other.execute("ROLLBACK")
    (before,) = street.actions()
    street.tick("12:36")

    assert (1, "StoreUnavailable") == (ended["code"], ended["error"])
    assert State.SENDING is before.state
    assert street.shown() == street.sent()
    assert 1 == len(street.x.creates())


@ONLY_SQLITE
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_named_and_left_alone(street: Street, share: float) -> None:
    """A file that was cut off is refused by name: nothing is sent, and not a byte is changed."""
    street.tick("12:30")
    path = Path(street.job.store.removeprefix("sqlite:///"))
    whole = path.read_bytes()
    cut = whole[: int(len(whole) * share)]
    path.write_bytes(cut)
    ended = street.tick("12:40", texts=("Another one.",))

    assert (1, "StoreUnreadable") == (ended["code"], ended["error"]), ended
    assert str(path) in ended["words"]
    assert 1 == len(street.x.creates())
    assert cut == path.read_bytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("NOT RUN: a disk that fills up and one that is read-only take root and the right to mount")
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", str(place)], check=True)


@ONLY_SQLITE
def test_a_full_disk_is_named_and_nothing_is_sent(street: Street, small_disk: Path) -> None:
    """No room for the booking: the tick ends by name before its call; with room it posts, once."""
    url = {"store": f"sqlite:///{small_disk}/songpost.db"}
    street.tick("09:00", **url)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"")
    with ballast.open("ab", buffering=0) as stream:
        try:
            while True:
                stream.write(b"\0" * 4096)
        except OSError:
            pass
    ended = street.tick("12:30", **url)
    creates = len(street.x.creates())
    ballast.unlink()
    after = street.tick("12:31", **url)

    assert (1, "StoreUnavailable") == (ended["code"], ended["error"]), ended
    assert str(small_disk) in ended["words"]
    assert (0, 0, 1) == (creates, after["code"], len(street.x.creates()))


@ONLY_SQLITE
def test_a_read_only_disk_is_named_and_nothing_is_sent(street: Street, small_disk: Path) -> None:
    """A disk that became read-only ends a tick by name before anything is sent; writable again, it posts once."""
    url = {"store": f"sqlite:///{small_disk}/songpost.db"}
    street.tick("09:00", **url)
    subprocess.run(["/bin/mount", "-o", "remount,ro", str(small_disk)], check=True)
    ended = street.tick("12:30", **url)
    creates = len(street.x.creates())
    subprocess.run(["/bin/mount", "-o", "remount,rw", str(small_disk)], check=True)
    after = street.tick("12:31", **url)

    assert (1, "StoreUnavailable") == (ended["code"], ended["error"]), ended
    assert (0, 0, 1) == (creates, after["code"], len(street.x.creates()))
