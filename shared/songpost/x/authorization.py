"""Who signs a request, and what can be done when X does not accept the signature: one object per mode."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from songpost.errors import NotSent, StoreError
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
    """Four secrets that never change: nothing to renew."""

    user_auth = True

    def __init__(self, credentials: OAuth1) -> None:
        self._credentials = credentials
        self._signer: AuthBase | None = None

    def signer(self, deadline: datetime) -> AuthBase:
        """Give the one signer; it makes a new nonce for each request."""
        del deadline
        if self._signer is None:
            from songpost.x.wire import oauth1  # tweepy is imported when first used

            self._signer = oauth1(self._credentials)
        return self._signer

    def renew(self, deadline: datetime) -> bool:
        """Say that nothing can be renewed."""
        del deadline
        return False


class AppAuthorization:
    """The app's own bearer token, which X wants for what is about the app and no user."""

    user_auth = False

    def __init__(self, bearer_token: str) -> None:
        self._bearer_token = bearer_token

    def signer(self, deadline: datetime) -> AuthBase:
        """Give the signer of the app's token."""
        from songpost.x.wire import bearer

        del deadline
        return bearer(self._bearer_token)

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

        try:
            self._used = self._tokens.access_token(deadline)
        except StoreError as error:
            raise _no_token(error) from error
        return bearer(self._used)

    def renew(self, deadline: datetime) -> bool:
        """Fetch a newer token than the rejected one."""
        try:
            return self._tokens.renewed(self._used, deadline) != self._used
        except StoreError as error:
            raise _no_token(error) from error


def _no_token(error: StoreError) -> NotSent:
    """Say of a call what a failing token store means for it: that it was not sent."""
    return NotSent(f"no token: {error.what}", where=error.where or "oauth2", mend=error.mend)
