"""`songpost export`, `import` and `bundle`: an account as a file, and what to send to somebody who helps."""

from __future__ import annotations

import argparse
import json
import os
import platform
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from songpost import __version__, seed_file
from songpost.agent import adopting, audit, control, documents, moving, summary
from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of
from songpost.errors import BadInput

BUNDLED_ACTIONS = 200


def export(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Write the whole account into a file that only its owner can read; with `--move` the account pauses first."""
    path = Path(words.file)
    with session_of(words, environ, write=words.move) as session:
        if words.move:
            control.pause(session.desk, "moved to another store", "songpost export")
        count = _written(path, moving.exported(session.store, session.account, session.clock())) - 2
    if words.json:
        print_json({"file": str(path), "records": count, "paused": words.move})
    else:
        print(f"{path}: {count} records" + ("; this account is paused" if words.move else ""))
    return 0


def _written(path: Path, lines: Iterable[str]) -> int:
    """Write lines whole or not at all, mode 0600; how many."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            count = 0
            for line in lines:
                file.write(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BadInput(f"cannot be written ({error.strerror})", where=str(path), mend="name another file") from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def import_(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read an export, or the earlier agent's database, into an account that has done nothing yet."""
    path = Path(words.file)
    with session_of(words, environ, write=True) as session:
        shown = _adopt(session, path) if seed_file.is_seed(path) else {"records": _imported(session, path)}
    if words.json:
        print_json({"file": str(path), "paused": True, **shown})
    else:
        for name, value in shown.items():
            print(f"{name}: {value}")
        print("The account is paused; 'songpost resume' starts it.")
    return 0


def _imported(session: Session, path: Path) -> int:
    try:
        with path.open(encoding="utf-8") as lines:
            records = moving.records_in(lines, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({error})", where=str(path), mend="name an export") from error
    return moving.imported(session.store, session.account, records, session.clock())


def _adopt(session: Session, path: Path) -> dict[str, object]:
    seed = seed_file.read(path)
    adopted = adopting.adopt(
        session.desk,
        session.open().snapshot,
        [(found.action, found.reward) for found in seed.past],
        seed.texts,
    )
    return {**asdict(adopted), "left out": len(seed.left_out)}


def bundle(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Put what is needed to understand an incident into one zip file: no secret, no credentials."""
    path = Path(words.file)
    with session_of(words, environ) as session:
        parts = _parts(session, environ)
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, part in parts.items():
                archive.writestr(name, json.dumps(part, indent=1, ensure_ascii=False, default=str))
        path.chmod(0o600)
    except OSError as error:
        raise BadInput(f"cannot be written ({error.strerror})", where=str(path), mend="name a new file") from error
    if words.json:
        print_json({"file": str(path), "parts": sorted(parts)})
    else:
        print(f"{path}: {', '.join(sorted(parts))}")
    return 0


def _parts(session: Session, environ: Mapping[str, str]) -> dict[str, object]:
    account = session.open()
    snapshot = account.snapshot
    stored = session.store.actions(session.account, limit=BUNDLED_ACTIONS)
    actions = [one.action for one in stored]
    findings = [*audit.broken_chains(actions), *audit.miscounts(snapshot, actions)]
    return {
        "about.json": {
            "songpost": __version__,
            "python": platform.python_version(),
            "system": platform.system(),
            "at": session.clock().isoformat(),
            "runtime": asdict(session.runtime),
            # Names alone: a value may be a secret.
            "variables": sorted(name for name in environ if name.startswith(("X_", "SONGPOST_", "DRY_RUN", "OTEL_"))),
        },
        "settings.json": documents.encode(snapshot.settings),
        "documents.json": {
            name: documents.encode(getattr(snapshot, name)) for name in ("control", "usage", "limits", "timeline")
        },
        "plans.json": {name: documents.encode(plan) for name, plan in snapshot.plans.items()},
        "actions.json": [documents.encode(action) for action in actions],
        "budget.json": summary.of_budget(snapshot, session.clock()),
        "findings.json": [asdict(finding) for finding in findings],
    }
