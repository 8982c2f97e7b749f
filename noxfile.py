"""`nox -s lint type test`, as the workflows and people of nox call it.

One environment serves everything: `.venv`, at the locked versions, made by `make setup`. The sessions are names for
what `make` does; `test` writes `coverage.xml` beside it.
"""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "type", "test"]
BIN = ".venv/bin"


def _make(session: nox.Session, *targets: str) -> None:
    session.run("make", *targets, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, style, import directions, workflows and links inside the repository."""
    _make(session, "--keep-going", "format", "lint", "imports", "workflows", "links")


@nox.session(name="type")
def type_(session: nox.Session) -> None:
    """Types, strictly."""
    _make(session, "types")


@nox.session
def test(session: nox.Session) -> None:
    """The suite, with branch coverage; below the floor it fails. Words behind `--` go to pytest."""
    _make(session, "cover", f"PYTEST_MORE={' '.join(session.posargs)}")
    session.run(f"{BIN}/coverage", "xml", "-o", "coverage.xml", external=True)
