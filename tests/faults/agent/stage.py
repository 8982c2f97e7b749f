"""A stage for processes that meet: each stops at every point where a real one can be interrupted.

Points are the moments before and after each load, each commit and each call to X. A seeded director lets one process
at a time go on to its next point, or lets it die there, or leaves it frozen while others go on and time passes. So an
interleaving is a function of its seed. Processes are greenlets: switching takes a microsecond, where threads that hand
over to each other wait for the machine's scheduler at every point.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from songpost.errors import CommitUnanswered, SongpostError, StoreUnavailable
from songpost.store.port import Loaded, Store
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import Crash


@dataclass
class Process:
    """One process on the stage: what it does, whether it is over, and what it came to."""

    name: str
    work: Callable[[Process], None]
    over: bool = False
    doomed: bool = False
    frozen: bool = False
    points: list[str] = field(default_factory=list)
    error: BaseException | None = None
    _self: greenlet | None = None

    def _run(self) -> None:
        try:
            if not self.doomed:
                self.work(self)
        except BaseException as error:  # noqa: BLE001 - the director judges it
            self.error = error
        self.over = True

    def point(self, name: str) -> None:
        """Stop here until the director says go; die here if it says so."""
        self.points.append(name)
        assert self._self is not None
        self._self.parent.switch()
        if self.doomed:
            raise Crash

    def turn(self) -> None:
        """Let it go on to its next point or its end."""
        if self._self is None:
            self._self = greenlet(self._run, getcurrent())
        self._self.switch()


class StagedStore:
    """A store whose loads and commits are points, and whose answers may get lost."""

    def __init__(self, inner: Store, process: Process, trouble: Callable[[], str]) -> None:
        self._inner, self._process, self._trouble = inner, process, trouble

    def load(self, account: str) -> Loaded:
        """Load, between two points."""
        self._process.point("before load")
        loaded = self._inner.load(account)
        self._process.point("after load")
        return loaded

    def commit(self, account: str, changes: Sequence[object], token: str) -> None:
        """Commit, between two points; the answer may get lost on either side of the effect."""
        self._process.point("before commit")
        trouble = self._trouble()
        if trouble == "unavailable":
            raise StoreUnavailable("throttled", where=account, mend="try again")
        if trouble != "lost before":
            self._inner.commit(account, changes, token)  # type: ignore[arg-type]
        self._process.point("after commit")
        if trouble.startswith("lost"):
            raise CommitUnanswered("no answer", where=account, mend="ask again")

    def __getattr__(self, name: str) -> object:
        """Everything else as the store has it."""
        return getattr(self._inner, name)


class StagedWire:
    """A transport whose calls are points."""

    def __init__(self, inner: Transport, process: Process) -> None:
        self._inner, self._process = inner, process

    def send(self, request: Request) -> Response:
        """Call, between two points."""
        self._process.point("before call")
        answer = self._inner.send(request)
        self._process.point("after call")
        return answer


def direct(
    processes: Sequence[Process], dice: random.Random, *, crash: float, freeze: float, freeze_at_call: float
) -> list[Process]:
    """Let processes run against each other until each is over or frozen; the frozen ones come back.

    At each point a process dies with probability `crash`, or freezes with probability `freeze`, at a call to X
    `freeze_at_call`.
    """
    for process in processes:
        process.frozen = False
    while True:
        ready = [process for process in processes if not (process.over or process.frozen)]
        if not ready:
            break
        process = dice.choice(ready)
        fate = dice.random()
        if process.points and fate < crash:
            process.doomed = True
        elif process.points and fate < crash + (freeze_at_call if process.points[-1].endswith("call") else freeze):
            process.frozen = True
            continue
        process.turn()
    for process in processes:
        if process.error is not None and not isinstance(process.error, Crash | SongpostError):
            raise process.error
    return [process for process in processes if not process.over]
