"""Commands that only look: `plan`, `budget`, `limits`, `actions`. Tables in colour on a terminal, plain when piped."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from songpost.account_documents import UNUSED, Bucket
from songpost.agent import documents, planning, summary
from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of
from songpost.cli.terminal import BAD, GOOD, WIDTH, bar, shown, table
from songpost.core import breakers, rate_limits
from songpost.core import budget as ceilings
from songpost.core.snapshot import Snapshot
from songpost.errors import NotFound, UsageError, quote
from songpost.model import Action, Json, Kind, State, event_digest

if TYPE_CHECKING:
    from rich.console import Console

    from songpost.cli.terminal import Cell

_Enum = TypeVar("_Enum", bound=StrEnum)


STYLES = {State.SENT: "green", State.UNKNOWN: "yellow", State.REFUSED: "red", State.PARTIAL: "yellow"}


def listing(page: Console, actions: Sequence[Action]) -> None:
    """Print actions, newest first: a line each, and under it why it is where it is."""
    page.print(f"{'due (UTC)':<13}{'state':<11}{'key':<36}post", style="bold")
    for action in actions:
        line = f"{action.due_at:%m-%d %H:%M}  {action.state.value:<11}{action.key:<36}"
        # A key longer than its column (a delete names the post's own) leaves the id a line of its own.
        gap = "" if len(action.key) < 36 else f"\n{'':<60}"
        page.print(f"{line}{gap}{action.post_id}".rstrip(), style=STYLES.get(action.state), overflow="fold")
        for reason in textwrap.wrap(action.reason, 66):
            page.print(f"{'':<13}{reason}", style="dim")
    if not actions:
        page.print("none")


def plan(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """The slots of a local day."""
    with session_of(words, environ) as session:
        snapshot = session.open().snapshot
        day = planning.local_day(snapshot, session.clock())
        if words.date:
            try:
                day = date.fromisoformat(words.date)
            except ValueError:
                raise UsageError(f"{quote(words.date)} is no date", where="--date", mend="write 2026-11-23") from None
        found = planning.planned(snapshot, session.given.texts, day)
        if words.json:
            print_json(documents.encode(found))
            return 0
        zone = ZoneInfo(found.zone)
        print(f"Plan of {found.date} ({found.zone})")
        for slot in found.slots:
            state = "skipped" if slot.skipped else "handed out" if slot.taken else "free"
            print(f"\n  {slot.due_at.astimezone(zone):%a %H:%M} {slot.window:<14} {state}")
            print(f"    key    {slot.key}\n    arm    {slot.arm}")
            for line in (line for step in slot.steps for line in step.text.splitlines()):
                print(f"    | {line}")
        for left_out in found.left_out:
            print(f"\n  left out: {left_out}")
        for line in found.running_dry:
            print(f"\n  runs dry: {line}")
    return 0


@dataclass(frozen=True, slots=True)
class Purse:
    """An account's ceilings and what would stop it, at a time."""

    snapshot: Snapshot
    at: datetime


