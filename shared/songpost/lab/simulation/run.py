"""A run of a simulation: a plan is played over an empty store, and judged."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from songpost.lab.simulation.record import Plan, Progress, Run
from songpost.lab.simulation.stage import Stage
from songpost.store.opening import open_store
from songpost.store.port import Store


@contextmanager
def store_for_a_run() -> Iterator[Store]:
    """SQLite as it ships, in a folder that lives in memory where there is one and goes when the run is over."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(
        prefix="songpost-simulation-", dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        store = open_store(f"sqlite:///{folder}/songpost.db", read_only=False)
        try:
            yield store
        finally:
            store.close()


def simulate(plan: Plan, store: Store, progress: Progress = lambda _: None) -> Run:
    """Run a plan over an empty store, and judge it. `progress` hears of each day that is over.

    Raises what is no named error of Songpost: a fault of the program, not of its accounts.
    """
    quiet = logging.getLogger("songpost")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # what a live function would log of a fault that was put there on purpose
    try:
        stage = Stage(plan, store)
        stage.play(progress)
        return stage.judged()
    finally:
        quiet.setLevel(level)
