"""Whether an action needs a person's word, and what exactly that word was given for. Pure.

The strictest word holds: of the stage, of the action's kind, and of every risk class that it belongs to. A kind that
goes out by itself may want its first approvals all the same (`approval.ask_first`). A person approves bytes at a
price: `shown` hashes everything that X will be sent, and the worst price, so whatever differs asks anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, is_dataclass
from datetime import date

from songpost.core import text
from songpost.core.prices import quote_steps
from songpost.core.snapshot import Snapshot
from songpost.model import INTERACTIONS, Action, Kind
from songpost.settings import Consent, Settings, Stage

ASKABLE = frozenset({Kind.POST, *INTERACTIONS})
"""Kinds that can wait for a word: a delete is a person's own command, and a read changes nothing."""
_STRICTNESS = (Consent.AUTO, Consent.ASK, Consent.NEVER)
_BOOKKEEPING = frozenset(
    {
        "state",
        "created_at",
        "updated_at",
        "due_at",
        "closes_at",
        "window",
        "day",
        "arm",
        "content_id",
        "variant",
        "post_id",
        "thread_ids",
        "held",
        "posted_at",
        "retry_at",
        "approved_at",
        "approved",
        "told_at",
        "deleted_at",
        "gate",
        "reason",
        "attempts",
        "history",
        "schema_version",
    }
)
"""Fields of an action that no call to X carries. Whatever is not named here is part of what is approved."""


def risks_of(action: Action) -> tuple[str, ...]:
    """The classes of `approval.by_risk` that an action belongs to, in their order there."""
    link = media = mention = False
    for step in action.steps:
        link = link or text.links(step.text)
        media = media or bool(step.media)
        mention = mention or bool(text.mentions(step.text))
    generated, feed = action.made_with_ai, action.content_id.startswith("feed/")
    belongs = {"link": link, "media": media, "generated": generated, "feed": feed, "mention": mention}
    return tuple([name for name, holds in belongs.items() if holds])


def by_settings(settings: Settings, action: Action) -> Consent:
    """The strictest word that stage, kind and risks have on an action; first approvals are not counted here."""
    if action.kind not in ASKABLE:
        return Consent.AUTO
    words = [settings.approval.of(action.kind)]
    words += [getattr(settings.approval.by_risk, name) for name in risks_of(action)]
    if settings.stage is Stage.ASK:
        words.append(Consent.ASK)
    return max(words, key=_STRICTNESS.index)


def consent_of(snapshot: Snapshot, action: Action) -> Consent:
    """Whether an action may go out by itself, wants a person's word, or may never go."""
    word = by_settings(snapshot.settings, action)
    return Consent.ASK if word is Consent.AUTO and first_approvals_left(snapshot, action.kind) else word


def first_approvals_left(snapshot: Snapshot, kind: Kind) -> int:
    """How many approvals a kind still wants before it goes out by itself."""
    given = snapshot.control.approvals.get(kind.value, 0)
    return max(0, snapshot.settings.approval.ask_first.of(kind) - given)


def posts_may_ask(snapshot: Snapshot) -> bool:
    """Whether a planned post may need a word, so that days have to be planned ahead of it.

    A mention never gets into a planned post (core/policy.py), and a file's generated text is proposed when its day is
    planned.
    """
    settings = snapshot.settings
    words = [settings.approval.post, settings.approval.by_risk.link, settings.approval.by_risk.media]
    words += [settings.approval.by_risk.feed] if settings.sources.feeds else []
    words += [settings.approval.by_risk.generated] if settings.sources.models else []
    return settings.stage is Stage.ASK or Consent.ASK in words or first_approvals_left(snapshot, Kind.POST) > 0


def worst_micros(settings: Settings, action: Action, on: date) -> int:
    """What all steps of an action cost at worst on a UTC date, those included that are sent. Raises `PriceUnknown`."""
    return quote_steps(settings, action.kind, action.steps, on).worst_micros


def shown(action: Action, micros: int) -> str:
    """What a person says yes to, `DIGEST@MICROS`: SHA-256 of all that X will be sent, and the worst price."""
    content = {field.name: getattr(action, field.name) for field in fields(action) if field.name not in _BOOKKEEPING}
    line = json.dumps(content, sort_keys=True, default=_plain)
    return f"{hashlib.sha256(line.encode()).hexdigest()}@{micros}"


def _plain(value: object) -> object:
    """A dataclass within an action as JSON; anything else is a fault, and raises."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{value!r} cannot be hashed")


def holds(settings: Settings, action: Action, on: date) -> bool:
    """Whether a person has approved exactly this, at exactly the price that it has on a UTC date.

    A thread that has begun was booked whole, so a later price list bears on it no more. Raises `PriceUnknown`.
    """
    now = shown(action, worst_micros(settings, action, on))
    if action.approved_at is None:
        return False
    if action.post_ids:
        return action.approved.partition("@")[0] == now.partition("@")[0]
    return action.approved == now
