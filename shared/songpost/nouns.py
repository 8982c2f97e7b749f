"""`dataclass` and `replace` for nouns: the standard library's, written later and done quicker.

`dataclasses` writes and compiles six methods for each class, half a millisecond. Importing the core makes a hundred
classes; a run makes objects of a part of them and compares, hashes or shows those of a few. So fields and slots are
made at once, and where a method belongs stands a descriptor that has `dataclasses` write it, no other way than it
always does, when somebody calls it or looks it up (docs/decisions/0129). And `replace` copies the slots of a noun that
has nothing to check, instead of calling its `__init__` with every field: a tick does it dozens of times. To mypy these
*are* `dataclasses.dataclass` and `dataclasses.replace`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "replace"]

_MAKING: Mapping[str, bool] = {"repr": False, "eq": False}
_SHOWING: Mapping[str, bool] = {"init": False, "slots": True}
_LATER: Mapping[str, Mapping[str, bool]] = {
    "__init__": _MAKING,
    "__setattr__": _MAKING,
    "__delattr__": _MAKING,
    "__repr__": _SHOWING,
    "__eq__": _SHOWING,
    "__hash__": _SHOWING,
    "__getstate__": _SHOWING,
    "__setstate__": _SHOWING,
}
"""The methods of a frozen dataclass with slots, each with what `dataclasses` is asked for, besides frozen, to write it:
those that every object needs, and those that few do.
"""


class _Later:
    """Stands for a method of a noun until it is asked for."""

    def __init__(self, noun: type, name: str) -> None:
        self._noun, self._name = noun, name

    def __get__(self, instance: object, owner: type | None = None) -> object:
        _write(self._noun, _LATER[self._name])
        return self._noun.__dict__[self._name].__get__(instance, owner)


def _write(noun: Any, words: Mapping[str, bool]) -> None:  # a class with what `dataclasses` leaves on one
    """Have `dataclasses` make a twin with the same name and fields, and put its methods where they belong."""
    made_of = {
        "__module__": noun.__module__,
        "__qualname__": noun.__qualname__,
        "__doc__": noun.__doc__,  # where there is none, `dataclasses` would write the signature
        "__annotations__": noun.__annotations__,
        **{field.name: field for field in dataclasses.fields(noun)},
    }
    write: Callable[[type], type] = dataclasses.dataclass(frozen=True, **words)
    twin = write(type(noun.__name__, (), made_of))
    for name, wanted in _LATER.items():
        if wanted is words and isinstance(noun.__dict__.get(name), _Later):
            setattr(noun, name, twin.__dict__[name])


@cache
def _slots(noun: type) -> Mapping[str, Callable[[object, object], None]] | None:
    """What sets each field of a dataclass, by its name; `None` where making one is more than setting its fields."""
    if hasattr(noun, "__post_init__"):
        return None
    found = {field.name: getattr(noun, field.name, None) for field in dataclasses.fields(noun) if field.init}
    members = {name: slot.__set__ for name, slot in found.items() if inspect.ismemberdescriptor(slot)}
    return members if len(members) == len(dataclasses.fields(noun)) else None


if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def replace(noun: object, /, **changes: object) -> object:
        """A copy of a dataclass with other values in some of its fields.

        Raises `TypeError` for a field that it does not have, and for what is no dataclass.
        """
        kind = noun.__class__
        slots = _slots(kind)
        if slots is None:
            return dataclasses.replace(noun, **changes)
        made = object.__new__(kind)
        for name, put in slots.items():
            put(made, changes.pop(name) if name in changes else getattr(noun, name))
        if changes:
            raise TypeError(f"{kind.__name__} has no field {next(iter(changes))!r}")
        return made

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """What `dataclasses.dataclass` makes of the same words, a piece at a time.

        For frozen classes with slots, that inherit from none and pass nothing on. Raises `TypeError` for others.
        """
        if not (frozen and slots):
            raise TypeError("a noun is frozen and has slots")

        def made(cls: type) -> type:
            bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
            noun = bare(cls)
            for name in _LATER.keys() - cls.__dict__.keys():
                setattr(noun, name, _Later(noun, name))
            return noun

        return made
