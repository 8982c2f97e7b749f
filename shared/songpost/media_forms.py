"""What X takes as media, told by a file's first bytes and its size: plain data, and nothing here does I/O.

`validate` and `settings push` hold a person's files against it, the upload the bytes that it is about to send.
"""

from __future__ import annotations

from typing import NamedTuple

ALT_TEXT_CHARACTERS = 1000
MOST_PICTURES = 4
COMPANY = f"X takes {MOST_PICTURES} pictures, or one GIF or film by itself"
"""What may go out with one post (X: media upload, read 2026-11-22)."""
HEAD_BYTES = 12
"""So many first bytes tell every form."""
_MEGABYTE = 1_000_000
"""X does not say which; the smaller one."""


class Form(NamedTuple):
    """What X takes: the media type, how such a file begins (at an offset), its category, and the most bytes."""

    media_type: str
    magic: bytes
    offset: int
    category: str
    largest_bytes: int

    @property
    def alone(self) -> bool:
        """Whether it goes without others beside it."""
        return self.category != "tweet_image"


FORMS = (
    Form("image/jpeg", b"\xff\xd8\xff", 0, "tweet_image", 5 * _MEGABYTE),
    Form("image/png", b"\x89PNG\r\n\x1a\n", 0, "tweet_image", 5 * _MEGABYTE),
    Form("image/webp", b"WEBP", 8, "tweet_image", 5 * _MEGABYTE),
    Form("image/gif", b"GIF8", 0, "tweet_gif", 15 * _MEGABYTE),
    Form("video/mp4", b"ftyp", 4, "tweet_video", 64 * _MEGABYTE),
)
"""Forms by their first bytes, not by the name of a file. Limits: X's media guide, read 2026-11-22; of films X takes
512 MB, but one has to be held in a function's memory and sent before the post's deadline (decision 0085).
"""


def form_of(head: bytes) -> Form | None:
    """The form that a file's first bytes tell (`HEAD_BYTES` are enough), or `None`."""
    return next((form for form in FORMS if head[form.offset : form.offset + len(form.magic)] == form.magic), None)


def fault_of(head: bytes, size: int) -> str:
    """Why a file of these first bytes and this size cannot be posted; empty where it can."""
    form = form_of(head)
    if form is None:
        return "is no JPEG, PNG, WEBP, GIF or MP4: convert it"
    if size > form.largest_bytes:
        limit = form.largest_bytes // _MEGABYTE
        return f"has {size} bytes of {form.media_type}, {limit} MB are the most"
    return ""


def fault_of_alt_text(alt_text: str) -> str:
    """Why X would not take an alt text; empty where it would."""
    if not alt_text.strip():
        return "has no alt text: say in words what it shows"
    if len(alt_text) > ALT_TEXT_CHARACTERS:
        return f"has an alt text of {len(alt_text)} characters: X takes {ALT_TEXT_CHARACTERS}"
    return ""
