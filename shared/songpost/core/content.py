"""The library of texts, and which of them comes next.

A text has one or more wordings (`variants`). The least recently used text of a topic goes first, and of its
wordings the least recently used one; never one that the duplicate guard would refuse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from songpost.account_documents import Fingerprints
from songpost.core import similarity
from songpost.model import Text
from songpost.settings import Similarity

Library = Mapping[str, Sequence[Text]]
"""Texts by topic, in the order of the files; replies to those who summon the account stand under `REPLIES`."""
REPLIES = "replies"
"""No topic of any settings: its texts are never planned, only answered with."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A text and one of its wordings."""

    text: Text
    variant: int

    @property
    def words(self) -> str:
        """The wording itself."""
        return self.text.variants[self.variant]


def library_of(texts: Iterable[Text]) -> Library:
    """Sort texts by topic, keeping their order."""
    by_topic: dict[str, list[Text]] = {}
    for text in texts:
        by_topic.setdefault(text.topic, []).append(text)
    return by_topic


def digest(library: Library) -> str:
    """Twelve hex digits that tell one library from another (SHA-256, cut)."""
    lines = [
        [topic, text.id, list(text.variants), [[media.path, media.alt_text] for media in text.media]]
        for topic, texts in sorted(library.items())
        for text in texts
    ]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:12]


def in_order(texts: Sequence[Text], used: Mapping[str, str]) -> Iterator[Choice]:
    """Every wording, least recently used first; ties fall to the order of the file.

    `used` maps `id/variant` to the UTC date of its last use.
    """
    last_used = {
        text.id: max(used.get(f"{text.id}/{index}", "") for index in range(len(text.variants))) for text in texts
    }
    for text in sorted(texts, key=lambda candidate: last_used[candidate.id]):
        variants = sorted(range(len(text.variants)), key=lambda index: used.get(f"{text.id}/{index}", ""))
        yield from (Choice(text, index) for index in variants)


def choose(texts: Sequence[Text], fingerprints: Fingerprints, rule: Similarity, at: datetime) -> Choice | None:
    """The next wording that the duplicate guard would let out at `at` (UTC); `None` where none is left."""
    since = at - timedelta(days=rule.window_days)
    recent = similarity.since(fingerprints.entries, since)
    for choice in in_order(texts, fingerprints.used):
        nearest = similarity.nearest(choice.words, recent, since=since)
        if nearest is None or nearest.similarity < rule.threshold:
            return choice
    return None


def taken(fingerprints: Fingerprints, choice: Choice, at: datetime) -> Fingerprints:
    """The fingerprints as they will be once `choice` has gone out at `at` (UTC)."""
    used = {**fingerprints.used, f"{choice.text.id}/{choice.variant}": at.date().isoformat()}
    entries = (*fingerprints.entries, similarity.entry(choice.words, at))
    return replace(fingerprints, entries=entries, used=used)
