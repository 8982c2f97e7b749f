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
from dataclasses import replace
from functools import partial
from pathlib import Path

from songpost import media_forms
from songpost.core import content, policy
from songpost.core.content import REPLIES, Library
from songpost.errors import BadInput, ContentError, Problem, quote
from songpost.media_forms import Form
from songpost.model import Kind, Media, Text
from songpost.settings import Settings
from songpost.yaml_file import read_yaml


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
        beside = partial(_from, Path(name).parent)
        texts += [content.with_media(item, beside) for item in found if isinstance(item, Text)]
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
    """The media of an entry; files are told by what they begin with, and their paths stay as they are written."""
    if not isinstance(raw, list):
        yield Problem(where, "is not a list of media")
        return
    if len(raw) > media_forms.MOST_PICTURES:
        yield Problem(where, media_forms.COMPANY)
        return
    forms: list[Form] = []
    for index, entry in enumerate(raw):
        place = f"{where}.{index}"
        if not isinstance(entry, dict) or set(entry) != {"path", "alt_text"}:
            yield Problem(place, "needs path and alt_text, and nothing else")
            continue
        path, alt_text = entry["path"], entry["alt_text"]
        if not isinstance(path, str) or not path or not isinstance(alt_text, str):
            yield Problem(place, "path and alt_text are texts; neither may be empty")
            continue
        if fault := media_forms.fault_of_alt_text(alt_text):
            yield Problem(f"{place}.alt_text", f"{quote(path)} {fault}")
        found = _form(path, folder)
        if isinstance(found, str):
            yield Problem(f"{place}.path", f"{quote(path)} {found}")
        else:
            forms += [found] if found is not None else []
            yield Media(path=path, alt_text=alt_text.strip(), media_type=found.media_type if found is not None else "")
    if len(raw) > 1 and any(form.alone for form in forms):
        yield Problem(where, media_forms.COMPANY)


def _form(path: str, folder: Path) -> Form | str | None:
    """What a medium is: its form, what is wrong with it, or nothing where it lies in S3 and only a push can tell."""
    if path.startswith("s3:"):
        plain = re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s]+", path)
        return None if plain else "is no s3://BUCKET/KEY"
    file = folder / path
    try:
        if not file.is_file():
            return "is no file"
        with file.open("rb") as opened:
            head = opened.read(media_forms.HEAD_BYTES)
        size = file.stat().st_size
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return media_forms.fault_of(head, size) or media_forms.form_of(head)


def _from(folder: Path, medium: Media) -> Media:
    """The medium with its path from the settings file's folder on."""
    return medium if medium.path.startswith("s3:") else replace(medium, path=(folder / medium.path).as_posix())
