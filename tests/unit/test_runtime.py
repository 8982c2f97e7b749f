from __future__ import annotations

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.errors import VariableError
from songpost.runtime import Runtime, is_account


def refusal(**environ: str) -> str:
    """Why an environment is refused."""
    with pytest.raises(VariableError) as caught:
        Runtime.from_env(environ)
    assert caught.value.exit_code == 2
    assert caught.value.mend
    return str(caught.value)


def test_empty_environment_is_dry_and_local() -> None:
    """Without a single variable a run is dry, on SQLite, as the default account, against X itself."""
    runtime = Runtime.from_env({})

    assert runtime == Runtime()
    assert (True, "sqlite:///data/songpost.db", "default", "") == (
        runtime.dry_run,
        runtime.store,
        runtime.account,
        runtime.x_api_base_url,
    )


def test_every_variable_is_read() -> None:
    """Each variable lands in its field."""
    runtime = Runtime.from_env(
        {
            "SONGPOST_ACCOUNT": "shop-2",
            "DRY_RUN": "false",
            "SONGPOST_STORE": "dynamodb://table",
            "SONGPOST_SETTINGS": "my.yaml",
            "X_AUTH_MODE": "oauth2",
            "SONGPOST_PLAN": "basic",
            "SONGPOST_MONTHLY_BUDGET_USD": "12.50",
            "SONGPOST_CREDENTIALS_PATH": "/songpost/shop",
            "X_API_BASE_URL": "http://127.0.0.1:8080/",
            "ENABLE_TELEMETRY": "true",
            "AWS_LAMBDA_FUNCTION_NAME": "writer",
            "PATH": "/bin",
        }
    )

    assert runtime == Runtime(
        account="shop-2",
        dry_run=False,
        store="dynamodb://table",
        settings_path="my.yaml",
        auth_mode="oauth2",
        plan="basic",
        monthly_budget_usd=Decimal("12.50"),
        credentials_path="/songpost/shop",
        x_api_base_url="http://127.0.0.1:8080",
        telemetry=True,
        in_lambda=True,
    )
    with pytest.raises(FrozenInstanceError):
        runtime.dry_run = True  # type: ignore[misc]


NEAR_MISSES = (
    "", " ", "False", "FALSE", "fALSE", "false ", " false", "false\n", "\tfalse", "'false'", '"false"', "f", "no", "No",
    "n", "0", "00", "off", "null", "None", "nil", "live", "falsee", "fals", "false,", "!true", "true", "1",
    "\uff46alse", "f\u0430lse", "fal\u200bse", "false\x00", "\ufefffalse",
)  # fmt: skip


@pytest.mark.parametrize("value", NEAR_MISSES)
def test_only_the_exact_word_makes_a_run_live(value: str) -> None:
    """Whatever looks like false, and is not exactly `false`, leaves the run dry."""
    assert Runtime.from_env({"DRY_RUN": value}).dry_run


@given(value=st.text())
def test_any_other_text_is_dry(value: str) -> None:
    """A run is live for one value of `DRY_RUN`, and for no other."""
    assert (value != "false") == Runtime.from_env({"DRY_RUN": value}).dry_run


@pytest.mark.parametrize("name", ["dry_run", "DRYRUN", "DRY-RUN", "SONGPOST_DRY_RUN"])
def test_only_the_exact_variable_makes_a_run_live(name: str) -> None:
    """A variable of another name says nothing."""
    assert Runtime.from_env({name: "false"}).dry_run


@pytest.mark.parametrize("name", ["a", "default", "Shop_2.eu-west", "9", "x" * 64])
def test_account_names(name: str) -> None:
    """Short plain names are accounts."""
    assert name == Runtime.from_env({"SONGPOST_ACCOUNT": name}).account


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a/b", "..", ".a", "-a", "_a", "a\n", "é", "²", "a|b", "a#b", "x" * 65, "a\x00", "%61"]
)
def test_no_account_names(name: str) -> None:
    """What could break a key, a path or a table is no account's name, and the variable is named."""
    assert refusal(SONGPOST_ACCOUNT=name).startswith(f"SONGPOST_ACCOUNT: {name!r} is no account name — use 1 to 64")
    assert not is_account(name)


def test_function_needs_its_store_named() -> None:
    """In Lambda there is no default store; on a laptop an empty variable is as good as none."""
    told = refusal(AWS_LAMBDA_FUNCTION_NAME="writer")

    assert (
        "SONGPOST_STORE: is not set, and a function has no other place for its state — set it to dynamodb://TABLE"
    ) == told
    assert refusal(AWS_LAMBDA_FUNCTION_NAME="writer", SONGPOST_STORE="") == told
    assert Runtime().store == Runtime.from_env({"SONGPOST_STORE": ""}).store


