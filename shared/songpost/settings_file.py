"""A person's settings file: YAML in, the canonical `Settings` or every problem at once out.

This is the edge: the only room that imports YAML and pydantic, and no function ever imports it. Files of the
agent that Songpost replaces load too; what is read differently, or not at all, is told as notes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import TypeAdapter, ValidationError

from songpost.core import policy
from songpost.errors import BadInput, Problem, SettingsError, quote
from songpost.model import Kind
from songpost.settings import KNOWN_WINDOWS, MAX_FINGERPRINTS, Settings

MAX_BYTES = 1_000_000
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

Raw = dict[str, object]


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Validated settings, and what was read otherwise than it stands in the file."""

    settings: Settings
    notes: tuple[Problem, ...]


def read_yaml(path: Path) -> object:
    """Parse one YAML file with unique keys, safely (no tags that build objects).

    Raises `BadInput` that names the file, and the line where the parser knows it.
    """
    where = str(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", where=where, mend="check the path") from error
    if len(text) > MAX_BYTES:
        raise BadInput(f"is larger than {MAX_BYTES:,} bytes", where=where, mend="split it")
    try:
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - _UniqueKeys is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadInput(f"is no YAML: {error.problem}", where=f"{where}:{line}", mend="correct that line") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"is no YAML: {quote(str(error))}", where=where, mend="save it as UTF-8 text") from error


