"""What holds for every test: one profile for Hypothesis, files in memory, and the order of the suite."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# No example fails for the time that it takes, and CI draws the same ones every time.
settings.register_profile("songpost", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("songpost")

MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's; pytest makes a folder of its own in it
MEMORY_BYTES = 2 << 30
"""As much memory must be free there; the suite's files take a fraction of it."""
FIRST = ("tests/runtime", "tests/template", "tests/e2e/test_notebook", "tests/faults", "tests/e2e", "tests/contract")
"""What begins, in this order. A process of xdist takes from the end of another's work, so what shares a costly
beginning (the built layer) stays in one process, and no long test is left when all else is done."""


def pytest_configure() -> None:
    """Keep the tests' files in memory: a disk that has to be waited for at each commit doubles the suite's time."""
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ and _roomy(MEMORY):
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def _roomy(folder: Path) -> bool:
    """Whether a folder may be written, its files run, and there is room: in a container there often is not."""
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free >= MEMORY_BYTES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long before what takes no time."""
    items.sort(key=lambda item: next((n for n, name in enumerate(FIRST) if item.nodeid.startswith(name)), len(FIRST)))
