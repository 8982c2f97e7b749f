"""What an invocation answers with: one JSON object, the same for functions and for `songpost run --json`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from songpost.account_documents import Control
from songpost.agent import approvals
from songpost.agent.writing import Step, Tick
from songpost.core import budget
from songpost.core.admission import Admitted, Refused
from songpost.core.learning_state import FRACTION_BITS
from songpost.core.prices import Quote
from songpost.core.snapshot import Snapshot
from songpost.errors import SongpostError
from songpost.model import MICROS_PER_USD, Action, Json, Kind, State

if TYPE_CHECKING:
    from songpost.agent.agenda import Measured
    from songpost.agent.measuring import Measurement
    from songpost.agent.reading import Page, Round
    from songpost.agent.sourcing import Look


def usd(micros: int) -> float:
    """Micro-dollars as dollars, for JSON; sums are made before, in integers."""
    return micros / MICROS_PER_USD


def of_tick(tick: Tick, *, account: str, mode: str, dry_run: bool, now: datetime, before: Snapshot) -> dict[str, Json]:
    """Summarise a writer's tick, `before` being the account as it was found.

    `actions` are those it acted on; in a dry run also those still to come today.
    """
    steps = [*tick.steps, *(tick.foretold if dry_run else ())]
    summary: dict[str, Json] = {
        "account": account,
        "mode": mode,
        "dry_run": dry_run,
        "actions": [of_step(step, dry_run=dry_run) for step in steps],
        **_budgets(before, tick.account.snapshot, now),
        "unknown_age_seconds": unknown_age_seconds(tick.account.snapshot, now),
    }
    if tick.plans and tick.plans[-1].running_dry:
        summary["running_dry"] = list(tick.plans[-1].running_dry)
    if tick.account.snapshot.control.paused:
        summary["control"] = of_control(tick.account.snapshot.control)
    if tick.stopped is not None:
        summary["error"] = of_error(tick.stopped)
    return summary


def of_control(control: Control) -> dict[str, Json]:
    """The kill switch as it stands: why, since when, by whom, and the way back."""
    return {
        "paused": control.paused,
        "reason": control.reason or None,
        "changed_at": control.changed_at.isoformat() if control.changed_at is not None else None,
        "changed_by": control.changed_by or None,
        "mend": "songpost resume" if control.paused else None,
    }


def of_step(step: Step, *, dry_run: bool) -> dict[str, Json]:
    """One action as INTERFACES names its fields; `would` says what a live run does, where the run is dry."""
    action, decision = step.action, step.decision
    refused = decision if isinstance(decision, Refused) else None
    retry_at = refused.retry_at if refused is not None else action.retry_at
    price = decision.quote.worst_micros if decision is not None and decision.quote is not None else 0
    settled = action.attempts[-1].settled_micros if action.attempts else None
    shown: dict[str, Json] = {
        "key": action.key,
        "kind": action.kind.value,
        "state": action.state.value,
        "gate": refused.gate if refused is not None else action.gate or None,
        "reason": refused.reason if refused is not None else action.reason or None,
        "retry_at": retry_at.isoformat() if retry_at is not None else None,
        "price_usd": usd(price if settled is None else settled),
        "text": action.text,
        "arm": str(action.arm) if action.arm is not None else None,
        "post_id": action.post_id or None,
        "due_at": action.due_at.isoformat(),
    }
    if action.target_id:
        shown["target_id"] = action.target_id
    if action.thread:
        shown |= of_thread(action, None if decision is None else decision.quote)
    if dry_run:
        asks = refused is not None and refused.gate == approvals.GATE and action.state is State.PLANNED
        shown["would"] = "send" if isinstance(decision, Admitted) else "propose" if asks else "refuse"
        shown["at"] = step.at.isoformat()
        shown["gates"] = [
            {"gate": verdict.gate, "passed": verdict.passed, "detail": verdict.detail}
            for verdict in (decision.verdicts if decision is not None else ())
        ]
    return shown


def step_prices(action: Action, quote: Quote | None) -> tuple[int, ...]:
    """What each step of a thread costs, in micro-dollars: as it was settled or booked, else as `quote` has it."""
    quotes = () if quote is None else quote.steps or (quote,)
    first = len(action.steps) - len(quotes)
    tried = [
        [one.settled_micros if one.settled_micros is not None else one.reserved_micros for one in of]
        for of in ([a for a in action.attempts if a.step == step] for step in range(len(action.steps)))
    ]
    return tuple(
        sum(paid) if paid else quotes[step - first].worst_micros if step >= first else 0
        for step, paid in enumerate(tried)
    )


def of_thread(action: Action, quote: Quote | None) -> dict[str, Json]:
    """The steps of a thread with their prices and posts, and the price of the whole."""
    prices = step_prices(action, quote)
    ids = (*action.post_ids, *("" for _ in action.steps[action.next_step :]))
    steps: list[Json] = [
        {"text": step.text, "price_usd": usd(micros), "post_id": post_id or None}
        for step, micros, post_id in zip(action.steps, prices, ids, strict=True)
    ]
    return {"price_usd": usd(sum(prices)), "steps": steps}


def of_reader(found: Measurement | None, read: Round | None, *, before: Snapshot, now: datetime) -> dict[str, Json]:
    """Summarise a reader's tick: each read as an action, what became of measured posts, and what was left unread."""
    if read is None and found is not None:
        return of_measurement(found, before=before, now=now)
    after = before if read is None else read.account.snapshot
    shown: dict[str, Json] = {"actions": []}
    if found is not None:
        shown = _of_measured_posts(found, now)
    shown |= _budgets(before, after, now)
    shown["unknown_age_seconds"] = unknown_age_seconds(after, now)
    if read is None:
        return shown
    measured = shown["actions"]
    pages = [of_page(page, now) for page in read.pages]
    shown["actions"] = [*(measured if isinstance(measured, list) else []), *pages]
    looked = [of_measured(one) for page in read.pages for one in page.measured]
    if looked:
        before_it = shown.get("posts")
        told = {one["post_id"] for one in looked}
        kept = before_it if isinstance(before_it, list) else []
        shown["posts"] = [*(one for one in kept if isinstance(one, dict) and one["post_id"] not in told), *looked]
    shown["skipped"] = [
        {"place": one.name, "reason": one.reason, "due_at": None if one.due_at is None else one.due_at.isoformat()}
        for one in read.skipped
    ]
    if read.pages:
        shown.pop("note", None)
    elif found is None:
        shown["note"] = "nothing is due" if read.refused is None else read.refused.reason
    if read.stopped is not None:
        shown["error"] = of_error(read.stopped)
    return shown


