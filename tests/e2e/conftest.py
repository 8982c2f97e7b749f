"""A house to live in for one test: a sandbox of X over HTTP, a folder with settings and texts, and the `songpost`
command, by its own door or as a process. The sandbox is the judge: its posts and its bill.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from songpost.lab.sandbox import control
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.sandbox.server import SandboxServer
from tests.e2e.door import kept, songpost

SETTINGS = """
operator: "@example_owner"
automated_label_attested_on: 2026-01-01
topics: [gardening, bread]
timezone: Europe/Berlin
schedule: {windows: {noon: ["11:00", "13:00"]}}
max_per_window: {post: 1}
minimum_gap_minutes: 30
content: [texts.yaml]
budget: {usd_per_month: 5, usd_per_day: 1}
logging: {level: DEBUG}
"""
TEXTS = """
gardening:
  - Mulch after rain, not before it.
  - Leeks do not mind frost, they wait in the ground.
bread:
  - Rye wants more water than you think & less kneading.
  - A loaf is done at 96 degrees inside.
"""
NOON = "2026-11-25T12:59:00+01:00"
"""A time at which the only slot of the day is due, whichever minute was drawn."""


@dataclass
class XSandbox:
    """The sandbox over HTTP, asked and steered by its control room. JSON is `Any`: it is the sandbox's own."""

    url: str
    told: Mapping[str, str]

    def ask(self, path: str, body: object = None) -> Any:
        """Ask the control room, or with a body tell it something."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/_sandbox/{path}", data=data), timeout=10) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())

    @property
    def posts(self) -> list[Any]:
        """The account's posts on X."""
        return [post for post in self.ask("posts") if post["author_id"] == self.told["user_id"]]

    def creates(self) -> list[Any]:
        """The creates that reached X, whatever became of them."""
        return [r for r in self.ask("requests") if r["method"] == "POST" and r["path"] == "/2/tweets"]


@dataclass
class House:
    """A folder, a store and the sandbox; `run` is the command, `start` the command in a process of its own."""

    folder: Path
    sandbox: XSandbox
    store: str
    environ: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    may_hold_secrets: frozenset[str] = frozenset()
    in_processes: bool = False
    """Where a process is the point: `run` starts one for each command."""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def variables(self) -> dict[str, str]:
        """The command's environment: nothing of this machine's but the paths and AWS's."""
        told = self.sandbox.told
        return {
            **kept("AWS_"),
            "SONGPOST_STORE": self.store,
            "X_API_BASE_URL": self.sandbox.url,
            "X_API_KEY": told["api_key"],
            "X_API_SECRET": told["api_secret"],
            "X_ACCESS_TOKEN": told["access_token"],
            "X_ACCESS_SECRET": told["access_secret"],
            **self.environ,
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the command as a process; the house ends it if the test did not."""
        process = subprocess.Popen(
            [sys.executable, "-m", "songpost.cli.main", *words],
            cwd=self.folder,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, *words: str, code: int = 0) -> str:
        """Run the command; its output, or what it said on standard error where it is to fail."""
        if self.in_processes:
            process = self.start(*words)
            out, err = process.communicate(timeout=60)
            ended = process.returncode
        else:
            said = songpost(self.folder, self.variables(), *words)
            ended, out, err = said.returncode, said.stdout, said.stderr
        self.said += [out, err]
        assert ended == code, f"{words} ended with {ended}\n{out}\n{err}"
        assert "Traceback" not in err
        return out if code == 0 else err

    def at(self, time: str) -> datetime:
        """Put the sandbox's clock at a time, and give it."""
        self.sandbox.ask("clock", {"at": time})
        return datetime.fromisoformat(time)

    def tick(self, time: str = NOON, **expected: int) -> Any:
        """One live tick of the writer at a time of both clocks."""
        self.at(time)
        said = self.run("run", "--mode", "post", "--dry-run", "false", "--at", time, "--json", **expected)
        return json.loads(said) if not expected else said

    def actions(self) -> dict[str, Any]:
        """The ledger, by key."""
        return {action["key"]: action for action in json.loads(self.run("actions", "--json"))}


@pytest.fixture
def sandbox() -> Iterator[XSandbox]:
    """X over HTTP, served by a thread of this process."""
    x = Sandbox()
    with SandboxServer(x) as server:
        yield XSandbox(server.url, {name: str(value) for name, value in control.credentials_json(x).items()})


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.dynamodb_local)])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new store's URL: a file, or a table of DynamoDB Local."""
    if request.param == "sqlite":
        return "sqlite:///data/songpost.db"
    if not os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
        pytest.skip("NOT RUN on DynamoDB Local: start it and set AWS_ENDPOINT_URL_DYNAMODB to its address")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    from songpost.store.dynamodb import create_table

    table = f"e2e-{uuid.uuid4().hex[:12]}"
    create_table(table)
    return f"dynamodb://{table}"


@pytest.fixture
def house(tmp_path: Path, sandbox: XSandbox, store: str) -> Iterator[House]:
    """A folder with settings and texts, a store, and X. Afterwards nothing may hold a secret that was used."""
    (tmp_path / "songpost.yaml").write_text(SETTINGS)
    (tmp_path / "texts.yaml").write_text(TEXTS)
    house = House(tmp_path, sandbox, store)
    yield house
    for process in house.processes:
        if process.poll() is None:  # its test failed: it shall not fail the next one too
            process.kill()
            process.communicate()
    assert [] == leaks(house)


SECRETS = (
    "api_key",
    "api_secret",
    "access_token",
    "access_secret",
    "client_secret",
    "oauth2_access_token",
    "oauth2_refresh_token",
    "bearer_token",
)


def leaks(house: House) -> list[str]:
    """Where a secret stands in what the command said or in a file of the house: whole, escaped or URL-encoded."""
    places = {f"output {number}": text.encode() for number, text in enumerate(house.said)}
    places |= {
        path.name: path.read_bytes()
        for path in house.folder.rglob("*")
        if path.is_file() and path.name not in house.may_hold_secrets
    }
    told = {name: str(house.sandbox.told.get(name, "")) for name in SECRETS}
    for path in house.folder.rglob("token.json"):
        kept = json.loads(path.read_text())
        told |= {f"{name} of {path.name}": kept[name] for name in ("access_token", "refresh_token")}
    forms = {
        name: {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}
        for name, secret in told.items()
        if secret
    }
    return [
        f"{name} in {place}"
        for place, content in places.items()
        for name, written in forms.items()
        if any(form.encode() in content for form in written)
    ]
