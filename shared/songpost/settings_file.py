"""A person's settings file: YAML in, the canonical `Settings` or every problem at once out.

This is the edge: the only room that imports pydantic, and no function ever imports it. Files of the
agent that Songpost replaces load too; what is read differently, or not at all, is told as notes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from songpost.core import policy
from songpost.core.content import REPLIES
from songpost.errors import Problem, SettingsError, quote
from songpost.model import Kind
from songpost.settings import KNOWN_WINDOWS, MAX_FINGERPRINTS, Approval, Schedule, Settings, Similarity
from songpost.settings_glance import glance
from songpost.yaml_file import read_yaml

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

LARGEST_NUMBER = 2**53
MOST_WATCHED = 200
"""Users on the watchlist: where each was read last stands in one document."""
APPROVABLE = tuple(field.name for field in fields(Approval) if field.name not in {"lead_hours", "by_risk", "ask_first"})
SEED_UNUSED = {
    "rate_limits": "is not used: limits come from X's own headers",
    "personas": "is not used: texts come from content files, in the account's own words",
    "monitoring": "is not used: set ENABLE_TELEMETRY, and log retention in the stack",
}
SEED_READ = {
    "safety": ("content_filter", "rate_check"),
    "autonomous": ("decision_mode", "require_approval", "auto_approve", "max_daily_decisions"),
}
"""Keys of the earlier agent's files: those that say nothing to Songpost, and those that do, with what is in them."""

Raw = dict[str, object]


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Validated settings, and what was read otherwise than it stands in the file."""

    settings: Settings
    notes: tuple[Problem, ...]


@cache
def adapter() -> TypeAdapter[Settings]:
    """The validator, built once. It is imported here: it takes longer than all else that a dry run does."""
    from pydantic import TypeAdapter

    return TypeAdapter(Settings)


def load(path: Path) -> LoadedSettings:
    """Read and validate a settings file; content paths in it are relative to its folder.

    Raises `SettingsError` with every problem, `BadInput` where the file is unreadable.
    """
    raw: object = read_yaml(path)
    if not isinstance(raw, dict):
        raise SettingsError((Problem("(file)", "is not a mapping of keys to values"),), where=str(path))
    return parse(raw, where=str(path))


def parse(raw: Mapping[Any, object], *, where: str) -> LoadedSettings:
    """Validate parsed YAML. `where` names its source in errors."""
    notes: list[Problem] = []
    problems: list[Problem] = []
    normal = {key: _plain(value, key, problems) for key, value in _text_keys(raw, "", problems)}
    unreadable = {problem.path for problem in problems}
    _normalise(normal, notes, problems)
    settings = glance(normal)
    if settings is None:
        settings, found = validated(normal)
        problems += [problem for problem in found if problem.path not in unreadable]
    for check in _CHECKS:
        problems += check(normal)
    if problems or settings is None:
        raise SettingsError(tuple(sorted(set(problems), key=str)), where=where)
    notes += [Problem(path, message) for path, message in policy.never_happens(settings)]
    return LoadedSettings(settings, tuple(notes))


def validated(normal: Mapping[str, object]) -> tuple[Settings | None, tuple[Problem, ...]]:
    """The settings of a mapping in canonical form, or every problem that pydantic finds in it."""
    from pydantic import ValidationError

    try:
        # Through JSON, strictly: a date may be written as text, but "3" is no number.
        return adapter().validate_json(json.dumps(normal), strict=True), ()
    except ValidationError as error:
        return None, tuple(_problem(dict(detail)) for detail in error.errors(include_url=False))


def _text_keys(raw: Mapping[Any, object], path: str, problems: list[Problem]) -> Iterator[tuple[str, object]]:
    """The entries of a mapping whose keys are text; YAML reads a bare `on`, `3` or `2026-11-22` as something else."""
    for key, value in raw.items():
        if isinstance(key, str):
            yield key, value
        else:
            problems.append(Problem(f"{path}{key}", f"is a key that YAML reads as {quote(key)}: put it in quotes"))


def _plain(value: object, path: str, problems: list[Problem]) -> object:
    """A parsed value as JSON knows it; what JSON has no word for becomes a problem, and null."""
    if isinstance(value, dict):
        return {key: _plain(item, f"{path}.{key}", problems) for key, item in _text_keys(value, f"{path}.", problems)}
    if isinstance(value, list):
        return [_plain(item, f"{path}.{index}", problems) for index, item in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str):
        return value
    message = "is neither text, number, list nor mapping"
    if isinstance(value, int | float):  # a bool is one too
        if abs(value) < LARGEST_NUMBER:
            return value
        message = "is too large a number, or none"
    problems.append(Problem(path, message))
    return None


def _problem(detail: dict[str, object]) -> Problem:
    """Say one of pydantic's findings with its path, without the names of its internals."""
    location = detail["loc"]
    parts = location if isinstance(location, tuple) else (location,)
    path = ".".join(str(part) for part in parts) or "(file)"
    kind, message = str(detail["type"]), str(detail["msg"])
    if kind in {"unexpected_keyword_argument", "extra_forbidden"}:
        return Problem(path, "is not a key that Songpost knows")
    if kind in {"missing", "missing_argument"}:
        return Problem(path, "is missing")
    message = message.removeprefix("Input ").replace("an object", "a mapping of keys to values")
    return Problem(path, f"{message[0].lower()}{message[1:]}, not {quote(detail.get('input'))}")


