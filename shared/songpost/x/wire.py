"""tweepy, made to write requests instead of sending them.

tweepy knows X's routes, parameters and signatures, but sends without a time limit, follows redirects, logs the
Authorization header at DEBUG, and stumbles over answers that are no JSON objects. So its one sending method is
overridden to hand back what it would have sent; `signed` turns that into a request for the transport. A call
that tweepy does not know is a `Call` written by hand. See docs/decisions/0051-tweepy-writes-we-send.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote_plus

import requests
import tweepy
from requests.auth import AuthBase

from songpost.model import Json
from songpost.x.credentials import OAuth1

HOST = "https://api.twitter.com"
"""The host that tweepy speaks to and signs for; the transport may send elsewhere."""
USER_AGENT = "Songpost"
_TELLTALES = (
    "tweepy.client",
    "tweepy.auth",
    "requests_oauthlib.oauth1_auth",
    "requests_oauthlib.oauth1_session",
    "requests_oauthlib.oauth2_session",
    "oauthlib.oauth1.rfc5849",
    "oauthlib.oauth1.rfc5849.signature",
    "oauthlib.oauth2.rfc6749",
)
"""Loggers that write headers, signatures or tokens at DEBUG."""


class _NoDebug(logging.Filter):
    """Lets nothing below INFO through, whatever level anybody sets."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a record of INFO and above."""
        return record.levelno >= logging.INFO


_NO_DEBUG = _NoDebug("songpost")
for _name in _TELLTALES:
    # At the source: a level set later (by a handler's owner, by dictConfig) does not undo a filter.
    logging.getLogger(_name).addFilter(_NO_DEBUG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request before it is signed: route, query, and a JSON body or a form with a file."""

    method: str
    route: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Json] | None = None
    form: Mapping[str, str] | None = None
    file: tuple[str, bytes] | None = field(default=None, repr=False)
    user_auth: bool = True


class Scribe(tweepy.Client):  # type: ignore[misc]  # tweepy ships no types
    """A tweepy client whose methods return the `Call` that they would have sent.

    `user_auth` is what each of its methods must be given: true for OAuth 1.0a, false where the bearer is a
    user's OAuth 2.0 token.
    """

    def __init__(self, *, user_auth: bool, own_id: Callable[[], str]) -> None:
        super().__init__(return_type=requests.Response)
        self.user_auth = user_auth
        self._own_id = own_id

    def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, object] | None = None,
        json: Mapping[str, Json] | None = None,
        user_auth: bool = False,  # noqa: FBT001, FBT002 - tweepy's signature
    ) -> Call:
        """Write down what tweepy would send."""
        return Call(
            method=method,
            route=route,
            params={name: str(value) for name, value in (params or {}).items()},
            body=json,
            user_auth=user_auth,
        )

    def _get_authenticating_user_id(self, *, oauth_1: bool = False) -> str:
        """Name the own user. tweepy would read it from the token, or pay for a call to ask X."""
        del oauth_1
        return self._own_id()


def oauth1(credentials: OAuth1) -> AuthBase:
    """Make the signer of OAuth 1.0a; one serves any number of requests, each with its own nonce.

    Its timestamps are the system's, not the clock port's: X compares them with its own present, whatever time
    a test pretends to be.
    """
    signer: AuthBase = tweepy.OAuth1UserHandler(
        credentials.api_key,
        credentials.api_secret,
        credentials.access_token,
        credentials.access_secret,
    ).apply_auth()
    return signer


def bearer(token: str) -> AuthBase:
    """Make the signer of a bearer token."""
    signer: AuthBase = tweepy.OAuth2BearerHandler(token)
    return signer


def signed(call: Call, auth: AuthBase) -> requests.PreparedRequest:
    """Write a call out in full and sign it, with a fresh nonce and time: once for each attempt.

    What requests would do besides is left out: to mend a host and a route that need none takes most of its time.
    """
    query = "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in call.params.items()])
    prepared = requests.PreparedRequest()
    prepared.method = call.method
    prepared.url = HOST + call.route + (f"?{query}" if query else "")
    prepared.headers = {"User-Agent": USER_AGENT}  # type: ignore[assignment]  # each name is written in one way alone
    if call.method != "GET":
        file = {"media": (call.file[0], call.file[1], "application/octet-stream")} if call.file else None
        prepared.prepare_body(call.form, file, call.body)
    return auth(prepared)


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    """A name or value as a query has it; most of them are the same in every call."""
    return quote_plus(text)
