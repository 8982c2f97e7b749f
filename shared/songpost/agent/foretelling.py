"""A dry run of the writer: what a live tick would do now, and then with every slot of the day at its own time.

It walks the same way with the same decisions, calls X not at all and commits nothing: it asks every slot as if those
before it had gone out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from songpost.agent import apart, approvals, interacting, planning, transitions, writing
from songpost.agent.ledger import Account
from songpost.agent.planning import Texts
from songpost.agent.transitions import Outcome
from songpost.agent.writing import Step, Tick
from songpost.core import admission
from songpost.core.admission import Admitted
from songpost.core.snapshot import Snapshot
from songpost.model import Post, State
from songpost.nouns import replace


def foretell(
    account: Account,
    texts: Texts,
    now: datetime,
    new_id: Callable[[], str],
    found: interacting.Found = interacting.NOTHING,
    mode: str = "both",
    objection: apart.Objection = apart.no_objection,
) -> Tick:
    """What a live tick would do at `now`, and then with every slot of the day at its own time. Pure but for texts.

    `found` is what the inbox holds, `mode` as in `tick`; `objection` is asked of what is due. Where nothing of today is
    left, tomorrow's slots are foretold.
    """
    snapshot = account.snapshot
    today = planning.local_day(snapshot, now)
    plan = planning.planned(snapshot, texts, today)
    plans = {**snapshot.plans, plan.date: plan}
    snapshot = replace(snapshot, plans=plans)
    steps: list[Step] = []
    foretold: list[Step] = []
    waiting = [a for a in snapshot.actions.values() if a.state in {State.PLANNED, State.PROPOSED}]
    actions = [*waiting, *(planning.action_of(slot, now) for slot in planning.open_slots(plans.values()))]
    # Days that a live tick plans ahead, for their slots that it would propose now.
    for day in planning.days_to_keep(snapshot, now)[1:]:
        ahead = planning.planned(snapshot, texts, day)
        plans = {**plans, ahead.date: ahead}
        snapshot = replace(snapshot, plans=plans)
        coming_up = (planning.action_of(slot, now) for slot in planning.open_slots((ahead,)))
        actions += [action for action in coming_up if approvals.is_due_for_a_word(snapshot, action, now)]
    if all(action.sendable_until <= now for action in actions):
        coming = planning.planned(snapshot, texts, today + timedelta(days=1))
        snapshot = replace(snapshot, plans={**plans, coming.date: coming})
        actions += [planning.action_of(slot, now) for slot in planning.open_slots((coming,))]
        plans = {**plans, coming.date: coming}
    actions += [a for follows in interacting.following(snapshot, texts, found, now) for a in follows.actions]
    wanted = [a for a in actions if mode in {"both", "interact" if interacting.is_interaction(a) else "post"}]
    for action in sorted(wanted, key=lambda a: (a.due_at, a.key)):
        at = max(now, action.due_at, action.retry_at or now) if now < action.sendable_until else now
        decision = admission.admit(snapshot, action, at, new_id())
        if isinstance(decision, Admitted) and action.due_at <= now:
            decision = objection(decision) or decision
        now_at_work = action.due_at <= now or approvals.is_due_for_a_word(snapshot, action, now)
        (steps if now_at_work else foretold).append(Step(action=action, decision=decision, at=at))
        if isinstance(decision, Admitted):
            snapshot = as_if_sent(decision, at)
    return Tick(
        account=Account(snapshot, account.stored),
        plans=tuple(plans[key] for key in sorted(plans) if key >= today.isoformat()),
        steps=tuple(steps),
        foretold=tuple(foretold),
    )


def as_if_sent(decision: Admitted, at: datetime) -> Snapshot:
    """The account once an admitted action has gone out and settled, step by step, for asking the slots after it."""
    step = decision.attempt.step
    post = Post(id=f"{10**18 + int(at.timestamp()) * 100 + step}", text=decision.action.text, created_at=at)
    outcome = Outcome(attempt_id=decision.attempt.id, at=at, post=post)
    after = transitions.settled(decision.action, outcome)
    snapshot = transitions.booked_after(decision.snapshot, decision.action, after, decision.attempt.id)
    snapshot = snapshot.with_action(after)
    further = admission.admit(snapshot, after, at, f"{decision.attempt.id}/{step}") if writing.goes_on(after) else None
    return as_if_sent(further, at) if isinstance(further, Admitted) else snapshot
