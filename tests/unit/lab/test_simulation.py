"""Simulated days: the shipped reader and writer against the sandbox, and a judge that believes X alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from songpost.agent import documents, library, summary
from songpost.errors import NotFound
from songpost.lab import explain, replay
from songpost.lab.sandbox.world import Post
from songpost.lab.simulation import judge
from songpost.lab.simulation.record import Plan, Run, to_json
from songpost.lab.simulation.run import simulate, store_for_a_run
from songpost.lab.simulation.stage import Stage
from songpost.lab.simulation.texts import arms_of, made_up
from songpost.model import Action, Kind, State
from songpost.settings import Flag, Settings
from songpost.store.port import Change, PutDocument, PutItem, Store

HOSTILE_DAYS = int(os.environ.get("SONGPOST_SIMULATED_DAYS", "25"))
"""Days under hostile faults; CI asks for 60."""
EXAMPLE = Path(documents.__file__).parents[1] / "example.json"


def settings() -> Settings:
    """The example's."""
    return documents.decode_settings(json.loads(EXAMPLE.read_bytes())["settings"])


def shape(run: Run) -> str:
    """All of a run but how many of its ticks were left out."""
    return json.dumps(to_json(replace(run, played=0)))


def run_of(**plan: object) -> Run:
    """A run over a store of its own."""
    with store_for_a_run() as store:
        return simulate(Plan(settings=settings(), **plan), store)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lived() -> Iterator[tuple[Run, Store]]:
    """Six quiet days of one account, with their store."""
    with store_for_a_run() as store:
        yield simulate(Plan(days=6, settings=settings(), seed=3), store), store


def test_quiet_days_post_what_was_planned(lived: tuple[Run, Store]) -> None:
    """Three posts a day go out, are credited after two days, and cost what X says; nothing is wrong."""
    run, _ = lived
    (account,) = run.accounts

    assert () == run.faults_found
    assert 18 == len(account.posts) == account.decisions == account.states["post sent"]
    assert 9 <= sum(post.reward is not None for post in account.posts) <= 15
    assert 0 < account.billed_micros <= account.booked_micros
    assert sum(day.billed_micros for day in account.days) == account.billed_micros
    assert account.dearest_month_micros <= account.month_ceiling_micros
    assert [3] * 6 == [day.posts for day in account.days]
    chosen, uniform = run.share()
    assert 0 < uniform < 1
    assert chosen <= 1
    assert all(post.expected <= post.best for post in account.posts)
    assert {True, False} == {post.media for post in account.posts}
    assert run.played < run.ticks == 6 * (288 + 48)


@pytest.mark.parametrize("faults", ["none", "hostile"])
def test_leaving_out_idle_ticks_changes_nothing(faults: str) -> None:
    """Every tick played, or only those that may do something: the same run, byte for byte."""
    plan: dict[str, object] = {"days": 2, "seed": 5, "faults": faults, "accounts": 2}
    every, busy = run_of(**plan, every_tick=True), run_of(**plan)

    assert shape(every) == shape(busy)
    assert every.played == every.ticks == busy.ticks
    assert busy.played < every.played / 4


def test_the_same_seed_gives_the_same_bytes_and_another_another() -> None:
    """A run is a function of its plan."""
    one, same, other = (run_of(days=2, seed=seed, faults="rough") for seed in (1, 1, 2))

    assert json.dumps(to_json(one)) == json.dumps(to_json(same))
    assert shape(one) != shape(other)


def test_hostile_days_lose_double_and_overspend_nothing() -> None:
    """Answers get lost, the store fails, processes die: no duplicate, nothing lost in silence, nothing overspent."""
    run = run_of(days=HOSTILE_DAYS, seed=7, faults="hostile")

    assert () == run.faults_found
    assert run.trouble.struck > HOSTILE_DAYS
    assert run.trouble.store > HOSTILE_DAYS / 2
    assert run.trouble.deaths > 0
    # Three a day are planned. One with a picture is five calls, each of which may fail or cost its process, and what is
    # booked for those that died is not there for others.
    assert sum(len(one.posts) for one in run.accounts) > 3 * HOSTILE_DAYS / 2


def test_progress_hears_of_each_day() -> None:
    """A caller can draw a bar."""
    days: list[str] = []
    with store_for_a_run() as store:
        simulate(Plan(days=2, settings=settings()), store, lambda day: days.append(day.isoformat()))

    assert ["2026-11-23", "2026-11-24"] == days


