"""How much alike two texts are, told from a mark of 58 characters instead of the text.

A text is normalised (what a reader would not count as a difference goes out), cut into overlapping shingles of
three characters, and the set of shingles is kept as a MinHash sketch. An *entry* is what the store keeps of a text:

    6 characters   when it went out: seconds since 1970 UTC, in an alphabet that sorts, so entries sort by time
    52 characters  base64 of 7 bytes SHA-256 of the normalised text (exact repeats) and 32 bytes sketch

The sketch is one-permutation hashing (Li, Owen, Zhang 2012) with b-bit values (Li, König 2010): every shingle falls
into one of 128 bins, the smallest hash of a bin stays, and two bits of it are kept: 0 for an empty bin, else 1 to
3. Empty bins are told from full ones, so short texts need no densification and are compared nearly exactly. Marks
are the same on every machine and Python: BLAKE2b and SHA-256, never `hash()`. Threshold and error rates:
docs/decisions/0032.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import chain, combinations, product
from operator import getitem

from songpost.core import text as twitter
from songpost.nouns import dataclass

ENTRY_CHARACTERS = 58
SHINGLE_CHARACTERS = 3
BANDS, ROWS = 8, 4

_BINS = 128
_CODES = 3  # values of a full bin
_EVERY_BIN = int.from_bytes(b"\x55" * (_BINS // 4))  # the low bit of each bin's two
_EXACT_BYTES = 7
_FOURS = tuple(product(range(4), repeat=4))  # what the four bins of a byte hold, by the byte
_REMEMBERED = 2048  # marks kept in memory: more than the guard remembers
_SKETCH_BYTES = _BINS // 4
_TIME_CHARACTERS = 6
_TIME_ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"  # in the order of ASCII
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_APOSTROPHES = re.compile("(?<=\\w)['\u2019\u02bc\uff07](?=\\w)")
_LOOKALIKES = str.maketrans("асеіјорԛѕԝхугвкмнтαορνιτκ", "aceijopqswxyrbkmhtaopvitk")
_MIXED = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Near:
    """The entry most like a text: `similarity` from 0 to 1 (1 for an exact repeat), and when it went out (UTC)."""

    similarity: float
    posted_at: datetime
    entry: str


def normalise(text: str) -> str:
    """`text` as the guard sees it: letters, digits and single spaces, in lower case.

    Out go URLs, mentions, punctuation, symbols, emoji, invisible and control characters, and the accents and
    stacked marks of Latin, Greek, Cyrillic, Hebrew and Arabic; compatibility forms (bold, full width) become plain
    ones, and letters that pose as Latin ones in a Latin word become those. A text without letters and digits keeps its
    symbols; one of nothing but links and names keeps those.
    """
    bare = _without(text, [*twitter.urls(text), *twitter.mentions(text)])
    return _folded(bare, symbols=False) or _folded(bare, symbols=True) or _folded(text, symbols=True)


def shingles(normal: str) -> frozenset[str]:
    """The runs of three characters of a normalised text, a space before and behind it."""
    padded = f" {normal} "
    last = max(1, len(padded) - SHINGLE_CHARACTERS + 1)
    return frozenset([padded[at : at + SHINGLE_CHARACTERS] for at in range(last)])


def jaccard(one: str, other: str) -> float:
    """The similarity that entries estimate: common shingles over all shingles, 0 to 1."""
    a, b = shingles(normalise(one)), shingles(normalise(other))
    return len(a & b) / len(a | b)


def alike_within(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of posts of one thread, numbered from 1, that are too much alike: X would break the thread off there."""
    for (one, text), (other, later) in combinations(enumerate(texts, 1), 2):
        if (alike := jaccard(text, later)) >= threshold:
            yield one, other, alike


def entry(text: str, posted_at: datetime) -> str:
    """What the store keeps of a text that went out at `posted_at` (aware): 58 characters of ASCII, JSON-plain."""
    mark = _mark_of(text)
    return _time(posted_at) + b2a_base64(mark, newline=False).decode("ascii")


def moved(of: str, posted_at: datetime) -> str:
    """The entry of the same text, had it gone out at another time (aware): its mark is not made anew."""
    return _time(posted_at) + of[_TIME_CHARACTERS:]


