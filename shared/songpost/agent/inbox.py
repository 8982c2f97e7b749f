"""The inbox: what the reader found, oldest first, until the writer claims it or it expires; and who wants no answer.

    reader ── put ──▶ inbox/<post id> ── claimed, with PutAction(previous=None), in one commit ──▶ the action
                            └── expired, or its author has opted out ──▶ dropped

An item is claimed once: `claimed` fails the commit where it is gone already. It is acted on once: the action's key
follows from the post (`Candidate.action_key`), and the store keeps one action of a key, open or closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice

from songpost.agent import documents
from songpost.candidates import Candidate, OptOut
from songpost.store.port import DeleteItem, PutItem, Store

INBOX = "inbox"
"""Collection of candidates, by post id (20 digits): in the order of their posting."""
OPT_OUTS = "optouts"
"""Collection of users who asked to be left alone, by user id; for good."""
ASKED_SINGLY = 5
"""Up to so many users are looked up one by one, more of them by one query over their range."""


def put(candidate: Candidate) -> PutItem:
    """The change that puts a candidate in; it fails the commit where the post waits already."""
    return PutItem(INBOX, candidate.key, documents.encode(candidate), expires_at=candidate.expires_at)


def claimed(candidate: Candidate) -> DeleteItem:
    """The change that takes a candidate out, for the commit that writes its action: of two claims one fails."""
    return DeleteItem(INBOX, candidate.key, must_exist=True)


def dropped(candidate: Candidate) -> DeleteItem:
    """The change that takes a candidate out where nothing follows from it."""
    return DeleteItem(INBOX, candidate.key)


def everything(store: Store, account: str, *, after: str = "", until: str = "") -> Iterator[Candidate]:
    """The inbox, oldest first, expired ones too; `after < key <= until`. Strongly consistent, page by page.

    Raises `StoreUnreadable`, `StoreNewer`.
    """
    for item in store.items(account, INBOX, after=after, until=until):
        yield documents.decode(INBOX, item.body, Candidate)


def waiting(store: Store, account: str, now: datetime, limit: int) -> tuple[Candidate, ...]:
    """The oldest `limit` candidates that have not expired at `now`."""
    return tuple(islice((one for one in everything(store, account) if one.expires_at > now), limit))


def opted_out(store: Store, account: str, user_ids: Collection[str]) -> frozenset[str]:
    """Those of `user_ids` who asked to be left alone; strongly consistent."""
    return among(store, account, OPT_OUTS, user_ids)


def among(store: Store, account: str, collection: str, user_ids: Collection[str]) -> frozenset[str]:
    """Those of `user_ids` whom a collection that is keyed by users names; strongly consistent."""
    wanted = set(user_ids) - {""}
    if len(wanted) > ASKED_SINGLY:
        spans = [(before(min(wanted)), max(wanted))]
    else:
        spans = [(before(one), one) for one in sorted(wanted)]
    return frozenset(
        item.key
        for after, until in spans
        for item in store.items(account, collection, after=after, until=until)
        if item.key in wanted
    )


def opt_out(word: OptOut) -> PutItem:
    """The change that remembers an opt-out; a second one of the same user changes nothing that counts."""
    return PutItem(OPT_OUTS, word.user_id, documents.encode(word), if_absent=False)


def before(key: str) -> str:
    """A text that sorts right below a key of digits: nothing of digits lies between."""
    return key[:-1] + chr(ord(key[-1]) - 1) + "~"
