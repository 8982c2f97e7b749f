"""Take each guard out and see which fault catches it: `python -m tests.faults.guards` (a part of `make faults`).

Works in a scratch copy. A guard is a piece of code with what is left when it is gone; random programs of faults are
played against the unguarded copy until one of them fails. Where the other guards make up for one, so that no program
can tell, its row names the test that can: that test is run against the unguarded copy. A guard that neither misses is
printed as such.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
PROGRAMS = 200
TEST_FAILED = 1
"""What pytest exits with where a test has failed, and nothing else is wrong."""
PLAY = """
import json, logging, sys, tempfile
from pathlib import Path
logging.disable(logging.CRITICAL)
from tests.faults.agent.programs import played
with tempfile.TemporaryDirectory() as base:
    for seed in range(1, {programs} + 1):
        folder = Path(base) / str(seed)
        folder.mkdir()
        try:
            faults = played(seed, folder).faults
        except Exception as error:
            faults = (f"a process ends with {{type(error).__name__}}: {{error}}".rstrip(": "),)
        if faults:
            print(json.dumps([seed, faults[0]]))
            break
    else:
        print(json.dumps([0, ""]))
"""


@dataclass(frozen=True)
class Guard:
    """A guard: its name, where it stands, and how the code reads without it.

    `test` is the id of the test that misses it; programs of faults do where it is empty.
    """

    name: str
    file: str
    guarded: str
    without: str
    test: str = ""


GUARDS = (
    Guard(
        "an open outcome is not tried again",
        "shared/songpost/agent/transitions.py",
        '(OpenError, Ruling(State.UNKNOWN, "open", None)),',
        '(OpenError, Ruling(State.PLANNED, "not sent", billed=False)),',
    ),
    Guard(
        "absent takes two complete reads",
        "shared/songpost/agent/reconcile.py",
        "ABSENT_READS = 2",
        "ABSENT_READS = 1",
        test="tests/unit/agent/test_races.py::test_one_look_that_does_not_show_it_makes_nothing_absent",
    ),
    Guard(
        "absent takes ten minutes",
        "shared/songpost/agent/reconcile.py",
        "ABSENT_AFTER = timedelta(minutes=10)",
        "ABSENT_AFTER = timedelta(minutes=0)",
    ),
    Guard(
        "a look counts for when X was asked",
        "shared/songpost/bootstrap.py",
        "            read_at=asked_at,\n",
        "            read_at=self.clock(),\n",
        test="tests/unit/agent/test_races.py::test_a_look_counts_for_when_x_was_asked",
    ),
    Guard(
        "two looks at once count as one",
        "shared/songpost/agent/reconcile.py",
        "apart = attempt.read_at is None or seen.read_at >= attempt.read_at + READ_APART",
        "apart = True",
        test="tests/unit/agent/test_races.py::test_two_looks_at_once_count_as_one",
    ),
    Guard(
        "a lease keeps others from an action in flight",
        "shared/songpost/agent/reconcile.py",
        "and (action.state is State.UNKNOWN or now >= action.attempts[-1].lease_until)",
        "",
        test="tests/unit/agent/test_races.py::test_an_action_in_flight_is_left_to_its_process",
    ),
    Guard(
        "nothing is sent after the send deadline",
        "shared/songpost/lab/in_process.py",
        "if self._clock() >= request.send_by:",
        "if False:",
    ),
    Guard(
        "a late answer is recorded from any state",
        "shared/songpost/agent/transitions.py",
        "    if outcome.error is None:\n        return _succeeded(action, attempt, outcome)\n",
        "    if action.state is not State.SENDING:\n        return action\n"
        "    if outcome.error is None:\n        return _succeeded(action, attempt, outcome)\n",
    ),
    Guard(
        "the worst price is booked before the call",
        "shared/songpost/core/admission.py",
        "        reads=quote.reads,\n        micros=quote.worst_micros,\n",
        "        reads=quote.reads,\n        micros=0,\n",
    ),
    Guard(
        "the budget gate",
        "shared/songpost/core/admission.py",
        "    _budget,\n",
        "",
    ),
    Guard(
        "the month's money is paced",
        "shared/songpost/core/budget.py",
        "return None if free_at <= now else Shortfall(_burst(pace, usage, now), micros, free_at)",
        "return None",
    ),
    Guard(
        "reads pass the ceiling",
        "shared/songpost/core/reads.py",
        "    if short is not None:",
        "    if False and short is not None:",
    ),
    Guard(
        "further looks pass the ceiling",
        "shared/songpost/agent/reconcile.py",
        "        if budget.shortfall(",
        "        if False and budget.shortfall(",
    ),
    Guard(
        "an expected version must hold",
        "shared/songpost/agent/ledger.py",
        "        except CommitConflict:\n            continue\n",
        "        except CommitConflict:\n            pass\n",
    ),
    Guard(
        "only a definite commit lets X be called",
        "shared/songpost/agent/ledger.py",
        "            unanswered = True\n",
        "            return\n",
    ),
    Guard(
        "a 429 gives its booking back",
        "shared/songpost/agent/transitions.py",
        "usage = budget.counted(usage, admission.window_key(after), admission.local_date(after), change)",
        "pass",
    ),
    Guard(
        "a thread resumes at its first step that is not sent",
        "shared/songpost/core/admission.py",
        "        step=case.action.next_step,\n",
        "        step=len(case.action.attempts) % len(case.action.steps),\n",
    ),
    Guard(
        "a thread that is cut ends in part",
        "shared/songpost/agent/transitions.py",
        "return State.PARTIAL if action.post_ids and state in {State.REFUSED, State.ABANDONED} else state",
        "return state",
    ),
    Guard(
        "a thread that has begun keeps its place in the window",
        "shared/songpost/agent/transitions.py",
        "not in {State.PLANNED, State.PROPOSED} or bool(action.post_ids)",
        "not in {State.PLANNED, State.PROPOSED}",
    ),
    Guard(
        "what a thread holds is booked with its first step",
        "shared/songpost/core/admission.py",
        "        writes=quote.writes,\n        kind=sending.kind,\n"
        "        reads=quote.reads,\n        micros=quote.worst_micros,\n",
        "        writes=1,\n        kind=sending.kind,\n"
        "        reads=first.reads,\n        micros=first.worst_micros,\n",
    ),
    Guard(
        "a failed upload sends no post",
        "shared/songpost/agent/writing.py",
        "    if attached is not None and attached.error is not None:",
        "    if False and attached is not None and attached.error is not None:",
    ),
    Guard(
        "a read is booked at its worst before it is made",
        "shared/songpost/core/reads.py",
        "now, reads=resources, micros=worst, kind=Kind.READ)",
        "now, reads=resources, micros=0, kind=Kind.READ)",
    ),
    Guard(
        "a window that is over buries what waits",
        "shared/songpost/agent/writing.py",
        "account, buried = _bury(desk, account)",
        "buried: tuple[Action, ...] = ()",
    ),
)


def check() -> None:
    """Raise SystemExit where a guard's code is not found once: the table lags behind the code."""
    for guard in GUARDS:
        if (TOP / guard.file).read_text().count(guard.guarded) != 1:
            raise SystemExit(f"guards: {guard.name}: its code is not found once in {guard.file}; correct the table")
        file, _, test = guard.test.partition("::")
        if test and f"def {test}(" not in (TOP / file).read_text():
            raise SystemExit(f"guards: {guard.name}: there is no {test} in {file}; correct the table")


