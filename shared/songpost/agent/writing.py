"""One tick of the writer: who are we, what is still open, what is planned, what is due, and out with it.

What it does dry is told by `foretelling.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from songpost import telemetry
from songpost.account_documents import Bucket, DayPlan
from songpost.agent import approvals, interacting, ledger, pausing, planning, reconcile, repeating, transitions
from songpost.agent.enrolment import Passport, Told, enrol
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.planning import Texts
from songpost.agent.reconcile import ReadTimeline
from songpost.agent.transitions import Outcome
from songpost.core import admission, breakers, budget
from songpost.core.admission import Admitted, Refused
from songpost.core.breakers import Trip
from songpost.core.prices import price, price_list, quote_action
from songpost.core.snapshot import CONTROL, Snapshot, plan_name
from songpost.errors import AccountBlocked, ClockError, PriceUnknown, SongpostError, XError
from songpost.model import SKEW_SECONDS, Action, Attempt, Post, PriceClass, State, recorded
from songpost.nouns import replace
from songpost.settings import Settings

if TYPE_CHECKING:
    from songpost.x.nouns import Attached

logger = logging.getLogger(__name__)

SPARE_SECONDS = admission.CALL_SECONDS + 10
"""Time that must be left after an action's send deadline, for it to be begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What acts on X for the writer; built only where a run is live."""

    passport: Passport
    read_timeline: ReadTimeline
    upload: Callable[[Action, Attempt], Attached]
    create: Callable[[Action, Attempt, tuple[str, ...]], tuple[Post | None, Told]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a tick did about one action, or would do: the action, its decision, and the time it holds for."""

    action: Action
    decision: Admitted | Refused | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a tick came to. `steps` are in the order of time; `foretold` are slots that were not yet due."""

    account: Account
    plans: tuple[DayPlan, ...]
    steps: tuple[Step, ...]
    foretold: tuple[Step, ...] = ()
    stopped: SongpostError | None = None


def goes_on(action: Action) -> bool:
    """Whether a thread has begun and its next step may be sent."""
    return action.state is State.PLANNED and bool(action.post_ids)


def tick(
    desk: Desk, account: Account, hand: Hand, texts: Texts, remaining: Callable[[], float], mode: str = "both"
) -> Tick:
    """Act: learn who we are, settle what is open, plan, claim, bury what is past, and send what is due.

    `mode` is `post` (the plan's slots), `interact` (what the inbox holds) or `both`. `remaining` tells how many
    seconds this invocation has left. An error of X ends the action that met it, not
    the tick; where the whole account is blocked, or this clock is wrong, the account pauses and the tick stops.
    """
    stopped: SongpostError | None = None
    try:
        account = reconcile.reconcile(desk, account, hand.read_timeline)
    except XError as error:
        stopped = error
        account = pause_if_blocked(desk, account, error)
    refused: Refused | None = None
    account = repeating.settle(desk, account)
    account = pause_if_overspending(desk, account)
    if stopped is None:
        account, refused, stopped = known(desk, account, hand.passport)
    account, plans = planning.keep_plans(desk, account, texts)
    if mode != "post" and stopped is None and refused is None:
        account = interacting.claim(desk, account, texts)
    account = approvals.propose(desk, account)
    account, buried = _bury(desk, account)
    steps = [Step(action=action, decision=None, at=desk.now()) for action in buried]
    due = _due(account, desk.now()) if mode != "interact" else ()
    if refused is not None:
        steps += [Step(action=action, decision=refused, at=desk.now()) for action in due]
        due = ()
    if stopped is None:
        account, sent, stopped = _send(desk, account, hand, due, remaining)
        steps += sent
    if mode != "post" and stopped is None and refused is None:
        account, sent, stopped = _interact(desk, account, hand, remaining)
        steps += sent
    return Tick(account=account, plans=plans, steps=tuple(steps), stopped=stopped)


def _send(
    desk: Desk, account: Account, hand: Hand, due: Iterable[Action], remaining: Callable[[], float]
) -> tuple[Account, tuple[Step, ...], SongpostError | None]:
    """Send what is due, one after the other, while there is time, and each thread as far as it goes."""
    steps: list[Step] = []
    for action in due:
        if remaining() < admission.send_seconds(action) + SPARE_SECONDS:
            logger.warning("no time left for %s in this invocation", action.key)
            break
        account, step, stopped = act(desk, account, hand, action)
        while stopped is None and isinstance(step.decision, Admitted) and goes_on(step.action):
            if step.action.retry_at is not None or remaining() < admission.send_seconds(action) + SPARE_SECONDS:
                break  # a later tick goes on with the thread
            account, step, stopped = act(desk, account, hand, step.action)
        steps.append(step)
        if stopped is not None:
            return account, tuple(steps), stopped
    return account, tuple(steps), None


def _interact(
    desk: Desk, account: Account, hand: Hand, remaining: Callable[[], float]
) -> tuple[Account, tuple[Step, ...], SongpostError | None]:
    """Send the interactions that wait, at their distances, but to nobody who has asked to be left alone by now."""
    steps: list[Step] = []
    stopped: SongpostError | None = None

    def carry(account: Account, action: Action) -> tuple[Account, bool]:
        nonlocal stopped
        if interacting.left_alone(desk.store, desk.account, (action,)):
            account, ended = interacting.abandon(desk, account, (action.key,))
            steps.extend(Step(action=one, decision=None, at=desk.now()) for one in ended)
            return account, False
        account, step, stopped = act(desk, account, hand, action)
        steps.append(step)
        return account, stopped is not None

    account = interacting.act(desk, account, remaining, admission.SEND_SECONDS + SPARE_SECONDS, carry)
    return account, tuple(steps), stopped


def known(desk: Desk, account: Account, passport: Passport) -> tuple[Account, Refused | None, SongpostError | None]:
    """Enrol, and pause where the answer says that nothing will work. Of a paused account X is asked nothing.

    The error is what stopped it. Raises the errors of the store, and `IdentityError` for another user's credentials.
    """
    if account.snapshot.control.paused:
        return account, None, None
    try:
        account, refused = enrol(desk, account, passport)
    except (XError, ClockError) as error:
        return pause_if_blocked(desk, Account(*desk.reload()), error), None, error
    return account, refused, None


def pause_if_blocked(desk: Desk, account: Account, error: SongpostError) -> Account:
    """Throw the account's own switch where going on would only burn money, or act at the wrong time."""
    if not isinstance(error, AccountBlocked | ClockError):
        return account

    return _pause(desk, account, str(error), lambda _: Trip(error.name, str(error)))


def pause_if_overspending(desk: Desk, account: Account) -> Account:
    """Throw the account's own switch where today costs more than was to be expected by now. Raises `PriceUnknown`."""
    trip = breakers.spend_slope(account.snapshot, desk.now())
    if trip is None:
        return account
    return _pause(desk, account, str(trip), lambda snapshot: breakers.spend_slope(snapshot, desk.now()))


def _pause(desk: Desk, account: Account, reason: str, tripped: Callable[[Snapshot], Trip | None]) -> Account:
    def decide(current: Account) -> Move[Trip | None]:
        trip = None if current.snapshot.control.paused else tripped(current.snapshot)
        if trip is None:
            return Move(snapshot=current.snapshot, result=None)
        control = pausing.paused(current.snapshot.control, desk.now(), reason, "songpost")
        return Move(snapshot=replace(current.snapshot, control=control), written=(CONTROL,), result=trip)

    account, trip = ledger.move(desk, account, decide)
    pausing.tell(trip)
    return account


def _bury(desk: Desk, account: Account) -> tuple[Account, tuple[Action, ...]]:
    """Abandon, with the reason, what was not sent while its window was open."""

    def decide(current: Account) -> Move[tuple[Action, ...]]:
        now = desk.now()
        snapshot = current.snapshot
        late = [slot for slot in planning.open_slots(snapshot.plans.values()) if slot.closes_at <= now]
        waiting = [
            stored
            for stored in current.stored.values()
            if stored.action.state in {State.PLANNED, State.PROPOSED} and stored.action.sendable_until <= now
        ]
        if not late and not waiting:
            return Move(snapshot=snapshot, result=())
        keys = {slot.key for slot in late}
        changed = {
            plan.date: replace(
                plan,
                slots=tuple(replace(slot, taken=True) if slot.key in keys else slot for slot in plan.slots),
            )
            for plan in snapshot.plans.values()
            if keys & {slot.key for slot in plan.slots}
        }
        for stored in waiting:
            snapshot = transitions.unheld(snapshot, stored.action, _abandoned(snapshot, stored.action, now))
        actions = [(_abandoned(snapshot, planning.action_of(slot, now), now), None) for slot in late]
        over = [(_abandoned(snapshot, stored.action, now), stored) for stored in waiting]
        return Move(
            snapshot=replace(snapshot, plans={**snapshot.plans, **changed}),
            written=(*transitions.differing(current.snapshot, snapshot), *(plan_name(name) for name in changed)),
            actions=(*actions, *over),
            result=tuple(action for action, _ in (*actions, *over)),
        )

    return ledger.move(desk, account, decide)


def _abandoned(snapshot: Snapshot, action: Action, now: datetime) -> Action:
    found = action.reason or _in_the_way(snapshot, action, now)
    last = f" ({found})" if found else ""
    wanted = "whole" if action.post_ids else "sent"
    reason = f"its window was over at {action.closes_at.isoformat()} before it could be {wanted}{last}"
    gate = approvals.GATE if action.state is State.PROPOSED else "schedule"
    state = transitions.ended(action, State.ABANDONED)
    closed = replace(action, state=state, gate=gate, reason=reason, retry_at=None)
    return recorded(transitions.freed(closed), now, reason)


def _in_the_way(snapshot: Snapshot, action: Action, now: datetime) -> str:
    """What keeps the account from sending anything like this now: a refusal that may pass is written nowhere else."""
    settings, control = snapshot.settings, snapshot.control
    if control.paused:
        return f"the account is paused: {control.reason or 'no reason given'}"
    try:
        quote = quote_action(settings, action, now.date())
    except PriceUnknown as error:
        return str(error)
    short = budget.shortfall(
        settings,
        snapshot.usage,
        now,
        writes=quote.writes,
        reads=quote.reads,
        micros=quote.worst_micros,
        kind=action.kind,
    )
    return "" if short is None else str(short)


def _due(account: Account, now: datetime) -> tuple[Action, ...]:
    """Actions that may be tried now: those that wait in the ledger, and those of slots whose time has come."""
    waiting = [
        stored.action
        for stored in account.stored.values()
        if stored.action.state is State.PLANNED
        and not interacting.is_interaction(stored.action)
        and (stored.action.retry_at or now) <= now
    ]
    slots = planning.open_slots(account.snapshot.plans.values())
    coming = [planning.action_of(slot, now) for slot in slots if slot.due_at <= now]
    due = [action for action in (*waiting, *coming) if action.due_at <= now < action.sendable_until]
    return tuple(sorted(due, key=lambda action: (action.due_at, action.key)))


def act(desk: Desk, account: Account, hand: Hand, action: Action) -> tuple[Account, Step, SongpostError | None]:
    """Admit, book, send once, and record what came of it. Whatever is logged on the way names the action."""
    with telemetry.about(action.key), telemetry.span("action", key=action.key, kind=action.kind.value):
        return _act(desk, account, hand, action)


def _act(desk: Desk, account: Account, hand: Hand, action: Action) -> tuple[Account, Step, SongpostError | None]:
    account, decision = ledger.book(desk, account, action)
    if isinstance(decision, Refused):
        account, after = _refuse(desk, account, action, decision)
        return account, Step(action=after, decision=decision, at=desk.now()), None
    attempt = decision.attempt
    step_action = decision.action.at_step(attempt.step)
    outcome, skew_seconds = _carried_out(desk, hand, step_action, attempt, decision.snapshot.settings)
    error = outcome.error
    if error is not None:
        logger.warning("%s: %s", action.key, error)
    account = ledger.record(desk, account, action.key, outcome)
    after = transitions.settled(decision.action, outcome)
    step = Step(action=after, decision=decision, at=desk.now())
    if abs(skew_seconds) > SKEW_SECONDS:
        skewed = ClockError(f"this clock is {skew_seconds:+d} s off X's", where="clock", mend="set it by network time")
        return pause_if_blocked(desk, account, skewed), step, skewed
    return account, step, error if account.snapshot.control.paused else None


def _carried_out(desk: Desk, hand: Hand, action: Action, attempt: Attempt, settings: Settings) -> tuple[Outcome, int]:
    """Upload the media, if there are any, and then call once: what came of it, and the seconds this clock is off X's.

    Both happen after the booking and before the attempt's send deadline: what is uploaded shows nowhere until the
    call names it, so an upload that fails, or a crash in the middle of one, leaves nothing behind but the price of
    alt texts, which is booked.
    """
    attached = hand.upload(action, attempt) if action.media else None
    micros = 0
    limits: tuple[Bucket, ...] = ()
    media_ids: tuple[str, ...] = ()
    if attached is not None:
        prices = price_list(settings, attempt.started_at.date())
        micros = price(prices, PriceClass.MEDIA_METADATA, attached.alt_texts) if attached.alt_texts else 0
        limits, media_ids = attached.limits, attached.media_ids
    draft = partial(Outcome, attempt_id=attempt.id, described_micros=micros)
    if attached is not None and attached.error is not None:
        failed = draft(at=desk.now(), error=attached.error, limits=limits, unsent=True)
        return failed, attached.skew_seconds
    try:
        post, told = hand.create(action, attempt, media_ids)
    except XError as error:
        return draft(at=desk.now(), error=error, limits=(*limits, *error.limits)), error.skew_seconds
    return draft(at=desk.now(), post=post, limits=(*limits, *told.limits)), told.skew_seconds


def _refuse(desk: Desk, account: Account, action: Action, refused: Refused) -> tuple[Account, Action]:
    """Put a final refusal into the ledger; what may pass later stays planned, and nothing is written."""
    shown = replace(action, gate=refused.gate, reason=refused.reason, retry_at=refused.retry_at)
    if not refused.final:
        return account, shown

    def decide(current: Account) -> Move[Action]:
        stored = current.stored.get(action.key)
        if stored is None and desk.store.action(desk.account, action.key) is not None:
            return Move(snapshot=current.snapshot, result=shown)
        if stored is not None and stored.action != action:
            return Move(snapshot=current.snapshot, result=stored.action)  # another tick has gone on with it
        now = desk.now()
        state = transitions.ended(action, State.REFUSED)
        closed = transitions.freed(replace(shown, state=state))
        closed = recorded(closed, now, f"{refused.gate}: {refused.reason}")
        changed = planning.with_taken(transitions.unheld(current.snapshot, action, closed), action.key)
        return Move(
            snapshot=changed,
            written=(
                *transitions.differing(current.snapshot, changed),
                *(plan_name(name) for name, plan in changed.plans.items() if plan != current.snapshot.plans.get(name)),
            ),
            actions=((closed, stored),),
            result=closed,
        )

    return ledger.move(desk, account, decide)
