"""Logs: JSON by Powertools in a function, plain lines on standard error on a laptop.

Libraries that log requests at DEBUG, with their Authorization header, are kept at WARNING whatever the level.
"""

from __future__ import annotations

import logging
import sys

LOUD = ("tweepy", "oauthlib", "requests_oauthlib", "urllib3", "botocore", "boto3", "pynamodb")
"""Libraries whose DEBUG and INFO lines carry headers, bodies or keys."""


def configure(level: str, *, in_lambda: bool, account: str) -> None:
    """Set up the root logger once for this process; a second call changes the level and the account."""
    root = logging.getLogger()
    root.setLevel(level)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    if in_lambda:
        _powertools(root, account)
    elif not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)


def _powertools(root: logging.Logger, account: str) -> None:
    """Give every handler of the runtime the JSON form of Powertools, with the account on each line."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    formatter = LambdaPowertoolsFormatter()
    formatter.append_keys(account=account)
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        handler.setFormatter(formatter)
