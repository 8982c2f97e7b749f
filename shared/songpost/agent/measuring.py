"""Measuring: the reads of sent posts, and what the learner is told of them.

The day's mark of a post is written by the commit that books its read, so of two readers one reads it. One read
serves the posts that are due (`agent/agenda.py`); what it brings is settled and credited by one commit
(`agent/looks.py`). With nothing due, the load of the account is all that a tick costs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from songpost.account_documents import Measuring
from songpost.agent import crediting, documents, journal, ledger, looks, own_posts, transitions
from songpost.agent.agenda import Measured, Reading, Result, admitted, agenda, marked, without_old
from songpost.agent.enrolment import Passport, Told
from songpost.agent.ledger import Account, Desk, Move
from songpost.agent.writing import known, pause_if_blocked, pause_if_overspending
from songpost.core import rate_limits
from songpost.core.admission import Refused
from songpost.core.measurement import correction_at
from songpost.core.reads import AdmittedRead, settled_read
from songpost.core.snapshot import LEARNING, MEASURING
from songpost.core.sweep import Asked
from songpost.errors import ClockError, NotFound, NotSent, RateLimited, SongpostError, XError
from songpost.model import ORIGINALS, SKEW_SECONDS, Action, Post, State
from songpost.nouns import replace
from songpost.store.port import PutItem

logger = logging.getLogger(__name__)

TICK_SECONDS = 40.0
"""Time that must be left before a read is begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a read brought: counts by post, why X refused others, and whether it gave all there is (`complete`).

    `posts` are those of the own timeline, where it was read.
    """

    metrics: Mapping[str, Mapping[str, int]]
    gone: Mapping[str, str]
    complete: bool
    told: Told
    posts: tuple[Post, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """What reads X for the reader; built only where a run is live.

    `posts` takes ids; `timeline` takes the user's id, what to ask, and the most posts. Both raise the errors of `x/`.
    """

    passport: Passport
    posts: Callable[[tuple[str, ...]], Seen]
    timeline: Callable[[str, Asked, int], Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a tick of measuring came to, or in a dry run would come to.

    `booked` is the read with its booking; `refused` says which gate stood in the way; `rebuilt` why the learner's
    counters were made anew.
    """

    account: Account
    posts: tuple[Measured, ...] = ()
    reading: Reading | None = None
    booked: AdmittedRead | None = None
    settled_micros: int | None = None
    refused: Refused | None = None
    rebuilt: str = ""
    stopped: SongpostError | None = None


def foretell(account: Account, now: datetime, only: str = "", *, swept: bool = False) -> Measurement:
    """What a live tick would read at `now`, at which price, and what waits. Pure."""
    snapshot = account.snapshot
    posts = agenda(snapshot, now, only, swept=swept)
    rebuilt = crediting.out_of_date(snapshot.learning, snapshot.settings.learning, now)
    found = admitted(snapshot, posts, now, swept=swept)
    if found is None:
        return Measurement(account=account, posts=posts, rebuilt=rebuilt)
    reading, decision = found
    if isinstance(decision, Refused):
        return Measurement(account=account, posts=posts, reading=reading, refused=decision, rebuilt=rebuilt)
    after = Account(decision.snapshot, account.stored)
    return Measurement(account=after, posts=posts, reading=reading, booked=decision, rebuilt=rebuilt)


# ------------------------------------------------------------------------------------------------------------- live


def measure(
    desk: Desk,
    account: Account,
    eye: Callable[[], Eye],
    remaining: Callable[[], float],
    only: str = "",
    *,
    swept: bool = False,
) -> Measurement:
    """Read what is due and credit it. `eye` is built only where there is something to read.

    With `swept`, sweeps of the own timeline follow in this tick and others: what they show is left to them. An error
    of X ends the tick, not the function: it stands in the result, and the account pauses where nothing will work.
    Raises the errors of the store, and `IdentityError` for another user's credentials.
    """
    account, rebuilt = _refreshed(desk, account)
    waiting = agenda(account.snapshot, desk.now(), only, swept=swept)
    due = [one for one in waiting if one.result is Result.DUE]
    if not due or remaining() < TICK_SECONDS:
        return Measurement(account=account, posts=waiting, rebuilt=rebuilt)
    account = pause_if_overspending(desk, account)
    opened = eye()
    # A pause is admission's to say, and it says it of the read itself.
    account, refused, stopped = known(desk, account, opened.passport)
    if stopped is not None or refused is not None:
        return Measurement(account=account, posts=waiting, rebuilt=rebuilt, refused=refused, stopped=stopped)
    account, found = _book(desk, account, only, swept=swept)
    if found is None:
        waiting = agenda(account.snapshot, desk.now(), only, swept=swept)
        return Measurement(account=account, posts=waiting, rebuilt=rebuilt)
    reading, decision = found
    if isinstance(decision, Refused):
        return Measurement(account=account, posts=waiting, reading=reading, refused=decision, rebuilt=rebuilt)
    done = _read(desk, account, opened, reading, decision)
    return replace(done, rebuilt=rebuilt)


