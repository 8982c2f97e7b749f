"""Drafts: texts that came from a feed or a model, until they go out or are let go. Pure.

A draft is a text of the library like any other: it is planned, guarded, priced and approved as those of files are. Here
is what a draft may be, how long it is kept, when a source is asked again, and what asking a model may cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from songpost.account_documents import Draft, Drafts, Origin
from songpost.core import budget, policy, sighting, text
from songpost.core.admission import Refused, Verdict
from songpost.core.content import Library
from songpost.core.snapshot import Snapshot
from songpost.model import SKEW_SECONDS, Kind, Text
from songpost.nouns import dataclass, replace
from songpost.settings import Settings
from songpost.source_settings import Feed, Model

FEED, MODEL = "feed", "model"
"""What a draft's id begins with: the risk class that it belongs to follows from it (core/consent.py)."""
MOST_DRAFTS = 40
"""Drafts that the document holds, 30 KB at most; the oldest make room."""
MOST_SEEN = 200
"""Entries of one source that are known by their marks, so that none becomes a draft twice."""
MOST_CHARACTERS = 600
"""A longer draft is cut before anything looks at it."""
PROMPT_TOKENS_MARGIN = 200
"""What a model's own frame may add to the tokens of a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spring:
    """One source that the settings name: a feed, or a model. `most` texts are taken at a look, and kept for `keep`."""

    name: str
    topic: str
    every_hours: int
    most: int
    keep: timedelta
    of: Feed | Model


def springs(settings: Settings) -> Iterator[Spring]:
    """The sources of the settings, feeds first: they cost nothing."""
    for feed in settings.sources.feeds:
        name, keep = f"{FEED}/{feed.url}", timedelta(days=feed.keep_days)
        yield Spring(
            name=name, topic=feed.topic, every_hours=feed.every_hours, most=feed.most_per_look, keep=keep, of=feed
        )
    for model in settings.sources.models:
        # A changed prompt is another source.
        name = f"{MODEL}/{model.model_id}/{mark_of(f'{model.topic}/{model.prompt}')}"
        keep = timedelta(days=model.keep_days)
        yield Spring(name=name, topic=model.topic, every_hours=model.every_hours, most=model.texts, keep=keep, of=model)


@dataclass(frozen=True, slots=True)
class Made:
    """A text that a source has given: its words, and what tells it from others of the source."""

    words: str
    mark: str


@dataclass(frozen=True, slots=True)
class Turned:
    """The drafts after a look at a source: what was taken, and why the rest was not."""

    drafts: Drafts
    taken: tuple[str, ...]
    left_out: tuple[str, ...]


def due_at(drafts: Drafts, name: str, every_hours: int) -> datetime | None:
    """When a source is asked again; `None` where it never was."""
    origin = drafts.origins.get(name)
    return None if origin is None or origin.looked_at is None else origin.looked_at + timedelta(hours=every_hours)


def mark_of(identity: str) -> str:
    """Twelve hex digits that tell an entry from others of its source."""
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:12]


def plain(words: str) -> str:
    """Words on one line, kept as short and plain as a stranger's post (see `core/sighting.py`)."""
    return " ".join(sighting.plain(words).split())[:MOST_CHARACTERS]


def entry_words(title: str, link: str) -> str:
    """A feed's entry as a post: its title, cut at a word to what X takes, and its link."""
    words = plain(title)
    tail = f"\n{link}" if link else ""
    while words and text.weighted_length(f"{words}{tail}") > text.MAX_WEIGHTED_LENGTH:
        shorter = words.removesuffix("…").rpartition(" ")[0] or words.removesuffix("…")[:-1]
        words = f"{shorter.rstrip()}…" if shorter else ""
    return f"{words}{tail}".strip()


