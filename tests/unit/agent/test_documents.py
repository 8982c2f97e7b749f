"""A stored document of an older schema is moved by a step, one of a newer schema is refused by name."""

from __future__ import annotations

import pytest

from songpost.account_documents import Identity, Positions
from songpost.agent import documents
from songpost.errors import StoreNewer
from songpost.model import Json
from tests.unit.agent.conftest import START

IDENTITY = Identity(user_id="1", username="songpost", credentials="hash", learned_at=START)


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
