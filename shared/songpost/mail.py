"""Mail to the owner: a small port, AWS's notification service (SNS) behind it, and a log line where there is no topic.

A mail is a notice, never a part of what is decided: whoever sends one goes on where it fails.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from songpost.errors import MailFailed, quote

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger(__name__)

SUBJECT_CHARACTERS = 99
"""SNS takes subjects of fewer than 100 ASCII characters, without line breaks (its API reference, Publish)."""
BODY_BYTES = 200_000
"""SNS takes messages of 256 KB; a mail that long is none that anybody reads."""


class Mail(Protocol):
    """Where notices go."""

    def send(self, subject: str, body: str) -> None:
        """Send a mail. Raises `MailFailed`: it may or may not have gone out."""
        ...


@dataclass(frozen=True, slots=True)
class SnsMail:
    """Publishes to one topic; whoever has subscribed to it gets the mail."""

    topic_arn: str
    client: SNSClient

    def send(self, subject: str, body: str) -> None:
        """Publish. A subject of other characters than SNS takes is sent without them."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.publish(TopicArn=self.topic_arn, Subject=_subject(subject), Message=_cut(body))
        except (BotoCoreError, ClientError) as error:
            raise MailFailed(
                f"not published: {quote(str(error))}",
                where=f"mail {subject!r}",
                mend="check SONGPOST_MAIL_TOPIC and the permission sns:Publish on it",
            ) from error


@dataclass(frozen=True, slots=True)
class LoggedMail:
    """The mail of an account without a topic: a line of the log."""

    def send(self, subject: str, body: str) -> None:
        """Log it where a person who runs a command sees it."""
        logger.warning("%s\n%s", subject, body)


def _subject(subject: str) -> str:
    plain = "".join(character if " " <= character <= "~" else "?" for character in subject)
    return plain[:SUBJECT_CHARACTERS]


def _cut(body: str) -> str:
    return body.encode()[:BODY_BYTES].decode(errors="ignore")


def sns_mail(topic_arn: str) -> Mail:
    """A mail by SNS; boto3 is imported here, for most ticks send none."""
    import boto3
    from botocore.config import Config

    region = topic_arn.split(":")[3]
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    return SnsMail(topic_arn, boto3.client("sns", region_name=region, config=config))
