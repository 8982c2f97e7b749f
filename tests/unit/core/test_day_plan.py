from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from songpost.account_documents import DayPlan, Fingerprints, PostMark, Slot, Timeline
from songpost.agent import documents
from songpost.core import bandit, content, day_plan, learning_state, similarity
from songpost.core.admission import Admitted, admit
from songpost.core.content import Library
from songpost.core.learning_state import Statistics
from songpost.core.reward import reward_from
from songpost.core.snapshot import Snapshot
from songpost.model import Action, Arm, Kind, Media, State, Text
from songpost.settings import Cadence, FeatureFlags, Flag, LearningSettings, PerKind, Schedule, Settings, Similarity
from tests.unit.core.cases import NOW

DAY = date(2026, 11, 25)
NAME = DAY.isoformat()
THINGS = [
    "leeks",
    "quinces",
    "barrows",
    "hedges",
    "swifts",
    "ponds",
    "sickles",
    "thyme",
    "voles",
    "slates",
    "apricots",
    "kilns",
    "gorse",
    "lambs",
    "rushes",
]
PLACES = [
    "under snow",
    "by the mill",
    "after midnight",
    "on Tuesdays",
    "in clay",
    "without hurry",
    "near the coast",
    "at dawn",
]
TEXTS = tuple(
    Text(id=f"{topic}-{number}", topic=topic, variants=(f"{topic}: {thing.upper()} {place}, {number * number * 7919}",))
    for topic, shift in (("gardening", 0), ("bread", 3))
    for number, (thing, place) in enumerate(
        (thing, PLACES[(index + shift) % len(PLACES)]) for index, thing in enumerate(THINGS)
    )
)
LIBRARY = content.library_of(TEXTS)
SETTINGS = Settings(
    topics=("gardening", "bread"),
    timezone="Europe/Berlin",
    schedule=Schedule(windows={"morning": ("09:00", "12:00"), "noon": ("12:00", "14:00"), "late": ("23:00", "02:00")}),
    max_per_window=PerKind(post=2),
    minimum_gap_minutes=45,
    similarity=Similarity(threshold=0.9),
    learning=LearningSettings(enabled=False),
    operator="@example_owner",
    automated_label_attested_on=date(2026, 1, 1),
)


def account(settings: Settings = SETTINGS, **more: object) -> Snapshot:
    """An account before its first plan."""
    return Snapshot(account="default", settings=settings, **more)  # type: ignore[arg-type]


def made(of: Snapshot, day: date = DAY, library: Library = LIBRARY) -> DayPlan:
    """The plan of a day."""
    return day_plan.build(of, library, day, content.digest(library)).plan


def saved(of: Snapshot, plan: DayPlan) -> Snapshot:
    """The account with a plan among its documents."""
    return replace(of, plans={**of.plans, plan.date: plan})


def marked(plan: DayPlan, *keys: str, **changes: object) -> DayPlan:
    """The plan with some of its slots changed."""
    slots = tuple(replace(slot, **changes) if slot.key in keys else slot for slot in plan.slots)  # type: ignore[arg-type]
    return replace(plan, slots=slots)


def in_windows(plan: DayPlan) -> Counter[str]:
    """How many slots each window has."""
    return Counter(slot.window for slot in plan.slots)


def apart(slots: tuple[Slot, ...] | list[Slot]) -> float:
    """The smallest distance between two slots, in minutes."""
    times = sorted(slot.due_at for slot in slots)
    return min(((b - a) / timedelta(minutes=1) for a, b in pairwise(times)), default=float("inf"))


def test_plan_fills_every_window_with_its_quota() -> None:
    """Each window gets its number of posts, with keys of date, window and number, in the order of time."""
    plan = made(account())

    assert {"morning": 2, "noon": 2, "late": 2} == in_windows(plan)
    assert [f"post/2026-11-25/{w}/{n}" for w in ("morning", "noon", "late") for n in (1, 2)] == [
        slot.key for slot in plan.slots
    ]
    assert ("2026-11-25", "Europe/Berlin", ()) == (plan.date, plan.zone, plan.left_out)
    assert 6 == len({slot.text for slot in plan.slots})


