from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from songpost.core import prices
from songpost.errors import PriceUnknown
from songpost.model import Kind, PriceClass
from songpost.money_settings import Budget, Prices
from songpost.settings import Plan, Settings
from tests.unit.core.cases import LINKED, SETTINGS, WORDS

TODAY = date(2026, 11, 25)
OWN = Prices(
    post_create=Decimal("0.0100004"),
    post_create_url=Decimal("0.1"),
    post_read=Decimal("0.004"),
    user_read=Decimal("0.01"),
)


def on(plan: Plan, own: Prices | None = None) -> Settings:
    """The usual settings on another plan, with own prices."""
    return replace(SETTINGS, plan=plan, budget=Budget(prices=own))


@pytest.mark.parametrize(
    ("kind", "words", "media", "call", "reads"),
    [
        (Kind.POST, WORDS, 0, 15_000, 50_000),
        (Kind.POST, LINKED, 0, 200_000, 50_000),
        (Kind.POST, "New on x.ai today", 0, 200_000, 50_000),
        (Kind.POST, "Run foo.py first", 0, 200_000, 50_000),
        (Kind.POST, WORDS, 4, 35_000, 50_000),
        (Kind.REPLY, WORDS, 0, 10_000, 50_000),
        (Kind.REPLY, LINKED, 0, 200_000, 50_000),
        (Kind.QUOTE, WORDS, 0, 15_000, 50_000),
        (Kind.REPOST, "", 0, 15_000, 0),
        (Kind.LIKE, "", 0, 15_000, 0),
        (Kind.FOLLOW, "", 0, 15_000, 0),
        (Kind.DELETE, LINKED, 0, 10_000, 0),
    ],
)
def test_worst_price_of_a_write(kind: Kind, words: str, media: int, call: int, reads: int) -> None:
    """A create books its call and two reads of five posts; anything that X would link costs thirteen times more."""
    quote = prices.quote_write(SETTINGS, kind, words, media, TODAY)

    assert (call, reads, call + reads) == (quote.call_micros, quote.reads_micros, quote.worst_micros)
    assert (10 if reads else 0) == quote.reads


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-02-06", 10_000), ("2026-04-19", 10_000), ("2026-04-20", 15_000), ("2030-01-01", 15_000)],
)
def test_price_is_that_of_the_day(day: str, expected: int) -> None:
    """A list holds from its first day until the day before the next one's."""
    assert expected == prices.quote_write(SETTINGS, Kind.POST, WORDS, 0, date.fromisoformat(day)).call_micros


def test_no_price_before_the_first_list() -> None:
    """A day that no list covers has no price, and the error names the plan, the day and the key to fill in."""
    with pytest.raises(PriceUnknown) as caught:
        prices.price_list(SETTINGS, date(2026, 2, 5))

    assert (
        "budget.prices: no price list is known for plan pay-per-use on 2026-02-05 — name the prices in the settings"
    ) == str(caught.value)


def test_class_without_a_price_is_refused_by_name() -> None:
    """A list that leaves a class out prices no call of it, at no count."""
    with pytest.raises(PriceUnknown) as linked:
        prices.quote_write(SETTINGS, Kind.POST, LINKED, 0, date(2026, 3, 1))
    with pytest.raises(PriceUnknown) as own:
        prices.quote_write(on(Plan.ENTERPRISE, OWN), Kind.REPLY, WORDS, 0, TODAY)

    assert (
        "budget.prices.post_create_url: post_create_url has no price (X pricing page of 2026-02-06) — name it"
        in str(linked.value)
    )
    assert "budget.prices.reply_create: reply_create has no price (budget.prices of the settings)" in str(own.value)


@pytest.mark.parametrize("plan", list(Plan))
def test_own_prices_win_on_every_plan(plan: Plan) -> None:
    """Prices in the settings hold whatever the plan, and a fraction of a micro-dollar is rounded up."""
    quote = prices.quote_write(on(plan, OWN), Kind.POST, WORDS, 0, TODAY)

    assert (10_001, 40_000, "budget.prices of the settings") == (quote.call_micros, quote.reads_micros, quote.source)


def test_enterprise_without_own_prices_is_refused() -> None:
    """An enterprise plan has no public prices."""
    with pytest.raises(PriceUnknown):
        prices.quote_write(on(Plan.ENTERPRISE), Kind.POST, WORDS, 0, TODAY)


@pytest.mark.parametrize("plan", [Plan.FREE, Plan.BASIC, Plan.PRO])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.READ])
def test_legacy_calls_cost_nothing_and_count(plan: Plan, kind: Kind) -> None:
    """A plan with a flat fee charges for no call; a create's reads are counted all the same."""
    quote = prices.quote_write(on(plan), kind, LINKED, 1, TODAY)

    assert 0 == quote.worst_micros
    assert (10 if kind in {Kind.POST, Kind.REPLY, Kind.QUOTE} else 0) == quote.reads


def test_present_list_prices_every_class() -> None:
    """No class of calls that Songpost knows is without a price today."""
    assert set(PriceClass) == set(prices.price_list(SETTINGS, TODAY).micros)


def test_known_figures_are_x_s() -> None:
    """The present list holds the figures of X's pricing page, in micro-dollars."""
    assert {
        "post_create": 15_000,
        "post_create_url": 200_000,
        "reply_create": 10_000,
        "interaction": 15_000,
        "delete": 10_000,
        "media_metadata": 5_000,
        "post_read": 5_000,
        "user_read": 10_000,
        "owned_read": 1_000,
        "free": 0,
    } == prices.price_list(SETTINGS, TODAY).micros
