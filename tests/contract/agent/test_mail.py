"""Mail by Amazon's notification service, on moto: what a subscriber gets, and what a failure is called."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from songpost.errors import MailFailed
from songpost.mail import BODY_BYTES, sns_mail


@pytest.fixture
def topic(aws_environment: pytest.MonkeyPatch) -> Iterator[str]:
    """A topic with a queue that has subscribed to it."""
    del aws_environment
    with mock_aws():
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        arn = sns.create_topic(Name="songpost")["TopicArn"]
        url = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        yield arn


def received() -> list[tuple[str, str]]:
    """Subjects and bodies that lie in the queue."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="mailbox")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in messages]
    return [(body["Subject"], body["Message"]) for body in bodies]


def test_a_subscriber_gets_subject_and_body(topic: str) -> None:
    """The body comes as it is, in every script; the subject as SNS takes it: one line of ASCII."""
    sns_mail(topic).send("Songpost bäckerei:\n1 proposal", "Roggen will Wasser 🌾\n  | zweite Zeile")

    assert [("Songpost b?ckerei:?1 proposal", "Roggen will Wasser 🌾\n  | zweite Zeile")] == received()


def test_what_is_too_long_is_cut(topic: str) -> None:
    """A subject of 99 characters, and a body that ends between two characters."""
    sns_mail(topic).send("s" * 300, "🌾" * BODY_BYTES)
    ((subject, body),) = received()

    assert (99, BODY_BYTES // 4) == (len(subject), len(body))


def test_a_topic_that_is_gone_fails_by_name(topic: str) -> None:
    """The error says what to check; it is one of ours."""
    with pytest.raises(MailFailed, match=r"not published.*SONGPOST_MAIL_TOPIC"):
        sns_mail(f"{topic}-gone").send("A subject", "A body")
    assert [] == received()