def test_slots_lie_in_their_windows_and_apart() -> None:
    """Every slot is due while its window is open, and none within the gap of another, across windows too."""
    plan = made(account())

    assert all(slot.opens_at <= slot.due_at < slot.closes_at for slot in plan.slots)
    assert 45 <= apart(plan.slots)


def test_same_documents_make_the_same_plan() -> None:
    """A plan follows from account, date and documents alone; another account or day gives other minutes."""
    plan = made(account())
    others = [made(replace(account(), account="other")), made(account(), DAY + timedelta(days=1))]

    assert plan == made(account())
    assert all(
        [slot.due_at.time() for slot in plan.slots] != [slot.due_at.time() for slot in other.slots] for other in others
    )


def test_seed_is_that_of_account_and_date() -> None:
    """The seed is SHA-256 over `account/date`, so it is the same on every machine."""
    assert "8e753dd2a8231b379a6882931b6bbace" == made(account()).seed
    assert made(account()).seed != made(replace(account(), account="other")).seed


def test_minutes_of_a_window_do_not_hang_on_other_windows() -> None:
    """Taking the last window away moves no minute of those before it."""
    fewer = replace(SETTINGS, schedule=Schedule(windows=dict(list(SETTINGS.schedule.windows.items())[:2])))

    assert [slot.due_at for slot in made(account()).slots[:4]] == [slot.due_at for slot in made(account(fewer)).slots]


def test_days_without_windows_have_no_slots() -> None:
    """On a weekday that the cadence leaves out nothing is planned; a window past midnight is of its first day."""
    mondays = account(replace(SETTINGS, cadence=Cadence(weekdays=(1,))))
    monday = made(mondays, date(2026, 11, 23))

    assert () == made(mondays).slots
    assert () == made(mondays, date(2026, 11, 24)).slots
    assert {"morning": 2, "noon": 2, "late": 2} == in_windows(monday)
    late = [slot for slot in monday.slots if slot.window == "late"]
    assert datetime(2026, 11, 24, 1, 0, tzinfo=UTC) == late[0].closes_at


@pytest.mark.parametrize(("most", "expected"), [(0, 0), (1, 1), (5, 5), (None, 6), (9, 6)])
def test_posts_of_a_day_are_bounded(most: int | None, expected: int) -> None:
    """`max_per_day` holds across all windows; without it the windows' quotas do."""
    assert expected == len(made(account(replace(SETTINGS, max_per_day=most))).slots)


@pytest.mark.parametrize(
    ("span", "gap", "posts", "expected"),
    [
        (("09:00", "09:01"), 60, 3, 1),
        (("09:00", "10:00"), 60, 3, 1),
        (("09:00", "10:01"), 60, 3, 2),
        (("09:00", "11:01"), 60, 3, 3),
        (("09:00", "09:02"), 0, 3, 2),
        (("09:00", "09:02"), 1, 3, 2),
        (("09:00", "09:00"), 1, 30, 30),
    ],
)
def test_window_holds_as_many_as_its_gap_allows(span: tuple[str, str], gap: int, posts: int, expected: int) -> None:
    """A window that is too short for its quota gets as many as fit, a minute or the gap apart."""
    settings = replace(
        SETTINGS, schedule=Schedule(windows={"w": span}), minimum_gap_minutes=gap, max_per_window=PerKind(post=posts)
    )
    plan = made(account(settings))

    assert expected == len(plan.slots)
    assert max(gap, 1) <= apart(plan.slots)


def test_neighbouring_windows_keep_the_gap_or_say_so() -> None:
    """What two touching windows cannot hold at the gap is left out by name."""
    windows = {"a": ("09:00", "09:10"), "b": ("09:10", "09:20")}
    plan = made(account(replace(SETTINGS, schedule=Schedule(windows=windows), max_per_window=PerKind(post=1))))

    assert {"a": 1} == in_windows(plan)
    assert 1 == len(plan.left_out)
    assert "b: no room for" in plan.left_out[0]
    assert "at 45 minutes from the other posts" in plan.left_out[0]


