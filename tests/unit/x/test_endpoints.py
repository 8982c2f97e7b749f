"""The table of endpoints: complete, consistent, and what the client follows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from songpost import endpoints
from songpost.core import policy
from songpost.endpoints import BY_KIND, CREATE_POST, ENDPOINTS, Endpoint, Lost, Retry
from songpost.model import CREATES, Kind, PriceClass
from songpost.settings import Plan, Settings
from songpost.x.acting import WRITES
from songpost.x.client import Client

ALL = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS.keys())


@ALL
def test_a_write_is_fresh_and_a_read_is_safe(endpoint: Endpoint) -> None:
    """Writes get a connection of their own and are repeated only unsent; reads are repeated and harmless."""
    if endpoint.is_read:
        assert (False, Retry.SAFE, Lost.HARMLESS) == (endpoint.fresh, endpoint.retry, endpoint.lost)
    else:
        assert endpoint.fresh


@ALL
def test_whatever_can_happen_twice_is_never_repeated(endpoint: Endpoint) -> None:
    """Only what is harmless to lose may be asked for again by itself."""
    assert endpoint.lost is Lost.HARMLESS or endpoint.retry is Retry.UNSENT


def test_creating_a_post_is_the_only_open_call_on_the_account() -> None:
    """A lost create can only be told by the timeline; besides it, only a token's fate is open."""
    assert ["create_post", "token"] == [one.name for one in ENDPOINTS.values() if one.lost is Lost.OPEN]


@ALL
def test_every_row_is_a_method_or_a_step(endpoint: Endpoint) -> None:
    """Each name is a method of the client, a step of an upload, or the refresh of a token."""
    assert endpoint.name.startswith("media_") or endpoint.name == "token" or hasattr(Client, endpoint.name)


def test_a_bucket_is_named_after_its_endpoint_and_window() -> None:
    """Buckets carry method, path pattern and window."""
    assert "POST /2/tweets:user15" == CREATE_POST.bucket("user15")


def test_what_is_free_is_stated() -> None:
    """Only uploads, the app's usage and tokens cost nothing."""
    free = {one.name for one in ENDPOINTS.values() if one.price is PriceClass.FREE}
    assert {"media_initialize", "media_append", "media_finalize", "media_status", "usage", "token"} == free


def test_a_dry_run_can_read_the_table_without_the_network_stack() -> None:
    """The table, the nouns, the credentials and the package itself import neither tweepy nor requests nor ssl."""
    code = (
        "import sys, songpost.x, songpost.endpoints, songpost.x.nouns, songpost.x.credentials, songpost.x.limits\n"
        "print([name for name in ('tweepy', 'requests', 'urllib3', 'tenacity', 'ssl', 'http.client', 'botocore')"
        " if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == shown.stdout


@pytest.mark.parametrize(
    ("plan", "more"),
    [(Plan.PAY_PER_USE, set()), (Plan.FREE, set()), (Plan.ENTERPRISE, {"like.write", "follows.write"})],
)
def test_a_person_is_asked_for_no_more_than_the_plan_can_use(plan: Plan, more: set[str]) -> None:
    """Likes and follows are scopes of their own: they are asked for where the plan permits them, and nowhere else."""
    settings = Settings(topics=("bread",), plan=plan)

    assert more == set(endpoints.scopes_for(policy.open_kinds(settings))) - set(endpoints.OWNER_SCOPES)


def test_every_kind_that_is_priced_can_be_carried_out() -> None:
    """The table that admission prices by and the one that X is called by know the same kinds."""
    assert set(BY_KIND) == set(CREATES) | set(WRITES)
    assert set(Kind) - {Kind.READ} == set(BY_KIND)