def posted_at(of: str) -> datetime:
    """When the text of an entry went out, in UTC, to the second. `ValueError` where it is no entry."""
    if len(of) != ENTRY_CHARACTERS:
        raise ValueError(f"{of[:80]!r} is no fingerprint of {ENTRY_CHARACTERS} characters")
    seconds = 0
    for character in of[:_TIME_CHARACTERS]:
        seconds = seconds * len(_TIME_ALPHABET) + _TIME_ALPHABET.index(character)
    return _EPOCH + timedelta(seconds=seconds)


def since(entries: Iterable[str], at: datetime) -> tuple[str, ...]:
    """Those of the entries that went out at `at` (aware) or later, in their order."""
    first = _time(at)
    return tuple(found for found in entries if found >= first)


def nearest(text: str, entries: Sequence[str], *, since: datetime | None = None) -> Near | None:
    """The entry most like `text` among those of `since` (aware) or later; the newest of equals; `None` of none."""
    exact, sketch, full, _ = _text_read(text)
    first = _time(since) if since is not None else ""
    best, found = -1.0, ""
    for candidate in entries:
        if candidate < first:
            continue
        other_exact, other, other_full, _ = _entry_read(candidate)
        alike = 1.0 if other_exact == exact else _alike(sketch, full, other, other_full)
        if alike > best or (alike == best and candidate > found):
            best, found = alike, candidate
    return Near(best, posted_at(found), found) if found else None


def too_alike(text: str, entries: Iterable[str], threshold: float) -> bool:
    """Whether any of the entries is at least `threshold` like `text`: what `nearest` finds, sooner told.

    Two texts are no more alike than the share of the bins that both fill, which is told without comparing the bins.
    """
    exact, sketch, full, bins = _text_read(text)
    part = threshold / (1.0 + threshold) - 1e-9  # shared / (bins + other_bins - shared) >= threshold, solved
    for other_exact, other, other_full, other_bins in map(_entry_read, entries):
        if (full & other_full).bit_count() < part * (bins + other_bins):
            continue
        if other_exact == exact or _alike(sketch, full, other, other_full) >= threshold:
            return True
    return False


class Remembered:
    """Entries arranged so that a text is compared with all of them at once, for a day's plan, which has many texts.

    For each bin and each of its three values a whole number holds one bit an entry: whether it has that value there. A
    text adds up the numbers of its own values, and only the entries that share enough of them are looked at one by one.

    How many are enough: two sketches that fill `own` and `other` bins, `shared` of them both, and have `equal` values
    in common are (equal - shared / 3) * 3 / 2 over own + other - shared alike. As `shared` lies between `equal` and
    (own + other) / 2, that reaches the threshold t only where `equal` is at least (own + other) times t / (1 + t) or,
    from t = 1/2 on, (t + 1/2) / 3. That of `other` is in each entry's `head`, a start that it is given ahead of the
    sum, so that one number tells for all entries whether they reach it.
    """

    def __init__(self, entries: Iterable[str], threshold: float) -> None:
        self._entries = tuple(entries)
        self._threshold = threshold
        self._part = threshold / (1 + threshold) if threshold < 0.5 else (threshold + 0.5) / 3
        self._ahead = math.ceil(self._part * _BINS)
        self._since: dict[datetime, int] = {}
        self._near: dict[str, int] = {}
        marks = list(map(_entry_read, self._entries))
        planes = _planes((sketch for _, sketch, _, _ in marks), 2 * _BINS)
        heads = (math.ceil(self._ahead - self._part * other) for *_, other in marks)
        self._heads = _planes(heads, self._ahead.bit_length())[::-1]
        self._with = [
            (0, low & ~high, high & ~low, high & low) for high, low in zip(planes[::2], planes[1::2], strict=True)
        ]

    def too_alike(self, text: str, since: datetime) -> bool:
        """What `too_alike` says of the entries of `since` (aware) and later."""
        found = self._near_of(text) & self._of(since) if self._entries else 0
        return bool(found) and too_alike(text, self._numbered(found), self._threshold)

    def _near_of(self, text: str) -> int:
        """Which entries share enough with a text to be looked at, as one bit each."""
        if text not in self._near:
            _, sketch, _, own = _text_read(text)
            equal = list(filter(None, map(getitem, self._with, _values(sketch))))
            least = math.ceil(self._ahead + self._part * own - 1e-9)
            self._near[text] = _reaching(least, _sums(equal, self._heads))
        return self._near[text]

    def _of(self, at: datetime) -> int:
        """Which entries went out at `at` or later, as one bit each."""
        if at not in self._since:
            first = _time(at)
            self._since[at] = int("".join("1" if of >= first else "0" for of in self._entries), 2)
        return self._since[at]

    def _numbered(self, found: int) -> Iterator[str]:
        """The entries whose bits are set; the last one has the lowest."""
        while found:
            lowest = found & -found
            yield self._entries[-lowest.bit_length()]
            found ^= lowest


