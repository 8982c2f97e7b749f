"""`make faults`: random programs of faults by the thousand, each guard taken out once, and docs/reliability.md.

The judge of each program is the sandbox (tests/faults/agent/judge.py). The report holds what was measured, each part
with its own date, and says loudly what was not run. What was measured is kept in build/faults.json, so that one part
can be run anew (`--only`) and the report be laid out again.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from xml.etree import ElementTree as ET

from songpost.store.dynamodb import DynamoStore
from songpost.store.dynamodb_wire import Wire, connected
from songpost.store.port import Store
from tests.faults import guards
from tests.faults.agent.judge import Verdict
from tests.faults.agent.programs import played

TOP = Path(__file__).parents[2]
REPORT = TOP / "docs" / "reliability.md"
MEASURED = TOP / "build" / "faults.json"
WORDS = Path(__file__).with_name("reliability.md")
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
AT_ONCE = 20
"""Programs between two looks at the clock."""
PARTS = ("sqlite", "dynamodb", "held", "guards")
COUNTED = ("tests", "failures", "errors", "skipped")
LAID_OUT = (
    (
        "held",
        "What tests hold beside them",
        ("fault", "tests"),
        "Real processes, real signals, and DynamoDB Local behind a proxy that breaks single answers.",
    ),
    (
        "guards",
        "Each guard, and the fault that catches its absence",
        ("guard", "what happens without it"),
        (
            "A guard is taken out of a copy of the code; programs from seed 1 on are played on SQLite, at most "
            f"{guards.PROGRAMS},\nuntil one of them fails. Where other guards make up for one, so that no program can "
            "tell, a test that can is\nrun on that copy. The right column is the first failure."
        ),
    ),
)
"""The parts below the programs: name, title, head of the table, and what stands above it."""
HELD = (
    (
        "16 writers at once, room for exactly 40 posts: 40",
        "agent/test_processes.py",
        "test_sixteen_writers_post_exactly_what_the_ceiling_has_room_for",
    ),
    (
        "SIGKILL after every commit and call of a tick: one post",
        "agent/test_processes.py",
        "test_a_kill_after_any_step_leaves_one_post_and_an_honest_ledger",
    ),
    (
        "SIGSTOP in a create until the lease is over: the late answer is recorded",
        "agent/test_processes.py",
        "test_a_frozen_process_records_its_late_answer",
    ),
    ("one event delivered to two functions at once", "agent/test_handlers.py", ""),
    (
        "a clock ten minutes off, either way",
        "agent/test_processes.py",
        "test_a_writer_whose_clock_is_ten_minutes_off_posts_nothing_twice",
    ),
    (
        "a wrong clock stops the account by name",
        "agent/test_processes.py",
        "test_a_wrong_clock_stops_the_account_by_name",
    ),
    ("a locked file", "agent/test_processes.py", "test_a_file_locked_for_too_long_is_named_and_nothing_is_sent"),
    ("a truncated file", "agent/test_processes.py", "test_a_truncated_file_is_named_and_left_alone"),
    ("a full disk", "agent/test_processes.py", "test_a_full_disk_is_named_and_nothing_is_sent"),
    ("a read-only disk", "agent/test_processes.py", "test_a_read_only_disk_is_named_and_nothing_is_sent"),
    (
        "a lost answer of DynamoDB at every commit, throttling, TransactionConflict, InternalServerError: sums exact",
        "agent/test_wire.py",
        "test_a_fault_at_any_commit_leaves_every_sum_exact",
    ),
    (
        "a booking that DynamoDB never takes sends nothing",
        "agent/test_wire.py",
        "test_a_booking_that_never_goes_through_sends_nothing",
    ),
    (
        "a tick with nothing to do: 1 request to DynamoDB",
        "../contract/agent/test_requests.py",
        "test_a_tick_with_nothing_to_do_costs_one_request",
    ),
    ("processes race for versions, keys and leases: one winner each", "store/test_processes.py", ""),
    ("readers race for a credit: the posterior moves once", "test_crediting.py", ""),
)
"""What tests hold with real processes, real signals and DynamoDB's own wire, and where."""


