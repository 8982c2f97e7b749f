"""The one loop that decides and commits, and the doors that use it: what is written, what is repeated, what is said."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from songpost import telemetry
from songpost.account_documents import Bucket, Control
from songpost.agent import documents, ledger
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.transitions import Outcome
from songpost.core.admission import Admitted, Refused
from songpost.core.snapshot import Snapshot
from songpost.errors import (
    AccountBlocked,
    CommitConflict,
    CommitUnanswered,
    NotFound,
    NotSent,
    SongpostError,
    StoreUnavailable,
)
from songpost.errors import Refused as RefusedByX
from songpost.model import Action, Post, State, ThreadStep
from songpost.settings import Settings, Stage
from songpost.store.port import Change, CheckDocument, Document, PutAction, PutDocument, PutItem, Store, StoredAction
from songpost.store.sqlite import open_sqlite
from tests.unit.core.cases import NOW, SETTINGS, WORDS, action, tried

UNANSWERED = CommitUnanswered("no answer", where="default", mend="ask again")
CONFLICT = CommitConflict("lost", where="default", mend="again")
UNAVAILABLE = StoreUnavailable("throttled", where="default", mend="later")


@dataclass
class Office:
    """A desk over a real file, whose next commits may go wrong: an error before the commit, or after it."""

    store: Store
    settings: Settings = SETTINGS
    before: list[SongpostError | None] = field(default_factory=list)
    after: list[SongpostError | None] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    committed: list[tuple[str, tuple[Change, ...], str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: datetime = NOW

    def __post_init__(self) -> None:
        """Put the script between the ledger and the store."""
        self.real, names = self.store.commit, itertools.count(1)
        self.store.commit = self._commit  # type: ignore[method-assign]
        self.desk = Desk(
            store=self.store,
            account="default",
            now=lambda: self.now,
            sleep=self.slept.append,
            new_id=lambda: f"id-{next(names)}",
            chance=lambda: 0.5,
            reload=self._reload,
        )

    def _reload(self) -> tuple[Snapshot, dict[str, StoredAction]]:
        return self.account.snapshot, self.account.stored

    def _commit(self, account: str, changes: Sequence[Change], token: str) -> None:
        self.committed.append((account, tuple(changes), token))
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.before and (error := self.before.pop(0)) is not None:
            raise error
        self.real(account, changes, token)
        if self.after and (error := self.after.pop(0)) is not None:
            raise error

    @property
    def account(self) -> Account:
        """The account as the store has it."""
        loaded = self.store.load("default")
        return Account(documents.snapshot_of("default", loaded, self.settings), dict(loaded.actions))

    def put(self, *changes: Change) -> None:
        """Write as another process would."""
        self.real("default", changes, f"other-{len(self.committed)}-{id(changes)}")

    def action(self, key: str = action().key) -> Action:
        """An action as the store has it."""
        stored = self.store.action("default", key)
        assert stored is not None
        return stored.action


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office with an empty store."""
    store = open_sqlite(tmp_path / "songpost.db")
    yield Office(store)
    store.close()


ITEM = PutItem("things", "a", {"n": 1, "schema_version": 1})


# ------------------------------------------------------------------------------------------------------- commit


def test_an_unanswered_commit_is_repeated_with_its_token_until_the_answer_is_definite(office: Office) -> None:
    """Lost on either side of its effect, then heard: one token throughout, longer waits, and the effect once."""
    office.before, office.after = [UNANSWERED, None, None], [UNANSWERED, None]
    ledger.commit(office.desk, [ITEM])

    assert [("default", (ITEM,), "id-1")] * 3 == office.committed
    assert [0.0, 0.2] == office.slept
    assert ["a"] == [item.key for item in office.store.items("default", "things")]


def test_a_commit_without_any_answer_ends_by_name(office: Office) -> None:
    """After six tries nobody knows: the error says that nothing was sent, and where."""
    office.before = [UNANSWERED] * 9
    with pytest.raises(StoreUnavailable) as raised:
        ledger.commit(office.desk, [ITEM])

    assert 6 == len(office.committed)
    assert [pytest.approx(0.2 * tries) for tries in range(6)] == office.slept
    assert "default: gave no answer to a commit in 6 tries — nothing was sent; the next tick decides again" == str(
        raised.value
    )


