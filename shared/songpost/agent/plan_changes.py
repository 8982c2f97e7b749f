"""The owner's changes to the plan: a slot skipped, moved, or pinned with a text of the owner's choice.

A changed slot carries a note, and a plan that is made anew keeps it. A post that the learner did not place, because
it was pinned or moved out of its window, teaches it nothing: its arm is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from songpost.account_documents import DayPlan, Slot
from songpost.agent import approvals, ledger, planning
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.planning import Texts
from songpost.core import content
from songpost.core.content import Choice
from songpost.core.snapshot import Snapshot, plan_name
from songpost.errors import CommitRefused, NotFound, Refusal, UsageError, quote
from songpost.model import ORIGINALS, Action, State, Text, recorded
from songpost.nouns import replace
from songpost.store.changes import key_date
from songpost.store.port import StoredAction

PINNED = "pinned"
OPEN_FOR = timedelta(hours=1)
"""How long a post may still go out after its time, where it has left the window that the plan gave it."""
R = TypeVar("R")


def skip(desk: Desk, account: Account, texts: Texts, key: str, *, by: str) -> Action:
    """Let a slot's post not happen: it ends as abandoned, and its place stays empty.

    Raises `NotFound`, and `Refusal` where X may have it already, or it has ended.
    """
    why = f"skipped by {by}"

    def decide(current: Account, plan: DayPlan, slot: Slot) -> Move[Action]:
        action, stored = _action(desk, current, slot)
        gone = replace(action, state=State.ABANDONED, gate="schedule", reason=why, retry_at=None)
        changed = replace(slot, taken=True, skipped=True, note=why)
        return _written(current, plan, changed, recorded(gone, desk.now(), why), stored)

    return _change(desk, account, texts, key, decide)


def move(desk: Desk, account: Account, texts: Texts, key: str, at: datetime, *, by: str) -> Action:
    """Give a slot another time (UTC) of its local day. Within its window the window's end still holds.

    Raises as `skip` does, and `Refusal` where the time is past, outside of the day, or too near another post.
    """

    def decide(current: Account, plan: DayPlan, slot: Slot) -> Move[Action]:
        action, stored = _action(desk, current, slot)
        snapshot, now = current.snapshot, desk.now()
        inside = slot.opens_at <= at < slot.closes_at and slot.arm is not None
        _check_time(snapshot, plan, at, now, inside=inside)
        _check_distance(snapshot, at, key)
        why = f"moved by {by} from {slot.due_at:%Y-%m-%d %H:%M} to {at:%Y-%m-%d %H:%M} UTC"
        closes_at = slot.closes_at if inside else at + OPEN_FOR
        arm = slot.arm if inside else None
        changed = replace(slot, due_at=at, closes_at=closes_at, arm=arm, note=why)
        moved = replace(action, due_at=at, closes_at=closes_at, arm=arm, retry_at=None, told_at=None)
        return _written(current, plan, changed, recorded(moved, now, why), stored)

    return _change(desk, account, texts, key, decide)


def pin(desk: Desk, account: Account, texts: Texts, at: datetime, wanted: Text, *, by: str) -> Slot:
    """Put a text into the plan of its local day, to go out at a time (UTC) of the owner's choice.

    Of a text of the library the wording that was not used for longest is taken. Raises `Refusal` where the time is
    past or too near another post, the day is full, or a rule or the duplicate guard would not have the text.
    """
    day = planning.local_day(account.snapshot, at)
    account = planning.keep_plan(desk, account, texts, day)

    def decide(current: Account) -> Move[Slot]:
        snapshot, now = current.snapshot, desk.now()
        plan = snapshot.plans[day.isoformat()]
        _check_time(snapshot, plan, at, now, inside=False)
        _check_distance(snapshot, at, "")
        most = snapshot.settings.max_per_day
        count = sum(not slot.skipped for slot in plan.slots)
        if most is not None and count >= most:
            raise Refusal(
                f"the day has {count} of at most {most} posts", where=plan.date, mend="skip one of them first"
            )
        number = 1 + sum(slot.window.startswith(PINNED) for slot in plan.slots)
        choice = _chosen(snapshot, wanted)
        slot = Slot(
            key=f"post/{plan.date}/{PINNED}/{number}",
            # A window of its own: the quotas of the day's windows are for the posts that the plan places.
            window=f"{PINNED}-{number}",
            opens_at=at,
            closes_at=at + OPEN_FOR,
            due_at=at,
            arm=None,
            content_id=wanted.id,
            variant=choice.variant,
            text=choice.words,
            media=wanted.media,
            thread=wanted.thread_of(choice.variant),
            poll=wanted.poll,
            quote_id=wanted.quote_id,
            made_with_ai=wanted.made_with_ai,
            note=f"pinned by {by}",
        )
        approvals.check_text(snapshot, planning.action_of(slot, now), now)
        slots = tuple(sorted((*plan.slots, slot), key=lambda one: (one.due_at, one.key)))
        after = replace(snapshot, plans={**snapshot.plans, plan.date: replace(plan, slots=slots)})
        return Move(snapshot=after, written=(plan_name(plan.date),), result=slot)

    return ledger.move(desk, account, decide)[1]


def of_library(texts: Texts, content_id: str) -> Text:
    """A text of the library by its id. Raises `NotFound`."""
    for found in texts.load().values():
        for text in found:
            if text.id == content_id:
                return text
    raise NotFound("no text of that id", where=f"--content {content_id}", mend="see the files of 'content'")


def _chosen(snapshot: Snapshot, wanted: Text) -> Choice:
    return next(content.in_order((wanted,), snapshot.fingerprints.used))


# ------------------------------------------------------------------------------------------------- what is changed


def _change(
    desk: Desk,
    account: Account,
    texts: Texts,
    key: str,
    decide: Callable[[Account, DayPlan, Slot], Move[Action]],
) -> Action:
    """Change the slot of a key, in the plan of its day as it is kept."""
    try:
        day = date.fromisoformat(key_date(key))
    except CommitRefused:
        raise UsageError(f"{quote(key)} is no slot's key", where="KEY", mend="see 'songpost plan'") from None
    today = planning.local_day(account.snapshot, desk.now())
    if day >= today:
        account = planning.keep_plan(desk, account, texts, day)

    def decide_slot(current: Account) -> Move[Action]:
        plan = current.snapshot.plans.get(day.isoformat())
        slot = next((slot for slot in plan.slots if slot.key == key), None) if plan is not None else None
        if plan is None or slot is None:
            raise NotFound("no such slot", where=key, mend=f"see 'songpost plan --date {day.isoformat()}'")
        return decide(current, plan, slot)

    return ledger.move(desk, account, decide_slot)[1]


def _action(desk: Desk, account: Account, slot: Slot) -> tuple[Action, StoredAction | None]:
    """The action that a slot has become, or would; `Refusal` where X may have it, or it has ended."""
    if slot.skipped:
        raise Refusal("it is skipped", where=slot.key, mend="pin another post instead")
    stored = account.stored.get(slot.key)
    if stored is None and slot.taken:
        closed = desk.store.action(desk.account, slot.key)
        state = "gone" if closed is None else closed.action.state.value
        raise Refusal(f"it has ended: it is {state}", where=slot.key, mend="see 'songpost actions show'")
    if stored is None:
        return planning.action_of(slot, desk.now()), None
    if stored.action.state not in {State.PROPOSED, State.PLANNED} or stored.action.post_ids:
        state = stored.action.state.value
        raise Refusal(f"it is {state}: X may have it", where=slot.key, mend="see 'songpost actions show'")
    return stored.action, stored


def _written(current: Account, plan: DayPlan, slot: Slot, action: Action, stored: StoredAction | None) -> Move[Action]:
    """The plan with a slot as it is now, and the slot's action where it exists, or has come to its end by this."""
    slots = tuple(slot if one.key == slot.key else one for one in plan.slots)
    slots = tuple(sorted(slots, key=lambda one: (one.due_at, one.key)))
    snapshot = replace(current.snapshot, plans={**current.snapshot.plans, plan.date: replace(plan, slots=slots)})
    actions = () if stored is None and action.is_open else ((action, stored),)
    return Move(snapshot=snapshot, written=(plan_name(plan.date),), actions=actions, result=action)