def _refreshed(desk: Desk, account: Account) -> tuple[Account, str]:
    """The counters made anew from all credits, where the settings or the reward have changed since."""
    if not crediting.out_of_date(account.snapshot.learning, account.snapshot.settings.learning, desk.now()):
        return account, ""

    def decide(current: Account) -> Move[str]:
        learning, now = current.snapshot.settings.learning, desk.now()
        why = crediting.out_of_date(current.snapshot.learning, learning, now)
        if not why:
            return Move(snapshot=current.snapshot, result="")
        known = crediting.stored_credits(desk.store, desk.account)
        statistics = crediting.rebuilt(known.values(), learning, now)
        return Move(snapshot=replace(current.snapshot, learning=statistics), written=(LEARNING,), result=why)

    return ledger.move(desk, account, decide)


def _book(
    desk: Desk, account: Account, only: str, *, swept: bool
) -> tuple[Account, tuple[Reading, AdmittedRead | Refused] | None]:
    """Commit the booking of the read that is due, with the mark of the day on each of its posts."""
    #   this reader            another reader
    #   load: p is due         load: p is due
    #   commit: p read today   commit: the version of `measuring` is another; it loads, and p is not due any more

    def decide(current: Account) -> Move[tuple[Reading, AdmittedRead | Refused] | None]:
        now = desk.now()
        found = admitted(current.snapshot, agenda(current.snapshot, now, only, swept=swept), now, swept=swept)
        if found is None:
            return Move(snapshot=current.snapshot, result=None)
        reading, decision = found
        if isinstance(decision, Refused):
            return Move(snapshot=current.snapshot, result=found)
        measuring = marked(without_old(current.snapshot.measuring, now), reading.post_ids, now.date())
        return Move(
            snapshot=replace(decision.snapshot, measuring=measuring),
            written=(*decision.written, MEASURING),
            relied_on=("control", "identity", documents.SETTINGS),
            others=(_journal(reading, decision, journal.BOOKED),),
            result=found,
        )

    return ledger.move(desk, account, decide)


def _journal(reading: Reading, booked: AdmittedRead, outcome: str, resources: int | None = None) -> PutItem:
    """The line about one read, named by its first post."""
    ids = reading.post_ids
    return journal.line(ids[0], reading.endpoint, reading.price_class, booked, outcome, resources, ids)


def _read(desk: Desk, account: Account, eye: Eye, reading: Reading, booked: AdmittedRead) -> Measurement:
    identity, asked = account.snapshot.identity, Asked(since_id=reading.since_id, until_id=reading.until_id)
    try:
        if reading.since_id and identity is not None:
            seen = eye.timeline(identity.user_id, asked, reading.resources)
        else:
            seen = eye.posts(reading.post_ids)
    except XError as error:
        logger.warning("the read of %d posts: %s", len(reading.post_ids), error)
        account, micros = _settle_error(desk, account, reading, booked, error)
        account = pause_if_blocked(desk, account, error)
        return Measurement(account=account, reading=reading, booked=booked, settled_micros=micros, stopped=error)
    micros = seen.told.resources * booked.unit_micros
    if abs(seen.told.skew_seconds) > SKEW_SECONDS:
        # A clock that is off cannot say what is due: the read is paid, and nothing is credited.
        nothing = Seen(metrics={}, gone={}, complete=False, told=seen.told)
        account, _ = _credit(desk, account, reading, booked, nothing)
        skewed = ClockError(
            f"this clock is {seen.told.skew_seconds:+d} s off X's", where="clock", mend="set it by network time"
        )
        account = pause_if_blocked(desk, account, skewed)
        return Measurement(account=account, reading=reading, booked=booked, settled_micros=micros, stopped=skewed)
    account, posts = _credit(desk, account, reading, booked, seen)
    if reading.since_id:
        account = own_posts.served(desk, account, seen.posts, asked, booked.booked_at, complete=seen.complete)
    return Measurement(account=account, posts=posts, reading=reading, booked=booked, settled_micros=micros)


def _settle_error(
    desk: Desk, account: Account, reading: Reading, booked: AdmittedRead, error: XError
) -> tuple[Account, int]:
    """What certainly was not billed is given back and may be tried again today; anything else counts as spent."""
    unbilled = isinstance(error, NotSent | RateLimited)

    def decide(current: Account) -> Move[int]:
        snapshot = current.snapshot
        if unbilled:
            free = marked(snapshot.measuring, reading.post_ids, None)
            snapshot = replace(settled_read(snapshot, booked, 0), measuring=free)
        snapshot = replace(snapshot, limits=rate_limits.learned(snapshot.limits, error.limits))
        return Move(
            snapshot=snapshot,
            written=transitions.differing(current.snapshot, snapshot),
            others=(_journal(reading, booked, error.name, 0 if unbilled else None),),
            result=0 if unbilled else booked.resources * booked.unit_micros,
        )

    return ledger.move(desk, account, decide)


