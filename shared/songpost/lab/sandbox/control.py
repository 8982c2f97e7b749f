"""The control room over HTTP, `/_sandbox/…`: what a test in another process asks and arranges. JSON both ways.

GET state, credentials, posts, requests, bill, faults, clock, rules; POST faults, faults/profile, clock, rules
and actors/…; DELETE faults. It has no credentials of its own: the server listens on loopback alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from . import state
from .clock import VirtualClock
from .codec import decode, encode
from .faults import Fault, Faults
from .rules import Rules
from .sandbox import Sandbox
from .wire import JSON, Request, Response, as_dict

PREFIX = "/_sandbox/"
_Body = dict[str, JSON]


def handle(sandbox: Sandbox, request: Request) -> Response:
    """Answer a request to the control room: 200 with JSON, or 400 or 404 with what was wrong."""
    address = urlsplit(request.url)
    query = dict(parse_qsl(address.query))
    key = f"{request.method} {address.path.removeprefix(PREFIX)}"
    command = COMMANDS.get(key)
    if command is None:
        return _json(404, {"error": f"{key} is unknown", "known": list(COMMANDS)})
    try:
        body: _Body = {**query, **as_dict(json.loads(request.body or b"{}"))}
        return _json(200, command(sandbox, body))
    except (KeyError, ValueError, TypeError) as error:
        return _json(400, {"error": f"{type(error).__name__}: {error}"})


def _json(status: int, document: JSON) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"content-type": "application/json; charset=utf-8", "content-length": str(len(body))}
    return Response(status, headers, body)


def credentials_json(sandbox: Sandbox, username: str | None = None) -> dict[str, JSON]:
    """The credentials of an account as a JSON object: the sandbox's own, worth nothing elsewhere."""
    credentials = sandbox.credentials(username)
    return {field.name: str(getattr(credentials, field.name)) for field in fields(credentials)}


def _name(body: _Body) -> str | None:
    value = body.get("username")
    return None if value is None else str(value)


def _posts(sandbox: Sandbox, body: _Body) -> JSON:
    return encode(sandbox.posts(_name(body), deleted=str(body.get("deleted", "")).lower() in {"1", "true"}))


def _requests(sandbox: Sandbox, body: _Body) -> JSON:
    endpoint = body.get("endpoint")
    return encode(sandbox.requests(None if endpoint is None else str(endpoint)))


def _bill(sandbox: Sandbox, _body: _Body) -> JSON:
    with sandbox.lock:
        bill, limit = sandbox.service.bill, sandbox.rules.credits_micros
        return {
            "spent_micros": bill.spent_micros,
            "credits_left_micros": None if limit is None else limit - bill.spent_micros,
            "by_endpoint": encode(bill.by_endpoint()),
            "charges": encode(bill.charges),
            "usage": encode(bill.usage),
        }


def _faults(sandbox: Sandbox, _body: _Body) -> JSON:
    with sandbox.lock:
        faults = sandbox.faults
        return {
            "profile": faults.profile,
            "waiting": encode(faults.waiting),
            "struck": [{"request": number, "kind": kind} for number, kind in faults.struck],
        }


def _add_fault(sandbox: Sandbox, body: _Body) -> JSON:
    sandbox.inject(decode(Fault, body))
    return _faults(sandbox, body)


def _set_profile(sandbox: Sandbox, body: _Body) -> JSON:
    with sandbox.lock:
        seed = body.get("seed", sandbox.faults.seed)
        waiting = sandbox.faults.waiting
        sandbox.faults = Faults(str(body["profile"]), int(str(seed)), waiting)
    return _faults(sandbox, body)


def _clear_faults(sandbox: Sandbox, body: _Body) -> JSON:
    with sandbox.lock:
        sandbox.faults.waiting.clear()
    return _faults(sandbox, body)


def _clock(sandbox: Sandbox, _body: _Body) -> JSON:
    return {"at": encode(sandbox.clock.now()), "virtual": isinstance(sandbox.clock, VirtualClock)}


