"""Who may call: the app's keys, OAuth 1.0a secrets, OAuth 2.0 grants with their tokens, and the app's bearer token.

Seeded credentials follow from the seed, so a test can know them; later tokens follow from the seed and a counter.
A grant is a family of token pairs: a refresh spends its refresh token and kills the old pair, and a second use of
a spent refresh token revokes the whole family (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

ALL_SCOPES = frozenset(
    {
        "tweet.read",
        "tweet.write",
        "users.read",
        "offline.access",
        "media.write",
        "like.write",
        "follows.write",
    }
)
"""The scopes that the sandbox knows and a seeded grant holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Everything a client needs to act for a seeded account, in both modes. `repr` shows the name alone."""

    user_id: str = field(repr=False)
    username: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_secret: str = field(repr=False)
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    public_client_id: str = field(repr=False)
    oauth2_access_token: str = field(repr=False)
    oauth2_refresh_token: str = field(repr=False)
    bearer_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is calling: the scheme, the user (None for the app alone) and, with OAuth 2.0, the scopes."""

    scheme: str
    user_id: str | None = None
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An access token and, where it was granted, its refresh token, of one family."""

    family: str
    client_id: str
    user_id: str
    scopes: frozenset[str]
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    refresh_until: datetime
    spent: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code that waits to be exchanged."""

    code: str = field(repr=False)
    client_id: str
    user_id: str
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    expires_at: datetime
    used_for: str | None = None


class Grants:
    """The secrets of one X app. Not thread-safe: the sandbox locks."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.counter = 0
        self.api_key = self.secret("api key", 25)
        self.api_secret = self.secret("api secret", 50)
        self.bearer_token = "AAAAAAAAAAAAAAAAAAAAA" + self.secret("bearer", 60)
        self.client_id = self.secret("client", 34)
        self.client_secret = self.secret("client secret", 50)
        self.public_client_id = self.secret("public client", 34)
        self.oauth1: dict[str, tuple[str, str]] = {}
        self.pairs: dict[str, Pair] = {}
        self.by_refresh: dict[str, str] = {}
        self.codes: dict[str, Code] = {}

    def secret(self, name: str, length: int) -> str:
        """A made-up secret that follows from the seed and its name."""
        digest = hashlib.shake_256(f"songpost sandbox/{self.seed}/{name}".encode()).hexdigest(length)
        return digest[:length]

    def seed_user(self, user_id: str, now: datetime, access_seconds: float, refresh_seconds: float) -> None:
        """Give an account an OAuth 1.0a token and an OAuth 2.0 pair with every scope."""
        token, secret = self.oauth1_keys(user_id)
        self.oauth1[token] = (user_id, secret)
        self.issue(
            family=f"seed/{user_id}",
            client_id=self.client_id,
            user_id=user_id,
            scopes=ALL_SCOPES,
            now=now,
            lives=(access_seconds, refresh_seconds),
        )

    def oauth1_keys(self, user_id: str) -> tuple[str, str]:
        """The OAuth 1.0a token and secret of a seeded account."""
        return f"{user_id}-{self.secret(f'token/{user_id}', 40)}", self.secret(f"token secret/{user_id}", 45)

    def issue(
        self,
        *,
        family: str,
        client_id: str,
        user_id: str,
        scopes: frozenset[str],
        now: datetime,
        lives: tuple[float, float],
    ) -> Pair:
        """A new pair of a family; `lives` are the seconds of the access and the refresh token."""
        self.counter += 1
        refresh = self.secret(f"refresh/{self.counter}", 90) if "offline.access" in scopes else None
        pair = Pair(
            family=family,
            client_id=client_id,
            user_id=user_id,
            scopes=scopes,
            access_token=self.secret(f"access/{self.counter}", 90),
            refresh_token=refresh,
            expires_at=now + timedelta(seconds=lives[0]),
            refresh_until=now + timedelta(seconds=lives[1]),
        )
        self.pairs[pair.access_token] = pair
        if refresh:
            self.by_refresh[refresh] = pair.access_token
        return pair

    def bearer(self, token: str, now: datetime) -> Identity | None:
        """Who holds a bearer token, None where it is unknown, expired, superseded or revoked."""
        if token == self.bearer_token:
            return Identity(scheme="app")
        pair = self.pairs.get(token)
        if pair is None or pair.spent or pair.revoked or pair.expires_at <= now:
            return None
        return Identity(scheme="oauth2", user_id=pair.user_id, scopes=pair.scopes)

    def by_refresh_token(self, token: str) -> Pair | None:
        """The pair of a refresh token, alive or dead."""
        access = self.by_refresh.get(token)
        return self.pairs[access] if access else None

    def spend(self, pair: Pair) -> None:
        """Kill a pair whose refresh token has just been used."""
        self.pairs[pair.access_token] = replace(pair, spent=True)

    def revoke_family(self, family: str) -> None:
        """Kill every pair of a family."""
        for token, pair in self.pairs.items():
            if pair.family == family:
                self.pairs[token] = replace(pair, revoked=True)

    def expire_access(self, user_id: str, now: datetime) -> None:
        """Let every access token of a user run out this moment; their refresh tokens live on."""
        for token, pair in self.pairs.items():
            if pair.user_id == user_id:
                self.pairs[token] = replace(pair, expires_at=now)

    def latest(self, user_id: str) -> Pair | None:
        """The newest pair of a user that can still be used or refreshed; None where none is left."""
        alive = [p for p in self.pairs.values() if p.user_id == user_id and not p.spent and not p.revoked]
        return alive[-1] if alive else None
