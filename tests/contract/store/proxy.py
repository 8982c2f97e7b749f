"""A proxy on loopback between a store and DynamoDB Local: it counts requests, and loses or makes up answers.

What it does to a request is decided by a script, a function from the request to a `Deed`. Everything that
went over the wire is kept in `heard`.
"""

from __future__ import annotations

import http.client
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

_PREFIX = "DynamoDB_20120810."


@dataclass(frozen=True)
class Request:
    """One request: its operation (`Query`), its body, and how many of the operation came before it."""

    operation: str
    body: dict[str, Any]  # JSON as it came
    number: int


@dataclass(frozen=True)
class Forward:
    """Pass it on, changed if `body` says so, and bring the answer back."""

    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Lose:
    """Give no answer: the connection breaks. `after` passing the request on, or before."""

    after: bool
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Hold:
    """Give no answer, and keep the connection until the other side gives up."""

    after: bool


@dataclass(frozen=True)
class Say:
    """Answer in DynamoDB's place. `after` passing the request on, or instead."""

    status: int
    said: bytes
    after: bool = False


Deed = Forward | Lose | Hold | Say
Script = Callable[[Request], Deed]


def error(code: str, *, status: int = 400, after: bool = False, **more: object) -> Say:
    """An error as DynamoDB gives it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"{code}, it says", **more}
    return Say(status, json.dumps(body).encode(), after)


def cancelled(*reasons: str) -> Say:
    """A cancelled transaction, with one reason for each of its operations."""
    return error("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


def forward(request: Request) -> Deed:
    """Pass everything on."""
    del request
    return Forward()


class Proxy:
    """What was heard, and what is to be done with what comes."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.script: Script = forward
        self.heard: list[Request] = []
        self.url = ""
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._told = 0

    @property
    def operations(self) -> list[str]:
        """The operations that went over the wire, in order."""
        return [request.operation for request in self.heard]

    def news(self) -> list[str]:
        """The operations that went over the wire since the last time."""
        told, self._told = self._told, len(self.heard)
        return self.operations[told:]

    def first(self, *deeds: Deed, of: str = "TransactWriteItems") -> None:
        """Do these to the next requests of an operation; pass all others on."""
        heard = self.operations.count(of)

        def script(request: Request) -> Deed:
            at = request.number - heard
            return deeds[at] if request.operation == of and at < len(deeds) else Forward()

        self.script = script

    def reset(self) -> None:
        """Forget what was heard, and pass everything on."""
        self.heard, self._told, self.script = [], 0, forward

    def hear(self, operation: str, body: dict[str, Any]) -> tuple[Request, Deed]:
        """Keep a request, and decide."""
        with self._lock:
            request = Request(operation, body, self.operations.count(operation))
            self.heard.append(request)
            return request, self.script(request)


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together: in two packets the second would wait for a delayed ACK
    proxy: ClassVar[Proxy]

    def do_POST(self) -> None:
        """Hear a request, and do what the script says."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].removeprefix(_PREFIX)
        request, deed = self.proxy.hear(operation, json.loads(raw))
        status, said = 0, b""
        if isinstance(deed, Forward) or deed.after:
            status, said = self._pass_on(getattr(deed, "body", None), request)
        match deed:
            case Forward():
                self._answer(status, said)
            case Say():
                self._answer(deed.status, deed.said)
            case Hold():
                self.proxy.closing.wait(30)
                self.close_connection = True
            case Lose():
                self.close_connection = True

    def _pass_on(self, body: dict[str, Any] | None, request: Request) -> tuple[int, bytes]:
        upstream = self.proxy.upstream
        connection = http.client.HTTPConnection(str(upstream.hostname), upstream.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        with closing(connection):
            connection.request("POST", "/", json.dumps(body or request.body).encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _answer(self, status: int, said: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(said)))
        self.send_header("x-amz-crc32", str(zlib.crc32(said)))
        self.end_headers()
        self.wfile.write(said)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    """A proxy before `upstream`, until the end of the block."""
    proxy = Proxy(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