def test_a_store_that_says_no_at_once_is_believed(office: Office) -> None:
    """Unavailable before anything was unanswered: nothing was written, so the first word is the last."""
    office.before = [UNAVAILABLE]
    with pytest.raises(StoreUnavailable, match="throttled"):
        ledger.commit(office.desk, [ITEM])

    assert (1, []) == (len(office.committed), office.slept)


def test_a_store_that_is_unavailable_after_an_answer_got_lost_is_asked_again(office: Office) -> None:
    """That the repeat was not written says nothing of the first: it is repeated until the answer is definite."""
    office.after = [UNANSWERED]
    office.before = [None, UNAVAILABLE, UNAVAILABLE, None]
    ledger.commit(office.desk, [ITEM])

    assert 4 == len(office.committed)


def test_a_lost_race_is_told_at_once(office: Office) -> None:
    """A conflict is a definite answer, also after one that got lost."""
    office.before = [UNANSWERED, CONFLICT]
    with pytest.raises(CommitConflict):
        ledger.commit(office.desk, [ITEM])

    assert 2 == len(office.committed)


Told = list[tuple[str, dict[str, object]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Told]:
    """Asks for the spans that have ended so far, by name, with their attributes."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setitem(telemetry._state, name="traces", value=True)
    monkeypatch.setattr("opentelemetry.trace.get_tracer", provider.get_tracer)
    return lambda: [(span.name, dict(span.attributes or {})) for span in kept.get_finished_spans()]


def test_each_try_of_a_commit_is_a_span(office: Office, told: Callable[[], Told]) -> None:
    """With how much it writes and the number of the try; one that fails says how."""
    office.before = [UNANSWERED]
    ledger.commit(office.desk, [ITEM])

    first = {"songpost.changes": 1, "songpost.attempt": 1, "error.type": "CommitUnanswered"}
    assert [("commit", first), ("commit", {"songpost.changes": 1, "songpost.attempt": 2})] == told()


def test_each_decision_to_admit_is_a_span(office: Office, told: Callable[[], Told]) -> None:
    """With the kind of action, and the gate that refused it: none is an empty word."""
    booked(office, account=replace(office.account, snapshot=paused(office.account).snapshot))
    booked(office)

    admissions = [attributes for name, attributes in told() if name == "admission"]
    assert [{"songpost.kind": "post", "songpost.refused_by": gate} for gate in ("control", "")] == admissions


# ------------------------------------------------------------------------------------------------------- move


def paused(account: Account, reason: str = "why") -> Move[str]:
    """A decision that pauses."""
    control = Control(paused=True, reason=reason)
    return Move(snapshot=replace(account.snapshot, control=control), written=("control",), result=reason)


def test_a_move_writes_over_what_it_saw_and_checks_what_it_relied_on(office: Office) -> None:
    """Documents at their versions, actions over what they were read from, and whatever else there is: one commit."""
    planned = action()
    account, result = ledger.move(
        office.desk,
        office.account,
        lambda current: replace(
            paused(current), relied_on=("identity", "control"), actions=((planned, None),), others=(ITEM,)
        ),
    )
    ((_, changes, _),) = office.committed

    assert [("control", 0), ("identity", 0)] == [
        (change.name, change.expected) for change in changes if isinstance(change, PutDocument | CheckDocument)
    ]
    assert (PutAction(planned, None), ITEM) == changes[-2:]
    assert "why" == result
    assert (True, 1) == (account.snapshot.control.paused, account.snapshot.versions["control"])
    assert StoredAction(planned, 1) == account.stored[planned.key]
    assert planned == account.snapshot.actions[planned.key]
    assert office.account.snapshot.control == account.snapshot.control


def test_the_account_that_comes_back_can_be_written_over_at_once(office: Office) -> None:
    """Versions of documents and of actions go on by one with each move; a closed action leaves the account."""
    account, _ = ledger.move(office.desk, office.account, lambda now: replace(paused(now), actions=((action(), None),)))
    again = replace(action(), reason="again")
    account, _ = ledger.move(
        office.desk,
        account,
        lambda now: replace(paused(now, "again"), actions=((again, now.stored[again.key]),)),
    )
    over = replace(again, state=State.ABANDONED)
    closed, _ = ledger.move(
        office.desk, account, lambda now: Move(snapshot=now.snapshot, actions=((over, now.stored[over.key]),), result=0)
    )

    assert (2, 2) == (account.snapshot.versions["control"], account.stored[again.key].version)
    assert ({}, False) == (closed.stored, over.key in closed.snapshot.actions)
    assert over == office.action()
    assert [] == office.slept


@pytest.mark.parametrize("part", ["written", "actions", "others"])
def test_each_part_alone_is_committed_and_nothing_is_not(office: Office, part: str) -> None:
    """A decision with nothing to write gives its result without a commit."""
    parts = {"written": ("control",), "actions": ((action(), None),), "others": (ITEM,)}
    before = office.account

    def decide(account: Account) -> Move[int]:
        return Move(snapshot=account.snapshot, relied_on=("identity",), result=7)

    assert (before, 7) == ledger.move(office.desk, before, decide)
    assert [] == office.committed
    assert 7 == ledger.move(office.desk, before, lambda now: replace(decide(now), **{part: parts[part]}))[1]  # type: ignore[arg-type]
    assert 1 == len(office.committed)


def test_a_lost_race_is_decided_again_from_what_the_other_left(office: Office) -> None:
    """The account is loaded anew after a wait by chance, which grows; the second decision rests on the other's."""
    seen: list[str] = []

    def decide(account: Account) -> Move[int]:
        seen.append(account.snapshot.control.reason)
        return Move(snapshot=account.snapshot, written=("control",), result=len(seen))

    def other(reason: str, over: int) -> Callable[[], None]:
        body = documents.encode(Control(paused=True, reason=reason))
        return lambda: office.put(PutDocument("control", body, over))

    office.meanwhile = [other("first", 0), other("second", 1)]
    account, result = ledger.move(office.desk, office.account, decide)

    assert (["", "first", "second"], 3) == (seen, result)
    assert [0.01, 0.02] == office.slept
    assert 3 == account.snapshot.versions["control"]


def test_races_are_lost_twenty_four_times_and_no_more(office: Office) -> None:
    """Then the tick gives up by name, and the next one decides."""
    office.before = [CONFLICT] * 99
    with pytest.raises(CommitConflict) as raised:
        ledger.move(office.desk, office.account, paused)

    assert (24, 23) == (len(office.committed), len(office.slept))
    assert "default: lost 24 races in a row — other ticks are at work; the next one decides" == str(raised.value)


@pytest.mark.parametrize(
    ("previous", "state", "alarms"),
    [
        (State.SENDING, State.PARTIAL, ["Partial"]),
        (State.PARTIAL, State.PARTIAL, []),
        (State.SENDING, State.SENT, []),
        (None, State.PARTIAL, ["Partial"]),
    ],
)
def test_a_thread_that_has_just_ended_in_part_raises_an_alarm(
    office: Office, caplog: pytest.LogCaptureFixture, previous: State | None, state: State, alarms: list[str]
) -> None:
    """Once, when it ends, with how far it came and why."""
    cut = replace(tried(action()), thread=(ThreadStep(text="And a lid."),), post_id="5", state=state, reason="403")
    before = None if previous is None else StoredAction(replace(cut, state=previous), 1)
    if before is not None:
        office.put(PutAction(before.action, None))
    caplog.set_level(logging.WARNING, "songpost")
    ledger.move(
        office.desk, office.account, lambda now: Move(snapshot=now.snapshot, actions=((cut, before),), result=0)
    )

    assert alarms == [record.__dict__["alarm"] for record in caplog.records]
    assert [f"{cut.key}: 1 of 2 posts are on X: 403"] * len(alarms) == caplog.messages


# ------------------------------------------------------------------------------------------------------- book


def booked(office: Office, wanted: Action | None = None, account: Account | None = None) -> Admitted | Refused:
    """What became of a booking."""
    return ledger.book(office.desk, account or office.account, wanted or action())[1]


def test_a_booking_is_one_commit_over_everything_it_rests_on(office: Office) -> None:
    """It writes usage, limits and fingerprints, and checks control, identity, timeline and settings."""
    account, decision = ledger.book(office.desk, office.account, action())
    ((_, changes, _),) = office.committed

    assert isinstance(decision, Admitted)
    assert {"usage", "limits", "fingerprints"} == {one.name for one in changes if isinstance(one, PutDocument)}
    assert {"control", "identity", "timeline", "settings"} == {
        one.name for one in changes if isinstance(one, CheckDocument)
    }
    assert 16 == sum(isinstance(one, PutItem) and one.account == "*" for one in changes)
    assert [PutAction(decision.action, None)] == [one for one in changes if isinstance(one, PutAction)]
    assert ("id-1", NOW) == (decision.attempt.id, decision.attempt.started_at)
    assert decision.action == office.action() == account.snapshot.actions[action().key]
    assert 65_000 == account.snapshot.usage.months["2026-11"].spent_micros


def test_a_refusal_of_admission_commits_nothing(office: Office) -> None:
    """The gate's word comes back as it is."""
    office.settings = replace(SETTINGS, stage=Stage.DRY)
    decision = booked(office)

    assert isinstance(decision, Refused)
    assert ("control", []) == (decision.gate, office.committed)


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.PROPOSED])
def test_an_action_that_another_tick_has_is_left_alone(office: Office, state: State) -> None:
    """Nothing is committed, and the refusal says what state it is in; asking again may help."""
    office.put(PutAction(tried(action(), state=state), None))
    decision = booked(office)

    expected = f"another tick has it: {state.value}"
    assert Refused(gate="ledger", reason=expected, retry_at=None, final=False, quote=None, verdicts=()) == decision
    assert [] == office.committed


