"""What proves to X who is asking: frozen, masked in `repr`, read from a mapping of variables.

`OAuth1` is the mode that settings call `tweepy` (four secrets, no expiry), `OAuth2` the one called `oauth2`
(authorization code with PKCE; its rotating pair of tokens lives in `tokens`). The command loads `.env` into
the mapping beforehand; in Lambda the same fields come from SSM. No value is ever quoted in an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from songpost.errors import VariableError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_REDIRECT_URI = "http://127.0.0.1:8765/callback"
DEFAULT_TOKEN_FILE = "data/x-token.json"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth1:
    """The four secrets of OAuth 1.0a user context. The access token begins with the user's id."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_secret: str = field(repr=False)

    @property
    def user_id(self) -> str:
        """The id of the user whom the access token belongs to; empty where its form does not tell."""
        prefix, dash, _ = self.access_token.partition("-")
        return prefix if dash and prefix.isascii() and prefix.isdigit() else ""

    @property
    def digest(self) -> str:
        """A hash that tells whether the credentials have changed; it cannot be turned back into them."""
        return _digest("oauth1", self.api_key, self.access_token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen outside."""
        return (self.api_key, self.api_secret, self.access_token, self.access_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """An OAuth 2.0 client. A confidential one has a secret, a public one an empty `client_secret`.

    `redirect_uri` is a loopback address that the app lists in X's developer portal; `token_file` is where the
    pair lies on a laptop.
    """

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False, default="")
    redirect_uri: str = DEFAULT_REDIRECT_URI
    token_file: Path = Path(DEFAULT_TOKEN_FILE)

    @property
    def user_id(self) -> str:
        """Not told by these credentials."""
        return ""

    @property
    def digest(self) -> str:
        """A hash that tells whether the client has changed. Its tokens rotate and are left out."""
        return _digest("oauth2", self.client_id)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never be seen outside, the tokens apart."""
        return tuple(value for value in (self.client_id, self.client_secret) if value)


Credentials = OAuth1 | OAuth2


def from_env(environ: Mapping[str, str], mode: str) -> Credentials:
    """Read the credentials of a mode (`tweepy` or `oauth2`).

    Raises `VariableError`, which names the variable: missing, with blanks or other characters that no key has,
    or a redirect URI that is not on loopback.
    """
    if mode == "tweepy":
        return OAuth1(
            api_key=_secret(environ, "X_API_KEY"),
            api_secret=_secret(environ, "X_API_SECRET"),
            access_token=_secret(environ, "X_ACCESS_TOKEN"),
            access_secret=_secret(environ, "X_ACCESS_SECRET"),
        )
    if mode == "oauth2":
        return OAuth2(
            client_id=_secret(environ, "X_CLIENT_ID"),
            client_secret=_secret(environ, "X_CLIENT_SECRET") if environ.get("X_CLIENT_SECRET") else "",
            redirect_uri=_redirect(environ.get("X_REDIRECT_URI") or DEFAULT_REDIRECT_URI),
            token_file=Path(environ.get("X_TOKEN_FILE") or DEFAULT_TOKEN_FILE),
        )
    raise VariableError("is neither tweepy nor oauth2", where="X_AUTH_MODE", mend="correct it")


def _secret(environ: Mapping[str, str], variable: str) -> str:
    """Read one secret. Only its form is checked, and nothing of it is shown."""
    value = environ.get(variable, "")
    if not value:
        raise VariableError("is not set", where=variable, mend="set it, or put it into .env")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise VariableError("holds a blank or a character that no key of X has", where=variable, mend="copy it anew")
    return value


def _redirect(uri: str) -> str:
    """Check a redirect URI: plain HTTP on a loopback host, with a port that can be listened on."""
    try:
        parts = urlsplit(uri)
        usable = parts.scheme == "http" and parts.hostname in _LOOPBACK and bool(parts.port)
    except ValueError:
        usable = False
    if not usable:
        raise VariableError(
            "is no loopback address with a port",
            where="X_REDIRECT_URI",
            mend=f"use {DEFAULT_REDIRECT_URI}, and list it in the app's settings at X",
        )
    return uri


def _digest(*parts: str) -> str:
    """Hash parts that are random enough by themselves: SHA-256, the first 16 hex digits."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
