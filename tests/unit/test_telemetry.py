"""Log lines that can be found, and the figures of a tick as CloudWatch takes them."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from songpost import telemetry


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A root logger of its own, as a function's runtime gives it: one handler on a stream."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [logging.StreamHandler(stream)]
    monkeypatch.setattr(sys, "stdout", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_names_account_and_action(lines: io.StringIO) -> None:
    """Inside `about` each JSON line has the action's key, outside of it none; the account is always there."""
    telemetry.configure("INFO", in_lambda=True, account="default")
    log = logging.getLogger("songpost.test")
    with telemetry.about("post/2026-11-22/morning/1"):
        log.info("inside")
    log.info("outside")
    inside, outside = (json.loads(line) for line in lines.getvalue().splitlines())
    assert ("post/2026-11-22/morning/1", "default") == (inside["action"], inside["account"])
    assert "action" not in outside


def test_configuring_twice_correlates_once(lines: io.StringIO) -> None:
    """A warm function configures again; each line is still told once."""
    for _ in range(3):
        telemetry.configure("INFO", in_lambda=True, account="default")
    logging.getLogger("songpost.test").info("once")
    assert 1 == len(lines.getvalue().splitlines())
    assert 1 == len(logging.getLogger().handlers[0].filters)


def test_figures_are_one_line_of_the_embedded_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, units, namespace and the service alone as dimension: one JSON line."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Songpost/staging")
    telemetry.emit({"Posts": ("Count", 2), "SpentUsd": ("None", 0.25)})
    (line,) = capsys.readouterr().out.splitlines()
    told: dict[str, Any] = json.loads(line)
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert "Songpost/staging" == directive["Namespace"]
    assert [["service"]] == directive["Dimensions"]
    assert {"Posts": "Count", "SpentUsd": "None"} == {one["Name"]: one["Unit"] for one in directive["Metrics"]}
    assert ([2.0], [0.25]) == (told["Posts"], told["SpentUsd"])
