"""A person's content files: YAML texts by topic in, the `Library` or every problem at once out.

    gardening:
      - A text with one wording.
      - id: compost-heat
        variants: [One wording., Another one.]
        media: [{path: pictures/heap.jpg, alt_text: A steaming heap.}]
      - [A thread is a list., "Of steps, where a text may stand.", {text: With media of their own., media: [...]}]
      - {text: Leeks or onions?, poll: {options: [Leeks, Onions], minutes: 1440}}
      - {text: Still true., quote: https://x.com/example/status/1234567890}
    replies:
      - What may be answered to whoever mentions the account.

Like `settings_file.py`, this is the edge: no function imports it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from songpost import media_forms
from songpost.core import content, policy, similarity
from songpost.core.content import REPLIES, Library
from songpost.errors import BadInput, ContentError, Problem, quote
from songpost.media_forms import Form
from songpost.model import Kind, Media, Poll, Text, ThreadStep
from songpost.nouns import replace
from songpost.settings import MAX_FINGERPRINTS, Settings
from songpost.yaml_file import read_yaml

KEYS = ("id", "text", "variants", "media", "quote", "poll", "made_with_ai")
MOST_STEPS = 25
"""Posts that a thread may have."""
MOST_POSTS_A_DAY = 100
"""Posts, the steps of threads included, that a day's plan may hold: it is read whole with every tick."""
POLL_OPTIONS, OPTION_CHARACTERS, POLL_MINUTES = (2, 4), 25, (5, 10_080)
"""What X takes as a poll (its OpenAPI file 2.166, `TweetCreateRequest`)."""
_QUOTED = re.compile(r"(?:https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/\w{1,15}/status/)?(\d{1,19})(?:[/?#]\S*)?")


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
    problems += _too_long(settings, texts)
    if problems:
        raise ContentError(tuple(problems), where=", ".join(settings.content))
    return content.library_of(texts)


def _too_long(settings: Settings, texts: list[Text]) -> Iterator[Problem]:
    """Threads so long that a day of them would not fit into its plan, or into the duplicate guard's memory."""
    longest = max((len(text.words_of(index)) for text in texts for index in range(len(text.variants))), default=1)
    a_day = settings.posts_per_day * longest
    told = f"{settings.posts_per_day} posts a day may be threads of {longest}: "
    if longest > 1 and a_day > MOST_POSTS_A_DAY:
        yield Problem("content", f"{told}{a_day} posts, at most {MOST_POSTS_A_DAY} are planned for a day")
    elif longest > 1 and a_day * settings.similarity.window_days > MAX_FINGERPRINTS:
        days = MAX_FINGERPRINTS // a_day
        yield Problem("content", f"{told}the duplicate guard can look back {days} days, not similarity.window_days")


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
    if isinstance(entry, str | list):
        entry = {"text": entry}
    if not isinstance(entry, dict):
        yield Problem(where, f"{quote(entry)} is neither a text nor a mapping: put a text in quotes")
        return
    problems = [
        Problem(f"{where}.{key}", f"is not a key of a text ({', '.join(KEYS)}); a text with ': ' needs quotes")
        for key in entry
        if key not in KEYS
    ]
    threads = _wordings(entry, where, settings, folder, problems)
    media = _media_of(entry, where, folder, problems)
    poll, quoted = _poll(entry, where, problems), _quote(entry, where, settings, problems)
    made_with_ai = entry.get("made_with_ai", False)
    if not isinstance(made_with_ai, bool):
        problems.append(Problem(f"{where}.made_with_ai", "is neither true nor false"))
    if len(threads) == 1 and not media:
        media = threads[0][0].media
    elif any(thread[0].media for thread in threads):
        problems.append(Problem(where, "the media of a first post stand beside its text, once for all variants"))
    if sum((bool(media), poll is not None, bool(quoted))) > 1:
        problems.append(Problem(where, "X takes media, a poll or a quote with a post: one of them"))
    if topic == REPLIES and any(len(thread) > 1 for thread in threads):
        problems.append(Problem(where, "is a thread: a reply is one post"))
    words = tuple(thread[0].text for thread in threads)
    name = entry.get("id", hashlib.sha256(words[0].encode("utf-8", "replace")).hexdigest()[:8] if words else "none")
    if not isinstance(name, str) or not re.fullmatch(r"[^\s/]([^\n/]{0,62}[^\s/])?", name):
        problems.append(Problem(f"{where}.id", f"{quote(name)} is no id: 1 to 64 characters, without '/'"))
    yield from problems
    if not problems:
        yield Text(
            id=name,
            topic=topic,
            variants=words,
            media=media,
            threads=tuple(thread[1:] for thread in threads) if any(len(thread) > 1 for thread in threads) else (),
            quote_id=quoted,
            poll=poll,
            made_with_ai=made_with_ai is True,
        )


