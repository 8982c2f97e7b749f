from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.core import similarity
from tests.unit.core.post_pairs import DISTINCT, REWORDINGS, VARIANTS

NOW = datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC)
THRESHOLD = 0.5
"""What docs/decisions/0032 proposes."""


def alike(one: str, other: str) -> float:
    """The similarity of a text to another one's entry."""
    near = similarity.nearest(one, [similarity.entry(other, NOW)])
    assert near is not None
    return near.similarity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop!  https://x.com/a?b=c @bob\n#Bread 🎉", "dont stop bread"),
        ("Don\u2019t stop at x.ai or foo.py", "dont stop at or"),
        ("𝐁𝐨𝐥𝐝 ｆｕｌｌ ﬁne", "bold full fine"),  # noqa: RUF001 - compatibility forms are the case
        ("Z\u0337\u0322a\u0338l\u0335g\u0301o caf\u00e9 cafe\u0301", "zalgo cafe cafe"),
        ("so\u200bft\u00adhy\u2060phen\u202e", "softhyphen"),
        ("Неllо wоrld, привет", "hello world привет"),  # noqa: RUF001 - the lookalikes are the case
        ("ёж", "еж"),
        ("مَرْحَبًا بك", "مرحبا بك"),
        ("नमस्ते दुनिया", "नमस्ते दुनिया"),
        ("ที่นี่", "ที่นี่"),
        ("がっこう、한국어。", "がっこう 한국어"),
        ("1\ufe0f\u20e3 ♥\ufe0f two", "1 two"),
        ("Straße STRASSE", "strasse strasse"),
        ("🎉\ufe0f 🎊!", "🎉 🎊!"),
        ("https://example.com/x", "https://example.com/x"),
        ("", ""),
    ],
)
def test_normalised_text_is_what_a_reader_compares(text: str, expected: str) -> None:
    """Dress goes out of a text, letters of every script stay; one without letters keeps what it has."""
    assert expected == similarity.normalise(text)


def test_variants_are_caught_and_distinct_posts_pass() -> None:
    """At the proposed threshold every variant is refused and every other post passes; of rewordings most are seen."""
    caught = [pair for pair in VARIANTS if alike(*pair) >= THRESHOLD]
    refused = [pair for pair in DISTINCT if alike(*pair) >= THRESHOLD]
    seen = [pair for pair in REWORDINGS if alike(*pair) >= THRESHOLD]

    assert VARIANTS == caught
    assert [] == refused
    assert (4, 5) == (len(seen), len(REWORDINGS))


def test_there_is_room_on_both_sides_of_the_threshold() -> None:
    """The nearest variant and the farthest other post lie a tenth away: two standard deviations of the estimate."""
    assert THRESHOLD + 0.1 <= min(alike(*pair) for pair in VARIANTS)
    assert max(alike(*pair) for pair in DISTINCT) <= THRESHOLD - 0.1


def test_estimate_stays_near_the_true_similarity() -> None:
    """Over all pairs of the examples the estimate misses the Jaccard similarity by .15 at most and .03 on average."""
    texts = sorted({text for pair in [*VARIANTS, *REWORDINGS, *DISTINCT] for text in pair})
    misses = [abs(alike(a, b) - similarity.jaccard(a, b)) for a, b in combinations(texts, 2)]

    assert max(misses) <= 0.15
    assert sum(misses) / len(misses) <= 0.03


def test_entries_are_the_same_everywhere() -> None:
    """An entry is a fixed function of text and time: these were written on CPython 3.11 and read on 3.13."""
    assert [
        "0f-i0MuU0nuZNNPgAMAAACMAAAAAhCAAAAAAAAAABAAAAAAMwAAwAAEAAA",
        "0f-i0MYp2mPfD7iQAABAAAAgAAAAAAAAAAAAAAAEAAAAAAAAAAAAQIAAAA",
        "0f-i0M47DEQpj8HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMAAAAAAAAAAA",
    ] == [similarity.entry(text, NOW) for text in ("Hello, world!", "今日のパン 🍞", "")]


def test_bands_are_the_same_everywhere() -> None:
    """Bands are a fixed function of the text too."""
    assert "0.c24dfe22f9cc9785" == similarity.bands("Hello, world!")[0]


@given(text=st.text(max_size=400))
def test_every_text_has_a_mark(text: str) -> None:
    """Any text makes an entry of 58 plain characters, at most 64 in JSON with its comma, and is its own repeat."""
    entry = similarity.entry(text, NOW)

    assert (58, 60) == (len(entry), len(json.dumps(entry)))
    assert alike(text, text) == 1.0
    assert similarity.BANDS == len(set(similarity.bands(text)))


@given(one=st.text(max_size=300), other=st.text(max_size=300))
def test_similarity_is_symmetric_and_bounded(one: str, other: str) -> None:
    """Either text may be the stored one, and the similarity lies between none and all."""
    assert alike(one, other) == alike(other, one)
    assert 0.0 <= alike(one, other) <= 1.0


