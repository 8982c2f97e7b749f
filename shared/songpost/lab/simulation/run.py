"""The run of a simulation: days of ticks, people and an owner, in the order of virtual time.

The writer is due every 5 minutes and the reader every 30, as the deployed schedules have it. A due tick is first tried
out on a clock that notices what it was asked (`moments.py`) over a store and a wire that let nothing through. Where it
would neither write nor call X it is over; and the next ones are left out for as long as everything it asked about the
time has the same answer, and nothing of the account was written. Any other tick is run for real. With `every_tick`
none is left out; the result is the same.
"""

from __future__ import annotations

import heapq
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import songpost
from songpost import invoking
from songpost.agent import approvals, control, events, resolving
from songpost.agent.ledger import Account
from songpost.agent.planning import Texts
from songpost.core import content, windows
from songpost.errors import Refusal, SongpostError
from songpost.given import Given
from songpost.lab.in_process import environment
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.faults import Faults
from songpost.lab.sandbox.rules import Rules
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.sandbox.world import Post
from songpost.lab.simulation import judge
from songpost.lab.simulation.audience import Audience, Dice
from songpost.lab.simulation.moments import Watch
from songpost.lab.simulation.record import AccountRun, Run, Trouble
from songpost.lab.simulation.world import (
    MISHAPS,
    Busy,
    Chance,
    CountedWire,
    Died,
    Happened,
    Ids,
    Letterbox,
    NoWire,
    RememberingStore,
    TriedMail,
    TriedStore,
    VirtualSession,
    Warm,
)
from songpost.model import CREATES, Action, Arm, Json, State, Text
from songpost.runtime import Runtime
from songpost.settings import Settings
from songpost.store.opening import open_store
from songpost.store.port import Store
from songpost.x.transport import Transport

START = date(2026, 11, 23)
"""The first local day of every run: a Monday, under the price list of today."""
PERIODS = {"writer": timedelta(minutes=5), "reader": timedelta(minutes=30)}
RANKS = {"day": 0, "say": 1, "owner": 2, "writer": 3, "reader": 4}
"""In which order things happen that are due at the same time."""
LAMBDA_SECONDS = 900.0
LASTING_SECONDS = 20 * 366 * 86_400.0
OWNER_LOOKS_AT = (time(9, 0), time(13, 0), time(19, 0))
WORDS_A_TEXT = 14
KEPT_RECORDS = 256
"""Requests that the sandbox's log keeps here: nobody reads it, and a year's would not be small."""

