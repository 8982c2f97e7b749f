"""What the rendered CloudFormation promises: dry by default, never repeated, no name taken, no wide role."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from songpost.runtime import Runtime
from songpost.store.dynamodb_records import TTL
from songpost.store.dynamodb_wire import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.template.conftest import Template

ROOT = Path(__file__).parents[2]
FUNCTIONS = ["WriterFunction", "ReaderFunction"]
PERIOD_SECONDS = {"WriterFunction": 5 * 60, "ReaderFunction": 30 * 60}
TICK = {"WriterFunction": "both", "ReaderFunction": "all"}
# DESIGN's outputs so far; the media bucket and the dashboard come with what uses them.
OUTPUTS = {"ReaderFunction", "WriterFunction", "Table", "FailureQueue"}
NAMES = {"FunctionName", "TableName", "RoleName", "LogGroupName", "QueueName", "BucketName", "Name"}


@pytest.fixture
def template(render: Callable[..., Template]) -> Template:
    """The stack at its defaults."""
    return render()


def _of_type(template: Template, kind: str) -> Template:
    return {name: body["Properties"] for name, body in template["Resources"].items() if body["Type"] == kind}


def _resolve(value: object, parameters: Template) -> object:
    """A value with the parameters' defaults, and a resource's logical name for a reference to it."""
    if isinstance(value, dict) and set(value) == {"Ref"}:
        name = value["Ref"]
        return parameters[name]["Default"] if name in parameters else name
    if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
        text = str(value["Fn::Sub"])
        for name, parameter in parameters.items():
            text = text.replace(f"${{{name}}}", parameter["Default"])
        return text.replace("${Table}", "Table")
    return value


def _environment(template: Template, function: str) -> dict[str, str]:
    variables = template["Resources"][function]["Properties"]["Environment"]["Variables"]
    return {name: str(_resolve(value, template["Parameters"])) for name, value in variables.items()}


def test_the_stack_is_dry_unless_told(template: Template) -> None:
    """`DryRun` defaults to true, and takes nothing but true and false."""
    assert "true" == template["Parameters"]["DryRun"]["Default"]
    assert ["true", "false"] == template["Parameters"]["DryRun"]["AllowedValues"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_its_environment_as_meant(template: Template, function: str) -> None:
    """`Runtime.from_env` accepts the template's environment: dry, the default account, the stack's table, no traces."""
    environ = _environment(template, function)
    expected = Runtime(
        account="default",
        dry_run=True,
        store="dynamodb://Table",
        auth_mode="tweepy",
        credentials_path="/songpost/default",
        in_lambda=True,
    )
    assert expected == Runtime.from_env(environ | {"AWS_LAMBDA_FUNCTION_NAME": function})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_variable_is_set_that_nobody_reads(template: Template, function: str) -> None:
    """Each variable of the template is one that runtime.py names, or one of Powertools'."""
    source = ast.parse((ROOT / "shared/songpost/runtime.py").read_text())
    named = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
    unread = {name for name in _environment(template, function) if not name.startswith("POWERTOOLS_")} - named
    assert set() == unread


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_tick_is_scheduled_and_never_repeated(template: Template, function: str) -> None:
    """The schedule has a zone, no name of its own, no retries, and gives up well before the next tick."""
    schedules = _of_type(template, "AWS::Scheduler::Schedule")
    schedule = schedules[f"{function}Tick"]
    assert {"Ref": "Timezone"} == schedule["ScheduleExpressionTimezone"]
    assert f"rate({PERIOD_SECONDS[function] // 60} minutes)" == _resolve(
        schedule["ScheduleExpression"], template["Parameters"]
    )
    assert "Name" not in schedule
    policy = schedule["Target"]["RetryPolicy"]
    assert 0 == policy["MaximumRetryAttempts"]
    assert policy["MaximumEventAgeInSeconds"] < PERIOD_SECONDS[function]
    event = json.loads(str(_resolve(schedule["Target"]["Input"], template["Parameters"])))
    assert {"mode": TICK[function], "account": "default"} == event


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_failed_invocation_is_kept_and_never_repeated(template: Template, function: str) -> None:
    """Lambda itself does not retry an event, drops a late one, and sends what failed to the failure queue."""
    invoke = template["Resources"][f"{function}EventInvokeConfig"]["Properties"]
    assert 0 == invoke["MaximumRetryAttempts"]
    assert invoke["MaximumEventAgeInSeconds"] < PERIOD_SECONDS[function]
    assert {"Fn::GetAtt": ["FailureQueue", "Arn"]} == invoke["DestinationConfig"]["OnFailure"]["Destination"]


@pytest.mark.parametrize(
    "rate", ["rate(1 minutes)", "rate(1 minute)", "rate(0 minutes)", "5 minutes", "rate(30 seconds)"]
)
def test_a_period_not_above_the_event_age_is_refused(template: Template, rate: str) -> None:
    """No rate is accepted whose period an event of the allowed age could outlive."""
    for parameter in ("WriterRate", "ReaderRate"):
        pattern = template["Parameters"][parameter]["AllowedPattern"]
        assert re.fullmatch(pattern, rate) is None
        assert re.fullmatch(pattern, "rate(2 minutes)")


