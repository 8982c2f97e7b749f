"""`--watch` on a real terminal: a pseudo-terminal, a process, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.conftest import SETTINGS, TEXTS

LONGEST_SECONDS = 30.0


def test_watch_redraws_and_leaves_cleanly(tmp_path: Path) -> None:
    """The page is drawn again and again in colour and with bars; Ctrl-C ends it with exit code 0 and no traceback."""
    (tmp_path / "songpost.yaml").write_text(SETTINGS)
    (tmp_path / "texts.yaml").write_text(TEXTS)
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PATH", "HOME", "COVERAGE", "PYTHON"))}
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "songpost.cli.main", "budget", "--watch", "0.2"],
        cwd=tmp_path,
        env={**kept, "TERM": "xterm-256color"},
        stdin=there,
        stdout=there,
        stderr=there,
    )
    os.close(there)
    page, until = b"", time.monotonic() + LONGEST_SECONDS
    try:
        while page.count(b"Ctrl-C leaves") < 2 and time.monotonic() < until:
            page += _read(here)
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=LONGEST_SECONDS)
        page += _read(here)
    finally:
        process.kill()
        process.wait()
        os.close(here)

    shown = page.decode()
    assert 0 == code, shown
    assert 2 <= shown.count("Running") <= shown.count("\x1b[2J")
    assert "░" in shown
    assert re.search(r"\x1b\[[0-9;]*32m", shown)
    assert "Traceback" not in shown


def _read(terminal: int) -> bytes:
    """What the terminal has to show, within a second; nothing where it is closed."""
    if not select.select([terminal], [], [], 1.0)[0]:
        return b""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""
