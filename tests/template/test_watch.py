"""What watches the stack: each alarm's metric is emitted, mails go where there is somebody, and all of it is free."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from songpost import telemetry
from songpost.agent import pausing
from songpost.core import breakers
from songpost.core.breakers import Trip
from tests.template.cloudformation import Template
from tests.template.conftest import WATCH, load, of_type
from tests.unit.agent.test_figures import SIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHARED = Path(__file__).parents[2] / "shared" / "songpost"
FREE = {"custom metrics": 10, "alarms": 10, "dashboards": 3}
"""What CloudWatch gives every account each month (aws.amazon.com/cloudwatch/pricing, read 2026-11-22)."""
AWS_METRICS = {
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/Lambda", "Duration", "FunctionName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
}
EMBEDDED = SIX
"""Metrics that the functions write into their log lines themselves (EMF)."""
OWN = "Songpost/songpost"
MAIL = "owner@example.com"


def _filters(stack: Template) -> Iterator[tuple[str, str, Template]]:
    """Log group, pattern and transformation of each metric filter."""
    for properties in of_type(stack, "AWS::Logs::MetricFilter").values():
        (transformation,) = properties["MetricTransformations"]
        yield properties["LogGroupName"], properties["FilterPattern"], transformation


def custom_metrics(stack: Template) -> set[str]:
    """The metrics that the filters make."""
    return {one["MetricName"] for _, _, one in _filters(stack)}


def _matches(pattern: str, line: Template) -> Any:
    """What a filter's pattern, `{ $.a.b = "x" }` or `{ $.a.b >= 0 }`, selects in a log line; `None` for nothing."""
    found = re.fullmatch(r'\{ \$\.([a-z_.]+) (?:= "([A-Za-z*]+)"|>= (\d+)) \}', pattern)
    assert found, pattern
    value: Any = line
    for name in found[1].split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or (found[3] and not value >= int(found[3])):
        return None
    return value if found[2] in {None, "*", value} else None


