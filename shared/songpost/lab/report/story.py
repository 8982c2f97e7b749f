"""What was posted and why, what stood in the way and what helps, and what waits for a person."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from songpost.agent import approvals
from songpost.core.learning_state import FRACTION_BITS
from songpost.lab import explain
from songpost.lab.report.subject import Subject, percent, usd
from songpost.model import CREATES, INTERACTIONS, Action, State
from songpost.settings import Stage

if TYPE_CHECKING:
    from songpost.lab.report.coming import ComingDay

T = TypeVar("T")
SHOWN_POSTS = 30
"""Posts that are told in full; those before them are told by week."""
MOST_NEEDS = 12
"""Things of one sort that wait and are told one by one; the rest is counted."""
OUT = frozenset({State.SENT, State.PARTIAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One action that went out. `earned` says what came of it, `why` why it was chosen; both are sentences."""

    action: Action
    at: datetime
    link: str
    why: str
    earned: str
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The posts of a local week that starts on `monday`; `rate` is the mean of those that were credited."""

    monday: date
    posts: int
    rate: float | None
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurdle:
    """A gate that stood in the way of so many actions, why it did the last time, and what helps."""

    gate: str
    count: int
    reason: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that waits for a person: what it is, more about it, and the command that settles it."""

    what: str
    about: str = ""
    text: str = ""
    command: str = ""


# ------------------------------------------------------------------------------------------------------- what went out


def out(subject: Subject) -> list[Action]:
    """Every action that went out, newest first."""
    return [action for action in subject.actions if action.state in OUT and action.posted_at is not None]


def told(subject: Subject) -> tuple[Told, ...]:
    """The newest posts in full."""
    made = [action for action in out(subject) if action.kind in CREATES]
    made.sort(key=lambda action: (action.posted_at or action.due_at, action.key), reverse=True)
    return tuple(_told(subject, action) for action in made[:SHOWN_POSTS])


def _told(subject: Subject, action: Action) -> Told:
    linked = subject.run is None and subject.username and action.deleted_at is None
    return Told(
        action=action,
        at=action.posted_at or action.due_at,
        link=f"https://x.com/{subject.username}/status/{action.post_id}" if linked else "",
        why=_why(subject, action),
        earned=_earned(subject, action),
        micros=spent(action),
    )


def spent(action: Action) -> int:
    """What an action came to, open bookings at their worst."""
    settled = ((one.settled_micros, one.reserved_micros) for one in action.attempts)
    return sum(booked if known is None else known for known, booked in settled)


def _why(subject: Subject, action: Action) -> str:
    if action.kind in INTERACTIONS:
        spoke = "spoke to the account" if action.summoned else "was found"
        return f"It answers a post that {spoke}: “{_short(action.target_text)}”" if action.target_text else ""
    if action.arm is None:
        return "You put it into the plan."
    decision, _ = explain.chosen_by(subject.store, subject.account, action)
    if decision is None:
        return "Nothing is kept of why it was chosen."
    if decision.override:
        return f"Chosen by hand: {decision.override}."
    found = explain.candidates_of(decision)
    chosen = next((one for one in found if one.chosen), found[0])
    if chosen.wins is None:
        return f"Learning was off: one of {len(found)} that were equally likely ({percent(chosen.probability)})."
    best = f"believed the best of {len(found)} in {chosen.wins / decision.draws:.0%} of draws"
    said = f"Chosen with a chance of {chosen.probability:.0%}: {best}."
    return said if chosen == found[0] else f"{said} The likeliest was {found[0].arm} ({found[0].probability:.0%})."


def _short(words: str) -> str:
    return textwrap.shorten(words, 120, placeholder="…")


def _earned(subject: Subject, action: Action) -> str:
    if action.deleted_at is not None:
        return "Deleted."
    known = subject.credits_.get(action.post_id)
    if known is None:
        return "Not measured yet." if action.arm is not None else ""
    reward = known.reward
    rate = percent(reward.rate / (1 << FRACTION_BITS))
    return f"{reward.engagements:,} engagements of {reward.impressions:,} impressions: {rate}"


