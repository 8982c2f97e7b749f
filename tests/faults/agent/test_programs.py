"""Random fault programs: nothing twice, nothing lost in silence, nothing over the ceiling, whatever breaks.

`SONGPOST_FAULT_PROGRAMS` says how many (`make faults` plays ten thousand); each is a function of its seed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import guards
from tests.faults.agent.judge import Verdict
from tests.faults.agent.programs import played

PROGRAMS = int(os.environ.get("SONGPOST_FAULT_PROGRAMS", "200"))
PARTS = 8
"""So that the suite's processes share them."""
FIRST_SEED = int(os.environ.get("SONGPOST_FAULT_SEED", "1"))


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: whether a commit survives a power cut is not asked here."""
    memory = Path("/dev/shm")  # noqa: S108 - Linux's, and a folder of our own in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs_of_faults_on_sqlite(quick: Path, part: int) -> None:
    """Each program ends with every action accounted for, by the sandbox's own posts and bill."""
    wrong: list[Verdict] = []
    posts = deaths = 0
    seeds = range(FIRST_SEED + part, FIRST_SEED + PROGRAMS, PARTS)
    for seed in seeds:
        folder = quick / str(seed)
        folder.mkdir()
        verdict = played(seed, folder)
        posts += verdict.posts
        deaths += verdict.deaths
        if verdict.faults:
            wrong.append(verdict)

    assert [] == wrong
    assert posts >= len(seeds)
    assert deaths >= len(seeds) // 10


def test_the_table_of_guards_names_code_that_stands() -> None:
    """Each guard that `make faults` takes out is found in the code, once."""
    guards.check()
