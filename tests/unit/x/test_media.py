"""Uploads on paper: what is refused before anything is sent, each step on the wire, and how one ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from songpost.errors import (
    ContentError,
    CreditsDepleted,
    NotFound,
    NotSent,
    OutcomeOpen,
    RateLimited,
    Refused,
    SongpostError,
    StoreUnavailable,
)
from songpost.model import Json, Media
from songpost.x.client import Client
from songpost.x.media import CHUNK_BYTES, attach, form_of, upload
from tests.unit.x.conftest import NOW, PaperX, answer

DEADLINE = NOW + timedelta(seconds=60)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
BEGUN: Json = {"data": {"id": "5", "expires_after_secs": 100}}


def processing(state: str, seconds: int = 2) -> Json:
    """A medium in some state."""
    return {"data": {"id": "5", "processing_info": {"state": state, "check_after_secs": seconds}}}


@pytest.mark.parametrize(
    ("data", "media_type", "category"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg", "tweet_image"),
        (PNG, "image/png", "tweet_image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", "tweet_image"),
        (b"GIF89a" + bytes(20), "image/gif", "tweet_gif"),
        (b"\0\0\0\x18ftypmp42", "video/mp4", "tweet_video"),
    ],
)
def test_a_form_is_told_by_its_first_bytes(data: bytes, media_type: str, category: str) -> None:
    """X's forms are recognised by what they begin with."""
    form = form_of(data, "here")
    assert (media_type, category) == (form.media_type, form.category)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "no JPEG"),
        (b"%PDF-1.7", "no JPEG"),
        (b"RIFF\0\0\0\0WAVE", "no JPEG"),
        (PNG + bytes(5 * 1024 * 1024), "5 MB"),
        (b"GIF89a" + bytes(15 * 1024 * 1024), "15 MB"),
    ],
)
def test_what_x_would_refuse_is_not_sent(client: Client, paper: PaperX, data: bytes, fault: str) -> None:
    """A form X does not take, or too many bytes, are told by the file's name, unsent."""
    with pytest.raises(ContentError, match=fault):
        upload(client, data, where="p.png", deadline=DEADLINE)
    assert [] == paper.requests


def test_each_step_goes_over_the_wire(client: Client, paper: PaperX, scheme: str) -> None:
    """Initialize, an append for each chunk, finalize, alt text; the chunk's bytes travel as a form."""
    data = PNG + bytes(CHUNK_BYTES)
    paper.script = [
        answer(200, BEGUN),
        answer(204, b""),
        answer(200, {"data": {"expires_at": 1}}),
        answer(200, {"data": {"id": "5"}}),
        answer(200, {"data": {"id": "5"}}),
    ]

    given = attach(client, (Media(path="p.png", alt_text="a wren"),), lambda _: data, deadline=DEADLINE)

    assert (("5",), 1, None) == (given.media_ids, given.alt_texts, given.error)
    alt: Json = {"id": "5", "metadata": {"alt_text": {"text": "a wren"}}}
    begun: Json = {"media_type": "image/png", "total_bytes": len(data), "media_category": "tweet_image"}
    appends = paper.requests[1:3]
    del paper.requests[1:3]
    assert [
        ("POST", "/2/media/upload/initialize", {}, begun, scheme),
        ("POST", "/2/media/upload/5/finalize", {}, None, scheme),
        ("POST", "/2/media/metadata", {}, alt, scheme),
    ] == paper.wire
    for index, request in enumerate(appends):
        chunk = data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        assert "https://api.twitter.com/2/media/upload/5/append" == request.url
        assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert b'name="segment_index"\r\n\r\n%d\r\n' % index in request.body
        assert b"\r\n\r\n" + chunk + b"\r\n" in request.body
        assert request.headers["Authorization"].startswith(scheme)


