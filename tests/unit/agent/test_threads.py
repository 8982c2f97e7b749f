"""Threads in the hands of the writer: once, in order, under the ceiling, and never half in silence."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest

from songpost.account_documents import DayPlan
from songpost.agent import audit, control, documents, ledger, resolving, summary
from songpost.agent.foretelling import foretell
from songpost.agent.transitions import Outcome
from songpost.agent.writing import tick
from songpost.bootstrap import new_id
from songpost.core.admission import Admitted, Refused
from songpost.errors import NotFound, Refusal
from songpost.lab.sandbox.rules import Rules
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Action, Arm, Json, Kind, Poll, Post, State, Text, ThreadStep
from songpost.money_settings import Budget, Prices
from songpost.settings import Approval, ByRisk, Consent, FeatureFlags, Flag, PerKind, Plan, Schedule, Similarity
from songpost.store import codec
from songpost.x.transport import Request, Response, Transport
from tests.unit.agent.conftest import KEY, SETTINGS, Crash, World, breaking, whole

ENROLMENT_MICROS = 10_000
CREATE_MICROS = 15_000
WORST_MICROS = CREATE_MICROS + 10 * 5_000
PRICES = Prices(
    post_create=Decimal("0.015"), interaction=Decimal("0.015"), post_read=Decimal("0.005"), user_read=Decimal("0.01")
)
WORDS = (
    "Three beds are enough for a kitchen.",
    "The first one rests under clover, bees & all.",
    "In the third stand <leeks>, until the frost.",
)
STEPS = 17
"""The commits and calls of a first tick that sends a thread of three."""
THREAD = tuple(ThreadStep(text=words) for words in WORDS[1:])
TEXT = Text(id="beds", topic="gardening", variants=(WORDS[0],), threads=(THREAD,))


@pytest.fixture
def garden(world: World) -> World:
    """A world whose one text is a thread of three, with two hours until its window closes."""
    world.texts = (TEXT,)
    world.with_settings(topics=("gardening",), schedule=Schedule(windows={"noon": ("10:00", "14:00")}))
    return world


def ticks(world: World, *, minutes: Sequence[float]) -> None:
    """Ticks, each so many minutes after the one before."""
    for later in minutes:
        world.later(minutes=later)
        world.tick()


def chained(world: World, count: int = 3) -> None:
    """Assert that X shows the first posts of the thread, each once, each a reply to the one before."""
    posts = sorted(world.sandbox.posts(), key=lambda post: int(post.id))
    assert list(WORDS[:count]) == [post.text for post in posts]
    assert [None, *(post.id for post in posts[:-1])] == [post.in_reply_to_id for post in posts]
    assert tuple(post.id for post in posts) == world.action().post_ids


def sound(world: World) -> None:
    """Assert that the ledger covers X's bill, and that its chains and counters hold."""
    session = world.session()
    actions = [stored.action for stored in session.store.actions("default")]
    snapshot = session.open().snapshot
    session.close()
    assert world.bill_micros <= world.spent_micros()
    assert [] == [*audit.broken_chains(actions), *audit.miscounts(snapshot, actions)]


def due(world: World) -> World:
    """Bring the clock to the thread's time."""
    world.clock.set(world.clock.now().replace(hour=13, minute=0))
    return world


def test_a_thread_goes_out_whole_in_one_tick(garden: World) -> None:
    """Three creates, each a reply to the one before; one action, one place in the window, one credit to come."""
    due(garden).tick()

    chained(garden)
    action, snapshot = garden.action(), garden.account().snapshot
    assert State.SENT is action.state
    assert [0, 1, 2] == [attempt.step for attempt in action.attempts]
    assert action.held is None
    assert ENROLMENT_MICROS + 3 * CREATE_MICROS == garden.spent_micros() == garden.bill_micros
    assert [1] == list(snapshot.usage.windows.values())
    assert [3] == [tally.writes for tally in snapshot.usage.days.values()]
    assert 3 == len(snapshot.fingerprints.entries)
    assert [action.post_id] == list(snapshot.measuring.posts)
    assert [Kind.REPLY, Kind.REPLY, Kind.POST] == [mark.kind for mark in snapshot.timeline.latest]
    bodies = [json.loads(one.body) for one in garden.sandbox.requests("POST /2/tweets")]
    parents = [body.get("reply", {}).get("in_reply_to_tweet_id") for body in bodies]
    assert [None, *action.post_ids[:2]] == parents
    sound(garden)


