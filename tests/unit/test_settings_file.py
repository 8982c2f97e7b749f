from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from songpost import settings_file
from songpost.agent import documents
from songpost.errors import Problem, SettingsError
from songpost.money_settings import Prices
from songpost.settings import KNOWN_WINDOWS, AppOwner, Consent, Flag, Plan, Query, QueryAction, Settings
from songpost.settings_file import LoadedSettings
from songpost.source_settings import Feed, Model

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "songpost.example.yaml"
SEED = Path(__file__).with_name("seed.yaml")
REFERENCE = Path(os.environ.get("SONGPOST_REFERENCE", ROOT.parent / "shared")) / "reference" / "seed-config.yaml"


def parsed(text: str) -> LoadedSettings:
    """Read YAML text that names no topic: it gets one."""
    raw = yaml.safe_load(text) or {}
    return settings_file.parse({"topics": ["bees"], "timezone": "UTC", **raw}, where="test")


def problems(text: str) -> dict[str, str]:
    """The problems of YAML text, by path."""
    with pytest.raises(SettingsError) as caught:
        parsed(text)
    assert caught.value.exit_code == 2
    return {problem.path: problem.message for problem in caught.value.problems}


# ---------------------------------------------------------------------------------------------------- whole files


def every_key(kind: Any, path: str = "") -> set[str]:  # any dataclass of the settings
    """The paths of all keys that a class of the settings knows, walked through its fields."""
    found = set()
    hints = get_type_hints(kind)
    for field in fields(kind):
        place = f"{path}{field.name}"
        found.add(place)
        inner = next((one for one in (hints[field.name], *get_args(hints[field.name])) if is_dataclass(one)), None)
        if inner is not None and inner not in {
            Prices,
            Query,
            AppOwner,
            Feed,
            Model,
        }:  # their example stands in a comment
            found |= every_key(inner, f"{place}.")
    return found


def keys_of(raw: Mapping[str, object], path: str = "") -> set[str]:
    """The paths of all keys that a file shows; windows and the like are values."""
    found = set()
    for key, value in raw.items():
        found.add(f"{path}{key}")
        if isinstance(value, dict) and key not in {"windows", "opt_out_words"}:
            found |= keys_of(value, f"{path}{key}.")
    return found


def test_example_shows_every_key_and_no_other() -> None:
    """The example at the top of the repository has a line for each key of the settings, with a comment beside it."""
    text = EXAMPLE.read_text(encoding="utf-8")

    assert every_key(Settings) == keys_of(yaml.safe_load(text))
    assert all(
        f"{name}" in text
        for name in (
            "user_id:",
            "attested_on:",
            "query:",
            "actions:",
            "post_create_url:",
            "user_read:",
            "url:",
            "model_id:",
        )
    )
    assert all(name in text for name in KNOWN_WINDOWS)


def test_example_loads_without_a_word() -> None:
    """The example is right as it stands: nothing is read otherwise, nothing is ruled out."""
    assert () == settings_file.load(EXAMPLE).notes


def test_example_s_comments_tell_the_defaults() -> None:
    """A key that is left out has the value shown in the example, unless its comment says otherwise."""
    shown = settings_file.load(EXAMPLE).settings
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    said = {line.split(":")[0].strip() for line in lines if "left out" in line or "no default" in line}
    default = Settings(topics=shown.topics)
    other = {
        f"{field.name}.{inner.name}" if is_dataclass(getattr(shown, field.name)) else field.name
        for field in fields(Settings)
        for inner in (fields(getattr(shown, field.name)) if is_dataclass(getattr(shown, field.name)) else [field])
        if getattr(getattr(shown, field.name), inner.name, getattr(shown, field.name))
        != getattr(getattr(default, field.name), inner.name, getattr(default, field.name))
    }

    assert {path.rpartition(".")[2] for path in other} <= said


