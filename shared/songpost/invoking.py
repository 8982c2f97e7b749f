"""One invocation, from its event to its summary: the handlers of the functions, and what the command calls.

A handler parses its event, opens the account as `bootstrap` composes it, runs one tick, and answers with a summary
that is plain JSON. Named errors pass through: the invocation fails, and whoever watches failures hears of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from songpost import telemetry
from songpost.account_documents import Control
from songpost.agent import (
    apart,
    control,
    events,
    figures,
    foretelling,
    interacting,
    notices,
    summary,
    writing,
)
from songpost.agent.ledger import Account, Desk
from songpost.bootstrap import Session, new_id, system_clock
from songpost.errors import Refusal, StoreError
from songpost.model import Json
from songpost.nouns import replace
from songpost.runtime import Runtime
from songpost.store.opening import open_store
from songpost.store.port import Store

if TYPE_CHECKING:
    from songpost.agent.measuring import Measurement
    from songpost.agent.reading import Round
    from songpost.agent.sourcing import Look

logger = logging.getLogger(__name__)


def run_writer(
    session: Session, invocation: events.Invocation, remaining: Callable[[], float]
) -> tuple[dict[str, Json], writing.Tick | None]:
    """One tick of the writer, dry or live, or a turn of the kill switch; the summary, and the tick for showing."""
    with _tick("writer", session, invocation):
        return _write(session, invocation, remaining)


def _tick(function: str, session: Session, invocation: events.Invocation) -> AbstractContextManager[telemetry.Span]:
    """The span that a tick's steps hang on."""
    dry_run = session.runtime.dry_run
    return telemetry.span("tick", function=function, mode=invocation.mode, account=session.account, dry_run=dry_run)


def _write(
    session: Session, invocation: events.Invocation, remaining: Callable[[], float]
) -> tuple[dict[str, Json], writing.Tick | None]:
    if invocation.mode in {"pause", "resume"}:
        return _turn(session, invocation), None
    now = session.clock()
    account, tick = write(session, invocation, remaining)
    shown = summary.of_tick(
        tick,
        account=session.account,
        mode=invocation.mode,
        dry_run=session.runtime.dry_run,
        now=now,
        before=account.snapshot,
    )
    return shown, tick


def write(
    session: Session, invocation: events.Invocation, remaining: Callable[[], float]
) -> tuple[Account, writing.Tick]:
    """A tick of the writer, dry or live, its notices included: the account as it was found, and what came of it."""
    account = session.open()
    if session.runtime.dry_run:
        now = session.clock()
        found = interacting.look(session.store, account.snapshot, now)
        objection = apart.objections(session.store, session.account, now)
        tick = foretelling.foretell(account, session.given.texts, now, new_id, found, invocation.mode, objection)
    else:
        tick = writing.tick(session.desk, account, session.hand, session.given.texts, remaining, invocation.mode)
        _tell(session, tick.account)
    return account, tick


def _tell(session: Session, account: Account) -> None:
    """Mail what is new. The tick is done: whatever goes wrong here is told by the log, and tried again by the next."""
    try:
        notices.send(session.desk, account, session.mail)
    except StoreError as error:
        logger.warning("no notices: %s: %s", error.name, error)


def _turn(session: Session, invocation: events.Invocation) -> dict[str, Json]:
    if session.runtime.dry_run:
        raise Refusal(
            f"a dry run changes nothing, so it cannot {invocation.mode}",
            where="DRY_RUN",
            mend="use 'songpost pause' or 'songpost resume' against the store",
        )
    desk = session.desk

    def turn(of: Desk) -> Control:
        if invocation.mode == "resume":
            return control.resume(of, "event")
        return control.pause(of, invocation.reason or "paused by an event", "event")

    about: dict[str, Json] = {"account": invocation.account or session.account, "mode": invocation.mode}
    about |= {"dry_run": False, "actions": []}
    if invocation.account != control.ALL:
        return {**about, "paused": turn(desk).paused}
    turned = control.turn_all(desk, turn)
    for error in turned.failed.values():
        raise error
    return {**about, "paused": invocation.mode == "pause", "accounts": [*sorted(turned.done)]}


# ---------------------------------------------------------------------------------------------------- reader


MODES = {
    "timeline": ("timeline",),
    "mentions": ("mentions",),
    "search": ("search",),
    "all": ("timeline", "mentions", "search"),
}
"""What each of the reader's modes looks at (keys of `reading_plan.SOURCES`)."""


def run_reader(
    session: Session, invocation: events.Invocation, remaining: Callable[[], float], only: str | None = None
) -> tuple[dict[str, Json], Measurement | None, Round | None]:
    """One tick of the reader, dry or live: the summary, what was measured, and what was read.

    With `only` it measures and reads nothing else: that post, or where it is empty all that is due. Raises `NotFound`
    for an `only` that the ledger does not know.
    """
    with _tick("reader", session, invocation):
        return _read(session, invocation, remaining, only)


