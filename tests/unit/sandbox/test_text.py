"""How X reads a text: links, names, tags and weight."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from songpost.lab.sandbox.text import cashtags, hashtags, mentions, top_level_domains, urls, weighted_length

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("SONGPOST_REFERENCE", ROOT.parent / "shared")) / "reference"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no link at all", []),
        ("see https://example.com/a?b=c#d.", ["https://example.com/a?b=c#d"]),
        ("HTTPS://EXAMPLE.COM", ["HTTPS://EXAMPLE.COM"]),
        ("see x.ai and foo.py", ["x.ai", "foo.py"]),
        ("see example.com/a_(b), then", ["example.com/a_(b)"]),
        ("(see example.com)", ["example.com"]),
        ("port http://example.com:8080/x", ["http://example.com:8080/x"]),
        ("mail me@example.com", []),
        ("version 1.2.3 and a.b", []),
        ("end.Next sentence", ["end.Next"]),
        ("日本語example.com日本語", ["example.com"]),
        ("http://例え.jp/x", ["http://例え.jp/x"]),
        ("example.notadomain", []),
        ("$example.com #example.com", []),
        ("word.http://example.com", ["http://example.com"]),
        ("-example.com", []),
        ("http://ex_ample.com", []),
        ("http://t.co/" + "a" * 41, []),
        ("http://" + "a" * 64 + ".com", []),
        ("http://" + "a" * 63 + ".com", ["http://" + "a" * 63 + ".com"]),
        ("xn--bcher-kva.example.xn--p1ai", ["xn--bcher-kva.example.xn--p1ai"]),
    ],
)
def test_links_are_what_x_would_link(text: str, links: list[str]) -> None:
    """With a protocol and without, at any edge."""
    assert links == [span.value for span in urls(text)]
    assert all(text[span.start : span.end] == span.value for span in urls(text))


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("hello", 5),
        ("e\u0301", 1),
        ("\u2014\u201c\u201d\u2018\u2019", 5),
        ("鳥", 2),
        ("🐦", 2),
        ("👍🏽", 2),
        ("👩‍👩‍👧‍👦", 2),
        ("🇬🇧🇯🇵", 4),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", 2),
        ("1️⃣", 2),
        ("❤️", 2),
        ("x.ai", 23),
        ("see https://example.com/" + "a" * 200, 27),
        ("\u2000\u200d\u2010", 3),
        ("\u2028", 2),
    ],
)
def test_a_text_weighs_what_x_would_count(text: str, weight: int) -> None:
    """After NFC: light letters 1, all else 2, links 23, an emoji sequence 2 once."""
    assert weight == weighted_length(text)


def test_names_and_tags() -> None:
    """Mentions, hashtags and cashtags, none of them within a link or a mail address."""
    text = "@ann #jazz $ABC me@x.com https://example.com/@bob#frag c#d \uff03全角 #1 $12 .@cid"
    assert [span.value for span in mentions(text)] == ["ann", "cid"]
    assert [span.value for span in hashtags(text)] == ["jazz", "全角"]
    assert [span.value for span in cashtags(text)] == ["ABC"]


def test_the_list_of_domains_is_whole() -> None:
    """More than a thousand names, countries and generic ones among them, in lower case."""
    names = top_level_domains()
    assert len(names) > 1_400
    assert {"com", "org", "ai", "py", "jp", "museum", "みんな"} <= names
    assert all(name == name.lower() for name in names)


def test_a_long_dotted_text_is_read_in_reasonable_time() -> None:
    """No pattern runs away on a text that almost is a link, over and over."""
    for text in ("a." * 2_000, "http://a." * 500, "x.ai/(" * 500, "@" * 5_000, "#" * 5_000, "-.-" * 1_000):
        urls(text), mentions(text), hashtags(text)


def _conformance() -> list[tuple[str, str, object]]:
    path = REFERENCE / "twitter-text" / "conformance.json"
    if not path.exists():
        return []
    tests = json.loads(path.read_text(encoding="utf-8"))["tests"]
    return [(suite, case["text"], case["expected"]) for suite, cases in tests.items() for case in cases]


CASES = _conformance()


@pytest.mark.skipif(
    not CASES, reason="NOT RUN against twitter-text's own cases: set SONGPOST_REFERENCE to their folder"
)
@pytest.mark.parametrize(("suite", "text", "expected"), CASES)
def test_twitter_texts_own_cases(suite: str, text: str, expected: object) -> None:
    """Every case of the conformance suite for weight, links, cashtags and mentions."""
    if suite == "weighted_length":
        assert isinstance(expected, dict)
        assert expected["weightedLength"] == weighted_length(text)
    else:
        spans = {"extract_urls": urls(text), "extract_cashtags": cashtags(text), "extract_mentions": mentions(text)}
        assert expected == [span.value for span in spans[suite]]
