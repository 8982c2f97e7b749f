"""The command's words: what a sub-command is made of, and the parser that a table of them becomes.

The table is `commands.py`. No work is done here, and nothing heavy is imported.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from songpost import __version__


@dataclass(frozen=True, slots=True)
class Word:
    """One argument as `add_argument` takes it: its names, and what else it is told."""

    names: tuple[str, ...]
    told: Mapping[str, object]


def word(*names: str, **told: object) -> Word:
    """Write a row's argument."""
    return Word(names, told)


@dataclass(frozen=True, slots=True)
class Row:
    """One command, or a group of commands (`deeper`) that may be one itself.

    `command` is the function in `room` where it is not called as the command is; a row without a room only groups.
    `one_of` are words of which exactly one is given.
    """

    name: str
    line: str
    example: str = ""
    room: str = ""
    words: tuple[Word, ...] = ()
    one_of: tuple[Word, ...] = ()
    deeper: tuple[Row, ...] = ()
    command: str = ""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of at most 80 columns, with the examples' lines kept as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=80)


def parser(rows: Iterable[Row]) -> argparse.ArgumentParser:
    """Build the parser of `songpost` from its commands."""
    top = argparse.ArgumentParser(
        prog="songpost",
        description="Runs an X account by itself: once, under the ceiling, accountable.",
        epilog="Every command has --help with an example, and --json for machines.",
        formatter_class=_Help,
    )
    top.add_argument("--version", action="version", version=f"songpost {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for row in rows:
        _add(commands, row)
    return top


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    row: Row,
) -> None:
    made = commands.add_parser(
        row.name,
        help=row.line,
        description=textwrap.fill(row.line[0].upper() + row.line[1:] + ".", 80),
        epilog=f"example:\n  {row.example}" if row.example else None,
        formatter_class=_Help,
    )
    if row.room:
        made.set_defaults(room=row.room, command=row.command or row.name)
        made.add_argument("--account", metavar="A", help="the account (default: SONGPOST_ACCOUNT, or 'default')")
        made.add_argument("--json", action="store_true", help="one JSON document on standard output")
    for one in row.words:
        made.add_argument(*one.names, **one.told)  # type: ignore[arg-type]  # the table's words are argparse's own
    if row.one_of:
        group = made.add_mutually_exclusive_group(required=True)
        for one in row.one_of:
            group.add_argument(*one.names, **one.told)  # type: ignore[arg-type]  # as above
    if row.deeper:
        grouping = {"title": "one action", "metavar": ""} if row.room else {"title": "commands", "metavar": "COMMAND"}
        deeper = made.add_subparsers(required=not row.room, **grouping)
        for below in row.deeper:
            _add(deeper, below)
