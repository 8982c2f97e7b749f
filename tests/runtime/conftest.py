"""The artefacts as `sam build` makes them, and a CPython 3.13 to run them: without one these tests skip."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.runtime.lambda_service import Lambda

ROOT = Path(__file__).parents[2]
LAYER_SOURCE = ROOT / "layers" / "songpost"
BUILT = ROOT / "build" / "runtime"


def _run(*command: object, **environ: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command], env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def python313() -> Path:
    """A CPython 3.13, found as the layer's build finds it."""
    found = subprocess.run([LAYER_SOURCE / "find-python313"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("NOT RUN on Lambda's Python: no CPython 3.13 here; name one in PYTHON313")
    return Path(found.stdout.strip())


@pytest.fixture(scope="session")
def layer(python313: Path) -> Path:
    """The layer, built by its own Makefile; its third-party part is kept between runs, under build/."""
    out = BUILT / "layer"
    _run("make", "-s", "-C", LAYER_SOURCE, "build-SharedLayer", ARTIFACTS_DIR=str(out), PYTHON313=str(python313))
    return out


@pytest.fixture(scope="session")
def runtime_client(python313: Path) -> Path:
    """AWS's runtime client at the locked version, where Lambda has its /var/runtime."""
    lock = ROOT / "requirements" / "runtime.txt"
    out = BUILT / f"client-{zlib.crc32(lock.read_bytes())}"
    if not out.exists():
        uv = ROOT / ".venv" / "bin" / "uv"
        _run(
            uv,
            "pip",
            "install",
            "--python",
            python313,
            "--target",
            out,
            "--require-hashes",
            "-r",
            lock,
            UV_SYSTEM_CERTS="1",
        )
    return out


def _function(name: str, python313: Path, layer: Path, client: Path) -> Lambda:
    task = BUILT / name
    task.mkdir(parents=True, exist_ok=True)
    _run("make", "-s", "-C", ROOT / "functions" / name, f"build-{name.title()}Function", ARTIFACTS_DIR=str(task))
    return Lambda(python=python313, task=task, layer=layer, client=client)


@pytest.fixture(scope="session")
def writer(python313: Path, layer: Path, runtime_client: Path) -> Lambda:
    """The built writer."""
    return _function("writer", python313, layer, runtime_client)


@pytest.fixture(scope="session")
def reader(python313: Path, layer: Path, runtime_client: Path) -> Lambda:
    """The built reader."""
    return _function("reader", python313, layer, runtime_client)
