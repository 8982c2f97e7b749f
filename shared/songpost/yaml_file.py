"""A YAML file of a person, parsed safely: unique keys, no tags that build objects, nothing that blows up.

Like `settings_file.py`, this is the edge: the only room that imports YAML, and no function imports it.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from songpost.errors import BadInput

MAX_BYTES = 1_000_000
MAX_NODES, MAX_DEPTH = 100_000, 32
"""What a file may hold with its aliases written out: a few lines of them can stand for billions of values."""


def read_yaml(path: Path) -> object:
    """Parse one YAML file with unique keys, safely (no tags that build objects).

    Raises `BadInput` that names the file, and the line where the parser knows it.
    """
    where = str(path)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BadInput(f"cannot be read ({why})", where=where, mend="check the path") from error
    if len(text) > MAX_BYTES:
        raise BadInput(f"is larger than {MAX_BYTES:,} bytes", where=where, mend="split it")
    try:
        _look_through(text)
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - _UniqueKeys is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadInput(f"is no YAML: {error.problem}", where=f"{where}:{line}", mend="correct that line") from error
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise BadInput(f"is no YAML: {why}", where=where, mend="save it as UTF-8 text") from error
    except ValueError as error:  # a date or number that is written as one and is none
        raise BadInput(f"holds a value that YAML cannot read: {error}", where=where, mend="correct it") from error


_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _look_through(text: bytes) -> None:
    """Refuse what would blow up when it is built: depth that overflows a stack, aliases that stand for too much.

    Works on the stream of events, so nothing is built and nothing recurses. Raises `yaml.MarkedYAMLError`.
    """
    sizes: dict[str, tuple[int, int]] = {}  # of each finished anchor: values, and how deep they lie
    unfinished: list[tuple[str | None, int, int]] = [(None, 0, 0)]
    for event in yaml.parse(text, Loader=_SafeLoader):
        anchor: str | None = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            unfinished.append((anchor, 1, 0))
            size = (0, 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, values, depth = unfinished.pop()
            size = (values, depth + 1)
        elif isinstance(event, yaml.AliasEvent):
            if anchor not in sizes:
                raise _at(event, f"*{anchor} stands for itself, or for nothing")
            size, anchor = sizes[anchor], None
        else:
            size = (int(isinstance(event, yaml.ScalarEvent)), 0)
        if anchor is not None and not isinstance(event, yaml.CollectionStartEvent):
            sizes[anchor] = size
        around, values, depth = unfinished[-1]
        unfinished[-1] = (around, values + size[0], max(depth, size[1]))
        if unfinished[-1][1] > MAX_NODES or len(unfinished) + unfinished[-1][2] > MAX_DEPTH:
            raise _at(event, f"it holds more than {MAX_NODES:,} values, or is nested more than {MAX_DEPTH} deep")


def _at(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    # The stubs know two kinds of marks, and forget that an error takes either.
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]


class _UniqueKeys(_SafeLoader):  # type: ignore[misc, valid-type]  # the base is chosen at run time
    """A safe loader that refuses a key that stands twice: YAML would let the second one win in silence."""

    def construct_mapping(  # the base class names its arguments
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - the base class has it so
    ) -> dict[object, object]:
        """Build a mapping after looking at every key."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"the key {name!r} stands twice", problem_mark=key.start_mark)
            seen.add(name)
        return dict(super().construct_mapping(node, deep=deep))
