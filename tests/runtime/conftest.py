"""The artefacts as `sam build` makes them, and a CPython 3.13 to run them: without one these tests skip."""

from __future__ import annotations

import fcntl
import os
import subprocess
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from songpost.agent import library, plan_changes
from songpost.bootstrap import open_session
from songpost.core import content
from songpost.model import Text
from songpost.runtime import Runtime
from songpost.settings import Schedule, Settings
from tests.runtime.lambda_service import Lambda

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
LAYER_SOURCE = ROOT / "layers" / "songpost"


TEXT = Text(id="wren", topic="birds", variants=("A wren sings a hundred notes in six seconds.",))


def store_with_a_post_due(folder: Path) -> str:
    """The URL of a store with a live account's settings, and a post pinned to half a minute ago.

    The only window is half a day away, so nothing else is due.
    """
    url = f"sqlite:///{folder}/songpost.db"
    now = datetime.now(UTC)
    window = (f"{now + timedelta(hours=12):%H}:00", f"{now + timedelta(hours=12):%H}:59")
    settings = Settings(
        topics=("birds",),
        operator="@example_owner",
        automated_label_attested_on=date(2026, 1, 1),
        schedule=Schedule(windows={"far": window}),
    )
    pinning = now - timedelta(minutes=1)
    with closing(open_session(Runtime(store=url), {}, clock=lambda: pinning, write=True)) as session:
        library.push(session.desk, settings, content.library_of((TEXT,)))
        at = now - timedelta(seconds=30)
        plan_changes.pin(session.desk, session.open(), session.given.texts, at, TEXT, by="its owner")
    return url


def _run(*command: object, **environ: str) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="session")
def python313() -> Path:
    """A CPython 3.13, found as the layer's build finds it; where bytecode is required, as in CI, none is a failure."""
    found = subprocess.run([LAYER_SOURCE / "find-python313"], capture_output=True, text=True, check=False)
    if found.returncode:
        if os.environ.get("SONGPOST_REQUIRE_BYTECODE"):
            pytest.fail("CI needs a CPython 3.13 to build and run what is deployed; name one in PYTHON313")
        pytest.skip("NOT RUN on Lambda's Python: no CPython 3.13 here; name one in PYTHON313")
    return Path(found.stdout.strip())


@pytest.fixture(scope="session")
def layer(python313: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer, built by its own Makefile; the third-party part is kept under build/, where one process builds it."""
    out = tmp_path_factory.mktemp("opt")
    kept = ROOT / "build"
    kept.mkdir(exist_ok=True)
    with (kept / "layer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _run("make", "-s", "-C", LAYER_SOURCE, "build-SharedLayer", ARTIFACTS_DIR=str(out), PYTHON313=str(python313))
    return out


@pytest.fixture(scope="session")
def runtime_client(python313: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AWS's runtime client at the locked version, as Lambda has it in /var/runtime."""
    out = tmp_path_factory.mktemp("runtime")
    locked = ["--require-hashes", "-r", ROOT / "requirements" / "runtime.txt"]
    uv = ROOT / ".venv" / "bin" / "uv"
    _run(uv, "pip", "install", "--python", python313, "--target", out, *locked, UV_SYSTEM_CERTS="1")
    return out


@pytest.fixture(scope="session")
def function(
    python313: Path, layer: Path, runtime_client: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Lambda]:
    """Build a function by its name, `writer` or `reader`, with its own Makefile."""

    def _build(name: str) -> Lambda:
        task = tmp_path_factory.mktemp(name)
        target = f"build-{name.title()}Function"
        _run("make", "-s", "-C", ROOT / "functions" / name, target, ARTIFACTS_DIR=str(task))
        return Lambda(python=python313, task=task, layer=layer, client=runtime_client)

    return _build


@pytest.fixture(scope="session")
def writer(function: Callable[[str], Lambda]) -> Lambda:
    """The built writer."""
    return function("writer")


@pytest.fixture(scope="session")
def reader(function: Callable[[str], Lambda]) -> Lambda:
    """The built reader."""
    return function("reader")
