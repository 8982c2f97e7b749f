"""What an outcome does, to the last field: pure, and word for word where a mutation run found nobody to notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from songpost.account_documents import Awaited, Fingerprints, Measuring, PostMark, Timeline, Usage
from songpost.agent import audit, transitions
from songpost.agent.transitions import Outcome
from songpost.core import admission, budget, similarity
from songpost.core.snapshot import Snapshot
from songpost.errors import (
    AccountBlocked,
    Duplicate,
    NotSent,
    OutcomeOpen,
    RateLimited,
    Refused,
    UsageCapped,
    XError,
)
from songpost.model import Action, Arm, Attempt, Held, Kind, Post, State, ThreadStep
from tests.unit.core.cases import NOW, SETTINGS, WORDS, action, attempt, snapshot, tried

SOON, LATE = NOW + timedelta(seconds=3), NOW + timedelta(seconds=155)
"""Within the lease, and at its very end."""
ARM = Arm("bread", "noon")
STEPS = (ThreadStep(text="And a lid."), ThreadStep(text="And patience."))
HELD = Held(micros=130_000, writes=2, reads=20, booked_at=NOW)
CALL, READ = 15_000, 5_000
"""What the attempt of these tests booked for the call, and for each of ten posts of the own timeline."""


def sending(**changes: object) -> Action:
    """A post under way."""
    return replace(tried(action()), **changes)  # type: ignore[arg-type]


def thread(*post_ids: str, state: State = State.SENDING, **changes: object) -> Action:
    """A thread of three steps, of which these are on X and the next one is under way."""
    attempts = tuple(
        replace(
            attempt(),
            id=f"attempt-{step + 1}",
            step=step,
            outcome="sent" if step < len(post_ids) else "",
            settled_micros=CALL if step < len(post_ids) else None,
        )
        for step in range(len(post_ids) + 1)
    )
    first, *further = (*post_ids, "")[: max(1, len(post_ids))]
    begun = replace(
        action(),
        state=state,
        thread=STEPS,
        held=HELD,
        attempts=attempts,
        post_id=first,
        posted_at=NOW if first else None,
        thread_ids=tuple(further),
    )
    return replace(begun, **changes)  # type: ignore[arg-type]


def told(error: XError | None = None, *, at: datetime = SOON, attempt_id: str = "attempt-1", **more: object) -> Outcome:
    """An outcome: an error, or the post 77."""
    post = Post(id="77", text=WORDS, created_at=NOW + timedelta(seconds=1)) if error is None else None
    return Outcome(attempt_id=attempt_id, at=at, post=post, error=error, **more)  # type: ignore[arg-type]


def last(of: Action) -> Attempt:
    """The newest attempt."""
    return of.attempts[-1]


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "state", "outcome", "settled", "retry_minutes", "gate"),
    [
        (OutcomeOpen("no answer"), State.UNKNOWN, "open", None, None, ""),
        (UsageCapped("cap"), State.PLANNED, "rate limited", 0, 360, ""),
        (RateLimited("slow"), State.PLANNED, "rate limited", 0, 15, ""),
        (NotSent("late"), State.PLANNED, "not sent", 0, 5, ""),
        (AccountBlocked("402"), State.PLANNED, "account blocked", CALL, None, ""),
        (Refused("no"), State.REFUSED, "refused", CALL, None, "X"),
        (Duplicate("again"), State.REFUSED, "refused", CALL, None, "X"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, XError) else None,
)
def test_each_error_leaves_the_action_and_its_attempt_exactly_so(
    error: XError, state: State, outcome: str, settled: int | None, retry_minutes: int | None, gate: str
) -> None:
    """State, gate, reason and time of the next try; the attempt's outcome, its money, and when it was closed."""
    after = transitions.settled(sending(), told(error))
    retry_at = None if retry_minutes is None else SOON + timedelta(minutes=retry_minutes)

    assert (state, gate, str(error), retry_at) == (after.state, after.gate, after.reason, after.retry_at)
    assert (outcome, settled, 0) == (last(after).outcome, last(after).settled_micros, last(after).held_reads)
    assert (None if settled is None else SOON) == last(after).closed_at
    event = after.history[-1]
    assert (SOON, state, f"{outcome}: {error}", "attempt-1") == (event.at, event.state, event.note, event.attempt_id)


