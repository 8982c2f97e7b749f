from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.core import text

REFERENCE = Path(os.environ.get("SONGPOST_REFERENCE", Path(__file__).parents[4] / "shared"))
CONFORMANCE = REFERENCE / "reference" / "twitter-text" / "conformance.json"


class Case(TypedDict):
    """One case of twitter-text's conformance suite."""

    description: str
    text: str
    expected: object


def cases(name: str) -> list[Case]:
    """The cases of one part of the suite."""
    if not CONFORMANCE.exists():
        pytest.skip(f"no {CONFORMANCE}: twitter-text's conformance cases are not on this machine")
    part: list[Case] = json.loads(CONFORMANCE.read_text(encoding="utf-8"))["tests"][name]
    return part


def values(spans: tuple[text.Span, ...]) -> list[str]:
    """What the spans hold."""
    return [span.value for span in spans]


def test_conformance_of_weighted_length() -> None:
    """Length, validity, permillage and both ranges are those of twitter-text's own suite."""
    for case in cases("weighted_length"):
        parsed = text.parse(case["text"])
        told = {
            "weightedLength": parsed.weighted_length,
            "valid": parsed.valid,
            "permillage": parsed.permillage,
            "displayRangeStart": parsed.display_range[0],
            "displayRangeEnd": parsed.display_range[1],
            "validRangeStart": parsed.valid_range[0],
            "validRangeEnd": parsed.valid_range[1],
        }
        assert case["expected"] == told, case["description"]
        assert parsed.weighted_length == text.weighted_length(case["text"]), case["description"]


