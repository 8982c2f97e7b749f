"""The wire itself: one HTTP/1.1 exchange over a socket whose every wait is bounded.

Built on `http.client` because three things must be visible here that pools hide: the moment between "connected"
and "first byte" (before it nothing was sent, after it everything is possible), a total deadline that a server
which drips a byte a second cannot stretch, and a connection that is certainly new. No proxy, no `.netrc`, no
redirect, no retry, no compression. See docs/decisions/0050-own-exchange-below-tweepy.md.
"""

from __future__ import annotations

import io
import queue
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from urllib.parse import urlsplit

from songpost.errors import NotSent, OutcomeOpen, VariableError, quote
from songpost.x.transport import Request, Response

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
IDLE_SECONDS = 5.0
"""How long a connection is kept for the next read: long enough for the pages of one read, no longer."""
BODY_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Resolve = Callable[[str, int], list[tuple[int, tuple[object, ...]]]]
"""Look a host up: (host, port) to (address family, socket address), best first."""


class _TooLateError(Exception):
    """The send deadline passed while connecting; nothing was sent."""


class _Place(NamedTuple):
    """Where a request goes: the parts of its URL that make a connection."""

    tls: bool
    host: str
    port: int


class _BoundedSocket:
    """A socket whose every wait ends at `until` (monotonic) or after `READ_SECONDS`, whichever is sooner.

    `http.client` takes it for a socket. `begun` turns true just before the first byte of a request leaves, and
    `gate` is asked at that very moment. `close` does nothing: who opened the socket closes it.
    """

    def __init__(self, raw: socket.socket, read_seconds: float) -> None:
        self.raw = raw
        self.begun = False
        self._read_seconds = read_seconds
        self._until = 0.0
        self._gate: Callable[[], None] = lambda: None

    def arm(self, until: float, gate: Callable[[], None]) -> None:
        """Set the bounds of the next exchange."""
        self._until, self._gate, self.begun = until, gate, False

    def sendall(self, data: bytes) -> None:
        """Send in pieces, so that no piece can wait beyond the deadline."""
        view = memoryview(data)
        while view:
            self.raw.settimeout(self._left())
            if not self.begun:
                self._gate()
                self.begun = True
            view = view[self.raw.send(view[:_CHUNK_BYTES]) :]

    def recv_into(self, buffer: memoryview) -> int:
        """Receive what is there, waiting no longer than the bounds allow."""
        self.raw.settimeout(self._left())
        return self.raw.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Read through the bounds; `http.client` asks for mode `rb`."""
        del mode
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Leave the socket open: http.client closes it while the answer is still being read."""

    def _left(self) -> float:
        left = min(self._until - time.monotonic(), self._read_seconds)
        if left <= 0:
            raise TimeoutError("the total deadline passed")
        return left


class _Reader(io.RawIOBase):
    """The reading side of a bounded socket as a raw stream."""

    def __init__(self, bounded: _BoundedSocket) -> None:
        super().__init__()
        self._bounded = bounded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        return self._bounded.recv_into(memoryview(buffer))  # type: ignore[arg-type]  # always a writable buffer


class _Kept(NamedTuple):
    """An idle connection, and since when."""

    place: _Place
    bounded: _BoundedSocket
    at: float


class NetworkTransport:
    """Sends over the network. `clock` gives aware times; `base_url` sends everything to another host.

    The signature stays computed over the URL of the request, as X or a proxy in front of it expects.
    One object may serve several threads; each exchange has its connection to itself.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        base_url: str = "",
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        resolve: Resolve | None = None,
    ) -> None:
        self._clock = clock
        self._base = urlsplit(base_url.rstrip("/")) if base_url else None
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._resolve = resolve or _resolve
        self._kept: list[_Kept] = []
        # Whoever drops the transport drops its idle connections with it; nobody needs to remember to close.
        weakref.finalize(self, _close, self._kept)
        self._tls: ssl.SSLContext | None = None
        if self._base is not None:
            _place(base_url)

    def __repr__(self) -> str:
        """Name the host that it sends to."""
        return f"NetworkTransport({self._base.netloc if self._base else 'X'})"

    def send(self, request: Request) -> Response:
        """Send once over a bounded connection. Raises `NotSent`, `OutcomeOpen` (see `transport`)."""
        url = urlsplit(request.url)
        path = url.path + (f"?{url.query}" if url.query else "")
        if self._base is not None:
            path = self._base.path + path
        place = _place((self._base or url).geturl())
        where = f"{request.method} {url.path}"
        started = time.monotonic()
        until = started + request.within_seconds
        bounded = None if request.fresh else self._take(place)
        if bounded is None:
            bounded = self._connect(place, min(until, started + self._connect_seconds), where)
        bounded.arm(until, partial(_check, self._clock, request.send_by))
        keep = False
        try:
            response, keep = _exchange(bounded, place, path, request)
        except _TooLateError:
            raise NotSent(
                "the send deadline passed before the first byte", where=where, mend="the next tick decides anew"
            ) from None
        except (OSError, HTTPException, UnicodeError) as error:
            raise _failure(error, where, begun=bounded.begun) from None
        finally:
            if keep and not request.fresh:
                self._kept.append(_Kept(place, bounded, time.monotonic()))
            else:
                bounded.raw.close()
        return response

    def close(self) -> None:
        """Close the kept connections now; the transport stays usable."""
        _close(self._kept)

    def _take(self, place: _Place) -> _BoundedSocket | None:
        """Take a kept connection to the place, if it is young and silent: anything readable is its end."""
        while True:
            try:
                kept = self._kept.pop()
            except IndexError:
                return None
            young = time.monotonic() - kept.at < IDLE_SECONDS
            if kept.place == place and young and not select.select([kept.bounded.raw], [], [], 0)[0]:
                return kept.bounded
            kept.bounded.raw.close()

    def _connect(self, place: _Place, until: float, where: str) -> _BoundedSocket:
        """Look up, connect, and shake hands, all before `until` (monotonic). Raises `NotSent`."""
        try:
            raw = self._open(place, until)
        except (OSError, UnicodeError) as error:
            raise NotSent(
                f"no connection to {place.host}: {_cause(error)}",
                where=where,
                mend="check the network; nothing was sent",
            ) from None
        return _BoundedSocket(raw, self._read_seconds)

    def _open(self, place: _Place, until: float) -> socket.socket:
        addresses = _bounded_lookup(self._resolve, place, until)
        failure: OSError = TimeoutError("timed out")
        for tried, (family, address) in enumerate(addresses):
            left = until - time.monotonic()
            if left <= 0:
                break
            raw = socket.socket(family, socket.SOCK_STREAM)
            try:
                # A silent first address must leave time for the others.
                raw.settimeout(left / (len(addresses) - tried))
                raw.connect(address)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if place.tls:
                    raw.settimeout(max(until - time.monotonic(), 0.001))
                    raw = self._context().wrap_socket(raw, server_hostname=place.host)
            except OSError as error:
                raw.close()
                failure = error
            else:
                return raw
        raise failure

    def _context(self) -> ssl.SSLContext:
        """Make the TLS context once: certificates and host names are checked, against certifi's list."""
        if self._tls is None:
            import certifi

            self._tls = ssl.create_default_context(cafile=certifi.where())
        return self._tls


