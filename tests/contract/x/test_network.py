"""The wire itself, against a server that misbehaves: what is sent, how long is waited, what is told apart."""

from __future__ import annotations

import contextlib
import gc
import http.client
import os
import socket
import ssl
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from songpost.errors import NotSent, OutcomeOpen, VariableError
from songpost.x.network import NetworkTransport
from tests.contract.x.conftest import answering, dripping, network, now, request, serving, silent
from tests.contract.x.conftest import http as answer


def test_a_request_goes_out_whole_and_its_answer_comes_back() -> None:
    """Method, path, query, headers and body arrive as signed; status, headers and body come back."""
    created = answer("201 Created", b'{"data": 1}', "X-Rate-Limit-Limit: 100")
    with serving(answering(created)) as server, network(server.url) as transport:
        got = transport.send(request(path="/2/tweets?a=b%20c"))

    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert "POST /2/tweets?a=b%20c HTTP/1.1" == lines[0]
    assert {
        f"Host: 127.0.0.1:{server.port}",
        "Authorization: OAuth secret",
        "Content-Type: application/json",
        "Accept-Encoding: identity",
        "Content-Length: 17",
    } == set(lines[1:])
    assert b'{"text": "hello"}' == body
    assert (201, "100", b'{"data": 1}') == (got.status, got.headers["x-rate-limit-limit"], got.body)


def test_the_path_of_a_base_url_is_kept_in_front() -> None:
    """A proxy under a path gets the API's path behind its own."""
    with serving(answering(answer("200 OK"))) as server, network(server.url + "/x/") as transport:
        transport.send(request("GET", "/2/users/me"))
    assert server.heard[0].startswith(b"GET /x/2/users/me HTTP/1.1\r\n")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_no_redirect_is_followed(status: str) -> None:
    """A redirect is an answer like any other: the post is not sent a second time."""
    there = answer(status, b"", "Location: /2/tweets")
    with serving(answering(there), answering(answer("201 Created"))) as server, network(server.url) as transport:
        got = transport.send(request())
    assert (int(status[:3]), 1) == (got.status, len(server.heard))


def test_the_send_deadline_is_checked_just_before_the_first_byte() -> None:
    """A deadline that passes while connecting sends nothing, and says so."""
    with serving(silent) as server:

        def clock() -> datetime:
            while server.behaviours:
                time.sleep(0.001)  # until the server has accepted the connection
            return now() + timedelta(seconds=60)

        transport = NetworkTransport(clock=clock, base_url=server.url)
        with pytest.raises(NotSent, match="send deadline"):
            transport.send(request())
    assert [] == server.heard


