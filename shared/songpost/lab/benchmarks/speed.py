"""How long a day's plan takes: `python -m songpost.lab.benchmarks.speed`. Standard library and the layer's own only.

Prints the median of processor time for a whole day's choices and for the whole plan (texts, duplicate guard and
minutes included), all slots, at 60 and 400 arms, and for a process's first plan, which makes the texts' marks too; the
size of the document; and what importing the core takes.
"""

from __future__ import annotations

import pkgutil
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from songpost import core
from songpost.account_documents import Fingerprints
from songpost.core import content, day_plan, similarity
from songpost.core.bandit import choose_day, observe
from songpost.core.content import Library
from songpost.core.learning_state import Statistics, fresh
from songpost.core.reward import reward_from
from songpost.core.snapshot import Snapshot
from songpost.model import Arm, Media, Text
from songpost.settings import PerKind, Schedule, Settings

START_AT = datetime(2026, 1, 1, tzinfo=UTC)
PLANNED_AT = START_AT + timedelta(days=301)
SHAPES = ((5, 6), (10, 20), (50, 4))
SLOTS = (3, 30)
REPEATS = 15
FIRSTS = 5
POSTS = 1200
TEXTS_PER_STOCK = 20
REMEMBERED = 900
"""Texts that the duplicate guard remembers: 30 a day for 30 days."""
WORDS = "rye water leeks frost oven crumb mulch rain heap spade crust salt flour seed hedge path ridge stone map cloud"


@dataclass(frozen=True, slots=True)
class Case:
    """An account of so many topics and windows after `POSTS` credits."""

    arms: tuple[Arm, ...]
    known: Statistics
    library: Library
    remembered: Fingerprints


def words(draws: random.Random) -> str:
    """A text of twelve words and a number."""
    return f"{' '.join(draws.choice(WORDS.split()) for _ in range(12))} {draws.randrange(10**9)}"


def case(topics: int, windows: int) -> Case:
    """An account whose every topic has texts with and without media."""
    draws = random.Random(1)
    arms = tuple(
        Arm(f"topic number {t}", f"window-{w:02}", media)
        for t in range(topics)
        for w in range(windows)
        for media in (False, True)
    )
    known = fresh(START_AT)
    for number in range(POSTS):
        reward = reward_from(draws.randrange(20), draws.randrange(100, 3000))
        known = observe(known, draws.choice(arms), reward, START_AT + timedelta(hours=6 * number))
    picture = (Media(path="a.png", alt_text="a"),)
    texts = [
        Text(id=f"{t}-{media}-{n}", topic=f"topic number {t}", variants=(words(draws),), media=picture if media else ())
        for t in range(topics)
        for media in (False, True)
        for n in range(TEXTS_PER_STOCK)
    ]
    entries = tuple(similarity.entry(words(draws), PLANNED_AT - timedelta(hours=n)) for n in range(1, REMEMBERED))
    return Case(arms, known, content.library_of(texts), Fingerprints(entries=tuple(sorted(entries))))


def median_ms(work: Callable[[int], object]) -> float:
    """The median of processor time in milliseconds."""
    taken = []
    for repeat in range(REPEATS):
        started = time.process_time()
        work(repeat)
        taken.append(1000 * (time.process_time() - started))
    return statistics.median(taken)


def account(of: Case, windows: int, slots: int, repeat: int) -> Snapshot:
    """What a tick has loaded when it plans."""
    spans = {f"window-{w:02}": (f"{w:02}:00", f"{w:02}:50") for w in range(windows)}
    settings = Settings(
        topics=tuple(of.library),
        schedule=Schedule(windows=spans),
        max_per_window=PerKind(post=-(-slots // windows) + 1),
        max_per_day=slots,
        minimum_gap_minutes=1,
    )
    return Snapshot(account=f"a{repeat}", settings=settings, learning=of.known, fingerprints=of.remembered)


def plan(of: Case, windows: int, slots: int, repeat: int) -> object:
    """A whole day's plan of an account."""
    return day_plan.build(account(of, windows, slots, repeat), of.library, PLANNED_AT.date(), "digest")


def choices(of: Case, windows: int, slots: int, repeat: int) -> object:
    """A day's choices alone."""
    offered: dict[str, list[Arm]] = {}
    for arm in of.arms:
        offered.setdefault(arm.window, []).append(arm)
    rooms = dict.fromkeys(offered, -(-slots // windows) + 1)
    return choose_day(offered, rooms, slots, of.known, f"seed {repeat}", PLANNED_AT)


TAKEN = "import time; begun = time.process_time(); {work}; print(1000 * (time.process_time() - begun))"
LOADED = "import sys; before = set(sys.modules); {work}; print(*(set(sys.modules) - before) & sys.stdlib_module_names)"


def import_ms() -> tuple[float, float]:
    """Importing every room of the core, and importing the standard library's modules alone that this loads.

    Medians of processor time over fresh interpreters, in turns, with bytecode at hand; less the bare interpreter.
    """
    rooms = f"import {', '.join(f'{core.__name__}.{room.name}' for room in pkgutil.iter_modules(core.__path__))}"
    with tempfile.TemporaryDirectory() as bytecode:

        def told(program: str, work: str) -> str:
            command = [sys.executable, "-E", "-X", f"pycache_prefix={bytecode}", "-c", program.format(work=work)]
            return subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603 - our own words

        library = f"import {', '.join(sorted(told(LOADED, rooms).split()))}"
        pairs = [(float(told(TAKEN, rooms)), float(told(TAKEN, library))) for _ in range(REPEATS + 1)]
    return statistics.median(rooms for rooms, _ in pairs[1:]), statistics.median(library for _, library in pairs[1:])


def first_plan_ms(topics: int, windows: int, slots: int) -> float:
    """The median over fresh interpreters of the first plan that one makes."""
    program = (
        "import time; from songpost.lab.benchmarks.speed import PLANNED_AT, account, case, day_plan, similarity; "
        f"of = case({topics}, {windows}); loaded = account(of, {windows}, {slots}, 0); "
        "[made.cache_clear() for made in vars(similarity).values() if hasattr(made, 'cache_clear')]; "
        "begun = time.process_time(); day_plan.build(loaded, of.library, PLANNED_AT.date(), 'digest'); "
        "print(1000 * (time.process_time() - begun))"
    )
    command = [sys.executable, "-c", program]
    times = [float(subprocess.run(command, capture_output=True, check=True, text=True).stdout) for _ in range(FIRSTS)]  # noqa: S603 - our own words
    return statistics.median(times)


def main() -> int:
    """Print a line for each shape and number of slots."""
    for topics, windows in SHAPES:
        of = case(topics, windows)
        for slots in SLOTS:
            chosen = median_ms(lambda repeat, o=of, w=windows, s=slots: choices(o, w, s, repeat))  # type: ignore[misc]
            whole = median_ms(lambda repeat, o=of, w=windows, s=slots: plan(o, w, s, repeat))  # type: ignore[misc]
            first = first_plan_ms(topics, windows, slots)
            sys.stdout.write(
                f"{len(of.arms)} arms ({topics} topics, {windows} windows), {slots} slots: choices {chosen:.1f} ms, "
                f"whole plan {whole:.1f} ms, a process's first {first:.1f} ms; "
                f"document {len(msgspec.json.encode(of.known)):,} bytes\n"
            )
    rooms, library = import_ms()
    sys.stdout.write(f"import of the core: {rooms:.1f} ms; of the standard library's modules alone {library:.1f} ms\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
