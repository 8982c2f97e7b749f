"""What the rendered CloudFormation promises: dry by default, never repeated, no name taken, nothing lost."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from songpost.agent import sourcing, writing
from songpost.bootstrap import READ_SECONDS
from songpost.core import admission
from songpost.model import Media
from songpost.runtime import Runtime
from songpost.settings import Plan
from songpost.store.dynamodb_records import TTL
from songpost.store.dynamodb_wire import SCHEMA
from tests.template.conftest import of_type
from tests.unit.core import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.template.cloudformation import Template

ROOT = Path(__file__).parents[2]
FUNCTIONS = ["WriterFunction", "ReaderFunction"]
SHORTEST_PERIOD_SECONDS = 2 * 60
PERIOD_SECONDS = {"WriterFunction": 5 * 60, "ReaderFunction": 30 * 60}
TICK = {"WriterFunction": "both", "ReaderFunction": "all"}
OUTPUTS = {"ReaderFunction", "WriterFunction", "Table", "MediaBucket", "FailureQueue", "Dashboard"}
PROMISED = {
    "DryRun", "Account", "Plan", "Timezone", "Architecture", "WriterRate", "ReaderRate", "MonthlyBudgetUsd",
    "AlarmEmail", "CredentialsPath", "EnableTelemetry",
}  # fmt: skip
NOT_FOR_A_STACK = {
    "AWS_LAMBDA_FUNCTION_NAME": "Lambda sets it",
    "SONGPOST_SETTINGS": "a function takes its settings from the store alone",
    "TELEMETRY_ENABLED": "the other name of ENABLE_TELEMETRY",
    "X_API_BASE_URL": "a sandbox or proxy, for laptops and tests",
}
WRITERS_ALONE = {"SONGPOST_MAIL_TOPIC", "SONGPOST_MEDIA_BUCKET"}
READ_BY_OTHERS = {
    "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME",
    "PYTHONTZPATH",  # zoneinfo: empty, zones come from the package tzdata alone
}  # fmt: skip
READ_BY_THE_TELEMETRY_LAYER = {"AWS_LAMBDA_EXEC_WRAPPER", "OTEL_AWS_APPLICATION_SIGNALS_ENABLED"}


@pytest.fixture
def template(render: Callable[..., Template]) -> Template:
    """The template as it was rendered, its parameters and conditions still open."""
    return render()


def _environment(stack: Template, function: str) -> dict[str, str]:
    variables = stack["Resources"][function]["Properties"]["Environment"]["Variables"]
    assert all(isinstance(value, str | int | float) for value in variables.values()), variables
    physical = {"MediaBucket": "songpost-mediabucket-1"}  # a name that S3 would give
    return {name: physical.get(str(value), str(value)) for name, value in variables.items()}


def _named_by_runtime() -> set[str]:
    """Every text in runtime.py that has the form of a variable's name."""
    source = ast.parse((ROOT / "shared/songpost/runtime.py").read_text())
    texts = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", text)}


