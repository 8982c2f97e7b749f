"""A person's consent in a real browser becomes a pair of tokens that posts, and that nobody else can read."""

from __future__ import annotations

import json
import re
import shutil
import socket
import stat
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import NOON, House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_SECONDS = 120
"""Nothing is timed here: a browser's first page can be long in coming beside other tests on two cores."""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A headless Chromium of the machine's own; playwright never downloads one."""
    if CHROMIUM is None:
        pytest.skip("NOT RUN in a browser: install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def asking(house: House) -> House:
    """The house of an app with OAuth 2.0, and a free port to come back to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    redirect = f"http://127.0.0.1:{port}/callback"
    house.environ = {
        "X_AUTH_MODE": "oauth2",
        "X_CLIENT_ID": house.sandbox.told["client_id"],
        "X_CLIENT_SECRET": house.sandbox.told["client_secret"],
        "X_REDIRECT_URI": redirect,
        "X_TOKEN_FILE": "data/token.json",
    }
    house.may_hold_secrets = frozenset({"token.json"})
    return house


def consent(house: House, browser: object, button: str) -> tuple[int, str, str]:
    """Run `songpost authorize`, open the page that it names, and press a button on it."""
    process = house.start("authorize", "--no-browser", "--json")
    assert process.stderr is not None
    address = ""
    while not address:
        line = process.stderr.readline()
        assert line, "the command ended before it named a page"
        found = re.search(r"http://\S+", line)
        address = found[0] if found else ""
    page = browser.new_page()  # type: ignore[attr-defined]  # playwright is imported where Chromium is there
    page.goto(address)
    # A browser that has painted nothing yet, as on a machine with much else to do, may drop what a mouse does.
    page.get_by_role("button", name=button).dispatch_event("click")
    page.get_by_text("go back to the terminal").wait_for(timeout=PATIENCE_SECONDS * 1000)
    shown = page.inner_text("body")
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, shown


@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_consent_in_a_browser_posts(asking: House, browser: object, kind: str) -> None:
    """Authorize on X's page: the pair is kept with mode 0600, and the next tick posts with it."""
    if kind == "public":
        asking.environ |= {"X_CLIENT_ID": asking.sandbox.told["public_client_id"], "X_CLIENT_SECRET": ""}
    code, out, shown = consent(asking, browser, "Authorize app")

    assert 0 == code
    assert "has your consent" in shown
    assert 1 == json.loads(out)["generation"]
    token = asking.folder / "data" / "token.json"
    assert 0o600 == stat.S_IMODE(token.stat().st_mode)
    assert ["sent"] == [action["state"] for action in asking.tick(NOON)["actions"]]
    assert {"bearer"} == {request["scheme"].lower() for request in asking.sandbox.creates()}


def test_a_no_leaves_nothing_behind(asking: House, browser: object) -> None:
    """Cancel on X's page: the command says so and keeps no token."""
    code, _, shown = consent(asking, browser, "Cancel")

    assert 1 == code
    assert "Nothing was allowed" in shown
    assert not (asking.folder / "data" / "token.json").exists()


def test_a_port_that_is_taken_is_named(asking: House) -> None:
    """Where the redirect URI's port is in use, the variable is named."""
    port = int(re.findall(r":(\d+)/", asking.environ["X_REDIRECT_URI"])[0])
    with socket.create_server(("127.0.0.1", port)):
        said = asking.run("authorize", "--no-browser", code=2)

    assert "X_REDIRECT_URI" in said
    assert not (asking.folder / "data" / "token.json").exists()
