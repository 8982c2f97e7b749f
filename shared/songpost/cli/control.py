"""Commands by which a person decides: `pause`, `resume`, `actions resolve`."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Mapping

from songpost.agent import control, documents, resolving
from songpost.cli.opening import print_json, session_of


def pause(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Throw the kill switch."""
    with session_of(words, environ, write=True) as session:
        after = control.pause(session.desk, words.reason, _who())
        if words.json:
            print_json(documents.encode(after))
        else:
            print(f"paused: {after.reason}. 'songpost resume' lets it act again.")
    return 0


def resume(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Let the account act again."""
    with session_of(words, environ, write=True) as session:
        after = control.resume(session.desk, _who())
        if words.json:
            print_json(documents.encode(after))
        else:
            print("resumed: what is due and still in its window goes out with the next tick.")
    return 0


def resolve(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Take a person's word on an action of unknown outcome."""
    with session_of(words, environ, write=True) as session:
        after = resolving.resolve(session.desk, session.open(), words.key, post_id=words.sent or "", by=_who())
        if words.json:
            print_json(documents.encode(after))
        else:
            print(f"{after.key}: {after.state.value}")
    return 0


def _who() -> str:
    """Who is at the keyboard, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a person"
