"""Who is asked, for which actions, and what exactly a yes is good for."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Control
from songpost.core import consent, policy
from songpost.core.admission import Admitted, Refused, admit
from songpost.core.snapshot import Snapshot
from songpost.model import Action, Arm, Kind, Media, Poll, State, ThreadStep
from songpost.money_settings import Budget, Prices
from songpost.settings import Approval, AskFirst, ByRisk, Consent, Settings, Stage
from tests.unit.core.cases import LINKED, NOW, SETTINGS, action, approved, snapshot

PICTURE = Media(path="loaf.png", alt_text="A loaf.", media_type="image/png")
ORDER = [Consent.AUTO, Consent.ASK, Consent.NEVER]
CONSENTS = st.sampled_from(Consent)


def with_approval(stage: Stage = Stage.AUTO, **approval: Any) -> Settings:  # keys of the settings
    """Settings that differ in what waits for a word."""
    return replace(SETTINGS, approval=Approval(**approval), stage=stage)


def decided(settings: Settings, wanted: Action, control: Control | None = None) -> Admitted | Refused:
    """What admission says at noon."""
    return admit(replace(snapshot(settings), control=control or Control()), wanted, NOW, "attempt-1")


def gate(settings: Settings, wanted: Action, control: Control | None = None) -> str:
    """The gate that refuses, or nothing."""
    found = decided(settings, wanted, control)
    return found.gate if isinstance(found, Refused) else ""


@pytest.mark.parametrize(
    ("risk", "risky"),
    [
        ("link", action(words=LINKED)),
        ("media", replace(action(), media=(PICTURE,))),
        ("generated", replace(action(), made_with_ai=True)),
    ],
)
def test_a_risk_class_asks_although_its_kind_does_not(risk: str, risky: Action) -> None:
    """A post by itself goes out; with a link, a picture or a model's words it waits where that class asks, or never."""
    asks = with_approval(
        by_risk=ByRisk(generated=Consent.AUTO, **{risk: Consent.ASK}) if risk != "generated" else ByRisk()
    )
    never = with_approval(by_risk=replace(asks.approval.by_risk, **{risk: Consent.NEVER}))
    none = with_approval(by_risk=replace(asks.approval.by_risk, **{risk: Consent.AUTO}))

    assert "" == gate(asks, action())
    assert "approval" == gate(asks, risky)
    assert "" == gate(asks, approved(risky))
    assert "policy" == gate(never, approved(risky))
    assert f"approval.by_risk.{risk} is never" in str(next(policy.violations(never, risky)))
    assert "" == gate(none, risky)


def test_a_mention_is_a_risk() -> None:
    """A text that names somebody belongs to the class of mentions, and asks by default."""
    naming = replace(action(kind=Kind.REPLY), text="Thanks, @ana!")
    settings = with_approval(reply=Consent.AUTO)

    assert ("mention",) == consent.risks_of(naming)
    assert Consent.ASK is consent.by_settings(settings, naming)
    assert Consent.AUTO is consent.by_settings(settings, action(kind=Kind.REPLY))


@given(kind=CONSENTS, link=CONSENTS, media=CONSENTS, generated=CONSENTS, stage=st.sampled_from(Stage))
def test_the_strictest_word_holds(
    kind: Consent, link: Consent, media: Consent, generated: Consent, stage: Stage
) -> None:
    """Of kind, risks and stage the strictest word decides, whichever of them speaks it."""
    settings = with_approval(stage, post=kind, by_risk=ByRisk(link=link, media=media, generated=generated))
    risky = replace(action(words=LINKED), media=(PICTURE,), made_with_ai=True)
    words = [kind, link, media, generated, Consent.ASK if stage is Stage.ASK else Consent.AUTO]

    assert max(words, key=ORDER.index) is consent.by_settings(settings, risky)


def test_a_delete_is_a_word_already() -> None:
    """A delete is a person's own command: no stage short of dry keeps it waiting."""
    delete = action(kind=Kind.DELETE)

    assert "" == gate(with_approval(Stage.ASK), delete)
    assert "control" == gate(with_approval(Stage.DRY), delete)


def test_the_first_approvals_of_a_kind() -> None:
    """With `ask_first` of two, the third post goes out by itself; replies count for themselves."""
    settings = with_approval(ask_first=AskFirst(post=2))

    assert "approval" == gate(settings, action(), Control(approvals={"post": 1, "reply": 9}))
    assert "" == gate(settings, approved(action()), Control(approvals={"post": 1}))
    assert "" == gate(settings, action(), Control(approvals={"post": 2}))
    assert 0 == AskFirst(post=2).of(Kind.DELETE)


