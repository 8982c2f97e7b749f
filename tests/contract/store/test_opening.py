"""A store by its URL: three forms, and a named error for all else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from songpost.errors import VariableError
from songpost.store.dynamodb import DynamoStore
from songpost.store.opening import open_store
from songpost.store.port import Loaded
from songpost.store.sqlite import SqliteStore


@pytest.mark.parametrize("read_only", [True, False])
def test_sqlite_by_relative_and_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, read_only: bool
) -> None:
    """Three slashes name a path from here, four an absolute one; only a store that writes makes the file."""
    monkeypatch.chdir(tmp_path)
    for url, path in (
        ("sqlite:///data/songpost.db", tmp_path / "data" / "songpost.db"),
        (f"sqlite:///{tmp_path}/with space/ü%20.db", tmp_path / "with space" / "ü%20.db"),
    ):
        with closing(open_store(url, read_only=read_only)) as store:
            assert isinstance(store, SqliteStore)
            assert Loaded() == store.load("default")
        assert read_only != path.exists()


@pytest.mark.parametrize("url", ["dynamodb://songpost", "dynamodb://Songpost.table_1-x/"])
@pytest.mark.usefixtures("aws_environment")
def test_dynamodb_by_table(url: str) -> None:
    """A table is named without any request."""
    with closing(open_store(url, read_only=True)) as store:
        assert isinstance(store, DynamoStore)


@pytest.mark.parametrize(
    "url",
    [
        "", "data/songpost.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite://data/songpost.db", "sqlite:///:memory:",
        "sqlite:///~/songpost.db", "sqlite:///a.db?mode=ro", "sqlite:///a.db#x", "SQLITE:///a.db", "dynamodb://",
        "dynamodb://ab", "dynamodb://a/b", "dynamodb:///table", "dynamodb://key:secret@table", "postgresql://host/db",
        " sqlite:///a.db", "sqlite:///a.db\n",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL of another form names the variable and says what to write; nothing is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VariableError, match="no store is named") as caught:
        open_store(url, read_only=False)
    assert "SONGPOST_STORE" == caught.value.where
    assert "dynamodb://TABLE" in caught.value.mend
    assert "secret" not in str(caught.value)
    assert [] == list(tmp_path.iterdir())


def test_sqlite_imports_no_cloud(tmp_path: Path) -> None:
    """A dry run over an empty laptop store imports neither AWS's libraries nor a decoder."""
    script = (
        "import sys; from songpost.store.opening import open_store;"
        "open_store(sys.argv[1], read_only=True).load('default');"
        "print(*sorted({'botocore', 'pynamodb', 'msgspec', 'tempfile', 'shutil'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, f"sqlite:///{tmp_path}/songpost.db"], capture_output=True, text=True, check=True
    )
    assert "" == done.stdout.strip()
