"""The plan of one local day: which posts, when, in which window, with which text. Pure.

Everything follows from the account's documents and the seed of the day, `sha256(account/date)`, where the date
is the local one on which a window starts. So a dry run foretells what a live run will do, and two ticks that
plan the same day from the same documents make the same plan. The learner chooses topic, window and
whether with media (`core/bandit.py`); here its choices get minutes and texts.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from songpost.account_documents import DayPlan, Fingerprints, Slot
from songpost.core import bandit, content, depletion, learning_state, policy, similarity, windows
from songpost.core.bandit import Decision, Imagined
from songpost.core.content import Choice, Library
from songpost.core.depletion import Depletion
from songpost.core.learning_state import Statistics
from songpost.core.similarity import Remembered
from songpost.core.snapshot import Snapshot
from songpost.core.windows import Occurrence
from songpost.model import CREATES, ORIGINALS, Arm, Text
from songpost.nouns import dataclass, replace
from songpost.settings import Settings

LANDMARK = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the learner's forward decay starts for an account that has no statistics yet."""
_PARTS = 2**53
"""`random()` is a whole number of parts of this size: from there on the arithmetic is exact, on every machine."""
_MINUTE = timedelta(minutes=1)
LAST_MINUTES = 6
"""The writer ticks every five minutes, and a schedule may start it a minute late."""
NO_TEXT = "it has no text that is not too much like one posted before"
Stock = tuple[str, bool]
"""A topic's texts with media, or those without: what an arm draws on in any window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A day's plan, and what its choices followed from: the decisions, the statistics that they name by hash, and all
    `arms` (keys, in order) that the day's draws were made for.
    """

    plan: DayPlan
    decisions: tuple[Decision, ...]
    statistics: Statistics
    arms: tuple[str, ...] = ()


def seed_of(account: str, day: str) -> str:
    """The seed of a day, 32 hex digits."""
    return hashlib.sha256(f"{account}/{day}".encode()).hexdigest()[:32]


def _random(seed: str, purpose: str) -> random.Random:
    """A generator of its own for each purpose: a change in one draw moves no other."""
    return random.Random(int(hashlib.sha256(f"{seed}/{purpose}".encode()).hexdigest(), 16))


def statistics_of(snapshot: Snapshot, at: datetime) -> Statistics:
    """What the learner remembers at `at` (UTC); nothing yet for a new account."""
    known = snapshot.learning or learning_state.fresh(LANDMARK, snapshot.settings.learning.half_life_days)
    return learning_state.believable(known, at)


