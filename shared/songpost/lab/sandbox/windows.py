"""Rate windows: which are spent, when they open again, and the headers that tell of them.

A window opens with the first request in it and lasts 15 minutes or 24 hours, as X's own do. A refused request
(429) is not counted. Header names are X's; the 24-hour ones are undocumented but real.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .rules import SECONDS

HEADERS = {
    "user 15m": "x-rate-limit",
    "app 15m": "x-rate-limit",
    "user 24h": "x-user-limit-24hour",
    "app 24h": "x-app-limit-24hour",
}
"""The prefix of the three headers (limit, remaining, reset) of each window."""

Window = tuple[float, int]
"""When a window opened (Unix seconds) and how many requests it has counted."""


class RateWindows:
    """The windows of one X app, by endpoint and user. Not thread-safe: the sandbox locks."""

    def __init__(self) -> None:
        self.open: dict[str, Window] = {}

    def take(
        self, endpoint: str, limits: Mapping[str, int], user_id: str | None, now: datetime
    ) -> tuple[bool, dict[str, str]]:
        """Count a request unless a window is spent; whether it may go on, and the headers to send.

        `user_id` is None for an app alone, which spends the app's 15 minutes; a user spends the user's windows
        and the app's 24 hours.
        """
        second = now.timestamp()
        allowed, found = True, []
        for name, limit in limits.items():
            if _applies(name, user_id):
                opened_at, used = self._window(endpoint, name, user_id, second)
                allowed = allowed and used < limit
                found.append((name, limit, opened_at, used))
        headers: dict[str, str] = {}
        for name, limit, opened_at, before in found:
            used = before + 1 if allowed else before
            if allowed:
                self.open[_key(endpoint, name, user_id)] = (opened_at, used)
            prefix = HEADERS[name]
            headers[f"{prefix}-limit"] = str(limit)
            headers[f"{prefix}-remaining"] = str(max(0, limit - used))
            headers[f"{prefix}-reset"] = str(int(opened_at + SECONDS[name[-3:]]))
        return allowed, headers

    def spend(self, endpoint: str, name: str, user_id: str | None, count: int, now: datetime) -> None:
        """Count requests that somebody else made, another program of the same app say."""
        opened_at, used = self._window(endpoint, name, user_id, now.timestamp())
        self.open[_key(endpoint, name, user_id)] = (opened_at, used + count)

    def _window(self, endpoint: str, name: str, user_id: str | None, second: float) -> Window:
        opened_at, used = self.open.get(_key(endpoint, name, user_id), (second, 0))
        return (opened_at, used) if second < opened_at + SECONDS[name[-3:]] else (second, 0)


def _applies(name: str, user_id: str | None) -> bool:
    if name == "app 24h":
        return True
    return name.startswith("app") is (user_id is None)


def _key(endpoint: str, name: str, user_id: str | None) -> str:
    return f"{endpoint}|{name}|{user_id if name.startswith('user') else ''}"
