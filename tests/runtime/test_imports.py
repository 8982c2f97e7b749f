"""What the built functions load, on Lambda's Python: start-up time is a promise, and each import is a part of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = ["writer", "reader"]
MODULES_AT_IMPORT = 260
"""233 were counted on 2026-11-22, the interpreter's own among them; tweepy alone brings more than 100."""
AT_IMPORT = {"app", "certifi", "songpost", "typing_extensions"}
"""Third-party packages that a handler's import may load: light ones, and TLS's certificates."""
NEVER = {
    "altair", "dotenv", "hypothesis", "jinja2", "moto", "nbformat", "numpy", "pydantic", "pytest", "rich", "yaml",
    "aws_xray_sdk", "opentelemetry.sdk", "unittest.mock",
    "songpost.cli", "songpost.content_file", "songpost.lab", "songpost.seed_file", "songpost.settings_file",
}  # fmt: skip
"""What no function loads, whatever it does."""
NOT_IN_A_DRY_TICK = NEVER | {"boto3", "feedparser", "oauthlib", "requests", "tweepy"}
"""A dry tick calls X not at all; its store brings botocore."""
THE_READERS_ROOMS = {
    "songpost.agent.agenda", "songpost.agent.finds", "songpost.agent.looks", "songpost.agent.measuring",
    "songpost.agent.reading", "songpost.agent.sourcing", "songpost.core.measurement", "songpost.core.reading_plan",
    "songpost.sources",
}  # fmt: skip
"""What the writer's cold start does without."""
LOADED = """
import json, sys
{work}
print(json.dumps(sorted(sys.modules)))
"""
TICK = "import app; app.handler({}, None)"


def _loaded(python: Path, layer: Path, function: str, work: str, **environ: str) -> set[str]:
    """The modules in a new interpreter after some work."""
    path = f"{ROOT / 'functions' / function}:{layer / 'python'}"
    told = subprocess.run(
        [python, "-c", LOADED.format(work=work)],
        cwd=ROOT / "functions" / function,  # as in Lambda, with no file of a checkout at hand
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(told.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_importing_a_handler_loads_little(python313: Path, layer: Path, function: str) -> None:
    """A handler's import stays under its ceiling, and brings no AWS, no HTTP client and no X client."""
    nothing = _loaded(python313, layer, function, "")
    loaded = _loaded(python313, layer, function, "import app")
    assert len(loaded) <= MODULES_AT_IMPORT
    tops = {name.partition(".")[0] for name in loaded - nothing}
    in_layer = {path.name.partition(".")[0] for path in (layer / "python").iterdir()} | {"app"}
    assert tops & in_layer <= AT_IMPORT
    assert loaded.isdisjoint(NEVER)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_dry_tick_loads_no_client_of_x(python313: Path, layer: Path, function: str, tmp_path: Path) -> None:
    """A whole dry tick loads neither X's client nor what only laptops need."""
    store = f"sqlite:///{tmp_path}/songpost.db"
    loaded = _loaded(python313, layer, function, TICK, SONGPOST_STORE=store, AWS_LAMBDA_FUNCTION_NAME=function)
    assert "songpost.invoking" in loaded
    assert loaded.isdisjoint(NOT_IN_A_DRY_TICK), loaded & NOT_IN_A_DRY_TICK


def test_the_writer_loads_no_room_of_the_reader(python313: Path, layer: Path, tmp_path: Path) -> None:
    """A dry tick of the writer leaves the reader's rooms on the disk, and each of them is there to be left."""
    store = f"sqlite:///{tmp_path}/songpost.db"
    loaded = _loaded(python313, layer, "writer", TICK, SONGPOST_STORE=store, AWS_LAMBDA_FUNCTION_NAME="writer")
    assert loaded.isdisjoint(THE_READERS_ROOMS), loaded & THE_READERS_ROOMS
    for room in THE_READERS_ROOMS:
        path = layer / "python" / room.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), room


def test_zones_come_from_the_layer(python313: Path, layer: Path) -> None:
    """With `PYTHONTZPATH` empty, as the template sets it, zones are read from the layer's tzdata and nowhere else."""
    work = "import zoneinfo; assert zoneinfo.TZPATH == (), zoneinfo.TZPATH; zoneinfo.ZoneInfo('Europe/Berlin')"
    assert "tzdata.zoneinfo" in _loaded(python313, layer, "writer", work, PYTHONTZPATH="")
