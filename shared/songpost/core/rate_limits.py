"""X's rate limits: what a plan allows until a header has spoken, and what the headers have told since.

A bucket is `METHOD /path:scope`. Defaults are X's published limits for pay-per-use and the legacy plans
(docs.x.com, "Rate limits", read 2026-08-22); the live headers have differed, and they win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from songpost import endpoints
from songpost.account_documents import Bucket, Limits
from songpost.model import SKEW_SECONDS, Kind
from songpost.settings import Plan

SCOPE_SECONDS = {"user15": 900, "app15": 900, "user24h": 86_400, "app24h": 86_400}
"""How long a bucket of each scope lasts."""

ME, TIMELINE, POSTS = endpoints.ME.key, endpoints.TIMELINE.key, endpoints.POSTS.key
MENTIONS, SEARCH = endpoints.MENTIONS.key, endpoints.SEARCH.key
ENDPOINTS: Mapping[Kind, str] = {kind: endpoint.key for kind, endpoint in endpoints.BY_KIND.items()}
"""The endpoint that each kind of write calls."""

_EVERY_PLAN: Mapping[str, Mapping[str, int]] = {
    "POST /2/tweets": {"user15": 100, "app24h": 10_000},
    "DELETE /2/tweets/:id": {"user15": 50},
    "POST /2/users/:id/retweets": {"user15": 50},
    "POST /2/users/:id/likes": {"user15": 50},
    "POST /2/users/:id/following": {"user15": 50},
    ME: {"user15": 75},
    TIMELINE: {"user15": 900, "app15": 10_000},
    POSTS: {"user15": 5_000, "app15": 3_500},
    MENTIONS: {"user15": 300, "app15": 450},
    SEARCH: {"user15": 300, "app15": 450},
}
_BY_PLAN: Mapping[Plan, Mapping[str, Mapping[str, int]]] = {
    Plan.FREE: {"POST /2/tweets": {"user24h": 17}, ME: {"user24h": 25}, SEARCH: {"user15": 1}},
    Plan.BASIC: {"POST /2/tweets": {"user24h": 100}, ME: {"user24h": 250}, SEARCH: {"user15": 60}},
    Plan.PRO: {"POST /2/tweets": {"user15": 100}, SEARCH: {"user15": 300}},
}


def defaults(plan: Plan, endpoint: str) -> Mapping[str, int]:
    """The published limits of an endpoint on a plan, by scope."""
    return _BY_PLAN.get(plan, {}).get(endpoint) or _EVERY_PLAN.get(endpoint, {})


def _published() -> Mapping[str, frozenset[int]]:
    """The limits that the plans publish for a bucket, by its name."""
    found: dict[str, set[int]] = {}
    for plan in Plan:
        for endpoint in (*_EVERY_PLAN, *_BY_PLAN.get(plan, {})):
            for scope, limit in defaults(plan, endpoint).items():
                found.setdefault(f"{endpoint}:{scope}", set()).add(limit)
    return {name: frozenset(limits) for name, limits in found.items()}


_PUBLISHED = _published()


def current(limits: Limits, plan: Plan, endpoint: str, now: datetime) -> dict[str, Bucket]:
    """The endpoint's buckets that are running at `now`: as told by headers, else full ones by default."""
    running = {
        name: bucket
        for name, bucket in limits.buckets.items()
        if bucket.reset_at > now and name.rpartition(":")[0] == endpoint
    }
    for scope, limit in defaults(plan, endpoint).items():
        name = f"{endpoint}:{scope}"
        if name not in running:
            told = limits.buckets.get(name)
            size = told.limit if told is not None and told.source == "headers" else limit
            reset_at = now + timedelta(seconds=SCOPE_SECONDS[scope])
            running[name] = Bucket(
                name=name, limit=size, remaining=size, reset_at=reset_at, seen_at=now, source="default"
            )
    return running


def blocked_until(limits: Limits, plan: Plan, endpoint: str, now: datetime, calls: int = 1) -> datetime | None:
    """The latest reset among the buckets of an endpoint that have no room for `calls`; `None` where they may go.

    Of more calls than a bucket ever holds, a full bucket lets the first ones go.
    """
    running = current(limits, plan, endpoint, now).values()
    exhausted = [b.reset_at for b in running if b.remaining < max(1, min(calls, b.limit))]
    return max(exhausted, default=None)


def taken(limits: Limits, plan: Plan, endpoint: str, now: datetime) -> Limits:
    """Book one call: each running bucket has one less. What is over, and tells nothing any more, is forgotten."""
    kept = {name: bucket for name, bucket in limits.buckets.items() if bucket.reset_at > now or _tells(bucket, now)}
    for name, bucket in current(limits, plan, endpoint, now).items():
        kept[name] = Bucket(
            name=name,
            limit=bucket.limit,
            remaining=bucket.remaining - 1,
            reset_at=bucket.reset_at,
            seen_at=bucket.seen_at,
            source=bucket.source,
        )
    return Limits(buckets=kept)


def _tells(bucket: Bucket, now: datetime) -> bool:
    """Whether a bucket that is over at `now` may still decide something.

    Of those that headers told, one that is not over for every clock yet, and one whose size differs from what some plan
    publishes: the next window has its size. Where no plan publishes one, nothing asks for it.
    """
    if bucket.source != "headers":
        return False
    if bucket.reset_at > now - timedelta(seconds=SKEW_SECONDS):
        return True
    published = _PUBLISHED.get(bucket.name)
    return published is not None and published != {bucket.limit}


def learned(limits: Limits, told: Iterable[Bucket]) -> Limits:
    """Take in what an answer's headers told; of two answers the later one wins."""
    buckets = dict(limits.buckets)
    for bucket in told:
        known = buckets.get(bucket.name)
        if known is None or known.source != "headers" or known.seen_at <= bucket.seen_at:
            buckets[bucket.name] = bucket
    return Limits(buckets=buckets)
