"""What goes wrong on the way: one-shot faults bound to an endpoint, and seeded profiles that strike at random.

A fault says when it strikes, `before` the effect (X did nothing) or `after` it (X did what was asked), and what the
client sees then. `KINDS` is the whole list.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime

from .wire import Answer, AnswerLost, ConnectionReset, Response

KINDS: Mapping[str, str] = {
    "answer lost": "the call takes effect, then the connection dies",
    "reset": "the connection dies before the call takes effect",
    "status": "an error status (500 unless given) in a shape, on either side of the effect",
    "slow": "the answer takes its time (30 s unless given)",
    "html": "an HTML page, with the true status or another",
    "empty": "no body at all",
    "truncated": "half of the JSON",
    "list": "a JSON list where an object was due",
    "no data": "the true status and an object without data",
    "redirect": "a 307 that points back to the same address",
    "no rate headers": "the true answer without its rate-limit headers",
    "absurd rate headers": "the true answer with rate-limit headers that are empty or nonsense",
    "past rate headers": "the true answer, whose windows reset an hour ago and have nothing left",
    "clock skew": "the true answer with a Date that is off (300 s unless given)",
    "rate limited": "a 429 before the effect; `shape` healthy, none or spent says what its headers tell",
    "late": "a create that turns up in timelines only after some time (600 s unless given)",
}
"""Every kind of fault, and what the client meets."""

SHAPES = ("problem", "errors", "html", "empty")
LIMITED_SHAPES = ("spent", "healthy", "none")
"""The shapes of a `status` fault and of a `rate limited` one; the first of each unless given."""

HTML = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. ValueError for a kind, side or shape that does not exist."""

    kind: str
    when: str = "after"
    status: int | None = None
    seconds: float | None = None
    shape: str = ""
    endpoint: str = "*"
    skip: int = 0
    times: int = 1

    def __post_init__(self) -> None:
        """Refuse what does not exist, by name."""
        if self.kind not in KINDS:
            raise ValueError(f"fault kind {self.kind!r} is unknown: choose one of {', '.join(KINDS)}")
        if self.when not in {"before", "after"}:
            raise ValueError(f"a fault strikes 'before' or 'after' the effect, not {self.when!r}")
        shapes = LIMITED_SHAPES if self.kind == "rate limited" else SHAPES
        if self.shape not in {"", *shapes}:
            raise ValueError(f"shape {self.shape!r} is unknown: choose one of {', '.join(shapes)}")

    @property
    def effect(self) -> bool:
        """Whether the call takes effect all the same."""
        return self.kind not in {"reset", "rate limited"} and (self.kind == "answer lost" or self.when == "after")


PROFILES: Mapping[str, tuple[tuple[float, Fault], ...]] = {
    "none": (),
    "rough": (
        (0.010, Fault(kind="answer lost")),
        (0.010, Fault(kind="reset")),
        (0.010, Fault(kind="status", status=503, when="before")),
        (0.005, Fault(kind="status", status=500, when="after")),
        (0.010, Fault(kind="no rate headers")),
        (0.005, Fault(kind="past rate headers")),
        (0.010, Fault(kind="late", seconds=45)),
    ),
    "hostile": (
        (0.040, Fault(kind="answer lost")),
        (0.030, Fault(kind="reset")),
        (0.020, Fault(kind="status", status=500, when="before", shape="errors")),
        (0.020, Fault(kind="status", status=500, when="after")),
        (0.020, Fault(kind="status", status=503, when="before", shape="html")),
        (0.020, Fault(kind="status", status=503, when="after", shape="empty")),
        (0.010, Fault(kind="slow", seconds=30)),
        (0.010, Fault(kind="html")),
        (0.010, Fault(kind="empty")),
        (0.010, Fault(kind="truncated")),
        (0.010, Fault(kind="list")),
        (0.010, Fault(kind="no data")),
        (0.010, Fault(kind="redirect")),
        (0.010, Fault(kind="rate limited", shape="healthy")),
        (0.010, Fault(kind="rate limited", shape="none")),
        (0.020, Fault(kind="no rate headers")),
        (0.020, Fault(kind="absurd rate headers")),
        (0.020, Fault(kind="past rate headers")),
        (0.030, Fault(kind="late", seconds=240)),
    ),
}
"""The chance of each fault per call of the API; the pages of OAuth 2.0 are spared except by one-shot faults."""