def weeks(subject: Subject) -> tuple[Week, ...]:
    """All that went out, by local week, newest first."""
    found: dict[date, list[Action]] = defaultdict(list)
    for action in out(subject):
        day = (action.posted_at or action.due_at).astimezone(subject.zone).date()
        found[day - timedelta(days=day.weekday())].append(action)
    return tuple(
        Week(
            monday=monday,
            posts=len(actions),
            rate=mean(rates(subject, actions)),
            micros=sum(map(spent, actions)),
        )
        for monday, actions in sorted(found.items(), reverse=True)
    )


def rates(subject: Subject, actions: Sequence[Action]) -> list[float]:
    """What the credited ones among these earned an impression."""
    known = (subject.credits_.get(action.post_id) for action in actions)
    return [one.reward.rate / (1 << FRACTION_BITS) for one in known if one is not None]


def mean(values: Sequence[float]) -> float | None:
    """The mean, where there is anything."""
    return sum(values) / len(values) if values else None


# -------------------------------------------------------------------------------------------------- what was not sent

ADVICE: Mapping[str, str] = {
    "control": "The account was paused. 'songpost budget' says why; once that is mended, 'songpost resume'.",
    "schedule": "Its window was over, or another post was too near. Should it happen often, widen schedule.windows, "
    "lower minimum_gap_minutes, and see that the writer runs every five minutes.",
    "window quota": "The window held as much as it may. Raise max_per_window, or add a window.",
    "policy": "X's rules or the plan forbid it; the reason names which. Change the text or the settings.",
    "duplicate": "It is too much like a text of late. Add texts to the content files, or lower similarity.window_days.",
    "approval": "Nobody said yes in time, or somebody wants to be left alone. Answer the mails sooner, raise "
    "approval.lead_hours, or let the kind go out by itself (approval).",
    "budget": "A ceiling was reached. 'songpost forecast' says which setting costs most; raise budget, or post less.",
    "rate limit": "X allows no more calls for a while. It goes on by itself; post less where it happens often.",
    "ledger": "Somebody else changed the account at the same time. Nothing is to be done.",
    "X": "X refused it. 'songpost actions --state refused' lists X's words; 'songpost doctor' checks keys and scopes.",
}
"""What to do about the refusals of each gate; `X` stands for X itself."""
OTHERWISE = "'songpost explain KEY' tells an action's whole story."


def hurdles(subject: Subject) -> tuple[Hurdle, ...]:
    """Every gate that stood in the way of something, the most often first."""
    if subject.lived is not None:
        counted = {one.gate or "X": (one.count, one.reason) for one in subject.lived.refusals}
    else:
        stood = [action for action in reversed(subject.actions) if _stood(action)]
        counts = Counter(action.gate or "X" for action in stood)
        latest = {action.gate or "X": action.reason for action in stood}
        counted = {gate: (count, latest[gate]) for gate, count in counts.items()}
    found = [
        Hurdle(gate=gate, count=count, reason=reason, advice=ADVICE.get(gate, OTHERWISE))
        for gate, (count, reason) in counted.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.gate)))


def _stood(action: Action) -> bool:
    return action.state in {State.REFUSED, State.ABANDONED} or (action.state is State.PLANNED and bool(action.gate))


def counts(subject: Subject) -> tuple[tuple[str, str, int], ...]:
    """How many actions there are of each kind and state."""
    found = Counter((action.kind.value, action.state.value) for action in subject.actions)
    return tuple((kind, state, count) for (kind, state), count in sorted(found.items()))


# ---------------------------------------------------------------------------------------------------------- what waits


def needs(subject: Subject, coming: Sequence[ComingDay]) -> tuple[Need, ...]:
    """What waits for a person, the most pressing first."""
    return tuple(
        need
        for source in (_wrong(subject), _paused(subject), _open(subject), _proposed(subject), _planned(coming))
        for need in source
    )


