"""The sandbox as a transport: the real client, a real store, and X in the same process, on any clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from songpost.errors import NotSent, OutcomeOpen
from songpost.lab.sandbox import wire
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.x.transport import Request, Response

SILENCE_SECONDS = 10.0
"""How long the network's own transport waits for a first byte."""


class SandboxTransport:
    """Carries the client's requests to a `Sandbox`. A connection that dies looks as it does on the wire: open."""

    def __init__(self, sandbox: Sandbox, clock: Callable[[], datetime]) -> None:
        self._sandbox = sandbox
        self._clock = clock

    def send(self, request: Request) -> Response:
        """Send once. Raises `NotSent` past the send deadline, `OutcomeOpen` where no whole answer comes."""
        if self._clock() >= request.send_by:
            raise NotSent("the send deadline had passed", where=request.method, mend="it is tried again")
        try:
            answer = self._sandbox.handle(
                wire.Request(request.method, request.url, dict(request.headers), request.body)
            )
        except wire.ConnectionLost as error:
            raise OutcomeOpen(
                "the connection died before the answer", where=request.method, mend="see the timeline"
            ) from error
        if answer.delay_seconds > min(request.within_seconds, SILENCE_SECONDS):
            raise OutcomeOpen("no answer in time", where=request.method, mend="see the timeline")
        return Response(status=answer.status, headers=answer.headers, body=answer.body)


def environment(sandbox: Sandbox, username: str | None = None) -> Mapping[str, str]:
    """The variables by which a laptop would be given the credentials of one of the sandbox's accounts, or its own."""
    told = sandbox.credentials(username)
    return {
        "X_API_KEY": told.api_key,
        "X_API_SECRET": told.api_secret,
        "X_ACCESS_TOKEN": told.access_token,
        "X_ACCESS_SECRET": told.access_secret,
        "X_CLIENT_ID": told.client_id,
        "X_CLIENT_SECRET": told.client_secret,
    }
