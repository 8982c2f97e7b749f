"""The learner's agenda: which sent posts are due for a look, and the cheapest read that serves them. Pure.

`core/measurement.py` says which post is worth a read today; here that meets the account: its documents, its
prices and its ceilings. A post is read at most once a UTC day, so what a sweep of the timeline is about to show is
left to it, and a bracket of the timeline holds no post that is known and not due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from songpost.account_documents import Awaited, Measuring
from songpost.agent.crediting import counters
from songpost.core import measurement, rate_limits, sweep
from songpost.core.admission import Refused
from songpost.core.learning_state import Reward
from songpost.core.measurement import Measurable
from songpost.core.ownership import own_price
from songpost.core.reading_plan import TIMELINE
from songpost.core.reads import AdmittedRead, admit_read
from songpost.core.snapshot import Snapshot
from songpost.model import Arm, PriceClass
from songpost.nouns import replace

MOST_POSTS = 80
"""Posts of one read: their credits fit into one commit, and X gives 100 at once."""
SMALLEST_PAGE = 5
MARGIN_POSTS = 5
"""Posts by the owner's hand, and replies, that a bracket of the timeline may hold besides those we know of."""
PATIENCE = timedelta(days=1)
"""How long a post that is due waits for a sweep of the timeline that is still to come."""


class Result(StrEnum):
    """What became of a post that is measured."""

    CREDITED = "credited"
    CORRECTED = "corrected"
    NOT_CREDITED = "not credited"
    DUE = "due"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One post, what became of it, and why. `final` where it is not looked at again."""

    post_id: str
    key: str
    result: Result
    reason: str = ""
    arm: Arm | None = None
    reward: Reward | None = None
    due_at: datetime | None = None
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A read that serves these posts: by their ids, or by the own timeline between two ids (both exclusive).

    `resources` is the most posts that it may bring.
    """

    endpoint: str
    price_class: PriceClass
    post_ids: tuple[str, ...]
    resources: int
    since_id: str = ""
    until_id: str = ""


def due_at(awaited: Awaited, credit_after_hours: int) -> datetime | None:
    """When a post is looked at next (UTC); `None` where its credit stands."""
    if awaited.credited_at is not None:
        return measurement.correction_at(awaited.posted_at, awaited.credited_at)
    return awaited.posted_at + timedelta(hours=credit_after_hours)


def agenda(snapshot: Snapshot, now: datetime, only: str = "", *, swept: bool = False) -> tuple[Measured, ...]:
    """Every post on the agenda, or `only` one: what is due, the most telling first; then what waits, and for what.

    Where the tick is `swept` (sweeps of the own timeline come with it and after it), what they show waits for them.
    """
    hours, awaited = snapshot.settings.learning.credit_after_hours, snapshot.measuring.posts
    plan = measurement.plan_reads(
        [measurable(post_id, one) for post_id, one in awaited.items() if not only or only == post_id],
        counters(snapshot, now),
        now,
        credit_after_hours=hours,
        reads=MOST_POSTS,
    )
    due_ids = [one.post_id for one in plan.readings] if swept else []
    shown = frozenset([post_id for post_id in due_ids if _awaits_sweep(snapshot, post_id, now)])
    due = [(one.post_id, Result.DUE, f"for its {one.purpose}") for one in plan.readings if one.post_id not in shown]
    waiting = [(post_id, Result.WAITING, reason) for post_id, reason in plan.left_out]
    waiting += [(one.post_id, Result.WAITING, SWEPT) for one in plan.readings if one.post_id in shown]
    return tuple(
        [
            Measured(
                post_id=post_id,
                key=awaited[post_id].key,
                result=result,
                reason=reason,
                arm=awaited[post_id].arm,
                due_at=due_at(awaited[post_id], hours),
            )
            for post_id, result, reason in (*due, *waiting)
        ]
    )


SWEPT = "the sweep of the own timeline shows it"