def test_a_planned_action_is_booked_as_it_is_stored(office: Office) -> None:
    """What the ledger has stands above what the caller thought."""
    office.put(PutAction(replace(action(), text="As it is stored."), None))
    decision = booked(office)

    assert isinstance(decision, Admitted)
    assert "As it is stored." == decision.action.text == office.action().text


def test_an_action_that_ended_long_ago_costs_a_lost_race_and_nothing_else(office: Office) -> None:
    """The commit fails on the key; only then is it asked for, and found at its end."""
    office.put(PutAction(replace(action(), state=State.SENT), None))
    decision = booked(office)

    assert isinstance(decision, Refused)
    assert ("ledger", "another tick has taken it to its end") == (decision.gate, decision.reason)
    assert 1 == len(office.committed)


def test_an_action_that_ends_meanwhile_is_not_begun_anew(office: Office) -> None:
    """It was planned when the tick looked; another one sends it before the commit: the second decision leaves it."""
    office.put(PutAction(action(), None))
    sent = replace(action(), state=State.SENT)
    office.meanwhile = [lambda: office.put(PutAction(sent, StoredAction(action(), 1)))]
    decision = booked(office)

    assert isinstance(decision, Refused)
    assert "another tick has taken it to its end" == decision.reason
    assert 1 == len(office.committed)


