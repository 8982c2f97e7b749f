"""Mail to the owner: proposals that wait for a word, and the week's digest.

A proposal is mailed at least once: the mail goes out, then the action is marked, so a crash between the two repeats it.
The digest goes out at most once: the week is marked first, and the mark is taken back where the mail fails. Nothing
that is decided rests on a mail; one that fails is a warning with the field `alarm`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from songpost.agent import approvals, ledger, week
from songpost.agent.approvals import Shown
from songpost.agent.ledger import Account, Desk, Move
from songpost.core import budget
from songpost.core.snapshot import Snapshot
from songpost.errors import CommitConflict, MailFailed
from songpost.mail import Mail
from songpost.model import Action, Json, State
from songpost.nouns import replace
from songpost.store.port import Change, DeleteDocument, PutDocument

logger = logging.getLogger(__name__)

DIGEST_PREFIX = "digest/"
"""Documents that mark the ISO week whose digest went out: `digest/2026-W48`."""


def send(desk: Desk, account: Account, mail: Mail) -> Account:
    """Mail what is new: proposals that nobody was told of, and the digest once its hour has come."""
    account = _send_proposals(desk, account, mail)
    return _send_digest(desk, account, mail)


def _told(mail: Mail, subject: str, body: str) -> bool:
    try:
        mail.send(subject, body)
    except MailFailed as error:
        logger.warning("%s: %s", error.name, error, extra={"alarm": error.name})
        return False
    return True


# ------------------------------------------------------------------------------------------------- proposals


def _send_proposals(desk: Desk, account: Account, mail: Mail) -> Account:
    now = desk.now()
    fresh = [action for action in approvals.waiting(account) if action.told_at is None and now < action.closes_at]
    if not fresh:
        return account
    shown = [approvals.shown(account.snapshot, action, now) for action in fresh]
    if not _told(mail, *proposals_mail(account.snapshot, shown)):
        return account

    def decide(current: Account) -> Move[None]:
        marked = []
        for one in fresh:
            stored = current.stored.get(one.key)
            # One that was decided or edited meanwhile is not what the mail showed: it keeps its own mark.
            if stored is not None and stored.action == one:
                marked.append((replace(one, told_at=now), stored))
        return Move(snapshot=current.snapshot, actions=tuple(marked), result=None)

    return ledger.move(desk, account, decide)[0]


def proposals_mail(snapshot: Snapshot, proposals: Sequence[Shown]) -> tuple[str, str]:
    """Subject and body of the mail that asks for a word: every text as it would be sent, its time, its worst price."""
    count = len(proposals)
    subject = f"Songpost {snapshot.account}: {count} proposal{'s' if count > 1 else ''} for your word"
    blocks = ["\n".join(described(one, snapshot.settings.timezone)) for one in proposals]
    how = "songpost approvals approve KEY      (or: reject KEY, edit KEY --text …)"
    return subject, "\n\n".join([*blocks, f"Nothing of this is sent without your word:\n  {how}"])


def described(one: Shown, timezone: str) -> tuple[str, ...]:
    """A proposal in lines, as the mail and `songpost approvals list` show it; a text's lines begin with `| `."""
    action, zone = one.action, ZoneInfo(timezone)
    due, closes = action.due_at.astimezone(zone), action.closes_at.astimezone(zone)
    lines = [
        action.key,
        f"  {action.kind.value} on {due:%a %Y-%m-%d %H:%M}, or until {closes:%a %H:%M} ({timezone})",
        f"  {budget.dollars(one.micros)} at worst, digest {one.digest[:12]}",
    ]
    if action.target_id:
        whom = f"@{action.target_author}" if action.target_author else action.target_id
        lines.append(f"  to {whom}:")
        lines += [f"  > {line}" for line in action.target_text.splitlines()]
    for number, step in enumerate(action.steps, 1):
        lines += [f"  post {number} of {len(action.steps)}:"] if action.thread else []
        lines += [f"  | {line}" for line in step.text.splitlines()]
        lines += [f"  with {media.path}: {media.alt_text}" for media in step.media]
    if action.poll is not None:
        lines.append(f"  poll: {' / '.join(action.poll.options)}, {action.poll.minutes} minutes")
    return tuple(lines)


# ---------------------------------------------------------------------------------------------------- digest


def digest_due(snapshot: Snapshot, now: datetime) -> str:
    """The name of the mark to set where the week's digest is due and has not gone out, else empty."""
    rule = snapshot.settings.digest
    if rule is None:
        return ""
    local = now.astimezone(ZoneInfo(snapshot.settings.timezone))
    year, number, weekday = local.isocalendar()
    name = f"{DIGEST_PREFIX}{year}-W{number:02}"
    return "" if weekday != rule.weekday or name in snapshot.versions or local.hour < rule.hour else name


def _send_digest(desk: Desk, account: Account, mail: Mail) -> Account:
    now = desk.now()
    name = digest_due(account.snapshot, now)
    if not name:
        return account
    body: dict[str, Json] = {"sent_at": now.isoformat(), "schema_version": 1}
    old = [mark for mark in account.snapshot.versions if mark.startswith(DIGEST_PREFIX)]
    changes: list[Change] = [
        PutDocument(name, body, 0),
        *(DeleteDocument(mark, account.snapshot.versions[mark]) for mark in old),
    ]
    try:
        ledger.commit(desk, changes)
    except CommitConflict:
        return account  # another tick sends it
    subject = f"Songpost {account.snapshot.account}: the week to {now:%Y-%m-%d}"
    since = now - timedelta(days=7)
    actions = [stored.action for stored in desk.store.actions(desk.account, since=since, until=now)]
    if not _told(mail, subject, week.digest(account.snapshot, _closed(actions), now)):
        ledger.commit(desk, [DeleteDocument(name, 1)])
    return Account(*desk.reload())


def _closed(actions: Sequence[Action]) -> list[Action]:
    """Actions in the order of time, without those that the snapshot has as open."""
    ended = {State.SENT, State.PARTIAL, State.REFUSED, State.ABANDONED}
    return sorted((action for action in actions if action.state in ended), key=lambda action: action.due_at)
