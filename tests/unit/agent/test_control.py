"""The kill switch: one account or all of them, by command or by event, whatever state the store is in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from songpost.account_documents import Control
from songpost.agent import accounts, control, documents, events, library, moving, summary
from songpost.agent.control import ALL
from songpost.agent.events import Invocation
from songpost.agent.writing import Tick
from songpost.errors import CommitConflict, EventError, Refusal, StoreNewer
from songpost.invoking import run_writer
from songpost.store.port import PutDocument
from tests.unit.agent.conftest import World
from tests.unit.core.cases import NOW, SETTINGS


def switches(world: World) -> dict[str, bool]:
    """Which of the registered accounts are paused."""
    session = world.session()
    found = {}
    for name in accounts.known(session.store):
        document = session.store.load(name).documents.get("control")
        found[name] = document is not None and bool(document.body["paused"])
    session.close()
    return found


def turn(world: World, mode: str, account: str = "", *, dry_run: bool = False) -> dict[str, object]:
    """An event of the kill switch, as a function takes it."""
    session = world.session(dry_run=dry_run)
    try:
        return dict(run_writer(session, Invocation(mode=mode, account=account, reason="fire"), lambda: 900.0)[0])
    finally:
        session.close()


@pytest.fixture
def three(world: World) -> World:
    """A store of three accounts: one that ticks, and two whose settings were pushed."""
    world.tick()
    session = world.session()
    for name in ("bakery", "zoo"):
        desk = replace(session.desk, account=name)
        library.push(desk, SETTINGS, {})
    session.close()
    return world


def test_pausing_all_writes_every_control_document(three: World) -> None:
    """Accounts that tick and accounts that only have settings: all of them are paused, and all resume."""
    assert {"default": False, "bakery": False, "zoo": False} == switches(three)
    said = turn(three, "pause", ALL)

    assert {"default": True, "bakery": True, "zoo": True} == switches(three)
    assert (ALL, True, ["bakery", "default", "zoo"]) == (said["account"], said["paused"], said["accounts"])
    three.later(days=1)
    three.tick()
    assert 1 == three.creates()
    turn(three, "resume", ALL)
    assert {"default": False, "bakery": False, "zoo": False} == switches(three)


def test_pausing_one_leaves_the_others(three: World) -> None:
    """An event without a star is for its own account."""
    turn(three, "pause")

    assert {"default": True, "bakery": False, "zoo": False} == switches(three)


def test_one_account_s_failure_keeps_no_other_from_being_paused(three: World) -> None:
    """A control document that cannot be read is paused all the same; one of a newer Songpost is named."""
    session = three.session()
    for name, body in (("bakery", {"paused": "perhaps"}), ("zoo", {"paused": False, "schema_version": 9})):
        session.store.commit(name, [PutDocument("control", body, 0)], session.desk.new_id())
    turned = control.turn_all(session.desk, lambda desk: control.pause(desk, "fire", "ana"))
    session.close()

    assert {"default", "bakery"} == set(turned.done)
    assert [StoreNewer] == [type(error) for error in turned.failed.values()]
    with pytest.raises(StoreNewer):
        turn(three, "pause", ALL)


def test_an_account_that_comes_meanwhile_is_paused_too(three: World) -> None:
    """The register is read again until it shows no account that is new."""
    session = three.session()
    pushed: list[str] = []

    def slow(desk: object) -> Control:
        if not pushed:
            pushed.append("late")
            library.push(replace(session.desk, account="late"), SETTINGS, {})
        return control.pause(desk, "fire", "ana")  # type: ignore[arg-type]  # the desk that it is given

    turned = control.turn_all(session.desk, slow)
    session.close()

    assert "late" in turned.done


def test_an_imported_account_is_paused_too_once_it_was_resumed(three: World) -> None:
    """It comes with its plans and can act at once, without a push or a new day's plan of its own."""
    session = three.session()
    records = moving.records_in(list(moving.exported(session.store, "default", NOW)), "export")
    moving.imported(session.store, "copy", records, NOW)
    control.resume(replace(session.desk, account="copy"), "ana")
    session.close()
    turn(three, "pause", ALL)

    assert {"copy": True, "default": True, "bakery": True, "zoo": True} == switches(three)


def test_a_dry_run_turns_nothing(three: World) -> None:
    """The switch is state, so a dry event is refused and says what to do."""
    with pytest.raises(Refusal, match="it cannot pause"):
        turn(three, "pause", ALL, dry_run=True)
    assert {"default": False, "bakery": False, "zoo": False} == switches(three)


def test_pause_and_resume_keep_what_else_the_document_knows(world: World) -> None:
    """The first approvals are counted over pauses; the run of refusals begins anew."""
    session = world.session()
    body = documents.encode(Control(refusals=3, approvals={"post": 2}))
    session.store.commit("default", [PutDocument("control", body, 0)], session.desk.new_id())
    paused = control.pause(session.desk, "fire", "ana")
    resumed = control.resume(session.desk, "ana")
    session.close()

    assert (0, {"post": 2}, "fire") == (paused.refusals, paused.approvals, paused.reason)
    assert (0, {"post": 2}, "") == (resumed.refusals, resumed.approvals, resumed.reason)


def test_a_pause_that_loses_every_race_says_so(world: World) -> None:
    """A store that refuses every version is named, not waited for without an end."""
    session = world.session()

    def conflict(*_: object) -> None:
        raise CommitConflict("moved meanwhile", where="default")

    session.store.commit = conflict  # type: ignore[method-assign, assignment]
    with pytest.raises(CommitConflict, match="lost every race"):
        control.pause(session.desk, "fire", "ana")
    session.close()


def test_a_pause_wants_only_the_store(world: World) -> None:
    """Settings that do not decode stand in no way."""
    session = world.session()
    session.store.commit("default", [PutDocument("settings", {"schema_version": 1}, 0)], session.desk.new_id())
    control.pause(session.desk, "fire", "ana")
    session.close()

    assert world.account().snapshot.control.paused


def test_every_account_may_be_named_by_the_switch_alone() -> None:
    """A star is an account for pause and resume, and for nothing else."""
    assert ALL == events.parse({"mode": "pause", "account": "*"}, events.WRITER_MODES, "both").account
    assert ALL == events.parse({"mode": "resume", "account": "*"}, events.WRITER_MODES, "both").account
    for mode in ("post", "both"):
        with pytest.raises(EventError, match="no account name"):
            events.parse({"mode": mode, "account": "*"}, events.WRITER_MODES, "both")


def test_a_summary_says_why_nothing_happens(world: World) -> None:
    """A tick of a paused account carries the reason, since when, by whom, and the way back."""
    session = world.session()
    control.pause(session.desk, "fire", "ana")
    session.close()
    tick = world.tick()
    shown = summary.of_tick(tick, account="default", mode="both", dry_run=False, now=NOW, before=tick.account.snapshot)
    unpaused = summary.of_tick(
        Tick(
            account=replace(tick.account, snapshot=replace(tick.account.snapshot, control=Control())),
            plans=(),
            steps=(),
        ),
        account="default",
        mode="both",
        dry_run=False,
        now=NOW,
        before=tick.account.snapshot,
    )

    assert {
        "paused": True,
        "reason": "fire",
        "changed_at": "2026-11-25T11:59:00+00:00",
        "changed_by": "ana",
        "mend": "songpost resume",
    } == shown["control"]
    assert "control" not in unpaused