@pytest.mark.parametrize("lost", ["timeline", "fingerprints", "usage", "limits", "learning", "measuring", "reading"])
def test_a_write_that_a_tick_forgot_is_not_hidden(monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    """What stays warm between ticks would otherwise stand in for a document that no function would find again."""
    kept = documents.changes_of

    def forgetful(*given: Any) -> list[Change]:
        return [one for one in kept(*given) if not (isinstance(one, PutDocument) and one.name == lost)]

    monkeypatch.setattr(documents, "changes_of", forgetful)
    with pytest.raises(AssertionError, match=f"document {lost} and not written"):
        run_of(days=4, seed=1)


@pytest.mark.parametrize("told", ["of_tick", "of_reader"])
def test_a_run_of_every_tick_tells_of_each(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """A summary that fails would fail every invocation: one of the two ways to play shows it."""

    def broken(*_: object, **__: object) -> None:
        raise KeyError(told)

    monkeypatch.setattr(summary, told, broken)
    with pytest.raises(KeyError, match=told):
        run_of(days=1, every_tick=True)


def suspended_for_a_day(*, every_tick: bool) -> Run:
    """Two days, of which X suspends the account on the first."""
    with store_for_a_run() as store:
        stage = Stage(Plan(days=2, settings=settings(), every_tick=every_tick), store)
        account = stage.people["sim"]
        stage.sandbox.actors.suspend(account.username)
        stage._later(stage.start + timedelta(hours=30), "say", "sim", ("reader00", "mention", "still there?"))
        say = stage._say

        def back(_: object, *what: str) -> None:
            stage.sandbox.actors.suspend(account.username, suspended=False)
            say(account, *what)

        stage._say = back  # type: ignore[method-assign,assignment]
        stage.play(lambda _: None)
        return stage.judged()


def test_a_paused_account_is_resumed_by_its_owner() -> None:
    """Who pauses itself is looked at the next morning; a resume wakes ticks that were left out because of the pause."""
    run = suspended_for_a_day(every_tick=False)

    assert () == run.faults_found
    assert run.trouble.resumed >= 1
    assert run.accounts[0].posts
    assert shape(suspended_for_a_day(every_tick=True)) == shape(run)


# --------------------------------------------------------------------------------------------------- the judge

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def sent(store: Store) -> list[Action]:
    """The posts that the ledger calls sent."""
    return [stored.action for stored in store.actions("sim", state=State.SENT, kind=Kind.POST)]


def on_x(action: Action, **other: object) -> Post:
    """The post on X that an action made."""
    at = action.posted_at or AT
    post = Post(
        id=action.post_id, author_id="1", text=action.text, created_at=at, visible_at=at, conversation_id=action.post_id
    )
    return replace(post, **other)  # type: ignore[arg-type]


def test_the_judge_sees_a_post_that_was_made_twice(lived: tuple[Run, Store]) -> None:
    """A second post with the words and at the time of an attempt is that action's; one of nobody's is told too."""
    actions = sent(lived[1])
    posts = [on_x(action) for action in actions]
    again = on_x(actions[0], id="999", created_at=actions[0].attempts[0].started_at)
    stranger = on_x(actions[0], id="998", text="who wrote this?")

    assert [] == list(judge.twice(posts, actions))
    assert [f"{actions[0].key} is on X 2 times"] == list(judge.twice([*posts, again], actions))
    assert ["post 998"] == [told[:8] for told in judge.twice([*posts, stranger], actions)]


def test_the_judge_sees_what_is_lost(lived: tuple[Run, Store]) -> None:
    """A post that X does not have, an ending without a reason, and an action that never ends."""
    action, *_ = actions = sent(lived[1])
    posts = [on_x(one) for one in actions]
    late = AT + timedelta(days=30)

    assert [] == list(judge.lost(posts, actions, late))
    assert [f"{action.key} says sent, but X has no {action.post_id}"] == list(judge.lost([], [action], late))
    silent = replace(action, state=State.ABANDONED, reason="")
    assert [f"{action.key} is abandoned without a reason"] == list(judge.lost(posts, [silent], late))
    stuck = replace(action, state=State.UNKNOWN, reason="no answer")
    assert [f"{action.key} is still unknown at {late.isoformat()}"] == list(judge.lost(posts, [stuck], late))
    assert [] == list(judge.lost(posts, [stuck], action.closes_at + timedelta(hours=1)))


def test_the_judge_reads_xs_bill(lived: tuple[Run, Store]) -> None:
    """A day or a month above its ceiling, and a charge that the ledger does not know of."""
    snapshot = documents.snapshot_of("sim", lived[1].load("sim"), settings())
    billed = {"2026-11-24": 600_000}
    evidence = judge.Evidence(
        account="sim",
        username="sim",
        store=lived[1],
        snapshot=snapshot,
        posts=(),
        billed=billed,
        billed_locally={},
        calls={},
        expected={},
        stood={},
        now=AT,
    )

    found = list(judge.overspent(evidence, 500_000, 500_000))

    assert 3 == len(found)
    assert ["the ceiling is 500000", "the ledger knows of", "the ceiling is 500000"] == [
        next(words for words in ("the ceiling is 500000", "the ledger knows of") if words in told) for told in found
    ]
    assert [] == list(judge.overspent(replace(evidence, billed={"2026-11-24": 1}), 500_000, None))
    forgotten, unknown = replace(evidence, billed={"2026-10-01": 1}), replace(evidence, billed={"2026-12-30": 1})
    assert [] == list(judge.overspent(forgotten, 500_000, None)), "older than what is kept"
    assert ["X billed 1 micro-dollars on 2026-12-30, the ledger knows of 0"] == [
        *judge.overspent(unknown, 500_000, None)
    ]


# ------------------------------------------------------------------------------------------ replay and explain


def test_every_decision_is_made_again(lived: tuple[Run, Store]) -> None:
    """From what is stored alone; since a date only those of its plans."""
    whole = replay.replay(lived[1], "sim")
    later = replay.replay(lived[1], "sim", datetime(2026, 11, 27, 23, tzinfo=UTC))

    assert (18, ()) == (whole.decisions, whole.differences)
    assert (2, 6) == (later.days, later.decisions)


def test_a_changed_decision_is_told_with_both_values() -> None:
    """Another probability, other counters, counters that are gone: each is a difference that shows both."""
    with store_for_a_run() as store:
        simulate(Plan(days=1, settings=settings()), store)
        (item,) = store.items("sim", "decisions")
        body = json.loads(json.dumps(item.body))
        chosen = body["decisions"][0]
        chosen["wins"][0] += 1
        body["decisions"][1]["statistics"] = "0" * 64
        body["decisions"][2]["candidates"] = []
        store.commit("sim", [PutItem("decisions", item.key, body, if_absent=False)], "tampered")

        found = replay.replay(store, "sim").differences

    assert {("wins"), ("statistics"), ("inputs")} <= {one.field for one in found}
    wins = next(one for one in found if one.field == "wins")
    assert repr(tuple(chosen["wins"])) == wins.stored
    assert wins.stored != wins.rebuilt
    assert wins.stored in str(wins)
    assert wins.rebuilt in str(wins)
    assert "not stored any more" == next(one for one in found if one.field == "statistics").rebuilt


def test_counters_that_were_changed_are_told() -> None:
    """The digest by which a decision names its counters is recomputed, never believed."""
    with store_for_a_run() as store:
        simulate(Plan(days=1, settings=settings()), store)
        (item,) = store.items("sim", "statistics")
        body = {**item.body, "epoch": 7}
        store.commit("sim", [PutItem("statistics", item.key, body, if_absent=False)], "tampered")

        found = replay.replay(store, "sim").differences

    assert {"statistics"} == {one.field for one in found}
    assert 3 == len(found)


def test_a_sent_post_is_explained(lived: tuple[Run, Store]) -> None:
    """Candidates with their probabilities, gates, attempts, price and what the learner was told of it."""
    action = min(sent(lived[1]), key=lambda one: one.due_at)

    story = explain.explain(lived[1], "sim", action.key, "Europe/Berlin")
    told = {part.title: " ".join(part.sentences) for part in story.parts}

    assert "sent" == story.state
    assert sum(one.probability for one in story.candidates) == pytest.approx(1)
    assert [str(action.arm)] == [one.arm for one in story.candidates if one.chosen]
    assert "candidates may earn" in told["Why this post"]
    assert "Every gate let it through once" in told["Gates"]
    assert (
        "$0.015 counted in the end" in told["Attempts and price"] or "counted in the end" in told["Attempts and price"]
    )
    assert action.post_id in told["What came of it"]
    assert "impressions" in told["What came of it"]
    assert "planned" in told["What happened"]


def test_an_action_that_nobody_knows_is_not_explained(lived: tuple[Run, Store]) -> None:
    """The key is named."""
    with pytest.raises(NotFound, match="post/2026-11-23/noon/9"):
        explain.explain(lived[1], "sim", "post/2026-11-23/noon/9", "UTC")


def test_what_a_person_brought_about_has_no_decision(lived: tuple[Run, Store]) -> None:
    """A reply was summoned: its story says so, and has no candidates."""
    replies = [stored.action for stored in lived[1].actions("sim", kind=Kind.REPLY)]
    if not replies:
        pytest.fail("nobody summoned the account in six days: choose another seed")

    story = explain.explain(lived[1], "sim", replies[0].key, "UTC")

    assert () == story.candidates
    assert "No decision of the learner" in story.parts[0].sentences[0]


def test_a_refusal_and_a_broken_history_are_explained(lived: tuple[Run, Store]) -> None:
    """The gate and its reason are told, and where a chain of history is broken."""
    action = sent(lived[1])[0]
    broken = replace(action.history[-1], note="nothing to see here")
    changed = replace(
        action,
        state=State.REFUSED,
        gate="budget",
        reason="no dollars left",
        approved_at=AT,
        attempts=(replace(action.attempts[0], settled_micros=None, outcome="", reads=2, resources=5),),
        history=(*action.history[:-1], broken),
    )

    said = " ".join(
        [
            *explain._gates(changed),
            *explain._attempts(changed, ZoneInfo("UTC")),
            *explain._history(changed, ZoneInfo("UTC")),
            *explain._outcome(changed, None, ZoneInfo("UTC")),
            *explain._gates(replace(changed, gate="", attempts=(), approved_at=None)),
            *explain._attempts(replace(changed, attempts=()), ZoneInfo("UTC")),
        ]
    )

    for words in (
        "gate 'budget': no dollars left",
        "A person approved it",
        "held until its outcome is known",
        "2 looks",
        "BROKEN here",
        "It was refused and is over",
        "No gate has been asked",
        "X was never called for it",
    ):
        assert words in said


def test_uniform_and_overridden_choices_are_explained(lived: tuple[Run, Store]) -> None:
    """Where learning was off, or somebody decided otherwise, the story says so."""
    day = next(iter(replay.days_of(lived[1], "sim")))
    decision = day.decisions[0]
    action = sent(lived[1])[0]
    uniform = replace(decision, wins=(), draws=0, override="the owner pinned it")

    said = " ".join(explain._choice(action, uniform, exact=False))

    assert "Learning was off" in said
    assert "decided otherwise than drawn: the owner pinned it" in said
    assert "more than once" in said


def test_the_library_of_the_example_is_left_out() -> None:
    """The run writes its own texts: the example's are not in it."""
    known = {
        words
        for text in library.texts_of(json.loads(EXAMPLE.read_bytes())["texts"]).values()
        for one in text
        for words in one.variants
    }
    with store_for_a_run() as store:
        stage = Stage(Plan(days=1, settings=settings()), store)

    assert not known & set(stage.people["sim"].topics)


def test_accounts_of_one_store_have_texts_of_their_own() -> None:
    """None says what another has said, so all of them post what was planned, and none stands at the duplicate gate."""
    run = run_of(days=2, accounts=3)

    assert [6, 6, 6] == [len(one.posts) for one in run.accounts]
    assert [] == [refusal for one in run.accounts for refusal in one.refusals]


def test_without_media_there_are_no_pictures_to_choose() -> None:
    """Where the settings switch media off, the audience's best arms have none either."""
    off = replace(settings(), feature_flags=replace(settings().feature_flags, allow_media=Flag.OFF))
    texts = made_up(off, seed=1)

    assert [] == [text for text in texts if text.media]
    assert {False} == {arm.media for arm in arms_of(off, texts)}
    assert {True, False} == {arm.media for arm in arms_of(settings(), made_up(settings(), seed=1))}


def test_waits_of_lost_races_are_drawn_from_the_seed() -> None:
    """A race that a tick loses to its own earlier commit is the same race in every run."""
    draws = []
    for _ in range(2):
        with store_for_a_run() as store:
            stage = Stage(Plan(days=1, settings=settings(), seed=3), store)
            draws.append(stage._session(stage.people["sim"]).desk.chance())

    assert draws[0] == draws[1]
