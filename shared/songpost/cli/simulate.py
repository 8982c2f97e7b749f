"""`songpost simulate`: days of the shipped agent on a virtual clock, against the sandbox and a virtual audience."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from songpost.cli.opening import print_json, session_of
from songpost.cli.terminal import table
from songpost.errors import UsageError
from songpost.lab import report
from songpost.lab.simulation import record
from songpost.lab.simulation.fleets import fleets_of, simulate
from songpost.lab.simulation.record import Plan, Run, Trouble
from songpost.lab.simulation.run import store_for_a_run

if TYPE_CHECKING:
    from songpost.settings import Settings

MOST_DAYS, MOST_ACCOUNTS = 3_650, 500
SHOWN_FAULTS = 20


def command(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run, show what it came to, and fail where the judge found anything wrong."""
    _checked(words)
    with session_of(words, environ) as session:
        settings = session.given.settings
    plan = Plan(days=words.days, settings=settings, seed=words.seed, accounts=words.accounts, faults=words.faults)
    begin = time.monotonic()
    with store_for_a_run() as store, _bar(words.days * len(fleets_of(plan))) as progress:
        run = simulate(plan, store, progress)
        seconds = time.monotonic() - begin
        if words.report:
            report.write(run, Path(words.report), store, settings)
    if words.json:
        print_json({"run": record.to_json(run), "faults_found": list(run.faults_found)})
    else:
        _show(run, settings, seconds)
        if words.report:
            print(f"\nThe report is in {words.report}.")
    for fault in run.faults_found[:SHOWN_FAULTS]:
        print(f"songpost: wrong: {fault}", file=sys.stderr)
    return 1 if run.faults_found else 0


def _checked(words: argparse.Namespace) -> None:
    for value, most, where in ((words.days, MOST_DAYS, "--days"), (words.accounts, MOST_ACCOUNTS, "--accounts")):
        if not 1 <= value <= most:
            raise UsageError(f"{value} is not 1 to {most}", where=where, mend="correct it")
    if words.report:
        report.check(Path(words.report))


@contextmanager
def _bar(fleet_days: int) -> Iterator[Callable[[date], None]]:
    """A progress bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task("days", total=fleet_days)
        yield lambda day: drawn.update(task, advance=1, description=day.isoformat())


def _usd(micros: int) -> str:
    return f"${micros / 1e6:,.2f}"


def _show(run: Run, settings: Settings, seconds: float) -> None:
    accounts, trouble = run.accounts, run.trouble
    posts = [post for one in accounts for post in one.posts]
    credited = sum(post.reward is not None for post in posts)
    chosen, uniform = run.share()
    days = len(accounts[0].days)
    verdicts = [one.verdict for one in accounts]
    dearest = max(one.dearest_month_micros for one in accounts)
    billed, booked = sum(one.billed_micros for one in accounts), sum(one.booked_micros for one in accounts)
    decisions, otherwise = sum(one.decisions for one in accounts), sum(len(one.unreplayed) for one in verdicts)
    rows = [
        ["posts", f"{len(posts):,}, {credited:,} of them credited to the learner"],
        ["other actions", _others(run)],
        ["duplicates", f"{sum(len(one.twice) for one in verdicts)}"],
        ["lost in silence", f"{sum(len(one.lost) for one in verdicts)}"],
        ["waiting for a word", f"{sum(len(one.unknown) for one in verdicts)} of unknown outcome"],
        ["X's bill", f"{_usd(billed)}; booked {_usd(booked)}"],
        ["dearest month", f"{_usd(dearest)} of {_usd(accounts[0].month_ceiling_micros)} an account may spend"],
        ["over the ceiling", f"{sum(len(one.overspent) for one in verdicts)}"],
        ["reward", f"{chosen:.1%} of the oracle's; an even choice would have {uniform:.1%}"],
        ["decisions replayed", f"{decisions:,}, {otherwise} of them otherwise"],
        ["the owner", _owner(trouble)],
        ["people", f"spoke to the account {run.people:,} times"],
        ["ticks", f"{run.ticks:,}, of which {run.played:,} had something to do"],
        ["calls to X", f"{run.calls:,}"],
    ]
    if run.faults != "none":
        rows += [
            ["X's faults", f"{trouble.struck:,}"],
            ["the store's", f"{trouble.store:,}"],
            ["processes that died", f"{trouble.deaths:,}; invocations that failed: {trouble.failed:,}"],
        ]
    who = f"{len(accounts)} account{'s' if len(accounts) > 1 else ''}"
    title = f"{days} days of {who}, seed {run.seed}, faults: {run.faults} ({seconds:.1f} s)"
    table(title, ("", ""), rows)
    print()
    _gates(run)
    if days and len(posts) < settings.posts_per_day * days * len(accounts) * 9 // 10:
        print(f"\nThe settings plan {settings.posts_per_day} posts a day; what is missing stood at these gates.")


def _owner(trouble: Trouble) -> str:
    did = f"approved {trouble.approved}, resumed {trouble.resumed}, settled {trouble.resolved}"
    return f"{did}; was sent {trouble.mails} mails"


def _others(run: Run) -> str:
    """Every action that is no sent post, by kind and state."""
    counts: dict[str, int] = {}
    for one in run.accounts:
        for name, count in one.states.items():
            counts[name] = counts.get(name, 0) + count
    shown = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()) if name != "post sent")
    return shown or "none"


def _gates(run: Run) -> None:
    counts: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for one in run.accounts:
        for refusal in one.refusals:
            counts[refusal.gate] = counts.get(refusal.gate, 0) + refusal.count
            reasons[refusal.gate] = refusal.reason
    if not counts:
        print("No gate refused anything.")
        return
    rows = [[gate, f"{count:,}", reasons[gate]] for gate, count in sorted(counts.items())]
    table("Refusals by gate", ("gate", "actions", "the latest reason"), rows, right=(1,))
