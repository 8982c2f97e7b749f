"""Admission of threads: all steps that are left are judged, priced and booked together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from songpost.account_documents import Bucket, Fingerprints, Limits, PostMark, Timeline
from songpost.core import similarity
from songpost.core.admission import USED_DAYS, Admitted, Refused, admit, without_own
from songpost.core.day_plan import stocks
from songpost.core.prices import quote_action
from songpost.core.snapshot import Snapshot
from songpost.model import Action, Held, Kind, Media, PriceClass, State, Text, ThreadStep, recorded
from songpost.money_settings import Budget
from songpost.settings import FeatureFlags, Flag
from tests.unit.core import cases
from tests.unit.core.cases import NOW, SETTINGS

STEPS = (ThreadStep(text="Oats want less."), ThreadStep(text="See example.com for wheat."))
WORST_MICROS = 15_000 + 50_000
CREATE = "POST /2/tweets"


def thread(**changes: object) -> Action:
    """A planned thread of three steps, the last with a link."""
    return replace(cases.action(), thread=STEPS, **changes)  # type: ignore[arg-type]


def begun(**changes: object) -> Action:
    """The same with its first post on X, two minutes ago, and the rest held."""
    first = cases.tried(thread(), NOW - timedelta(minutes=2))
    attempt = replace(first.attempts[0], settled_micros=15_000, outcome="sent")
    held = Held(micros=WORST_MICROS + 250_000, writes=2, reads=20, booked_at=NOW - timedelta(minutes=2))
    posted = replace(first, state=State.PLANNED, post_id="11", posted_at=NOW, attempts=(attempt,), held=held)
    return recorded(replace(posted, **changes), NOW, "step 1 of 3: sent as 11")  # type: ignore[arg-type]


def admitted(snapshot: Snapshot, action: Action) -> Admitted:
    """The admission, which must be one."""
    found = admit(snapshot, action, NOW, "a2")
    assert isinstance(found, Admitted), found
    return found


def refused(snapshot: Snapshot, action: Action) -> Refused:
    """The refusal, which must be one."""
    found = admit(snapshot, action, NOW, "a2")
    assert isinstance(found, Refused), found
    return found


def test_each_step_has_its_own_price() -> None:
    """A reply to oneself is charged as a post, and only the step with a link at the price of one."""
    quote = quote_action(SETTINGS, thread(), NOW.date())

    classes = [PriceClass.POST_CREATE, PriceClass.POST_CREATE, PriceClass.POST_CREATE_URL]
    assert classes == [one.price_class for one in quote.steps]
    assert [WORST_MICROS, WORST_MICROS, 250_000] == [one.worst_micros for one in quote.steps]
    assert (380_000, 3) == (quote.worst_micros, quote.writes)
    assert 1 == quote_action(SETTINGS, cases.action(), NOW.date()).writes


def test_the_first_step_is_reserved_and_the_rest_is_held() -> None:
    """The attempt reserves its own step's price; usage counts the whole."""
    found = admitted(cases.snapshot(), thread())

    assert (0, WORST_MICROS, 10) == (
        found.attempt.step,
        found.attempt.reserved_micros,
        found.attempt.reserved_reads,
    )
    assert Held(micros=WORST_MICROS + 250_000, writes=2, reads=20, booked_at=NOW) == found.action.held
    day = found.snapshot.usage.days["2026-11-25"]
    assert (3, 30, 380_000) == (day.writes, day.reads, day.spent_micros)
    assert 3 == len(found.snapshot.fingerprints.entries)


def test_a_thread_that_has_begun_takes_no_second_place_and_keeps_no_distance_to_itself() -> None:
    """Window and day are full with its own first post, which was a moment ago: the next step goes out all the same."""
    action = begun()
    key = "2026-11-25/noon/post"
    snapshot = cases.snapshot(replace(SETTINGS, minimum_gap_minutes=60))
    usage = replace(snapshot.usage, windows={key: 1}, kinds={"2026-11-25/post": 1})
    timeline = Timeline(newest_id="11", latest=(PostMark(id="11", posted_at=NOW - timedelta(minutes=2)),))
    found = admitted(replace(snapshot, usage=usage, timeline=timeline), replace(action, window="noon"))

    assert (1, "11") == (found.attempt.step, found.attempt.baseline_id)
    assert {key: 1} == found.snapshot.usage.windows
    assert Held(micros=250_000, writes=1, reads=10, booked_at=NOW) == found.action.held
    assert ["2"] == [str(found.quote.writes)]


