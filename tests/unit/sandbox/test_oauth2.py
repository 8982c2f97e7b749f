"""OAuth 2.0: tokens that run out, scopes, refresh tokens that are good once, and the way to get a pair."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from songpost.lab.sandbox import Request, Response, VirtualClock
from songpost.lab.sandbox.wire import JSON, as_dict
from tests.unit.sandbox.calling import Caller, detail

TOKEN = "/2/oauth2/token"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://127.0.0.1:8765/callback"
SCOPES = "tweet.read tweet.write users.read offline.access"


@pytest.fixture
def nobody(make: Callable[..., Caller]) -> Caller:
    """Someone without a credential of the API, in front of a sandbox."""
    return make(mode="none")


def basic(caller: Caller, secret: str | None = None) -> dict[str, str]:
    """The Authorization header of the confidential client."""
    known = caller.sandbox.credentials()
    pair = f"{known.client_id}:{secret or known.client_secret}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def me(caller: Caller, token: str) -> int:
    """The status of a call with an access token."""
    request = Request("GET", "https://api.x.com/2/users/me", {"Authorization": f"Bearer {token}"})
    return caller.sandbox.handle(request).status


def asked(caller: Caller, **changes: str) -> dict[str, str]:
    """The parameters of an authorization link, some of them changed."""
    fields = {
        "response_type": "code",
        "client_id": caller.sandbox.credentials().client_id,
        "redirect_uri": REDIRECT,
        "scope": SCOPES,
        "state": "the state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {**fields, **changes}


def allowed(caller: Caller, **changes: str) -> str:
    """The code that comes back when the user presses the button."""
    response = caller("POST", "/i/oauth2/authorize", form={**asked(caller, **changes), "decision": "allow"})
    assert response.status == 302
    back = parse_qs(urlsplit(response.headers["location"]).query)
    assert back["state"] == ["the state"]
    return back["code"][0]


def exchange(caller: Caller, code: str, **changes: str) -> Response:
    """The exchange of a code by the confidential client."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    return caller("POST", TOKEN, form={**form, **changes}, headers=basic(caller))


