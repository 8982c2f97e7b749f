"""A topic's texts run out: told a week before, by what the guard will let through and what is posted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from songpost.account_documents import Fingerprints
from songpost.core import day_plan, similarity
from songpost.core.depletion import Depletion, posts_a_day, running_dry
from songpost.model import Media, Text
from songpost.settings import Cadence, FeatureFlags, Flag, Similarity
from tests.unit.core.test_day_plan import LIBRARY, SETTINGS, TEXTS, account

DAY = date(2026, 11, 25)
AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
BREAD = LIBRARY["bread"]
ONE = replace(SETTINGS, topics=("bread",), max_per_day=1)


def posted(texts: tuple[Text, ...], at: datetime) -> Fingerprints:
    """The fingerprints of texts that all went out at one time."""
    return Fingerprints(
        entries=tuple(similarity.entry(text.variants[0], at) for text in texts),
        used={f"{text.id}/0": at.date().isoformat() for text in texts},
    )


@pytest.mark.parametrize(("texts", "dry_on"), [(0, 26), (1, 27), (6, 32), (7, None), (15, None)])
def test_it_is_told_a_week_before(texts: int, dry_on: int | None) -> None:
    """At a post a day, seven texts are enough for today; six are told, with the day on which none is left."""
    found = running_dry(ONE, {"bread": BREAD[:texts]}, Fingerprints(), AT, DAY)

    if dry_on is None:
        assert () == found
    else:
        day = date(2026, 11, 1) + timedelta(days=dry_on - 1)
        assert (Depletion("bread", texts, 7, day),) == found


def test_texts_that_the_guard_holds_back_do_not_count() -> None:
    """Of fifteen texts ten were posted yesterday, or near twins stand among them: only the others are left."""
    recent = posted(tuple(BREAD[:10]), AT - timedelta(days=1))
    twins = [replace(BREAD[0], id=f"twin-{number}") for number in range(20)]

    assert [5] == [one.texts for one in running_dry(ONE, {"bread": BREAD}, recent, AT, DAY)]
    assert [1] == [one.texts for one in running_dry(ONE, {"bread": twins}, Fingerprints(), AT, DAY)]


def test_texts_that_come_back_within_the_week_count() -> None:
    """What was posted 25 days ago is let go within the week by a guard of 30 days, and after it by one of 40."""
    old = posted(tuple(BREAD), AT - timedelta(days=25))
    longer = replace(ONE, similarity=Similarity(threshold=0.9, window_days=40))

    assert () == running_dry(ONE, {"bread": BREAD}, old, AT, DAY)
    assert [0] == [one.texts for one in running_dry(longer, {"bread": BREAD}, old, AT, DAY)]


def test_a_guard_that_forgets_soon_needs_few_texts() -> None:
    """With a guard of two days two texts a post a day last for ever; one does not."""
    short = replace(ONE, similarity=Similarity(threshold=0.9, window_days=2))

    assert () == running_dry(short, {"bread": BREAD[:2]}, Fingerprints(), AT, DAY)
    assert [1] == [one.texts for one in running_dry(short, {"bread": BREAD[:1]}, Fingerprints(), AT, DAY)]


def test_what_a_topic_takes_is_what_it_took() -> None:
    """After a week the topic's own posts are counted; before, its even share of the days on which there are posts."""
    used = {f"{text.id}/0": f"2026-11-{day}" for text, day in zip(BREAD, ("18", "19", "24", "25"), strict=False)}
    young = {name: on for name, on in used.items() if on > "2026-11-18"}
    three = replace(SETTINGS, max_per_day=3, cadence=Cadence(weekdays=(1, 2)))

    assert 3 / 7 == posts_a_day(SETTINGS, BREAD, 2, used, DAY)
    assert 0 == posts_a_day(SETTINGS, LIBRARY["gardening"], 2, used, DAY)
    assert 3 == posts_a_day(replace(SETTINGS, max_per_day=6), BREAD, 2, young, DAY)
    assert 3 * 2 / 7 / 2 == posts_a_day(three, BREAD, 2, {}, DAY)


def test_a_plan_says_what_runs_dry_after_it() -> None:
    """The day's own texts are taken first; media that may not be posted are no texts; the line says what to do."""
    pictured = tuple(replace(text, media=(Media(path="a", alt_text="b"),)) for text in TEXTS)
    library = {"bread": [text for text in pictured if text.topic == "bread"], "gardening": LIBRARY["gardening"]}
    three = replace(SETTINGS, max_per_day=2)
    off = replace(three, feature_flags=FeatureFlags(allow_media=Flag.OFF))

    assert () == day_plan.build(account(three), library, DAY, "").plan.running_dry
    assert ("bread: 0 texts left for about 7 posts a week, none from 2026-11-26 on: write more",) == (
        day_plan.build(account(off), library, DAY, "").plan.running_dry
    )
    assert ("bread: 6 texts left for about 7 posts a week, none from 2026-12-02 on: write more",) == (
        day_plan.build(account(replace(ONE, max_per_day=1)), {"bread": BREAD[:7]}, DAY, "").plan.running_dry
    )
    never = replace(ONE, cadence=Cadence(weekdays=(1,)))
    assert () == day_plan.build(account(never), {"bread": BREAD[:1]}, DAY, "").plan.running_dry
