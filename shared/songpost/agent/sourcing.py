"""Asking feeds and models for texts, and keeping what they give as drafts: the reader's last work in mode `all`.

    due ─▶ (a model: book the worst price) ─▶ ask once ─▶ one commit: settled, new drafts in, the time of the look

A source that fails is told by the log and asked again when it is due next; nothing else depends on it. What a model may
have billed for stays booked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.account_documents import Origin
from songpost.agent import documents, ledger
from songpost.agent.ledger import Account, Desk, Move
from songpost.core import drafting
from songpost.core.admission import Refused
from songpost.core.drafting import AdmittedCall, Made, Spring, Turned
from songpost.core.snapshot import DRAFTS, USAGE
from songpost.errors import SourceError
from songpost.nouns import replace
from songpost.settings import Settings
from songpost.source_settings import Feed, Model
from songpost.sources.bedrock import prompt_of
from songpost.sources.port import Drawn, Entry, Source

logger = logging.getLogger(__name__)

TICK_SECONDS = 75.0
"""Time that must be left before a source is asked: longer than the slowest may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What became of one source in a tick, or in a dry run would: texts taken, what was left out, and why."""

    name: str
    due_at: datetime | None
    taken: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    micros: int = 0
    refused: str = ""
    error: SourceError | None = None


def has_any(settings: Settings) -> bool:
    """Whether the settings name a source at all."""
    return bool(settings.sources.feeds or settings.sources.models)


def _worst_micros(spring: Spring) -> int:
    """The most that asking a source may cost; a feed costs nothing."""
    return drafting.worst_micros(spring.of, prompt_of(spring.of)) if isinstance(spring.of, Model) else 0


def foretell(account: Account, now: datetime) -> tuple[Look, ...]:
    """What a live tick would ask at `now`, at which worst price, and what is not due yet. Pure."""
    drafts = account.snapshot.drafts
    return tuple(
        Look(name=one.name, due_at=drafting.due_at(drafts, one.name, one.every_hours), micros=_worst_micros(one))
        for one in drafting.springs(account.snapshot.settings)
        if _is_due(account, one, now)
    )


def _is_due(account: Account, spring: Spring, now: datetime) -> bool:
    due_at = drafting.due_at(account.snapshot.drafts, spring.name, spring.every_hours)
    return due_at is None or due_at <= now


def gather(
    desk: Desk, account: Account, opened: Callable[[Feed | Model], Source], remaining: Callable[[], float]
) -> tuple[Account, tuple[Look, ...]]:
    """Ask every source that is due, one after the other, while there is time. Raises the errors of the store."""
    looks: list[Look] = []
    for spring in drafting.springs(account.snapshot.settings):
        if not _is_due(account, spring, desk.now()) or remaining() < TICK_SECONDS:
            continue
        if account.snapshot.control.paused:
            break
        account, look = _asked(desk, account, spring, opened)
        looks.append(look)
        if look.error is not None:
            logger.warning("%s: %s", spring.name, look.error)
        for reason in look.left_out:
            logger.info("%s: a text was left out: %s", spring.name, reason)
    return account, tuple(looks)


def _asked(
    desk: Desk, account: Account, spring: Spring, opened: Callable[[Feed | Model], Source]
) -> tuple[Account, Look]:
    origin = account.snapshot.drafts.origins.get(spring.name, Origin())
    account, call = _booked(desk, account, spring)
    if isinstance(call, Refused):
        return account, Look(name=spring.name, due_at=call.retry_at, refused=f"{call.gate}: {call.reason}")
    error: SourceError | None = None
    try:
        drawn = opened(spring.of).draw(origin)
    except SourceError as failed:
        error, drawn = failed, Drawn(entries=(), etag=origin.etag, modified=origin.modified)
    return _taken_in(desk, account, spring, call, drawn, error)


def _booked(desk: Desk, account: Account, spring: Spring) -> tuple[Account, AdmittedCall | Refused | None]:
    """Book the worst price of a source that costs, and mark the look, so that of two readers one asks."""
    worst = _worst_micros(spring)

    def decide(current: Account) -> Move[AdmittedCall | Refused | None]:
        now, snapshot = desk.now(), current.snapshot
        if not _is_due(current, spring, now):
            return Move(snapshot=snapshot, result=_elsewhere(now))
        decision = drafting.admit_call(snapshot, worst, now) if isinstance(spring.of, Model) else None
        if isinstance(decision, Refused):
            return Move(snapshot=snapshot, result=decision)
        after = snapshot if decision is None else decision.snapshot
        origin = replace(after.drafts.origins.get(spring.name, Origin()), looked_at=now)
        drafts = replace(after.drafts, origins={**after.drafts.origins, spring.name: origin})
        return Move(
            snapshot=replace(after, drafts=drafts),
            written=(DRAFTS,) if decision is None else (DRAFTS, USAGE),
            relied_on=("control", documents.SETTINGS),
            result=decision,
        )

    return ledger.move(desk, account, decide)


def _elsewhere(now: datetime) -> Refused:
    return Refused(gate="ledger", reason="another reader asks it", retry_at=now, final=False, quote=None, verdicts=())


def _taken_in(
    desk: Desk, account: Account, spring: Spring, call: AdmittedCall | None, drawn: Drawn, error: SourceError | None
) -> tuple[Account, Look]:
    """One commit: what the answer cost, and the texts that it gave."""
    model = spring.of if isinstance(spring.of, Model) else None
    made = [_made(entry, by_model=model is not None) for entry in drawn.entries]
    spent = 0 if call is None else call.micros
    if call is not None and model is not None and error is None:
        spent = drafting.call_micros(model, drawn.input_tokens, drawn.output_tokens)

    def decide(current: Account) -> Move[Turned]:
        now, snapshot = desk.now(), current.snapshot
        names = [one.name for one in drafting.springs(snapshot.settings)]
        drafts = drafting.without_old(snapshot.drafts, now, names)
        turned = drafting.turned(drafts, spring, made, snapshot.settings, now)
        origin = replace(turned.drafts.origins[spring.name], etag=drawn.etag, modified=drawn.modified)
        kept = replace(turned.drafts, origins={**turned.drafts.origins, spring.name: origin})
        after = replace(snapshot, drafts=kept)
        written = [DRAFTS]
        if call is not None and spent != call.micros:
            after = drafting.settled_call(after, call, spent)
            written.append(USAGE)
        return Move(snapshot=after, written=tuple(written), result=turned)

    account, turned = ledger.move(desk, account, decide)
    left_out = turned.left_out if not drawn.note else (*turned.left_out, drawn.note)
    due_at = desk.now() + timedelta(hours=spring.every_hours)
    return account, Look(
        name=spring.name, due_at=due_at, taken=turned.taken, left_out=left_out, micros=spent, error=error
    )


def _made(entry: Entry, *, by_model: bool) -> Made:
    words = drafting.plain(entry.title) if by_model else drafting.entry_words(entry.title, entry.link)
    return Made(words=words, mark=drafting.mark_of(entry.identity))