def test_a_duplicate_on_a_second_send_is_open() -> None:
    """The first send may have landed after all: only a second try of the same step says so."""
    again = replace(attempt(), id="attempt-2")
    twice = sending(attempts=(replace(attempt(), outcome="open"), again))

    assert State.UNKNOWN is transitions.settled(twice, told(Duplicate("again"), attempt_id="attempt-2")).state
    assert State.PARTIAL is transitions.settled(thread("5"), told(Duplicate("again"), attempt_id="attempt-2")).state


def test_what_the_limit_says_decides_when_to_try_again() -> None:
    """The reset that X told is the time of the next try."""
    after = transitions.settled(sending(), told(RateLimited("slow", retry_at=LATE)))

    assert LATE == after.retry_at


@pytest.mark.parametrize(
    ("at", "resources", "held", "settled"),
    [
        (SOON, 0, 0, CALL),
        (SOON, 4, 0, CALL + 4 * READ),
        (LATE, 0, 10, CALL + 10 * READ),
        (LATE, 4, 6, CALL + 10 * READ),
    ],
    ids=["in time", "after a look", "late", "late, after a look"],
)
def test_a_late_refusal_keeps_the_look_paid_that_may_be_under_way(
    at: datetime, resources: int, held: int, settled: int
) -> None:
    """Once the lease is over another tick may be looking: the reads it may still make stay booked."""
    looked = sending(attempts=(replace(attempt(), resources=resources),))
    after = last(transitions.settled(looked, told(Refused("no"), at=at)))

    assert (held, settled) == (after.held_reads, after.settled_micros)


def test_reads_beyond_those_booked_hold_nothing() -> None:
    """A look that returned more than was reserved holds no negative number of reads."""
    looked = sending(attempts=(replace(attempt(), resources=12),))
    after = last(transitions.settled(looked, told(Refused("no"), at=LATE)))

    assert (0, CALL + 12 * READ) == (after.held_reads, after.settled_micros)


@pytest.mark.parametrize(
    ("error", "state", "gate", "retry_minutes"),
    [
        (OutcomeOpen("no answer"), State.PLANNED, "", 5),
        (NotSent("late"), State.PLANNED, "", 5),
        (RateLimited("slow"), State.PLANNED, "", 15),
        (Refused("no such file"), State.REFUSED, "media", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, XError) else None,
)
def test_an_upload_that_fails_was_certainly_not_sent(
    error: XError, state: State, gate: str, retry_minutes: int | None
) -> None:
    """Whatever became of the medium, the post costs nothing but the alt texts that were written."""
    after = transitions.settled(sending(), told(error, unsent=True, described_micros=5_000))
    retry_at = None if retry_minutes is None else SOON + timedelta(minutes=retry_minutes)

    assert (state, gate, retry_at) == (after.state, after.gate, after.retry_at)
    assert ("not sent", 5_000) == (last(after).outcome, last(after).settled_micros)


@pytest.mark.parametrize("state", sorted(set(State) - {State.SENDING, State.UNKNOWN}))
def test_a_late_error_changes_no_action_that_has_moved_on(state: State) -> None:
    """Its attempt is settled and the history says so; state, reason and retry stay as they are."""
    moved_on = sending(state=state, reason="as it was", retry_at=LATE)
    after = transitions.settled(moved_on, told(Refused("no")))

    assert (state, "as it was", LATE) == (after.state, after.reason, after.retry_at)
    assert ("refused", "refused: no") == (last(after).outcome, after.history[-1].note)


def test_an_error_of_an_older_attempt_decides_nothing() -> None:
    """A second attempt is under way: what the first one hears late settles that one alone."""
    both = sending(attempts=(attempt(), replace(attempt(), id="attempt-2")))
    after = transitions.settled(both, told(Refused("no")))

    assert (State.SENDING, ["refused", ""]) == (after.state, [one.outcome for one in after.attempts])


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN])
def test_an_unknown_outcome_can_still_be_decided_by_an_error(state: State) -> None:
    """A refusal that comes late decides an action whose outcome is open."""
    assert State.REFUSED is transitions.settled(sending(state=state), told(Refused("no"))).state


# ------------------------------------------------------------------------------------------------------- success


