"""When a topic's texts run out: told a week before, so that somebody can write more. Pure.

A topic's texts are those that the duplicate guard will let through in the coming week; what it needs is what was
posted of it in the last week, or its even share of the posts where there is no such week yet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from songpost.account_documents import Fingerprints
from songpost.core import content
from songpost.core.similarity import Remembered
from songpost.model import Text
from songpost.nouns import dataclass
from songpost.settings import Settings

AHEAD_DAYS = 7


@dataclass(frozen=True, slots=True)
class Depletion:
    """A topic that runs dry: texts left, what it needs in `AHEAD_DAYS` days, and the local day without any."""

    topic: str
    texts: int
    needed: int
    dry_on: date

    def __str__(self) -> str:
        """One line for a person."""
        left = f"{self.texts} text{'' if self.texts == 1 else 's'} left for about {self.needed} posts a week"
        return f"{self.topic}: {left}, none from {self.dry_on.isoformat()} on: write more"


def running_dry(
    settings: Settings,
    texts: Mapping[str, Sequence[Text]],
    fingerprints: Fingerprints,
    at: datetime,
    day: date,
    earlier: Remembered = content.NOTHING,
) -> tuple[Depletion, ...]:
    """The topics of `texts` that run dry within a week of `day`, planned from `at` (UTC) on.

    `fingerprints` are those after the day's own plan, `earlier` entries besides them (`content.choose`). A text that
    the guard lets go again within the week counts as left; with a guard that forgets sooner than in a week, what is
    posted comes back that soon.
    """
    days = min(AHEAD_DAYS, settings.similarity.window_days)
    end = at + timedelta(days=days)
    found = []
    for topic, own in texts.items():
        rate = posts_a_day(settings, own, len(texts), fingerprints.used, day)
        needed = math.ceil(rate * days)
        left = content.count_left(own, fingerprints, settings.similarity, end, earlier, most=max(needed, 1))
        if left < needed or not left:
            dry_on = day + timedelta(days=1 + (int(left / rate) if rate else 0))
            found.append(Depletion(topic, left, math.ceil(rate * AHEAD_DAYS), dry_on))
    return tuple(found)


def posts_a_day(settings: Settings, texts: Sequence[Text], topics: int, used: Mapping[str, str], day: date) -> float:
    """How many posts a day a topic takes: as in the week up to `day`, or its even share of what is wanted."""
    since = (day - timedelta(days=AHEAD_DAYS)).isoformat()
    if min(used.values(), default="~") <= since:
        until = day.isoformat()
        recent = {name for name, on in used.items() if since < on <= until}
        own = {f"{text.id}/{variant}" for text in texts for variant, _ in enumerate(text.variants)}
        return len(own & recent) / AHEAD_DAYS
    return settings.posts_per_day * len(settings.cadence.weekdays) / 7 / topics