def test_a_pause_before_the_commit_undoes_the_booking(office: Office) -> None:
    """The booking rests on the switch's version: it is decided again, and refused."""
    body = documents.encode(Control(paused=True, reason="stop"))
    office.meanwhile = [lambda: office.put(PutDocument("control", body, 0))]
    decision = booked(office)

    assert isinstance(decision, Refused)
    assert "control" == decision.gate
    assert office.store.action("default", action().key) is None


def test_another_accounts_text_is_asked_about_after_a_lost_race(office: Office) -> None:
    """The first commit takes every place to be free; it fails, and the other's text refuses this one for good."""
    other = replace(office.desk, account="other")
    snapshot = Snapshot(account="other", settings=SETTINGS)
    ledger.book(replace(other, reload=lambda: (snapshot, {})), Account(snapshot, {}), action())
    decision = booked(office)

    assert isinstance(decision, Refused)
    assert ("duplicate", True) == (decision.gate, decision.final)
    assert 2 == len(office.committed)


def test_a_second_attempt_asks_about_other_accounts_at_once(office: Office) -> None:
    """Its own marks stand already, so taking the places for free would only lose a race."""
    ledger.book(office.desk, office.account, action())
    ledger.record(office.desk, office.account, action().key, Outcome(attempt_id="id-1", at=NOW, error=NotSent("late")))
    office.now = NOW + timedelta(minutes=6)
    count = len(office.committed)
    decision = booked(office)

    assert isinstance(decision, Admitted)
    assert (count + 1, []) == (len(office.committed), office.slept)


