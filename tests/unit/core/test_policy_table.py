from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import policy_table
from songpost.core import admission, policy
from songpost.core.admission import Admitted, Refused
from songpost.model import Action, Kind
from songpost.settings import FeatureFlags, Flag, Plan, Settings
from tests.unit.core.cases import NOW, action
from tests.unit.core.policy_cases import CASES, OPEN, Situation

FLAGGED = {
    Kind.REPLY: "allow_replies",
    Kind.QUOTE: "allow_quotes",
    Kind.REPOST: "allow_reposts",
    Kind.LIKE: "allow_likes",
    Kind.FOLLOW: "allow_follows",
}
SELF_SERVE = st.sampled_from([plan for plan in Plan if plan is not Plan.ENTERPRISE])
WORDS = st.text(max_size=40) | st.sampled_from(["Rye wants water.", "@miller yes", "$RYE", ""])


def decided(situation: Situation, plan: Plan) -> Admitted | Refused:
    """What admission says of a situation on a plan."""
    account, wanted = situation.case(plan)
    return admission.admit(account, wanted, NOW, "attempt-1")


@pytest.mark.parametrize("plan", list(Plan))
@pytest.mark.parametrize("situation", CASES, ids=lambda case: f"{case.kind.value}: {case.words}")
def test_each_situation_is_judged_as_the_table_says(situation: Situation, plan: Plan) -> None:
    """Whole admission refuses exactly what the table refuses, by the rule that it names, with its date and source."""
    decision = decided(situation, plan)
    expected = situation.rule(plan)

    assert expected == policy_table.rule_of(decision)
    if isinstance(decision, Refused) and decision.gate == "policy":
        rule = policy_table.RULES[expected, plan is Plan.FREE and expected == "plan"]
        assert f"(rule {expected}, since {rule.since.isoformat()}, {rule.source})" in decision.reason


def test_the_page_says_what_the_table_says() -> None:
    """docs/policy.md is made of this table; scripts/policy_table.py writes it anew."""
    assert policy_table.page() == policy_table.PAGE.read_text(encoding="utf-8")


def test_every_rule_refuses_somewhere_in_the_table() -> None:
    """No rule of the policy is without a situation that it refuses."""
    named = {rule for case in CASES for rule in case.refused}

    assert {name for name, _ in policy_table.RULES} <= named


@given(plan=st.sampled_from(Plan), kind=st.sampled_from(Kind), words=WORDS, summoned=st.booleans())
def test_a_plan_never_admits_a_kind_that_it_does_not_permit(
    plan: Plan, kind: Kind, words: str, *, summoned: bool
) -> None:
    """Whatever the words, flags left alone, what is not in X's table for the plan breaks the rule `plan`."""
    refused = {"like", "follow", "quote"} | ({"reply", "repost"} if plan is Plan.FREE else set())
    wanted = replace(action(kind=kind), text=words, summoned=summoned)
    broken = {found.rule.name for found in policy.violations(replace(OPEN, plan=plan), wanted)}

    assert (plan is not Plan.ENTERPRISE and kind.value in refused) == ("plan" in broken)


@given(plan=SELF_SERVE, words=WORDS, target=st.sampled_from(["", "20"]), author=st.sampled_from(["", "miller"]))
def test_a_reply_that_nobody_summoned_never_leaves_on_self_serve(
    plan: Plan, words: str, target: str, author: str
) -> None:
    """No text and no target makes an unsummoned reply one that admission lets out."""
    account, wanted = Situation(kind=Kind.REPLY, words="").case(plan)
    wanted = replace(wanted, text=words, target_id=target, target_author=author, summoned=False)

    assert isinstance(admission.admit(account, wanted, NOW, "attempt-1"), Refused)


@given(plan=st.sampled_from(Plan), kind=st.sampled_from(sorted(FLAGGED)), words=WORDS, summoned=st.booleans())
def test_off_is_off(plan: Plan, kind: Kind, words: str, *, summoned: bool) -> None:
    """A kind whose flag is off is neither open to candidates nor admitted, on any plan."""
    account, wanted = Situation(kind=kind, words="").case(plan)
    settings: Settings = replace(account.settings, feature_flags=FeatureFlags(**{FLAGGED[kind]: Flag.OFF}))
    wanted = replace(wanted, text=words, summoned=summoned)

    assert not policy.permits(settings, kind, summoned=summoned)
    assert isinstance(admission.admit(replace(account, settings=settings), wanted, NOW, "a"), Refused)


@given(plan=st.sampled_from(Plan), kind=st.sampled_from(sorted(FLAGGED)), summoned=st.booleans())
def test_what_is_open_to_candidates_breaks_no_rule_of_the_plan(plan: Plan, kind: Kind, *, summoned: bool) -> None:
    """`permits` and the rules agree: a claimed candidate is not refused by plan, flag, consent or summons."""
    settings = replace(OPEN, plan=plan)
    wanted = replace(action(kind=kind), summoned=summoned)

    assert policy.permits(settings, kind, summoned=summoned) == (not list(policy.violations(settings, wanted)))


def test_what_the_owner_can_mend_is_no_final_refusal() -> None:
    """A missing attestation leaves the action planned: it goes out once it is mended, while its window is open."""
    account, wanted = Situation(kind=Kind.POST, words="").case(Plan.PAY_PER_USE)
    decision = admission.admit(
        replace(account, settings=replace(account.settings, automated_label_attested_on=None)), wanted, NOW, "a"
    )

    assert isinstance(decision, Refused)
    assert (False, NOW + timedelta(minutes=5)) == (decision.final, decision.retry_at)


def test_the_label_is_attested_by_the_accounts_own_calendar() -> None:
    """A label attested today holds today, where the account lives: in Auckland the new day has begun at UTC noon."""
    account, wanted = Situation(kind=Kind.POST, words="").case(Plan.PAY_PER_USE)
    tomorrow = replace(account.settings, automated_label_attested_on=date(2026, 11, 26))
    found = [
        isinstance(admission.admit(replace(account, settings=replace(tomorrow, timezone=zone)), wanted, NOW, "a"), kind)
        for zone, kind in (("UTC", Refused), ("Pacific/Auckland", Admitted))
    ]

    assert [True, True] == found


def test_quiet_hours_say_when_they_are_over() -> None:
    """An action that falls into quiet hours is held back to their end, also over midnight and by local time."""
    account, wanted = Situation(kind=Kind.POST, words="").case(Plan.PAY_PER_USE)
    settings = replace(account.settings, timezone="Asia/Tokyo", quiet_hours=("20:30", "06:00"))
    held: Action = replace(wanted, closes_at=NOW + timedelta(days=1))
    decision = admission.admit(replace(account, settings=settings), held, NOW, "a")

    assert isinstance(decision, Refused)
    assert ("schedule", False, NOW + timedelta(hours=9)) == (decision.gate, decision.final, decision.retry_at)
