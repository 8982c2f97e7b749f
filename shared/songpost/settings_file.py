"""A person's settings file: YAML in, the canonical `Settings` or every problem at once out.

This is the edge: the only room that imports pydantic, and no function ever imports it. Files of the
agent that Songpost replaces load too; what is read differently, or not at all, is told as notes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songpost.core import policy
from songpost.errors import Problem, SettingsError, quote
from songpost.settings import KNOWN_WINDOWS, Approval, Settings
from songpost.settings_checks import CHECKS, Raw, listed, mapped
from songpost.settings_glance import glance
from songpost.yaml_file import read_yaml

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LARGEST_NUMBER = 2**53
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
    for check in CHECKS:
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
        raw["queries"] = [_query(query, index, notes) for index, query in enumerate(listed(raw["queries"]))]
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
        _clock_times(listed(raw["quiet_hours"]), "quiet_hours", problems)
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
    for name, span in mapped(windows).items():
        _clock_times(listed(span), f"{path}.{name}", problems)
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
        raw["blocked_patterns"] = [*listed(raw.get("blocked_patterns")), *patterns]
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
