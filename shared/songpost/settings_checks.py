"""What no type can say of settings: each check reads the canonical form of a settings file, and names what is wrong.

A new check is a generator of problems, and a row of `CHECKS`. What has the wrong type is left to the validator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from zoneinfo import ZoneInfo

from songpost.core.content import REPLIES
from songpost.errors import Problem, quote
from songpost.model import Kind
from songpost.settings import MAX_FINGERPRINTS, Schedule, Similarity

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

MOST_WATCHED = 200
"""Users on the watchlist: where each was read last stands in one document."""

Raw = dict[str, object]


def listed(value: object) -> list[object]:
    """A list, or an empty one for what is none."""
    return value if isinstance(value, list) else []


def mapped(value: object) -> Raw:
    """A mapping, or an empty one for what is none."""
    return value if isinstance(value, dict) else {}


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
    for index, pattern in enumerate(listed(raw.get("blocked_patterns"))):
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
    similarity, schedule, per_window = (mapped(raw.get(k)) for k in ("similarity", "schedule", "max_per_window"))
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
        for index, user_id in enumerate(listed(raw.get(key)))
    ]
    ids.append(("app_owner.user_id", mapped(raw.get("app_owner")).get("user_id")))
    for path, user_id in ids:
        if isinstance(user_id, str) and not re.fullmatch(r"[0-9]{1,19}", user_id, re.ASCII):
            yield Problem(path, f"{quote(user_id)} is no user's id on X: write the number, in quotes")
    watched = len(listed(raw.get("watchlist_user_ids")))
    if watched > MOST_WATCHED:
        yield Problem("watchlist_user_ids", f"names {watched} users; at most {MOST_WATCHED} are watched")


def _check_opt_out_words(raw: Raw) -> Iterator[Problem]:
    for language, words in mapped(raw.get("opt_out_words")).items():
        for index, word in enumerate(listed(words)):
            if isinstance(word, str) and not any(character.isalnum() for character in word):
                yield Problem(f"opt_out_words.{language}.{index}", f"{quote(word)} has no letter in it")


def _check_prices(raw: Raw) -> Iterator[Problem]:
    """A contract's own prices must at least price a post, with and without a link, and the reads around it."""
    prices = mapped(raw.get("budget")).get("prices")
    if raw.get("plan") == "enterprise" and not prices:
        yield Problem("budget.prices", "an enterprise plan has prices by contract: name them here")
    elif isinstance(prices, dict):
        for name in ("post_create", "post_create_url", "post_read", "user_read"):
            if prices.get(name) is None:
                yield Problem(f"budget.prices.{name}", "is missing, and nothing is sent at an unknown price")


def _check_unique(raw: Raw) -> Iterator[Problem]:
    for key in ("topics", "content", "watchlist_user_ids", "watchlist_actions", "blocked_user_ids"):
        values = [value for value in listed(raw.get(key)) if isinstance(value, str)]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield Problem(key, f"{quote(value)} stands twice")
    for index, topic in enumerate(listed(raw.get("topics"))):
        if isinstance(topic, str) and "|" in topic:
            yield Problem(f"topics.{index}", "a topic's name cannot hold '|'")
        if topic == REPLIES:
            yield Problem(f"topics.{index}", f"{REPLIES!r} is no topic: under it content files hold replies")


def _check_sources(raw: Raw) -> Iterator[Problem]:
    """A source writes for a topic that there is; a feed has an address over HTTP; none stands twice."""
    sources, topics = mapped(raw.get("sources")), listed(raw.get("topics"))
    for kind in ("feeds", "models"):
        for index, source in enumerate(listed(sources.get(kind))):
            topic = mapped(source).get("topic")
            if isinstance(topic, str) and topic not in topics:
                yield Problem(f"sources.{kind}.{index}.topic", f"{quote(topic)} is not one of the topics")
    urls = [mapped(source).get("url") for source in listed(sources.get("feeds"))]
    for index, url in enumerate(urls):
        if isinstance(url, str) and not re.fullmatch(r"https?://[^\s/?#]+\S*", url):
            yield Problem(f"sources.feeds.{index}.url", f"{quote(url)} is no address over HTTP")
        if url in urls[:index]:
            yield Problem(f"sources.feeds.{index}.url", f"{quote(url)} stands twice")


CHECKS: tuple[Callable[[Raw], Iterator[Problem]], ...] = (
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