def _normalise(raw: Raw, notes: list[Problem], problems: list[Problem]) -> None:
    """Bring every accepted way of writing a thing to the one canonical way, in place."""
    _seed_keys(raw, notes, problems)
    if isinstance(raw.get("queries"), list):
        raw["queries"] = [_query(query, index, notes) for index, query in enumerate(_list(raw["queries"]))]
    schedule = raw.get("schedule")
    if isinstance(schedule, dict) and "windows" in schedule:
        raw["schedule"] = {**schedule, "windows": _windows(schedule["windows"], problems)}
    flags = raw.get("feature_flags")
    if isinstance(flags, dict):
        # YAML 1.1 reads a bare on or off as a boolean.
        raw["feature_flags"] = {
            key: {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
            for key, value in flags.items()
        }
    if isinstance(raw.get("quiet_hours"), list):
        _clock_times(_list(raw["quiet_hours"]), "quiet_hours", problems)
    if "timezone" not in raw:
        notes.append(Problem("timezone", "is not set: windows are read as UTC"))


def _windows(windows: object, problems: list[Problem]) -> object:
    """Names of known windows become their times, and a time that YAML read as a number is told and put right."""
    path = "schedule.windows"
    if windows in ([], {}):
        problems.append(Problem(path, "names no window"))
    if isinstance(windows, list):
        unknown = [name for name in windows if not isinstance(name, str) or name not in KNOWN_WINDOWS]
        problems += [Problem(path, f"{quote(name)} is not one of {', '.join(KNOWN_WINDOWS)}") for name in unknown]
        return {name: list(KNOWN_WINDOWS[name]) for name in windows if name not in unknown}
    for name, span in _mapping(windows).items():
        _clock_times(_list(span), f"{path}.{name}", problems)
    return windows


def _clock_times(times: list[object], path: str, problems: list[Problem]) -> None:
    """Put right, in place, and tell each time of day that YAML read as a number."""
    for index, time in enumerate(times):
        if type(time) is int and 0 <= time < 1440:  # YAML 1.1 reads 21:30 as 21 times sixty and 30
            times[index] = clock = f"{time // 60:02d}:{time % 60:02d}"
            problems.append(Problem(f"{path}.{index}", f'write the time in quotes: "{clock}"'))


def _query(query: object, index: int, notes: list[Problem]) -> object:
    if isinstance(query, str):
        notes.append(Problem(f"queries.{index}", f"{quote(query)} names no actions: it is read, nothing follows"))
        return {"query": query, "actions": []}
    return query


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _seed_keys(raw: Raw, notes: list[Problem], problems: list[Problem]) -> None:
    """Read the keys that only files of the earlier agent carry (it read most of them and never acted on them)."""
    for key, message in SEED_UNUSED.items():
        if raw.pop(key, None) is not None:
            notes.append(Problem(key, message))
    seed = {key: _seed_mapping(raw, key, inside, problems) for key, inside in SEED_READ.items()}
    _seed_safety(raw, seed["safety"], notes, problems)
    _seed_autonomous(raw, seed["autonomous"], notes, problems)


def _seed_mapping(raw: Raw, key: str, inside: Collection[str], problems: list[Problem], path: str = "") -> Raw:
    """Take a mapping of the earlier agent out of the file; nothing in it may be lost in silence."""
    value = raw.pop(key, None)
    path += key
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.append(Problem(path, f"should be a mapping of keys to values, not {quote(value)}"))
        return {}
    problems += [Problem(f"{path}.{name}", "is not a key that Songpost knows") for name in value if name not in inside]
    return value


def _seed_safety(raw: Raw, safety: Raw, notes: list[Problem], problems: list[Problem]) -> None:
    if safety.pop("rate_check", None) is not None:
        notes.append(Problem("safety.rate_check", "is not used: every call is admitted against its limits"))
    found = _seed_mapping(safety, "content_filter", {"enabled", "blocked_patterns"}, problems, "safety.")
    path, patterns = "safety.content_filter.blocked_patterns", found.get("blocked_patterns") or []
    if not patterns:
        return
    if found.get("enabled", True) is not True:
        notes.append(Problem(path, "is not used: safety.content_filter.enabled is not true"))
    elif not isinstance(patterns, list):
        problems.append(Problem(path, f"should be a list, not {quote(patterns)}"))
    else:
        raw["blocked_patterns"] = [*_list(raw.get("blocked_patterns")), *patterns]
        notes.append(Problem(path, "is read as blocked_patterns, and acted on"))


def _seed_autonomous(raw: Raw, autonomous: Raw, notes: list[Problem], problems: list[Problem]) -> None:
    words = raw.get("approval") or {}
    # A kind in both lists waits for a person: the stricter word is read first, and stays.
    for key, consent in (("require_approval", "ask"), ("auto_approve", "auto")):
        kinds = autonomous.get(key) or []
        if not isinstance(kinds, list):
            problems.append(Problem(f"autonomous.{key}", f"should be a list, not {quote(kinds)}"))
            continue
        for kind in kinds:
            if not isinstance(kind, str) or kind not in APPROVABLE:
                known = ", ".join(APPROVABLE)
                problems.append(Problem(f"autonomous.{key}", f"{quote(kind)} is not one of {known}"))
            elif isinstance(words, dict) and kind not in words:
                words = {**words, kind: consent}
                notes.append(Problem(f"autonomous.{key}", f"{kind} is read as approval.{kind}: {consent}"))
    if words:
        raw["approval"] = words
    notes += [
        Problem(f"autonomous.{key}", "is not used: ceilings stand in budget and max_per_window")
        for key in ("decision_mode", "max_daily_decisions")
        if key in autonomous
    ]


def _check_zone(raw: Raw) -> Iterator[Problem]:
    zone = raw.get("timezone", "UTC")
    if isinstance(zone, str):
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            yield Problem("timezone", f"{quote(zone)} is no IANA time zone, such as Europe/Berlin")


def _check_windows(raw: Raw) -> Iterator[Problem]:
    schedule = raw.get("schedule")
    windows = schedule.get("windows") if isinstance(schedule, dict) else None
    if not isinstance(windows, dict):
        return
    for name, span in windows.items():
        path = f"schedule.windows.{name}"
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
            yield Problem(path, "a window's name is 1 to 32 small letters, digits and hyphens")
        yield from _no_span(span, path)


def _check_quiet_hours(raw: Raw) -> Iterator[Problem]:
    yield from _no_span(raw.get("quiet_hours"), "quiet_hours")


def _no_span(span: object, path: str) -> Iterator[Problem]:
    """What is wrong with a start and an end in local time."""
    if not isinstance(span, list):
        return
    for index, time in enumerate(span):
        if isinstance(time, str) and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time, re.ASCII):
            yield Problem(f"{path}.{index}", f'{quote(time)} is no time of day like "09:30"')
    if len(span) == 2 and span[0] == span[1]:
        yield Problem(path, "starts and ends at the same time")


