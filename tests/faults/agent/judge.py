"""The judge of a random fault program: the sandbox's list of posts and its own bill, never the ledger's word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from songpost.agent import audit
from songpost.core import admission
from songpost.core.prices import RECONCILING_READS
from songpost.lab.sandbox.world import Post
from songpost.model import Action, Kind, State
from songpost.settings import Settings
from tests.unit.agent.conftest import World

TIMELINE = "GET /2/users/:id/tweets"
BY_HAND = "By hand, number"
"""How a post of the owner's own begins."""


@dataclass(frozen=True)
class Verdict:
    """What the judge found: the first four are empty where all is well; the rest counts what happened.

    `struck` are X's faults, `unknown` the actions that wait for a person's word, `over_micros` X's bill above the
    ceiling, `threads` those of which a post is on X, `partial` those that ended before their last one; then posts with
    a picture, replies to people, and actions that a person let go out.
    """

    seed: int
    twice: tuple[str, ...]
    lost: tuple[str, ...]
    overspent: tuple[str, ...]
    broken: tuple[str, ...]
    posts: int
    deaths: int
    struck: int
    unknown: int
    over_micros: int
    threads: int
    partial: int
    pictures: int
    replies: int
    approved: int

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that is wrong."""
        return (*self.twice, *self.lost, *self.overspent, *self.broken)


def judged(world: World, seed: int, deaths: int, since: datetime, well_at: datetime) -> Verdict:
    """What became of a world that began at `since`, and was well again from `well_at` on for long enough."""
    session = world.session()
    actions = [stored.action for stored in session.store.actions("default")]
    snapshot = session.open().snapshot
    session.close()
    own = [post for post in world.sandbox.posts() if not post.text.startswith(BY_HAND)]
    threads = [action for action in actions if action.thread and action.post_ids]
    replies = [action for action in actions if action.kind is Kind.REPLY and action.post_ids]
    spent = sum(tally.spent_micros for tally in snapshot.usage.months.values())
    ceiling = world.settings.budget.micros(world.settings.budget.usd_per_month)
    findings = [*audit.broken_chains(actions), *audit.miscounts(snapshot, actions)]
    return Verdict(
        seed=seed,
        twice=(*_twice(own, actions), *_too_late(own, actions)),
        lost=(
            *_lost(actions, own),
            *_unchained(actions, {post.id: post.in_reply_to_id for post in own}),
            *_overlooked(world, actions, well_at),
            *_denied(actions, world.settings),
        ),
        overspent=(*_overspent(world.bill_micros, spent, ceiling), *_too_fast(world, actions, since)),
        broken=tuple(f"{finding.where}: {finding.what}" for finding in findings),
        posts=len(own),
        deaths=deaths,
        struck=len(world.sandbox.faults.struck),
        unknown=sum(action.state is State.UNKNOWN for action in actions),
        over_micros=max(0, world.bill_micros - ceiling),
        threads=len(threads),
        partial=sum(action.state is State.PARTIAL for action in threads),
        pictures=sum(bool(post.media_ids) for post in own),
        replies=len(replies),
        approved=sum(bool(action.approved) and bool(action.post_ids) for action in actions),
    )


def _twice(own: Iterable[Post], actions: Iterable[Action]) -> list[str]:
    """Texts that stand on X more than once, people's posts with more than one answer, and bare or wrong pictures."""
    own = list(own)
    texts, steps = Counter(post.text for post in own), {id_ for action in actions for id_ in action.thread_ids}
    mine = {post.id for post in own}
    answered = Counter(post.in_reply_to_id for post in own if post.in_reply_to_id and post.in_reply_to_id not in mine)
    found = [f"posted {count} times: {text}" for text, count in texts.items() if count > 1]
    found += [f"{post_id} has {count} answers" for post_id, count in answered.items() if count > 1]
    shown = {post.id: len(post.media_ids) for post in own}
    return found + [
        f"{action.key} goes with {len(action.media)} pictures and has {shown[action.post_id]}"
        for action in actions
        if action.post_id in shown and action.post_id not in steps and len(action.media) != shown[action.post_id]
    ]


def _lost(actions: list[Action], own: Iterable[Post]) -> list[str]:
    """Posts that no action accounts for, actions that claim posts which are not there, and actions without an end."""
    texts = {post.id: post.text for post in own}
    sent = {post_id: action for action in actions for post_id in action.post_ids}
    open_texts = {action.steps[action.next_step].text for action in actions if action.state is State.UNKNOWN}
    found = [
        f"post {post_id} is nobody's"
        for post_id, text in texts.items()
        if post_id not in sent and text not in open_texts
    ]
    found += [
        f"{action.key} says sent, but X has no {post_id}" for post_id, action in sent.items() if post_id not in texts
    ]
    found += [
        f"{action.key} is still {action.state.value}"
        for action in actions
        if action.is_open and action.state is not State.UNKNOWN
    ]
    return found + [f"{action.key} ended without a reason" for action in actions if _silent(action)]