def _midnight(day: str) -> datetime:
    """The moment for which a day's choices believe what they believe: its midnight, UTC."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


def basis(settings: Settings, library_digest: str) -> str:
    """Twelve hex digits of what the owner has decided that bears on a plan: its settings and the texts."""
    decided = repr(
        (
            settings.timezone,
            settings.topics,
            sorted(settings.schedule.windows.items()),
            settings.cadence,
            settings.max_per_window.post,
            settings.max_per_day,
            settings.minimum_gap_minutes,
            settings.feature_flags.allow_media,
            settings.learning,
            settings.similarity,
            library_digest,
        )
    )
    return hashlib.sha256(decided.encode()).hexdigest()[:12]


def build(snapshot: Snapshot, library: Library, day: date, library_digest: str) -> Planned:
    """Plan a local day: windows, arms, minutes and texts, with the reasons for whatever could not be filled.

    Slots that the saved plan has already handed out, and those that the owner changed, stay as they are.
    """
    settings, name = snapshot.settings, day.isoformat()
    seed = seed_of(snapshot.account, name)
    spans, weekdays = settings.schedule.windows, settings.cadence.weekdays
    occurrences = windows.occurrences(spans, settings.timezone, weekdays, day)
    saved = snapshot.plans.get(name)
    kept = tuple(slot for slot in saved.slots if slot.taken or slot.note) if saved is not None else ()
    rooms = {found.name: room_in(settings, found) - _held(kept, found.name) for found in occurrences}
    opens_at = occurrences[0].opens_at if occurrences else LANDMARK
    others = tuple(slot for plan in snapshot.plans.values() if plan.date != name for slot in plan.slots)
    shelf = Shelf(settings, library, _promised(snapshot, (*kept, *others), opens_at), opens_at)
    filled = _choose(snapshot, shelf, rooms, max(0, settings.posts_per_day - len(kept)), seed, name)
    busy = [slot.due_at for slot in (*kept, *others) if not slot.skipped]
    busy += [mark.posted_at for mark in snapshot.timeline.latest if mark.kind in ORIGINALS]
    keys = frozenset(slot.key for slot in kept)
    slots, left_out = _with_minutes(settings, occurrences, filled.chosen, busy, keys, seed, name)
    return Planned(
        plan=DayPlan(
            date=name,
            zone=settings.timezone,
            seed=seed,
            slots=tuple(sorted((*kept, *slots), key=lambda slot: (slot.due_at, slot.key))),
            left_out=(*filled.left_out, *left_out),
            running_dry=tuple(map(str, shelf.running_dry(day))) if occurrences else (),
            basis=basis(settings, library_digest),
        ),
        decisions=filled.decisions,
        statistics=statistics_of(snapshot, _midnight(name)),
        arms=filled.arms,
    )


def room_in(settings: Settings, occurrence: Occurrence) -> int:
    """How many posts a window can hold at the minimum distance, at most as many as the settings want in it."""
    gap = max(settings.minimum_gap_minutes, 1)
    return min(settings.max_per_window.post, 1 + (occurrence.seconds // 60 - 1) // gap)


def _promised(snapshot: Snapshot, slots: Iterable[Slot], at: datetime) -> Fingerprints:
    """The fingerprints with those of texts that still wait at `at` to go out, so that no slot takes one of them."""
    waiting = [
        (slot.steps, f"{slot.content_id}/{slot.variant}")
        for slot in slots
        if not (slot.taken or slot.skipped) and slot.closes_at > at
    ]
    waiting += [
        (action.steps, f"{action.content_id}/{action.variant}")
        for action in snapshot.actions.values()
        if action.kind in CREATES and action.closes_at > at
    ]
    known = snapshot.fingerprints
    entries = (*known.entries, *(similarity.entry(step.text, at) for steps, _ in waiting for step in steps))
    return replace(known, entries=entries, used={**known.used, **{name: at.date().isoformat() for _, name in waiting}})


def _held(kept: Sequence[Slot], window: str) -> int:
    return sum(slot.window == window for slot in kept)


# ------------------------------------------------------------------------------------------------- what is said


class Shelf:
    """The next text of each stock, kept up as the day's slots take texts away. Lives for one `build`.

    A topic has a stock of texts without media, and one with media where its files have such texts.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        fingerprints: Fingerprints,
        at: datetime,
    ) -> None:
        self._settings = settings
        # What was said before the plan is asked about for each text of it: arranged once. The plan's own is little.
        self._earlier = Remembered(fingerprints.entries, settings.similarity.threshold)
        self._fingerprints = replace(fingerprints, entries=())
        self._at = at
        self._texts: Mapping[Stock, tuple[Text, ...]] = stocks(settings, library)
        forbidden = policy.media_refusal(settings)
        self.reasons = {
            (topic, media): (forbidden if media else None) or (NO_TEXT if texts else "it has no texts")
            for (topic, media), texts in self._texts.items()
        }
        self._forbidden = frozenset(stock for stock in self._texts if stock[1] and forbidden)
        self.next: dict[Stock, Choice | None] = {
            stock: None if stock in self._forbidden else self._chosen(stock) for stock in self._texts
        }

    def _chosen(self, stock: Stock) -> Choice | None:
        rule = self._settings.similarity
        return content.choose(self._texts[stock], self._fingerprints, rule, self._at, self._earlier)

    def take(self, stock: Stock) -> Choice:
        """The stock's next text, for a slot; other stocks whose next text is too much like it move on too."""
        taken = self.next[stock]
        if taken is None:
            raise AssertionError(f"{stock} has no text and was no candidate")
        self._fingerprints = content.taken(self._fingerprints, taken, self._at)
        newest = self._fingerprints.entries[-len(taken.posts) :]
        threshold = self._settings.similarity.threshold
        for other, choice in self.next.items():
            if choice is None:
                continue
            if other == stock or any(similarity.too_alike(words, newest, threshold) for words in choice.posts):
                self.next[other] = self._chosen(other)
        return taken

    def running_dry(self, day: date) -> tuple[Depletion, ...]:
        """The topics whose texts do not last for another week once the day's are taken."""
        topics: dict[str, list[Text]] = {}
        for stock, texts in self._texts.items():
            usable = stock not in self._forbidden
            topics.setdefault(stock[0], []).extend(texts if usable else ())
        return depletion.running_dry(self._settings, topics, self._fingerprints, self._at, day, self._earlier)


