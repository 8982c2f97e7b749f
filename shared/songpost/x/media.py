"""Uploads by X's v2 endpoints: initialize, append in chunks, finalize, wait for processing, alt text.

tweepy has no v2 media, so the calls are written by hand and go the client's way: signed, bounded, retried where
nothing can have happened. A medium shows nowhere before a post names it, so an upload that lost an answer is
simply begun anew. An alt text costs money, so its call is made once, after all that is free has gone well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from songpost import endpoints, media_forms
from songpost.errors import (
    ContentError,
    NotSent,
    OutcomeOpen,
    Problem,
    RateLimited,
    Refused,
    SongpostError,
    XError,
    quote,
)
from songpost.media_forms import Form
from songpost.model import Json, Media
from songpost.nouns import replace
from songpost.x.answers import Reply
from songpost.x.client import Client
from songpost.x.nouns import Answer, Attached, Upload, joined
from songpost.x.wire import Call

logger = logging.getLogger(__name__)

CHUNK_BYTES = 4 * 1024 * 1024
"""X takes at most 5 MB at once."""


def form_of(data: bytes, where: str) -> Form:
    """Tell a medium's form. Raises `ContentError`: empty, of no form that X takes, or too large."""
    form, fault = media_forms.form_of(data), media_forms.fault_of(data, len(data))
    if form is None or fault:
        raise ContentError((Problem(where, fault),), where=where)
    return form


def attach(client: Client, media: Sequence[Media], read: Callable[[Media], bytes], *, deadline: datetime) -> Attached:
    """Upload the media of one post: every file is read before any is sent, and all are sent before any is described.

    `read` gives a medium's bytes. Errors are handed back, not raised, with what had been billed by then: a file
    that X would refuse is a `Refused`, one that cannot be read now a `NotSent`.
    """
    answer: Answer[object] = Answer(value=None)
    ids: list[str] = []
    alt_texts = 0
    try:
        files = [_file(one, read) for one in media]
        for one, data in zip(media, files, strict=True):
            uploaded = upload(client, data, where=one.path, deadline=deadline)
            answer = joined(answer, uploaded)
            ids.append(uploaded.value.media_id)
        for media_id, one in zip(ids, media, strict=True):
            alt_texts += 1
            answer = joined(answer, describe(client, media_id, one.alt_text, deadline=deadline))
    except XError as error:
        if isinstance(error, NotSent | RateLimited):
            alt_texts = max(0, alt_texts - 1)  # certainly not billed
        lost = Answer(value=None, limits=error.limits, skew_seconds=error.skew_seconds)
        answer = joined(answer, lost)
        return Attached(alt_texts=alt_texts, error=error, limits=answer.limits, skew_seconds=answer.skew_seconds)
    return Attached(tuple(ids), alt_texts, limits=answer.limits, skew_seconds=answer.skew_seconds)


def _file(medium: Media, read: Callable[[Media], bytes]) -> bytes:
    try:
        data = read(medium)
        form_of(data, medium.path)
    except ContentError as error:
        raise Refused(error.what, where=medium.path, mend="mend the file, and push the settings again") from error
    except XError:
        raise
    except SongpostError as error:
        raise NotSent(error.what, where=error.where or medium.path, mend=error.mend) from error
    return data


def upload(client: Client, data: bytes, *, where: str, deadline: datetime) -> Answer[Upload]:
    """Upload a medium and wait until X has processed it; `where` names it in errors. It costs nothing.

    Raises `ContentError` for a medium that X would refuse, before anything is sent; `Refused` where X refused it, or
    its processing failed; `NotSent` where the time was too short; and the errors of any call.
    """
    form = form_of(data, where)
    try:
        return _uploaded(client, data, form, deadline)
    except OutcomeOpen as error:
        logger.info("upload of %s starts over: %s", where, error)
        return _uploaded(client, data, form, deadline)


def describe(client: Client, media_id: str, alt_text: str, *, deadline: datetime) -> Answer[str]:
    """Give an uploaded medium its alt text. This costs money (price class `media_metadata`), so it is called once."""
    body: Json = {"id": media_id, "metadata": {"alt_text": {"text": alt_text}}}
    call = _post(endpoints.MEDIA_METADATA, body=body)
    return client.call(endpoints.MEDIA_METADATA, call, lambda _: media_id, deadline=deadline)


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