def _unchained(actions: list[Action], parents: Mapping[str, str | None]) -> list[str]:
    """Posts that X does not show under the post of the step before, or a reply's target, and states that lie."""
    found: list[str] = []
    for action in actions:
        before = (action.target_id if action.kind is Kind.REPLY else None, *action.post_ids)
        for step, post_id in enumerate(action.post_ids):
            if parents.get(post_id) != before[step]:
                found.append(f"{action.key}: step {step} is a reply to {parents.get(post_id)}, not to {before[step]}")
        whole = action.next_step == len(action.steps)
        ended = {State.PARTIAL} if action.post_ids else {State.REFUSED, State.ABANDONED}
        if whole != (action.state is State.SENT) or not (whole or action.is_open or action.state in ended):
            found.append(f"{action.key} is {action.state.value} with {action.next_step} of {len(action.steps)} posts")
        if not action.is_open and action.held is not None:
            found.append(f"{action.key} is {action.state.value} and holds {action.held.micros}")
    return found


def _too_late(own: Iterable[Post], actions: Iterable[Action]) -> list[str]:
    """Posts that X took after the send deadline of every attempt that may have been theirs."""
    deadlines: dict[str, datetime] = {}
    for action in actions:
        for attempt in action.attempts:
            text = action.steps[attempt.step].text
            deadlines[text] = max(attempt.send_deadline_at, deadlines.get(text, attempt.send_deadline_at))
    return [
        f"post {post.id} went out at {post.created_at:%H:%M:%S}, its last deadline was {deadlines[post.text]:%H:%M:%S}"
        for post in own
        if post.text in deadlines and post.created_at >= deadlines[post.text]
    ]


def _overlooked(world: World, actions: Collection[Action], well_at: datetime) -> list[str]:
    """Actions that are unknown although X has shown their post to a look, at a time when no process died or froze.

    A look is for one of the actions whose attempt has its baseline and was open then: all of theirs must be shown.
    """
    found: dict[str, str] = {}
    if not any(action.state is State.UNKNOWN for action in actions):
        return []
    for look in world.sandbox.requests(TIMELINE):
        if look.at < well_at or (look.status, look.fault) != (HTTPStatus.OK, None):
            continue
        wanted = [action for action in actions if _looked_for(action, look.query.get("since_id", ""), look.at)]
        shown = _newest(world, look.at, int(look.query["max_results"]))
        if all(action.state is State.UNKNOWN and _is_among(action, shown) for action in wanted):
            told = f"is unknown, and X has shown its post at {look.at:%H:%M:%S}"
            found |= {action.key: f"{action.key} {told}" for action in wanted}
    return list(found.values())


def _looked_for(action: Action, baseline_id: str, at: datetime) -> bool:
    """Whether a look from a baseline may have been for an action."""
    return any(
        attempt.baseline_id == baseline_id
        and attempt.started_at <= at
        and (attempt.closed_at is None or attempt.closed_at >= at)
        for attempt in action.attempts
    )


def _is_among(action: Action, posts: Iterable[Post]) -> bool:
    """Whether the post of an action's next step is among posts."""
    step, baseline = action.steps[action.next_step], int(action.attempts[-1].baseline_id or "0")
    return any(
        post.text == step.text and bool(post.media_ids) == bool(step.media) and int(post.id) > baseline
        for post in posts
    )


def _newest(world: World, at: datetime, most: int) -> list[Post]:
    """The newest posts of the account that X showed at a time."""
    return sorted((post for post in world.sandbox.posts() if post.is_visible(at)), key=lambda post: int(post.id))[
        -most:
    ]


def _denied(actions: Collection[Action], settings: Settings) -> list[str]:
    """Actions that were refused a place in their window, of which fewer were taken than there are.

    A place is taken by another action that X may have seen, or that was on its way to X at that time.
    """
    found: list[str] = []
    for action in actions:
        if action.gate != "window quota" or action.state is not State.REFUSED:
            continue
        places = settings.max_per_window.of(action.kind) or 0
        others = [other for other in actions if other.key != action.key and _beside(other, action)]
        if len(others) < places:
            found.append(f"{action.key} was refused one of {places} places, {len(others)} were taken")
    return found


def _beside(other: Action, action: Action) -> bool:
    """Whether another action held a place in the same window when this one was refused it."""
    refused_at = action.updated_at
    return admission.window_key(other) == admission.window_key(action) and any(
        attempt.outcome not in {"rate limited", "not sent"}
        or attempt.started_at <= refused_at <= (attempt.closed_at or refused_at)
        for attempt in other.attempts
    )


def _silent(action: Action) -> bool:
    quiet = {State.REFUSED, State.ABANDONED, State.UNKNOWN, State.PARTIAL}
    return action.state in quiet and not action.reason


def _overspent(bill: int, spent: int, ceiling: int) -> list[str]:
    found = [f"X billed {bill}, the ceiling is {ceiling}"] if bill > ceiling else []
    found += [f"the ledger has {spent} over a ceiling of {ceiling}"] if spent > ceiling else []
    return found + ([f"X billed {bill}, the ledger knows of {spent}"] if bill > spent else [])


def _too_fast(world: World, actions: list[Action], since: datetime) -> list[str]:
    """X's bill above the burst, or one call dearer than it, and what the time has earned."""
    budget, attempts = world.settings.budget, [attempt for action in actions for attempt in action.attempts]
    if budget.burst_days is None or any(attempt.reads > RECONCILING_READS for attempt in attempts):
        return []
    rate = budget.micros(budget.usd_per_month) / 30
    dearest = max((one.reserved_micros * len(action.steps) for action in actions for one in action.attempts), default=0)
    days = (world.clock.now() - since) / timedelta(days=1)
    room = max(rate * budget.burst_days, dearest) + rate * days
    return [f"X billed {world.bill_micros}, the pace allows {room:.0f}"] if world.bill_micros > room else []
