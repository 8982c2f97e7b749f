"""A person's word: what asks is proposed before its time, and goes out only as it was shown, at the price shown.

    slot, or planned action, that asks ──▶ proposed ──approve──▶ planned ──▶ admitted anew when it is due
                                             │  ▲ └──edit──┐
                                             │  └──────────┘
                                             ├──reject───────▶ abandoned
                                             └──window over──▶ abandoned

All of them are moves of the ledger, so of an approval, a rejection, an edit and a tick that meet, one is first and the
others decide again from what it left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.agent import ledger, planning
from songpost.agent.ledger import Account, Desk, Move
from songpost.core import admission, budget, consent, policy, similarity
from songpost.core.admission import Case
from songpost.core.prices import quote_action
from songpost.core.snapshot import CONTROL, Snapshot, plan_name
from songpost.errors import NotFound, Refusal, UsageError
from songpost.model import Action, State, recorded
from songpost.nouns import replace
from songpost.settings import Consent
from songpost.store.port import StoredAction

MOST_PROPOSED = 60
"""Proposals that wait at once: more than a person reads, and few enough to be loaded by every tick."""
AT_ONCE = 20
"""Proposals in one commit, two operations each."""
GATE = "approval"


def waiting(account: Account) -> tuple[Action, ...]:
    """The proposals, in the order of time."""
    found = [action for action in account.snapshot.actions.values() if action.state is State.PROPOSED]
    return tuple(sorted(found, key=lambda action: (action.due_at, action.key)))


def propose(desk: Desk, account: Account) -> Account:
    """Propose the slots of the saved plans that ask and come within `approval.lead_hours`, and planned actions that
    ask and have no word, or whose word was for another text or price. Raises `PriceUnknown`.
    """
    for _ in range(MOST_PROPOSED // AT_ONCE):
        account, count = ledger.move(desk, account, lambda current: _proposing(current, desk.now()))
        if count < AT_ONCE:
            break
    return account


def _proposing(current: Account, now: datetime) -> Move[int]:
    snapshot = current.snapshot
    room = min(AT_ONCE, MOST_PROPOSED - len(waiting(current)))
    until = now + _lead(snapshot)
    coming = [slot for slot in planning.open_slots(snapshot.plans.values()) if slot.due_at <= until]
    # Asked as of its own time: a tick that proposes nothing then does not hang on the present, and can be told to.
    asking = [
        slot for slot in coming if consent.consent_of(snapshot, planning.unrecorded(slot, slot.due_at)) is Consent.ASK
    ]
    fresh: list[tuple[Action, StoredAction | None]] = [
        (planning.action_of(slot, now), None) for slot in asking if now < slot.closes_at
    ]
    again = [
        (stored.action, stored) for stored in current.stored.values() if wants_a_word(snapshot, stored.action, now)
    ]
    chosen = [(_proposed(snapshot, action, now), stored) for action, stored in [*again, *fresh][: max(0, room)]]
    for action, _ in chosen:
        snapshot = planning.with_taken(snapshot, action.key)
    changed = tuple(plan_name(day) for day, plan in snapshot.plans.items() if plan != current.snapshot.plans[day])
    return Move(snapshot=snapshot, written=changed, actions=tuple(chosen), result=len(chosen))


def _lead(snapshot: Snapshot) -> timedelta:
    return timedelta(hours=snapshot.settings.approval.lead_hours)


def is_due_for_a_word(snapshot: Snapshot, action: Action, now: datetime) -> bool:
    """Whether a live tick at `now` would propose a planned action. Raises `PriceUnknown`."""
    return action.due_at <= now + _lead(snapshot) and wants_a_word(snapshot, action, now)


def wants_a_word(snapshot: Snapshot, action: Action, now: datetime) -> bool:
    """Whether a planned action has to be proposed: nobody has approved it as it stands. Raises `PriceUnknown`.

    A thread that has begun goes on under the word that it began with.
    """
    if action.state is not State.PLANNED or action.post_ids or now >= action.closes_at:
        return False
    if action.approved:
        return not consent.holds(snapshot.settings, action, now.date())
    return consent.consent_of(snapshot, action) is Consent.ASK


def _proposed(snapshot: Snapshot, action: Action, now: datetime) -> Action:
    price = budget.dollars(consent.worst_micros(snapshot.settings, action, now.date()))
    why = "its text or price is not what was approved" if action.approved else f"proposed at {price} at worst"
    asked = replace(
        action,
        state=State.PROPOSED,
        approved="",
        approved_at=None,
        told_at=None,
        gate=GATE,
        reason=f"waits for a person's word until {action.closes_at:%Y-%m-%d %H:%M} UTC",
    )
    return recorded(asked, now, why)


# --------------------------------------------------------------------------------------------------- the words


def approve(desk: Desk, account: Account, key: str, *, by: str, seen: str = "") -> Action:
    """Let a proposal go out as it stands, at its price of now; `seen` is the start of the digest that was shown.

    Without one it is what the account in hand has: a yes that meets an edit is no yes to the new text.

    Raises `NotFound`, and `Refusal` where it waits for no word, its window is over, a rule forbids it, or it is not
    what was seen any more.
    """
    expected = seen

    def decide(current: Account) -> Move[Action]:
        nonlocal expected
        stored, now, settings = _open(desk, current, key), desk.now(), current.snapshot.settings
        action = stored.action
        if action.state is not State.PROPOSED:
            raise Refusal(f"it waits for no word: it is {action.state.value}", where=key, mend="see 'songpost actions'")
        _check_window(action, now)
        if (violation := next(policy.violations(settings, action), None)) is not None:
            part = f" --part {violation.post}" if action.thread and violation.post else ""
            raise Refusal(
                str(violation), where=key, mend=f"'songpost approvals edit {key}{part} --text …', or reject it"
            )
        micros = consent.worst_micros(settings, action, now.date())
        digest = consent.shown(action, micros)
        if not digest.startswith(expected):
            raise Refusal("it is not what was shown any more", where=key, mend="look at it: 'songpost approvals list'")
        expected = digest
        after = replace(action, state=State.PLANNED, approved_at=now, approved=digest, gate="", reason="")
        after = recorded(after, now, f"approved by {by} at {budget.dollars(micros)} at worst, {digest[:12]}")
        control = current.snapshot.control
        given = {**control.approvals, action.kind.value: control.approvals.get(action.kind.value, 0) + 1}
        snapshot = replace(current.snapshot, control=replace(control, approvals=given))
        return Move(snapshot=snapshot, written=(CONTROL,), actions=((after, stored),), result=after)

    return ledger.move(desk, account, decide)[1]


def reject(desk: Desk, account: Account, key: str, *, by: str, reason: str = "") -> Action:
    """Abandon a proposal, or take back a yes while nothing has been sent. Raises `NotFound`, `Refusal`."""

    def decide(current: Account) -> Move[Action]:
        stored, now = _open(desk, current, key), desk.now()
        _check_untouched(stored.action)
        why = f"rejected by {by}" + (f": {reason}" if reason else "")
        after = replace(stored.action, state=State.ABANDONED, gate=GATE, reason=why, retry_at=None)
        return Move(snapshot=current.snapshot, actions=((recorded(after, now, why), stored),), result=after)

    return ledger.move(desk, account, decide)[1]


def edit(desk: Desk, account: Account, key: str, text: str, *, by: str, part: int = 1) -> Action:
    """Give an action that waits another text (a thread: one of its posts, from 1); it is proposed anew, whatever was
    approved.

    The text that it had stays in its history. Raises `NotFound`, `UsageError` where it says that already or has no such
    post, and `Refusal` where it was tried already, or the new text breaks a rule or is too much like another.
    """

    def decide(current: Account) -> Move[Action]:
        stored, now = _open(desk, current, key), desk.now()
        action = stored.action
        _check_untouched(action)
        if action.attempts:
            raise Refusal("it was tried already, so X may know its text", where=key, mend="reject it, and pin another")
        _check_window(action, now)
        if not 1 <= part <= len(action.steps):
            many = "a thread of " + str(len(action.steps)) if action.thread else "one post"
            raise UsageError(f"there is no post {part}: it is {many}", where="--part", mend="count from 1")
        said = action.steps[part - 1].text
        if text == said:
            raise UsageError("it says that already", where="--text", mend="give another text")
        new = replace(_worded(action, part, text), approved="", approved_at=None, told_at=None)
        _check_post(current.snapshot, new, part, now)
        price = budget.dollars(consent.worst_micros(current.snapshot.settings, new, now.date()))
        asked = replace(new, state=State.PROPOSED, gate=GATE, reason=f"edited: waits for a word at {price} at worst")
        which = f"post {part}" if action.thread else "it"
        after = recorded(asked, now, f"edited by {by}; {which} said: {said}")
        return Move(snapshot=current.snapshot, actions=((after, stored),), result=after)

    return ledger.move(desk, account, decide)[1]


def _worded(action: Action, part: int, text: str) -> Action:
    """The action with another text in one of its posts, from 1.

    With another opening it is nobody's from the library any more; topic and window, which the learner chose, stay.
    """
    if part == 1:
        return replace(action, text=text, content_id="", variant=0)
    thread = list(action.thread)
    thread[part - 2] = replace(thread[part - 2], text=text)
    return replace(action, thread=tuple(thread))


TEXT_GATES = frozenset({"policy", "duplicate"})
"""The gates that judge a text, whenever it goes out."""


def check_text(snapshot: Snapshot, action: Action, now: datetime) -> None:
    """Raise `Refusal` where the policy or the duplicate guard would not have an action's text."""
    quote = quote_action(snapshot.settings, action, now.date())
    case = Case(snapshot=snapshot, action=action, now=now, quote=quote)
    for verdict in (gate(case) for gate in admission.GATES):
        if verdict.gate in TEXT_GATES and not verdict.passed:
            raise Refusal(f"{verdict.gate}: {verdict.detail}", where=action.key, mend="give another text")


