"""What X sees in a text: its weighted length, links, mentions, cashtags and hashtags, by twitter-text v3.

`text` in, numbers and spans out; nothing here changes a text. A span counts code points of the text as it was
given; the ranges of `ParsedText` count UTF-16 units, because that is how X's own library reports them.
Sources: twitter/twitter-text (Apache-2.0), configuration v3, read 2026-11-22; docs/decisions/0030.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from songpost.core import urls as url_grammar
from songpost.core.urls import DIRECTIONS, LATIN_ACCENTS, SPACES
from songpost.nouns import dataclass

MAX_WEIGHTED_LENGTH = 280
URL_WEIGHT = 23
HEAVY_WEIGHT = 2  # every code point outside of LIGHT, and every emoji as a whole
LIGHT = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
_HEAVY = re.compile(f"[^{''.join(f'{chr(first)}-{chr(last)}' for first, last in LIGHT)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")  # two UTF-16 units each

_JOINER, _EMOJI_STYLE, _KEYCAP = "\u200d", "\ufe0f", "\u20e3"
_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_INDICATORS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_COMPOSES = re.compile("[\u200d\ufe0f\u20e3\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0067]")
_NATIONS = {
    f"\U0001f3f4{''.join(chr(0xE0000 + ord(c)) for c in code)}\U000e007f" for code in ("gbeng", "gbsct", "gbwls")
}
_NATION_LENGTH = 7
_UNSENDABLE = re.compile("[\ufffe\ufeff\uffff\ud800-\udfff]")  # X refuses the first three, UTF-8 the surrogates

_PUNCTUATION = re.escape("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~")
_CASHTAG = re.compile(
    rf"(?:\A|(?<=[{SPACES}{DIRECTIONS}]))\$([a-zA-Z]{{1,6}}(?:[._][a-zA-Z]{{1,2}})?)(?=\Z|[{SPACES}{_PUNCTUATION}])"
)
_MENTION = re.compile(
    r"(?:[^a-zA-Z0-9_!#$%&*@\uff20]|\A|(?:\A|[^a-zA-Z0-9_+~.-])[rR][tT]:?)"
    r"([@\uff20])([a-zA-Z0-9_]{1,20})(/[a-zA-Z][a-zA-Z0-9_-]{0,24})?"
)
_ENDS_NO_MENTION = re.compile(rf"[@\uff20{LATIN_ACCENTS}]|://")
_HASH = re.compile(r"[#\uff03](?![\ufe0f\u20e3])")
_ENDS_NO_HASHTAG = re.compile(r"[#\uff03]|://")
_HASHTAG_SPECIALS = frozenset(
    "_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\xb7"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: code points [start, end) of it, and the value without its sign (`@`, `$`, `#`)."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class ParsedText:
    """What twitter-text's `parseTweet` tells.

    Ranges are UTF-16 units of the given text, both ends included; the valid one is what fits.
    """

    weighted_length: int
    valid: bool
    permillage: int
    display_range: tuple[int, int]
    valid_range: tuple[int, int]


def weighted_length(text: str) -> int:
    """Length as X counts it against 280: NFC, a URL 23, an emoji 2, most letters 1, CJK and the like 2."""
    normal = unicodedata.normalize("NFC", text)
    if _COMPOSES.search(normal):
        return sum(weight for _, _, weight in _items(normal))
    return _plain_weight(normal) + sum(
        URL_WEIGHT - _plain_weight(normal[at:end]) for at, end in url_grammar.find(normal)
    )


def _plain_weight(text: str) -> int:
    """The weight of a text code point by code point, as if it had no URL."""
    return len(text) + (HEAVY_WEIGHT - 1) * len(_HEAVY.findall(text))


def parse(text: str) -> ParsedText:
    """Weighted length, validity and ranges of `text`.

    Not valid: empty or blank, heavier than 280, or with a code point that X or UTF-8 refuses.
    """
    normal = unicodedata.normalize("NFC", text)
    weight = last_unit = valid_end = 0
    valid = bool(text.strip())
    fits = True
    units = -1
    for start, end, item_weight in _items(normal):
        weight += item_weight
        units += _utf16_length(normal[start:end])
        fits = fits and not (end - start == 1 and _UNSENDABLE.match(normal[start]))
        if fits and weight <= MAX_WEIGHTED_LENGTH:
            valid_end = units
    last_unit = max(_utf16_length(text) - 1, 0)
    return ParsedText(
        weighted_length=weight,
        valid=valid and fits and weight <= MAX_WEIGHTED_LENGTH,
        permillage=weight * 1000 // MAX_WEIGHTED_LENGTH,
        display_range=(0, last_unit),
        valid_range=(0, valid_end + _utf16_length(text) - _utf16_length(normal)),
    )


def urls(text: str) -> tuple[Span, ...]:
    """The URLs that X would replace by t.co links, bare domains such as `x.ai` too."""
    return tuple(Span(start, end, text[start:end]) for start, end in url_grammar.find(text))


@lru_cache(maxsize=1_024)
def links(text: str) -> bool:
    """Whether X would link anything in `text` or in its NFC form: then a post costs the price with a URL.

    A tick asks it of the same few texts again and again: for their prices, their risks, and the forecast of the day.
    """
    return bool(url_grammar.find(text) or url_grammar.find(unicodedata.normalize("NFC", text)))


def mentions(text: str) -> tuple[Span, ...]:
    """Users that `text` mentions, without the at-sign; lists (`@user/list`) are none."""
    if "@" not in text and "\uff20" not in text:
        return ()
    return tuple(
        Span(match.start(1), match.end(), match[2])
        for match in _MENTION.finditer(text)
        if match[3] is None and not _ENDS_NO_MENTION.match(text, match.end())
    )


def cashtags(text: str) -> tuple[Span, ...]:
    """Ticker symbols such as `$TWTR` or `$BRK.A`, without the dollar sign."""
    return tuple(Span(match.start(), match.end(), match[1]) for match in _CASHTAG.finditer(text))


def hashtags(text: str) -> tuple[Span, ...]:
    """Hashtags without their sign; what lies inside a URL is none."""
    linked = {at for start, end in url_grammar.find(text) for at in range(start, end)}
    found: list[Span] = []
    for match in _HASH.finditer(text):
        start, begin = match.span()
        before = text[start - 1] if start else ""
        if before and before not in "\ufe0e\ufe0f" and (before == "&" or _in_hashtag(before)):
            continue
        end = begin
        while end < len(text) and _in_hashtag(text[end]):
            end += 1
        lettered = any(unicodedata.category(c)[0] in "LM" for c in text[begin:end])
        if lettered and start not in linked and not _ENDS_NO_HASHTAG.match(text, end):
            found.append(Span(start, end, text[begin:end]))
    return tuple(found)


def _in_hashtag(char: str) -> bool:
    """Whether a hashtag may hold this character: a letter, mark, decimal digit or one of a few others."""
    category = unicodedata.category(char)
    return category[0] in "LM" or category == "Nd" or char in _HASHTAG_SPECIALS


def _utf16_length(text: str) -> int:
    return len(text) + len(_ASTRAL.findall(text))


def _items(text: str) -> Iterator[tuple[int, int, int]]:
    """What counts as one: (start, end, weight) of each URL, emoji and single code point."""
    ends = dict(url_grammar.find(text))
    composed = bool(_COMPOSES.search(text))
    at = 0
    while at < len(text):
        end = ends.get(at)
        if end is not None:
            yield at, end, URL_WEIGHT
        else:
            end = _emoji_end(text, at) if composed else at + 1
            light = end == at + 1 and not _HEAVY.match(text, at)
            yield at, end, 1 if light else HEAVY_WEIGHT
        at = end


@cache
def _emoji() -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """Flags, characters that take a tone, that take variation selector 16, and joined sequences (tone = T)."""
    from songpost.core import text_data

    flags = ("".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code) for code in text_data.FLAGS.split())
    joined = text_data.JOINED.replace("-", _JOINER).replace("+", _EMOJI_STYLE)
    return frozenset(flags), frozenset(text_data.TONED), frozenset(text_data.VARIED), frozenset(joined.split())


def _emoji_end(text: str, at: int) -> int:
    """Where the emoji or else the code point at `at` ends: the longest sequence that Unicode recommends."""
    flags, *_ = _emoji()
    char = text[at]
    if char in _INDICATORS:
        return at + 2 if text[at : at + 2] in flags else at + 1
    if text[at : at + _NATION_LENGTH] in _NATIONS:
        return at + _NATION_LENGTH
    if char in "0123456789#*":
        mark = at + 2 if text[at + 1 : at + 2] == _EMOJI_STYLE else at + 1
        return mark + 1 if text[mark : mark + 1] == _KEYCAP else at + 1
    return _joined_end(text, at)


def _joined_end(text: str, at: int) -> int:
    """Where the longest joined sequence at `at` ends; each element has at most one selector or tone."""
    *_, joined = _emoji()
    first = end = _element_end(text, at)
    key = _keyed(text[at:end])
    while text[end : end + 1] == _JOINER and end + 1 < len(text) and end - at < _LONGEST_JOINED:
        begin, end = end, _element_end(text, end + 1)
        key += text[begin : begin + 1] + _keyed(text[begin + 1 : end])
        if key in joined:
            first = end
    return first


_LONGEST_JOINED = 12  # code points; Unicode's longest sequence has ten


def _element_end(text: str, at: int) -> int:
    """Where one emoji character with its selector or tone ends."""
    _, toned, varied, _ = _emoji()
    end = at + 1
    if text[at] in varied and text[end : end + 1] == _EMOJI_STYLE:
        end += 1
    if text[at] in toned and text[end : end + 1] in _TONES:
        end += 1
    return end


def _keyed(element: str) -> str:
    return element[:-1] + "T" if element[-1] in _TONES and len(element) > 1 else element
