"""The Lambda service as a function's runtime client sees it: the runtime API on loopback, for one invocation.

The API is AWS's (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, read 2026-11-22): the client asks
for `next`, runs the handler, and posts the `response` or the `error`. Here the second `next` is never answered, as
Lambda freezes an execution environment that has nothing to do; the caller then ends the process.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:songpost"
NEXT = "/2018-06-01/runtime/invocation/next"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the function sent back: `response` or `error`, the JSON, and all that it printed.

    Where it was ended before it had answered, `kind` is `timeout`, and there is no JSON.
    """

    kind: str
    body: dict[str, object]
    log: str


class _RuntimeApi(ThreadingHTTPServer):
    """Hands out one event, and keeps what is posted."""

    daemon_threads = True

    def __init__(self, event: object, timeout_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event = json.dumps(event).encode()
        self.deadline_ms = int((time.time() + timeout_seconds) * 1000)
        self.handed_out = False
        self.closing = threading.Event()
        self.posted: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is ended while it waits for `next` resets its connection; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as it came


class _Handler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers `next` once."""
        if self.path != NEXT or self.server.handed_out:
            self.server.closing.wait()
            self.close_connection = True
            return
        self.server.handed_out = True
        self._answer(
            HTTPStatus.OK,
            self.server.event,
            {
                "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
                "Lambda-Runtime-Deadline-Ms": str(self.server.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
            },
        )

    def do_POST(self) -> None:
        """Takes a response or an error, of an invocation or of the start."""
        size = self.headers.get("Content-Length")
        body = self.rfile.read(int(size)) if size else self._chunks()
        self.server.posted.put((self.path, body))
        self._answer(HTTPStatus.ACCEPTED, b"{}", {})

    def _chunks(self) -> bytes:
        body = b""
        while length := int(self.rfile.readline(), 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name for it
        """Logs nothing: the function's own output is what a test wants to read."""


@dataclass(frozen=True, slots=True)
class Lambda:
    """Where a function's parts lie, as on AWS: /var/task, /opt/python and /var/runtime, and the interpreter."""

    python: Path
    task: Path
    layer: Path
    client: Path

    def invoke(
        self,
        event: object,
        environ: Mapping[str, str],
        timeout_seconds: float = 60,
        ended_when: Callable[[], object] = lambda: False,
    ) -> Answer:
        """Start a new execution environment with nothing but `environ` and Lambda's own variables; run one event.

        After `timeout_seconds`, which the function is told, it is killed as Lambda kills it, and sooner where
        `ended_when` says so. Raises `AssertionError` with its output if it ends by itself without an answer.
        """
        with _RuntimeApi(event, timeout_seconds) as api, tempfile.TemporaryFile("w+") as output:
            threading.Thread(target=api.serve_forever, daemon=True).start()
            process = subprocess.Popen(
                [self.python, "-m", "awslambdaric", "app.handler"],
                cwd=self.task,
                env=self._variables(api.server_port) | dict(environ),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                posted = self._posted(api, process, timeout_seconds, ended_when)
                died = process.poll() is not None
            finally:
                process.kill()
                process.wait(timeout=10)
                api.closing.set()
                api.shutdown()
            output.seek(0)
            log = output.read()
        assert posted is not None or not died, f"the function ended without an answer:\n{log}"
        if posted is None:
            return Answer(kind="timeout", body={}, log=log)
        path, body = posted
        return Answer(kind=path.rsplit("/", 1)[-1], body=json.loads(body), log=log)

    def _variables(self, port: int) -> dict[str, str]:
        return {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": "songpost",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "songpost",
            "AWS_LAMBDA_LOG_STREAM_NAME": "1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "LAMBDA_TASK_ROOT": str(self.task),
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{self.task}:{self.layer / 'python'}:{self.client}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @staticmethod
    def _posted(
        api: _RuntimeApi,
        process: subprocess.Popen[bytes],
        timeout_seconds: float,
        ended_when: Callable[[], object],
    ) -> tuple[str, bytes] | None:
        until = time.monotonic() + timeout_seconds
        while time.monotonic() < until and not ended_when():
            try:
                return api.posted.get(timeout=0.1)
            except queue.Empty:
                if process.poll() is not None:
                    break
        return None if api.posted.empty() else api.posted.get()
