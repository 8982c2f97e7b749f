"""Nouns whose methods are written later behave as the standard library's dataclasses do from the start."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter, ValidationError

from songpost import nouns


@nouns.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A noun with defaults of every kind, and a word of its own about how it is shown."""

    seen: Mapping[str, int] = field(default_factory=dict)
    name: str
    marks: tuple[int, ...] = ()

    def __repr__(self) -> str:
        """Its name alone."""
        return f"<{self.name}>"


def _noun() -> type[Any]:
    """A noun of which nothing was asked yet."""

    @nouns.dataclass(frozen=True, slots=True)
    class Point:
        """A place."""

        x: int
        y: int = 0

    return Point


def _plain() -> type[Any]:
    """The same by the standard library alone."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        """A place."""

        x: int
        y: int = 0

    return Point


def _refusal(act: Callable[[], object]) -> str:
    try:
        return f"nothing: {act()}"
    except (AttributeError, TypeError) as error:
        return f"{type(error).__name__}: {error}".replace("_plain", "_noun")


ASKED: Mapping[str, Callable[[Any], object]] = {
    "a field": lambda kind: kind(1).x,
    "a keyword": lambda kind: kind(1, y=2).y,
    "what is missing": _refusal,
    "what is too much": lambda kind: _refusal(lambda: kind(1, z=2)),
    "equality": lambda kind: [kind(1) == kind(1, 0), kind(1) == kind(2), kind(1) == (1, 0), kind(1) != kind(1)],
    "hash": lambda kind: hash(kind(3, 4)),
    "repr": lambda kind: repr(kind(3)).replace("_plain", "_noun"),
    "replace": lambda kind: dataclasses.replace(kind(1), y=5).y,
    "as a tuple": lambda kind: dataclasses.astuple(kind(1, 2)),
    "a change": lambda kind: _refusal(lambda: setattr(kind(1), "x", 2)),
    "a deletion": lambda kind: _refusal(lambda: delattr(kind(1), "x")),
    "a copy": lambda kind: copy.deepcopy(kind(1, 2)) == kind(1, 2),
    "its state": lambda kind: kind(1).__getstate__(),
    "the signature": lambda kind: str(inspect.signature(kind)),
    "what matches": lambda kind: (kind.__match_args__, kind.__slots__),
    "the fields": lambda kind: [(one.name, one.type, one.kw_only) for one in dataclasses.fields(kind)],
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_noun_answers_as_a_dataclass_does(asked: str) -> None:
    """Whatever is asked of a noun first, and again, the answer is that of the standard library's class."""
    ask, noun = ASKED[asked], _noun()
    assert ask(_plain()) == ask(noun) == ask(noun)


@pytest.mark.parametrize("first", ASKED)
def test_no_question_spoils_another(first: str) -> None:
    """After any first question all others are answered as ever."""
    noun = _noun()
    ASKED[first](noun)
    assert [ask(_plain()) for ask in ASKED.values()] == [ask(noun) for ask in ASKED.values()]


def test_own_methods_stay() -> None:
    """A method that the class writes itself is kept, and defaults that are made are made each time."""
    one, other = Named(name="a"), Named(name="a")
    assert ("<a>", True, False) == (repr(one), one == other, one.seen is other.seen)
    assert one == pickle.loads(pickle.dumps(one))  # noqa: S301 - our own bytes


def test_codecs_know_nouns() -> None:
    """The codecs, msgspec and pydantic, read and write a noun of which nothing was asked before."""
    kind = _noun()
    assert kind(1, 2) == msgspec.convert({"x": 1, "y": 2}, kind)
    assert {"x": 1, "y": 0} == msgspec.to_builtins(_noun()(1))
    assert Named(name="b", marks=(1,)) == TypeAdapter(Named).validate_python({"name": "b", "marks": [1]})
    with pytest.raises(ValidationError):
        TypeAdapter(Named).validate_python({"name": 3})


@dataclasses.dataclass(frozen=True)
class Unslotted:
    """A dataclass whose fields lie in a dictionary."""

    x: int = 0
    y: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """A dataclass that looks at what it is made of."""

    x: int
    y: int = 0

    def __post_init__(self) -> None:
        """Refuse what is below nothing."""
        if self.y < 0:
            raise ValueError("below nothing")


@dataclasses.dataclass(slots=True)
class Counted:
    """A dataclass with a field that nobody gives."""

    x: int
    y: int = 0
    twice: int = field(init=False, default=4)


@pytest.mark.parametrize("kind", [_noun(), _plain(), Unslotted, Checked, Counted, type("Heir", (_noun(),), {})])
@pytest.mark.parametrize("changes", [{}, {"y": 7}, {"x": 0, "y": None}, {"z": 1}, {"y": 1, "z": 1}])
def test_replace_is_that_of_the_standard_library(kind: type[Any], changes: dict[str, Any]) -> None:
    """A copy with other fields: of the same kind, equal to the standard library's, refused where that refuses."""
    noun = kind(1, 2)
    try:
        expected = dataclasses.replace(noun, **changes)
    except TypeError:
        with pytest.raises(TypeError):
            nouns.replace(noun, **changes)
        return
    made = nouns.replace(noun, **changes)
    assert (type(expected), expected) == (type(made), made)
    assert (1, 2) == (noun.x, noun.y)


def test_replace_checks_what_a_class_checks() -> None:
    """What a class refuses to be made of, it refuses to become."""
    with pytest.raises(ValueError, match="below nothing"):
        nouns.replace(Checked(1), y=-1)
    with pytest.raises(ValueError, match="init=False"):
        nouns.replace(Counted(1), twice=5)
    with pytest.raises(TypeError):
        nouns.replace(3, y=5)  # type: ignore[type-var]  # no dataclass


def test_a_noun_is_frozen_and_has_slots() -> None:
    """Anything else is refused where it is defined."""
    with pytest.raises(TypeError, match="frozen and has slots"):
        nouns.dataclass(frozen=True, slots=False)(Named)
