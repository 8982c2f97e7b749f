"""Uploads by the v2 endpoints: initialize, append, finalize, status, alt text, and the one-shot upload.

Photos are ready at once; GIFs and videos take their processing time, told by STATUS. The specification requires a
`meta` in these answers and a `type` in `processing_info` without saying what they hold; here they are there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from . import problems
from .service import Call, Service, is_id, known_fields, path_id, required_id, whole_number
from .wire import JSON, Answer, Refusal, as_dict
from .world import Media

MEGABYTE = 1024 * 1024
SEGMENT_BYTES = 5 * MEGABYTE
SESSION_SECONDS = 86_400
ALT_TEXT_LENGTH = 1_000

TYPES: Mapping[str, tuple[str, int, tuple[bytes, ...]]] = {
    "image/jpeg": ("tweet_image", 5 * MEGABYTE, (b"\xff\xd8\xff",)),
    "image/png": ("tweet_image", 5 * MEGABYTE, (b"\x89PNG\r\n\x1a\n",)),
    "image/webp": ("tweet_image", 5 * MEGABYTE, (b"RIFF",)),
    "image/gif": ("tweet_gif", 15 * MEGABYTE, (b"GIF87a", b"GIF89a")),
    "video/mp4": ("tweet_video", 512 * MEGABYTE, (b"\x00\x00\x00",)),
}
"""Per media type: its category, the largest upload in bytes, and how such a file begins."""

_INITIALIZE = {"additional_owners", "media_category", "media_type", "shared", "total_bytes"}
_PART = re.compile(rb'name="([^"]+)"')


def initialize(service: Service, call: Call) -> Answer:
    """POST /2/media/upload/initialize."""
    body = call.json()
    known_fields(body, _INITIALIZE)
    media_type, total = body.get("media_type"), body.get("total_bytes")
    if not isinstance(total, int) or isinstance(total, bool) or total < 1:
        raise problems.invalid("$.total_bytes: must be a positive integer")
    media = _new(service, call, str(media_type), str(body.get("media_category") or ""), total)
    service.world.media[media.id] = media
    return _answer(media, call, {"expires_after_secs": SESSION_SECONDS})


def _new(service: Service, call: Call, media_type: str, category: str, total: int) -> Media:
    if media_type not in TYPES:
        raise problems.invalid(f"$.media_type: {media_type!r} is not one of {sorted(TYPES)}")
    expected, largest, _ = TYPES[media_type]
    if category and category != expected:
        raise problems.invalid(f"$.media_category: {category!r} does not go with {media_type}; use {expected!r}")
    if total > largest:
        raise problems.invalid(f"$.total_bytes: {total} is more than the {largest} bytes that {media_type} may have")
    return Media(
        id=service.world.new_id(call.now),
        owner_id=call.user_id,
        media_type=media_type,
        category=expected,
        total_bytes=total,
        created_at=call.now,
    )


def append(service: Service, call: Call) -> Answer:
    """POST /2/media/upload/:id/append: a segment, as JSON with base64 or as a multipart form."""
    media = _own(service, call, path_id(call, "id"))
    segment, content = _segment(call)
    if media.finalized_at is not None:
        raise problems.invalid("This upload is finalized.", {"id": [media.id]})
    if len(content) > SEGMENT_BYTES:
        raise problems.invalid(f"A segment may have {SEGMENT_BYTES} bytes, this one has {len(content)}.")
    if segment in media.segments:
        raise problems.invalid(f"Segment {segment} was appended before.", {"segment_index": [str(segment)]})
    head = content[:16].hex() if segment == 0 else media.head
    service.world.media[media.id] = replace(
        media, size=media.size + len(content), segments=(*media.segments, segment), head=head
    )
    expires_at = media.created_at + timedelta(seconds=SESSION_SECONDS)
    return Answer(200, {"data": {"expires_at": int(expires_at.timestamp())}, "meta": {}})


def _segment(call: Call) -> tuple[int, bytes]:
    content_type = call.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        parts = _multipart(content_type, call.request.body)
        index, content = parts.get("segment_index", b"").decode("utf-8", "replace"), parts.get("media")
    else:
        body = call.json()
        known_fields(body, {"media", "segment_index"})
        index, content = str(body.get("segment_index", "")), _decoded(body.get("media"))
    segment = whole_number(index, 0, 999)
    if segment is None:
        raise problems.invalid("segment_index: must lie between 0 and 999", {"segment_index": [index]})
    if not content:
        raise problems.invalid("media: is missing but it is required")
    return segment, content


def _decoded(value: JSON) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise problems.invalid("$.media: is not base64") from None


def _multipart(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a form by name."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    if not boundary:
        raise problems.invalid("The multipart form has no boundary.")
    parts: dict[str, bytes] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if name := _PART.search(head):
            parts[name[1].decode("utf-8", "replace")] = content.removesuffix(b"\r\n")
    return parts


def finalize(service: Service, call: Call) -> Answer:
    """POST /2/media/upload/:id/finalize: every byte must be there and look like what was announced."""
    media = _own(service, call, path_id(call, "id"))
    if media.finalized_at is None:
        media = _finalized(service, call, media)
    return _answer(media, call, {"size": media.size})


def _finalized(service: Service, call: Call, media: Media) -> Media:
    if media.size != media.total_bytes or sorted(media.segments) != list(range(len(media.segments))):
        raise problems.invalid(f"The upload has {media.size} of {media.total_bytes} bytes or lacks a segment.")
    if not bytes.fromhex(media.head).startswith(TYPES[media.media_type][2]):
        raise problems.invalid(f"The bytes do not look like {media.media_type}.", {"id": [media.id]})
    wait = 0.0 if media.kind == "photo" else service.rules.video_processing_seconds
    media = replace(media, finalized_at=call.now, ready_at=call.now + timedelta(seconds=wait))
    service.world.media[media.id] = media
    return media


def status(service: Service, call: Call) -> Answer:
    """GET /2/media/upload?command=STATUS."""
    if call.query.get("command", "STATUS") != "STATUS":
        raise problems.invalid("The `command` query parameter value is not one of [STATUS]", {"command": []})
    media = _own(service, call, call.query.get("media_id", ""))
    return _answer(media, call, {"size": media.size})


def upload(service: Service, call: Call) -> Answer:
    """POST /2/media/upload: a small picture at once."""
    content_type = call.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        parts = _multipart(content_type, call.request.body)
        fields: dict[str, JSON] = {
            name: value.decode("utf-8", "replace") for name, value in parts.items() if name != "media"
        }
        content = parts.get("media")
    else:
        fields = call.json()
        content = _decoded(fields.pop("media", None))
    known_fields(fields, {"additional_owners", "media_category", "media_type", "shared"})
    if not content:
        raise problems.invalid("$.media: is missing but it is required")
    guessed = next((t for t, (_, _, heads) in TYPES.items() if content.startswith(heads)), "unknown")
    draft = _new(
        service, call, str(fields.get("media_type") or guessed), str(fields.get("media_category")), len(content)
    )
    media = _finalized(service, call, replace(draft, size=len(content), segments=(0,), head=content[:16].hex()))
    return _answer(media, call, {"size": media.size, "expires_after_secs": SESSION_SECONDS})


def metadata(service: Service, call: Call) -> Answer:
    """POST /2/media/metadata: the alt text."""
    body = call.json()
    known_fields(body, {"id", "metadata"})
    media = _own(service, call, required_id(body, "id"))
    alt = as_dict(as_dict(body.get("metadata")).get("alt_text")).get("text")
    if not isinstance(alt, str) or not 1 <= len(alt) <= ALT_TEXT_LENGTH:
        raise problems.invalid(f"$.metadata.alt_text.text: must have 1 to {ALT_TEXT_LENGTH} characters")
    service.bill.require(service.rules, "media metadata", call.now, service.owner.id)
    service.world.media[media.id] = replace(media, alt_text=alt)
    service.bill.charge(service.rules, call.number, call.endpoint, "media metadata", 1, call.now)
    return Answer(200, {"data": {"id": media.id, "associated_metadata": {"alt_text": {"text": alt}}}})


def _own(service: Service, call: Call, media_id: str) -> Media:
    media = service.world.media.get(media_id) if is_id(media_id) else None
    if media is None or media.owner_id != call.user_id:
        raise _gone(media_id)
    if call.now - media.created_at > timedelta(seconds=SESSION_SECONDS):
        raise _gone(media_id)
    return media


def _gone(media_id: str) -> Refusal:
    return problems.not_found(f"Could not find media with id: [{media_id}].")


def _answer(media: Media, call: Call, extra: Mapping[str, JSON]) -> Answer:
    data: dict[str, JSON] = {"id": media.id, "media_key": media.key, **extra}
    if media.finalized_at is not None and media.ready_at is not None and media.kind != "photo":
        data["processing_info"] = _processing(media, call)
    return Answer(200, {"data": data, "meta": {}})


def _processing(media: Media, call: Call) -> dict[str, JSON]:
    finalized, ready = media.finalized_at or call.now, media.ready_at or call.now
    if call.now >= ready:
        return {"type": "processing", "state": "succeeded", "progress_percent": 100}
    done = (call.now - finalized) / (ready - finalized)
    left = max(1, round((ready - call.now).total_seconds()))
    state = "pending" if done == 0 else "in_progress"
    return {"type": "processing", "state": state, "progress_percent": int(done * 100), "check_after_secs": left}