def _check_patterns(raw: Raw) -> Iterator[Problem]:
    for index, pattern in enumerate(_list(raw.get("blocked_patterns"))):
        if isinstance(pattern, str):
            try:
                re.compile(pattern)
            except re.error as error:
                yield Problem(f"blocked_patterns.{index}", f"is no regular expression: {error}")


def _check_jitter(raw: Raw) -> Iterator[Problem]:
    jitter = raw.get("jitter_seconds")
    numbers = isinstance(jitter, list) and len(jitter) == 2 and all(isinstance(n, int) for n in jitter)
    if numbers and isinstance(jitter, list) and jitter[0] > jitter[1]:
        yield Problem("jitter_seconds", "the first number is the shorter one")


def _check_logging(raw: Raw) -> Iterator[Problem]:
    logging = raw.get("logging")
    level = logging.get("level") if isinstance(logging, dict) else None
    if isinstance(level, str) and level not in LOG_LEVELS:
        yield Problem("logging.level", f"{quote(level)} is not one of {', '.join(LOG_LEVELS)}")


def _check_memory(raw: Raw) -> Iterator[Problem]:
    """What the duplicate guard must remember has to fit into its one document."""
    similarity, schedule, per_window = (_mapping(raw.get(k)) for k in ("similarity", "schedule", "max_per_window"))
    days = similarity.get("window_days", Similarity().window_days)
    windows = schedule.get("windows", Schedule().windows)
    posts = per_window.get(Kind.POST.value, 1)
    limit = raw.get("max_per_day")
    if not isinstance(days, int) or not isinstance(posts, int) or not isinstance(windows, Mapping):
        return
    a_day = posts * len(windows)
    a_day = min(a_day, limit) if isinstance(limit, int) else a_day
    if a_day > 30:
        yield Problem("max_per_window.post", f"{a_day} posts a day are more than 30; set max_per_day")
    elif a_day > 0 and days * a_day > MAX_FINGERPRINTS:
        yield Problem(
            "similarity.window_days",
            f"{days} days of {a_day} posts are more than the {MAX_FINGERPRINTS:,} texts that the guard "
            f"remembers; use at most {MAX_FINGERPRINTS // a_day} days",
        )


