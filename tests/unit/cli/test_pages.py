"""Pages for people and JSON for machines: budget, limits, learning, actions, forecast and evaluate, in one process."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from songpost.agent import control
from songpost.agent.events import Invocation
from songpost.cli import terminal
from songpost.cli.commands import COMMANDS
from songpost.cli.main import main
from songpost.cli.show import listing
from songpost.cli.words import Row, parser
from songpost.invoking import run_reader
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Action, Kind, State
from tests.unit.agent.conftest import START, World

SETTINGS = """
operator: "@example_owner"
automated_label_attested_on: 2026-01-01
topics: [gardening, bread]
schedule: {windows: {noon: ["10:00", "12:00"]}}
max_per_window: {post: 1, reply: 0, repost: 0}
budget: {usd_per_month: 5, usd_per_day: 1}
content: [texts.yaml]
"""
TEXTS = "gardening: [Mulch after rain.]\nbread: [Rye wants water. See https://example.com]\n"
PAGES = (
    ["budget"],
    ["limits"],
    ["learning", "--at", "2026-11-29T12:00+00:00"],
    ["actions"],
    ["forecast", "--at", "2026-11-29T12:00+00:00"],
    ["evaluate", "--policy", "uniform"],
)
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> World:
    """An account that has posted on three days, was credited for them, and is paused."""
    folder = tmp_path_factory.mktemp("pages")
    clock = VirtualClock(START)
    world = World(folder, clock, Sandbox(clock=clock))
    for day in range(3):
        clock.set(START + timedelta(days=day))
        world.tick()
    for post in world.sandbox.posts():
        world.sandbox.actors.set_metrics(post.id, {"impression_count": 500, "like_count": 9})
    clock.set(START + timedelta(days=5))
    session = world.session()
    run_reader(session, Invocation(mode="timeline", account="default"), lambda: 900.0)
    control.pause(session.desk, "the garden needs me", "owner")
    session.close()
    (folder / "songpost.yaml").write_text(SETTINGS)
    (folder / "texts.yaml").write_text(TEXTS)
    return world


@pytest.fixture
def here(lived: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The account's folder as the working directory, with an environment of its own."""
    monkeypatch.chdir(lived.folder)
    monkeypatch.setenv("SONGPOST_STORE", "sqlite:///songpost.db")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "DRY_RUN", "SONGPOST_ACCOUNT", "SONGPOST_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    return lived.folder


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """A command's JSON; it is one document and nothing else."""
    assert 0 == main([*words, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("words", PAGES)
def test_a_page_is_plain_and_narrow_when_piped(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """No colour, no bars, no line over 80 columns."""
    assert 0 == main(words)
    page = capsys.readouterr().out

    assert "\x1b" not in page
    assert not set("█░●─") & set(page)
    assert 80 >= max(map(len, page.splitlines()))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("words", PAGES)
def test_a_page_has_colour_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Colour and bars, still within 80 columns however wide the terminal is; NO_COLOR takes the colour and no bar."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    assert 0 == main(words)
    page = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    assert 0 == main(words)
    uncoloured = capsys.readouterr().out

    bars = set("█░●─")
    assert "\x1b[" in page
    assert words == ["actions"] or bars & set(page)
    assert 80 >= max(len(ANSI.sub("", line)) for line in page.splitlines())
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", uncoloured)
    assert words == ["actions"] or bars & set(uncoloured)


@pytest.mark.usefixtures("here")
def test_budget_tells_of_the_pause_and_of_the_breakers(capsys: pytest.CaptureFixture[str]) -> None:
    """Who paused it and why, and how near each breaker is; as JSON beside the ceilings."""
    assert 0 == main(["budget"])
    page = capsys.readouterr().out
    found = asked(capsys, "budget")

    assert "PAUSED" in page
    assert "the garden needs me" in page
    assert "RefusalRun" in page
    assert "SpendSlope" in page
    assert (True, "the garden needs me") == (found["control"]["paused"], found["control"]["reason"])
    assert {"limit": 5, "used": 0} == found["breakers"]["RefusalRun"]
    assert 0 < found["breakers"]["SpendSlope"]["limit"]
    assert 4.75 == found["dollars per month"]["limit"]


@pytest.mark.usefixtures("here")
def test_actions_are_chosen_by_kind_state_and_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Newest first, at most so many; an empty choice says so."""
    keys = [one["key"] for one in asked(capsys, "actions", "--kind", "post", "--state", "sent", "--limit", "2")]
    assert ["post/2026-11-27/noon/1", "post/2026-11-26/noon/1"] == keys
    assert [] == asked(capsys, "actions", "--state", "refused")
    assert 0 == main(["actions", "--state", "refused"])
    assert "none" in capsys.readouterr().out


def test_a_topic_with_pictures_has_arms_with_media(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner chooses between text and media where there are both, and shows what it believes of each."""
    (here / "leek.png").write_bytes(bytes.fromhex("89504e470d0a1a0a") + bytes(64))
    (here / "pictured.yaml").write_text(
        "gardening:\n  - Mulch.\n  - {id: leek, variants: [Leeks.], media: [{path: leek.png, alt_text: A leek}]}\n"
    )
    (here / "media.yaml").write_text(SETTINGS.replace("texts.yaml", "pictured.yaml"))
    (here / "off.yaml").write_text((here / "media.yaml").read_text() + "feature_flags: {allow_media: off}\n")
    offered = {}
    for name in ("media.yaml", "off.yaml"):
        monkeypatch.setenv("SONGPOST_SETTINGS", name)
        arms = asked(capsys, "learning", "--at", "2026-11-29T12:00+00:00")["arms"]
        offered[name] = {one["arm"] for one in arms if one["offered"] and one["topic"] == "gardening"}

    assert {"gardening|noon|text", "gardening|noon|media"} == offered["media.yaml"]
    assert {"gardening|noon|text"} == offered["off.yaml"]


def test_a_long_key_leaves_the_id_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """A delete's key holds the post's own: nothing is cut, nothing is broken in two, and 80 columns hold it."""
    key = "delete/2026-11-22/post/2026-11-22/early-morning/1"
    action = Action(
        key=key,
        kind=Kind.DELETE,
        state=State.SENT,
        created_at=START,
        updated_at=START,
        due_at=START,
        closes_at=START,
        post_id="1861234567890123456",
        reason="asked for by its owner, " * 6,
    )
    listing(terminal.paper(), [action])
    lines = capsys.readouterr().out.splitlines()

    assert lines[1].endswith(f" {key}")
    assert "1861234567890123456" == lines[2].strip()
    assert 80 >= max(map(len, lines))


@pytest.mark.usefixtures("here")
def test_limits_are_told_by_bucket(capsys: pytest.CaptureFixture[str]) -> None:
    """Each bucket with what is left of it."""
    assert 100 == asked(capsys, "limits")["POST /2/tweets:user15"]["limit"]


@pytest.mark.usefixtures("here")
def test_forecast_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """X by price class, AWS by what it charges for, the dearest setting first, and this month as it was."""
    found = asked(capsys, "forecast", "--at", "2026-11-29T12:00+00:00")

    names = [line["name"] for line in found["x"]["lines"]]
    assert {"posts (post_create)", "posts with links (post_create_url)"} <= set(names)
    assert found["aws"]["usd"]["expected"] <= 0.10
    assert ["max_per_day", "content: texts with links"] == [one["setting"] for one in found["settings"]][:2]
    assert ["2026-11"] == [one["month"] for one in found["actual"]]
    assert 0 < found["actual"][0]["by_kind"]["post"]["spent_usd"]
    total = found["x"]["usd"]["expected"] + found["aws"]["usd"]["expected"]
    assert abs(total - found["total_usd"]["expected"]) < 1e-5


def test_a_ceiling_that_holds_the_bill_is_told(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the ceilings cut the forecast, what it would be without them stands below."""
    (here / "tight.yaml").write_text(SETTINGS.replace("usd_per_month: 5", "usd_per_month: 0.10"))
    monkeypatch.setenv("SONGPOST_SETTINGS", "tight.yaml")
    assert 0 == main(["forecast"])
    page = capsys.readouterr().out

    assert "Without its ceilings it could be" in page
    assert "$0.095" in page


@pytest.mark.usefixtures("here")
def test_forecast_refuses_a_region_without_prices(capsys: pytest.CaptureFixture[str]) -> None:
    """A price that is not known is not guessed."""
    assert 0 < main(["forecast", "--region", "moon-1"])
    assert "us-east-1" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_evaluate_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Three estimates with intervals, the effective sample size, and why three posts cannot tell."""
    found = asked(capsys, "evaluate", "--policy", "uniform")

    assert ["IPS", "SNIPS", "DR"] == [one["method"] for one in found["estimates"]]
    assert 3 == found["log"]["choices"]
    assert "few choices" in {one["name"] for one in found["warnings"]}
    assert found["effective_sample_size"] <= 3


def test_evaluate_a_file_on_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy and a log in files; one choice has no interval, which JSON calls null; cut weights are told."""
    line = {"candidates": ["a|n|0", "b|n|0"], "probabilities": [0.9, 0.1], "chosen": "b|n|0", "reward": 0.02}
    (here / "log.jsonl").write_text(json.dumps(line) + "\n")
    (here / "mine.json").write_text('{"b|n|text": 1.0}')
    words = ("evaluate", "--policy", "mine.json", "--log", "log.jsonl")
    found = asked(capsys, *words, "--clip", "2")

    assert (0.04, None, 1) == (
        found["estimates"][0]["value"],
        found["estimates"][0]["low"],
        found["estimates"][0]["clipped"],
    )
    other = {**line, "candidates": ["c|n|0"], "probabilities": [1.0], "chosen": "c|n|0"}
    (here / "log.jsonl").write_text("\n".join(map(json.dumps, (line, line, other))))
    assert 0 == main([*words])
    page = capsys.readouterr().out
    assert "1 without a candidate of the policy" in " ".join(page.split())
    assert "Gain over what was done" in page


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["evaluate", "--policy", "gready"], 2, "uniform, greedy, thompson"),
        (["evaluate", "--policy", "uniform", "--clip", "0"], 2, "no weight"),
        (["budget", "--watch", "--json"], 2, "one of the two"),
        (["budget", "--watch", "0"], 2, "cannot be waited"),
        (["actions", "--watch", "nan"], 2, "cannot be waited"),
        (["actions", "--limit", "0"], 2, "1 or more"),
    ],
)
def test_wrong_words_are_told(capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str) -> None:
    """A named error in one line, and its exit code."""
    assert code == main(words)
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_watching_looks_again_and_leaves_with_ctrl_c(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every look opens the account anew; Ctrl-C while it waits ends it as done."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("songpost.cli.terminal.time.sleep", sleep)
    assert 0 == main(["limits", "--watch", "7"])

    assert [7.0, 7.0, 7.0] == waited
    assert 3 == capsys.readouterr().out.count("every 7 s")


def test_bars_and_spans_in_ascii() -> None:
    """A terminal that cannot write blocks gets signs that it can; parts outside 0 to 1 stay inside the bar."""
    import io

    from rich.console import Console

    page = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), force_terminal=True)
    plain = Console(file=io.StringIO())

    assert ("####....", "########", "#.......", "........") == tuple(
        terminal.bar(page, part).plain for part in (0.5, 3.0, 0.001, 0.0)
    )
    assert "  -o--      " == terminal.span(page, 0.2, 0.3, 0.45, 1.0).plain
    assert ("", "", "") == (
        terminal.bar(plain, 0.5).plain,
        terminal.span(plain, 0, 0, 1, 1).plain,
        terminal.span(page, 0, 0, 0, 0).plain,
    )
    assert [terminal.GOOD, terminal.WARN, terminal.BAD] == [
        str(terminal.bar(page, part).style) for part in (0.5, 0.8, 0.95)
    ]


def every(rows: tuple[Row, ...], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Row]]:
    """All rows of the table with the words that lead to them."""
    for row in rows:
        yield (*path, row.name), row
        yield from every(row.deeper, (*path, row.name))


@pytest.mark.parametrize(
    ("path", "row"), list(every(COMMANDS)), ids=lambda one: " ".join(one) if type(one) is tuple else ""
)
def test_every_command_has_a_room_and_an_example(
    capsys: pytest.CaptureFixture[str], path: tuple[str, ...], row: Row
) -> None:
    """Its function exists, its help fits 80 columns and shows an example that the parser takes."""
    import shlex
    from importlib import import_module

    with pytest.raises(SystemExit) as left:
        parser(COMMANDS).parse_args([*path, "--help"])
    assert 0 == left.value.code
    said, _, _ = capsys.readouterr().out.partition("example:")
    assert 80 >= max(map(len, said.splitlines()))
    if row.room:
        assert callable(getattr(import_module(f"songpost.cli.{row.room}"), row.command or row.name))
        words = shlex.split(row.example.splitlines()[0])
        assert "songpost" == words[0]
        assert row.room == parser(COMMANDS).parse_args(words[1:]).room