@pytest.mark.parametrize("state", sorted(State))
def test_a_post_is_taken_in_from_any_state(state: State) -> None:
    """Sent, with X's own id and time; nothing held, no reason, no retry; only its call and its looks are paid."""
    before = sending(state=state, reason="as it was", gate="schedule", retry_at=LATE)
    after = transitions.settled(before, told(at=LATE, resources=3))

    assert (State.SENT, "77", NOW + timedelta(seconds=1)) == (after.state, after.post_id, after.posted_at)
    assert ("", "", None, None) == (after.reason, after.gate, after.retry_at, after.held)
    assert ("sent", LATE, 3, CALL + 3 * READ) == (
        last(after).outcome,
        last(after).closed_at,
        last(after).resources,
        last(after).settled_micros,
    )
    event = after.history[-1]
    assert (LATE, State.SENT, "sent as 77", "attempt-1") == (event.at, event.state, event.note, event.attempt_id)


def test_looks_of_before_and_of_the_finding_one_are_paid() -> None:
    """Resources of earlier reads stay, those of the read that found it come on top."""
    looked = sending(attempts=(replace(attempt(), resources=4),))

    assert 6 == last(transitions.settled(looked, told(resources=2))).resources


def test_without_a_time_of_its_own_a_post_is_of_the_moment() -> None:
    """X told no creation time: the answer's time stands in for it."""
    outcome = replace(told(), post=Post(id="77", text=WORDS))

    assert SOON == transitions.settled(sending(), outcome).posted_at


def test_what_is_no_post_is_done_without_an_id() -> None:
    """A like has no post: done, at the moment of its answer."""
    after = transitions.settled(tried(action(kind=Kind.LIKE)), replace(told(), post=None))

    assert (State.SENT, "", SOON, "done") == (after.state, after.post_id, after.posted_at, after.history[-1].note)


@pytest.mark.parametrize(("post_id", "note"), [("5", "sent as 5"), ("77", "sent once more as 77: delete one")])
def test_a_second_answer_changes_only_the_history(post_id: str, note: str) -> None:
    """What is sent stays sent with its first post; another post of the same step is told as one to delete."""
    sent = sending(state=State.SENT, post_id="5", posted_at=NOW)
    after = transitions.settled(sent, replace(told(), post=Post(id=post_id, text=WORDS)))

    assert (State.SENT, "5", NOW) == (after.state, after.post_id, after.posted_at)
    event = after.history[-1]
    assert (SOON, note, "attempt-1") == (event.at, event.note, event.attempt_id)


# ------------------------------------------------------------------------------------------------------- threads


@pytest.mark.parametrize(
    ("before", "attempt_id", "state", "ids", "held"),
    [
        (thread(), "attempt-1", State.PLANNED, ("77",), HELD),
        (thread("5"), "attempt-2", State.PLANNED, ("5", "77"), HELD),
        (thread("5", "6"), "attempt-3", State.SENT, ("5", "6", "77"), None),
    ],
    ids=["first", "second", "last"],
)
def test_a_thread_goes_on_until_its_last_step(
    before: Action, attempt_id: str, state: State, ids: tuple[str, ...], held: Held | None
) -> None:
    """It waits for its next step with what it holds for that; the last one ends it."""
    waited = replace(before, reason="as it was", gate="X", retry_at=LATE)
    after = transitions.settled(waited, told(attempt_id=attempt_id))

    assert (state, ids, held) == (after.state, after.post_ids, after.held)
    assert ("", "", None) == (after.reason, after.gate, after.retry_at)
    assert f"step {len(ids)} of 3: sent as 77" == after.history[-1].note


def test_a_step_that_lands_after_the_end_makes_it_partial() -> None:
    """A thread that was abandoned, and whose first post came all the same: in part, with both words."""
    after = transitions.settled(thread(state=State.ABANDONED, held=None, reason="too late", retry_at=LATE), told())

    assert (State.PARTIAL, ("77",), None, None) == (after.state, after.post_ids, after.held, after.retry_at)
    assert "step 1 of 3: on X after all, as 77; it had ended: too late" == after.reason
    assert "step 1 of 3: sent as 77" == after.history[-1].note


