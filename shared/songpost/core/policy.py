"""What X's plans and rules permit, as dated data, and the checks that keep an action inside them.

Sources are X's public documentation (docs.x.com) and its automation rules, as read 2026-08-22. A violation
names its rule, the date since which the rule holds, and where it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache

from songpost.core import consent, text
from songpost.model import CREATES, INTERACTIONS, Action, Kind
from songpost.nouns import dataclass, replace
from songpost.settings import Consent, Flag, PerKind, Plan, QueryAction, Settings

_SELF_SERVE = frozenset({Kind.POST, Kind.DELETE, Kind.REPOST, Kind.REPLY, Kind.READ})
PERMITTED: dict[Plan, frozenset[Kind]] = {
    Plan.PAY_PER_USE: _SELF_SERVE,
    Plan.ENTERPRISE: frozenset(Kind),
    Plan.FREE: frozenset({Kind.POST, Kind.DELETE, Kind.READ}),
    Plan.BASIC: _SELF_SERVE,
    Plan.PRO: _SELF_SERVE,
}
"""Kinds that a plan permits; replies on self-serve plans only where the account was summoned."""
SELF_SERVE = frozenset(Plan) - {Plan.ENTERPRISE}

MAX_CASHTAGS = 1
DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSENDABLE = frozenset("\ufeff\ufffe\uffff")
"""Characters that X refuses (twitter-text, invalid characters); UTF-8 refuses surrogates."""
_CONTROLS = re.compile(f"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff{''.join(sorted(DIRECTION_CONTROLS | UNSENDABLE))}]")
"""Unicode's control characters but the line feed (category Cc, closed for good), surrogates, and those two."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, since when it holds, and where it is written."""

    name: str
    since: date
    source: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that an action would break, and how; `post` is the post of it that would, from 1, where one post would."""

    rule: Rule
    message: str
    post: int = 0

    def __str__(self) -> str:
        """Message, rule, date and source in one line."""
        return f"{self.message} (rule {self.rule.name}, since {self.rule.since}, {self.rule.source})"


PLAN = Rule("plan", date(2026, 4, 20), "X API changelog")
PLAN_FREE = Rule("plan", date(2025, 8, 22), "X API changelog")
SUMMONED = Rule("summoned-reply", date(2026, 2, 23), "X API changelog")
NAMELESS = Rule("reply-target", date(2026, 2, 23), "X API: creating a post")
LABEL = Rule("automated-label", date(2022, 2, 16), "X automation rules: label automated accounts")
OPERATOR = Rule("operator-in-bio", date(2022, 2, 16), "X automation rules: name who runs the account")
QUIET = Rule("quiet-hours", date(2026, 11, 22), "quiet_hours of the settings")
FLAG = Rule("feature-flag", date(2026, 11, 22), "feature_flags of the settings")
CONSENT = Rule("consent", date(2026, 11, 22), "approval of the settings")
LENGTH = Rule("length", date(2017, 11, 7), "X: counting characters")
EMPTY = Rule("empty", date(2017, 11, 7), "X: creating a post")
CONTROL = Rule("control-characters", date(2026, 11, 22), "Songpost")
CASHTAG = Rule("one-cashtag", date(2026, 4, 20), "X API changelog")
MENTION = Rule("unsolicited-mention", date(2017, 11, 3), "X automation rules")
BLOCKED = Rule("blocked-pattern", date(2026, 11, 22), "blocked_patterns of the settings")

Check = Callable[[Settings, Action], str | None]
TextCheck = Callable[[Settings, Kind, str], str | None]


def _plan(settings: Settings, action: Action) -> str | None:
    if settings.plan is not Plan.FREE and action.kind not in PERMITTED[settings.plan]:
        return f"plan {settings.plan.value} does not permit {action.kind.value}"
    return None


def _plan_free(settings: Settings, action: Action) -> str | None:
    if settings.plan is Plan.FREE and action.kind not in PERMITTED[settings.plan]:
        return f"plan {settings.plan.value} does not permit {action.kind.value}"
    return None


def _target(_: Settings, action: Action) -> str | None:
    if action.kind in INTERACTIONS and not action.target_id:
        return f"this {action.kind.value} names no post or user that it answers"
    return None


def _summoned(settings: Settings, action: Action) -> str | None:
    if action.kind is not Kind.REPLY or action.summoned or settings.plan not in SELF_SERVE:
        return None
    return (
        f"plan {settings.plan.value} permits a reply only to a post that mentions the account or quotes it, "
        f"and post {action.target_id} does neither"
    )


def _flag(settings: Settings, action: Action) -> str | None:
    if settings.feature_flags.of(action.kind) is Flag.OFF:
        return f"{action.kind.value} is off"
    return media_refusal(settings) if any(step.media for step in action.steps) else None


def media_refusal(settings: Settings) -> str | None:
    """Why the settings let no medium out, if they do not: such texts are not even planned."""
    return "media are off" if settings.feature_flags.allow_media is Flag.OFF else None


def _consent(settings: Settings, action: Action) -> str | None:
    if consent.by_settings(settings, action) is not Consent.NEVER:
        return None
    names = [f"approval.by_risk.{risk}" for risk in consent.risks_of(action)]
    never = [name for name in names if getattr(settings.approval.by_risk, name.rpartition(".")[2]) is Consent.NEVER]
    return f"{(never or [f'approval.{action.kind.value}'])[0]} is never"


def _empty(_: Settings, __: Kind, words: str) -> str | None:
    return None if words.strip() else "the text is empty"


def _length(_: Settings, __: Kind, words: str) -> str | None:
    length = text.weighted_length(words)
    return None if length <= text.MAX_WEIGHTED_LENGTH else f"the text weighs {length} of {text.MAX_WEIGHTED_LENGTH}"


def _control(_: Settings, __: Kind, words: str) -> str | None:
    found = _CONTROLS.search(words)
    return f"the text holds the control character U+{ord(found[0]):04X}" if found else None


def _cashtag(settings: Settings, _: Kind, words: str) -> str | None:
    count = len(text.cashtags(words))
    if settings.plan is Plan.ENTERPRISE or count <= MAX_CASHTAGS:
        return None
    return f"the text has {count} cashtags, {MAX_CASHTAGS} is permitted"


def _mention(_: Settings, kind: Kind, words: str) -> str | None:
    if kind is Kind.REPLY:  # it may name whom it answers: see `_stranger`
        return None
    names = [words[span.start : span.end] for span in text.mentions(words)]
    return f"the text mentions {names[0]}, who did not ask for it" if names else None


def _stranger(_: Settings, action: Action) -> str | None:
    if action.kind is not Kind.REPLY:
        return None
    author = action.target_author.casefold()
    names = [span.value for span in text.mentions(action.text) if span.value.casefold() != author]
    if not names:
        return None
    known = "who is not the one that it answers" if author else "who may not be the one that it answers"
    return f"the reply mentions @{names[0]}, {known}: X names whom a reply answers by itself"


def _blocked(settings: Settings, _: Kind, words: str) -> str | None:
    for pattern in settings.blocked_patterns:
        if re.search(pattern, words):
            return f"the text matches the blocked pattern {pattern!r}"
    return None


ALWAYS: tuple[tuple[Rule, Check], ...] = (
    (PLAN, _plan),
    (PLAN_FREE, _plan_free),
    (FLAG, _flag),
    (CONSENT, _consent),
    (NAMELESS, _target),
    (SUMMONED, _summoned),
    (MENTION, _stranger),
)
FOR_TEXTS: tuple[tuple[Rule, TextCheck], ...] = (
    (EMPTY, _empty),
    (LENGTH, _length),
    (CONTROL, _control),
    (CASHTAG, _cashtag),
    (MENTION, _mention),
    (BLOCKED, _blocked),
)


def violations(settings: Settings, action: Action) -> Iterator[Violation]:
    """Every rule that `action` would break under `settings`, in the order in which they are checked."""
    for rule, check in ALWAYS:
        message = check(settings, action)
        if message is not None:
            yield Violation(rule, message)
    if action.kind in CREATES:
        for number, step in enumerate(action.steps, 1):
            kind = action.kind if number == 1 else Kind.POST
            yield from [replace(one, post=number) for one in text_violations(settings, kind, step.text)]


def standing(settings: Settings, kind: Kind, bio: str | None, on: date) -> Iterator[Violation]:
    """What is missing about the account itself on a local date, before it may act live; a delete needs nothing.

    `bio` is the description of its user on X, `None` where it was not read yet: then only the settings are held against
    the rules. X's API does not tell of the Automated label, so the owner's dated word counts.
    """
    if kind in {Kind.DELETE, Kind.READ}:
        return
    attested_on = settings.automated_label_attested_on
    if attested_on is None:
        yield Violation(
            LABEL,
            "nobody has attested that the account carries X's Automated label: see that it does (X's settings, "
            "Your account, Automation), then set automated_label_attested_on to that day",
        )
    elif attested_on > on:
        yield Violation(LABEL, f"automated_label_attested_on is {attested_on}, which is still to come: name a day past")
    operator = handle(settings.operator)
    if not operator:
        yield Violation(
            OPERATOR, "operator is empty: name in the settings who runs the account, such as @example_owner"
        )
    elif bio is not None and not names_operator(settings.operator, bio):
        yield Violation(
            OPERATOR,
            f"the account's bio on X does not name its operator, {settings.operator}: write it there, "
            "it is read again within six hours",
        )


def handle(operator: str) -> str:
    """The operator's name as it is looked for: no @, no blanks about it, in small letters."""
    return operator.strip().lstrip("@").strip().casefold()