@pytest.mark.parametrize("what", ["urls", "mentions", "cashtags"])
def test_conformance_of_extraction(what: str) -> None:
    """URLs, mentions and cashtags are those of twitter-text's own suite."""
    extract = {"urls": text.urls, "mentions": text.mentions, "cashtags": text.cashtags}[what]
    for case in cases(f"extract_{what}"):
        assert case["expected"] == values(extract(case["text"])), case["description"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", 0),
        ("a", 1),
        ("\u10ff", 1),
        ("\u1100", 2),
        ("\u200d\u2010\u201f\u2032\u2037", 5),
        ("\u200e\u2020\u2031\u2038", 8),
        ("日本", 4),
        ("e\u0301", 1),
        ("\u1112\u1161\u11ab", 2),
        ("x.ai", 23),
        ("see foo.py and http://example.com/a?b=c#d", 3 + 1 + 23 + 5 + 23),
        ("(https://example.com)", 25),
        ("👍", 2),
        ("👍🏽", 2),
        ("👩🏽\u200d🚀", 2),
        ("👩\u200d❤\ufe0f\u200d💋\u200d👨", 2),
        ("🏳\ufe0f\u200d🌈", 2),
        ("🏳\u200d🌈", 2 + 1 + 2),
        ("🇳🇿", 2),
        ("🇳", 2),
        ("🇳🇿🇳", 4),
        ("🇦🇦", 4),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", 2),
        ("1\ufe0f\u20e3", 2),
        ("1\u20e3", 2),
        ("1\ufe0f", 3),
        ("❤\ufe0f", 2),
        ("❤\ufe0e", 4),
        ("©\ufe0f", 2),
        ("©", 1),
        ("☝\ufe0f🏽", 2),
        ("🐱\u200d🐱", 2 + 1 + 2),
        ("👨\u200d👩\u200d👧\u200d🐱", 2 + 1 + 2),
        ("👩\u200d", 3),
        ("👩\u200d\u200d🚀", 2 + 1 + 1 + 2),
        ("🫱🏽\u200d🫲🏿", 2),
        ("🏃🏽\u200d♀\ufe0f\u200d➡\ufe0f", 2),
    ],
)
def test_weights(words: str, expected: int) -> None:
    """Code points weigh 1 or 2 after NFC, URLs 23, recommended emoji sequences 2 as a whole."""
    assert expected == text.weighted_length(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x.ai foo.py t.co it.so", ["x.ai", "foo.py", "t.co", "it.so"]),
        ("EXAMPLE.COM Http://Example.Com", ["EXAMPLE.COM", "Http://Example.Com"]),
        ("end.Start of e.g. and v1.2.3 at 10.30", []),
        ("v.gd/a.", ["v.gd/a"]),
        ("foo@example.com @example.com #example.com $example.com", []),
        ("_example.com -example.com .example.com /example.com", []),
        ("_http://example.com /https://example.com", ["http://example.com", "https://example.com"]),
        ("ahttp://example.com @http://example.com", []),
        ("example.com@foo example.com+foo example.com-foo", []),
        ("example.com_foo example.com:80 example.com:80/a", ["example.com", "example.com", "example.com:80/a"]),
        ("日本example.com中国example.org/path日本", ["example.com", "example.org/path"]),
        ("日本.example.com", ["example.com"]),
        ("日本.中国 http://日本.中国", ["http://日本.中国"]),
        ("見て http://президент.рф/путь", ["http://президент.рф/путь"]),
        ("http://xn--fsq.xn--fiqs8s/ xn--fsq.com", ["http://xn--fsq.xn--fiqs8s/", "xn--fsq.com"]),
        ("http://xn--日本.com http://a.xn--日本.com", []),
        ("see vermögensberater. www.vermögen.versicherung", ["www.vermögen.versicherung"]),
        ("elpaís.com", ["elpaís.com"]),
        ("écom.br", ["com.br"]),
        ("http://a_b.example.com http://a.b_c.com", ["http://a_b.example.com"]),
        ("http://example.com/(a)b(c(d)e)f) (example.com/x)", ["http://example.com/(a)b(c(d)e)f", "example.com/x"]),
        ("http://example.com/a?b=c&d=(e),f.", ["http://example.com/a?b=c&d=(e),f"]),
        ("http://t.co/abc!?x=1 http://t.co/abc?x=1! http://t.co/abc/def", ["http://t.co/abc", "http://t.co/abc?x=1", "http://t.co/abc"]),
        (f"http://t.co/{'a' * 40} http://t.co/{'a' * 41}", [f"http://t.co/{'a' * 40}"]),
        (f"t.co/{'a' * 41}", [f"t.co/{'a' * 41}"]),
        (f"http://{'a' * 63}.com http://{'a' * 64}.com {'a' * 64}.com", [f"http://{'a' * 63}.com"]),
        (f"http://{'é' * 50}.com http://{'é' * 60}.com", [f"http://{'é' * 50}.com"]),
        (f"http://e.co/{'a' * 4084}", [f"http://e.co/{'a' * 4084}"]),
        (f"http://e.co/{'a' * 4085}", []),
        (f"e.co/{'a' * 4083}", [f"e.co/{'a' * 4083}"]),
        (f"e.co/{'a' * 4084}", []),
        ("\u202ehttp://example.com\u202c \u200eexample.com", ["http://example.com", "example.com"]),
        ("\ufeffexample.com \uffffhttp://example.com", []),
        ("http:// http://. .com com. http://.com ..", []),
        ("ftp://example.com", []),
        ("foo.museum foo.onion foo.mcdonalds foo.notadomain", ["foo.museum", "foo.onion", "foo.mcdonalds"]),
    ],
)  # fmt: skip
def test_urls(words: str, expected: list[str]) -> None:
    """What twitter-text links is found, with and without a scheme, and nothing else."""
    found = text.urls(words)

    assert expected == values(found)
    assert expected == [words[span.start : span.end] for span in found]
    assert bool(expected) == text.links(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("@a_1 and (@b) 日本@c本 ＠d", ["a_1", "b", "c", "d"]),  # noqa: RUF001 - the full-width sign counts
        ("a@b _@b !@b &@b", []),
        ("@abc/list @abc/1", ["abc"]),
        ("@a@b @a://x @é @aé", []),
        ("rt@a RT:@b art@c -rt@d", ["a", "b"]),
        (f"@{'a' * 21}", ["a" * 20]),
    ],
)
def test_mentions(words: str, expected: list[str]) -> None:
    """Users are mentioned where X would link them; lists are not users."""
    found = text.mentions(words)

    assert expected == values(found)
    assert all(words[span.start] in "@\uff20" for span in found)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("$A $BRK.A $RDS_B $a, ($b)", ["A", "BRK.A", "RDS_B", "a"]),
        ("$TOOLONG $A1 a$B $$C $ $5", []),
        ("\u3000$JP \u202e$X", ["JP", "X"]),
        ("$ONE $TWO\n$THREE", ["ONE", "TWO", "THREE"]),
    ],
)
def test_cashtags(words: str, expected: list[str]) -> None:
    """Ticker symbols of one to six letters stand after a space and before a space or punctuation."""
    assert expected == values(text.cashtags(words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("#a #1b #123 #_a ＃日本語 #नमस्ते", ["a", "1b", "_a", "日本語", "नमस्ते"]),  # noqa: RUF001 - the full-width sign counts
        ("a#b &#c; #d#e #f://x (#g)", ["g"]),
        ("#\ufe0f\u20e3 x", []),
        ("http://example.com/#anchor #tag", ["tag"]),
    ],
)
def test_hashtags(words: str, expected: list[str]) -> None:
    """Hashtags hold a letter, begin where a word may, and do not lie in a URL."""
    assert expected == values(text.hashtags(words))


