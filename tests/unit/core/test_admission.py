from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import (
    Bucket,
    Control,
    Day,
    DayPlan,
    Fingerprints,
    Limits,
    PostMark,
    Slot,
    Timeline,
    Usage,
)
from songpost.agent import transitions
from songpost.agent.transitions import Outcome
from songpost.core import admission, budget, similarity
from songpost.core.admission import Admitted, Refused, admit
from songpost.core.snapshot import Snapshot
from songpost.errors import CreditsDepleted, NotSent, OutcomeOpen, PriceUnknown, RateLimited, XError
from songpost.errors import Refused as RefusedByX
from songpost.model import Action, Arm, Kind, Post, State
from songpost.money_settings import Budget
from songpost.settings import MAX_FINGERPRINTS, Approval, Consent, PerKind, Plan, Similarity
from tests.unit.core.cases import LINKED, NOW, SETTINGS, WORDS, action, approved, snapshot, tried

GATES = ["control", "schedule", "window quota", "policy", "duplicate", "approval", "budget", "rate limit"]
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def decided(of: Snapshot, wanted: Action | None = None, at: datetime = NOW) -> Admitted | Refused:
    """The decision about an action."""
    return admit(of, wanted or action(), at, "attempt-1")


def refused(of: Snapshot, wanted: Action | None = None, at: datetime = NOW) -> Refused:
    """A decision that must be a refusal."""
    found = decided(of, wanted, at)
    assert isinstance(found, Refused)
    return found


def admitted(of: Snapshot, wanted: Action | None = None, at: datetime = NOW) -> Admitted:
    """A decision that must be an admission."""
    found = decided(of, wanted, at)
    assert isinstance(found, Admitted), found
    return found


def why(of: Snapshot, wanted: Action | None = None, at: datetime = NOW) -> tuple[str, datetime | None, bool]:
    """The gate that refuses, when to ask again, and whether that is final; an empty gate for an admission."""
    found = decided(of, wanted, at)
    return ("", None, False) if isinstance(found, Admitted) else (found.gate, found.retry_at, found.final)


def with_settings(**changes: object) -> Snapshot:
    """A new account with other settings."""
    return snapshot(replace(SETTINGS, **changes))  # type: ignore[arg-type]


def open_post(at: datetime, state: State = State.SENDING) -> Snapshot:
    """An account with another post whose outcome is open since `at`."""
    other = tried(action(9), at, state)
    return replace(snapshot(), actions={other.key: other})


# ------------------------------------------------------------------------------------------------------- the gates


def test_every_gate_passes_in_order() -> None:
    """A new account may post, and each of the eight gates says so, in the order of the design."""
    found = admitted(snapshot())

    assert [(gate, True) for gate in GATES] == [(verdict.gate, verdict.passed) for verdict in found.verdicts]


def test_pause_stops_everything() -> None:
    """A paused account sends nothing; the reason is told, and asking again in five minutes makes sense."""
    paused = replace(snapshot(), control=Control(paused=True, reason="402"))

    assert ("control", NOW + 5 * MINUTE, False) == why(paused)
    assert "the account is paused: 402" == refused(paused).reason
    assert "no reason given" in refused(replace(paused, control=Control(paused=True))).reason


@pytest.mark.parametrize(("ahead", "gate"), [(119, ""), (120, ""), (121, "control"), (86_400, "control"), (-9, "")])
def test_clock_behind_the_newest_event_stops(ahead: int, gate: str) -> None:
    """A clock more than 120 seconds behind what the store holds cannot be trusted with windows and ceilings."""
    newest = NOW + timedelta(seconds=ahead)
    found = why(replace(snapshot(), usage=Usage(updated_at=newest)))

    assert (gate, newest if gate else None) == found[:2]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, ("schedule", NOW, False)),
        (0, ("", None, False)),
        (3_599, ("", None, False)),
        (3_600, ("schedule", None, True)),
    ],
)
def test_window_is_open_from_its_minute_and_its_end_is_exclusive(
    seconds: int, expected: tuple[str, datetime | None, bool]
) -> None:
    """A slot may go from its due time until just before its window closes; too late is final."""
    wanted = replace(action(), due_at=NOW, closes_at=NOW + timedelta(hours=1))

    assert expected == why(snapshot(), wanted, NOW + timedelta(seconds=seconds))


