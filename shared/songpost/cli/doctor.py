"""`songpost doctor`: what is in order, what is not, and what to do about it.

Without more it asks nobody but the store. `--dry-run false` asks X once who the credentials are (one user read,
admitted and booked like any other), which proves keys, clock and bio. `--stack NAME` looks at the stack in AWS with the
credentials of whoever runs the command. Each finding has its mend; the exit code is 1 where something is bad.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from songpost.agent import audit, enrolment
from songpost.cli.findings import Found, Level, bad, good, note, shown
from songpost.cli.opening import print_json, session_of
from songpost.core import ownership, policy
from songpost.core.admission import Refused
from songpost.endpoints import scopes_for
from songpost.errors import SongpostError
from songpost.model import Kind, State

if TYPE_CHECKING:
    from songpost.bootstrap import Session

QUIET_DAYS = 2
"""A ledger that has not moved for so long is worth a word."""


Check = Callable[["Session"], Iterator[Found]]


def _settings(session: Session) -> Iterator[Found]:
    given = session.given
    yield good("settings", f"from {given.source}: plan {given.settings.plan.value}, {given.settings.timezone}")


def _store(session: Session) -> Iterator[Found]:
    loaded = session.loaded
    yield good(
        "store", f"{session.runtime.store}: {len(loaded.documents)} documents, {len(loaded.actions)} open actions"
    )
    control = session.open().snapshot.control
    if control.paused:
        yield note(
            "account", f"is paused: {control.reason or 'no reason given'}", "`songpost resume` when it is mended"
        )


def _keys(session: Session) -> Iterator[Found]:
    _ = session.credentials
    mode = session.runtime.auth_mode or session.given.settings.auth_mode.value
    yield good("keys", f"{mode}: all of them are there (whether X takes them, --dry-run false asks)")
    if mode == "tweepy":
        yield note("scopes", "OAuth 1.0a keys do not tell what they may do", "the app wants 'Read and write' at X")
        return
    pair = session.token_store().load()
    if pair is None:
        yield bad("scopes", "there is no pair of tokens yet", "run `songpost authorize`")
        return
    wanted = scopes_for(policy.open_kinds(session.given.settings))
    if missing := sorted(set(wanted) - set(pair.scopes)):
        yield bad("scopes", f"the tokens lack {', '.join(missing)}", "run `songpost authorize` again")
    else:
        yield good("scopes", ", ".join(sorted(pair.scopes)))
    if pair.spending:
        yield bad("keys", "a refresh of the tokens has an unknown outcome", "run `songpost authorize`")


def _person(session: Session) -> Iterator[Found]:
    snapshot = session.open().snapshot
    identity, now = snapshot.identity, session.clock()
    if identity is None:
        yield note("user", "X has not been asked yet whose credentials these are", "the first live tick asks")
    else:
        yield good("user", f"@{identity.username} ({identity.user_id}), as of {identity.learned_at:%Y-%m-%d %H:%M} UTC")
    today = now.astimezone(ZoneInfo(snapshot.settings.timezone)).date()
    bio = None if identity is None else identity.bio
    missing = list(policy.standing(snapshot.settings, Kind.POST, bio, today))
    for violation in missing:
        yield bad("label and operator", violation.message, f"{violation.rule.name}, {violation.rule.source}")
    if not missing:
        seen = "the bio names the operator" if bio is not None else "the bio was not read yet"
        yield good("label and operator", f"attested on {snapshot.settings.automated_label_attested_on}; {seen}")
    doubt = ownership.doubt(snapshot.settings.app_owner, identity, now.date())
    if doubt:
        yield note(
            "app",
            f"{doubt}: own posts and mentions are booked at the full price",
            "if it does, say so by `app_owner` in the settings",
        )
    else:
        yield good("app", "the account owns it: own posts and mentions are booked at the owner's price")


def _ledger(session: Session) -> Iterator[Found]:
    actions = [one.action for one in session.store.actions(session.account)]
    findings = [*audit.broken_chains(actions), *audit.miscounts(session.open().snapshot, actions)]
    for finding in findings:
        yield bad("ledger", f"{finding.where}: {finding.what}", finding.mend)
    if not findings:
        yield good("ledger", f"{len(actions)} actions, every chain and every counter holds")
    waiting = [action for action in actions if action.state is State.UNKNOWN]
    for action in waiting:
        yield bad(
            "ledger", f"{action.key} is of unknown outcome: {action.reason}", "look at X, `songpost actions resolve`"
        )


def _last_tick(session: Session) -> Iterator[Found]:
    snapshot, now = session.open().snapshot, session.clock()
    moved = [at for at in (snapshot.usage.updated_at, snapshot.timeline.read_at) if at is not None]
    if not moved:
        yield note("last tick", "nothing has been booked or read yet", "`songpost run --mode both` shows what would be")
        return
    newest: datetime = max(moved)
    words = f"the ledger moved last at {newest:%Y-%m-%d %H:%M} UTC"
    if now - newest > timedelta(days=QUIET_DAYS) and not snapshot.control.paused:
        yield bad(
            "last tick", words, "is it scheduled? --stack NAME looks; `songpost run --mode both` shows what is due"
        )
    else:
        yield good("last tick", words)


def _x(session: Session) -> Iterator[Found]:
    """Ask X who we are, booked like any read."""
    account, refused = enrolment.ask_who(session.desk, session.open(), session.hand.passport)
    if isinstance(refused, Refused):
        yield bad("X", f"may not be asked: {refused.gate}: {refused.reason}", "a read needs room under the ceilings")
        return
    identity = account.snapshot.identity
    if identity is None:
        raise AssertionError("X was asked and has answered")
    yield good("X", f"takes the keys as @{identity.username}; this clock is within two minutes of its own")
    operator = account.snapshot.settings.operator
    if policy.names_operator(operator, identity.bio or ""):
        yield good("X", f"the bio names {operator}")
    else:
        yield bad("X", f"the bio does not name {operator or 'an operator'}", "write it into the account's bio")


LOCAL: Sequence[tuple[str, Check]] = (
    ("settings", _settings),
    ("store", _store),
    ("keys", _keys),
    ("user", _person),
    ("ledger", _ledger),
    ("last tick", _last_tick),
)


def looked(session: Session, checks: Sequence[tuple[str, Check]]) -> Iterator[Found]:
    """Run checks; a named error is a finding of its area, and the next check goes on."""
    for area, check in checks:
        try:
            yield from check(session)
        except SongpostError as error:
            yield bad(area, f"{error.name}: {error.where}: {error.what}", error.mend)


def command(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Look, show, and say by the exit code whether something is bad."""
    live = words.dry_run == "false"
    with session_of(words, environ) as session:
        checks = (("ledger", _ledger),) if words.ledger else LOCAL
        found = [*looked(session, checks), *(looked(session, (("X", _x),)) if live else ())]
    if words.stack:
        from songpost.cli import doctor_stack

        found += doctor_stack.looked(words.stack)
    if words.json:
        print_json({"findings": [asdict(one) for one in found], "bad": sum(one.level is Level.BAD for one in found)})
    else:
        for one in found:
            print(shown(one))
    return 1 if any(one.level is Level.BAD for one in found) else 0