@pytest.mark.parametrize("words", ["x" * 281, "", " \n\t\u3000", "a\ufeffb", "a\uffff", "a\ud800"])
def test_invalid_texts(words: str) -> None:
    """Empty, blank, too long and unsendable texts are not valid."""
    assert not text.parse(words).valid


@pytest.mark.parametrize("words", ["x", "x" * 280, "a\u202eb", "👩\u200d🚀" * 140])
def test_valid_texts(words: str) -> None:
    """What fits into 280 and holds nothing refused is valid, directional overrides too."""
    assert text.parse(words).valid


def test_valid_range_ends_before_what_does_not_count() -> None:
    """The valid range stops at a refused code point, and counts UTF-16 units as X's own library does."""
    assert [(0, 1), (0, 279), (0, 1)] == [text.parse(words).valid_range for words in ("👍\ufeffabc", "x" * 300, "👍")]


@pytest.mark.parametrize("words", ["example.com", "http://a.verm\xf6gensberater", "http://a.\ud55c\uad6d"])
def test_links_are_the_same_before_and_after_nfc(words: str) -> None:
    """Pricing looks at the text as given and at its NFC form, so no spelling hides a URL."""
    assert text.links(words)
    assert text.links(unicodedata.normalize("NFD", words))


HOSTILE = {
    "combining marks": "a" + "\u0301\u0316" * 5000,
    "marks with dots": "\u0301." * 5000,
    "overrides": "\u202e" * 10_000 + "x.com",
    "controls": "".join(map(chr, range(32))) * 300,
    "labels": "com." * 10_000,
    "latin and cjk labels": "é中.com中é." * 3000,
    "schemes": "http://" * 5000,
    "open parentheses": "x.com/" + "(a" * 5000,
    "closed parentheses": "x.com/" + "(a)" * 5000 + "!",
    "nested parentheses": "x.com/" + "(" * 3000 + ")" * 3000,
    "points": "x.com/" + "." * 10_000,
    "questions": "x.com/?" + "!" * 10_000,
    "underscores": "é_" * 5000 + ".com",
    "joiners": "👩\u200d" * 5000,
    "flags": "🇦" * 10_001,
    "hashes": "#a x.com " * 2000,
    "signs": "@a" * 5000 + "$a " * 3000 + "#" * 3000,
}
PROBE = """
import json, resource, sys
from songpost.core import text
words = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
for extract in (text.parse, text.urls, text.mentions, text.cashtags, text.hashtags, text.links):
    extract(words * 4)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_do_not_hang(name: str) -> None:
    """Forty thousand characters made to confuse a parser are read within ten seconds of processor time."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], input=json.dumps(HOSTILE[name]), text=True, capture_output=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)


PIECES = st.sampled_from(
    [
        "a", "é", "日本", "com", ".", ".", "-", "_", "/", "http://", ":80", "?b=c", "@", "#", "$", " ", "(", ")",
        "t.co/", "xn--", "рф", "中国", "x.ai", "\u202e", "\ufeff", "👩", "\u200d", "🚀", "\ufe0f", "🏽", "🇳", "1",
        "\u20e3", "\u0301", "\ud800",
    ]
)  # fmt: skip


@given(words=st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_any_text_is_read(words: str) -> None:
    """Spans lie in the text, in order and apart; the parts weigh what the whole weighs; ranges lie in the text."""
    parsed = text.parse(words)
    found = text.urls(words)
    units = len(words.encode("utf-16-le", "surrogatepass")) // 2

    assert parsed.display_range == (0, max(units - 1, 0))
    assert parsed.weighted_length <= 2 * len(unicodedata.normalize("NFC", words)) + 23 * words.count(".")
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert all(span.value == words[span.start : span.end] and "." in span.value for span in found)
    for extract in (text.mentions, text.cashtags, text.hashtags):
        assert all(words[span.start + 1 : span.end] == span.value for span in extract(words))


@given(words=st.text(st.characters(codec="utf-8", exclude_characters="."), max_size=100))
def test_no_dot_no_url(words: str) -> None:
    """Without a dot nothing is linked."""
    assert () == text.urls(words)