def test_action_is_held_back_until_its_retry() -> None:
    """A rate-limited action waits for the time that X named."""
    held = replace(action(), retry_at=NOW + MINUTE)

    assert ("schedule", NOW + MINUTE, False) == why(snapshot(), held)
    assert ("", None, False) == why(snapshot(), held, NOW + MINUTE)


@pytest.mark.parametrize("ahead", [0, 30])
@pytest.mark.parametrize("by_hand", [True, False])
def test_minimum_gap_to_the_latest_post(*, by_hand: bool, ahead: int) -> None:
    """No post within an hour of the latest own one, whoever made it; a skewed clock's future post counts too."""
    posted_at = NOW + timedelta(minutes=ahead)
    marks = (
        PostMark(id="2", posted_at=posted_at, by_hand=by_hand),
        PostMark(id="1", posted_at=NOW - timedelta(days=1)),
    )
    known = replace(snapshot(), timeline=Timeline(newest_id="2", latest=marks))
    free_at = posted_at + timedelta(hours=1)

    assert ("schedule", free_at, False) == why(known)
    assert "schedule" == why(known, at=free_at - SECOND)[0]
    assert "" == why(known, at=free_at)[0]


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN])
def test_minimum_gap_counts_posts_of_open_outcome(state: State) -> None:
    """A post that may have gone out keeps the next one away from itself."""
    assert ("schedule", NOW + timedelta(minutes=50), False) == why(open_post(NOW - 10 * MINUTE, state))


def test_minimum_gap_is_one_of_posts() -> None:
    """A reply waits for no gap; an action never waits for itself; a gap of nothing holds nothing back."""
    recent = replace(snapshot(), timeline=Timeline(latest=(PostMark(id="1", posted_at=NOW - MINUTE),)))
    reply = approved(action(kind=Kind.REPLY))
    again = tried(action(), NOW - MINUTE, State.PLANNED)
    settings = replace(SETTINGS, minimum_gap_minutes=0)

    assert "" == why(recent, reply)[0]
    assert "" == why(replace(snapshot(), actions={again.key: again}), again)[0]
    assert "" == why(replace(recent, settings=settings))[0]


def test_window_quota() -> None:
    """A window's posts are counted by kind and by the window's own date; one that is full is full for good."""
    full = replace(snapshot(), usage=Usage(windows={"2026-11-25/noon/post": 1}))
    others = replace(
        snapshot(),
        usage=Usage(
            windows={"2026-11-24/noon/post": 1, "2026-11-25/night/post": 1, "2026-11-25/noon/reply": 3},
            kinds={"2026-11-25/post": 9},
        ),
    )

    assert ("window quota", None, True) == why(full)
    assert "1 of 1 are used in this window" == refused(full).reason
    assert "" == why(others)[0]
    assert "window quota" == why(with_settings(max_per_window=PerKind(post=0)))[0]


def test_daily_quota() -> None:
    """`max_per_day` holds for posts across the windows of a local day, and for nothing else."""
    usage = Usage(kinds={"2026-11-25/post": 2, "2026-11-25/reply": 2})
    limited = replace(with_settings(max_per_day=2), usage=usage)
    reply = approved(action(kind=Kind.REPLY))

    assert ("window quota", None, True) == why(limited)
    assert "2 of 2 are used on this day" == refused(limited).reason
    assert "" == why(limited, reply)[0]
    assert "" == why(replace(limited, usage=Usage(kinds={"2026-11-24/post": 2})))[0]


def test_quota_of_a_window_past_midnight_is_that_of_its_first_day() -> None:
    """A slot at 01:30 belongs to the date in its key, on which its window opened."""
    late = replace(action(), key="post/2026-11-24/late-night/1", window="late-night")
    full = replace(snapshot(), usage=Usage(windows={"2026-11-24/late-night/post": 1}))

    assert "window quota" == why(full, late)[0]
    assert {"2026-11-24/late-night/post": 1} == dict(admitted(snapshot(), late).snapshot.usage.windows)
    assert {"2026-11-24/post": 1} == dict(admitted(snapshot(), late).snapshot.usage.kinds)


def test_deletes_have_no_quota() -> None:
    """A delete is a person's own command: it is counted, and never too many."""
    delete = action(kind=Kind.DELETE, words="")

    assert "not counted" == admitted(snapshot(), delete).verdicts[2].detail


