from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from songpost.agent import documents
from songpost.model import Action, Arm, Event, State, event_digest, recorded
from tests.unit.core.cases import NOW, action, tried


def broken_at(of: Action) -> int | None:
    """The first line of the history whose digest does not follow from the lines before it."""
    previous = ""
    for index, event in enumerate(of.history):
        if event.digest != event_digest(previous, event, of.key):
            return index
        previous = event.digest
    return None


def story() -> Action:
    """An action with four lines of history."""
    told = recorded(action(), NOW, "planned")
    told = recorded(replace(told, state=State.SENDING), NOW + timedelta(seconds=1), "admitted", "attempt-1")
    told = recorded(replace(told, state=State.UNKNOWN), NOW + timedelta(seconds=9), "open: timed out", "attempt-1")
    return recorded(replace(told, state=State.SENT), NOW + timedelta(minutes=9), "sent as 77", "attempt-1")


def with_line(of: Action, index: int, line: Event) -> Action:
    """The action with one line of its history replaced."""
    return replace(of, history=(*of.history[:index], line, *of.history[index + 1 :]))


def test_history_tells_what_happened() -> None:
    """Each line has its time, the state at that time, a note and the attempt; the action bears the last time."""
    told = story()

    assert [
        (State.PLANNED, "planned", ""),
        (State.SENDING, "admitted", "attempt-1"),
        (State.UNKNOWN, "open: timed out", "attempt-1"),
        (State.SENT, "sent as 77", "attempt-1"),
    ] == [(event.state, event.note, event.attempt_id) for event in told.history]
    assert NOW + timedelta(minutes=9) == told.updated_at
    assert broken_at(told) is None


def test_recording_changes_nothing_before() -> None:
    """A line is appended; those before stay, and the action that it came from too."""
    before = story()
    after = recorded(before, NOW + timedelta(hours=1), "looked at")

    assert before.history == after.history[:-1]
    assert 4 == len(before.history)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize(
    "change",
    [
        {"note": "sent as 78"},
        {"note": ""},
        {"state": State.REFUSED},
        {"attempt_id": "attempt-2"},
        {"at": NOW + timedelta(microseconds=1)},
        {"digest": ""},
        {"digest": "0" * 64},
    ],
    ids=str,
)
def test_changed_line_breaks_the_chain(index: int, change: dict[str, object]) -> None:
    """No field of a line can be changed without the chain breaking at that very line."""
    told = story()
    changed = replace(told.history[index], **change)  # type: ignore[arg-type]

    assert index == broken_at(with_line(told, index, changed))


def test_forged_line_breaks_the_chain_behind_it() -> None:
    """A line with a digest computed anew breaks the one that follows."""
    told = story()
    forged = replace(told.history[1], note="never happened")
    forged = replace(forged, digest=event_digest(told.history[0].digest, forged, told.key))

    assert 2 == broken_at(with_line(told, 1, forged))


@pytest.mark.parametrize("gone", range(3))
def test_line_cannot_be_left_out(gone: int) -> None:
    """Taking out any line but the last breaks the chain where it was."""
    told = story()

    assert gone == broken_at(replace(told, history=told.history[:gone] + told.history[gone + 1 :]))


def test_lines_cannot_be_swapped_or_doubled_or_lent() -> None:
    """The chain tells order and number of its lines, and the action that it belongs to."""
    told = story()
    first, second, third, last = told.history

    assert 1 == broken_at(replace(told, history=(first, third, second, last)))
    assert 2 == broken_at(replace(told, history=(first, second, second, third, last)))
    assert 0 == broken_at(replace(told, key="post/2026-11-25/noon/2"))


def test_digest_is_the_same_everywhere() -> None:
    """A digest is SHA-256 over a canonical JSON list, written down once."""
    event = Event(at=NOW, state=State.SENT, note="sent as 77", attempt_id="attempt-1")

    assert "757c46c147f0ec26d5389646305171a13368b140d11bad34af2c418f54f2b011" == event_digest("abc", event, "post/1")


def test_history_survives_the_store() -> None:
    """A history that was stored and decoded has the same chain."""
    told = story()
    again = documents.decode("action", documents.encode(told), Action)

    assert told == again
    assert broken_at(again) is None


@pytest.mark.parametrize(
    ("state", "is_open"),
    [
        (State.PROPOSED, True),
        (State.PLANNED, True),
        (State.SENDING, True),
        (State.UNKNOWN, True),
        (State.SENT, False),
        (State.PARTIAL, False),
        (State.REFUSED, False),
        (State.ABANDONED, False),
    ],
)
def test_open_states(state: State, *, is_open: bool) -> None:
    """An action that can still move by itself is open."""
    assert is_open == replace(action(), state=state).is_open


def test_newest_attempt_and_the_words_of_an_arm() -> None:
    """An action knows its newest attempt, and an arm reads as topic, window and form."""
    first = tried(action())
    second = replace(first, attempts=(*first.attempts, replace(first.attempts[0], id="attempt-2")))

    assert action().attempt is None
    assert "attempt-2" == (second.attempt and second.attempt.id)
    assert ("bread|noon|text", "bread|noon|media") == (str(Arm("bread", "noon")), str(Arm("bread", "noon", media=True)))
