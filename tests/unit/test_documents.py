"""The documents keep up with the code: variables, events, commands, alarms, and every file and test that they name."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from songpost import content_file
from songpost.agent import accounts, apart, crediting, inbox, interacting, journal, library, planning
from songpost.agent.events import READER_MODES, WRITER_MODES
from songpost.cli.commands import COMMANDS
from songpost.cli.words import Row
from songpost.core.snapshot import (
    CONTROL,
    DRAFTS,
    FINGERPRINTS,
    IDENTITY,
    LEARNING,
    LIMITS,
    MEASURING,
    READING,
    TIMELINE,
    USAGE,
)
from songpost.errors import AccountBlocked, ClockError, SongpostError
from songpost.runtime import Runtime
from songpost.settings import Settings
from songpost.x import credentials

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = REPOSITORY / "shared/songpost"
DOCUMENTS = sorted([REPOSITORY / "README.md", REPOSITORY / "SECURITY.md", *(REPOSITORY / "docs").glob("*.md")])
DECISIONS = sorted((REPOSITORY / "docs/decisions").glob("*.md"))
TOP = (
    "shared",
    "functions",
    "layers",
    "infra",
    "events",
    "scripts",
    "tests",
    "docs",
    "notebooks",
    "content",
    ".github",
)
ROOMS = ("core", "agent", "x", "store", "sources", "lab", "cli")
EVERYWHERE = {"--account", "--json", "--help"}
named = functools.partial(pytest.mark.parametrize, "path", ids=lambda path: path.name)


def text_of(name: str) -> str:
    """A document's text."""
    return (REPOSITORY / name).read_text(encoding="utf-8")


def code_in(path: Path) -> Iterator[str]:
    """What a document sets as code: each line of its fences, each span between backticks."""
    text = path.read_text(encoding="utf-8")
    fence = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for block in fence.findall(text):
        yield from block.splitlines()
    for span in re.findall(r"`([^`]+)`", fence.sub("", text)):
        yield " ".join(span.split())


def parsed(word: str) -> Iterator[ast.AST]:
    """Every node of the modules in which a word stands, the laptop's rooms included."""
    for path in sorted(CODE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if word in text:
            yield from ast.walk(ast.parse(text))


class Recording(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]  # texts are all that is asked for
        """Remember, and answer."""
        self.asked.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        """Remember, and answer."""
        self.asked.add(str(key))
        return super().__contains__(key)


# --------------------------------------------------------------------------------------------------- environment


def test_every_variable_that_is_read_is_documented() -> None:
    """What `runtime.py`, `credentials.py` and the telemetry ask the environment for stands in docs/environment.md."""
    environ = Recording(**dict.fromkeys(("X_API_KEY", "X_API_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_SECRET"), "key"))
    environ["X_CLIENT_ID"] = environ["X_CLIENT_SECRET"] = "client"
    Runtime.from_env(environ)
    for mode in ("tweepy", "oauth2"):
        credentials.from_env(environ, mode)
    literal = {
        node.args[0].value
        for node in parsed("environ")
        if isinstance(node, ast.Call)
        and re.search(r"environ\b|getenv", ast.unparse(node.func))
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text_of("docs/environment.md")))

    assert {"DRY_RUN", "X_CLIENT_SECRET", "SONGPOST_MEDIA_BUCKET", "TELEMETRY_ENABLED"} <= environ.asked
    assert set() == (environ.asked | literal) - documented


def test_no_variable_is_documented_that_nobody_reads() -> None:
    """Each name in the first column of the table stands in the code, the template or a script."""
    rows = re.findall(r"^\| (`.*?) \|", text_of("docs/environment.md"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row)}
    places = [*CODE.rglob("*.py"), *(REPOSITORY / "tests").rglob("*.py"), *(REPOSITORY / "layers/songpost").iterdir()]
    places += [REPOSITORY / "template.yaml", REPOSITORY / "Makefile", *(REPOSITORY / "notebooks").glob("*.ipynb")]
    own = Path(__file__)
    text = "\n".join(path.read_text(encoding="utf-8") for path in places if path.is_file() and path != own)

    assert len(told) > 20
    assert [] == sorted(name for name in told - {"AWS_ENDPOINT_URL_DYNAMODB"} if name not in text)


