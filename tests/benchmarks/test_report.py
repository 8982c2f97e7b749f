"""How long the report of a simulated year takes, and how large it is: printed, not judged.

Goals: under 5 s and 1.5 MB; whoever writes it keeps its memory, for the charts are drawn by a child process.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark

TOP = Path(__file__).parents[2]
RUN = """
import resource, sys, time
from pathlib import Path
from songpost.given import from_file
from songpost.lab import report
from songpost.lab.simulation.run import simulate, store_for_a_run
from songpost.lab.simulation.record import Plan

def peak_mb():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024

def child_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

settings = from_file(Path("songpost.example.yaml")).settings
with store_for_a_run() as store:
    run = simulate(Plan(days=int(sys.argv[1]), settings=settings), store)
    before = peak_mb()
    for _ in range(3):
        begin, own, drawn = time.perf_counter(), time.process_time(), child_seconds()
        size = report.write(run, Path(sys.argv[2]), store, settings)
        print(time.perf_counter() - begin, time.process_time() - own, child_seconds() - drawn, size,
              before, peak_mb(), len(run.accounts[0].posts))
"""


@pytest.mark.parametrize("days", [30, 365])
def test_report(days: int, tmp_path: Path) -> None:
    """Three reports of one run, in a process of its own; the median of each figure."""
    said = subprocess.run(
        [sys.executable, "-c", RUN, str(days), str(tmp_path / "report.html")],
        check=True,
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    rows = [[float(part) for part in line.split()] for line in said.stdout.splitlines()]
    wall, own, drawn, size, before, after, posts = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"\nreport of {days} days ({posts:,.0f} posts): {wall:.1f} s (processor: {own:.1f} s, and {drawn:.1f} s of the "
        f"child), {size / 1e6:.2f} MB (goal 5 s, 1.5 MB); peak memory {before:.0f} MB before, {after:.0f} MB after"
    )