@dataclass
class Sum:
    """What the programs on one store came to; `seconds` are of a processor, of all of them together."""

    store: str
    first: int
    wanted: int
    at: str = ""
    python: str = ""
    seconds: float = 0.0
    programs: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, seed: int, verdict: Verdict | str, seconds: float) -> None:
        """Count a verdict, or a program that came to none and why."""
        self.programs += 1
        self.seconds += seconds
        if isinstance(verdict, str):
            self.wrong.append(f"program {seed}: {verdict}")
            return
        for name, value in asdict(verdict).items():
            if name != "seed":
                self.counts[name] = self.counts.get(name, 0) + (value if isinstance(value, int) else len(value))
        self.wrong += [f"program {seed}: {fault}" for fault in verdict.faults]

    def rows(self) -> list[tuple[str, str]]:
        """The lines of its table in the report."""

        def count(name: str) -> str:
            return f"{self.counts.get(name, 0):,}"

        judged = sum(self.counts.get(name, 0) for name in ("twice", "lost", "broken"))
        return [
            ("programs", f"{self.programs:,} of {self.wanted:,} asked for"),
            ("seeds", f"{self.first} to {self.first + self.programs - 1}"),
            ("posts on X", count("posts")),
            ("of them with a picture", count("pictures")),
            ("threads", f"{count('threads')}, {count('partial')} of them cut for good (`partial`)"),
            ("replies to people whom the reader found", count("replies")),
            ("actions sent on a person's word", count("approved")),
            ("processes that died", count("deaths")),
            ("calls to X that went wrong", count("struck")),
            ("left to a person's word (`unknown`)", count("unknown")),
            ("**posted twice**", f"**{count('twice')}**"),
            ("**lost in silence**", f"**{count('lost')}**"),
            ("**micro-dollars over the ceiling**", f"**{count('over_micros')}**"),
            ("**broken chains and miscounts**", f"**{count('broken')}**"),
            ("money that the ledger does not cover, programs without a verdict", str(len(self.wrong) - judged)),
            ("processor time of a program", f"{self.seconds / max(1, self.programs):.2f} s"),
        ]


def on_sqlite(seed: int) -> tuple[Verdict | str, float]:
    """Play one program with a file, in memory where there is a place for that."""
    return _played(seed, lambda store: store)


@cache
def _wire_maker() -> Callable[[str], Wire]:
    connection = connected()  # costs 100 ms: one for each worker
    return lambda table: Wire(table, connection)


def on_dynamodb(seed: int) -> tuple[Verdict | str, float]:
    """Play one program with a new table of DynamoDB Local."""
    wire = _wire_maker()(f"faults-{uuid.uuid4().hex}")
    wire.create_table()

    def dynamo(sqlite: Store) -> Store:
        sqlite.close()
        return DynamoStore(wire, read_only=False)

    with closing(wire):
        found = _played(seed, dynamo)
        wire.delete_table()
    return found


