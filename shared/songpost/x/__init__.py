"""The X API: the client, and what it stands on.

`open_client` builds the real one, `open_grant` the tokens of OAuth 2.0 beneath it. Importing this package,
`endpoints`, `credentials` or `nouns` is light; tweepy is imported when the first client is opened, so a dry run,
which never calls X, never pays for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from songpost.errors import CredentialsError
from songpost.x.authorization import Authorization, OAuth1Authorization, OAuth2Authorization, Tokens
from songpost.x.credentials import Credentials, OAuth1

if TYPE_CHECKING:
    from songpost.x.client import Client
    from songpost.x.credentials import OAuth2
    from songpost.x.tokens import Grant, Lease, TokenStore
    from songpost.x.transport import Transport


def open_client(
    credentials: Credentials,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    base_url: str = "",
    user_id: str = "",
    tokens: Tokens | None = None,
    transport: Transport | None = None,
) -> Client:
    """Build the client of one account: over the network, or over another `transport` (the sandbox in process).

    `base_url` is another host (`X_API_BASE_URL`); `tokens` are needed with OAuth 2.0 (`tokens.Grant`).
    Raises `CredentialsError` where they are missing.
    """
    from songpost.x.client import Client
    from songpost.x.network import NetworkTransport

    authorization: Authorization
    if isinstance(credentials, OAuth1):
        authorization = OAuth1Authorization(credentials)
    elif tokens is None:
        raise CredentialsError("no tokens yet", where="X_TOKEN_FILE", mend="run `songpost authorize`")
    else:
        authorization = OAuth2Authorization(tokens)
    return Client(
        authorization,
        transport or NetworkTransport(clock=clock, base_url=base_url),
        clock=clock,
        sleep=sleep,
        user_id=user_id or credentials.user_id,
    )


def open_grant(
    credentials: OAuth2,
    lease: Lease,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    base_url: str = "",
    store: TokenStore | None = None,
    transport: Transport | None = None,
) -> Grant:
    """Build the grant of an OAuth 2.0 account, for `open_client`'s `tokens`.

    The pair lives in the token file of the credentials unless another `store` is given (`token_ssm.SsmTokens`);
    `lease` keeps refreshes apart (the account's store has one).
    """
    from songpost.x.network import NetworkTransport
    from songpost.x.token_file import TokenFile
    from songpost.x.tokens import Grant

    return Grant(
        credentials,
        store or TokenFile(credentials.token_file),
        lease,
        transport or NetworkTransport(clock=clock, base_url=base_url),
        clock,
        sleep,
    )
