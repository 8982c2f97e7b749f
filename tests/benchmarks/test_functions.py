"""Cold start and memory of the built functions, on Lambda's Python with the layer as shipped: printed, not judged.

Times are of the processor, so that a busy machine tells the same ratio as an idle one.

Goals: a cold start of at most 1.15 times what the same interpreter needs for the libraries alone, and at most 110 MB at
the peak of a tick.
"""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

import pytest

from songpost.lab.in_process import environment
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.sandbox.server import serve
from tests.runtime.conftest import layer, python313, store_with_a_post_due

__all__ = ["layer", "python313"]  # fixtures

pytestmark = pytest.mark.benchmark

RUNS = 15
TOP = Path(__file__).parents[2]
VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "writer",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONTZPATH": "",
    "SONGPOST_STORE": "dynamodb://songpost",
}
TIMED = """
import time
begin = time.process_time()
{work}
print(time.process_time() - begin)
"""
LIBRARIES = """
import pynamodb.connection, tweepy
from aws_lambda_powertools import Logger, Metrics
import boto3
boto3.client("dynamodb")
"""
COLD_START = """
import app
from songpost import invoking
from songpost.agent import events
session = invoking._function_session(events.parse({}, events.WRITER_MODES, "both"))
session.desk
"""
"""The import and the first bootstrap: environment, logs, the store's client, the ledger's desk. No request is made."""
PEAK = """
import app
import boto3, pynamodb.connection
boto3.client("dynamodb"), boto3.client("ssm")
told = app.handler({}, None)
assert "error" not in told, told
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
"""A live tick on SQLite, with the clients of AWS that the same tick would hold on DynamoDB."""


def _seconds(python: Path, path: str, work: str) -> float:
    told = subprocess.run(
        [python, "-c", TIMED.format(work=work)],
        env={**VARIABLES, "PYTHONPATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(told.stdout.split()[-1])


def test_cold_start(python313: Path, layer: Path) -> None:
    """Median processor seconds of 15 alternating runs, and the median of each pair's ratio, for both functions."""
    for function in ("writer", "reader"):
        path = f"{TOP / 'functions' / function}:{layer / 'python'}"
        cold, libraries = [], []
        for _ in range(RUNS + 1):
            cold.append(_seconds(python313, path, COLD_START))
            libraries.append(_seconds(python313, path, LIBRARIES))
        ours, theirs = statistics.median(cold[1:]), statistics.median(libraries[1:])
        ratio = statistics.median(one / other for one, other in zip(cold[1:], libraries[1:], strict=True))
        print(f"\ncold start of the {function}: median {ours:.3f} s of {RUNS}, {min(cold):.3f}-{max(cold):.3f} s")
        print(f"pynamodb, tweepy, Powertools, a DynamoDB client: median {theirs:.3f} s; ratio {ratio:.2f}")


def test_memory_of_a_live_tick(python313: Path, layer: Path, tmp_path: Path) -> None:
    """Peak resident memory (VmHWM) of a live tick of each function, against the sandbox over HTTP."""
    store = store_with_a_post_due(tmp_path)
    server = serve(Sandbox())
    try:
        for function in ("writer", "reader"):
            told = subprocess.run(
                [python313, "-c", PEAK],
                cwd=tmp_path,
                env={
                    **VARIABLES, **environment(server.sandbox),
                    "PYTHONPATH": f"{TOP / 'functions' / function}:{layer / 'python'}",
                    "SONGPOST_STORE": store, "DRY_RUN": "false", "X_API_BASE_URL": server.url,
                },
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert 0 == told.returncode, told.stderr
            print(f"\npeak memory of a live tick of the {function}: {int(told.stdout.split()[-1]) / 1000:.0f} MB")
        assert server.sandbox.posts(), "the writer had nothing to do"
    finally:
        server.stop()
