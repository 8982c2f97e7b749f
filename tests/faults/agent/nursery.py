"""Processes of these tests: `python -m tests.faults.agent.nursery` forks them, so that Python starts only once.

One JSON line in: `{"start": {...}}` forks a process and answers with its id; `{"wait": id}` answers with what it said
and how it ended. A process composes a session as `bootstrap` does, over the network to the sandbox and the real store,
on a clock that stands still; it may kill itself with SIGKILL at a step, commits and calls counted together.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from songpost import invoking
from songpost.agent.planning import Texts
from songpost.agent.writing import Tick, tick
from songpost.bootstrap import Session
from songpost.core import content
from songpost.core.admission import Admitted, Refused
from songpost.errors import SongpostError
from songpost.given import Given
from songpost.model import State, Text
from songpost.money_settings import Budget
from songpost.runtime import Runtime
from songpost.settings import PerKind, Schedule, Settings, Similarity
from songpost.store.opening import open_store
from songpost.store.port import Change, Store
from songpost.store.sqlite import open_sqlite
from songpost.x.network import NetworkTransport
from songpost.x.transport import Request, Response, Transport

ROOT = Path(__file__).parents[3]
WAIT_TICKS = 400
"""Ticks after which a process that is told to go on until nothing is left gives up."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a process is to do. Times are ISO with a zone; `die` is the step to be killed after, 0 for none.

    `until_idle` ticks again until nothing more may go out. `windows` are local to UTC. Where `function` is `writer` or
    `reader`, that function's own handler is given the `event`, with settings and texts of the store.
    """

    store: str
    x: str
    at: str
    windows: dict[str, tuple[str, str]]
    texts: tuple[str, ...]
    usd_per_month: str = "5.00"
    per_window: int = 1
    die: int = 0
    until_idle: bool = False
    busy_seconds: float = 30.0
    function: str = ""
    event: dict[str, object] = field(default_factory=dict)


class Killer:
    """Counts steps, and kills this process with SIGKILL when the chosen one is over."""

    def __init__(self, die: int) -> None:
        self._steps, self._die = itertools.count(1), die

    def step(self) -> None:
        """A commit or a call is over."""
        if next(self._steps) == self._die:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalWire:
    """A transport whose process may be killed when an answer is there."""

    def __init__(self, inner: Transport, killer: Killer) -> None:
        self._inner, self._killer = inner, killer

    def send(self, request: Request) -> Response:
        """Call, then perhaps die."""
        answer = self._inner.send(request)
        self._killer.step()
        return answer


def mortal(store: Store, killer: Killer) -> Store:
    """The same store; after a commit its process may be killed."""
    commit = store.commit

    def committed(account: str, changes: Sequence[Change], token: str) -> None:
        commit(account, changes, token)
        killer.step()

    store.commit = committed  # type: ignore[method-assign]
    return store


def settings_of(job: Job) -> Settings:
    """The owner's settings of a job."""
    return Settings(
        operator="@example_owner",
        automated_label_attested_on=date(2026, 1, 1),
        topics=("a",),
        schedule=Schedule(windows=job.windows),
        max_per_window=PerKind(post=job.per_window),
        minimum_gap_minutes=0,
        similarity=Similarity(threshold=1.0, window_days=30),
        budget=Budget(usd_per_month=Decimal(job.usd_per_month), usd_per_day=None, burst_days=None, buffer_pct=0),
    )


def library_of(job: Job) -> content.Library:
    """The texts of a job."""
    return content.library_of(
        Text(id=f"t{number}", topic="a", variants=(words,)) for number, words in enumerate(job.texts)
    )


