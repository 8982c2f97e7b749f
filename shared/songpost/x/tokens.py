"""The rotating pair of OAuth 2.0: kept, refreshed under a lease, and never spent twice.

X's refresh token works once: each refresh returns a new pair and kills the old, and spending an old one again
revokes the whole grant. So a refresh goes: take the lease; read the store again (another process may have won);
write down that this generation is being spent; ask X; store the new pair; only then use it.

      generation 7 ──claim──▶ 7, spending ──X answers──▶ generation 8 stored ──▶ used
           ▲                      │
           └── certainly not spent┤  (nothing sent, 429, client not accepted: the claim is taken back)
                                  └─ no answer, or a crash: fate unknown. Nobody spends 7 again; its access
                                     token serves until it ends, then `songpost authorize` begins anew.

The store and the lease are ports, since this room knows no store. Adapters of the store for a file and for SSM
stand in `token_file` and `token_ssm`.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from songpost.endpoints import TOKEN
from songpost.errors import (
    AccountBlocked,
    NotSent,
    OutcomeOpen,
    RateLimited,
    Refused,
    StoreUnavailable,
    StoreUnreadable,
    Unauthorized,
)
from songpost.nouns import replace
from songpost.x.answers import read
from songpost.x.credentials import OAuth2
from songpost.x.refusals import unreadable
from songpost.x.transport import Request, Transport

logger = logging.getLogger(__name__)

HOST = "https://api.x.com"
NEAR_END_SECONDS = 300
"""A token this close to its end is refreshed before use: longer than an invocation and the clock's skew."""
WITHIN_SECONDS = 15.0
LEASE_SECONDS = 30
"""Longer than an exchange with the token endpoint can take."""
POLL_SECONDS = 0.25
UNKNOWN_POLLS = 8
LONGEST_LIFE_SECONDS = 30 * 24 * 3600
MEND = "run `songpost authorize`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An access token, the refresh token that replaces it, and when the access token ends (UTC).

    Generations count up from 1. `spending` is set while, and after, somebody spends the refresh token.
    """

    generation: int
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    scopes: tuple[str, ...] = ()
    spending: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen outside."""
        return tuple(value for value in (self.access_token, self.refresh_token) if value)


class TokenStore(Protocol):
    """Where the pair lives. `claim` and `save` are compare-and-swap: of two callers one succeeds.

    An adapter raises `StoreError`s of its own; what is unreadable is `StoreUnreadable`.
    """

    def load(self) -> Pair | None:
        """Read the newest generation, with its claim; `None` where there is none."""
        ...

    def claim(self, pair: Pair) -> bool:
        """Write down that this generation is being spent; false where it is claimed, or no longer the newest."""
        ...

    def unclaim(self, pair: Pair) -> None:
        """Take the claim back: the refresh token was certainly not spent."""
        ...

    def save(self, pair: Pair) -> bool:
        """Store a new generation, unclaimed; false where that generation is there already. Durable when it returns."""
        ...


class Lease(Protocol):
    """A lease on refreshing, held by at most one process at a time (the store's `acquire_lease`)."""

    def acquire(self, holder: str, now: datetime, until: datetime) -> bool:
        """Take it until `until` if it is free, over, or already this holder's."""
        ...

    def release(self, holder: str) -> None:
        """Give it back."""
        ...


def encoded(pair: Pair) -> str:
    """Write a pair as JSON, for an adapter to keep."""
    return json.dumps(
        {
            "generation": pair.generation,
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "expires_at": pair.expires_at.isoformat(),
            "scopes": list(pair.scopes),
            "spending": pair.spending,
            "schema_version": 1,
        }
    )


def decoded(text: str | bytes, where: str) -> Pair:
    """Read a pair that `encoded` wrote. Raises `StoreUnreadable`, which quotes none of it."""
    try:
        value = json.loads(text)
        expires_at = datetime.fromisoformat(value["expires_at"])
        pair = Pair(
            generation=int(value["generation"]),
            access_token=str(value["access_token"]),
            refresh_token=str(value["refresh_token"]),
            expires_at=expires_at.astimezone(UTC),
            scopes=tuple(str(scope) for scope in value["scopes"]),
            spending=bool(value["spending"]),
        )
        sound = value["schema_version"] == 1 and expires_at.tzinfo is not None and pair.generation > 0
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        sound, pair = False, None
    if pair is None or not sound or not _is_token(pair.access_token):
        raise StoreUnreadable("holds no pair of tokens", where=where, mend=MEND)
    return pair


