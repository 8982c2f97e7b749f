"""What AWS charges for what a stack of Songpost uses, as dated data: dollars a unit, and what is free for good.

Prices are AWS's public ones for pay-as-you-go, without tax. Only what is *always* free is taken off: the twelve months
and the credits of a new account are not. A region that is not here is refused, not guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from songpost.errors import PriceUnknown


@dataclass(frozen=True, slots=True)
class AwsPrice:
    """US dollars for `per` units of something, of which `free` units a month are never charged."""

    usd: Decimal
    per: int = 1
    free: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class AwsPriceList:
    """Prices of a region that hold from a UTC date on, and when they were read."""

    region: str
    effective_on: date
    read_on: date
    prices: Mapping[str, AwsPrice]


_LAMBDA = "aws.amazon.com/lambda/pricing"
_DYNAMODB = "aws.amazon.com/dynamodb/pricing/on-demand"
_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing"
_S3 = "aws.amazon.com/s3/pricing"

LISTS = (
    AwsPriceList(
        "us-east-1",
        date(2024, 11, 1),  # since then DynamoDB's requests on demand cost half
        date(2026, 11, 22),
        {
            "lambda requests": AwsPrice(Decimal("0.20"), 1_000_000, 1_000_000, _LAMBDA),
            "lambda GB-seconds, arm64": AwsPrice(Decimal("0.0000133334"), 1, 400_000, _LAMBDA),
            "lambda GB-seconds, x86_64": AwsPrice(Decimal("0.0000166667"), 1, 400_000, _LAMBDA),
            "dynamodb read units": AwsPrice(Decimal("0.125"), 1_000_000, 0, _DYNAMODB),
            "dynamodb write units": AwsPrice(Decimal("0.625"), 1_000_000, 0, _DYNAMODB),
            "dynamodb GB-months": AwsPrice(Decimal("0.25"), 1, 25, _DYNAMODB),
            "dynamodb backup GB-months": AwsPrice(Decimal("0.20"), 1, 0, _DYNAMODB),
            "log GB": AwsPrice(Decimal("0.50"), 1, 5, _CLOUDWATCH),
            "log GB-months": AwsPrice(Decimal("0.03"), 1, 5, _CLOUDWATCH),
            "metrics": AwsPrice(Decimal("0.30"), 1, 10, _CLOUDWATCH),
            "alarms": AwsPrice(Decimal("0.10"), 1, 10, _CLOUDWATCH),
            "dashboards": AwsPrice(Decimal("3.00"), 1, 3, _CLOUDWATCH),
            "scheduler ticks": AwsPrice(Decimal("1.00"), 1_000_000, 14_000_000, "aws.amazon.com/eventbridge/pricing"),
            "ssm parameter reads": AwsPrice(Decimal(0), 1, 0, "aws.amazon.com/systems-manager/pricing"),
            "kms requests": AwsPrice(Decimal("0.03"), 10_000, 20_000, "aws.amazon.com/kms/pricing"),
            "s3 GB-months": AwsPrice(Decimal("0.023"), 1, 0, _S3),
            "s3 reads": AwsPrice(Decimal("0.0004"), 1_000, 0, _S3),
            "sns mails": AwsPrice(Decimal("2.00"), 100_000, 1_000, "aws.amazon.com/sns/pricing"),
            "sqs requests": AwsPrice(Decimal("0.40"), 1_000_000, 1_000_000, "aws.amazon.com/sqs/pricing"),
            "GB to the internet": AwsPrice(Decimal("0.09"), 1, 100, "aws.amazon.com/ec2/pricing/on-demand"),
        },
    ),
)
"""The lists that are known, oldest first."""


def aws_prices(region: str, on: date) -> AwsPriceList:
    """The prices of a region on a UTC date. Raises `PriceUnknown` where no list is known."""
    for candidate in reversed(LISTS):
        if candidate.region == region and candidate.effective_on <= on:
            return candidate
    known = ", ".join(dict.fromkeys(one.region for one in LISTS))
    raise PriceUnknown(
        f"no AWS prices are known for {region} on {on.isoformat()}",
        where="--region",
        mend=f"known are {known}; a further list belongs into lab/aws_prices.py",
    )
