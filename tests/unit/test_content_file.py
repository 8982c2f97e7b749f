from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from songpost import content_file, settings_file
from songpost.core.content import REPLIES, Library
from songpost.errors import ContentError
from songpost.model import Media, Poll, Text, ThreadStep
from songpost.settings import FeatureFlags, Flag, PerKind, Plan, Settings, Similarity

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(topics=("bread", "gardening"), content=("texts.yaml",), blocked_patterns=("(?i)giveaway",))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def load(folder: Path, body: str, settings: Settings = SETTINGS) -> Library:
    """Read a content file with this body."""
    (folder / "texts.yaml").write_text(body, encoding="utf-8")
    return content_file.load(settings, folder)


def problems(folder: Path, body: str, settings: Settings = SETTINGS) -> list[str]:
    """The problems of a content file with this body."""
    with pytest.raises(ContentError) as caught:
        load(folder, body, settings)
    assert caught.value.exit_code == 2
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_example_content_loads() -> None:
    """The texts that ship with the example have every topic of it, and no fault."""
    settings = settings_file.load(ROOT / "songpost.example.yaml").settings
    library = content_file.load(settings, ROOT)

    assert {*settings.topics, REPLIES} == set(library)
    assert all(len(library[topic]) > 3 for topic in settings.topics)


def test_forms_of_a_text(tmp_path: Path) -> None:
    """A text stands by itself, as text, or as variants; an id that is not given follows from the first wording."""
    (tmp_path / "loaf.jpg").write_bytes(PNG)
    library = load(
        tmp_path,
        """
bread:
  - "  Rye wants water.  "
  - {text: Feed the starter.}
  - id: crumb
    variants: [One., Two.]
    media: [{path: loaf.jpg, alt_text: " A loaf. "}]
gardening: [Leeks do not mind frost.]
""",
    )
    picture = Media(path="loaf.jpg", alt_text="A loaf.", media_type="image/png")

    assert [
        Text(id="cdc291ba", topic="bread", variants=("Rye wants water.",)),
        Text(id=library["bread"][1].id, topic="bread", variants=("Feed the starter.",)),
        Text(id="crumb", topic="bread", variants=("One.", "Two."), media=(picture,)),
    ] == list(library["bread"])
    assert ["bread", "gardening"] == list(library)
    again = load(tmp_path, "gardening: ['Rye wants water.']")
    assert "cdc291ba" == again["gardening"][0].id


