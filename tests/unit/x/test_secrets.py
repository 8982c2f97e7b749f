"""No secret gets out: not in a log at DEBUG, not in an error, not in a `repr`."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from urllib.parse import quote

import pytest

from songpost.errors import XError
from songpost.x.client import Client
from songpost.x.nouns import Draft
from tests.unit.x.conftest import BEARER, CREDENTIALS, NOW, OWN_ID, PaperX, answer

DEADLINE = NOW + timedelta(seconds=60)
LIBRARIES = ("tweepy", "tweepy.client", "requests_oauthlib", "requests_oauthlib.oauth1_auth", "oauthlib", "urllib3")


def forms(secret: str) -> set[str]:
    """Tell the forms in which a secret could show."""
    return {secret, quote(secret, safe=""), repr(secret)[1:-1], base64.b64encode(secret.encode()).decode()}


def test_nothing_secret_is_logged_at_debug(client: Client, paper: PaperX, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger wide open, calls that succeed and calls that fail log no key, token or signature."""
    caplog.set_level(logging.DEBUG)
    for name in LIBRARIES:
        caplog.set_level(logging.DEBUG, logger=name)
    paper.script = [
        answer(201, {"data": {"id": "1"}}),
        answer(500, None),
        answer(200, {"meta": {"result_count": 0}}),
        answer(403, {"detail": "no"}),
    ]

    client.create_post(Draft(text="x"), send_by=DEADLINE, deadline=DEADLINE)
    client.timeline(OWN_ID, max_posts=5, deadline=DEADLINE)
    with pytest.raises(XError) as caught:
        client.repost("1", send_by=DEADLINE, deadline=DEADLINE)

    signatures = [request.headers["Authorization"] for request in paper.requests]
    shown = caplog.text + repr(caught.value) + str(caught.value) + repr(client) + repr(paper.requests)
    assert [] == [
        form for secret in (*CREDENTIALS.secrets, BEARER, *signatures) for form in forms(secret) if form in shown
    ]
    assert "oauth_signature" not in shown
    assert "timeline: attempt 1 failed" in caplog.text


def test_the_libraries_that_tell_are_silenced_at_the_source(caplog: pytest.LogCaptureFixture) -> None:
    """A level set later, by whomever, does not bring tweepy's record of the Authorization header back."""
    for name in ("tweepy.client", "requests_oauthlib.oauth1_auth", "oauthlib.oauth1.rfc5849"):
        caplog.set_level(logging.DEBUG, logger=name)
        logging.getLogger(name).debug("Authorization: Bearer secret")
        logging.getLogger(name).warning("of use")

    assert ["of use"] * 3 == caplog.messages
