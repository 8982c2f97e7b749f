"""Whatever is wrong, the command says it in one line with a name and a way out, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import NOON, SETTINGS, TEXTS, House
from tests.e2e.door import Said, kept, songpost


def answer(folder: Path, *words: str, **environ: str) -> Said:
    """What the command says in a folder, with nothing of this machine's environment but its paths."""
    return songpost(folder, {**kept(), **environ}, *words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with good settings and texts."""
    (tmp_path / "songpost.yaml").write_text(SETTINGS)
    (tmp_path / "texts.yaml").write_text(TEXTS)
    return tmp_path


def refused(done: Said, code: int, *said: str) -> None:
    """The command ended with `code`, said all of it on standard error, and showed no traceback."""
    assert code == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr


RUN = ("run", "--mode", "post")


def test_settings_that_are_no_yaml(folder: Path) -> None:
    """The file and the line are named."""
    (folder / "songpost.yaml").write_text("topics: [a\nplan: basic\n")
    refused(answer(folder, *RUN), 2, "songpost.yaml:2", "YAML")


def test_every_problem_of_the_settings_at_once(folder: Path) -> None:
    """Three faults, three lines, each with its path."""
    (folder / "songpost.yaml").write_text("topics: []\nplan: gold\nbudget: {usd_per_moon: 1}\n")
    refused(answer(folder, "validate", "songpost.yaml"), 2, "topics", "plan", "budget.usd_per_moon")


def test_a_content_file_that_is_missing(folder: Path) -> None:
    """The file that the settings name is named."""
    (folder / "texts.yaml").unlink()
    refused(answer(folder, *RUN), 2, "texts.yaml", "cannot be read")


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "--mode", "dance"),
        ("run", "--mode", "post", "--dry-run", "maybe"),
        ("run", "--mode", "post", "--at", "yesterday"),
        ("run", "--mode", "post", "--at", "2026-11-22T09:30"),
        ("actions", "--state", "lost"),
        ("actions", "--limit", "0"),
        ("plan", "--date", "2026-13-01"),
        ("budget", "--account", "../x"),
        ("dance",),
    ],
)
def test_words_of_no_use(folder: Path, words: tuple[str, ...]) -> None:
    """Bad usage ends with 2 and writes nothing."""
    refused(answer(folder, *words), 2)
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SONGPOST_STORE", "postgres://here"),
        ("SONGPOST_ACCOUNT", "a b"),
        ("X_API_BASE_URL", "http://example.com"),
        ("X_AUTH_MODE", "basic"),
        ("ENABLE_TELEMETRY", "maybe"),
    ],
)
def test_a_variable_of_no_use_is_named(folder: Path, variable: str, value: str) -> None:
    """The variable stands in the error."""
    refused(answer(folder, *RUN, **{variable: value}), 2, variable)


def test_live_needs_credentials(folder: Path) -> None:
    """A live run without keys names the variable that is missing."""
    refused(answer(folder, *RUN, "--dry-run", "false"), 2, "X_API_KEY", ".env")


def test_live_needs_settings(tmp_path: Path) -> None:
    """Without settings a live run refuses: the example is for dry runs."""
    refused(answer(tmp_path, *RUN, "--dry-run", "false"), 1, "SONGPOST_SETTINGS")


def test_dry_run_variable_is_not_overruled(folder: Path) -> None:
    """`DRY_RUN=true` in the environment stops `--dry-run false`."""
    refused(answer(folder, *RUN, "--dry-run", "false", DRY_RUN="true"), 2, "DRY_RUN")


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\x00" + b"\x00" * 50])
def test_a_database_that_is_none(folder: Path, content: bytes) -> None:
    """A file that is no store is refused and left as it is."""
    database = folder / "data" / "songpost.db"
    database.parent.mkdir()
    database.write_bytes(content)
    refused(answer(folder, *RUN), 1, "songpost.db")
    assert content == database.read_bytes()


def test_another_time_only_for_dry_runs(folder: Path) -> None:
    """`--at` in a live run against X itself is refused."""
    refused(answer(folder, *RUN, "--dry-run", "false", "--at", NOON), 2, "--at")


def test_a_dry_run_writes_nothing_at_all(folder: Path) -> None:
    """No database is made, and the files stay as they are."""
    before = sorted(path.name for path in folder.rglob("*"))
    done = answer(folder, "run", "--mode", "both", "--dry-run", "--json")

    assert 0 == done.returncode, done.stderr
    assert json.loads(done.stdout)["dry_run"]
    assert before == sorted(path.name for path in folder.rglob("*"))


def test_a_clock_in_the_past_is_refused(house: House) -> None:
    """After a tick at noon, a tick whose clock is an hour behind sends nothing and says why."""
    house.tick()
    settings = house.folder / "songpost.yaml"
    settings.write_text(settings.read_text().replace("{post: 1}", "{post: 2}"))
    told = house.tick("2026-11-25T11:59:00+01:00")

    assert {"control"} >= {action["gate"] for action in told["actions"]}
    assert 1 == len(house.sandbox.creates())


@pytest.mark.parametrize("kind", ["html", "empty", "truncated", "list", "no data"])
def test_an_unreadable_answer_is_an_open_outcome(house: House, kind: str) -> None:
    """X took the post and answered nonsense: unknown, then found."""
    house.sandbox.ask("faults", {"kind": kind, "endpoint": "POST /2/tweets"})
    first = house.tick()
    house.tick("2026-11-25T12:59:30+01:00")

    assert ["unknown"] == [action["state"] for action in first["actions"]]
    assert ["sent"] == [action["state"] for action in house.actions().values()]
    assert 1 == len(house.sandbox.creates())
