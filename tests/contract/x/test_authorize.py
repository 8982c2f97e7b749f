"""The consent of OAuth 2.0 on loopback, against the sandbox: a browser of a few lines, and all that disturbs it."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from songpost.endpoints import OWNER_SCOPES
from songpost.errors import CredentialsError, NotSent, VariableError
from songpost.lab.sandbox import Sandbox
from songpost.lab.sandbox.server import SandboxServer
from songpost.x.authorize import authorize
from songpost.x.credentials import OAuth2
from songpost.x.tokens import Pair
from tests.contract.x.conftest import network, now


def free_port() -> int:
    """Find a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def get(url: str) -> int:
    """Fetch a page; give its status."""
    return requests.get(url, timeout=10).status_code


@dataclass
class Browser:
    """Opens X's page, does something first, and presses a button; its thread is joined by the test."""

    decision: str = "allow"
    before: Callable[[str, str], None] = lambda _redirect, _state: None
    pages: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    thread: threading.Thread | None = None

    def open(self, url: str) -> None:
        """Go to work while the program waits."""
        self.pages.append(url)
        self.thread = threading.Thread(target=self._work, args=(url,), daemon=True)
        self.thread.start()

    def _work(self, url: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.before(asked["redirect_uri"], asked["state"])
        assert "Authorize app" in requests.get(url, timeout=10).text
        form = {**asked, "username": "songpost", "decision": self.decision}
        # The button answers with a redirect to the program's own port, which is followed as a browser does.
        page = requests.post(url.partition("?")[0], data=form, timeout=10)
        self.statuses.append(page.status_code)
        self.shown.append(page.text)


def client(sandbox: Sandbox, *, public: bool = False) -> OAuth2:
    """A confidential or a public client that waits on a free port."""
    keys = sandbox.credentials()
    return OAuth2(
        client_id=keys.public_client_id if public else keys.client_id,
        client_secret="" if public else keys.client_secret,
        redirect_uri=f"http://127.0.0.1:{free_port()}/callback",
    )


def consent(
    sandbox: Sandbox, server: SandboxServer, browser: Browser, *, public: bool = False, wait_seconds: float = 20.0
) -> Pair:
    """Run the flow with a confidential or a public client."""
    with network(server.url) as transport:
        pair = authorize(
            client(sandbox, public=public),
            open_page=browser.open,
            transport=transport,
            clock=now,
            base_url=server.url,
            wait_seconds=wait_seconds,
        )
    assert browser.thread is not None
    browser.thread.join(10)
    return pair


@pytest.mark.parametrize("public", [False, True], ids=["confidential", "public"])
def test_a_consent_gives_a_pair_that_works(sandbox: Sandbox, server: SandboxServer, *, public: bool) -> None:
    """Both kinds of client get a pair with the scopes that were asked for; the browser sees a friendly page."""
    browser = Browser()

    pair = consent(sandbox, server, browser, public=public)

    assert set(OWNER_SCOPES) == set(pair.scopes)
    assert (1, True, [200]) == (pair.generation, bool(pair.refresh_token), browser.statuses)
    asked = parse_qs(urlsplit(browser.pages[0]).query)
    assert ["S256"] == asked["code_challenge_method"]
    assert 43 == len(asked["code_challenge"][0])


def test_strangers_do_not_disturb_the_waiting_page(sandbox: Sandbox, server: SandboxServer) -> None:
    """A favicon, a wrong state, a missing one and a spare silent connection are survived."""
    seen: list[int] = []
    spare: list[socket.socket] = []

    def disturb(redirect: str, state: str) -> None:
        uri = urlsplit(redirect)
        spare.append(socket.create_connection(("127.0.0.1", uri.port or 0)))
        seen.extend(
            [
                get(f"http://{uri.netloc}/favicon.ico"),
                get(f"{redirect}?code=stolen&state=wrong"),
                get(f"{redirect}?code=stolen&state={state[:-1]}"),
                get(f"{redirect}?code=stolen"),
                get(f"{redirect}?error=access_denied&state=%C3%A9"),
            ]
        )

    pair = consent(sandbox, server, Browser(before=disturb))

    spare[0].close()
    assert ([404, 400, 400, 400, 400], True) == (seen, bool(pair.access_token))


def test_a_person_who_says_no_is_believed(sandbox: Sandbox, server: SandboxServer) -> None:
    """X's `access_denied` ends the flow with what to do, and the browser does not speak of a consent."""
    browser = Browser(decision="cancel")

    with pytest.raises(CredentialsError, match="access_denied"):
        consent(sandbox, server, browser)

    assert browser.thread is not None
    browser.thread.join(10)
    assert [200] == browser.statuses
    assert "Nothing was allowed" in browser.shown[0]
    assert "go back to the terminal" in browser.shown[0]


@pytest.mark.parametrize("decision", ["allow", "cancel"])
def test_the_browser_has_its_page_before_the_program_goes_on(
    sandbox: Sandbox, server: SandboxServer, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    """The command may end with the next step: a page that is not yet on its way by then would never come."""
    gone_on = threading.Event()
    before: list[bool] = []
    write = socketserver._SocketWriter.write  # type: ignore[attr-defined]  # the standard library's end of the wire

    def slowly(self: object, body: bytes) -> int:
        if b"terminal" in body:
            before.append(gone_on.wait(0.5))
        return int(write(self, body))

    monkeypatch.setattr(socketserver._SocketWriter, "write", slowly)  # type: ignore[attr-defined]
    browser = Browser(decision)
    with network(server.url) as transport, suppress(CredentialsError):
        authorize(client(sandbox), open_page=browser.open, transport=transport, clock=now, base_url=server.url)
    gone_on.set()
    assert browser.thread is not None
    browser.thread.join(10)

    assert [False] == before


def test_a_browser_that_hung_up_is_heard_without_a_traceback(
    sandbox: Sandbox, server: SandboxServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """A browser that asks and hangs up is believed all the same, and the terminal shows nothing of it."""

    def hang_up(url: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        uri = urlsplit(asked["redirect_uri"])
        with socket.create_connection(("127.0.0.1", uri.port or 0)) as gone:
            # Closing with nothing lingering resets the connection: whatever is written to it fails.
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.sendall(f"GET {uri.path}?error=access_denied&state={asked['state']} HTTP/1.1\r\n\r\n".encode())

    with network(server.url) as transport, pytest.raises(CredentialsError, match="access_denied"):
        authorize(client(sandbox), open_page=hang_up, transport=transport, clock=now, wait_seconds=10)
    assert "Traceback" not in capfd.readouterr().err


def test_the_wait_has_an_end(sandbox: Sandbox, server: SandboxServer) -> None:
    """Where nobody answers the flow ends, and the port is free again."""
    keys = sandbox.credentials()
    port = free_port()
    credentials = OAuth2(client_id=keys.client_id, redirect_uri=f"http://127.0.0.1:{port}/callback")
    with network(server.url) as transport, pytest.raises(CredentialsError, match=r"within 0\.2 s"):
        authorize(credentials, open_page=lambda _: None, transport=transport, clock=now, wait_seconds=0.2)
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_named(sandbox: Sandbox, server: SandboxServer) -> None:
    """A redirect URI whose port another program has is refused by the variable's name."""
    opened: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        redirect = f"http://127.0.0.1:{listener.getsockname()[1]}/callback"
        credentials = OAuth2(client_id=sandbox.credentials().client_id, redirect_uri=redirect)
        with network(server.url) as transport, pytest.raises(VariableError, match="X_REDIRECT_URI"):
            authorize(credentials, open_page=opened.append, transport=transport, clock=now)
    assert [] == opened


def test_a_code_that_lived_too_long_is_not_taken(sandbox: Sandbox, server: SandboxServer) -> None:
    """X's refusal of a code says to begin again."""
    sandbox.change(replace(sandbox.rules, code_seconds=0.0))

    with pytest.raises(CredentialsError, match="did not take the code"):
        consent(sandbox, server, Browser())


def test_a_consent_without_offline_access_is_not_enough(sandbox: Sandbox, server: SandboxServer) -> None:
    """A pair without a refresh token would end in two hours: it is refused."""
    keys = sandbox.credentials()
    credentials = OAuth2(
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        redirect_uri=f"http://localhost:{free_port()}/callback",
    )
    with network(server.url) as transport, pytest.raises(CredentialsError, match="offline"):
        authorize(
            credentials,
            open_page=Browser().open,
            transport=transport,
            clock=now,
            base_url=server.url,
            scopes=("tweet.read", "users.read"),
        )


def test_x_that_is_away_during_the_exchange_is_told(sandbox: Sandbox, server: SandboxServer) -> None:
    """A consent that cannot be exchanged because X is away ends with the wire's own error."""
    keys = sandbox.credentials()
    credentials = OAuth2(client_id=keys.client_id, redirect_uri=f"http://127.0.0.1:{free_port()}/callback")
    with network(f"http://127.0.0.1:{free_port()}") as nowhere, pytest.raises(NotSent):
        authorize(credentials, open_page=Browser().open, transport=nowhere, clock=now, base_url=server.url)