def test_seed_file_loads_and_every_difference_is_told() -> None:
    """A file of the earlier agent loads; whatever is read differently, or not at all, is told by its path."""
    loaded = settings_file.load(SEED)
    settings = loaded.settings

    assert ("oauth2", Plan.BASIC, ("bees", "honey")) == (settings.auth_mode.value, settings.plan, settings.topics)
    assert Query(query="(beekeeping OR apiary) lang:en -is:retweet") == settings.queries[0]
    assert (QueryAction.FOLLOW, QueryAction.REPOST) == settings.queries[1].actions
    assert {name: KNOWN_WINDOWS[name] for name in ("early-morning", "night", "late-night")} == settings.schedule.windows
    assert (6, 7) == settings.cadence.weekdays
    assert (2, 1, 4, 2, 1, 0) == tuple(
        getattr(settings.max_per_window, name) for name in ("post", "reply", "like", "follow", "repost", "quote")
    )
    assert (0.1, 150, 80) == (
        settings.budget.buffer_pct,
        settings.budget.custom_read_cap,
        settings.budget.custom_write_cap,
    )
    assert (Flag.OFF, Flag.ON, Flag.AUTO) == (
        settings.feature_flags.allow_likes,
        settings.feature_flags.allow_follows,
        settings.feature_flags.allow_media,
    )
    assert ("(?i)sting", "free honey") == settings.blocked_patterns
    assert (False, (5, 15), "WARNING", ("42",)) == (
        settings.learning.enabled,
        settings.jitter_seconds,
        settings.logging.level,
        settings.watchlist_user_ids,
    )
    assert [
        "rate_limits",
        "personas",
        "monitoring",
        "safety.rate_check",
        "safety.content_filter.blocked_patterns",
        "autonomous.require_approval",
        "autonomous.require_approval",
        "autonomous.auto_approve",
        "autonomous.decision_mode",
        "autonomous.max_daily_decisions",
        "queries.0",
        "timezone",
        "queries.1.actions",
        "max_per_window.like",
        "feature_flags (follow)",
        "max_per_window.follow",
    ] == [note.path for note in loaded.notes]


def test_kind_in_both_lists_waits_for_a_person() -> None:
    """Where the earlier file both asks and approves by itself, the stricter word holds; our own key beats both."""
    seed = "autonomous: {auto_approve: [post, repost], require_approval: [post]}\n"
    approval = parsed(seed).settings.approval
    own = parsed(f"{seed}approval: {{post: never}}\n")

    assert (Consent.ASK, Consent.AUTO) == (approval.post, approval.repost)
    assert Consent.NEVER == own.settings.approval.post
    assert ["repost is read as approval.repost: auto"] == [note.message for note in own.notes]


def test_seed_file_of_the_reference_loads() -> None:
    """The settings file that users of the earlier agent have loads as it is."""
    if not REFERENCE.is_file():
        pytest.skip(f"no reference file at {REFERENCE}: set SONGPOST_REFERENCE to the folder that holds reference/")
    loaded = settings_file.load(REFERENCE)
    raw = yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))

    assert (tuple(raw["topics"]), raw["plan"]) == (loaded.settings.topics, loaded.settings.plan.value)
    assert raw["budget"]["custom_read_cap"] == loaded.settings.budget.custom_read_cap
    assert set(raw["schedule"]["windows"]) == set(loaded.settings.schedule.windows)
    told = {note.path.split(".")[0] for note in loaded.notes}
    assert {"rate_limits", "personas", "monitoring", "safety", "autonomous", "timezone"} <= told


@pytest.mark.parametrize("path", [EXAMPLE, SEED])
def test_settings_survive_the_store(path: Path) -> None:
    """What `settings push` stores decodes to the same settings, in plain JSON."""
    settings = settings_file.load(path).settings
    body = json.loads(json.dumps(documents.encode(settings)))

    assert settings == documents.decode_settings(body)


@pytest.mark.parametrize("text", ["", "- topics", "topics", "3"])
def test_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    """An empty file, a list, a lone word or number is no settings file."""
    path = tmp_path / "songpost.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        settings_file.load(path)

    assert f"{path}: 1 problem\n  (file): is not a mapping of keys to values" == str(caught.value)


# -------------------------------------------------------------------------------------------------------- problems


