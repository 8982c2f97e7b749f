"""The table of X's calls is the one that everybody reads: the sandbox serves each row, with the row's scopes, and the
page in the documents is made from it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.x_api_table import PAGE, page
from songpost.core import rate_limits
from songpost.endpoints import ENDPOINTS, Endpoint
from songpost.lab.sandbox.endpoints import API, OPEN
from songpost.settings import Plan

SERVED = {re.sub(r":\w+", ":id", endpoint.name): endpoint for endpoint in (*API, *OPEN)}


@pytest.mark.parametrize("call", ENDPOINTS.values(), ids=lambda call: call.name)
def test_the_sandbox_serves_every_call(call: Endpoint) -> None:
    """The sandbox has the endpoint, and asks for no scope that the table does not name."""
    served = SERVED[re.sub(r":\w+", ":id", call.key)]

    assert set() == set(served.scopes) - set(call.scopes)


def test_the_page_is_the_tables() -> None:
    """`scripts/x_api_table.py` would write what stands in docs/x-api.md."""
    assert page() == Path(PAGE).read_text()


@pytest.mark.parametrize("plan", Plan)
def test_default_limits_are_of_known_calls(plan: Plan) -> None:
    """No default limit stands for a call that the table does not have."""
    keys = {call.key for call in ENDPOINTS.values()}

    assert set(rate_limits.ENDPOINTS.values()) | {rate_limits.ME, rate_limits.TIMELINE, rate_limits.POSTS} <= keys
    assert all(rate_limits.defaults(plan, key) for key in rate_limits.ENDPOINTS.values())
