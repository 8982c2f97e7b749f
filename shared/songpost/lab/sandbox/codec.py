"""Frozen dataclasses to JSON and back, by their type hints: for the state file and the control endpoints."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from .wire import JSON

T = TypeVar("T")


def encode(value: object) -> JSON:
    """A dataclass, container, datetime or plain value as JSON; TypeError for anything else."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, Mapping):
        return {str(name): encode(item) for name, item in value.items()}
    if isinstance(value, frozenset | set):
        return [encode(item) for item in sorted(value)]
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def decode(kind: type[T], document: JSON) -> T:
    """A dataclass from what `encode` wrote; ValueError or TypeError names what is wrong."""
    if not isinstance(document, dict):
        raise TypeError(f"{kind.__name__}: a JSON object is needed, not {type(document).__name__}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(document.keys() - hints.keys())
    if unknown:
        raise ValueError(f"{kind.__name__}.{unknown[0]} is unknown: choose among {', '.join(hints)}")
    try:
        return kind(**{name: _value(hints[name], item, name) for name, item in document.items()})
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from None


def _value(hint: object, value: JSON, name: str) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        wanted = next(argument for argument in arguments if argument is not types.NoneType)
        return None if value is None else _value(wanted, value, name)
    if origin in {tuple, frozenset} and isinstance(value, list):
        items = [_value(arguments[0], item, name) for item in value]
        return tuple(items) if origin is tuple else frozenset(items)
    if origin is Mapping and isinstance(value, dict):
        return {key: _value(arguments[1], item, name) for key, item in value.items()}
    return _plain(hint, value, name)


def _plain(hint: object, value: JSON, name: str) -> object:
    if hint is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint:
        return value
    raise ValueError(f"{name}: {value!r} is not what is needed here ({hint})")
