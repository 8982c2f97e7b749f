"""Actions and their stories, for tests of the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from songpost.model import Action, Arm, Attempt, Kind, Media, State, recorded

NOW = datetime(2026, 11, 22, 8, 14, tzinfo=UTC)


def action(
    key: str = "post/2026-11-22/morning/1",
    *,
    state: State = State.PLANNED,
    kind: Kind = Kind.POST,
    due_at: datetime = NOW,
    text: str = "Goldfinches at the feeder",
) -> Action:
    """An action in a state, with one line of history."""
    return recorded(
        Action(
            key=key,
            kind=kind,
            state=state,
            created_at=NOW,
            updated_at=NOW,
            due_at=due_at,
            closes_at=due_at + timedelta(hours=2),
            window="morning",
            text=text,
            arm=Arm("birds", "morning", media=True),
        ),
        NOW,
        "made for a test",
    )


def full_action() -> Action:
    """An action that uses every field of every noun inside it."""
    attempt = Attempt(
        id="0b7c",
        step=1,
        started_at=NOW,
        send_deadline_at=NOW + timedelta(seconds=20),
        lease_until=NOW + timedelta(minutes=3),
        baseline_id="1990000000000000000",
        reserved_micros=20_000,
        call_micros=10_000,
        settled_micros=15_000,
        outcome="sent",
        closed_at=NOW + timedelta(microseconds=1),
        absent_reads=1,
        read_at=NOW,
    )
    sent = replace(
        action(state=State.SENT, text='Ünïcode 🐦 and "quotes"\n\x00 and a null'),
        content_id="finches",
        variant=2,
        media=(Media(path="media/finch.jpg", alt_text="A goldfinch", media_type="image/jpeg"),),
        target_id="17",
        post_id="1990000000000000001",
        posted_at=NOW,
        retry_at=NOW + timedelta(minutes=15),
        gate="budget",
        reason="over the day",
        attempts=(attempt, replace(attempt, id="0b7d", settled_micros=None)),
    )
    return recorded(sent, NOW + timedelta(seconds=3), "sent", "0b7d")


def moved(before: Action, state: State, *, text: str | None = None) -> Action:
    """The same action in another state, with a line more."""
    changed = replace(before, state=state, text=before.text if text is None else text)
    return recorded(changed, before.updated_at + timedelta(minutes=1), f"to {state}")
