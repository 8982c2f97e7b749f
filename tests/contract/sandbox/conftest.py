"""A sandbox on a loopback port, and the clients that speak to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from songpost.lab.sandbox import Rules, Sandbox
from songpost.lab.sandbox.server import SandboxServer

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox on the machine's clock, on the plan that permits everything."""
    return Sandbox(rules=Rules(plan="enterprise"))


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[SandboxServer]:
    """The same over HTTP."""
    with SandboxServer(sandbox) as running:
        yield running


@pytest.fixture(scope="session")
def specification() -> Path:
    """X's OpenAPI file; without it the test skips and says where it is looked for."""
    reference = Path(os.environ.get("SONGPOST_REFERENCE", ROOT.parent / "shared")) / "reference"
    path = reference / "x-api" / "openapi-2.166.json"
    if not path.exists():
        pytest.skip(f"NOT RUN against X's specification: {path} is absent; set SONGPOST_REFERENCE to its folder")
    return path
