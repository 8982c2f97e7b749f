"""`make faults`: random programs of faults by the thousand, every guard taken out once, and docs/reliability.md.

The judge of each program is the sandbox (tests/faults/agent/programs.py). The report holds what this very run has
measured, and says loudly what was not run.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from songpost.store.dynamodb import DynamoStore
from songpost.store.dynamodb_wire import Wire, connected
from songpost.store.port import Store
from tests.faults import guards
from tests.faults.agent.judge import Verdict
from tests.faults.agent.programs import played

TOP = Path(__file__).parents[2]
REPORT = TOP / "docs" / "reliability.md"
WORDS = Path(__file__).with_name("reliability.md")
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
WORKERS = 2
AT_ONCE = 20
"""Programs between two looks at the clock."""


@dataclass
class Sum:
    """What the programs on one store came to."""

    store: str
    seeds: range
    programs: int = 0
    posts: int = 0
    deaths: int = 0
    struck: int = 0
    unknown: int = 0
    twice: int = 0
    lost: int = 0
    over_micros: int = 0
    broken: int = 0
    wrong: tuple[str, ...] = ()

    def add(self, seed: int, verdict: Verdict | str) -> None:
        """Count a verdict, or a program that came to none and why."""
        self.programs += 1
        if isinstance(verdict, str):
            self.wrong += (f"program {seed}: {verdict}",)
            return
        self.posts += verdict.posts
        self.deaths += verdict.deaths
        self.struck += verdict.struck
        self.unknown += verdict.unknown
        self.twice += len(verdict.twice)
        self.lost += len(verdict.lost)
        self.over_micros += verdict.over_micros
        self.broken += len(verdict.broken)
        self.wrong += tuple(f"program {seed}: {fault}" for fault in verdict.faults)

    def rows(self) -> list[tuple[str, str]]:
        """The lines of its table in the report."""
        last = self.seeds.start + self.programs - 1
        return [
            ("programs", f"{self.programs:,}"),
            ("seeds", f"{self.seeds.start} to {last}"),
            ("posts on X", f"{self.posts:,}"),
            ("processes that died", f"{self.deaths:,}"),
            ("calls to X that went wrong", f"{self.struck:,}"),
            ("left to a person's word (`unknown`)", f"{self.unknown:,}"),
            ("**posted twice**", f"**{self.twice}**"),
            ("**lost in silence**", f"**{self.lost}**"),
            ("**micro-dollars over the ceiling**", f"**{self.over_micros}**"),
            ("**broken chains and miscounts**", f"**{self.broken}**"),
            (
                "money that the ledger does not cover, programs without a verdict",
                str(len(self.wrong) - self.twice - self.lost - self.broken),
            ),
        ]


def on_sqlite(seed: int) -> Verdict | str:
    """Play one program with a file, in memory where there is a place for that."""
    return _played(seed, lambda store: store)


@cache
def _wire_maker() -> Callable[[str], Wire]:
    connection = connected()  # costs 100 ms: one for each worker
    return lambda table: Wire(table, connection)


def on_dynamodb(seed: int) -> Verdict | str:
    """Play one program with a new table of DynamoDB Local."""
    wire = _wire_maker()(f"faults-{uuid.uuid4().hex}")
    wire.create_table()

    def dynamo(sqlite: Store) -> Store:
        sqlite.close()
        return DynamoStore(wire, read_only=False)

    with closing(wire):
        verdict = _played(seed, dynamo)
        wire.delete_table()
    return verdict


def _played(seed: int, wrap_store: Callable[[Store], Store]) -> Verdict | str:
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="songpost-", dir=memory if memory.is_dir() else None) as folder:
        try:
            return played(seed, Path(folder), wrap_store)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a program without a verdict is a finding
            return f"{type(error).__name__}: {error}"


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def run(store: str, play: Callable[[int], Verdict | str], seeds: range, until: float) -> Sum:
    """Play programs in their order, until the last seed or the clock says stop."""
    total = Sum(store, seeds)
    with ProcessPoolExecutor(WORKERS, initializer=_quiet) as workers:
        for start in range(0, len(seeds), AT_ONCE):
            if time.monotonic() > until:
                say(f"{store}: stopped by the clock after {total.programs} of {len(seeds)} programs")
                break
            chunk = seeds[start : start + AT_ONCE]
            for seed, verdict in zip(chunk, workers.map(play, chunk), strict=True):
                known = len(total.wrong)
                total.add(seed, verdict)
                for wrong in total.wrong[known:]:
                    say(f"WRONG on {store}: {wrong}")
            if not (start // AT_ONCE) % 10:
                say(f"{store}: {total.programs} programs, {total.posts} posts, {len(total.wrong)} wrong")
    say(f"{store}: " + ", ".join(f"{name} {value}" for name, value in total.rows()))
    return total


@contextmanager
def credentials() -> Iterator[None]:
    """Made-up credentials for DynamoDB Local."""
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="eu-central-1")
    yield


def say(line: str) -> None:
    """Tell on standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {left} | {right.replace('|', '·')} |" for left, right in (head, ("---", "---"), *rows))