class Looking:
    """Looks at the world whenever a create is about to leave."""

    def __init__(self, inner: Transport, look: Callable[[], object]) -> None:
        self._inner, self._look = inner, look

    def send(self, request: Request) -> Response:
        """Look, and pass on."""
        if request.method == "POST":
            self._look()
        return self._inner.send(request)


def test_all_steps_are_booked_before_the_first_one_leaves(garden: World) -> None:
    """At each create the worst price of that step and of all that follow is booked, with a write for each."""
    seen: list[tuple[int, int]] = []

    def look() -> None:
        usage = garden.account().snapshot.usage
        seen.append((garden.spent_micros() - ENROLMENT_MICROS, sum(day.writes for day in usage.days.values())))

    garden.wrap_wire = lambda wire: Looking(wire, look)
    due(garden).tick()

    expected = [3 * WORST_MICROS, CREATE_MICROS + 2 * WORST_MICROS, 2 * CREATE_MICROS + WORST_MICROS]
    assert [(micros, 3) for micros in expected] == seen


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_crash_at_any_step_neither_repeats_nor_loses_one(garden: World, step: int, *, after: bool) -> None:
    """Whatever commit or call the process dies at, the thread ends whole, in order, each step once."""
    due(garden)
    with suppress(Crash):
        breaking(garden, step, after=after).tick()
    whole(garden)
    assert garden.bill_micros <= garden.spent_micros()
    ticks(garden, minutes=[4] * 8)

    chained(garden)
    assert State.SENT is garden.action().state
    sound(garden)


def test_the_crashes_cover_the_whole_tick(garden: World) -> None:
    """The last step above is never reached, so the range meets every commit and call."""
    breaking(due(garden), STEPS + 1, after=False).tick()
    assert State.SENT is whole(garden).action().state


@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("landed", [True, False], ids=["landed", "not landed"])
def test_a_lost_answer_at_any_step_is_settled_by_the_timeline(garden: World, step: int, *, landed: bool) -> None:
    """Found by its words and its parent it goes on behind it; absent twice it is sent once more."""
    garden.fault("status", status=503, when="after" if landed else "before", skip=step)
    due(garden).tick()
    assert (State.UNKNOWN, step) == (garden.action().state, garden.action().next_step)
    assert step + landed == len(garden.posts())

    ticks(garden, minutes=[4, 4, 8, 4])

    chained(garden)
    assert State.SENT is garden.action().state
    assert (3 if landed else 4) == garden.creates()
    sound(garden)


def test_a_step_is_told_by_its_parent(garden: World) -> None:
    """The owner's own post of the same words, under no parent, is not taken for the lost step."""
    garden.fault("status", status=503, when="before", skip=1)
    due(garden).tick()
    by_hand = garden.sandbox.actors.post("songpost", WORDS[1])
    ticks(garden, minutes=[4])

    assert State.UNKNOWN is garden.action().state
    assert by_hand.id not in garden.action().post_ids


def test_a_refused_step_ends_it_in_part_and_raises_an_alarm(garden: World, caplog: pytest.LogCaptureFixture) -> None:
    """What is on X stays, the reason names the step, and what was held for the rest is free again."""
    garden.fault("status", status=403, when="before", skip=1)
    with caplog.at_level(logging.WARNING):
        due(garden).tick()

    action = garden.action()
    assert (State.PARTIAL, 1, None) == (action.state, action.next_step, action.held)
    assert action.reason.startswith("step 2 of 3: ")
    alarms = [record.getMessage() for record in caplog.records if getattr(record, "alarm", "") == "Partial"]
    assert [f"{KEY}: 1 of 3 posts are on X: {action.reason}"] == alarms
    assert ENROLMENT_MICROS + 2 * CREATE_MICROS == garden.spent_micros()
    assert [2] == [tally.writes for tally in garden.account().snapshot.usage.days.values()]
    ticks(garden, minutes=[5, 5])
    chained(garden, 1)
    sound(garden)


def test_a_first_step_that_is_refused_is_simply_refused(garden: World) -> None:
    """Nothing is on X: no part, no alarm, and all that was held is free."""
    garden.fault("status", status=403, when="before")
    due(garden).tick()

    assert State.REFUSED is garden.action().state
    assert [] == garden.posts()
    assert ENROLMENT_MICROS + CREATE_MICROS == garden.spent_micros()
    sound(garden)


