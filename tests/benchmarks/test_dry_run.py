"""How long a dry run takes as a whole process, and how much memory: printed, not judged."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
TOP = Path(__file__).parents[2]
WORDS = ("-m", "songpost.cli.main", "run", "--mode", "both", "--dry-run", "true")


def test_dry_run_of_the_example(tmp_path: Path) -> None:
    """Median wall time of 15 runs against SQLite, and the process's peak memory (VmHWM)."""
    environ = {**os.environ, "SONGPOST_STORE": f"sqlite:///{tmp_path}/songpost.db"}
    seconds, peaks = [], []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        process = subprocess.Popen([sys.executable, *WORDS], cwd=TOP, env=environ, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - begin)
        peaks.append(usage.ru_maxrss / 1024)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert 0 == process.returncode

    wall, peak = statistics.median(seconds[1:]), max(peaks)
    print(f"\ndry run of the example: median {wall:.3f} s of {RUNS} runs, {min(seconds[1:]):.3f}-{max(seconds[1:]):.3f} s")
    print(f"peak memory {peak:.1f} MB")
