"""What the sandbox was told to be: the plan it emulates, its prices and limits with their dates, and its knobs.

Its own tables, written from X's public documentation as of 2026-11-22 (pricing and rate-limit pages of docs.x.com)
and shared with nothing else: the project's tables must not be able to hide a mistake here. Money is integer
micro-dollars; windows are named `15m` and `24h`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

SECONDS = {"15m": 900, "24h": 86_400}
"""How long a rate window is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The knobs of one sandbox. Money in micro-dollars, durations in seconds.

    `credits_micros` None never runs out. `visibility_lag_seconds` is how long a new post stays out of timelines,
    mentions and search. `refused_creates_are_billed` takes the dear reading of what X leaves undocumented.
    `redirect_uris` None registers every loopback address. `limits` overrides rate limits by endpoint:
    `{"POST /2/tweets": {"user 15m": 5}}`.
    """

    plan: str = "pay-per-use"
    credits_micros: int | None = 1_000_000_000
    owns_app: bool = True
    enrolled: bool = True
    oauth1_write: bool = True
    visibility_lag_seconds: float = 0.0
    duplicate_window_seconds: float = 86_400.0
    refused_creates_are_billed: bool = True
    access_token_seconds: float = 7_200.0
    refresh_token_seconds: float = 180 * 86_400.0
    code_seconds: float = 30.0
    video_processing_seconds: float = 5.0
    cycle_day: int = 1
    monthly_posts_read: int | None = None
    monthly_posts_written: int | None = None
    vocabulary: str = "tweet"
    redirect_uris: tuple[str, ...] | None = None
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a plan, vocabulary or day that does not exist (ValueError)."""
        if self.plan not in PLANS:
            raise ValueError(f"plan {self.plan!r} is unknown: choose one of {', '.join(PLANS)}")
        if self.vocabulary not in {"tweet", "post"}:
            raise ValueError(f"vocabulary {self.vocabulary!r} is unknown: choose 'tweet' or 'post'")
        if not 1 <= self.cycle_day <= 28:
            raise ValueError(f"cycle_day {self.cycle_day} is not in every month: choose 1 to 28")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a plan permits: the writes by name, whether replies must be summoned, and the monthly caps."""

    permits: frozenset[str]
    summoned_replies_only: bool = True
    cashtags: int | None = None
    posts_read: int | None = None
    posts_written: int | None = None
    billed: bool = False


_SELF_SERVE = frozenset({"post", "delete", "reply", "repost"})
PLANS: Mapping[str, Plan] = {
    "pay-per-use": Plan(permits=_SELF_SERVE, cashtags=1, posts_read=3_000_000, billed=True),
    "enterprise": Plan(permits=_SELF_SERVE | {"quote", "like", "follow"}, summoned_replies_only=False),
    "free": Plan(permits=frozenset({"post", "delete"}), posts_read=100, posts_written=500),
    "basic": Plan(permits=_SELF_SERVE, posts_read=15_000, posts_written=50_000),
    "pro": Plan(permits=_SELF_SERVE, posts_read=1_000_000, posts_written=300_000),
}

_FIRST: Mapping[str, int] = {
    "create": 10_000,
    "create with URL": 10_000,
    "summoned reply": 10_000,
    "repost": 15_000,
    "delete": 10_000,
    "media metadata": 5_000,
    "post read": 5_000,
    "user read": 10_000,
    "owned read": 5_000,
}
PRICES: tuple[tuple[datetime, Mapping[str, int]], ...] = (
    (datetime(2026, 2, 6, tzinfo=UTC), _FIRST),
    (
        datetime(2026, 4, 20, tzinfo=UTC),
        {**_FIRST, "create": 15_000, "create with URL": 200_000, "owned read": 1_000},
    ),
)
"""Price lists of pay-per-use in micro-dollars, each from its day on; the first also serves what lies before it."""


def price(item: str, at: datetime) -> int:
    """What one unit of an item costs at a moment, in micro-dollars; KeyError for an item without a price."""
    chosen = PRICES[0][1]
    for since, prices in PRICES:
        if since <= at:
            chosen = prices
    return chosen[item]


_MEDIA = {"user 15m": 1_875, "app 24h": 180_000}
LIMITS: Mapping[str, Mapping[str, int]] = {
    "POST /2/tweets": {"user 15m": 100, "app 24h": 10_000},
    "DELETE /2/tweets/:id": {"user 15m": 50},
    "GET /2/tweets": {"user 15m": 5_000, "app 15m": 3_500},
    "GET /2/tweets/:id": {"user 15m": 900, "app 15m": 450},
    "GET /2/tweets/search/recent": {"user 15m": 300, "app 15m": 450},
    "GET /2/users/:id/mentions": {"user 15m": 300, "app 15m": 450},
    "GET /2/users/:id/tweets": {"user 15m": 900, "app 15m": 10_000},
    "GET /2/users/me": {"user 15m": 75},
    "GET /2/users/:id": {"user 15m": 900, "app 15m": 300},
    "GET /2/users/by/username/:username": {"user 15m": 900, "app 15m": 300},
    "POST /2/users/:id/retweets": {"user 15m": 50},
    "DELETE /2/users/:id/retweets/:source_tweet_id": {"user 15m": 50},
    "POST /2/users/:id/likes": {"user 15m": 50},
    "DELETE /2/users/:id/likes/:tweet_id": {"user 15m": 50},
    "POST /2/users/:id/following": {"user 15m": 50},
    "DELETE /2/users/:source_user_id/following/:target_user_id": {"user 15m": 50},
    "POST /2/media/upload": _MEDIA,
    "POST /2/media/upload/initialize": _MEDIA,
    "POST /2/media/upload/:id/append": _MEDIA,
    "POST /2/media/upload/:id/finalize": _MEDIA,
    "GET /2/media/upload": {"user 15m": 1_000},
    "POST /2/media/metadata": {"user 15m": 500},
    "GET /2/usage/tweets": {"app 15m": 50},
}
"""Requests per window on pay-per-use and enterprise. A call for a user spends the user's windows and the app's 24
hours; a call for the app alone spends the app's."""

LEGACY_LIMITS: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "free": {
        "POST /2/tweets": {"user 15m": 1_080_000, "user 24h": 17, "app 24h": 17},
        "DELETE /2/tweets/:id": {"user 15m": 1_080_000, "user 24h": 17},
        "GET /2/users/me": {"user 15m": 1_080_000, "user 24h": 25},
        "GET /2/tweets/search/recent": {"user 15m": 1, "app 15m": 1},
    },
    "basic": {
        "POST /2/tweets": {"user 15m": 1_080_000, "user 24h": 100, "app 24h": 1_667},
        "GET /2/users/me": {"user 15m": 1_080_000, "user 24h": 250},
        "GET /2/tweets/search/recent": {"user 15m": 60, "app 15m": 60},
    },
    "pro": {"GET /2/tweets/search/recent": {"user 15m": 300, "app 15m": 450}},
}
"""Where the legacy plans differ: their 24-hour windows come with a 15-minute header that looks healthy."""


def limits_of(rules: Rules, endpoint: str) -> Mapping[str, int]:
    """The windows of an endpoint under these rules, by name; empty where it has none."""
    if endpoint in rules.limits:
        return rules.limits[endpoint]
    return LEGACY_LIMITS.get(rules.plan, {}).get(endpoint, LIMITS.get(endpoint, {}))