def test_policy_refuses_for_good() -> None:
    """A text that breaks a rule is refused for good, with the rule's name."""
    found = refused(snapshot(), action(words="Thanks to @miller"))

    assert ("policy", None, True) == (found.gate, found.retry_at, found.final)
    assert "unsolicited-mention" in found.reason


@pytest.mark.parametrize(
    ("words", "days", "gate"),
    [
        (WORDS, 0, "duplicate"),
        ("rye wants MORE water than you think!!", 29, "duplicate"),
        (WORDS, 30, "duplicate"),
        (WORDS, 31, ""),
        ("A loaf is done at 96 degrees inside.", 0, ""),
    ],
)
def test_duplicate_guard(words: str, days: int, gate: str) -> None:
    """A text too much like one of the last thirty days is refused; later, or unlike, it is not."""
    known = Fingerprints(entries=(similarity.entry(words, NOW - timedelta(days=days)),))
    found = why(replace(snapshot(), fingerprints=known))

    assert (gate, None, bool(gate)) == found


def test_threshold_itself_is_too_much() -> None:
    """An exact repeat is as alike as it gets, and a threshold of 1 still refuses it."""
    known = Fingerprints(entries=(similarity.entry(WORDS, NOW),))
    strict = replace(with_settings(similarity=Similarity(threshold=1.0)), fingerprints=known)

    assert "duplicate" == why(strict)[0]
    assert "1.00 alike a text of 2026-11-25, 1.00 is too much" == refused(strict).reason
    assert "" == why(strict, action(words="Rye wants more water than you'd think."))[0]


def test_kinds_without_a_text_are_no_duplicates() -> None:
    """A delete repeats no text."""
    known = Fingerprints(entries=(similarity.entry(WORDS, NOW),))

    assert "" == why(replace(snapshot(), fingerprints=known), action(kind=Kind.DELETE))[0]


def test_approval() -> None:
    """A kind that asks waits for a person's word; with it, or where none is asked for, it may go."""
    asking = with_settings(approval=Approval(post=Consent.ASK))

    assert ("approval", NOW + 5 * MINUTE, False) == why(asking)
    assert "" == why(asking, approved(action()))[0]
    assert "approved as it stands, at this price" == admitted(asking, approved(action())).verdicts[5].detail
    assert "approval" == why(asking, replace(action(), approved_at=NOW))[0]


def test_budget_refuses_what_does_not_fit_at_worst() -> None:
    """The worst price must fit, thirteen times more for a text with a link; the refusal names the reset."""
    poor = with_settings(budget=Budget(usd_per_month=Decimal("0.25"), buffer_pct=0.0))
    spent = replace(poor, usage=Usage(days={"2026-11-25": Day(0, 0, 185_001, {})}))

    assert ("budget", datetime(2026, 12, 1, tzinfo=UTC), False) == why(spent)
    assert "dollars per month: $0.064999 left, $0.065 needed at worst" == refused(spent).reason
    assert "" == why(replace(poor, usage=Usage(days={"2026-11-25": Day(0, 0, 185_000, {})})))[0]
    assert "" == why(poor, action(words=LINKED))[0]
    assert "budget" == why(replace(poor, usage=Usage(days={"2026-11-25": Day(0, 0, 1, {})})), action(words=LINKED))[0]


def test_what_the_whole_ceiling_cannot_hold_names_no_retry() -> None:
    """Where even an untouched ceiling is too low, no time to ask again is promised."""
    found = refused(with_settings(budget=Budget(usd_per_month=Decimal("0.05"))))

    assert ("budget", None, False) == (found.gate, found.retry_at, found.final)
    assert "dollars per month: $0.065 needed at worst, $0.0475 is the whole ceiling" == found.reason


def test_counts_are_booked_before_money() -> None:
    """A create needs one write and ten reads of the monthly counts, money or no money."""
    free = with_settings(plan=Plan.FREE)
    full = replace(free, usage=Usage(days={"2026-11-24": Day(0, 86, 0, {})}))

    assert ("budget", datetime(2026, 12, 1, tzinfo=UTC), False) == why(full)
    assert "reads per month: 9 left, 10 needed at worst" == refused(full).reason
    assert "" == why(replace(free, usage=Usage(days={"2026-11-24": Day(474, 85, 0, {})})))[0]
    assert "budget" == why(replace(free, usage=Usage(days={"2026-11-24": Day(475, 0, 0, {})})))[0]


