"""Media by the v2 endpoints: chunks, processing, alt text, and what a post may carry."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from songpost.lab.sandbox import Response, VirtualClock
from songpost.lab.sandbox.wire import JSON, as_dict, as_list
from tests.unit.sandbox.calling import Caller, data

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))
GIF = b"GIF89a" + bytes(50)
UPLOAD = "/2/media/upload"


def initialize(caller: Caller, media_type: str, total: int, **more: JSON) -> Response:
    """Announce an upload."""
    return caller("POST", f"{UPLOAD}/initialize", {"media_type": media_type, "total_bytes": total, **more})


def append(caller: Caller, media_id: str, index: int, content: bytes) -> Response:
    """Append a segment as JSON."""
    encoded = base64.b64encode(content).decode()
    return caller("POST", f"{UPLOAD}/{media_id}/append", {"segment_index": index, "media": encoded})


def finalize(caller: Caller, media_id: str) -> Response:
    """Close an upload."""
    return caller("POST", f"{UPLOAD}/{media_id}/finalize")


def uploaded(caller: Caller, media_type: str = "image/png", content: bytes = PNG) -> str:
    """A whole upload; its id."""
    media_id = str(data(initialize(caller, media_type, len(content)))["id"])
    assert append(caller, media_id, 0, content).status == 200
    assert finalize(caller, media_id).status == 200
    return media_id


@pytest.mark.parametrize("mode", ["oauth1", "oauth2"])
def test_a_picture_goes_up_in_chunks_and_onto_a_post(make: Callable[..., Caller], mode: str) -> None:
    """Both modes: two segments, finalize, alt text, post; the timeline shows a link at the end and the picture."""
    caller = make(mode=mode)
    media_id = str(data(initialize(caller, "image/png", len(PNG), media_category="tweet_image"))["id"])
    assert append(caller, media_id, 0, PNG[:60]).status == 200
    assert append(caller, media_id, 1, PNG[60:]).status == 200
    final = data(finalize(caller, media_id))
    assert (final["size"], "processing_info" in final) == (len(PNG), False)
    alt = caller("POST", "/2/media/metadata", {"id": media_id, "metadata": {"alt_text": {"text": "a bird"}}})
    assert as_dict(data(alt)["associated_metadata"]) == {"alt_text": {"text": "a bird"}}
    post_id = caller.posted("look", media={"media_ids": [media_id]})
    fields = {"tweet_fields": "attachments,entities", "media_fields": "alt_text"}
    response = caller.get(f"/2/tweets/{post_id}", expansions="attachments.media_keys", **fields)
    row = data(response)
    (key,) = as_list(as_dict(row["attachments"])["media_keys"])
    (shown,) = as_list(as_dict(as_dict(response.json())["includes"])["media"])
    assert shown == {"media_key": key, "type": "photo", "alt_text": "a bird"}
    (link,) = (as_dict(url) for url in as_list(as_dict(row["entities"])["urls"]))
    assert row["text"] == f"look {link['url']}"
    assert link["expanded_url"] == f"https://x.com/songpost/status/{post_id}/photo/1"


def test_a_segment_may_come_as_a_form(caller: Caller) -> None:
    """Multipart, as the official client libraries send it."""
    media_id = str(data(initialize(caller, "image/png", len(PNG)))["id"])
    form = (
        b'--xyz\r\nContent-Disposition: form-data; name="segment_index"\r\n\r\n0\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="media"; filename="a.png"\r\n\r\n' + PNG + b"\r\n--xyz--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    assert caller("POST", f"{UPLOAD}/{media_id}/append", form, headers=headers).status == 200
    assert finalize(caller, media_id).status == 200
    broken = {"Content-Type": "multipart/form-data"}
    assert caller("POST", f"{UPLOAD}/{media_id}/append", form, headers=broken).status == 400


def test_a_gif_takes_its_time(make: Callable[..., Caller], clock: VirtualClock) -> None:
    """Pending, in progress, succeeded; before that it cannot be posted."""
    caller = make(video_processing_seconds=10)
    media_id = uploaded(caller, "image/gif", GIF)
    states = []
    for _ in range(3):
        response = caller.get(UPLOAD, command="STATUS", media_id=media_id)
        states.append(as_dict(data(response)["processing_info"]))
        if len(states) < 3:
            assert caller.post("look", media={"media_ids": [media_id]}).status == 400
        clock.advance(5)
    assert [state["state"] for state in states] == ["pending", "in_progress", "succeeded"]
    assert [state.get("check_after_secs") for state in states] == [10, 5, None]
    assert caller.post("look", media={"media_ids": [media_id]}).status == 201


@pytest.mark.parametrize(
    ("media_type", "total", "more"),
    [
        ("image/png", 5 * 1024 * 1024 + 1, {}),
        ("image/gif", 15 * 1024 * 1024 + 1, {}),
        ("image/png", 0, {}),
        ("image/tiff", 10, {}),
        ("image/png", 10, {"media_category": "tweet_gif"}),
        ("image/png", 10, {"colour": "red"}),
    ],
)
def test_an_upload_that_cannot_be_is_refused_at_once(
    caller: Caller, media_type: str, total: int, more: dict[str, JSON]
) -> None:
    """Too large, empty, of an unknown type or the wrong category."""
    assert initialize(caller, media_type, total, **more).status == 400


def test_segments_must_be_sound(caller: Caller) -> None:
    """An index out of bounds, a second time the same, no base64, nothing at all, or another's upload: refused."""
    media_id = str(data(initialize(caller, "image/png", len(PNG)))["id"])
    path = f"{UPLOAD}/{media_id}/append"
    encoded = base64.b64encode(PNG).decode()
    assert append(caller, media_id, 0, PNG).status == 200
    assert append(caller, media_id, 0, PNG).status == 400
    assert append(caller, media_id, 1_000, PNG).status == 400
    assert append(caller, media_id, 1, b"x" * (5 * 1024 * 1024 + 1)).status == 400
    assert caller("POST", path, {"segment_index": 1, "media": "!"}).status == 400
    assert caller("POST", path, {"segment_index": 1}).status == 400
    assert caller("POST", path, {"segment_index": 1, "media": encoded, "more": 1}).status == 400
    caller.sandbox.add_account("second")
    assert append(Caller(caller.sandbox, "second"), media_id, 1, PNG).status == 404
    assert finalize(caller, media_id).status == 200
    assert finalize(caller, media_id).status == 200
    assert append(caller, media_id, 1, PNG).status == 400