def test_a_rate_limit_between_steps_lets_a_later_tick_go_on(garden: World) -> None:
    """A 429 is not billed; the thread keeps its place and what it holds, and goes on at the first unsent step."""
    garden.fault("rate limited", skip=1)
    due(garden).tick()
    action = garden.action()
    assert (State.PLANNED, 1) == (action.state, action.next_step)
    assert action.retry_at is not None
    assert [1] == list(garden.account().snapshot.usage.windows.values())
    assert ENROLMENT_MICROS + CREATE_MICROS + WORST_MICROS == garden.spent_micros()
    assert 3 == len(garden.account().snapshot.fingerprints.entries)

    ticks(garden, minutes=[5, 16])
    chained(garden)
    sound(garden)


def test_a_first_step_that_is_not_billed_gives_everything_back(garden: World) -> None:
    """A 429 at the first step leaves neither money nor writes nor fingerprints booked."""
    garden.fault("rate limited")
    due(garden).tick()

    account = garden.account()
    assert ENROLMENT_MICROS == garden.spent_micros()
    assert [0] == [tally.writes for tally in account.snapshot.usage.days.values()]
    assert () == account.snapshot.fingerprints.entries
    assert garden.action().held is None
    ticks(garden, minutes=[16])
    chained(garden)


def test_a_tick_without_time_leaves_the_rest_to_the_next(garden: World) -> None:
    """Each step wants its own time; what does not fit into one invocation goes on in another, half is never lost."""
    left = iter([900.0, 0.0])
    session = due(garden).session()
    tick(session.desk, session.open(), session.hand, session.given.texts, lambda: next(left))
    session.close()
    assert (State.PLANNED, 1) == (garden.action().state, garden.action().next_step)

    ticks(garden, minutes=[5])
    chained(garden)


def test_a_pause_stops_a_thread_between_two_steps(garden: World) -> None:
    """A pause that is committed before a step's booking stops it; after a resume it goes on."""

    def pause() -> None:
        session = garden.session()
        control.pause(session.desk, "stop", "a person")
        session.close()

    garden.wrap_wire = lambda wire: Looking(wire, pause)
    due(garden).tick()
    chained(garden, 1)

    session = whole(garden).session()
    control.resume(session.desk, "a person")
    session.close()
    ticks(garden, minutes=[5])
    chained(garden)


def test_a_thread_that_cannot_end_in_time_ends_in_part(garden: World) -> None:
    """It has an hour of grace after its window; then it is over, with the alarm, and holds nothing."""
    garden.fault("rate limited", skip=1)
    due(garden).tick()
    session = garden.session()
    control.pause(session.desk, "stop", "a person")
    session.close()

    ticks(garden, minutes=[119])
    assert State.PLANNED is garden.action().state
    ticks(garden, minutes=[1])

    action = garden.action()
    assert (State.PARTIAL, None) == (action.state, action.held)
    assert "before it could be whole" in action.reason
    assert ENROLMENT_MICROS + CREATE_MICROS == garden.spent_micros()
    sound(garden)


def test_within_the_grace_it_is_still_finished(garden: World) -> None:
    """A thread that began while its window was open is finished after it: half of one reads worse."""
    garden.fault("rate limited", skip=1)
    due(garden)
    ticks(garden, minutes=[58, 32])

    chained(garden)
    assert garden.action().closes_at < garden.clock.now()


def test_the_owner_deletes_the_first_post_meanwhile(garden: World) -> None:
    """X refuses a reply to what is gone; the thread ends in part, and nothing else is sent."""
    garden.fault("rate limited", skip=1)
    due(garden).tick()
    garden.sandbox.actors.delete(garden.action().post_id)
    ticks(garden, minutes=[20, 5])

    assert State.PARTIAL is garden.action().state
    assert [] == [post for post in garden.sandbox.posts() if post.deleted_at is None]


def test_two_ticks_at_once_send_each_step_once(garden: World) -> None:
    """A second tick that meets a thread in flight lets it be."""
    seen: list[int] = []

    def meanwhile() -> None:
        if not seen:
            seen.append(1)
            whole(garden).tick()

    garden.wrap_wire = lambda wire: Looking(wire, meanwhile)
    due(garden).tick()
    ticks(whole(garden), minutes=[5])

    chained(garden)
    sound(garden)


