"""Every row of X's error table, in both modes, for a create and for a read: what is raised, what went out."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest

from songpost.errors import (
    AccountBlocked,
    CreditsDepleted,
    Duplicate,
    NotSent,
    OutcomeOpen,
    RateLimited,
    Refused,
    Suspended,
    Unauthorized,
    Unreadable,
    UsageCapped,
    XError,
)
from songpost.model import Json
from songpost.x.client import Client
from songpost.x.engine import ATTEMPTS
from songpost.x.nouns import Draft
from tests.unit.x.conftest import BEARER, NOW, OWN_ID, PaperTokens, PaperX, answer, rate_headers

DEADLINE = NOW + timedelta(seconds=120)
HTML = b"<!DOCTYPE html><html><body>Over capacity</body></html>"


def problem(status: int, title: str, detail: str, kind: str = "about:blank", **more: Json) -> Json:
    """A problem document."""
    return {"title": title, "detail": detail, "type": kind, "status": status, **more}


def coded(code: int, message: str) -> Json:
    """An error in the old form."""
    return {"errors": [{"code": code, "message": message}]}


class Row(NamedTuple):
    """An answer of X, and the error of a create and of a read; `None` where the read succeeds or is the same."""

    name: str
    status: int
    body: Json | bytes
    create: type[XError]
    read: type[XError]
    repeated: bool = False
    """Whether a read asks again."""
    renewed: bool = False
    """Whether OAuth 2.0 renews its token and tries once more."""


def same(name: str, status: int, body: Json | bytes, error: type[XError], *, renewed: bool = False) -> Row:
    """A row whose error does not depend on the call."""
    return Row(name, status, body, error, error, renewed=renewed)


def lost(name: str, status: int, body: Json | bytes, error: type[XError] = OutcomeOpen) -> Row:
    """A row that tells nothing: open for a create, asked again for a read."""
    return Row(name, status, body, error, error, repeated=True)


DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
NOT_SUMMONED = "You can only reply to or quote posts where you are mentioned or are the author."
FORBIDDEN = "https://api.twitter.com/2/problems/client-forbidden"
CAPPED = "https://api.x.com/2/problems/usage-capped"
ROWS = [
    same("400", 400, problem(400, "Invalid Request", "One or more parameters was invalid."), Refused),
    same("400 old form", 400, coded(25, "Query parameters are missing."), Refused),
    same("401", 401, problem(401, "Unauthorized", "Unauthorized"), Unauthorized, renewed=True),
    same("401 old form", 401, coded(89, "Invalid or expired token."), Unauthorized, renewed=True),
    same("402", 402, problem(402, "CreditsDepleted", "no credits"), CreditsDepleted),
    same("403 duplicate", 403, problem(403, "Forbidden", DUPLICATE), Duplicate),
    same("403 duplicate old form", 403, coded(187, "Status is a duplicate."), Duplicate),
    same("403 not permitted", 403, problem(403, "Forbidden", "You are not permitted."), Refused),
    same("403 not summoned", 403, problem(403, "Forbidden", NOT_SUMMONED), Refused),
    same("403 not enrolled", 403, problem(403, "Client Forbidden", "…", FORBIDDEN), Suspended),
    same(
        "403 not enrolled, other host",
        403,
        problem(403, "Client Forbidden", "…", "https://problems.x.example/a/client-forbidden/"),
        Suspended,
    ),
    same("403 suspended old form", 403, coded(64, "Your account is suspended and …"), Suspended),
    same("403 locked old form", 403, coded(326, "This account is temporarily locked."), Suspended),
    same("403 suspended", 403, problem(403, "Forbidden", "Your account has been suspended."), Suspended),
    same(
        "403 the other is suspended",
        403,
        problem(403, "Forbidden", "User has blocked you. You cannot reply to an account that was suspended."),
        Refused,
    ),
    same(
        "403 read-only app",
        403,
        problem(403, "Forbidden", "oauth1 app permissions", "https://api.twitter.com/2/problems/oauth1-permissions"),
        AccountBlocked,
    ),
    same("404", 404, problem(404, "Not Found", "Not Found"), Refused),
    same("409", 409, problem(409, "Conflict", "Conflict"), Refused),
    same("429 without headers", 429, problem(429, "Too Many Requests", "Too Many Requests"), RateLimited),
    same("429 without a body", 429, b"", RateLimited),
    same("429 as HTML", 429, HTML, RateLimited),
    same("429 usage cap", 429, problem(429, "UsageCapExceeded", "Monthly cap", CAPPED), UsageCapped),
    same("429 usage cap, blank type", 429, problem(429, "UsageCapExceeded", "Monthly cap"), UsageCapped),
    lost("408", 408, problem(408, "Request Timeout", "…")),
    lost("500", 500, problem(500, "Internal Server Error", "…")),
    lost("503 as HTML", 503, HTML),
    lost("503 empty", 503, b""),
    lost("307", 307, b""),
    lost("302", 302, HTML),
    lost("304", 304, b""),
    lost("600", 600, b""),
    lost("2xx as HTML", 200, HTML, Unreadable),
    lost("2xx empty", 201, b"", Unreadable),
    lost("2xx a list", 200, [], Unreadable),
    lost("2xx a number", 200, 7, Unreadable),
    Row("2xx an empty object", 200, {}, Unreadable, Unreadable, repeated=True),
    Row("2xx posts without ids", 200, {"data": [{"text": "x"}]}, Unreadable, Unreadable, repeated=True),
    lost("2xx truncated", 201, b'{"data": {"id": "1', Unreadable),
    lost("2xx in another coding", 201, b"\x1f\x8b\x08\x00\xff", Unreadable),
    Row("401 empty", 401, b"", Unreadable, Unauthorized),
    Row("402 as HTML", 402, HTML, Unreadable, CreditsDepleted),
    Row("403 as HTML", 403, HTML, Unreadable, Refused),
    Row("404 empty", 404, b"", Unreadable, Refused),
    Row("400 an empty object", 400, {}, Unreadable, Refused),
    Row("413 a list", 413, [1], Unreadable, Refused),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_create_is_sent_once_and_ends_in_the_error_of_its_row(
    client: Client, paper: PaperX, scheme: str, mode: str, row: Row
) -> None:
    """Whatever X answers to a create, it was sent once; only a definite 401 of OAuth 2.0 is tried anew."""
    again = mode == "oauth2" and row.renewed
    paper.script = [answer(row.status, row.body)] * (2 if again else 1)

    with pytest.raises(XError) as caught:
        client.create_post(Draft(text="once"), send_by=DEADLINE, deadline=DEADLINE)

    assert row.create is type(caught.value)
    assert [("POST", "/2/tweets", {}, {"text": "once"}, scheme)] * (2 if again else 1) == paper.wire
    assert row.status == caught.value.status
    assert caught.value.mend


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_read_ends_in_the_error_of_its_row_and_is_repeated_where_that_is_safe(
    client: Client, paper: PaperX, mode: str, row: Row
) -> None:
    """A read is asked again, with waits, where no usable answer came; a definite no is final."""
    times = ATTEMPTS if row.repeated else 2 if mode == "oauth2" and row.read is Unauthorized else 1
    paper.script = [answer(row.status, row.body)] * times

    with pytest.raises(XError) as caught:
        client.timeline(OWN_ID, max_posts=5, deadline=DEADLINE)

    assert row.read is type(caught.value)
    assert [("GET", f"/2/users/{OWN_ID}/tweets")] * times == [sent[:2] for sent in paper.wire]
    assert (ATTEMPTS - 1 if row.repeated else 0) == len(paper.slept)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": {}},
        {"data": {"text": "x"}},
        {"data": {"id": 17}},
        {"data": {"id": ""}},
        {"data": {"id": "x17"}},
        {"data": {"id": None}},
        {"errors": [{"title": "odd"}]},
    ],
)
def test_a_created_post_without_an_id_leaves_the_outcome_open(client: Client, paper: PaperX, data: Json) -> None:
    """A 201 that names no id may be a post: the outcome is open, and nothing is sent again."""
    paper.script = [answer(201, data)]

    with pytest.raises(Unreadable):
        client.create_post(Draft(text="once"), send_by=DEADLINE, deadline=DEADLINE)
    assert 1 == len(paper.requests)


def test_a_created_post_with_partial_errors_is_created(client: Client, paper: PaperX) -> None:
    """An id is an id, whatever else X complains about."""
    paper.script = [answer(200, {"data": {"id": "17"}, "errors": [{"title": "odd"}]})]

    given = client.create_post(Draft(text="once"), send_by=DEADLINE, deadline=DEADLINE)

    assert "17" == given.value.id


@pytest.mark.parametrize("error", [OutcomeOpen("no whole answer"), NotSent("no connection")])
def test_a_create_without_an_answer_keeps_apart_what_was_sent_and_what_was_not(
    client: Client, paper: PaperX, error: XError
) -> None:
    """After the first byte a create is never sent again; before it, it is tried anew until its time is up."""
    paper.script = [error] * ATTEMPTS

    with pytest.raises(type(error)):
        client.create_post(Draft(text="once"), send_by=DEADLINE, deadline=DEADLINE)

    assert (1 if isinstance(error, OutcomeOpen) else ATTEMPTS) == len(paper.requests)


def test_a_token_that_x_rejects_is_renewed_once(paper: PaperX, tokens: PaperTokens, client: Client, mode: str) -> None:
    """With OAuth 2.0 a 401 renews the token and the call succeeds; with OAuth 1.0a it is final."""
    paper.script = [
        answer(401, problem(401, "Unauthorized", "Unauthorized")),
        answer(201, {"data": {"id": "17"}}),
    ]

    if mode == "tweepy":
        with pytest.raises(Unauthorized):
            client.create_post(Draft(text="once"), send_by=DEADLINE, deadline=DEADLINE)
        assert 1 == len(paper.requests)
    else:
        given = client.create_post(Draft(text="once"), send_by=DEADLINE, deadline=DEADLINE)
        assert ("17", [BEARER]) == (given.value.id, tokens.renewals)
        assert ["Bearer " + BEARER, "Bearer renewed-bearer"] == [
            sent.headers["Authorization"] for sent in paper.requests
        ]


def test_the_next_allowed_moment_is_the_latest_reset_among_the_spent_windows(client: Client, paper: PaperX) -> None:
    """A healthy 15-minute window does not hide a spent 24-hour one, and the latest of two spent ones counts."""
    headers = {
        **rate_headers(5, 300),
        **rate_headers(0, 40_000, "x-user-limit-24hour-"),
        **rate_headers(0, 20_000, "x-app-limit-24hour-"),
    }
    paper.script = [answer(429, problem(429, "Too Many Requests", "…"), headers)]

    with pytest.raises(RateLimited) as caught:
        client.create_post(Draft(text="x"), send_by=DEADLINE, deadline=DEADLINE)

    assert NOW + timedelta(seconds=40_000) == caught.value.retry_at
    assert ["user15", "user24h", "app24h"] == [bucket.name.rpartition(":")[2] for bucket in caught.value.limits]
