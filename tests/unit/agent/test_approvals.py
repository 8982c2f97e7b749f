"""A person's word: what asks is proposed ahead, and X gets what was approved, at its price, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songpost.agent import approvals
from songpost.agent.events import Invocation
from songpost.core import consent, similarity
from songpost.errors import NotFound, Refusal, UsageError
from songpost.invoking import run_writer
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Action, State, Text, ThreadStep, event_digest
from songpost.money_settings import Budget, Prices
from songpost.settings import Approval, AskFirst, ByRisk, Consent, Stage
from songpost.store.port import Change, PutAction, Store
from tests.unit.agent.conftest import KEY, START, World
from tests.unit.agent.test_interacting import ANSWERS, interact, summoned
from tests.unit.agent.test_measuring import put

EVENING = START - timedelta(hours=14)
"""The evening before the slot's day: 21:59."""
ASKING = Approval(post=Consent.ASK, lead_hours=15)
OTHER = "Sow garlic before the first frost."


@pytest.fixture
def asking(world: World) -> World:
    """A world whose posts ask, on the evening before."""
    world.clock.set(EVENING)
    world.with_settings(approval=ASKING)
    return world


def word(world: World, say: Callable[..., Action], *words: str, **more: str | int) -> Action:
    """A person's word, in a process of its own."""
    session = world.session()
    try:
        return say(session.desk, session.open(), *words, by="ana", **more)
    finally:
        session.close()


def chained(action: Action) -> bool:
    """Whether each line of an action's history is chained to the one before."""
    previous = ""
    for event in action.history:
        if event_digest(previous, event, action.key) != event.digest:
            return False
        previous = event.digest
    return True


def test_a_slot_that_asks_is_proposed_ahead_and_sent_once_approved(asking: World) -> None:
    """On the evening before it is proposed, at noon nothing goes out without a word, and with it exactly its text."""
    asking.tick()
    proposed = asking.action()

    assert State.PROPOSED is proposed.state
    assert "waits for a person's word until 2026-11-25 12:00 UTC" == proposed.reason
    assert timedelta(hours=15) > proposed.due_at - EVENING

    asking.clock.set(START)
    asking.tick()
    assert 0 == asking.creates()

    approved = word(asking, approvals.approve, KEY)
    assert State.PLANNED is approved.state
    asking.tick()

    assert [proposed.text] == asking.posts()
    assert State.SENT is asking.action().state
    assert ["planned", "proposed", "planned", "sending", "sent"] == [
        event.state.value for event in asking.action().history
    ]
    assert "approved by ana at $0.065 at worst" in asking.action().history[2].note
    assert chained(asking.action())


def test_nothing_is_planned_ahead_where_nothing_asks(world: World) -> None:
    """By default the evening before makes no plan of the next day."""
    world.clock.set(EVENING)
    world.tick()

    assert {"2026-11-24"} == set(world.account().snapshot.plans)


def test_a_proposal_expires_with_its_window(asking: World) -> None:
    """Without a word it ends as abandoned, by the gate that it waited at, and X hears nothing."""
    asking.tick()
    asking.clock.set(START + timedelta(minutes=2))
    asking.tick()

    ended = asking.action()
    assert (State.ABANDONED, "approval") == (ended.state, ended.gate)
    assert "its window was over" in ended.reason
    assert "waits for a person's word" in ended.reason
    with pytest.raises(Refusal, match="it is abandoned"):
        word(asking, approvals.approve, KEY)


def test_a_rejected_proposal_is_abandoned(asking: World) -> None:
    """A no ends it with the reason; also a yes is taken back while nothing is sent."""
    asking.tick()
    word(asking, approvals.approve, KEY)
    word(asking, approvals.reject, KEY, reason="too cold")
    asking.clock.set(START)
    asking.tick()

    assert (State.ABANDONED, "rejected by ana: too cold") == (asking.action().state, asking.action().reason)
    assert 0 == asking.creates()
    with pytest.raises(Refusal, match="rejected by ana"):
        word(asking, approvals.reject, KEY)