_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_SafeLoader):  # type: ignore[misc, valid-type]  # the base is chosen at run time
    """A safe loader that refuses a key that stands twice: YAML would let the second one win in silence."""

    def construct_mapping(  # the base class names its arguments
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - the base class has it so
    ) -> dict[object, object]:
        """Build a mapping after looking at every key."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"the key {name!r} stands twice", problem_mark=key.start_mark)
            seen.add(name)
        return dict(super().construct_mapping(node, deep=deep))


@cache
def adapter() -> TypeAdapter[Settings]:
    """The validator, built once (it costs tens of milliseconds)."""
    return TypeAdapter(Settings)


def load(path: Path) -> LoadedSettings:
    """Read and validate a settings file; content paths in it are relative to its folder.

    Raises `SettingsError` with every problem, `BadInput` where the file is unreadable.
    """
    raw: object = read_yaml(path)
    if not isinstance(raw, dict):
        raise SettingsError((Problem("(file)", "is not a mapping of keys to values"),), where=str(path))
    return parse(raw, where=str(path))


def parse(raw: Raw, *, where: str) -> LoadedSettings:
    """Validate parsed YAML. `where` names its source in errors."""
    notes: list[Problem] = []
    normal, problems = _normalised({str(key): value for key, value in raw.items()}, notes)
    settings: Settings | None = None
    try:
        # Through JSON, strictly: a date may be written as text, but "3" is no number.
        settings = adapter().validate_json(json.dumps(normal), strict=True)
    except ValidationError as error:
        problems += [_problem(dict(detail)) for detail in error.errors(include_url=False)]
    for check in _CHECKS:
        problems += check(normal)
    if problems or settings is None:
        raise SettingsError(tuple(sorted(set(problems), key=str)), where=where)
    notes += [Problem(path, message) for path, message in policy.never_happens(settings)]
    return LoadedSettings(settings, tuple(notes))


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
    return Problem(path, f"{message[0].lower()}{message[1:]}, not {quote(detail.get('input'))}")


def _normalised(raw: Raw, notes: list[Problem]) -> tuple[Raw, list[Problem]]:
    """Bring every accepted way of writing a thing to the one canonical way; unwritable values become problems."""
    problems: list[Problem] = []
    _seed_keys(raw, notes)
    if isinstance(raw.get("queries"), list):
        raw["queries"] = [_query(query, notes) for query in _list(raw["queries"])]
    schedule = raw.get("schedule")
    if isinstance(schedule, dict) and isinstance(schedule.get("windows"), list):
        names = schedule["windows"]
        unknown = [name for name in names if not isinstance(name, str) or name not in KNOWN_WINDOWS]
        problems += [
            Problem("schedule.windows", f"{quote(name)} is not one of {', '.join(KNOWN_WINDOWS)}") for name in unknown
        ]
        known = {name: list(KNOWN_WINDOWS[name]) for name in names if name not in unknown}
        raw["schedule"] = {**schedule, "windows": known}
    flags = raw.get("feature_flags")
    if isinstance(flags, dict):
        # YAML 1.1 reads a bare on or off as a boolean.
        raw["feature_flags"] = {
            key: {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
            for key, value in flags.items()
        }
    try:
        return json.loads(json.dumps(raw, default=_plain, allow_nan=False)), problems
    except (TypeError, ValueError) as error:
        raise SettingsError(
            (*problems, Problem("(file)", f"holds a value of no use here: {error}")), where="settings"
        ) from error


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{quote(value)} is neither text, number, list nor mapping")


def _query(query: object, notes: list[Problem]) -> object:
    if isinstance(query, str):
        notes.append(Problem("queries", f"{quote(query)} names no actions: it is read, nothing follows"))
        return {"query": query, "actions": []}
    return query


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _seed_keys(raw: Raw, notes: list[Problem]) -> None:
    """Read the keys that only files of the earlier agent carry (it read them and never acted on them)."""
    ignored = {
        "rate_limits": "is not used: limits come from X's own headers",
        "personas": "is not used: texts come from content files, in the account's own words",
    }
    for key, message in ignored.items():
        if raw.pop(key, None) is not None:
            notes.append(Problem(key, message))
    monitoring = raw.pop("monitoring", None)
    if monitoring is not None:
        notes.append(Problem("monitoring", "is not used: set ENABLE_TELEMETRY, and log retention in the stack"))
    _seed_safety(raw, notes)
    _seed_autonomous(raw, notes)
    per_window = raw.get("max_per_window")
    if isinstance(per_window, dict) and "timezone" not in raw:
        notes.append(Problem("timezone", "is not set: windows are read as UTC"))


def _seed_safety(raw: Raw, notes: list[Problem]) -> None:
    safety = raw.pop("safety", None)
    if not isinstance(safety, dict):
        return
    content_filter = safety.get("content_filter")
    if isinstance(content_filter, dict) and content_filter.get("enabled", True):
        patterns = _list(content_filter.get("blocked_patterns"))
        raw["blocked_patterns"] = [*_list(raw.get("blocked_patterns")), *patterns]
        notes.append(Problem("safety.content_filter.blocked_patterns", "is read as blocked_patterns, and acted on"))
    if "rate_check" in safety:
        notes.append(Problem("safety.rate_check", "is not used: every call is admitted against its limits"))


def _seed_autonomous(raw: Raw, notes: list[Problem]) -> None:
    autonomous = raw.pop("autonomous", None)
    if not isinstance(autonomous, dict):
        return
    approval = raw.get("approval")
    words = dict(approval) if isinstance(approval, dict) else {}
    for key, consent in (("auto_approve", "auto"), ("require_approval", "ask")):
        for kind in _list(autonomous.get(key)):
            words.setdefault(str(kind), consent)
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
    if not windows:
        yield Problem("schedule.windows", "names no window")
    for name, span in windows.items():
        path = f"schedule.windows.{name}"
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
            yield Problem(path, "a window's name is 1 to 32 small letters, digits and hyphens")
        if isinstance(span, list) and len(span) == 2 and all(isinstance(time, str) for time in span):
            for index, time in enumerate(span):
                if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time):
                    yield Problem(f"{path}.{index}", f"{quote(time)} is no time of day like 09:30")
            if span[0] == span[1]:
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
    similarity, schedule, per_window = (raw.get(k) for k in ("similarity", "schedule", "max_per_window"))
    days = similarity.get("window_days", 30) if isinstance(similarity, dict) else 30
    windows = schedule.get("windows", {}) if isinstance(schedule, dict) else {"": 0, " ": 0, "  ": 0}
    posts = per_window.get(Kind.POST.value, 1) if isinstance(per_window, dict) else 1
    limit = raw.get("max_per_day")
    if not isinstance(days, int) or not isinstance(posts, int) or not isinstance(windows, dict):
        return
    a_day = posts * len(windows)
    a_day = min(a_day, limit) if isinstance(limit, int) else a_day
    if a_day > 30:
        yield Problem("max_per_window.post", f"{a_day} posts a day are more than 30; set max_per_day")
    elif days * a_day > MAX_FINGERPRINTS:
        yield Problem(
            "similarity.window_days",
            f"{days} days of {a_day} posts are more than the {MAX_FINGERPRINTS:,} texts that the guard "
            f"remembers; use at most {MAX_FINGERPRINTS // a_day} days",
        )


def _check_prices(raw: Raw) -> Iterator[Problem]:
    budget = raw.get("budget")
    prices = budget.get("prices") if isinstance(budget, dict) else None
    if raw.get("plan") == "enterprise" and not prices:
        yield Problem("budget.prices", "an enterprise plan has prices by contract: name them here")


def _check_unique(raw: Raw) -> Iterator[Problem]:
    for key in ("topics", "content", "watchlist_user_ids"):
        values = [value for value in _list(raw.get(key)) if isinstance(value, str)]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield Problem(key, f"{quote(value)} stands twice")
    for index, topic in enumerate(_list(raw.get("topics"))):
        if isinstance(topic, str) and "|" in topic:
            yield Problem(f"topics.{index}", "a topic's name cannot hold '|'")


_CHECKS: tuple[Callable[[Raw], Iterator[Problem]], ...] = (
    _check_zone,
    _check_windows,
    _check_patterns,
    _check_jitter,
    _check_logging,
    _check_memory,
    _check_prices,
    _check_unique,
)


def schema() -> Mapping[str, object]:
    """The JSON schema of a settings file, for editors and documents."""
    return adapter().json_schema()
