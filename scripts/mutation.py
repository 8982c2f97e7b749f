"""Changes the code that holds money and once-only, a bit at a time, and sees whether a test fails: `make mutation`.

    .venv-mutation/bin/python scripts/mutation.py [MODULE…]

mutmut wants the package under `src` and its configuration beside it, so it works in a scratch copy, one module at a
time. Survivors that `EXPLAINED` has no reason for are printed with what was changed, and end the run with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
ROUNDS: dict[str, tuple[str, ...]] = {
    "core/admission.py": (
        "tests/unit/core/test_admission_told.py",
        "tests/unit/core/test_admission.py",
        "tests/unit/core/test_thread_admission.py",
    ),
    "agent/ledger.py": ("tests/unit/agent/test_ledger.py", "tests/unit/agent/test_apart.py"),
    "agent/transitions.py": ("tests/unit/agent/test_transitions.py", "tests/unit/agent/test_outcomes.py"),
}
"""What is changed (the decision, its commit, what an outcome does), and the quick tests in process that must notice."""
CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/songpost/{only}"]
also_copy = ["content", "songpost.example.yaml"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = [{tests}]
use_git_change_detection = false
timeout_multiplier = 10.0
"""
EXPLAINED = (
    ("quiet_until", r'\+.*"(XXquietXX|QUIET)"', "the quiet hours' window has a name that nobody reads"),
    ("quiet_until", r"\+.*range\((8|1, 9)\)", "no weekday has the number 0 or 8"),
    ("_rate_limit", r"\+.*limits, None, endpoint", "a plan's limits that no header has told are full, and hold nobody"),
    ("commit", r"\+.*unanswered = None", "it is only asked whether it is true"),
    ("book", r"\+.*Move\(snapshot=None, result=", "of a move that writes nothing only the result is looked at"),
)
"""Survivors with their reason: a function's name, a pattern for the changed lines, and why no test can tell."""


def scratch(folder: Path, changed: str, noticing: tuple[str, ...]) -> None:
    """Lay the package out as mutmut wants it, to change one module."""
    leave = shutil.ignore_patterns("__pycache__", "lab/report")
    shutil.copytree(TOP / "shared" / "songpost", folder / "src" / "songpost", ignore=leave)
    for name in ("tests", "content"):
        shutil.copytree(TOP / name, folder / name, ignore=leave)
    shutil.copy(TOP / "songpost.example.yaml", folder)
    tests = ", ".join(f'"{name}"' for name in noticing)
    settings = (TOP / "pyproject.toml").read_text()
    pytest_part = settings[settings.index("[tool.pytest.ini_options]") : settings.index("[tool.coverage.run]")]
    (folder / "pyproject.toml").write_text(pytest_part + CONFIGURATION.format(only=changed, tests=tests))


def mutmut(folder: Path) -> None:
    """Let mutmut run; it shows how far it is."""
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([str(BIN / "mutmut"), "run", "--max-children", "2"], cwd=folder, env=environ, check=True)


def survivors(folder: Path) -> tuple[int, dict[str, str]]:
    """How many changes were tried, and those that no test noticed, by name: the lines that differ."""
    tried, found = 0, {}
    for meta in sorted((folder / "mutants" / "src").rglob("*.meta")):
        ends = json.loads(meta.read_text())["exit_code_by_key"]
        tried += len(ends)
        for name in (name for name, code in ends.items() if code == 0 or code is None):
            shown = [str(BIN / "mutmut"), "show", name]
            lines = subprocess.run(shown, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()
            found[name.rpartition(".")[2]] = "\n".join(line for line in lines if re.match(r"[-+](?![-+])", line))
    return tried, found


def explained(name: str, change: str) -> str:
    """Why no test can tell this change; empty where nobody has said."""
    function = re.sub(r"__mutmut_\d+$", "", name).removeprefix("x_")
    return next((why for of, pattern, why in EXPLAINED if of == function and re.search(pattern, change)), "")


def tell(module: str, tried: int, found: dict[str, str], seconds: float) -> int:
    """Print what a round came to; how many survivors have no reason."""
    reasons = Counter(why for why in (explained(name, change) for name, change in found.items()) if why)
    unexplained = {name: change for name, change in found.items() if not explained(name, change)}
    for name, change in unexplained.items():
        print(f"\nSURVIVED: {name}\n{change}")
    print(f"{module}: {tried} changes, {tried - len(found)} noticed, {len(found)} not; {seconds:.0f} s")
    for why, count in reasons.items():
        print(f"  {count} explained: {why}")
    print(f"  {len(unexplained)} NOT EXPLAINED")
    return len(unexplained)


def main() -> int:
    """Run the rounds; 1 where a survivor has no reason."""
    words = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    words.add_argument("modules", nargs="*", default=list(ROUNDS), help=f"of {', '.join(ROUNDS)}")
    unexplained = 0
    for module in words.parse_args().modules:
        with tempfile.TemporaryDirectory(prefix="songpost-mutation-", dir=MEMORY if MEMORY.is_dir() else None) as made:
            begun = time.monotonic()
            scratch(Path(made), module, ROUNDS[module])
            mutmut(Path(made))
            unexplained += tell(module, *survivors(Path(made)), time.monotonic() - begun)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
