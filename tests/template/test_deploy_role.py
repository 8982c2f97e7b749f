"""What a GitHub environment may do to deploy, and that whatever it deploys stays within the boundary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.template.cloudformation import evaluated
from tests.template.conftest import ROOT, load, of_type
from tests.template.test_roles import grants

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.template.cloudformation import Template

ROLE = ROOT / "infra" / "deploy-role.yaml"
NO_RESOURCE = {
    "cloudformation:GetTemplateSummary", "logs:DescribeLogGroups", "logs:DescribeMetricFilters",
    "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}  # fmt: skip
"""Actions that AWS grants on everything or not at all."""

MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.fixture
def made() -> Template:
    """The stack of the deploying roles, for one repository."""
    return evaluated(load(ROLE), Repository="owner/songpost")


def _statements(made: Template) -> dict[str, list[Template]]:
    """Every statement of the two roles and of the boundary."""
    found = {
        name: [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        for name, role in of_type(made, "AWS::IAM::Role").items()
    }
    for name, policy in of_type(made, "AWS::IAM::ManagedPolicy").items():
        found[name] = policy["PolicyDocument"]["Statement"]
    return found


def test_one_environment_of_one_repository_takes_the_role(made: Template) -> None:
    """GitHub's token must name the audience, the repository and the environment; no pattern is accepted."""
    (statement,) = of_type(made, "AWS::IAM::Role")["DeployRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert "sts:AssumeRoleWithWebIdentity" == statement["Action"]
    host = "token.actions.githubusercontent.com"
    expected = {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": "repo:owner/songpost:environment:production"}
    assert {"StringEquals": expected} == statement["Condition"]


def test_the_provider_is_made_only_where_there_is_none() -> None:
    """An AWS account has one OIDC provider for GitHub; one that is named is used."""
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    named = evaluated(load(ROLE), Repository="owner/songpost", OidcProvider=arn)
    assert {} == of_type(named, "AWS::IAM::OIDCProvider")
    (statement,) = of_type(named, "AWS::IAM::Role")["DeployRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert arn == statement["Principal"]["Federated"]


def test_nothing_is_granted_by_pattern_of_actions_or_on_all(made: Template) -> None:
    """Actions are written out; only those that AWS knows no resource for stand on all."""
    for name, statements in _statements(made).items():
        for statement in statements:
            actions = set(_listed(statement["Action"]))
            assert not any("*" in action for action in actions), name
            if "*" in _listed(statement["Resource"]):
                assert actions <= NO_RESOURCE, (name, actions - NO_RESOURCE)


def test_a_deployment_cannot_delete_what_is_kept(made: Template) -> None:
    """Neither role can delete the table, the bucket, or read or write an item or an object of them."""
    allowed = {
        action
        for name in ("DeployRole", "ExecutionRole")
        for statement in _statements(made)[name]
        for action in _listed(statement["Action"])
    }
    assert not {action for action in allowed if re.match(r"dynamodb:(Delete|Get|Put|Query|Scan|Batch)", action)}
    assert not allowed & {"s3:DeleteBucket", "s3:DeleteObject", "ssm:GetParametersByPath"}


def test_a_role_is_made_under_the_boundary_or_not_at_all(made: Template) -> None:
    """Making a role, giving it a policy, or changing its boundary wants the boundary; none may lift it."""
    (bounded,) = [one for one in _statements(made)["ExecutionRole"] if one["Sid"] == "BoundedRoles"]
    assert {"StringEquals": {"iam:PermissionsBoundary": "RoleBoundary"}} == bounded["Condition"]
    assert {"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"} <= set(bounded["Action"])
    elsewhere = {
        action
        for name, statements in _statements(made).items()
        for statement in statements
        if statement is not bounded and name != "RoleBoundary"
        for action in _listed(statement["Action"])
        if action.startswith("iam:")
    }
    assert not elsewhere & {
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePolicy",
        "iam:CreatePolicyVersion", "iam:PutRolePermissionsBoundary",
    }  # fmt: skip


def test_the_boundary_leaves_the_functions_what_they_need(stack: Callable[..., Template]) -> None:
    """Each action of the stack's roles, with mails, traces and a model, stands in the boundary."""
    made = evaluated(load(ROLE), Repository="owner/songpost", BedrockModels=MODEL)
    bounded = {action for one in _statements(made)["RoleBoundary"] for action in _listed(one["Action"])}
    built = stack(AlarmEmail="owner@example.com", EnableTelemetry="true", BedrockModels=MODEL)
    needed = {
        action
        for role in ("WriterRole", "ReaderRole")
        for actions, _ in grants(built, role).values()
        for action in actions
    }
    assert needed | {"lambda:InvokeFunction"} == bounded


def test_no_deployment_reaches_a_model_that_was_not_named(made: Template) -> None:
    """The boundary holds the models' ARNs, and without any the action is not there at all."""
    named = evaluated(load(ROLE), Repository="owner/songpost", BedrockModels=MODEL)
    (models,) = [one for one in _statements(named)["RoleBoundary"] if one["Sid"] == "Models"]
    assert ("bedrock:InvokeModel", [MODEL]) == (models["Action"], models["Resource"])
    assert "Models" not in {one["Sid"] for one in _statements(made)["RoleBoundary"]}
