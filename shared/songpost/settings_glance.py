"""A quick look at settings that are most likely right, so that only wrong ones pay for the whole validator.

pydantic says every error of a file at once, and takes longer to import than the rest of a dry run together. So a file
is first decoded strictly and held to the bounds that stand on its fields. Whatever is not plainly right here goes to
pydantic, which decides. A test holds this to accept nothing that pydantic does not read as the same settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from songpost.bounds import Bounds
from songpost.settings import Settings


def glance(normal: Mapping[str, object]) -> Settings | None:
    """The settings of a mapping in canonical form if nothing about it is in doubt, else `None`."""
    try:
        settings = msgspec.json.decode(json.dumps(normal), type=Settings)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None
    known = json.loads(msgspec.json.encode(settings))
    return settings if _same(normal, known) and _within(settings, Settings) else None


def _same(given: object, known: object) -> bool:
    """Whether all that was given came through: no key unknown, no value read as something else."""
    if isinstance(given, Mapping):
        return isinstance(known, Mapping) and all(key in known and _same(given[key], known[key]) for key in given)
    if isinstance(given, list):
        return (
            isinstance(known, list)
            and len(given) == len(known)
            and all(_same(left, right) for left, right in zip(given, known, strict=True))
        )
    if isinstance(given, int | float) and not isinstance(given, bool):
        if isinstance(known, str):  # money is written as text
            return Decimal(str(given)) == Decimal(known)
        return given == known and (type(given) is type(known) or type(known) is float)
    return type(given) is type(known) and given == known


@cache
def _hints(kind: Any) -> Mapping[str, Any]:  # a class; its annotations are of every form
    return get_type_hints(kind, include_extras=True)


def _within(value: object, hint: Any) -> bool:  # an annotation is of every form
    """Whether a decoded value keeps the bounds of its annotation, and all that is in it keeps its own."""
    if value is None:
        return True
    if get_origin(hint) is Annotated:
        plain, *bounds = get_args(hint)
        held = all(isinstance(bound, Bounds) and bound.hold(value) for bound in bounds)  # another kind is a doubt
        return held and _within(value, plain)
    if is_dataclass(value):
        kind: Any = type(value)
        return all(_within(getattr(value, name), inner) for name, inner in _hints(kind).items())
    parts = [part for part in get_args(hint) if part not in {type(None), Ellipsis}]
    if isinstance(value, tuple):
        each = parts if len(parts) == len(value) and Ellipsis not in get_args(hint) else parts * len(value)
        return all(_within(item, inner) for item, inner in zip(value, each, strict=False))
    return all(_within(value, part) for part in parts) if get_origin(hint) is not None else True
