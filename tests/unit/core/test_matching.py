from __future__ import annotations

import html
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.core import matching
from songpost.model import Action, Kind, Media, Post
from tests.unit.core.cases import NOW, WORDS, action, attempt

SHORT = "https://t.co/AbCd123456"
OTHER = "https://t.co/ZyXw987654"


def posted(words: str = WORDS, number: int = 100, **more: object) -> Post:
    """An own post as the timeline shows it, made just after the attempt."""
    return Post(id=str(number), text=words, created_at=NOW + timedelta(seconds=1), **more)  # type: ignore[arg-type]


def finds(words: str, shown: Post, kind: Kind = Kind.POST, target: str = "") -> bool:
    """Whether a text's attempt is found in a post."""
    wanted = replace(action(kind=kind, words=words), target_id=target)
    return matching.found(wanted, attempt(baseline="50"), [shown], ()) is not None


@pytest.mark.parametrize(
    ("sent", "shown", "urls"),
    [
        ("Rye & <oat>", "Rye &amp; &lt;oat&gt;", ()),
        ("Rye &amp; oat", "Rye &amp;amp; oat", ()),
        ("See https://example.com/a", f"See {SHORT}", ((SHORT, "https://example.com/a"),)),
        ("See example.com today", f"See {SHORT} today", ((SHORT, "http://example.com"),)),
        ("See https://example.com/", f"See {SHORT}", ((SHORT, "https://example.com"),)),
        ("See http://example.com", f"See {SHORT}", ((SHORT, "https://example.com/"),)),
        (
            "a.example.com and b.example.com",
            f"{SHORT} and {OTHER}",
            ((SHORT, "http://a.example.com"), (OTHER, "http://b.example.com")),
        ),
        (
            "Ask https://example.com/?a=1&copy=2&lt=3",
            f"Ask {SHORT}",
            ((SHORT, "https://example.com/?a=1&copy=2&lt=3"),),
        ),
        ("https://t.co/AbCd1234567 long", "https://t.co/AbCd1234567 long", ((SHORT, "https://example.com"),)),
        ("Link https://example.com/パン", f"Link {SHORT}", ((SHORT, "https://example.com/パン"),)),
        ("https://example.comは良い", f"{SHORT}は良い", ((SHORT, "https://example.com"),)),
        ("Cafe\u0301  au\nlait ", "Caf\u00e9 au lait", ()),
        ("Either and/or both / none", "Either and/or both / none", ()),
    ],
)
def test_text_is_known_again_as_x_shows_it(sent: str, shown: str, urls: tuple[tuple[str, str], ...]) -> None:
    """Entities, t.co links, forms of a link and white space do not hide a text that was sent."""
    assert finds(sent, posted(shown, urls=urls))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Rye wants water.", "Rye wants more water."),
        ("Rye wants water.", "rye wants water."),
        ("Rye wants water. Oat too.", "Rye wants water."),
        ("See https://example.com/a", "See https://example.com/b"),
        ("@miller thanks", "thanks"),
        ("Thanks", "@miller Thanks"),
    ],
)
def test_another_text_is_not_taken_for_it(sent: str, shown: str) -> None:
    """A post with other words, or other mentions of its own, is another post."""
    assert not finds(sent, posted(shown))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("It does.", "@alice It does."),
        ("It does.", "@alice @bob_2 It does."),
        ("@bob_2 It does.", "@alice @bob_2 It does."),
        ("@alice It does.", "@alice It does."),
        ("It does.", "It does."),
    ],
)
def test_reply_is_known_by_its_words_whatever_mentions_lead(sent: str, shown: str) -> None:
    """X puts the conversation's mentions before a reply; they are left out on both sides."""
    assert finds(sent, posted(shown, replied_to="7"), Kind.REPLY, "7")


def test_reply_to_another_post_is_another_reply() -> None:
    """The same words under another post, or by themselves, are not the reply; nor is a reply the post."""
    assert not finds("It does.", posted("It does.", replied_to="8"), Kind.REPLY, "7")
    assert not finds("It does.", posted("It does."), Kind.REPLY, "7")
    assert not finds("It does.", posted("It does.", replied_to="7"))


def test_media_link_at_the_end_is_x_s() -> None:
    """A picture's link at the end goes, with or without what it stands for; a post without a picture is another."""
    wanted = replace(action(), media=(Media(path="a.png", alt_text="A loaf."),))
    urls = ((SHORT, "https://x.com/songpost/status/100/photo/1"),)
    for shown in (
        posted(f"{WORDS} {SHORT}", media_keys=("3_1",), urls=urls),
        posted(f"{WORDS} {SHORT}", media_keys=("3_1",)),
    ):
        assert shown == matching.found(wanted, attempt(), [shown], ())
    assert matching.found(wanted, attempt(), [posted()], ()) is None
    assert not finds(WORDS, posted(f"{WORDS} {SHORT}", media_keys=("3_1",), urls=urls))


