from __future__ import annotations

from dataclasses import replace

import pytest

from songpost.core import policy
from songpost.model import Kind, Media
from songpost.settings import (
    Approval,
    Consent,
    FeatureFlags,
    Flag,
    InteractionsPerDay,
    PerKind,
    Plan,
    Query,
    QueryAction,
    Schedule,
    Settings,
)
from tests.unit.core.cases import SETTINGS, action

PERMITTED = {
    Plan.PAY_PER_USE: "post reply repost delete read",
    Plan.ENTERPRISE: "post reply quote repost like follow delete read",
    Plan.FREE: "post delete read",
    Plan.BASIC: "post reply repost delete read",
    Plan.PRO: "post reply repost delete read",
}
"""What X's plans permit, written down a second time from X's pages."""


def broken(settings: Settings = SETTINGS, kind: Kind = Kind.POST, words: str = "Rye wants water.") -> list[str]:
    """The names of the rules that an action would break."""
    return [found.rule.name for found in policy.violations(settings, action(kind=kind, words=words))]


@pytest.mark.parametrize("plan", list(Plan))
@pytest.mark.parametrize("kind", list(Kind))
def test_plan_permits_what_x_says(plan: Plan, kind: Kind) -> None:
    """Each kind of action is permitted on exactly the plans on which X permits it."""
    permitted = kind.value in PERMITTED[plan].split()

    assert ([] if permitted else ["plan"]) == broken(replace(SETTINGS, plan=plan), kind)


@pytest.mark.parametrize("kind", [Kind.REPLY, Kind.QUOTE, Kind.REPOST, Kind.LIKE, Kind.FOLLOW])
def test_flag_turns_a_kind_off(kind: Kind) -> None:
    """A kind whose flag is off never goes out, one that is on or auto may."""
    name = {Kind.REPLY: "replies"}.get(kind, f"{kind.value}s")
    found = {
        flag: broken(
            replace(SETTINGS, plan=Plan.ENTERPRISE, feature_flags=FeatureFlags(**{f"allow_{name}": flag})), kind
        )
        for flag in Flag
    }

    assert {Flag.AUTO: [], Flag.ON: [], Flag.OFF: ["feature-flag"]} == found


def test_media_may_be_turned_off() -> None:
    """A post with a picture does not go out where media are off."""
    settings = replace(SETTINGS, feature_flags=FeatureFlags(allow_media=Flag.OFF))
    pictured = replace(action(), media=(Media(path="a.png", alt_text="A loaf."),))

    assert ["media are off"] == [found.message for found in policy.violations(settings, pictured)]
    assert [] == list(policy.violations(SETTINGS, pictured))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in {Kind.DELETE, Kind.READ}])
def test_consent_never_means_never(kind: Kind) -> None:
    """A kind whose consent is never is refused, on a plan that permits everything."""
    approval = Approval(**{kind.value: Consent.NEVER})  # type: ignore[arg-type]  # names of fields

    assert ["consent"] == broken(replace(SETTINGS, plan=Plan.ENTERPRISE, approval=approval), kind)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Rye wants water.", []),
        ("Rye\nwants\n\nwater.", []),
        ("", ["empty"]),
        (" \n ", ["empty"]),
        ("a" * 280, []),
        ("a" * 281, ["length"]),
        ("麦" * 141, ["length"]),
        ("Rye\twants", ["control-characters"]),
        ("Rye\r\nwants", ["control-characters"]),
        ("Rye\x00", ["control-characters"]),
        ("\u202eretaw", ["control-characters"]),
        ("Rye \u2066wants\u2069", ["control-characters"]),
        ("Rye \ufeff", ["control-characters"]),
        ("Rye \uffff", ["control-characters"]),
        ("Rye \ud83c", ["control-characters"]),
        ("Half a $BREAD", []),
        ("$RYE against $OAT", ["one-cashtag"]),
        ("Thanks to @miller for the rye", ["unsolicited-mention"]),
        ("Write to rye@example.org", []),
        ("A Giveaway of loaves", ["blocked-pattern"]),
        ("@a $RYE $OAT giveaway\t" + "a" * 280, [
            "length", "control-characters", "one-cashtag", "unsolicited-mention", "blocked-pattern",
        ]),
    ],
)  # fmt: skip
def test_rules_for_texts(words: str, expected: list[str]) -> None:
    """A post's text breaks exactly the rules that it breaks, and all of them are told."""
    assert expected == broken(replace(SETTINGS, blocked_patterns=("(?i)giveaway",)), words=words)


def test_replies_may_mention_and_other_kinds_have_no_text() -> None:
    """Who is answered may be mentioned; a repost or delete is not read as a text."""
    assert [] == broken(kind=Kind.REPLY, words="@miller It does")
    assert [] == broken(kind=Kind.REPOST, words="")
    assert [] == broken(kind=Kind.DELETE, words="")
    assert ["empty"] == broken(kind=Kind.REPLY, words="")