@pytest.mark.parametrize(
    ("before", "error", "state", "held"),
    [
        (thread("5"), Refused("no"), State.PARTIAL, None),
        (thread(), Refused("no"), State.REFUSED, None),
        (thread(), NotSent("late"), State.PLANNED, None),
        (thread("5"), NotSent("late"), State.PLANNED, HELD),
        (thread("5"), OutcomeOpen("lost"), State.UNKNOWN, HELD),
        (thread(), OutcomeOpen("lost"), State.UNKNOWN, HELD),
    ],
    ids=["cut", "refused", "not begun", "waits", "open", "open at once"],
)
def test_an_error_in_a_thread(before: Action, error: XError, state: State, held: Held | None) -> None:
    """What is on X in part ends so; what it holds is given up where no further step will come of this booking."""
    number = len(before.attempts)
    after = transitions.settled(before, told(error, attempt_id=f"attempt-{number}"))

    assert (state, held) == (after.state, after.held)
    assert f"step {number} of 3: {error}" == after.reason
    assert f"step {number} of 3: {last(after).outcome}: {error}" == after.history[-1].note
    assert [] == list(audit.broken_chains([after]))


@pytest.mark.parametrize(
    ("state", "post_id", "expected"),
    [
        (State.REFUSED, "5", State.PARTIAL),
        (State.ABANDONED, "5", State.PARTIAL),
        (State.UNKNOWN, "5", State.UNKNOWN),
        (State.SENT, "5", State.SENT),
        (State.REFUSED, "", State.REFUSED),
        (State.ABANDONED, "", State.ABANDONED),
    ],
)
def test_what_is_on_x_in_part_is_neither_refused_nor_abandoned(state: State, post_id: str, expected: State) -> None:
    """Only those two ends turn into `partial`, and only with a post on X."""
    assert expected is transitions.ended(replace(action(), post_id=post_id), state)


# ------------------------------------------------------------------------------------------------------- documents

BOOKED = admission.window_key(action())


def account() -> Snapshot:
    """An account that has booked the attempt of these tests: one write, ten reads, 65,000 micro-dollars, one place."""
    usage = budget.booked(Usage(), SETTINGS.budget, NOW, writes=1, reads=10, micros=65_000, kind=Kind.POST)
    usage = budget.counted(usage, BOOKED, "2026-11-25", 1)
    entries = (similarity.entry(WORDS, NOW), similarity.entry("Another text.", NOW))
    return replace(snapshot(), usage=usage, fingerprints=Fingerprints(entries=entries))


@pytest.mark.parametrize(
    ("error", "writes", "reads", "micros", "places", "prints"),
    [
        (None, 1, 0, CALL, 1, 2),
        (Refused("no"), 1, 0, CALL, 1, 2),
        (OutcomeOpen("lost"), 1, 10, 65_000, 1, 2),
        (RateLimited("slow"), 0, 0, 0, 0, 1),
        (NotSent("late"), 0, 0, 0, 0, 1),
        (AccountBlocked("402"), 1, 0, CALL, 0, 2),
    ],
    ids=["sent", "refused", "open", "limited", "not sent", "blocked"],
)
def test_what_an_outcome_gives_back(
    error: XError | None, writes: int, reads: int, micros: int, places: int, prints: int
) -> None:
    """Counts, money, the kind's money, the place in the window and the fingerprint, each as the outcome leaves it."""
    before = sending()
    after = transitions.settled(before, told(error))
    found = transitions.booked_after(account(), before, after, "attempt-1")
    month, day = found.usage.months["2026-11"], found.usage.days["2026-11-25"]

    assert (writes, reads, micros) == (month.writes, month.reads, month.spent_micros)
    assert (writes, reads, micros, {"post": micros}) == day
    assert (places, places) == (found.usage.windows.get(BOOKED, 0), found.usage.kinds.get("2026-11-25/post", 0))
    assert prints == len(found.fingerprints.entries)


