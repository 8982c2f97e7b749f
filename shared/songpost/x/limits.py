"""Rate limits as X's headers tell them: headers in, `account_documents.Bucket`s out; nonsense is left out and logged.

X's pages contradict each other about limits and live answers have differed from both, so the headers are the
truth. Besides the documented `x-rate-limit-*` of the 15-minute window there are two undocumented 24-hour
families. Any of them may be missing, empty or absurd, and a 429 may come with a healthy
`x-rate-limit-remaining` because another window is spent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from songpost.account_documents import Bucket
from songpost.endpoints import Endpoint
from songpost.errors import quote

logger = logging.getLogger(__name__)

_FAMILIES = tuple(
    (scope, tuple(prefix + part for part in ("limit", "remaining", "reset")))
    for prefix, scope in (
        ("x-rate-limit-", "user15"),
        ("x-user-limit-24hour-", "user24h"),
        ("x-app-limit-24hour-", "app24h"),
    )
)
"""The headers of each window: its limit, what is left of it, and when it starts anew (Unix seconds)."""
_NUMBERS = re.compile(r"[0-9]{1,19} [0-9]{1,19} [0-9]{1,19}")
_LONGEST_WINDOW = timedelta(hours=25)
"""Resets further away than this are absurd: the longest window is 24 hours."""
_LARGEST_LIMIT = 1_000_000_000


def buckets_from(
    endpoint: Endpoint, headers: Mapping[str, str], *, seen_at: datetime, x_now: datetime
) -> tuple[Bucket, ...]:
    """Read the buckets of one answer. Header names are lower case.

    `seen_at` is the local time of the answer, `x_now` X's own (its `Date`, or `seen_at` without one): a reset
    that is not after `x_now` tells of a window that is over, and one more than 25 hours off of none that X has.
    """
    found = []
    for scope, (limit, remaining, reset) in _FAMILIES:
        values = [headers.get(limit, ""), headers.get(remaining, ""), headers.get(reset, "")]
        if values == ["", "", ""]:
            continue
        bucket = _bucket(endpoint.bucket(scope), values, seen_at, x_now)
        if bucket is None:
            logger.warning("%s: rate limit headers ignored: %s %s", endpoint.name, scope, quote(values))
        else:
            found.append(bucket)
    return tuple(found)


def _bucket(name: str, values: list[str], seen_at: datetime, x_now: datetime) -> Bucket | None:
    """Make a bucket of limit, remaining and reset as text; `None` where they make no sense."""
    if not _NUMBERS.fullmatch(" ".join(values)):
        return None
    limit, remaining, reset = map(int, values)
    if remaining > limit or limit > _LARGEST_LIMIT:
        return None
    try:
        reset_at = datetime.fromtimestamp(reset, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    if not x_now < reset_at <= x_now + _LONGEST_WINDOW:
        return None
    return Bucket(name=name, limit=limit, remaining=remaining, reset_at=reset_at, seen_at=seen_at)


def retry_at(buckets: Iterable[Bucket]) -> datetime | None:
    """Tell when the next call is allowed: the latest reset among the exhausted buckets; `None`: not told."""
    return max((bucket.reset_at for bucket in buckets if bucket.remaining == 0), default=None)


def merged(earlier: Iterable[Bucket], later: Iterable[Bucket]) -> tuple[Bucket, ...]:
    """Lay the buckets of a later answer over those of an earlier one, by name."""
    return tuple({bucket.name: bucket for bucket in (*earlier, *later)}.values())