def refresh(caller: Caller, token: str) -> Response:
    """A refresh by the confidential client."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return caller("POST", TOKEN, form=form, headers=basic(caller))


def body(response: Response) -> dict[str, JSON]:
    """The pair that came back."""
    assert response.status == 200, response.body
    return as_dict(response.json())


def test_an_access_token_runs_out_after_two_hours(nobody: Caller, clock: VirtualClock) -> None:
    """A second before two hours it is good, at two hours it is a 401."""
    token = nobody.sandbox.credentials().oauth2_access_token
    clock.advance(7_199)
    assert me(nobody, token) == 200
    clock.advance(1)
    assert me(nobody, token) == 401


def test_a_refresh_gives_a_new_pair_and_kills_the_old(nobody: Caller) -> None:
    """The new access token works, the old one does not."""
    old = nobody.sandbox.credentials()
    new = body(refresh(nobody, old.oauth2_refresh_token))
    assert new["expires_in"] == 7_200
    assert new["token_type"] == "bearer"
    assert me(nobody, str(new["access_token"])) == 200
    assert me(nobody, old.oauth2_access_token) == 401


def test_a_refresh_token_that_is_used_twice_revokes_its_family(nobody: Caller) -> None:
    """The second use is a 400, and the pair of the first use dies with it."""
    spent = nobody.sandbox.credentials().oauth2_refresh_token
    new = body(refresh(nobody, spent))
    again = refresh(nobody, spent)
    assert again.status == 400
    assert detail(again) == "Value passed for the token was invalid."
    assert me(nobody, str(new["access_token"])) == 401
    assert refresh(nobody, str(new["refresh_token"])).status == 400


def test_an_expired_refresh_token_is_refused(nobody: Caller, clock: VirtualClock) -> None:
    """After its life a refresh token is a 400."""
    token = nobody.sandbox.credentials().oauth2_refresh_token
    clock.advance(180 * 86_400)
    assert refresh(nobody, token).status == 400


def test_the_way_to_a_pair(nobody: Caller) -> None:
    """Page, button, code, exchange: the pair acts for the account and holds the scopes that were asked for."""
    page = nobody.get("/i/oauth2/authorize", **asked(nobody))
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert b'value="allow"' in page.body
    pair = body(exchange(nobody, allowed(nobody)))
    assert set(str(pair["scope"]).split()) == set(SCOPES.split())
    assert me(nobody, str(pair["access_token"])) == 200
    assert body(refresh(nobody, str(pair["refresh_token"])))["access_token"] != pair["access_token"]


def test_a_user_who_cancels_sends_a_refusal_back(nobody: Caller) -> None:
    """Cancel comes back as access_denied with the state."""
    response = nobody("POST", "/i/oauth2/authorize", form={**asked(nobody), "decision": "cancel"})
    back = parse_qs(urlsplit(response.headers["location"]).query)
    assert back == {"error": ["access_denied"], "state": ["the state"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_type", "token"),
        ("client_id", "unknown"),
        ("redirect_uri", "https://evil.example/callback"),
        ("scope", "tweet.read everything"),
        ("state", ""),
        ("state", "s" * 501),
        ("code_challenge", "short"),
        ("code_challenge_method", "plain"),
    ],
)
def test_a_bad_link_shows_what_is_wrong(nobody: Caller, name: str, value: str) -> None:
    """Neither the page nor the button goes on with a wrong parameter, and nothing is sent to the redirect."""
    changed = asked(nobody, **{name: value})
    for response in (
        nobody.get("/i/oauth2/authorize", **changed),
        nobody("POST", "/i/oauth2/authorize", form={**changed, "decision": "allow"}),
    ):
        assert response.status == 400
        assert "location" not in response.headers
        assert b"Something went wrong" in response.body


def test_only_registered_redirects_are_followed(make: Callable[..., Caller]) -> None:
    """With a list of redirects the match is exact."""
    caller = make(mode="none", redirect_uris=(REDIRECT,))
    assert caller.get("/i/oauth2/authorize", **asked(caller)).status == 200
    other = asked(caller, redirect_uri=REDIRECT + "/")
    assert caller.get("/i/oauth2/authorize", **other).status == 400


def test_a_code_lives_thirty_seconds(nobody: Caller, clock: VirtualClock) -> None:
    """At 29 seconds it is good, at 30 it is not."""
    first, second = allowed(nobody), allowed(nobody)
    clock.advance(29)
    assert exchange(nobody, first).status == 200
    clock.advance(1)
    assert exchange(nobody, second).status == 400


def test_a_code_is_good_once_and_a_second_use_revokes_the_pair(nobody: Caller) -> None:
    """A code that turns up again was stolen: its pair dies."""
    code = allowed(nobody)
    pair = body(exchange(nobody, code))
    assert exchange(nobody, code).status == 400
    assert me(nobody, str(pair["access_token"])) == 401


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "w" * 64}, {"code_verifier": "short"}, {"redirect_uri": REDIRECT + "x"}, {"code": "other"}],
)
def test_an_exchange_must_match_what_was_asked(nobody: Caller, changes: dict[str, str]) -> None:
    """A wrong verifier, redirect or code gets no pair, and the code may still be used rightly."""
    code = allowed(nobody)
    assert exchange(nobody, **{"code": code, **changes}).status == 400
    assert exchange(nobody, code).status == 200


def test_without_offline_access_there_is_no_refresh_token(nobody: Caller) -> None:
    """The pair comes without one when the scope was not asked for."""
    pair = body(exchange(nobody, allowed(nobody, scope="tweet.read users.read")))
    assert "refresh_token" not in pair


def test_a_public_client_names_itself_in_the_body(nobody: Caller) -> None:
    """It needs no secret for the exchange nor for the refresh."""
    public = nobody.sandbox.credentials().public_client_id
    form = {"redirect_uri": REDIRECT, "code_verifier": VERIFIER, "client_id": public}
    code = allowed(nobody, client_id=public)
    pair = body(nobody("POST", TOKEN, form={**form, "grant_type": "authorization_code", "code": code}))
    form = {"grant_type": "refresh_token", "refresh_token": str(pair["refresh_token"]), "client_id": public}
    assert nobody("POST", TOKEN, form=form).status == 200


@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        ({}, {"client_id": "confidential"}, 401),
        ({}, {"client_id": "unknown"}, 400),
        ({}, {}, 400),
        ({"Authorization": "Basic wrong"}, {}, 401),
        ({"Authorization": "Basic !!!"}, {}, 401),
    ],
)
def test_a_client_that_does_not_prove_itself_gets_nothing(
    nobody: Caller, headers: dict[str, str], form: dict[str, str], status: int
) -> None:
    """A confidential client without Basic, a wrong secret or an unknown name is refused, and no token is spent."""
    known = nobody.sandbox.credentials()
    form = {name: known.client_id if value == "confidential" else value for name, value in form.items()}
    sent = {"grant_type": "refresh_token", "refresh_token": known.oauth2_refresh_token, **form}
    assert nobody("POST", TOKEN, form=sent, headers=headers).status == status
    assert refresh(nobody, known.oauth2_refresh_token).status == 200


def test_a_wrong_secret_is_refused(nobody: Caller) -> None:
    """The client's secret is compared whole."""
    form = {"grant_type": "refresh_token", "refresh_token": nobody.sandbox.credentials().oauth2_refresh_token}
    assert nobody("POST", TOKEN, form=form, headers=basic(nobody, "wrong")).status == 401