@pytest.mark.parametrize(
    ("limit", "gate"),
    [
        ({"budget": Budget(usd_per_month=Decimal("0.20"), usd_per_day=None, buffer_pct=0.0)}, "budget"),
        (
            {"budget": Budget(usd_per_month=Decimal(5), usd_per_day=Decimal(1), custom_write_cap=2, buffer_pct=0.0)},
            "budget",
        ),
    ],
    ids=["money", "writes"],
)
def test_a_thread_begins_only_where_all_of_it_fits(garden: World, limit: dict[str, object], gate: str) -> None:
    """Money and writes for every step, or not one of them goes out."""
    garden.with_settings(**limit)
    came_to = due(garden).tick()

    assert [gate] == [step.decision.gate for step in came_to.steps if isinstance(step.decision, Refused)]
    assert 0 == garden.creates()


def test_a_step_too_much_like_an_earlier_post_refuses_the_whole(garden: World) -> None:
    """The duplicate guard looks at every step before the first one leaves."""
    garden.texts = (Text(id="old", topic="gardening", variants=(WORDS[2],)),)
    garden.clock.set(garden.clock.now().replace(hour=13))
    garden.tick()
    garden.texts = (TEXT,)
    garden.later(days=1)
    garden.tick()

    assert [WORDS[2]] == garden.posts()


@pytest.mark.parametrize("sent", [True, False])
def test_a_persons_word_on_a_step(garden: World, *, sent: bool) -> None:
    """Said to be on X it goes on behind it; said to be lost the thread has ended in part."""
    garden.fault("answer lost", skip=1)
    due(garden).tick()
    landed = max((post.id for post in garden.sandbox.posts()), key=int)
    garden.later(minutes=3)
    session = garden.session()
    resolving.resolve(session.desk, session.open(), KEY, post_id=landed if sent else "", by="a person")
    session.close()
    ticks(garden, minutes=[3])

    if sent:
        chained(garden)
        assert State.SENT is garden.action().state
    else:
        assert (State.PARTIAL, 1) == (garden.action().state, garden.action().next_step)
    sound(garden)


def late(world: World, attempt_id: str, post_id: str) -> Action:
    """A process that was frozen wakes and tells of its post."""
    session = world.session()
    outcome = Outcome(attempt_id=attempt_id, at=world.clock.now(), post=Post(id=post_id, text=""))
    ledger.record(session.desk, session.open(), KEY, outcome)
    session.close()
    return world.action()


def test_a_late_answer_after_the_end_counts_and_stays_in_part(garden: World) -> None:
    """A step said to be lost that turns out to be on X belongs to the thread, which stays ended."""
    garden.fault("answer lost", skip=1)
    due(garden).tick()
    landed = max((post.id for post in garden.sandbox.posts()), key=int)
    garden.later(minutes=3)
    session = garden.session()
    resolving.resolve(session.desk, session.open(), KEY, post_id="", by="a person")
    session.close()

    action = late(garden, garden.action().attempts[-1].id, landed)

    assert (State.PARTIAL, 2) == (action.state, action.next_step)
    assert f"step 2 of 3: on X after all, as {landed}; it had ended: a person says" in action.reason
    ticks(garden, minutes=[5])
    chained(garden, 2)


def test_a_late_answer_told_twice_changes_nothing(garden: World) -> None:
    """A step whose post is known is settled once, whatever the thread does by now."""
    due(garden).tick()
    before = garden.action()
    after = late(garden, before.attempts[0].id, before.post_ids[0])

    assert (State.SENT, before.post_ids) == (after.state, after.post_ids)
    assert "step 1 of 3: sent as" in after.history[-1].note
    again = late(garden, before.attempts[0].id, "999")
    assert (State.SENT, before.post_ids) == (again.state, again.post_ids)
    assert "step 1 of 3: sent once more as 999: delete one" == again.history[-1].note


def test_what_it_holds_moves_to_the_day_of_the_next_step(garden: World) -> None:
    """A thread that goes on after midnight is booked anew on that day, under its ceilings, and once."""
    garden.with_settings(schedule=Schedule(windows={"night": ("22:00", "23:59")}))
    garden.clock.set(garden.clock.now().replace(hour=23, minute=58))
    garden.fault("rate limited", skip=1)
    garden.tick()
    ticks(garden, minutes=[17])

    days = garden.account().snapshot.usage.days
    assert {"2026-11-25": (1, 25_000), "2026-11-26": (2, 30_000)} == {
        day: (tally.writes, tally.spent_micros) for day, tally in days.items()
    }
    sound(garden)


