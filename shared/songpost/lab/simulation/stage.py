"""The run of a simulation: days of ticks, people and an owner, in the order of virtual time.

The writer is due every 5 minutes and the reader every 30, as the deployed schedules have it. A due tick is first tried
out (`trying.py`) on a clock and a snapshot that notice what they are asked, over a store and a wire that let nothing
through. Where it would neither write nor call X it is over; and the next ones are left out for as long as everything
that it asked has the same answer. Any other tick is run for real. With `every_tick` none is left out, and nothing is
remembered between two of them; the result is the same.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import songpost
from songpost.core.content import REPLIES
from songpost.core.snapshot import Snapshot
from songpost.errors import SongpostError
from songpost.lab.in_process import environment
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.faults import Faults
from songpost.lab.sandbox.rules import Rules
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.sandbox.world import Post
from songpost.lab.simulation import judge
from songpost.lab.simulation.audience import Audience
from songpost.lab.simulation.moments import Watch
from songpost.lab.simulation.owner import OWNER_LOOKS_AT, Owner
from songpost.lab.simulation.people import Person, window_at
from songpost.lab.simulation.record import AccountRun, Plan, Progress, Run, Trouble
from songpost.lab.simulation.sessions import VirtualSession, Warm
from songpost.lab.simulation.texts import arms_of, given_by, made_up
from songpost.lab.simulation.trying import Busy, NoWire, Proof, TriedMail, TriedStore, written_by
from songpost.lab.simulation.world import (
    MISHAPS,
    Chance,
    CountedWire,
    Died,
    Happened,
    Ids,
    Letterbox,
    RememberingStore,
)
from songpost.model import Action, Arm
from songpost.nouns import replace
from songpost.runtime import Runtime
from songpost.store.port import Change, Loaded, Store
from songpost.x.credentials import from_env

START = date(2026, 11, 23)
"""The first local day of every run: a Monday, under the price list of today."""
PERIODS = {"writer": timedelta(minutes=5), "reader": timedelta(minutes=30)}
RANKS = {"day": 0, "say": 1, "owner": 2, "writer": 3, "reader": 4}
"""In which order things happen that are due at the same time."""
LASTING_SECONDS = 20 * 366 * 86_400.0
KEPT_RECORDS = 256
"""Requests that the sandbox's log keeps here: nobody reads it, and a year's would not be small."""


class Stage:
    """One run: everybody in it, and the queue of what is due."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self.zone = ZoneInfo(plan.settings.timezone)
        self.start = datetime.combine(START, time(), self.zone).astimezone(UTC)
        self.end = datetime.combine(START + timedelta(days=plan.days), time(), self.zone).astimezone(UTC)
        self.clock = VirtualClock(self.start)
        self.happened = Happened()
        dice = plan.seed + plan.before
        self.chance = Chance(MISHAPS[plan.faults], dice, self.happened)
        self.store = RememberingStore(store, self.chance, self._written, honest=plan.every_tick)
        numbers = range(plan.before, plan.before + plan.accounts)
        names = ["sim"] if numbers == range(1) else [f"sim-{number + 1:03d}" for number in numbers]
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
        self._file = Path("the simulation")
        self.people = {name: self._person(place, name) for place, name in enumerate(names)}
        self.sandbox.faults = Faults(plan.faults, dice)
        self.ids = Ids()
        self.races = random.Random(f"{plan.seed}/races")
        self.queue: list[tuple[datetime, int, int, int, str, object]] = []
        self.number = self.ticks = self.played = self.failed = self.sayings = 0
        self.owner = Owner()
        self.now: tuple[datetime, int] = (self.start, -1)

    def _person(self, place: int, name: str) -> Person:
        username = name.replace("-", "_")
        told = self.sandbox.credentials(username)
        users = self.sandbox.service.world.users
        about = f"Automated. Run by {self.plan.settings.operator}"
        users[told.user_id] = replace(users[told.user_id], description=about)
        texts = made_up(self.plan.settings, self.plan.seed, self.plan.before + place)
        audience = Audience(self.plan.seed, name, self.zone, arms_of(self.plan.settings, texts))
        wire = CountedWire(
            self.sandbox,
            self.clock.now,
            self.chance,
            lambda: self._react(name),
            lambda micros: self._billed(name, micros),
        )
        environ = environment(self.sandbox, username)
        runtime = Runtime(account=name, dry_run=False, auth_mode="tweepy")
        return Person(
            place=place,
            name=name,
            username=username,
            user_id=told.user_id,
            given=given_by(self.plan.settings, texts),
            topics={words: text.topic for text in texts if text.topic != REPLIES for words in text.variants},
            runtime=runtime,
            environ=environ,
            credentials=from_env(environ, runtime.auth_mode),
            audience=audience,
            wire=wire,
            warm=Warm(seed=f"{self.plan.seed}/{name}", token=told.oauth2_access_token, honest=self.plan.every_tick),
            at=self.start,
            due=dict.fromkeys(PERIODS, self.start),
            proofs=dict.fromkeys(PERIODS),
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
            self._happen(person, kind, what)
            if kind == "day" and person is people[-1] and isinstance(what, date):
                progress(what)
            person.at = self.clock.now()
            if person.written:
                self._wake(person)
        self.clock.set(self.end)

    def _happen(self, person: Person, kind: str, what: object) -> None:
        if kind in PERIODS:
            self._tick(person, kind)
        elif kind == "owner":
            self.owner.look(self._session(person), partial(self._on_x, person))
        elif kind == "say":
            self._say(person, *what)  # type: ignore[misc]  # what a saying was queued with
        elif isinstance(what, date):
            self._day(person, what)

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

    def _session(self, person: Person, tried: Watch | None = None) -> VirtualSession:
        """A session of one tick, or of a look of the owner; one that is `tried` has no effect."""
        session = VirtualSession(
            runtime=person.runtime,
            environ=person.environ,
            store=self.store if tried is None else TriedStore(self.store, person.name),
            clock=self.clock.now if tried is None else tried.told,
            file=self._file,
            transport=person.wire if tried is None else NoWire(),
            sleep=self._sleep,
            new_id=self.ids,
            chance=self.races.random,
            warm=person.warm,
            tried=tried,
        )
        session.given, session.credentials = person.given, person.credentials
        session.mail = Letterbox(self.happened) if tried is None else TriedMail()
        return session

    def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _tick(self, person: Person, function: str) -> None:
        """One due tick: tried out, and run for real where it has something to do."""
        at, period = self.now[0], PERIODS[function]
        person.due[function] = at + period
        self.ticks += 1
        busy = self.plan.every_tick or person.busy[function] or (function == "writer" and self._has_to_write(person))
        proof = None if busy else self._proof(person, function)
        if proof is None:
            self.played += 1
            done = self.happened.calls, self.happened.commits
            self._live(person, function)
            # A reader that was busy is taken to be so again: trying it out would only cost time.
            person.busy[function] = function == "reader" and done != (self.happened.calls, self.happened.commits)
        elif proof.until > at + period:
            idle = min(proof.until, self.end) - at
            left_out = -(-idle // period) - 1
            self.ticks += left_out
            person.due[function] = at + (left_out + 1) * period
        person.proofs[function] = proof
        self._later(person.due[function], function, person.name)

    def _has_to_write(self, person: Person) -> bool:
        """Whether the writer is taken to have something to do. A tick that did nothing is tried out the next time."""
        proof = person.proofs["writer"]
        if proof is None:
            return False
        snapshot = self._snapshot(person, self.store.load(person.name))
        return proof.is_over(self.store, snapshot, person.given.texts, self.now[0])

    def _proof(self, person: Person, function: str) -> Proof | None:
        """Why ticks do nothing from now on; `None` where this one does something, or may."""
        watch, before = Watch(self.clock.now()), (self.clock.now(), self.ids.mark())
        session = self._session(person, watch)
        try:
            self._played(person, function, session)
        except (Exception, Busy):  # noqa: BLE001 - whatever it would be, the real tick shall meet it
            return None
        finally:
            self.clock.set(before[0])
            self.ids.back_to(before[1])
        return session.proof()

    def _live(self, person: Person, function: str) -> None:
        try:
            left = self._played(person, function, self._session(person))
        except SongpostError:
            self.failed += 1
        except Died:
            return
        else:
            if left is not None:
                person.warm.left(left)

    def _played(self, person: Person, function: str, session: VirtualSession) -> Snapshot | None:
        """A tick of a function; what it left the account like, where it tells."""
        if function == "writer":
            tick = session.write(told=self.plan.every_tick)
            if tick is None:
                return None
            person.note_writer(tick)
            return tick.account.snapshot
        found, read = session.read(told=self.plan.every_tick)
        person.note_reader(found, read, self.clock.now())
        return None if read is None else read.account.snapshot

    def _written(self, name: str, changes: Sequence[Change]) -> None:
        """Something of an account was written: after this event it is asked whom that concerns."""
        self.people[name].written |= {"", *written_by(changes)}

    def _wake(self, person: Person) -> None:
        """Let the functions look again whose ticks were left out for a reason that holds no more."""
        written, person.written = person.written, set()
        at, rank = self.now
        for function, period in PERIODS.items():
            passed = (at - self.start) // period
            soonest = self.start + passed * period
            if (soonest, RANKS[function]) <= (at, rank):
                soonest += period
            if person.due[function] <= soonest:
                continue
            proof, loaded = person.proofs[function], self.store.load(person.name)
            if proof is None or not proof.holds(self._snapshot(person, loaded), loaded, written):
                self.ticks -= (person.due[function] - soonest) // period
                person.due[function] = soonest
                self._later(soonest, function, person.name)

    def _snapshot(self, person: Person, loaded: Loaded) -> Snapshot:
        return person.warm.snapshot_of(person.name, loaded, self.plan.settings)

    def _on_x(self, person: Person, action: Action) -> str:
        """The id of the post that an attempt made, as the owner sees it on X; empty where there is none."""
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
        own = len(self.sandbox.service.world.timeline(person.user_id))
        if own == person.seen_posts:
            return
        for post in self._own(person, person.seen_posts):
            arm = self.arm_of(person, post)
            if arm is not None:
                person.audience.receive(post.id, f"{post.created_at.isoformat()}/{post.text}", arm, post.created_at)
        person.seen_posts = own

    def arm_of(self, person: Person, post: Post) -> Arm | None:
        """What a post is to the audience: its topic, the window that it falls into, and whether it shows anything."""
        topic = person.topics.get(post.text)
        window = window_at(self.plan.settings, post.created_at)
        return None if topic is None or window is None else Arm(topic, window, media=bool(post.media_ids))

    # ---------------------------------------------------------------------------------------------- the end

    def judged(self) -> Run:
        """What it came to."""
        trouble = Trouble(
            struck=len(self.sandbox.faults.struck),
            store=self.happened.store,
            deaths=self.happened.deaths,
            failed=self.failed,
            resumed=self.owner.resumed,
            resolved=self.owner.resolved,
            approved=self.owner.approved,
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
        session = self._session(person)
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