@pytest.mark.parametrize("mode", ["OAuth2", "oauth", "tweepy ", "basic"])
def test_auth_mode_is_one_of_two(mode: str) -> None:
    """Another mode is refused with the two that there are."""
    assert f"X_AUTH_MODE: {mode!r} is not one of 'tweepy', 'oauth2' — correct it" == refusal(X_AUTH_MODE=mode)


def test_a_plan_is_one_that_x_has() -> None:
    """Another plan is refused with those that there are."""
    told = refusal(SONGPOST_PLAN="gold")
    assert told.startswith("SONGPOST_PLAN: 'gold' is not one of 'pay-per-use', 'enterprise', 'free', 'basic', 'pro'")


@pytest.mark.parametrize(
    "value", ["five", "-1", "+5", "1e3", "NaN", "Infinity", "5,00", "$5", " 5", "5\n", ".5", "5.", "1000000", "\u0665"]
)
def test_a_ceiling_is_plain_digits(value: str) -> None:
    """What is no plain amount of money is refused, never read as no ceiling."""
    assert refusal(SONGPOST_MONTHLY_BUDGET_USD=value).startswith("SONGPOST_MONTHLY_BUDGET_USD: ")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:9000", "https://proxy.example.com", "https://p/x/y"],
)
def test_x_may_stand_elsewhere(url: str) -> None:
    """Plain HTTP is good on loopback, HTTPS anywhere; slashes at the end go."""
    assert url == Runtime.from_env({"X_API_BASE_URL": f"{url}//"}).x_api_base_url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.2",
        "http://0.0.0.0:8080",
        "HTTP://example.com",
    ],
)
def test_keys_never_go_unencrypted(url: str) -> None:
    """Plain HTTP to anything but loopback is refused: every call carries the account's keys."""
    told = refusal(X_API_BASE_URL=url)

    assert f"X_API_BASE_URL: {url!r} would send the account's keys unencrypted — use https, or a loopback host" == told


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "127.0.0.1:8080",
        "ftp://example.com",
        "https://",
        "https:///path",
        "http://[::1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "https://exa mple.com",
        "https://example.com/?a=b",
        "https://example.com/#a",
        "https://exämple.com",
        "https://example.com\\x",
        "https://example.com\x7f",
    ],
)
def test_no_addresses(url: str) -> None:
    """What is no plain address of a host is refused."""
    assert f"X_API_BASE_URL: {url!r} is no address — give https://HOST[:PORT]" == refusal(X_API_BASE_URL=url)


@pytest.mark.parametrize("host", ["127.0.0.1", "example.com", "h:port", "[::1"])
def test_password_in_an_address_is_never_shown(host: str) -> None:
    """An address that carries a password is refused, and the error does not repeat it."""
    told = refusal(X_API_BASE_URL=f"https://me:hunter2@{host}")

    assert "X_API_BASE_URL: carries a name or password — give https://HOST[:PORT]" == told


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ENABLE_TELEMETRY": "true"}, True),
        ({"TELEMETRY_ENABLED": "1"}, True),
        ({"ENABLE_TELEMETRY": "TRUE"}, True),
        ({"ENABLE_TELEMETRY": "false", "TELEMETRY_ENABLED": "true"}, False),
        ({"ENABLE_TELEMETRY": "", "TELEMETRY_ENABLED": "true"}, True),
        ({"ENABLE_TELEMETRY": "0"}, False),
        ({}, False),
    ],
)
def test_telemetry(environ: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Either name turns traces on; of both the first that says something decides."""
    assert expected == Runtime.from_env(environ).telemetry


def test_telemetry_that_is_neither_is_refused() -> None:
    """A word that is not true or false is refused under the name that carries it."""
    assert "TELEMETRY_ENABLED: 'yes' is not true or false — correct it" == refusal(TELEMETRY_ENABLED="yes")


@pytest.mark.parametrize("name", ["s3://songpost", "songpost/media", "Songpost", "ab", "-songpost", "a b"])
def test_a_media_bucket_is_a_plain_name(name: str) -> None:
    """The bucket is given by its name alone; anything else is told before a push tries it."""
    assert "songpost-media" == Runtime.from_env({"SONGPOST_MEDIA_BUCKET": "songpost-media"}).media_bucket
    with pytest.raises(VariableError) as caught:
        Runtime.from_env({"SONGPOST_MEDIA_BUCKET": name})
    assert "SONGPOST_MEDIA_BUCKET" == caught.value.where


def test_mail_topic_is_an_arn_or_nothing() -> None:
    """A topic of SNS by its ARN; anything else is refused by the variable's name."""
    arn = "arn:aws:sns:eu-central-1:123456789012:songpost"

    assert "" == Runtime.from_env({}).mail_topic
    assert arn == Runtime.from_env({"SONGPOST_MAIL_TOPIC": arn}).mail_topic
    with pytest.raises(VariableError, match="SONGPOST_MAIL_TOPIC"):
        Runtime.from_env({"SONGPOST_MAIL_TOPIC": "ana@example.com"})