@pytest.mark.parametrize(
    ("settings", "ahead"),
    [
        (with_approval(), False),
        (with_approval(Stage.DRY), False),
        (with_approval(Stage.ASK), True),
        (with_approval(post=Consent.ASK), True),
        (with_approval(by_risk=ByRisk(link=Consent.ASK)), True),
        (with_approval(by_risk=ByRisk(media=Consent.ASK)), True),
        (with_approval(ask_first=AskFirst(post=1)), True),
        (with_approval(ask_first=AskFirst(reply=1)), False),
    ],
)
def test_days_are_planned_ahead_only_where_a_post_may_ask(settings: Settings, ahead: bool) -> None:  # noqa: FBT001
    """An account whose posts go out by themselves plans no day before its time."""
    assert ahead is consent.posts_may_ask(snapshot(settings))


def test_a_dry_stage_sends_nothing() -> None:
    """In the stage `dry` even an approved post of a live run is refused, by a gate that names the setting."""
    found = decided(with_approval(Stage.DRY), approved(action()))

    assert isinstance(found, Refused)
    assert ("control", False) == (found.gate, found.final)
    assert "stage" in found.reason


CHANGED: dict[str, object] = {
    "key": "post/2026-11-25/noon/2",
    "kind": Kind.QUOTE,
    "text": "Rye wants more water than you think!",
    "media": (PICTURE,),
    "target_id": "17",
    "target_author_id": "4",
    "target_author": "ana",
    "target_text": "How much?",
    "summoned": True,
    "made_with_ai": True,
    "thread": (ThreadStep(text="And a day of patience."),),
    "poll": Poll(options=("yes", "no"), minutes=60),
}
UNCHANGED: dict[str, object] = {
    "state": State.PROPOSED,
    "created_at": NOW - timedelta(hours=3),
    "updated_at": NOW + timedelta(seconds=1),
    "due_at": NOW - timedelta(minutes=3),
    "closes_at": NOW + timedelta(hours=3),
    "window": "one",
    "arm": Arm("bread", "noon"),
    "content_id": "t1",
    "variant": 1,
    "retry_at": NOW,
    "told_at": NOW,
    "reason": "why",
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_yes_is_good_for_what_was_shown(name: str) -> None:
    """Whatever X would be sent otherwise than it was shown waits for a new word, also where none is asked for now."""
    other: Any = replace(approved(action()), **{name: CHANGED[name]})  # type: ignore[arg-type]

    assert consent.holds(SETTINGS, approved(action()), NOW.date())
    assert not consent.holds(SETTINGS, other, NOW.date())
    if name == "text":
        assert "approval" == gate(SETTINGS, other)


@pytest.mark.parametrize("name", UNCHANGED)
def test_a_yes_outlives_what_x_never_sees(name: str) -> None:
    """Times, tries and the ledger's own notes may change; the yes stays good."""
    other: Any = replace(approved(action()), **{name: UNCHANGED[name]})  # type: ignore[arg-type]

    assert approved(action()).approved == consent.shown(other, 65_000)


def test_a_new_field_of_an_action_is_approved_with_it() -> None:
    """Every field is either known to be the ledger's own or part of what is approved; none is forgotten."""
    names = {field.name for field in fields(Action)}

    assert consent._BOOKKEEPING <= names


def test_a_price_that_changed_asks_anew() -> None:
    """A yes at one price is none at another: dearer or cheaper, the action waits, and says why."""
    asking = with_approval(post=Consent.ASK)
    own = Prices(post_create=Decimal("0.014"), post_read=Decimal("0.005"))
    cheaper = replace(asking, budget=Budget(usd_per_month=Decimal(5), prices=own))
    found = decided(cheaper, approved(action()))

    assert "" == gate(asking, approved(action()))
    assert isinstance(found, Refused)
    assert ("approval", "its text or price is not what was approved: it waits for a new word") == (
        found.gate,
        found.reason,
    )


def test_a_thread_that_has_begun_goes_on_at_a_new_price() -> None:
    """Its steps were booked at its start; other words still want a new yes."""
    whole = approved(replace(action(), thread=(ThreadStep(text="And patience."),)))
    begun = replace(whole, post_id="17")
    prices = Prices(post_create=Decimal("0.014"), post_read=Decimal("0.005"))
    dearer = replace(SETTINGS, budget=Budget(usd_per_month=Decimal(5), prices=prices))

    assert not consent.holds(dearer, whole, NOW.date())
    assert consent.holds(dearer, begun, NOW.date())
    assert not consent.holds(dearer, replace(begun, thread=(ThreadStep(text="Patience."),)), NOW.date())


def test_a_later_step_s_risk_is_the_thread_s() -> None:
    """A link in the second post of a thread is a link of the thread."""
    thread = replace(action(), thread=(ThreadStep(text=LINKED, media=(PICTURE,)),))

    assert ("link", "media") == consent.risks_of(thread)


def test_what_cannot_be_hashed_is_a_fault() -> None:
    """A value of no known form is never left out of what is approved in silence."""
    broken: Any = replace(action(), target_id=object())  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="cannot be hashed"):
        consent.shown(broken, 1)


def test_an_empty_account_has_given_no_approvals() -> None:
    """A snapshot without a word by anybody wants all of its first approvals."""
    found = Snapshot(account="a", settings=with_approval(ask_first=AskFirst(post=5)))

    assert 5 == consent.first_approvals_left(found, Kind.POST)
