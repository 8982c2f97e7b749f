"""Uploads by X's v2 endpoints: initialize, append in chunks, finalize, wait for processing, alt text.

tweepy has no v2 media, so the calls are written by hand and go the client's way: signed, bounded, retried where
nothing can have happened. A medium shows nowhere before a post names it, so an upload that lost an answer is
simply begun anew.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from songpost import endpoints
from songpost.errors import ContentError, OutcomeOpen, Problem, Refused, quote
from songpost.model import Json
from songpost.x.answers import Reply
from songpost.x.client import Client
from songpost.x.nouns import Answer, Upload, joined
from songpost.x.wire import Call

logger = logging.getLogger(__name__)

CHUNK_BYTES = 4 * 1024 * 1024
"""X takes at most 5 MB at once."""
ALT_TEXT_CHARACTERS = 1000
_MEGABYTE = 1024 * 1024


class Form(NamedTuple):
    """What X takes: the media type, how such a file begins (at an offset), its category, and the most bytes."""

    media_type: str
    magic: bytes
    offset: int
    category: str
    largest_bytes: int


FORMS = (
    Form("image/jpeg", b"\xff\xd8\xff", 0, "tweet_image", 5 * _MEGABYTE),
    Form("image/png", b"\x89PNG\r\n\x1a\n", 0, "tweet_image", 5 * _MEGABYTE),
    Form("image/webp", b"WEBP", 8, "tweet_image", 5 * _MEGABYTE),
    Form("image/gif", b"GIF8", 0, "tweet_gif", 15 * _MEGABYTE),
    Form("video/mp4", b"ftyp", 4, "tweet_video", 512 * _MEGABYTE),
)
"""Forms by their first bytes, not by the name of a file. Limits: X's media guide, read 2026-11-22."""


def form_of(data: bytes, where: str) -> Form:
    """Tell a medium's form. Raises `ContentError`: empty, of no form that X takes, or too large."""
    for form in FORMS:
        if data[form.offset : form.offset + len(form.magic)] == form.magic:
            if len(data) <= form.largest_bytes:
                return form
            limit = form.largest_bytes // _MEGABYTE
            raise ContentError(
                (Problem(where, f"{len(data)} bytes of {form.media_type}: X takes {limit} MB; make it smaller"),),
                where=where,
            )
    raise ContentError((Problem(where, "no JPEG, PNG, WEBP, GIF or MP4: convert it"),), where=where)


def upload(client: Client, data: bytes, alt_text: str = "", *, where: str, deadline: datetime) -> Answer[Upload]:
    """Upload a medium and wait until X has processed it; `where` names it in errors.

    Raises `ContentError` for a medium or an alt text that X would refuse, before anything is sent; `Refused`
    where X refused it, or its processing failed; `NotSent` where the time was too short; and the errors of any
    call. The alt text costs money (price class `media_metadata`); the rest is free.
    """
    form = form_of(data, where)
    if len(alt_text) > ALT_TEXT_CHARACTERS:
        fault = f"an alt text of {len(alt_text)} characters: X takes {ALT_TEXT_CHARACTERS}"
        raise ContentError((Problem(where, fault),), where=where)
    try:
        answer = _uploaded(client, data, form, deadline)
    except OutcomeOpen as error:
        logger.info("upload of %s starts over: %s", where, error)
        answer = _uploaded(client, data, form, deadline)
    if not alt_text:
        return answer
    body: Json = {"id": answer.value.media_id, "metadata": {"alt_text": {"text": alt_text}}}
    call = _post(endpoints.MEDIA_METADATA, body=body)
    return joined(answer, client.call(endpoints.MEDIA_METADATA, call, lambda _: answer.value, deadline=deadline))


def _uploaded(client: Client, data: bytes, form: Form, deadline: datetime) -> Answer[Upload]:
    """Go through the steps once."""
    body: Json = {"media_type": form.media_type, "total_bytes": len(data), "media_category": form.category}
    call = _post(endpoints.MEDIA_INITIALIZE, body=body)
    answer = client.call(endpoints.MEDIA_INITIALIZE, call, Reply.upload, deadline=deadline)
    begun = answer.value
    media_id = begun.media_id
    for index, start in enumerate(range(0, len(data), CHUNK_BYTES)):
        call = replace(
            _post(endpoints.MEDIA_APPEND, media_id),
            form={"segment_index": str(index)},
            file=("media", data[start : start + CHUNK_BYTES]),
        )
        answer = joined(answer, client.call(endpoints.MEDIA_APPEND, call, lambda _: begun, deadline=deadline))
    call = _post(endpoints.MEDIA_FINALIZE, media_id)
    answer = joined(answer, client.call(endpoints.MEDIA_FINALIZE, call, Reply.upload, deadline=deadline))
    while answer.value.state in {"pending", "in_progress"}:
        client.pause(answer.value.check_after_seconds, deadline=deadline)
        call = Call(
            method="GET",
            route=endpoints.MEDIA_STATUS.path,
            params={"command": "STATUS", "media_id": media_id},
        )
        answer = joined(answer, client.call(endpoints.MEDIA_STATUS, call, Reply.upload, deadline=deadline))
    if answer.value.state != "succeeded":
        raise Refused(
            f"X could not process the medium: {quote(answer.value.state)}",
            where=media_id,
            mend="convert it to another form",
            limits=answer.limits,
            answered_at=answer.answered_at,
            skew_seconds=answer.skew_seconds,
        )
    return answer


def _post(endpoint: endpoints.Endpoint, media_id: str = "", *, body: Json = None) -> Call:
    """Write a POST to an endpoint of the upload."""
    route = endpoint.path.replace(":id", media_id)
    return Call(method="POST", route=route, body=body if isinstance(body, dict) else None)