def stocks(settings: Settings, library: Library) -> dict[Stock, tuple[Text, ...]]:
    """The texts of each topic of the settings, those with media apart. A topic without any has an empty stock.

    A thread belongs where its first post does; where media are off, those with media further on are left out.
    """
    found: dict[Stock, tuple[Text, ...]] = {}
    off = policy.media_refusal(settings) is not None
    for topic in settings.topics:
        texts = library.get(topic, ())
        plain = tuple([text for text in texts if not (text.media or (off and _pictured_later(text)))])
        pictured = tuple([text for text in texts if text.media])
        if plain or not pictured:
            found[topic, False] = plain
        if pictured:
            found[topic, True] = pictured
    return found


def _pictured_later(text: Text) -> bool:
    """Whether any thread of a text has media after its first post."""
    return any(step.media for thread in text.threads for step in thread)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filled:
    chosen: Mapping[str, tuple[tuple[Arm, Choice], ...]]
    decisions: tuple[Decision, ...]
    left_out: tuple[str, ...]
    arms: tuple[str, ...]


def _choose(snapshot: Snapshot, shelf: Shelf, rooms: Mapping[str, int], posts: int, seed: str, day: str) -> _Filled:
    """Let the learner fill the rooms: window by window, or among all windows where posts are fewer than rooms."""
    learning = snapshot.settings.learning
    free = {window: room for window, room in rooms.items() if room > 0}
    scarce = posts < sum(free.values())
    arms = {window: [(stock, Arm(stock[0], window, stock[1])) for stock in shelf.next] for window in free}
    everything = [arm for stocked in arms.values() for _, arm in stocked]
    at = _midnight(day)
    imagined = bandit.imagine(statistics_of(snapshot, at), everything, seed, at, enabled=learning.enabled)
    chosen: dict[str, tuple[tuple[Arm, Choice], ...]] = {}
    decisions: list[Decision] = []
    while free and len(decisions) < posts:
        among = [stocked for window in (free if scarce else list(free)[:1]) for stocked in arms[window]]
        decision = _decide(imagined, shelf, among, f"{day}/{len(decisions) + 1}", learning.exploration_floor)
        if decision is None:
            break
        decisions.append(decision)
        arm = decision.arm
        chosen[arm.window] = (*chosen.get(arm.window, ()), (arm, shelf.take((arm.topic, arm.media))))
        free[arm.window] -= 1
        free = {window: room for window, room in free.items() if room > 0}
    short = min(posts, sum(room for room in rooms.values() if room > 0)) - len(decisions)
    left_out = tuple(
        f"{topic}{' with media' if media else ''}: {shelf.reasons[topic, media]}"
        for (topic, media), choice in shelf.next.items()
        if choice is None
    )
    if short > 0:
        left_out = (f"{short} of the day's posts: no topic has a text for them", *left_out)
    return _Filled(chosen=chosen, decisions=tuple(decisions), left_out=left_out, arms=tuple(imagined.positions))


def _decide(
    imagined: Imagined, shelf: Shelf, among: Sequence[tuple[Stock, Arm]], name: str, floor: float
) -> Decision | None:
    """Choose among the arms whose stock has a text, the others left out with the reason; `None` where none has."""
    candidates = [arm for stock, arm in among if shelf.next[stock] is not None]
    if not candidates:
        return None
    left_out = [(arm, shelf.reasons[stock]) for stock, arm in among if shelf.next[stock] is None]
    return bandit.decide(imagined, candidates, name, floor=floor, left_out=left_out)