def session_of(job: Job, killer: Killer) -> Session:
    """The account of a job, opened."""
    at = datetime.fromisoformat(job.at)

    def clock() -> datetime:
        return at

    path = Path(job.store.removeprefix("sqlite:///"))
    sqlite = job.store.startswith("sqlite:")
    store = open_sqlite(path, busy_seconds=job.busy_seconds) if sqlite else open_store(job.store, read_only=False)
    session = Session(
        runtime=Runtime(store=job.store, dry_run=False, auth_mode="tweepy", x_api_base_url=job.x),
        environ=dict(os.environ),
        store=mortal(store, killer),
        clock=clock,
        file=path,
        transport=MortalWire(NetworkTransport(clock=clock, base_url=job.x), killer),
    )
    settings, library = settings_of(job), library_of(job)
    session.given = Given(
        settings=settings, texts=Texts(digest=content.digest(library), load=lambda: library), source="test"
    )
    return session


def ticks(job: Job) -> Iterator[Tick]:
    """The ticks of a job."""
    killer = Killer(job.die)
    for _ in range(WAIT_TICKS if job.until_idle else 1):
        session = session_of(job, killer)
        try:
            yield tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
        finally:
            session.store.close()


def idle(done: Tick) -> bool:
    """Whether a later tick at the same time could not do more.

    Nothing is due, or the budget says no to all that is, and nobody is at work whose worst price may still come back.
    """
    gates = {step.decision.gate for step in done.steps if isinstance(step.decision, Refused)}
    at_work = any(action.state is State.SENDING for action in done.account.snapshot.actions.values())
    return gates <= {"budget"} and not at_work and not any(isinstance(step.decision, Admitted) for step in done.steps)


def worked(job: Job) -> dict[str, object]:
    """Do a job; what it came to."""
    sent = 0
    gates: set[str] = set()
    for done in ticks(job):
        sent += sum(isinstance(step.decision, Admitted) for step in done.steps)
        gates |= {step.decision.gate for step in done.steps if isinstance(step.decision, Refused)}
        if done.stopped is not None:
            raise done.stopped
        if idle(done):
            break
    return {"sent": sent, "gates": sorted(gates)}


def delivered(job: Job) -> dict[str, object]:
    """Give the event to the function's own handler, in its environment; only the clock is not the machine's."""
    at = datetime.fromisoformat(job.at)
    os.environ.update(SONGPOST_STORE=job.store, DRY_RUN="false", X_AUTH_MODE="tweepy", X_API_BASE_URL=job.x)
    setattr(invoking, "system_clock", lambda: at)  # noqa: B010 - no name of that module's own
    spec = importlib.util.spec_from_file_location("app", ROOT / "functions" / job.function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    with redirect_stdout(sys.stderr):  # its figures are for CloudWatch, not for the nursery
        answer: dict[str, object] = app.handler(job.event, None)
    return answer


def born(job: Job, said: TextIO) -> int:
    """The life of a forked process: its exit code, 1 for a named error, 3 for any other."""
    try:
        json.dump(delivered(job) if job.function else worked(job), said)
    except SongpostError as error:
        json.dump({"error": type(error).__name__, "words": str(error)}, said)
        return 1
    except Exception as error:  # noqa: BLE001 - the test shall see it
        json.dump({"error": type(error).__name__, "words": f"UNNAMED {error}"}, said)
        return 3
    return 0


def start(words: dict[str, object]) -> tuple[int, int]:
    """Fork a process; its id, and the pipe it speaks into."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    code = 3
    try:
        with os.fdopen(writing, "w") as said:
            code = born(Job(**words), said)  # type: ignore[arg-type]  # the test wrote it from a Job
    finally:
        os._exit(code)


def warm() -> None:
    """Import what a process imports when it first needs it: before the fork it is paid once."""
    for name in ("x.client", "x.network", "store.dynamodb", "store.sqlite", "agent.measuring", "agent.reading"):
        importlib.import_module(f"songpost.{name}")


def main() -> None:
    """Serve the test until it closes the pipe."""
    warm()
    answers: Callable[[object], None] = lambda document: print(json.dumps(document), flush=True)  # noqa: T201, E731
    pipes: dict[int, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            pid, pipe = start(asked["start"])
            pipes[pid] = pipe
            answers(pid)
            continue
        with os.fdopen(pipes.pop(asked["wait"])) as stream:
            said = stream.read()
        code = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        answers({"code": code, **(json.loads(said) if said else {})})


if __name__ == "__main__":
    main()
