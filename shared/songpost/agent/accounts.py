"""Which accounts a store holds: a register beside them, kept by whatever makes an account or plans its day.

The port has no way to list partitions (DynamoDB would have to scan the table), so every push of settings and every
new day's plan puts the account's name under `REGISTER`, in the same commit.
"""

from __future__ import annotations

from songpost.store.port import PutItem, Store

REGISTER = "*"
"""The partition of the register: no account can have that name (runtime.py)."""
ACCOUNTS = "accounts"


def registered(account: str) -> PutItem:
    """The change that keeps an account in the register."""
    return PutItem(ACCOUNTS, account, {"schema_version": 1}, if_absent=False, account=REGISTER)


def known(store: Store) -> tuple[str, ...]:
    """The names of all accounts of a store, in the order of the alphabet."""
    return tuple(item.key for item in store.items(REGISTER, ACCOUNTS))