# ------------------------------------------------------------------------------------------------------- record


@pytest.fixture
def sending(office: Office) -> Office:
    """An office with one action under way."""
    ledger.book(office.desk, office.account, action())
    office.committed.clear()
    return office


def test_an_outcome_is_one_commit_of_the_action_and_what_it_moves(
    sending: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Action, money, timeline and what the headers told, together; an action in hand is not asked for again."""
    monkeypatch.setattr(sending.store, "action", lambda *_: pytest.fail("it was in hand"))
    told = Bucket(
        name="POST /2/tweets:user15",
        limit=99,
        remaining=42,
        reset_at=NOW + timedelta(minutes=9),
        seen_at=NOW,
        source="headers",
    )
    post = Post(id="77", text=WORDS)
    account = ledger.record(
        sending.desk,
        sending.account,
        action().key,
        Outcome(attempt_id="id-1", at=NOW, post=post, limits=(told,)),
    )

    monkeypatch.undo()
    assert 1 == len(sending.committed)
    assert {"usage", "limits", "timeline"} == {c.name for c in sending.committed[0][1] if isinstance(c, PutDocument)}
    assert (State.SENT, "77") == (sending.action().state, sending.action().post_id)
    assert (15_000, 42) == (
        account.snapshot.usage.months["2026-11"].spent_micros,
        account.snapshot.limits.buckets[told.name].remaining,
    )
    assert {} == account.stored


def test_an_outcome_of_an_action_that_is_closed_is_recorded_all_the_same(sending: Office) -> None:
    """The answer comes after somebody's word: the store is asked for the action, and takes it in."""
    stored = sending.store.action("default", action().key)
    assert stored is not None
    sending.put(PutAction(replace(stored.action, state=State.ABANDONED, reason="a person's word"), stored))
    ledger.record(
        sending.desk, sending.account, action().key, Outcome(attempt_id="id-1", at=NOW, post=Post(id="77", text=WORDS))
    )

    assert (State.SENT, "77") == (sending.action().state, sending.action().post_id)


def test_an_outcome_of_nothing_is_refused_by_name(office: Office) -> None:
    """There is no action of that key."""
    with pytest.raises(NotFound) as raised:
        ledger.record(office.desk, office.account, "post/2026-11-25/noon/9", Outcome(attempt_id="id-1", at=NOW))

    assert "post/2026-11-25/noon/9: no such action — see 'songpost actions'" == str(raised.value)


def test_an_outcome_that_blocks_the_account_throws_its_switch_in_the_same_commit(
    sending: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """A 402 pauses, and whoever watches hears of it once it is committed."""
    caplog.set_level(logging.WARNING, "songpost")
    account = ledger.record(
        sending.desk, sending.account, action().key, Outcome(attempt_id="id-1", at=NOW, error=AccountBlocked("402"))
    )

    assert (True, NOW) == (account.snapshot.control.paused, account.snapshot.control.changed_at)
    assert 1 == len(sending.committed)
    assert "control" in {change.name for change in sending.committed[0][1] if isinstance(change, PutDocument)}
    assert ["AccountBlocked"] == [
        record.__dict__["breaker"] for record in caplog.records if "breaker" in record.__dict__
    ]
    assert isinstance(sending.store.load("default").documents["control"], Document)


def test_a_refusal_by_x_is_counted_on_the_switch(sending: Office) -> None:
    """A run of refusals is what a breaker counts: the outcome's commit moves it."""
    account = ledger.record(
        sending.desk, sending.account, action().key, Outcome(attempt_id="id-1", at=NOW, error=RefusedByX("403"))
    )

    assert 1 == account.snapshot.control.refusals
