"""Reading users: the caller, one by name, one by id."""

from __future__ import annotations

import re

from . import problems
from .reading import user_answer
from .service import Call, Service, path_id
from .wire import JSON, Answer
from .world import User

_NAME = re.compile(r"[A-Za-z0-9_]{1,15}")


def me(service: Service, call: Call) -> Answer:
    """GET /2/users/me."""
    return user_answer(service, call, service.world.users[call.user_id], None)


def by_username(service: Service, call: Call) -> Answer:
    """GET /2/users/by/username/:username; one that is not there is a 200 with an error."""
    name = call.path["username"]
    if not _NAME.fullmatch(name):
        raise problems.invalid(
            f"The `username` query parameter value [{name}] does not match ^[A-Za-z0-9_]{{1,15}}$",
            {"username": [name]},
        )
    return _found(service, call, service.world.by_name(name), "username", name)


def by_id(service: Service, call: Call) -> Answer:
    """GET /2/users/:id; one that is not there is a 200 with an error."""
    user_id = path_id(call, "id")
    return _found(service, call, service.world.users.get(user_id), "id", user_id)


def _found(service: Service, call: Call, user: User | None, parameter: str, value: str) -> Answer:
    error: JSON = problems.missing("user", parameter, value)
    if user is not None and user.suspended:
        user, error = None, problems.suspended_user(parameter, value)
    return user_answer(service, call, user, error)
