"""The sandbox stands by itself: it knows nothing of the project that it tests, and is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import songpost.lab.sandbox

ROOM = Path(songpost.lab.sandbox.__file__).parent
MODULES = sorted(ROOM.glob("*.py"))


def imported(path: Path) -> set[str]:
    """The top of every absolute import in a file, and `..` for a relative one that leaves the room."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level == 1 else ".." if node.level else str(node.module).split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_its_own_room_and_the_standard_library(path: Path) -> None:
    """Nothing of songpost outside the room, so that no mistake hides on both sides; requests for its adapter alone."""
    extra = {"requests"} if path.name == "requests_adapter.py" else set()
    assert imported(path) - set(sys.stdlib_module_names) - {"."} <= extra


def test_importing_the_sandbox_brings_no_third_party_module() -> None:
    """A process that imports it has loaded the standard library and songpost's own packages, no more."""
    code = (
        "import sys; before = set(sys.modules); import songpost.lab.sandbox.server; "
        "print(*sorted({n.split('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["songpost"]


def test_no_file_of_the_room_is_long() -> None:
    """A file that passes 400 lines wants a second room."""
    assert [path.name for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
