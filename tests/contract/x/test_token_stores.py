"""Where the pair lives: a file and SSM, one suite for both."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from songpost.errors import StoreUnavailable, StoreUnreadable
from songpost.x.token_file import TokenFile
from songpost.x.token_ssm import KEPT_PAIRS, SsmTokens
from songpost.x.tokens import Pair, TokenStore, encoded

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

FIRST = Pair(
    generation=1,
    access_token="access-1",
    refresh_token="refresh-1",
    expires_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
    scopes=("tweet.read",),
)


@pytest.fixture
def ssm() -> Iterator[SSMClient]:
    """SSM as moto has it."""
    with mock_aws():
        yield boto3.client(
            "ssm", region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )


@pytest.fixture(params=["file", "ssm"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    """Each home of the pair, empty."""
    if request.param == "file":
        return TokenFile(tmp_path / "deep" / "x-token.json")
    return SsmTokens(request.getfixturevalue("ssm"), "/songpost/default/")


def test_an_empty_store_holds_nothing(store: TokenStore) -> None:
    """Before the first consent there is no pair, and nothing to claim."""
    assert store.load() is None
    assert not store.claim(FIRST)


def test_the_newest_generation_is_read_back(store: TokenStore) -> None:
    """What was saved last is what is loaded."""
    for generation in range(1, 13):
        assert store.save(replace(FIRST, generation=generation))
    assert replace(FIRST, generation=12) == store.load()


def test_a_generation_is_written_once(store: TokenStore) -> None:
    """Of two that write the same generation the first wins, and an older one never comes back."""
    assert store.save(FIRST)
    assert not store.save(replace(FIRST, access_token="other"))
    assert store.save(replace(FIRST, generation=2))
    assert not store.save(replace(FIRST, access_token="late"))
    assert replace(FIRST, generation=2) == store.load()


def test_a_generation_is_claimed_once(store: TokenStore) -> None:
    """Of two claims one is granted; taken back, it can be granted again; a new generation is unclaimed."""
    store.save(FIRST)

    assert [True, False] == [store.claim(FIRST) for _ in range(2)]
    assert replace(FIRST, spending=True) == store.load()
    store.unclaim(FIRST)
    assert FIRST == store.load()
    assert store.claim(FIRST)
    store.save(replace(FIRST, generation=2))
    assert replace(FIRST, generation=2) == store.load()


def test_an_old_generation_cannot_be_claimed(store: TokenStore) -> None:
    """Whoever was frozen with an old pair is not granted its claim, however late."""
    for generation in range(1, 6):
        store.save(replace(FIRST, generation=generation))
    assert [False] * 4 == [store.claim(replace(FIRST, generation=generation)) for generation in range(1, 5)]


def test_of_many_that_claim_at_once_one_is_granted(tmp_path: Path) -> None:
    """Eight threads claim the same generation of a file; one succeeds."""
    file = TokenFile(tmp_path / "x-token.json")
    file.save(FIRST)

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: TokenFile(tmp_path / "x-token.json").claim(FIRST), range(8)))

    assert 1 == granted.count(True)


def test_a_token_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, nothing half-written beside it, and the lock is empty."""
    before = os.umask(0)
    try:
        TokenFile(tmp_path / "x-token.json").save(FIRST)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert {"x-token.json": 0o600, "x-token.json.lock": 0o600} == modes
    assert b"" == (tmp_path / "x-token.json.lock").read_bytes()


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A token that was open to others is not used on in silence."""
    path = tmp_path / "x-token.json"
    TokenFile(path).save(FIRST)
    path.chmod(0o644)

    with pytest.raises(StoreUnreadable, match="chmod 600"):
        TokenFile(path).load()


def test_a_token_file_that_broke_is_named_and_not_quoted(tmp_path: Path) -> None:
    """A truncated file is refused by its path."""
    path = tmp_path / "x-token.json"
    path.write_text(encoded(FIRST)[:-9])
    path.chmod(0o600)

    with pytest.raises(StoreUnreadable, match=r"x-token\.json") as caught:
        TokenFile(path).load()
    assert "access-1" not in str(caught.value)


@pytest.mark.parametrize("inside", [False, True])
def test_a_place_that_cannot_hold_a_file_is_named(tmp_path: Path, *, inside: bool) -> None:
    """A folder in the file's place, or a file in the folder's, is an unavailable store."""
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_text("")
    file = TokenFile(tmp_path / "file" / "x" if inside else tmp_path / "here")
    with pytest.raises(StoreUnavailable):
        file.load()
    with pytest.raises(StoreUnavailable):
        file.save(FIRST)


def test_a_write_that_fails_leaves_the_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full while the new file is written leaves the old one whole."""
    file = TokenFile(tmp_path / "x-token.json")
    file.save(FIRST)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space"):
        file.save(replace(FIRST, generation=2))
    assert FIRST == file.load()


def test_a_pair_that_moved_is_forgotten(tmp_path: Path) -> None:
    """A rotating pair has one home: the file is gone after it moved."""
    file = TokenFile(tmp_path / "x-token.json")
    file.save(FIRST)

    file.forget()

    assert file.load() is None


def test_each_generation_in_ssm_is_a_secure_string_of_its_own(ssm: SSMClient) -> None:
    """The newest pairs stand under numbered names, encrypted; older ones are gone, their claims stay."""
    store = SsmTokens(ssm, "/songpost/default")
    for generation in range(1, 5):
        pair = replace(FIRST, generation=generation)
        store.save(pair)
        store.claim(pair)

    found = ssm.get_parameters_by_path(Path="/songpost/default/oauth2")["Parameters"]
    kinds = {one["Name"].rpartition("/")[2]: one["Type"] for one in found}
    expected = {
        **{f"{generation:04d}-spending": "String" for generation in range(1, 5)},
        **{f"{generation:04d}": "SecureString" for generation in range(5 - KEPT_PAIRS, 5)},
    }
    assert expected == kinds


def test_our_own_value_found_there_counts_as_written(ssm: SSMClient) -> None:
    """A put whose answer was lost is repeated by the AWS client and finds itself: that is a success."""
    store = SsmTokens(ssm, "/songpost/default")
    ssm.put_parameter(Name="/songpost/default/oauth2/0001", Value=encoded(FIRST), Type="SecureString", Overwrite=False)

    assert store.save(FIRST)


def test_ssm_that_fails_is_unavailable(ssm: SSMClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttled or unreachable SSM is a named error that quotes nothing of the request."""
    store = SsmTokens(ssm, "/songpost/default")
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "access-1"}}, "PutParameter")

    def put(**_: object) -> None:
        raise throttled

    def unreachable(_name: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://ssm")

    monkeypatch.setattr(ssm, "put_parameter", put)
    with pytest.raises(StoreUnavailable, match="ThrottlingException") as caught:
        store.save(FIRST)
    assert "access-1" not in str(caught.value)
    monkeypatch.setattr(ssm, "delete_parameters", put)
    with pytest.raises(StoreUnavailable, match="ThrottlingException"):
        store.unclaim(FIRST)
    monkeypatch.setattr(ssm, "get_paginator", unreachable)
    with pytest.raises(StoreUnavailable, match="EndpointConnectionError"):
        store.load()
    monkeypatch.undo()

    store.save(FIRST)
    monkeypatch.setattr(ssm, "delete_parameters", put)
    assert store.save(replace(FIRST, generation=KEPT_PAIRS + 1))
