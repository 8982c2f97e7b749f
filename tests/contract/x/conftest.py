"""A loopback server that does what a test scripts, byte by byte, and the sandbox over HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from songpost.lab.sandbox import Rules, Sandbox
from songpost.lab.sandbox.server import SandboxServer
from songpost.x.network import NetworkTransport
from songpost.x.transport import Request

Behaviour = Callable[[socket.socket], None]


def now() -> datetime:
    """Tell the time of the machine."""
    return datetime.now(UTC)


@dataclass
class RawServer:
    """Accepts connections and lets a behaviour handle each; keeps every byte that came, by connection."""

    behaviours: list[Behaviour]
    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    carried: dict[int, list[str]] = field(default_factory=dict)
    """The methods that each connection carried, by the connection's port."""

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"


def read_request(connection: socket.socket) -> bytes:
    """Read one whole request: head, and the body that its Content-Length announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes) -> Behaviour:
    """Answer requests on one connection with these bytes, in turn, then close."""

    def behave(connection: socket.socket) -> None:
        for one in answers:
            if not _heard(connection):
                return
            connection.sendall(one)

    return behave


def dripping(head: bytes, drop: bytes, seconds: float) -> Behaviour:
    """Answer with a head, then a drop every so many seconds, until the client has gone."""

    def behave(connection: socket.socket) -> None:
        _heard(connection)
        try:
            connection.sendall(head)
            while True:
                time.sleep(seconds)
                connection.sendall(drop)
        except OSError:
            return

    return behave


def silent(connection: socket.socket) -> None:
    """Hear the request, and say nothing until the client has gone."""
    _heard(connection)
    connection.settimeout(10)
    try:
        while connection.recv(65536):
            pass
    except OSError:
        return


_HEARING = threading.local()


def _heard(connection: socket.socket) -> bytes:
    data = read_request(connection)
    if data:
        server: RawServer = _HEARING.server
        server.heard.append(data)
        server.carried.setdefault(connection.getpeername()[1], []).append(data.split(b" ")[0].decode())
    return data


@contextmanager
def serving(*behaviours: Behaviour) -> Iterator[RawServer]:
    """Serve connections one after the other, each with the next behaviour; further ones are closed at once."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(list(behaviours), listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket, behaviour: Behaviour) -> None:
        _HEARING.server = server
        with connection:
            try:
                behaviour(connection)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if not server.behaviours:
                connection.close()
                continue
            thread = threading.Thread(target=handle, args=(connection, server.behaviours.pop(0)), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def request(method: str = "POST", path: str = "/2/tweets", **changes: object) -> Request:
    """Make a signed-looking request."""
    values: dict[str, object] = {
        "method": method,
        "url": "https://api.twitter.com" + path,
        "headers": {"Authorization": "OAuth secret", "Content-Type": "application/json"},
        "body": b'{"text": "hello"}' if method == "POST" else b"",
        "send_by": now() + timedelta(seconds=30),
        "within_seconds": 5.0,
        "fresh": method != "GET",
        **changes,
    }
    return Request(**values)  # type: ignore[arg-type]  # tests name the fields they change


def http(status: str, body: bytes = b"{}", *headers: str) -> bytes:
    """Make the bytes of an answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def network(url: str, **changes: object) -> Iterator[NetworkTransport]:
    """Open a transport to a base URL, and close it."""
    transport = NetworkTransport(clock=now, base_url=url, **changes)  # type: ignore[arg-type]  # as above
    try:
        yield transport
    finally:
        transport.close()


@pytest.fixture
def sandbox() -> Sandbox:
    """An X of our own that permits everything; tests narrow it."""
    return Sandbox(rules=Rules(plan="enterprise"), seed=1)


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[SandboxServer]:
    """The sandbox over HTTP on loopback."""
    with SandboxServer(sandbox) as running:
        yield running