def _check_time(snapshot: Snapshot, plan: DayPlan, at: datetime, now: datetime, *, inside: bool) -> None:
    zone = ZoneInfo(snapshot.settings.timezone)
    shown = f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
    if at <= now:
        raise Refusal(f"{shown} is past", where="TIME", mend="give a time to come")
    if not inside and at.astimezone(zone).date().isoformat() != plan.date:
        raise Refusal(f"{shown} is outside of the day {plan.date} ({zone.key})", where="TIME", mend="stay in its day")


def _check_distance(snapshot: Snapshot, at: datetime, key: str) -> None:
    distance = timedelta(minutes=snapshot.settings.minimum_gap_minutes)
    zone = ZoneInfo(snapshot.settings.timezone)
    for name, other in _others(snapshot, key):
        if abs(at - other) < distance:
            raise Refusal(
                f"{at.astimezone(zone):%H:%M} is less than {snapshot.settings.minimum_gap_minutes} minutes from {name} "
                f"at {other.astimezone(zone):%H:%M}",
                where="TIME",
                mend="keep the distance ('minimum_gap_minutes' of the settings)",
            )


def _others(snapshot: Snapshot, key: str) -> Iterator[tuple[str, datetime]]:
    """The posts that another one keeps its distance from: planned, waiting, and on X."""
    for plan in snapshot.plans.values():
        for slot in plan.slots:
            if slot.key != key and not slot.skipped and not (slot.taken and slot.key not in snapshot.actions):
                yield slot.key, slot.due_at
    for mark in snapshot.timeline.latest:
        if mark.kind in ORIGINALS:
            yield f"the post {mark.id}", mark.posted_at


def time_of(words: str, day: date, timezone: str) -> datetime:
    """A time that a person wrote, in UTC: `HH:MM` of `day`, or `2026-11-23T09:30`, both local, or with a zone.

    Raises `UsageError` for what is none, and for a local time that the clocks leave out.
    """
    wrong = UsageError(f"{quote(words)} is no time", where="TIME", mend="write 09:30, or 2026-11-23T09:30")
    try:
        told = datetime.fromisoformat(words if "T" in words else f"{day.isoformat()}T{words}")
    except ValueError:
        raise wrong from None
    if told.tzinfo is not None:
        return told.astimezone(UTC)
    local = told.replace(tzinfo=ZoneInfo(timezone))
    if local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != told:
        raise UsageError(f"the clocks of {timezone} leave {words} out", where="TIME", mend="give another time")
    return local.astimezone(UTC)