def test_exhausted_rate_limit_waits_for_its_reset() -> None:
    """A spent bucket of the endpoint defers the action to its reset."""
    name = "POST /2/tweets:user15"
    bucket = Bucket(name=name, limit=100, remaining=0, reset_at=NOW + 9 * MINUTE, seen_at=NOW)
    limited = replace(snapshot(), limits=Limits(buckets={name: bucket}))

    assert ("rate limit", NOW + 9 * MINUTE, False) == why(limited)
    assert "" == why(limited, action(kind=Kind.DELETE, words=""))[0]


def test_first_gate_in_order_decides_and_all_are_shown() -> None:
    """Where every gate would refuse, control decides, and the verdict of each is told."""
    name = "POST /2/tweets:user15"
    settings = replace(
        SETTINGS,
        max_per_window=PerKind(post=0),
        approval=Approval(post=Consent.ASK),
        budget=Budget(usd_per_month=Decimal(0)),
        blocked_patterns=("Rye",),
    )
    hopeless = Snapshot(
        account="default",
        settings=settings,
        control=Control(paused=True),
        fingerprints=Fingerprints(entries=(similarity.entry(WORDS, NOW),)),
        limits=Limits(buckets={name: Bucket(name=name, limit=1, remaining=0, reset_at=NOW + MINUTE, seen_at=NOW)}),
    )
    found = refused(hopeless, replace(action(), due_at=NOW + MINUTE))

    assert [(gate, False) for gate in GATES] == [(verdict.gate, verdict.passed) for verdict in found.verdicts]
    assert "control" == found.gate
    assert found.quote is not None


def test_without_a_price_nothing_is_decided() -> None:
    """A call that no list prices is not admitted, and not quietly refused either."""
    with pytest.raises(PriceUnknown):
        decided(with_settings(plan=Plan.ENTERPRISE))


# ----------------------------------------------------------------------------------------------------- the booking


def test_booking_reserves_the_worst_price_and_everything_else() -> None:
    """Admitted, the action is sending; price, counts, limit, fingerprint and slot are booked in the same breath."""
    window = {"window": "noon", "opens_at": NOW, "closes_at": NOW + 9 * MINUTE, "due_at": NOW}
    slots = tuple(
        Slot(key=f"post/2026-11-25/noon/{number}", arm=Arm("bread", "noon"), **window)  # type: ignore[arg-type]
        for number in (1, 2)
    )
    before = replace(
        snapshot(),
        timeline=Timeline(newest_id="77"),
        plans={"2026-11-25": DayPlan(date="2026-11-25", zone="UTC", seed="s", slots=slots)},
    )
    found = admitted(before, replace(action(), content_id="rye", variant=1, retry_at=NOW, gate="X", reason="once"))
    after = found.snapshot

    assert State.SENDING == found.action.state == after.actions[found.action.key].state
    assert ("", "", None) == (found.action.gate, found.action.reason, found.action.retry_at)
    assert found.attempt == found.action.attempts[-1]
    assert ("attempt-1", NOW, "77") == (found.attempt.id, found.attempt.started_at, found.attempt.baseline_id)
    assert (NOW + 15 * SECOND, NOW + 155 * SECOND) == (found.attempt.send_deadline_at, found.attempt.lease_until)
    assert (65_000, 15_000, 10) == (
        found.attempt.reserved_micros,
        found.attempt.call_micros,
        found.attempt.reserved_reads,
    )
    assert {"2026-11-25": Day(1, 10, 65_000, {"post": 65_000})} == dict(after.usage.days)
    assert {"2026-11-25/noon/post": 1} == dict(after.usage.windows)
    assert 99 == after.limits.buckets["POST /2/tweets:user15"].remaining
    assert (similarity.entry(WORDS, NOW),) == after.fingerprints.entries
    assert {"rye/1": "2026-11-25"} == dict(after.fingerprints.used)
    assert [True, False] == [slot.taken for slot in after.plans["2026-11-25"].slots]
    assert ("usage", "limits", "fingerprints", "plan/2026-11-25") == found.written
    assert "admitted, $0.065 booked" == found.action.history[-1].note


