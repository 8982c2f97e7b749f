"""Writes shared/songpost/example.json: songpost.example.yaml and its texts in the canonical form.

A function has neither YAML nor pydantic. With nothing pushed to its store it answers a dry run from this file, so
that a stack shows what Songpost does before anyone has configured it.

    .venv/bin/python scripts/example_json.py
"""

from __future__ import annotations

import json
from pathlib import Path

from songpost import content_file, settings_file
from songpost.agent import documents

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "songpost.example.yaml"
TARGET = ROOT / "shared" / "songpost" / "example.json"


def canonical(source: Path) -> str:
    """The settings and texts of a settings file as one JSON text."""
    settings = settings_file.load(source).settings
    library = content_file.load(settings, source.parent)
    texts = [documents.encode(text) for topic in sorted(library) for text in library[topic]]
    body = {"settings": documents.encode(settings), "texts": texts}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(canonical(SOURCE), encoding="utf-8")
