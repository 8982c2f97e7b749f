"""A sandbox inside a `requests` session: mount it, and tweepy or any other client speaks to it without a socket.

`session.mount("https://", SandboxAdapter(sandbox))`. A cut connection, and an answer that is slower than the read
timeout, raise what `requests` would raise on a real network.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from .sandbox import Sandbox
from .wire import ConnectionLost, Request


class SandboxAdapter(BaseAdapter):
    """Carries prepared requests to `Sandbox.handle` and the answers back."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: ARG002, FBT001, FBT002
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> requests.Response:
        """Answer one prepared request; `requests.ConnectionError` or `ReadTimeout` where the wire fails."""
        body = request.body or b""
        wire = Request(
            request.method or "GET",
            request.url or "",
            {str(name): str(value) for name, value in _decoded(request.headers).items()},
            body.encode() if isinstance(body, str) else bytes(body),
        )
        try:
            answer = self.sandbox.handle(wire)
        except ConnectionLost as lost:
            raise requests.ConnectionError(
                "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))", request=request
            ) from lost
        read_timeout = timeout[1] if isinstance(timeout, tuple) else timeout
        if read_timeout is not None and answer.delay_seconds > read_timeout:
            raise requests.ReadTimeout(f"no answer within {read_timeout} s", request=request)
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = io.BytesIO(answer.body)
        response.url = wire.url
        response.request = request
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        return response

    def close(self) -> None:
        """Nothing is held open."""


def _decoded(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    return {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in headers.items()}
