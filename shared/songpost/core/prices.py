"""What X charges, as dated data, and the worst price of a call before it is made.

Figures are those of X's public pricing page (docs.x.com, "Pricing", read 2026-08-22); amounts are integer
micro-dollars a call, or a resource for reads. X's answers carry no price, so the worst case is booked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from math import ceil

from songpost.core import text
from songpost.endpoints import BY_KIND
from songpost.errors import PriceUnknown
from songpost.model import CREATES, MICROS_PER_USD, Action, Kind, PriceClass, ThreadStep
from songpost.money_settings import Prices
from songpost.nouns import dataclass
from songpost.settings import Plan, Settings

RECONCILING_READS = 2
"""Reads of the own timeline that are booked with every create (DESIGN.md, one tick of the writer)."""
RECONCILING_POSTS = 5
"""Posts that one such read may return: the least that X lets a page of the timeline hold."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices that hold from a UTC date on; `source` says where they were read."""

    effective_on: date
    source: str
    micros: Mapping[PriceClass, int]


PAY_PER_USE = (
    PriceList(
        date(2026, 2, 6),
        "X pricing page of 2026-02-06",
        {
            PriceClass.POST_CREATE: 10_000,
            PriceClass.POST_READ: 5_000,
            PriceClass.INTERACTION: 15_000,
            PriceClass.FREE: 0,
        },
    ),
    PriceList(
        date(2026, 4, 20),
        "X pricing page of 2026-04-20",
        {
            PriceClass.POST_CREATE: 15_000,
            PriceClass.POST_CREATE_URL: 200_000,
            PriceClass.REPLY_CREATE: 10_000,
            PriceClass.INTERACTION: 15_000,
            PriceClass.DELETE: 10_000,
            PriceClass.MEDIA_METADATA: 5_000,
            PriceClass.POST_READ: 5_000,
            PriceClass.USER_READ: 10_000,
            PriceClass.OWNED_READ: 1_000,
            PriceClass.FREE: 0,
        },
    ),
)
"""The two lists that are known, oldest first."""

LEGACY = PriceList(
    date(2023, 2, 9), "a flat monthly fee: calls cost nothing, counts are capped", dict.fromkeys(PriceClass, 0)
)


def price_list(settings: Settings, on: date) -> PriceList:
    """The prices of an account on a UTC date: its own where settings name them, else its plan's.

    Raises `PriceUnknown` before the first known list, and for an enterprise plan without own prices.
    """
    if settings.budget.prices is not None:
        return _own(settings.budget.prices)
    if settings.plan in {Plan.FREE, Plan.BASIC, Plan.PRO}:
        return LEGACY
    if settings.plan is Plan.PAY_PER_USE:
        for candidate in reversed(PAY_PER_USE):
            if candidate.effective_on <= on:
                return candidate
    raise PriceUnknown(
        f"no price list is known for plan {settings.plan.value} on {on.isoformat()}",
        where="budget.prices",
        mend="name the prices in the settings",
    )


def _own(prices: Prices) -> PriceList:
    named = {field.name: getattr(prices, field.name) for field in fields(prices)}
    micros = {PriceClass(name): ceil(usd * MICROS_PER_USD) for name, usd in named.items() if usd is not None}
    return PriceList(date.min, "budget.prices of the settings", {**micros, PriceClass.FREE: 0})


def price(prices: PriceList, price_class: PriceClass, count: int = 1) -> int:
    """The price of `count` calls or resources, in micro-dollars.

    Raises `PriceUnknown` for a class that the list does not price.
    """
    try:
        return prices.micros[price_class] * count
    except KeyError:
        raise PriceUnknown(
            f"{price_class.value} has no price ({prices.source})",
            where=f"budget.prices.{price_class.value}",
            mend="name it in the settings",
        ) from None


def write_class(kind: Kind, words: str) -> PriceClass:
    """The class that a write is charged as at worst: a text with anything that X would link costs most."""
    if kind in CREATES and text.links(words):
        return PriceClass.POST_CREATE_URL
    return PriceClass.REPLY_CREATE if kind is Kind.REPLY else BY_KIND[kind].price


@dataclass(frozen=True, slots=True)
class Quote:
    """A write's price before it is made: its class, the call, and the posts that its reconciling reads may return.

    A thread's is the sum of its `steps` that are yet to be sent, each with a quote of its own; its class is the first
    one's.
    """

    price_class: PriceClass
    call_micros: int
    reads: int
    reads_micros: int
    source: str
    steps: tuple[Quote, ...] = ()

    @property
    def writes(self) -> int:
        """How many writes it is for."""
        return max(1, len(self.steps))

    @property
    def worst_micros(self) -> int:
        """What is booked."""
        return self.call_micros + self.reads_micros


def quote_write(settings: Settings, kind: Kind, words: str, media: int, on: date) -> Quote:
    """Price a write at its worst; `media` counts the pictures whose alt text is a call of its own.

    The reads are priced as of any user's posts: the owned price holds only once ownership is proved.
    Raises `PriceUnknown`.
    """
    prices = price_list(settings, on)
    price_class = write_class(kind, words)
    call = price(prices, price_class) + (price(prices, PriceClass.MEDIA_METADATA, media) if media else 0)
    reads = RECONCILING_READS * RECONCILING_POSTS if kind in CREATES else 0
    return Quote(price_class, call, reads, price(prices, PriceClass.POST_READ, reads), prices.source)


def quote_steps(settings: Settings, kind: Kind, steps: Sequence[ThreadStep], on: date) -> Quote:
    """Price the steps of a thread, or the one post of anything else, at their worst. Raises `PriceUnknown`.

    X charges a reply to oneself as a post (docs.x.com, "Pricing", read 2026-08-22).
    """
    kinds = (kind, *(Kind.POST for _ in steps[1:]))
    quotes = tuple(
        quote_write(settings, each, step.text, len(step.media), on) for each, step in zip(kinds, steps, strict=True)
    )
    if len(quotes) == 1:
        return quotes[0]
    return Quote(
        quotes[0].price_class,
        sum(one.call_micros for one in quotes),
        sum(one.reads for one in quotes),
        sum(one.reads_micros for one in quotes),
        quotes[0].source,
        quotes,
    )


def quote_action(settings: Settings, action: Action, on: date) -> Quote:
    """Price an action, or the steps of its thread that are not sent yet, at their worst. Raises `PriceUnknown`."""
    kind = Kind.POST if action.next_step else action.kind
    return quote_steps(settings, kind, action.steps[action.next_step :] or action.steps[:1], on)
