"""Random fault programs: nothing twice, nothing lost in silence, nothing over the ceiling, whatever breaks.

`SONGPOST_FAULT_PROGRAMS` says how many (`make faults` plays ten thousand); each is a function of its seed.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults import guards
from tests.faults.agent.programs import Verdict, played

PROGRAMS = int(os.environ.get("SONGPOST_FAULT_PROGRAMS", "150"))
FIRST_SEED = int(os.environ.get("SONGPOST_FAULT_SEED", "1"))


def test_random_programs_of_faults_on_sqlite(tmp_path: Path) -> None:
    """Each program ends with every action accounted for, by the sandbox's own posts and bill."""
    wrong: list[Verdict] = []
    posts = deaths = 0
    for seed in range(FIRST_SEED, FIRST_SEED + PROGRAMS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        verdict = played(seed, folder)
        posts += verdict.posts
        deaths += verdict.deaths
        if verdict.faults:
            wrong.append(verdict)
    print(f"{PROGRAMS} programs from seed {FIRST_SEED}: {posts} posts, {deaths} processes died")  # noqa: T201

    assert [] == wrong
    assert posts > PROGRAMS
    assert deaths > PROGRAMS // 10


def test_the_table_of_guards_names_code_that_stands() -> None:
    """Each guard that `make faults` takes out is found in the code, once."""
    guards.check()
