"""How long a dry run takes as a whole process, and how much memory: printed, not judged."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark

RUNS = 15
TOP = Path(__file__).parents[2]
WORDS = ["run", "--mode", "both", "--dry-run", "true"]
PEAK = f"""
from songpost.cli.main import main
main({WORDS!r})
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
"""The same run that tells its own peak: what the parent measures would include the parent."""


def test_dry_run_of_the_example(tmp_path: Path) -> None:
    """Median wall time of 15 runs against SQLite, and the process's peak memory (VmHWM)."""
    environ = {**os.environ, "SONGPOST_STORE": f"sqlite:///{tmp_path}/songpost.db"}
    seconds = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "songpost.cli.main", *WORDS],
            check=True,
            cwd=TOP,
            env=environ,
            stdout=subprocess.DEVNULL,
        )
        seconds.append(time.perf_counter() - begin)
    told = subprocess.run(
        [sys.executable, "-c", PEAK], check=True, cwd=TOP, env=environ, capture_output=True, text=True
    )

    counted = seconds[1:]
    spread = f"{min(counted):.3f}-{max(counted):.3f} s"
    print(f"\ndry run of the example: median {statistics.median(counted):.3f} s of {RUNS} runs, {spread}")
    print(f"peak memory: {told.stdout.split('VmHWM:')[1].strip()}")
