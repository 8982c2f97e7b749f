"""How long simulated days take, beside the virtual calls to X, and how much memory: printed, not judged."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark

TOP = Path(__file__).parents[2]
RUN = """
import json, sys, time
from songpost.given import from_file
from songpost.lab.simulation.fleets import simulate
from songpost.lab.simulation.run import store_for_a_run
from songpost.lab.simulation.record import Plan
days, accounts, faults = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
settings = from_file(__import__("pathlib").Path("songpost.example.yaml")).settings
begin, spent = time.perf_counter(), time.process_time()
with store_for_a_run() as store:
    run = simulate(Plan(days=days, settings=settings, accounts=accounts, faults=faults), store)
print(f"{time.perf_counter() - begin:.1f} s ({time.process_time() - spent:.1f} s of the processor), "
      f"{run.calls:,} calls to X, {run.played:,} of {run.ticks:,} ticks, "
      f"{sum(len(one.posts) for one in run.accounts):,} posts, {len(run.faults_found)} faults found")
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.parametrize(
    ("days", "accounts", "faults", "goal"),
    [(30, 1, "none", "3 s"), (365, 1, "none", "30 s"), (365, 1, "hostile", "no fault"), (30, 100, "none", "180 s")],
)
def test_simulated_days(days: int, accounts: int, faults: str, goal: str) -> None:
    """One run in a process of its own, so that its memory is its own."""
    begin = time.perf_counter()
    said = subprocess.run(
        [sys.executable, "-c", RUN, str(days), str(accounts), faults],
        check=True,
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    line, kilobytes = said.stdout.split("\n")[:2]
    print(f"\n{days} days, {accounts} accounts, faults {faults}: {line}; peak {int(kilobytes) / 1024:.0f} MB "
          f"(goal {goal}, 150 MB); {time.perf_counter() - begin:.1f} s with start")  # fmt: skip