def test_all_problems_at_once_with_their_paths() -> None:
    """One run tells every problem, of every kind of check, each with its path, sorted and counted."""
    text = """
auth_mode: password
plan: gold
timezone: Mars/Olympus
topics: [bees, bees, "a|b", ""]
queries: [{query: "", actions: [stare]}, {actions: []}]
schedule: {windows: {Noon: ["12:00", "25:00"], tea: ["16:00", "16:00"], dusk: [19:30, "21:00"], odd: ["09:00"]}}
cadence: {weekdays: [0, 3, 8]}
max_per_window: {post: 31, reply: -1, poke: 1}
max_per_day: "3"
minimum_gap_minutes: 1441
jitter_seconds: [20, 8]
learning: {enabled: "yes", exploration_floor: 1.5, half_life_days: 0}
budget: {usd_per_month: -1, usd_per_day: .inf, buffer_pct: 1.0, billing_day: 29, prices: {post_create: 0.01, tea: 1}}
similarity: {threshold: 0, window_days: 401}
blocked_patterns: ["(", 5]
feature_flags: {allow_likes: maybe, allow_dms: on}
approval: {post: sometimes}
content: [a.yaml, a.yaml]
logging: {level: LOUD}
schema_version: 2
automated_label_attested_on: yesterday
colour: red
safety: {kill_switch: true, content_filter: {blocked_patterns: "x", strict: true}}
autonomous: {auto_approve: [dm], boldness: 3}
"""
    found = problems(text)

    assert {
        "auth_mode", "plan", "timezone", "topics", "topics.2", "topics.3", "queries.0.query", "queries.0.actions.0",
        "queries.1.query", "schedule.windows.Noon", "schedule.windows.Noon.1", "schedule.windows.tea",
        "schedule.windows.dusk.0", "schedule.windows.odd.1", "cadence.weekdays.0", "cadence.weekdays.2",
        "max_per_window.post", "max_per_window.reply", "max_per_window.poke", "max_per_day", "minimum_gap_minutes",
        "jitter_seconds", "learning.enabled", "learning.exploration_floor", "learning.half_life_days",
        "budget.usd_per_month", "budget.usd_per_day", "budget.buffer_pct", "budget.billing_day",
        "budget.prices.tea", "budget.prices.post_create_url", "budget.prices.post_read", "budget.prices.user_read",
        "similarity.threshold", "similarity.window_days", "blocked_patterns.0", "blocked_patterns.1",
        "feature_flags.allow_likes", "feature_flags.allow_dms", "approval.post", "content", "logging.level",
        "schema_version", "automated_label_attested_on", "colour", "safety.kill_switch",
        "safety.content_filter.blocked_patterns", "safety.content_filter.strict", "autonomous.auto_approve",
        "autonomous.boldness",
    } == set(found)  # fmt: skip
    with pytest.raises(SettingsError) as caught:
        parsed(text)
    assert str(caught.value).startswith(f"test: {len(caught.value.problems)} problems\n  approval.post: ")
    assert sorted(caught.value.problems, key=str) == list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plan: gold", "plan: should be 'pay-per-use', 'enterprise', 'free', 'basic' or 'pro', not 'gold'"),
        ("colour: red", "colour: is not a key that Songpost knows"),
        ("budget: {usd: 5}", "budget.usd: is not a key that Songpost knows"),
        ("schedule: 5", "schedule: should be a mapping of keys to values, not 5"),
        ("queries: [{actions: []}]", "queries.0.query: is missing"),
        ("max_per_day: '3'", "max_per_day: should be a valid integer, not '3'"),
        ("max_per_day: 3.0", "max_per_day: should be a valid integer, not 3.0"),
        ("max_per_day: true", "max_per_day: should be a valid integer, not True"),
        ("learning: {enabled: 1}", "learning.enabled: should be a valid boolean, not 1"),
        ("budget: {burst_days: 0}", "budget.burst_days: should be greater than 0, not 0"),
        ("budget: {burst_days: 32}", "budget.burst_days: should be less than or equal to 31, not 32"),
        ("budget: {usd_per_kind: {post: x}}", "budget.usd_per_kind.post: should be a valid decimal, not 'x'"),
        ("budget: {usd_per_kind: {tea: 1}}", "budget.usd_per_kind.tea: is not a key that Songpost knows"),
        ("budget: {usd_per_month: -1}", "budget.usd_per_month: should be greater than or equal to 0, not -1"),
        ("timezone: Mars", "timezone: 'Mars' is no IANA time zone, such as Europe/Berlin"),
        ("timezone: ../../etc/passwd", "timezone: '../../etc/passwd' is no IANA time zone, such as Europe/Berlin"),
        ("schedule: {windows: []}", "schedule.windows: names no window"),
        (
            "schedule: {windows: [noon]}",
            "schedule.windows: 'noon' is not one of early-morning, morning, afternoon, evening, night, late-night",
        ),
        ("schedule: {windows: {a: [12:30, '13:00']}}", 'schedule.windows.a.0: write the time in quotes: "12:30"'),
        ("schedule: {windows: {a: ['24:00', '13:00']}}", "schedule.windows.a.0: '24:00' is no time of day"),
        ("schedule: {windows: {a: ['9:00', '13:00']}}", "schedule.windows.a.0: '9:00' is no time of day"),
        ("schedule: {windows: {a: ['13:00', '13:00']}}", "schedule.windows.a: starts and ends at the same time"),
        ("5: a", "5: is a key that YAML reads as 5: put it in quotes"),
        ("on: a", "True: is a key that YAML reads as True: put it in quotes"),
        ("budget: {2026-11-22: 1}", "budget.2026-11-22: is a key that YAML reads as datetime.date(2026, 11, 22)"),
        ("budget: {usd_per_month: .nan}", "budget.usd_per_month: is too large a number, or none"),
        ("budget: {usd_per_day: -.inf}", "budget.usd_per_day: is too large a number, or none"),
        (f"budget: {{custom_read_cap: {10**30}}}", "budget.custom_read_cap: is too large a number, or none"),
        ("operator: !!binary aGk=", "operator: is neither text, number, list nor mapping"),
        ("topics: !!set {a, b}", "topics: is neither text, number, list nor mapping"),
        ("plan: enterprise", "budget.prices: an enterprise plan has prices by contract: name them here"),
        (
            "budget: {prices: {post_create: 1, post_create_url: 1, post_read: 1}}",
            "budget.prices.user_read: is missing, and nothing is sent at an unknown price",
        ),
        ("max_per_window: {post: 11}", "max_per_window.post: 33 posts a day are more than 30; set max_per_day"),
        ("schedule: {}\nmax_per_window: {post: 11}", "max_per_window.post: 33 posts a day are more than 30; set"),
        (
            "similarity: {window_days: 400}\nmax_per_window: {post: 2}",
            "similarity.window_days: 400 days of 6 posts are more than the 1,200 texts that the guard remembers; use",
        ),
        ("watchlist_user_ids: ['1', '1']", "watchlist_user_ids: '1' stands twice"),
        ("jitter_seconds: [9, 8]", "jitter_seconds: the first number is the shorter one"),
        ("safety: loud", "safety: should be a mapping of keys to values, not 'loud'"),
        ("autonomous: {auto_approve: post}", "autonomous.auto_approve: should be a list, not 'post'"),
        (
            "autonomous: {auto_approve: [dm]}",
            "autonomous.auto_approve: 'dm' is not one of post, reply, quote, repost, like, follow",
        ),
        ("approval: 5\nautonomous: {auto_approve: [post]}", "approval: should be a mapping of keys to values, not 5"),
        ("schema_version: 2", "schema_version: should be less than or equal to 1, not 2"),
    ],
)  # fmt: skip
def test_problem_reads_well(text: str, expected: str) -> None:
    """A problem says in one line what is wrong where, in a person's words, and what to do."""
    with pytest.raises(SettingsError) as caught:
        parsed(text)

    assert [True] == [str(problem).startswith(expected) for problem in caught.value.problems], caught.value.problems


