"""Many accounts: each fleet of `TOGETHER` shares an X app, a store and a clock; fleets know nothing of each other.

So they run side by side, as many processes as processors beside this one, which plays the first fleet (the report is
drawn from its store); a run is the same on any number of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import fields
from datetime import date
from multiprocessing import get_context

from songpost.lab.simulation import run as one
from songpost.lab.simulation.record import Plan, Progress, Run, Trouble
from songpost.nouns import replace
from songpost.store.port import Store

TOGETHER = 10
"""Accounts of one fleet."""


def fleets_of(plan: Plan) -> tuple[Plan, ...]:
    """The plan of each fleet, in the order of their accounts."""
    starts = range(0, plan.accounts, TOGETHER)
    return tuple(replace(plan, accounts=min(TOGETHER, plan.accounts - start), before=start) for start in starts)


def simulate(plan: Plan, store: Store, progress: Progress = lambda _: None, processors: int | None = None) -> Run:
    """Run a plan of any number of accounts; `store`, an empty one, keeps the first fleet's.

    `progress` hears of each day of each fleet that is over. Raises as `run.simulate` does.
    """
    first, *others = fleets_of(plan)
    processors = processors or _processors()
    if not others or processors == 1:
        return joined([one.simulate(first, store, progress), *(_played(fleet, progress) for fleet in others)])
    with ProcessPoolExecutor(min(len(others), processors), mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_played, fleet) for fleet in others]
        for future in waiting:
            future.add_done_callback(lambda done: _told(done, progress))
        return joined([one.simulate(first, store, progress), *(future.result() for future in waiting)])


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _played(plan: Plan, progress: Progress = lambda _: None) -> Run:
    """One fleet over a store of its own."""
    with one.store_for_a_run() as store:
        return one.simulate(plan, store, progress)


def _told(done: Future[Run], progress: Progress) -> None:
    """Tell of all days of a fleet that another process has played."""
    if done.cancelled() or done.exception() is not None:
        return
    for day in _days(done.result()):
        progress(day)


def _days(run: Run) -> Iterator[date]:
    yield from (date.fromisoformat(day.date) for day in run.accounts[0].days)


def joined(runs: Iterable[Run]) -> Run:
    """Runs of the same days as one: their accounts in a row, everything that was counted added up."""
    first, *others = runs
    for other in others:
        first = replace(
            first,
            calls=first.calls + other.calls,
            ticks=first.ticks + other.ticks,
            played=first.played + other.played,
            people=first.people + other.people,
            trouble=_added(first.trouble, other.trouble),
            accounts=(*first.accounts, *other.accounts),
        )
    return first


def _added(some: Trouble, more: Trouble) -> Trouble:
    sums: dict[str, int] = {each.name: getattr(some, each.name) + getattr(more, each.name) for each in fields(Trouble)}
    return Trouble(**sums)