# ----------------------------------------------------------------------------------------- what is there already


def test_gap_holds_towards_yesterday_s_window_past_midnight() -> None:
    """A slot of yesterday's late window keeps today's first slots away."""
    settings = replace(
        SETTINGS,
        schedule=Schedule(windows={"late": ("23:00", "02:00"), "early": ("02:00", "03:00")}),
        max_per_window=PerKind(post=1),
    )
    yesterday = made(account(settings), DAY - timedelta(days=1))
    late = next(slot for slot in yesterday.slots if slot.window == "late")
    at_the_end = marked(yesterday, late.key, due_at=late.closes_at - timedelta(minutes=1))
    skipped = marked(at_the_end, late.key, skipped=True, note="skipped")
    today = made(saved(account(settings), at_the_end))
    early = next(slot for slot in today.slots if slot.window == "early")

    assert timedelta(minutes=44) <= early.due_at - late.closes_at
    free = {
        next(slot for slot in made(replace(of, account=f"a{n}")).slots if slot.window == "early").due_at
        for n in range(9)
        for of in (saved(account(settings), skipped),)
    }
    assert min(free) < late.closes_at + timedelta(minutes=44)


def test_gap_holds_towards_posts_by_hand() -> None:
    """Slots keep away from posts that are on the timeline already, before and after them."""
    morning = replace(SETTINGS, schedule=Schedule(windows={"morning": ("09:00", "12:00")}))
    at = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)  # 10:30 in Berlin
    known = Timeline(latest=(PostMark(id="1", posted_at=at, by_hand=True),))
    seen = set()
    for number in range(40):
        plan = made(replace(account(morning, timeline=known), account=f"a{number}"))
        assert 2 == len(plan.slots)
        assert all(timedelta(minutes=45) <= abs(slot.due_at - at) for slot in plan.slots)
        seen |= {slot.due_at < at for slot in plan.slots}

    assert {True, False} == seen


def test_taken_and_changed_slots_stay_as_they_are() -> None:
    """When the owner changes the settings at noon, slots handed out and slots that were moved stay; the rest is new."""
    plan = made(account())
    taken, moved = plan.slots[0], plan.slots[3]
    kept = marked(marked(plan, taken.key, taken=True), moved.key, note="moved by the owner")
    changed = replace(SETTINGS, topics=("bread",), minimum_gap_minutes=30)
    after = made(saved(account(changed), kept))

    assert [replace(taken, taken=True), replace(moved, note="moved by the owner")] == [
        slot for slot in after.slots if slot.taken or slot.note
    ]
    assert {"bread"} == {slot.arm.topic for slot in after.slots if slot.arm and not (slot.taken or slot.note)}
    assert {"morning": 2, "noon": 2, "late": 2} == in_windows(after)
    assert 6 == len({slot.key for slot in after.slots})
    assert 30 <= apart(after.slots)


def test_quota_counts_what_was_handed_out() -> None:
    """Lowered quotas count slots that are taken or skipped: a window that is full gets no more, the day neither."""
    plan = made(account())
    kept = marked(plan, plan.slots[0].key, plan.slots[1].key, plan.slots[2].key, taken=True)
    skipped = marked(kept, plan.slots[4].key, skipped=True, note="skipped by the owner")
    one = made(saved(account(replace(SETTINGS, max_per_window=PerKind(post=1))), skipped))
    four = made(saved(account(replace(SETTINGS, max_per_day=5)), skipped))

    assert {"morning": 2, "noon": 1, "late": 1} == in_windows(one)
    assert 5 == len(four.slots)
    assert 0 == len([slot for slot in one.slots if not (slot.taken or slot.skipped)])


