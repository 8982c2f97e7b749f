"""Arbitrary answers: only named errors come out, and a create is sent once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from songpost.errors import XError
from songpost.model import Post
from songpost.x.authorization import OAuth1Authorization
from songpost.x.client import Client
from songpost.x.nouns import Answer, Draft
from songpost.x.transport import Request, Response
from tests.unit.x.conftest import CREDENTIALS, NOW, OWN_ID, PaperX

DEADLINE = NOW + timedelta(seconds=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "data",
                        "id",
                        "text",
                        "errors",
                        "meta",
                        "next_token",
                        "result_count",
                        "includes",
                        "type",
                        "title",
                    ),
                    *("detail", "code", "message", "status", "entities", "urls", "mentions", "referenced_tweets"),
                    *("attachments", "media_keys", "public_metrics", "created_at", "note_tweet", "username", "deleted"),
                    *("resource_id", "value", "processing_info", "state", "check_after_secs", "project_usage"),
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        [b"[" * 100_000, b'{"data":' * 50_000, b"1" * 5_000, b"\xef\xbb\xbf{}", b'{"data": NaN}', b'"\\ud800"']
    )
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("date", "retry-after", "content-type", "location"),
            *("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"),
            *("x-user-limit-24hour-remaining", "x-app-limit-24hour-reset"),
        ]
    ),
    st.text(max_size=40) | st.integers().map(str),
)
RESPONSES = st.builds(
    Response,
    status=st.sampled_from([200, 201, 204, 400, 401, 402, 403, 404, 429, 500, 503]) | st.integers(100, 999),
    headers=HEADERS,
    body=BODIES,
)


class OddX(PaperX):
    """An X that gives the same odd answer again and again."""

    odd: Response

    def send(self, request: Request) -> Response:
        """Give the odd answer."""
        self.requests.append(request)
        return self.odd


def client(odd: Response) -> tuple[Client, OddX]:
    """Put a client before an odd X."""
    paper = OddX()
    paper.odd = odd
    authorization = OAuth1Authorization(CREDENTIALS)
    return (
        Client(authorization, paper, clock=paper.clock, sleep=paper.sleep, user_id=OWN_ID, rng=Random(1)),
        paper,
    )


@given(RESPONSES)
@settings(deadline=None)
def test_a_create_gives_an_id_or_a_named_error_and_is_sent_once(odd: Response) -> None:
    """Whatever X answers to a create, an id of digits or a named error comes out, after one request.

    Only a 429 whose wait fits is sent again: it certainly did nothing.
    """
    subject, paper = client(odd)

    outcome: Answer[Post] | XError
    try:
        outcome = subject.create_post(Draft(text="x"), send_by=DEADLINE, deadline=DEADLINE)
    except XError as error:
        outcome = error

    if isinstance(outcome, XError):
        assert outcome.mend
    else:
        assert (True, True) == (outcome.value.id.isdigit(), 200 <= odd.status < 300)
    assert 1 == len(paper.requests) or odd.status == 429


@given(RESPONSES)
@settings(deadline=None)
def test_every_other_call_gives_an_answer_or_a_named_error(odd: Response) -> None:
    """Whatever X answers to any other call, an answer or a named error comes out, and time is kept."""
    subject, paper = client(odd)
    until = {"send_by": DEADLINE, "deadline": DEADLINE}
    calls: list[Callable[[], object]] = [
        lambda: subject.me(deadline=DEADLINE),
        lambda: subject.user_by_name("wren", deadline=DEADLINE),
        lambda: subject.posts(["1", "2"], deadline=DEADLINE),
        lambda: subject.timeline("1", max_posts=100, deadline=DEADLINE),
        lambda: subject.mentions("1", max_posts=100, deadline=DEADLINE),
        lambda: subject.search("x", max_posts=100, deadline=DEADLINE),
        lambda: subject.usage(bearer_token="t", deadline=DEADLINE),
        lambda: subject.delete_post("1", **until),
        lambda: subject.undo_repost("1", **until),
        lambda: subject.follow("1", **until),
    ]
    for call in calls:
        with contextlib.suppress(XError):
            assert isinstance(call(), Answer)
    assert paper.now <= DEADLINE
