"""`songpost report`: one HTML file of what was posted, learned and spent, and of what waits."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from songpost.cli.opening import print_json, session_of


def report(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the file; the account is only read."""
    from songpost.lab import report as lab

    path = Path(words.out)
    with session_of(words, environ) as session:
        size = lab.of_session(session, path)
    if words.json:
        print_json({"file": str(path), "bytes": size})
    else:
        print(f"{path}: {size / 1000:,.0f} KB; open it in a browser")
    return 0
