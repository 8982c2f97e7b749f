"""Bounds beside a setting's type: what they hold, and what pydantic makes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from songpost.bounds import Bounds

EVERY = Bounds(ge=1, lt=4)
CASES = [
    (int, EVERY, 0, False),
    (int, EVERY, 1, True),
    (int, EVERY, 4, False),
    (float, Bounds(gt=0.0, le=0.5), 0.0, False),
    (float, Bounds(gt=0.0, le=0.5), 0.5, True),
    (float, Bounds(gt=0.0, le=0.5), 0.51, False),
    (Decimal, Bounds(le=100), Decimal(100), True),
    (Decimal, Bounds(le=100), Decimal("100.01"), False),
    (str, Bounds(min_length=1), "", False),
    (str, Bounds(min_length=1), "a", True),
    (list[int], Bounds(min_length=2), [1], False),
    (list[int], Bounds(min_length=2), [1, 2], True),
]


@pytest.mark.parametrize(("kind", "bounds", "value", "expected"), CASES)
def test_bounds_hold_what_pydantic_lets_through(kind: Any, bounds: Bounds, value: object, *, expected: bool) -> None:
    """The glance at a file and its validator take the same bounds from the same words."""
    assert expected == bounds.hold(value)
    validator: TypeAdapter[Any] = TypeAdapter(Annotated[kind, bounds])
    if expected:
        assert value == validator.validate_python(value)
    else:
        with pytest.raises(ValidationError):
            validator.validate_python(value)