def test_no_files_are_an_empty_library(tmp_path: Path) -> None:
    """Without content files there are no texts, and that is no fault."""
    assert {} == content_file.load(replace(SETTINGS, content=()), tmp_path)
    assert {} == load(tmp_path, "{}")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "texts.yaml: is not a mapping of topics to lists of texts"),
        ("- a", "texts.yaml: is not a mapping of topics to lists of texts"),
        ("bees: [a]", "texts.yaml: bees: is not one of the topics of the settings (bread, gardening)"),
        ("5: [a]", "texts.yaml: 5: is not one of the topics of the settings (bread, gardening)"),
        ("bread: a", "texts.yaml: bread: is not a list of texts"),
        ("bread: []", "texts.yaml: bread: is not a list of texts"),
        ("bread: [5]", "texts.yaml: bread.0: 5 is neither a text nor a mapping: put a text in quotes"),
        ("bread: [3]", "texts.yaml: bread.0: 3 is neither a text nor a mapping"),
        ("bread: [2026-11-22]", "texts.yaml: bread.0: datetime.date(2026, 11, 22) is neither a text nor"),
        ("bread: [{text: on}]", "texts.yaml: bread.0: True is no text: put it in quotes"),
        (f"bread: [0x{'f' * 5000}]", "texts.yaml: bread.0: an endless number is neither a text nor"),
        ("bread: ['']", "texts.yaml: bread.0: the text is empty (rule empty"),
        ("bread: [{variants: [a, ' ']}]", "texts.yaml: bread.0.variants.1: the text is empty (rule empty"),
        (f"bread: [{'a' * 281}]", "texts.yaml: bread.0: the text weighs 281 of 280 (rule length"),
        ("bread: ['by @miller']", "texts.yaml: bread.0: the text mentions @miller, who did not ask for it"),
        ("bread: ['A Giveaway']", "texts.yaml: bread.0: the text matches the blocked pattern '(?i)giveaway'"),
        ('bread: ["a\\tb"]', "texts.yaml: bread.0: the text holds the control character U+0009"),
        ("bread: [{variants: a}]", "texts.yaml: bread.0.variants: is not a list of texts"),
        ("bread: [{variants: []}]", "texts.yaml: bread.0.variants: is not a list of texts"),
        ("bread: [{variants: [a, {b: c}]}]", "texts.yaml: bread.0.variants.1: {'b': 'c'} is no text: put it in"),
        ("bread: [{}]", "texts.yaml: bread.0: needs a text: either text, or a list of variants"),
        ("bread: [{text: a, variants: [b]}]", "texts.yaml: bread.0: needs a text: either text, or a list of variants"),
        ("bread: [{text: a, id: ''}]", "texts.yaml: bread.0.id: '' is no id: 1 to 64 characters, without '/'"),
        ("bread: [{text: a, id: 5}]", "texts.yaml: bread.0.id: 5 is no id"),
        ("bread: [{text: a, id: a/b}]", "texts.yaml: bread.0.id: 'a/b' is no id"),
        (f"bread: [{{text: a, id: {'x' * 65}}}]", "texts.yaml: bread.0.id: 'xxx"),
        ("bread: [{text: a, media: b}]", "texts.yaml: bread.0.media: is not a list of media"),
        (
            "bread: [{text: a, media: [1, 2, 3, 4, 5]}]",
            "texts.yaml: bread.0.media: X takes 4 pictures, or one GIF or film by itself",
        ),
        ("bread: [{text: a, media: [b.png]}]", "texts.yaml: bread.0.media.0: needs path and alt_text, and nothing"),
        ("bread: [{text: a, media: [{path: b.png}]}]", "texts.yaml: bread.0.media.0: needs path and alt_text, and"),
        (
            "bread: [{text: a, media: [{path: s3://bucket/b.png, alt_text: ' '}]}]",
            "texts.yaml: bread.0.media.0.alt_text: 's3://bucket/b.png' has no alt text: say in words what it shows",
        ),
        (
            f"bread: [{{text: a, media: [{{path: s3://bucket/b.png, alt_text: {'b' * 1001}}}]}}]",
            "texts.yaml: bread.0.media.0.alt_text: 's3://bucket/b.png' has an alt text of 1001 characters",
        ),
        (
            "bread: [{text: a, media: [{path: '', alt_text: b}]}]",
            "texts.yaml: bread.0.media.0: path and alt_text are texts; neither may be empty",
        ),
        (
            "bread: [{text: a, media: [{path: b.png, alt_text: b}]}]",
            "texts.yaml: bread.0.media.0.path: 'b.png' is no file",
        ),
        (
            "bread: [{text: a, media: [{path: s3://B/x.png, alt_text: b}]}]",
            "texts.yaml: bread.0.media.0.path: 's3://B/x.png' is no s3://BUCKET/KEY",
        ),
        (
            f"bread: [{{text: a, media: [{{path: {'b' * 300}, alt_text: b}}]}}]",
            "texts.yaml: bread.0.media.0.path: 'bbb",
        ),
        ("bread: [a]\nbread: [b]", "texts.yaml:2: is no YAML: the key 'bread' stands twice"),
        ("bread: [a, a]", "ca978112: this text or id stands 2 times (bread, bread): give each an id of its own"),
        (
            "bread: [{id: x, text: a}]\ngardening: [{id: x, text: b}]",
            "x: this text or id stands 2 times (bread, gardening)",
        ),
    ],
)
def test_fault_is_told_with_its_place(tmp_path: Path, body: str, expected: str) -> None:
    """Each fault of a content file is one line that says where, what, and what to do."""
    told = problems(tmp_path, body)

    assert [True] == [problem.startswith(expected) for problem in told], told


