"""The plans of days as they are kept: made from the account's documents, saved once, and changed only where nobody has
taken a slot yet.

A plan that rests on older settings or texts is made anew, with those of its slots that are taken or that the owner has
changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from songpost.account_documents import DayPlan, Slot
from songpost.agent import accounts, documents, ledger
from songpost.agent.ledger import Account, Desk, Move
from songpost.core import consent, day_plan, drafting
from songpost.core.content import Library
from songpost.core.day_plan import Planned
from songpost.core.snapshot import Snapshot, plan_name
from songpost.model import Action, Json, Kind, State, recorded
from songpost.nouns import replace
from songpost.store.port import DeleteDocument, PutItem

logger = logging.getLogger(__name__)

DECISIONS, STATISTICS = "decisions", "statistics"
"""Collections of what the learner's choices followed from."""
KEPT_PLANS = 2
"""Days whose plan stays among the live documents: today and yesterday, whose last window may cross midnight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The library of texts, loaded where a plan is made, and its digest, known without loading."""

    digest: str
    load: Callable[[], Library]


def local_day(snapshot: Snapshot, now: datetime) -> date:
    """The account's local date at `now`."""
    return now.astimezone(ZoneInfo(snapshot.settings.timezone)).date()


def action_of(slot: Slot, now: datetime) -> Action:
    """The planned action that a slot becomes."""
    return recorded(unrecorded(slot, now), now, "planned")


def unrecorded(slot: Slot, now: datetime) -> Action:
    """The same without its history: enough to be asked about, and not to be kept."""
    return Action(
        key=slot.key,
        kind=Kind.QUOTE if slot.quote_id else Kind.POST,
        state=State.PLANNED,
        created_at=now,
        updated_at=now,
        due_at=slot.due_at,
        closes_at=slot.closes_at,
        window=slot.window,
        text=slot.text,
        arm=slot.arm,
        content_id=slot.content_id,
        variant=slot.variant,
        media=slot.media,
        thread=slot.thread,
        poll=slot.poll,
        target_id=slot.quote_id,
        made_with_ai=slot.made_with_ai,
    )


def open_slots(plans: Iterable[DayPlan]) -> tuple[Slot, ...]:
    """Slots whose action does not exist yet, in the order of time."""
    slots = [slot for plan in plans for slot in plan.slots if not (slot.taken or slot.skipped)]
    return tuple(sorted(slots, key=lambda slot: (slot.due_at, slot.key)))


def planned(snapshot: Snapshot, texts: Texts, day: date) -> DayPlan:
    """The plan of a local day: the saved one where it rests on today's settings and texts, else a new one."""
    saved = snapshot.plans.get(day.isoformat())
    texts = with_drafts(snapshot, texts, day)
    if saved is not None and not _outdated(saved, snapshot, texts):
        return saved
    return day_plan.build(snapshot, texts.load(), day, texts.digest).plan


def with_drafts(snapshot: Snapshot, texts: Texts, day: date) -> Texts:
    """The texts of a day: the owner's own, and the drafts of feeds and models that are kept into it."""
    drafts = snapshot.drafts
    if not drafts.texts:
        return texts
    at = datetime.combine(day, time.min, UTC)
    digest = drafting.digest_with(texts.digest, drafts, at)
    return Texts(digest=digest, load=lambda: drafting.library_with(texts.load(), drafts, at))


def _outdated(saved: DayPlan, snapshot: Snapshot, texts: Texts) -> bool:
    """Whether the owner has decided otherwise, or drafts have come or gone, since the plan was made."""
    return saved.basis != day_plan.basis(snapshot.settings, texts.digest)


def days_to_keep(snapshot: Snapshot, now: datetime) -> tuple[date, ...]:
    """Today, and where posts may ask for a word as many local days as `approval.lead_hours` reaches into."""
    today = local_day(snapshot, now)
    if not consent.posts_may_ask(snapshot):
        return (today,)
    last = local_day(snapshot, now + timedelta(hours=snapshot.settings.approval.lead_hours))
    return tuple(today + timedelta(days=number) for number in range((last - today).days + 1))


def keep_plans(desk: Desk, account: Account, texts: Texts) -> tuple[Account, tuple[DayPlan, ...]]:
    """Save the plans of `days_to_keep` that are new or rest on older settings; plans of the past make room."""
    days = days_to_keep(account.snapshot, desk.now())
    oldest = (days[0] - timedelta(days=KEPT_PLANS - 1)).isoformat()
    for day in days:
        account = keep_plan(desk, account, texts, day)
    plans = account.snapshot.plans
    return account, tuple(plans[name] for name in sorted(plans) if name >= oldest)


def keep_plan(desk: Desk, account: Account, texts: Texts, day: date) -> Account:
    """Save the plan of one local day, unless the saved one still holds.

    Whoever saves a day's first plan says which topics run dry: a warning with the field `alarm`, once a day.
    """

    def decide(current: Account) -> Move[DayPlan | None]:
        snapshot = current.snapshot
        saved = snapshot.plans.get(day.isoformat())
        whole = with_drafts(snapshot, texts, day)
        if saved is not None and not _outdated(saved, snapshot, whole):
            return Move(snapshot=snapshot, result=None)
        made = day_plan.build(snapshot, whole.load(), day, whole.digest)
        oldest = (local_day(snapshot, desk.now()) - timedelta(days=KEPT_PLANS - 1)).isoformat()
        past = [name for name in snapshot.plans if name < oldest]
        kept: Mapping[str, DayPlan] = {
            **{name: value for name, value in snapshot.plans.items() if name >= oldest},
            made.plan.date: made.plan,
        }
        return Move(
            snapshot=replace(snapshot, plans=kept),
            written=(plan_name(made.plan.date),),
            others=(
                *(DeleteDocument(plan_name(name), snapshot.versions[plan_name(name)]) for name in past),
                *decisions_of(made),
                accounts.registered(desk.account),
            ),
            result=made.plan if saved is None else None,
        )

    account, first = ledger.move(desk, account, decide)
    if first is not None and first.running_dry:
        newest = days_to_keep(account.snapshot, desk.now())[-1].isoformat()
        if first.date == newest:
            logger.warning("texts run out: %s", "; ".join(first.running_dry), extra={"alarm": "RunningDry"})
    return account


def decisions_of(made: Planned) -> tuple[PutItem, ...]:
    """What a plan's choices followed from, kept for replay: the decisions of the day, and the counters they name."""
    if not made.decisions:
        return ()
    body: dict[str, Json] = {
        "decisions": [documents.encode(decision) for decision in made.decisions],
        "slots": [slot.key for slot in made.plan.slots],
        "arms": list(made.arms),
        "schema_version": 1,
    }
    counters = made.decisions[0].statistics
    return (
        PutItem(DECISIONS, f"{made.plan.date}/{made.plan.basis}", body, if_absent=False),
        PutItem(STATISTICS, counters, documents.encode(made.statistics), if_absent=False),
    )


def with_taken(snapshot: Snapshot, key: str) -> Snapshot:
    """The snapshot with the slot of this key handed out."""
    plans = {
        name: replace(plan, slots=tuple(replace(slot, taken=True) if slot.key == key else slot for slot in plan.slots))
        for name, plan in snapshot.plans.items()
    }
    return replace(snapshot, plans=plans)
