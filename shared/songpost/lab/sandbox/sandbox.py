"""The X sandbox: an emulator of the X API that refuses what X refuses, in process and without a socket.

`Sandbox.handle` is the whole wire: a `Request` in, a `Response` out, or a `ConnectionLost` where a fault cuts the
line. Beside it stand the questions a test may ask (what was posted, by which request, for how much) and the
people of the emulated world (`actors`). One lock makes every call a step of its own; nothing else is shared.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from urllib.parse import unquote_plus, urlsplit

from . import oauth1, problems, render
from .actors import Actors
from .clock import Clock, SystemClock
from .endpoints import OPEN_NAMES, Routes
from .faults import Fault, Faults, disfigure, http_date, strike_before
from .grants import Credentials, Grants, Identity
from .record import Record, masked
from .rules import PLANS, Rules, limits_of
from .service import Call, Endpoint, Service
from .text import urls
from .usage import APP_ID
from .wire import Answer, ConnectionLost, Refusal, Request, Response
from .world import Post, User

_SUPPORTED = {
    None: ("OAuth 1.0a User Context", "OAuth 2.0 User Context", "OAuth 2.0 Application-Only"),
    False: ("OAuth 1.0a User Context", "OAuth 2.0 User Context"),
    True: ("OAuth 2.0 Application-Only",),
}
_GIVEN = {"oauth1": "OAuth 1.0a User Context", "oauth2": "OAuth 2.0 User Context", "app": "OAuth 2.0 Application-Only"}
_CREATE = "POST /2/tweets"
BIO = "Posts by itself. Run by @example_owner."
"""The description of an account unless told otherwise: it names an operator, as X's automation rules ask."""
RECORDS = 100_000
"""How many requests the log keeps; the oldest go first."""


