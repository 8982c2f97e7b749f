"""What a post of somebody else is to the account: a candidate, a wish to be left alone, or nothing. Pure.

Texts come from strangers. They are kept short and plain: no control characters, no bidirectional overrides, at most a
few marks on a letter; whatever follows from them passes every gate of its own.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from songpost.account_documents import Identity
from songpost.candidates import Candidate, OptOut, Source
from songpost.core import policy, similarity, sweep
from songpost.model import Kind, Post
from songpost.nouns import dataclass
from songpost.settings import Consent, Flag, Plan, QueryAction, Settings

MOST_CHARACTERS = 1_000
MOST_BYTES = 3_000
MOST_MARKS = 4
"""Combining marks that a letter keeps: more than any script stacks."""
SHORT_WORDS = 6
"""A text of so few words is meant as an opt-out where it begins or ends with a single listed word."""
PHRASE_WORDS = 20
"""A text of so few words is meant as an opt-out where a listed phrase stands anywhere in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a post was found, and what its settings let follow."""

    source: Source
    actions: tuple[QueryAction, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Nothing follows from a post, and why."""

    reason: str


def plain(text: str) -> str:
    """A stranger's text without X's HTML entities and without what only disturbs, cut to a bounded size."""
    kept: list[str] = []
    marks = size = 0
    for character in html.unescape(text[: 4 * MOST_CHARACTERS]):
        category = unicodedata.category(character)
        if category[0] == "M":
            marks += 1
            if marks > MOST_MARKS:
                continue
        else:
            marks = 0
        if category in {"Cc", "Cs", "Cn", "Co"} and character != "\n":
            continue
        if character in policy.DIRECTION_CONTROLS or character in policy.UNSENDABLE:
            continue
        size += len(character.encode())
        if len(kept) == MOST_CHARACTERS or size > MOST_BYTES:
            break
        kept.append(character)
    return "".join(kept).strip()


def opt_out_word(text: str, words: Mapping[str, Sequence[str]]) -> str:
    """The listed word or phrase by which a text asks to be left alone; empty where it does not.

    Compared without case, accents, links and names. A single word counts at the beginning or end of a short text
    alone: "stop" is a wish, "the bus stop where we met last week is closed" is not.
    """
    said = similarity.normalise(text).split()
    for listed in (word for language in words.values() for word in language):
        wish = _wish(listed)
        if not wish:
            continue
        n = len(wish)
        if n == 1 and len(said) <= SHORT_WORDS and said and wish[0] in {said[0], said[-1]}:
            return listed
        if n > 1 and len(said) <= PHRASE_WORDS and any(said[i : i + n] == wish for i in range(len(said) - n + 1)):
            return listed
    return ""


@lru_cache(maxsize=1_024)
def _wish(listed: str) -> list[str]:
    """A listed phrase's words, normalised once: each post is held against the whole list."""
    return similarity.normalise(listed).split()


def is_summons(post: Post, identity: Identity, own_ids: Collection[str]) -> bool:
    """Whether the author of this very post has called the account: an @mention in it, or a quote of an own post."""
    if post.reposted:
        return False
    name = identity.username.casefold()
    if any(mention.casefold() == name for mention in post.mentions):
        return True
    return bool(post.quoted) and (post.quoted in own_ids or _quotes_by_link(post, name))


def _quotes_by_link(post: Post, name: str) -> bool:
    """Whether the link that stands for the quoted post names the account."""
    ending = f"/{name}/status/{post.quoted}"
    return any(expanded.casefold().partition("?")[0].endswith(ending) for _, expanded in post.urls)


def allowed(settings: Settings, place: Place, *, summons: bool) -> tuple[Kind, ...]:
    """The kinds that may follow, by plan, flags and consent; a reply on a self-serve plan only to a summons."""
    if place.source in {Source.MENTION, Source.QUOTE}:
        kinds = [Kind.REPLY] if summons else []
    else:
        kinds = [Kind(action.value) for action in place.actions]
    return tuple(kind for kind in kinds if not barred(settings, kind, summons=summons))


def barred(settings: Settings, kind: Kind, *, summons: bool) -> str:
    """Why a kind can never follow from a find, whatever it is; empty where it may."""
    if kind not in policy.PERMITTED[settings.plan]:
        return f"plan {settings.plan.value} does not permit {kind.value}"
    if kind is Kind.REPLY and settings.plan is not Plan.ENTERPRISE and not summons:
        return f"plan {settings.plan.value} permits a reply only to who summoned the account, never to a find"
    if settings.feature_flags.of(kind) is Flag.OFF:
        return f"{kind.value} is off"
    if settings.approval.of(kind) is Consent.NEVER:
        return f"approval.{kind.value} is never"
    if settings.max_per_window.of(kind) == 0:
        return f"max_per_window.{kind.value} is 0"
    return ""


def sighted(
    post: Post, place: Place, identity: Identity, own_ids: Collection[str], settings: Settings, now: datetime
) -> Candidate | OptOut | LeftOut:
    """What a post read at `now` (UTC) is. Who has opted out, waits or was answered already, the caller knows."""
    if not post.author_id or post.author_id == identity.user_id or post.reposted:
        return LeftOut(
            "a repost" if post.reposted else "an own post" if post.author_id else "X did not say whose it is"
        )
    summons = is_summons(post, identity, own_ids)
    text = plain(post.text)
    if summons or place.source is Source.MENTION or post.in_reply_to_user_id == identity.user_id:
        word = opt_out_word(text, settings.opt_out_words)
        if word:
            return OptOut(user_id=post.author_id, at=now, post_id=post.id, word=word)
    posted_at = post.created_at or sweep.time_of(post.id)
    expires_at = posted_at + timedelta(hours=settings.reading.answer_within_hours)
    kinds = allowed(settings, place, summons=summons)
    hindrances = (
        (post.author_id in settings.blocked_user_ids, "blocked_user_ids names its author"),
        (expires_at <= now, f"older than {settings.reading.answer_within_hours} hours"),
        (not kinds, "nothing may follow from it" if summons else "no summons, and nothing else may follow"),
    )
    hindered = next((reason for holds, reason in hindrances if holds), "")
    if hindered:
        return LeftOut(hindered)
    quoted = place.source is Source.MENTION and post.quoted and not _names(post, identity)
    return Candidate(
        post_id=post.id,
        source=Source.QUOTE if quoted else place.source,
        author_id=post.author_id,
        text=text,
        posted_at=posted_at,
        seen_at=now,
        expires_at=expires_at,
        conversation_id=post.conversation_id,
        replied_to=post.replied_to,
        quoted=post.quoted,
        summons=summons,
        query=place.query,
        allowed=kinds,
    )


def _names(post: Post, identity: Identity) -> bool:
    return any(mention.casefold() == identity.username.casefold() for mention in post.mentions)
