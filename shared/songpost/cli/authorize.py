"""`songpost authorize`: a person's consent in a browser becomes the account's pair of tokens."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from collections.abc import Mapping

from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of
from songpost.core import policy
from songpost.endpoints import OWNER_SCOPES, scopes_for
from songpost.errors import BadInput, CredentialsError, Refusal
from songpost.x.authorize import authorize as ask
from songpost.x.credentials import OAuth2, from_env
from songpost.x.token_file import TokenFile
from songpost.x.tokens import keep


def authorize(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Ask for consent on loopback and keep the pair; one that goes to SSM is forgotten here."""
    credentials = from_env(environ, "oauth2")
    if not isinstance(credentials, OAuth2):
        raise CredentialsError("these are not credentials of OAuth 2.0", where="X_CLIENT_ID", mend="set it")

    def show(address: str) -> None:
        print(f"Allow Songpost on this page:\n\n  {address}\n", file=sys.stderr, flush=True)
        if not words.no_browser:
            webbrowser.open(address)

    with session_of(words, environ, write=True) as session:
        session.credentials = credentials
        store = session.token_store(to_ssm=words.to == "ssm")
        pair = ask(
            credentials,
            open_page=show,
            transport=session.wire,
            clock=session.clock,
            base_url=session.runtime.x_api_base_url,
            scopes=_scopes(session),
        )
        kept = keep(store, pair)
        if words.to == "ssm":
            TokenFile(credentials.token_file).forget()
    where = session.runtime.credentials_path if words.to == "ssm" else str(credentials.token_file)
    if words.json:
        print_json({"kept_in": where, "generation": kept.generation, "scopes": list(kept.scopes)})
    else:
        print(f"kept in {where} (generation {kept.generation}); scopes: {' '.join(kept.scopes)}")
    return 0


def _scopes(session: Session) -> tuple[str, ...]:
    """What the account's settings want granted; where there are none yet, what every owner is asked for."""
    try:
        settings = session.given.settings
    except (Refusal, BadInput):
        return OWNER_SCOPES
    return scopes_for(policy.open_kinds(settings))