@lru_cache(maxsize=256)
def names_operator(operator: str, bio: str) -> bool:
    """Whether a bio names the operator: the whole name, as a word of its own. Every tick asks it of the same bio."""
    name = re.escape(handle(operator))
    return bool(name) and re.search(rf"(?<!\w){name}(?!\w)", bio.casefold()) is not None


def permits(settings: Settings, kind: Kind, *, summoned: bool) -> bool:
    """Whether plan, flags and consent leave a kind open at all; a reply on self-serve plans only if `summoned`."""
    if kind not in PERMITTED[settings.plan] or settings.feature_flags.of(kind) is Flag.OFF:
        return False
    if settings.approval.of(kind) is Consent.NEVER:
        return False
    return kind is not Kind.REPLY or summoned or settings.plan not in SELF_SERVE


def open_kinds(settings: Settings) -> frozenset[Kind]:
    """The kinds that plan, flags and consent leave open, given a summons where one is wanted."""
    return frozenset(kind for kind in Kind if permits(settings, kind, summoned=True))


def text_violations(settings: Settings, kind: Kind, words: str) -> Iterator[Violation]:
    """Every rule that a text would break as a post, reply or quote: told when content files are read, too."""
    for rule, check in FOR_TEXTS:
        message = check(settings, kind, words)
        if message is not None:
            yield Violation(rule, message)