def _wrong(subject: Subject) -> Iterator[Need]:
    if subject.run is None:
        return
    for fault in _first(list(subject.run.faults_found)):
        yield Need(what="The simulation's judge found a fault", about=fault)


def _paused(subject: Subject) -> Iterator[Need]:
    control = subject.snapshot.control
    if control.paused:
        since = f" since {_time(subject, control.changed_at)}" if control.changed_at else ""
        about = _sentence(control.reason or "no reason was given")
        yield Need(what=f"The account is paused{since}", about=about, command="songpost resume")
    if subject.settings.stage is Stage.DRY:
        about = "The settings say 'stage: dry', so nothing is sent. 'ask' or 'auto' lets it begin."
        yield Need(what="Nothing is sent yet", about=about)


def _open(subject: Subject) -> Iterator[Need]:
    unknown = [action for action in subject.snapshot.actions.values() if action.state is State.UNKNOWN]
    for action in _first(sorted(unknown, key=lambda one: (one.due_at, one.key))):
        yield Need(
            what=f"Nobody knows whether this {action.kind.value} is on X",
            about=f"It was tried at {_time(subject, action.attempts[-1].started_at)}. See whether X has it, then say:",
            text=action.text,
            command=f"songpost actions resolve {action.key} --lost   (or --sent ID)",
        )
    partial = [one for one in subject.actions if one.state is State.PARTIAL and one.deleted_at is None]
    for action in _first(partial):
        yield Need(
            what="A thread went out in part",
            about=f"{len(action.post_ids)} of {len(action.steps)} posts: {action.reason}. Let it go on, or delete it:",
            text=action.text,
            command=f"songpost actions resume {action.key}   (or delete)",
        )


def _proposed(subject: Subject) -> Iterator[Need]:
    asked = [one for one in subject.snapshot.actions.values() if one.state is State.PROPOSED]
    asked = sorted((one for one in asked if one.closes_at > subject.now), key=lambda one: (one.closes_at, one.key))
    for action in asked[:MOST_NEEDS]:
        price = usd(approvals.shown(subject.snapshot, action, subject.now).micros)
        whom = f" to @{action.target_author}" if action.target_author else ""
        yield Need(
            what=f"A {action.kind.value}{whom} waits for your yes until {_time(subject, action.closes_at)}",
            about=f"At most {price}.",
            text=action.text or (f"(no words yet) {action.target_text}".strip()),
            command=f"songpost approvals {'approve' if action.text else 'edit'} {action.key}",
        )
    if len(asked) > MOST_NEEDS:
        yield Need(what=f"{len(asked) - MOST_NEEDS} more wait for your yes", command="songpost approvals list")


def _planned(coming: Sequence[ComingDay]) -> Iterator[Need]:
    """What the coming days tell: gates that everything stands at, and topics without texts."""
    stuck: dict[tuple[str, str], int] = defaultdict(int)
    for day in coming:
        for post in day.posts:
            if post.gate:
                stuck[post.gate, post.reason] += 1
    for (gate, reason), count in sorted(stuck.items(), key=lambda one: (-one[1], one[0]))[:MOST_NEEDS]:
        many = "post" if count == 1 else "posts"
        yield Need(
            what=f"{count} {many} of the coming week will not go out ({gate})",
            about=f"{_sentence(reason)} {ADVICE.get(gate, OTHERWISE)}",
        )
    # Each later day tells of the same topics with other numbers: the first word on a topic is the earliest one.
    dry = {line.partition(": ")[0]: line for day in reversed(coming) for line in day.running_dry}
    for line in dry.values():
        yield Need(what="Texts run out", about=_sentence(line))


def _first(found: Sequence[T]) -> Sequence[T]:
    return found[:MOST_NEEDS]


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def _time(subject: Subject, at: datetime) -> str:
    return f"{at.astimezone(subject.zone):%a %d %b, %H:%M}"