def _logged(say: Callable[[], None]) -> list[Template]:
    """The log lines that a function writes while `say` runs, in the form in which CloudWatch gets them."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    try:
        telemetry.configure("INFO", in_lambda=True, account="default")
        say()
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_alarms_cover_what_was_promised(watch: Callable[..., Template]) -> None:
    """Failed ticks, errors, unknown outcomes, breakers, spending, silence, and whatever a log line calls an alarm."""
    expected = {
        "FailedTicks", "WriterErrors", "ReaderErrors", "UnknownTooLong", "PausedItself", "SpendsTooFast",
        "NeedsAPerson", "WriterSilent", "ReaderSilent",
    }  # fmt: skip
    assert expected == set(of_type(watch(), "AWS::CloudWatch::Alarm"))


def test_every_alarms_metric_is_emitted(watch: Callable[..., Template]) -> None:
    """An alarm's metric is one of AWS's own, of a resource of this stack, or one that a metric filter makes here."""
    stack = watch()
    made = {(one["MetricNamespace"], one["MetricName"]) for _, _, one in _filters(stack)}
    for name, alarm in of_type(stack, "AWS::CloudWatch::Alarm").items():
        if alarm["Namespace"] == OWN:
            assert "Dimensions" not in alarm
            assert (OWN, alarm["MetricName"]) in made, name
        else:
            (dimension,) = alarm["Dimensions"]
            assert (alarm["Namespace"], alarm["MetricName"], dimension["Name"]) in AWS_METRICS, name
            assert dimension["Value"] in {"WriterFunction", "ReaderFunction", "FailureQueue.QueueName"}


def test_every_filter_reads_both_logs(watch: Callable[..., Template]) -> None:
    """Whichever function says it, it counts."""
    by_pattern: dict[tuple[str, str], set[str]] = {}
    for group, pattern, transformation in _filters(watch()):
        by_pattern.setdefault((pattern, transformation["MetricName"]), set()).add(group)
    assert 4 == len(by_pattern)
    assert all({"WriterLogGroup", "ReaderLogGroup"} == groups for groups in by_pattern.values())


@pytest.mark.parametrize("breaker", ["RefusalRun", "SpendSlope", "Suspended"])
def test_a_breaker_that_trips_is_counted(watch: Callable[..., Template], breaker: str) -> None:
    """The line that an account logs when it pauses itself is what the filters count; spending has one of its own."""
    (line,) = _logged(lambda: pausing.tell(Trip(breaker, "a reason")))
    counted = {one["MetricName"] for _, pattern, one in _filters(watch()) if _matches(pattern, line) is not None}
    assert ({"Pauses", "SpendSlope"} if breaker == "SpendSlope" else {"Pauses"}) == counted


def test_the_spending_breaker_has_the_name_that_the_filter_counts() -> None:
    """The breaker of core/breakers.py that holds spending against its forecast is called SpendSlope."""
    assert '"SpendSlope"' in Path(breakers.__file__).read_text()


def test_an_alarm_field_is_counted(watch: Callable[..., Template]) -> None:
    """A warning with the field `alarm` wakes a person, whatever it is about."""
    log = logging.getLogger("songpost.test")
    (line,) = _logged(lambda: log.warning("no mail went out", extra={"alarm": "MailFailed"}))
    counted = {one["MetricName"] for _, pattern, one in _filters(watch()) if _matches(pattern, line) is not None}
    assert {"Alarms"} == counted


def test_a_ticks_line_tells_the_age_of_unknown_outcomes(watch: Callable[..., Template]) -> None:
    """The summary in a tick's line carries the age that the filter takes for the metric's value; 0 counts too."""
    log = logging.getLogger("songpost.test")
    for age in (0, 4000):
        (line,) = _logged(lambda age=age: log.info("tick", extra={"summary": {"unknown_age_seconds": age}}))  # type: ignore[misc]
        taken = {
            one["MetricName"]: (one["MetricValue"], _matches(pattern, line))
            for _, pattern, one in _filters(watch())
            if _matches(pattern, line) is not None
        }
        assert {"UnknownAgeSeconds": ("$.summary.unknown_age_seconds", age)} == taken


def test_an_ordinary_line_wakes_nobody(watch: Callable[..., Template]) -> None:
    """A line without those fields is counted by no filter."""
    log = logging.getLogger("songpost.test")
    (line,) = _logged(lambda: log.warning("no time left"))
    assert [] == [pattern for _, pattern, _ in _filters(watch()) if _matches(pattern, line) is not None]


def test_every_field_that_a_filter_counts_is_one_that_the_code_logs(watch: Callable[..., Template]) -> None:
    """The first name of each selector stands in the code as a field of a log line."""
    fields = {
        key.value
        for path in SHARED.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }
    wanted = {re.findall(r"\$\.([a-z_]+)", pattern)[0] for _, pattern, _ in _filters(watch())}
    assert wanted <= fields, wanted - fields


def test_alarms_mail_only_where_there_is_somebody(watch: Callable[..., Template]) -> None:
    """With `AlarmEmail` every alarm goes to the topic; without it none has an action."""
    told = of_type(watch(AlarmEmail=MAIL), "AWS::CloudWatch::Alarm")
    assert all(["MailTopic"] == alarm["AlarmActions"] for alarm in told.values())
    silent = of_type(watch(), "AWS::CloudWatch::Alarm")
    assert not any({"AlarmActions", "OKActions"} & alarm.keys() for alarm in silent.values())


@pytest.mark.parametrize(("alarm", "seconds"), [("WriterSilent", 600), ("ReaderSilent", 3600)])
def test_silence_of_two_periods_is_an_alarm(watch: Callable[..., Template], alarm: str, seconds: int) -> None:
    """No invocation within two periods of the default rates breaches, and so does no data at all."""
    properties = of_type(watch(), "AWS::CloudWatch::Alarm")[alarm]
    assert (str(seconds), 1, 1, "LessThanThreshold", "breaching") == (
        str(properties["Period"]),
        properties["EvaluationPeriods"],
        properties["Threshold"],
        properties["ComparisonOperator"],
        properties["TreatMissingData"],
    )


def test_every_other_alarm_is_quiet_without_data(watch: Callable[..., Template]) -> None:
    """What counts faults takes no data for no fault."""
    alarms = of_type(watch(), "AWS::CloudWatch::Alarm")
    noisy = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] != "notBreaching"}
    assert {"WriterSilent", "ReaderSilent"} == noisy


def test_an_outcome_may_be_unknown_for_an_hour(watch: Callable[..., Template]) -> None:
    """More than an hour breaches, at the oldest action of all."""
    properties = of_type(watch(), "AWS::CloudWatch::Alarm")["UnknownTooLong"]
    assert (3600, "GreaterThanThreshold", "Maximum") == (
        properties["Threshold"],
        properties["ComparisonOperator"],
        properties["Statistic"],
    )


@pytest.mark.parametrize(("mail", "usd", "budgets"), [(MAIL, "5", 1), (MAIL, "0.5", 1), (MAIL, "0", 0), ("", "5", 0)])
def test_the_aws_budget_needs_an_amount_and_an_address(
    watch: Callable[..., Template], mail: str, usd: str, budgets: int
) -> None:
    """The AWS account's bill is watched where there are both; 0 is no budget."""
    found = list(of_type(watch(AlarmEmail=mail, MonthlyBudgetUsd=usd), "AWS::Budgets::Budget").values())
    assert budgets == len(found)
    for budget in found:
        assert {"Amount": usd, "Unit": "USD"} == budget["Budget"]["BudgetLimit"]
        addresses = {one["Subscribers"][0]["Address"] for one in budget["NotificationsWithSubscribers"]}
        assert {MAIL} == addresses


