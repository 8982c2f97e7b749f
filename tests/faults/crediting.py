"""What a reader's process does in the race for credits; run as `python -m tests.faults.crediting URL POSTS`.

It has read every post, as the others have; at a line on standard input it credits them, one commit each, and prints
what became of each.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from songpost.account_documents import Awaited, Measuring
from songpost.agent import documents, measuring
from songpost.agent.agenda import Reading
from songpost.agent.enrolment import Told
from songpost.agent.measuring import Seen
from songpost.agent.planning import Texts
from songpost.bootstrap import Session
from songpost.core import rate_limits
from songpost.core.reads import AdmittedRead
from songpost.given import Given
from songpost.model import Action, Arm, Kind, PriceClass, State
from songpost.runtime import Runtime
from songpost.settings import Schedule, Settings
from songpost.store.opening import open_store
from songpost.store.port import PutAction, PutDocument

POSTED = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
NOW = POSTED + timedelta(hours=50)
ARM = Arm("bread", "noon")


def session_on(url: str) -> Session:
    """The account as one process opens it."""
    runtime = Runtime(store=url, dry_run=False)
    session = Session(
        runtime=runtime, environ={}, store=open_store(url, read_only=False), clock=lambda: NOW, file=Path("settings")
    )
    settings = Settings(topics=("bread",), schedule=Schedule(windows={"noon": ("10:00", "12:00")}))
    session.given = Given(settings=settings, texts=Texts(digest="", load=dict), source="test")
    return session


def post_ids(posts: int) -> list[str]:
    """The ids of the posts that are raced for."""
    return [str(1_000 + number) for number in range(posts)]


def prepare(url: str, posts: int) -> None:
    """Put sent posts into the ledger and on the agenda."""
    session = session_on(url)
    awaited = {}
    for number, post_id in enumerate(post_ids(posts)):
        key = f"post/2026-11-22/noon/{number}"
        action = Action(
            key=key,
            kind=Kind.POST,
            state=State.SENT,
            created_at=POSTED,
            updated_at=POSTED,
            due_at=POSTED,
            closes_at=POSTED + timedelta(hours=1),
            arm=ARM,
            post_id=post_id,
            posted_at=POSTED,
        )
        session.store.commit("default", [PutAction(action, None)], f"action-{number}")
        awaited[post_id] = Awaited(key=key, arm=ARM, posted_at=POSTED)
    session.store.commit("default", [PutDocument("measuring", documents.encode(Measuring(posts=awaited)), 0)], "agenda")
    session.close()


def main(url: str, posts: int) -> None:
    """Credit every post, beside the others."""
    session = session_on(url)
    account = session.open()
    told = Told(resources=1, skew_seconds=0, limits=(), at=NOW)
    sys.stdin.readline()
    for post_id in post_ids(posts):
        reading = Reading(
            endpoint=rate_limits.POSTS, price_class=PriceClass.POST_READ, post_ids=(post_id,), resources=1
        )
        booked = AdmittedRead(snapshot=account.snapshot, written=(), resources=1, unit_micros=5_000, booked_at=NOW)
        seen = Seen(metrics={post_id: {"impression_count": 500, "like_count": 9}}, gone={}, complete=False, told=told)
        _, found = measuring._credit(session.desk, account, reading, booked, seen)
        sys.stdout.write(f"{post_id} {found[0].result.value}\n")
        sys.stdout.flush()
    session.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
