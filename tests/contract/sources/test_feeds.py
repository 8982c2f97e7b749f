"""Feeds over real HTTP on loopback: what is asked, what is read, and every way in which a feed may lie."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from songpost.account_documents import Origin
from songpost.errors import SourceError
from songpost.sources import feeds
from songpost.sources.feeds import FeedSource

RSS = """<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel><title>Brot</title>
<item><title>Sauerteig für Anfänger &amp; Könner</title><link>https://example.org/1</link><guid>g1</guid></item>
<item><title>&lt;b&gt;Zwei&lt;/b&gt; Laibe</title><link>javascript:alert(1)</link><guid>g2</guid></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Bread</title>
<entry><title>One loaf</title><link href="https://example.org/a"/><id>urn:1</id></entry></feed>"""


@dataclass
class Publisher:
    """A server of one feed: what it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A feed on loopback."""
    kept = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.asked.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(kept.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/feed"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


def titles(publisher: Publisher) -> list[str]:
    """What a look at the feed gives."""
    return [entry.title for entry in FeedSource(publisher.url).draw(Origin()).entries]


def test_rss_and_atom_are_read(publisher: Publisher) -> None:
    """Titles without mark-up, links over HTTP alone, and the entry's own id."""
    publisher.body = RSS.format(encoding="utf-8").encode()
    first, second = FeedSource(publisher.url).draw(Origin()).entries
    assert ("Sauerteig für Anfänger & Könner", "https://example.org/1", "g1") == (
        first.title, first.link, first.identity,
    )  # fmt: skip
    assert ("Zwei Laibe", "") == (second.title, second.link)
    publisher.body = ATOM.encode()
    assert ["One loaf"] == titles(publisher)


@pytest.mark.parametrize(
    ("encoding", "declared", "header"),
    [
        ("utf-8", "iso-8859-1", "application/rss+xml; charset=utf-8"),
        ("iso-8859-1", "iso-8859-1", "text/xml; charset=utf-8"),
        ("iso-8859-1", "utf-8", "application/xml"),
        ("utf-16", "utf-8", "application/rss+xml"),
        ("utf-8", "no-such-encoding", "application/rss+xml; charset=nonsense"),
    ],
)
def test_a_feed_that_lies_about_its_encoding_is_read_all_the_same(
    publisher: Publisher, encoding: str, declared: str, header: str
) -> None:
    """What the header or the document says of the encoding may be wrong: entries come, and no error."""
    publisher.body = RSS.format(encoding=declared).encode(encoding)
    publisher.headers = {"Content-Type": header}
    assert 2 == len(titles(publisher))


def test_only_news_is_asked_for(publisher: Publisher) -> None:
    """What the feed told of its version is sent back; 304 is nothing new."""
    publisher.body, publisher.headers = (
        ATOM.encode(),
        {"ETag": '"v1"', "Last-Modified": "Sun, 22 Nov 2026 08:00:00 GMT"},
    )
    drawn = FeedSource(publisher.url).draw(Origin())
    publisher.status = 304
    again = FeedSource(publisher.url).draw(Origin(etag=drawn.etag, modified=drawn.modified))
    assert ('"v1"', "Sun, 22 Nov 2026 08:00:00 GMT") == (
        publisher.asked[1]["if-none-match"], publisher.asked[1]["if-modified-since"],
    )  # fmt: skip
    assert ((), '"v1"', "nothing new") == (again.entries, again.etag, again.note)


@pytest.mark.parametrize(
    ("status", "body", "headers", "told"),
    [
        (500, b"", {}, "answers 500"),
        (200, b"<html><body>Hello</body></html>", {"Content-Type": "text/html"}, "is no RSS or Atom"),
        (200, b"", {}, "is no RSS or Atom"),
        (302, b"", {"Location": "ftp://example.org/feed"}, "cannot be fetched: InvalidSchema"),
        (302, b"", {"Location": "/feed"}, "cannot be fetched: TooManyRedirects"),
    ],
)
def test_what_is_no_feed_is_named(
    publisher: Publisher, status: int, body: bytes, headers: dict[str, str], told: str
) -> None:
    """A server's error, a page, nothing, and redirects that lead away or nowhere: named, with what to do."""
    publisher.status, publisher.body, publisher.headers = status, body, headers
    with pytest.raises(SourceError, match=told):
        titles(publisher)


def test_an_endless_feed_is_cut(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed larger than the bound, and one slower than it, are given up."""
    publisher.body = b" " * (feeds.MOST_BYTES + 1)
    with pytest.raises(SourceError, match="is larger"):
        titles(publisher)
    monkeypatch.setattr(feeds, "WITHIN_SECONDS", -1.0)
    with pytest.raises(SourceError, match="takes longer"):
        titles(publisher)


def test_nobody_there_is_named() -> None:
    """A host that does not answer is a named error."""
    with pytest.raises(SourceError, match="cannot be fetched: ConnectionError"):
        FeedSource("http://127.0.0.1:9/feed").draw(Origin())


def test_a_doctype_bomb_does_not_explode(publisher: Publisher) -> None:
    """Entities that multiply are not expanded; the look ends, with what could be read or a named error."""
    publisher.body = b"""<?xml version="1.0"?>
    <!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
    <!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;">]>
    <rss version="2.0"><channel><item><title>&e;&e;&e;&e;</title><guid>1</guid></item></channel></rss>"""
    assert sum(len(title) for title in titles(publisher)) < 10_000