def test_window_that_is_gone_keeps_its_slots_and_gives_no_key_again() -> None:
    """A removed window's taken slot stays and counts for the day; a key in use is never given to another post."""
    plan = made(account())
    kept = marked(plan, plan.slots[1].key, taken=True)
    changed = replace(
        SETTINGS, schedule=Schedule(windows={"morning": ("06:00", "09:00")}), max_per_window=PerKind(post=3)
    )
    after = made(saved(account(changed), kept))

    assert ["post/2026-11-25/morning/1", "post/2026-11-25/morning/3", "post/2026-11-25/morning/2"] == [
        slot.key for slot in after.slots
    ]
    assert plan.slots[1].text == after.slots[2].text
    gone = replace(changed, schedule=Schedule(windows={"dusk": ("17:00", "19:00")}), max_per_day=2)
    assert {"morning": 1, "dusk": 1} == in_windows(made(saved(account(gone), kept)))


def test_changed_settings_change_the_basis_and_others_do_not() -> None:
    """What bears on a plan changes its basis; what does not, leaves a saved plan alone."""
    basis = day_plan.basis(SETTINGS, "digest")
    same = (replace(SETTINGS, operator="@me"), replace(SETTINGS, max_per_window=PerKind(post=2, like=9)))
    bearing = (
        {"timezone": "UTC"},
        {"topics": ("bread",)},
        {"schedule": Schedule(windows={"noon": ("12:00", "14:00")})},
        {"cadence": Cadence(weekdays=(1,))},
        {"max_per_window": PerKind(post=3)},
        {"max_per_day": 1},
        {"minimum_gap_minutes": 1},
        {"learning": LearningSettings(enabled=True)},
        {"similarity": Similarity(threshold=0.1)},
    )

    assert {basis} == {day_plan.basis(settings, "digest") for settings in same}
    assert basis not in {day_plan.basis(replace(SETTINGS, **change), "digest") for change in bearing}
    assert basis != day_plan.basis(SETTINGS, "other")


# ------------------------------------------------------------------------------------------------------- texts


def test_no_two_slots_take_texts_too_much_alike() -> None:
    """Within a plan, and towards the remembered texts, the guard's threshold is kept."""
    recent = (similarity.entry(TEXTS[0].variants[0], NOW - timedelta(days=1)),)
    plan = made(account(fingerprints=Fingerprints(entries=recent)))
    words = [slot.text for slot in plan.slots]

    assert TEXTS[0].variants[0] not in words
    assert all(similarity.jaccard(one, other) < 0.9 for one, other in combinations(words, 2))


def test_text_that_another_topic_has_too_is_taken_once() -> None:
    """Two topics whose next texts are alike: the second moves on when the first has taken its own."""
    twins = content.library_of(
        [
            Text(id="g", topic="gardening", variants=("Sow the rye in autumn and wait.",)),
            Text(id="b", topic="bread", variants=("Sow the rye in autumn, and wait!",)),
        ]
    )
    plan = made(account(), library=twins)

    assert 1 == len(plan.slots)
    assert "5 of the day's posts: no topic has a text for them" == plan.left_out[0]
    assert {f"{topic}: {day_plan.NO_TEXT}" for topic in ("gardening", "bread")} == set(plan.left_out[1:])


def test_topic_without_texts_says_so() -> None:
    """A topic that no file has a text for is left out with the reason."""
    plan = made(account(), library={"gardening": LIBRARY["gardening"]})

    assert {"gardening"} == {slot.arm.topic for slot in plan.slots if slot.arm}
    assert ("bread: it has no texts",) == plan.left_out


def test_library_without_any_text_plans_nothing_and_says_so() -> None:
    """An empty library leaves the day empty, with a reason for each topic."""
    plan = made(account(), library={})

    assert ((), "6 of the day's posts: no topic has a text for them") == (plan.slots, plan.left_out[0])
    assert 3 == len(plan.left_out)