def test_another_clients_token_is_refused(nobody: Caller) -> None:
    """A public client cannot refresh the pair of the confidential one."""
    known = nobody.sandbox.credentials()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": known.oauth2_refresh_token,
        "client_id": known.public_client_id,
    }
    assert nobody("POST", TOKEN, form=form).status == 400


def test_an_unknown_grant_type_is_refused(nobody: Caller) -> None:
    """Only a code or a refresh token is taken."""
    assert nobody("POST", TOKEN, form={"grant_type": "password"}, headers=basic(nobody)).status == 400


@pytest.mark.parametrize("which", ["oauth2_access_token", "oauth2_refresh_token"])
def test_revoking_either_token_kills_the_pair(nobody: Caller, which: str) -> None:
    """After a revocation the access token is a 401 and the refresh token a 400."""
    known = nobody.sandbox.credentials()
    revoked = nobody("POST", "/2/oauth2/revoke", form={"token": str(getattr(known, which))}, headers=basic(nobody))
    assert revoked.json() == {"revoked": True}
    assert me(nobody, known.oauth2_access_token) == 401
    assert refresh(nobody, known.oauth2_refresh_token).status == 400
    assert nobody("POST", "/2/oauth2/revoke", form={"token": "other"}, headers=basic(nobody)).status == 400


def test_a_missing_scope_is_a_403(nobody: Caller) -> None:
    """A pair without tweet.write reads but does not post."""
    pair = body(exchange(nobody, allowed(nobody, scope="tweet.read users.read")))
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert nobody("GET", "/2/users/me", headers=headers).status == 200
    assert nobody("POST", "/2/tweets", {"text": "hello"}, headers=headers).status == 403
    assert nobody.sandbox.posts() == []


def test_the_apps_own_token_cannot_act_for_a_user(make: Callable[..., Caller]) -> None:
    """The bearer token of the app is refused where a user is needed, with the types that would do."""
    refused = make(mode="app").post("hello")
    assert refused.status == 403
    assert b"unsupported-authentication" in refused.body


def test_the_log_shows_no_token_and_yet_tells_them_apart(nobody: Caller) -> None:
    """What was sent to the token endpoint is kept as a fingerprint: the same token twice looks the same."""
    known = nobody.sandbox.credentials()
    refresh(nobody, known.oauth2_refresh_token)
    refresh(nobody, known.oauth2_refresh_token)
    first, second = nobody.sandbox.requests("POST /2/oauth2/token")
    assert first.body == second.body
    assert "sha256" in first.body
    assert known.oauth2_refresh_token not in repr(nobody.sandbox.requests())
