"""A process's environment, read once and frozen. Nothing else in Songpost reads settings from variables.

Credentials are not here: `x/credentials.py` reads those, so that a `Runtime` can be logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from songpost.errors import VariableError, quote
from songpost.settings import Plan

DEFAULT_STORE = "sqlite:///data/songpost.db"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What the environment says. `dry_run` is false only where `DRY_RUN` is exactly `false`.

    `store` is a store's URL; `settings_path` and `auth_mode` are empty where the variable is not set;
    `x_api_base_url` is empty for X itself. `plan` and `monthly_budget_usd` bound what the settings say, and never
    loosen it; empty and `None` bound nothing.
    """

    account: str = "default"
    dry_run: bool = True
    store: str = DEFAULT_STORE
    settings_path: str = ""
    auth_mode: str = ""
    plan: str = ""
    monthly_budget_usd: Decimal | None = None
    credentials_path: str = ""
    mail_topic: str = ""
    media_bucket: str = ""
    x_api_base_url: str = ""
    telemetry: bool = False
    in_lambda: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Runtime:
        """Read the variables of docs/environment.md.

        Raises `VariableError`, which names the variable, for a value of the wrong form, and in Lambda
        for a store that is not named.
        """
        in_lambda = "AWS_LAMBDA_FUNCTION_NAME" in environ
        store = environ.get("SONGPOST_STORE", "")
        if in_lambda and not store:
            raise VariableError(
                "is not set, and a function has no other place for its state",
                where="SONGPOST_STORE",
                mend="set it to dynamodb://TABLE",
            )
        return cls(
            account=_account(environ.get("SONGPOST_ACCOUNT", "default")),
            dry_run=environ.get("DRY_RUN") != "false",
            store=store or DEFAULT_STORE,
            settings_path=environ.get("SONGPOST_SETTINGS", ""),
            auth_mode=_choice(environ, "X_AUTH_MODE", ("", "tweepy", "oauth2")),
            plan=_choice(environ, "SONGPOST_PLAN", ("", *(plan.value for plan in Plan))),
            monthly_budget_usd=_usd(environ, "SONGPOST_MONTHLY_BUDGET_USD"),
            credentials_path=environ.get("SONGPOST_CREDENTIALS_PATH", ""),
            mail_topic=_topic(environ.get("SONGPOST_MAIL_TOPIC", "")),
            media_bucket=_bucket(environ.get("SONGPOST_MEDIA_BUCKET", "")),
            x_api_base_url=_base_url(environ.get("X_API_BASE_URL", "")),
            telemetry=_telemetry(environ),
            in_lambda=in_lambda,
        )


ACCOUNT_RULE = "use 1 to 64 of the letters a to z, digits, '-', '_' and '.', a letter or digit first"


def is_account(name: str) -> bool:
    """Whether a name is an account's: a partition key, and part of paths, keys and seeds, so short and plain."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) is not None


def _account(name: str) -> str:
    if not is_account(name):
        raise VariableError(f"{quote(name)} is no account name", where="SONGPOST_ACCOUNT", mend=ACCOUNT_RULE)
    return name


def _bucket(name: str) -> str:
    """The bucket of pushed media, by its plain name."""
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        raise VariableError(
            f"{quote(name)} is no bucket's name",
            where="SONGPOST_MEDIA_BUCKET",
            mend="give the name alone, without s3://",
        )
    return name


def _choice(environ: Mapping[str, str], variable: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(variable, "")
    if value not in allowed:
        names = ", ".join(repr(name) for name in allowed if name)
        raise VariableError(f"{quote(value)} is not one of {names}", where=variable, mend="correct it")
    return value


def _usd(environ: Mapping[str, str], variable: str) -> Decimal | None:
    """An amount in plain digits, `12.50`; a sign, an exponent or `NaN` is no amount of money."""
    value = environ.get(variable, "")
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value) is None:
        raise VariableError(
            f"{quote(value)} is no amount of US dollars", where=variable, mend="write plain digits, such as 12.50"
        )
    return Decimal(value)


def _topic(arn: str) -> str:
    if arn and not re.fullmatch(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", arn):
        raise VariableError(
            f"{quote(arn)} is no topic of SNS",
            where="SONGPOST_MAIL_TOPIC",
            mend="give its ARN, such as arn:aws:sns:eu-central-1:123456789012:songpost, or leave it out",
        )
    return arn


def _base_url(url: str) -> str:
    """Another X host; plain HTTP only on loopback, since every call carries the account's keys."""
    if not url:
        return ""
    if "@" in url:  # not shown: what stands before it is a secret
        raise VariableError("carries a name or password", where="X_API_BASE_URL", mend="give https://HOST[:PORT]")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    plain = url.isascii() and url.isprintable() and not re.search(r"[\s?#\\]", url)
    if not host or not plain or parts.scheme not in {"http", "https"}:
        raise VariableError(f"{quote(url)} is no address", where="X_API_BASE_URL", mend="give https://HOST[:PORT]")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise VariableError(
            f"{quote(url)} would send the account's keys unencrypted",
            where="X_API_BASE_URL",
            mend="use https, or a loopback host",
        )
    return url.rstrip("/")


def _telemetry(environ: Mapping[str, str]) -> bool:
    """Traces are on only where one of the two names says so."""
    for variable in ("ENABLE_TELEMETRY", "TELEMETRY_ENABLED"):
        value = environ.get(variable, "")
        if value:
            if value.lower() not in {"true", "false", "1", "0"}:
                raise VariableError(f"{quote(value)} is not true or false", where=variable, mend="correct it")
            return value.lower() in {"true", "1"}
    return False