def test_processing_is_waited_for_as_x_asks(client: Client, paper: PaperX) -> None:
    """STATUS is asked after the time that X names, until the medium is ready."""
    paper.script = [
        answer(200, BEGUN),
        answer(200, {}),
        answer(200, processing("pending", 3)),
        answer(200, processing("in_progress", 4)),
        answer(200, processing("succeeded")),
    ]

    given = upload(client, PNG, where="p.png", deadline=DEADLINE)

    assert ("succeeded", [3.0, 4.0]) == (given.value.state, paper.slept)
    del paper.requests[:3]
    assert [("GET", "/2/media/upload", {"command": ["STATUS"], "media_id": ["5"]})] * 2 == [
        sent[:3] for sent in paper.wire
    ]


def test_processing_that_fails_is_a_refusal(client: Client, paper: PaperX) -> None:
    """A medium that X cannot process is refused, with what to do."""
    paper.script = [answer(200, BEGUN), answer(200, {}), answer(200, processing("failed"))]

    with pytest.raises(Refused, match="convert"):
        upload(client, PNG, where="p.png", deadline=DEADLINE)


def test_processing_beyond_the_deadline_is_not_waited_for(client: Client, paper: PaperX) -> None:
    """A wait that would pass the deadline is not begun."""
    paper.script = [answer(200, BEGUN), answer(200, {}), answer(200, processing("pending", 60))]

    with pytest.raises(NotSent):
        upload(client, PNG, where="p.png", deadline=DEADLINE)
    assert [] == paper.slept


def test_an_upload_is_begun_twice_at_most(client: Client, paper: PaperX) -> None:
    """A second lost answer ends the upload."""
    paper.script = [answer(200, BEGUN), OutcomeOpen("lost"), answer(200, BEGUN), OutcomeOpen("lost")]

    with pytest.raises(OutcomeOpen):
        upload(client, PNG, where="p.png", deadline=DEADLINE)
    assert 4 == len(paper.requests)


def png(medium: Media) -> bytes:
    """Every medium is this picture."""
    return PNG + medium.path.encode()


PAIR = (Media(path="a.png", alt_text="A."), Media(path="b.png", alt_text="B."))
UPLOADED = [answer(200, BEGUN), answer(204, b""), answer(200, {"data": {"id": "5"}})]


@pytest.mark.parametrize(
    ("answers", "error", "alt_texts"),
    [
        ([*UPLOADED, *UPLOADED, answer(200, {}), OutcomeOpen("lost")], OutcomeOpen, 2),
        ([*UPLOADED, *UPLOADED, answer(200, {}), answer(400, {"detail": "no"})], Refused, 2),
        ([*UPLOADED, *UPLOADED, answer(200, {}), answer(429, {})], RateLimited, 1),
        ([*UPLOADED, *UPLOADED, answer(402, {"title": "CreditsDepleted"})], CreditsDepleted, 1),
        ([*UPLOADED, answer(400, {"detail": "no"})], Refused, 0),
    ],
)
def test_alt_texts_are_counted_as_far_as_they_may_be_billed(
    client: Client, paper: PaperX, answers: list[object], error: type[Exception], alt_texts: int
) -> None:
    """All media go up before any is described; a lost or refused description counts, one held back does not."""
    paper.script = list(answers)  # type: ignore[arg-type]
    attached = attach(client, PAIR, png, deadline=DEADLINE)

    assert ((), error, alt_texts) == (attached.media_ids, type(attached.error), attached.alt_texts)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NotFound("there is no such file", where="b.png"), NotSent),
        (StoreUnavailable("S3 says AccessDenied", where="b.png"), NotSent),
        (None, Refused),
    ],
)
def test_nothing_is_sent_before_every_file_is_read(
    client: Client, paper: PaperX, fault: SongpostError | None, expected: type[Exception]
) -> None:
    """A second file that cannot be read, or is no picture, stops the first one: X hears nothing, it costs nothing."""

    def read(medium: Media) -> bytes:
        if medium.path == "a.png":
            return PNG
        if fault is not None:
            raise fault
        return b"<html>"

    attached = attach(client, PAIR, read, deadline=DEADLINE)

    assert (expected, 0) == (type(attached.error), attached.alt_texts)
    assert "b.png" in str(attached.error)
    assert [] == paper.requests
