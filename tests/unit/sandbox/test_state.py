"""The state file: everything comes back, and what cannot be read is refused by name."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from songpost.lab.sandbox import ConnectionLost, Fault, Rules, Sandbox, VirtualClock
from songpost.lab.sandbox.codec import decode, encode
from songpost.lab.sandbox.state import StateError, from_json, load, save, to_json
from tests.unit.sandbox.calling import Caller, rows
from tests.unit.sandbox.test_media import uploaded


def lived() -> Caller:
    """A caller on a sandbox with a past: posts, people, media, tokens, a bill, spent windows, faults."""
    clock = VirtualClock(datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
    limits = {"POST /2/tweets": {"user 15m": 90}}
    caller = Caller(Sandbox(clock=clock, rules=Rules(plan="enterprise", limits=limits), seed=3))
    theirs = caller.sandbox.actors.post("ann", "hey @songpost").id
    caller.posted("one", reply={"in_reply_to_tweet_id": theirs})
    caller.posted("two", media={"media_ids": [uploaded(caller)]})
    caller.posted("three", quote_tweet_id=theirs)
    caller("POST", f"/2/users/{caller.user_id}/likes", {"tweet_id": theirs})
    caller("POST", f"/2/users/{caller.user_id}/following", {"target_user_id": caller.sandbox.actors.user("ann").id})
    caller("POST", f"/2/users/{caller.user_id}/retweets", {"tweet_id": theirs})
    caller("DELETE", f"/2/tweets/{caller.posted('four')}")
    caller.sandbox.inject(Fault(kind="status", status=503, endpoint="GET /2/users/me", skip=1))
    caller.sandbox.faults.profile = "rough"
    clock.advance(30)
    return caller


def statuses(caller: Caller) -> list[int]:
    """What a long run of calls meets: the dice, the windows, the duplicates and the waiting fault have their say."""
    seen = []
    for number in range(200):
        try:
            seen.append(caller.get("/2/users/me").status)
            seen.append(caller.post(f"later {number}").status)
        except ConnectionLost as lost:
            seen.append(-2 if lost.effect else -1)
    return seen


def test_a_spent_month_is_spent_after_loading() -> None:
    """What was read before the state was saved counts against the cap of the plan."""
    first = Caller(Sandbox(rules=Rules(plan="free", monthly_posts_read=1)))
    timeline = f"/2/users/{first.user_id}/tweets"
    first.posted("one")
    assert 200 == first.get(timeline).status

    second = Caller(from_json(to_json(first.sandbox)))

    assert 429 == second.get(timeline).status


def test_a_loaded_sandbox_goes_on_as_the_saved_one(tmp_path: Path) -> None:
    """State, timeline and the next four hundred calls are the same on both."""
    first = lived()
    path = tmp_path / "state.json"
    save(first.sandbox, path)
    second = Caller(load(path))
    assert to_json(first.sandbox) == to_json(second.sandbox)
    timeline = f"/2/users/{first.user_id}/tweets"
    assert rows(first.get(timeline)) == rows(second.get(timeline))
    assert statuses(first) == statuses(second)


def test_the_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    """Mode 0600, no leftovers, and the second save takes the place of the first."""
    path = tmp_path / "state.json"
    caller = lived()
    save(caller.sandbox, path)
    caller.sandbox.actors.post("ann", "more")
    save(caller.sandbox, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]
    assert "more" in path.read_text()


def test_a_running_clock_is_not_stopped_by_saving(tmp_path: Path) -> None:
    """A sandbox on the machine's clock is on it again after loading; another clock may be given."""
    path = tmp_path / "state.json"
    save(Sandbox(), path)
    assert not isinstance(load(path).clock, VirtualClock)
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    assert load(path, clock).clock is clock


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"schema_version": 2}',
        '{"schema_version": 1}',
        '{"schema_version": 1, "grants": 3}',
    ],
)
def test_a_file_that_is_no_state_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """The error names the file and what to do."""
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(StateError, match=r"state\.json"):
        load(path)
    with pytest.raises(StateError, match="absent"):
        load(tmp_path / "absent.json")


def test_what_has_no_form_in_json_is_refused() -> None:
    """The codec knows the sandbox's own types and no others."""
    with pytest.raises(TypeError, match="Path has no form in JSON"):
        encode(Path())
    with pytest.raises(TypeError, match="a JSON object is needed"):
        decode(Rules, [])


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("rules", "plan"), "gold"),
        (("rules", "colour"), "red"),
        (("world", "posts", 0, "text"), 7),
        (("world", "users", 0), "ann"),
        (("world", "sequence"), "many"),
        (("grants", "oauth1", "x"), ["one"]),
        (("windows", "x"), [True, 1]),
        (("faults", "profile"), "mild"),
        (("bill", "charges", 0, "at"), "yesterday"),
    ],
)
def test_a_state_with_a_spoilt_part_is_refused(where: tuple[str | int, ...], value: object) -> None:
    """Whatever the part, it is a StateError and no other."""
    caller = lived()
    caller.sandbox.faults.profile = "none"
    caller.sandbox.change(Rules(plan="pay-per-use", limits={"POST /2/tweets": {}}))
    caller.posted("charged")
    document = json.loads(json.dumps(to_json(caller.sandbox)))
    part = document
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    with pytest.raises(StateError, match="start with a new file"):
        from_json(document)
