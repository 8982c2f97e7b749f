"""What a tick that did nothing has asked of its account, so that a commit can be told from one that concerns it.

A tick is a function of the time (`moments.py`), of what it asks of its snapshot, and of what it reads of the store. The
reader's commits move counters that most ticks of the writer never look at: `Reliance` shows a snapshot that notes each
question with its answer, down to single entries of the documents that the reader writes, and tells whether a later
snapshot would answer the same. What is not looked into further (a plan, the actions) is relied on as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from songpost.account_documents import Position, Positions, Tally, Usage
from songpost.core.snapshot import Snapshot

FIELD, ITEM, HAS, KEYS = "field", "item", "has", "keys"
Path = tuple[tuple[str, str], ...]
"""How one gets from a snapshot to what was asked: the way of each step, and the name of the field or entry."""
_LOOKED_INTO = (Snapshot, Usage, Tally, Positions, Position)
_ABSENT = object()


class Reliance:
    """The questions that were asked of one snapshot, and their answers."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._answers: dict[Path, object] = {}
        self._shown: dict[Path, Any] = {}
        self.view: Snapshot = self.shown(snapshot, ())
        """The snapshot, to be asked."""

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether another snapshot of the account gives every answer that this one gave."""
        for path, answer in self._answers.items():
            now = _followed(snapshot, path)
            if now is not answer and now != answer:
                return False
        return True

    def note(self, path: Path, value: object) -> None:
        """Remember an answer."""
        if path not in self._answers:
            self._answers[path] = value if _is_whole(path) else _kind(value)

    def shown(self, value: Any, path: Path) -> Any:
        """A value as a tick gets to see it: always the same object for the same path."""
        known = self._shown.get(path)
        if known is not None:
            return known
        kind = _looked_into(value.__class__)
        if kind is None or _is_whole(path):
            return value
        made = self._shown[path] = Asked(self, path, value) if kind is Mapping else _asked(self, path, value)
        return made


def _is_whole(path: Path) -> bool:
    """Whether what lies here is relied on as a whole: of a snapshot's own mappings all but the versions."""
    return len(path) == 1 and path[0][1] in {"plans", "actions"}


def _kind(value: Any) -> object:
    """What an answer is remembered as: a value, or of what is looked into further only its kind."""
    return _looked_into(value.__class__) or value


@cache
def _looked_into(of: type) -> type | None:
    """The kind that values of a class are of, where they are looked into further."""
    return next((kind for kind in (*_LOOKED_INTO, Mapping) if issubclass(of, kind)), None)


def _followed(snapshot: Snapshot, path: Path) -> object:
    """The answer that a snapshot gives at the end of a path."""
    value: Any = snapshot
    for way, name in path:
        if way == FIELD:
            value = getattr(value, name, _ABSENT)
        elif not isinstance(value, Mapping):
            return _ABSENT
        elif way == ITEM:
            value = value.get(name, _ABSENT)
        else:
            value = tuple(value) if way == KEYS else name in value
    return value if _is_whole(path) else _kind(value)


class Asked(Mapping[str, Any]):
    """A mapping of a snapshot that notes which of its entries are looked at."""

    def __init__(self, reliance: Reliance, path: Path, plain: Mapping[str, Any]) -> None:
        self._reliance, self._path, self._plain = reliance, path, plain

    def __getitem__(self, name: str) -> Any:
        path = (*self._path, (ITEM, name))
        found = self._plain.get(name, _ABSENT)
        shown = self._reliance.shown(found, path)
        self._reliance.note(path, shown)
        if found is _ABSENT:
            raise KeyError(name)
        return shown

    def __contains__(self, name: object) -> bool:
        found = name in self._plain
        self._reliance.note((*self._path, (HAS, str(name))), found)
        return found

    def __iter__(self) -> Iterator[str]:
        self._reliance.note((*self._path, (KEYS, "")), tuple(self._plain))
        return iter(self._plain)

    def __len__(self) -> int:
        self._reliance.note((*self._path, (KEYS, "")), tuple(self._plain))
        return len(self._plain)


def _asked(reliance: Reliance, path: Path, noun: Any) -> Any:
    """A noun that notes which of its fields are looked at; equal to the plain one to nobody."""
    kind = _asking(noun.__class__)
    made = object.__new__(kind)
    for one in fields(noun):
        object.__setattr__(made, one.name, getattr(noun, one.name))
    object.__setattr__(made, "_asked_by", (reliance, path))
    return made


@cache
def _asking(noun: Any) -> type[Any]:
    """The kind of such nouns. One that `replace` makes of another notes nothing, but keeps the parts that do."""
    names = frozenset(one.name for one in fields(noun))
    plain = object.__getattribute__

    def read(self: Any, name: str) -> Any:
        value = plain(self, name)
        if name not in names:
            return value
        try:
            reliance, path = plain(self, "_asked_by")
        except AttributeError:
            return value
        path = (*path, (FIELD, name))
        shown = reliance.shown(value, path)
        reliance.note(path, shown)
        return shown

    return type(f"Asked{noun.__name__}", (noun,), {"__slots__": ("_asked_by",), "__getattribute__": read})
