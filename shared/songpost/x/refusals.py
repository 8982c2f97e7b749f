"""X's errors as code: one table from status, last segment of `type`, and detail to an error of Songpost.

The host in `type` varies and `about:blank` is common, so only its last path segment counts, and where X tells
cases apart by nothing but words, the words do. Rows are tried from the top. What holds for all of them: of a
write, a 4xx that cannot be read leaves the outcome open, because whoever wrote it may not have been X; a 429
never does.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from songpost.account_documents import Bucket
from songpost.endpoints import Endpoint
from songpost.errors import (
    AccountBlocked,
    CreditsDepleted,
    Duplicate,
    OutcomeOpen,
    RateLimited,
    Refused,
    Suspended,
    Unauthorized,
    Unreadable,
    UsageCapped,
    XError,
    quote,
)
from songpost.model import Json
from songpost.x.limits import retry_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table: matches where status, segment, and a pattern in the words or a code all do."""

    status: int
    error: type[XError]
    mend: str
    segments: frozenset[str] = frozenset()
    words: str = ""
    codes: frozenset[int] = frozenset()


_READ_FIRST = "read the timeline before trying again"
_OWN_ACCOUNT = (
    r"\b(?:your|this|the authenticat\w+|user'?s?) (?:user |x |twitter )?account\b[^.]*\b(?:suspended|locked)\b"
    r"|^(?:your )?(?:user|account) (?:is|was|has been)[\w ]* (?:suspended|locked)\b"
    r"|^(?:account )?(?:suspended|locked)\b"
)

TABLE: tuple[Row, ...] = (
    Row(status=400, error=Refused, mend="X calls the request invalid: see its words"),
    Row(status=401, error=Unauthorized, mend="renew the credentials: `songpost doctor` says which"),
    Row(status=402, error=CreditsDepleted, mend="buy credits in X's developer console, then `songpost resume`"),
    Row(
        status=403,
        error=Suspended,
        mend="attach the app to a project with access in X's developer console, then `songpost resume`",
        segments=frozenset({"client-forbidden"}),
    ),
    Row(
        status=403,
        error=AccountBlocked,
        mend="give the app read and write permission and the user context, then make new tokens",
        segments=frozenset({"oauth1-permissions", "unsupported-authentication"}),
        codes=frozenset({261}),
    ),
    Row(
        status=403,
        error=Duplicate,
        mend="X has seen this text: the first may have landed",
        words=r"\bduplicate content\b|\bstatus is a duplicate\b",
        codes=frozenset({187}),
    ),
    Row(
        status=403,
        error=Suspended,
        mend="sign in at X to see why, then `songpost resume`",
        words=_OWN_ACCOUNT,
        codes=frozenset({64, 326}),
    ),
    Row(
        status=403,
        error=Suspended,
        mend="enrol the app in X's developer console, then `songpost resume`",
        words=r"\bnot enrolled\b|\battached to a project\b",
    ),
    Row(status=403, error=Refused, mend="X does not permit it; see its words"),
    Row(status=404, error=Refused, mend="it is gone, or was never there"),
    Row(status=408, error=OutcomeOpen, mend=_READ_FIRST),
    Row(
        status=429,
        error=UsageCapped,
        mend="wait for the next billing period, or raise the cap",
        segments=frozenset({"usage-capped"}),
        words=r"\busage ?cap ?exceeded\b",
    ),
    Row(status=429, error=RateLimited, mend="it is tried again when the limit allows"),
)


class Problem(NamedTuple):
    """What an error's body says: the last segment of `type`, all its words, and old-style codes."""

    segment: str = ""
    words: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()


class Circumstances(NamedTuple):
    """What every error carries beside its words."""

    limits: tuple[Bucket, ...]
    answered_at: datetime | None
    skew_seconds: int


def parsed(body: bytes) -> Json:
    """Parse a body; `None` where it is no JSON (or just `null`)."""
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value


def problem(value: Json) -> Problem | None:
    """Read an error's body; `None` where it is not one of the shapes that X has."""
    if not isinstance(value, dict):
        return None
    listed = value.get("errors")
    sources = [value, *(listed if isinstance(listed, list) else [])]
    words = tuple(
        text
        for source in sources
        if isinstance(source, dict)
        for name in ("title", "detail", "message", "reason", "error", "error_description")
        if isinstance(text := source.get(name), str) and text
    )
    codes = tuple(
        code for source in sources if isinstance(source, dict) and isinstance(code := source.get("code"), int)
    )
    kind = value.get("type")
    segment = kind.rstrip("/").rpartition("/")[2] if isinstance(kind, str) else ""
    if not words and not codes and not segment:
        return None
    return Problem(segment, words, codes)


def refusal(endpoint: Endpoint, status: int, body: bytes, told: Circumstances) -> XError:
    """Make the error for an answer that is no 2xx. It is returned, not raised."""
    said = problem(parsed(body))
    where = f"{endpoint.method} {endpoint.path}"
    if said is None and not endpoint.is_read and 400 <= status < 500 and status not in {408, 429}:
        return unreadable(endpoint, status, f"X answered {status} with a body that is not X's", told)
    row = next((row for row in TABLE if row.status == status and _matches(row, said or Problem())), None)
    shown = quote("; ".join(dict.fromkeys(said.words))) if said and said.words else "without a word"
    what = f"X answered {status}: {shown}"
    error, mend = (row.error, row.mend) if row else _other(status)
    if issubclass(error, RateLimited):
        return error(what, where=where, mend=mend, retry_at=retry_at(told.limits), **told._asdict())
    return error(what, where=where, mend=mend, status=status, **told._asdict())


def unreadable(endpoint: Endpoint, status: int, what: str, told: Circumstances) -> Unreadable:
    """Make the error for an answer that cannot be understood."""
    mend = "it is asked again later" if endpoint.is_read else _READ_FIRST
    return Unreadable(what, where=f"{endpoint.method} {endpoint.path}", mend=mend, status=status, **told._asdict())


def _matches(row: Row, said: Problem) -> bool:
    """Match segment, words or codes; a row that names none of them matches any problem of its status."""
    if not (row.segments or row.words or row.codes):
        return True
    if said.segment in row.segments or row.codes.intersection(said.codes):
        return True
    return bool(row.words) and any(re.search(row.words, text, re.IGNORECASE) for text in said.words)


def _other(status: int) -> tuple[type[XError], str]:
    """Judge a status without a row: any other 4xx is a no; the rest (3xx, 5xx, 1xx) tells nothing."""
    if 400 <= status < 500:
        return Refused, "X does not permit it; see its words"
    return OutcomeOpen, _READ_FIRST
