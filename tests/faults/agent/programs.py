"""Random fault programs: days in the life of an account in which everything goes wrong, and their judge.

A program is a function of its seed. It plays ticks, alone and in parallel, while processes die and freeze, X loses,
delays and garbles answers, and the store does too. Then everything is well again for a while. The judge is the
sandbox: its list of posts and its own bill, never the ledger's word.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

from songpost.agent import audit, writing
from songpost.core.prices import RECONCILING_READS
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Action, State, Text, ThreadStep
from songpost.settings import Budget, PerKind, Schedule, Similarity
from songpost.store.port import Store
from tests.faults.agent.stage import Process, StagedStore, StagedWire, direct
from tests.unit.agent.conftest import SETTINGS, Crash, World

MORNING = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
WORDS = (
    "Mulch after rain, not before it.", "Leeks do not mind frost & wait in the ground <all winter>.",
    "The cheapest greenhouse is a south wall with an old window.", "Write down what you planted where.",
    "Rye wants more water than you think.", "A loaf is done at 96 degrees inside.",
    "Steam for fifteen minutes, dry heat after that.", "Cold dough is easier to score with a blade.",
    "Two pairs of socks weigh almost nothing.", "Turn around while you still want to go on.",
    "Fog in the valley means sun on the ridge.", "Paper maps do not run out of battery.",
)  # fmt: skip
CREATE_FAULTS = (
    {"kind": "answer lost"}, {"kind": "reset"}, {"kind": "status", "status": 500, "when": "after"},
    {"kind": "status", "status": 503, "when": "before"}, {"kind": "slow", "seconds": 60}, {"kind": "html"},
    {"kind": "empty"}, {"kind": "truncated"}, {"kind": "list"}, {"kind": "no data"}, {"kind": "redirect"},
    {"kind": "no rate headers"}, {"kind": "absurd rate headers"}, {"kind": "past rate headers"},
    {"kind": "rate limited"}, {"kind": "status", "status": 403, "when": "before"},
    {"kind": "status", "status": 402, "when": "before"}, {"kind": "late", "seconds": 540},
    {"kind": "late", "seconds": 540},
)  # fmt: skip
SYLLABLES = tuple(f"{first}{second}" for first in "bdklmn" for second in "aeiou")
THREAD_USD = Decimal("0.40")
"""What the ceiling of a program with threads is higher by: a thread of four holds 260,000 micro-dollars at worst."""
READ_FAULTS = ({"kind": "answer lost"}, {"kind": "status", "status": 503}, {"kind": "html"}, {"kind": "truncated"})


@dataclass(frozen=True)
class Verdict:
    """What the judge found: the first four are empty where all is well; the rest counts what happened.

    `struck` are X's faults, `unknown` the actions that wait for a person's word, `over_micros` X's bill above the
    ceiling, `threads` those of which a post is on X, `partial` those that ended before their last one.
    """

    seed: int
    twice: tuple[str, ...]
    lost: tuple[str, ...]
    overspent: tuple[str, ...]
    broken: tuple[str, ...]
    posts: int
    deaths: int
    struck: int
    unknown: int
    over_micros: int
    threads: int
    partial: int

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that is wrong."""
        return (*self.twice, *self.lost, *self.overspent, *self.broken)


