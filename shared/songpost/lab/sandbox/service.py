"""What an endpoint works with: the emulated X in one place, the call it answers, and the row that declares it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from . import problems, render
from .bill import Bill
from .clock import Clock
from .grants import Grants, Identity
from .rules import Rules
from .windows import RateWindows
from .wire import JSON, Answer, Request
from .world import Post, Said, User, World


@dataclass(slots=True)
class Service:
    """The emulated X: its rules, its clock and everything it remembers. The sandbox's lock guards it."""

    rules: Rules
    clock: Clock
    grants: Grants
    world: World = field(default_factory=World)
    windows: RateWindows = field(default_factory=RateWindows)
    bill: Bill = field(default_factory=Bill)
    accounts: list[str] = field(default_factory=list)
    lag_seconds: list[float] = field(default_factory=list)

    @property
    def owner(self) -> User:
        """The user who owns the app: the first seeded account."""
        return self.world.users[self.accounts[0]]

    def owns_app(self, user_id: str) -> bool:
        """Whether reads of that user's own things are charged at the owned price."""
        return self.rules.owns_app and user_id == self.accounts[0]

    def publish(self, post: Post) -> Post:
        """Put a post into the world, so that it turns up with whoever it mentions."""
        return self.world.add_post(post, *self.index_of(post))

    def index_of(self, post: Post) -> tuple[list[str], Said]:
        """Under what a post is found: the users it mentions, and what it says."""
        mentioned = () if post.reposted_id else render.shown(self.world, post).mentioned
        return [user_id for user_id in mentioned if user_id != post.author_id], render.said(self.world, post)

    def visible_at(self, now: datetime) -> datetime:
        """When a post made now turns up in timelines: after the lag queued for it, or the usual one."""
        seconds = self.lag_seconds.pop(0) if self.lag_seconds else self.rules.visibility_lag_seconds
        return now + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was understood: its number in the log, its endpoint, the parts of its path, its query."""

    number: int
    endpoint: str
    request: Request
    headers: Mapping[str, str]
    now: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]
    identity: Identity

    @property
    def user_id(self) -> str:
        """The user who is calling; a bug where an app alone was let through."""
        if self.identity.user_id is None:
            raise LookupError(f"{self.endpoint} was let through without a user")
        return self.identity.user_id

    def json(self) -> dict[str, JSON]:
        """The body as a JSON object; a 400 where it is none."""
        try:
            text = (self.request.body or b"{}").decode()
            document = json.loads(text)
            if "\\u" in text:
                json.dumps(document, ensure_ascii=False).encode()  # an escape may spell half a surrogate pair
        except (ValueError, RecursionError):
            raise problems.invalid("The request body is not valid JSON.") from None
        if not isinstance(document, dict):
            raise problems.invalid("The request body must be a JSON object.")
        return document

    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.request.body.decode("utf-8", "replace"), keep_blank_values=True))


Handler = Callable[[Service, Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A row of the table of endpoints: how it is called, by whom it may be called, and what a plan must permit."""

    name: str
    handler: Handler
    app_only: bool | None = False
    scopes: tuple[str, ...] = ()
    permission: str = ""
    query: frozenset[str] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether it changes something, so that an OAuth 1.0a app needs write permission."""
        return not self.name.startswith("GET ")


def known_fields(document: Mapping[str, JSON], allowed: Iterable[str], where: str = "$") -> None:
    """A 400 for a field that the schema does not have."""
    for name in document:
        if name not in set(allowed):
            raise problems.invalid(
                f"{where}.{name}: is not defined in the schema and the schema does not allow additional properties"
            )


def is_id(value: JSON) -> bool:
    """Whether a value is an id as X writes it: 1 to 19 digits in a string."""
    return isinstance(value, str) and value.isascii() and value.isdecimal() and 1 <= len(value) <= 19


def whole_number(text: str, least: int, most: int) -> int | None:
    """The number that a text spells in plain digits, None where it is none or out of bounds."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        return None
    return int(text) if least <= int(text) <= most else None


def id_field(document: Mapping[str, JSON], name: str) -> str | None:
    """An optional id in a body; a 400 where it is something else."""
    value = document.get(name)
    if value is None:
        return None
    if not is_id(value):
        raise problems.invalid(f"$.{name}: {value!r} does not match the regex pattern ^[0-9]{{1,19}}$")
    return str(value)


def required_id(document: Mapping[str, JSON], name: str) -> str:
    """An id that a body must have; a 400 where it is missing."""
    value = id_field(document, name)
    if value is None:
        raise problems.invalid(f"$.{name}: is missing but it is required")
    return value


def path_id(call: Call, name: str) -> str:
    """An id in the path; a 400 where it is something else."""
    value = call.path[name]
    if not is_id(value):
        raise problems.invalid(
            f"The `{name}` query parameter value [{value}] does not match ^[0-9]{{1,19}}$", {name: [value]}
        )
    return value


def own_path_id(call: Call, name: str) -> str:
    """The user id in the path, which must be the caller's own."""
    value = path_id(call, name)
    if value != call.user_id:
        raise problems.invalid(
            f"The `{name}` query parameter value [{value}] must be the same as the authenticating user "
            f"[{call.user_id}]",
            {name: [value]},
        )
    return value
