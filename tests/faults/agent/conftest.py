"""X as a process, and a nursery of processes that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from songpost.model import Action, State
from songpost.store.opening import open_store
from tests.e2e.conftest import XSandbox, sandbox, store
from tests.faults.agent.nursery import Job

__all__ = ["sandbox", "store"]

ROOT = Path(__file__).parents[3]
DAY = "2026-11-25"
WINDOWS = {"noon": ("10:00", "13:00")}


def at(clock: str, day: str = DAY) -> str:
    """A time of the day, in UTC."""
    return f"{day}T{clock}:00+00:00"


@dataclass
class Street:
    """X, a store, and the processes between them. Whatever is started is over when the test is."""

    x: XSandbox
    job: Job
    nursery: subprocess.Popen[str]
    running: list[int] = field(default_factory=list)

    def _ask(self, document: object) -> Any:  # JSON of the nursery's
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        print(json.dumps(document), file=self.nursery.stdin, flush=True)
        return json.loads(self.nursery.stdout.readline())

    def start(self, **changes: object) -> int:
        """Start a process with a changed job, and put X's clock at its time unless that says otherwise."""
        job = replace(self.job, **changes)  # type: ignore[arg-type]
        pid = int(self._ask({"start": asdict(job)}))
        self.running.append(pid)
        return pid

    def wait(self, pid: int) -> dict[str, Any]:
        """How a process ended and what it said; JSON is `Any`."""
        self.running.remove(pid)
        ended: dict[str, Any] = self._ask({"wait": pid})
        assert 3 != ended["code"], ended
        return ended

    def at(self, time: str) -> str:
        """Put X's clock at a time."""
        self.x.ask("clock", {"at": time})
        return time

    def tick(self, clock: str, **changes: object) -> dict[str, Any]:
        """One tick at a time of both clocks, to its end."""
        return self.wait(self.start(at=self.at(at(clock)), **changes))

    def actions(self) -> list[Action]:
        """The ledger."""
        opened = open_store(self.job.store, read_only=True)
        found = [stored.action for stored in opened.actions("default")]
        opened.close()
        return found

    def texts(self) -> list[str]:
        """What X shows of the account."""
        return [post["text"] for post in self.x.posts]

    def another(self) -> str:
        """The URL of a new store of the same kind, for one more account."""
        if self.job.store.startswith("sqlite:"):
            return f"{self.job.store}.{uuid.uuid4().hex}"
        from songpost.store.dynamodb import create_table

        table = f"faults-{uuid.uuid4().hex}"
        create_table(table)
        return f"dynamodb://{table}"

    def bill_micros(self) -> int:
        """X's own bill."""
        return int(self.x.ask("bill")["spent_micros"])

    def sent(self) -> dict[str, str]:
        """The posts that the ledger claims: id to text."""
        return {action.post_id: action.text for action in self.actions() if action.state is State.SENT}

    def shown(self) -> dict[str, str]:
        """The posts that X has: id to text."""
        return {post["id"]: post["text"] for post in self.x.posts}


@pytest.fixture
def street(tmp_path: Path, sandbox: XSandbox, store: str) -> Iterator[Street]:
    """A street in which nobody lives yet."""
    told = sandbox.told
    environ = {
        **os.environ,
        "X_API_KEY": told["api_key"],
        "X_API_SECRET": told["api_secret"],
        "X_ACCESS_TOKEN": told["access_token"],
        "X_ACCESS_SECRET": told["access_secret"],
    }
    url = f"sqlite:///{tmp_path}/songpost.db" if store.startswith("sqlite:") else store
    job = Job(store=url, x=sandbox.url, at=at("12:59"), windows=WINDOWS, texts=("Mulch after rain.",))
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.agent.nursery"],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with nursery:
        street = Street(sandbox, job, nursery)
        yield street
        for pid in street.running:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
