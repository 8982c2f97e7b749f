"""The real emulator for whoever needs it: Amazon's DynamoDB Local, started outside, named by the environment."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Made-up credentials and a region, so that no test can reach a real account; the patch for more."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def dynamodb_local(aws_environment: pytest.MonkeyPatch) -> str:
    """The endpoint of DynamoDB Local; without one the test skips and says how to get it."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB", "")
    if not endpoint:
        pytest.skip("NOT RUN on DynamoDB Local: start it and set AWS_ENDPOINT_URL_DYNAMODB to its address")
    aws_environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    return endpoint