def of_page(page: Page, now: datetime) -> dict[str, Json]:
    """One read of others' posts or of the own timeline, with the fields of every action."""
    refused, settled = page.refused, page.settled_micros
    return {
        "key": f"read/{now.date().isoformat()}/{page.name}",
        "kind": Kind.READ.value,
        "state": "planned" if settled is None else "sent",
        "gate": None if refused is None else refused.gate,
        "reason": (page.note or None) if refused is None else refused.reason,
        "retry_at": None if refused is None or refused.retry_at is None else refused.retry_at.isoformat(),
        "price_usd": usd(page.read.micros if settled is None else settled),
        "text": "",
        "arm": None,
        "post_id": None,
        "endpoint": page.read.wanted.endpoint.key,
        "resources": page.read.most,
        "posts": page.posts,
        "taken": page.taken,
        "opted_out": page.opted_out,
        "left_out": dict(page.left_out),
    }


def of_measurement(found: Measurement, *, before: Snapshot, now: datetime) -> dict[str, Json]:
    """Summarise a measurement: the read as the one action, and what became of each post on the agenda."""
    summary = _of_measured_posts(found, now)
    summary |= _budgets(before, found.account.snapshot, now)
    return {**summary, "unknown_age_seconds": unknown_age_seconds(found.account.snapshot, now)}


