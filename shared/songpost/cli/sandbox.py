"""`songpost sandbox`: the emulator of X on loopback, until it is interrupted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path


def sandbox(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve, and keep the state in a file where one is named."""
    del environ
    from songpost.lab.sandbox import server

    return server.main(words.port, Path(words.state) if words.state else None)