def test_every_mode_of_an_event_is_documented() -> None:
    """The modes of both functions, and the star for every account, stand in docs/environment.md."""
    text = text_of("docs/environment.md")

    assert [] == [mode for mode in (*WRITER_MODES, *READER_MODES) if f'"{mode}"' not in text]
    assert '"account": "*"' in text


# ------------------------------------------------------------------------------------------------------ commands


def commands(rows: tuple[Row, ...], above: str = "songpost") -> Iterator[tuple[str, Row]]:
    """Every command with its words, groups that only group left out."""
    for row in rows:
        name = f"{above} {row.name}"
        if row.room:
            yield name, row
        yield from commands(row.deeper, name)


def test_every_command_is_in_a_document() -> None:
    """A command that nobody wrote down cannot be found by who needs it."""
    spans = {span for path in DOCUMENTS for span in code_in(path)}
    found = " ".join(f"{span} " for span in spans)

    assert [] == [name for name, _ in commands(COMMANDS) if f"{name} " not in found and f"{name}\n" not in found]


@named(DOCUMENTS)
def test_every_command_in_a_document_is_one(path: Path) -> None:
    """What a document tells to type has a command and options of these names."""
    known = dict(commands(COMMANDS))
    wrong = []
    for span in code_in(path):
        for typed in re.findall(r"songpost ((?!#)[^`#|&;)]*)", span.replace(".venv/bin/", "")):
            words = typed.split()
            name, rows = "songpost", COMMANDS
            while words and (row := next((row for row in rows if row.name == words[0]), None)) is not None:
                name, rows = f"{name} {words.pop(0)}", row.deeper
            if name == "songpost" or name not in known:
                wrong += [span] if name != "songpost" or re.match(r"(^|.*\$ )songpost [a-z]", span) else []
                continue
            row = known[name]
            options = {one for argument in (*row.words, *row.one_of) for one in argument.names} | EVERYWHERE
            wrong += [span for word in words if word.startswith("--") and word.split("=")[0] not in options]

    assert [] == wrong


@named(DOCUMENTS)
def test_every_make_target_in_a_document_is_one(path: Path) -> None:
    """`make NAME` is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    said = {name for span in code_in(path) for name in re.findall(r"\bmake ([a-z]+)", span)}

    assert set() == said - targets


# -------------------------------------------------------------------------------------------------------- alarms


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's tags taken as what they hold."""


_Template.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_mapping(node)
    ),
)