def test_finalize_wants_every_byte_and_the_right_ones(caller: Caller) -> None:
    """A missing byte, a missing segment, or bytes of another kind: refused."""
    short = str(data(initialize(caller, "image/png", len(PNG) + 1))["id"])
    append(caller, short, 0, PNG)
    gap = str(data(initialize(caller, "image/png", len(PNG)))["id"])
    append(caller, gap, 1, PNG)
    wrong = str(data(initialize(caller, "image/png", len(GIF)))["id"])
    append(caller, wrong, 0, GIF)
    assert [finalize(caller, media_id).status for media_id in (short, gap, wrong, "12345")] == [400, 400, 400, 404]


def test_a_post_takes_four_photos_or_one_gif(caller: Caller, clock: VirtualClock) -> None:
    """Four photos pass, a GIF beside a photo does not."""
    photos: list[JSON] = [uploaded(caller) for _ in range(4)]
    gif = uploaded(caller, "image/gif", GIF)
    clock.advance(60)
    assert caller.post("four", media={"media_ids": photos}).status == 201
    assert caller.post("mixed", media={"media_ids": [gif, photos[0]]}).status == 400
    assert caller.post("", media={"media_ids": [gif]}).status == 201


def test_media_is_the_accounts_own_and_a_day_old_at_most(caller: Caller, clock: VirtualClock) -> None:
    """Another account's upload, or yesterday's, is no media id."""
    media_id = uploaded(caller)
    caller.sandbox.add_account("second")
    assert Caller(caller.sandbox, "second").post("look", media={"media_ids": [media_id]}).status == 400
    clock.advance(86_401)
    assert caller.post("look", media={"media_ids": [media_id]}).status == 400
    assert caller.get(UPLOAD, media_id=media_id).status == 404


@pytest.mark.parametrize("text", ["", "x" * 1_001, None])
def test_an_alt_text_has_one_to_a_thousand_characters(caller: Caller, text: str | None) -> None:
    """Anything else is a 400, and is not charged."""
    media_id = uploaded(caller)
    before = caller.sandbox.bill_micros()
    body: dict[str, JSON] = {"id": media_id, "metadata": {"alt_text": {"text": text}}}
    assert caller("POST", "/2/media/metadata", body).status == 400
    assert caller.sandbox.bill_micros() == before


def test_an_alt_text_costs_half_a_cent(caller: Caller) -> None:
    """Uploading is free, the metadata is not."""
    media_id = uploaded(caller)
    assert caller.sandbox.bill_micros() == 0
    caller("POST", "/2/media/metadata", {"id": media_id, "metadata": {"alt_text": {"text": "a bird"}}})
    assert caller.sandbox.bill_micros() == 5_000


def test_a_small_picture_goes_up_at_once(caller: Caller) -> None:
    """The one-shot upload, as JSON or as a form."""
    encoded = base64.b64encode(PNG).decode()
    made = data(caller("POST", UPLOAD, {"media": encoded, "media_category": "tweet_image"}))
    assert caller.post("one", media={"media_ids": [made["id"]]}).status == 201
    form = (
        b'--xyz\r\nContent-Disposition: form-data; name="media_category"\r\n\r\ntweet_image\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="media"\r\n\r\n' + PNG + b"\r\n--xyz--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    assert caller("POST", UPLOAD, form, headers=headers).status == 200
    assert caller("POST", UPLOAD, {"media_category": "tweet_image"}).status == 400
    junk = base64.b64encode(b"junk").decode()
    assert caller("POST", UPLOAD, {"media": junk, "media_category": "tweet_image"}).status == 400


def test_status_is_all_that_can_be_asked(caller: Caller) -> None:
    """Another command is a 400."""
    assert caller.get(UPLOAD, command="APPEND", media_id="1").status == 400