def test_an_edit_asks_anew_and_keeps_the_text_before(asking: World) -> None:
    """After an edit the old yes is void; once approved X gets the new text, and the history holds the old one."""
    asking.tick()
    before = word(asking, approvals.approve, KEY)
    edited = word(asking, approvals.edit, KEY, OTHER)
    asking.clock.set(START)
    asking.tick()

    assert (State.PROPOSED, "", None, "") == (edited.state, edited.approved, edited.told_at, edited.content_id)
    assert before.arm == edited.arm
    assert 0 == asking.creates()
    assert f"edited by ana; it said: {before.text}" == edited.history[-1].note

    word(asking, approvals.approve, KEY)
    asking.tick()

    assert [OTHER] == asking.posts()
    assert chained(asking.action())


PARTS = ("A wet hand keeps the dough off it.", "And patience does the rest of the work.")


def threaded(world: World, *parts: str) -> Action:
    """A proposal that goes on with these posts; as it was before."""
    world.tick()
    session = world.session()
    stored = session.open().stored[KEY]
    thread = replace(stored.action, thread=tuple(ThreadStep(text=one) for one in parts))
    session.store.commit("default", [PutAction(thread, stored)], session.desk.new_id())
    session.close()
    return stored.action


def test_any_post_of_a_thread_is_edited_by_its_number(asking: World) -> None:
    """The others stay as they are, what is approved is the whole thread anew, and X gets it as it was shown."""
    before, parts = threaded(asking, *PARTS), PARTS
    for number in (0, 4):
        with pytest.raises(UsageError, match=f"no post {number}: it is a thread of 3"):
            word(asking, approvals.edit, KEY, OTHER, part=number)
    with pytest.raises(UsageError, match="says that already"):
        word(asking, approvals.edit, KEY, parts[1], part=3)
    with pytest.raises(Refusal, match="rule length"):
        word(asking, approvals.edit, KEY, "x" * 281, part=2)
    edited = word(asking, approvals.edit, KEY, OTHER, part=2)

    assert (before.text, OTHER, parts[1]) == tuple(step.text for step in edited.steps)
    assert (State.PROPOSED, f"edited by ana; post 2 said: {parts[0]}") == (edited.state, edited.history[-1].note)

    word(asking, approvals.approve, KEY)
    asking.clock.set(START)
    asking.tick()

    assert [before.text, OTHER, parts[1]] == asking.posts()
    used = asking.account().snapshot.fingerprints.used
    assert {f"{before.content_id}/{before.variant}"} == set(used), "its opening is the library's still"


@pytest.mark.parametrize("said", ["", PARTS[1], "And patience does the rest of the work!"])
def test_no_edit_makes_two_posts_of_a_thread_alike(asking: World, said: str) -> None:
    """X takes no post twice: the thread would break off in public, half sent."""
    before = threaded(asking, *PARTS)
    other = 3 if said else 1

    with pytest.raises(Refusal, match=f"alike post {other} of its thread"):
        word(asking, approvals.edit, KEY, said or before.text, part=2)
    assert PARTS == tuple(step.text for step in asking.action().thread)


def test_posts_that_break_a_rule_are_mended_one_by_one(asking: World) -> None:
    """Approval names the post and the command; an edit is judged by what it edits, and the whole by the approval."""
    threaded(asking, *PARTS)
    asking.with_settings(blocked_patterns=("dough", "patience"))
    for number, other in ((2, OTHER), (3, "Salt goes in last of all things.")):
        with pytest.raises(Refusal, match=f"edit {KEY} --part {number} --text"):
            word(asking, approvals.approve, KEY)
        word(asking, approvals.edit, KEY, other, part=number)
    word(asking, approvals.approve, KEY)

    assert State.PLANNED is asking.action().state


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", Refusal, "rule empty"),
        ("x" * 281, Refusal, "rule length"),
        ("Thanks @ana for the leeks", Refusal, "rule unsolicited-mention"),
        ("Rye wants more water than you think!", Refusal, "duplicate"),
    ],
)
def test_an_edit_that_breaks_a_rule_is_refused(asking: World, text: str, error: type[Exception], says: str) -> None:
    """A new text passes the same rules as any other, before anybody is asked about it."""
    asking.tick()
    asking.with_settings(approval=Approval())
    asking.clock.set(EVENING + timedelta(hours=2))
    word(asking, approvals.edit, KEY, OTHER)
    before = asking.action()
    remembered(asking, "Rye wants more water than you think.")

    with pytest.raises(error, match=says):
        word(asking, approvals.edit, KEY, text)
    assert before == asking.action()


