"""What each function may do on AWS, action by action, and that it may do all that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.template.conftest import of_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.template.cloudformation import Template

SSM = "arn:aws:ssm:eu-central-1:123456789012:parameter"
STATE = [f"dynamodb:{name}" for name in ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query")]
TOKENS = ["ssm:DeleteParameters", "ssm:PutParameter"]
LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
XRAY = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]

Grants = dict[str, tuple[list[str], list[str]]]
"""Actions and resources by the statement's id."""


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def grants(stack: Template, role: str) -> Grants:
    """All that a role may do."""
    properties = stack["Resources"][role]["Properties"]
    assert "ManagedPolicyArns" not in properties
    (policy,) = properties["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    assert {"Allow"} == {statement["Effect"] for statement in statements}
    return {one["Sid"]: (_listed(one["Action"]), _listed(one["Resource"])) for one in statements}


def _writer(path: str = "/songpost/default") -> Grants:
    return {
        "State": (STATE, ["Table.Arn"]),
        "Credentials": (["ssm:GetParametersByPath"], [f"{SSM}{path}", f"{SSM}{path}/*"]),
        "Tokens": (TOKENS, [f"{SSM}{path}/oauth2/*"]),
        "Media": (["s3:GetObject"], ["MediaBucket.Arn/media/*"]),
        "Failures": (["sqs:SendMessage"], ["FailureQueue.Arn"]),
        "Logs": (LOGS, ["WriterLogGroup.Arn"]),
    }


def _reader(path: str = "/songpost/default") -> Grants:
    granted = {sid: grant for sid, grant in _writer(path).items() if sid != "Media"}
    return granted | {"Logs": (LOGS, ["ReaderLogGroup.Arn"])}


def test_the_writer_may_do_this_and_no_more(stack: Callable[..., Template]) -> None:
    """The writer's role: state, its credentials and tokens, the media it uploads, its own log and failures."""
    assert _writer() == grants(stack(), "WriterRole")


def test_the_reader_may_do_this_and_no_more(stack: Callable[..., Template]) -> None:
    """The reader's role: state, its credentials and tokens, its own log and failures; no media, no mails."""
    assert _reader() == grants(stack(), "ReaderRole")


def test_the_reader_may_ask_the_models_that_are_named_and_no_other(stack: Callable[..., Template]) -> None:
    """`BedrockModels` lets the reader, and it alone, invoke these models; what is no model's ARN is refused."""
    models = [f"arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-{size}-v1:0" for size in ("lite", "micro")]
    built = stack(BedrockModels=",".join(models))
    assert _reader() | {"Models": (["bedrock:InvokeModel"], models)} == grants(built, "ReaderRole")
    assert _writer() == grants(built, "WriterRole")
    for wrong in ("*", "arn:aws:bedrock:eu-central-1::foundation-model/*", "amazon.nova-lite-v1:0"):
        with pytest.raises(AssertionError, match="is not of its pattern"):
            stack(BedrockModels=f"{models[0]},{wrong}")


def test_the_reader_can_be_kept_from_the_writers_keys(stack: Callable[..., Template]) -> None:
    """With `ReaderCredentialsPath` neither role reaches the other's path, and each function is told its own."""
    built = stack(CredentialsPath="/shop/writer", ReaderCredentialsPath="/shop/reader")
    assert _writer("/shop/writer") == grants(built, "WriterRole")
    assert _reader("/shop/reader") == grants(built, "ReaderRole")
    told = {
        function: built["Resources"][function]["Properties"]["Environment"]["Variables"]["SONGPOST_CREDENTIALS_PATH"]
        for function in ("WriterFunction", "ReaderFunction")
    }
    assert {"WriterFunction": "/shop/writer", "ReaderFunction": "/shop/reader"} == told


def test_only_the_writer_mails_and_only_where_there_is_somebody(stack: Callable[..., Template]) -> None:
    """`AlarmEmail` makes a topic with its subscription, to which the writer may publish; else there is none."""
    silent, told = stack(), stack(AlarmEmail="owner@example.com")
    assert {} == of_type(silent, "AWS::SNS::Topic") | of_type(silent, "AWS::SNS::TopicPolicy")
    (topic,) = of_type(told, "AWS::SNS::Topic").values()
    assert [{"Protocol": "email", "Endpoint": "owner@example.com"}] == topic["Subscription"]
    assert _writer() | {"Mails": (["sns:Publish"], ["MailTopic"])} == grants(told, "WriterRole")
    assert _reader() == grants(told, "ReaderRole")
    variables = [
        built["Resources"]["WriterFunction"]["Properties"]["Environment"]["Variables"]["SONGPOST_MAIL_TOPIC"]
        for built in (silent, told)
    ]
    assert ["", "MailTopic"] == variables


def test_alarms_of_this_account_alone_reach_the_topic(stack: Callable[..., Template]) -> None:
    """CloudWatch may publish for this AWS account, and nobody without TLS."""
    (policy,) = of_type(stack(AlarmEmail="owner@example.com"), "AWS::SNS::TopicPolicy").values()
    allow, deny = policy["PolicyDocument"]["Statement"]
    assert {"Service": "cloudwatch.amazonaws.com"} == allow["Principal"]
    assert {"StringEquals": {"aws:SourceAccount": "123456789012"}} == allow["Condition"]
    assert ("Deny", {"Bool": {"aws:SecureTransport": "false"}}) == (deny["Effect"], deny["Condition"])


@pytest.mark.parametrize("role", ["WriterRole", "ReaderRole"])
def test_traces_add_what_aws_forces_and_nothing_else(stack: Callable[..., Template], role: str) -> None:
    """X-Ray's two actions know no resource; they are the only ones on all, and only where traces are on."""
    without, with_traces = grants(stack(), role), grants(stack(EnableTelemetry="true"), role)
    assert without | {"Traces": (XRAY, ["*"])} == with_traces
    for actions, resources in without.values():
        assert not any("*" in action for action in actions)
        assert "*" not in resources


@pytest.mark.parametrize("role", ["WriterRole", "ReaderRole"])
def test_only_lambda_takes_a_role(stack: Callable[..., Template], role: str) -> None:
    """A role is assumed by Lambda alone, and its function is the one that has it."""
    built = stack()
    (statement,) = built["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole") == (statement["Principal"], statement["Action"])
    function = built["Resources"][role.replace("Role", "Function")]["Properties"]
    assert f"{role}.Arn" == function["Role"]


def test_a_schedule_may_start_its_function_alone(stack: Callable[..., Template]) -> None:
    """The roles that the schedules take may invoke the one function each, and are the only others there are."""
    roles = of_type(stack(), "AWS::IAM::Role")
    assert {"WriterRole", "ReaderRole", "WriterFunctionTickRole", "ReaderFunctionTickRole"} == set(roles)
    for function in ("WriterFunction", "ReaderFunction"):
        (policy,) = roles[f"{function}TickRole"]["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert ("lambda:InvokeFunction", f"{function}.Arn") == (statement["Action"], statement["Resource"])


def test_every_role_can_be_bounded(stack: Callable[..., Template]) -> None:
    """`PermissionsBoundary` bounds each role of the stack, as a deploying role with least privilege demands."""
    boundary = "arn:aws:iam::123456789012:policy/songpost-boundary"
    roles = of_type(stack(PermissionsBoundary=boundary), "AWS::IAM::Role")
    assert {boundary} == {role.get("PermissionsBoundary") for role in roles.values()}
    assert not any("PermissionsBoundary" in role for role in of_type(stack(), "AWS::IAM::Role").values())
