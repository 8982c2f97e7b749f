"""An account's settings as the rest of Songpost reads them: frozen dataclasses in one canonical form.

Nouns only, like `model.py`. A person writes YAML; `settings_file.py` validates it into this form; `songpost
settings push` stores it; functions decode it from the store. Bounds stand on the fields, where the validator
finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from songpost.bounds import FORBID_UNKNOWN, Bounds
from songpost.model import Kind
from songpost.money_settings import Budget
from songpost.nouns import dataclass
from songpost.source_settings import Sources

KNOWN_WINDOWS: Mapping[str, tuple[str, str]] = {
    "early-morning": ("05:00", "08:00"),
    "morning": ("09:00", "12:00"),
    "afternoon": ("13:00", "17:00"),
    "evening": ("18:00", "21:00"),
    "night": ("21:00", "23:00"),
    "late-night": ("23:00", "02:00"),
}
"""Windows that a settings file may name without saying their local times."""

MAX_FINGERPRINTS = 1_200
"""Texts that the duplicate guard can remember (core/similarity.py: 64 characters each, in one document)."""


class AuthMode(StrEnum):
    """How calls to X are signed: OAuth 1.0a keys (`tweepy`) or an OAuth 2.0 user token."""

    TWEEPY = "tweepy"
    OAUTH2 = "oauth2"


class Plan(StrEnum):
    """The account's X API plan."""

    PAY_PER_USE = "pay-per-use"
    ENTERPRISE = "enterprise"
    FREE = "free"
    BASIC = "basic"
    PRO = "pro"


class Flag(StrEnum):
    """`auto`: where the plan permits it; `on`: refused loudly where it does not; `off`: never."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Consent(StrEnum):
    """Whether a kind of action goes out by itself, waits for a person's word, or never goes."""

    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"


class Stage(StrEnum):
    """How far the owner lets Songpost go: nothing is sent, nothing without a person's word, or as `approval` says."""

    DRY = "dry"
    ASK = "ask"
    AUTO = "auto"


