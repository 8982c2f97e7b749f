"""What each gate says word for word, and the corners of the booking: what a mutation run found nobody to notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from songpost.account_documents import (
    Bucket,
    Control,
    DayPlan,
    Fingerprints,
    Identity,
    Limits,
    PostMark,
    Slot,
    Timeline,
    Usage,
)
from songpost.core import admission, budget, rate_limits, similarity
from songpost.core.admission import Admitted, Case, Verdict, admit
from songpost.core.prices import quote_action
from songpost.core.snapshot import Snapshot
from songpost.model import Action, Held, Kind, Media, State, ThreadStep
from songpost.money_settings import Budget, UsdPerKind
from songpost.settings import Approval, Consent, PerKind, Plan, Stage
from tests.unit.core.cases import NOW, SETTINGS, WORDS, action, approved, snapshot, tried

AGAIN = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(minutes=7)
POST = "POST /2/tweets"
PICTURE = Media(path="a.png", alt_text="A loaf.")


def account(settings: dict[str, Any] | None = None, **documents: Any) -> Snapshot:
    """An account with other settings and documents."""
    return replace(snapshot(replace(SETTINGS, **(settings or {}))), **documents)


def full(*names: str, remaining: int = 0) -> Limits:
    """Buckets of the create that have so much left, told by headers."""
    buckets = [
        Bucket(name=n, limit=17, remaining=remaining, reset_at=LATER, seen_at=NOW, source="headers") for n in names
    ]
    return Limits(buckets={bucket.name: bucket for bucket in buckets})


def marked(similar: float) -> Fingerprints:
    """One text of yesterday, the same or another."""
    words = WORDS if similar == 1.0 else "Two pairs of socks weigh almost nothing, more or less."
    return Fingerprints(entries=(similarity.entry(words, NOW - timedelta(days=1)),))


NO_LABEL = (
    "automated_label_attested_on is 2026-11-26, which is still to come: name a day past "
    "(rule automated-label, since 2022-02-16, X automation rules: label automated accounts)"
)
NO_NAME = (
    "the account's bio on X does not name its operator, @example_owner: write it there, it is read again within six "
    "hours (rule operator-in-bio, since 2022-02-16, X automation rules: name who runs the account)"
)
BEGUN = replace(action(), thread=(ThreadStep(text="And a lid."),), post_id="5", attempts=tried(action()).attempts)
SAID: list[tuple[str, Snapshot, Action, str, bool, str, datetime | None]] = [
    ("not paused", account(), action(), "control", True, "not paused", None),
    (
        "paused without a word",
        account(control=Control(paused=True)),
        action(),
        "control",
        False,
        "the account is paused: no reason given",
        AGAIN,
    ),
    (
        "dry",
        account({"stage": Stage.DRY}),
        action(),
        "control",
        False,
        "the stage is dry: nothing is sent ('stage' of the settings)",
        AGAIN,
    ),
    (
        "clock behind",
        account(usage=Usage(updated_at=LATER)),
        action(),
        "control",
        False,
        f"this clock is behind the newest stored event ({LATER.isoformat()})",
        LATER,
    ),
    ("due", account(), action(), "schedule", True, "due", None),
    ("not due", account(), replace(action(), due_at=LATER), "schedule", False, f"due at {LATER.isoformat()}", LATER),
    (
        "over",
        account(),
        replace(action(), closes_at=NOW),
        "schedule",
        False,
        f"its window was over at {NOW.isoformat()}",
        None,
    ),
    (
        "held back",
        account(),
        replace(action(), retry_at=LATER),
        "schedule",
        False,
        f"held back until {LATER.isoformat()}",
        LATER,
    ),
    (
        "quiet",
        account({"quiet_hours": ("11:00", "12:07")}),
        action(),
        "schedule",
        False,
        f"quiet hours until {LATER.isoformat()} (quiet_hours of the settings)",
        LATER,
    ),
    (
        "quiet, but a delete",
        account({"quiet_hours": ("11:00", "12:07")}),
        action(kind=Kind.DELETE),
        "schedule",
        True,
        "due",
        None,
    ),
    (
        "too soon",
        account(
            {"minimum_gap_minutes": 8},
            timeline=Timeline(latest=(PostMark(id="1", posted_at=NOW - timedelta(minutes=1), kind=Kind.POST),)),
        ),
        action(),
        "schedule",
        False,
        f"too soon after another post, free at {LATER.isoformat()}",
        LATER,
    ),
    ("a delete is not counted", account(), action(kind=Kind.DELETE), "window quota", True, "not counted", None),
    (
        "a thread goes on",
        account({"max_per_window": PerKind(post=0)}),
        BEGUN,
        "window quota",
        True,
        "its first post has taken its place",
        None,
    ),
    ("none used", account({"max_per_window": PerKind(post=3)}), action(), "window quota", True, "0 of 3 used", None),
    ("none used in a day for one", account({"max_per_day": 1}), action(), "window quota", True, "0 of 1 used", None),
    ("rules kept, bio unread", account(), action(), "policy", True, "no rule broken; the bio was not read yet", None),
    (
        "rules kept, bio read",
        account(identity=Identity(user_id="1", username="a", credentials="c", learned_at=NOW, bio="By @example_owner")),
        action(),
        "policy",
        True,
        "no rule broken",
        None,
    ),
    (
        "no label",
        account({"automated_label_attested_on": date(2026, 11, 26)}),
        action(),
        "policy",
        False,
        NO_LABEL,
        AGAIN,
    ),
    (
        "a label by local date",
        account({"automated_label_attested_on": date(2026, 11, 26), "timezone": "Pacific/Kiritimati"}),
        action(),
        "policy",
        True,
        "no rule broken; the bio was not read yet",
        None,
    ),
    (
        "a bio without its operator",
        account(identity=Identity(user_id="1", username="a", credentials="c", learned_at=NOW, bio="Bread")),
        action(),
        "policy",
        False,
        NO_NAME,
        AGAIN,
    ),
    (
        "a delete needs no label",
        account({"automated_label_attested_on": None}),
        action(kind=Kind.DELETE),
        "policy",
        True,
        "no rule broken; the bio was not read yet",
        None,
    ),
    ("no text", account(), action(kind=Kind.LIKE), "duplicate", True, "no text", None),
    ("nothing to compare", account(), action(), "duplicate", True, "nothing to compare with", None),
    (
        "alike",
        account(fingerprints=marked(1.0)),
        action(),
        "duplicate",
        False,
        "1.00 alike a text of 2026-11-24, 0.50 is too much",
        None,
    ),
    ("a little alike", account(fingerprints=marked(0.3)), action(), "duplicate", True, "at most 0.09 alike", None),
    (
        "proposed",
        account(),
        replace(action(), state=State.PROPOSED),
        "approval",
        False,
        "proposed: it waits for a person's word",
        AGAIN,
    ),
    ("approved", account(), approved(action()), "approval", True, "approved as it stands, at this price", None),
    (
        "changed since",
        account(),
        replace(approved(action()), text="Other words."),
        "approval",
        False,
        "its text or price is not what was approved: it waits for a new word",
        AGAIN,
    ),
    ("not asked for", account(), action(), "approval", True, "not asked for", None),
    (
        "asked for",
        account({"approval": Approval(post=Consent.ASK)}),
        action(),
        "approval",
        False,
        "waits for a person's word",
        AGAIN,
    ),
    ("fits", account(), action(), "budget", True, "$0.065 at worst", None),
    ("one left", account(limits=full(f"{POST}:user15", remaining=1)), action(), "rate limit", True, "1 left", None),
    ("by the plan", account({"plan": Plan.FREE}), action(), "rate limit", True, "17 left", None),
    (
        "exhausted",
        account(limits=full(f"{POST}:user15")),
        action(),
        "rate limit",
        False,
        f"{POST} is exhausted until {LATER.isoformat()}",
        LATER,
    ),
]


@pytest.mark.parametrize(
    ("of", "wanted", "gate", "passed", "detail", "retry_at"), [row[1:] for row in SAID], ids=[row[0] for row in SAID]
)
def test_a_gate_says_why_and_until_when(
    of: Snapshot, wanted: Action, gate: str, detail: str, retry_at: datetime | None, *, passed: bool
) -> None:
    """Each gate's verdict: its name, its word, what a person reads, and when asking again makes sense."""
    verdicts = verdicts_on(of, wanted)
    expected = Verdict(gate=gate, passed=passed, detail=detail, retry_at=retry_at)

    assert [expected] == [verdict for verdict in verdicts if verdict.gate == gate]


