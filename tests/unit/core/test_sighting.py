"""What a stranger's post is: a candidate, a wish to be left alone, or nothing; its words short and plain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Identity
from songpost.candidates import Candidate, OptOut, Source
from songpost.core.sighting import LeftOut, Place, allowed, barred, is_summons, opt_out_word, plain, sighted
from songpost.model import Kind, Post
from songpost.settings import (
    OPT_OUT_WORDS,
    Approval,
    Consent,
    FeatureFlags,
    Flag,
    PerKind,
    Plan,
    QueryAction,
    Settings,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ME = Identity(user_id="7", username="SongPost", credentials="", learned_at=NOW)
SETTINGS = Settings(topics=("bread",))
MENTION = Place(source=Source.MENTION, actions=(QueryAction.REPLY,))
SEARCH = Place(source=Source.SEARCH, actions=(QueryAction.REPLY, QueryAction.REPOST), query="rye")
POST = Post(id="9", text="@songpost hello", author_id="8", created_at=NOW - timedelta(hours=1), mentions=("songpost",))


def seen(post: Post, place: Place = MENTION, settings: Settings = SETTINGS) -> Candidate | OptOut | LeftOut:
    """What a post is at `NOW`."""
    return sighted(post, place, ME, frozenset({"100"}), settings, NOW)


@pytest.mark.parametrize(
    ("changes", "summons"),
    [
        ({}, True),
        ({"mentions": ("Songpost",)}, True),
        ({"mentions": ("songpost_fan",)}, False),
        ({"mentions": (), "quoted": "100"}, True),
        (
            {"mentions": (), "quoted": "99", "urls": (("https://t.co/a", "https://x.com/songpost/status/99?s=20"),)},
            True,
        ),
        ({"mentions": (), "quoted": "99", "urls": (("https://t.co/a", "https://x.com/other/status/99"),)}, False),
        ({"mentions": (), "urls": (("https://t.co/a", "https://x.com/songpost/status/99"),)}, False),
        ({"reposted": "100"}, False),
    ],
)
def test_a_summons_is_a_mention_or_a_quote_in_that_very_post(changes: dict[str, object], summons: bool) -> None:  # noqa: FBT001
    """By name whatever its case, by an own post's id, or by the link that stands for the quote."""
    assert summons == is_summons(replace(POST, **changes), ME, frozenset({"100"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("@songpost STOP!!", "stop"),
        ("please stop", "stop"),
        ("Stop replying to me, please", "stop"),
        ("@songpost Unsubscribe", "unsubscribe"),
        ("I said it before and I say it again: leave me alone", "leave me alone"),
        ("@songpost Don\u2019t reply to me", "don't reply"),
        ("@songpost Arrete", "arrête"),
        ("@songpost Lass mich in Ruhe, du Bot", "lass mich in ruhe"),
        ("The bus stop where we met last week is closed now", ""),
        ("we never stop baking bread here", ""),
        ("unstoppable", ""),
        ("", ""),
        ("@songpost https://stop.example", ""),
    ],
)
def test_a_wish_to_be_left_alone_is_taken_at_its_word(text: str, word: str) -> None:
    """A single word where a short text begins or ends with it, a phrase anywhere in a text that is not long."""
    assert word == opt_out_word(text, OPT_OUT_WORDS)


def test_words_that_vanish_match_nothing() -> None:
    """A list with a word of symbols alone opts nobody out."""
    assert "" == opt_out_word("hello", {"en": ("  ", "https://a.example")})


@given(st.text(max_size=400), st.integers(1, 60))
def test_a_plain_text_is_short_and_turns_nothing_round(text: str, times: int) -> None:
    """Whatever comes: bounded, encodable, without controls, the same when it is cleaned again."""
    kept = plain(text * times)

    assert len(kept) <= 1_000
    assert len(kept.encode()) <= 3_000
    assert not {"\u202e", "\u2066", "\x00", "\x1b", "\r"} & set(kept)


def test_entities_are_undone_once() -> None:
    """`&amp;lt;` was `&lt;` to its author."""
    assert "a < b & &lt;" == plain("a &lt; b &amp; &amp;lt;")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"author_id": ""}, "X did not say whose it is"),
        ({"author_id": "7"}, "an own post"),
        ({"reposted": "100"}, "a repost"),
        ({"created_at": NOW - timedelta(hours=24)}, "older than 24 hours"),
        ({"mentions": ()}, "no summons, and nothing else may follow"),
    ],
)
def test_what_leads_to_nothing_is_left_out(changes: dict[str, object], reason: str) -> None:
    """Each with its reason."""
    assert LeftOut(reason) == seen(replace(POST, **changes))  # type: ignore[arg-type]


def test_blocked_users_are_left_out() -> None:
    """But their wish to be left alone is heard all the same."""
    settings = replace(SETTINGS, blocked_user_ids=("8",))

    assert LeftOut("blocked_user_ids names its author") == seen(POST, settings=settings)
    assert isinstance(seen(replace(POST, text="@songpost stop"), settings=settings), OptOut)


def test_only_who_speaks_to_the_account_opts_out() -> None:
    """A find that says "stop" to somebody else is a find."""
    said = replace(POST, text="stop", mentions=())
    answered = replace(said, in_reply_to_user_id="7")

    assert isinstance(seen(said, SEARCH), Candidate)
    assert isinstance(seen(answered, SEARCH), OptOut)
    assert isinstance(seen(replace(said, mentions=("songpost",)), SEARCH), OptOut)


def test_a_post_without_a_time_has_its_id_s() -> None:
    """X leaves `created_at` out where it has none: the id tells."""
    found = seen(replace(POST, id="2124000000000000000", created_at=None), settings=SETTINGS)

    assert isinstance(found, LeftOut | Candidate)


def test_a_quote_that_names_nobody_is_a_quote() -> None:
    """The source says which kind of summons it was."""
    found = seen(replace(POST, mentions=(), quoted="100"))

    assert isinstance(found, Candidate)
    assert (Source.QUOTE, True) == (found.source, found.summons)
    assert "reply/2026-11-22/9" == found.action_key(Kind.REPLY)
    assert "0" * 19 + "9" == found.key


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"plan": Plan.FREE}, Kind.REPLY, "plan free does not permit reply"),
        ({}, Kind.LIKE, "plan pay-per-use does not permit like"),
        ({"feature_flags": FeatureFlags(allow_reposts=Flag.OFF)}, Kind.REPOST, "repost is off"),
        ({"approval": Approval(repost=Consent.NEVER)}, Kind.REPOST, "approval.repost is never"),
        ({"max_per_window": PerKind(repost=0)}, Kind.REPOST, "max_per_window.repost is 0"),
        ({"plan": Plan.ENTERPRISE}, Kind.REPLY, ""),
    ],
)
def test_what_can_never_follow_is_told(changes: dict[str, object], kind: Kind, words: str) -> None:
    """By plan, flag, consent or maximum, in that order."""
    assert words == barred(replace(SETTINGS, **changes), kind, summons=False)  # type: ignore[arg-type]


def test_a_reply_follows_only_a_summons_on_a_self_serve_plan() -> None:
    """To a find never; to a find that quotes the account, yes."""
    assert (Kind.REPOST,) == allowed(SETTINGS, SEARCH, summons=False)
    assert (Kind.REPLY, Kind.REPOST) == allowed(SETTINGS, SEARCH, summons=True)
    assert () == allowed(SETTINGS, MENTION, summons=False)
