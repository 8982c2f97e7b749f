"""Unit tests are pure: a test that opens a socket, Unix sockets included, fails."""

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(socket_disabled: None) -> None:
    """Every test of this folder runs with sockets refused."""