def test_lease_outlives_the_longest_call_by_the_largest_skew() -> None:
    """Another process may look for the post only when this one's call is over by any clock that is tolerated."""
    attempt = admitted(snapshot()).attempt
    over = attempt.send_deadline_at + timedelta(seconds=admission.CALL_SECONDS + 120)

    assert over == attempt.lease_until


def test_booking_writes_what_it_changes_and_nothing_else() -> None:
    """A delete writes no fingerprint, an action outside of the plan no plan, and other documents stay as they are."""
    found = admitted(snapshot(), action(kind=Kind.DELETE, words=""))
    again = admitted(snapshot())

    assert (("usage", "limits"), ("usage", "limits", "fingerprints")) == (found.written, again.written)
    assert Fingerprints() == found.snapshot.fingerprints
    assert (Control(), Timeline(), {}) == (again.snapshot.control, again.snapshot.timeline, again.snapshot.plans)


def test_slot_is_taken_once() -> None:
    """A second attempt of an action writes the plan no second time."""
    slot = Slot(key=action().key, window="noon", opens_at=NOW, closes_at=NOW + MINUTE, due_at=NOW, arm=None, taken=True)
    plan = DayPlan(date="2026-11-25", zone="UTC", seed="s", slots=(slot,))

    assert "plan/2026-11-25" not in admitted(replace(snapshot(), plans={plan.date: plan})).written


def test_retry_is_no_duplicate_of_itself() -> None:
    """A second attempt passes its own fingerprint and leaves one; the same words of another action stop it."""
    first = admitted(snapshot())
    again = replace(first.action, state=State.PLANNED)
    later = NOW + 20 * MINUTE
    usage = Usage(days=first.snapshot.usage.days)
    before = replace(first.snapshot, usage=usage, actions={again.key: again})
    second = admit(before, again, later, "attempt-2")
    stranger = replace(
        before, fingerprints=Fingerprints(entries=(*before.fingerprints.entries, similarity.entry(WORDS, later)))
    )

    assert isinstance(second, Admitted)
    assert ["attempt-1", "attempt-2"] == [attempt.id for attempt in second.action.attempts]
    assert (similarity.entry(WORDS, later),) == second.snapshot.fingerprints.entries
    assert "duplicate" == refused(stranger, again, later).gate


def test_fingerprints_stay_in_their_window_and_their_room() -> None:
    """Booking drops what is older than the guard looks back, and never lets the document outgrow its bound."""
    old = tuple(similarity.entry(f"old {number}", NOW - timedelta(days=31)) for number in range(3))
    new = tuple(
        similarity.entry(f"text {number} of many", NOW - timedelta(minutes=9_000 - number))
        for number in range(MAX_FINGERPRINTS)
    )
    full = replace(with_settings(similarity=Similarity(threshold=0.9)), fingerprints=Fingerprints(entries=(*old, *new)))
    kept = admitted(full).snapshot.fingerprints.entries

    assert MAX_FINGERPRINTS == len(kept)
    assert (*new[1:], similarity.entry(WORDS, NOW)) == kept


def test_admission_is_pure() -> None:
    """The same account, action and time give the same decision, and nothing that went in is changed."""
    account, wanted = snapshot(), action()
    before = repr((account, wanted))

    assert admit(account, wanted, NOW, "a") == admit(account, wanted, NOW, "a")
    assert before == repr((account, wanted))


# -------------------------------------------------------------------------------------------------- many of them

ERRORS: dict[str, XError] = {
    "limited": RateLimited("429"),
    "not sent": NotSent("no connection"),
    "refused": RefusedByX("403"),
    "blocked": CreditsDepleted("402"),
    "open": OutcomeOpen("timed out"),
}
CEILING = replace(
    SETTINGS,
    plan=Plan.PAY_PER_USE,
    max_per_window=PerKind(post=3),
    max_per_day=4,
    minimum_gap_minutes=0,
    similarity=Similarity(threshold=1.0),
    budget=Budget(
        usd_per_month=Decimal("0.9"),
        usd_per_day=Decimal("0.4"),
        buffer_pct=0.0,
        billing_day=26,
        custom_read_cap=120,
        custom_write_cap=14,
    ),
)


