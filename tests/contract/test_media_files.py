"""Media in S3 as moto has it: pushed under the hash of what they are, read back by a function, and posted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from songpost.agent import library
from songpost.agent.writing import tick
from songpost.bootstrap import Session
from songpost.cli.main import main
from songpost.core import content
from songpost.errors import ContentError, NotFound, Refusal, StoreUnavailable, StoreUnreadable
from songpost.lab.in_process import SandboxTransport, environment
from songpost.lab.sandbox.clock import VirtualClock
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.media_files import MediaBucket
from songpost.model import Media, State, Text
from songpost.runtime import Runtime
from songpost.store.opening import open_store
from tests.unit.agent.conftest import KEY, SETTINGS, START, TEXTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "songpost-media"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
PATH = f"s3://{BUCKET}/media/{hashlib.sha256(PNG).hexdigest()}.png"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    """S3 as moto has it, with one bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def bucket(s3: S3Client) -> MediaBucket:
    """The bucket of the environment."""
    return MediaBucket(s3, BUCKET)


def texts(*paths: str) -> tuple[Text, ...]:
    """A text for each path, with its medium."""
    return tuple(
        Text(id=f"{number}", topic="bread", variants=(f"Text {number}.",), media=(Media(path=path, alt_text="A."),))
        for number, path in enumerate(paths)
    )


def test_media_are_kept_under_their_hash_once(bucket: MediaBucket, s3: S3Client, tmp_path: Path) -> None:
    """Two files of the same bytes, and an object from elsewhere, are one object; texts without media stay as is."""
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_bytes(PNG)
    s3.put_object(Bucket=BUCKET, Key="elsewhere/c.png", Body=PNG)
    before = content.library_of([*texts("a.png", "b.jpg", f"s3://{BUCKET}/elsewhere/c.png"), *TEXTS])
    after = library.published(before, tmp_path, bucket)

    medium = Media(path=PATH, alt_text="A.", media_type="image/png")
    assert [(medium,)] * 3 == [text.media for text in after["bread"][:3]]
    assert before["gardening"] == list(after["gardening"])
    kept = s3.list_objects_v2(Bucket=BUCKET, Prefix="media/")["Contents"]
    assert [PATH] == [f"s3://{BUCKET}/{found['Key']}" for found in kept]
    assert PNG == bucket.read(PATH)
    assert "image/png" == s3.get_object(Bucket=BUCKET, Key=kept[0]["Key"])["ContentType"]


def test_another_picture_under_an_old_name_is_another_library(bucket: MediaBucket, tmp_path: Path) -> None:
    """What a file holds is part of the library's digest once it is pushed: a new picture makes new plans."""
    digests = set()
    for data in (PNG, PNG + b"1"):
        (tmp_path / "a.png").write_bytes(data)
        digests.add(content.digest(library.published(content.library_of(texts("a.png")), tmp_path, bucket)))
    assert 2 == len(digests)


def test_without_a_bucket_only_texts_without_media_are_pushed(tmp_path: Path) -> None:
    """A text with media is refused by its file's name and the variable that is missing; others need no bucket."""
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(Refusal, match=r"a\.png.*SONGPOST_MEDIA_BUCKET"):
        library.published(content.library_of(texts("a.png")), tmp_path, None)
    assert {"gardening", "bread"} == set(library.published(content.library_of(TEXTS), tmp_path, None))


def test_faults_of_files_and_of_s3_have_names(bucket: MediaBucket, s3: S3Client, tmp_path: Path) -> None:
    """What is no medium, not there, not allowed or not what was kept: each by its path."""
    (tmp_path / "page.png").write_bytes(b"<html>")
    with pytest.raises(ContentError, match=r"page\.png.*no JPEG"):
        library.published(content.library_of(texts("page.png")), tmp_path, bucket)
    with pytest.raises(NotFound, match=r"none\.png"):
        library.published(content.library_of(texts("none.png")), tmp_path, bucket)
    with pytest.raises(NotFound, match="push the settings again"):
        bucket.read(PATH)
    with pytest.raises(StoreUnavailable, match=r"NoSuchBucket.*SONGPOST_MEDIA_BUCKET and s3:PutObject"):
        MediaBucket(s3, "another-bucket").keep(PNG)
    s3.put_object(Bucket=BUCKET, Key=PATH.removeprefix(f"s3://{BUCKET}/"), Body=PNG[:-1])
    with pytest.raises(StoreUnreadable, match="not what was kept"):
        bucket.read(PATH)


@pytest.mark.usefixtures("s3")
def test_a_function_posts_what_was_pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushed from a laptop's files, read by a process that has none: the picture goes out with its alt text."""
    (tmp_path / "laptop").mkdir()
    (tmp_path / "laptop" / "a.png").write_bytes(PNG)
    (tmp_path / "laptop" / "texts.yaml").write_text(
        "bread: [{text: Rye wants water., media: [{path: a.png, alt_text: A loaf.}]}]", encoding="utf-8"
    )
    (tmp_path / "laptop" / "songpost.yaml").write_text(
        "{topics: [bread], operator: '@example_owner', automated_label_attested_on: 2026-01-01, content: [texts.yaml],"
        " schedule: {windows: {noon: ['10:00', '12:00']}}, budget: {usd_per_month: 5, usd_per_day: 1}}",
        encoding="utf-8",
    )
    url = f"sqlite:///{tmp_path}/songpost.db"
    monkeypatch.setenv("SONGPOST_STORE", url)
    monkeypatch.setenv("SONGPOST_MEDIA_BUCKET", BUCKET)
    pushed = main(["settings", "push", str(tmp_path / "laptop" / "songpost.yaml")])
    (tmp_path / "laptop" / "a.png").unlink()
    clock = VirtualClock(START)
    sandbox = Sandbox(clock=clock)
    session = Session(
        runtime=Runtime(store=url, dry_run=False, media_bucket=BUCKET, auth_mode="tweepy"),
        environ=environment(sandbox),
        store=open_store(url, read_only=False),
        clock=clock.now,
        file=None,
        transport=SandboxTransport(sandbox, clock.now),
        sleep=lambda _: None,
    )
    tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
    stored = session.store.action("default", KEY)
    session.close()

    assert 0 == pushed
    assert stored is not None
    assert (State.SENT, PATH) == (stored.action.state, stored.action.media[0].path)
    media = sandbox.service.world.media
    assert [["A loaf."]] == [[media[one].alt_text for one in post.media_ids] for post in sandbox.posts()]


def test_a_library_with_a_path_on_a_disk_is_held_back_in_a_function(tmp_path: Path) -> None:
    """A store that was filled otherwise: a function says which file it cannot read, and what to do; nothing is sent."""
    clock = VirtualClock(START)
    sandbox = Sandbox(clock=clock)
    url = f"sqlite:///{tmp_path}/songpost.db"
    session = Session(
        runtime=Runtime(store=url, dry_run=False, auth_mode="tweepy"),
        environ=environment(sandbox),
        store=open_store(url, read_only=False),
        clock=clock.now,
        file=None,
        transport=SandboxTransport(sandbox, clock.now),
        sleep=lambda _: None,
    )
    library.push(session.desk, replace(SETTINGS, topics=("bread",)), content.library_of(texts("a.png")))
    session._loaded = None
    tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)
    stored = session.store.action("default", KEY)
    session.close()

    assert stored is not None
    assert (State.PLANNED, []) == (stored.action.state, sandbox.posts())
    assert "SONGPOST_MEDIA_BUCKET" in stored.action.reason
