"""Credentials of a function: SecureStrings under one SSM path, named like the variables of a laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from songpost.errors import CredentialsError, StoreUnavailable, VariableError
from songpost.x.credentials import Credentials, from_env

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def credentials_under(ssm: SSMClient, path: str, mode: str) -> Credentials:
    """Read the credentials of a mode from `path/X_API_KEY` and its neighbours.

    Raises `CredentialsError`, which names the parameter, and `StoreUnavailable`.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    folder = path.rstrip("/")
    values: dict[str, str] = {}
    try:
        for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=folder, WithDecryption=True):
            for parameter in page["Parameters"]:
                values[parameter["Name"].rpartition("/")[2]] = parameter["Value"]
    except (ClientError, BotoCoreError) as error:
        # AWS's own words may quote a value: the class or code is enough.
        code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
        raise StoreUnavailable(
            f"cannot be read: {code or type(error).__name__}", where=folder, mend="see to the function's role"
        ) from None
    try:
        return from_env(values, mode)
    except VariableError as error:
        raise CredentialsError(
            error.what,
            where=f"{folder}/{error.where}",
            mend=f"aws ssm put-parameter --type SecureString --name {folder}/{error.where} --value …",
        ) from None
