"""Requests as they are written out: those that `requests` would write itself."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from songpost.x.wire import HOST, USER_AGENT, Call, bearer, signed

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.sampled_from(["tweet.fields", "max_results", "since_id", "query"])


def written(call: Call) -> tuple[str | None, str | None, list[tuple[str, str | bytes]], object]:
    """What goes over the wire: method, address, headers in their order, body."""
    prepared = signed(call, bearer("a-token"))
    return prepared.method, prepared.url, list(prepared.headers.items()), prepared.body


def by_requests(call: Call) -> tuple[str | None, str | None, list[tuple[str, str | bytes]], object]:
    """The same as `requests` writes it, with everything that it mends and checks."""
    prepared = requests.Request(
        call.method,
        HOST + call.route,
        params=call.params,
        json=call.body,
        data=call.form,
        headers={"User-Agent": USER_AGENT},
        auth=bearer("a-token"),
    ).prepare()
    return prepared.method, prepared.url, list(prepared.headers.items()), prepared.body


@given(params=st.dictionaries(NAMES, TEXTS))
def test_a_read_is_written_as_requests_would(params: dict[str, str]) -> None:
    """Whatever is asked for: the address, quoted, and the headers in their order."""
    call = Call(method="GET", route="/2/users/42/mentions", params=params)

    assert by_requests(call) == written(call)


@given(text=TEXTS, number=st.integers())
def test_a_write_is_written_as_requests_would(text: str, number: int) -> None:
    """Whatever is said: the body as JSON, its length and its type, on every attempt in the same order."""
    call = Call(method="POST", route="/2/tweets", body={"text": text, "poll": {"minutes": number}})

    assert by_requests(call) == written(call)


@pytest.mark.parametrize(
    "call",
    [
        Call(method="DELETE", route="/2/tweets/42"),
        Call(method="POST", route="/2/tweets", body={}),
        Call(method="POST", route="/2/media/upload/42/finalize"),
        Call(method="POST", route="/2/media/upload", form={"command": "STATUS", "media_id": "4 2"}),
        Call(method="GET", route="/2/usage/tweets"),
    ],
    ids=lambda call: f"{call.method} {call.route}",
)
def test_a_call_without_json_is_written_as_requests_would(call: Call) -> None:
    """A write without a body tells its length all the same; a read has neither."""
    assert by_requests(call) == written(call)


def test_a_file_goes_as_a_part_of_a_form() -> None:
    """The bytes stand between the boundaries that the type of the body names."""
    call = Call(
        method="POST", route="/2/media/upload/42/append", form={"segment_index": "0"}, file=("blob", b"\x89PNG")
    )

    prepared = signed(call, bearer("a-token"))

    kind, _, boundary = str(prepared.headers["Content-Type"]).partition("; boundary=")
    assert "multipart/form-data" == kind
    assert isinstance(prepared.body, bytes)
    assert prepared.body.startswith(f"--{boundary}".encode())
    assert b'name="media"; filename="blob"\r\nContent-Type: application/octet-stream\r\n\r\n\x89PNG' in prepared.body
    assert str(len(prepared.body)) == prepared.headers["Content-Length"]
