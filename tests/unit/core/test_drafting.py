"""Drafts: what a feed's entry or a model's text becomes, how long it is kept, and what asking costs at worst."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Control, Drafts
from songpost.core import content, drafting, text
from songpost.core.admission import Refused
from songpost.core.drafting import AdmittedCall, Made
from songpost.core.snapshot import Snapshot
from songpost.money_settings import Budget
from songpost.settings import Settings
from songpost.source_settings import Feed, Model, Sources

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
FEED = Feed(url="https://example.org/feed", topic="bread", most_per_look=2, keep_days=3)
MODEL = Model(
    model_id="some.model-v1",
    topic="bread",
    prompt="Write about bread.",
    usd_per_million_input_tokens=Decimal("3.00"),
    usd_per_million_output_tokens=Decimal("15.00"),
    most_tokens=400,
)
SETTINGS = Settings(topics=("bread",), sources=Sources(feeds=(FEED,), models=(MODEL,)))
OF_FEED, OF_MODEL = drafting.springs(SETTINGS)


def made(*words: str) -> list[Made]:
    """Texts, each with a mark of its own."""
    return [Made(one, drafting.mark_of(one)) for one in words]


def test_new_entries_become_texts_of_their_topic_once() -> None:
    """At most so many a look; what was seen is not taken again, and the draft is marked as coming from a feed."""
    first = drafting.turned(Drafts(), OF_FEED, made("One loaf.", "Two loaves.", "Three loaves."), SETTINGS, NOW)
    again = drafting.turned(first.drafts, OF_FEED, made("One loaf.", "Two loaves.", "Three loaves."), SETTINGS, NOW)
    assert ["One loaf.", "Two loaves."] == [draft.text.variants[0] for draft in first.drafts.texts]
    assert ["Three loaves."] == [again.drafts.texts[-1].text.variants[0]]
    assert all(draft.text.id.startswith("feed/") and not draft.text.made_with_ai for draft in again.drafts.texts)
    assert {"bread"} == {draft.text.topic for draft in again.drafts.texts}


def test_a_models_texts_say_so() -> None:
    """What a model wrote carries `made_with_ai`, and its id says where it came from."""
    (draft,) = drafting.turned(Drafts(), OF_MODEL, made("A loaf."), SETTINGS, NOW).drafts.texts
    assert draft.text.made_with_ai
    assert draft.text.id.startswith("model/")


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("", "empty"),
        ("Ask @miller about it.", "unsolicited-mention"),
        ("$AAA and $BBB", "one-cashtag"),
        ("x" * 281, "length"),
    ],
)
def test_a_text_that_breaks_a_rule_is_left_out_with_the_rule(words: str, rule: str) -> None:
    """The rules of every post hold for drafts, too; the entry counts as seen."""
    turned = drafting.turned(Drafts(), OF_FEED, made(words), SETTINGS, NOW)
    assert () == turned.taken
    assert rule in turned.left_out[0]
    assert [drafting.mark_of(words)] == list(turned.drafts.origins[OF_FEED.name].seen)


def test_drafts_are_let_go_and_bounded() -> None:
    """After their days they are gone; of too many the oldest make room; origins that nobody names are forgotten."""
    drafts = drafting.turned(Drafts(), OF_FEED, made("One loaf."), SETTINGS, NOW).drafts
    assert drafts == drafting.without_old(drafts, NOW, [OF_FEED.name])
    late = drafting.without_old(drafts, NOW + timedelta(days=3), [])
    assert ((), {}) == (late.texts, dict(late.origins))
    wide = replace(OF_FEED, most=100)
    many = drafting.turned(drafts, wide, made(*(f"Loaf number {n}." for n in range(60))), SETTINGS, NOW).drafts
    assert drafting.MOST_DRAFTS == len(many.texts)
    assert "Loaf number 59." == many.texts[-1].text.variants[0]


def test_the_library_takes_drafts_behind_the_owners_own() -> None:
    """A topic's own texts come first; without drafts the digest is the library's own, with them another."""
    drafts = drafting.turned(Drafts(), OF_FEED, made("One loaf."), SETTINGS, NOW).drafts
    own = content.library_of([])
    assert ["One loaf."] == [one.variants[0] for one in drafting.library_with(own, drafts, NOW)["bread"]]
    assert {} == dict(drafting.library_with(own, drafts, NOW + timedelta(days=9)))
    assert "abc" == drafting.digest_with("abc", Drafts(), NOW)
    assert "abc" != drafting.digest_with("abc", drafts, NOW)
    assert "abc" == drafting.digest_with("abc", drafts, NOW + timedelta(days=9))


@given(st.text(max_size=700), st.sampled_from(["", "https://example.org/a", f"https://example.org/{'a' * 300}"]))
def test_any_title_becomes_a_post_that_x_takes(title: str, link: str) -> None:
    """Whatever a title holds, the post weighs at most what X takes, keeps its link, and holds no controls."""
    words = drafting.entry_words(title, link)
    assert text.weighted_length(words) <= text.MAX_WEIGHTED_LENGTH
    assert words.endswith(link)
    assert not any(mark in words for mark in "\u202e\u2066\x00\x1b")


def test_a_title_is_cut_at_a_word() -> None:
    """A long title ends with an ellipsis behind a whole word."""
    words = drafting.entry_words("bread " * 60, "https://example.org/a")
    assert words.endswith("bread…\nhttps://example.org/a")


def test_a_call_costs_its_tokens_rounded_up() -> None:
    """Dollars a million tokens are micro-dollars a token; a part of a micro-dollar counts as a whole one."""
    assert 3 * 100 + 15 * 10 == drafting.call_micros(MODEL, 100, 10)
    odd = replace(MODEL, usd_per_million_input_tokens=Decimal("0.035"), usd_per_million_output_tokens=Decimal(0))
    assert 1 == drafting.call_micros(odd, 1, 0)
    assert drafting.worst_micros(MODEL, "abc") == 3 * (3 + drafting.PROMPT_TOKENS_MARGIN) + 15 * 400


def test_a_call_is_booked_under_the_same_ceilings() -> None:
    """With room the worst price is booked and settled at the real one; without room, or paused, it is refused."""
    snapshot = Snapshot(account="default", settings=SETTINGS)
    call = drafting.admit_call(snapshot, 6_000, NOW)
    assert isinstance(call, AdmittedCall)
    assert 6_000 == call.snapshot.usage.days["2026-11-25"].spent_micros
    assert 450 == drafting.settled_call(call.snapshot, call, 450).usage.days["2026-11-25"].spent_micros

    poor = replace(snapshot, settings=replace(SETTINGS, budget=Budget(usd_per_month=Decimal("0.005"))))
    refused = drafting.admit_call(poor, 6_000, NOW)
    assert isinstance(refused, Refused)
    assert "budget" == refused.gate
    paused = replace(snapshot, control=Control(paused=True, reason="holidays"))
    refused = drafting.admit_call(paused, 1, NOW)
    assert isinstance(refused, Refused)
    assert "holidays" in refused.reason
    ahead = replace(snapshot, usage=replace(snapshot.usage, updated_at=NOW + timedelta(minutes=10)))
    refused = drafting.admit_call(ahead, 1, NOW)
    assert isinstance(refused, Refused)
    assert "behind" in refused.reason


def test_a_source_is_due_by_its_own_hours() -> None:
    """Never asked: now; then after its hours."""
    assert drafting.due_at(Drafts(), OF_FEED.name, 6) is None
    drafts = drafting.turned(Drafts(), OF_FEED, [], SETTINGS, NOW).drafts
    assert NOW + timedelta(hours=6) == drafting.due_at(drafts, OF_FEED.name, 6)