def _awaits_sweep(snapshot: Snapshot, post_id: str, now: datetime) -> bool:
    """Whether a sweep is about to read a post that is due, so that reading it now would be reading it twice.

    One that is due or was cut comes with this tick or the next; for one that is still to come a post waits a day.
    """
    every = snapshot.settings.reading.timeline_every_minutes
    position = snapshot.reading.places.get(TIMELINE, sweep.UNREAD)
    last = max((at for at in (position.read_at, snapshot.timeline.read_at) if at is not None), default=None)
    start_id = "" if snapshot.timeline.read_at is None else sweep.id_at(snapshot.timeline.read_at - sweep.LAG)
    asked = sweep.question(position, start_id)
    below = bool(asked.until_id) and int(post_id) >= int(asked.until_id)
    if every is None or last is None or below or int(post_id) <= int(asked.since_id or "0"):
        return False
    if sweep.is_cut(position):
        return not position.stuck
    sweep_at = last + timedelta(minutes=every)
    due = due_at(snapshot.measuring.posts[post_id], snapshot.settings.learning.credit_after_hours)
    return sweep_at <= now or (due is not None and max(now, sweep_at) <= due + PATIENCE)


def measurable(post_id: str, awaited: Awaited) -> Measurable:
    """A post of the agenda as the planner of reads sees it."""
    return Measurable(
        post_id=post_id,
        arm=awaited.arm,
        posted_at=awaited.posted_at,
        credited_at=awaited.credited_at,
        read_on=awaited.read_on,
    )


def marked(measuring: Measuring, post_ids: Iterable[str], day: date | None) -> Measuring:
    """The agenda with the day's mark on posts, or without it."""
    posts = {one: replace(measuring.posts[one], read_on=day) for one in post_ids if one in measuring.posts}
    return replace(measuring, posts={**measuring.posts, **posts})


def without_old(measuring: Measuring, now: datetime) -> Measuring:
    """The agenda without posts that are too old to be read."""
    oldest = now - timedelta(days=measurement.GIVEN_UP_DAYS)
    return replace(measuring, posts={one: post for one, post in measuring.posts.items() if post.posted_at > oldest})


def reading_of(snapshot: Snapshot, post_ids: tuple[str, ...], now: datetime, *, swept: bool = False) -> Reading:
    """The cheapest read that serves these posts, or in a `swept` tick some of them: the next one serves the rest.

    By their ids each costs the full price. A bracket of the own timeline costs the owner's, once ownership is attested,
    and shows whatever lies in it: so it ends before the next own post that is known and not due.
    """
    by_ids = Reading(
        endpoint=rate_limits.POSTS, price_class=PriceClass.POST_READ, post_ids=post_ids, resources=len(post_ids)
    )
    run = _first_run(snapshot, post_ids)
    if own_price(snapshot, now.date()) is not PriceClass.OWNED_READ or not (swept or len(run) == len(post_ids)):
        return by_ids
    unknown = 0 if len(run) == 1 or _is_swept(snapshot, run[-1]) else MARGIN_POSTS
    return Reading(
        endpoint=rate_limits.TIMELINE,
        price_class=PriceClass.OWNED_READ,
        post_ids=run,
        resources=max(SMALLEST_PAGE, len(run) + unknown),
        since_id=str(int(run[0]) - 1),
        until_id=str(int(run[-1]) + 1),
    )


def _first_run(snapshot: Snapshot, post_ids: Iterable[str]) -> tuple[str, ...]:
    """The oldest of these posts, as far as no other own post that is known lies between them."""
    due = sorted(post_ids, key=int)
    known = {mark.id for mark in snapshot.timeline.latest} | snapshot.measuring.posts.keys()
    end = min((int(one) for one in known.difference(due) if int(one) > int(due[0])), default=int(due[-1]) + 1)
    return tuple(one for one in due if int(one) < end)


def _is_swept(snapshot: Snapshot, post_id: str) -> bool:
    """Whether every own post up to this one is known, for a sweep has shown them."""
    position = snapshot.reading.places.get(TIMELINE, sweep.UNREAD)
    oldest = min((int(mark.id) for mark in snapshot.timeline.latest), default=0)
    return oldest <= int(post_id) <= int(position.since_id or "0")


def admitted(
    snapshot: Snapshot, posts: Iterable[Measured], now: datetime, *, swept: bool = False
) -> tuple[Reading, AdmittedRead | Refused] | None:
    """The read that is due by an agenda with its booking; as many posts as the ceilings leave room for.

    `None`: nothing is due.
    """
    due = [one.post_id for one in posts if one.result is Result.DUE][:MOST_POSTS]
    while due:
        reading = reading_of(snapshot, tuple(due), now, swept=swept)
        decision = admit_read(snapshot, reading.endpoint, reading.price_class, reading.resources, now)
        if not (isinstance(decision, Refused) and decision.gate == "budget" and len(due) > 1):
            return reading, decision
        due = due[: len(due) // 2]
    return None
