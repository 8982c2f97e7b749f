"""The port to the wire, as one method: a signed request goes in, whatever X answered comes out.

Adapters: `songpost.x.network.NetworkTransport` (sockets); the sandbox in process; recordings in tests. The
client never knows which one it has. An adapter raises `NotSent` where certainly no byte of the request left,
and `OutcomeOpen` for everything after the first byte that brought no whole answer. It never retries, and never
follows a redirect: a 307 would post again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, signed and ready. `repr` shows neither headers nor body: they carry secrets.

    `url` is absolute and as signed. Not one byte may leave at or after `send_by` (aware). The whole answer must
    be there `within_seconds`. `fresh` asks for a connection that no other request has used.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    send_by: datetime
    within_seconds: float
    fresh: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One whole answer: status, headers by lower-case name, and the body, decoded from its transfer coding."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport(Protocol):
    """Something that carries a request to X and brings the answer back."""

    def send(self, request: Request) -> Response:
        """Send once. Raises `NotSent` or `OutcomeOpen`; an answer of any status is returned."""
        ...
