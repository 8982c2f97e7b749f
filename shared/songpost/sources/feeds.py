"""A feed over HTTP: asked politely (only for news), read by feedparser, whatever it says of its own encoding.

The address is the owner's own; all the same what it answers is bounded in time and size, and redirects may not leave
HTTP(S). feedparser is given bytes, never an address.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from songpost.account_documents import Origin
from songpost.errors import SourceError
from songpost.sources.port import Drawn, Entry

if TYPE_CHECKING:
    from requests import Response

MOST_BYTES = 2 * 1024 * 1024
CONNECT_SECONDS, READ_SECONDS, WITHIN_SECONDS = 3.0, 10.0, 20.0
MOST_ENTRIES = 50
AGENT = "songpost (feed reader)"
MEND = "open the feed in a browser; correct sources.feeds, or take it out"


class FeedSource:
    """One feed, by its address."""

    def __init__(self, url: str) -> None:
        self._url = url

    def draw(self, origin: Origin) -> Drawn:
        """Fetch and read the feed; nothing new is no entry. Raises `SourceError`."""
        import requests

        asked = {
            "User-Agent": AGENT,
            "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.1",
        }
        if origin.etag:
            asked["If-None-Match"] = origin.etag
        if origin.modified:
            asked["If-Modified-Since"] = origin.modified
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = 3
        try:
            with session.get(self._url, headers=asked, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True) as answer:
                if answer.status_code == 304:
                    return Drawn(entries=(), etag=origin.etag, modified=origin.modified, note="nothing new")
                if answer.status_code != 200:
                    raise self._error(f"answers {answer.status_code}")
                if urlsplit(answer.url).scheme not in {"http", "https"}:
                    raise self._error("leads away from HTTP")
                body = self._body(answer)
                told = answer.headers
        except requests.RequestException as error:
            raise self._error(f"cannot be fetched: {type(error).__name__}") from None
        finally:
            session.close()
        entries = self._entries(body, told.get("Content-Type", ""))
        return Drawn(entries=entries, etag=_short(told.get("ETag", "")), modified=_short(told.get("Last-Modified", "")))

    def _body(self, answer: Response) -> bytes:
        until, body = time.monotonic() + WITHIN_SECONDS, b""
        for part in answer.iter_content(65_536):
            body += part
            if len(body) > MOST_BYTES:
                raise self._error(f"is larger than {MOST_BYTES:,} bytes")
            if time.monotonic() > until:
                raise self._error(f"takes longer than {WITHIN_SECONDS:.0f} s")
        return body

    def _entries(self, body: bytes, content_type: str) -> tuple[Entry, ...]:
        import feedparser

        told = {"content-type": content_type} if content_type else {}
        # feedparser ships no types: a dictionary of what the feed says, bozo where it lies.
        found = feedparser.parse(body, response_headers=told, sanitize_html=True, resolve_relative_uris=True)
        if not found.get("version") and not found.get("entries"):
            raise self._error("is no RSS or Atom")
        entries = (
            Entry(
                title=_bare(str(one.get("title", ""))),
                link=_link(str(one.get("link", ""))),
                identity=str(one.get("id") or one.get("link") or one.get("title", "")),
            )
            for one in cast("list[dict[str, object]]", found.entries[:MOST_ENTRIES])
        )
        return tuple(entry for entry in entries if entry.title and entry.identity)

    def _error(self, what: str) -> SourceError:
        return SourceError(what, where=self._url, mend=MEND)


def _short(header: str) -> str:
    """A validator that is worth keeping; one of absurd length is not."""
    return header if len(header) <= 200 and header.isprintable() else ""


def _link(link: str) -> str:
    """A link that X would take; anything but HTTP(S) is none."""
    return link if len(link) <= 2_000 and urlsplit(link).scheme in {"http", "https"} and " " not in link else ""


def _bare(title: str) -> str:
    """A title without the mark-up that feeds put into it."""
    import html
    import re

    return html.unescape(re.sub(r"<[^<>]*>", "", title))
