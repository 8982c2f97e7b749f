"""A world in one process: X as the sandbox, a SQLite file, one clock for both, and the agent's own door.

Nothing of Songpost is replaced. What a test breaks is the wire (a transport) or the store (a wrapper that raises
in the middle of a step, as a crash would).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from songpost.agent import ledger
from songpost.agent.planning import Texts
from songpost.agent.writing import Tick, tick
from songpost.bootstrap import Session
from songpost.core import content
from songpost.given import Given
from songpost.lab.in_process import SandboxTransport, environment
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.faults import Fault
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Action, Text
from songpost.money_settings import Budget
from songpost.runtime import Runtime
from songpost.settings import PerKind, Reading, Schedule, Settings, Similarity
from songpost.store.opening import open_store
from songpost.store.port import Store
from songpost.x.token_file import TokenFile
from songpost.x.tokens import Pair, keep
from songpost.x.transport import Request, Response, Transport

START = datetime(2026, 11, 25, 11, 59, tzinfo=UTC)
"""A minute before the window closes: its one slot is due, whichever minute was drawn."""
KEY = "post/2026-11-25/noon/1"
TEXTS = tuple(
    Text(id=f"{topic}-{number}", topic=topic, variants=(words,))
    for topic, number, words in (
        ("gardening", 1, "Mulch after rain, not before it."),
        ("gardening", 2, "Leeks do not mind frost & wait in the ground <all winter>."),
        ("bread", 1, "Rye wants more water than you think."),
        ("bread", 2, "A loaf is done at 96 degrees inside."),
    )
)
NO_READING = Reading(
    usd_per_day=None,
    timeline_every_minutes=None,
    mentions_every_minutes=None,
    search_every_minutes=None,
    watchlist_every_minutes=None,
)
"""The reader measures, and looks nowhere else."""
SETTINGS = Settings(
    reading=NO_READING,
    operator="@example_owner",
    automated_label_attested_on=date(2026, 1, 1),
    topics=("gardening", "bread"),
    schedule=Schedule(windows={"noon": ("10:00", "12:00")}),
    max_per_window=PerKind(post=1),
    minimum_gap_minutes=30,
    similarity=Similarity(threshold=0.5, window_days=30),
    budget=Budget(usd_per_month=5, usd_per_day=1),  # type: ignore[arg-type]  # whole dollars read better
)


class Crash(BaseException):
    """The process dies here: nothing catches it, as nothing catches SIGKILL."""


@dataclass
class World:
    """X, a store's file, and a clock; each `session` is a process of its own."""

    folder: Path
    clock: VirtualClock
    sandbox: Sandbox
    settings: Settings = SETTINGS
    texts: tuple[Text, ...] = TEXTS
    wrap_store: Callable[[Store], Store] = field(default=lambda store: store)
    wrap_wire: Callable[[Transport], Transport] = field(default=lambda wire: wire)
    mode: str = "tweepy"

    def session(self, *, dry_run: bool = False) -> Session:
        """Open the account as a process of its own would."""
        url = f"sqlite:///{self.folder}/songpost.db"
        runtime = Runtime(store=url, dry_run=dry_run, auth_mode=self.mode)
        session = Session(
            runtime=runtime,
            environ={**environment(self.sandbox), "X_TOKEN_FILE": str(self.folder / "token.json")},
            store=self.wrap_store(open_store(url, read_only=dry_run)),
            clock=self.clock.now,
            file=self.folder / "settings",
            transport=self.wrap_wire(SandboxTransport(self.sandbox, self.clock.now)),
            sleep=lambda _: None,
        )
        library = content.library_of(self.texts)
        texts = Texts(digest=content.digest(library), load=lambda: library)
        session.given = Given(settings=self.settings, texts=texts, source="test")
        return session

    def tick(self, remaining: float = 900.0) -> Tick:
        """One live tick in a process of its own."""
        session = self.session()
        try:
            return tick(session.desk, session.open(), session.hand, session.given.texts, lambda: remaining)
        finally:
            session.close()

    def consent(self) -> None:
        """Go over to OAuth 2.0, with the pair that the sandbox has given."""
        told = self.sandbox.credentials()
        pair = Pair(
            generation=1,
            access_token=told.oauth2_access_token,
            refresh_token=told.oauth2_refresh_token,
            expires_at=self.clock.now() + timedelta(hours=2),
        )
        keep(TokenFile(self.folder / "token.json"), pair)
        self.mode = "oauth2"

    def later(self, **delta: float) -> None:
        """Move the clock of everybody."""
        self.clock.set(self.clock.now() + timedelta(**delta))

    def action(self, key: str = KEY) -> Action:
        """The action as the store has it."""
        session = self.session()
        stored = session.store.action("default", key)
        session.close()
        assert stored is not None
        return stored.action

    def account(self) -> ledger.Account:
        """The account as the store has it."""
        session = self.session()
        account = session.open()
        session.close()
        return account

    def spent_micros(self) -> int:
        """What the ledger believes to have spent or booked."""
        return sum(tally.spent_micros for tally in self.account().snapshot.usage.months.values())

    def fault(self, kind: str, endpoint: str = "POST /2/tweets", **more: object) -> None:
        """Let one call go wrong."""
        self.sandbox.faults.waiting.append(Fault(kind=kind, endpoint=endpoint, **more))  # type: ignore[arg-type]

    def with_settings(self, **changes: object) -> None:
        """Change the owner's settings from the next process on."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]

    def posts(self) -> Sequence[str]:
        """The texts that X shows of the account."""
        return [post.text for post in self.sandbox.posts()]

    def creates(self) -> int:
        """How many creates reached X."""
        return len(self.sandbox.requests("POST /2/tweets"))

    @property
    def bill_micros(self) -> int:
        """X's own bill."""
        return self.sandbox.service.bill.spent_micros


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A new world at `START`."""
    clock = VirtualClock(START)
    return World(tmp_path, clock, Sandbox(clock=clock))


class CountingWire:
    """Passes requests on, and dies before or after a chosen one."""

    def __init__(self, inner: Transport, counter: Iterator[int], crash_at: int, *, after: bool) -> None:
        self._inner, self._counter, self._crash_at, self._after = inner, counter, crash_at, after

    def send(self, request: Request) -> Response:
        """Pass on, unless this is the chosen step."""
        number = next(self._counter)
        if number == self._crash_at and not self._after:
            raise Crash
        answer = self._inner.send(request)
        if number == self._crash_at:
            raise Crash
        return answer


def crashing_store(store: Store, counter: Iterator[int], crash_at: int, *, after: bool) -> Store:
    """The same store, whose `commit` dies before or after a chosen step of the whole process."""
    commit = store.commit

    def dying(account: str, changes: Sequence[object], token: str) -> None:
        number = next(counter)
        if number == crash_at and not after:
            raise Crash
        commit(account, changes, token)  # type: ignore[arg-type]
        if number == crash_at:
            raise Crash

    store.commit = dying  # type: ignore[method-assign]
    return store


def breaking(world: World, crash_at: int, *, after: bool) -> World:
    """Let the world's next processes die at step `crash_at`, commits and calls counted together."""
    counter = itertools.count(1)
    world.wrap_store = lambda store: crashing_store(store, counter, crash_at, after=after)
    world.wrap_wire = lambda wire: CountingWire(wire, counter, crash_at, after=after)
    return world


def whole(world: World) -> World:
    """Let the world's next processes live."""
    world.wrap_store = lambda store: store
    world.wrap_wire = lambda wire: wire
    return world
