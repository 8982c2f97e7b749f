"""Credentials: read from variables, masked, told apart by a hash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from songpost.errors import CredentialsError, VariableError
from songpost.x import open_client
from songpost.x.credentials import OAuth1, OAuth2, from_env
from tests.unit.x.conftest import CREDENTIALS, PaperX

KEYS = {
    "X_API_KEY": "key-1",
    "X_API_SECRET": "secret-2",
    "X_ACCESS_TOKEN": "123-token-3",
    "X_ACCESS_SECRET": "secret-4",
}


def test_four_variables_make_oauth1() -> None:
    """The `tweepy` mode reads four variables; the user's id is part of the token."""
    credentials = from_env(KEYS, "tweepy")

    expected = OAuth1(api_key="key-1", api_secret="secret-2", access_token="123-token-3", access_secret="secret-4")
    assert expected == credentials
    assert "123" == credentials.user_id


@pytest.mark.parametrize("variable", KEYS)
@pytest.mark.parametrize("value", ["", "two words", "line\n", "käse", "\u200b"])
def test_a_variable_that_is_no_key_is_named_and_not_shown(variable: str, value: str) -> None:
    """A missing or mistyped variable is named, and nothing of any value is shown."""
    with pytest.raises(VariableError, match=variable) as caught:
        from_env({**KEYS, variable: value}, "tweepy")
    shown = str(caught.value)
    assert [] == [secret for secret in (*KEYS.values(), value.strip()) if secret and secret in shown]


def test_oauth2_has_sensible_defaults() -> None:
    """A public client needs an id alone; the redirect URI and the token file have places."""
    expected = OAuth2(
        client_id="c", redirect_uri="http://127.0.0.1:8765/callback", token_file=Path("data/x-token.json")
    )
    assert expected == from_env({"X_CLIENT_ID": "c"}, "oauth2")


def test_oauth2_reads_its_variables() -> None:
    """A confidential client, a redirect URI and a token file of one's own."""
    environ = {
        "X_CLIENT_ID": "c",
        "X_CLIENT_SECRET": "s",
        "X_REDIRECT_URI": "http://localhost:9000/x",
        "X_TOKEN_FILE": "/tmp/t",  # noqa: S108 - only a name
    }
    expected = OAuth2(
        client_id="c",
        client_secret="s",
        redirect_uri="http://localhost:9000/x",
        token_file=Path("/tmp/t"),  # noqa: S108
    )
    assert expected == from_env(environ, "oauth2")


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1:1/x",
        "http://example.org:80/x",
        "http://127.0.0.1/x",
        "http://127.0.0.1:x/",
        "nonsense",
        "http://[::1",
    ],
)
def test_a_redirect_uri_leads_to_this_machine(uri: str) -> None:
    """Only plain HTTP on a loopback port can be waited on."""
    with pytest.raises(VariableError, match="X_REDIRECT_URI"):
        from_env({"X_CLIENT_ID": "c", "X_REDIRECT_URI": uri}, "oauth2")


def test_a_mode_that_does_not_exist_is_named() -> None:
    """Another mode than the two is refused by the variable's name."""
    with pytest.raises(VariableError, match="X_AUTH_MODE"):
        from_env(KEYS, "")


@pytest.mark.parametrize(
    ("token", "user_id"), [("123-x", "123"), ("x-123", ""), ("123", ""), ("-x", ""), ("\u0661-x", "")]
)
def test_a_token_that_does_not_tell_its_user_tells_nothing(token: str, user_id: str) -> None:
    """The id is taken from a token of X's form alone."""
    assert user_id == replace(CREDENTIALS, access_token=token).user_id


def test_the_hash_tells_a_change_and_nothing_else() -> None:
    """Other keys or another token give another hash, which holds none of them."""
    app, token = replace(CREDENTIALS, api_key="other"), replace(CREDENTIALS, access_token="1-other")
    digests = {CREDENTIALS.digest, app.digest, token.digest, OAuth2(client_id="c").digest}
    assert 4 == len(digests)
    assert replace(CREDENTIALS).digest == CREDENTIALS.digest
    assert 16 == len(CREDENTIALS.digest)


@pytest.mark.parametrize("credentials", [CREDENTIALS, OAuth2(client_id="client-id", client_secret="client-secret")])
def test_nothing_of_credentials_is_shown(credentials: OAuth1 | OAuth2) -> None:
    """`repr` and `str` hold none of the secrets."""
    shown = repr(credentials) + str(credentials)
    assert [] == [secret for secret in credentials.secrets if secret in shown]


def test_oauth2_without_tokens_asks_for_consent(paper: PaperX) -> None:
    """A client of OAuth 2.0 without tokens says what to do."""
    with pytest.raises(CredentialsError, match="songpost authorize"):
        open_client(OAuth2(client_id="c"), clock=paper.clock, sleep=paper.sleep, transport=paper)


def test_a_client_of_oauth1_knows_its_user(paper: PaperX) -> None:
    """The user's id comes from the token, unless another is given."""
    ports = {"clock": paper.clock, "sleep": paper.sleep}
    assert "1234567" == open_client(CREDENTIALS, transport=paper, **ports).user_id  # type: ignore[arg-type]
    assert "9" == open_client(CREDENTIALS, user_id="9", transport=paper, **ports).user_id  # type: ignore[arg-type]