class QueryAction(StrEnum):
    """What may follow from a post that a query found."""

    REPLY = "reply"
    LIKE = "like"
    FOLLOW = "follow"
    REPOST = "repost"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A recent-search query and what may follow from its finds."""

    __pydantic_config__ = FORBID_UNKNOWN
    query: Annotated[str, Bounds(min_length=1)]
    actions: tuple[QueryAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Windows of local time by name: start and end as `HH:MM`, end exclusive; end before start crosses midnight."""

    __pydantic_config__ = FORBID_UNKNOWN
    windows: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {name: KNOWN_WINDOWS[name] for name in ("morning", "afternoon", "evening")}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """The weekdays on which windows start, 1 for Monday to 7 for Sunday."""

    __pydantic_config__ = FORBID_UNKNOWN
    weekdays: Annotated[tuple[Annotated[int, Bounds(ge=1, le=7)], ...], Bounds(min_length=1)] = (
        1,
        2,
        3,
        4,
        5,
        6,
        7,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PerKind:
    """How many actions of each kind: in one window, or in one day."""

    __pydantic_config__ = FORBID_UNKNOWN
    post: Annotated[int, Bounds(ge=0, le=30)] = 1
    reply: Annotated[int, Bounds(ge=0, le=100)] = 3
    quote: Annotated[int, Bounds(ge=0, le=100)] = 0
    repost: Annotated[int, Bounds(ge=0, le=100)] = 1
    like: Annotated[int, Bounds(ge=0, le=100)] = 0
    follow: Annotated[int, Bounds(ge=0, le=100)] = 0

    def of(self, kind: Kind) -> int | None:
        """The maximum of a kind; `None` where there is none to keep (deletes and reads)."""
        most: int | None = getattr(self, kind, None)
        return most


_PER_DAY = Annotated[int, Bounds(ge=0, le=1_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionsPerDay:
    """How many interactions of each kind in one local day; `None`: as many as its windows hold."""

    __pydantic_config__ = FORBID_UNKNOWN
    reply: _PER_DAY | None = None
    quote: _PER_DAY | None = None
    repost: _PER_DAY | None = None
    like: _PER_DAY | None = None
    follow: _PER_DAY | None = None

    def of(self, kind: Kind) -> int | None:
        """The maximum of a kind; `None` where there is none to keep."""
        most: int | None = getattr(self, kind, None)
        return most


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningSettings:
    """Whether and how the learner chooses (docs/learning.md)."""

    __pydantic_config__ = FORBID_UNKNOWN
    enabled: bool = True
    exploration_floor: Annotated[float, Bounds(ge=0.0, le=1.0)] = 0.01
    half_life_days: Annotated[float, Bounds(ge=7.0, le=3650.0)] = 120.0
    credit_after_hours: Annotated[int, Bounds(ge=1, le=720)] = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFlags:
    """Kinds of action, and media, that the owner lets happen (see `Flag`)."""

    __pydantic_config__ = FORBID_UNKNOWN
    allow_replies: Flag = Flag.AUTO
    allow_quotes: Flag = Flag.AUTO
    allow_reposts: Flag = Flag.AUTO
    allow_likes: Flag = Flag.AUTO
    allow_follows: Flag = Flag.AUTO
    allow_media: Flag = Flag.AUTO

    def of(self, kind: Kind) -> Flag:
        """The flag of a kind; posts, deletes and reads have none and are `auto`."""
        name = _FLAGS.get(kind)
        flag: Flag = Flag.AUTO if name is None else getattr(self, name)
        return flag


_FLAGS: Mapping[Kind, str] = {
    Kind.REPLY: "allow_replies",
    Kind.QUOTE: "allow_quotes",
    Kind.REPOST: "allow_reposts",
    Kind.LIKE: "allow_likes",
    Kind.FOLLOW: "allow_follows",
}
"""The flag of a kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByRisk:
    """What an action's text or media add to the consent of its kind; the strictest word holds (core/consent.py)."""

    __pydantic_config__ = FORBID_UNKNOWN
    link: Consent = Consent.AUTO
    media: Consent = Consent.AUTO
    generated: Consent = Consent.ASK
    feed: Consent = Consent.ASK
    mention: Consent = Consent.ASK


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFirst:
    """How many approvals a kind that goes out by itself wants before it does."""

    __pydantic_config__ = FORBID_UNKNOWN
    post: Annotated[int, Bounds(ge=0, le=1000)] = 0
    reply: Annotated[int, Bounds(ge=0, le=1000)] = 0
    quote: Annotated[int, Bounds(ge=0, le=1000)] = 0
    repost: Annotated[int, Bounds(ge=0, le=1000)] = 0
    like: Annotated[int, Bounds(ge=0, le=1000)] = 0
    follow: Annotated[int, Bounds(ge=0, le=1000)] = 0

    def of(self, kind: Kind) -> int:
        """The approvals that a kind wants first; none for deletes and reads."""
        count: int = getattr(self, kind, 0)
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Which kinds and risks wait for a person's word, and how many hours before their slot they are proposed."""

    __pydantic_config__ = FORBID_UNKNOWN
    lead_hours: Annotated[float, Bounds(ge=0.0, le=168.0)] = 12.0
    post: Consent = Consent.AUTO
    reply: Consent = Consent.ASK
    quote: Consent = Consent.ASK
    repost: Consent = Consent.ASK
    like: Consent = Consent.ASK
    follow: Consent = Consent.ASK
    by_risk: ByRisk = field(default_factory=ByRisk)
    ask_first: AskFirst = field(default_factory=AskFirst)

    def of(self, kind: Kind) -> Consent:
        """The consent of a kind; deletes are a person's own command and reads change nothing: `auto`."""
        word: Consent = getattr(self, kind, Consent.AUTO)
        return word


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """When two texts are too much alike (Jaccard similarity of their shingles), and for how many days."""

    __pydantic_config__ = FORBID_UNKNOWN
    threshold: Annotated[float, Bounds(gt=0.0, le=1.0)] = 0.5
    window_days: Annotated[int, Bounds(ge=1, le=400)] = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """When the week's mail goes out: from `hour` on, local time, on `weekday` (1 for Monday to 7 for Sunday)."""

    __pydantic_config__ = FORBID_UNKNOWN
    weekday: Annotated[int, Bounds(ge=1, le=7)] = 1
    hour: Annotated[int, Bounds(ge=0, le=23)] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """How much is logged."""

    __pydantic_config__ = FORBID_UNKNOWN
    level: str = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOwner:
    """The owner's word on who owns the X app, and the day on which it was looked up in X's developer console.

    X charges an owner's own reads a fifth; no answer of its API says who owns an app (docs/decisions/0091).
    """

    __pydantic_config__ = FORBID_UNKNOWN
    user_id: Annotated[str, Bounds(min_length=1)]
    attested_on: date


_EVERY_MINUTES = Annotated[int, Bounds(ge=5, le=10_080)] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the reader may spend in a UTC day, how often it looks where (`None`: never), and how long a find keeps.

    `posts_per_tick` bounds what one tick takes from one place.
    """

    __pydantic_config__ = FORBID_UNKNOWN
    usd_per_day: Annotated[Decimal, Bounds(ge=0, le=100_000)] | None = Decimal("0.10")
    timeline_every_minutes: _EVERY_MINUTES = 360
    mentions_every_minutes: _EVERY_MINUTES = 30
    search_every_minutes: _EVERY_MINUTES = 240
    watchlist_every_minutes: _EVERY_MINUTES = 240
    posts_per_tick: Annotated[int, Bounds(ge=10, le=3_200)] = 800
    answer_within_hours: Annotated[int, Bounds(ge=1, le=120)] = 24


OPT_OUT_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("stop", "unsubscribe", "opt out", "leave me alone", "do not reply", "don't reply", "no bots"),
    "de": ("stopp", "aufhören", "abmelden", "lass mich in ruhe", "nicht antworten", "keine bots"),
    "es": ("basta", "deja de responder", "no respondas", "déjame en paz"),
    "fr": ("arrête", "arrêtez", "ne réponds pas", "laisse-moi tranquille", "désabonner"),
}
"""By language, what counts as a wish to be left alone where an owner names nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the owner decides about one account."""

    __pydantic_config__ = FORBID_UNKNOWN
    auth_mode: AuthMode = AuthMode.TWEEPY
    plan: Plan = Plan.PAY_PER_USE
    timezone: str = "UTC"
    operator: str = ""
    automated_label_attested_on: date | None = None
    topics: Annotated[tuple[Annotated[str, Bounds(min_length=1)], ...], Bounds(min_length=1)]
    queries: tuple[Query, ...] = ()
    watchlist_user_ids: tuple[str, ...] = ()
    watchlist_actions: tuple[QueryAction, ...] = ()
    blocked_user_ids: tuple[str, ...] = ()
    opt_out_words: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(OPT_OUT_WORDS))
    reading: Reading = field(default_factory=Reading)
    app_owner: AppOwner | None = None
    schedule: Schedule = field(default_factory=Schedule)
    cadence: Cadence = field(default_factory=Cadence)
    max_per_window: PerKind = field(default_factory=PerKind)
    max_per_day: Annotated[int, Bounds(ge=0, le=30)] | None = None
    max_interactions_per_day: InteractionsPerDay = field(default_factory=InteractionsPerDay)
    quiet_hours: tuple[str, str] | None = None
    minimum_gap_minutes: Annotated[int, Bounds(ge=0, le=1440)] = 60
    jitter_seconds: tuple[Annotated[int, Bounds(ge=0)], Annotated[int, Bounds(le=600)]] = (8, 20)
    learning: LearningSettings = field(default_factory=LearningSettings)
    budget: Budget = field(default_factory=Budget)
    similarity: Similarity = field(default_factory=Similarity)
    blocked_patterns: tuple[str, ...] = ()
    feature_flags: FeatureFlags = field(default_factory=FeatureFlags)
    stage: Stage = Stage.AUTO
    approval: Approval = field(default_factory=Approval)
    digest: Digest | None = None
    content: tuple[str, ...] = ()
    sources: Sources = field(default_factory=Sources)
    logging: Logging = field(default_factory=Logging)
    schema_version: Annotated[int, Bounds(ge=1, le=1)] = 1

    def most_in_a_day(self, kind: Kind) -> int | None:
        """The most actions of a kind in one local day; `None` where only the windows set a bound."""
        return self.max_per_day if kind is Kind.POST else self.max_interactions_per_day.of(kind)

    @property
    def posts_per_day(self) -> int:
        """The most posts that one local day can plan."""
        in_windows = self.max_per_window.post * len(self.schedule.windows)
        return in_windows if self.max_per_day is None else min(in_windows, self.max_per_day)
