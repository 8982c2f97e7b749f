"""The quick look accepts nothing that the validator does not read as the same settings."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost import settings_file
from songpost.settings_glance import glance

EXAMPLE = Path(__file__).parents[2] / "songpost.example.yaml"


def example() -> dict[str, Any]:
    """The example in canonical form, as JSON has it."""
    return dict(json.loads((EXAMPLE.parent / "shared" / "songpost" / "example.json").read_text())["settings"])


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value, containers too."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for key, item in value.items() for place in places(item, (*path, key))]
    if isinstance(value, list):
        found += [place for index, item in enumerate(value) for place in places(item, (*path, index))]
    return found


def changed(at: tuple[Any, ...], to: object) -> dict[str, Any]:
    """The example with one place changed."""
    body = copy.deepcopy(example())
    inside: Any = body
    for part in at[:-1]:
        inside = inside[part]
    inside[at[-1]] = to
    return body


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 400),
    st.floats(-2, 500, allow_nan=False),
    st.sampled_from(["", "0.5", "5.00", "auto", "off", "true", "2026-11-01", "12:00", "x", "1e3", "pay-per-use"]),
    st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["a", "09:00"])), max_size=3),
    st.dictionaries(st.sampled_from(["post", "reply", "enabled", "level", "zzz"]), st.integers(0, 40), max_size=2),
)


def test_the_example_needs_no_second_look() -> None:
    """What most runs read is decided at a glance, as the validator would."""
    assert glance(example()) is not None
    assert settings_file.validated(example())[0] == glance(example())


@given(st.sampled_from(places(example())), VALUES)
def test_a_glance_accepts_only_what_the_validator_accepts(at: tuple[Any, ...], to: object) -> None:
    """One place changed to anything: where the glance has settings, the validator has equal ones."""
    quick = glance(body := changed(at, to))
    if quick is not None:
        assert (quick, ()) == settings_file.validated(body)


@pytest.mark.parametrize("key", ["usd_per_moon", "topics "])
def test_an_unknown_key_is_a_doubt(key: str) -> None:
    """A key that is not a field is left to the validator, at the top and inside."""
    assert glance({**example(), key: 1}) is None
    assert glance({**example(), "budget": {**example()["budget"], key: 1}}) is None


@pytest.mark.parametrize(
    ("at", "to"),
    [
        (("budget", "buffer_pct"), 1.0),
        (("similarity", "threshold"), 0.0),
        (("cadence", "weekdays"), [8]),
        (("cadence", "weekdays"), []),
        (("max_per_window", "post"), 31),
        (("topics",), [""]),
        (("jitter_seconds",), [-1, 5]),
        (("max_per_window", "post"), True),
        (("max_per_window", "post"), 1.0),
    ],
)
def test_a_bound_that_is_broken_is_a_doubt(at: tuple[Any, ...], to: object) -> None:
    """Bounds on fields, in lists and tuples, and numbers of the wrong kind."""
    assert glance(changed(at, to)) is None