def _set_clock(sandbox: Sandbox, body: _Body) -> JSON:
    """Put the clock at a time or move it on; a sandbox on the machine's clock gets a virtual one."""
    with sandbox.lock:
        clock = sandbox.clock
        if not isinstance(clock, VirtualClock):
            clock = VirtualClock(clock.now())
            sandbox.clock = clock
        if "at" in body:
            clock.set(datetime.fromisoformat(str(body["at"])))
        if "advance_seconds" in body:
            clock.advance(float(str(body["advance_seconds"])))
    return _clock(sandbox, body)


def _rules(sandbox: Sandbox, _body: _Body) -> JSON:
    return encode(sandbox.rules)


def _change_rules(sandbox: Sandbox, body: _Body) -> JSON:
    with sandbox.lock:
        sandbox.change(decode(Rules, {**as_dict(encode(sandbox.rules)), **body}))
    return encode(sandbox.rules)


def _add_user(sandbox: Sandbox, body: _Body) -> JSON:
    followers = int(str(body.get("followers", 0)))
    username, name, about = str(body["username"]), str(body.get("name", "")), str(body.get("description", ""))
    return encode(sandbox.actors.add_user(username, name=name, description=about, followers=followers))


def _add_account(sandbox: Sandbox, body: _Body) -> JSON:
    return credentials_json(sandbox, sandbox.add_account(str(body["username"])).username)


def _post(sandbox: Sandbox, body: _Body) -> JSON:
    links = {name: _text(body, name) for name in ("reply_to", "quote", "repost")}
    at = _text(body, "at")
    return encode(
        sandbox.actors.post(
            str(body["username"]),
            str(body.get("text", "")),
            reply_to=links["reply_to"],
            quote=links["quote"],
            repost=links["repost"],
            at=datetime.fromisoformat(at) if at else None,
        )
    )


def _text(body: _Body, name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)


def _set_metrics(sandbox: Sandbox, body: _Body) -> JSON:
    metrics = {name: int(str(count)) for name, count in as_dict(body["metrics"]).items()}
    return encode(sandbox.actors.set_metrics(str(body["id"]), metrics))


def _named(action: Callable[[Sandbox, str], object]) -> Callable[[Sandbox, _Body], JSON]:
    def command(sandbox: Sandbox, body: _Body) -> JSON:
        action(sandbox, str(body["username"]))
        return {"done": True}

    return command


def _delete(sandbox: Sandbox, body: _Body) -> JSON:
    sandbox.actors.delete(str(body["id"]))
    return {"done": True}


COMMANDS: Mapping[str, Callable[[Sandbox, _Body], JSON]] = {
    "GET state": lambda sandbox, _body: state.to_json(sandbox),
    "GET credentials": lambda sandbox, body: credentials_json(sandbox, _name(body)),
    "GET posts": _posts,
    "GET requests": _requests,
    "GET bill": _bill,
    "GET faults": _faults,
    "POST faults": _add_fault,
    "DELETE faults": _clear_faults,
    "POST faults/profile": _set_profile,
    "GET clock": _clock,
    "POST clock": _set_clock,
    "GET rules": _rules,
    "POST rules": _change_rules,
    "POST actors/user": _add_user,
    "POST actors/account": _add_account,
    "POST actors/post": _post,
    "POST actors/delete": _delete,
    "POST actors/metrics": _set_metrics,
    "POST actors/suspend": _named(lambda sandbox, name: sandbox.actors.suspend(name)),
    "POST actors/unsuspend": _named(lambda sandbox, name: sandbox.actors.suspend(name, suspended=False)),
    "POST actors/revoke": _named(lambda sandbox, name: sandbox.actors.revoke_access(name)),
    "POST actors/expire": _named(lambda sandbox, name: sandbox.actors.expire_access(name)),
}
"""What the control room understands: method and path after `/_sandbox/`."""
