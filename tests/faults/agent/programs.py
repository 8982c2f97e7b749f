"""Random fault programs: days in the life of an account in which everything goes wrong.

A program is a function of its seed. It plays ticks of the writer and the reader and a person's words, alone and in
parallel, while processes die and freeze, X loses, delays and garbles answers, and the store does too. Then everything
is well again until all windows are over, and the judge looks (`judge.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from songpost.agent import approvals, control, planning, writing
from songpost.agent.events import Invocation
from songpost.agent.ledger import Account
from songpost.bootstrap import Session
from songpost.invoking import run_reader
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.rules import Rules
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.store.port import Store
from tests.faults.agent.judge import BY_HAND, Verdict, judged
from tests.faults.agent.lives import (
    CALM,
    READ_FAULTS,
    UPLOAD_FAULTS,
    UPLOADING,
    Life,
    babble,
    furnish,
    life_of,
    settings_of,
    texts_of,
)
from tests.faults.agent.stage import Process, StagedStore, StagedWire, direct
from tests.unit.agent.conftest import Crash, World

MORNING = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
OVER = MORNING.replace(hour=13, minute=1)
"""When all windows are over."""
PATIENCE = timedelta(hours=4)
"""How long after that a program goes on while an outcome is still open."""
Work = Callable[[Session], None]


@dataclass
class Play:
    """One program being played."""

    world: World
    life: Life
    dice: random.Random
    person: random.Random
    well: bool = True
    deaths: int = 0
    sleepers: list[Process] = field(default_factory=list)
    seen: Account | None = None
    """The account as the last tick of the writer left it; nothing where that died."""

    def process(self, work: Work) -> Process:
        """Something done in a process of its own."""

        def staged(process: Process) -> None:
            session = self.world.session()
            session.store = cast("Store", StagedStore(session.store, process, self.trouble))
            session.transport = StagedWire(SandboxTransport(self.world.sandbox, self.world.clock.now), process)
            session.sleep = lambda _: process.point("sleep")
            try:
                work(session)
            finally:
                session.store.close()

        return Process(work.__name__, staged)

    def write(self, session: Session) -> None:
        """A tick of the writer."""
        self.seen = None
        done = writing.tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
        self.seen = done.account

    def read(self, session: Session) -> None:
        """A tick of the reader, which looks for mentions."""
        run_reader(session, Invocation(mode="mentions", account="default", dry_run=False), lambda: 900.0)

    def decide(self, session: Session) -> None:
        """A person's word on a proposal, or taken back from what was approved: yes, no, or other words."""
        account, desk = session.open(), session.desk
        asked = approvals.waiting(account)
        if not asked:
            return
        action = asked[0]
        if self.well:
            approvals.approve(desk, account, action.key, by="a person")
            return
        word = self.person.choice(("yes", "yes", "yes", "no", "words"))
        if word == "words":
            approvals.edit(desk, account, action.key, babble(self.person), by="a person")
        elif word == "no":
            approvals.reject(desk, account, action.key, by="a person")
        else:
            approvals.approve(desk, account, action.key, by="a person")

    def switch(self, session: Session) -> None:
        """A person pauses the account, or lets it go on."""
        if self.person.random() < 0.5:
            control.pause(session.desk, "a look at things", "a person")
        else:
            control.resume(session.desk, "a person")

    def trouble(self) -> str:
        """What the store does to the next commit."""
        if self.well or self.dice.random() > 0.06:
            return ""
        return self.dice.choice(("lost before", "lost after", "unavailable"))

    def run(self, *work: Work) -> None:
        """Work side by side, with whoever is still frozen from before."""
        weather = CALM if self.well else self.life.weather
        woken = [process for process in self.sleepers if not weather.asleep or self.person.random() >= weather.asleep]
        asleep = [process for process in self.sleepers if process not in woken]
        awake = [*woken, *(self.process(one) for one in work)]
        frozen = direct(
            awake, self.dice, crash=weather.crash, freeze=weather.freeze, freeze_at_call=weather.freeze_at_call
        )
        self.sleepers = asleep + frozen
        self.deaths += sum(isinstance(process.error, Crash) for process in awake)

    def work(self, ticks: int) -> list[Work]:
        """What is done in a round: ticks of the writer, and in such a life the reader's, and a person's words."""
        found: list[Work] = [self.write] * ticks
        found += [self.read] * (self.life.answers and self.person.random() < 0.7)
        found += [self.decide] * (self.person.randint(0, 2) if self.life.asks else 0)
        found += [self.switch] * (self.life.interrupted and self.person.random() < 0.3)
        return found

    @property
    def now(self) -> Account:
        """The account; asked of the store only where the last tick died."""
        return self.seen or self.world.account()


