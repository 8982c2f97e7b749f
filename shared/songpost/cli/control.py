"""Commands by which a person decides: `pause`, `resume`, `actions resolve`, `actions resume`, `actions delete`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from songpost.account_documents import Control
from songpost.agent import control, deleting, documents, resolving, summary
from songpost.agent.ledger import Desk
from songpost.agent.writing import Step
from songpost.bootstrap import Session, new_id
from songpost.cli.opening import print_json, session_of, who
from songpost.core.admission import Refused
from songpost.model import State


def pause(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Throw the kill switch."""

    def turn(desk: Desk) -> Control:
        return control.pause(desk, words.reason, who())

    return _turned(words, environ, turn, f"paused: {words.reason}. 'songpost resume' lets it act again.")


def resume(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Let the account act again."""

    def turn(desk: Desk) -> Control:
        return control.resume(desk, who())

    return _turned(words, environ, turn, "resumed: what is due and still in its window goes out with the next tick.")


def _turned(words: argparse.Namespace, environ: Mapping[str, str], turn: Callable[[Desk], Control], said: str) -> int:
    with session_of(words, environ, write=True) as session:
        if words.all:
            return _turn_all(session, words, turn, said)
        after = turn(session.desk)
        if words.json:
            print_json(documents.encode(after))
        else:
            print(said)
    return 0


def _turn_all(session: Session, words: argparse.Namespace, turn: Callable[[Desk], Control], said: str) -> int:
    turned = control.turn_all(session.desk, turn)
    if words.json:
        print_json({account: documents.encode(after) for account, after in sorted(turned.done.items())})
    else:
        for account in sorted(turned.done):
            print(f"{account}: {said}")
    for account, error in sorted(turned.failed.items()):
        print(f"songpost: account {account}: {error.name}: {error}", file=sys.stderr)
    return 1 if turned.failed else 0


def resolve(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Take a person's word on an action of unknown outcome."""
    with session_of(words, environ, write=True) as session:
        after = resolving.resolve(session.desk, session.open(), words.key, post_id=words.sent or "", by=who())
        if words.json:
            print_json(documents.encode(after))
        else:
            print(f"{after.key}: {after.state.value}")
    return 0


def go_on(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Let a thread that ended in part go on."""
    with session_of(words, environ, write=True) as session:
        after = resolving.resume(session.desk, session.open(), words.key, by=who())
        if words.json:
            print_json(documents.encode(after))
        else:
            print(f"{after.key}: goes on at step {after.next_step + 1} of {len(after.steps)} with the next tick")
    return 0


def delete(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Delete the posts of an action from X; dry, it says what that would cost and which gate stands in the way."""
    with session_of(words, environ) as session:
        dry, account = session.runtime.dry_run, session.open()
        if dry:
            steps = deleting.foretell(session.store, account, words.key, session.clock(), new_id)
        else:
            # Asked before the credentials are: what there is not cannot be deleted with any.
            deleting.target(session.store, session.account, words.key)
            steps = deleting.delete(session.desk, account, session.hand, words.key, by=who())
        if words.json:
            print_json({"dry_run": dry, "actions": [summary.of_step(step, dry_run=dry) for step in steps]})
        else:
            for step in steps:
                print(_line(step, dry=dry))
    done = all(step.action.state is State.SENT or (dry and not isinstance(step.decision, Refused)) for step in steps)
    return 0 if done else 1


def _line(step: Step, *, dry: bool) -> str:
    post = f"post {step.action.target_id}"
    if step.action.state is State.SENT:
        return f"{post}: deleted"
    if isinstance(step.decision, Refused):
        return f"{post}: refused by the gate {step.decision.gate}: {step.decision.reason}"
    if dry and step.decision is not None:
        price = summary.usd(step.decision.quote.worst_micros)
        return f"{post}: would be deleted for ${price:.3f}; '--dry-run false' does it"
    return f"{post}: {step.action.state.value}: {step.action.reason or 'the next tick goes on with it'}"