def test_what_was_settled_before_is_not_given_back_twice() -> None:
    """A post that turns up after its refusal: money and reads move by the difference, and what is held stays held."""
    before = sending(attempts=(replace(attempt(), resources=2),))
    refused = transitions.settled(before, told(Refused("no"), at=LATE))
    once = transitions.booked_after(account(), before, refused, "attempt-1")
    found = transitions.settled(refused, told(at=LATE, resources=1))
    twice = transitions.booked_after(once, refused, found, "attempt-1")
    limited = transitions.settled(before, told(RateLimited("slow")))
    back = transitions.booked_after(account(), before, limited, "attempt-1")
    landed = transitions.booked_after(back, limited, transitions.settled(limited, told()), "attempt-1")

    assert (10, 65_000) == (once.usage.months["2026-11"].reads, once.usage.months["2026-11"].spent_micros)
    assert (11, CALL + 11 * READ) == (twice.usage.months["2026-11"].reads, twice.usage.months["2026-11"].spent_micros)
    assert (1, 1) == (once.usage.windows[BOOKED], twice.usage.windows[BOOKED])
    assert (0, 1) == (back.usage.windows.get(BOOKED, 0), landed.usage.windows[BOOKED])
    assert (2, CALL + 2 * READ) == (landed.usage.months["2026-11"].reads, landed.usage.months["2026-11"].spent_micros)


def test_what_is_unbilled_a_second_time_gives_no_second_write_back() -> None:
    """The same answer twice, as after a lost commit: the count of writes moves once."""
    before = sending()
    after = transitions.settled(before, told(RateLimited("slow")))
    other = budget.booked(account().usage, SETTINGS.budget, NOW, writes=1)
    once = transitions.booked_after(replace(account(), usage=other), before, after, "attempt-1")
    twice = transitions.booked_after(once, after, transitions.settled(after, told(NotSent("late"))), "attempt-1")

    assert (1, 1) == (once.usage.months["2026-11"].writes, twice.usage.months["2026-11"].writes)
    assert 1 == len(twice.fingerprints.entries)


def test_a_post_is_known_to_the_timeline_and_awaited_by_the_learner() -> None:
    """Its mark is the newest, and the arm that chose it will hear of it; an outcome without a post changes neither."""
    before = sending(arm=ARM)
    after = transitions.settled(before, told())
    found = transitions.booked_after(account(), before, after, "attempt-1")
    lost = transitions.booked_after(account(), before, transitions.settled(before, told(OutcomeOpen("?"))), "attempt-1")

    assert Timeline(newest_id="77", latest=(PostMark(id="77", posted_at=NOW + timedelta(seconds=1)),)) == found.timeline
    assert {"77": Awaited(key=before.key, arm=ARM, posted_at=NOW + timedelta(seconds=1))} == found.measuring.posts
    assert (Timeline(), Measuring()) == (lost.timeline, lost.measuring)
    assert ("usage", "timeline", "measuring") == transitions.differing(account(), found)
    assert () == transitions.differing(found, found)


def test_a_mark_says_of_which_kind_its_post_is() -> None:
    """A quote keeps its distance as a post does, and a reply keeps none."""
    for kind in (Kind.QUOTE, Kind.REPLY):
        before = sending(kind=kind)
        found = transitions.with_posts(Timeline(), before, transitions.settled(before, told()))
        assert (PostMark(id="77", posted_at=NOW + timedelta(seconds=1), kind=kind),) == found.latest


def test_a_thread_keeps_its_place_and_its_marks() -> None:
    """Its first post holds the place while it waits; a further one is a reply; what it held goes back at its end."""
    before = thread("5", arm=ARM)
    waiting = transitions.settled(before, told(attempt_id="attempt-2"))
    found = transitions.booked_after(account(), before, waiting, "attempt-2")
    cut = transitions.settled(thread("5"), told(Refused("no"), attempt_id="attempt-2"))
    usage = budget.booked(account().usage, SETTINGS.budget, NOW, writes=2, reads=20, micros=130_000, kind=Kind.POST)
    over = transitions.booked_after(replace(account(), usage=usage), thread("5"), cut, "attempt-2")

    assert (1, 1) == (found.usage.windows[BOOKED], found.usage.months["2026-11"].writes)
    assert (PostMark(id="77", posted_at=SOON, kind=Kind.REPLY),) == found.timeline.latest
    assert {} == found.measuring.posts
    assert (1, 0, CALL) == (
        over.usage.months["2026-11"].writes,
        over.usage.months["2026-11"].reads,
        over.usage.months["2026-11"].spent_micros,
    )


def test_a_step_not_billed_keeps_the_fingerprints_of_a_thread_that_is_on_x() -> None:
    """Its texts are in use: a 429 for the second step frees none of them."""
    limited = transitions.settled(thread("5"), told(RateLimited("slow"), attempt_id="attempt-2"))
    found = transitions.booked_after(account(), thread("5"), limited, "attempt-2")

    assert 2 == len(found.fingerprints.entries)