def played(seed: int, folder: Path, wrap_store: Callable[[Store], Store] = lambda store: store) -> Verdict:
    """Play one program from its seed, and judge it."""
    dice, life = random.Random(seed), life_of(seed)
    clock, weather = VirtualClock(MORNING), life.weather
    rules = Rules(visibility_lag_seconds=weather.lag_seconds)
    if weather.harsh:
        rules = replace(rules, owns_app=False, duplicate_window_seconds=0.0)
    sandbox = Sandbox(clock=clock, seed=seed, rules=rules)
    settings = settings_of(seed, life, dice)
    world = World(folder, clock, sandbox, settings=settings, texts=texts_of(seed, life), wrap_store=wrap_store)
    furnish(folder, life)
    play = Play(world, life, dice, random.Random(f"{seed}/person"))
    cuts = random.Random(f"{seed}/cuts")
    if weather.harsh:
        play.run(play.write)
        clock.set(_next_round(play))
    play.well = False
    for _ in range(dice.randint(*weather.rounds)):
        _break_things(play, cuts)
        for _ in range(dice.choice(weather.by_hand)):
            sandbox.actors.post("songpost", f"{BY_HAND} {dice.randint(1, 10**9)}.")
        if life.answers and cuts.random() < 0.6:
            number = cuts.randint(1, 10**9)
            sandbox.actors.post(f"miller{number % 5}", f"@songpost how about {number}?")
        play.run(*play.work(dice.choice(weather.ticks)))
        clock.set(_next_round(play))
    well_at = clock.now()
    _let_it_rest(play)
    return judged(world, seed, play.deaths, MORNING, well_at)


def _break_things(play: Play, cuts: random.Random) -> None:
    """Let some of X's next answers go wrong."""
    world, dice = play.world, play.dice
    for _ in range(int(play.life.weather.create + dice.random())):
        world.fault(**dice.choice(play.life.weather.creates), skip=cuts.choice((0, 0, 0, 1, 2)))
    if play.life.threads and cuts.random() < 0.15:
        world.fault("status", status=403, when="before", skip=cuts.choice((1, 2)))
    if dice.random() < play.life.weather.read:
        world.fault(endpoint="GET /2/users/:id/tweets", times=dice.choice((1, 5, 12)), **dice.choice(READ_FAULTS))
    if play.life.pictures and cuts.random() < play.life.weather.upload:
        world.fault(endpoint=cuts.choice(UPLOADING), times=cuts.choice((1, 1, 9)), **cuts.choice(UPLOAD_FAULTS))
    if play.life.answers and cuts.random() < 0.3:
        world.fault(endpoint="GET /2/users/:id/mentions", times=cuts.choice((1, 5)), **cuts.choice(READ_FAULTS))


def _let_it_rest(play: Play) -> None:
    """No more faults: the frozen wake, a person lifts the pause and agrees, and time passes until nothing is open."""
    play.well = True
    play.world.sandbox.faults.waiting.clear()
    while play.world.clock.now() <= OVER + PATIENCE:
        play.run(play.write)
        if play.life.asks and approvals.waiting(play.now):
            play.run(play.decide)
        if play.now.snapshot.control.paused:
            session = play.world.session()
            control.resume(session.desk, "a person")
            session.close()
        if play.world.clock.now() > OVER and not play.now.stored:
            break
        play.world.clock.set(_next_time(play))


def _next_round(play: Play) -> datetime:
    """When a round is over: after some minutes, or where the weather is harsh, when something may go wrong again."""
    clock, weather = play.world.clock, play.life.weather
    soon = clock.now() + timedelta(minutes=play.dice.choice(weather.minutes))
    if not weather.harsh:
        return soon
    account = play.now
    slots = planning.open_slots(account.snapshot.plans.values())
    due_at = min((slot.due_at for slot in slots), default=soon)
    busy = bool(play.sleepers) or any(stored.action.attempts for stored in account.stored.values())
    return max(min(soon, due_at) if busy else due_at, clock.now() + timedelta(minutes=1))


def _next_time(play: Play) -> datetime:
    """A quarter of an hour on while something is open, else when the next slot is due, or when all windows are over."""
    soon = play.world.clock.now() + timedelta(minutes=17)
    if play.now.stored or not play.now.snapshot.plans or soon > OVER:
        return soon
    slots = planning.open_slots(play.now.snapshot.plans.values())
    return max(soon, min((slot.due_at for slot in slots), default=OVER + timedelta(minutes=1)))
