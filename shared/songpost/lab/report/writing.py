"""From an account or a simulated run to the HTML file.

The charts are drawn by a child process that starts while the figures are gathered, so a simulation's memory stays what
it was. The page holds no script; its policy forbids it to load anything, and names its one stylesheet by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import songpost
from songpost.agent import documents
from songpost.bootstrap import Session
from songpost.core import budget
from songpost.errors import BadInput, Refusal
from songpost.lab.report import figures, story
from songpost.lab.report.coming import coming_days
from songpost.lab.report.subject import Figure, Subject, percent, usd
from songpost.lab.simulation.record import Run
from songpost.lab.simulation.texts import given_by, made_up
from songpost.settings import Settings
from songpost.store.port import Store

if TYPE_CHECKING:
    from jinja2 import Environment

NEEDED = ("altair", "jinja2", "vl_convert")
CHILD = "songpost.lab.report.charts"
DRAWN_WITHIN_SECONDS = 60
TEMPLATES = "songpost.lab.report.templates"
MOST_ACCOUNTS = 500


def of_session(session: Session, path: Path) -> int:
    """See `songpost.lab.report.of_session`."""
    check(path)
    subject = Subject(
        store=session.store,
        snapshot=session.open().snapshot,
        texts=session.given.texts,
        now=session.clock(),
    )
    return _put(path, page(subject))


def of_run(run: Run, path: Path, store: Store, settings: Settings) -> int:
    """See `songpost.lab.report.write`."""
    check(path)
    account = run.accounts[0].account
    given = given_by(settings, made_up(settings, run.seed))
    subject = Subject(
        store=store,
        snapshot=documents.snapshot_of(account, store.load(account), settings),
        texts=given.texts,
        now=run.ended_at,
        run=run,
    )
    return _put(path, page(subject))


def check(path: Path) -> None:
    """See `songpost.lab.report.check`."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Refusal(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            where="report",
            mend="pip install 'songpost[report]'",
        )
    if not path.parent.is_dir():
        raise BadInput("cannot be written (its folder is not there)", where=str(path), mend="make it, or name another")


def _put(path: Path, text: str) -> int:
    """Write a whole file or none."""
    bytes_ = text.encode()
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(bytes_)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput(f"cannot be written ({error.strerror})", where=str(path), mend="name another file") from error
    return len(bytes_)


def page(subject: Subject) -> str:
    """The whole page."""
    with _Child() as child:
        found = figures.beliefs(subject)
        drawn = [
            figures.learned(subject, found),
            figures.reward(subject),
            figures.month(subject),
            figures.months(subject),
            figures.limits(subject),
        ]
        shown = {figure.name: figure for figure in drawn if figure is not None}
        child.ask(shown)
        coming = coming_days(subject.snapshot, subject.texts, subject.now)
        context = {
            "subject": subject,
            "run": subject.run,
            "lived": subject.lived,
            "version": songpost.__version__,
            "figures": shown,
            "beliefs": found,
            "sent": len(story.out(subject)),
            "posts": story.told(subject),
            "weeks": story.weeks(subject),
            "counts": story.counts(subject),
            "hurdles": story.hurdles(subject),
            "needs": story.needs(subject, coming),
            "coming": coming,
            "ceilings": budget.overview(subject.settings, subject.snapshot.usage, subject.now),
            "month_ceiling": budget.MONTH,
            "forecast": subject.forecast,
            "svg": child.answer(),
            "most_accounts": MOST_ACCOUNTS,
        }
    style = _read("style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    icon = "data:image/svg+xml;base64," + base64.b64encode(_read("icon.svg").encode()).decode()
    rendered: str = (
        _environment(subject)
        .get_template("report.html")
        .render(**context, style=style, style_hash=f"sha256-{digest}", icon=icon)
    )
    return rendered


def _read(name: str) -> str:
    return files(TEMPLATES).joinpath(name).read_text(encoding="utf-8")


def _environment(subject: Subject) -> Environment:
    """Jinja with every value escaped; only this package's own drawings and stylesheet are marked as safe."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(_read), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    made.filters |= {
        "usd": usd,
        "percent": percent,
        "day": lambda at: f"{at.astimezone(subject.zone):%a %d %b %Y}",
        "moment": lambda at: f"{at.astimezone(subject.zone):%a %d %b, %H:%M}",
        "clock": lambda at: f"{at.astimezone(subject.zone):%H:%M}",
        "long_date": lambda date: f"{date:%A, %d %B}",
        "short_date": lambda date: f"{date:%d %b %Y}",
    }
    return made


class _Child:
    """The process that draws. It starts at once, and is asked once."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of our own
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return self

    def ask(self, shown: Mapping[str, Figure]) -> None:
        """Say what is to be drawn."""
        wanted = {name: one.drawn_from for name, one in shown.items() if one.rows and one.drawn_from is not None}
        self._asked = json.dumps(wanted)

    def answer(self) -> dict[str, dict[str, str]]:
        """The drawings by figure and size. Raises `Refusal` where the child could not draw."""
        try:
            drawn, said = self._process.communicate(self._asked, timeout=DRAWN_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            drawn, said = "", f"it took more than {DRAWN_WITHIN_SECONDS} seconds"
        if self._process.returncode != 0:
            last = (said.strip().splitlines() or ["it said nothing"])[-1]
            raise Refusal(f"the charts could not be drawn: {last}", where="report", mend="see 'songpost learning'")
        answered: dict[str, dict[str, str]] = json.loads(drawn)
        return answered

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
