"""Candidates: posts of others that an action may follow from, as the reader leaves them in the inbox.

Nouns only, like `model.py`. How they are kept, read and claimed is `agent/inbox.py`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from songpost.model import Kind
from songpost.nouns import dataclass

KEY_DIGITS = 20
"""Digits of an inbox key: no id of 64 bits has more, so keys sort as the ids do, by time."""


class Source(StrEnum):
    """Where a candidate was found."""

    MENTION = "mention"
    QUOTE = "quote"
    SEARCH = "search"
    WATCHLIST = "watchlist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One post of another user, and what may follow from it.

    `summons`: the author of this very post has @mentioned the account in it, or quoted one of the account's posts.
    `query` is the search that found it; `username` is empty where X did not tell it (a name costs a read of its
    own, and names change: the id is who it is). `text` is X's, unescaped and cut (`core/sighting.py`). `allowed` are
    the kinds that source, settings and plan leave; the gates still have their say. Times are UTC.
    """

    post_id: str
    source: Source
    author_id: str
    username: str = ""
    text: str
    posted_at: datetime
    seen_at: datetime
    expires_at: datetime
    conversation_id: str = ""
    replied_to: str = ""
    quoted: str = ""
    summons: bool = False
    query: str = ""
    allowed: tuple[Kind, ...] = ()
    schema_version: int = 1

    @property
    def key(self) -> str:
        """The key in the inbox."""
        return self.post_id.zfill(KEY_DIGITS)

    def action_key(self, kind: Kind) -> str:
        """The key of the one action of a kind that may follow: `reply/2026-11-22/<post id>`, by the post's own date."""
        return f"{kind.value}/{self.posted_at.date().isoformat()}/{self.post_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """A user who asked to be left alone, by which post, with which of the words."""

    user_id: str
    at: datetime
    post_id: str
    word: str
    schema_version: int = 1
