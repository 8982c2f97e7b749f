"""Several processes credit the same posts at once: the learner hears of each of them once, on both stores."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

import pytest

from songpost.agent import crediting
from tests.faults.crediting import NOW, post_ids, prepare, session_on

ROOT = Path(__file__).parents[2]
WORKERS, POSTS = 3, 6


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.dynamodb_local)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new store, as processes name it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/songpost.db"
    if not os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
        pytest.skip("NOT RUN on DynamoDB Local: start it and set AWS_ENDPOINT_URL_DYNAMODB to its address")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    from songpost.store.dynamodb import create_table

    table = f"songpost-{uuid.uuid4().hex}"
    create_table(table)
    return f"dynamodb://{table}"


def test_processes_that_credit_the_same_posts_move_the_posterior_once(url: str) -> None:
    """Each post has one winner; the counters are the sum of the credits, and their version moved once for each."""
    prepare(url, POSTS)
    command = [sys.executable, "-m", "tests.faults.crediting", url, str(POSTS)]
    workers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(WORKERS)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=120) for worker in workers]

    assert [0] * WORKERS == [worker.returncode for worker in workers], [err[-500:] for _, err in said]
    lines = Counter(line for out, _ in said for line in out.splitlines())
    assert dict.fromkeys(post_ids(POSTS), 1) == {post_id: lines[f"{post_id} credited"] for post_id in post_ids(POSTS)}
    session = session_on(url)
    snapshot = session.open().snapshot
    credits_made = crediting.stored_credits(session.store, "default")
    session.close()
    assert snapshot.learning is not None
    assert POSTS == snapshot.versions["learning"] == len(credits_made)
    assert [POSTS] == [counters[0] for counters in snapshot.learning.counters.values()]
    assert snapshot.learning == crediting.rebuilt(credits_made.values(), snapshot.settings.learning, NOW)
    assert {} == snapshot.measuring.posts
