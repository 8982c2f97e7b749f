"""What one account costs on AWS in a month, with what this template deploys: at most ten cents beyond what is free."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from songpost import settings_file
from songpost.lab.forecast import Deployed, foretell
from tests.template.conftest import of_type
from tests.template.test_watch import EMBEDDED, custom_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.template.cloudformation import Template

EXAMPLE = Path(__file__).parents[2] / "songpost.example.yaml"
TEN_CENTS_MICROS = 100_000
ON = date(2026, 11, 22)


def deployed(stack: Template, watch: Template) -> Deployed:
    """What the stack deploys, in the forecast's terms."""
    schedules = of_type(stack, "AWS::Scheduler::Schedule")
    minutes = {
        name: int(re.fullmatch(r"rate\((\d+) minutes\)", properties["ScheduleExpression"])[1])  # type: ignore[index]
        for name, properties in schedules.items()
    }
    writer = stack["Resources"]["WriterFunction"]["Properties"]
    (log_days,) = {one["RetentionInDays"] for one in of_type(stack, "AWS::Logs::LogGroup").values()}
    return Deployed(
        architecture=writer["Architectures"][0],
        writer_minutes=minutes["WriterFunctionTick"],
        reader_minutes=minutes["ReaderFunctionTick"],
        memory_mb=writer["MemorySize"],
        log_days=log_days,
        metrics=len(custom_metrics(watch) | EMBEDDED),
        alarms=len(of_type(watch, "AWS::CloudWatch::Alarm")),
        dashboards=len(of_type(watch, "AWS::CloudWatch::Dashboard")),
    )


def test_an_account_costs_at_most_ten_cents(stack: Callable[..., Template], watch: Callable[..., Template]) -> None:
    """At the example's settings and the template's defaults, the expected month stays within ten cents, alarms free."""
    has = deployed(stack(AlarmEmail="owner@example.com"), watch(AlarmEmail="owner@example.com"))
    found = foretell(settings_file.load(EXAMPLE).settings, ON, deployed=has)
    assert 0 < found.aws_beyond_free_micros.expected <= TEN_CENTS_MICROS
    free = {line.name: line.micros.high for line in found.aws if line.name in {"metrics", "alarms", "dashboards"}}
    assert {"metrics": 0, "alarms": 0, "dashboards": 0} == free