def never_happens(settings: Settings) -> Iterator[tuple[str, str]]:
    """Configured things that the plan rules out, as `(path, message)`: told when settings are validated."""
    permitted = PERMITTED[settings.plan]
    for index, query in enumerate(settings.queries):
        for action in query.actions:
            kind = Kind(action.value)
            if kind not in permitted:
                yield f"queries.{index}.actions", f"plan {settings.plan.value} never permits {kind.value}"
            elif action is QueryAction.REPLY and settings.plan is not Plan.ENTERPRISE:
                yield (
                    f"queries.{index}.actions",
                    f"plan {settings.plan.value} permits a reply only to who summoned the account, never to a find",
                )
    yield from _shut(settings)
    for kind in (Kind.QUOTE, Kind.LIKE, Kind.FOLLOW, Kind.REPOST, Kind.REPLY):
        if kind not in permitted and settings.feature_flags.of(kind) is Flag.ON:
            yield f"feature_flags ({kind.value})", f"is on, but plan {settings.plan.value} never permits it"
        wanted = settings.max_per_window.of(kind)
        if kind not in permitted and wanted and wanted != PerKind().of(kind):
            yield f"max_per_window.{kind.value}", f"is {wanted}, but plan {settings.plan.value} never permits it"
        a_day = settings.max_interactions_per_day.of(kind)
        if kind not in permitted and a_day:
            path = f"max_interactions_per_day.{kind.value}"
            yield path, f"is {a_day}, but plan {settings.plan.value} never permits it"


def _shut(settings: Settings) -> Iterator[tuple[str, str]]:
    """What the settings themselves rule out: actions whose flag, consent or maximum is nothing."""
    wanted = {Kind(action.value) for query in settings.queries for action in query.actions}
    for kind in sorted(wanted & PERMITTED[settings.plan]):
        if settings.feature_flags.of(kind) is Flag.OFF:
            yield f"queries ({kind.value})", f"never happens: feature_flags turn {kind.value} off"
        elif settings.approval.of(kind) is Consent.NEVER:
            yield f"queries ({kind.value})", f"never happens: approval.{kind.value} is never"
        elif not settings.max_per_window.of(kind):
            yield f"queries ({kind.value})", f"never happens: max_per_window.{kind.value} is 0"
    if settings.quiet_hours is not None:
        quiet = _minutes(settings.quiet_hours)
        for name, span in settings.schedule.windows.items():
            if _minutes(span) <= quiet:
                yield f"schedule.windows.{name}", "lies whole in quiet_hours: nothing goes out in it"


def _minutes(span: tuple[str, str]) -> frozenset[int]:
    """The minutes of a day that a span of local times covers."""
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in span)
    length = (end - start) % 1440
    return frozenset((start + minute) % 1440 for minute in range(length))
