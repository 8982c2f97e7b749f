"""A simulated run as plain data: what is to be played, and what it came to.

That is what `songpost simulate --json` prints and `songpost report` draws.

Money is integer micro-dollars, times are UTC, dates are the account's local ones; rates are engagements an impression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import TypeVar

from songpost.model import Json
from songpost.settings import Settings

T = TypeVar("T")
Progress = Callable[[date], None]
"""Hears of each day that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to simulate. `settings` are every account's; `every_tick` leaves none out.

    `accounts` of one store come after so many `before` them, whom others play.
    """

    days: int
    settings: Settings
    seed: int = 0
    accounts: int = 1
    before: int = 0
    faults: str = "none"
    every_tick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRun:
    """One post: what its arm truly earns on that day (`expected`), what the best arm of its window would have
    (`best`), and what the learner was credited with (`reward`; `None` where it never was).
    """

    key: str
    post_id: str
    posted_at: datetime
    topic: str
    window: str
    media: bool
    expected: float
    best: float
    reward: float | None
    spent_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRun:
    """One local day: its posts, and what they are expected to earn beside the best and the average choice of as many.

    `billed_micros` is X's own bill, `calls` are those that reached X; `booked_micros` is the ledger's sum of the UTC
    day of this date.
    """

    date: str
    posts: int
    expected: float
    oracle: float
    uniform: float
    billed_micros: int
    booked_micros: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRun:
    """How many actions a gate stood in the way of, each counted once for a reason; `reason` is the latest one."""

    gate: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge found wrong, by X's list of posts and X's bill; all empty where all is well.

    `unknown` are actions that wait for a person's word at the end.
    """

    twice: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    overspent: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unreplayed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that is wrong."""
        return (*self.twice, *self.lost, *self.overspent, *self.broken, *self.unreplayed)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRun:
    """One account's run. `states` counts its actions by kind and state (`post sent`), `decisions` those replayed."""

    account: str
    username: str
    timezone: str
    month_ceiling_micros: int
    day_ceiling_micros: int | None
    billed_micros: int
    booked_micros: int
    posts: tuple[PostRun, ...]
    days: tuple[DayRun, ...]
    refusals: tuple[RefusalRun, ...]
    states: dict[str, int]
    decisions: int
    verdict: Verdict

    @property
    def dearest_month_micros(self) -> int:
        """X's bill of the calendar month that cost most."""
        months: dict[str, int] = {}
        for day in self.days:
            months[day.date[:7]] = months.get(day.date[:7], 0) + day.billed_micros
        return max(months.values(), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What went wrong around the accounts (X's faults, the store's, processes that died), and what the owner did."""

    struck: int = 0
    store: int = 0
    deaths: int = 0
    failed: int = 0
    resumed: int = 0
    resolved: int = 0
    approved: int = 0
    mails: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run. `ticks` were due, `played` of them were run: the others were proved to do nothing."""

    version: str
    seed: int
    faults: str
    started_at: datetime
    ended_at: datetime
    calls: int
    ticks: int
    played: int
    people: int
    trouble: Trouble
    accounts: tuple[AccountRun, ...]

    @property
    def faults_found(self) -> tuple[str, ...]:
        """Everything that the judge found wrong, with the account's name."""
        return tuple(f"{one.account}: {fault}" for one in self.accounts for fault in one.verdict.faults)

    def share(self) -> tuple[float, float]:
        """What was expected of the choices made, and of uniform ones, as parts of the oracle's (0 to 1)."""
        days = [day for one in self.accounts for day in one.days]
        oracle = sum(day.oracle for day in days)
        if not oracle:
            return 0.0, 0.0
        return sum(day.expected for day in days) / oracle, sum(day.uniform for day in days) / oracle


def to_json(noun: object) -> Json:
    """A run, or a part of it, as plain JSON: fields in their order, times as RFC 3339 text."""
    if is_dataclass(noun) and not isinstance(noun, type):
        return {field.name: to_json(getattr(noun, field.name)) for field in fields(noun)}
    if isinstance(noun, dict):
        return {str(key): to_json(value) for key, value in noun.items()}
    if isinstance(noun, tuple | list):
        return [to_json(value) for value in noun]
    if isinstance(noun, datetime):
        return noun.isoformat()
    if noun is None or isinstance(noun, bool | int | float | str):
        return noun
    raise TypeError(f"{type(noun).__name__} is no part of a run")


def flat(lists: Iterator[tuple[T, ...]]) -> tuple[T, ...]:
    """Several tuples as one."""
    return tuple(item for one in lists for item in one)
