"""The port of a source of text: it is asked with what is remembered of it, and gives texts and what that cost.

Nothing here knows the store or the ledger: `agent/sourcing.py` books the worst price first, and settles after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from songpost.account_documents import Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source gave: a title (or the whole text), a link, and what tells it from others of the source."""

    title: str
    link: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What one look brought: entries, newest first; the tokens that it took; how to ask only for news next time."""

    entries: tuple[Entry, ...]
    input_tokens: int = 0
    output_tokens: int = 0
    etag: str = ""
    modified: str = ""
    note: str = ""


class Source(Protocol):
    """One feed or model."""

    def draw(self, origin: Origin) -> Drawn:
        """Ask it once. Raises `SourceError`; where the call may have been billed all the same, its booking stands."""
        ...
