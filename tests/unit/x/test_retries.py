"""When the client tries again, how long it waits, and that it never does beyond its time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from songpost.errors import NotSent, OutcomeOpen, RateLimited, UsageCapped
from songpost.model import Json
from songpost.x.client import Client
from songpost.x.engine import ATTEMPTS, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS
from songpost.x.nouns import Draft
from songpost.x.transport import Response
from tests.unit.x.conftest import NOW, OWN_ID, PaperX, answer, rate_headers

LIMITED: Json = {"title": "Too Many Requests"}
CREATED = answer(201, {"data": {"id": "17"}})
EMPTY = answer(200, {"meta": {"result_count": 0}})


def in_seconds(seconds: float) -> datetime:
    """Tell a moment from now."""
    return NOW + timedelta(seconds=seconds)


def test_a_wait_that_fits_is_waited_for(client: Client, paper: PaperX) -> None:
    """A 429 whose reset lies within the time given is waited out, then the create is sent: nothing had happened."""
    paper.script = [answer(429, LIMITED, rate_headers(0, 5)), CREATED]

    given = client.create_post(Draft(text="x"), send_by=in_seconds(20), deadline=in_seconds(30))

    assert ("17", 2) == (given.value.id, len(paper.requests))
    assert 5 <= paper.slept[0] <= 6


def test_a_wait_beyond_the_send_deadline_is_not_begun(client: Client, paper: PaperX) -> None:
    """A create whose reset lies after its send deadline is given back at once, though the invocation has time."""
    paper.script = [answer(429, LIMITED, rate_headers(0, 21))]

    with pytest.raises(RateLimited):
        client.create_post(Draft(text="x"), send_by=in_seconds(20), deadline=in_seconds(600))

    assert (1, []) == (len(paper.requests), paper.slept)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        rate_headers(0, -30),
        rate_headers(0, 0),
        rate_headers(0, 10**9),
        {**rate_headers(0, 5), "x-rate-limit-reset": "soon"},
    ],
)
def test_a_limit_without_a_sensible_reset_is_not_waited_for(
    client: Client, paper: PaperX, headers: dict[str, str]
) -> None:
    """A 429 whose reset is missing, past or absurd ends the call: no busy loop, no sleep of years."""
    paper.script = [answer(429, LIMITED, headers)]

    with pytest.raises(RateLimited) as caught:
        client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(60))

    assert (None, 1, []) == (caught.value.retry_at, len(paper.requests), paper.slept)


def test_a_spent_monthly_cap_is_not_waited_for(client: Client, paper: PaperX) -> None:
    """A usage cap ends the call, though a window beside it resets soon."""
    paper.script = [answer(429, {"title": "UsageCapExceeded"}, rate_headers(0, 5))]

    with pytest.raises(UsageCapped):
        client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(60))
    assert [] == paper.slept


def test_waits_grow_are_capped_and_are_drawn_in_full(client: Client, paper: PaperX) -> None:
    """Each wait is drawn between nothing and twice the bound before it, up to the cap."""
    paper.script = [answer(500, None)] * ATTEMPTS

    with pytest.raises(OutcomeOpen):
        client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(600))

    bounds = [min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**n) for n in range(ATTEMPTS - 1)]
    assert [True] * len(bounds) == [0 <= wait <= bound for wait, bound in zip(paper.slept, bounds, strict=True)]
    assert len(bounds) == len(set(paper.slept))


def test_a_read_succeeds_after_a_bad_moment(client: Client, paper: PaperX) -> None:
    """A read survives a lost answer, a 503 and HTML."""
    paper.script = [OutcomeOpen("lost"), answer(503, None), answer(200, b"<html>"), EMPTY]

    given = client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(60))

    assert () == given.value.posts


def test_nothing_is_sent_after_the_deadline(client: Client, paper: PaperX) -> None:
    """A call whose time is up sends nothing at all."""
    with pytest.raises(NotSent):
        client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(0))
    with pytest.raises(NotSent):
        client.create_post(Draft(text="x"), send_by=in_seconds(-1), deadline=in_seconds(30))
    assert [] == paper.requests


@pytest.mark.parametrize("last", [answer(429, LIMITED), NotSent("no connection")], ids=["limited", "not sent"])
def test_a_try_that_may_have_been_billed_is_not_forgotten(
    client: Client, paper: PaperX, last: Response | NotSent
) -> None:
    """A read whose first answer was unreadable ends open, though its last try certainly was not billed."""
    paper.script = [answer(200, b"<html>"), *[last] * (ATTEMPTS - 1)]

    with pytest.raises(OutcomeOpen):
        client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(60))


def test_retries_stop_where_the_next_wait_would_pass_the_deadline(client: Client, paper: PaperX) -> None:
    """With no time for a wait the first failure is the last word."""
    paper.script = [answer(500, None)]

    with pytest.raises(OutcomeOpen):
        client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(0.000_001))
    assert (1, []) == (len(paper.requests), paper.slept)


def test_each_attempt_is_bounded_by_what_is_left(client: Client, paper: PaperX) -> None:
    """The time for one exchange shrinks with the time that is left, and each attempt signs anew."""
    paper.script = [NotSent("refused"), EMPTY]

    client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(9))

    left = (in_seconds(9) - paper.now).total_seconds()
    assert left < 9
    assert [9.0, left] == [request.within_seconds for request in paper.requests]


def test_each_attempt_is_signed_with_a_nonce_of_its_own(client: Client, paper: PaperX, mode: str) -> None:
    """X refuses a nonce that it has seen, so a repeated request is signed again."""
    paper.script = [NotSent("refused"), EMPTY]

    client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(9))

    signatures = {request.headers["Authorization"] for request in paper.requests}
    assert (2 if mode == "tweepy" else 1) == len(signatures)


def test_waits_and_their_reasons_are_logged(client: Client, paper: PaperX, caplog: pytest.LogCaptureFixture) -> None:
    """Each wait says for which call, how long, and why."""
    caplog.set_level(logging.INFO, "songpost.x")
    paper.script = [answer(503, None), EMPTY]

    client.timeline(OWN_ID, max_posts=5, deadline=in_seconds(60))

    line = caplog.messages[0]
    assert line.startswith(f"timeline: attempt 1 failed, next in {paper.slept[0]:.1f} s: ")
    assert "503" in line


@pytest.mark.parametrize("name", ["delete_post", "repost", "like", "follow", "undo_like"])
def test_no_write_is_repeated_by_the_client(client: Client, paper: PaperX, name: str) -> None:
    """A write of open outcome is never sent again by the client, though a second time might do no harm."""
    paper.script = [answer(503, None)]

    with pytest.raises(OutcomeOpen):
        getattr(client, name)("42", send_by=in_seconds(60), deadline=in_seconds(60))
    assert 1 == len(paper.requests)
