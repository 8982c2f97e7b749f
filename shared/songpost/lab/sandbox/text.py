"""How X reads a text: what it links, mentions and tags, and how much the text weighs.

The sandbox's own reading of twitter-text (configuration v3, https://github.com/twitter/twitter-text, 2018),
written apart from the project's so that no mistake hides on both sides. Spans are half-open, in code points.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

WEIGHTED_LIMIT = 280
URL_WEIGHT = 23
SLUG_LENGTH = 40
LABEL_LENGTH = 63
LIGHT_RANGES = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))


class Span(NamedTuple):
    """A stretch of a text and what stands in it (a URL as written, a name or tag without its sign)."""

    start: int
    end: int
    value: str


_ACCENTED = (
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289"
    "\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_HOST_LETTER = r"""[^\s!'"#%&()*+,./:;<=>?@\[\]^_{|}~$\\`\-\ufffe\ufeff\uffff\u202a-\u202e\uff20\uff03]"""
_LABEL = rf"{_HOST_LETTER}(?:(?:{_HOST_LETTER}|[-_])*{_HOST_LETTER})?"
_CANDIDATE = re.compile(rf"(?P<protocol>https?://)?(?P<host>{_LABEL}(?:\.{_LABEL})+)", re.IGNORECASE)
_ASCII_HOST = re.compile(rf"[-a-z0-9{_ACCENTED}]+(?:\.[-a-z0-9{_ACCENTED}]+)+", re.IGNORECASE)
_PATH_LETTER = rf"[a-z\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_ACCENTED}]"
_BRACKETS = rf"\((?:{_PATH_LETTER}*\({_PATH_LETTER}+\){_PATH_LETTER}*|{_PATH_LETTER}+)\)"
_PATH_END = rf"(?:[+\-a-z\u0400-\u04ff0-9=_#/{_ACCENTED}]|{_BRACKETS})"
_QUERY_LETTER = r"[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]"
_TAIL = re.compile(
    rf"(?::[0-9]+)?(?:/(?:{_PATH_LETTER}*(?:{_BRACKETS}{_PATH_LETTER}*)*{_PATH_END})?)?"
    rf"(?:\?{_QUERY_LETTER}*[a-z0-9\-_&=#/])?",
    re.IGNORECASE,
)
_OWN_SHORT_LINK = re.compile(
    rf"https?://t\.co/(?P<slug>[a-z0-9]+)(?:\?{_QUERY_LETTER}*[a-z0-9\-_&=#/])?", re.IGNORECASE
)
_NOT_BEFORE_URL = re.compile(r"[A-Za-z0-9@\uff20$#\uff03\ufffe\ufeff\uffff]")
_NOT_BEFORE_BARE = re.compile(r"[-_./]")
_NOT_AFTER_DOMAIN = re.compile(r"[0-9a-zA-Z@+-]")
_MENTION = re.compile(
    rf"(?:(?<![a-zA-Z0-9_!#$%&*@\uff20])|(?<=(?<![a-zA-Z0-9_+~.-])[rR][tT]))"
    rf"[@\uff20]([a-zA-Z0-9_]{{1,20}})(?![@\uff20a-zA-Z0-9_{_ACCENTED}]|://)"
)
_HASHTAG = re.compile(r"(?<![&\w])[#\uff03](\w*[^\W\d_]\w*)(?![#\uff03]|://)")
_CASHTAG = re.compile(r"(?<!\S)\$([a-zA-Z]{1,6}(?:[._][a-zA-Z]{1,2})?)(?=$|\s|[!-/:-@\[-`{-~])")

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


_PUNYCODE = re.compile(r"xn--[-0-9a-z]+")
_ASCII_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@cache
def top_level_domains() -> frozenset[str]:
    """The names of `tlds.txt`, lower case."""
    lines = (Path(__file__).parent / "tlds.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _domain_end(host: str) -> int | None:
    """How far the longest prefix of a host reaches that ends in a top-level domain; None where there is none."""
    labels = host.split(".")
    for count in range(len(labels), 1, -1):
        if "_" in labels[count - 2]:
            continue
        last = labels[count - 1].lower()
        known = len(last) if last in top_level_domains() or _PUNYCODE.fullmatch(last) else _known_prefix(last)
        if known:
            return len(".".join(labels[: count - 1])) + 1 + known
    return None


def _known_prefix(label: str) -> int:
    """The length of a top-level domain at the start of a label whose next letter is of another script, else 0."""
    length = len(label) - len(label.lstrip(_ASCII_LETTERS))
    return length if label[:length] in top_level_domains() else 0


def _can_be_looked_up(host: str) -> bool:
    """Whether every label fits into a domain name once it is written in punycode."""
    for label in host.split("."):
        if label.isascii():
            encoded = len(label)
        elif label.lower().startswith("xn--"):
            return False
        else:
            encoded = len("xn--") + len(label.encode("punycode"))
        if encoded > LABEL_LENGTH:
            return False
    return True


@lru_cache(maxsize=4_096)
def urls(text: str) -> tuple[Span, ...]:
    """Everything in a text that X turns into a link, bare domains included, in order."""
    found: list[Span] = []
    position = -1
    if "." not in text:
        return ()
    while match := _next_candidate(text, position):
        links = _links_at(text, match)
        if links is None:
            position = match.start()
            continue
        found += links
        position = links[-1].end if links else match.end()
    return tuple(found)


def _next_candidate(text: str, position: int) -> re.Match[str] | None:
    """The next host whose letter before it is free and allows a link."""
    start = position + 1
    while match := _CANDIDATE.search(text, start):
        at = match.start()
        if at == 0 or not _NOT_BEFORE_URL.match(text[at - 1]):
            return match
        start = at + 1
    return None


def _links_at(text: str, match: re.Match[str]) -> list[Span] | None:
    """The links at a candidate; None where its host ends in no top-level domain at all."""
    if match["protocol"] is not None:
        return _with_protocol(text, match)
    hosts = _ASCII_HOST.finditer(text, match.start("host"), match.end("host"))
    links = [link for host in hosts if (link := _link(text, host.start(), host))]
    if links and match.start() and _NOT_BEFORE_BARE.match(text[match.start() - 1]):
        return []
    return links or None


def _with_protocol(text: str, match: re.Match[str]) -> list[Span] | None:
    own = _OWN_SHORT_LINK.match(text, match.start())
    if own is not None:
        if len(own["slug"]) > SLUG_LENGTH:
            return []
        return [Span(own.start(), own.end(), own[0])]
    link = _link(text, match.start(), match)
    return [link] if link else None


def _link(text: str, start: int, match: re.Match[str]) -> Span | None:
    """The link whose host was matched, with its port, path and query; None where the host is none."""
    host_start = match.start("host") if "host" in match.re.groupindex else match.start()
    host = text[host_start : match.end()]
    length = _domain_end(host)
    if length is None or not _can_be_looked_up(host[:length]):
        return None
    domain_end = host_start + length
    if domain_end < len(text) and _NOT_AFTER_DOMAIN.match(text[domain_end]):
        return None
    tail = _TAIL.match(text, domain_end)
    end = tail.end() if tail else domain_end
    return Span(start, end, text[start:end])


def mentions(text: str) -> list[Span]:
    """The `@names` of a text, without the sign; those inside links do not count."""
    return _outside_links(text, _MENTION) if "@" in text or "\uff20" in text else []


def hashtags(text: str) -> list[Span]:
    """The `#tags` of a text, without the sign; those inside links do not count."""
    return _outside_links(text, _HASHTAG) if "#" in text or "\uff03" in text else []


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