def test_text_with_a_colon_is_told_to_be_quoted(tmp_path: Path) -> None:
    """The usual slip of YAML, a text with a colon, gets the hint that mends it."""
    told = problems(tmp_path, "bread:\n  - Tip: feed the starter\n")

    assert [
        (
            "texts.yaml: bread.0.Tip: is not a key of a text (id, text, variants, media, quote, poll, made_with_ai); "
            "a text with ': ' needs quotes"
        ),
        "texts.yaml: bread.0: needs a text: either text, or a list of variants",
    ] == told


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    """A missing file, a broken file and bad texts are told together."""
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    settings = replace(SETTINGS, content=("none.yaml", "broken.yaml", "texts.yaml"))
    told = problems(tmp_path, f"bread: ['', {'a' * 281}, 5, fine]\nbees: [a]", settings)

    assert ["none.yaml", "broken.yaml:2", "texts.yaml", "texts.yaml", "texts.yaml", "texts.yaml"] == [
        problem.split(": ")[0] for problem in told
    ]


def test_media_are_told_by_their_bytes_bounded_in_size_and_company(tmp_path: Path) -> None:
    """Form and size are the file's own, whatever its name; four pictures go together, a GIF or film alone."""
    for name, size in (("big.png", 5_000_001), ("right.png", 5_000_000)):
        with (tmp_path / name).open("wb") as file:
            file.write(PNG)
            file.truncate(size)
    (tmp_path / "a.png").write_bytes(b"GIF89a" + bytes(20))
    (tmp_path / "page.png").write_bytes(b"<html>")
    entries = {
        "big": [{"path": "big.png", "alt_text": "b"}],
        "right": [{"path": "right.png", "alt_text": "b"}] * 4,
        "five": [{"path": "right.png", "alt_text": "b"}] * 5,
        "both": [{"path": "right.png", "alt_text": "b"}, {"path": "a.png", "alt_text": "b"}],
        "alone": [{"path": "a.png", "alt_text": "b"}],
        "page": [{"path": "page.png", "alt_text": "b"}],
        "away": [{"path": "s3://my-bucket/film.mp4", "alt_text": "b"}],
    }
    body = yaml.safe_dump({"bread": [{"text": name, "media": media} for name, media in entries.items()]})

    assert [
        "texts.yaml: bread.0.media.0.path: 'big.png' has 5000001 bytes of image/png, 5 MB are the most",
        "texts.yaml: bread.2.media: X takes 4 pictures, or one GIF or film by itself",
        "texts.yaml: bread.3.media: X takes 4 pictures, or one GIF or film by itself",
        "texts.yaml: bread.5.media.0.path: 'page.png' is no JPEG, PNG, WEBP, GIF or MP4: convert it",
    ] == problems(tmp_path, body)


def test_media_lie_beside_their_content_file(tmp_path: Path) -> None:
    """A path is relative to the content file; the library names it from the settings file's folder on."""
    (tmp_path / "texts" / "pictures").mkdir(parents=True)
    (tmp_path / "texts" / "pictures" / "a.png").write_bytes(PNG)
    media = [{"path": name, "alt_text": "b"} for name in ("pictures/a.png", "s3://my-bucket/b.png")]
    (tmp_path / "texts" / "t.yaml").write_text(yaml.safe_dump({"bread": [{"text": "a", "media": media}]}))
    library = content_file.load(replace(SETTINGS, content=("texts/t.yaml",)), tmp_path)

    assert [("texts/pictures/a.png", "image/png"), ("s3://my-bucket/b.png", "")] == [
        (medium.path, medium.media_type) for medium in library["bread"][0].media
    ]


