"""The pair of tokens in AWS: each generation an SSM SecureString of its own, `…/oauth2/0007`, written with
`Overwrite=false`, which is compare-and-swap and costs nothing. A claim is a parameter beside it,
`…/oauth2/0007-spending`, written the same way.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from songpost.errors import StoreUnavailable
from songpost.nouns import replace
from songpost.x.tokens import Pair, decoded, encoded

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.literals import ParameterTypeType

logger = logging.getLogger(__name__)

KEPT_PAIRS = 2
KEPT_CLAIMS = 100
"""A claim outlives its pair: whoever was frozen with an old pair must still find it claimed."""
_CLAIM = "-spending"


class SsmTokens:
    """A `tokens.TokenStore` under an SSM path (`SONGPOST_CREDENTIALS_PATH`)."""

    def __init__(self, ssm: SSMClient, path: str) -> None:
        self._ssm = ssm
        self._folder = path.rstrip("/") + "/oauth2/"

    def load(self) -> Pair | None:
        """Read the newest generation. Raises `StoreUnavailable`, `StoreUnreadable`."""
        values = dict(self._all())
        generations = [int(name) for name in values if name.isascii() and name.isdigit()]
        if not generations:
            return None
        name = _name(max(generations))
        pair = decoded(values[name], self._folder + name)
        return replace(pair, spending=name + _CLAIM in values)

    def claim(self, pair: Pair) -> bool:
        """Write the claim of this generation, unless it is there or a newer generation is."""
        newest = self.load()
        if newest is None or newest.generation != pair.generation:
            return False
        return self._put(_name(pair.generation) + _CLAIM, secrets.token_hex(8), "String")

    def unclaim(self, pair: Pair) -> None:
        """Remove the claim."""
        self._delete([_name(pair.generation) + _CLAIM])

    def save(self, pair: Pair) -> bool:
        """Write a generation once, then remove what is too old to be of use."""
        written = self._put(_name(pair.generation), encoded(replace(pair, spending=False)), "SecureString")
        old = [_name(pair.generation - KEPT_PAIRS), _name(pair.generation - KEPT_CLAIMS) + _CLAIM]
        if written:
            try:
                self._delete([name for name in old if not name.startswith("-")])
            except StoreUnavailable as error:
                # The new pair is stored; an old one that stays is dead anyway.
                logger.warning("%s", error)
        return written

    def _all(self) -> Iterator[tuple[str, str]]:
        """Read all parameters of the folder; SSM gives them ten at a time."""
        try:
            pages = self._ssm.get_paginator("get_parameters_by_path").paginate(
                Path=self._folder.rstrip("/"), WithDecryption=True
            )
            for page in pages:
                for parameter in page["Parameters"]:
                    yield parameter["Name"].removeprefix(self._folder), parameter["Value"]
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error, "cannot be read") from error

    def _put(self, name: str, value: str, kind: ParameterTypeType) -> bool:
        """Write a parameter that is not there yet. One that is there with our value is our own, written before."""
        try:
            self._ssm.put_parameter(Name=self._folder + name, Value=value, Type=kind, Overwrite=False)
        except self._ssm.exceptions.ParameterAlreadyExists:
            # The client repeats a put whose answer was lost, and then finds its own.
            return dict(self._all()).get(name) == value
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error, "cannot be written") from error
        return True

    def _delete(self, names: list[str]) -> None:
        try:
            self._ssm.delete_parameters(Names=[self._folder + name for name in names])
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error, "cannot be tidied") from error

    def _unavailable(self, error: ClientError | BotoCoreError, what: str) -> StoreUnavailable:
        """Name the fault by its class or code alone: AWS's own words may quote a value."""
        code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
        return StoreUnavailable(
            f"{what}: {code or type(error).__name__}", where=self._folder, mend="see to the function's role"
        )


def _name(generation: int) -> str:
    """Name a generation so that names sort: `0007`."""
    return f"{generation:04d}"
