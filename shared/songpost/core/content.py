"""The library of texts, and which of them comes next.

A text has one or more wordings (`variants`). The least recently used text of a topic goes first, and of its
wordings the least recently used one; never one that the duplicate guard would refuse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from songpost.account_documents import Fingerprints
from songpost.core import similarity
from songpost.core.similarity import Remembered
from songpost.model import Json, Media, Text
from songpost.nouns import dataclass, replace
from songpost.settings import Similarity

Library = Mapping[str, Sequence[Text]]
"""Texts by topic, in the order of the files; replies to those who summon the account stand under `REPLIES`."""
REPLIES = "replies"
"""No topic of any settings: its texts are never planned, only answered with."""
NOTHING = Remembered((), threshold=1.0)


@dataclass(frozen=True, slots=True)
class Choice:
    """A text and one of its wordings."""

    text: Text
    variant: int

    @property
    def words(self) -> str:
        """The wording itself; of a thread its first post."""
        return self.text.variants[self.variant]

    @property
    def posts(self) -> tuple[str, ...]:
        """The words of every post that it becomes: one, or a thread's."""
        return self.text.words_of(self.variant)


def library_of(texts: Iterable[Text]) -> Library:
    """Sort texts by topic, keeping their order."""
    by_topic: dict[str, list[Text]] = {}
    for text in texts:
        by_topic.setdefault(text.topic, []).append(text)
    return by_topic


def digest(library: Library) -> str:
    """Twelve hex digits that tell one library from another (SHA-256, cut)."""
    lines: list[Json] = [
        [topic, text.id, list(text.variants), _media(text.media), *_more(text)]
        for topic, texts in sorted(library.items())
        for text in texts
    ]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:12]


def _media(media: Sequence[Media]) -> list[Json]:
    return [[one.path, one.alt_text] for one in media]


def _more(text: Text) -> Iterator[Json]:
    """What a text has besides words and media: only what is there, so that plain libraries keep their digests."""
    if text.threads:
        yield [[[step.text, _media(step.media)] for step in thread] for thread in text.threads]
    if text.poll is not None:
        yield ["poll", list(text.poll.options), text.poll.minutes]
    if text.quote_id:
        yield ["quote", text.quote_id]
    if text.made_with_ai:
        yield "made with ai"


def with_media(text: Text, change: Callable[[Media], Media]) -> Text:
    """The text with each of its media, those of its threads included, made another."""

    def changed(media: tuple[Media, ...]) -> tuple[Media, ...]:
        return tuple(change(medium) for medium in media)

    threads = tuple(tuple(replace(step, media=changed(step.media)) for step in thread) for thread in text.threads)
    return replace(text, media=changed(text.media), threads=threads)


def in_order(texts: Sequence[Text], used: Mapping[str, str]) -> Iterator[Choice]:
    """Every wording, least recently used first; ties fall to the order of the file.

    `used` maps `id/variant` to the UTC date of its last use.
    """
    dates = [
        [used.get(f"{text.id}/{index}", "") for index, _ in enumerate(text.variants)]
        if text.variants[1:]
        else [used.get(f"{text.id}/0", "")]
        for text in texts
    ]
    last_used = [max(on) if on[1:] else on[0] for on in dates]
    for place in sorted(range(len(texts)), key=last_used.__getitem__):
        text, on = texts[place], dates[place]
        if not on[1:]:
            yield Choice(text, 0)
            continue
        for index in sorted(range(len(on)), key=on.__getitem__):
            yield Choice(text, index)


def choose(
    texts: Sequence[Text], fingerprints: Fingerprints, rule: Similarity, at: datetime, earlier: Remembered = NOTHING
) -> Choice | None:
    """The next wording that the duplicate guard would let out at `at` (UTC); `None` where none is left.

    `earlier` holds entries besides those of the fingerprints, arranged for whoever asks often.
    """
    since = at - timedelta(days=rule.window_days)
    recent = similarity.since(fingerprints.entries, since)
    for choice in in_order(texts, fingerprints.used):
        if not _refused(choice, recent, rule, earlier, since):
            return choice
    return None


def count_left(
    texts: Sequence[Text],
    fingerprints: Fingerprints,
    rule: Similarity,
    at: datetime,
    earlier: Remembered = NOTHING,
    *,
    most: int,
) -> int:
    """How many posts these texts still make, one after another, before the guard lets none out; at most `most`."""
    since = at - timedelta(days=rule.window_days)
    recent = list(similarity.since(fingerprints.entries, since))
    left = 0
    for choice in in_order(texts, fingerprints.used):
        if left >= most:
            break
        if not _refused(choice, recent, rule, earlier, since):
            recent += [similarity.entry(words, at) for words in choice.posts]
            left += 1
    return left


def _refused(
    choice: Choice, recent: Sequence[str], rule: Similarity, earlier: Remembered, earlier_since: datetime
) -> bool:
    """Whether any post of a choice is too much like one of `recent`, or of the `earlier` ones since a time."""
    for words in choice.posts:
        if similarity.too_alike(words, recent, rule.threshold) or earlier.too_alike(words, earlier_since):
            return True
    return False


def taken(fingerprints: Fingerprints, choice: Choice, at: datetime) -> Fingerprints:
    """The fingerprints as they will be once `choice` has gone out at `at` (UTC)."""
    used = {**fingerprints.used, f"{choice.text.id}/{choice.variant}": at.date().isoformat()}
    entries = (*fingerprints.entries, *(similarity.entry(words, at) for words in choice.posts))
    return replace(fingerprints, entries=entries, used=used)
