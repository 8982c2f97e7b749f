"""The sandbox over HTTP: what happens on the socket, and the process that serves it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from songpost.lab.sandbox import Fault, Sandbox
from songpost.lab.sandbox.server import SandboxServer, serve

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[requests.Session]:
    """A session that holds a token."""
    with requests.Session() as opened:
        opened.headers["Authorization"] = f"Bearer {sandbox.credentials().oauth2_access_token}"
        yield opened


def test_many_calls_go_over_one_connection(sandbox: Sandbox, server: SandboxServer) -> None:
    """HTTP/1.1 with keep-alive: reads, a create and a refusal on one socket; the Date is the sandbox's."""
    token = sandbox.credentials().oauth2_access_token
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.connect()
    first = connection.sock
    seen = []
    for method, path, body in (
        ("GET", "/2/users/me", None),
        ("POST", "/2/tweets", '{"text": "hello"}'),
        ("POST", "/2/tweets", '{"text": "hello"}'),
        ("GET", "/2/nothing", None),
    ):
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        seen.append(answer.status)
        answer.read()
        assert answer.getheader("Date", "").endswith("GMT")
        assert len(answer.headers.get_all("Date", [])) == 1
    assert seen == [200, 201, 403, 404]
    assert connection.sock is first
    connection.close()


@pytest.mark.parametrize(("kind", "posted"), [("answer lost", True), ("reset", False)])
def test_a_cut_connection_is_really_cut(
    sandbox: Sandbox, server: SandboxServer, session: requests.Session, kind: str, *, posted: bool
) -> None:
    """The client sees a reset, not an answer and not an end; the post is there or it is not."""
    sandbox.inject(Fault(kind=kind))
    with pytest.raises(requests.ConnectionError, match="ConnectionResetError"):
        session.post(f"{server.url}/2/tweets", json={"text": "hello"}, timeout=10)
    assert bool(sandbox.posts()) is posted
    assert session.get(f"{server.url}/2/users/me", timeout=10).status_code == 200


def test_a_slow_answer_really_waits(sandbox: Sandbox, server: SandboxServer, session: requests.Session) -> None:
    """An answer slower than the client's patience times out, with its effect; a patient client gets it."""
    sandbox.inject(Fault(kind="slow", seconds=0.6))
    with pytest.raises(requests.ReadTimeout):
        session.post(f"{server.url}/2/tweets", json={"text": "hello"}, timeout=(5, 0.2))
    assert len(sandbox.posts()) == 1
    sandbox.inject(Fault(kind="slow", seconds=0.3))
    before = time.monotonic()
    assert session.get(f"{server.url}/2/users/me", timeout=10).status_code == 200
    assert time.monotonic() - before >= 0.3


def test_a_slow_answer_holds_up_nobody_else(sandbox: Sandbox, server: SandboxServer, session: requests.Session) -> None:
    """While one client waits, another is served."""
    sandbox.inject(Fault(kind="slow", seconds=5, endpoint="GET /2/users/me"))

    def wait() -> None:
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{server.url}/2/users/me", headers=dict(session.headers), timeout=3)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not sandbox.requests("GET /2/users/me"):
        time.sleep(0.01)
    assert session.post(f"{server.url}/2/tweets", json={"text": "hello"}, timeout=2).status_code == 201
    assert waiting.is_alive()
    waiting.join()


def test_parallel_creates_of_one_text_post_once(
    sandbox: Sandbox, server: SandboxServer, session: requests.Session
) -> None:
    """Sixteen clients at once: one 201, fifteen duplicates, one post, and every window counted to the last."""
    statuses: Counter[int] = Counter()
    start = threading.Barrier(16)

    def create() -> None:
        start.wait()
        answer = requests.post(
            f"{server.url}/2/tweets", json={"text": "hello"}, headers=dict(session.headers), timeout=30
        )
        statuses[answer.status_code] += 1

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == {201: 1, 403: 15}
    assert len(sandbox.posts()) == 1
    last = session.post(f"{server.url}/2/tweets", json={"text": "other"}, timeout=10)
    assert last.headers["x-rate-limit-remaining"] == str(100 - 17)


