"""Keeping the texts of different accounts apart: what an account leaves for the others of its store to meet. Pure.

A text that is booked leaves a mark under each of its bands (`similarity.bands`), in this period and the next; alike
texts share a band with the probability told there. Whoever finds a band taken compares, and is refused only where the
texts are too much alike. An account never stands in its own way: its own memory (`fingerprints`) judges that. A period
is in the key, so that no mark is ever overwritten because it is old: two accounts could do that at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from songpost.core import similarity
from songpost.nouns import dataclass
from songpost.settings import Similarity

PERIOD_DAYS = 90
"""How far the guard looks back across accounts at least, and at most twice as far, where `window_days` wants it to."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Who said something under a band, and what it was like (`similarity.entry`)."""

    account: str
    entry: str
    schema_version: int = 1


def keys(words: str, now: datetime) -> tuple[str, ...]:
    """Where a text of `now` (UTC) meets its like: each of its bands, in this period and the next."""
    period, bands = (now - _EPOCH).days // PERIOD_DAYS, similarity.bands(words)
    return tuple([f"{at:05d}/{band}" for at in (period, period + 1) for band in bands])


def forgotten_at(now: datetime) -> datetime:
    """When the marks of a text of `now` may vanish: the end of the next period."""
    return _EPOCH + timedelta(days=((now - _EPOCH).days // PERIOD_DAYS + 2) * PERIOD_DAYS)


def mark(account: str, words: str, now: datetime) -> Mark:
    """What an account leaves there."""
    return Mark(account=account, entry=similarity.entry(words, now))


def objection(marks: Iterable[Mark], account: str, words: str, rule: Similarity, now: datetime) -> str:
    """Why a text of another account forbids these words; empty where none does."""
    others = [found.entry for found in marks if found.account != account]
    near = similarity.nearest(words, others, since=now - timedelta(days=rule.window_days))
    if near is None or near.similarity < rule.threshold:
        return ""
    return (
        f"{near.similarity:.2f} alike a text of another account of this store of {near.posted_at.date()}, "
        f"{rule.threshold:.2f} is too much"
    )
