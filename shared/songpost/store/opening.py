"""A store from its URL: `sqlite:///data/songpost.db`, `sqlite:////absolute/path`, `dynamodb://TABLE`.

Each adapter is imported only when its URL asks for it: a laptop's dry run pays for no AWS library.
"""

from __future__ import annotations

import re
from pathlib import Path

from songpost.errors import VariableError, quote
from songpost.store.port import Store

_VARIABLE = "SONGPOST_STORE"
_SQLITE = re.compile(r"sqlite:///(?P<path>[^?#~:\x00-\x1f][^?#:\x00-\x1f]*)")
_DYNAMODB = re.compile(r"dynamodb://(?P<table>[A-Za-z0-9_.-]{3,255})/?")
_MEND = "write sqlite:///data/songpost.db, sqlite:////an/absolute/path.db or dynamodb://TABLE"


def open_store(url: str, *, read_only: bool) -> Store:
    """Open the store that `url` names; with `read_only` nothing can be changed through it.

    Raises `VariableError` for a URL of another form, and what the adapter raises on opening.
    """
    if found := _SQLITE.fullmatch(url):
        from songpost.store.sqlite import open_sqlite

        return open_sqlite(Path(found["path"]), read_only=read_only)
    if found := _DYNAMODB.fullmatch(url):
        from songpost.store.dynamodb import open_dynamodb

        return open_dynamodb(found["table"], read_only=read_only)
    shown = re.sub(r"//.*@", "//…@", url)  # a password has no place here, but people put it there
    raise VariableError(f"no store is named {quote(shown)}", where=_VARIABLE, mend=_MEND)
