"""A storm of mentions, 800 a tick: how long a tick of the reader takes, and how much memory. Printed, not judged."""

from __future__ import annotations

import statistics
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from songpost.agent import inbox
from songpost.agent.events import Invocation
from songpost.invoking import run_reader
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.money_settings import Budget
from songpost.settings import AppOwner, Reading
from tests.unit.agent.conftest import START, World

pytestmark = pytest.mark.benchmark

MENTIONS, A_TICK = 10_000, 800
ROOT = Path(__file__).parents[2]


def world_of(folder: Path) -> World:
    """A world whose account owns its app and may read all that comes."""
    clock = VirtualClock(START)
    world = World(folder, clock, Sandbox(clock=clock))
    world.with_settings(
        reading=Reading(usd_per_day=Decimal(50), answer_within_hours=120, timeline_every_minutes=None),
        app_owner=AppOwner(user_id=world.sandbox.credentials().user_id, attested_on=START.date()),
        budget=Budget(usd_per_month=Decimal(100), burst_days=None),
    )
    return world


def tick(world: World) -> float:
    """One tick over the mentions; its seconds."""
    session = world.session()
    start = time.perf_counter()
    run_reader(session, Invocation(mode="mentions", account="default"), lambda: 900.0)
    seconds = time.perf_counter() - start
    session.close()
    return seconds


def storm(folder: Path) -> tuple[list[float], int]:
    """Ten thousand mentions over successive ticks, with posts of the largest size; seconds a tick, and what waits."""
    world = world_of(folder)
    ticks, number = [tick(world)], 0
    while number < MENTIONS:
        world.later(minutes=31)
        now = world.clock.now()
        for n in range(min(A_TICK, MENTIONS - number)):
            at = now - timedelta(seconds=2 * (A_TICK - n))
            world.sandbox.actors.post(f"fan{number % 997}", f"@songpost {number} " + "wörd " * 50, at=at)
            number += 1
        ticks.append(tick(world))
    world.later(minutes=31)
    ticks.append(tick(world))
    session = world.session()
    waiting = sum(1 for _ in inbox.everything(session.store, "default"))
    session.close()
    return ticks, waiting


def test_ten_thousand_mentions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None is lost; the sandbox that speaks for X runs in the same process and is counted in."""
    ticks, waiting = storm(tmp_path)
    busy = ticks[1:-1]
    with capsys.disabled():
        print(
            f"\n{waiting:,} mentions in {len(busy)} ticks: median {statistics.median(busy):.2f} s, "
            f"longest {max(busy):.2f} s a tick of {A_TICK}"
        )

    assert MENTIONS == waiting


def test_the_memory_of_a_storm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One process lives through all ten thousand: the most memory it holds, X's emulator included (goal: 120 MB)."""
    program = f"""
        import re
        from pathlib import Path
        from tests.benchmarks import test_reading as storm
        def most():
            return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 // 1_000_000
        before = most()
        ticks, waiting = storm.storm(Path({str(tmp_path)!r}))
        print(before, most(), waiting, round(max(ticks), 2))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    before, after, waiting, longest = done.stdout.split()
    with capsys.disabled():
        print(
            f"\nmemory: {before} MB after imports, {after} MB at most over {waiting} mentions; longest tick {longest} s"
        )

    assert str(MENTIONS) == waiting
    assert int(after) < 120