def verdicts_on(of: Snapshot, wanted: Action, at: datetime = NOW) -> list[Verdict]:
    """What every gate says."""
    case = Case(snapshot=of, action=wanted, now=at, quote=quote_action(of.settings, wanted, at.date()))
    return [gate(case) for gate in admission.GATES]


def test_an_endpoint_without_a_published_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither a header nor X's list speaks of an endpoint, nothing holds it back, and the verdict says so."""
    monkeypatch.setattr(rate_limits, "ENDPOINTS", {Kind.POST: "POST /2/unheard"})

    assert ("rate limit", True, "no limit known") == _short(verdicts_on(account(), action())[-1])


def _short(verdict: Verdict) -> tuple[str, bool, str]:
    return verdict.gate, verdict.passed, verdict.detail


@pytest.mark.parametrize("hours", [("19:00", "21:30"), ("11:00", "12:30")], ids=["local", "Monday"])
def test_quiet_hours_are_local_and_hold_on_every_day(hours: tuple[str, str]) -> None:
    """Quiet hours are read in the account's zone, and a Monday has them as any other day."""
    zone = "Asia/Tokyo" if hours[0] == "19:00" else "UTC"
    monday = NOW - timedelta(days=2)
    settings = replace(SETTINGS, timezone=zone, quiet_hours=hours)

    assert monday + timedelta(minutes=30) == admission.quiet_until(settings, Kind.POST, monday)
    assert admission.quiet_until(settings, Kind.POST, monday + timedelta(hours=2)) is None
    assert admission.quiet_until(settings, Kind.DELETE, monday) is None
    assert admission.quiet_until(SETTINGS, Kind.POST, monday) is None