def test_a_dry_run_shows_every_step_with_its_price(garden: World) -> None:
    """What is foretold of a thread has a price for each step, and the budget after all of them."""
    garden.texts = (replace(TEXT, threads=((THREAD[0], ThreadStep(text="See example.com for the rest.")),)),)
    session = due(garden).session(dry_run=False)
    found = foretell(session.open(), session.given.texts, garden.clock.now(), new_id)
    session.close()

    (step,) = found.steps
    assert isinstance(step.decision, Admitted)
    assert [CREATE_MICROS, CREATE_MICROS, 200_000] == [one.call_micros for one in step.decision.quote.steps]
    assert 2 * WORST_MICROS + 250_000 == step.decision.quote.worst_micros
    (day,) = found.account.snapshot.usage.days.values()
    assert (2 * CREATE_MICROS + 200_000, 3) == (day.spent_micros, day.writes)


def test_polls_and_the_label_of_made_media_go_over_the_wire(garden: World) -> None:
    """X's own field names: `poll.options`, `poll.duration_minutes`, `made_with_ai`; the poll is the first step's."""
    garden.with_settings(approval=Approval(by_risk=ByRisk(generated=Consent.AUTO)))
    garden.texts = (replace(TEXT, poll=Poll(options=("Leeks", "Onions"), minutes=1440), made_with_ai=True),)
    due(garden).tick()

    first, *others = [json.loads(one.body) for one in garden.sandbox.requests("POST /2/tweets")]
    assert {"options": ["Leeks", "Onions"], "duration_minutes": 1440} == first["poll"]
    assert [True] * 3 == [body["made_with_ai"] for body in (first, *others)]
    assert all("poll" not in body for body in others)
    assert [("Leeks", "Onions"), (), ()] == [
        post.poll_options for post in sorted(garden.sandbox.posts(), key=lambda post: int(post.id))
    ]
    assert State.SENT is garden.action().state


def test_a_planned_quote_goes_out_where_the_plan_permits_it(garden: World) -> None:
    """It quotes the post by its id, keeps its distance like a post, and waits for a credit."""
    garden.sandbox = Sandbox(clock=garden.clock, rules=Rules(plan="enterprise"))
    garden.sandbox.actors.add_user("miller")
    quoted = garden.sandbox.actors.post("miller", "Rye wants water.")
    garden.with_settings(
        plan=Plan.ENTERPRISE,
        budget=replace(SETTINGS.budget, prices=PRICES),
        feature_flags=FeatureFlags(allow_quotes=Flag.ON),
        approval=Approval(quote=Consent.AUTO),
        max_per_window=PerKind(post=1, quote=1),
    )
    garden.texts = (Text(id="q", topic="gardening", variants=("Still true.",), quote_id=quoted.id),)
    due(garden).tick()

    action = garden.action()
    assert (State.SENT, Kind.QUOTE, quoted.id) == (action.state, action.kind, action.target_id), action.reason
    (body,) = [json.loads(one.body) for one in garden.sandbox.requests("POST /2/tweets")]
    assert quoted.id == body["quote_tweet_id"]
    assert [Arm("gardening", "noon")] == [one.arm for one in garden.account().snapshot.measuring.posts.values()]


def test_what_was_stored_before_threads_still_reads() -> None:
    """Actions, plans and texts that know nothing of threads, polls and quotes decode, with none of them."""
    old: dict[str, Json] = {
        "key": KEY,
        "kind": "post",
        "state": "unknown",
        "created_at": "2026-11-25T11:00:00.000000Z",
        "updated_at": "2026-11-25T11:00:00.000000Z",
        "due_at": "2026-11-25T11:00:00.000000Z",
        "closes_at": "2026-11-25T12:00:00.000000Z",
        "text": "Rye.",
        "attempts": [
            {
                "id": "a1",
                "step": 0,
                "started_at": "2026-11-25T11:00:00.000000Z",
                "send_deadline_at": "2026-11-25T11:00:15.000000Z",
                "lease_until": "2026-11-25T11:02:35.000000Z",
                "baseline_id": "",
                "reserved_micros": 65000,
                "reserved_reads": 10,
                "call_micros": 15000,
            }
        ],
        "history": [],
        "schema_version": 1,
    }
    slot: dict[str, Json] = {
        "key": KEY,
        "window": "noon",
        "opens_at": "2026-11-25T10:00:00Z",
        "closes_at": "2026-11-25T12:00:00Z",
        "due_at": "2026-11-25T11:00:00Z",
        "arm": None,
        "text": "Rye.",
    }
    plan: dict[str, Json] = {"date": "2026-11-25", "zone": "UTC", "seed": "0", "slots": [slot], "schema_version": 1}
    text: dict[str, Json] = {"id": "t", "topic": "bread", "variants": ["Rye."], "media": []}

    action = codec.action_from(old, KEY)
    assert ((), (), None, None) == (action.thread, action.post_ids, action.held, action.poll)
    assert (ThreadStep(text="Rye."),) == action.steps
    found = documents.decode("plan/2026-11-25", plan, DayPlan).slots[0]
    assert ((), None, "", False) == (found.thread, found.poll, found.quote_id, found.made_with_ai)
    assert ((), None, "") == ((one := documents.decode("text", text, Text)).threads, one.poll, one.quote_id)


