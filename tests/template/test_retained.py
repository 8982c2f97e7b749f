"""What a deleted stack leaves behind, and how it goes only when it is told to go."""

from __future__ import annotations

import io
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

SCRIPT = Path(__file__).parents[2] / "scripts" / "retained.py"
TEMPLATE = """
Parameters:
  CredentialsPath: {Type: String, Default: /songpost/default}
  ReaderCredentialsPath: {Type: String, Default: ""}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: account, AttributeType: S}]
      KeySchema: [{AttributeName: account, KeyType: HASH}]
      DeletionProtectionEnabled: true
  MediaBucket:
    Type: AWS::S3::Bucket
    Properties: {VersioningConfiguration: {Status: Enabled}}
Outputs:
  Table: {Value: !Ref Table}
  MediaBucket: {Value: !Ref MediaBucket}
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with one stack, a picture in two versions, twelve secrets of it and one of somebody else."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    with mock_aws():
        boto3.client("cloudformation").create_stack(StackName="songpost", TemplateBody=TEMPLATE)
        for content in (b"one", b"two"):
            boto3.client("s3").put_object(Bucket=_bucket(), Key="media/a.png", Body=content)
        for name in [f"default/oauth2/{number:04d}" for number in range(12)] + ["other/X_API_KEY"]:
            boto3.client("ssm").put_parameter(Name=f"/songpost/{name}", Value="x", Type="SecureString")
        yield


def _bucket() -> str:
    (bucket,) = boto3.client("s3").list_buckets()["Buckets"]
    return bucket["Name"]


def _secrets() -> set[str]:
    pages = boto3.client("ssm").get_paginator("describe_parameters").paginate()
    return {one["Name"] for page in pages for one in page["Parameters"]}


def _run(monkeypatch: pytest.MonkeyPatch, *words: str, given: str = "") -> int:
    monkeypatch.setattr(sys, "argv", ["retained.py", *words])
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.usefixtures("aws")
def test_what_is_kept_goes_only_when_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`list` and `tell` name table, bucket and path and touch nothing; `purge` removes all of it, and nothing else."""
    assert 0 == _run(monkeypatch, "list", "songpost")
    listed = capsys.readouterr().out
    (table,) = boto3.client("dynamodb").list_tables()["TableNames"]
    assert [f"table {table}", f"bucket {_bucket()}", "parameters /songpost/default"] == listed.splitlines()

    assert 0 == _run(monkeypatch, "tell", given=listed)
    told = capsys.readouterr().out
    assert f"kept: the table {table}" in told
    assert "retained.py purge" in told
    assert [table] == boto3.client("dynamodb").list_tables()["TableNames"]
    assert 13 == len(_secrets())

    assert 0 == _run(monkeypatch, "purge", given=listed)
    assert [] == boto3.client("dynamodb").list_tables()["TableNames"]
    assert [] == boto3.client("s3").list_buckets()["Buckets"]
    assert {"/songpost/other/X_API_KEY"} == _secrets()


@pytest.mark.usefixtures("aws")
def test_no_such_stack_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A stack that is not there ends with AWS's word and exit code 1, so that nothing is deleted after it."""
    assert 1 == _run(monkeypatch, "list", "another")
    assert "another" in capsys.readouterr().err


def test_other_words_are_shown_the_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command it says what there is."""
    assert 2 == _run(monkeypatch)
    assert "retained.py list STACK" in capsys.readouterr().err
