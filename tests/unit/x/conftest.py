"""An X of paper: answers are laid out in order, and every request that came is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest

from songpost.errors import XError
from songpost.model import Json
from songpost.x.authorization import OAuth1Authorization, OAuth2Authorization
from songpost.x.client import Client
from songpost.x.credentials import OAuth1
from songpost.x.transport import Request, Response

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OWN_ID = "1234567"
CREDENTIALS = OAuth1(
    api_key="key-of-the-app",
    api_secret="secret-of-the-app",
    access_token=f"{OWN_ID}-token-of-the-user",
    access_secret="secret-of-the-user",
)
BEARER = "bearer-of-the-user"


def answer(
    status: int = 200, body: Json | bytes = None, headers: Mapping[str, str] | None = None, date: datetime | None = NOW
) -> Response:
    """Lay out an answer; a body that is no bytes becomes JSON, and `Date` is X's own time."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"date": format_datetime(date, usegmt=True)} if date else {}
    return Response(status=status, headers={**told, **(headers or {})}, body=raw)


def rate_headers(remaining: int, reset_in_seconds: float, prefix: str = "x-rate-limit-") -> dict[str, str]:
    """Make the three headers of a window of 100."""
    reset = int((NOW + timedelta(seconds=reset_in_seconds)).timestamp())
    return {f"{prefix}limit": "100", f"{prefix}remaining": str(remaining), f"{prefix}reset": str(reset)}


@dataclass
class PaperX:
    """A transport that gives the next answer, or raises it; the clock moves only when somebody sleeps."""

    script: list[Response | XError] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    now: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        """Answer from the script; a request that nobody laid out an answer for fails the test."""
        self.requests.append(request)
        following = self.script.pop(0)
        if isinstance(following, XError):
            raise following
        return following

    def clock(self) -> datetime:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    @property
    def wire(self) -> list[tuple[str, str, dict[str, list[str]], Json, str]]:
        """What went over the wire: method, path, query, JSON body, scheme of authorization."""
        seen = []
        for request in self.requests:
            url = urlsplit(request.url)
            scheme, _, credential = request.headers["Authorization"].partition(" ")
            if scheme == "Bearer":
                assert credential in {BEARER, "renewed-bearer"}
            else:
                assert f'oauth_token="{OWN_ID}-token-of-the-user"' in credential
            body: Json = json.loads(request.body) if request.body else None
            seen.append((request.method, url.path, parse_qs(url.query), body, scheme))
        return seen


@dataclass
class PaperTokens:
    """A token of OAuth 2.0 that can be renewed once."""

    token: str = BEARER
    renewals: list[str] = field(default_factory=list)

    def access_token(self, deadline: datetime) -> str:
        """Give the token."""
        del deadline
        return self.token

    def renewed(self, rejected: str, deadline: datetime) -> str:
        """Give another one."""
        del deadline
        self.renewals.append(rejected)
        self.token = "renewed-bearer"
        return self.token


@pytest.fixture
def paper() -> PaperX:
    """X on paper."""
    return PaperX()


@pytest.fixture
def tokens() -> PaperTokens:
    """Tokens on paper."""
    return PaperTokens()


@pytest.fixture(params=["tweepy", "oauth2"])
def mode(request: pytest.FixtureRequest) -> str:
    """Both modes of authorization."""
    name: str = request.param
    return name


@pytest.fixture
def scheme(mode: str) -> str:
    """What the mode's Authorization header begins with."""
    return {"tweepy": "OAuth", "oauth2": "Bearer"}[mode]


@pytest.fixture
def client(mode: str, paper: PaperX, tokens: PaperTokens) -> Client:
    """A client of one mode, on paper."""
    authorization = OAuth1Authorization(CREDENTIALS) if mode == "tweepy" else OAuth2Authorization(tokens)
    return Client(authorization, paper, clock=paper.clock, sleep=paper.sleep, user_id=OWN_ID, rng=Random(1))
