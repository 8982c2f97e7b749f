"""What invokes a function: the event of a schedule, of the console, or of a laptop's command, parsed strictly.

    {"mode": …, "account": …, "dry_run": …}     all optional; an unknown key is refused by its name

EventBridge's own envelope is looked through to its `detail`, and the console's template event counts as empty.
An event can make a live function dry; it can never make a dry one live. `pause` and `resume` take `"account": "*"` for
every account of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from songpost.agent.control import ALL
from songpost.errors import EventError, quote
from songpost.runtime import ACCOUNT_RULE, is_account

WRITER_MODES = ("post", "interact", "both", "pause", "resume")
READER_MODES = ("timeline", "mentions", "search", "all")
_ENVELOPE = frozenset({"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"})
_CONSOLE = frozenset({"key1", "key2", "key3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What an event asks for. `account` is empty where it names none; `dry_run` is true only to tighten."""

    mode: str
    account: str = ""
    dry_run: bool = False
    reason: str = ""


def parse(event: object, modes: tuple[str, ...], default: str) -> Invocation:
    """Read an event for a function that knows `modes`. Raises `EventError`, which names the key."""
    if not isinstance(event, Mapping):
        raise EventError(f"{quote(event)} is no JSON object", where="event", mend='send {} or {"mode": …}')
    body = _body(event)
    allowed = {"mode", "account", "dry_run"} | ({"reason"} if body.get("mode") == "pause" else set())
    for key in body:
        if key not in allowed:
            names = ", ".join(sorted(allowed))
            raise EventError("is not a key of an event", where=str(key), mend=f"use {names}")
    mode = body.get("mode", default)
    if mode not in modes:
        raise EventError(f"{quote(mode)} is not one of {', '.join(modes)}", where="mode", mend="correct it")
    account, dry_run, reason = body.get("account", ""), body.get("dry_run", False), body.get("reason", "")
    every = account == ALL and mode in {"pause", "resume"}
    if not isinstance(account, str) or (account and not every and not is_account(account)):
        raise EventError(f"{quote(account)} is no account name", where="account", mend=ACCOUNT_RULE)
    if not isinstance(dry_run, bool):
        raise EventError(f"{quote(dry_run)} is not true or false", where="dry_run", mend="leave it out, or true")
    if not isinstance(reason, str):
        raise EventError(f"{quote(reason)} is no text", where="reason", mend="say why in a sentence")
    return Invocation(mode=str(mode), account=account, dry_run=dry_run, reason=reason)


def _body(event: Mapping[object, object]) -> Mapping[object, object]:
    keys = {str(key) for key in event}
    if {"detail-type", "source"} <= keys <= _ENVELOPE:
        detail = event.get("detail", {})
        if not isinstance(detail, Mapping):
            raise EventError(f"{quote(detail)} is no JSON object", where="detail", mend="send an object")
        return detail
    return {} if keys == _CONSOLE else event
