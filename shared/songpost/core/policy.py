"""What X's plans and rules permit, as dated data, and the checks that keep an action inside them.

Sources are X's public documentation (docs.x.com) and its automation rules, as read 2026-08-22. A violation
names its rule, the date since which the rule holds, and where it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from songpost.core import text
from songpost.model import CREATES, Action, Kind
from songpost.settings import Consent, Flag, PerKind, Plan, QueryAction, Settings

_READS = {Kind.READ}
PERMITTED: dict[Plan, frozenset[Kind]] = {
    Plan.PAY_PER_USE: frozenset({Kind.POST, Kind.DELETE, Kind.REPOST, Kind.REPLY, *_READS}),
    Plan.ENTERPRISE: frozenset(Kind),
    Plan.FREE: frozenset({Kind.POST, Kind.DELETE, *_READS}),
    Plan.BASIC: frozenset({Kind.POST, Kind.DELETE, Kind.REPOST, Kind.REPLY, *_READS}),
    Plan.PRO: frozenset({Kind.POST, Kind.DELETE, Kind.REPOST, Kind.REPLY, *_READS}),
}
"""Kinds that a plan permits; replies on self-serve plans only where the account was summoned."""

MAX_CASHTAGS = 1
DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSENDABLE = frozenset("\ufeff\ufffe\uffff")
"""Characters that X refuses (twitter-text, invalid characters); UTF-8 refuses surrogates."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, since when it holds, and where it is written."""

    name: str
    since: date
    source: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that an action would break, and how."""

    rule: Rule
    message: str

    def __str__(self) -> str:
        """Message, rule, date and source in one line."""
        return f"{self.message} (rule {self.rule.name}, since {self.rule.since}, {self.rule.source})"


PLAN = Rule("plan", date(2026, 4, 20), "X API changelog")
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
    if action.kind in PERMITTED[settings.plan]:
        return None
    return f"plan {settings.plan.value} does not permit {action.kind.value}"


def _flag(settings: Settings, action: Action) -> str | None:
    if settings.feature_flags.of(action.kind) is Flag.OFF:
        return f"{action.kind.value} is off"
    return "media are off" if action.media and settings.feature_flags.allow_media is Flag.OFF else None


def _consent(settings: Settings, action: Action) -> str | None:
    never = settings.approval.of(action.kind) is Consent.NEVER
    return f"approval.{action.kind.value} is never" if never else None


def _empty(_: Settings, __: Kind, words: str) -> str | None:
    return None if words.strip() else "the text is empty"


def _length(_: Settings, __: Kind, words: str) -> str | None:
    length = text.weighted_length(words)
    return None if length <= text.MAX_WEIGHTED_LENGTH else f"the text weighs {length} of {text.MAX_WEIGHTED_LENGTH}"


def _control(_: Settings, __: Kind, words: str) -> str | None:
    for character in words:
        bare = unicodedata.category(character) in {"Cc", "Cs"} and character != "\n"
        if bare or character in DIRECTION_CONTROLS or character in UNSENDABLE:
            return f"the text holds the control character U+{ord(character):04X}"
    return None


def _cashtag(settings: Settings, _: Kind, words: str) -> str | None:
    count = len(text.cashtags(words))
    if settings.plan is Plan.ENTERPRISE or count <= MAX_CASHTAGS:
        return None
    return f"the text has {count} cashtags, {MAX_CASHTAGS} is permitted"


def _mention(_: Settings, kind: Kind, words: str) -> str | None:
    if kind is not Kind.POST:
        return None
    names = [words[span.start : span.end] for span in text.mentions(words)]
    return f"the text mentions {names[0]}, who did not ask for it" if names else None


def _blocked(settings: Settings, _: Kind, words: str) -> str | None:
    for pattern in settings.blocked_patterns:
        if re.search(pattern, words):
            return f"the text matches the blocked pattern {pattern!r}"
    return None


ALWAYS: tuple[tuple[Rule, Check], ...] = ((PLAN, _plan), (FLAG, _flag), (CONSENT, _consent))
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
        yield from text_violations(settings, action.kind, action.text)


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
    for kind in (Kind.QUOTE, Kind.LIKE, Kind.FOLLOW, Kind.REPOST, Kind.REPLY):
        if kind not in permitted and settings.feature_flags.of(kind) is Flag.ON:
            yield f"feature_flags ({kind.value})", f"is on, but plan {settings.plan.value} never permits it"
        wanted = settings.max_per_window.of(kind)
        if kind not in permitted and wanted and wanted != PerKind().of(kind):
            yield f"max_per_window.{kind.value}", f"is {wanted}, but plan {settings.plan.value} never permits it"
