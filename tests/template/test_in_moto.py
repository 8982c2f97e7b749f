"""The stack as it stands: created by moto's CloudFormation, and both functions run in it with what the template gives.

moto knows no schedules, event-invoke configurations, alarms, filters and policies: those are asserted on the rendered
JSON in the tests beside this one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import boto3
import botocore.client
import pytest
from moto import mock_aws

from songpost import invoking
from songpost.agent import library
from songpost.bootstrap import Session
from songpost.core import content
from songpost.lab.in_process import SandboxTransport, environment
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.model import Json
from songpost.runtime import Runtime
from songpost.store.opening import open_store
from tests.template.cloudformation import Template
from tests.template.conftest import WATCH, load
from tests.template.test_roles import grants
from tests.unit.agent.conftest import SETTINGS, START, TEXTS

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse .* moto:UserWarning")  # what moto does not know

REGION: Literal["eu-central-1"] = "eu-central-1"
MAKE = "_make_api_call"
"""botocore's one door, which every client's method goes through; its stubs do not show it."""
IAM_ACTIONS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
"""What IAM asks of a role for each part of a transaction (docs: IAM for DynamoDB transactions, read 2026-11-22)."""


@dataclass
class Stack:
    """A stack that moto created: what its functions are told, and the AWS calls that they make."""

    variables: dict[str, dict[str, str]]
    called: set[str] = field(default_factory=set)

    def told(self, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
        """Be this function: its variables, and Lambda's own."""
        for name, value in self.variables[function].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)


def _actions(service: str, operation: str, parameters: dict[str, Any]) -> set[str]:
    """The IAM actions that one AWS call asks for."""
    if operation == "TransactWriteItems":
        return {IAM_ACTIONS[part] for item in parameters["TransactItems"] for part in item}
    return {f"{service}:{operation}"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account in this process; nothing leaves it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    monkeypatch.setenv("VALIDATE_LAMBDA_S3", "false")
    monkeypatch.setattr(invoking, "_stores", {})
    with mock_aws():
        yield


@pytest.fixture
def create(render: Callable[..., Template], aws: None) -> Callable[..., Stack]:  # noqa: ARG001  its account
    """Create the stack with the given parameters, its nested stack with it."""

    def _create(**parameters: str) -> Stack:
        template = render(**parameters)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="bucket", Key="key", Body=b"code")
        s3.put_object(Bucket="bucket", Key="watch", Body=json.dumps(load(WATCH)).encode())
        template["Resources"]["Watch"]["Properties"]["TemplateURL"] = "https://s3.amazonaws.com/bucket/watch"
        client = boto3.client("cloudformation")
        client.create_stack(
            StackName="songpost",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = client.describe_stacks(StackName="songpost")["Stacks"]
        assert "CREATE_COMPLETE" == stack["StackStatus"]
        functions = boto3.client("lambda").list_functions()["Functions"]
        variables = {
            one["FunctionName"].split("-")[1]: {
                name: str(value) for name, value in one["Environment"]["Variables"].items()
            }
            for one in functions
        }
        return Stack(variables)

    return _create


def _noted(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note every AWS call from now on."""
    call = getattr(botocore.client.BaseClient, MAKE)

    def noting(client: botocore.client.BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        stack.called |= _actions(client.meta.service_model.endpoint_prefix, operation, parameters)
        return call(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, MAKE, noting)


def _rows(stack: Stack) -> int:
    table = stack.variables["WriterFunction"]["SONGPOST_STORE"].removeprefix("dynamodb://")
    return len(boto3.resource("dynamodb").Table(table).scan()["Items"])


def test_a_new_stack_ticks_dry_and_writes_nothing(
    create: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after deployment, with nothing pushed and no credentials, both functions show the example, dry."""
    stack = create()
    for function, handle, event in (
        ("WriterFunction", invoking.handle_writer, {"mode": "both", "account": "default"}),
        ("ReaderFunction", invoking.handle_reader, {"mode": "all", "account": "default"}),
    ):
        stack.told(monkeypatch, function)
        summary = handle(event, None)
        assert (True, "default") == (summary["dry_run"], summary["account"])
    assert 0 == _rows(stack)


def test_a_live_stack_posts_and_measures_with_what_its_roles_allow(
    create: Callable[..., Stack], stack: Callable[..., Template], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live, with settings pushed and credentials under the path, the writer posts on X and the reader reads it back;
    every AWS call of either is one that its role allows.
    """
    live = create(DryRun="false", AlarmEmail="owner@example.com")
    clock = VirtualClock(START)
    sandbox = Sandbox(clock=clock)
    monkeypatch.setattr(invoking, "system_clock", clock.now)
    monkeypatch.setattr("songpost.x.network.NetworkTransport", lambda **_: SandboxTransport(sandbox, clock.now))
    for name, secret in environment(sandbox).items():
        boto3.client("ssm").put_parameter(Name=f"/songpost/default/{name}", Value=secret, Type="SecureString")
    _push(live)

    summaries: dict[str, dict[str, Json]] = {}
    granted = stack(DryRun="false", AlarmEmail="owner@example.com")
    for function, handle, role, later in (
        ("WriterFunction", invoking.handle_writer, "WriterRole", timedelta()),
        ("ReaderFunction", invoking.handle_reader, "ReaderRole", timedelta(hours=49)),
    ):
        clock.set(clock.now() + later)
        live.told(monkeypatch, function)
        live.called.clear()
        with monkeypatch.context() as noting:
            _noted(live, noting)
            summaries[function] = handle({"account": "default"}, None)
        assert "error" not in summaries[function], summaries[function]
        allowed = {action for actions, _ in grants(granted, role).values() for action in actions}
        assert live.called
        assert live.called <= allowed, (function, live.called - allowed)
    assert 1 == len(sandbox.requests("POST /2/tweets"))
    (measured,) = _listed(summaries["ReaderFunction"]["posts"])
    assert sandbox.posts()[0].id == measured["post_id"]
    assert measured["result"] in {"credited", "not credited"}, measured  # seen by too few to learn from


def _push(stack: Stack) -> None:
    """What `songpost settings push` does, from a laptop."""
    account = Session(
        runtime=Runtime(store=stack.variables["WriterFunction"]["SONGPOST_STORE"]),
        environ={},
        store=open_store(stack.variables["WriterFunction"]["SONGPOST_STORE"], read_only=False),
        clock=lambda: datetime.now(UTC),
        file=None,
    )
    library.push(account.desk, SETTINGS, content.library_of(TEXTS))


def _listed(value: Json) -> list[Any]:
    assert isinstance(value, list)
    return value
