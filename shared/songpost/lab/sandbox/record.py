"""The log of requests: what went over the wire, without what must stay secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

_SECRET = frozenset({"code", "code_verifier", "refresh_token", "token", "client_secret"})


@dataclass(slots=True, kw_only=True)
class Record:
    """A request as it came in, and what came of it. `scheme` is the word in its Authorization header, in lower case, or
    `none`; `status` is None where no answer went out; `effect` is False where a fault kept the call from taking effect.
    """

    number: int
    at: datetime
    method: str
    url: str
    path: str
    query: Mapping[str, str]
    body: str
    scheme: str
    endpoint: str
    user_id: str | None = None
    status: int | None = None
    effect: bool = True
    fault: str | None = None


def masked(endpoint: str, body: bytes) -> str:
    """A body for the log: tokens by the start of their hash, so that the same can be told from another; no bytes."""
    if len(body) > 20_000:
        return f"<{len(body)} bytes>"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"<{len(body)} bytes>"
    if "/oauth2/" not in endpoint:
        return text
    pairs = parse_qsl(text, keep_blank_values=True)
    return urlencode([(name, _fingerprint(value) if name in _SECRET else value) for name, value in pairs])


def _fingerprint(secret: str) -> str:
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()[:12]
