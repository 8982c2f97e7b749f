"""Records as text: what goes in comes back, byte for byte the same each time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.errors import CommitRefused
from songpost.model import Action, Attempt, Event
from songpost.store.codec import ACTION_SCHEMA_VERSION, action_from, action_text, canonical, parsed, stamp
from tests.contract.store.samples import NOW, action

T = TypeVar("T")

moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
maybe_moments = st.none() | moments


def nouns(kind: type[T], **given_fields: st.SearchStrategy[object]) -> st.SearchStrategy[T]:
    """Any noun of a kind, by its type hints; hypothesis knows them all but that times are aware."""
    times = {datetime: moments, datetime | None: maybe_moments}
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: times[hint] for name, hint in hints.items() if hint in times}, **given_fields)


actions = nouns(
    Action,
    schema_version=st.just(ACTION_SCHEMA_VERSION),
    attempts=st.lists(nouns(Attempt), max_size=2).map(tuple),
    history=st.lists(nouns(Event), max_size=2).map(tuple),
)


@given(actions)
def test_every_action_comes_back(made: Action) -> None:
    """Whatever fields a noun has now or will have, an action is read as it was written."""
    text = action_text(made)
    found = action_from(parsed(text, "a test"), "a test")
    assert made == found
    assert text == action_text(found)
    assert {field.name for field in dataclasses.fields(Action)} == set(json.loads(text))


@given(moments, moments)
def test_times_sort_as_text(one: datetime, other: datetime) -> None:
    """Times as text are in the order of time, and come back to the microsecond."""
    assert (one < other) == (stamp(one) < stamp(other))
    assert one == datetime.fromisoformat(stamp(one))


def test_times_are_written_in_utc() -> None:
    """A time of another zone is the same moment in UTC; a time without a zone is none."""
    assert "2026-11-22T08:14:00.000000Z" == stamp(NOW.astimezone(timezone(timedelta(hours=-5))))
    with pytest.raises(ValueError, match="without a zone"):
        stamp(datetime(2026, 11, 22))  # noqa: DTZ001 - naive on purpose


def test_bodies_are_canonical() -> None:
    """Keys are sorted, spaces left out, and letters kept; mappings of any kind are objects."""
    body: Any = MappingProxyType({"b": {"c": None}, "a": (1, "ü")})
    assert '{"a":[1,"ü"],"b":{"c":null}}' == canonical(body, "a test")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_a_body_comes_back_and_has_the_bytes_of_the_standard_encoder(body: dict[str, Any]) -> None:
    """Whatever its keys, letters and numbers; floats alone may be written another way."""
    text = canonical(body, "a test")
    standard = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert body == parsed(text, "a test")
    assert text == standard or any(isinstance(one, float) for one in leaves(body))


def leaves(body: object) -> Iterator[object]:
    """What stands at the ends of a body."""
    inner = body.values() if isinstance(body, dict) else body if isinstance(body, list) else None
    if inner is None:
        yield body
    else:
        for one in inner:
            yield from leaves(one)


@pytest.mark.parametrize(
    "value",
    [float("inf"), float("nan"), {1, 2}, b"x", "\ud800", {"a": object()}, datetime(2026, 1, 1), 10**30 * 1j],  # noqa: DTZ001
)
def test_what_is_not_json_is_refused(value: Any) -> None:
    """What JSON cannot say faithfully is refused by the name of its record."""
    with pytest.raises(CommitRefused, match="document usage"):
        canonical({"value": value}, "document usage")


def test_endless_body_is_refused() -> None:
    """A body that contains itself is refused, not followed."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(CommitRefused):
        canonical({"value": endless}, "document usage")


def test_text_of_an_action_is_stable() -> None:
    """The text of an action does not change by accident: stored bytes are compared and hashed."""
    expected = (
        '"due_at":"2026-11-22T08:14:00.000000Z","gate":"","held":null,'
        '"history":[{"at":"2026-11-22T08:14:00.000000Z","attempt_id":"","digest":"'
        + action().history[0].digest
        + '","note":"made for a test","state":"planned"}],'
        '"key":"post/2026-11-22/morning/1","kind":"post","made_with_ai":false,"media":[]'
    )
    assert expected in action_text(action())