# ------------------------------------------------------------------------------------------------- when it is said


def _with_minutes(
    settings: Settings,
    occurrences: Sequence[Occurrence],
    chosen: Mapping[str, tuple[tuple[Arm, Choice], ...]],
    busy: Sequence[datetime],
    keys: frozenset[str],
    seed: str,
    day: str,
) -> tuple[tuple[Slot, ...], tuple[str, ...]]:
    """Draw the minutes of the chosen posts, and say which found no room.

    Within a window every way to place its posts `minimum_gap_minutes` from each other, from the times in `busy`
    and from the windows before is as likely as any other; its last minutes are used only where they are needed, for
    there the writer's next tick may find it closed. `keys` are in use, and not given again.
    """
    gap = max(settings.minimum_gap_minutes, 1)
    slots: list[Slot] = []
    left_out: list[str] = []
    for found in occurrences:
        posts = chosen.get(found.name, ())
        free = _free_minutes(found, [*busy, *(slot.due_at for slot in slots)], settings.minimum_gap_minutes)
        last = found.seconds // 60 - LAST_MINUTES
        uniform = _random(seed, f"minutes/{found.name}").random()
        minutes = _drawn([minute for minute in free if minute < last], len(posts), gap, uniform)
        if len(minutes) < len(posts):
            minutes = _drawn(free, len(posts), gap, uniform)
        names = (f"post/{day}/{found.name}/{number}" for number in itertools.count(1))
        fresh = (name for name in names if name not in keys)
        slots += [
            Slot(
                key=key,
                window=found.name,
                opens_at=found.opens_at,
                closes_at=found.closes_at,
                due_at=found.opens_at + timedelta(minutes=minute),
                arm=arm,
                content_id=choice.text.id,
                variant=choice.variant,
                text=choice.words,
                media=choice.text.media,
                thread=choice.text.thread_of(choice.variant),
                poll=choice.text.poll,
                quote_id=choice.text.quote_id,
                made_with_ai=choice.text.made_with_ai,
            )
            for minute, (arm, choice), key in zip(minutes, posts, fresh, strict=False)
        ]
        left_out += [
            f"{found.name}: no room for '{arm.topic}' at {settings.minimum_gap_minutes} minutes from the other posts"
            for arm, _ in posts[len(minutes) :]
        ]
    return tuple(slots), tuple(left_out)


def _free_minutes(found: Occurrence, busy: Iterable[datetime], gap: int) -> list[int]:
    """The minutes of a window, from its opening, that lie at least `gap` minutes before or after every busy time."""
    taken: set[int] = set()
    for time in busy:
        first = (time - found.opens_at) // _MINUTE - gap + 1
        behind = -((found.opens_at - time) // _MINUTE) + gap
        taken.update(range(max(first, 0), behind))
    return [minute for minute in range(found.seconds // 60) if minute not in taken]


def _drawn(free: Sequence[int], most: int, gap: int, uniform: float) -> list[int]:
    """Place up to `most` posts on free minutes at least `gap` apart, as many as fit; `uniform` in [0, 1) picks how.

    `ways[k][i]` counts the ways to place k posts from the i-th free minute on: it is left out, or it takes one and
    the next stands behind the gap. One whole number below `ways[k][0]` then names one of them.
    """
    behind = [bisect_left(free, minute + gap) for minute in free]
    ways = [[1] * (len(free) + 1)]
    for _ in range(most):
        row = [0] * (len(free) + 1)
        for at in reversed(range(len(free))):
            row[at] = row[at + 1] + ways[-1][behind[at]]
        if not row[0]:
            break
        ways.append(row)
    count = len(ways) - 1
    rank = int(uniform * _PARTS) * ways[count][0] // _PARTS
    minutes: list[int] = []
    at = 0
    for left in reversed(range(count)):
        while rank >= ways[left][behind[at]]:
            rank -= ways[left][behind[at]]
            at += 1
        minutes.append(free[at])
        at = behind[at]
    return minutes