def written(sums: list[Sum], skipped: str, caught: list[tuple[guards.Guard, str]], wanted: str) -> str:
    """The report."""
    parts = [
        "# Once, and under the ceiling, whatever breaks",
        "Written by `make faults`; the numbers are those of the run named here, and of no other.",
        (f"Run on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, CPython {platform.python_version()}.\nAsked for: {wanted}."),
    ]
    for total in sums:
        parts += [f"## Random programs on {total.store}", table(("", "measured"), total.rows())]
        parts += [f"- {wrong}" for wrong in total.wrong]
    if skipped:
        parts.append(f"**{skipped}**")
    parts += [
        "## Each guard, and the fault that catches its absence",
        (
            f"A guard is taken out of a copy of the code; programs from seed 1 on are played on SQLite, at most "
            f"{guards.PROGRAMS},\nuntil one of them fails. The right column is the first failure."
        ),
        table(
            ("guard", "what happens without it"), [(one.name, why or "**nothing: NOT MISSED**") for one, why in caught]
        )
        if caught
        else "**NOT RUN in this run.**",
        *(["**" + left + "**"] if (left := _left_out(caught)) else []),
        WORDS.read_text().strip(),
    ]
    return "\n\n".join(parts) + "\n"


def _left_out(caught: list[tuple[guards.Guard, str]]) -> str:
    """The guards that this run did not come to."""
    asked = {guard.name for guard, _ in caught}
    names = [guard.name for guard in guards.GUARDS if guard.name not in asked]
    return "NOT RUN in this run: " + "; ".join(names) + "." if names and caught else ""


def main() -> int:
    """Run, and write the report; 1 where anything is wrong."""
    words = argparse.ArgumentParser(prog="make faults", description=__doc__)
    words.add_argument("--programs", type=int, default=10_000, help="on SQLite")
    words.add_argument("--dynamodb", type=int, default=1_000, help="on DynamoDB Local")
    words.add_argument("--seed", type=int, default=1, help="the first one")
    words.add_argument("--minutes", type=float, default=24 * 60.0, help="begin no further programs after that")
    words.add_argument("--guards", type=int, default=1, help="0 leaves the table of guards out")
    given = words.parse_args()
    share = given.minutes * 60 / 2
    guards.check()
    say(f"seeds {given.seed} to {given.seed + given.programs - 1}")
    sums = [run("SQLite", on_sqlite, range(given.seed, given.seed + given.programs), time.monotonic() + 1.4 * share)]
    skipped = ""
    if os.environ.get(ENDPOINT):
        with credentials():
            seeds = range(given.seed, given.seed + given.dynamodb)
            sums.append(run("DynamoDB Local", on_dynamodb, seeds, time.monotonic() + 0.6 * share))
    else:
        skipped = f"NOT RUN on DynamoDB Local: start it and set {ENDPOINT} to its address."
        say(skipped)
    caught: list[tuple[guards.Guard, str]] = []
    wanted = f"{given.programs:,} programs on SQLite, {given.dynamodb:,} on DynamoDB Local, from seed {given.seed}"
    REPORT.write_text(written(sums, skipped, caught, wanted))  # what is measured stays, whatever ends the rest
    for guard, why in guards.table() if given.guards else ():
        say(f"guard: {guard.name}: {why or 'NOT MISSED by any program'}")
        caught.append((guard, why))
        REPORT.write_text(written(sums, skipped, caught, wanted))
    say(f"report: {REPORT.relative_to(TOP)}")
    return 1 if any(total.wrong for total in sums) or any(not why for _, why in caught) else 0


if __name__ == "__main__":
    sys.exit(main())