def unguarded(guard: Guard) -> str:
    """Do without a guard, in a copy of its own; what failed, or an empty string where nothing did."""
    text = (TOP / guard.file).read_text()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in ("shared", "tests"):
            shutil.copytree(TOP / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(TOP / "pyproject.toml", scratch)
        (scratch / guard.file).write_text(text.replace(guard.guarded, guard.without))
        return _tested(scratch, guard.test) if guard.test else _played(scratch)


def _python(scratch: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        cwd=scratch,
        env={"PYTHONPATH": f"{scratch / 'shared'}:{scratch}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def _played(scratch: Path) -> str:
    """What the first program that fails in a copy says."""
    done = _python(scratch, "-c", PLAY.format(programs=PROGRAMS))
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    seed, fault = json.loads(done.stdout.splitlines()[-1])
    return f"program {seed}: {fault}" if fault else ""


def _tested(scratch: Path, test: str) -> str:
    """What a test says that fails in a copy. Raises SystemExit where it neither passed nor failed."""
    done = _python(scratch, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    if done.returncode not in {0, TEST_FAILED}:
        raise SystemExit(f"guards: {test} did not run:\n{done.stdout}{done.stderr}")
    said = (line.removeprefix("E").strip() for line in done.stdout.splitlines() if line.startswith("E  "))
    return f"`{test.partition('::')[2]}`: {next(said, 'failed')}" if done.returncode else ""


def table() -> Iterator[tuple[Guard, str]]:
    """Each guard with the fault that catches its absence, two at a time; an empty string where none does."""
    check()
    with ThreadPoolExecutor(2) as threads:
        yield from zip(GUARDS, threads.map(unguarded, GUARDS), strict=True)


def main() -> int:
    """Print a line for each guard; 1 where one is missed by nothing."""
    missed = 0
    for guard, caught in table():
        missed += not caught
        sys.stdout.write(f"| {guard.name} | {caught or 'NOT MISSED'} |\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
