"""The one-time consent of OAuth 2.0: authorization code with PKCE (S256), on a loopback port of the redirect URI.

A person opens X's page in a browser, allows the app, and X sends the browser back to this machine with a code.
The page that waits for it answers favicons and strangers without being disturbed, compares `state` in constant
time, and is gone after a time limit. RFC 7636, RFC 8252; X lets a code live for 30 seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import queue
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from songpost.endpoints import OWNER_SCOPES
from songpost.errors import CredentialsError, Refused, VariableError, quote
from songpost.x.credentials import OAuth2
from songpost.x.tokens import WITHIN_SECONDS, Pair, exchange
from songpost.x.transport import Transport

logger = logging.getLogger(__name__)

PAGE_URL = "https://x.com"
PAGE_PATH = "/i/oauth2/authorize"
WAIT_SECONDS = 300.0
_HEARING_SECONDS = 10
_MEND = "run `songpost authorize` again"
_ALLOWED = "Songpost has your consent. You can close this window and go back to the terminal."
_DENIED = "Nothing was allowed, and nothing is kept. You can close this window and go back to the terminal."
_ASIDE = {
    400: "This is not the answer that Songpost waits for. Go back to the page that it opened.",
    404: "There is nothing here.",
}
_PAGE = '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Songpost</title><p>{}</p></html>'


class _Consent(NamedTuple):
    """What X sent the browser back with: a code, or the name of an error."""

    code: str
    error: str

    @property
    def page(self) -> str:
        """What the person reads in the browser."""
        return _ALLOWED if self.code and not self.error else _DENIED


def authorize(
    credentials: OAuth2,
    *,
    open_page: Callable[[str], None],
    transport: Transport,
    clock: Callable[[], datetime],
    base_url: str = "",
    scopes: Sequence[str] = OWNER_SCOPES,
    wait_seconds: float = WAIT_SECONDS,
) -> Pair:
    """Ask a person's consent and give the pair of tokens, as generation 1 (`tokens.keep` stores and numbers it).

    `open_page` shows an address to the person; `base_url` is another X host (the sandbox). Raises
    `CredentialsError`: nobody answered in time, the person said no, X did not take the code, or gave no refresh
    token; `VariableError` where the port of the redirect URI is taken; and the errors of the wire.
    """
    verifier = secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    state = secrets.token_urlsafe(32)
    asked = {
        "response_type": "code",
        "client_id": credentials.client_id,
        "redirect_uri": credentials.redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    with _waiting(credentials.redirect_uri, state) as consents:
        open_page((base_url or PAGE_URL) + PAGE_PATH + "?" + urlencode(asked))
        try:
            consent = consents.get(timeout=wait_seconds)
        except queue.Empty:
            raise CredentialsError(
                f"nobody gave consent within {wait_seconds:g} s", where="authorize", mend=_MEND
            ) from None
    if consent.error or not consent.code:
        raise CredentialsError(
            f"X says {quote(consent.error or 'nothing')}", where="authorize", mend=f"allow the app, or {_MEND}"
        )
    form = {
        "grant_type": "authorization_code",
        "code": consent.code,
        "redirect_uri": credentials.redirect_uri,
        "code_verifier": verifier,
    }
    try:
        pair = exchange(
            credentials, form, transport=transport, clock=clock, within_seconds=WITHIN_SECONDS, generation=1
        )
    except Refused as error:
        raise CredentialsError(f"X did not take the code: {error.what}", where="authorize", mend=_MEND) from error
    if not pair.refresh_token:
        raise CredentialsError(
            "X gave no refresh token, so the consent would end in two hours",
            where="authorize",
            mend="allow offline.access in the app's settings at X",
        )
    return pair


@contextmanager
def _waiting(redirect_uri: str, state: str) -> Iterator[queue.SimpleQueue[_Consent]]:
    """Listen on the redirect URI; the first consent with the right state is put into the queue."""
    uri = urlsplit(redirect_uri)
    consents: queue.SimpleQueue[_Consent] = queue.SimpleQueue()
    try:
        server = _Server(uri, state, consents)
    except OSError as error:
        raise VariableError(
            f"its port {uri.port} cannot be listened on: {error.strerror}",
            where="X_REDIRECT_URI",
            mend="end the program that has it, or choose another and list it in the app's settings at X",
        ) from error
    # Browsers open spare connections and say nothing on them: each gets a thread, none holds up the others.
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="songpost-consent", daemon=True)
    thread.start()
    try:
        yield consents
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """Waits on loopback for the browser to come back."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, uri: SplitResult, state: str, consents: queue.SimpleQueue[_Consent]) -> None:
        host = "127.0.0.1" if uri.hostname == "localhost" else uri.hostname or ""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.path = uri.path or "/"
        self.consents = consents
        self._state = state
        super().__init__((host, uri.port or 0), _Handler)

    def hear(self, target: str) -> _Consent | int:
        """Understand a request's target: the consent, or the status that another request is answered with."""
        uri = urlsplit(target)
        if uri.path != self.path:
            return 404
        said = {name: values[0] for name, values in parse_qs(uri.query).items()}
        if not hmac.compare_digest(said.get("state", "").encode(), self._state.encode()):
            logger.warning("authorize: an answer with another state was ignored")
            return 400
        return _Consent(said.get("code", ""), said.get("error", ""))

    def handle_error(self, *connection: Any) -> None:
        """Say nothing of a browser that hung up: it is no error of the command's."""
        error = sys.exception()
        if isinstance(error, OSError):
            logger.debug("authorize: a connection broke off: %s", error)
        else:
            super().handle_error(*connection)


class _Handler(BaseHTTPRequestHandler):
    """One connection of the browser."""

    server: _Server
    timeout = _HEARING_SECONDS

    def do_GET(self) -> None:
        """Answer, and only then pass the consent on: the command may end with it, and would take the page along."""
        heard = self.server.hear(self.path)
        if isinstance(heard, int):
            self._answer(heard, _ASIDE[heard])
            return
        try:
            self._answer(200, heard.page)
        finally:
            self.server.consents.put(heard)

    def _answer(self, status: int, text: str) -> None:
        """Send a page that says what to do; it is neither kept nor told to others."""
        body = _PAGE.format(text).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the parent class
        """Say nothing: the address holds the code."""