@dataclass(slots=True)
class Faults:
    """The faults that wait for their call, and the dice of the profile. Not thread-safe: the sandbox locks."""

    profile: str = "none"
    seed: int = 0
    waiting: list[Fault] = field(default_factory=list)
    struck: list[tuple[int, str]] = field(default_factory=list)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a profile that does not exist (ValueError), and cast the dice."""
        if self.profile not in PROFILES:
            raise ValueError(f"fault profile {self.profile!r} is unknown: choose one of {', '.join(PROFILES)}")
        self.dice = random.Random(f"faults/{self.seed}")

    def add(self, fault: Fault) -> None:
        """Let a fault wait for the next call of its endpoint, or a later one where it skips some."""
        self.waiting.append(fault)

    def draw(self, number: int, endpoint: str, *, spared: bool) -> Fault | None:
        """The fault that strikes this call, if any."""
        for index, fault in enumerate(self.waiting):
            if fault.endpoint not in {"*", endpoint}:
                continue
            if fault.skip:
                self.waiting[index] = replace(fault, skip=fault.skip - 1)
                continue
            self.waiting[index : index + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            return self._note(number, fault)
        if self.profile == "none" or spared:
            return None
        point = self.dice.random()
        for chance, fault in PROFILES[self.profile]:
            point -= chance
            if point < 0:
                return self._note(number, fault)
        return None

    def _note(self, number: int, fault: Fault) -> Fault:
        self.struck.append((number, fault.kind))
        return fault


def strike_before(fault: Fault, endpoint: str) -> Answer | None:
    """What the client meets when the call takes no effect; raises where the connection dies."""
    if fault.kind == "reset":
        raise ConnectionReset(endpoint)
    if fault.kind == "rate limited":
        return Answer(429, {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank"})
    return None if fault.effect else Answer(fault.status or 200, {})


def disfigure(fault: Fault, response: Response, url: str, endpoint: str, now: datetime) -> Response:
    """What is left of the true response; raises AnswerLost where nothing is."""
    if fault.kind == "answer lost":
        raise AnswerLost(endpoint)
    if fault.kind in _BODIES:
        return _with_body(fault, response, *_BODIES[fault.kind](fault, response))
    headers = dict(response.headers)
    if fault.kind == "slow":
        return replace(response, delay_seconds=30.0 if fault.seconds is None else fault.seconds)
    if fault.kind == "redirect":
        return Response(307, {**headers, "location": url, "content-length": "0"}, b"")
    if fault.kind == "clock skew":
        skewed = now + timedelta(seconds=300 if fault.seconds is None else fault.seconds)
        return replace(response, headers={**headers, "date": http_date(skewed)})
    if fault.kind == "rate limited":
        return replace(response, headers=_limited_headers(fault, headers, now))
    return replace(response, headers=_rate_headers(fault.kind, headers, now))


def _with_body(fault: Fault, response: Response, status: int, content_type: str, body: bytes) -> Response:
    headers = {**response.headers, "content-type": content_type, "content-length": str(len(body))}
    if fault.kind == "status" and status >= 500:
        headers = {name: value for name, value in headers.items() if "-limit-" not in name}
    return Response(status, headers, body)


def _status_body(fault: Fault, _response: Response) -> tuple[int, str, bytes]:
    status = fault.status or 500
    title = {500: "Internal Server Error", 503: "Service Unavailable"}.get(status, "Error")
    bodies = {
        "problem": (
            "application/problem+json",
            {"title": title, "detail": title, "type": "about:blank", "status": status},
        ),
        "errors": ("application/json", {"errors": [{"code": 131 if status == 500 else 130, "message": title}]}),
    }
    if (shape := fault.shape or SHAPES[0]) in bodies:
        content_type, document = bodies[shape]
        return status, content_type, json.dumps(document).encode()
    return status, "text/html", HTML if fault.shape == "html" else b""


_BODIES: Mapping[str, Callable[[Fault, Response], tuple[int, str, bytes]]] = {
    "status": _status_body,
    "html": lambda f, r: (f.status or r.status, "text/html; charset=utf-8", HTML),
    "empty": lambda f, r: (f.status or r.status, "application/json", b""),
    "truncated": lambda f, r: (f.status or r.status, "application/json", r.body[: max(1, len(r.body) // 2)]),
    "list": lambda f, r: (f.status or r.status, "application/json", b"[]"),
    "no data": lambda f, r: (f.status or r.status, "application/json", b"{}"),
}


def _rate_headers(kind: str, headers: Mapping[str, str], now: datetime) -> dict[str, str]:
    if kind == "no rate headers":
        return {name: value for name, value in headers.items() if "-limit-" not in name}
    if kind == "absurd rate headers":
        nonsense = {"limit": "", "remaining": "-7", "reset": "soon"}
        return {
            name: nonsense[name.rsplit("-", 1)[1]] if "-limit-" in name else value for name, value in headers.items()
        }
    if kind == "past rate headers":
        past = str(int(now.timestamp()) - 3_600)
        values = {"remaining": "0", "reset": past}
        return {
            name: values.get(name.rsplit("-", 1)[1], value) if "-limit-" in name else value
            for name, value in headers.items()
        }
    return dict(headers)


def _limited_headers(fault: Fault, headers: Mapping[str, str], now: datetime) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if "-limit-" not in name}
    if fault.shape == "none":
        return kept
    reset = str(int(now.timestamp() + (900 if fault.seconds is None else fault.seconds)))
    remaining = "57" if fault.shape == "healthy" else "0"
    return {
        **kept,
        "x-rate-limit-limit": "100",
        "x-rate-limit-remaining": remaining,
        "x-rate-limit-reset": reset,
    }


def http_date(at: datetime) -> str:
    """A moment as the Date header has it."""
    return format_datetime(at, usegmt=True)