def _wordings(
    entry: Mapping[str, object], where: str, settings: Settings, folder: Path, problems: list[Problem]
) -> tuple[tuple[ThreadStep, ...], ...]:
    """The wordings of an entry, each of one post or more; what no rule would ever let out becomes a problem."""
    if ("text" in entry) == ("variants" in entry):
        problems.append(Problem(where, "needs a text: either text, or a list of variants"))
        return ()
    variants = [entry["text"]] if "text" in entry else entry["variants"]
    if not isinstance(variants, list) or not variants:
        problems.append(Problem(f"{where}.variants", "is not a list of texts"))
        return ()
    places = [where] if "text" in entry else [f"{where}.variants.{index}" for index in range(len(variants))]
    found = (
        _thread(variant, place, settings, folder, problems) for variant, place in zip(variants, places, strict=True)
    )
    return tuple(thread for thread in found if thread)


def _thread(
    raw: object, where: str, settings: Settings, folder: Path, problems: list[Problem]
) -> tuple[ThreadStep, ...]:
    """One wording: a text, or a thread as a list of steps, each a text or a mapping of a text and its media."""
    if not isinstance(raw, list):
        return tuple(_step(raw, where, settings, folder, problems))
    if not 2 <= len(raw) <= MOST_STEPS:
        problems.append(Problem(where, f"is a thread of {len(raw)} steps: it has 2 to {MOST_STEPS}"))
        return ()
    steps = tuple(
        step
        for index, one in enumerate(raw)
        for step in _step(one, f"{where}.{index}", settings, folder, problems, in_thread=True)
    )
    threshold = settings.similarity.threshold
    for one, other, alike in similarity.alike_within([step.text for step in steps], threshold):
        problems.append(Problem(f"{where}.{other - 1}", f"{alike:.2f} alike step {one}, {threshold:.2f} is too much"))
    return steps


def _step(
    raw: object, where: str, settings: Settings, folder: Path, problems: list[Problem], *, in_thread: bool = False
) -> Iterator[ThreadStep]:
    """One post of a wording; nothing where it has no words."""
    media: tuple[Media, ...] = ()
    if in_thread and isinstance(raw, dict):
        if set(raw) - {"text", "media"}:
            problems.append(Problem(where, "is a step of a thread: it has a text, and media if it wants"))
        media, raw = _media_of(raw, where, folder, problems), raw.get("text")
    if not isinstance(raw, str):
        problems.append(Problem(where, f"{quote(raw)} is no text: put it in quotes"))
        return
    words = raw.strip()
    problems += [Problem(where, str(broken)) for broken in policy.text_violations(settings, Kind.POST, words)]
    yield ThreadStep(text=words, media=media)


def _poll(entry: Mapping[str, object], where: str, problems: list[Problem]) -> Poll | None:
    """The poll under an entry's first post, if it has one that X takes."""
    raw = entry.get("poll")
    if "poll" not in entry:
        return None
    if not isinstance(raw, dict) or set(raw) != {"options", "minutes"}:
        problems.append(Problem(f"{where}.poll", "needs options and minutes, and nothing else"))
        return None
    options, minutes = raw["options"], raw["minutes"]
    fewest, most = POLL_OPTIONS
    told = isinstance(options, list) and all(
        isinstance(option, str) and 1 <= len(option.strip()) <= OPTION_CHARACTERS for option in options
    )
    if not told or not fewest <= len(options) <= most or len(set(options)) < len(options):
        what = f"are not {fewest} to {most} different texts of 1 to {OPTION_CHARACTERS} characters"
        problems.append(Problem(f"{where}.poll.options", what))
        return None
    shortest, longest = POLL_MINUTES
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not shortest <= minutes <= longest:
        problems.append(Problem(f"{where}.poll.minutes", f"is no number from {shortest} to {longest}"))
        return None
    return Poll(options=tuple(option.strip() for option in options), minutes=minutes)


def _quote(entry: Mapping[str, object], where: str, settings: Settings, problems: list[Problem]) -> str:
    """The id of the post that an entry quotes; empty where it quotes none, or never could."""
    if "quote" not in entry:
        return ""
    raw, place = entry["quote"], f"{where}.quote"
    found = _QUOTED.fullmatch(str(raw)) if isinstance(raw, str | int) and not isinstance(raw, bool) else None
    if found is None:
        problems.append(Problem(place, f"{quote(raw)} is neither a post's id nor its address"))
        return ""
    if not policy.permits(settings, Kind.QUOTE, summoned=False):
        never = "can never happen: plan, feature_flags or approval of the settings leave no room for quotes"
        problems.append(Problem(place, never))
    elif not settings.max_per_window.quote:
        problems.append(Problem(place, "can never happen: max_per_window.quote of the settings is 0"))
    return found[1]


def _media_of(entry: Mapping[object, object], where: str, folder: Path, problems: list[Problem]) -> tuple[Media, ...]:
    """The media of an entry or of a step."""
    found = list(_media(entry.get("media", []), f"{where}.media", folder))
    problems += [item for item in found if isinstance(item, Problem)]
    return tuple(item for item in found if isinstance(item, Media))


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