def test_a_refused_connection_is_not_sent() -> None:
    """Where nobody listens nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with network(f"http://127.0.0.1:{port}") as transport, pytest.raises(NotSent, match="no connection"):
        transport.send(request())


def test_a_name_that_does_not_resolve_is_not_sent() -> None:
    """A failing look-up sends nothing."""

    def lost(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
        raise socket.gaierror(socket.EAI_NONAME, f"{host}:{port}")

    transport = NetworkTransport(clock=now, resolve=lost)
    with pytest.raises(NotSent, match=r"no connection to api\.twitter\.com"):
        transport.send(request())


def test_a_look_up_that_hangs_is_left_behind() -> None:
    """The system's resolver cannot be interrupted, and still cannot hold a call beyond its connect time."""

    def hanging(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
        time.sleep(3)
        raise socket.gaierror(socket.EAI_AGAIN, f"{host}:{port}")

    transport = NetworkTransport(clock=now, resolve=hanging, connect_seconds=0.2)
    started = time.monotonic()
    with pytest.raises(NotSent, match="timed out"):
        transport.send(request())
    assert time.monotonic() - started < 2


def test_a_second_address_is_tried_when_the_first_is_dead() -> None:
    """A host with a dead first address is reached at its second, within the same connect time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()
    with serving(answering(answer("200 OK"))) as server:
        addresses = [(int(socket.AF_INET), dead), (int(socket.AF_INET), ("127.0.0.1", server.port))]
        with network(server.url, resolve=lambda _host, _port: addresses) as transport:
            assert 200 == transport.send(request()).status


DRIPS = {
    "the status line": (b"HTTP/1.1 20", b"0"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a body without an end": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize(("head", "drop"), DRIPS.values(), ids=DRIPS.keys())
def test_a_server_that_drips_cannot_hold_a_call(head: bytes, drop: bytes) -> None:
    """The total deadline ends a call though bytes keep coming; the outcome is open."""
    with serving(dripping(head, drop, 0.05)) as server, network(server.url) as transport:
        started = time.monotonic()
        with pytest.raises(OutcomeOpen):
            transport.send(request(within_seconds=0.5))
        took = time.monotonic() - started
    assert 1 == len(server.heard)
    assert took < 2


def test_a_server_that_is_silent_is_left_after_the_read_time() -> None:
    """Without a byte the read time ends the call, though the total deadline is far."""
    with serving(silent) as server, network(server.url, read_seconds=0.2) as transport:
        started = time.monotonic()
        with pytest.raises(OutcomeOpen, match="timed out"):
            transport.send(request(within_seconds=30.0))
    assert time.monotonic() - started < 3
    assert 1 == len(server.heard)


def test_a_server_that_does_not_read_cannot_hold_an_upload() -> None:
    """A body that the other side does not take ends with the deadline, and is open: some bytes have left."""
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, network(f"http://127.0.0.1:{listener.getsockname()[1]}") as transport:
        started = time.monotonic()
        with pytest.raises(OutcomeOpen, match="timed out"):
            transport.send(request(body=b"x" * 50_000_000, within_seconds=0.5))
    assert time.monotonic() - started < 3


BROKEN = {
    "closed without a word": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a body cut short": b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"data"',
    "a chunk cut short": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nabc",
    "a chunk that is no number": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_half_an_answer_leaves_the_outcome_open(data: bytes) -> None:
    """Whatever breaks after the first byte was sent leaves the outcome open, and is sent once."""
    behaviours = answering(data), answering(answer("201 Created"))
    with serving(*behaviours) as server, network(server.url) as transport, pytest.raises(OutcomeOpen):
        transport.send(request())
    assert 1 == len(server.heard)


def test_an_answer_larger_than_any_of_x_is_not_taken() -> None:
    """A body beyond the bound is not read into memory."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"

    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        with contextlib.suppress(OSError):
            connection.sendall(head + b" " * 20_000_000)

    with serving(flood) as server, network(server.url) as transport, pytest.raises(OutcomeOpen, match="larger"):
        transport.send(request(within_seconds=20.0))


def test_each_write_has_a_connection_of_its_own_and_reads_share_one() -> None:
    """A kept connection serves the next read, and never a write."""
    ok = answer("200 OK")
    # Each connection could carry one request more than it gets.
    behaviours = answering(ok, ok), answering(ok, ok, ok), answering(ok, ok)
    with serving(*behaviours) as server, network(server.url) as transport:
        for method in ("POST", "GET", "GET", "POST"):
            transport.send(request(method))
    assert [["POST"], ["GET", "GET"], ["POST"]] == list(server.carried.values())


def test_a_kept_connection_that_has_ended_is_not_used() -> None:
    """The next read notices that the server closed, and connects anew."""
    ok = answer("200 OK")
    with serving(answering(ok), answering(ok)) as server, network(server.url) as transport:
        transport.send(request("GET"))
        time.sleep(0.1)
        transport.send(request("GET"))
    assert ([], 2) == (server.behaviours, len(server.heard))


def test_an_answer_that_closes_is_not_kept() -> None:
    """`Connection: close` is believed."""
    closing = answer("200 OK", b"{}", "Connection: close")
    with serving(answering(closing), answering(closing)) as server, network(server.url) as transport:
        assert [200, 200] == [transport.send(request("GET")).status for _ in range(2)]
    assert [] == server.behaviours


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy of the environment nor a .netrc gets between the request and X."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serving(answering(answer("200 OK"))) as server, network(server.url) as transport:
        transport.send(request())
    assert b"Authorization: OAuth secret\r\n" in server.heard[0]


def test_http_client_says_nothing_though_told_to_talk(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program that turned on http.client's debugging does not make it print the Authorization header."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with serving(answering(answer("200 OK"))) as server, network(server.url) as transport:
        transport.send(request())
    assert "secret" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("url", ["http://example.org", "ftp://127.0.0.1", "http://", "http://127.0.0.1.example.org"])
def test_keys_go_unencrypted_to_loopback_alone(url: str) -> None:
    """Plain HTTP to another machine is refused by the variable's name."""
    with pytest.raises(VariableError, match="X_API_BASE_URL"):
        NetworkTransport(clock=now, base_url=url)


def test_a_certificate_that_nobody_vouches_for_is_not_sent(tmp_path: Path) -> None:
    """TLS to a server with a certificate of its own making fails before anything is sent."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate} 2>{os.devnull}"
    )
    assert 0 == os.system(command)  # noqa: S605 - fixed words
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    heard = []

    def shake(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            heard.append(context.wrap_socket(connection, server_side=True).recv(100))

    with serving(shake) as server:
        transport = NetworkTransport(clock=now, base_url=server.url.replace("http", "https"))
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            transport.send(request())
    assert b"secret" not in b"".join(heard)


def test_a_header_that_cannot_be_sent_is_not_sent() -> None:
    """A request that cannot be written out fails before its first byte."""
    with serving(silent) as server, network(server.url) as transport, pytest.raises(NotSent, match="not sent"):
        transport.send(request(headers={"Authorization": "\u2603"}))
    assert [] == server.heard


def test_time_that_is_over_sends_nothing() -> None:
    """With no time left there is not even a connection."""
    with serving(silent) as server, network(server.url) as transport, pytest.raises(NotSent, match="timed out"):
        transport.send(request(within_seconds=0.0))
    assert [] == server.heard


def test_a_transport_shows_its_host_alone() -> None:
    """`repr` names where it sends to."""
    assert "NetworkTransport(127.0.0.1:9)" == repr(NetworkTransport(clock=now, base_url="http://127.0.0.1:9/x"))
    assert "NetworkTransport(X)" == repr(NetworkTransport(clock=now))


def test_a_dropped_transport_closes_what_it_kept() -> None:
    """Who drops a transport need not close it: its idle connections end with it."""
    ended: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        answering(answer("200 OK"))(connection)
        connection.settimeout(5)
        ended.append(connection.recv(1))

    with serving(behave) as server:
        transport = NetworkTransport(clock=now, base_url=server.url)
        transport.send(request("GET"))
        del transport
        gc.collect()
    assert [b""] == ended