def test_state_survives_a_mistake(template: Template) -> None:
    """The table is on demand, restorable to a point in time, protected, and outlives the stack."""
    table = template["Resources"]["Table"]
    assert "Retain" == table["DeletionPolicy"]
    assert "Retain" == table["UpdateReplacePolicy"]
    properties = table["Properties"]
    assert "PAY_PER_REQUEST" == properties["BillingMode"]
    assert properties["DeletionProtectionEnabled"] is True
    assert {"PointInTimeRecoveryEnabled": True} == properties["PointInTimeRecoverySpecification"]
    assert "GlobalSecondaryIndexes" not in properties


def test_the_table_has_the_keys_that_the_store_expects(template: Template) -> None:
    """The store's own schema, which its contract runs against, is the stack's; TTL is on its attribute."""
    properties = template["Resources"]["Table"]["Properties"]
    assert {name: properties[name] for name in SCHEMA} == SCHEMA
    assert {"AttributeName": TTL, "Enabled": True} == properties["TimeToLiveSpecification"]


def _statements(template: Template, function: str) -> list[Template]:
    policies = template["Resources"][f"{function}Role"]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_is_written_out(template: Template, function: str) -> None:
    """No role holds a wildcard, neither as an action nor as a whole resource; none can scan or empty the table."""
    for statement in _statements(template, function):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert [] == [action for action in actions if "*" in action]
        assert {"dynamodb:Scan", "dynamodb:BatchWriteItem", "dynamodb:DeleteTable"}.isdisjoint(actions)
        assert statement["Resource"] not in ("*", ["*"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_reaches_its_own_credentials_alone(template: Template, function: str) -> None:
    """Parameters are read and written under the stack's own path, nowhere else."""
    (credentials,) = [s for s in _statements(template, function) if s.get("Sid") == "Credentials"]
    path = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${CredentialsPath}"
    assert [{"Fn::Sub": path}, {"Fn::Sub": f"{path}/*"}] == credentials["Resource"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_concurrency_is_reserved_only_on_request(template: Template, function: str) -> None:
    """A new AWS account cannot reserve concurrency, so the stack asks for it under a condition that defaults to no."""
    reserved = template["Resources"][function]["Properties"]["ReservedConcurrentExecutions"]
    assert {"Fn::If": ["ReservesConcurrency", 1, {"Ref": "AWS::NoValue"}]} == reserved
    assert "false" == template["Parameters"]["ReserveConcurrency"]["Default"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_on_the_chosen_processor(template: Template, function: str) -> None:
    """Functions follow `Architecture`, arm64 by default, on Python 3.13, with the one layer."""
    properties = template["Resources"][function]["Properties"]
    (layer,) = _of_type(template, "AWS::Lambda::LayerVersion")
    assert [{"Ref": "Architecture"}] == properties["Architectures"]
    assert "arm64" == template["Parameters"]["Architecture"]["Default"]
    assert "python3.13" == properties["Runtime"]
    assert [{"Ref": layer}] == properties["Layers"]


def test_the_layer_serves_both_processors(template: Template) -> None:
    """One layer is good for every value of `Architecture`, so a choice at deployment needs no new build."""
    (layer,) = _of_type(template, "AWS::Lambda::LayerVersion").values()
    assert set(layer["CompatibleArchitectures"]) == set(template["Parameters"]["Architecture"]["AllowedValues"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logs_are_json_and_end(template: Template, function: str) -> None:
    """Each function logs JSON into a group of the stack that keeps it for a limited time."""
    logging = template["Resources"][function]["Properties"]["LoggingConfig"]
    assert "JSON" == logging["LogFormat"]
    group = template["Resources"][logging["LogGroup"]["Ref"]]["Properties"]
    assert 30 == group["RetentionInDays"]


def test_two_stacks_side_by_side_do_not_collide(template: Template) -> None:
    """No resource has a fixed name; the layer's carries the stack's."""
    fixed = {
        (resource, key)
        for resource, body in template["Resources"].items()
        for key, value in body["Properties"].items()
        if key in NAMES and isinstance(value, str)
    }
    assert set() == fixed
    (layer,) = _of_type(template, "AWS::Lambda::LayerVersion").values()
    assert {"Fn::Sub": "${AWS::StackName}-shared"} == layer["LayerName"]


def test_outputs_name_what_a_user_needs(template: Template) -> None:
    """The outputs carry the names that the documents promise."""
    assert OUTPUTS == set(template["Outputs"])


def test_every_parameter_is_explained_and_grouped(template: Template) -> None:
    """A person who deploys with --guided sees what each parameter means."""
    grouped = [
        name
        for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]
    assert sorted(template["Parameters"]) == sorted(grouped)
    assert [] == [name for name, body in template["Parameters"].items() if not body.get("Description")]


@pytest.mark.parametrize("function", ["writer", "reader"])
def test_a_handler_is_short(function: str) -> None:
    """A handler parses nothing and decides nothing: at most 40 lines."""
    assert len((ROOT / "functions" / function / "app.py").read_text().splitlines()) <= 40
