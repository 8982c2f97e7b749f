"""Many processes that find the same token at its end and want to call X: test_refresh.py runs it as a program.

Imports once, forks so many times, lets all children go at the same moment, and prints how many calls succeeded.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import songpost.store.dynamodb
import songpost.store.sqlite
import songpost.x.client
import songpost.x.network
import songpost.x.token_file
import songpost.x.tokens  # noqa: F401 - imported before the forks, once for all
from songpost.store.opening import open_store
from songpost.store.port import Store
from songpost.x import open_client, open_grant
from songpost.x.credentials import OAuth2

ACCOUNT = "default"
ENOUGH_SECONDS = 120


class StoreLease:
    """The store's lease, as the grant wants it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def acquire(self, holder: str, now: datetime, until: datetime) -> bool:
        """Take the lease."""
        return self._store.acquire_lease(ACCOUNT, "oauth2", holder, now, until)

    def release(self, holder: str) -> None:
        """Give it back."""
        self._store.release_lease(ACCOUNT, "oauth2", holder)


def clock() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def call(url: str, client_id: str, secret: str, token_file: str, store_url: str) -> str:
    """Make one call that needs a token; give the username that X told."""
    credentials = OAuth2(client_id=client_id, client_secret=secret, token_file=Path(token_file))
    store = open_store(store_url, read_only=False)
    grant = open_grant(credentials, StoreLease(store), clock=clock, sleep=time.sleep, base_url=url)
    client = open_client(credentials, clock=clock, sleep=time.sleep, base_url=url, tokens=grant)
    name = client.me(deadline=clock() + timedelta(seconds=ENOUGH_SECONDS)).value.username
    store.close()
    return name


def main(processes: int, arguments: list[str]) -> None:
    """Fork, let go, wait, and print a JSON object: how many succeeded."""
    gate, opener = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(opener)
            os.read(gate, 1)  # returns when the parent opens the gate by closing it
            code = 1
            try:
                code = 0 if call(*arguments) == "songpost" else 2
            finally:
                os._exit(code)
        children.append(child)
    os.close(opener)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(json.dumps({"succeeded": codes.count(0), "failed": len(codes) - codes.count(0)}))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
