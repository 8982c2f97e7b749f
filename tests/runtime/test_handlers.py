"""The built functions under AWS's own runtime client, on Lambda's Python, with nothing around them but the layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from songpost.account_documents import Control
from songpost.agent import documents
from songpost.store.opening import open_store
from tests.runtime.conftest import store_with_a_post_due

if TYPE_CHECKING:
    from tests.runtime.lambda_service import Lambda

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
SUMMARY = {"account", "mode", "dry_run", "actions", "budget"}

WRITES = ("writer-post", "writer-interact", "writer-both", "writer-eventbridge")
READS = ("reader-timeline", "reader-mentions", "reader-search", "reader-all")
TURNS = ("writer-pause", "writer-resume", "writer-pause-all")


def _event(name: str) -> dict[str, object]:
    event: dict[str, object] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What the template sets, but with a store on this machine, in which there is nothing yet."""
    return {"SONGPOST_STORE": f"sqlite:///{tmp_path}/songpost.db", "DRY_RUN": "true", "SONGPOST_ACCOUNT": "default"}


def test_every_event_is_played() -> None:
    """No test event ships that is not one of those played here."""
    assert {*WRITES, *READS, *TURNS} == {path.stem for path in EVENTS.glob("*-*.json")} - {"local-env"}


@pytest.mark.parametrize("event", WRITES)
def test_the_writer_answers(writer: Lambda, environ: dict[str, str], tmp_path: Path, event: str) -> None:
    """The built writer answers with the summary of a dry tick, from the example where nothing was pushed."""
    answer = writer.invoke(_event(event), environ)
    assert "response" == answer.kind, answer
    assert SUMMARY <= answer.body.keys()
    expected = ("default", _event(event).get("mode", "both"), True)
    if "detail-type" in _event(event):
        expected = ("default", "both", True)
    assert expected == (answer.body["account"], answer.body["mode"], answer.body["dry_run"])
    assert [] == list(tmp_path.iterdir())


def test_the_writer_shows_todays_posts(writer: Lambda, environ: dict[str, str]) -> None:
    """The answer to events/writer-post.json tells each planned post in full, with its price and its gates."""
    answer = writer.invoke(_event("writer-post"), environ)
    actions = answer.body["actions"]
    assert isinstance(actions, list)
    assert actions
    for action in actions:
        assert "post" == action["kind"]
        assert action["text"]
        assert 0 < action["price_usd"] < 1


def test_the_writer_takes_its_settings_from_the_store(writer: Lambda, environ: dict[str, str], tmp_path: Path) -> None:
    """What `songpost settings push` stored is what the built writer plans by, no longer the example."""
    (tmp_path / "texts.yaml").write_text("owls: [An owl hears a mouse under the snow., Owls do not build nests.]\n")
    settings = tmp_path / "owls.yaml"
    settings.write_text("topics: [owls]\ncontent: [texts.yaml]\nplan: basic\ntimezone: UTC\n")
    command = [sys.executable, "-m", "songpost.cli.main", "settings", "push", str(settings)]
    pushed = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert 0 == pushed.returncode, pushed.stderr
    answer = writer.invoke(_event("writer-post"), environ)
    assert "response" == answer.kind, answer
    actions = answer.body["actions"]
    assert isinstance(actions, list)
    assert {"owls"} == {action["arm"].split("|")[0] for action in actions}


@pytest.mark.parametrize("event", READS)
def test_the_reader_answers(reader: Lambda, environ: dict[str, str], event: str) -> None:
    """The built reader answers each of its modes."""
    answer = reader.invoke(_event(event), environ)
    assert "response" == answer.kind, answer
    assert SUMMARY <= answer.body.keys()
    assert _event(event)["mode"] == answer.body["mode"]


def test_a_live_writer_turns_the_kill_switch(writer: Lambda, environ: dict[str, str], tmp_path: Path) -> None:
    """Pause, resume and the pause of every account are answered and stored."""
    live = environ | {"SONGPOST_STORE": store_with_a_post_due(tmp_path), "DRY_RUN": "false"}
    for event, paused, accounts in (
        ("writer-pause", True, None),
        ("writer-resume", False, None),
        ("writer-pause-all", True, ["default"]),
    ):
        answer = writer.invoke(_event(event), live)
        assert ("response", paused) == (answer.kind, answer.body["paused"]), answer
        assert accounts == answer.body.get("accounts")
        with closing(open_store(live["SONGPOST_STORE"], read_only=True)) as store:
            control = store.load("default").documents["control"].body
        assert paused is documents.decode("control", control, Control).paused


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ({"mode": "post", "dry-run": True}, "dry-run"),
        ({"mode": "posts"}, "mode"),
        ({"account": 7}, "account"),
        (["post"], "event"),
        ("post", "event"),
    ],
)
def test_a_bad_event_fails_by_name(writer: Lambda, environ: dict[str, str], event: object, name: str) -> None:
    """The invocation fails with the key that is wrong, so the failure queue tells what to mend."""
    answer = writer.invoke(event, environ)
    assert "error" == answer.kind, answer
    assert "EventError" == answer.body["errorType"]
    assert str(answer.body["errorMessage"]).startswith(f"{name}: ")


def test_a_missing_store_fails_by_name(writer: Lambda, environ: dict[str, str]) -> None:
    """A function without SONGPOST_STORE says which variable it wants."""
    del environ["SONGPOST_STORE"]
    answer = writer.invoke(_event("writer-post"), environ)
    assert ("error", "VariableError") == (answer.kind, answer.body["errorType"])
    assert str(answer.body["errorMessage"]).startswith("SONGPOST_STORE: ")


def test_a_live_function_without_settings_refuses(writer: Lambda, environ: dict[str, str]) -> None:
    """The example is for dry runs alone: a live writer with an empty store acts on nobody's behalf."""
    answer = writer.invoke({"mode": "post"}, environ | {"DRY_RUN": "false"})
    assert ("error", "Refusal") == (answer.kind, answer.body["errorType"])
    assert "settings push" in str(answer.body["errorMessage"])