def test_texts_that_are_promised_are_not_planned_again() -> None:
    """A text that waits in a moved slot, in yesterday's open window or in the ledger is taken by no new slot."""
    only = account(replace(SETTINGS, topics=("bread",)))
    plan = made(only)
    pinned = marked(plan, plan.slots[0].key, note="pinned by the owner", text=TEXTS[-1].variants[0])
    after = made(saved(account(replace(SETTINGS, topics=("bread",), minimum_gap_minutes=44)), pinned))
    yesterday = made(only, DAY - timedelta(days=1))
    late = [slot for slot in yesterday.slots if slot.window == "late"]
    open_at_night = marked(yesterday, *(slot.key for slot in late), closes_at=NOW + timedelta(days=1))
    waiting = Action(
        key="post/2026-11-24/late/1",
        kind=Kind.POST,
        state=State.PLANNED,
        created_at=NOW,
        updated_at=NOW,
        due_at=NOW,
        closes_at=NOW + timedelta(days=1),
        text=plan.slots[0].text,
    )

    assert 1 == [slot.text for slot in after.slots].count(TEXTS[-1].variants[0])
    assert not {slot.text for slot in late} & {slot.text for slot in made(saved(only, open_at_night)).slots}
    assert {slot.text for slot in late} & {slot.text for slot in made(saved(only, yesterday)).slots}
    assert waiting.text not in {slot.text for slot in made(replace(only, actions={waiting.key: waiting})).slots}


def test_every_planned_slot_is_admitted_at_its_time() -> None:
    """What a plan promises passes the gates, slot after slot: the dry run foretells what the live one does."""
    now = account()
    plan = made(now)
    now = saved(now, plan)
    for slot in plan.slots:
        action = Action(
            key=slot.key,
            kind=Kind.POST,
            state=State.PLANNED,
            created_at=slot.due_at,
            updated_at=slot.due_at,
            due_at=slot.due_at,
            closes_at=slot.closes_at,
            window=slot.window,
            text=slot.text,
        )
        decision = admit(now, action, slot.due_at, slot.key)
        assert isinstance(decision, Admitted), decision
        now = decision.snapshot

    assert all(slot.taken for slot in now.plans[NAME].slots)


@pytest.mark.parametrize(("end", "posts", "expected"), [("10:00", 1, 54), ("09:06", 1, 6), ("10:01", 2, 61)])
def test_last_minutes_of_a_window_are_used_only_where_they_are_needed(end: str, posts: int, expected: int) -> None:
    """A writer that ticks every five minutes reaches every slot, unless the window is too short for its posts."""
    settings = replace(
        SETTINGS,
        schedule=Schedule(windows={"w": ("09:00", end)}),
        max_per_window=PerKind(post=posts),
        minimum_gap_minutes=60,
    )
    last = [
        max(slot.due_at - slot.opens_at for slot in made(replace(account(settings), account=f"a{n}")).slots)
        for n in range(60)
    ]

    assert timedelta(minutes=expected) > max(last)
    assert posts == len(made(account(settings)).slots)


@pytest.mark.parametrize("known", [None, learning_state.fresh(day_plan.LANDMARK, 7.0)])
def test_a_day_in_2100_is_planned(known: Statistics | None) -> None:
    """With the shortest half-life, a new account and one that slept since 2026 get their plan, and its replay."""
    settings = replace(SETTINGS, learning=LearningSettings(half_life_days=7.0))
    planned = day_plan.build(replace(account(settings), learning=known), LIBRARY, date(2100, 6, 1), "digest")

    assert 6 == len(planned.plan.slots)
    arms = [learning_state.arm_of(key) for key in planned.arms]
    assert planned.decisions[0] == bandit.replayed(planned.decisions[0], planned.statistics, arms)


# ------------------------------------------------------------------------------------------------------- media


def pictured(texts: Iterable[Text]) -> tuple[Text, ...]:
    """The same texts, each with a picture."""
    return tuple(replace(text, media=(Media(path=f"{text.id}.png", alt_text=f"Of {text.id}."),)) for text in texts)


def learned() -> Statistics:
    """What a year of texts without media has told, of a topic that is gone too."""
    draws = random.Random(5)
    known = learning_state.fresh(day_plan.LANDMARK)
    for number in range(200):
        arm = Arm(draws.choice(("gardening", "bread", "gone")), draws.choice(("morning", "noon", "late")))
        earned = reward_from(draws.randrange(20), draws.randrange(100, 3000))
        known = learning_state.observe(known, arm, earned, day_plan.LANDMARK + timedelta(hours=36 * number))
    return known


