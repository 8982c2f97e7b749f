"""What the doctor says of a stack in AWS, asked of botocore's stubs, which hold both sides to AWS's form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from songpost.cli import doctor_stack
from songpost.cli.findings import Found, Level

NOW = datetime.now(UTC)
IDS = {
    "WriterFunction": "songpost-writer",
    "ReaderFunction": "songpost-reader",
    "WriterFunctionTick": "songpost-writer-tick",
    "ReaderFunctionTick": "songpost-reader-tick",
    "FailureQueue": "https://sqs.eu-central-1.amazonaws.com/123456789012/failures",
    "Table": "songpost-table",
}
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/songpost-table"
Answers = dict[str, list[tuple[str, Any, Any]]]
"""By service, in order: the operation, AWS's answer or its error code, and the question where it matters."""


def variables(**changed: str) -> dict[str, str]:
    """A function's environment."""
    return {
        "DRY_RUN": "false",
        "SONGPOST_ACCOUNT": "default",
        "SONGPOST_STORE": "dynamodb://songpost-table",
        "SONGPOST_CREDENTIALS_PATH": "/songpost/default",
        "X_AUTH_MODE": "tweepy",
        **changed,
    }


def function(name: str, environment: Mapping[str, str]) -> tuple[str, Any, Any]:
    """A function's configuration."""
    answer = {
        "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:eu-central-1:123456789012:function:{name}",
        "Role": f"arn:aws:iam::123456789012:role/{name}",
        "Environment": {"Variables": dict(environment)},
    }
    return ("get_function_configuration", answer, {"FunctionName": name})


def simulated(*allowed: str) -> tuple[str, Any, Any]:
    """IAM's word on a role: these actions are allowed, the others are not."""
    actions = [*doctor_stack.MAY["WriterFunction"], *doctor_stack.MAY_NOT]
    results = [
        {"EvalActionName": name, "EvalDecision": "allowed" if name in allowed else "implicitDeny"} for name in actions
    ]
    return ("simulate_principal_policy", {"EvaluationResults": results}, {
        "PolicySourceArn": ANY, "ActionNames": actions, "ResourceArns": [TABLE],
    })  # fmt: skip