class Grant:
    """The account's grant: hands out access tokens that are still good, and renews them (`authorization.Tokens`).

    `clock` gives aware times; `sleep` waits for a lease that another process holds; `transport` reaches the
    token endpoint.
    """

    def __init__(
        self,
        credentials: OAuth2,
        store: TokenStore,
        lease: Lease,
        transport: Transport,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._credentials = credentials
        self._store = store
        self._lease = lease
        self._transport = transport
        self._clock = clock
        self._sleep = sleep
        self._pair: Pair | None = None

    def access_token(self, deadline: datetime) -> str:
        """Give a token that is good for some minutes; the store is read once while it is.

        Raises `Unauthorized` (the grant is dead, or the client not accepted), `NotSent`, `RateLimited`, and the
        store's errors. None of them means that anything but a refresh may have been done at X.
        """
        if self._pair is None or self._ends_soon(self._pair):
            self._pair = self._load()
        if self._ends_soon(self._pair):
            self._pair = self._refreshed(self._pair, "", deadline)
        return self._pair.access_token

    def renewed(self, rejected: str, deadline: datetime) -> str:
        """Give a newer token than `rejected`: another process's, or a refreshed one. Raises as `access_token`."""
        self._pair = self._load()
        if self._pair.access_token == rejected:
            self._pair = self._refreshed(self._pair, rejected, deadline)
        return self._pair.access_token

    def _ends_soon(self, pair: Pair) -> bool:
        return self._clock() + timedelta(seconds=NEAR_END_SECONDS) >= pair.expires_at

    def _load(self) -> Pair:
        pair = self._store.load()
        if pair is None:
            raise Unauthorized("there are no tokens yet", where="oauth2", mend=MEND)
        return pair

    def _refreshed(self, seen: Pair, rejected: str, deadline: datetime) -> Pair:
        """Refresh the pair that was seen, or wait for the process that is doing so and take its pair."""
        holder = secrets.token_hex(8)
        while True:
            now = self._clock()
            if self._lease.acquire(holder, now, now + timedelta(seconds=LEASE_SECONDS)):
                try:
                    return self._under_lease(seen, rejected, deadline)
                finally:
                    self._lease.release(holder)
            newest = self._load()
            if newest.generation > seen.generation:
                return newest
            if self._clock() + timedelta(seconds=POLL_SECONDS) >= deadline:
                raise NotSent(
                    "another process is refreshing the token, and took too long",
                    where="oauth2",
                    mend="the next tick tries again",
                )
            self._sleep(POLL_SECONDS)

    def _under_lease(self, seen: Pair, rejected: str, deadline: datetime) -> Pair:
        """Spend the refresh token, if it is still the one to spend."""
        newest = self._load()
        if newest.generation > seen.generation:
            return newest
        if not newest.refresh_token:
            raise Unauthorized("the grant has no refresh token", where="oauth2", mend=MEND)
        # Two can hold a lease that they believe in (one of them was frozen); of two claims one is granted.
        if newest.spending or not self._store.claim(newest):
            return self._of_unknown_fate(newest, rejected)
        try:
            fresh = self._exchange(newest, deadline)
        except (NotSent, RateLimited, AccountBlocked):
            self._store.unclaim(newest)
            raise
        except Refused:
            winner = self._load()
            if winner.generation > newest.generation:
                return winner
            raise Unauthorized("X no longer knows the refresh token", where="oauth2", mend=MEND) from None
        except OutcomeOpen as error:
            logger.warning("oauth2: %s", error)
            return self._of_unknown_fate(newest, rejected)
        if not self._saved(fresh):
            raise Unauthorized(
                f"generation {fresh.generation} of the tokens was written by someone else", where="oauth2", mend=MEND
            )
        logger.info("oauth2: refreshed, generation %d", fresh.generation)
        return fresh

    def _saved(self, fresh: Pair) -> bool:
        """Store the only copy of a pair, asking again while the store is away: without it the grant is lost."""
        for _ in range(UNKNOWN_POLLS):
            try:
                return self._store.save(fresh)
            except StoreUnavailable as error:
                logger.warning("oauth2: the new tokens are not stored yet: %s", error)
                self._sleep(POLL_SECONDS)
        return self._store.save(fresh)

    def _of_unknown_fate(self, pair: Pair, rejected: str) -> Pair:
        """Wait a moment for a newer pair, else use this one as long as its access token lasts."""
        for _ in range(UNKNOWN_POLLS):
            newest = self._load()
            if newest.generation > pair.generation:
                return newest
            if self._clock() < newest.expires_at and newest.access_token != rejected:
                logger.warning("oauth2: a refresh has no answer; the token serves until it ends, then: %s", MEND)
                return newest
            self._sleep(POLL_SECONDS)
        raise Unauthorized(
            "a refresh has no answer, so the refresh token may be spent, and is not spent again",
            where="oauth2",
            mend=MEND,
        )

    def _exchange(self, pair: Pair, deadline: datetime) -> Pair:
        """Ask X for the next generation."""
        form = {"grant_type": "refresh_token", "refresh_token": pair.refresh_token}
        within = min(WITHIN_SECONDS, (deadline - self._clock()).total_seconds())
        return exchange(
            self._credentials,
            form,
            transport=self._transport,
            clock=self._clock,
            within_seconds=within,
            generation=pair.generation + 1,
        )


def exchange(
    credentials: OAuth2,
    form: Mapping[str, str],
    *,
    transport: Transport,
    clock: Callable[[], datetime],
    within_seconds: float,
    generation: int,
) -> Pair:
    """Ask the token endpoint once, with a code or a refresh token in `form`; give the pair as `generation`.

    A confidential client authenticates with HTTP Basic, a public one by its id in the form. Raises `Refused`
    (the code or refresh token is no good), `AccountBlocked` (the client is not accepted), `RateLimited`,
    `NotSent`: nothing was spent but, with `Refused`, a token that was dead; `OutcomeOpen`: it may be spent.
    """
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Songpost"}
    body = dict(form)
    if credentials.client_secret:
        basic = f"{credentials.client_id}:{credentials.client_secret}"
        headers["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
    else:
        body["client_id"] = credentials.client_id
    asked_at = clock()
    if within_seconds <= 0:
        raise NotSent("no time was left to ask for a token", where="oauth2", mend="try again later")
    response = transport.send(
        Request(
            method=TOKEN.method,
            url=HOST + TOKEN.path,
            headers=headers,
            body=urlencode(body).encode(),
            send_by=asked_at + timedelta(seconds=within_seconds),
            within_seconds=within_seconds,
        )
    )
    reply = read(TOKEN, response, clock())
    access, refresh = reply.body.get("access_token"), reply.body.get("refresh_token", "")
    seconds, scope = reply.body.get("expires_in"), reply.body.get("scope", "")
    if not isinstance(access, str) or not isinstance(refresh, str) or not _is_token(access):
        raise unreadable(TOKEN, reply.status, "no pair of tokens in the answer", reply.told)
    # Without a sensible life time the token is used until X rejects it, and then refreshed.
    known = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds <= LONGEST_LIFE_SECONDS
    return Pair(
        generation=generation,
        access_token=access,
        refresh_token=refresh if _is_token(refresh) else "",
        expires_at=asked_at + timedelta(seconds=seconds if known and isinstance(seconds, int) else 7200),
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def keep(store: TokenStore, pair: Pair) -> Pair:
    """Store a pair that a person has just authorized, as the newest generation; give it with its number."""
    for _ in range(UNKNOWN_POLLS):
        current = store.load()
        numbered = replace(pair, generation=(current.generation if current else 0) + 1)
        if store.save(numbered):
            return numbered
    raise StoreUnreadable("the tokens kept changing", where="oauth2", mend=MEND)


def _is_token(text: str) -> bool:
    """Whether a text can stand in a header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