def test_an_action_without_a_window_has_a_counter_of_its_own() -> None:
    """Its window is written as a dash: no window can be called that."""
    assert "2026-11-25/-/post" == admission.window_key(replace(action(), window=""))


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (action(), 15),
        (replace(action(), thread=(ThreadStep(text="And a lid."),)), 15),
        (replace(action(), media=(PICTURE,)), 60),
        (replace(action(), thread=(ThreadStep(text="And a lid.", media=(PICTURE,)),)), 60),
    ],
    ids=["words", "thread", "picture", "picture of a later step"],
)
def test_media_have_longer_until_the_first_byte(wanted: Action, seconds: int) -> None:
    """Fifteen seconds from the booking to the first byte, and 45 more where anything has to be uploaded."""
    assert seconds == admission.send_seconds(wanted)


def test_the_ceiling_of_a_kind_is_held_and_booked() -> None:
    """A kind's own ceiling holds for it alone, and its booking counts against that; giving back takes it off again."""
    tight = account({"budget": Budget(usd_per_month=Decimal(5), usd_per_kind=UsdPerKind(post=Decimal("0.05")))})
    wide = account({"budget": Budget(usd_per_month=Decimal(5), usd_per_kind=UsdPerKind(reply=Decimal("0.05")))})
    found = admit(wide, action(), NOW, "attempt-1")

    assert "budget" == getattr(admit(tight, action(), NOW, "attempt-1"), "gate", "")
    assert isinstance(found, Admitted)
    assert {"post": 65_000} == found.snapshot.usage.days["2026-11-25"].kind_micros


def test_the_booking_is_in_the_history_under_its_attempt() -> None:
    """The line of the booking names the price and the attempt, and a single post holds nothing for further steps."""
    found = admit(account(), action(), NOW, "attempt-1")

    assert isinstance(found, Admitted)
    last = found.action.history[-1]
    assert ("admitted, $0.065 booked", "attempt-1", "sending") == (last.note, last.attempt_id, last.state)
    assert found.action.held is None


def test_a_booking_takes_one_from_the_limits_of_the_plan() -> None:
    """Until a header speaks, each booking leaves one less of what the plan allows."""
    found = admit(account({"plan": Plan.FREE}), action(), NOW, "attempt-1")

    assert isinstance(found, Admitted)
    assert 16 == found.snapshot.limits.buckets[f"{POST}:user24h"].remaining


def test_a_plan_without_the_slot_is_left_alone() -> None:
    """An action that is not of the day's plan, such as a pinned one, writes no plan, whatever slots wait there."""
    slot = Slot(
        key="post/2026-11-25/noon/2",
        window="noon",
        opens_at=NOW,
        due_at=NOW,
        closes_at=LATER,
        arm=None,
        text="Another.",
    )
    plan = DayPlan(date="2026-11-25", zone="UTC", seed="s", slots=(slot,))
    found = admit(account(plans={"2026-11-25": plan}), action(), NOW, "attempt-1")

    assert isinstance(found, Admitted)
    assert ("usage", "limits", "fingerprints") == found.written


def test_what_is_held_for_further_steps_is_given_back_whole() -> None:
    """Money, writes, reads and the kind's money: each is what it was before the thread held it."""
    before = budget.booked(Usage(), SETTINGS.budget, NOW, writes=9, reads=90, micros=900_000, kind=Kind.POST)
    held = Held(micros=200_000, writes=3, reads=30, booked_at=NOW)
    with_it = budget.booked(before, SETTINGS.budget, NOW, writes=3, reads=30, micros=200_000, kind=Kind.POST)
    after = admission.without_held(account(usage=with_it), replace(action(), held=held)).usage

    assert (before.months, before.days) == (after.months, after.days)
