r"""Where a text holds what twitter-text v3 would link: URLs with a scheme, and bare domains by their top level.

The grammar is that of the twitter/twitter-text repository (Apache-2.0; Ruby, Java and JavaScript agree on it
but for corners), read 2026-11-22. It is one regular expression there; here a text is cut into runs of host
characters, each run's labels are judged once, and only what follows a host is matched by a pattern that
cannot backtrack far. So the time grows with the text and not with its square, whatever a stranger sends.

    before  scheme    host                    port   path           query
    ( )     (https?://)(label.)*label.TLD     (:\d+) (/…balanced())  (?…)
    not one of A-Za-z0-9@$# before it; nor, without a scheme, one of - _ . /
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

MAX_URL_LENGTH = 4096  # with the scheme and the host in punycode
MAX_LABEL_LENGTH = 63  # RFC 1035, in punycode
MAX_TCO_SLUG_LENGTH = 40
ASSUMED_SCHEME = "https://"

SPACES = "\t-\r \x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
NONCHARACTERS = "\ufffe\ufeff\uffff"
LATIN_ACCENTS = (
    "\xc0-\xd6\xd8-\xf6\xf8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289\u028b\u02bb"
    "\u0300-\u036f\u1e00-\u1eff"
)
_PATH_LETTERS = f"a-zA-Z0-9\u0400-\u04ff{LATIN_ACCENTS}"

# A run of host characters, the label separators "-", "_" and "." among them.
_RUN = re.compile(rf"[^!\"#$%&'()*+,/:;<=>?@\[\\\]^`{{|}}~\0-\x1f\x7f{SPACES}{DIRECTIONS}{NONCHARACTERS}]+")
_SCHEME = re.compile(r"https?://", re.IGNORECASE | re.ASCII)
_BLOCKS_BEFORE = re.compile(rf"[A-Za-z0-9@\uff20$#\uff03{NONCHARACTERS}]")
_BLOCKS_BEFORE_BARE = frozenset("-_./")
_ALNUM = re.compile(r"[A-Za-z0-9]*")
_PUNYCODE = re.compile(r"xn--[A-Za-z0-9-]+", re.IGNORECASE | re.ASCII)
_AFTER_TLD_BLOCKS = re.compile(r"[A-Za-z0-9@+-]")
_ASCII_TAIL = re.compile(rf"[A-Za-z0-9_{LATIN_ACCENTS}-]*\Z")
_GENERAL = rf"[{_PATH_LETTERS}!*';:=+,.$/%#\[\]\u2013_~@|&-]"
_BALANCED = rf"\((?:{_GENERAL}+|{_GENERAL}*\({_GENERAL}+\){_GENERAL}*)\)"
_PATH = rf"(?:{_GENERAL}*(?:{_BALANCED}{_GENERAL}*)*(?:[{_PATH_LETTERS}=_#/+-]|{_BALANCED})|@{_GENERAL}+/)"
_QUERY = r"\?[A-Za-z0-9!?*'();:&=+$/%#\[\]\-_.,~|@]*[A-Za-z0-9_&=#/-]"
_TCO = re.compile(rf"https?://t\.co/([a-z0-9]+)(?:{_QUERY})?", re.IGNORECASE | re.ASCII)


@cache
def _tail() -> re.Pattern[str]:
    """What may follow a host; compiled when a first host asks for it, since that takes as long as ten other modules."""
    return re.compile(rf"(?::[0-9]++)?(?P<path>/(?:{_PATH})*)?(?:{_QUERY})?")


@cache
def _tlds() -> tuple[frozenset[str], int]:
    """Top-level domains in lower case and the length of the longest, loaded when a first dot asks for them."""
    from songpost.core.text_data import TLDS

    known = frozenset(TLDS.split())
    return known, max(map(len, known))


def _tld_end(text: str, start: int, limit: int) -> int:
    """Where the top-level domain that begins at `start` ends (the longest one that does), or -1."""
    known, longest = _tlds()
    stop = _ALNUM.match(text, start, limit).end()  # type: ignore[union-attr]  # the pattern matches the empty string
    if stop == limit or text[stop].isascii():
        ends: tuple[int, ...] | range = (stop,)
    else:
        ends = range(min(limit, start + longest), start, -1)
    for end in ends:
        if text[start:end].lower() in known and (end == len(text) or not _AFTER_TLD_BLOCKS.match(text, end)):
            return end
    coded = _PUNYCODE.match(text, start, limit)
    return coded.end() if coded else -1


class _Run:
    """A run of host characters with what its labels permit, judged once from right to left."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.start, self.end = text, start, end
        dots = [at for at in range(start, end) if text[at] == "."]
        self.ends = dots  # a label that is followed by a dot ends there
        self.tld_ends = [_tld_end(text, at + 1, end) for at in dots]
        # reach[i]: where the longest host ends that has label i as a subdomain, or -1. A name right before
        # the top level has no underscore; a subdomain may.
        self.reach = [-1] * len(dots)
        for i in range(len(dots) - 2, -1, -1):
            begin, stop = dots[i] + 1, dots[i + 1]
            if begin < stop and text[begin] not in "-_" and text[stop - 1] not in "-_":
                self.reach[i] = self.reach[i + 1]
                if self.reach[i] < 0 and "_" not in text[begin:stop]:
                    self.reach[i] = self.tld_ends[i + 1]

    def hosts(self) -> Iterator[tuple[int, int]]:
        """Places (start, end) where a host may begin, leftmost first, each the longest."""
        begin = self.start
        for i, stop in enumerate(self.ends):
            if begin < stop and self.text[stop - 1] not in "-_":
                underscore = self.text.rfind("_", begin, stop)
                for at in range(begin, stop):
                    if self.text[at] in "-_":
                        continue
                    end = self.reach[i]
                    if end < 0 and at > underscore:
                        end = self.tld_ends[i]
                    if end >= 0:
                        yield at, end
            begin = stop + 1


