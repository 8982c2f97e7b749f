from __future__ import annotations

from pathlib import Path

import pytest

from songpost.errors import BadInput
from songpost.yaml_file import MAX_BYTES, read_yaml


def read(folder: Path, body: bytes | str) -> object:
    """Parse these bytes as a file."""
    path = folder / "file.yaml"
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return read_yaml(path)


def refusal(folder: Path, body: bytes | str) -> str:
    """Why a file is refused, without its folder."""
    with pytest.raises(BadInput) as caught:
        read(folder, body)
    assert caught.value.exit_code == 2
    assert caught.value.mend
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", None),
        ("# nothing but a comment\n", None),
        ("- a\n- b\n", ["a", "b"]),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: é\r\n", {"a": 1, "b": "é"}),
        (
            "base: &base {x: 1, y: 2}\nmore:\n  <<: *base\n  y: 3\n",
            {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}},
        ),
        ("a: &same [1, 2]\nb: *same\nc: *same\n", {"a": [1, 2], "b": [1, 2], "c": [1, 2]}),
        ("a: &one 1\nb: [*one, *one]\n", {"a": 1, "b": [1, 1]}),
        ("{a: {b: {c: [[[1]]]}}}", {"a": {"b": {"c": [[[1]]]}}}),
    ],
)
def test_usual_files(tmp_path: Path, body: str, expected: object) -> None:
    """Plain YAML is read as YAML means it, with anchors, merges, byte order marks and foreign line ends."""
    assert expected == read(tmp_path, body)


def test_other_unicode_encodings_are_read(tmp_path: Path) -> None:
    """UTF-16 with its mark is YAML too."""
    assert {"a": "café"} == read(tmp_path, "a: café".encode("utf-16"))


@pytest.mark.parametrize(
    ("body", "place", "why"),
    [
        ("a: 1\na: 2\n", ":2", "the key 'a' stands twice"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", ":4", "the key 'b' stands twice"),
        ("1: a\n'1': b\n", ":2", "the key '1' stands twice"),
        ("a:\n\tb: 1\n", ":2", "cannot start any token"),
        ("a: [1, 2\n", ":2", "did not find expected"),
        ("a: 1\n---\nb: 2\n", ":2", "another document"),
        ("a: !!python/object/apply:os.system [true]\n", ":1", "could not determine a constructor"),
        ("a: !own 1\n", ":1", "could not determine a constructor"),
        ("a: &a [*a]\n", ":1", "*a stands for itself, or for nothing"),
        ("a: *nowhere\n", ":1", "*nowhere stands for itself, or for nothing"),
        ("? [1, 2]\n: 3\n", ":1", "unhashable key"),
        ("a: b: c\n", ":1", "mapping values are not allowed"),
        ("a: caf\xe9 \n".encode("latin-1"), "", "UTF-8"),
        (b"a: \x00\n", "", "control characters are not allowed"),
        ('a: "\\ud800"\n', ":1", "invalid Unicode character"),
        ("a: 2026-13-45\n", "", "month must be in 1..12"),
        (f"a: {'9' * 5000}\n", "", "Exceeds the limit"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, body: bytes | str, place: str, why: str) -> None:
    """What is no YAML, or would be read otherwise than it looks, is refused in one line that names the place."""
    told = refusal(tmp_path, body)

    assert told.startswith(f"file.yaml{place}: ")
    assert why in told
    assert "\n" not in told


@pytest.mark.parametrize("depth", [33, 1_000, 100_000, 900_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_is_refused_before_it_is_built(tmp_path: Path, depth: int, opening: str) -> None:
    """A file of brackets ends in a named error, not in a crashed interpreter."""
    told = refusal(tmp_path, (opening * depth)[: MAX_BYTES - 1])

    assert "nested more than 32 deep" in told


@pytest.mark.parametrize("shape", ["[{}]", "{{k: [{}]}}"])
def test_few_lines_that_stand_for_billions_are_refused(tmp_path: Path, shape: str) -> None:
    """Aliases of aliases are counted, not built."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 12):
        inside = ", ".join([f"*a{number - 1}"] * 9)
        lines.append(f"a{number}: &a{number} {shape.format(inside)}")

    assert "more than 100,000 values" in refusal(tmp_path, "\n".join(lines))


def test_chain_of_aliases_has_depth_too(tmp_path: Path) -> None:
    """Depth that is built from aliases of aliases counts as depth."""
    lines = ["a0: &a0 [x]", *(f"a{number}: &a{number} [*a{number - 1}]" for number in range(1, 60))]

    assert "nested more than 32 deep" in refusal(tmp_path, "\n".join(lines))


def test_size_is_bounded(tmp_path: Path) -> None:
    """A file of more than a megabyte is not read; one of exactly that size is."""
    assert "is larger than 1,000,000 bytes" in refusal(tmp_path, "#" * (MAX_BYTES + 1))
    assert read(tmp_path, "#" * MAX_BYTES) is None


def test_unreadable_paths_are_named(tmp_path: Path) -> None:
    """A missing file, a folder and a path that is none are told apart from bad YAML."""
    for path, why in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "a\0b", "null byte"),
    ):
        with pytest.raises(BadInput, match=why):
            read_yaml(path)