LEARNING = replace(SETTINGS, learning=LearningSettings())
ONE_LOAF = content.library_of([*LIBRARY["gardening"], Text(id="b", topic="bread", variants=("One loaf and no more.",))])


@pytest.mark.parametrize(
    ("settings", "library", "expected"),
    [
        (LEARNING, LIBRARY, "fb40c93a3a5ff747"),
        (replace(LEARNING, max_per_day=4), LIBRARY, "2cdfc0cf65a24f28"),
        (replace(LEARNING, max_per_day=4), ONE_LOAF, "3759eb94da0ee2da"),
        (LEARNING, {"bread": LIBRARY["bread"]}, "4c0b36c890ca57c1"),
        (SETTINGS, ONE_LOAF, "5befc64bd8dabdaf"),
    ],
)
def test_plans_without_media_are_what_they_were_before_media(
    settings: Settings, library: Library, expected: str
) -> None:
    """Where no text has media, decisions, texts and reasons are those of the version without media, byte for byte."""
    planned = day_plan.build(replace(account(settings), learning=learned()), library, DAY, "digest")
    ordered = sorted(planned.plan.slots, key=lambda slot: slot.key)
    slots = [(s.key, str(s.arm), s.content_id, s.variant, s.text) for s in ordered]
    body = [*(documents.encode(one) for one in planned.decisions), slots, planned.plan.left_out]

    assert expected == hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def test_media_are_a_factor_of_the_choice() -> None:
    """A topic with both kinds of texts is two candidates a window; each slot says the same text and arm, with media."""
    both = content.library_of([*LIBRARY["gardening"], *LIBRARY["bread"][:8], *pictured(LIBRARY["bread"][8:])])
    planned = day_plan.build(replace(account(LEARNING), learning=learned()), both, DAY, "digest")
    texts = {text.id: text for found in both.values() for text in found}

    assert {"bread|morning|0", "bread|morning|1", "gardening|morning|0"} == set(planned.decisions[0].candidates)
    assert {False, True} == {slot.arm.media for slot in planned.plan.slots if slot.arm}
    for slot in planned.plan.slots:
        assert slot.arm is not None
        assert texts[slot.content_id].media == slot.media
        assert slot.arm.media == bool(slot.media)
        assert slot.arm.topic == texts[slot.content_id].topic


def test_each_topic_and_kind_runs_out_by_itself() -> None:
    """When the one pictured text is taken, its arms are left out by name and the topic goes on without pictures."""
    one = content.library_of([*LIBRARY["bread"][1:], *pictured(LIBRARY["bread"][:1])])
    settings = replace(SETTINGS, topics=("bread",), max_per_window=PerKind(post=4), minimum_gap_minutes=15)
    planned = day_plan.build(account(settings), one, DAY, "digest")
    last = planned.decisions[-1]

    assert [True] == [slot.arm.media for slot in planned.plan.slots if slot.arm and slot.arm.media]
    assert 12 == len(planned.plan.slots)
    assert ("bread|morning|1", day_plan.NO_TEXT) not in planned.decisions[0].left_out
    assert (f"bread|{last.arm.window}|1", day_plan.NO_TEXT) in last.left_out
    assert (f"bread with media: {day_plan.NO_TEXT}",) == planned.plan.left_out


def test_media_that_admission_would_refuse_are_no_candidates() -> None:
    """With `allow_media` off no arm has media; a topic of nothing else is left out, with admission's own words."""
    off = replace(SETTINGS, feature_flags=FeatureFlags(allow_media=Flag.OFF))
    mixed = content.library_of([*LIBRARY["gardening"], *pictured(LIBRARY["bread"])])
    planned = day_plan.build(account(off), mixed, DAY, "digest")

    assert {"gardening"} == {slot.arm.topic for slot in planned.plan.slots if slot.arm}
    assert ("bread with media: media are off",) == planned.plan.left_out
    assert all(not key.endswith("|1") for decision in planned.decisions for key in decision.candidates)
    assert ("bread|morning|1", "media are off") in planned.decisions[0].left_out
    assert {"gardening", "bread"} == {slot.arm.topic for slot in made(account(), library=mixed).slots if slot.arm}