@given(at=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_entry_tells_its_time(at: datetime) -> None:
    """The time of posting comes back to the second."""
    assert at.replace(microsecond=0) == similarity.posted_at(similarity.entry("x", at))


@given(
    first=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    gap=st.integers(1, 10**9),
)
def test_entries_sort_by_time(first: datetime, gap: int) -> None:
    """Entries compare as strings like the seconds at which they were posted."""
    later = first + timedelta(seconds=gap)

    assert similarity.entry("b", first) < similarity.entry("a", later)


def test_only_entries_of_the_window_count() -> None:
    """`since` keeps what was posted at that instant or later, and `nearest` compares with no more."""
    text = "Let the loaf cool for an hour."
    old, edge, new = (similarity.entry(text, NOW - timedelta(days=days)) for days in (31, 30, 1))
    start = NOW - timedelta(days=30)

    assert (edge, new) == similarity.since([old, edge, new], start)
    assert similarity.nearest(text, [old], since=start) is None
    near = similarity.nearest(text, [old, edge], since=start)
    assert (1.0, start, edge) == (near and near.similarity, near and near.posted_at, near and near.entry)


def test_the_newest_of_equals_is_named() -> None:
    """Of entries that are equally alike the newest is named, whatever their order."""
    text = "Let the loaf cool for an hour."
    entries = [similarity.entry(text, NOW - timedelta(days=days)) for days in (3, 1, 2)]
    near = similarity.nearest(text, entries)

    assert entries[1] == (near and near.entry)


def test_nothing_to_compare_with() -> None:
    """Without entries there is no nearest one."""
    assert similarity.nearest("x", []) is None


def test_very_short_texts_are_compared_as_they_are() -> None:
    """`gm` and `gn` are different posts, `gm` and `GM!` the same."""
    assert (0.0, 1.0) == (alike("gm", "gn"), alike("gm", "GM!"))


def test_alike_texts_share_a_band() -> None:
    """All variants above .8 meet in a band; among other posts hardly any do (0.5 % of pairs at most)."""
    close = [pair for pair in VARIANTS if similarity.jaccard(*pair) >= 0.8]
    keys = [set(similarity.bands(text)) for text in sorted({pair[1] for pair in DISTINCT})]
    strangers = [bool(a & b) for a, b in combinations(keys, 2)]

    assert all(set(similarity.bands(a)) & set(similarity.bands(b)) for a, b in close)
    assert sum(strangers) <= len(strangers) // 200


def test_bad_entries_and_naive_times_are_named() -> None:
    """What is no entry, and a time without a zone, are refused with what was given."""
    with pytest.raises(ValueError, match="'short' is no fingerprint of 58 characters"):
        similarity.posted_at("short")
    with pytest.raises(ValueError, match="naive"):
        similarity.entry("x", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the case


@given(
    text=st.text("ab c1", max_size=60),
    others=st.lists(st.text("ab c1", max_size=60), max_size=6),
    threshold=st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0]),
)
def test_too_alike_says_what_the_nearest_entry_says(text: str, others: list[str], threshold: float) -> None:
    """The guard's quick answer is that of the nearest entry held against the threshold, for every text."""
    entries = [similarity.entry(other, NOW) for other in others]
    near = similarity.nearest(text, entries)

    assert (near is not None and near.similarity >= threshold) == similarity.too_alike(text, entries, threshold)


@given(
    text=st.text("ab c1é", max_size=60),
    others=st.lists(st.tuples(st.text("ab c1é", max_size=60), st.integers(0, 4)), max_size=12),
    threshold=st.sampled_from([0.01, 0.3, 0.49, 0.5, 0.51, 0.9, 1.0]),
)
def test_arranged_entries_say_what_entries_one_by_one_say(
    text: str, others: list[tuple[str, int]], threshold: float
) -> None:
    """The comparison with all entries at once has the verdict of the comparisons one by one, since any time."""
    entries = [similarity.entry(other, NOW - timedelta(days=days)) for other, days in others]
    arranged = similarity.Remembered(entries, threshold)
    for since in (NOW - timedelta(days=days) for days in (5, 2, 0, -1)):
        one_by_one = similarity.too_alike(text, similarity.since(entries, since), threshold)
        assert one_by_one == arranged.too_alike(text, since)


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5, 0.65, 0.8])
def test_arranged_entries_miss_none_at_the_edge(threshold: float) -> None:
    """Among texts and what is left of them, many pairs lie close to every threshold: the verdicts are the same."""
    draws = random.Random(7)
    words = ["rye", "water", "leeks", "frost", "oven", "crumb", "mulch", "rain", "heap", "spade"]
    said = [draws.choices(words, k=draws.randrange(4, 14)) for _ in range(100)]
    cut = [sentence[: draws.randrange(1, len(sentence) + 1)] + draws.choices(words, k=2) for sentence in said]
    close = 0
    for entry in (similarity.entry(" ".join(sentence), NOW) for sentence in said):
        arranged = similarity.Remembered([entry], threshold)
        for text in map(" ".join, cut):
            near = similarity.nearest(text, [entry])
            assert near is not None
            assert (near.similarity >= threshold) == arranged.too_alike(text, NOW)
            close += abs(near.similarity - threshold) < 0.05
    assert close > 15