def _metrics(board: Template) -> Iterator[tuple[str, ...]]:
    """Namespace, name and dimensions of each metric on a dashboard."""
    for widget in board["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            yield tuple(part for part in metric if isinstance(part, str))


def test_the_dashboard_shows_what_was_promised(watch: Callable[..., Template]) -> None:
    """Each metric on it is emitted: by AWS, by a filter here, or by the functions, with Powertools' one dimension."""
    stack = watch()
    (dashboard,) = of_type(stack, "AWS::CloudWatch::Dashboard").values()
    assert "songpost" == dashboard["DashboardName"]  # the stack's own name
    board = json.loads(dashboard["DashboardBody"])
    made = custom_metrics(stack)
    shown = set()
    for namespace, name, *dimensions in _metrics(board):
        if namespace != OWN:
            assert (namespace, name, dimensions[0]) in AWS_METRICS
        elif dimensions:
            assert ["service", "songpost"] == dimensions
            shown.add(name)
        else:
            assert name in made
    assert EMBEDDED == shown
    others = {
        (namespace, name) for namespace, name, *dimensions in _metrics(board) if namespace != OWN or not dimensions
    }
    assert {("AWS/Lambda", "Errors"), ("AWS/Lambda", "Duration"), (OWN, "UnknownAgeSeconds")} <= others
    (query,) = [widget["properties"]["query"] for widget in board["widgets"] if widget["type"] == "log"]
    assert {"WriterLogGroup", "ReaderLogGroup"} == set(re.findall(r"SOURCE '(\w+)'", query))
    assert "by action.gate" in query


def test_nothing_in_it_has_a_name_of_its_own() -> None:
    """Alarms and filters are named by CloudFormation, and the dashboard by the nested stack, whose name is random."""
    named = {
        (key, json.dumps(value))
        for body in load(WATCH)["Resources"].values()
        for key, value in body["Properties"].items()
        if key.endswith("Name") and key not in {"LogGroupName", "MetricName"}
    }
    assert {("DashboardName", '{"Ref": "AWS::StackName"}')} == named


def test_it_all_stays_within_what_is_free(watch: Callable[..., Template]) -> None:
    """Metrics, alarms and dashboards of one stack cost nothing."""
    stack = watch(AlarmEmail=MAIL)
    used = {
        "custom metrics": len(custom_metrics(stack) | EMBEDDED),
        "alarms": len(of_type(stack, "AWS::CloudWatch::Alarm")),
        "dashboards": len(of_type(stack, "AWS::CloudWatch::Dashboard")),
    }
    assert all(used[name] <= FREE[name] for name in FREE), used


def test_the_namespace_carries_the_stacks_name(stack: Callable[..., Template], watch: Callable[..., Template]) -> None:
    """Functions and filters write where the alarms and the dashboard look, apart for each stack."""
    resources = stack()["Resources"]
    told = {
        resources[name]["Properties"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        for name in ("WriterFunction", "ReaderFunction")
    }
    assert {OWN} == told == {one["MetricNamespace"] for _, _, one in _filters(watch())}
