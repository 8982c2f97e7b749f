"""`dataclass` for nouns: the standard library's, whose methods are written when one of them is first asked for.

`dataclasses` writes and compiles six methods for each class, half a millisecond. Importing the core makes a hundred
classes; a run makes objects of a part of them and compares, hashes or shows those of a few. So fields and slots are
made at once, and where a method belongs stands a descriptor that has `dataclasses` write it, no other way than it
always does, when somebody calls it or looks it up (docs/decisions/0129). To mypy this *is* `dataclasses.dataclass`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

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


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

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
