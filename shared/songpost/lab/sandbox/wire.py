"""What crosses the wire: a request, a response, a refusal, and the two ways a connection dies.

The sandbox speaks these plain types in process; `server.py` carries them over HTTP and
`requests_adapter.py` into a `requests` session. Nothing here knows what X is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to an absolute URL. `repr` shows neither headers nor body, for they hold secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, its headers by lower-case name.

    `delay_seconds` is how long it takes: the server waits, an adapter compares it to a timeout.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay_seconds: float = 0.0

    def json(self) -> JSON:
        """The body as JSON; `json.JSONDecodeError` where it is none."""
        value: JSON = json.loads(self.body)
        return value


class ConnectionLost(Exception):
    """The connection died without an answer; `effect` says whether the call had taken effect by then."""

    effect: bool = False

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"{endpoint}: the connection was lost {'after' if self.effect else 'before'} the effect")
        self.endpoint = endpoint


class ConnectionReset(ConnectionLost):
    """Reset before the effect: nothing happened on X."""


class AnswerLost(ConnectionLost):
    """Lost after the effect: X did what was asked, and the answer never came."""

    effect = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint says: a status and a JSON document, or raw bytes of another kind."""

    status: int
    document: JSON = None
    raw: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """The bytes that go out."""
        if self.raw is not None:
            return self.raw
        return _ENCODER.encode(self.document).encode()


class Refusal(Exception):
    """X says no: carries the answer to send."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body()[:200]!r}")
        self.answer = answer


def as_dict(value: JSON) -> dict[str, JSON]:
    """The value if it is a JSON object, else an empty one: for reading optional parts of a body."""
    return value if isinstance(value, dict) else {}


def as_list(value: JSON) -> list[JSON]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []
