"""`songpost doctor --stack NAME`: the stack in AWS, with the credentials of whoever runs the command.

It reads and changes nothing. Whatever this person's own policy does not let them ask is a finding that says so; the
other checks go on. The roles are asked through IAM's policy simulator: what each function must be allowed, and what it
must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from songpost.cli.findings import Found, bad, good, note

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

STATE = ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query")
MAY: Mapping[str, tuple[str, ...]] = {
    "WriterFunction": tuple(f"dynamodb:{name}" for name in STATE),
    "ReaderFunction": tuple(f"dynamodb:{name}" for name in STATE),
}
MAY_NOT = ("dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable")
"""Of the table: nobody reads it whole, and no function changes what it is."""
SECRETS = {
    "tweepy": ("X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_SECRET"),
    "oauth2": ("X_CLIENT_ID",),
}
TICKS = {"WriterFunction": timedelta(hours=2), "ReaderFunction": timedelta(hours=3)}
"""How long ago each function may have been invoked last before it is worth a word."""


@dataclass
class Stack:
    """A stack, asked as its parts are needed."""

    name: str
    now: datetime
    functions: dict[str, FunctionConfigurationResponseTypeDef] = field(default_factory=dict)

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """Physical ids by logical id."""
        import boto3

        pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def function(self, logical: str) -> FunctionConfigurationResponseTypeDef:
        """A function's configuration."""
        import boto3

        if logical not in self.functions:
            client = boto3.client("lambda")
            self.functions[logical] = client.get_function_configuration(FunctionName=self.ids[logical])
        return self.functions[logical]

    def variables(self, logical: str) -> Mapping[str, str]:
        """A function's environment."""
        return self.function(logical).get("Environment", {}).get("Variables", {})


def _functions(stack: Stack) -> Iterator[Found]:
    for logical in MAY:
        variables = stack.variables(logical)
        live = variables.get("DRY_RUN") == "false"
        account = variables.get("SONGPOST_ACCOUNT", "")
        yield good(
            logical, f"{'live' if live else 'dry'}, account {account}, store {variables.get('SONGPOST_STORE', '')}"
        )
    writer, reader = (stack.variables(logical) for logical in MAY)
    for name in ("SONGPOST_STORE", "SONGPOST_ACCOUNT"):
        if writer.get(name) != reader.get(name):
            yield bad("functions", f"reader and writer do not agree on {name}", "deploy the stack again")
    if writer.get("SONGPOST_CREDENTIALS_PATH") == reader.get("SONGPOST_CREDENTIALS_PATH"):
        yield note(
            "ReaderFunction",
            "has the writer's X credentials, which may post",
            "give it read-only tokens of their own: parameter ReaderCredentialsPath",
        )


def _schedules(stack: Stack) -> Iterator[Found]:
    import boto3

    scheduler = boto3.client("scheduler")
    for logical in MAY:
        found = scheduler.get_schedule(Name=stack.ids[f"{logical}Tick"])
        words = f"{found['ScheduleExpression']} ({found.get('ScheduleExpressionTimezone', 'UTC')})"
        if found["State"] == "ENABLED":
            yield good("schedule", f"{logical}: {words}")
        else:
            yield bad("schedule", f"{logical}: {words} is {found['State'].lower()}", "enable it, or deploy again")


def _ticks(stack: Stack) -> Iterator[Found]:
    import boto3

    cloudwatch = boto3.client("cloudwatch")
    for logical, longest in TICKS.items():
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": stack.ids[logical]}],
            StartTime=stack.now - timedelta(days=1),
            EndTime=stack.now,
            Period=300,
            Statistics=["Sum"],
        )
        times = [point["Timestamp"] for point in answer["Datapoints"] if point.get("Sum")]
        if not times or stack.now - max(times) > longest:
            last = f"last ticked at {max(times):%Y-%m-%d %H:%M} UTC" if times else "has not ticked for a day"
            yield bad("last tick", f"{logical} {last}", "look at its schedule, its log group and the failure queue")
        else:
            yield good("last tick", f"{logical} at {max(times):%Y-%m-%d %H:%M} UTC")


def _queue(stack: Stack) -> Iterator[Found]:
    import boto3

    answer = boto3.client("sqs").get_queue_attributes(
        QueueUrl=stack.ids["FailureQueue"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if waiting:
        yield bad("failure queue", f"{waiting} failed ticks wait in it", "read them, mend the reason, purge the queue")
    else:
        yield good("failure queue", "empty")


def _table(stack: Stack) -> Iterator[Found]:
    import boto3

    dynamodb, name = boto3.client("dynamodb"), stack.ids["Table"]
    table = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"].get("TimeToLiveStatus")
    wanted = {
        "its status is ACTIVE": table["TableStatus"] == "ACTIVE",
        "deletion protection is on": bool(table.get("DeletionProtectionEnabled")),
        "point-in-time recovery is on": recovery == "ENABLED",
        "time to live is on": ttl in {"ENABLED", "ENABLING"},
    }
    for words, holds in wanted.items():
        if not holds:
            yield bad(
                "table", f"it does not hold that {words}", "deploy the stack again; somebody has changed the table"
            )
    if all(wanted.values()):
        yield good("table", f"{name}: active, protected, recoverable, forgetting")


def _parameters(stack: Stack) -> Iterator[Found]:
    import boto3

    ssm = boto3.client("ssm")
    for path, mode in sorted(
        {
            (
                stack.variables(logical).get("SONGPOST_CREDENTIALS_PATH", ""),
                stack.variables(logical).get("X_AUTH_MODE", ""),
            )
            for logical in MAY
        }
    ):
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True, WithDecryption=False)
        found = {one["Name"].removeprefix(f"{path}/"): one["Type"] for page in pages for one in page["Parameters"]}
        for name in SECRETS.get(mode, ()):
            if name not in found:
                yield bad(
                    "SSM",
                    f"{path}/{name} is missing",
                    f"aws ssm put-parameter --type SecureString --name {path}/{name}",
                )
        # The claims of refreshes (x/token_ssm.py) are random words that prove nothing to X: they lie there in plain.
        plain = [name for name, kind in found.items() if kind != "SecureString" and not name.endswith("-spending")]
        for name in sorted(plain):
            yield bad("SSM", f"{path}/{name} is no SecureString: it can be read in plain", "store it anew, encrypted")
        if mode == "oauth2" and not any(name.startswith("oauth2/") for name in found):
            yield bad("SSM", f"{path} holds no pair of tokens", "run `songpost authorize --to ssm`")
        if set(SECRETS.get(mode, ())) <= found.keys():
            yield good("SSM", f"{path}: {len(found)} parameters, the static credentials among them")


def _roles(stack: Stack) -> Iterator[Found]:
    import boto3

    iam = boto3.client("iam")
    for logical, may in MAY.items():
        function = stack.function(logical)
        region, account = function["FunctionArn"].split(":")[3:5]
        table = f"arn:aws:dynamodb:{region}:{account}:table/{stack.ids['Table']}"
        answer = iam.simulate_principal_policy(
            PolicySourceArn=function["Role"], ActionNames=[*may, *MAY_NOT], ResourceArns=[table]
        )
        allowed = {one["EvalActionName"] for one in answer["EvaluationResults"] if one["EvalDecision"] == "allowed"}
        for action in sorted(set(may) - allowed):
            yield bad("role", f"{logical} may not {action}", "deploy the stack again; somebody has changed the role")
        for action in sorted(allowed - set(may)):
            yield bad("role", f"{logical} may {action}, which it never needs", "take it out of the role")
        if allowed == set(may):
            yield good("role", f"{logical} may do to the table what it needs, and neither scan nor change it")


CHECKS: Sequence[tuple[str, Callable[[Stack], Iterator[Found]]]] = (
    ("functions", _functions),
    ("schedule", _schedules),
    ("last tick", _ticks),
    ("failure queue", _queue),
    ("table", _table),
    ("SSM", _parameters),
    ("role", _roles),
)


def looked(name: str) -> list[Found]:
    """Look at a stack by its name; what AWS refuses to tell is a finding, too."""
    from botocore.exceptions import BotoCoreError, ClientError

    found: list[Found] = []
    stack = Stack(name, datetime.now(UTC))
    for area, check in CHECKS:
        try:
            found += check(stack)
        except KeyError as error:
            found.append(
                bad(area, f"the stack {name} has no resource {error}", "name Songpost's own stack, or deploy it")
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            found.append(
                bad(area, f"AWS does not tell: {code}", "your own policy must let you ask, or the name is wrong")
            )
        except BotoCoreError as error:
            found.append(bad(area, f"AWS cannot be asked: {type(error).__name__}", "set AWS_PROFILE and AWS_REGION"))
    return found
