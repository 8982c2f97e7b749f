"""The database of the agent that Songpost replaces, read once: what it posted, and how that did.

Its actions and texts guard against repeats, its metrics teach the learner; its own bandit table was never used by its
choice and is left where it is. Like `settings_file.py` this is the edge: no function imports it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from songpost.core import reward
from songpost.core.learning_state import Reward
from songpost.core.reward import NotCredited
from songpost.errors import StoreUnreadable, quote
from songpost.model import Action, Arm, Kind, State, recorded

MAGIC = b"SQLite format 3\x00"
_METRICS = ("like_count", "reply_count", "retweet_count", "quote_count", "impression_count")


@dataclass(frozen=True, slots=True)
class Past:
    """One thing that the earlier agent did, as a closed action, with its reward where its metrics give one."""

    action: Action
    reward: Reward | None


@dataclass(frozen=True, slots=True)
class Seed:
    """The earlier agent's past, and rows that could not be read, by what was wrong."""

    past: tuple[Past, ...]
    texts: tuple[tuple[str, datetime], ...]
    left_out: tuple[str, ...]


def is_seed(path: Path) -> bool:
    """Whether a file is a SQLite database rather than an export."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read(path: Path) -> Seed:
    """Read the whole database. Raises `StoreUnreadable` where it is none of the earlier agent's."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return _read(connection, str(path))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreUnreadable(
            f"is no database of the earlier agent: {quote(str(error))}", where=str(path), mend="name agent_unified.db"
        ) from error


def _read(connection: sqlite3.Connection, where: str) -> Seed:
    connection.row_factory = sqlite3.Row
    tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "actions" not in tables:
        raise StoreUnreadable("has no table of actions", where=where, mend="name the earlier agent's agent_unified.db")
    metrics: dict[str, dict[str, int]] = {}
    if "metrics" in tables:
        for row in connection.execute("SELECT * FROM metrics"):
            counts = {name: row[name] for name in _METRICS if isinstance(row[name], int)}
            metrics[str(row["post_id"])] = counts
    past: list[Past] = []
    left_out: list[str] = []
    for row in connection.execute("SELECT * FROM actions ORDER BY dt, id"):
        found = _past(row, metrics)
        if isinstance(found, Past):
            past.append(found)
        else:
            left_out.append(found)
    texts = tuple(_texts(connection, tables))
    return Seed(past=tuple(past), texts=texts, left_out=tuple(left_out))


def _past(row: sqlite3.Row, metrics: dict[str, dict[str, int]]) -> Past | str:
    """One row as a closed action; or why it is none."""
    place = f"actions {row['id']}"
    try:
        kind = Kind(row["kind"])
        at = _time(row["dt"])
    except ValueError:
        return f"{place}: {quote((row['kind'], row['dt']))} is no action of a known kind and time"
    own = row["ref_id"] if kind is Kind.REPLY else row["post_id"]
    target = row["post_id"] if kind is not Kind.POST else ""
    if kind is Kind.POST and not own:
        return f"{place}: a post without an id was never made"
    window = str(row["slot"] or "-").replace("/", "-")
    arm = Arm(str(row["topic"]), window, media=bool(row["media"])) if kind is Kind.POST and row["topic"] else None
    action = Action(
        key=f"{kind.value}/{at.date().isoformat()}/{window}/seed-{row['id']}",
        kind=kind,
        state=State.SENT,
        created_at=at,
        updated_at=at,
        due_at=at,
        closes_at=at,
        window=window,
        text=str(row["text"] or ""),
        arm=arm,
        target_id=str(target or ""),
        post_id=str(own or "") if kind in {Kind.POST, Kind.REPLY} else "",
        posted_at=at,
    )
    counts = metrics.get(action.post_id, {})
    earned = reward.reward_of(counts) if arm is not None and counts else None
    return Past(
        action=recorded(action, at, "done by the earlier agent"),
        reward=None if isinstance(earned, NotCredited) else earned,
    )


def _texts(connection: sqlite3.Connection, tables: set[str]) -> Iterator[tuple[str, datetime]]:
    """Texts that only the earlier agent's own duplicate guard remembers."""
    if "text_hashes" not in tables:
        return
    for row in connection.execute("SELECT text, dt FROM text_hashes WHERE text IS NOT NULL ORDER BY dt"):
        try:
            yield str(row["text"]), _time(row["dt"])
        except ValueError:
            continue


def _time(value: object) -> datetime:
    """Its times are ISO 8601 text in UTC, with or without saying so."""
    at = datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