def test_every_alarm_has_a_runbook() -> None:
    """Whoever is woken finds the alarm's name as a heading of docs/operations.md."""
    stack = yaml.load(text_of("infra/watch.yaml"), _Template)  # noqa: S506 - a safe loader with CloudFormation's tags
    alarms = [name for name, one in stack["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"]
    headings = re.findall(r"^### (\w+)$", text_of("docs/operations.md"), re.MULTILINE)

    assert 9 <= len(alarms)
    assert [] == [name for name in alarms if name not in headings]


def test_every_parameter_of_the_stack_is_explained() -> None:
    """Whoever deploys finds each parameter of template.yaml in docs/operations.md, and no other."""
    told = text_of("docs/operations.md").partition("### Parameters")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`.*?) \|", told, re.MULTILINE)
    named_there = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    stack = yaml.load(text_of("template.yaml"), _Template)  # noqa: S506 - as above

    assert set(stack["Parameters"]) == named_there


def logged(field: str) -> set[str]:
    """The values that the code gives a field of its log lines; a name that an error gives is told by `breakers`."""
    found = set()
    for node in parsed(f'"{field}"'):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            said = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == field]
            found |= {str(value.value) for value in said if isinstance(value, ast.Constant)}
    return found


def below(error: type[SongpostError]) -> Iterator[str]:
    """An error's leaves: the names that it can be raised by."""
    for child in error.__subclasses__():
        yield from below(child)
    if not error.__subclasses__():
        yield error.__name__


def test_every_reason_to_wake_somebody_has_a_row() -> None:
    """Each value of the log's fields `alarm` and `breaker` stands in a table of docs/operations.md."""
    rows = set(re.findall(r"^\| `(\w+)` \|", text_of("docs/operations.md"), re.MULTILINE))
    trips = {
        str(node.args[0].value)
        for node in parsed("Trip(")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Trip" and isinstance(node.args[0], ast.Constant)
    }
    blocked = {*below(AccountBlocked), ClockError.__name__}

    assert {"Partial", "RunningDry"} <= logged("alarm")
    assert {"RefusalRun", "SpendSlope"} <= trips
    assert set() == (logged("alarm") | {"MailFailed"} | trips | blocked) - rows


def test_every_record_of_the_store_is_documented() -> None:
    """Each document of an account, and each collection beside them, stands in docs/architecture.md."""
    text = text_of("docs/architecture.md")
    documents = {CONTROL, IDENTITY, TIMELINE, USAGE, LIMITS, FINGERPRINTS, LEARNING, MEASURING, READING, DRAFTS}
    beside = {accounts.ACCOUNTS, apart.BANDS, crediting.CREDITS, inbox.INBOX, inbox.OPT_OUTS, interacting.FOLLOWED}
    beside |= {journal.READS, library.LIBRARY, library.TEXTS, planning.DECISIONS, planning.STATISTICS}

    assert [] == sorted(name for name in documents | beside if f"`{name}`" not in text)


def test_the_texts_of_the_document_are_texts(tmp_path: Path) -> None:
    """The content file that docs/texts.md shows is read without a problem, a thread, a poll and media in it."""
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", text_of("docs/texts.md"), re.MULTILINE | re.DOTALL)
    (tmp_path / "texts.yaml").write_text(shown)
    (tmp_path / "heap.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8))
    library = content_file.load(Settings(topics=("gardening",), content=("texts.yaml",)), tmp_path)

    assert {"gardening", "replies"} == set(library)
    assert [0, 0, 0, 2, 0, 0] == [len(text.thread_of(0)) for text in library["gardening"]]
    assert [False, False, True, False, False, False] == [bool(text.media) for text in library["gardening"]]


# ------------------------------------------------------------------------------------------------ files and tests


@named([*DOCUMENTS, *DECISIONS])
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    """A path in backticks is one of the repository; `file.py: name` and `file.py::test` name what stands in it."""
    wrong = []
    for span in re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8")):
        for name, inner in re.findall(r"(?<![\w/:.=-])((?:[\w.-]+/)+[\w.*-]*)(?:::?\s*(\w+))?", span):
            top = name.split("/")[0]
            where = REPOSITORY if top in TOP else CODE if top in ROOMS else None
            if where is None or "…" in span or "<" in span or (top in ROOMS and not name.endswith((".py", "/"))):
                continue
            there = list(where.glob(name.rstrip("/")))
            if not there or (inner and there[0].is_file() and inner not in there[0].read_text(encoding="utf-8")):
                wrong.append(span)

    assert [] == wrong


def test_every_document_that_code_names_is_there() -> None:
    """Docstrings, comments, templates and errors point at documents and decisions that exist."""
    places = [
        *CODE.rglob("*.py"),
        *(
            path
            for name in ("functions", "scripts", "tests", "infra", ".github")
            for path in (REPOSITORY / name).rglob("*")
        ),
        *(REPOSITORY / name for name in ("Makefile", "template.yaml", "pyproject.toml", "songpost.example.yaml")),
    ]
    said = {
        (name, str(place.relative_to(REPOSITORY)))
        for place in places
        if place.suffix in {".py", ".yaml", ".yml", ".md", ".toml", ""} and place.is_file()
        for name in re.findall(r"(?<![\w/])docs/[\w/.-]*\w", place.read_text(encoding="utf-8"))
    }

    assert [] == sorted(one for one in said if not any(REPOSITORY.glob(f"{one[0]}*")))


@named([*DOCUMENTS, *DECISIONS])
def test_no_document_names_somebodys_machine(path: Path) -> None:
    """Absolute paths of a home or a checkout mean nothing to the next reader."""
    assert [] == re.findall(r"(?<![\w.])/(?:home|root|Users|work|tmp)/\S*", path.read_text(encoding="utf-8"))
