"""From a command's words and the environment to an open session, in one place for all commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from songpost import telemetry
from songpost.bootstrap import Session, open_session, system_clock
from songpost.errors import UsageError, quote
from songpost.runtime import LOOPBACK, Runtime

Clock = Callable[[], datetime]


def runtime_of(words: argparse.Namespace, environ: Mapping[str, str]) -> Runtime:
    """The runtime that the environment gives and the words change.

    The command is dry unless `--dry-run false`; a `DRY_RUN` that says otherwise is not overruled in silence.
    """
    if words.account:
        environ = {**environ, "SONGPOST_ACCOUNT": words.account}
    runtime = Runtime.from_env(environ)
    live = getattr(words, "dry_run", "true") == "false"
    if live and environ.get("DRY_RUN", "false") != "false":
        raise UsageError(
            f"DRY_RUN is {quote(environ['DRY_RUN'])}, so nothing may be live",
            where="--dry-run false",
            mend="unset DRY_RUN, or leave --dry-run false out",
        )
    return replace(runtime, dry_run=not live)


def clock_of(words: argparse.Namespace, runtime: Runtime) -> Clock:
    """The clock of a command: this machine's, or one that stands `--at` a time.

    Raises `UsageError` for a time of no form or without a zone, and for `--at` in a run that reaches X itself.
    """
    told = getattr(words, "at", None)
    if told is None:
        return system_clock
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(f"{quote(told)} is no time with a zone", where="--at", mend="write 2026-11-22T09:30+01:00")
    if not runtime.dry_run and urlsplit(runtime.x_api_base_url).hostname not in LOOPBACK:
        raise UsageError(
            "another time is only for dry runs, and for runs against a sandbox on loopback",
            where="--at",
            mend="leave it out, or set X_API_BASE_URL to the sandbox",
        )
    started = system_clock()
    begin = at.astimezone(UTC)
    return lambda: begin + (system_clock() - started)


@contextmanager
def session_of(
    words: argparse.Namespace, environ: Mapping[str, str], *, write: bool | None = None
) -> Iterator[Session]:
    """Open the account for a command, and let go of it afterwards."""
    runtime = runtime_of(words, environ)
    telemetry.configure("WARNING", in_lambda=False, account=runtime.account)
    if runtime.telemetry:
        telemetry.start_traces(in_lambda=False)
    session = open_session(runtime, environ, clock=clock_of(words, runtime), write=write)
    try:
        yield session
    finally:
        session.close()
        telemetry.flush()


def who() -> str:
    """Who is at the keyboard, for the record."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a person"


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    import json

    print(json.dumps(document, indent=2, ensure_ascii=False))
