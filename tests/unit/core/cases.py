"""What the tests of the core begin with: one small account, one action, and a noon at which it is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from songpost.core import consent
from songpost.core.snapshot import Snapshot
from songpost.model import INTERACTIONS, Action, Attempt, Kind, State
from songpost.money_settings import Budget
from songpost.settings import Settings

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
"""A Wednesday's noon."""
WORDS = "Rye wants more water than you think."
LINKED = "Rye wants more water than you think: bread.example.com"
SETTINGS = Settings(
    operator="@example_owner",
    automated_label_attested_on=date(2026, 1, 1),
    topics=("gardening", "bread"),
    budget=Budget(usd_per_month=Decimal(5)),
)


def action(number: int = 1, kind: Kind = Kind.POST, *, words: str = WORDS, at: datetime = NOW) -> Action:
    """A planned action of the day and window of `at`, due since an hour and for two more; an interaction answers a
    summons by @miller.
    """
    return Action(
        key=f"{kind.value}/{at.date().isoformat()}/noon/{number}",
        kind=kind,
        state=State.PLANNED,
        created_at=at,
        updated_at=at,
        due_at=at - timedelta(hours=1),
        closes_at=at + timedelta(hours=2),
        window="noon",
        text=words,
        target_id="20" if kind in INTERACTIONS else "",
        target_author="miller" if kind in INTERACTIONS else "",
        summoned=kind in INTERACTIONS,
    )


def snapshot(settings: Settings = SETTINGS) -> Snapshot:
    """An account that has done nothing yet."""
    return Snapshot(account="default", settings=settings)


def attempt(at: datetime = NOW, *, baseline: str = "") -> Attempt:
    """An attempt begun at `at`, of a post without a link."""
    return Attempt(
        id="attempt-1",
        started_at=at,
        send_deadline_at=at + timedelta(seconds=15),
        lease_until=at + timedelta(seconds=155),
        baseline_id=baseline,
        reserved_micros=65_000,
        reserved_reads=10,
        call_micros=15_000,
    )


def approved(of: Action, settings: Settings = SETTINGS, at: datetime = NOW) -> Action:
    """The action as a person has approved it at `at`, at the price that it has under `settings`."""
    return replace(of, approved_at=at, approved=consent.shown(of, consent.worst_micros(settings, of, at.date())))


def tried(of: Action, at: datetime = NOW, state: State = State.SENDING) -> Action:
    """The action with one attempt under way."""
    return replace(of, state=state, attempts=(attempt(at),))