def _played(seed: int, wrap_store: Callable[[Store], Store]) -> tuple[Verdict | str, float]:
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
    begun = time.process_time()
    with tempfile.TemporaryDirectory(prefix="songpost-", dir=memory if memory.is_dir() else None) as folder:
        try:
            verdict: Verdict | str = played(seed, Path(folder), wrap_store)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a program without a verdict is a finding
            verdict = f"{type(error).__name__}: {error}"
    return verdict, time.process_time() - begun


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def run(
    total: Sum,
    play: Callable[[int], tuple[Verdict | str, float]],
    jobs: int,
    until: float,
    keep: Callable[[dict[str, object]], None],
) -> Sum:
    """Play programs in their order, until the last seed or the clock says stop; `keep` what is measured so far."""
    seeds = range(total.first, total.first + total.wanted)
    with ProcessPoolExecutor(jobs, initializer=_quiet) as workers:
        for start in range(0, len(seeds), AT_ONCE):
            if time.monotonic() > until:
                say(f"{total.store}: stopped by the clock after {total.programs} of {len(seeds)} programs")
                break
            chunk = seeds[start : start + AT_ONCE]
            for seed, (verdict, seconds) in zip(chunk, workers.map(play, chunk), strict=True):
                known = len(total.wrong)
                total.add(seed, verdict, seconds)
                for wrong in total.wrong[known:]:
                    say(f"WRONG on {total.store}: {wrong}")
            if not (start // AT_ONCE) % 10:
                posts = total.counts.get("posts", 0)
                say(f"{total.store}: {total.programs} programs, {posts} posts, {len(total.wrong)} wrong")
                keep(asdict(total))
    say(f"{total.store}: " + ", ".join(f"{name} {value}" for name, value in total.rows()))
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


def held() -> dict[str, object]:
    """What the tests of `HELD` came to: for each claim how many passed, failed and were not run, and their seconds."""
    found: list[list[str]] = []
    for claim, file, test in HELD:
        where = f"tests/faults/{file}" + f"::{test}" * bool(test)
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "told.xml"
            words = ["-q", "-p", "no:cacheprovider", f"--junitxml={told}", where]
            subprocess.run([sys.executable, "-m", "pytest", *words], cwd=TOP, check=False, stdout=subprocess.DEVNULL)
            suite = ET.parse(told).getroot().find("testsuite")  # noqa: S314 - pytest has just written it
        assert suite is not None
        tests, failures, errors, skipped = (int(suite.get(name, "0")) for name in COUNTED)
        bad = failures + errors
        passed = tests - bad - skipped
        words = [f"{passed} passed"] + [f"**{bad} FAILED**"] * bool(bad) + [f"**{skipped} NOT RUN**"] * bool(skipped)
        say(f"held: {claim}: {', '.join(words)}")
        found.append([claim, f"`{Path(file).name}`: {', '.join(words)}"])
    return {"at": now(), "rows": found}


def now() -> str:
    """The time of day, in UTC, and the interpreter."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, CPython {platform.python_version()}"


def table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {left} | {right.replace('|', '·')} |" for left, right in (head, ("---", "---"), *rows))


def written(measured: dict[str, dict[str, object]]) -> str:
    """The report of what was measured."""
    parts = [
        "# Once, and under the ceiling, whatever breaks",
        "Written by `make faults`; each part holds the numbers of the run whose date stands above it, and of no other.",
    ]
    for part, store in (("sqlite", "SQLite"), ("dynamodb", "DynamoDB Local")):
        parts.append(f"## Random programs on {store}")
        if part not in measured:
            parts.append("**NOT RUN.**")
            continue
        total = Sum(**measured[part])  # type: ignore[arg-type]  # written by this module from a Sum
        parts += [f"Run on {total.at}.", table(("", "measured"), total.rows())]
        parts += [f"- {wrong}" for wrong in total.wrong]
    for part, title, head, words in LAID_OUT:
        parts += [f"## {title}", words]
        known = measured.get(part, {})
        rows: list[list[str]] = known.get("rows", [])  # type: ignore[assignment]
        parts.append(f"Run on {known['at']}." if rows else "**NOT RUN.**")
        if rows:
            parts.append(table(head, [(left, right) for left, right in rows]))
        if part == "guards" and rows and (left := {guard.name for guard in guards.GUARDS} - {name for name, _ in rows}):
            parts.append("**NOT RUN in this run: " + "; ".join(sorted(left)) + ".**")
    return "\n\n".join([*parts, WORDS.read_text().strip()]) + "\n"


def _guarded(keep: Callable[[dict[str, object]], None]) -> bool:
    rows: list[list[str]] = []
    for guard, why in guards.table():
        say(f"guard: {guard.name}: {why or 'NOT MISSED'}")
        rows.append([guard.name, why or "**nothing: NOT MISSED**"])
        keep({"at": now(), "rows": rows})
    return all("NOT MISSED" not in why for _, why in rows)


def main() -> int:
    """Run, and write the report; 1 where anything is wrong."""
    words = argparse.ArgumentParser(prog="make faults", description=__doc__)
    words.add_argument("--programs", type=int, default=10_000, help="on SQLite")
    words.add_argument("--dynamodb", type=int, default=1_000, help="on DynamoDB Local")
    words.add_argument("--seed", type=int, default=1, help="the first one")
    words.add_argument("--minutes", type=float, default=24 * 60.0, help="begin no further programs after that")
    words.add_argument("--jobs", type=int, default=2, help="processes at once")
    words.add_argument("--only", choices=[*PARTS, "none"], action="append", help="these parts, and keep the others")
    given = words.parse_args()
    measured = json.loads(MEASURED.read_text()) if given.only and MEASURED.exists() else {}
    wanted, until = given.only or list(PARTS), time.monotonic() + given.minutes * 60
    guards.check()
    good = True

    def keep(part: str, of: dict[str, object]) -> None:
        """What is measured stays, whatever ends the rest."""
        measured[part] = of
        MEASURED.parent.mkdir(exist_ok=True)
        MEASURED.write_text(json.dumps(measured, indent=1))
        REPORT.write_text(written(measured))

    plays = {
        "sqlite": ("SQLite", on_sqlite, given.programs),
        "dynamodb": ("DynamoDB Local", on_dynamodb, given.dynamodb),
    }
    with credentials():
        for part, (store, play, count) in plays.items():
            if part not in wanted:
                continue
            if part == "dynamodb" and not os.environ.get(ENDPOINT):
                say(f"NOT RUN on DynamoDB Local: start it and set {ENDPOINT} to its address")
                continue
            total = run(Sum(store, given.seed, count, at=now()), play, given.jobs, until, partial(keep, part))
            good = good and not total.wrong
            keep(part, asdict(total))
        if "held" in wanted:
            found = held()
            good = good and "FAILED" not in json.dumps(found)
            keep("held", found)
    if "guards" in wanted:
        good = _guarded(partial(keep, "guards")) and good
    REPORT.write_text(written(measured))
    say(f"report: {REPORT.relative_to(TOP)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