def bands(text: str) -> tuple[str, ...]:
    """Eight keys by which alike texts of different accounts meet.

    Two texts of similarity J share a key with probability 1 - (1 - J^4)^8 (MinHash banding: Leskovec, Rajaraman,
    Ullman, Mining of Massive Datasets, 3.4): .001 at J = .1, .06 at .3, .40 at .5, .67 at .6, .89 at .7, .985 at .8.
    So a shared key says "compare": keep the entry beside it and ask `nearest`.
    """
    rows = _smallest(shingles(normalise(text)), BANDS * ROWS)
    behind = next(value for value in rows if value >= 0)  # an empty bin has what the next full one has, round and round
    for row in reversed(range(len(rows))):
        rows[row] = behind = rows[row] if rows[row] >= 0 else behind
    return tuple(
        f"{band}.{hashlib.sha256(repr(rows[band * ROWS : band * ROWS + ROWS]).encode()).hexdigest()[:16]}"
        for band in range(BANDS)
    )


def _without(text: str, spans: Iterable[twitter.Span]) -> str:
    for span in sorted(spans, key=lambda found: found.start, reverse=True):
        text = f"{text[: span.start]} {text[span.end :]}"
    return text


def _folded(text: str, *, symbols: bool) -> str:
    """Letters and digits (with `symbols`, symbols and punctuation too) of a text, folded; the rest is a space."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    plain = _APOSTROPHES.sub("", plain)
    kept = unicodedata.normalize("NFC", "".join(map(_kept_symbols if symbols else _kept_letters, plain)))
    if kept.isascii():
        return " ".join(kept.split())
    return " ".join(word.translate(_LOOKALIKES) if _MIXED.search(word) else word for word in kept.split())


def _kept(character: str, *, symbols: bool) -> str:
    """What becomes of a character (in NFD): itself, a space, or nothing.

    Marks of combining classes 1 (overlays), 10 to 35 (Hebrew and Arabic vocalisation) and 200 up (accents, and what is
    stacked above and below) are optional in their scripts; those of lower classes and the vowel signs of
    Indic and South-East Asian scripts (class 0, Thai 103 to 122) are not.
    """
    category = unicodedata.category(character)
    if category in {"Lo", "Ll", "Nd"}:
        return character
    if category[0] == "M":
        optional = unicodedata.combining(character)
        varies = category == "Me" or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
        return "" if varies or optional == 1 or 10 <= optional <= 35 or optional >= 200 else character
    if category == "Cf":
        return ""
    if category[0] in "LN" or (symbols and category[0] in "SPC" and category != "Cc"):
        return character
    return " "


_kept_letters = lru_cache(maxsize=2048)(partial(_kept, symbols=False))
_kept_symbols = lru_cache(maxsize=2048)(partial(_kept, symbols=True))


def _smallest(of: Iterable[str], bins: int) -> list[int]:
    """The smallest hash of the shingles that fall into each bin, -1 for an empty one."""
    smallest = [-1] * bins
    for shingle in of:
        hashed = _hashed(shingle)
        rank, at = hashed // bins, hashed % bins
        if rank < smallest[at] or smallest[at] < 0:
            smallest[at] = rank
    return smallest


@lru_cache(maxsize=4096)
def _hashed(shingle: str) -> int:
    """Eight bytes of BLAKE2b. The texts of an account share most of their shingles."""
    return int.from_bytes(hashlib.blake2b(shingle.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _mark(normal: str) -> bytes:
    """The exact hash and the sketch of a normalised text, 39 bytes."""
    codes = "".join(["0" if rank < 0 else "123"[rank % _CODES] for rank in _smallest(shingles(normal), _BINS)])
    sketch = int(codes, 4)  # two bits a bin
    exact = hashlib.sha256(normal.encode("utf-8", "surrogatepass")).digest()[:_EXACT_BYTES]
    return exact + sketch.to_bytes(_SKETCH_BYTES)


@lru_cache(_REMEMBERED)
def _mark_of(text: str) -> bytes:
    """The mark of a text. A day's plan asks for those of the same texts again and again."""
    return _mark(normalise(text))


