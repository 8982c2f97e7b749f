"""The dry-run gate: a dry run of both modes over a ledger with a past, in which nothing may be written or called.

    .venv/bin/python scripts/dry_run_gate.py [FOLDER]

A day is lived first against the sandbox on loopback, so that there is a ledger to leave alone. Then the command's own
code runs the dry run in this process under an audit hook: every socket that is connected or name that is looked up,
every file that is opened for writing, moved or removed, every process that is started, and every database that is
not opened read-only is counted. The folder is compared byte by byte. What the gate looked at is left in FOLDER
(`gate/`): the plan, the budget, the rate limits, the tail of the ledger. Exit code 1 where anything happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from songpost.cli import main as command
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.sandbox.server import SandboxServer

REPOSITORY = Path(__file__).resolve().parents[1]
LIVED_AT = "2026-11-22T11:59:00+01:00"
LEDGER_LINES = 50
CALLS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "shutil.move")
PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
READ_ONLY = ("mode=ro", "immutable=1")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """An audit hook that lists what a dry run must not do; it stays with the process and watches while `on`."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.on and _forbidden(event, args):
            self.seen.append(f"{event} {args[:2]!r}")


def _forbidden(event: str, args: tuple[object, ...]) -> bool:
    if event == "open":
        path, flags = args[0], args[2]
        harmless = isinstance(path, int) or str(path) == os.devnull
        return not harmless and isinstance(flags, int) and bool(flags & WRITING)
    if event == "sqlite3.connect":
        return not any(word in str(args[0]) for word in READ_ONLY)
    return event in {*CALLS, *CHANGES, *PROCESSES}


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder, with the SHA-256 of its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextlib.contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """The emulator of X on loopback; what a client's environment must say to reach it."""
    x = Sandbox(clock=VirtualClock(datetime.fromisoformat(LIVED_AT)))
    with SandboxServer(x) as server:
        told = x.credentials()
        yield {
            "X_API_BASE_URL": server.url,
            "X_API_KEY": told.api_key,
            "X_API_SECRET": told.api_secret,
            "X_ACCESS_TOKEN": told.access_token,
            "X_ACCESS_SECRET": told.access_secret,
        }


def run(words: Sequence[str]) -> str:
    """Run the command in this process; what it printed. Raises `SystemExit` where it fails."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = command.main(list(words))
    if code != 0:
        raise SystemExit(f"gate: 'songpost {' '.join(words)}' ended with {code}")
    return out.getvalue()


def live_a_day(folder: Path) -> None:
    """A ledger with a past: one live tick against the sandbox."""
    with sandbox() as variables:
        os.environ.update(variables)
        run(["run", "--mode", "both", "--dry-run", "false", "--at", LIVED_AT])
        for name in variables:
            del os.environ[name]
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)


def main(argv: Sequence[str]) -> int:
    """Live, look, run dry, compare."""
    report = Path(argv[0] if argv else "gate").resolve()
    report.mkdir(parents=True, exist_ok=True)
    sys.dont_write_bytecode = True
    for name in [name for name in os.environ if name.startswith(("X_", "SONGPOST_", "DRY_RUN"))]:
        del os.environ[name]
    watch = Watch()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        os.chdir(folder)
        shutil.copy(REPOSITORY / "songpost.example.yaml", folder / "songpost.yaml")
        shutil.copytree(REPOSITORY / "content", folder / "content")
        live_a_day(folder)
        before = digests(folder)
        watch.on = True
        try:
            plan = run(["run", "--mode", "both", "--dry-run", "true"])
        finally:
            watch.on = False
        after = digests(folder)
        (report / "plan.txt").write_text(plan)
        for name, words in (
            ("budget.json", ["budget", "--json"]),
            ("limits.json", ["limits", "--json"]),
            ("ledger.txt", ["actions", "--limit", str(LEDGER_LINES)]),
        ):
            (report / name).write_text(run(words))
        os.chdir(REPOSITORY)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for line in watch.seen:
        print(f"gate: called or wrote: {line}", file=sys.stderr)
    for name in changed:
        print(f"gate: {name} is not what it was", file=sys.stderr)
    if watch.seen or changed:
        return 1
    print(f"gate: the dry run wrote nothing and called nobody; what it showed is in {report.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