@dataclass
class Play:
    """One program being played."""

    seed: int
    world: World
    dice: random.Random
    well: bool = False
    deaths: int = 0
    sleepers: list[Process] | None = None

    def process(self, name: str) -> Process:
        """A tick in a process of its own."""

        def work(process: Process) -> None:
            session = self.world.session()
            session.store = cast("Store", StagedStore(session.store, process, self.trouble))
            session.transport = StagedWire(SandboxTransport(self.world.sandbox, self.world.clock.now), process)
            desk = replace(session.desk, sleep=lambda _: process.point("sleep"))
            try:
                writing.tick(desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
            finally:
                session.store.close()

        return Process(name, work)

    def trouble(self) -> str:
        """What the store does to the next commit."""
        if self.well or self.dice.random() > 0.06:
            return ""
        return self.dice.choice(("lost before", "lost after", "unavailable"))

    def ticks(self, count: int) -> None:
        """Ticks side by side, with whoever is still frozen from before."""
        processes = [self.process(f"tick-{self.dice.random():.6f}") for _ in range(count)]
        awake = [*(self.sleepers or []), *processes]
        crash, freeze = (0.0, 0.0) if self.well else (0.01, 0.01)
        self.sleepers = direct(awake, self.dice, crash=crash, freeze=freeze)
        self.deaths += sum(isinstance(process.error, Crash) for process in awake)


def texts_of(seed: int) -> tuple[Text, ...]:
    """The library of a program. In every other program half of the texts are threads of two to four steps."""
    dice = random.Random(f"{seed}/threads")
    threaded = dice.random() < 0.5
    texts: list[Text] = []
    for number, words in enumerate(WORDS):
        further = dice.randint(1, 3) if threaded and dice.random() < 0.6 else 0
        steps = tuple(ThreadStep(text=_babble(dice)) for _ in range(further))
        topic = ("a", "b", "c")[number % 3]
        texts.append(Text(id=f"t{number}", topic=topic, variants=(words,), threads=(steps,) if steps else ()))
    return tuple(texts)


def _babble(dice: random.Random) -> str:
    """Eight words that nobody has said before."""
    return " ".join("".join(dice.choices(SYLLABLES, k=3)) for _ in range(8)) + "."


def played(seed: int, folder: Path, wrap_store: Callable[[Store], Store] = lambda store: store) -> Verdict:
    """Play one program from its seed, and judge it."""
    dice = random.Random(seed)
    clock = VirtualClock(MORNING)
    sandbox = Sandbox(clock=clock, seed=seed)
    texts = texts_of(seed)
    threaded = any(text.threads for text in texts)
    settings = replace(
        SETTINGS,
        topics=("a", "b", "c"),
        schedule=Schedule(windows={"one": ("08:00", "10:00"), "two": ("10:30", "13:00")}),
        max_per_window=PerKind(post=dice.choice((1, 2))),
        minimum_gap_minutes=dice.choice((0, 10)),
        similarity=Similarity(threshold=0.9, window_days=30),
        budget=Budget(
            usd_per_month=Decimal(dice.choice(("0.14", "0.25", "1.00"))) + (THREAD_USD if threaded else 0),
            usd_per_day=None,
            burst_days=random.Random(f"{seed}/pace").choice((None, None, 7.0)),
        ),
    )
    world = World(folder, clock, sandbox, settings=settings, texts=texts, wrap_store=wrap_store)
    play = Play(seed, world, dice)
    cuts = random.Random(f"{seed}/cuts")
    for _ in range(dice.randint(4, 9)):
        if dice.random() < 0.5:
            world.fault(**dice.choice(CREATE_FAULTS), skip=cuts.choice((0, 0, 0, 1, 2)))
        if threaded and cuts.random() < 0.15:
            world.fault("status", status=403, when="before", skip=cuts.choice((1, 2)))
        if dice.random() < 0.4:
            world.fault(endpoint="GET /2/users/:id/tweets", times=dice.choice((1, 5, 12)), **dice.choice(READ_FAULTS))
        if dice.random() < 0.1:
            sandbox.actors.post("songpost", f"By hand, number {dice.randint(1, 10**9)}.")
        play.ticks(dice.choice((1, 1, 1, 2, 3)))
        world.later(minutes=dice.choice((1, 5, 5, 17, 40)))
    _let_it_rest(play)
    return _judged(play)


def _let_it_rest(play: Play) -> None:
    """No more faults: the frozen wake, a person lifts the pause, and time passes until all windows are over."""
    from songpost.agent import control

    play.well = True
    play.world.sandbox.faults.waiting.clear()
    end = MORNING.replace(hour=13, minute=1)
    for _ in range(60):
        play.ticks(1)
        if play.world.account().snapshot.control.paused:
            session = play.world.session()
            control.resume(session.desk, "a person")
            session.close()
        if play.world.clock.now() > end + timedelta(hours=4):
            break
        play.world.later(minutes=11)


def _judged(play: Play) -> Verdict:
    world = play.world
    session = world.session()
    actions = [stored.action for stored in session.store.actions("default")]
    snapshot = session.open().snapshot
    session.close()
    by_hand = "By hand, number"
    own = [post for post in world.sandbox.posts() if not post.text.startswith(by_hand)]
    counts = Counter(post.text for post in own)
    threads = [action for action in actions if action.thread and action.post_ids]
    parents = {post.id: post.in_reply_to_id for post in own}
    spent = sum(tally.spent_micros for tally in snapshot.usage.months.values())
    ceiling = world.settings.budget.micros(world.settings.budget.usd_per_month)
    findings = [*audit.broken_chains(actions), *audit.miscounts(snapshot, actions)]
    return Verdict(
        seed=play.seed,
        twice=tuple(f"posted {count} times: {text}" for text, count in counts.items() if count > 1),
        lost=(*_lost(actions, {post.id: post.text for post in own}), *_unchained(actions, parents)),
        overspent=(*_overspent(world.bill_micros, spent, ceiling), *_too_fast(world, actions)),
        broken=tuple(f"{finding.where}: {finding.what}" for finding in findings),
        posts=len(own),
        deaths=play.deaths,
        struck=len(world.sandbox.faults.struck),
        unknown=sum(action.state is State.UNKNOWN for action in actions),
        over_micros=max(0, world.bill_micros - ceiling),
        threads=len(threads),
        partial=sum(action.state is State.PARTIAL for action in threads),
    )


def _lost(actions: list[Action], own: dict[str, str]) -> list[str]:
    """Posts that no action accounts for, actions that claim posts which are not there, and actions without an end."""
    sent = {post_id: action for action in actions for post_id in action.post_ids}
    open_texts = {action.steps[action.next_step].text for action in actions if action.state is State.UNKNOWN}
    found = [
        f"post {post_id} is nobody's" for post_id, text in own.items() if post_id not in sent and text not in open_texts
    ]
    found += [
        f"{action.key} says sent, but X has no {post_id}" for post_id, action in sent.items() if post_id not in own
    ]
    found += [
        f"{action.key} is still {action.state.value}"
        for action in actions
        if action.is_open and action.state is not State.UNKNOWN
    ]
    return found + [f"{action.key} ended without a reason" for action in actions if _silent(action)]


def _unchained(actions: list[Action], parents: dict[str, str | None]) -> list[str]:
    """Posts of threads that X does not show under the post of the step before, and threads whose state lies."""
    found: list[str] = []
    for action in actions:
        before = (None, *action.post_ids)
        for step, post_id in enumerate(action.post_ids):
            if parents.get(post_id) != before[step]:
                found.append(f"{action.key}: step {step} is a reply to {parents.get(post_id)}, not to {before[step]}")
        whole = action.next_step == len(action.steps)
        ended = {State.PARTIAL} if action.post_ids else {State.REFUSED, State.ABANDONED}
        if whole != (action.state is State.SENT) or not (whole or action.is_open or action.state in ended):
            found.append(f"{action.key} is {action.state.value} with {action.next_step} of {len(action.steps)} posts")
        if not action.is_open and action.held is not None:
            found.append(f"{action.key} is {action.state.value} and holds {action.held.micros}")
    return found


def _silent(action: Action) -> bool:
    quiet = {State.REFUSED, State.ABANDONED, State.UNKNOWN, State.PARTIAL}
    return action.state in quiet and not action.reason


def _overspent(bill: int, spent: int, ceiling: int) -> list[str]:
    found = [f"X billed {bill}, the ceiling is {ceiling}"] if bill > ceiling else []
    found += [f"the ledger has {spent} over a ceiling of {ceiling}"] if spent > ceiling else []
    return found + ([f"X billed {bill}, the ledger knows of {spent}"] if bill > spent else [])


def _too_fast(world: World, actions: list[Action]) -> list[str]:
    """X's bill above the burst, or one call dearer than it, and what the time has earned."""
    budget, attempts = world.settings.budget, [attempt for action in actions for attempt in action.attempts]
    if budget.burst_days is None or any(attempt.reads > RECONCILING_READS for attempt in attempts):
        return []
    rate = budget.micros(budget.usd_per_month) / 30
    dearest = max((one.reserved_micros * len(action.steps) for action in actions for one in action.attempts), default=0)
    days = (world.clock.now() - MORNING) / timedelta(days=1)
    room = max(rate * budget.burst_days, dearest) + rate * days
    return [f"X billed {world.bill_micros}, the pace allows {room:.0f}"] if world.bill_micros > room else []