def test_what_is_held_makes_room_for_itself() -> None:
    """A ceiling that the thread itself fills to the last micro-dollar lets the next step go: it is the same money."""
    exact = Budget(usd_per_month=Decimal("0.38"), usd_per_day=None, burst_days=None, buffer_pct=0.0)
    first = admitted(cases.snapshot(replace(SETTINGS, budget=exact)), thread())
    step = replace(first.action, state=State.PLANNED, post_id="11", posted_at=NOW)
    found = admitted(first.snapshot, step)

    assert 380_000 == found.snapshot.usage.days["2026-11-25"].spent_micros
    assert "budget" == refused(first.snapshot, replace(step, held=None)).gate


@pytest.mark.parametrize(("left", "goes"), [(2, False), (3, True)])
def test_a_rate_limit_has_room_for_all_steps_or_none_goes(left: int, *, goes: bool) -> None:
    """Calls left for a part of a thread are no calls left."""
    bucket = Bucket(
        name=f"{CREATE}:user15", limit=100, remaining=left, reset_at=NOW + timedelta(minutes=9), seen_at=NOW
    )
    snapshot = replace(cases.snapshot(), limits=Limits(buckets={bucket.name: bucket}))
    found = admit(snapshot, thread(), NOW, "a1")

    assert goes == isinstance(found, Admitted)
    if isinstance(found, Refused):
        assert ("rate limit", bucket.reset_at) == (found.gate, found.retry_at)


def test_a_bucket_smaller_than_a_thread_lets_it_begin_when_it_is_full() -> None:
    """A limit of two calls never holds three: a full one lets the first steps go, and the rest waits."""
    bucket = Bucket(name=f"{CREATE}:user15", limit=2, remaining=2, reset_at=NOW + timedelta(minutes=9), seen_at=NOW)
    assert 0 == admitted(replace(cases.snapshot(), limits=Limits(buckets={bucket.name: bucket})), thread()).attempt.step


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ((ThreadStep(text="x" * 281),), "rule length"),
        ((ThreadStep(text="Fine."), ThreadStep(text="@miller look")), "rule unsolicited-mention"),
        ((ThreadStep(text="Fine.", media=(Media(path="a.png", alt_text="a"),)),), "media are off"),
    ],
)
def test_a_rule_that_any_step_breaks_refuses_the_whole(steps: tuple[ThreadStep, ...], rule: str) -> None:
    """No first post goes out before one that may not follow it."""
    settings = replace(SETTINGS, feature_flags=FeatureFlags(allow_media=Flag.OFF))
    found = refused(cases.snapshot(settings), replace(thread(), thread=steps))

    assert ("policy", True) == (found.gate, found.final)
    assert rule in found.reason


def test_a_step_like_an_earlier_post_refuses_the_whole() -> None:
    """The duplicate guard asks for every step that is left, but not against the thread's own."""
    known = Fingerprints(entries=(similarity.entry(STEPS[1].text, NOW - timedelta(days=1)),))
    assert "duplicate" == refused(replace(cases.snapshot(), fingerprints=known), thread()).gate

    own = admitted(cases.snapshot(), thread())
    again = replace(own.action, state=State.PLANNED)
    assert () == without_own(own.snapshot.fingerprints, again).entries


def test_uses_are_forgotten_after_their_days() -> None:
    """That a text was used is known for 400 days, or as long as the guard looks back; so it does not grow for ever."""
    days = {f"t{age}/0": (NOW - timedelta(days=age)).date().isoformat() for age in (1, USED_DAYS, USED_DAYS + 1)}
    snapshot = replace(cases.snapshot(), fingerprints=Fingerprints(used=days))
    used = admitted(snapshot, replace(cases.action(), content_id="new")).snapshot.fingerprints.used

    assert {"t1/0", f"t{USED_DAYS}/0", "new/0"} == set(used)


def test_a_step_is_a_reply_to_the_one_before() -> None:
    """What is called and matched for a step: its words, its media, its parent; poll and steps are the thread's."""
    action = replace(begun(), thread_ids=("12",))

    assert ((), Kind.POST) == (action.at_step(0).thread, action.at_step(0).kind)
    last = action.at_step(2)
    assert (Kind.REPLY, STEPS[1].text, "12", ()) == (last.kind, last.text, last.target_id, last.thread)
    assert cases.action() == cases.action().at_step(0)


def test_a_thread_with_media_further_on_is_not_planned_where_media_are_off() -> None:
    """It could never go out whole; with media on it stands among the texts whose first post has none."""
    pictured = ThreadStep(text="Look.", media=(Media(path="a.png", alt_text="a"),))
    text = Text(id="t", topic="bread", variants=("Rye.",), threads=((pictured,),))
    off = replace(SETTINGS, topics=("bread",), feature_flags=FeatureFlags(allow_media=Flag.OFF))

    assert {("bread", False): ()} == stocks(off, {"bread": (text,)})
    assert {("bread", False): (text,)} == stocks(replace(off, feature_flags=FeatureFlags()), {"bread": (text,)})
