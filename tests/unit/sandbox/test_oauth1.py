"""OAuth 1.0a: whose signature holds, over which address, and what breaks it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from oauthlib.oauth1 import Client as Signer

from songpost.lab.sandbox import Request, Sandbox
from songpost.lab.sandbox.oauth1 import normalised, signature
from tests.unit.sandbox.calling import Caller, data

ME = "/2/users/me"


def signed(sandbox: Sandbox, url: str, *, signed_url: str | None = None, **changes: str) -> Request:
    """A GET to one address, signed over another; `changes` spoil a credential."""
    known = sandbox.credentials()
    names = ("api_key", "api_secret", "access_token", "access_secret")
    signer = Signer(*(changes.get(name, str(getattr(known, name))) for name in names))
    header = signer.sign(signed_url or url, "GET")[1]["Authorization"]
    return Request("GET", url, {"authorization": str(header)})


def test_the_worked_example_of_the_documentation_gives_its_signature() -> None:
    """The signature is the one that X's own guide to creating a signature arrives at."""
    fields = {
        "status": "Hello Ladies + Gentlemen, a signed OAuth request!",
        "include_entities": "true",
        "oauth_consumer_key": "xvz1evFS4wEEPTGEFPHBog",
        "oauth_nonce": "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1318622958",
        "oauth_token": "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "oauth_version": "1.0",
    }
    secrets = ("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE")
    url = "https://api.twitter.com/1.1/statuses/update.json"
    assert signature("post", url, normalised(list(fields.items())), secrets) == "hCtSmYh+iHYCEqBWrE7C7hYmtUk="


@pytest.mark.parametrize("over", ["https://api.twitter.com", "https://api.x.com", "http://127.0.0.1:8123"])
def test_a_signature_holds_over_either_host_of_x_and_over_the_real_one(caller: Caller, over: str) -> None:
    """A client that is pointed elsewhere by an adapter still signs for X's host, and is let in."""
    request = signed(caller.sandbox, f"http://127.0.0.1:8123{ME}", signed_url=over + ME)
    assert caller.sandbox.handle(request).status == 200


def test_a_signature_over_another_host_is_refused(caller: Caller) -> None:
    """A signature made for somebody else's host is none."""
    request = signed(caller.sandbox, f"http://127.0.0.1:8123{ME}", signed_url=f"https://evil.example{ME}")
    assert caller.sandbox.handle(request).status == 401


@pytest.mark.parametrize("spoilt", ["api_key", "api_secret", "access_token", "access_secret"])
def test_each_of_the_four_secrets_counts(caller: Caller, spoilt: str) -> None:
    """With any one of the four wrong the call is a 401."""
    request = signed(caller.sandbox, f"https://api.x.com{ME}", **{spoilt: "x"})
    assert caller.sandbox.handle(request).status == 401


def test_the_query_is_part_of_the_signature(caller: Caller) -> None:
    """A query that was not signed spoils the call."""
    url = f"https://api.x.com{ME}"
    good = signed(caller.sandbox, f"{url}?user.fields=created_at")
    assert caller.sandbox.handle(good).status == 200
    bad = signed(caller.sandbox, f"{url}?user.fields=created_at", signed_url=url)
    assert caller.sandbox.handle(bad).status == 401


@pytest.mark.parametrize("seconds", [-330, 330])
def test_a_timestamp_far_off_is_refused(seconds: int) -> None:
    """A signature older or younger than five minutes is refused; it is made by the machine's clock, which runs on."""
    sandbox = Sandbox(unix_time=lambda: time.time() + seconds)
    assert sandbox.handle(signed(sandbox, f"https://api.x.com{ME}")).status == 401


@pytest.mark.parametrize("header", ["OAuth", "OAuth nonsense", 'OAuth oauth_token="a"', "Bearer None", "Basic abc", ""])
def test_a_header_that_proves_nothing_is_refused(caller: Caller, header: str) -> None:
    """Anything but a whole signature or a known token is a 401 with a problem document."""
    response = caller("GET", ME, headers={"Authorization": header})
    assert response.status == 401
    assert response.json() == {
        "title": "Unauthorized",
        "detail": "Unauthorized",
        "type": "about:blank",
        "status": 401,
    }


def test_an_app_that_was_thrown_out_is_refused(caller: Caller) -> None:
    """Once the user revokes the app, neither mode gets in."""
    tokens = caller.sandbox.credentials()
    caller.sandbox.actors.revoke_access("songpost")
    request = Request("GET", f"https://api.x.com{ME}", {"Authorization": f"Bearer {tokens.oauth2_access_token}"})
    assert caller.sandbox.handle(request).status == 401
    assert caller.get(ME).status == 401
    assert caller.sandbox.credentials().oauth2_access_token == ""


def test_a_read_only_app_cannot_write(make: Callable[..., Caller]) -> None:
    """OAuth 1.0a without write permission reads, and gets the 403 of its own on a write."""
    caller = make(oauth1_write=False)
    assert caller.get(ME).status == 200
    refused = caller.post("hello")
    assert refused.status == 403
    assert b"oauth1-permissions" in refused.body


def test_two_accounts_of_one_app_act_for_themselves(caller: Caller) -> None:
    """Each account's secrets act for that account alone."""
    caller.sandbox.add_account("second")
    second = Caller(caller.sandbox, "second")
    assert data(caller.get(ME))["username"] == "songpost"
    assert data(second.get(ME))["username"] == "second"
    caller.sandbox.actors.add_user("stranger")
    for name, said in (("stranger", "no access"), ("nobody", "nobody is called @nobody")):
        with pytest.raises(KeyError, match=said):
            caller.sandbox.credentials(name)


def test_a_signature_by_another_method_is_refused(caller: Caller) -> None:
    """PLAINTEXT proves nothing here, and a timestamp has digits."""
    header = caller._authorization("GET", f"https://api.twitter.com{ME}")
    for spoilt in (header.replace("HMAC-SHA1", "PLAINTEXT"), header.replace('timestamp="', 'timestamp="x')):
        assert caller("GET", ME, headers={"Authorization": spoilt}).status == 401