def outcome_of(name: str, attempt_id: str, at: datetime, number: int) -> Outcome:
    """What X answers, or does not."""
    if name in ERRORS:
        return Outcome(attempt_id=attempt_id, at=at, error=ERRORS[name])
    post = Post(id=str(1000 + number), text="", created_at=at)
    return Outcome(attempt_id=attempt_id, at=at, post=post, resources=number % 6 if name == "found" else 0)


STEP = st.tuples(st.integers(0, 900), st.booleans(), st.sampled_from([*ERRORS, "sent", "found"]), st.integers(0, 2))


@given(steps=st.lists(STEP, max_size=30))
def test_no_sequence_of_admissions_and_outcomes_passes_a_ceiling(steps: list[tuple[int, bool, str, int]]) -> None:
    """However actions are admitted, answered, retried and settled late, ceilings hold and counters are exact.

    The recount is of the test's own: it adds up what each attempt did, from prices written down here.
    """
    account = snapshot(CEILING)
    at = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    open_attempts: list[tuple[Action, str, int]] = []
    spent: Counter[str] = Counter()
    writes: Counter[str] = Counter()
    reads: Counter[str] = Counter()
    windows: Counter[str] = Counter()
    waiting: Action | None = None
    for number, (minutes, linked, name, wait) in enumerate(steps):
        at += timedelta(minutes=minutes)
        words = f"Words that only number {number} has{' at x.ai' if linked else ''}"
        wanted = waiting if waiting is not None and at < waiting.closes_at else action(number, words=words, at=at)
        wanted = replace(wanted, due_at=min(wanted.due_at, at), retry_at=None)
        waiting = None
        found = admit(account, wanted, at, f"attempt-{number}")
        if isinstance(found, Refused):
            continue
        day = at.date().isoformat()
        call = 200_000 if "x.ai" in wanted.text else 15_000
        account = found.snapshot
        spent[day], writes[day], reads[day] = spent[day] + call + 50_000, writes[day] + 1, reads[day] + 10
        windows[admission.window_key(wanted)] += 1
        for ceiling in budget.ceilings(account.settings, account.usage, at):
            assert ceiling.used <= ceiling.limit
        open_attempts.append((found.action, day, call))
        if wait and name != "open":  # its answer comes at the very end
            continue
        sending, day, call = open_attempts.pop()
        outcome = outcome_of(name, sending.attempts[-1].id, at, number)
        after = transitions.settled(sending, outcome)
        account = transitions.booked_after(account, sending, after, outcome.attempt_id).with_action(after)
        if name == "open":
            open_attempts.append((after, day, call))
        else:
            back = count(name, number, day, call, spent, writes, reads)
            windows[admission.window_key(sending)] -= back
            waiting = after if name in {"limited", "not sent"} else None
    for number, (sending, day, call) in enumerate(open_attempts):
        outcome = outcome_of("found", sending.attempts[-1].id, at, number)
        after = transitions.settled(sending, outcome)
        account = transitions.booked_after(account, sending, after, outcome.attempt_id).with_action(after)
        count("found", number, day, call, spent, writes, reads)

    assert {day: (writes[day], reads[day], spent[day]) for day in spent} == {
        day: (tally.writes, tally.reads, tally.spent_micros) for day, tally in account.usage.days.items()
    }
    assert {key: used for key, used in windows.items() if used} == {
        key: used for key, used in account.usage.windows.items() if used
    }
    assert all(micros <= 400_000 for micros in spent.values())
    first = sum(micros for day, micros in spent.items() if day < "2026-11-26")
    second = sum(micros for day, micros in spent.items() if "2026-11-26" <= day < "2026-12-26")
    assert max(first, second) <= 900_000
    assert all(used <= 3 for used in windows.values())


def count(
    name: str,
    number: int,
    day: str,
    call: int,
    spent: Counter[str],
    writes: Counter[str],
    reads: Counter[str],
) -> int:
    """Recount what an outcome gives back; how many of the window's places come free is returned."""
    looked = number % 6 if name == "found" else 0
    spent[day] -= 50_000 - 5_000 * looked
    reads[day] -= 10 - looked
    if name in {"limited", "not sent"}:
        spent[day] -= call
        writes[day] -= 1
    return int(name in {"limited", "not sent", "blocked"})