def remembered(world: World, text: str) -> None:
    """Let the account remember a text as posted."""
    known = world.account().snapshot.fingerprints
    entry = similarity.entry(text, world.clock.now())
    put(world, "fingerprints", replace(known, entries=(*known.entries, entry)))


def test_words_that_cannot_be_taken(asking: World) -> None:
    """What is unknown, says that already, waits for nothing, has changed, or is over is refused by name."""
    asking.tick()
    text = asking.action().text
    with pytest.raises(NotFound):
        word(asking, approvals.approve, "post/2026-11-25/noon/9")
    with pytest.raises(UsageError, match="says that already"):
        word(asking, approvals.edit, KEY, text)
    with pytest.raises(Refusal, match="not what was shown"):
        word(asking, approvals.approve, KEY, seen="0000")
    digest = consent.shown(asking.action(), 65_000)
    word(asking, approvals.approve, KEY, seen=digest[:12])
    with pytest.raises(Refusal, match="it waits for no word: it is planned"):
        word(asking, approvals.approve, KEY)
    asking.clock.set(START + timedelta(minutes=1))
    with pytest.raises(Refusal, match="its window was over"):
        word(asking, approvals.edit, KEY, OTHER)


def test_what_was_tried_is_not_edited(asking: World) -> None:
    """After a 429 X may know the text: it can be rejected, not rewritten."""
    asking.tick()
    word(asking, approvals.approve, KEY)
    asking.clock.set(START - timedelta(minutes=20))
    session = asking.session()
    stored = session.open().stored[KEY]
    early = replace(stored.action, due_at=asking.clock.now())
    session.store.commit("default", [PutAction(early, stored)], session.desk.new_id())
    session.close()
    asking.fault("status", status=429, when="before", shape="problem")
    asking.tick()

    assert 1 == len(asking.action().attempts)
    with pytest.raises(Refusal, match="tried already"):
        word(asking, approvals.edit, KEY, OTHER)


def test_a_new_price_asks_anew(asking: World) -> None:
    """The price list changes after the yes: at noon it is proposed again instead of sent, and says why."""
    asking.tick()
    word(asking, approvals.approve, KEY)
    asking.with_settings(budget=Budget(usd_per_month=Decimal(5), prices=prices(16)))
    asking.clock.set(START)
    asking.tick()

    assert 0 == asking.creates()
    assert State.PROPOSED is asking.action().state
    assert "its text or price is not what was approved" == asking.action().history[-1].note
    word(asking, approvals.approve, KEY)
    asking.tick()
    assert 1 == asking.creates()


def test_settings_that_begin_to_ask_stop_what_is_planned(world: World) -> None:
    """A planned action that nobody was asked about is proposed once its class asks."""
    world.fault("status", status=429, when="before", shape="problem", times=1)
    world.with_settings(schedule=type(world.settings.schedule)(windows={"noon": ("10:00", "14:00")}))
    world.clock.set(START - timedelta(minutes=1))
    for _ in range(40):
        world.tick()
        if world.creates():
            break
        world.later(minutes=4)
    assert State.PLANNED is world.action().state
    world.with_settings(stage=Stage.ASK)
    world.later(minutes=16)
    world.tick()

    assert 1 == world.creates()
    assert State.PROPOSED is world.action().state


def test_the_first_posts_ask_and_then_go_out(world: World) -> None:
    """With `ask_first` of one, the first post waits for a yes, and the next day's goes out by itself."""
    world.with_settings(approval=Approval(ask_first=AskFirst(post=1), lead_hours=0))
    world.tick()
    word(world, approvals.approve, KEY)
    world.tick()
    assert 1 == world.creates()
    assert {"post": 1} == world.account().snapshot.control.approvals

    world.later(days=1)
    world.tick()
    assert 2 == world.creates()