def _read(
    session: Session, invocation: events.Invocation, remaining: Callable[[], float], only: str | None
) -> tuple[dict[str, Json], Measurement | None, Round | None]:
    now = session.clock()
    account, found, read, looks = look(session, invocation, remaining, only)
    about: dict[str, Json] = {"account": session.account, "mode": invocation.mode}
    about["dry_run"] = session.runtime.dry_run
    if looks is not None:
        about["sources"] = [summary.of_look(one) for one in looks]
    return {**about, **summary.of_reader(found, read, before=account.snapshot, now=now)}, found, read


def look(
    session: Session, invocation: events.Invocation, remaining: Callable[[], float], only: str | None = None
) -> tuple[Account, Measurement | None, Round | None, tuple[Look, ...] | None]:
    """A tick of the reader, dry or live: the account as it was found, and what was measured, read and asked of sources.

    `None` stands for what it did not look at. `only` is as for `run_reader`.
    """
    from songpost.agent import measuring, reading, sourcing

    before = account = session.open()
    now, dry, modes = session.clock(), session.runtime.dry_run, MODES[invocation.mode]
    found: measuring.Measurement | None = None
    if only:
        account, found = measuring.awaiting(session.desk, account, only, write=not dry)
    swept = only is None
    if found is None and "timeline" in modes:
        if dry:
            found = measuring.foretell(account, now, only or "", swept=swept)
        else:
            found = measuring.measure(session.desk, account, session.eye, remaining, only or "", swept=swept)
        account = found.account
    read: reading.Round | None = None
    if only is None and (found is None or found.stopped is None):
        if dry:
            read = reading.foretell(account, now, modes)
        else:
            read = reading.read(session.desk, account, session.window, remaining, modes)
        account = read.account
    looks: tuple[Look, ...] | None = None
    if invocation.mode == "all" and only is None and sourcing.has_any(account.snapshot.settings):
        looks = _sourced(session, account, remaining)
    return before, found, read, looks


def _sourced(session: Session, account: Account, remaining: Callable[[], float]) -> tuple[Look, ...]:
    """Feeds and models, asked after everything else."""
    from songpost.agent import sourcing

    if session.runtime.dry_run:
        return sourcing.foretell(account, session.clock())
    return sourcing.gather(session.desk, account, session.source, remaining)[1]


# ------------------------------------------------------------------------------------------------- functions

_stores: dict[tuple[str, bool], Store] = {}
"""Stores of this execution environment, by URL and whether they are read-only: their connections stay warm."""


def handle_writer(event: object, context: object) -> dict[str, Json]:
    """The writer's handler: parse, open, tick, summarise. Raises the named errors: the invocation fails."""
    invocation = events.parse(event, events.WRITER_MODES, "both")
    session = _function_session(invocation)
    try:
        shown, tick = run_writer(session, invocation, _remaining(context))
    finally:
        telemetry.flush()
    logger.info("tick", extra={"summary": shown})
    if tick is not None and not session.runtime.dry_run:
        telemetry.emit(figures.of_tick(tick, session.clock()))
    return shown


def handle_reader(event: object, context: object) -> dict[str, Json]:
    """The reader's handler: parse, open, tick, summarise. Raises the named errors: the invocation fails."""
    invocation = events.parse(event, events.READER_MODES, "all")
    session = _function_session(invocation)
    try:
        shown, found, read = run_reader(session, invocation, _remaining(context))
    finally:
        telemetry.flush()
    logger.info("tick", extra={"summary": shown})
    if not session.runtime.dry_run:
        telemetry.emit(figures.of_reader(found, read))
    return shown


def _function_session(invocation: events.Invocation) -> Session:
    environ = dict(os.environ)
    runtime = Runtime.from_env(environ)
    runtime = replace(
        runtime,
        account=runtime.account if invocation.account == control.ALL else invocation.account or runtime.account,
        dry_run=runtime.dry_run or invocation.dry_run,
    )
    telemetry.configure("INFO", in_lambda=runtime.in_lambda, account=runtime.account)
    if runtime.telemetry:
        telemetry.start_traces(in_lambda=runtime.in_lambda)
    where = (runtime.store, runtime.dry_run)
    if where not in _stores:
        _stores[where] = open_store(runtime.store, read_only=runtime.dry_run)
    return Session(runtime=runtime, environ=environ, store=_stores[where], clock=system_clock, file=None)


def _remaining(context: object) -> Callable[[], float]:
    """Seconds that this invocation has left; a laptop's has all the time there is."""
    tell = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: float("inf")) if tell is None else (lambda: float(tell()) / 1000)