def _check(clock: Callable[[], datetime], send_by: datetime) -> None:
    """Check the send deadline; called just before the first byte."""
    if clock() >= send_by:
        raise _TooLateError


def _close(kept: list[_Kept]) -> None:
    """Close and forget connections."""
    while kept:
        kept.pop().bounded.raw.close()


def _place(url: str) -> _Place:
    """Split a URL; plain HTTP is for loopback alone, since every request carries the account's keys."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or (parts.scheme == "http" and host not in LOOPBACK):
        raise VariableError(
            f"{quote(url)} is no https address, and no loopback host",
            where="X_API_BASE_URL",
            mend="give https://HOST[:PORT]",
        )
    tls = parts.scheme == "https"
    return _Place(tls, host, parts.port or (443 if tls else 80))


def _exchange(bounded: _BoundedSocket, place: _Place, path: str, request: Request) -> tuple[Response, bool]:
    """Send one request over a connection and read the whole answer; also whether it can carry another."""
    connection = HTTPConnection(place.host, place.port)
    connection.debuglevel = 0  # a program that set the class's level would print the Authorization header
    connection.auto_open = 0
    connection.default_port = 443 if place.tls else 80  # so that Host names no needless port
    connection.sock = bounded  # all that http.client asks of a socket is there
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    headers["Accept-Encoding"] = "identity"
    connection.request(request.method, path, body=request.body or None, headers=headers)
    answer = connection.getresponse()
    body = answer.read(BODY_BYTES + 1)
    if len(body) > BODY_BYTES:
        raise HTTPException(f"the answer is larger than {BODY_BYTES} bytes")
    if answer.length:
        raise HTTPException(f"the answer ended {answer.length} bytes early")
    names: dict[str, str] = {}
    for name, value in answer.getheaders():
        names.setdefault(name.lower(), value)
    return Response(status=answer.status, headers=names, body=body), not answer.will_close and answer.isclosed()


def _failure(error: Exception, where: str, *, begun: bool) -> NotSent | OutcomeOpen:
    """Tell a failure before the first byte from one after it."""
    if begun:
        return OutcomeOpen(
            f"no whole answer: {_cause(error)}", where=where, mend="read the timeline before trying again"
        )
    return NotSent(f"not sent: {_cause(error)}", where=where, mend="nothing was sent; try again")


def _cause(error: Exception) -> str:
    """Describe a failure of the wire without anything that X or the request said."""
    if isinstance(error, TimeoutError):
        return "timed out"
    return f"{type(error).__name__}: {quote(str(error))}"


def _resolve(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """Look a host up with the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def _bounded_lookup(resolve: Resolve, place: _Place, until: float) -> list[tuple[int, tuple[object, ...]]]:
    """Look a host up before `until`. The system's resolver cannot be interrupted, so a thread of its own waits
    for it, and is left behind when it is late. Raises `OSError`.
    """
    if place.host in LOOPBACK:
        return resolve(place.host, place.port)
    answers: queue.SimpleQueue[list[tuple[int, tuple[object, ...]]] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(resolve(place.host, place.port))
        except (OSError, UnicodeError) as error:
            answers.put(OSError(str(error)))

    threading.Thread(target=look_up, name="songpost-lookup", daemon=True).start()
    try:
        answer = answers.get(timeout=max(until - time.monotonic(), 0))
    except queue.Empty:
        raise TimeoutError("the name was not resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
