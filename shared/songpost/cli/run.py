"""`songpost run` and `songpost read`: one tick, and what it did or would do, in 80 columns."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from songpost import telemetry
from songpost.agent import summary
from songpost.agent.events import Invocation
from songpost.agent.writing import Step, Tick
from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of
from songpost.core import budget
from songpost.core.admission import Admitted, Refused
from songpost.core.learning_state import FRACTION_BITS
from songpost.core.prices import Quote
from songpost.core.snapshot import Snapshot
from songpost.invoking import run_reader, run_writer
from songpost.model import Action, Kind, State

if TYPE_CHECKING:
    from songpost.agent.measuring import Measurement
    from songpost.agent.reading import Round

WIDTH = 80
MARK = {True: "ok", False: "NO"}


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """One tick of the writer."""
    with session_of(words, environ) as session:
        invocation = Invocation(mode=words.mode, account=session.account, dry_run=session.runtime.dry_run)
        before = session.open().snapshot
        if not session.runtime.dry_run:
            level = session.given.settings.logging.level
            telemetry.configure(level, in_lambda=False, account=session.account)
        now = session.clock()
        shown, tick = run_writer(session, invocation, lambda: float("inf"))
        if words.json:
            print_json(shown)
        elif tick is not None:
            for line in report(session, before, tick, words.mode, now):
                print(line)
        if tick is not None and tick.stopped is not None:
            raise tick.stopped
    return 0


def read(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """One tick of the reader."""
    return measured(words, environ, words.mode)


def measured(words: argparse.Namespace, environ: Mapping[str, str], mode: str, only: str | None = None) -> int:
    """One tick of the reader in a mode, or (with `only`) of measuring alone, shown to a person or a machine."""
    with session_of(words, environ) as session:
        invocation = Invocation(mode=mode, account=session.account, dry_run=session.runtime.dry_run)
        now = session.clock()
        before = session.open().snapshot
        shown, found, read = run_reader(session, invocation, lambda: float("inf"), only)
        dry_run = session.runtime.dry_run
        after = next(one.account.snapshot for one in (read, found) if one is not None)
        if words.json:
            print_json(shown)
        else:
            lines: list[str] = []
            if found is not None:
                lines += [*reading_report(found, dry_run=dry_run), ""]
            if read is not None:
                lines += [*round_report(read, dry_run=dry_run), ""]
            for line in [*lines, *budget_lines(before, after, now)]:
                print(line)
            if dry_run:
                print("\nNothing was read and nothing was written.")
        stopped = next((one.stopped for one in (read, found) if one is not None and one.stopped is not None), None)
        if stopped is not None:
            raise stopped
    return 0


def round_report(read: Round, *, dry_run: bool) -> Iterator[str]:
    """Each place that was read or would be, at which price, what came of it; and what was left, and why."""
    if read.refused is not None:
        yield from wrapped(f"Held back by {read.refused.gate}: {read.refused.reason}")
    for page in read.pages:
        price = budget.dollars(page.read.micros if page.settled_micros is None else page.settled_micros)
        if page.refused is not None:
            yield from wrapped(f"{page.name}: held back by {page.refused.gate}: {page.refused.reason}", hang=2)
        elif dry_run:
            yield from wrapped(f"{page.name}: would be read, up to {_count(page.read.most, 'post')}, {price} at worst")
        else:
            came = f"{_count(page.posts, 'post')}, {page.taken} into the inbox, {price}"
            yield from wrapped(f"{page.name}: {came}" + (f" ({page.note})" if page.note else ""), hang=2)
            for reason, number in sorted(page.left_out.items()):
                yield from wrapped(f"left out {number}: {reason}", "  ", hang=2)
            if page.opted_out:
                yield f"  {_count(page.opted_out, 'user')} asked to be left alone"
    for one in read.skipped:
        yield from wrapped(f"{one.name}: not read: {one.reason}", hang=2)


def reading_report(found: Measurement, *, dry_run: bool) -> Iterator[str]:
    """What was read or would be, at which price, and what became of each post."""
    if found.rebuilt:
        did = "would be" if dry_run else "were"
        yield from wrapped(f"The learner's counters {did} made anew from all credits: {found.rebuilt}.")
    reading = found.reading
    if reading is None:
        yield from wrapped("Nothing is due." if found.refused is None else f"Held back: {found.refused.reason}")
    else:
        micros = found.settled_micros
        worst = found.booked.resources * found.booked.unit_micros if found.booked is not None else 0
        price = f"{budget.dollars(worst)} at worst" if micros is None else budget.dollars(micros)
        verb = "Would read" if dry_run else "Read" if micros is not None else "Wanted to read"
        count = _count(len(reading.post_ids), "post")
        line = f"{verb} {count} by {reading.endpoint} ({reading.price_class.value}), {price}."
        yield from wrapped(line)
        if found.refused is not None:
            yield from wrapped(f"Held back by {found.refused.gate}: {found.refused.reason}")
    for one in found.posts:
        yield ""
        yield from wrapped(f"{one.post_id}  {one.result.value}" + (f": {one.reason}" if one.reason else ""), hang=2)
        yield f"  {one.key}" + (f"  {one.arm}" if one.arm is not None else "")
        if one.reward is not None:
            rate = one.reward.rate / (1 << FRACTION_BITS)
            yield (
                f"  {one.reward.engagements:,} points of engagement on {one.reward.impressions:,} impressions: "
                f"{rate:.2%}"
            )


def report(session: Session, before: Snapshot, tick: Tick, mode: str, now: datetime) -> Iterator[str]:
    """The tick for a person."""
    zone = ZoneInfo(before.settings.timezone)
    kind = "dry run" if session.runtime.dry_run else "live run"
    local = now.astimezone(zone)
    yield f"Songpost · account {session.account} · {kind} · mode {mode}"
    yield f"{local:%A %Y-%m-%d %H:%M} {before.settings.timezone}"
    yield from wrapped(
        f"settings: {session.given.source} · plan {before.settings.plan.value} · store {session.runtime.store}"
    )
    if before.control.paused:
        yield from wrapped(f"PAUSED: {before.control.reason} ('songpost resume' lets it act again)")
    for plan in tick.plans if mode != "interact" else ():
        yield ""
        yield f"Plan of {plan.date} ({plan.zone}): {_count(len(plan.slots), 'slot')}"
        for line in plan.left_out:
            yield from wrapped(f"left out: {line}", "  ")
        for line in plan.running_dry:
            yield from wrapped(f"runs dry: {line}", "  ")
    yield from _steps("Now" if not session.runtime.dry_run else "This tick would", tick.steps, zone)
    yield from _steps("Later today, slot by slot", tick.foretold, zone)
    yield ""
    yield from budget_lines(before, tick.account.snapshot, now)
    if session.runtime.dry_run:
        yield ""
        yield "Nothing was sent and nothing was written."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _steps(title: str, steps: tuple[Step, ...], zone: ZoneInfo) -> Iterator[str]:
    yield ""
    yield f"{title}:" + ("" if steps else " nothing.")
    for step in steps:
        yield ""
        yield from step_lines(step, zone)


def step_lines(step: Step, zone: ZoneInfo) -> Iterator[str]:
    """One action: when, what, for how much, and what every gate says."""
    action, decision = step.action, step.decision
    verdict = action.state.value
    if action.state is State.PLANNED and decision is not None:
        held = "will not go out" if isinstance(decision, Refused) and decision.final else "is held back"
        verdict = "goes out" if isinstance(decision, Admitted) else held
    yield f"  {action.due_at.astimezone(zone):%a %H:%M} {action.window:<14} {verdict}"
    yield f"    key    {action.key}"
    if action.arm is not None:
        yield f"    arm    {action.arm}"
    if action.target_author_id:
        who = f"@{action.target_author}" if action.target_author else f"user {action.target_author_id}"
        yield from wrapped(f"to     {who}: {action.target_text}", "    ", hang=7)
    if decision is not None and decision.quote is not None:
        quote = decision.quote
        yield (
            f"    price  ${quote.call_micros / 1e6:.3f} ({quote.price_class.value}); "
            f"${quote.worst_micros / 1e6:.3f} booked until it is seen"
        )
    if action.post_id:
        yield f"    post   {action.post_id}"
    yield from _content_lines(action, None if decision is None else decision.quote)
    if decision is not None:
        for gate in decision.verdicts:
            yield from wrapped(f"{gate.gate:<13} {MARK[gate.passed]}  {gate.detail}", "    ", hang=18)
    elif action.reason:
        yield from wrapped(action.reason, "    ")
    if action.state in {State.UNKNOWN, State.REFUSED, State.PARTIAL} and decision is not None and action.reason:
        yield from wrapped(action.reason, "    ")


def budget_lines(before: Snapshot, after: Snapshot, now: datetime) -> Iterator[str]:
    """Every ceiling before and after."""
    yield f"{'Budget':<26}{'ceiling':>14}{'used before':>16}{'used after':>16}"
    later = {ceiling.name: ceiling for ceiling in budget.overview(after.settings, after.usage, now)}
    for ceiling in budget.overview(before.settings, before.usage, now):
        figures = (ceiling.limit, ceiling.used, later[ceiling.name].used)
        shown = [f"${figure / 1e6:,.3f}" if ceiling.money else f"{figure:,}" for figure in figures]
        yield f"  {ceiling.name:<24}{shown[0]:>14}{shown[1]:>16}{shown[2]:>16}"


def _content_lines(action: Action, quote: Quote | None) -> Iterator[str]:
    """What an action says, and of a thread the price and the post of each step."""
    prices = summary.step_prices(action, quote) if action.thread else ()
    for number, step in enumerate(action.steps):
        sent = f", post {action.post_ids[number]}" if 0 < number < action.next_step else ""
        told = f" {number + 1} of {len(prices)}, ${prices[number] / 1e6:.3f}{sent}" if prices else ""
        yield f"    text{told}"
        for paragraph in step.text.splitlines() or [""]:
            yield from wrapped(paragraph, "      | ")
    if action.poll is not None:
        yield f"    poll   {' / '.join(action.poll.options)} ({action.poll.minutes} minutes)"
    if action.kind is Kind.QUOTE:
        yield f"    quotes {action.target_id}"


def wrapped(text: str, indent: str = "", hang: int = 0) -> list[str]:
    """A line as lines of at most 80 columns; `hang` is how far the following ones stand in."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + " " * hang, break_long_words=True
    ) or [indent]