def _credit(
    desk: Desk, account: Account, reading: Reading, booked: AdmittedRead, seen: Seen
) -> tuple[Account, tuple[Measured, ...]]:
    """Settle the read and credit what it brought, in one commit that moves the learning document's version."""
    #   this reader                         another reader
    #   load v7, no credit of p             load v7, no credit of p
    #   commit 7 → 8 with the credit of p   commit 7 → 8: refused; it loads v8, finds the credit, and adds nothing
    # The same holds where the other one is a sweep of the own timeline (`agent/reading.py`).
    actions = {
        post_id: desk.store.action(desk.account, awaited.key)
        for post_id, awaited in account.snapshot.measuring.posts.items()
        if post_id in reading.post_ids
    }

    read_at = max(booked.booked_at, seen.told.at)
    as_booked = account.snapshot.measuring.posts

    def decide(current: Account) -> Move[tuple[Measured, ...]]:
        before = current.snapshot
        known = crediting.stored_credits(desk.store, desk.account, reading.post_ids)
        snapshot = settled_read(before, booked, seen.told.resources)
        snapshot = replace(snapshot, limits=rate_limits.learned(snapshot.limits, seen.told.limits))
        results: list[Measured] = []
        changes: list[PutItem] = []
        for post_id in reading.post_ids:
            awaited = before.measuring.posts.get(post_id)
            if awaited is None or awaited != as_booked.get(post_id):
                results.append(looks.told(post_id, awaited, Result.WAITING, "another reader was first"))
                continue
            if _unanswered(seen, post_id):
                why = "X said nothing of it; it is asked again tomorrow"
                results.append(looks.told(post_id, awaited, Result.WAITING, why))
                continue
            found = actions.get(post_id)
            action, gone = None if found is None else found.action, seen.gone.get(post_id, "")
            one = looks.looked(snapshot, post_id, action, seen.metrics.get(post_id), known.get(post_id), read_at, gone)
            snapshot = one.snapshot
            changes += one.changes
            results += one.posts
        return Move(
            snapshot=snapshot,
            written=transitions.differing(before, snapshot),
            others=(*changes, _journal(reading, booked, "answered", seen.told.resources)),
            result=tuple(results),
        )

    return ledger.move(desk, account, decide)


def _unanswered(seen: Seen, post_id: str) -> bool:
    """Whether X neither gave the post nor said why: it may be there all the same."""
    return post_id not in seen.metrics and post_id not in seen.gone and not seen.complete


# ------------------------------------------------------------------------------------------------------ one by name


def awaiting(desk: Desk, account: Account, post_id: str, *, write: bool) -> tuple[Account, Measurement | None]:
    """See that one post is on the agenda, or tell why it is not to be; the ledger is searched for it, newest first.

    Without `write` the agenda changes in memory only. Raises `NotFound` for a post that the ledger does not know.
    """
    if post_id in account.snapshot.measuring.posts:
        return account, None
    sent = desk.store.actions(desk.account, state=State.SENT)
    action = next((stored.action for stored in sent if stored.action.post_id == post_id), None)
    if action is None:
        raise NotFound("the ledger knows no such post", where=post_id, mend="see 'songpost actions --state sent'")
    known = crediting.stored_credits(desk.store, desk.account, (post_id,)).get(post_id)
    why = _no_learning_from(action, known)
    if why:
        shown = Measured(
            post_id=post_id,
            key=action.key,
            result=_stands(known),
            reason=why,
            arm=action.arm,
            reward=None if known is None else known.reward,
            final=True,
        )
        return account, Measurement(account=account, posts=(shown,))

    (awaited,) = transitions.with_awaited(Measuring(), action).posts.values()
    awaited = replace(awaited, credited_at=None if known is None else known.credited_at)

    def decide(current: Account) -> Move[None]:
        measuring = replace(current.snapshot.measuring, posts={**current.snapshot.measuring.posts, post_id: awaited})
        return Move(snapshot=replace(current.snapshot, measuring=measuring), written=(MEASURING,), result=None)

    if not write:
        return Account(decide(account).snapshot, account.stored), None
    return ledger.move(desk, account, decide)[0], None


def _stands(known: crediting.Stored | None) -> Result:
    if known is None:
        return Result.NOT_CREDITED
    return Result.CREDITED if known.corrected_at is None else Result.CORRECTED


def _no_learning_from(action: Action, known: crediting.Stored | None) -> str:
    if action.kind not in ORIGINALS:
        return f"a {action.kind.value} is no post of ours to learn from"
    if action.arm is None:
        return "no arm chose it: a person wrote or pinned it"
    if known is not None and known.corrected_at is not None:
        return f"it was credited at {known.credited_at.isoformat()} and corrected at {known.corrected_at.isoformat()}"
    if known is not None and correction_at(known.posted_at, known.credited_at) is None:
        return f"it was credited at {known.credited_at.isoformat()}, old enough for that to stand"
    return ""