ENTERPRISE = replace(
    SETTINGS,
    plan=Plan.ENTERPRISE,
    max_per_window=PerKind(post=1, quote=1),
    feature_flags=FeatureFlags(allow_quotes=Flag.ON),
)


def test_a_list_where_a_text_may_stand_is_a_thread(tmp_path: Path) -> None:
    """An entry, its text and each of its variants may be lists of steps; a step may have media of its own."""
    (tmp_path / "loaf.png").write_bytes(PNG)
    library = load(
        tmp_path,
        """
bread:
  - [" Rye wants water. ", Wheat wants less., {text: This is the oven., media: [{path: loaf.png, alt_text: A loaf.}]}]
  - {id: lifted, text: [{text: The crust., media: [{path: loaf.png, alt_text: A loaf.}]}, Then the crumb.]}
  - id: two
    variants: [A single post., [A first post., A second post.]]
""",
    )
    picture = Media(path="loaf.png", alt_text="A loaf.", media_type="image/png")
    first, lifted, two = library["bread"]

    assert ("Rye wants water.", "Wheat wants less.", "This is the oven.") == first.words_of(0)
    assert "cdc291ba" == first.id
    assert (ThreadStep(text="Wheat wants less."), ThreadStep(text="This is the oven.", media=(picture,))) == (
        first.thread_of(0)
    )
    assert ((picture,), (ThreadStep(text="Then the crumb."),)) == (lifted.media, lifted.thread_of(0))
    assert [(), (ThreadStep(text="A second post."),)] == [two.thread_of(0), two.thread_of(1)]


def test_polls_and_quotes(tmp_path: Path) -> None:
    """A poll has options and minutes, a quote names a post by its id or its address; media may be said to be made."""
    library = load(
        tmp_path,
        """
bread:
  - {text: Rye or wheat?, poll: {options: [Rye, " Wheat "], minutes: 1440}}
  - {text: Still true., quote: "https://x.com/example/status/1234567890?s=20"}
  - {text: Made up., quote: 77, made_with_ai: true}
""",
        ENTERPRISE,
    )
    poll, by_address, by_id = library["bread"]

    assert Poll(options=("Rye", "Wheat"), minutes=1440) == poll.poll
    assert ("1234567890", "77") == (by_address.quote_id, by_id.quote_id)
    assert [False, True] == [by_address.made_with_ai, by_id.made_with_ai]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("[a]", "bread.0: is a thread of 1 steps: it has 2 to 25"),
        (f"[{', '.join('abcdefghijklmnopqrstuvwxyz')}]", "bread.0: is a thread of 26 steps"),
        ("[Rye bread, 3]", "bread.0.1: 3 is no text"),
        ("[Rye bread, {text: Wheat, poll: {}}]", "bread.0.1: is a step of a thread"),
        ("[Rye bread, {media: []}]", "bread.0.1: None is no text"),
        (f"[Rye bread, '{'x' * 281}']", "bread.0.1: the text weighs 281 of 280"),
        ("[Rye bread, '@someone look']", "bread.0.1: the text mentions @someone"),
        ("[Rye wants more water., Wheat, Rye wants more water!]", "bread.0.2: 1.00 alike step 1, 0.50 is too much"),
        (
            "{variants: [[{text: Rye, media: [{path: loaf.png, alt_text: a}]}, Oats], Wheat]}",
            "bread.0: the media of a first post stand beside its text, once for all variants",
        ),
        ("{text: a, poll: 3}", "bread.0.poll: needs options and minutes"),
        ("{text: a, poll: {options: [b, c], minutes: 5, more: 1}}", "bread.0.poll: needs options and minutes"),
        ("{text: a, poll: {options: [b], minutes: 5}}", "bread.0.poll.options: are not 2 to 4"),
        ("{text: a, poll: {options: [b, c, d, e, f], minutes: 5}}", "bread.0.poll.options: are not 2 to 4"),
        ("{text: a, poll: {options: [b, b], minutes: 5}}", "bread.0.poll.options: are not 2 to 4 different"),
        (f"{{text: a, poll: {{options: [b, '{'x' * 26}'], minutes: 5}}}}", "bread.0.poll.options: are not 2 to 4"),
        ("{text: a, poll: {options: [b, c], minutes: 4}}", "bread.0.poll.minutes: is no number from 5 to 10080"),
        ("{text: a, poll: {options: [b, c], minutes: 10081}}", "bread.0.poll.minutes: is no number"),
        ("{text: a, poll: {options: [b, c], minutes: true}}", "bread.0.poll.minutes: is no number"),
        ("{text: a, quote: someone}", "bread.0.quote: 'someone' is neither a post's id nor its address"),
        ("{text: a, quote: true}", "bread.0.quote: True is neither"),
        ("{text: a, quote: 7}", "bread.0.quote: can never happen: plan, feature_flags or approval"),
        ("{text: a, made_with_ai: 'yes'}", "bread.0.made_with_ai: is neither true nor false"),
        (
            "{text: a, poll: {options: [b, c], minutes: 5}, media: [{path: loaf.png, alt_text: a}]}",
            "bread.0: X takes media, a poll or a quote with a post: one of them",
        ),
    ],
)
def test_fault_of_a_thread_poll_or_quote_is_told_with_its_place(tmp_path: Path, entry: str, expected: str) -> None:
    """What X or a rule would refuse of a thread, a poll or a quote is told when the file is read."""
    (tmp_path / "loaf.png").write_bytes(PNG)
    found = problems(tmp_path, f"bread: [{entry}]")
    assert [True] == [problem.startswith(f"texts.yaml: {expected}") for problem in found], found


