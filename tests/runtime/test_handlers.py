"""The built functions under AWS's own runtime client, on Lambda's Python, with nothing around them but the layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.runtime.lambda_service import Lambda

EVENTS = Path(__file__).parents[2] / "events"


def _event(name: str) -> object:
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_the_writer_answers_its_event(writer: Lambda, tmp_path: Path) -> None:
    """The built writer answers events/writer-post.json with the summary of a dry tick."""
    environ = {"SONGPOST_STORE": f"sqlite:///{tmp_path}/songpost.db", "DRY_RUN": "true"}
    answer = writer.invoke(_event("writer-post"), environ)
    assert answer.kind == "response", answer
    assert {"account", "mode", "dry_run", "actions", "budget"} <= answer.body.keys()
