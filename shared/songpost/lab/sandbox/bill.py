"""What X charges: prepaid credits, one line a charge, and the monthly counts of posts read and written.

Only pay-per-use is charged. Reads are charged per resource returned, once per resource, item and UTC day, so a
resource read at the owned price and again at the full one is charged twice: the dear reading of a soft promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import problems
from .rules import PLANS, Rules, price


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A line of the bill: `count` units of an item for one request, in micro-dollars."""

    request: int
    at: datetime
    endpoint: str
    item: str
    count: int
    micros: int


class Bill:
    """The account with X of one app. Not thread-safe: the sandbox locks."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.spent_micros = 0
        self.read_today: set[tuple[str, str]] = set()
        self.read_day = ""
        self.usage: dict[str, dict[str, int]] = {}
        self._ever: Counter[str] = Counter()

    def require(self, rules: Rules, item: str, now: datetime, account_id: str) -> None:
        """Refuse with 402 where the credits left do not cover one unit of an item."""
        if not PLANS[rules.plan].billed or rules.credits_micros is None:
            return
        if rules.credits_micros - self.spent_micros < price(item, now):
            raise problems.credits_depleted(account_id)

    def charge(self, rules: Rules, request: int, endpoint: str, item: str, count: int, now: datetime) -> None:
        """Write a line for `count` units."""
        if not count or not PLANS[rules.plan].billed:
            return
        micros = count * price(item, now)
        self.spent_micros += micros
        self.charges.append(Charge(request=request, at=now, endpoint=endpoint, item=item, count=count, micros=micros))

    def charge_reads(
        self, rules: Rules, request: int, endpoint: str, item: str, ids: Iterable[str], now: datetime
    ) -> None:
        """Write a line for the resources that were not yet read today at this item's price."""
        day = now.astimezone(UTC).date().isoformat()
        if day != self.read_day:
            self.read_day, self.read_today = day, set()
        fresh = {(item, resource) for resource in ids} - self.read_today
        self.read_today |= fresh
        self.charge(rules, request, endpoint, item, len(fresh), now)

    def count(self, what: str, posts: int, now: datetime) -> None:
        """Add to the posts `read` or `written` of a UTC day."""
        if posts:
            day = self.usage.setdefault(now.astimezone(UTC).date().isoformat(), {})
            day[what] = day.get(what, 0) + posts
            self._ever[what] += posts

    def recall(self, usage: Mapping[str, Mapping[str, int]]) -> None:
        """Take the counts of each day (UTC) as they were saved."""
        self.usage = {day: dict(counts) for day, counts in usage.items()}
        self._ever = sum(map(Counter, usage.values()), Counter())

    def used(self, what: str, rules: Rules, now: datetime) -> int:
        """The posts `read` or `written` since the billing cycle began."""
        first = cycle_start(rules, now).date().isoformat()
        return sum(counts.get(what, 0) for day, counts in self.usage.items() if day >= first)

    def require_cap(self, what: str, rules: Rules, now: datetime, account_id: str) -> None:
        """Refuse with 429 UsageCapExceeded where the month's posts are used up."""
        plan = PLANS[rules.plan]
        own = {"read": rules.monthly_posts_read, "written": rules.monthly_posts_written}[what]
        cap = own if own is not None else {"read": plan.posts_read, "written": plan.posts_written}[what]
        if cap is not None and self._ever[what] >= cap and self.used(what, rules, now) >= cap:
            raise problems.usage_capped(rules.plan, account_id)

    def by_endpoint(self) -> dict[str, int]:
        """The micro-dollars of each endpoint."""
        totals: dict[str, int] = {}
        for line in self.charges:
            totals[line.endpoint] = totals.get(line.endpoint, 0) + line.micros
        return totals


def read_cap(rules: Rules) -> int | None:
    """How many posts the month allows to read; None where there is no cap."""
    return rules.monthly_posts_read if rules.monthly_posts_read is not None else PLANS[rules.plan].posts_read


def cycle_start(rules: Rules, now: datetime) -> datetime:
    """The midnight (UTC) at which the running billing cycle began."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight.day < rules.cycle_day:
        midnight = midnight.replace(day=1) - timedelta(days=1)
    return midnight.replace(day=rules.cycle_day)


def days_to_reset(rules: Rules, now: datetime) -> int:
    """How many days are left until the next billing cycle."""
    start = cycle_start(rules, now)
    following = (start.replace(day=1) + timedelta(days=32)).replace(day=rules.cycle_day)
    return -((now - following) // timedelta(days=1))
