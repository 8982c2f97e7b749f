"""`songpost validate` and `songpost settings`: a person's files, checked, stored, and shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from songpost import content_file, settings_file
from songpost.agent import documents, library
from songpost.cli.opening import print_json, session_of
from songpost.core.content import Library
from songpost.errors import ContentError, Problem, SettingsError
from songpost.settings_file import LoadedSettings


def _checked(path: Path) -> tuple[LoadedSettings, Library]:
    """A settings file with its content files. Raises `SettingsError` with the problems of all of them."""
    loaded = settings_file.load(path)
    return loaded, content_file.load(loaded.settings, path.parent)


def validate(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Every error of a settings file, and what is read differently than it stands there."""
    del environ
    path = Path(words.file)
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    texts = 0
    try:
        loaded = settings_file.load(path)
        notes = loaded.notes
        texts = sum(len(found) for found in content_file.load(loaded.settings, path.parent).values())
    except ContentError as error:
        problems = error.problems
    except SettingsError as error:
        problems = error.problems
    if words.json:
        print_json(
            {
                "valid": not problems,
                "problems": [{"path": p.path, "message": p.message} for p in problems],
                "notes": [{"path": p.path, "message": p.message} for p in notes],
                "texts": texts,
            }
        )
        return 2 if problems else 0
    for note in notes:
        print(f"note: {note}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        count = len(problems)
        print(f"songpost: {path}: {count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return 2
    print(f"{path}: valid, {texts} texts")
    return 0


def push(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Store settings and texts for the functions."""
    loaded, texts = _checked(Path(words.file))
    with session_of(words, environ, write=True) as session:
        bucket = session.media_bucket if session.runtime.media_bucket else None
        texts = library.published(texts, Path(words.file).parent, bucket)
        version = library.push(session.desk, loaded.settings, texts)
        count = sum(len(found) for found in texts.values())
        if words.json:
            print_json({"version": version, "texts": count})
        else:
            print(f"stored as version {version}, with {count} texts")
    return 0


def show(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """The settings in force, in their canonical form."""
    with session_of(words, environ) as session:
        settings = documents.encode(session.given.settings)
        if words.json:
            print_json(settings)
            return 0
        import yaml

        print(f"# from {session.given.source}")
        print(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), end="")
    return 0
