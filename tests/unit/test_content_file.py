from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from songpost import content_file, settings_file
from songpost.core.content import Library
from songpost.errors import ContentError
from songpost.model import Media, Text
from songpost.settings import Settings

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

    assert set(settings.topics) == set(library)
    assert all(len(texts) > 3 for texts in library.values())


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
        ("bread: [[a]]", "texts.yaml: bread.0: ['a'] is neither a text nor a mapping"),
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
        "texts.yaml: bread.0.Tip: is not a key of a text (id, text, variants, media); a text with ': ' needs quotes",
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
