"""The command at its own door, without the second that a process needs to start: words, an environment and a folder
in; the exit code and all that was said out, the log included. Where a process is the point, `House.start` starts one.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from songpost.cli.main import main

KEPT = ("PATH", "HOME", "COVERAGE", "PYTHON")
"""What a command of a test may know of this machine's environment: variables that begin so."""


@dataclass(frozen=True)
class Said:
    """How a command ended, in the words of `subprocess`."""

    returncode: int
    stdout: str
    stderr: str


def kept(*more: str) -> dict[str, str]:
    """The paths of this machine's environment, and what else begins so."""
    return {name: value for name, value in os.environ.items() if name.startswith((*KEPT, *more))}


def songpost(folder: Path, environ: Mapping[str, str], *words: str) -> Said:
    """Run the command in a folder, with an environment and a log of its own. What is no named error is raised."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _new_log(),
    ):
        try:
            code = main(words)
        except SystemExit as usage:  # argparse's way out
            code = int(usage.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _new_log() -> Iterator[None]:
    """No handler from before, so that the command sets up its own; afterwards all is as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
