"""Who signs a request, and what can be done when X does not accept the signature: one object per mode."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from songpost.x.credentials import OAuth1

if TYPE_CHECKING:
    from requests.auth import AuthBase


class Tokens(Protocol):
    """Access tokens of OAuth 2.0 that renew themselves (see `tokens.Grant`)."""

    def access_token(self, deadline: datetime) -> str:
        """Give a token that is still good, refreshed first if it is about to end."""
        ...

    def renewed(self, rejected: str, deadline: datetime) -> str:
        """Give a newer token than the one that X rejected."""
        ...


class Authorization(Protocol):
    """Signs requests in one of the two modes. `user_auth` is what tweepy calls signing by OAuth 1.0a."""

    user_auth: bool

    def signer(self, deadline: datetime) -> AuthBase:
        """Give the signer for one attempt."""
        ...

    def renew(self, deadline: datetime) -> bool:
        """Try to mend a rejected signature; whether there is a new one to try with. Asked once per call."""
        ...


class OAuth1Authorization:
    """Four secrets that never change: nothing to renew. Requests are signed at the time of `clock` (aware)."""

    user_auth = True

    def __init__(self, credentials: OAuth1, clock: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._clock = clock

    def signer(self, deadline: datetime) -> AuthBase:
        """Give a signer for now, with a nonce of its own."""
        from songpost.x.wire import oauth1  # tweepy is imported when first used

        del deadline
        return oauth1(self._credentials, self._clock())

    def renew(self, deadline: datetime) -> bool:
        """Say that nothing can be renewed."""
        del deadline
        return False


class OAuth2Authorization:
    """A bearer token of a user that is refreshed near its end, and once after a 401."""

    user_auth = False

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._used = ""

    def signer(self, deadline: datetime) -> AuthBase:
        """Give a signer with the current token."""
        from songpost.x.wire import bearer

        self._used = self._tokens.access_token(deadline)
        return bearer(self._used)

    def renew(self, deadline: datetime) -> bool:
        """Fetch a newer token than the rejected one."""
        return self._tokens.renewed(self._used, deadline) != self._used
