"""How long a day's plan takes: `python -m songpost.lab.benchmarks.speed`. Standard library only.

Prints the median of processor time for a whole day's choices, all slots, at 60 and 400 arms, and the size of the
document.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

import msgspec

from songpost.core.bandit import choose_day, observe
from songpost.core.learning_state import fresh
from songpost.core.reward import reward_from
from songpost.model import Arm

START_AT = datetime(2026, 1, 1, tzinfo=UTC)
SHAPES = ((5, 6), (10, 20), (50, 4))
SLOTS = (3, 30)
REPEATS = 15
POSTS = 1200


def main() -> int:
    """Print a line for each shape and number of slots."""
    for topics, windows in SHAPES:
        arms = [
            Arm(f"topic number {t}", f"window-{w:02}", media)
            for t in range(topics)
            for w in range(windows)
            for media in (False, True)
        ]
        draws = random.Random(1)
        known = fresh(START_AT)
        for number in range(POSTS):
            reward = reward_from(draws.randrange(20), draws.randrange(100, 3000))
            known = observe(known, draws.choice(arms), reward, START_AT + timedelta(hours=6 * number))
        offered: dict[str, list[Arm]] = {}
        for arm in arms:
            offered.setdefault(arm.window, []).append(arm)
        for slots in SLOTS:
            rooms = dict.fromkeys(offered, -(-slots // windows) + 1)
            taken = []
            for repeat in range(REPEATS):
                started = time.process_time()
                choose_day(offered, rooms, slots, known, f"seed {repeat}", START_AT + timedelta(days=301))
                taken.append(1000 * (time.process_time() - started))
            sys.stdout.write(
                f"{len(arms)} arms ({topics} topics, {windows} windows), {slots} slots: median "
                f"{statistics.median(taken):.1f} ms; document {len(msgspec.json.encode(known)):,} bytes\n"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