def _check_post(snapshot: Snapshot, action: Action, part: int, now: datetime) -> None:
    """Raise `Refusal` where one of its posts, from 1, is none to send; the others are judged when it is approved."""
    post = action.steps[part - 1]
    check_text(snapshot, replace(action, text=post.text, media=post.media, thread=()), now)
    threshold = snapshot.settings.similarity.threshold
    for one, other, alike in similarity.alike_within([step.text for step in action.steps], threshold):
        if part in {one, other}:
            told = f"duplicate: {alike:.2f} alike post {one + other - part} of its thread, {threshold:.2f} is too much"
            raise Refusal(told, where=action.key, mend="give another text")


def _open(desk: Desk, account: Account, key: str) -> StoredAction:
    stored = account.stored.get(key)
    if stored is not None:
        return stored
    closed = desk.store.action(desk.account, key)
    if closed is None:
        raise NotFound("no such action", where=key, mend="see 'songpost approvals list'")
    state, reason = closed.action.state.value, closed.action.reason
    raise Refusal(f"it is {state}" + (f": {reason}" if reason else ""), where=key, mend="see 'songpost actions show'")


def _check_untouched(action: Action) -> None:
    if action.state not in {State.PROPOSED, State.PLANNED} or action.post_ids:
        raise Refusal(
            f"it is {action.state.value}: X may have it", where=action.key, mend="see 'songpost actions show'"
        )


def _check_window(action: Action, now: datetime) -> None:
    if now >= action.closes_at:
        raise Refusal(f"its window was over at {action.closes_at.isoformat()}", where=action.key, mend="pin another")


# --------------------------------------------------------------------------------------------------- what is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A proposal as a person sees it: the action, its worst price, and the digest that a yes is good for."""

    action: Action
    micros: int
    digest: str


def shown(snapshot: Snapshot, action: Action, now: datetime) -> Shown:
    """A proposal at its price of `now`. Raises `PriceUnknown`."""
    micros = consent.worst_micros(snapshot.settings, action, now.date())
    return Shown(action=action, micros=micros, digest=consent.shown(action, micros))
