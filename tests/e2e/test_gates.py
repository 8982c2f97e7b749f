"""The gates of the repository: the dry run that nothing may come of, the workflows, and the links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
REQUIRED = {"Unit Tests (pytest)", "Dry-Run Gate (Safety Validation)"}
PLANTED = """
import runpy, sys
from songpost.cli import run as room
shipped = room.run
def planted(words, environ):
    if words.dry_run != "false":
        {deed}
    return shipped(words, environ)
room.run = planted
sys.argv = ["gate", {report!r}]
runpy.run_path({script!r}, run_name="__main__")
"""


def gate(report: Path, deed: str = "pass") -> subprocess.CompletedProcess[str]:
    """Run the gate, with a deed planted into the dry run."""
    script = str(REPOSITORY / "scripts" / "dry_run_gate.py")
    source = PLANTED.format(deed=deed, report=str(report), script=script)
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)


def test_the_dry_run_gate_passes_and_leaves_what_it_looked_at(tmp_path: Path) -> None:
    """The dry run writes nothing and calls nobody; plan, budget, limits and the ledger's tail are kept."""
    done = gate(tmp_path)
    assert 0 == done.returncode, done.stderr
    assert {"plan.txt", "budget.json", "limits.json", "ledger.txt"} == {path.name for path in tmp_path.iterdir()}
    assert "sent" in (tmp_path / "ledger.txt").read_text()
    assert json.loads((tmp_path / "budget.json").read_text())


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("open('notes', 'w').close()", "notes"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "socket.connect"),
        ("import sqlite3; sqlite3.connect('data/songpost.db').close()", "sqlite3.connect"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
    ],
    ids=["writes", "calls", "opens the store", "starts a process"],
)
def test_the_gate_fails_where_a_dry_run_does_something(tmp_path: Path, deed: str, told: str) -> None:
    """A file, a call, a store that may be written, or a process: each fails the gate, by its name."""
    done = gate(tmp_path, deed)
    assert 1 == done.returncode
    assert told in done.stderr


def loaded(path: Path) -> Any:  # a workflow is GitHub's own YAML
    """A workflow; YAML 1.1 reads its `on` as true."""
    return yaml.safe_load(path.read_text())


def test_the_required_checks_exist_by_their_names() -> None:
    """What the ruleset requires is what the workflows call their jobs."""
    jobs = {job["name"] for path in WORKFLOWS for job in loaded(path)["jobs"].values()}
    ruleset = json.loads((REPOSITORY / "infra" / "github" / "ruleset.json").read_text())
    checks = next(rule for rule in ruleset["rules"] if rule["type"] == "required_status_checks")
    contexts = {check["context"] for check in checks["parameters"]["required_status_checks"]}
    assert REQUIRED == contexts
    assert contexts <= jobs


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_start_with_no_permissions_and_pin_what_they_use(path: Path) -> None:
    """At the top of each stands `permissions: {}`; each action is a commit, each job has a time-out."""
    workflow = loaded(path)
    assert {} == workflow["permissions"]
    uses = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert [] == [name for name in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)]
    assert [] == [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job]


def test_labels_are_those_that_releases_are_drafted_by() -> None:
    """Every label that the release notes sort by exists."""
    labels = {label["name"] for label in json.loads((REPOSITORY / ".github" / "labels.json").read_text())}
    drafter = loaded(REPOSITORY / ".github" / "release-drafter.yml")
    assert {"improvement", "telemetry", "security", "rate-limit", "learning"} == labels
    assert labels == {label for category in drafter["categories"] for label in category["labels"]}


def test_a_broken_link_is_named(tmp_path: Path) -> None:
    """A document that points to a file or a heading that is not there fails the check."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "links.py"
    script.write_text((REPOSITORY / "scripts" / "links.py").read_text())
    (tmp_path / "there.md").write_text("# Here it is\n")
    (tmp_path / "a.md").write_text(
        "[good](there.md#here-it-is) [gone](gone.md) [no such](there.md#elsewhere) `[code](x.md)`\n"
    )
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607 - whichever git is here
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert ["a.md: gone.md names no file", "a.md: there.md#elsewhere names no heading"] == done.stderr.splitlines()