def test_the_control_room_is_open_over_http(server: SandboxServer, session: requests.Session) -> None:
    """A test in another process loads a fault, meets it, and asks what was posted, without credentials."""
    room = f"{server.url}/_sandbox"
    with requests.Session() as other:
        other.post(f"{room}/faults", json={"kind": "status", "status": 503}, timeout=10).raise_for_status()
        assert session.post(f"{server.url}/2/tweets", json={"text": "hello"}, timeout=10).status_code == 503
        assert [post["text"] for post in other.get(f"{room}/posts", timeout=10).json()] == ["hello"]
        assert other.delete(f"{room}/faults", timeout=10).json()["waiting"] == []
        assert other.get(f"{room}/nothing", timeout=10).status_code == 404


def test_a_stopped_server_hangs_up(sandbox: Sandbox) -> None:
    """After stop, an open connection is closed and the port refuses new ones."""
    server = serve(sandbox)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as held:
        held.sendall(b"GET /2/users/me HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held.recv(12) == b"HTTP/1.1 401"
        server.stop()
        while held.recv(65_536):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.server_port), timeout=10)


@pytest.mark.parametrize("length", [b"many", b"-1", b"99999999999"])
def test_a_length_that_cannot_be_is_a_400(server: SandboxServer, length: bytes) -> None:
    """Nonsense in Content-Length is refused and the connection closed."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as raw:
        raw.sendall(b"POST /2/tweets HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
        assert raw.recv(65_536).startswith(b"HTTP/1.1 400")
        assert raw.recv(65_536) == b""


@pytest.mark.parametrize("host", [b"", b"Host: [\r\n", b"Host: a b\r\n"])
def test_a_host_that_cannot_be_is_a_400(server: SandboxServer, host: bytes) -> None:
    """No Host header, or one that is no address, is refused."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as raw:
        raw.sendall(b"GET /2/users/me HTTP/1.1\r\n" + host + b"\r\n")
        assert raw.recv(65_536).startswith(b"HTTP/1.1 400")


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The sandbox as a process of its own, and the line that it printed."""
    code = (
        "import sys; from pathlib import Path; from songpost.lab.sandbox.server import main; "
        "sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            assert running.stdout is not None
            yield running, json.loads(running.stdout.readline())
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_until_it_is_told_to_stop_and_keeps_its_state(
    tmp_path: Path, number: signal.Signals
) -> None:
    """One line with URL and credentials; after the signal it exits with 0, and the next one knows the post."""
    path = tmp_path / "state.json"
    with process("0", str(path)) as (running, printed):
        headers = {"Authorization": f"Bearer {printed['oauth2_access_token']}"}
        with requests.post(f"{printed['url']}/2/tweets", json={"text": "hi"}, headers=headers, timeout=10) as answer:
            assert answer.status_code == 201
        running.send_signal(number)
        assert running.wait(20) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    with process("0", str(path)) as (running, again):
        assert {**printed, "url": ""} == {**again, "url": ""}
        with requests.get(f"{again['url']}/_sandbox/posts", timeout=10) as answer:
            assert [post["text"] for post in answer.json()] == ["hi"]
        running.send_signal(number)
        assert running.wait(20) == 0


def test_a_port_that_is_taken_and_a_state_that_is_none_are_said(
    server: SandboxServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 with one line on standard error that says what to do."""
    from songpost.lab.sandbox.server import main

    assert main(server.server_port) == 1
    assert f"port {server.server_port} on 127.0.0.1 cannot be used" in capsys.readouterr().err
    path = tmp_path / "state.json"
    path.write_text("nonsense")
    assert main(0, path) == 1
    assert "state.json: cannot be read as JSON" in capsys.readouterr().err
    assert path.read_text() == "nonsense"
