from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from songpost.account_documents import Fingerprints
from songpost.core import content, similarity
from songpost.model import Media, Text
from songpost.settings import Similarity
from tests.unit.core.cases import NOW

RULE = Similarity(threshold=0.5, window_days=30)
RYE = Text(id="rye", topic="bread", variants=("Rye wants more water than you think.", "Give rye a wetter dough."))
LOAF = Text(id="loaf", topic="bread", variants=("A loaf is done at 96 degrees inside.",))
LEEK = Text(id="leek", topic="gardening", variants=("Leeks do not mind frost.",))


def order(*texts: Text, **used: str) -> list[str]:
    """The wordings in the order in which they come, as `id/variant`."""
    marks = {name.replace("_", "/"): day for name, day in used.items()}
    return [f"{choice.text.id}/{choice.variant}" for choice in content.in_order(texts, marks)]


def test_library_keeps_topics_apart_and_texts_in_order() -> None:
    """Texts are sorted by topic, in the order in which they come."""
    assert {"bread": [RYE, LOAF], "gardening": [LEEK]} == content.library_of([RYE, LEEK, LOAF])


def test_least_recently_used_goes_first() -> None:
    """A text that was never used comes first, then the one used longest ago; ties fall to the order of the file."""
    assert ["rye/0", "rye/1", "loaf/0"] == order(RYE, LOAF)
    assert ["loaf/0", "rye/1", "rye/0"] == order(RYE, LOAF, rye_0="2026-11-01")
    assert ["rye/1", "rye/0", "loaf/0"] == order(RYE, LOAF, rye_0="2026-11-01", loaf_0="2026-11-02")
    assert ["loaf/0", "rye/0", "rye/1"] == order(RYE, LOAF, rye_0="2026-10-01", rye_1="2026-11-03", loaf_0="2026-11-02")


def test_texts_and_their_wordings_take_turns() -> None:
    """Texts take turns, and so do the wordings of a text."""
    known = Fingerprints()
    taken = []
    for month in range(6):
        at = NOW + timedelta(days=31 * month)
        choice = content.choose([RYE, LOAF], known, RULE, at)
        assert choice is not None
        taken.append(choice.words)
        known = content.taken(known, choice, at)

    rye, loaf = RYE.variants, LOAF.variants[0]
    assert [rye[0], loaf, rye[1], loaf, rye[0], loaf] == taken


def test_no_choice_that_the_duplicate_guard_would_refuse() -> None:
    """A wording too much like a remembered text is passed over, until the guard forgets it."""
    at = NOW - timedelta(days=30)
    known = Fingerprints(entries=(similarity.entry("Rye wants more water than you'd think!", at),))
    alone = replace(RYE, variants=RYE.variants[:1])
    second = content.choose([RYE], known, RULE, NOW)

    assert 1 == (second and second.variant)
    assert content.choose([alone], known, RULE, NOW) is None
    assert content.choose([alone], known, RULE, NOW + timedelta(seconds=1)) is not None
    assert content.choose([], known, RULE, NOW) is None


def test_threshold_itself_is_too_much() -> None:
    """An exact repeat is as alike as it gets, and a threshold of 1 still refuses it, and nothing else."""
    known = Fingerprints(entries=(similarity.entry(RYE.variants[0], NOW),))
    choice = content.choose([RYE], known, replace(RULE, threshold=1.0), NOW)

    assert RYE.variants[1] == (choice and choice.words)


def test_taken_remembers_the_wording_and_the_day() -> None:
    """What goes out is remembered by its words, and by the UTC date on which its wording was used."""
    known = content.taken(Fingerprints(), content.Choice(RYE, 1), NOW)

    assert {"rye/1": "2026-11-25"} == dict(known.used)
    near = similarity.nearest(RYE.variants[1], known.entries)
    assert (1.0, NOW) == (near and near.similarity, near and near.posted_at)


@pytest.mark.parametrize(
    "other",
    [
        {"bread": [RYE]},
        {"bread": [LOAF, RYE], "gardening": [LEEK]},
        {"bread": [replace(RYE, id="rye-2"), LOAF], "gardening": [LEEK]},
        {"bread": [replace(RYE, variants=RYE.variants[::-1]), LOAF], "gardening": [LEEK]},
        {"bread": [replace(RYE, media=(Media(path="a.png", alt_text="A loaf."),)), LOAF], "gardening": [LEEK]},
        {"bread": [RYE, LOAF, LEEK]},
        {},
    ],
)
def test_digest_tells_libraries_apart(other: content.Library) -> None:
    """Any change of a text, its order, wording, picture or topic gives another digest; the order of topics does not."""
    library = {"bread": [RYE, LOAF], "gardening": [LEEK]}

    assert content.digest(library) != content.digest(other)
    assert content.digest(library) == content.digest(dict(reversed(library.items())))
    assert 12 == len(content.digest(other))