def test_several_problems_of_one_key_are_not_hidden_by_one_another() -> None:
    """A duplicate, a bad name and an unknown window are told together."""
    with pytest.raises(SettingsError) as caught:
        parsed("schedule: {windows: [noon, tea, morning]}\ntopics: [a, a]")

    assert 3 == len(caught.value.problems)


def test_missing_topics_are_missing() -> None:
    """The one key without a default is asked for."""
    with pytest.raises(SettingsError, match="topics: is missing"):
        settings_file.parse({}, where="test")


# --------------------------------------------------------------------------------------------------------- readings


def test_flags_may_stand_bare() -> None:
    """A bare on or off, which YAML reads as a boolean, is the word that stands there."""
    flags = parsed(
        "feature_flags: {allow_replies: on, allow_likes: off, allow_media: 'on', allow_quotes: auto}"
    ).settings

    assert ("on", "off", "on", "auto") == (
        flags.feature_flags.allow_replies.value,
        flags.feature_flags.allow_likes.value,
        flags.feature_flags.allow_media.value,
        flags.feature_flags.allow_quotes.value,
    )


def test_own_windows_and_dates() -> None:
    """Own windows keep their order and may cross midnight; a date may stand with or without quotes."""
    windows = "schedule: {windows: {late: ['22:30', '00:30'], dawn: ['05:30', '07:00']}}"
    bare, quoted = (
        parsed(f"{windows}\nautomated_label_attested_on: {day}").settings for day in ("2026-11-01", "'2026-11-01'")
    )

    assert ["late", "dawn"] == list(bare.schedule.windows)
    assert date(2026, 11, 1) == bare.automated_label_attested_on == quoted.automated_label_attested_on


