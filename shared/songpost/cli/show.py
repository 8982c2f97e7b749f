"""Commands that only look: `plan`, `budget`, `limits`, `actions`. Tables in colour on a terminal, plain when piped."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from songpost.account_documents import Bucket
from songpost.agent import documents, planning, summary
from songpost.cli.opening import print_json, session_of
from songpost.core import budget as ceilings
from songpost.core import rate_limits
from songpost.errors import NotFound, UsageError, quote
from songpost.model import Action, Kind, State, event_digest

_Enum = TypeVar("_Enum", bound=StrEnum)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print a table of at most 80 columns where nobody watches, and of the terminal's width where somebody does."""
    from rich.console import Console
    from rich.table import Table

    console = Console(emoji=False)
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn, markup=False, highlight=False)


STYLES = {State.SENT: "green", State.UNKNOWN: "yellow", State.REFUSED: "red", State.PARTIAL: "yellow"}


def listing(actions: Sequence[Action]) -> None:
    """Print actions, newest first: a line each, and under it why it is where it is."""
    from rich.console import Console

    console = Console(emoji=False, highlight=False, markup=False)
    console.print(f"{'due (UTC)':<13}{'state':<11}{'key':<36}post", style="bold")
    for action in actions:
        line = f"{action.due_at:%m-%d %H:%M}  {action.state.value:<11}{action.key:<36}{action.post_id}"
        console.print(line.rstrip(), style=STYLES.get(action.state), overflow="fold")
        for reason in textwrap.wrap(action.reason, 66):
            console.print(f"{'':<13}{reason}", style="dim")


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
            for line in slot.text.splitlines():
                print(f"    | {line}")
        for left_out in found.left_out:
            print(f"\n  left out: {left_out}")
    return 0


def budget(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Every ceiling, what is used and left."""
    with session_of(words, environ) as session:
        snapshot, now = session.open().snapshot, session.clock()
        if words.json:
            print_json(summary.of_budget(snapshot, now))
            return 0
        rows = []
        for ceiling in ceilings.overview(snapshot.settings, snapshot.usage, now):
            figures = (ceiling.limit, ceiling.used, ceiling.left)
            shown = [f"${figure / 1e6:,.3f}" if ceiling.money else f"{figure:,}" for figure in figures]
            rows.append([ceiling.name, *shown, f"{ceiling.resets_at:%Y-%m-%d}"])
        table("Budget (UTC)", ("ceiling", "limit", "used", "left", "whole again"), rows, right=(1, 2, 3))
    return 0


def limits(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Rate limits as the headers last told them, and the plan's defaults where none has spoken."""
    with session_of(words, environ) as session:
        snapshot, now = session.open().snapshot, session.clock()
        plan_of = snapshot.settings.plan
        buckets: dict[str, Bucket] = {}
        for endpoint in dict.fromkeys((*rate_limits.ENDPOINTS.values(), rate_limits.ME, rate_limits.TIMELINE)):
            buckets |= rate_limits.current(snapshot.limits, plan_of, endpoint, now)
        if words.json:
            print_json({name: documents.encode(bucket) for name, bucket in buckets.items()})
            return 0
        rows = [
            [name, f"{bucket.remaining:,}", f"{bucket.limit:,}", f"{bucket.reset_at:%H:%M:%S}", bucket.source]
            for name, bucket in sorted(buckets.items())
        ]
        table("Rate limits (UTC)", ("bucket", "left", "limit", "reset", "told by"), rows, right=(1, 2))
    return 0


def actions(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """What was done, newest first."""
    kind = _member(Kind, words.kind, "--kind")
    state = _member(State, words.state, "--state")
    if words.limit < 1:
        raise UsageError(f"{words.limit} is no number of actions", where="--limit", mend="give 1 or more")
    with session_of(words, environ) as session:
        found = [
            stored.action
            for stored in session.store.actions(session.account, kind=kind, state=state, limit=words.limit)
        ]
        if words.json:
            print_json([documents.encode(action) for action in found])
            return 0
        listing(found)
    return 0


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
    for line in action.text.splitlines():
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