def test_a_dry_stage_sends_nothing_and_asks_nothing(asking: World) -> None:
    """In the stage `dry` a live tick creates nothing and proposes nothing new."""
    asking.with_settings(stage=Stage.DRY, approval=Approval())
    asking.clock.set(START)
    tick = asking.tick()

    assert 0 == asking.creates()
    assert ["control"] == [step.action.gate for step in tick.steps]


def test_proposals_are_bounded(asking: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slots ask, only so many are proposed, in several commits."""
    monkeypatch.setattr(approvals, "MOST_PROPOSED", 4)
    monkeypatch.setattr(approvals, "AT_ONCE", 2)
    asking.texts = tuple(
        Text(id=f"t{n}", topic="bread", variants=(" ".join(chr(97 + n) * (k + 3) for k in range(9)),)) for n in range(8)
    )
    spans = {f"w{n}": (f"{8 + n:02}:00", f"{8 + n:02}:55") for n in range(8)}
    asking.with_settings(schedule=type(asking.settings.schedule)(windows=spans), minimum_gap_minutes=5)
    asking.tick()

    found = approvals.waiting(asking.account())
    assert 4 == len(found)


# ------------------------------------------------------------------------------------------------------- races


def racing(world: World, happens: Callable[[], object]) -> Callable[[Store], Store]:
    """A store before whose next commit something else happens, in a process of its own."""
    done: list[bool] = []

    def wrapped(store: Store) -> Store:
        commit = store.commit

        def late(account: str, changes: list[Change], token: str) -> None:
            if not done:
                done.append(True)
                world.wrap_store = lambda other: other
                happens()
            commit(account, changes, token)

        store.commit = late  # type: ignore[method-assign, assignment]
        return store

    return wrapped


WORDS: dict[str, Callable[[World], object]] = {
    "approve": lambda world: word(world, approvals.approve, KEY),
    "reject": lambda world: word(world, approvals.reject, KEY),
    "edit": lambda world: word(world, approvals.edit, KEY, OTHER),
    "tick": lambda world: world.tick(),
}


@pytest.mark.parametrize("second", WORDS)
@pytest.mark.parametrize("first", WORDS)
def test_of_words_that_meet_one_is_first(asking: World, first: str, second: str) -> None:
    """Whatever comes between a word's decision and its commit is decided on: X gets only what was approved last."""
    asking.tick()
    shown = asking.action().text
    asking.clock.set(START)
    asking.wrap_store = racing(asking, lambda: WORDS[first](asking))
    with suppress(Refusal, UsageError):
        WORDS[second](asking)
    asking.wrap_store = lambda store: store
    asking.tick()

    posts = asking.posts()
    action = asking.action()
    assert len(posts) <= 1
    if "reject" in {first, second} and first != second:
        assert [] == posts or second == "tick"
    if posts:
        assert [shown] == posts
        assert action.approved == consent.shown(action, 65_000)
    assert chained(action)


# ---------------------------------------------------------------------------------------------------- property


class Program:
    """A world that a drawn program acts on: `asks` tells whether posts ask now, `yes` holds the approved texts."""

    def __init__(self, folder: Path, *, links: bool) -> None:
        clock = VirtualClock(EVENING)
        self.world = World(folder, clock, Sandbox(clock=clock))
        link = Text(id="l", topic="bread", variants=("Bake with us: bread.example.com",))
        self.world.texts = (*self.world.texts, *ANSWERS, link)
        self.world.with_settings(approval=ASKING, topics=("bread",) if links else self.world.settings.topics)
        self.asks, self.yes, self.number, self.price = True, set[str](), 0, 15

    def tick(self) -> None:
        """A live tick of the writer, post and interactions."""
        interact(self.world)

    def approve(self) -> None:
        """A yes to the first that waits."""
        self.yes.add(word(self.world, approvals.approve, self._first()).text)

    def reject(self) -> None:
        """A no to the first that waits, or to what was approved before."""
        self.yes.discard(word(self.world, approvals.reject, self._first()).text)

    def edit(self) -> None:
        """Another text for the first that waits."""
        words = f"Edited {self.number}: {'sow peas now ' * (self.number % 3 + 1)}{self.number}"
        word(self.world, approvals.edit, self._first(), words)

    def _first(self) -> str:
        return next((action.key for action in approvals.waiting(self.world.account())), KEY)

    def price_rises(self) -> None:
        """Every price is another one, so no yes is good any more."""
        self.price += 1
        self.world.with_settings(budget=Budget(usd_per_month=Decimal(5), prices=prices(self.price)))
        self.yes.clear()

    def settings_ask_by_risk(self) -> None:
        """Posts ask, and links besides."""
        self.asks = True
        self.world.with_settings(approval=replace(ASKING, by_risk=ByRisk(link=Consent.ASK)), stage=Stage.AUTO)

    def settings_ask_by_stage(self) -> None:
        """Everything asks."""
        self.asks = True
        self.world.with_settings(approval=Approval(), stage=Stage.ASK)

    def settings_let_posts_go(self) -> None:
        """Posts go out by themselves; replies still ask."""
        self.asks = False
        self.world.with_settings(approval=Approval(), stage=Stage.AUTO)

    def hours_pass(self) -> None:
        """From evening to morning to afternoon."""
        self.world.later(hours=7)

    def noon_comes(self) -> None:
        """The slot's window is about to close."""
        if self.world.clock.now() < START:
            self.world.clock.set(START)

    def somebody_asks(self) -> None:
        """A summons in the inbox."""
        summoned(self.world)

    def limit_is_hit(self) -> None:
        """The next create meets a 429."""
        self.world.fault("status", status=429, when="before", shape="problem")

    def answer_is_lost(self) -> None:
        """The next create has no answer."""
        self.world.fault("answer lost")


def prices(thousandths: int) -> Prices:
    """An own price list with creates at so many thousandths of a dollar."""
    create = Decimal(thousandths) / 1000
    return Prices(
        post_create=create,
        post_create_url=Decimal("0.2"),
        reply_create=create,
        post_read=Decimal("0.005"),
        user_read=Decimal("0.01"),
        owned_read=Decimal("0.001"),
    )


MOVES: dict[str, Callable[[Program], None]] = {
    name: move for name, move in vars(Program).items() if not name.startswith("_")
}


OFTEN = ("tick", "noon_comes", "tick", "approve", "tick", "approve")
"""Without these nothing ever reaches X; the rest of a program is what comes between."""


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.lists(st.sampled_from([*OFTEN, *sorted(MOVES)]), min_size=8, max_size=16), links=st.booleans())
def test_nothing_that_asks_is_sent_without_a_yes_to_it(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], *, links: bool
) -> None:
    """Whatever people, settings, X and the clock do in whatever order: what asks gets to X only as it was approved.

    X's own record of the creates that reached it is the judge: of posts while they ask, and of replies always.
    """
    program = Program(tmp_path_factory.mktemp("world"), links=links)
    for number, name in enumerate(names):
        program.number = number
        before = program.world.creates()
        with suppress(Refusal, NotFound, UsageError):
            MOVES[name](program)
        for request in program.world.sandbox.requests("POST /2/tweets")[before:]:
            body = json.loads(request.body)
            if program.asks or "reply" in body:
                assert body["text"] in program.yes, (name, body)


def test_what_is_proposed_is_not_proposed_again(asking: World) -> None:
    """Proposing twice changes nothing: a second tick of the same evening finds all proposed."""
    asking.tick()
    before = asking.action()
    asking.later(minutes=5)
    asking.tick()

    assert before == asking.action()


def test_a_dry_run_shows_what_would_be_proposed_and_what_waits(asking: World) -> None:
    """On the evening before, tomorrow's slot stands under what this tick would do; once proposed, it waits."""

    def foretold() -> list[tuple[object, ...]]:
        session = asking.session(dry_run=True)
        shown, _ = run_writer(session, Invocation(mode="post"), lambda: 900.0)
        session.close()
        found = shown["actions"]
        assert isinstance(found, list)
        rows = [row for row in found if isinstance(row, dict)]
        return [(row["state"], row["gate"], row["would"]) for row in rows if row["key"] == KEY]

    assert [("planned", "approval", "propose")] == foretold()
    asking.tick()
    assert [("proposed", "approval", "refuse")] == foretold()
    asking.with_settings(approval=Approval())
    assert [("proposed", "approval", "refuse")] == foretold()