def test_money_is_exact() -> None:
    """Dollars are decimal: a dime is a dime."""
    budget = parsed("budget: {usd_per_month: 0.10, usd_per_day: 0.07, buffer_pct: 0.05}").settings.budget

    assert Decimal("0.1") == budget.usd_per_month
    assert (95_000, 66_500) == (budget.micros(budget.usd_per_month), budget.micros(budget.usd_per_day or Decimal(0)))


def test_filter_that_is_off_stays_off_and_is_told() -> None:
    """Blocked patterns of an earlier file whose filter was off are not acted on, and a note says so."""
    loaded = parsed("safety: {content_filter: {enabled: false, blocked_patterns: [a]}}\nblocked_patterns: [b]")
    both = parsed("safety: {content_filter: {blocked_patterns: [a]}}\nblocked_patterns: [b]")

    assert (("b",), ("b", "a")) == (loaded.settings.blocked_patterns, both.settings.blocked_patterns)
    assert ["is not used: safety.content_filter.enabled is not true"] == [note.message for note in loaded.notes]


def test_empty_seed_keys_say_nothing() -> None:
    """Keys of the earlier agent that stand there empty are nothing to talk about."""
    assert () == parsed("safety:\nautonomous:\npersonas:\nmonitoring:\nrate_limits:").notes
    assert () == parsed("safety: {content_filter: }\nautonomous: {auto_approve: }").notes


def test_zone_that_is_left_out_is_told() -> None:
    """Without a time zone windows are read as UTC, and the owner hears of it."""
    loaded = settings_file.parse({"topics": ["bees"]}, where="test")

    assert ("UTC", ["timezone: is not set: windows are read as UTC"]) == (
        loaded.settings.timezone,
        [str(note) for note in loaded.notes],
    )


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [field.name for field in fields(Settings)] + ["safety", "autonomous", "personas", "monitoring", "rate_limits"]


@given(raw=st.dictionaries(st.sampled_from(KEYS) | st.text(), ODD, max_size=6))
def test_nothing_that_yaml_can_hold_ends_in_a_traceback(raw: dict[Any, object]) -> None:
    """Whatever a file holds, it is read, or refused with problems that have a path and a message."""
    told: tuple[Problem, ...] = ()
    try:
        loaded: LoadedSettings | None = settings_file.parse({"topics": ["bees"], **raw}, where="test")
    except SettingsError as error:
        loaded, told = None, error.problems

    assert bool(told) == (loaded is None)
    assert all(problem.message for problem in told)


@pytest.mark.parametrize("key", ["watchlist_user_ids", "blocked_user_ids"])
def test_users_are_named_by_their_id(key: str) -> None:
    """A name, a number too long for X, or digits of another script are told, each at its place."""
    found = problems(f'{key}: ["783214", "@songbird", "12345678901234567890", "१२३"]')

    assert {f"{key}.1", f"{key}.2", f"{key}.3"} == set(found)
    assert "is no user's id on X" in found[f"{key}.1"]


def test_a_watchlist_has_a_bound() -> None:
    """Where each watched user was read last stands in one document."""
    ids = ", ".join(f'"{number}"' for number in range(1, 202))

    assert {"watchlist_user_ids"} == set(problems(f"watchlist_user_ids: [{ids}]"))
    assert 200 == len(parsed(f"watchlist_user_ids: [{ids}]".replace(', "201"', "")).settings.watchlist_user_ids)


def test_an_app_s_owner_is_attested_by_id_and_date() -> None:
    """Either alone proves nothing; a name instead of an id is told."""
    whole = parsed('app_owner: {user_id: "783214", attested_on: 2026-11-01}').settings.app_owner

    assert AppOwner(user_id="783214", attested_on=date(2026, 11, 1)) == whole
    assert {"app_owner.attested_on"} == set(problems('app_owner: {user_id: "783214"}'))
    assert {"app_owner.user_id"} == set(problems("app_owner: {user_id: songbird, attested_on: 2026-11-01}"))


def test_an_opt_out_word_has_letters() -> None:
    """A word that vanishes when a text is compared would match every text, or none."""
    assert {"opt_out_words.en.1"} == set(problems('opt_out_words: {en: [stop, "!!"]}'))
