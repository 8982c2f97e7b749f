"""The report: one HTML file of an account or a simulated run, read offline, on a phone and in print.

Nothing is imported here before it is asked for: the process that draws the charts enters by this package, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from songpost.bootstrap import Session
    from songpost.lab.simulation.record import Run
    from songpost.settings import Settings
    from songpost.store.port import Store


def check(path: Path) -> None:
    """What would be in the way of a report, told before hours of simulation: its packages, and its file's folder.

    Raises `Refusal` where the extra `report` is not installed, `BadInput` where there is no such folder.
    """
    from songpost.lab.report.writing import check as checked

    checked(path)


def of_session(session: Session, path: Path) -> int:
    """Write the report of an account; gives the file's size in bytes. Nothing of the account is changed.

    Raises `Refusal` where the extra `report` is not installed, `BadInput` where the file cannot be written, and the
    errors of the store.
    """
    from songpost.lab.report.writing import of_session as written

    return written(session, path)


def write(run: Run, path: Path, store: Store, settings: Settings) -> int:
    """Write the report of a simulated run over its store, its first account in full; gives the size in bytes.

    Raises as `of_session` does.
    """
    from songpost.lab.report.writing import of_run as written

    return written(run, path, store, settings)