def _places(text: str, begin: int, stop: int) -> list[tuple[int, int]]:
    """Where hosts may stand in a run. A text's first character is rather what stands before: of écom.br, com.br."""
    places = list(_Run(text, begin, stop).hosts())
    if [at for at, _ in places[:2]] == [0, 1] and not _BLOCKS_BEFORE.match(text):
        del places[0]
    return places


def _may_follow(text: str, at: int, floor: int) -> bool:
    """Whether a URL may begin at `at`: the character before it is not yet taken, and not one that joins."""
    return at == 0 or (at > floor and not _BLOCKS_BEFORE.match(text, at - 1))


def _host_length(host: str) -> int | None:
    """Length of a host in punycode, or `None` where a label is too long or mixes punycode with other letters."""
    length = host.count(".")
    for label in host.split("."):
        coded = label
        if not label.isascii():
            if len(label) > MAX_LABEL_LENGTH or label[:4].lower() == "xn--":  # coded is longer than plain
                return None
            coded = "xn--" + label.encode("punycode").decode("ascii")
        if not 0 < len(coded) <= MAX_LABEL_LENGTH:
            return None
        length += len(coded)
    return length


def _ascii_hosts(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The hosts of Latin letters inside a bare host of any letters: of 日本example.com, example.com."""
    found: list[tuple[int, int]] = []
    chain, best, begin = -1, -1, start
    while (stop := text.find(".", begin, end)) >= 0:
        tail = _ASCII_TAIL.search(text, begin, stop).start()  # type: ignore[union-attr]  # matches ""
        if chain < 0 or tail > begin:
            if best >= 0:
                found.append((chain, best))
            chain, best = (tail if tail < stop else -1), -1
        if chain >= 0 and (tld := _tld_end(text, stop + 1, end)) >= 0:
            best = tld
        begin = stop + 1
    if best >= 0:
        found.append((chain, best))
    return found


def _bare(text: str, start: int, host_end: int, end: int, *, has_path: bool) -> list[tuple[int, int]]:
    """URLs without a scheme: only Latin hosts are linked, and the last of them takes the path."""
    found = [
        (begin, stop)
        for begin, stop in _ascii_hosts(text, start, host_end)
        if (length := _host_length(text[begin:stop])) is not None
        and length + end - host_end + len(ASSUMED_SCHEME) <= MAX_URL_LENGTH
    ]
    if found and has_path:
        found[-1] = (found[-1][0], end)
    return found


def _with_scheme(text: str, start: int, host_start: int, host_end: int, end: int) -> list[tuple[int, int]]:
    """The URL with a scheme, if it is one that X's t.co would take."""
    tco = _TCO.match(text, start, end)
    if tco:
        if len(tco[1]) > MAX_TCO_SLUG_LENGTH:
            return []
        end = tco.end()
    length = _host_length(text[host_start:host_end])
    if length is None or end - start + length - (host_end - host_start) > MAX_URL_LENGTH:
        return []
    return [(start, end)]


def find(text: str) -> list[tuple[int, int]]:
    """Places of the URLs in `text` as code points [start, end), from left to right, never overlapping."""
    found: list[tuple[int, int]] = []
    floor = -1  # what lies before it belongs to an earlier match, linked or not
    if "." not in text:
        return found
    for match in _RUN.finditer(text):
        begin, stop = match.span()
        if stop <= floor or "." not in match[0]:
            continue
        for host_start, host_end in _places(text, begin, stop):
            start = host_start
            if host_start == begin:
                start = _scheme_start(text, begin, floor)
            if not _may_follow(text, start, floor):
                continue
            tail = _tail().match(text, host_end)
            end = tail.end() if tail else host_end
            if start < host_start:
                found += _with_scheme(text, start, host_start, host_end, end)
            elif start == 0 or text[start - 1] not in _BLOCKS_BEFORE_BARE:
                found += _bare(text, start, host_end, end, has_path=bool(tail and tail["path"]))
            floor = end
    return found


def _scheme_start(text: str, host_start: int, floor: int) -> int:
    """Where the scheme right before a host begins, if one stands there and a URL may begin there; else the host."""
    for length in (8, 7):
        at = host_start - length
        if (
            at >= 0
            and (scheme := _SCHEME.match(text, at))
            and scheme.end() == host_start
            and _may_follow(text, at, floor)
        ):
            return at
    return host_start