def budget(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Every ceiling, what is used and left; whether the account is paused, and how near its breakers are."""
    return shown(
        words,
        environ,
        lambda session: Purse(session.open().snapshot, session.clock()),
        tell=_purse_json,
        draw=_draw_purse,
    )


def _purse_json(purse: Purse) -> dict[str, Json]:
    control, today = purse.snapshot.control, _today(purse)
    return {
        **summary.of_budget(purse.snapshot, purse.at),
        "control": documents.encode(control),
        "breakers": {
            "RefusalRun": {"limit": breakers.REFUSALS, "used": control.refusals},
            "SpendSlope": {
                "limit": summary.usd(breakers.forecast_micros(purse.snapshot, purse.at)),
                "used": summary.usd(today),
            },
        },
    }


def _today(purse: Purse) -> int:
    return purse.snapshot.usage.days.get(purse.at.date().isoformat(), UNUSED).spent_micros


def _draw_purse(page: Console, purse: Purse) -> None:
    control = purse.snapshot.control
    if control.paused:
        since = f" since {control.changed_at:%Y-%m-%d %H:%M} UTC" if control.changed_at else ""
        by = f" by {control.changed_by}" if control.changed_by else ""
        for line in textwrap.wrap(f"PAUSED{since}{by}: {control.reason or 'no reason given'}", WIDTH):
            page.print(line, style=f"bold {BAD}")
        page.print("'songpost resume' lets it act again")
    else:
        page.print("Running: no one has paused it, no breaker has tripped", style=GOOD)
    rows: list[list[Cell]] = []
    for ceiling in ceilings.overview(purse.snapshot.settings, purse.snapshot.usage, purse.at):
        figures = (ceiling.limit, ceiling.used, ceiling.left)
        written = [f"${figure / 1e6:,.3f}" if ceiling.money else f"{figure:,}" for figure in figures]
        part = ceiling.used / ceiling.limit if ceiling.limit else 1.0
        rows.append([ceiling.name, *written, bar(page, part), f"{ceiling.resets_at:%Y-%m-%d}"])
    page.print()
    columns = ("ceiling", "limit", "used", "left", "", "whole again")
    table("Budget (UTC)", columns, rows, right=(1, 2, 3), page=page)
    expected, today = breakers.forecast_micros(purse.snapshot, purse.at), _today(purse)
    trips = [
        ("RefusalRun", f"{breakers.REFUSALS} in a row", str(control.refusals), control.refusals / breakers.REFUSALS),
        ("SpendSlope", f"above ${expected / 1e6:.3f}", f"${today / 1e6:.3f}", today / expected if expected else 0.0),
    ]
    page.print()
    drawn: list[list[Cell]] = [[name, limit, used, bar(page, part)] for name, limit, used, part in trips]
    table("Breakers, which pause it", ("breaker", "trips at", "now", ""), drawn, right=(1, 2), page=page)


def limits(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Rate limits as the headers last told them, and the plan's defaults where none has spoken."""
    return shown(
        words,
        environ,
        _buckets,
        tell=lambda found: {name: documents.encode(bucket) for name, bucket in found.items()},
        draw=_draw_limits,
    )


def _buckets(session: Session) -> dict[str, Bucket]:
    snapshot, now = session.open().snapshot, session.clock()
    buckets: dict[str, Bucket] = {}
    for endpoint in dict.fromkeys((*rate_limits.ENDPOINTS.values(), rate_limits.ME, rate_limits.TIMELINE)):
        buckets |= rate_limits.current(snapshot.limits, snapshot.settings.plan, endpoint, now)
    return buckets


def _draw_limits(page: Console, buckets: Mapping[str, Bucket]) -> None:
    rows: list[list[Cell]] = [
        [
            name,
            f"{bucket.remaining:,}",
            f"{bucket.limit:,}",
            bar(page, 1 - bucket.remaining / bucket.limit if bucket.limit else 1.0),
            f"{bucket.reset_at:%H:%M:%S}",
            bucket.source,
        ]
        for name, bucket in sorted(buckets.items())
    ]
    table("Rate limits (UTC)", ("bucket", "left", "limit", "", "reset", "told by"), rows, right=(1, 2), page=page)


def actions(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """What was done, newest first."""
    kind = _member(Kind, words.kind, "--kind")
    state = _member(State, words.state, "--state")
    if words.limit < 1:
        raise UsageError(f"{words.limit} is no number of actions", where="--limit", mend="give 1 or more")

    def found(session: Session) -> list[Action]:
        stored = session.store.actions(session.account, kind=kind, state=state, limit=words.limit)
        return [one.action for one in stored]

    return shown(words, environ, found, tell=lambda known: [documents.encode(action) for action in known], draw=listing)


def _member(kind: type[_Enum], word: str | None, where: str) -> _Enum | None:
    if word is None:
        return None
    try:
        return kind(word)
    except ValueError:
        names = ", ".join(member.value for member in kind)
        raise UsageError(f"{quote(word)} is not one of {names}", where=where, mend="correct it") from None


def action(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """One action's story: every line of its history, every attempt, what it cost."""
    with session_of(words, environ) as session:
        stored = session.store.action(session.account, words.key)
        if stored is None:
            raise NotFound("no such action", where=words.key, mend="see 'songpost actions'")
        if words.json:
            print_json(documents.encode(stored.action))
            return 0
        _story(stored.action)
    return 0


def _story(action: Action) -> None:
    print(f"{action.key}: {action.state.value}")
    if action.reason:
        print(f"  {action.reason}")
    for line in (line for step in action.steps for line in step.text.splitlines()):
        print(f"  | {line}")
    previous = ""
    print("\nHistory (UTC)")
    for event in action.history:
        broken = "" if event_digest(previous, event, action.key) == event.digest else "  CHAIN BROKEN HERE"
        print(f"  {event.at:%Y-%m-%d %H:%M:%S} {event.state.value:<10} {event.note}{broken}")
        previous = event.digest
    for number, attempt in enumerate(action.attempts, 1):
        spent = "open" if attempt.settled_micros is None else f"${attempt.settled_micros / 1e6:.3f} spent"
        print(
            f"\nAttempt {number} of {attempt.started_at:%Y-%m-%d %H:%M:%S}: {attempt.outcome or 'under way'}\n"
            f"  ${attempt.reserved_micros / 1e6:.3f} booked, {spent}; lease until {attempt.lease_until:%H:%M:%S}; "
            f"{attempt.reads} looks"
        )