def test_the_stack_is_dry_unless_told(template: Template) -> None:
    """`DryRun` defaults to true, and takes nothing but true and false."""
    assert "true" == template["Parameters"]["DryRun"]["Default"]
    assert ["true", "false"] == template["Parameters"]["DryRun"]["AllowedValues"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_its_environment_as_meant(stack: Callable[..., Template], function: str) -> None:
    """`Runtime.from_env` accepts the template's environment: dry, the default account, the stack's table, no traces."""
    runtime = Runtime.from_env(_environment(stack(), function) | {"AWS_LAMBDA_FUNCTION_NAME": function})
    assert (True, "default", "dynamodb://Table", "tweepy", "/songpost/default", False) == (
        runtime.dry_run,
        runtime.account,
        runtime.store,
        runtime.auth_mode,
        runtime.credentials_path,
        runtime.telemetry,
    )
    assert ("pay-per-use", Decimal(5)) == (runtime.plan, runtime.monthly_budget_usd)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_variable_of_the_runtime_is_set_and_no_other(stack: Callable[..., Template], function: str) -> None:
    """A function's variables are those that runtime.py reads, and Powertools' and Python's, one for one."""
    expected = (_named_by_runtime() - set(NOT_FOR_A_STACK)) | READ_BY_OTHERS
    if function == "ReaderFunction":
        expected -= WRITERS_ALONE
    assert expected == set(_environment(stack(), function))
    with_traces = _environment(stack(EnableTelemetry="true"), function)
    assert expected | READ_BY_THE_TELEMETRY_LAYER == set(with_traces)


def test_every_plan_can_be_named(template: Template) -> None:
    """`Plan` takes the plans that the settings know, and defaults to theirs."""
    assert [plan.value for plan in Plan] == template["Parameters"]["Plan"]["AllowedValues"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_tick_is_scheduled_and_never_repeated(stack: Callable[..., Template], function: str) -> None:
    """The schedule has a zone, no name of its own, no retries, and gives up well before the next tick."""
    schedule = of_type(stack(Timezone="Europe/Berlin"), "AWS::Scheduler::Schedule")[f"{function}Tick"]
    assert "Europe/Berlin" == schedule["ScheduleExpressionTimezone"]
    assert f"rate({PERIOD_SECONDS[function] // 60} minutes)" == schedule["ScheduleExpression"]
    assert "Name" not in schedule
    policy = schedule["Target"]["RetryPolicy"]
    assert 0 == policy["MaximumRetryAttempts"]
    assert policy["MaximumEventAgeInSeconds"] < PERIOD_SECONDS[function]
    assert {"mode": TICK[function], "account": "default"} == json.loads(schedule["Target"]["Input"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_failed_invocation_is_kept_and_never_repeated(stack: Callable[..., Template], function: str) -> None:
    """Lambda itself does not retry an event, drops a late one, and sends what failed to the failure queue."""
    invoke = of_type(stack(), "AWS::Lambda::EventInvokeConfig")[f"{function}EventInvokeConfig"]
    assert 0 == invoke["MaximumRetryAttempts"]
    assert invoke["MaximumEventAgeInSeconds"] < PERIOD_SECONDS[function]
    assert "FailureQueue.Arn" == invoke["DestinationConfig"]["OnFailure"]["Destination"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_invocation_ends_before_the_next_begins(stack: Callable[..., Template], function: str) -> None:
    """A function times out before its next tick, at the shortest period that a rate may have too."""
    assert stack()["Resources"][function]["Properties"]["Timeout"] <= SHORTEST_PERIOD_SECONDS < PERIOD_SECONDS[function]


def test_an_invocation_has_time_for_the_longest_thing_that_it_does(stack: Callable[..., Template]) -> None:
    """A tick begins nothing that it might not end; so a time-out must leave room for a post with media after a read of
    who we are, and for a model's drafts after a sweep: else they would never be begun.
    """
    resources = stack()["Resources"]
    pictured = replace(cases.action(), media=(Media(path="loaf.png", alt_text="A loaf."),))
    with_media = admission.send_seconds(pictured) + writing.SPARE_SECONDS
    assert resources["WriterFunction"]["Properties"]["Timeout"] >= with_media + READ_SECONDS
    assert resources["ReaderFunction"]["Properties"]["Timeout"] >= sourcing.TICK_SECONDS + READ_SECONDS


@pytest.mark.parametrize(
    "rate", ["rate(1 minutes)", "rate(1 minute)", "rate(0 minutes)", "5 minutes", "rate(30 seconds)"]
)
def test_a_period_not_above_the_event_age_is_refused(template: Template, rate: str) -> None:
    """No rate is accepted whose period an event of the allowed age could outlive."""
    for parameter in ("WriterRate", "ReaderRate"):
        pattern = template["Parameters"][parameter]["AllowedPattern"]
        assert re.fullmatch(pattern, rate) is None
        assert re.fullmatch(pattern, "rate(2 minutes)")


def test_state_survives_a_mistake(stack: Callable[..., Template]) -> None:
    """The table is on demand, restorable to a point in time, protected, and outlives the stack."""
    table = stack()["Resources"]["Table"]
    assert ("Retain", "Retain") == (table["DeletionPolicy"], table["UpdateReplacePolicy"])
    properties = table["Properties"]
    assert "PAY_PER_REQUEST" == properties["BillingMode"]
    assert properties["DeletionProtectionEnabled"] is True
    assert {"PointInTimeRecoveryEnabled": True} == properties["PointInTimeRecoverySpecification"]
    assert "GlobalSecondaryIndexes" not in properties


def test_a_table_that_is_run_wild_has_a_price(stack: Callable[..., Template]) -> None:
    """Requests beyond what the largest account needs are throttled, so a day of the worst fault stays affordable."""
    caps = of_type(stack(), "AWS::DynamoDB::Table")["Table"]["OnDemandThroughput"]
    largest_load_units, largest_commit_units = 100 // 4, 2 * 100  # 100 KB read strongly; written in a transaction
    assert caps["MaxReadRequestUnits"] >= 4 * largest_load_units
    assert caps["MaxWriteRequestUnits"] >= 2 * largest_commit_units
    day_micros = 86_400 * (caps["MaxReadRequestUnits"] * 125 + caps["MaxWriteRequestUnits"] * 625) // 1000
    assert day_micros <= 25_000_000  # $0.125 and $0.625 per million units (us-east-1, 2026-11-22)


def test_the_table_has_the_keys_that_the_store_expects(stack: Callable[..., Template]) -> None:
    """The store's own schema, which its contract runs against, is the stack's; TTL is on its attribute."""
    properties = of_type(stack(), "AWS::DynamoDB::Table")["Table"]
    assert {name: properties[name] for name in SCHEMA} == SCHEMA
    assert {"AttributeName": TTL, "Enabled": True} == properties["TimeToLiveSpecification"]


def test_media_are_private(stack: Callable[..., Template]) -> None:
    """The bucket is closed to the public, speaks TLS alone, keeps what was replaced for a while, outlives the stack."""
    bucket = stack()["Resources"]["MediaBucket"]
    assert ("Retain", "Retain") == (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"])
    properties = bucket["Properties"]
    assert {True} == set(properties["PublicAccessBlockConfiguration"].values())
    assert 4 == len(properties["PublicAccessBlockConfiguration"])
    assert [{"ObjectOwnership": "BucketOwnerEnforced"}] == properties["OwnershipControls"]["Rules"]
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert ("Enabled", 30, 1) == (
        rule["Status"],
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"],
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"],
    )
    (policy,) = of_type(stack(), "AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert ("MediaBucket", "Deny", "*", "s3:*") == (
        policy["Bucket"],
        statement["Effect"],
        statement["Principal"],
        statement["Action"],
    )
    assert {"Bool": {"aws:SecureTransport": "false"}} == statement["Condition"]
    assert ["MediaBucket.Arn", "MediaBucket.Arn/*"] == statement["Resource"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_concurrency_is_reserved_only_on_request(stack: Callable[..., Template], function: str) -> None:
    """A new AWS account cannot reserve concurrency, so the stack asks for it under a condition that defaults to no."""
    assert "ReservedConcurrentExecutions" not in stack()["Resources"][function]["Properties"]
    reserved = stack(ReserveConcurrency="true")["Resources"][function]["Properties"]
    assert 1 == reserved["ReservedConcurrentExecutions"]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_function_runs_on_the_chosen_processor(
    stack: Callable[..., Template], function: str, architecture: str
) -> None:
    """Functions follow `Architecture`, on Python 3.13, with the one layer."""
    built = stack(Architecture=architecture)
    (layer,) = of_type(built, "AWS::Lambda::LayerVersion")
    properties = built["Resources"][function]["Properties"]
    assert ([architecture], "python3.13", [layer]) == (
        properties["Architectures"],
        properties["Runtime"],
        properties["Layers"],
    )


def test_the_processor_is_arm_unless_told(template: Template) -> None:
    """`Architecture` defaults to arm64, the cheaper one."""
    assert "arm64" == template["Parameters"]["Architecture"]["Default"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_traces_come_with_their_layer_or_not_at_all(stack: Callable[..., Template], function: str) -> None:
    """`EnableTelemetry` adds AWS's layer, its wrapper and active tracing; without it nothing of them is there."""
    off = stack()["Resources"][function]["Properties"]
    assert ("PassThrough", 1) == (off["TracingConfig"]["Mode"], len(off["Layers"]))
    on = stack(EnableTelemetry="true", TelemetryLayer="123456789012:layer:AWSOpenTelemetryDistroPython:7")
    properties = on["Resources"][function]["Properties"]
    arn = "arn:aws:lambda:eu-central-1:123456789012:layer:AWSOpenTelemetryDistroPython:7"
    assert ("Active", arn) == (properties["TracingConfig"]["Mode"], properties["Layers"][1])
    variables = _environment(on, function)
    assert ("true", "/opt/otel-instrument") == (variables["ENABLE_TELEMETRY"], variables["AWS_LAMBDA_EXEC_WRAPPER"])


def test_the_layer_serves_both_processors(template: Template) -> None:
    """One layer is good for every value of `Architecture`, so a choice at deployment needs no new build."""
    (layer,) = of_type(template, "AWS::Lambda::LayerVersion").values()
    assert set(layer["CompatibleArchitectures"]) == set(template["Parameters"]["Architecture"]["AllowedValues"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logs_are_json_and_end(stack: Callable[..., Template], function: str) -> None:
    """Each function logs JSON into a group of the stack that keeps it for a limited time."""
    resources = stack()["Resources"]
    logging = resources[function]["Properties"]["LoggingConfig"]
    assert "JSON" == logging["LogFormat"]
    assert 30 == resources[logging["LogGroup"]]["Properties"]["RetentionInDays"]


def test_two_stacks_side_by_side_do_not_collide(template: Template) -> None:
    """No resource has a name that does not carry the stack's: whatever two clones deploy, each gets its own."""
    named = {
        (resource, key): value
        for resource, body in template["Resources"].items()
        for key, value in body["Properties"].items()
        if key.endswith("Name") and not (isinstance(value, dict) and value.get("Ref") in template["Resources"])
    }
    assert [{"Fn::Sub": "${AWS::StackName}-shared"}] == list(named.values())
    assert ["LayerName"] == [key for _, key in named]


def test_outputs_name_what_a_user_needs(stack: Callable[..., Template]) -> None:
    """The outputs carry the names that the documents promise."""
    assert OUTPUTS == set(stack()["Outputs"])


def test_every_parameter_is_explained_and_grouped(template: Template) -> None:
    """A person who deploys with --guided sees what each parameter means, and what it may be."""
    grouped = [
        name
        for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]
    assert sorted(template["Parameters"]) == sorted(grouped)
    assert set(grouped) >= PROMISED
    for name, body in template["Parameters"].items():
        assert body.get("Description"), name
        assert body.keys() & {"AllowedValues", "AllowedPattern", "MaxValue"}, name
        assert "Default" in body, name


@pytest.mark.parametrize("function", ["writer", "reader"])
def test_a_handler_is_short(function: str) -> None:
    """A handler parses nothing and decides nothing: at most 40 lines."""
    assert len((ROOT / "functions" / function / "app.py").read_text().splitlines()) <= 40
