"""How X reads a text: what it links, mentions and tags, and how much the text weighs.

The sandbox's own reading of twitter-text (configuration v3, https://github.com/twitter/twitter-text, 2018),
written apart from the project's so that no mistake hides on both sides. Spans are half-open, in code points.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

WEIGHTED_LIMIT = 280
URL_WEIGHT = 23
LIGHT_RANGES = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))


class Span(NamedTuple):
    """A stretch of a text and what stands in it (a URL as written, a name or tag without its sign)."""

    start: int
    end: int
    value: str


_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_CANDIDATE = re.compile(
    rf"""(?P<protocol>https?://)?
    (?P<host>(?:{_LABEL}(?:[-_]*)\.)*(?:{_LABEL}\.)+(?:xn--[a-z0-9-]+|[^\W\d_]{{2,63}}))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TAIL = re.compile(
    r"""(?P<port>:[0-9]+)?
    (?P<path>/(?:[\w!*';:=+,.$%#\[\]\-–&|@~()]*(?:/|[\w=\-+&#~)$%])|))*
    (?P<query>\?[\w!?*'();:&=+$/%#\[\]\-.,~|@]*[\w\-&=#/])?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOT_BEFORE_URL = re.compile(r"[A-Za-z0-9@＠$#＃‪-‮]")
_NOT_BEFORE_BARE = re.compile(r"[-_./]")
_NOT_AFTER_DOMAIN = re.compile(r"[0-9a-zA-Z@+-]")
_MENTION = re.compile(r"(?<![a-zA-Z0-9_!#$%&*@＠])[@＠]([a-zA-Z0-9_]{1,15})(?![@＠\w]|://)")
_HASHTAG = re.compile(r"(?<![&\w])[#＃]((?:\w*[^\W\d_]\w*))(?![#＃]|://)")
_CASHTAG = re.compile(r"(?<![^\s])\$([a-zA-Z]{1,6}(?:[._][a-zA-Z]{1,2})?)(?=$|\s|[!-#%-*,-/:;?@\[-`{-~])")

_PICTURE = (
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2300-\u23ff\u2b00-\u2bff\u2190-\u21ff\u25a0-\u25ff\u2934\u2935"
    "\u3030\u303d\u3297\u3299\u203c\u2049\u2139\u24c2\u2122\u00a9\u00ae]"
)
_EMOJI = re.compile(
    rf"""[\U0001f1e6-\U0001f1ff]{{2}}                                        # flags of countries
    | \U0001f3f4[\U000e0020-\U000e007e]+\U000e007f                           # flags of regions
    | [0-9#*]\ufe0f?\u20e3                                                   # keycaps
    | {_PICTURE}(?:[\U0001f3fb-\U0001f3ff]|\ufe0f)?                          # a picture, toned or not,
      (?:\u200d{_PICTURE}(?:[\U0001f3fb-\U0001f3ff]|\ufe0f)?)*               # joined to others
    """,
    re.VERBOSE,
)


@cache
def top_level_domains() -> frozenset[str]:
    """The names of `tlds.txt`, lower case."""
    lines = (Path(__file__).parent / "tlds.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _domain_end(host: str, *, bare: bool) -> int | None:
    """How far the longest prefix of a host reaches that ends in a top-level domain; None where there is none."""
    labels = host.split(".")
    for count in range(len(labels), 1, -1):
        last = labels[count - 1].lower()
        if bare and not all(label.isascii() for label in labels[:count]):
            continue
        if "_" in labels[count - 2]:
            continue
        if last in top_level_domains() or last.startswith("xn--"):
            return len(".".join(labels[:count]))
        shortened = _known_prefix(labels[count - 1])
        if shortened:
            return len(".".join(labels[: count - 1])) + 1 + shortened
    return None


def _known_prefix(label: str) -> int:
    """The length of a top-level domain at the start of a label whose next letter is of another script, else 0."""
    for index, letter in enumerate(label):
        if not letter.isascii():
            return index if label[:index].lower() in top_level_domains() else 0
    return 0


def urls(text: str) -> list[Span]:
    """Everything in a text that X turns into a link, bare domains included, in order."""
    found: list[Span] = []
    position = 0
    if "." not in text:
        return found
    while match := _CANDIDATE.search(text, position):
        span = _url_at(text, match)
        if span is None and match["protocol"] is None and not match["host"].isascii():
            span = _ascii_tail(text, match)
        if span is None:
            position = max(match.end("host"), match.start() + 1)
            continue
        found.append(span)
        position = span.end
    return found


def _ascii_tail(text: str, match: re.Match[str]) -> Span | None:
    """A bare domain glued to a word of another script: `日本example.com` links `example.com`."""
    start = match.start("host") + max(i for i, letter in enumerate(match["host"]) if not letter.isascii()) + 1
    again = _CANDIDATE.match(text, start)
    return _url_at(text, again) if again and again["host"].isascii() else None


def _url_at(text: str, match: re.Match[str]) -> Span | None:
    start, bare = match.start(), match["protocol"] is None
    before = text[start - 1] if start else " "
    if _NOT_BEFORE_URL.match(before) or (bare and _NOT_BEFORE_BARE.match(before)):
        return None
    length = _domain_end(match["host"], bare=bare)
    if length is None:
        return None
    domain_end = match.start("host") + length
    if domain_end < len(text) and _NOT_AFTER_DOMAIN.match(text[domain_end]):
        return None
    tail = _TAIL.match(text, domain_end)
    end = _balanced(text, domain_end, tail.end()) if tail else domain_end
    return Span(start, end, text[start:end])


def _balanced(text: str, start: int, end: int) -> int:
    """Where a path really ends: a closing bracket that was opened outside does not belong to it."""
    depth = 0
    for index in range(start, end):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth < 0:
            return index
    return end


def mentions(text: str) -> list[Span]:
    """The `@names` of a text, without the sign."""
    return [Span(m.start(), m.end(), m[1]) for m in _MENTION.finditer(text)] if "@" in text or "＠" in text else []


def hashtags(text: str) -> list[Span]:
    """The `#tags` of a text, without the sign; those inside links do not count."""
    return _outside_links(text, _HASHTAG) if "#" in text or "＃" in text else []


def cashtags(text: str) -> list[Span]:
    """The `$TAGS` of a text, without the sign."""
    return _outside_links(text, _CASHTAG) if "$" in text else []


def _outside_links(text: str, pattern: re.Pattern[str]) -> list[Span]:
    links = urls(text)
    return [
        Span(m.start(), m.end(), m[1])
        for m in pattern.finditer(text)
        if not any(link.start <= m.start() < link.end for link in links)
    ]


def weighted_length(text: str) -> int:
    """What a text weighs, after NFC: 1 for the light ranges, 2 for all else, 23 a link, 2 an emoji sequence."""
    text = unicodedata.normalize("NFC", text)
    if text.isascii() and "." not in text:
        return len(text)
    weight, position = 0, 0
    for link in urls(text):
        weight += _plain_weight(text[position : link.start]) + URL_WEIGHT
        position = link.end
    return weight + _plain_weight(text[position:])


def _plain_weight(text: str) -> int:
    if text.isascii():
        return len(text)
    rest, emoji = _EMOJI.subn("", text)
    return 2 * emoji + sum(1 if _is_light(ord(letter)) else 2 for letter in rest)


def _is_light(code_point: int) -> bool:
    return any(first <= code_point <= last for first, last in LIGHT_RANGES)
