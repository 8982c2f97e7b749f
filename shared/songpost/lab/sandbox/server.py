"""The sandbox over HTTP on loopback: any client, in any process, in any language.

A lost connection is really closed, a slow answer really waits. Paths under `/_sandbox/` are the control room
(`control.py`); everything else goes to `Sandbox.handle`.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

from . import control
from .sandbox import Sandbox
from .state import StateError, load, save
from .wire import ConnectionLost, Request, Response

if TYPE_CHECKING:
    from types import FrameType

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 64 * 1024 * 1024
_LENGTH = re.compile(r"[0-9]{1,12}")
_HOST = re.compile(r"[A-Za-z0-9.:-]+|\[[0-9a-f:]+\](:[0-9]+)?")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: SandboxServer

    def _answer(self) -> None:
        length = self.headers.get("content-length", "0")
        host = self.headers.get("host", "")
        if not _LENGTH.fullmatch(length) or int(length) > LARGEST_BODY or not _HOST.fullmatch(host):
            self._send(Response(400, {"content-length": "0", "connection": "close"}, b""))
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        request = Request(self.command, f"http://{host}{self.path}", dict(self.headers.items()), body)
        if self.path.startswith(control.PREFIX):
            self._send(control.handle(self.server.sandbox, request))
            return
        try:
            response = self.server.sandbox.handle(request)
        except ConnectionLost:
            self._cut()
            return
        if response.delay_seconds:
            time.sleep(response.delay_seconds)
        self._send(response)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = _answer  # noqa: N815 - named by the base class

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _cut(self) -> None:
        """Close the connection so that the client sees a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Say nothing: the sandbox keeps its own log."""


class SandboxServer(ThreadingHTTPServer):
    """A sandbox on a loopback port. Use as a context manager, or `start` and `stop`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def start(self) -> Self:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, hang up on every client and free the port."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a client and remember its connection, which may outlive many requests."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Forget a client that is done."""
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error; anything else is, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def serve(sandbox: Sandbox, port: int = 0) -> SandboxServer:
    """Put a sandbox on a loopback port (0 chooses a free one) and serve it in a thread; `stop()` ends it."""
    return SandboxServer(sandbox, port).start()


def main(port: int = 0, state: Path | None = None, sandbox: Sandbox | None = None) -> int:
    """Serve until SIGTERM or SIGINT; prints one JSON line with the URL and the test credentials, and saves the state.

    Returns the exit code: 0 done, 1 with a line on standard error where the port is taken or the state unreadable.
    """
    try:
        served = sandbox or _loaded(state)
        server = SandboxServer(served, port)
    except StateError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"sandbox: port {port} on {LOOPBACK} cannot be used ({error}): choose another with --port\n")
        return 1
    # No threading.Event: a handler runs in the midst of `wait`, which may hold the very lock that `set` wants.
    asked: list[int] = []

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    with server:
        sys.stdout.write(json.dumps({"url": server.url, **control.credentials_json(served)}) + "\n")
        sys.stdout.flush()
        while not asked:
            time.sleep(0.2)
    for number, handler in before.items():
        signal.signal(number, handler)
    if state is not None:
        save(served, state)
    return 0


def _loaded(state: Path | None) -> Sandbox:
    return load(state) if state is not None and state.exists() else Sandbox()