def _of_measured_posts(found: Measurement, now: datetime) -> dict[str, Json]:
    summary: dict[str, Json] = {
        "actions": [] if found.reading is None else [of_reading(found, now)],
        "posts": [of_measured(one) for one in found.posts],
    }
    if found.rebuilt:
        summary["rebuilt"] = found.rebuilt
    if found.reading is None:
        summary["note"] = "nothing is due" if found.refused is None else found.refused.reason
    if found.stopped is not None:
        summary["error"] = of_error(found.stopped)
    return summary


def of_reading(found: Measurement, now: datetime) -> dict[str, Json]:
    """The read of a measurement, with the fields of every action."""
    reading, refused, booked = found.reading, found.refused, found.booked
    if reading is None:
        raise AssertionError("there is no read to tell of")
    micros = found.settled_micros
    if micros is None:
        micros = booked.resources * booked.unit_micros if booked is not None else 0
    state = "planned" if refused is not None or found.settled_micros is None else "sent"
    return {
        "key": f"read/{now.date().isoformat()}/{reading.post_ids[0]}",
        "kind": Kind.READ.value,
        "state": state if found.stopped is None else "refused",
        "gate": None if refused is None else refused.gate,
        "reason": None if refused is None else refused.reason,
        "retry_at": None if refused is None or refused.retry_at is None else refused.retry_at.isoformat(),
        "price_usd": usd(micros),
        "text": "",
        "arm": None,
        "post_id": None,
        "endpoint": reading.endpoint,
        "post_ids": list(reading.post_ids),
        "resources": reading.resources,
    }


def of_measured(one: Measured) -> dict[str, Json]:
    """What became of one post."""
    reward = one.reward
    return {
        "post_id": one.post_id,
        "key": one.key,
        "result": one.result.value,
        "reason": one.reason or None,
        "arm": str(one.arm) if one.arm is not None else None,
        "rate": None if reward is None else reward.rate / (1 << FRACTION_BITS),
        "engagements": None if reward is None else reward.engagements,
        "impressions": None if reward is None else reward.impressions,
        "due_at": one.due_at.isoformat() if one.due_at is not None else None,
    }


def of_look(look: Look) -> Json:
    """What became of one feed or model; in a dry run what would be asked, and at which worst price."""
    return {
        "source": look.name,
        "taken": list(look.taken),
        "left_out": list(look.left_out),
        "price_usd": usd(look.micros),
        "due_at": None if look.due_at is None else look.due_at.isoformat(),
        "refused": look.refused or None,
        "error": None if look.error is None else of_error(look.error),
    }


def of_error(error: SongpostError) -> dict[str, Json]:
    """A named error as data."""
    return {"name": error.name, "where": error.where, "what": error.what, "mend": error.mend}


def unknown_age_seconds(snapshot: Snapshot, now: datetime) -> int:
    """How long ago the oldest action was sent whose outcome nobody knows; 0 where there is none. An alarm reads it."""
    started = [
        action.attempts[-1].started_at
        for action in snapshot.actions.values()
        if action.state in {State.SENDING, State.UNKNOWN} and action.attempts
    ]
    return max(0, int((now - min(started)).total_seconds())) if started else 0


def _budgets(before: Snapshot, after: Snapshot, now: datetime) -> dict[str, Json]:
    """The ceilings before and after a tick; they are worked out once where nothing was booked."""
    was = of_budget(before, now)
    same = before.usage is after.usage and before.settings is after.settings
    return {"budget": was, "budget_after": was if same else of_budget(after, now)}


def of_budget(snapshot: Snapshot, now: datetime) -> dict[str, Json]:
    """Every ceiling of the account: limit, used, left, and when it is whole again."""
    shown: dict[str, Json] = {}
    for ceiling in budget.overview(snapshot.settings, snapshot.usage, now):
        limit, used, left = ceiling.limit, ceiling.used, ceiling.left
        of = {"limit": limit, "used": used, "left": left}
        money = {"limit": limit / MICROS_PER_USD, "used": used / MICROS_PER_USD, "left": left / MICROS_PER_USD}
        shown[ceiling.name] = {**(money if ceiling.money else of), "resets_at": ceiling.resets_at.isoformat()}
    return shown
