"""Documents as nouns: an older schema is moved by a step, a newer one refused; bodies are what a store keeps."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Control, DayPlan, Identity, Positions, Slot
from songpost.agent import documents
from songpost.core import snapshot as names
from songpost.core.snapshot import Snapshot
from songpost.errors import CommitRefused, StoreNewer, StoreUnreadable
from songpost.model import Json
from songpost.store import changes
from songpost.store.codec import Written, canonical, parsed, written
from songpost.store.port import PutDocument
from tests.unit.agent.conftest import START

IDENTITY = Identity(user_id="1", username="songpost", credentials="hash", learned_at=START)
HINTS = get_type_hints(Snapshot)
KINDS = (
    DayPlan,
    *(
        next(kind for kind in (*get_args(HINTS[name]), HINTS[name]) if dataclasses.is_dataclass(kind))
        for name in (
            names.CONTROL, names.IDENTITY, names.TIMELINE, names.USAGE, names.LIMITS, names.FINGERPRINTS,
            names.LEARNING, names.MEASURING, names.READING, names.DRAFTS,
        )
    ),
)  # fmt: skip
"""The nouns of every document that a tick writes."""


def test_an_identity_of_the_first_schema_loses_its_flag() -> None:
    """Who owns the app is told by the settings; everything else stays."""
    stored: dict[str, Json] = {**documents.encode(IDENTITY), "owns_app": False, "schema_version": 1}

    assert IDENTITY == documents.decode("identity", stored, Identity)


def test_each_document_has_a_version_of_its_own() -> None:
    """A second version is known of one document, and refused of another."""
    newer: dict[str, Json] = {"places": {}, "schema_version": 2}
    assert IDENTITY == documents.decode("identity", documents.encode(IDENTITY), Identity)
    with pytest.raises(StoreNewer, match="schema version 2, this Songpost knows 1"):
        documents.decode("reading", newer, Positions)
    with pytest.raises(StoreNewer, match="schema version 3, this Songpost knows 2"):
        documents.decode("identity", {**documents.encode(IDENTITY), "schema_version": 3}, Identity)


def test_a_field_that_nobody_knows_is_refused_wherever_it_stands() -> None:
    """In the document, in a mapping, and in what a list holds: to write it anew would lose it in silence."""
    slot = Slot(key="post/2026-11-22/noon/1", window="noon", opens_at=START, closes_at=START, due_at=START, arm=None)
    plain = documents.encode(DayPlan(date="2026-11-22", zone="UTC", seed="1", slots=(slot,)))
    stored = json.loads(json.dumps(plain))
    assert slot == documents.decode("plan/2026-11-22", stored, DayPlan).slots[0]
    for where, place in (("colour", stored), (r"slots\[0\].colour", stored["slots"][0])):
        place["colour"] = 1
        with pytest.raises(StoreUnreadable, match=f"unknown field .*{where}"):
            documents.decode("plan/2026-11-22", stored, DayPlan)
        del place["colour"]
    places: dict[str, Json] = {"places": {"mentions": {"colour": 1}}, "schema_version": 1}
    with pytest.raises(StoreUnreadable, match=r"unknown field .*places.mentions.colour"):
        documents.decode("reading", places, Positions)


# --------------------------------------------------------------------------------------------------- written but once


def leaves(hint: Any) -> Iterator[Any]:
    """The types at the ends of a noun's fields; of a mapping the keys' too, but text."""
    of = get_origin(hint)
    if of in {Union, UnionType, tuple} or (of is not None and issubclass(of, Mapping)):
        for inner in get_args(hint):
            yield from leaves(inner)
    elif dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        for inner in get_type_hints(hint).values():
            yield from leaves(inner)
    else:
        yield hint


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_document_holds_what_can_be_written_in_one_way(kind: type) -> None:
    """No float (JSON has no word for some), no bytes, no set: `codec.written` has nobody who looks at it again."""
    plain = {str, int, bool, datetime, date, type(None), ...}
    strange = {
        leaf for leaf in leaves(kind) if leaf not in plain and not (issubclass(leaf, str) and issubclass(leaf, Enum))
    }

    assert set() == strange


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, nouns by their fields."""
    of, inner = get_origin(hint), [values(one) for one in get_args(hint) if one is not ...]
    if of in {Union, UnionType}:
        return st.one_of(inner)
    if of is tuple:
        return st.lists(inner[0], max_size=3).map(tuple) if ... in get_args(hint) else st.tuples(*inner)
    if of is not None and issubclass(of, Mapping):
        return st.dictionaries(*inner, max_size=3)
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        return st.builds(hint, **{name: values(one) for name, one in get_type_hints(hint).items()})
    return st.datetimes(timezones=st.just(UTC)) if hint is datetime else st.from_type(hint)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_noun_is_written_in_the_bytes_of_the_standard_encoder(kind: type, data: st.DataObject) -> None:
    """Whatever its texts and numbers are; as a mapping the body is the noun's plain form."""
    noun = data.draw(values(kind))
    body, plain = written(noun), json.loads(json.dumps(documents.encode(noun)))

    assert isinstance(body, Written)
    assert json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == canonical(body, "a test")
    assert plain == body
    assert plain == parsed(canonical(body, "a test"), "a test")


def test_half_a_character_in_a_noun_is_refused_by_name() -> None:
    """What no store can keep is refused where everything is that comes to a store."""
    with pytest.raises(CommitRefused, match="document control"):
        changes.prepare("default", [PutDocument("control", written(Control(reason="\ud800")), 0)], "token")