Progress = Callable[[date], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to simulate. `settings` are every account's; `every_tick` leaves none out."""

    days: int
    settings: Settings
    seed: int = 0
    accounts: int = 1
    faults: str = "none"
    every_tick: bool = False


@dataclass(slots=True, kw_only=True)
class Person:
    """One account, and who reads it. `at` is when its latest tick ended; `due` when each function's next one is."""

    place: int
    name: str
    username: str
    user_id: str
    environ: dict[str, str]
    audience: Audience
    wire: Transport
    warm: Warm
    at: datetime
    due: dict[str, datetime]
    busy: dict[str, bool]
    seen_posts: int = 0
    said: list[str] = field(default_factory=list)
    billed: Counter[str] = field(default_factory=Counter)
    billed_locally: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    stood: dict[tuple[str, str], str] = field(default_factory=dict)


@contextmanager
def store_for_a_run() -> Iterator[Store]:
    """SQLite as it ships, in a folder that lives in memory where there is one and goes when the run is over."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(
        prefix="songpost-simulation-", dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        store = open_store(f"sqlite:///{folder}/songpost.db", read_only=False)
        try:
            yield store
        finally:
            store.close()


def simulate(plan: Plan, store: Store, progress: Progress = lambda _: None) -> Run:
    """Run a plan over an empty store, and judge it. `progress` hears of each day that is over.

    Raises what is no named error of Songpost: a fault of the program, not of its accounts.
    """
    quiet = logging.getLogger("songpost")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # what a live function would log of a fault that was put there on purpose
    try:
        stage = Stage(plan, store)
        stage.play(progress)
        return stage.judged()
    finally:
        quiet.setLevel(level)


class Stage:
    """One run: everybody in it, and the queue of what is due."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self.zone = ZoneInfo(plan.settings.timezone)
        self.start = datetime.combine(START, time(), self.zone).astimezone(UTC)
        self.end = datetime.combine(START + timedelta(days=plan.days), time(), self.zone).astimezone(UTC)
        self.clock = VirtualClock(self.start)
        self.happened = Happened()
        self.chance = Chance(MISHAPS[plan.faults], plan.seed, self.happened)
        self.store = RememberingStore(store, self.chance, self._written)
        self.tried = TriedStore(self.store)
        self.texts = made_up(plan)
        self.topics = {words: text.topic for text in self.texts for words in text.variants}
        self.topics = {words: topic for words, topic in self.topics.items() if topic in plan.settings.topics}
        library = content.library_of(self.texts)
        self.given = Given(
            settings=plan.settings,
            texts=Texts(digest=content.digest(library), load=lambda: library),
            source="the simulation",
        )
        names = ["sim"] if plan.accounts == 1 else [f"sim-{number:03d}" for number in range(1, plan.accounts + 1)]
        self.sandbox = Sandbox(
            accounts=[name.replace("-", "_") for name in names],
            clock=self.clock,
            seed=plan.seed,
            rules=Rules(
                plan=plan.settings.plan.value,
                credits_micros=None,
                cycle_day=plan.settings.budget.billing_day,
                access_token_seconds=LASTING_SECONDS,
            ),
        )
        self.sandbox.records = type(self.sandbox.records)(maxlen=KEPT_RECORDS)
        self.people = {name: self._person(place, name) for place, name in enumerate(names)}
        self.sandbox.faults = Faults(plan.faults, plan.seed)
        self.ids = Ids()
        self.queue: list[tuple[datetime, int, int, int, str, object]] = []
        self.number = self.ticks = self.played = self.failed = self.sayings = 0
        self.resumed = self.resolved = self.approved = 0
        self.now: tuple[datetime, int] = (self.start, -1)

    def _person(self, place: int, name: str) -> Person:
        username = name.replace("-", "_")
        told = self.sandbox.credentials(username)
        users = self.sandbox.service.world.users
        about = f"Automated. Run by {self.plan.settings.operator}"
        users[told.user_id] = replace(users[told.user_id], description=about)
        audience = Audience(self.plan.seed, name, self.zone, arms_of(self.plan.settings, self.texts))
        wire = CountedWire(
            self.sandbox,
            self.clock.now,
            self.chance,
            lambda: self._react(name),
            lambda micros: self._billed(name, micros),
        )
        return Person(
            place=place,
            name=name,
            username=username,
            user_id=told.user_id,
            environ={
                **environment(self.sandbox),
                "X_ACCESS_TOKEN": told.access_token,
                "X_ACCESS_SECRET": told.access_secret,
            },
            audience=audience,
            wire=wire,
            warm=Warm(seed=f"{self.plan.seed}/{name}", token=told.oauth2_access_token),
            at=self.start,
            due=dict.fromkeys(PERIODS, self.start),
            busy=dict.fromkeys(PERIODS, False),
        )

    # ---------------------------------------------------------------------------------------------- the queue

    def play(self, progress: Progress) -> None:
        """Let everything happen that is due before the end."""
        for name in self.people:
            self._later(self.start, "day", name, START)
            for function in PERIODS:
                self._later(self.start, function, name)
        people = list(self.people.values())
        while self.queue and self.queue[0][0] < self.end:
            at, rank, place, _, kind, what = heapq.heappop(self.queue)
            person = people[place]
            if kind in PERIODS and person.due[kind] != at:
                continue  # it was woken, or put off
            self.now = (at, rank)
            self.clock.set(max(at, person.at))
            if kind in PERIODS:
                self._tick(person, kind)
            elif kind == "owner":
                self._owner(person)
            elif kind == "say":
                self._say(person, *what)  # type: ignore[misc]  # what a saying was queued with
            elif isinstance(what, date):
                self._day(person, what)
                if person is people[-1]:
                    progress(what)
            person.at = self.clock.now()
        self.clock.set(self.end)

    def _later(self, at: datetime, kind: str, name: str, what: object = None) -> None:
        self.number += 1
        # Of what is due at the same time the accounts come in their order, whoever was put into the queue first.
        heapq.heappush(self.queue, (at, RANKS[kind], self.people[name].place, self.number, kind, what))

    def _day(self, person: Person, day: date) -> None:
        """A local day begins: tastes, people, the owner's look."""
        person.audience.begin(day)
        users = self.sandbox.service.world.users
        users[person.user_id] = replace(users[person.user_id], followers_count=person.audience.grow(day))
        for saying in person.audience.sayings(day, person.username):
            self._later(saying.at, "say", person.name, (saying.username, saying.kind, saying.text))
        for look in OWNER_LOOKS_AT:
            self._later(datetime.combine(day, look, self.zone).astimezone(UTC), "owner", person.name)
        following = day + timedelta(days=1)
        self._later(datetime.combine(following, time(), self.zone).astimezone(UTC), "day", person.name, following)

    def _say(self, person: Person, username: str, kind: str, text: str) -> None:
        """Somebody speaks to the account; a reply goes to its newest post."""
        own = self.sandbox.service.world.timeline(person.user_id)
        target = str(own[-1]) if own and kind == "reply" else None
        self.sandbox.actors.post(username, text, reply_to=target)
        self.sayings += 1

    # ---------------------------------------------------------------------------------------------- ticks

    def _session(self, person: Person, store: Store, wire: Transport, clock: Callable[[], datetime]) -> VirtualSession:
        session = VirtualSession(
            runtime=Runtime(account=person.name, dry_run=False, auth_mode="tweepy"),
            environ=person.environ,
            store=store,
            clock=clock,
            file=Path("the simulation"),
            transport=wire,
            sleep=self._sleep,
            new_id=self.ids,
            warm=person.warm,
        )
        session.given = self.given
        session.mail = TriedMail() if store is self.tried else Letterbox(self.happened)
        return session

    def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _invoked(self, session: VirtualSession, function: str) -> dict[str, Json]:
        invocation = events.Invocation(mode="both" if function == "writer" else "all", account=session.account)
        if function == "writer":
            return invoking.run_writer(session, invocation, lambda: LAMBDA_SECONDS)[0]
        return invoking.run_reader(session, invocation, lambda: LAMBDA_SECONDS)[0]

    def _tick(self, person: Person, function: str) -> None:
        """One due tick: tried out, and run for real where it has something to do."""
        at, period = self.now[0], PERIODS[function]
        person.due[function] = at + period
        self.ticks += 1
        until = None if person.busy[function] else self._idle_until(person, function)
        if until is None or self.plan.every_tick:
            self.played += 1
            done = self.happened.calls, self.happened.commits
            self._live(person, function)
            # Whoever was busy is taken to be so again: trying it out would only cost time.
            person.busy[function] = function == "reader" and done != (self.happened.calls, self.happened.commits)
        elif until > at + period:
            idle = min(until, self.end) - at
            left_out = -(-idle // period) - 1
            self.ticks += left_out
            person.due[function] = at + (left_out + 1) * period
        self._later(person.due[function], function, person.name)

    def _idle_until(self, person: Person, function: str) -> datetime | None:
        """Until when ticks do nothing; `None` where this one does something, or may."""
        watch = Watch(self.clock.now())
        session = self._session(person, self.tried, NoWire(), watch.told)
        session.deciding = watch.moment
        before = self.clock.now(), self.ids.mark()
        try:
            told = self._invoked(session, function)
        except (Exception, Busy):  # noqa: BLE001 - whatever it would be, the real tick shall meet it
            return None
        finally:
            self.clock.set(before[0])
            self.ids.back_to(before[1])
        self._note(person, told)
        return watch.until

    def _live(self, person: Person, function: str) -> None:
        session = self._session(person, self.store, person.wire, self.clock.now)
        try:
            told = self._invoked(session, function)
        except SongpostError:
            self.failed += 1
            return
        except Died:
            return
        self._note(person, told)

    @staticmethod
    def _note(person: Person, told: dict[str, Json]) -> None:
        """Remember which gate an action stood at, and why."""
        actions = told.get("actions")
        for action in actions if isinstance(actions, list) else ():
            if isinstance(action, dict) and action.get("gate"):
                person.stood[str(action["key"]), str(action["gate"])] = str(action["reason"])

    def _written(self, name: str) -> None:
        """Something of an account was written: its functions look again when they are next due."""
        person = self.people[name]
        at, rank = self.now
        for function, period in PERIODS.items():
            passed = (at - self.start) // period
            soonest = self.start + passed * period
            if (soonest, RANKS[function]) <= (at, rank):
                soonest += period
            if person.due[function] > soonest:
                skipped = (person.due[function] - soonest) // period
                self.ticks -= skipped
                person.due[function] = soonest
                self._later(soonest, function, name)

    # ---------------------------------------------------------------------------------------------- the owner

    def _owner(self, person: Person) -> None:
        """The owner looks: resumes what has paused itself, approves, and settles by X what nobody else can."""
        session = self._session(person, self.store, person.wire, self.clock.now)
        try:
            account = session.open()
            if account.snapshot.control.paused:
                control.resume(session.desk, "the owner")
                self.resumed += 1
                account = Account(*session.desk.reload())
            for action in self._stuck(account):
                resolving.resolve(session.desk, account, action.key, post_id=self._on_x(person, action), by="the owner")
                self.resolved += 1
                account = Account(*session.desk.reload())
            for action in approvals.waiting(account):
                with suppress(Refusal):  # such as for a reply that has no words
                    approvals.approve(session.desk, account, action.key, by="the owner")
                    self.approved += 1
                    account = Account(*session.desk.reload())
        except (SongpostError, Died):
            return  # there is another look

    def _stuck(self, account: Account) -> list[Action]:
        now = self.clock.now()
        return [
            action
            for action in account.snapshot.actions.values()
            if action.state is State.UNKNOWN and now - action.attempts[-1].started_at > timedelta(hours=6)
        ]

    def _on_x(self, person: Person, action: Action) -> str:
        """The id of the post that an attempt made, as the owner sees it on X; empty where there is none."""
        if action.kind not in CREATES:
            return ""
        since = action.attempts[0].started_at
        made = [post for post in self._own(person) if post.text == action.text and post.created_at >= since]
        return made[-1].id if made else ""

    def _own(self, person: Person, since: int = 0) -> list[Post]:
        world = self.sandbox.service.world
        return [world.posts[str(number)] for number in world.timeline(person.user_id)[since:]]

    # ---------------------------------------------------------------------------------------------- the audience

    def _react(self, name: str) -> None:
        """What the audience made of the posts so far becomes visible."""
        for post_id, counts in self.people[name].audience.due(self.clock.now()).items():
            self.sandbox.actors.set_metrics(post_id, counts)

    def _billed(self, name: str, micros: int) -> None:
        """After each call: its charge, and whatever new post the audience gets to see."""
        person, now = self.people[name], self.clock.now()
        local = now.astimezone(self.zone).date().isoformat()
        person.billed[now.date().isoformat()] += micros
        person.billed_locally[local] += micros
        person.calls[local] += 1
        world = self.sandbox.service.world
        for post in self._own(person, person.seen_posts):
            arm = self.arm_of(post)
            if arm is not None:
                person.audience.receive(post.id, f"{post.created_at.isoformat()}/{post.text}", arm, post.created_at)
        person.seen_posts = len(world.timeline(person.user_id))

    def arm_of(self, post: Post) -> Arm | None:
        """What a post is to the audience: its topic, the window that it falls into, and whether it shows anything."""
        topic = self.topics.get(post.text)
        window = self.window_at(post.created_at)
        return None if topic is None or window is None else Arm(topic, window, media=bool(post.media_ids))

    def window_at(self, at: datetime) -> str | None:
        """The window that is open at a time."""
        settings, day = self.plan.settings, at.astimezone(self.zone).date()
        for one in (day, day - timedelta(days=1)):
            spans, weekdays = settings.schedule.windows, settings.cadence.weekdays
            for found in windows.occurrences(spans, settings.timezone, weekdays, one):
                if found.opens_at <= at < found.closes_at:
                    return found.name
        return None

    # ---------------------------------------------------------------------------------------------- the end

    def judged(self) -> Run:
        """What it came to."""
        trouble = Trouble(
            struck=len(self.sandbox.faults.struck),
            store=self.happened.store,
            deaths=self.happened.deaths,
            failed=self.failed,
            resumed=self.resumed,
            resolved=self.resolved,
            approved=self.approved,
            mails=self.happened.mails,
        )
        return Run(
            version=songpost.__version__,
            seed=self.plan.seed,
            faults=self.plan.faults,
            started_at=self.start,
            ended_at=self.end,
            calls=self.happened.calls,
            ticks=self.ticks,
            played=self.played,
            people=self.sayings,
            trouble=trouble,
            accounts=tuple(self._account(person) for person in self.people.values()),
        )

    def _account(self, person: Person) -> AccountRun:
        session = self._session(person, self.store, person.wire, self.clock.now)
        return judge.account_run(
            judge.Evidence(
                account=person.name,
                username=person.username,
                store=self.store,
                snapshot=session.open().snapshot,
                posts=tuple(post for post in self._own(person) if post.request is not None),
                billed=person.billed,
                billed_locally=person.billed_locally,
                calls=person.calls,
                expected=person.audience.expected,
                stood=person.stood,
                now=self.end,
            )
        )


def made_up(plan: Plan) -> tuple[Text, ...]:
    """Texts for every topic, enough for the duplicate guard: the run shall test the agent, not the shelf."""
    settings = plan.settings
    dice = Dice(plan.seed, "texts")
    syllables = [
        first + vowel + last for first in "bdfgklmnprstvw" for vowel in "aeiou" for last in ("", "l", "n", "r")
    ]
    enough = 2 * settings.posts_per_day * (settings.similarity.window_days + 3) // 3 + 2 * settings.posts_per_day + 8
    texts = []
    for topic in (*settings.topics, content.REPLIES):
        for number in range(enough):
            words = ["".join(dice.pick(syllables) for _ in range(2 + number % 2)) for _ in range(WORDS_A_TEXT)]
            texts.append(Text(id=f"{topic}-{number}", topic=topic, variants=(" ".join(words).capitalize() + ".",)))
    return tuple(texts)


def arms_of(settings: Settings, texts: tuple[Text, ...]) -> tuple[Arm, ...]:
    """The arms that these texts offer."""
    stocks = sorted({(text.topic, bool(text.media)) for text in texts if text.topic in settings.topics})
    return tuple(Arm(topic, window, media) for topic, media in stocks for window in settings.schedule.windows)