def test_a_thread_is_stored_as_it_was(garden: World) -> None:
    """Steps, media, poll and what is held come back from the store the same."""
    garden.fault("rate limited", skip=1)
    garden.texts = (replace(TEXT, poll=Poll(options=("Leeks", "Onions"), minutes=60)),)
    due(garden).tick()
    action = garden.action()

    assert action == codec.action_from(json.loads(codec.action_text(action)), KEY)
    assert (THREAD, Poll(options=("Leeks", "Onions"), minutes=60)) == (action.thread, action.poll)
    assert action.held is not None
    assert WORST_MICROS == action.held.micros
    plan = garden.account().snapshot.plans["2026-11-25"]
    assert plan == documents.decode("plan/2026-11-25", documents.encode(plan), DayPlan)


def test_the_summary_of_a_thread_has_its_steps(garden: World) -> None:
    """Each step with its words, its price as settled or booked, and its post; the price is that of the whole."""
    garden.fault("answer lost", skip=1)
    came_to = due(garden).tick()

    (shown,) = [summary.of_step(step, dry_run=False) for step in came_to.steps]
    steps = shown["steps"]
    assert isinstance(steps, list)
    first, second, third = steps
    assert {"text": WORDS[0], "price_usd": 0.015, "post_id": garden.action().post_id} == first
    assert {"text": WORDS[1], "price_usd": 0.065, "post_id": None} == second
    assert {"text": WORDS[2], "price_usd": 0.065, "post_id": None} == third
    assert 0.145 == shown["price_usd"]


def test_a_frozen_first_send_does_not_stop_the_thread(garden: World) -> None:
    """Two sends of one step, the late one landing first in the ledger: it goes on behind the one that is known."""
    garden.fault("reset")
    garden.with_settings(similarity=Similarity(threshold=0.9, window_days=30))
    due(garden).tick()
    ticks(garden, minutes=[4, 10, 3])
    action = garden.action()
    again = late(garden, action.attempts[0].id, "12345")

    chained(garden)
    assert action.post_ids == again.post_ids
    assert "step 1 of 3: sent once more as 12345: delete one" == again.history[-1].note


def test_a_person_lets_a_thread_that_ended_in_part_go_on(garden: World) -> None:
    """It is planned again for an hour, booked anew, and ends whole; what has not ended in part is refused by name."""
    garden.fault("status", status=403, when="before", skip=1)
    due(garden).tick()
    session = garden.session()
    after = resolving.resume(session.desk, session.open(), KEY, by="a person")
    assert (State.PLANNED, "a person lets it go on") == (after.state, after.history[-1].note)
    with pytest.raises(Refusal, match="it is planned"):
        resolving.resume(session.desk, session.open(), KEY, by="a person")
    with pytest.raises(NotFound):
        resolving.resume(session.desk, session.open(), "post/2026-11-25/noon/9", by="a person")
    session.close()
    ticks(garden, minutes=[20])

    chained(garden)
    assert State.SENT is garden.action().state
    sound(garden)


def test_what_a_person_resumed_ends_in_part_again_after_an_hour(garden: World) -> None:
    """The hour of grace holds for it too."""
    garden.fault("status", status=403, when="before", skip=1)
    due(garden).tick()
    session = garden.session()
    resolving.resume(session.desk, session.open(), KEY, by="a person")
    session.close()
    ticks(garden, minutes=[60])

    assert State.PARTIAL is garden.action().state
    chained(garden, 1)
