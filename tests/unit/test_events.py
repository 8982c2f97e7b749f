from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.agent.events import READER_MODES, WRITER_MODES, Invocation, parse
from songpost.errors import EventError

ROOT = Path(__file__).parents[2]
CONSOLE = {"key1": "value1", "key2": "value2", "key3": "value3"}


def envelope(detail: object) -> dict[str, object]:
    """An event as EventBridge delivers it."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-22T12:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/r"],
        "detail": detail,
    }


def writer(event: object) -> Invocation:
    """An event as the writer reads it."""
    return parse(event, WRITER_MODES, "both")


def refusal(event: object, modes: tuple[str, ...] = WRITER_MODES) -> str:
    """Why an event is refused."""
    with pytest.raises(EventError) as caught:
        parse(event, modes, modes[0])
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("event", [{}, CONSOLE, envelope({})])
def test_empty_events_take_the_default(event: object) -> None:
    """Nothing, the console's template event and a bare schedule ask for the default, and tighten nothing."""
    assert Invocation(mode="both", account="", dry_run=False, reason="") == writer(event)


@pytest.mark.parametrize("mode", WRITER_MODES)
def test_modes_of_the_writer(mode: str) -> None:
    """Each mode is read, by itself and inside EventBridge's envelope."""
    assert mode == writer({"mode": mode}).mode == writer(envelope({"mode": mode})).mode


@pytest.mark.parametrize("mode", READER_MODES)
def test_modes_of_the_reader(mode: str) -> None:
    """The reader knows its own modes, and not the writer's."""
    assert mode == parse({"mode": mode}, READER_MODES, "all").mode
    assert "not one of post, interact, both, pause, resume" in refusal({"mode": mode})


def test_all_keys_together() -> None:
    """Mode, account, dry run and, with a pause, a reason."""
    event = {"mode": "pause", "account": "shop", "dry_run": True, "reason": "holidays"}

    assert Invocation(mode="pause", account="shop", dry_run=True, reason="holidays") == writer(event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (None, "event: None is no JSON object"),
        ([], "event: [] is no JSON object"),
        ("post", "event: 'post' is no JSON object"),
        (5, "event: 5 is no JSON object"),
        ({"Mode": "post"}, "Mode: is not a key of an event — use account, dry_run, mode"),
        ({"dryRun": True}, "dryRun: is not a key of an event"),
        ({"mode": "post", "reason": "x"}, "reason: is not a key of an event — use account, dry_run, mode"),
        ({"mode": "resume", "reason": "x"}, "reason: is not a key of an event"),
        ({**CONSOLE, "mode": "post"}, "key1: is not a key of an event"),
        ({"key1": "value1"}, "key1: is not a key of an event"),
        (envelope({"kind": "post"}), "kind: is not a key of an event"),
        (envelope(None), "detail: None is no JSON object"),
        (envelope([]), "detail: [] is no JSON object"),
        ({**envelope({}), "mode": "post"}, "version: is not a key of an event"),
        (envelope(envelope({"mode": "post"})), "version: is not a key of an event"),
        ({"mode": "Post"}, "mode: 'Post' is not one of post, interact, both, pause, resume — correct it"),
        ({"mode": None}, "mode: None is not one of"),
        ({"mode": ["post"]}, "mode: ['post'] is not one of"),
        ({"mode": {}}, "mode: {} is not one of"),
        ({"account": 5}, "account: 5 is no account name — use 1 to 64"),
        ({"account": "a/b"}, "account: 'a/b' is no account name"),
        ({"account": "../other"}, "account: '../other' is no account name"),
        ({"account": None}, "account: None is no account name"),
        ({"dry_run": "false"}, "dry_run: 'false' is not true or false"),
        ({"dry_run": 0}, "dry_run: 0 is not true or false"),
        ({"dry_run": None}, "dry_run: None is not true or false"),
        ({"mode": "pause", "reason": 5}, "reason: 5 is no text"),
        ({5: "post"}, "5: is not a key of an event"),
    ],
)
def test_unusable_event_names_its_key(event: object, expected: str) -> None:
    """Whatever an event gets wrong is refused under the name of the key, with what to do."""
    assert refusal(event).startswith(expected)


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("*er-*.json")), ids=lambda path: path.name)
def test_shipped_events_are_right(path: Path) -> None:
    """Every test event that ships is one that its function takes."""
    modes = WRITER_MODES if path.name.startswith("writer") else READER_MODES

    assert parse(json.loads(path.read_bytes()), modes, modes[0]).mode in modes


def test_every_mode_has_an_event_that_ships() -> None:
    """Whatever a function can be told, there is a file to try it with, named after it."""
    for function, modes in (("writer", WRITER_MODES), ("reader", READER_MODES)):
        for mode in modes:
            event = json.loads((ROOT / "events" / f"{function}-{mode}.json").read_bytes())
            assert mode == event["mode"]


SCALAR = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
VALUE = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.text(max_size=4), SCALAR, max_size=2)
KEY = st.sampled_from(["mode", "account", "dry_run", "reason"]) | st.text(max_size=4)


@given(event=VALUE | st.dictionaries(KEY, VALUE | st.sampled_from(WRITER_MODES), max_size=3))
def test_any_event_is_read_or_refused_by_name(event: object) -> None:
    """No event ends in anything but an invocation or a named error; only a true `dry_run` is one."""
    try:
        found = writer(event)
    except EventError as error:
        told = error.where
    else:
        told = found.mode
        asked = isinstance(event, dict) and event.get("dry_run", False)
        assert found.dry_run is (asked is True)

    assert isinstance(told, str)
