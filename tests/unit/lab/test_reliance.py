"""What a tick that did nothing has asked of its account: later answers that differ are told from those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from songpost.account_documents import UNUSED, Day, Identity, Position, Positions, Usage
from songpost.core.snapshot import Snapshot
from songpost.lab.simulation.moments import Watch
from songpost.lab.simulation.reliance import Reliance
from songpost.lab.simulation.trying import ACTIONS, Proof, written_by
from songpost.store.port import DeleteItem, Loaded, PutAction, PutDocument, PutItem, StoredAction
from tests.unit.core.cases import NOW, action, snapshot

DAY = "2026-11-25"
OTHER_DAY = "2026-11-26"
WHO = Identity(user_id="9", username="songpost", credentials="", learned_at=NOW)
USAGE = Usage(days={DAY: Day(1, 2, 300, {})}, updated_at=NOW)
READING = Positions(places={"mentions": Position(found=1, read_at=NOW)})


def known() -> Snapshot:
    """An account with something in the documents that are looked into."""
    return replace(snapshot(), identity=None, usage=USAGE, reading=READING, versions={"usage": 7, "digest/2026-W47": 1})


def with_day(day: Day) -> Snapshot:
    """The same after another commit of `usage`."""
    return replace(known(), usage=replace(USAGE, days={DAY: day}, updated_at=NOW + timedelta(hours=1)))


def asked(question: Callable[[Snapshot], object]) -> Reliance:
    """What is relied on once a question was asked."""
    reliance = Reliance(known())
    question(reliance.view)
    return reliance


def test_a_commit_of_what_nobody_asked_for_leaves_the_proof() -> None:
    """Another time of the latest booking, another version: the question was what today has cost."""
    reliance = asked(lambda view: view.usage.days.get(DAY, UNUSED).spent_micros)

    assert reliance.holds(known())
    assert reliance.holds(with_day(USAGE.days[DAY]))
    assert not reliance.holds(with_day(USAGE.days[DAY]._replace(kind_micros={"post": 1})))
    assert not reliance.holds(with_day(USAGE.days[DAY]._replace(spent_micros=301)))
    assert not reliance.holds(replace(known(), usage=Usage()))


@pytest.mark.parametrize(
    ("question", "after", "holds"),
    [
        (lambda view: view.usage.days.get(OTHER_DAY), replace(known(), usage=Usage(days={})), True),
        (lambda view: view.usage.days.get(OTHER_DAY), replace(known(), usage=Usage(days={OTHER_DAY: UNUSED})), False),
        (lambda view: "digest/2026-W48" in view.versions, replace(known(), versions={"usage": 8}), True),
        (lambda view: "digest/2026-W48" in view.versions, replace(known(), versions={"digest/2026-W48": 1}), False),
        (lambda view: list(view.versions), replace(known(), versions={"usage": 8, "digest/2026-W47": 1}), True),
        (lambda view: list(view.versions), replace(known(), versions={"usage": 8}), False),
        (lambda view: len(view.versions), replace(known(), versions={}), False),
        (lambda view: view.control.paused, replace(known(), control=replace(known().control, refusals=3)), False),
        (lambda view: view.identity is None, replace(known(), identity=WHO), False),
        (lambda view: [one.found for one in view.reading.places.values()],
         replace(known(), reading=Positions(places={"mentions": Position(found=1)})), True),
        (lambda view: [one.found for one in view.reading.places.values()],
         replace(known(), reading=Positions(places={"mentions": Position(found=2)})), False),
        (lambda view: [one.found for one in view.reading.places.values()],
         replace(known(), reading=Positions(places={})), False),
        (lambda view: view.actions, replace(known(), actions={action().key: action()}), False),
        (lambda view: view.usage, replace(known(), usage=Usage()), True),
    ],
)  # fmt: skip
def test_each_kind_of_question_has_its_answer(
    question: Callable[[Snapshot], object], *, after: Snapshot, holds: bool
) -> None:
    """Entries, keys, lengths and membership are told apart; a noun that is not looked into is relied on as a whole."""
    assert holds is asked(question).holds(after)


def test_a_view_shows_what_the_snapshot_holds() -> None:
    """Values are the snapshot's own, also through `replace`, whose result goes on noting what its parts are asked."""
    reliance = Reliance(known())
    changed = replace(reliance.view, plans={})

    assert USAGE.days[DAY].spent_micros == changed.usage.days[DAY].spent_micros
    assert [DAY] == list(changed.usage.days)
    assert reliance.view.usage is reliance.view.usage
    with pytest.raises(KeyError):
        reliance.view.usage.days["2026-01-01"]
    assert not reliance.holds(with_day(Day(0, 0, 1, {})))


def test_a_proof_rests_on_collections_and_actions_too() -> None:
    """What was read of the store beside the load, and the open actions, end it as well."""
    reliance = asked(lambda view: view.account)
    loaded = Loaded(actions={action().key: StoredAction(action(), 1)})
    proof = Proof(watch=Watch(NOW), loaded=loaded, reliance=reliance, asked={"inbox"})

    assert proof.holds(known(), loaded, {"reads"})
    assert proof.holds(known(), Loaded(actions=dict(loaded.actions)), set())
    assert not proof.holds(known(), loaded, {"inbox"})
    assert not proof.holds(known(), Loaded(), set())


def test_a_commit_names_the_collections_that_it_writes() -> None:
    """Documents are compared by what they hold; collections and actions are named."""
    changes = (
        PutDocument("usage", {}, 1),
        PutItem("reads", "a", {}),
        DeleteItem("inbox", "b"),
        PutAction(action(), None),
    )

    assert ["reads", "inbox", ACTIONS] == list(written_by(changes))