def test_a_quote_needs_room_in_its_window(tmp_path: Path) -> None:
    """Where the settings leave no quote a place in a window, it can never happen."""
    settings = replace(ENTERPRISE, max_per_window=PerKind(post=1, quote=0))
    expected = "texts.yaml: bread.0.quote: can never happen: max_per_window.quote of the settings is 0"
    assert [expected] == problems(tmp_path, "bread: [{text: a, quote: 7}]", settings)


def test_a_reply_is_no_thread(tmp_path: Path) -> None:
    """Whoever summons the account gets one post."""
    assert ["texts.yaml: replies.0: is a thread: a reply is one post"] == problems(
        tmp_path, "replies: [[Thank you., And welcome.]]"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"max_per_window": PerKind(post=30)}, "are planned for a day"),
        ({"similarity": Similarity(window_days=180)}, "the duplicate guard can look back 100 days"),
    ],
)
def test_threads_fit_into_a_day_and_into_the_guards_memory(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    """So many posts a day that a plan or the guard could not hold them are told, with the figures."""
    (found,) = problems(tmp_path, "bread: [[One., Two., Three., Four.]]", replace(SETTINGS, **changes))  # type: ignore[arg-type]
    assert found.startswith("content: ")
    assert expected in found


def test_replies_stand_beside_the_topics(tmp_path: Path) -> None:
    """Under `replies` stand answers in one or more wordings; they are told from every topic."""
    library = load(
        tmp_path, "bread: [Rye wants water.]\nreplies:\n  - Thank you.\n  - {id: ask, variants: [Ask., Do.]}\n"
    )

    assert [("Thank you.",), ("Ask.", "Do.")] == [text.variants for text in library[REPLIES]]
    assert ["bread"] == [text.topic for text in library["bread"]]


def test_a_reply_is_words_alone(tmp_path: Path) -> None:
    """A reply takes neither media nor anything else, and names nobody."""
    found = problems(tmp_path, "replies:\n  - {text: Hello., media: []}\n  - Ask @miller.\n")

    assert ["texts.yaml: replies.0.media", "texts.yaml: replies.1"] == [
        line.partition(": is not for")[0].partition(": the text")[0] for line in found
    ]
