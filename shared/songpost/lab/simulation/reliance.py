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

from songpost.account_documents import Position, Positions, Usage
from songpost.core.snapshot import Snapshot

FIELD, ITEM, HAS, KEYS = "field", "item", "has", "keys"
"""The ways of asking: for a field of a noun, for an entry of a mapping, whether it has one, for all of its keys."""
_LOOKED_INTO = (Snapshot, Usage, Positions, Position)
_AS_A_WHOLE = frozenset({"plans", "actions"})
"""What is relied on as a whole of a snapshot's own mappings: all but the versions."""
_ABSENT = object()
_UNASKED = object()


class Questions:
    """The questions that were asked of one value which is looked into, and their answers.

    The answer to a question for another such value are the questions that were asked of that one.
    """

    def __init__(self, plain: Any) -> None:
        self.plain = plain
        self.kind = _looked_into(plain.__class__)
        self._whole = _AS_A_WHOLE if self.kind is Snapshot else frozenset()
        self._answers: dict[tuple[str, str], object] = {}
        self._shown: dict[str, Any] = {}
        self.view: Any = Asked(self) if self.kind is Mapping else _asked(self)
        """The value as a tick gets to see it."""

    def ask(self, way: str, name: str) -> Any:
        """What a tick gets to see of a field or an entry: always the same object."""
        shown = self._shown.get(name, _UNASKED)
        if shown is not _UNASKED:
            return shown
        answer = shown = _answer(self.plain, way, name)
        if name not in self._whole and _looked_into(answer.__class__) is not None:
            answer = Questions(answer)
            shown = answer.view
        self._answers[way, name] = answer
        self._shown[name] = shown
        return shown

    def note(self, way: str, name: str) -> None:
        """Remember the answer to a question about what a mapping has."""
        if (way, name) not in self._answers:
            self._answers[way, name] = _answer(self.plain, way, name)

    def holds(self, value: Any) -> bool:
        """Whether another value gives every answer that this one gave."""
        if value is self.plain:
            return True
        if _looked_into(value.__class__) is not self.kind:
            return False
        for (way, name), answer in self._answers.items():
            now = _answer(value, way, name)
            if answer.holds(now) if isinstance(answer, Questions) else now is answer or now == answer:
                continue
            return False
        return True


class Reliance:
    """The questions that were asked of one snapshot, and their answers."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._questions = Questions(snapshot)
        self.view: Snapshot = self._questions.view
        """The snapshot, to be asked."""

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether another snapshot of the account gives every answer that this one gave."""
        return self._questions.holds(snapshot)


@cache
def _looked_into(of: type) -> type | None:
    """The kind that values of a class are of, where they are looked into further."""
    return next((kind for kind in (*_LOOKED_INTO, Mapping) if issubclass(of, kind)), None)


def _answer(value: Any, way: str, name: str) -> Any:
    """The answer of a value that is looked into."""
    if way == FIELD:
        return getattr(value, name)
    if way == ITEM:
        return value.get(name, _ABSENT)
    return tuple(value) if way == KEYS else name in value


class Asked(Mapping[str, Any]):
    """A mapping of a snapshot that notes which of its entries are looked at."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def __getitem__(self, name: str) -> Any:
        shown = self._questions.ask(ITEM, name)
        if shown is _ABSENT:
            raise KeyError(name)
        return shown

    def get(self, name: str, default: Any = None) -> Any:
        """The entry, or what else was given: asked without an error."""
        shown = self._questions.ask(ITEM, name)
        return default if shown is _ABSENT else shown

    def __contains__(self, name: object) -> bool:
        self._questions.note(HAS, str(name))
        return name in self._questions.plain

    def __iter__(self) -> Iterator[str]:
        self._questions.note(KEYS, "")
        return iter(self._questions.plain)

    def __len__(self) -> int:
        self._questions.note(KEYS, "")
        return len(self._questions.plain)


def _asked(questions: Questions) -> Any:
    """A noun that notes which of its fields are looked at; equal to the plain one to nobody."""
    made = object.__new__(_asking(questions.plain.__class__))
    object.__setattr__(made, "_asked_by", questions)
    return made


@cache
def _asking(noun: Any) -> type[Any]:
    """The kind of such nouns. One that `replace` makes of another notes nothing, but keeps the parts that do."""
    names = frozenset(one.name for one in fields(noun))

    def ask(self: Any, name: str) -> Any:
        # Only what is not set comes here, as nothing is before it was asked for: then it is, and stays as it is.
        if name not in names:
            raise AttributeError(name)
        shown = self._asked_by.ask(FIELD, name)
        object.__setattr__(self, name, shown)
        return shown

    return type(f"Asked{noun.__name__}", (noun,), {"__slots__": ("_asked_by",), "__getattr__": ask})