def healthy() -> Answers:
    """A stack in which all is well, its reader with tokens of its own."""
    schedule = {"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)", "ScheduleExpressionTimezone": "UTC"}
    point = {"Datapoints": [{"Timestamp": NOW - timedelta(minutes=5), "Sum": 1.0}]}
    keys = [{"Name": f"/songpost/default/{name}", "Type": "SecureString"} for name in doctor_stack.SECRETS["tweepy"]]
    own = [{"Name": f"/songpost/reader/{name}", "Type": "SecureString"} for name in doctor_stack.SECRETS["tweepy"]]
    resources = [
        {
            "LogicalResourceId": logical,
            "PhysicalResourceId": physical,
            "ResourceType": "AWS::Some::Thing",
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": NOW,
        }
        for logical, physical in IDS.items()
    ]
    return {
        "cloudformation": [("list_stack_resources", {"StackResourceSummaries": resources}, {"StackName": "songpost"})],
        "lambda": [
            function("songpost-writer", variables()),
            function("songpost-reader", variables(SONGPOST_CREDENTIALS_PATH="/songpost/reader")),
        ],
        "scheduler": [("get_schedule", schedule, {"Name": IDS[f"{name}Tick"]}) for name in doctor_stack.MAY],
        "cloudwatch": [("get_metric_statistics", point, None)] * 2,
        "sqs": [("get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "0"}}, None)],
        "dynamodb": [
            ("describe_table", {"Table": {"TableStatus": "ACTIVE", "DeletionProtectionEnabled": True}}, None),
            (
                "describe_continuous_backups",
                {
                    "ContinuousBackupsDescription": {
                        "ContinuousBackupsStatus": "ENABLED",
                        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"},
                    }
                },
                None,
            ),
            ("describe_time_to_live", {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}, None),
        ],
        "ssm": [
            ("get_parameters_by_path", {"Parameters": keys}, None),
            ("get_parameters_by_path", {"Parameters": own}, None),
        ],
        "iam": [simulated(*doctor_stack.MAY["WriterFunction"])] * 2,
    }


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """AWS as it answers; a test changes the answers before it asks."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    answers = healthy()
    original: Any = boto3.client  # its overloads want a literal name

    def client(service: str) -> Any:  # any of boto3's clients
        made = original(service)
        stubber = Stubber(made)
        for operation, answer, question in answers[service]:
            if isinstance(answer, str):
                stubber.add_client_error(operation, answer)
            else:
                stubber.add_response(operation, answer, question)
        stubber.activate()
        return made

    def once(service: str) -> Any:  # any of boto3's clients
        if service not in made:
            made[service] = client(service)
        return made[service]

    made: dict[str, Any] = {}
    monkeypatch.setattr(boto3, "client", once)
    return answers


def bad(found: list[Found]) -> list[tuple[str, str]]:
    """What is to be mended: areas and words."""
    return [(one.area, one.what) for one in found if one.level is Level.BAD]


@pytest.mark.usefixtures("aws")
def test_a_stack_in_order_is_said_to_be() -> None:
    """Every area is looked at, and nothing is to be mended."""
    found = doctor_stack.looked("songpost")
    assert [] == bad(found)
    areas = {"WriterFunction", "ReaderFunction", "schedule", "last tick", "failure queue", "table", "SSM", "role"}
    assert areas == {one.area for one in found}
    assert all(one.mend for one in found if one.level is not Level.GOOD)


def test_a_reader_that_may_post_is_noted(aws: Answers) -> None:
    """A reader with the writer's credentials is worth knowing, and not bad."""
    aws["lambda"][1] = function("songpost-reader", variables())
    aws["ssm"].pop()
    notes = [one.what for one in doctor_stack.looked("songpost") if one.level is Level.NOTE]
    assert ["has the writer's X credentials, which may post"] == notes


@pytest.mark.parametrize(
    ("service", "place", "answer", "area", "told"),
    [
        ("scheduler", 0, {"State": "DISABLED", "ScheduleExpression": "rate(5 minutes)"}, "schedule", "is disabled"),
        ("cloudwatch", 0, {"Datapoints": []}, "last tick", "has not ticked for a day"),
        (
            "cloudwatch",
            1,
            {"Datapoints": [{"Timestamp": NOW - timedelta(hours=9), "Sum": 1.0}]},
            "last tick",
            "ReaderFunction last ticked",
        ),
        ("sqs", 0, {"Attributes": {"ApproximateNumberOfMessages": "3"}}, "failure queue", "3 failed ticks"),
        ("dynamodb", 0, {"Table": {"TableStatus": "ACTIVE"}}, "table", "deletion protection"),
        ("dynamodb", 2, {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}, "table", "time to live"),
        ("ssm", 0, {"Parameters": []}, "SSM", "/songpost/default/X_API_KEY is missing"),
        ("iam", 0, simulated("dynamodb:Query")[1], "role", "may not dynamodb:PutItem"),
        ("iam", 1, simulated(*doctor_stack.MAY["ReaderFunction"], "dynamodb:Scan")[1], "role", "may dynamodb:Scan"),
        ("iam", 0, "AccessDenied", "role", "AWS does not tell: AccessDenied"),
        ("cloudformation", 0, "ValidationError", "functions", "AWS does not tell: ValidationError"),
    ],
)
def test_what_is_wrong_is_named(aws: Answers, service: str, place: int, answer: Any, area: str, told: str) -> None:
    """Each thing that can be wrong is found in its area, with what to do."""
    operation, _, question = aws[service][place]
    aws[service][place] = (operation, answer, question)
    found = doctor_stack.looked("songpost")
    assert any(one.area == area and told in one.what and one.mend for one in found if one.level is Level.BAD), found


def test_a_plain_parameter_and_missing_tokens_are_found(aws: Answers) -> None:
    """With OAuth 2.0 a secret in plain and a missing pair of tokens are both bad."""
    for place, name in enumerate(("songpost-writer", "songpost-reader")):
        aws["lambda"][place] = function(name, variables(X_AUTH_MODE="oauth2"))
    plain = {"Parameters": [{"Name": "/songpost/default/X_CLIENT_ID", "Type": "String"}]}
    aws["ssm"] = [("get_parameters_by_path", plain, None)]
    told = [what for area, what in bad(doctor_stack.looked("songpost")) if area == "SSM"]
    assert [
        "/songpost/default/X_CLIENT_ID is no SecureString: it can be read in plain",
        "/songpost/default holds no pair of tokens",
    ] == told


def test_the_claims_of_refreshes_are_no_secrets(aws: Answers) -> None:
    """A pair that was refreshed leaves its claim beside it, in plain: nothing is to be mended."""
    aws["lambda"][0] = function("songpost-writer", variables(X_AUTH_MODE="oauth2"))
    kinds = {"X_CLIENT_ID": "SecureString", "oauth2/0002": "SecureString", "oauth2/0001-spending": "String"}
    found = [{"Name": f"/songpost/default/{name}", "Type": kind} for name, kind in kinds.items()]
    aws["ssm"][0] = ("get_parameters_by_path", {"Parameters": found}, None)

    assert [] == bad(doctor_stack.looked("songpost"))


def test_functions_that_disagree_are_found(aws: Answers) -> None:
    """A reader of another account than the writer's is bad."""
    aws["lambda"][1] = function("songpost-reader", variables(SONGPOST_ACCOUNT="other"))
    assert ("functions", "reader and writer do not agree on SONGPOST_ACCOUNT") in bad(doctor_stack.looked("songpost"))


def test_another_stack_is_named(aws: Answers) -> None:
    """A stack without Songpost's resources is said to be another."""
    aws["cloudformation"][0] = ("list_stack_resources", {"StackResourceSummaries": []}, {"StackName": "songpost"})
    assert all("the stack songpost has no resource" in what for _, what in bad(doctor_stack.looked("songpost")))


def test_without_credentials_each_area_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody to ask AWS as: named, with what to set; no traceback."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert {"set AWS_PROFILE and AWS_REGION"} == {one.mend for one in doctor_stack.looked("songpost")}
