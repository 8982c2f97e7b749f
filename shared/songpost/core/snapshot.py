"""Everything that a decision about one account may rely on, as it was at one moment.

A snapshot is what `agent/documents.py` decodes from one load of the store. Decisions are functions of a
snapshot, an action and a time; what they write are new documents, made here with `replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from songpost.account_documents import (
    Control,
    DayPlan,
    Drafts,
    Fingerprints,
    Identity,
    Limits,
    Measuring,
    Positions,
    Timeline,
    Usage,
)
from songpost.core.learning_state import Statistics
from songpost.model import Action
from songpost.nouns import dataclass, replace
from songpost.settings import Settings

DOCUMENTS = (
    "control",
    "identity",
    "timeline",
    "usage",
    "limits",
    "fingerprints",
    "learning",
    "measuring",
    "reading",
    "drafts",
)
"""The documents of which an account has one each: a snapshot's fields of the same names hold them."""
CONTROL, IDENTITY, TIMELINE, USAGE, LIMITS, FINGERPRINTS, LEARNING, MEASURING, READING, DRAFTS = DOCUMENTS
PLAN_PREFIX = "plan/"


def plan_name(date: str) -> str:
    """The name of the document that holds the plan of a local date (`2026-11-22`)."""
    return PLAN_PREFIX + date


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An account's documents and open actions. `versions` holds the version of each document (0: absent)."""

    account: str
    settings: Settings
    control: Control = field(default_factory=Control)
    identity: Identity | None = None
    timeline: Timeline = field(default_factory=Timeline)
    usage: Usage = field(default_factory=Usage)
    limits: Limits = field(default_factory=Limits)
    fingerprints: Fingerprints = field(default_factory=Fingerprints)
    learning: Statistics | None = None
    measuring: Measuring = field(default_factory=Measuring)
    reading: Positions = field(default_factory=Positions)
    drafts: Drafts = field(default_factory=Drafts)
    plans: Mapping[str, DayPlan] = field(default_factory=dict)
    actions: Mapping[str, Action] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)

    def with_action(self, action: Action) -> Snapshot:
        """The snapshot with one action put in, or taken out if it is closed."""
        actions = {key: value for key, value in self.actions.items() if key != action.key}
        if action.is_open:
            actions[action.key] = action
        return replace(self, actions=actions)
