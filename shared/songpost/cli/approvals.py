"""`songpost approvals`: what waits for a person's word, and the word."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from songpost.agent import approvals, notices, summary
from songpost.bootstrap import Session
from songpost.cli.opening import print_json, session_of, who
from songpost.model import Action, Json


def list_(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Every proposal as it would be sent."""
    with session_of(words, environ) as session:
        account, now = session.open(), session.clock()
        snapshot = account.snapshot
        found = [approvals.shown(snapshot, action, now) for action in approvals.waiting(account)]
        if words.json:
            print_json([_as_json(one.action, one.micros, one.digest) for one in found])
        elif not found:
            print("Nothing waits for your word.")
        else:
            print("\n\n".join("\n".join(notices.described(one, snapshot.settings.timezone)) for one in found))
    return 0


def approve(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Let one proposal go out as it stands."""
    with session_of(words, environ, write=True) as session:
        after = approvals.approve(session.desk, session.open(), words.key, by=who(), seen=words.seen)
        return _tell(session, words, after, "approved: it goes out when it is due, if every gate still lets it")


def reject(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Let one proposal not happen."""
    with session_of(words, environ, write=True) as session:
        after = approvals.reject(session.desk, session.open(), words.key, by=who(), reason=words.reason)
        return _tell(session, words, after, "rejected: it is abandoned")


def edit(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Give one proposal, or one post of its thread, another text."""
    with session_of(words, environ, write=True) as session:
        after = approvals.edit(session.desk, session.open(), words.key, words.text, by=who(), part=words.part)
        return _tell(session, words, after, "edited: 'songpost approvals approve' lets it go out like this")


def _tell(session: Session, words: argparse.Namespace, action: Action, line: str) -> int:
    snapshot = session.open().snapshot
    one = approvals.shown(snapshot, action, session.clock())
    if words.json:
        print_json(_as_json(action, one.micros, one.digest))
    else:
        print("\n".join(notices.described(one, snapshot.settings.timezone)))
        print(line)
    return 0


def _as_json(action: Action, micros: int, digest: str) -> dict[str, Json]:
    return {
        "key": action.key,
        "kind": action.kind.value,
        "state": action.state.value,
        "text": action.text,
        "thread": [step.text for step in action.thread],
        "media": [media.path for media in action.media],
        "target_id": action.target_id or None,
        "due_at": action.due_at.isoformat(),
        "expires_at": action.closes_at.isoformat(),
        "price_usd": summary.usd(micros),
        "digest": digest,
        "reason": action.reason or None,
    }