def _read(mark: bytes) -> tuple[bytes, int, int, int]:
    """The exact hash and the sketch of a mark, its full bins, and how many they are."""
    sketch = int.from_bytes(mark[_EXACT_BYTES : _EXACT_BYTES + _SKETCH_BYTES])
    full = (sketch | sketch >> 1) & _EVERY_BIN
    return mark[:_EXACT_BYTES], sketch, full, full.bit_count()


@lru_cache(_REMEMBERED)
def _text_read(text: str) -> tuple[bytes, int, int, int]:
    """The mark of a text, read."""
    return _read(_mark_of(text))


@lru_cache(_REMEMBERED)
def _entry_read(of: str) -> tuple[bytes, int, int, int]:
    """The mark of an entry, read."""
    return _read(a2b_base64(of[_TIME_CHARACTERS:]))


def _alike(sketch: int, full: int, other: int, other_full: int) -> float:
    """Jaccard similarity estimated from two sketches: equal bins over bins that either fills.

    Of the bins that both fill, those with different smallest hashes agree by chance in one of three.
    """
    both = full & other_full
    differ = sketch ^ other
    equal = (both & ~(differ | differ >> 1)).bit_count()
    shared = both.bit_count()
    meant = (equal - shared / _CODES) * _CODES / (_CODES - 1)
    return 0.0 if meant <= 0.0 else min(1.0, meant / (full | other_full).bit_count())


def _values(sketch: int) -> Iterator[int]:
    """What the bins of a sketch hold, first to last: 0 for an empty one, else 1 to 3."""
    return chain.from_iterable(map(_FOURS.__getitem__, sketch.to_bytes(_SKETCH_BYTES)))


def _planes(numbers: Iterable[int], width: int) -> list[int]:
    """The numbers, of at most `width` bits, as `width` numbers: the highest bits of all, and so on down.

    The first number has the highest bit of each. Written in one row, every `width`-th digit belongs to the same place.
    """
    digits = "".join([f"{number:0{width}b}" for number in numbers])
    return [int(digits[place::width] or "0", 2) for place in range(width)]


def _sums(ones: Sequence[int], started: Sequence[int]) -> list[int]:
    """For each bit how many of `ones` have it, and what `started` gives it to begin with, as binary digits from the
    lowest on.

    Added column by column with full adders: three numbers of one weight make one, and a carry of the next (bit-sliced
    counters; Warren, Hacker's Delight, 2nd edition, section 8-1).
    """
    digits: list[int] = []
    column = list(ones)
    while column or len(digits) < len(started):
        total = started[len(digits)] if len(digits) < len(started) else 0
        if len(column) % 2:
            column.append(0)
        carries = []
        for one, other in zip(column[::2], column[1::2], strict=True):
            half = one ^ other
            if carry := one & other | total & half:
                carries.append(carry)
            total ^= half
        digits.append(total)
        column = carries
    return digits


def _reaching(least: int, digits: Sequence[int]) -> int:
    """Which bits have a sum of at least `least` (1 or more), where `digits` are the sums' binary digits.

    From the lowest digit on: where `least` has a 0 a sum's 1 decides for it, where it has a 1 a sum's 0 against it,
    and otherwise the lower digits stand.
    """
    if least >> len(digits):
        return 0
    reaching = -1
    for place, digit in enumerate(digits):
        reaching = digit & reaching if least >> place & 1 else digit | reaching
    return reaching


@lru_cache(maxsize=256)
def _time(at: datetime) -> str:
    """Six characters that sort like the time, to the second, until the year 4147. `ValueError` for a naive time.

    A plan asks for the same two or three times once a text.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at!r} is naive: fingerprints are kept by aware instants")
    seconds = max(0, (at - _EPOCH) // timedelta(seconds=1))
    digits = ""
    for _ in range(_TIME_CHARACTERS):
        seconds, digit = divmod(seconds, len(_TIME_ALPHABET))
        digits = _TIME_ALPHABET[digit] + digits
    return digits
