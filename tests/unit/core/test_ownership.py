"""The owner's price counts only on the owner's word, and where nothing refutes it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from songpost.account_documents import Identity
from songpost.core.ownership import doubt, own_price
from songpost.core.snapshot import Snapshot
from songpost.model import PriceClass
from songpost.money_settings import Budget, Prices
from songpost.settings import AppOwner, Plan, Settings

TODAY = date(2026, 11, 22)
ME = Identity(user_id="7", username="songpost", credentials="", learned_at=datetime(2026, 11, 1, tzinfo=UTC))
WORD = AppOwner(user_id="7", attested_on=TODAY)


@pytest.mark.parametrize(
    ("owner", "identity", "words"),
    [
        (None, ME, "nobody has attested"),
        (WORD, None, "X has not been asked yet"),
        (
            AppOwner(user_id="8", attested_on=TODAY),
            ME,
            "app_owner says user 8, but these are the credentials of user 7",
        ),
        (AppOwner(user_id="7", attested_on=date(2026, 11, 23)), ME, "still to come"),
        (WORD, ME, ""),
    ],
)
def test_a_word_can_be_refuted(owner: AppOwner | None, identity: Identity | None, words: str) -> None:
    """By no word, by X's answer to who we are, by the calendar."""
    found = doubt(owner, identity, TODAY)

    assert words in found
    assert bool(words) == bool(found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(topics=("a",)), PriceClass.POST_READ),
        (Settings(topics=("a",), app_owner=WORD), PriceClass.OWNED_READ),
        (
            Settings(topics=("a",), app_owner=WORD, plan=Plan.ENTERPRISE, budget=Budget(prices=Prices())),
            PriceClass.POST_READ,
        ),
    ],
)
def test_the_owner_s_price_needs_a_price(settings: Settings, expected: PriceClass) -> None:
    """A contract that names none is booked at what any post costs."""
    assert expected is own_price(Snapshot(account="a", settings=settings, identity=ME), TODAY)