def turned(drafts: Drafts, spring: Spring, made: Iterable[Made], settings: Settings, at: datetime) -> Turned:
    """Take in what a source gave: so many new texts that break no rule; the rest is left out with the reason."""
    name, by_model = spring.name, isinstance(spring.of, Model)
    origin = drafts.origins.get(name, Origin())
    seen, kept = list(origin.seen), list(drafts.texts)
    taken: list[str] = []
    left_out: list[str] = []
    known = {draft.text.id for draft in kept}
    for one in made:
        if one.mark in seen or len(taken) >= spring.most:
            continue
        seen.append(one.mark)
        broken = next(policy.text_violations(settings, Kind.POST, one.words), None)
        if broken is not None:
            left_out.append(str(broken))
            continue
        content_id = f"{MODEL if by_model else FEED}/{mark_of(f'{name}/{one.mark}')}"
        if content_id in known:
            continue
        taken.append(content_id)
        drafted = Text(id=content_id, topic=spring.topic, variants=(one.words,), made_with_ai=by_model)
        kept.append(Draft(text=drafted, until=at + spring.keep))
    origins = {**drafts.origins, name: replace(origin, looked_at=at, seen=tuple(seen[-MOST_SEEN:]))}
    return Turned(replace(drafts, texts=tuple(kept[-MOST_DRAFTS:]), origins=origins), tuple(taken), tuple(left_out))


def without_old(drafts: Drafts, at: datetime, names: Iterable[str]) -> Drafts:
    """The drafts that are still kept, and the origins that the settings still name."""
    wanted = set(names)
    return replace(
        drafts,
        texts=tuple(draft for draft in drafts.texts if draft.until > at),
        origins={name: origin for name, origin in drafts.origins.items() if name in wanted},
    )


def library_with(library: Library, drafts: Drafts, at: datetime) -> Library:
    """The texts of files with the drafts that are still kept, behind those of their topic."""
    merged: dict[str, list[Text]] = {topic: list(texts) for topic, texts in library.items()}
    for draft in drafts.texts:
        if draft.until > at:
            merged.setdefault(draft.text.topic, []).append(draft.text)
    return merged


def digest_with(digest: str, drafts: Drafts, at: datetime) -> str:
    """What tells the library with its drafts from another; without drafts the library's own digest."""
    names = [draft.text.id for draft in drafts.texts if draft.until > at]
    return hashlib.sha256("/".join([digest, *names]).encode()).hexdigest()[:12] if names else digest


# ---------------------------------------------------------------------------------------------- what a model costs


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedCall:
    """A call to a model that may be made, with the account as it is once its worst price is booked."""

    snapshot: Snapshot
    micros: int
    booked_at: datetime


def call_micros(model: Model, input_tokens: int, output_tokens: int) -> int:
    """What tokens cost, in micro-dollars, rounded up: dollars a million tokens are micro-dollars a token."""
    exact = model.usd_per_million_input_tokens * input_tokens + model.usd_per_million_output_tokens * output_tokens
    return int(Decimal(exact).to_integral_value(ROUND_CEILING))


def worst_micros(model: Model, prompt: str) -> int:
    """The most that a call may cost: no token is shorter than a byte, and no answer longer than it may be."""
    return call_micros(model, len(prompt.encode()) + PROMPT_TOKENS_MARGIN, model.most_tokens)


def admit_call(snapshot: Snapshot, micros: int, now: datetime) -> AdmittedCall | Refused:
    """Book a call to a model at its worst price, or say which gate refuses it: the same ceilings hold as for X."""
    newest = snapshot.usage.updated_at
    if snapshot.control.paused:
        return _refused("control", f"the account is paused: {snapshot.control.reason or 'no reason given'}", None)
    if newest is not None and (newest - now).total_seconds() > SKEW_SECONDS:
        return _refused("control", f"this clock is behind the newest stored event ({newest.isoformat()})", newest)
    short = budget.shortfall(snapshot.settings, snapshot.usage, now, writes=0, reads=0, micros=micros)
    if short is not None:
        return _refused("budget", str(short), short.retry_at)
    usage = budget.booked(snapshot.usage, snapshot.settings.budget, now, micros=micros)
    return AdmittedCall(snapshot=replace(snapshot, usage=usage), micros=micros, booked_at=now)


def settled_call(snapshot: Snapshot, call: AdmittedCall, micros: int) -> Snapshot:
    """Settle a call at what its answer says it cost."""
    change = micros - call.micros
    return replace(
        snapshot, usage=budget.booked(snapshot.usage, snapshot.settings.budget, call.booked_at, micros=change)
    )


def _refused(gate: str, reason: str, retry_at: datetime | None) -> Refused:
    verdict = Verdict(gate=gate, passed=False, detail=reason, retry_at=retry_at)
    return Refused(gate=gate, reason=reason, retry_at=retry_at, final=False, quote=None, verdicts=(verdict,))