class Sandbox:
    """One emulated X with one app. `accounts` are the usernames that the app may act for; the first owns the app.

    `clock` tells the time (the machine's by default, or a `VirtualClock`), `seed` fixes credentials, ids and dice,
    `profile` names the faults that strike at random, `unix_time` is the clock against which OAuth 1.0a timestamps
    are checked (clients sign by the machine's clock whatever the virtual one shows). Thread-safe.
    """

    def __init__(
        self,
        *,
        accounts: Iterable[str] = ("songpost",),
        rules: Rules | None = None,
        clock: Clock | None = None,
        seed: int = 0,
        profile: str = "none",
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self.service = Service(rules or Rules(), clock or SystemClock(), Grants(seed))
        self.faults = Faults(profile, seed)
        self.records: deque[Record] = deque(maxlen=RECORDS)
        self.requests_seen = 0
        self.lock = threading.RLock()
        self.actors = Actors(self)
        self._routes = Routes()
        self._unix_time = unix_time
        for username in accounts:
            self.add_account(username)

    # ------------------------------------------------------------------------------------------------ the wire

    def handle(self, request: Request) -> Response:
        """Answer a request as X would; ConnectionReset or AnswerLost where a fault cuts the connection."""
        with self.lock:
            self.requests_seen += 1
            return self._handle(self.requests_seen, request)

    def _handle(self, number: int, request: Request) -> Response:
        now = self.clock.now()
        address = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        found = self._routes.find(request.method.upper(), address.path)
        name = found[0].name if found else f"{request.method.upper()} {address.path}"
        fault = self.faults.draw(number, name, spared=name in OPEN_NAMES)
        record = Record(
            number=number,
            at=now,
            method=request.method.upper(),
            url=f"{address.scheme}://{address.netloc}{address.path}",
            path=address.path,
            query=dict([_parameter(part) for part in address.query.split("&") if part]),
            body=masked(name, request.body),
            scheme=headers.get("authorization", "none").split(" ", 1)[0].lower(),
            endpoint=name,
            fault=fault.kind if fault else None,
        )
        try:
            response, record.user_id = self._struck(fault, record, request, headers, found)
        except ConnectionLost as lost:
            record.effect = lost.effect
            raise
        else:
            record.status, record.effect = response.status, fault is None or fault.effect
            return response
        finally:
            self.records.append(record)

    def _struck(
        self,
        fault: Fault | None,
        record: Record,
        request: Request,
        headers: dict[str, str],
        found: tuple[Endpoint, dict[str, str]] | None,
    ) -> tuple[Response, str | None]:
        user_id = None
        answer = strike_before(fault, record.endpoint) if fault else None
        if answer is None:
            if fault and fault.kind == "late":
                self.service.lag_seconds = [600.0 if fault.seconds is None else fault.seconds]
            answer, user_id = self._answer(record, request, headers, found)
            self.service.lag_seconds = []
        response = self._response(answer, record)
        if fault:
            response = disfigure(fault, response, request.url, record.endpoint, record.at)
        return response, user_id

    def _answer(
        self,
        record: Record,
        request: Request,
        headers: dict[str, str],
        found: tuple[Endpoint, dict[str, str]] | None,
    ) -> tuple[Answer, str | None]:
        if found is None:
            return _unknown_path(record.path), None
        endpoint, path = found
        identity, limit_headers = Identity(scheme="none"), dict[str, str]()
        try:
            if endpoint.name not in OPEN_NAMES:
                identity = self._identify(request, headers)
                limit_headers = self._admit(endpoint, identity, record)
            call = Call(
                number=record.number,
                endpoint=endpoint.name,
                request=request,
                headers=headers,
                now=record.at,
                path=path,
                query=record.query,
                identity=identity,
            )
            answer = self._perform(endpoint, call)
        except Refusal as refusal:
            answer = refusal.answer
        if self.service.rules.vocabulary == "post":
            answer = replace(answer, document=render.in_new_words(answer.document))
        headers = {**limit_headers, **answer.headers}
        return Answer(answer.status, answer.document, answer.raw, answer.content_type, headers), identity.user_id

    def _identify(self, request: Request, headers: dict[str, str]) -> Identity:
        header = headers.get("authorization", "")
        identity: Identity | None = None
        if header.startswith("OAuth "):
            identity = oauth1.verify(
                self.service.grants,
                method=request.method,
                url=request.url,
                headers=headers,
                body=request.body,
                unix_now=self._unix_time(),
            )
        elif header.startswith("Bearer "):
            identity = self.service.grants.bearer(header[len("Bearer ") :], self.clock.now())
        if identity is None:
            raise problems.unauthorized()
        return identity

    def _admit(self, endpoint: Endpoint, identity: Identity, record: Record) -> dict[str, str]:
        """Everything that X checks before it reads the body, in its order; the rate-limit headers."""
        if endpoint.app_only is not None and endpoint.app_only is not (identity.scheme == "app"):
            raise problems.unsupported_authentication(_GIVEN[identity.scheme], _SUPPORTED[endpoint.app_only])
        rules = self.service.rules
        limits = limits_of(rules, endpoint.name)
        allowed, headers = self.service.windows.take(endpoint.name, limits, identity.user_id, record.at)
        refusal = None if allowed else problems.too_many_requests()
        if refusal is None:
            refusal = self._barred(endpoint, identity, record)
        if refusal is not None:
            raise Refusal(replace(refusal.answer, headers=headers))
        return headers

    def _barred(self, endpoint: Endpoint, identity: Identity, record: Record) -> Refusal | None:
        rules, scopes = self.service.rules, identity.scopes
        suspended = identity.user_id is not None and self.service.world.users[identity.user_id].suspended
        read_only = identity.scheme == "oauth1" and endpoint.writes and not rules.oauth1_write
        unscoped = identity.scheme == "oauth2" and not scopes.issuperset(endpoint.scopes)
        refused = bool(endpoint.permission) and endpoint.permission not in PLANS[rules.plan].permits
        if not rules.enrolled:
            return problems.not_enrolled(APP_ID)
        if suspended:
            return problems.suspended()
        if unscoped:
            return problems.forbidden("Forbidden")
        if read_only:
            return problems.read_only_app()
        if refused:
            return problems.plan_forbids(rules.plan, endpoint.permission)
        unknown = record.query.keys() - endpoint.query
        return problems.unknown_parameter(min(unknown), endpoint.query) if unknown else None

    def _perform(self, endpoint: Endpoint, call: Call) -> Answer:
        try:
            return endpoint.handler(self.service, call)
        except Refusal as refusal:
            refused = refusal.answer.status in {400, 403, 404}
            if endpoint.name == _CREATE and refused and self.service.rules.refused_creates_are_billed:
                text = call.request.body.decode("utf-8", "replace")
                item = "create with URL" if urls(text) else "create"
                self.service.bill.charge(self.service.rules, call.number, call.endpoint, item, 1, call.now)
            raise

    def _response(self, answer: Answer, record: Record) -> Response:
        body = answer.body()
        headers = {
            "date": http_date(record.at),
            "content-type": answer.content_type,
            "content-length": str(len(body)),
            "server": "tsa_o",
            "api-version": "2.166",
            "x-transaction-id": f"{record.number:016x}",
            **answer.headers,
        }
        return Response(answer.status, headers, body)

    # ----------------------------------------------------------------------------------------- accounts and knobs

    def add_account(self, username: str, description: str = BIO) -> User:
        """Make an account that the app may act for, with credentials in both modes; its bio names who runs it."""
        with self.lock:
            service, now = self.service, self.clock.now()
            user = self.actors.add_user(username, description=description)
            service.accounts.append(user.id)
            rules = service.rules
            service.grants.seed_user(user.id, now, rules.access_token_seconds, rules.refresh_token_seconds)
            return user

    def credentials(self, username: str | None = None) -> Credentials:
        """What a client needs to act for an account (the first, unless named); KeyError for a stranger.

        The OAuth 2.0 tokens are the newest pair that lives, and empty once none does.
        """
        with self.lock:
            grants = self.service.grants
            user = self.actors.user(username) if username else self.service.owner
            if user.id not in self.service.accounts:
                raise KeyError(f"@{user.username} has given this app no access")
            token, secret = grants.oauth1_keys(user.id)
            pair = grants.latest(user.id)
            return Credentials(
                user_id=user.id,
                username=user.username,
                api_key=grants.api_key,
                api_secret=grants.api_secret,
                access_token=token,
                access_secret=secret,
                client_id=grants.client_id,
                client_secret=grants.client_secret,
                public_client_id=grants.public_client_id,
                oauth2_access_token=pair.access_token if pair else "",
                oauth2_refresh_token=(pair.refresh_token or "") if pair else "",
                bearer_token=grants.bearer_token,
            )

    def change(self, rules: Rules) -> None:
        """Put other rules in force; `replace(sandbox.rules, plan=…)` keeps the rest."""
        with self.lock:
            self.service.rules = rules

    @property
    def clock(self) -> Clock:
        """Who tells the time."""
        return self.service.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self.service.clock = clock

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.service.rules

    def inject(self, fault: Fault) -> None:
        """Let a fault wait for its call."""
        with self.lock:
            self.faults.add(fault)

    # -------------------------------------------------------------------------------------------------- questions

    def posts(self, username: str | None = None, *, deleted: bool = False) -> list[Post]:
        """What an account has posted (the first account, unless named), oldest first; deleted ones on demand."""
        with self.lock:
            user = self.actors.user(username) if username else self.service.owner
            found = [self.service.world.posts[str(number)] for number in self.service.world.timeline(user.id)]
            return [post for post in found if deleted or post.deleted_at is None]

    def requests(self, endpoint: str | None = None) -> list[Record]:
        """The requests that came in, oldest first, of one endpoint or of all."""
        with self.lock:
            return [record for record in self.records if endpoint in {None, record.endpoint}]

    def bill_micros(self) -> int:
        """What X has charged so far, in micro-dollars."""
        with self.lock:
            return self.service.bill.spent_micros

    def lag_left(self) -> timedelta:
        """How long until every post is visible: a virtual clock may be moved on by it."""
        with self.lock:
            now = self.clock.now()
            latest = max((post.visible_at for post in self.service.world.posts.values()), default=now)
            return max(timedelta(), latest - now)


@lru_cache(maxsize=256)
def _parameter(text: str) -> tuple[str, str]:
    """A `name=value` of a query, decoded; most of them are the same in every request."""
    name, _, value = text.partition("=")
    return unquote_plus(name), unquote_plus(value)


def _unknown_path(path: str) -> Answer:
    """404 of a path that is not emulated: in v2 without a body, elsewhere in the older shape."""
    if path.startswith("/2/"):
        return Answer(404, raw=b"", content_type="text/html")
    return problems.coded(404, 34, "Sorry, that page does not exist.").answer