def test_enterprise_may_use_more_cashtags() -> None:
    """The one-cashtag rule is one of self-serve plans."""
    assert [] == broken(replace(SETTINGS, plan=Plan.ENTERPRISE), words="$RYE against $OAT")


def test_violation_reads_as_one_line_with_its_source() -> None:
    """A violation says what, which rule, since when, and where that is written."""
    found = next(policy.violations(SETTINGS, action(words="By @miller")))

    assert (
        "the text mentions @miller, who did not ask for it "
        "(rule unsolicited-mention, since 2017-11-03, X automation rules)"
    ) == str(found)


def test_what_the_plan_never_permits_is_told_beforehand() -> None:
    """Queries, flags and numbers that the plan rules out are told with their paths, and nothing else is."""
    settings = replace(
        SETTINGS,
        plan=Plan.FREE,
        queries=(
            Query(query="rye", actions=()),
            Query(query="oat", actions=(QueryAction.LIKE, QueryAction.REPLY)),
        ),
        feature_flags=FeatureFlags(allow_quotes=Flag.ON, allow_likes=Flag.OFF),
        max_per_window=PerKind(like=10),
    )

    assert [
        ("queries.1.actions", "plan free never permits like"),
        ("queries.1.actions", "plan free never permits reply"),
        ("feature_flags (quote)", "is on, but plan free never permits it"),
        ("max_per_window.like", "is 10, but plan free never permits it"),
    ] == list(policy.never_happens(settings))


def test_replies_to_finds_are_never_permitted_on_self_serve() -> None:
    """A find did not summon the account, so no self-serve plan lets it be answered; an enterprise plan does."""
    queries = (Query(query="rye", actions=(QueryAction.REPLY, QueryAction.REPOST)),)
    found = {
        plan: list(policy.never_happens(replace(SETTINGS, plan=plan, queries=queries)))
        for plan in (Plan.BASIC, Plan.PRO, Plan.PAY_PER_USE, Plan.ENTERPRISE)
    }

    assert [1, 1, 1, 0] == [len(told) for told in found.values()]
    assert (
        "queries.0.actions",
        "plan pay-per-use permits a reply only to who summoned the account, never to a find",
    ) == found[Plan.PAY_PER_USE][0]


@pytest.mark.parametrize("plan", list(Plan))
def test_defaults_never_promise_what_the_plan_rules_out(plan: Plan) -> None:
    """An owner who left everything out is told nothing."""
    assert [] == list(policy.never_happens(replace(SETTINGS, plan=plan)))


def test_settings_that_rule_each_other_out_are_told() -> None:
    """What a query wants and a flag, a consent or a maximum of nothing forbids is told, as are days and quiet hours."""
    queries = (Query(query="rye", actions=(QueryAction.REPOST, QueryAction.LIKE, QueryAction.FOLLOW)),)
    settings = replace(
        SETTINGS,
        plan=Plan.ENTERPRISE,
        queries=queries,
        feature_flags=FeatureFlags(allow_reposts=Flag.OFF),
        approval=Approval(like=Consent.NEVER),
        max_per_window=PerKind(follow=0, like=1),
        schedule=Schedule(windows={"late": ("22:30", "01:00"), "night": ("21:00", "23:00")}),
        quiet_hours=("22:00", "07:00"),
    )

    assert [
        ("queries (follow)", "never happens: max_per_window.follow is 0"),
        ("queries (like)", "never happens: approval.like is never"),
        ("queries (repost)", "never happens: feature_flags turn repost off"),
        ("schedule.windows.late", "lies whole in quiet_hours: nothing goes out in it"),
    ] == list(policy.never_happens(settings))


def test_a_day_of_what_the_plan_never_permits_is_told() -> None:
    """A maximum for a kind that the plan rules out is told with its path."""
    settings = replace(SETTINGS, max_interactions_per_day=InteractionsPerDay(like=2, reply=3))

    assert [("max_interactions_per_day.like", "is 2, but plan pay-per-use never permits it")] == list(
        policy.never_happens(settings)
    )


@pytest.mark.parametrize(
    ("operator", "bio", "named"),
    [
        ("@example_owner", "Bread. Run by @Example_Owner.", True),
        ("example_owner", "bot of example_owner", True),
        ("@example_owner", "bot of @example_owners", False),
        ("@example_owner", "", False),
        ("Anna O. (Bakery)", "A bot by anna o. (bakery)", True),
        ("", "Bread.", False),
        (" @ ", "Bread @ home", False),
    ],
)
def test_a_bio_names_the_operator_by_the_whole_name(operator: str, bio: str, *, named: bool) -> None:
    """The operator is found whatever its letters' case, with or without the @, but not as a part of a longer name."""
    assert named == policy.names_operator(operator, bio)
