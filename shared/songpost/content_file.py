"""A person's content files: YAML texts by topic in, the `Library` or every problem at once out.

    gardening:
      - A text with one wording.
      - id: compost-heat
        variants: [One wording., Another one.]
        media: [{path: pictures/heap.jpg, alt_text: A steaming heap.}]
    replies:
      - What may be answered to whoever mentions the account.

Like `settings_file.py`, this is the edge: no function imports it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from songpost.core import content, policy
from songpost.core.content import REPLIES, Library
from songpost.errors import BadInput, ContentError, Problem, quote
from songpost.model import Kind, Media, Text
from songpost.settings import Settings
from songpost.yaml_file import read_yaml

MEDIA_TYPES = {
    ".jpg": ("image/jpeg", 5),
    ".jpeg": ("image/jpeg", 5),
    ".png": ("image/png", 5),
    ".webp": ("image/webp", 5),
    ".gif": ("image/gif", 15),
    ".mp4": ("video/mp4", 512),
}
"""What X takes, with its largest size in megabytes (docs.x.com, media upload, read 2026-08-22)."""
MAX_PICTURES = 4
ALONE = (".gif", ".mp4")
"""What X takes one of, without pictures beside it."""


def load(settings: Settings, folder: Path) -> Library:
    """Read every content file that the settings name, relative to `folder`.

    Raises `ContentError` with the problems of all files.
    """
    problems: list[Problem] = []
    texts: list[Text] = []
    for name in settings.content:
        path = folder / name
        try:
            raw = read_yaml(path)
        except BadInput as error:
            problems.append(Problem(error.where, error.what))
            continue
        found = list(_texts(raw, name, path.parent, settings))
        problems += [item for item in found if isinstance(item, Problem)]
        texts += [item for item in found if isinstance(item, Text)]
    topics: dict[str, list[str]] = {}
    for item in texts:
        topics.setdefault(item.id, []).append(item.topic)
    problems += [
        Problem(name, f"this text or id stands {len(where)} times ({', '.join(where)}): give each an id of its own")
        for name, where in sorted(topics.items())
        if len(where) > 1
    ]
    if problems:
        raise ContentError(tuple(problems), where=", ".join(settings.content))
    return content.library_of(texts)


def _texts(raw: object, name: str, folder: Path, settings: Settings) -> Iterator[Text | Problem]:
    if not isinstance(raw, dict):
        yield Problem(name, "is not a mapping of topics to lists of texts")
        return
    for topic, entries in raw.items():
        where = f"{name}: {topic}"
        if topic == REPLIES and isinstance(entries, list):
            yield from _no_replies(entries, where)
        if topic not in {*settings.topics, REPLIES}:
            yield Problem(where, f"is not one of the topics of the settings ({', '.join(settings.topics)})")
        elif not isinstance(entries, list) or not entries:
            yield Problem(where, "is not a list of texts")
        else:
            for number, entry in enumerate(entries):
                yield from _text(entry, f"{where}.{number}", settings, str(topic), folder)


def _no_replies(entries: list[object], where: str) -> Iterator[Problem]:
    """What a reply cannot be: it has words alone."""
    for number, entry in enumerate(entries):
        for key in (
            sorted(str(key) for key in entry if key not in {"id", "text", "variants"})
            if isinstance(entry, dict)
            else ()
        ):
            yield Problem(f"{where}.{number}.{key}", "is not for a reply, which has an id and a text or variants")


def _text(entry: object, where: str, settings: Settings, topic: str, folder: Path) -> Iterator[Text | Problem]:
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, dict):
        yield Problem(where, f"{quote(entry)} is neither a text nor a mapping: put a text in quotes")
        return
    unknown = [key for key in entry if key not in {"id", "text", "variants", "media"}]
    problems = [
        Problem(f"{where}.{key}", "is not a key of a text (id, text, variants, media); a text with ': ' needs quotes")
        for key in unknown
    ]
    words = _words(entry, where, settings, problems)
    media = list(_media(entry.get("media", []), f"{where}.media", folder))
    problems += [item for item in media if isinstance(item, Problem)]
    name = entry.get("id", hashlib.sha256(words[0].encode("utf-8", "replace")).hexdigest()[:8] if words else "none")
    if not isinstance(name, str) or not re.fullmatch(r"[^\s/]([^\n/]{0,62}[^\s/])?", name):
        problems.append(Problem(f"{where}.id", f"{quote(name)} is no id: 1 to 64 characters, without '/'"))
    yield from problems
    if not problems:
        pictures = tuple(item for item in media if isinstance(item, Media))
        yield Text(id=name, topic=topic, variants=words, media=pictures)


def _words(entry: Mapping[str, object], where: str, settings: Settings, problems: list[Problem]) -> tuple[str, ...]:
    """The wordings of an entry; what no rule would ever let out becomes a problem."""
    if ("text" in entry) == ("variants" in entry):
        problems.append(Problem(where, "needs a text: either text, or a list of variants"))
        return ()
    variants = [entry["text"]] if "text" in entry else entry["variants"]
    if not isinstance(variants, list) or not variants:
        problems.append(Problem(f"{where}.variants", "is not a list of texts"))
        return ()
    words: list[str] = []
    for index, variant in enumerate(variants):
        place = where if "text" in entry else f"{where}.variants.{index}"
        if not isinstance(variant, str):
            problems.append(Problem(place, f"{quote(variant)} is no text: put it in quotes"))
            continue
        words.append(variant.strip())
        problems += [Problem(place, str(broken)) for broken in policy.text_violations(settings, Kind.POST, words[-1])]
    return tuple(words)


def _media(raw: object, where: str, folder: Path) -> Iterator[Media | Problem]:
    if not isinstance(raw, list) or len(raw) > MAX_PICTURES:
        yield Problem(where, f"is not a list of at most {MAX_PICTURES} media")
        return
    alone = [entry for entry in raw if isinstance(entry, dict) and str(entry.get("path")).lower().endswith(ALONE)]
    if alone and len(raw) > 1:
        yield Problem(where, f"X takes {MAX_PICTURES} pictures, or one GIF or film by itself")
    for index, entry in enumerate(raw):
        place = f"{where}.{index}"
        if not isinstance(entry, dict) or set(entry) != {"path", "alt_text"}:
            yield Problem(place, "needs path and alt_text, and nothing else")
            continue
        path, alt_text = entry["path"], entry["alt_text"]
        if not isinstance(path, str) or not isinstance(alt_text, str) or not alt_text.strip():
            yield Problem(place, "path and alt_text are texts; neither may be empty")
            continue
        media_type, megabytes = MEDIA_TYPES.get(Path(path).suffix.lower(), ("", 0))
        file = folder / path
        if not media_type:
            yield Problem(f"{place}.path", f"X takes {', '.join(MEDIA_TYPES)}, not {quote(path)}")
        elif not file.is_file():
            yield Problem(f"{place}.path", f"there is no file {quote(path)}")
        elif file.stat().st_size > megabytes * 1_000_000:
            yield Problem(f"{place}.path", f"{quote(path)} is larger than {megabytes} MB")
        else:
            yield Media(path=path, alt_text=alt_text.strip(), media_type=media_type)