@pytest.mark.parametrize("most", [None, 3])
def test_choices_with_media_are_replayed(most: int | None) -> None:
    """A day's decisions follow again from what they stored: the arms of all of them, candidates or left out."""
    mixed = content.library_of([*TEXTS[:10], *pictured(TEXTS[10:])])
    settings = replace(LEARNING, max_per_day=most)
    planned = day_plan.build(replace(account(settings), learning=learned()), mixed, DAY, "digest")
    known = {key for one in planned.decisions for key in (*one.candidates, *dict(one.left_out))}
    arms = [learning_state.arm_of(key) for key in sorted(known)]

    assert {"0", "1"} == {key[-1] for key in known}
    for decision in planned.decisions:
        assert decision == bandit.replayed(decision, planned.statistics, arms)
        assert bandit.WHOLE == sum(decision.probabilities)


# ------------------------------------------------------------------------------------------------------- minutes


def test_every_placement_is_as_likely_as_any_other() -> None:
    """Going through the whole unit interval in even steps hits every way to place two posts equally often."""
    free = [0, 1, 2, 5, 6, 9]
    ways = [pair for pair in combinations(free, 2) if pair[1] - pair[0] >= 2]
    steps = 100 * len(ways)
    drawn = Counter(tuple(day_plan._drawn(free, 2, 2, (step + 0.5) / steps)) for step in range(steps))

    assert dict.fromkeys(ways, 100) == drawn


@given(
    free=st.sets(st.integers(0, 200), max_size=40),
    most=st.integers(0, 8),
    gap=st.integers(1, 60),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_drawn_minutes_are_free_apart_and_as_many_as_fit(free: set[int], most: int, gap: int, uniform: float) -> None:
    """A draw takes free minutes only, keeps the gap, and leaves out a post only where no placement holds it."""
    minutes = day_plan._drawn(sorted(free), most, gap, uniform)
    fit, last = 0, -gap
    for minute in sorted(free):
        if minute >= last + gap:
            fit, last = fit + 1, minute

    assert set(minutes) <= free
    assert all(later - sooner >= gap for sooner, later in pairwise(minutes))
    assert min(most, fit) == len(minutes)


ODD_ZONES = ("Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Africa/Cairo", "America/Havana", "Asia/Gaza")
CLOCK = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))


@given(
    zone=st.sampled_from(ODD_ZONES),
    day=st.dates(date(2009, 1, 1), date(2027, 12, 31)),
    spans=st.lists(st.tuples(CLOCK, CLOCK), min_size=1, max_size=3),
    gap=st.integers(0, 300),
    quota=st.integers(0, 3),
    by_hand=st.lists(st.integers(-120, 1560), max_size=3),
)
@profile(max_examples=60)
def test_plan_holds_in_odd_zones(
    zone: str, day: date, spans: list[tuple[str, str]], gap: int, quota: int, by_hand: list[int]
) -> None:
    """In every zone, on every day, with windows of any shape: inside the windows, apart, unique, within the quotas."""
    assume(all(start != end for start, end in spans))
    settings = replace(
        SETTINGS,
        timezone=zone,
        schedule=Schedule(windows={f"w{number}": span for number, span in enumerate(spans)}),
        max_per_window=PerKind(post=quota),
        minimum_gap_minutes=gap,
    )
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    marks = tuple(PostMark(id=str(n), posted_at=midnight + timedelta(minutes=m)) for n, m in enumerate(by_hand))
    plan = made(account(settings, timeline=Timeline(latest=marks)), day)

    assert all(slot.opens_at <= slot.due_at < slot.closes_at for slot in plan.slots)
    assert all(count <= quota for count in in_windows(plan).values())
    assert len(plan.slots) == len({slot.key for slot in plan.slots})
    assert gap <= apart(plan.slots)
    assert all(abs(slot.due_at - mark.posted_at) >= timedelta(minutes=gap) for slot in plan.slots for mark in marks)