def test_reads_cost_what_they_were_booked_at() -> None:
    """The part of the reservation that is not the call, by the number of reads; nothing where none were booked."""
    assert (0, 3 * READ) == (transitions.reads_micros(attempt(), 0), transitions.reads_micros(attempt(), 3))
    assert 0 == transitions.reads_micros(replace(attempt(), reserved_reads=0), 3)


@pytest.mark.parametrize(
    ("state", "outcome", "post_id", "missed"),
    [
        (State.SENT, "sent", "77", True),
        (State.SENDING, "", "", True),
        (State.UNKNOWN, "open", "", True),
        (State.PARTIAL, "refused", "77", True),
        (State.REFUSED, "refused", "", True),
        (State.REFUSED, "rate limited", "", False),
        (State.REFUSED, "not sent", "", False),
        (State.PLANNED, "rate limited", "", False),
        (State.ABANDONED, "rate limited", "", False),
    ],
)
def test_the_recount_misses_the_place_of_what_is_or_may_be_on_x(
    state: State, outcome: str, post_id: str, *, missed: bool
) -> None:
    """What X limited and a gate refused later holds no place: its counter of nothing is right."""
    done = replace(attempt(), outcome=outcome, settled_micros=0)
    one = sending(state=state, post_id=post_id, attempts=(done,))
    found = list(audit.miscounts(replace(snapshot(), usage=Usage(windows={BOOKED: 0})), [one]))

    assert [f"usage {BOOKED}"] * missed == [finding.where for finding in found]
    assert [] == list(audit.miscounts(replace(snapshot(), usage=Usage(windows={BOOKED: 1})), [one]))


# ------------------------------------------------------------------------------------------------------- marks


def marks(*ids: int, hand: bool = False) -> tuple[PostMark, ...]:
    """Marks of posts."""
    return tuple(PostMark(id=str(number), posted_at=NOW, by_hand=hand) for number in ids)


def test_marks_are_newest_first_each_once_and_no_more_than_thirty() -> None:
    """Ids grow longer: 100 is newer than 99. A mark that is known already stands as it was known."""
    known = Timeline(newest_id="99", latest=marks(99, 8, hand=True))
    found = transitions.with_marks(known, marks(100, 99))
    full = transitions.with_marks(known, marks(*range(100, 150)))

    assert [("100", False), ("99", True), ("8", True)] == [(mark.id, mark.by_hand) for mark in found.latest]
    assert ("100", "149") == (found.newest_id, full.newest_id)
    assert [str(number) for number in range(149, 119, -1)] == [mark.id for mark in full.latest]


def test_the_newest_id_never_goes_back() -> None:
    """A baseline that is newer than every mark stays; so does the one of an empty timeline."""
    assert "500" == transitions.with_marks(Timeline(newest_id="500"), marks(99)).newest_id
    assert "500" == transitions.with_marks(Timeline(newest_id="500"), ()).newest_id
    assert "" == transitions.with_marks(Timeline(), ()).newest_id


@pytest.mark.parametrize("kind", sorted(Kind))
def test_only_originals_that_an_arm_chose_are_awaited(kind: Kind) -> None:
    """A planned post or quote is; a pinned one, a reply or a like is not."""
    chosen = replace(action(), kind=kind, arm=ARM, post_id="77")
    found = transitions.with_awaited(Measuring(), chosen)

    assert (kind in {Kind.POST, Kind.QUOTE}) == ("77" in found.posts)
    assert Measuring() == transitions.with_awaited(Measuring(), replace(chosen, arm=None))


def test_the_agenda_keeps_the_newest_hundred_and_fifty() -> None:
    """Where it is full the oldest post goes; without a time of its own a post is of its last change."""
    full = Measuring(posts={str(n): Awaited(key="k", arm=ARM, posted_at=NOW) for n in range(90, 240)})
    found = transitions.with_awaited(full, replace(action(), arm=ARM, post_id="1000", posted_at=LATE))
    known = transitions.with_awaited(Measuring(), replace(action(), arm=ARM, post_id="77"))

    assert 150 == len(found.posts)
    assert ("91", "1000", LATE) == (next(iter(found.posts)), list(found.posts)[-1], found.posts["1000"].posted_at)
    assert NOW == known.posts["77"].posted_at