def _check_users(raw: Raw) -> Iterator[Problem]:
    """Users are named by id: a name is somebody else's once it is given up."""
    ids = [
        (f"{key}.{index}", user_id)
        for key in ("watchlist_user_ids", "blocked_user_ids")
        for index, user_id in enumerate(_list(raw.get(key)))
    ]
    ids.append(("app_owner.user_id", _mapping(raw.get("app_owner")).get("user_id")))
    for path, user_id in ids:
        if isinstance(user_id, str) and not re.fullmatch(r"[0-9]{1,19}", user_id, re.ASCII):
            yield Problem(path, f"{quote(user_id)} is no user's id on X: write the number, in quotes")
    watched = len(_list(raw.get("watchlist_user_ids")))
    if watched > MOST_WATCHED:
        yield Problem("watchlist_user_ids", f"names {watched} users; at most {MOST_WATCHED} are watched")


def _check_opt_out_words(raw: Raw) -> Iterator[Problem]:
    for language, words in _mapping(raw.get("opt_out_words")).items():
        for index, word in enumerate(_list(words)):
            if isinstance(word, str) and not any(character.isalnum() for character in word):
                yield Problem(f"opt_out_words.{language}.{index}", f"{quote(word)} has no letter in it")


def _mapping(value: object) -> Raw:
    return value if isinstance(value, dict) else {}


def _check_prices(raw: Raw) -> Iterator[Problem]:
    """A contract's own prices must at least price a post, with and without a link, and the reads around it."""
    prices = _mapping(raw.get("budget")).get("prices")
    if raw.get("plan") == "enterprise" and not prices:
        yield Problem("budget.prices", "an enterprise plan has prices by contract: name them here")
    elif isinstance(prices, dict):
        for name in ("post_create", "post_create_url", "post_read", "user_read"):
            if prices.get(name) is None:
                yield Problem(f"budget.prices.{name}", "is missing, and nothing is sent at an unknown price")


def _check_unique(raw: Raw) -> Iterator[Problem]:
    for key in ("topics", "content", "watchlist_user_ids", "watchlist_actions", "blocked_user_ids"):
        values = [value for value in _list(raw.get(key)) if isinstance(value, str)]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield Problem(key, f"{quote(value)} stands twice")
    for index, topic in enumerate(_list(raw.get("topics"))):
        if isinstance(topic, str) and "|" in topic:
            yield Problem(f"topics.{index}", "a topic's name cannot hold '|'")
        if topic == REPLIES:
            yield Problem(f"topics.{index}", f"{REPLIES!r} is no topic: under it content files hold replies")


def _check_sources(raw: Raw) -> Iterator[Problem]:
    """A source writes for a topic that there is; a feed has an address over HTTP; none stands twice."""
    sources, topics = _mapping(raw.get("sources")), _list(raw.get("topics"))
    for kind in ("feeds", "models"):
        for index, source in enumerate(_list(sources.get(kind))):
            topic = _mapping(source).get("topic")
            if isinstance(topic, str) and topic not in topics:
                yield Problem(f"sources.{kind}.{index}.topic", f"{quote(topic)} is not one of the topics")
    urls = [_mapping(source).get("url") for source in _list(sources.get("feeds"))]
    for index, url in enumerate(urls):
        if isinstance(url, str) and not re.fullmatch(r"https?://[^\s/?#]+\S*", url):
            yield Problem(f"sources.feeds.{index}.url", f"{quote(url)} is no address over HTTP")
        if url in urls[:index]:
            yield Problem(f"sources.feeds.{index}.url", f"{quote(url)} stands twice")


_CHECKS: tuple[Callable[[Raw], Iterator[Problem]], ...] = (
    _check_zone,
    _check_windows,
    _check_quiet_hours,
    _check_patterns,
    _check_jitter,
    _check_logging,
    _check_memory,
    _check_prices,
    _check_unique,
    _check_users,
    _check_opt_out_words,
    _check_sources,
)
