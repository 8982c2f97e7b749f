"""What a report is about, and what it says: an account at a time, and figures with the tables behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from songpost.agent import crediting
from songpost.agent.crediting import Stored
from songpost.agent.planning import Texts
from songpost.core.ownership import own_price
from songpost.core.snapshot import Snapshot
from songpost.lab import forecast
from songpost.lab.forecast import Forecast
from songpost.lab.simulation.record import AccountRun, Run
from songpost.model import Action, Json, PriceClass
from songpost.settings import Settings
from songpost.store.port import Store

LOOKS_BACK = timedelta(days=400)
"""How far a report reaches back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One chart: its title, what it says in words, the table behind it, and what it is drawn from (plain JSON).

    A figure without rows is not drawn; `said` tells why.
    """

    name: str
    title: str
    said: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    drawn_from: Mapping[str, Json] | None = None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An account at a time (`now`, UTC), read and never written; `run` is the simulation that it lived in."""

    store: Store
    snapshot: Snapshot
    texts: Texts
    now: datetime
    run: Run | None = None

    @property
    def account(self) -> str:
        """The account's name."""
        return self.snapshot.account

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.snapshot.settings

    @cached_property
    def zone(self) -> ZoneInfo:
        """The account's own zone."""
        return ZoneInfo(self.settings.timezone)

    @property
    def username(self) -> str:
        """The account's name on X, without the @; empty where X was never asked."""
        return "" if self.snapshot.identity is None else self.snapshot.identity.username

    @property
    def lived(self) -> AccountRun | None:
        """The simulated life of this account."""
        return next((one for one in self.run.accounts if one.account == self.account), None) if self.run else None

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """Every action of the time that is looked back on, newest first."""
        return tuple(one.action for one in self.store.actions(self.account, since=self.now - LOOKS_BACK))

    @cached_property
    def credits_(self) -> dict[str, Stored]:
        """What posts earned, by id."""
        return crediting.stored_credits(self.store, self.account)

    @cached_property
    def forecast(self) -> Forecast:
        """A month's bill from the settings, at today's prices. Raises `PriceUnknown`."""
        on = self.now.date()
        links, pictures = forecast.shares(self.texts.load())
        owned = own_price(self.snapshot, on) is PriceClass.OWNED_READ
        return forecast.foretell(self.settings, on, with_links=links, with_pictures=pictures, owns_app=owned)


def usd(micros: float) -> str:
    """Money for a person: cents, and more places only below ten cents."""
    dollars = micros / 1e6
    return f"${dollars:,.3f}" if 0 < abs(dollars) < 0.1 else f"${dollars:,.2f}"


def percent(rate: float) -> str:
    """A rate for a person."""
    return f"{rate:.2%}" if abs(rate) < 0.1 else f"{rate:.0%}"
