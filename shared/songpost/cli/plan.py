"""`songpost plan skip`, `move` and `pin`: the owner's changes to the coming slots."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from songpost.agent import documents, plan_changes, planning
from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of, who
from songpost.errors import CommitRefused, UsageError, quote
from songpost.model import Text
from songpost.store.changes import key_date


def skip(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Let a slot's post not happen."""
    with session_of(words, environ, write=True) as session:
        after = plan_changes.skip(session.desk, session.open(), session.given.texts, words.key, by=who())
        if words.json:
            print_json(documents.encode(after))
        else:
            print(f"{after.key}: {after.reason}; its place stays empty")
    return 0


def move(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Give a slot another time."""
    with session_of(words, environ, write=True) as session:
        account = session.open()
        at = plan_changes.time_of(words.time, _day_of(words.key), account.snapshot.settings.timezone)
        after = plan_changes.move(session.desk, account, session.given.texts, words.key, at, by=who())
        if words.json:
            print_json(documents.encode(after))
        else:
            due = after.due_at.astimezone(ZoneInfo(account.snapshot.settings.timezone))
            taught = "" if after.arm is not None else "; out of its window, so the learner learns nothing from it"
            print(f"{after.key}: now at {due:%a %Y-%m-%d %H:%M}{taught}")
    return 0


def pin(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Put a text into the plan."""
    with session_of(words, environ, write=True) as session:
        account, texts = session.open(), session.given.texts
        snapshot = account.snapshot
        at = plan_changes.time_of(words.time, planning.local_day(snapshot, session.clock()), snapshot.settings.timezone)
        wanted = Text(id="", topic="", variants=(words.text,)) if words.content is None else _named(session, words)
        slot = plan_changes.pin(session.desk, account, texts, at, wanted, by=who())
        if words.json:
            print_json(documents.encode(slot))
        else:
            due = slot.due_at.astimezone(ZoneInfo(snapshot.settings.timezone))
            print(f"{slot.key}: pinned at {due:%a %Y-%m-%d %H:%M}")
            print("\n".join(f"  | {line}" for line in slot.text.splitlines()))
    return 0


def _named(session: Session, words: argparse.Namespace) -> Text:
    return plan_changes.of_library(session.given.texts, words.content)


def _day_of(key: str) -> date:
    try:
        return date.fromisoformat(key_date(key))
    except CommitRefused:
        raise UsageError(f"{quote(key)} is no slot's key", where="KEY", mend="see 'songpost plan'") from None