def test_own_link_before_a_picture_stays() -> None:
    """Of two links at the end only the picture's is X's."""
    wanted = replace(action(words="See https://example.com/a"), media=(Media(path="a.png", alt_text="A loaf."),))
    urls = ((SHORT, "https://example.com/a"), (OTHER, "https://x.com/songpost/status/100/photo/1"))
    shown = posted(f"See {SHORT} {OTHER}", media_keys=("3_1",), urls=urls)

    assert shown == matching.found(wanted, attempt(), [shown], ())


@pytest.mark.parametrize("expanded", ["https://twitter.com/a/status/9", "https://x.com/a/status/9?s=20"])
def test_quote_is_known_without_its_link(expanded: str) -> None:
    """The link to the quoted post at the end goes; the same words about another post are another quote."""
    shown = posted(f"{WORDS} {SHORT}", quoted="9", urls=((SHORT, expanded),))

    assert finds(WORDS, shown, Kind.QUOTE, "9")
    assert not finds(WORDS, shown, Kind.QUOTE, "10")
    assert not finds(WORDS, posted(), Kind.QUOTE, "9")


@pytest.mark.parametrize(
    "link", ["https://x.com/a/status/9", "twitter.com/a/status/9", "https://x.com/a/status/9?s=20"]
)
def test_post_that_links_to_a_post_is_known_though_x_calls_it_a_quote(link: str) -> None:
    """X makes a quote of a text that links to a post: it must be found, and never count as absent."""
    wanted = action(words=f"Worth a look {link}")
    shown = posted(f"Worth a look {SHORT}", quoted="9", urls=((SHORT, f"https://{link.removeprefix('https://')}"),))

    assert shown == matching.found(wanted, attempt(), [shown], ())
    garbled = replace(shown, text="something else")
    assert (garbled,) == matching.unaccounted(wanted, attempt(), [garbled], ())
    assert not finds("Worth a look", posted("Worth a look", quoted="9"))


def test_repost_is_never_it() -> None:
    """A repost shows another's words."""
    assert not finds(WORDS, posted(reposted="3"))
    assert () == matching.unaccounted(action(), attempt(), [posted(reposted="3")], ())


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("10", "9", True), ("9", "10", False), ("9", "9", False), ("1", "", True), ("", "", False), ("100", "99", True)],
)
def test_ids_compare_as_numbers(one: str, other: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """A longer id is newer, and none at all is the oldest."""
    assert expected == matching.is_newer(one, other)


def test_only_newer_posts_that_are_nobody_else_s() -> None:
    """The baseline and older posts, and those of other actions, are never found; of several the oldest is."""
    posts = [posted(number=number) for number in (103, 102, 101, 100, 99)]
    found = matching.found(action(), attempt(baseline="100"), posts, {"101"})

    assert "102" == (found and found.id)
    assert ["103", "102"] == [p.id for p in matching.unaccounted(action(), attempt(baseline="100"), posts, {"101"})]


def test_same_words_of_another_day_are_another_post() -> None:
    """A post that X dates before the attempt was not made by it, even where the baseline does not know it."""
    yesterday = replace(posted(), created_at=NOW - timedelta(days=1))
    skewed = replace(posted(), created_at=NOW - timedelta(seconds=120))

    assert matching.found(action(), attempt(), [yesterday], ()) is None
    assert skewed == matching.found(action(), attempt(), [skewed, yesterday], ())
    undated = replace(posted(), created_at=None)
    assert undated == matching.found(action(), attempt(), [undated], ())


WORDLIKE = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf"]), min_size=1)


@given(words=st.lists(WORDLIKE, min_size=1, max_size=8), link=st.booleans(), mentions=st.booleans())
def test_any_text_survives_what_x_does_to_it(words: list[str], link: bool, mentions: bool) -> None:  # noqa: FBT001
    """Whatever was sent is found again after X has escaped it, shortened its link, and put mentions before it."""
    base = " ".join(words)
    sent: Action = replace(
        action(kind=Kind.REPLY, words=f"{base} https://example.com/?a&amp=b" if link else base), target_id="7"
    )
    shown = html.escape(base, quote=False) + (f" {SHORT}" if link else "")
    shown = f"@alice {shown}" if mentions else shown
    post = posted(shown, replied_to="7", urls=((SHORT, "https://example.com/?a&amp=b"),) if link else ())

    assert post == matching.found(sent, attempt(), [post], ())
