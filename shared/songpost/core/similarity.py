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
import re
import unicodedata
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from songpost.core import text as twitter

ENTRY_CHARACTERS = 58
SHINGLE_CHARACTERS = 3
BANDS, ROWS = 8, 4

_BINS = 128
_CODES = 3  # values of a full bin
_EVERY_BIN = int.from_bytes(b"\x55" * (_BINS // 4))  # the low bit of each bin's two
_EXACT_BYTES = 7
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
    return frozenset(padded[i : i + SHINGLE_CHARACTERS] for i in range(max(1, len(padded) - SHINGLE_CHARACTERS + 1)))


def jaccard(one: str, other: str) -> float:
    """The similarity that entries estimate: common shingles over all shingles, 0 to 1."""
    a, b = shingles(normalise(one)), shingles(normalise(other))
    return len(a & b) / len(a | b)


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
    exact, sketch, full, _ = _read(_mark_of(text))
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
    exact, sketch, full, bins = _read(_mark_of(text))
    part = threshold / (1.0 + threshold) - 1e-9  # shared / (bins + other_bins - shared) >= threshold, solved
    for other_exact, other, other_full, other_bins in map(_entry_read, entries):
        if (full & other_full).bit_count() < part * (bins + other_bins):
            continue
        if other_exact == exact or _alike(sketch, full, other, other_full) >= threshold:
            return True
    return False


def bands(text: str) -> tuple[str, ...]:
    """Eight keys by which alike texts of different accounts meet.

    Two texts of similarity J share a key with probability 1 - (1 - J^4)^8 (MinHash banding: Leskovec, Rajaraman,
    Ullman, Mining of Massive Datasets, 3.4): .001 at J = .1, .06 at .3, .40 at .5, .67 at .6, .89 at .7, .985 at .8.
    So a shared key says "compare": keep the entry beside it and ask `nearest`.
    """
    smallest = _smallest(shingles(normalise(text)), BANDS * ROWS)
    full = [at for at, value in enumerate(smallest) if value >= 0]
    rows = [smallest[next((at for at in full if at >= row), full[0])] for row in range(len(smallest))]
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
    kept = unicodedata.normalize("NFC", "".join(_kept(character, symbols=symbols) for character in plain))
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


def _smallest(of: Iterable[str], bins: int) -> list[int]:
    """The smallest hash of the shingles that fall into each bin, -1 for an empty one."""
    smallest = [-1] * bins
    for shingle in of:
        hashed = int.from_bytes(hashlib.blake2b(shingle.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        rank, at = divmod(hashed, bins)
        if rank < smallest[at] or smallest[at] < 0:
            smallest[at] = rank
    return smallest


def _mark(normal: str) -> bytes:
    """The exact hash and the sketch of a normalised text, 39 bytes."""
    sketch = 0
    for rank in _smallest(shingles(normal), _BINS):
        sketch = sketch << 2 | (0 if rank < 0 else 1 + rank % _CODES)
    exact = hashlib.sha256(normal.encode("utf-8", "surrogatepass")).digest()[:_EXACT_BYTES]
    return exact + sketch.to_bytes(_SKETCH_BYTES)


@lru_cache(_REMEMBERED)
def _mark_of(text: str) -> bytes:
    """The mark of a text. A day's plan asks for those of the same texts again and again."""
    return _mark(normalise(text))


def _read(mark: bytes) -> tuple[bytes, int, int, int]:
    """The exact hash and the sketch of a mark, its full bins, and how many they are."""
    sketch = int.from_bytes(mark[_EXACT_BYTES:])
    full = (sketch | sketch >> 1) & _EVERY_BIN
    return mark[:_EXACT_BYTES], sketch, full, full.bit_count()


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
    return max(0.0, min(1.0, meant / (full | other_full).bit_count()))


def _time(at: datetime) -> str:
    """Six characters that sort like the time, to the second, until the year 4147. `ValueError` for a naive time."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} is naive: fingerprints are kept by aware instants")
    seconds = max(0, (at - _EPOCH) // timedelta(seconds=1))
    digits = ""
    for _ in range(_TIME_CHARACTERS):
        seconds, digit = divmod(seconds, len(_TIME_ALPHABET))
        digits = _TIME_ALPHABET[digit] + digits
    return digits
