"""`songpost replay` and `songpost explain`: every decision made again, and one action's story in plain words."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime

from songpost.cli.opening import print_json, session_of
from songpost.errors import UsageError, quote
from songpost.lab import explain as stories
from songpost.lab import replay as again
from songpost.lab.explain import Story
from songpost.lab.simulation.record import to_json

COLUMNS = 80


def replay(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Make every stored decision again; a difference is an error that shows both."""
    since = _since(words.since)
    with session_of(words, environ) as session:
        found = again.replay(session.store, session.account, since)
    if words.json:
        print_json(to_json(found))
    else:
        wrong = len({(one.day, one.decision) for one in found.differences})
        same = "all come out the same" if not wrong else f"{wrong} come out otherwise"
        print(f"{found.decisions:,} decisions of {found.days:,} plans made again: {same}.")
    for one in found.differences:
        print(
            f"songpost: difference: {one.day}, decision {one.decision}, {one.field}\n"
            f"  stored   {one.stored}\n  rebuilt  {one.rebuilt}",
            file=sys.stderr,
        )
    return 1 if found.differences else 0


def _since(told: str | None) -> datetime | None:
    """A time, or a date in UTC. Raises `UsageError`."""
    if told is None:
        return None
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise UsageError(f"{quote(told)} is no date or time", where="--since", mend="write 2026-11-22") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def explain(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Tell one action's story."""
    with session_of(words, environ) as session:
        story = stories.explain(session.store, session.account, words.key, session.given.settings.timezone)
    if words.json:
        print_json(to_json(story))
    else:
        _tell(story)
    return 0


def _tell(story: Story) -> None:
    print(f"{story.key}: {story.state}")
    for line in story.text.splitlines():
        for row in textwrap.wrap(line, COLUMNS - 4) or [""]:
            print(f"  | {row}")
    for part in story.parts:
        print(f"\n{part.title}")
        for sentence in part.sentences:
            for row in textwrap.wrap(sentence, COLUMNS, initial_indent="  ", subsequent_indent="    "):
                print(row)
