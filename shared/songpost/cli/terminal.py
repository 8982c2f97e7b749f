"""Pages for a person: tables with bars and colour on a terminal, plain when piped, and looked at again and again.

Colour follows rich's rules: none when piped, none where NO_COLOR is set. Bars are drawn on a terminal alone. Everything
fits 80 columns. rich is imported here and nowhere at the top of a module: what is not shown does not pay for it.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of
from songpost.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    Cell = str | Text

Found = TypeVar("Found")
WIDTH = 80
SHORTEST_SECONDS = 0.2
GOOD, WARN, BAD = "green", "yellow", "red"


def paper() -> Console:
    """What pages are drawn on: standard output, at most 80 columns wide."""
    from rich.console import Console

    console = Console(emoji=False, highlight=False, markup=False)
    return console if console.width <= WIDTH else Console(emoji=False, highlight=False, markup=False, width=WIDTH)


def shown(
    words: argparse.Namespace,
    environ: Mapping[str, str],
    look: Callable[[Session], Found],
    *,
    tell: Callable[[Found], object],
    draw: Callable[[Console, Found], None],
) -> int:
    """Look at an account and show what was found: as JSON, as a page, or with `--watch` as a page again and again."""
    seconds: float | None = words.watch
    if seconds is None:
        found = _looked(words, environ, look)
        if words.json:
            print_json(tell(found))
        else:
            draw(paper(), found)
        return 0
    if words.json:
        raise UsageError("--watch is for people, --json for machines", where="--watch", mend="give one of the two")
    if not (math.isfinite(seconds) and seconds >= SHORTEST_SECONDS):
        raise UsageError(f"{seconds:g} seconds cannot be waited", where="--watch", mend="give 0.2 or more")
    return _watched(lambda: _looked(words, environ, look), draw, seconds)


def _looked(words: argparse.Namespace, environ: Mapping[str, str], look: Callable[[Session], Found]) -> Found:
    with session_of(words, environ) as session:
        return look(session)


def _watched(look: Callable[[], Found], draw: Callable[[Console, Found], None], seconds: float) -> int:
    """Draw what `look` finds, every so many seconds; Ctrl-C leaves, and is no failure."""
    page = paper()
    try:
        while True:
            found = look()
            with page.capture() as drawn:
                draw(page, found)
            # Drawn before the screen is cleared: a slow look leaves the old page standing, not an empty screen.
            page.clear()
            page.file.write(drawn.get())
            page.print(f"\nlooked at {datetime.now(UTC):%H:%M:%S} UTC, every {seconds:g} s; Ctrl-C leaves", style="dim")
            page.file.flush()
            time.sleep(seconds)
    except KeyboardInterrupt:
        page.print()
    return 0


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    right: Sequence[int] = (),
    page: Console | None = None,
) -> None:
    """Print a table on a page, or on a fresh one; a column that holds nothing is left out, as bars are when piped."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False)
    kept = [index for index in range(len(columns)) if not rows or any(len(row[index]) for row in rows)]
    for index in kept:
        justify = "right" if index in right else "left"
        drawn.add_column(columns[index], justify=justify, overflow="fold")  # type: ignore[arg-type]  # one of two words
    for row in rows:
        drawn.add_row(*(row[index] for index in kept))
    sheet = page or paper()
    sheet.print(title, style="bold")
    sheet.print(drawn)


def bar(page: Console, part: float, cells: int = 8, style: str = "") -> Text:
    """A part of a whole (0 to 1, more is full) as a bar; nothing when piped. Full bars warn unless a style is given."""
    from rich.text import Text

    if not page.is_terminal:
        return Text("")
    full, empty = ("#", ".") if page.options.ascii_only else ("█", "░")
    filled = min(max(round(part * cells), 1 if part > 0 else 0), cells)
    colour = style or (GOOD if part < 0.7 else WARN if part < 0.9 else BAD)
    return Text(full * filled, style=colour) + Text(empty * (cells - filled), style="dim")


def span(page: Console, low: float, middle: float, high: float, most: float, cells: int = 12) -> Text:
    """An interval with its middle on a scale from 0 to `most`; nothing when piped."""
    from rich.text import Text

    if not page.is_terminal or most <= 0:
        return Text("")
    line, dot = ("-", "o") if page.options.ascii_only else ("─", "●")
    low_at, middle_at, high_at = (min(int(value / most * cells), cells - 1) for value in (low, middle, high))
    drawn = [line if low_at <= at <= high_at else " " for at in range(cells)]
    drawn[middle_at] = dot
    return Text("".join(drawn), style="cyan")
