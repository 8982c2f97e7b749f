"""`songpost settle` and `songpost learning`: what the learner is told, what it believes, and what it would choose."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from songpost.agent import crediting, planning
from songpost.agent.agenda import agenda
from songpost.bootstrap import Session
from songpost.cli.run import measured, wrapped
from songpost.cli.terminal import bar, shown, span, table
from songpost.core import bandit, day_plan, policy
from songpost.core.bandit import Belief, Decision
from songpost.core.learning_state import arm_key, arm_of, digest
from songpost.core.snapshot import Snapshot
from songpost.errors import UsageError, quote
from songpost.model import Arm, Json, Kind, State

if TYPE_CHECKING:
    from rich.console import Console

SENT_DAYS = 90
"""How far back the posts of an arm are counted."""


def settle(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Credit what is due."""
    post_id = words.post_id
    if post_id and not (post_id.isascii() and post_id.isdigit() and len(post_id) <= 19):
        raise UsageError(f"{quote(post_id)} is no post's id", where="POST_ID", mend="copy the number from its address")
    return measured(words, environ, "timeline", post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One arm as the learner sees it. `now` is the probability that it is chosen where every arm is free."""

    belief: Belief
    sent: int
    offered: bool
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the learner believes at a time, and how it would fill the next day that is not planned yet."""

    snapshot: Snapshot
    at: datetime
    standings: tuple[Standing, ...]
    day: str
    decisions: tuple[Decision, ...]
    left_out: tuple[str, ...]


def learning(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """What each arm is believed to earn, with its 90 % interval, and what would be chosen next."""
    return shown(words, environ, outlook_of, tell=_as_json, draw=_draw)


def outlook_of(session: Session) -> Outlook:
    """What the account's learner believes and would do. Nothing is written."""
    snapshot, now = session.open().snapshot, session.clock()
    settings = snapshot.settings
    statistics = crediting.counters(snapshot, now)
    texts = session.given.texts
    pictures = policy.media_refusal(settings) is None
    stocks = [stock for stock in day_plan.stocks(settings, texts.load()) if pictures or not stock[1]]
    offered = [Arm(topic, window, media) for topic, media in stocks for window in settings.schedule.windows]
    retired = [arm for arm in map(arm_of, statistics.counters) if arm not in offered]
    seed = day_plan.seed_of(session.account, now.date().isoformat())
    choice = bandit.choose(
        offered,
        statistics,
        seed,
        now,
        floor=settings.learning.exploration_floor,
        enabled=settings.learning.enabled,
    )
    chances = dict(zip(choice.candidates, choice.probabilities, strict=True))
    sent = _sent(session, now)
    standings = [
        Standing(
            belief=belief,
            sent=sent[belief.arm],
            offered=belief.arm in offered,
            now=chances.get(arm_key(belief.arm), 0) / bandit.WHOLE,
        )
        for belief in bandit.beliefs(statistics, [*offered, *retired], seed, now)
    ]
    day = planning.local_day(snapshot, now) + timedelta(days=1)
    planned = day_plan.build(snapshot, texts.load(), day, texts.digest)
    return Outlook(
        snapshot=snapshot,
        at=now,
        standings=tuple(sorted(standings, key=lambda one: (-one.belief.expected, arm_key(one.belief.arm)))),
        day=day.isoformat(),
        decisions=planned.decisions,
        left_out=planned.plan.left_out,
    )


def _sent(session: Session, now: datetime) -> Counter[Arm]:
    """How many posts each arm had sent in the last `SENT_DAYS` days, from the ledger."""
    since = now - timedelta(days=SENT_DAYS)
    found = session.store.actions(session.account, since=since, state=State.SENT, kind=Kind.POST)
    return Counter(stored.action.arm for stored in found if stored.action.arm is not None)


def why(decision: Decision) -> str:
    """Why an arm was chosen, in a sentence."""
    if decision.override:
        return decision.override
    chances = dict(zip(decision.candidates, decision.probabilities, strict=True))
    share = chances.get(decision.chosen, 0) / bandit.WHOLE
    if not decision.wins:
        return f"uniform: learning is off, so each of {len(decision.candidates)} arms has the same chance ({share:.1%})"
    wins = dict(zip(decision.candidates, decision.wins, strict=True))
    said = (
        f"best of {len(decision.candidates)} arms in {wins[decision.chosen]} of {decision.draws} draws of what is "
        f"believed, so it had a chance of {share:.1%}"
    )
    likeliest = max(chances, key=chances.__getitem__)
    if chances[likeliest] == chances[decision.chosen]:
        return said
    return f"{said}; {arm_of(likeliest)} had {chances[likeliest] / bandit.WHOLE:.1%}"


def _as_json(outlook: Outlook) -> dict[str, Json]:
    snapshot = outlook.snapshot
    settings = snapshot.settings.learning
    statistics = crediting.counters(snapshot, outlook.at)
    return {
        "account": outlook.snapshot.account,
        "enabled": settings.enabled,
        "exploration_floor": settings.exploration_floor,
        "half_life_days": settings.half_life_days,
        "credit_after_hours": settings.credit_after_hours,
        "statistics": digest(statistics),
        "rebuild": crediting.out_of_date(snapshot.learning, settings, outlook.at) or None,
        "arms": [
            {
                "arm": str(one.belief.arm),
                "topic": one.belief.arm.topic,
                "window": one.belief.arm.window,
                "media": one.belief.arm.media,
                "expected": one.belief.expected,
                "low": one.belief.low,
                "high": one.belief.high,
                "credits": one.belief.posts,
                "sent": one.sent,
                "offered": one.offered,
                "probability": one.now,
            }
            for one in outlook.standings
        ],
        "next": {
            "date": outlook.day,
            "choices": [
                {
                    "arm": str(decision.arm),
                    "probability": decision.propensity / bandit.WHOLE,
                    "candidates": len(decision.candidates),
                    "policy_version": decision.policy_version,
                    "why": why(decision),
                }
                for decision in outlook.decisions
            ],
            "left_out": list(outlook.left_out),
        },
        "awaited": [
            {"post_id": one.post_id, "key": one.key, "result": one.result.value, "reason": one.reason}
            for one in agenda(snapshot, outlook.at)
        ],
    }


def _draw(page: Console, outlook: Outlook) -> None:
    settings = outlook.snapshot.settings.learning
    mode = "on" if settings.enabled else "off (uniform choices, still logged)"
    for line in wrapped(
        f"Learning of account {outlook.snapshot.account} is {mode}: floor {settings.exploration_floor:.0%}, half-life "
        f"{settings.half_life_days:g} days, credit after {settings.credit_after_hours} hours."
    ):
        page.print(line)
    rebuild = crediting.out_of_date(outlook.snapshot.learning, settings, outlook.at)
    if rebuild:
        for line in wrapped(
            f"The counters are older than the settings: {rebuild}. The reader's next live tick makes "
            "them anew ('songpost settle --dry-run false' at once)."
        ):
            page.print(line)
    page.print()
    most = max((one.belief.high for one in outlook.standings), default=0.0)
    rows = [
        [
            str(one.belief.arm) + ("" if one.offered else " (retired)"),
            f"{one.belief.expected:.2%}",
            span(page, one.belief.low, one.belief.expected, one.belief.high, most)
            or f"{one.belief.low:.2%} … {one.belief.high:.2%}",
            str(one.belief.posts),
            str(one.sent),
            f"{one.now:.1%}" if one.offered else "",
            bar(page, one.now, 5, "cyan"),
        ]
        for one in outlook.standings
    ]
    columns = ("arm", "earns", "90 % interval", "credits", "sent", "chance", "")
    table(
        f"Engagement an impression, as believed; sent in {SENT_DAYS} days",
        columns,
        rows,
        right=(1, 2, 3, 4, 5),
        page=page,
    )
    page.print(f"\nFor {outlook.day} it would choose:" + ("" if outlook.decisions else " nothing."))
    for decision in outlook.decisions:
        page.print(f"  {decision.arm}")
        for line in wrapped(why(decision), "    "):
            page.print(line)
    for reason in outlook.left_out:
        for line in wrapped(f"left out: {reason}", "  "):
            page.print(line)
    waiting = agenda(outlook.snapshot, outlook.at)
    page.print(
        f"\nPosts that it has yet to hear of: {len(waiting)}" + (" ('songpost settle' shows them)" if waiting else "")
    )
