"""Before the first live action: whose account is this, and what has it posted before?

A store belongs to one X user. The first live tick asks X who the credentials are (one user read), and reads
the newest of the account's own posts, so that spacing, duplicates and baselines start from what is there. Both
reads are admitted like any other. Credentials of another user are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from songpost.account_documents import Bucket, Identity, PostMark
from songpost.agent import documents, ledger, transitions
from songpost.agent.ledger import Account, Desk, Move
from songpost.core import policy, rate_limits, similarity
from songpost.core.admission import Refused
from songpost.core.ownership import own_price
from songpost.core.reads import AdmittedRead, admit_read, settled_read
from songpost.core.snapshot import Snapshot
from songpost.errors import ClockError, IdentityError
from songpost.model import SKEW_SECONDS, Kind, Post, PriceClass, User
from songpost.nouns import replace

FIRST_POSTS = 10
"""Own posts that the first tick reads."""
BIO_CHARACTERS = 400
"""X lets a description hold 160; emoji and links of old ones weigh more."""
BIO_AGAIN = timedelta(hours=6)
"""How often a description that does not name the operator is read again (one user read, $0.01)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an answer told beside its value."""

    resources: int
    skew_seconds: int
    limits: tuple[Bucket, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """How to ask X who we are, and what the credentials hash to."""

    credentials: str
    user_id: str
    me: Callable[[], tuple[User, Told]]
    posts: Callable[[str, int], tuple[tuple[Post, ...], Told]]


def enrol(desk: Desk, account: Account, passport: Passport) -> tuple[Account, Refused | None]:
    """Learn the account's user and past, unless they are known; a refusal says which gate stood in the way.

    Raises `IdentityError` for another user's credentials, `ClockError`, and the errors of `x/`.
    """
    known = account.snapshot.identity
    if known is not None and passport.user_id and passport.user_id != known.user_id:
        raise _another(passport.user_id, known)
    if known is None or known.credentials != passport.credentials or _wants_bio(account, known, desk.now()):
        account, refused = ask_who(desk, account, passport)
        if refused is not None:
            return account, refused
    if account.snapshot.timeline.read_at is None:
        return _learn_past(desk, account, passport)
    return account, None


def _wants_bio(account: Account, known: Identity, now: datetime) -> bool:
    """Whether the user's description is to be read: it never was, or it stands in the way and may have changed."""
    operator = account.snapshot.settings.operator
    if known.bio is None:
        return True
    return not policy.names_operator(operator, known.bio) and now >= known.learned_at + BIO_AGAIN


def _another(user_id: str, known: Identity) -> IdentityError:
    return IdentityError(
        f"the credentials are those of user {user_id}, this store is that of {known.user_id} (@{known.username})",
        where="identity",
        mend="use that account's credentials, or another SONGPOST_ACCOUNT for this one",
    )


def _book(
    desk: Desk, account: Account, endpoint: str, price_class: PriceClass, resources: int
) -> tuple[Account, AdmittedRead | Refused]:
    """Commit the booking of a read; the account comes back as the commit left it."""

    def decide(current: Account) -> Move[AdmittedRead | Refused]:
        decision = admit_read(current.snapshot, endpoint, price_class, resources, desk.now(), must=True)
        if isinstance(decision, Refused):
            return Move(snapshot=current.snapshot, result=decision)
        return Move(
            snapshot=decision.snapshot,
            written=decision.written,
            relied_on=("control", documents.SETTINGS),
            result=decision,
        )

    return ledger.move(desk, account, decide)


def _record(desk: Desk, account: Account, change: Callable[[Snapshot], Snapshot]) -> Account:
    """Commit what a read brought; `change` is pure."""

    def decide(current: Account) -> Move[None]:
        after = change(current.snapshot)
        return Move(snapshot=after, written=transitions.differing(current.snapshot, after), result=None)

    return ledger.move(desk, account, decide)[0]


def check_clock(told: Told) -> None:
    """Raise `ClockError` where this clock and X's differ by more than `SKEW_SECONDS`."""
    if abs(told.skew_seconds) > SKEW_SECONDS:
        raise ClockError(
            f"this clock is {told.skew_seconds:+d} s off X's",
            where="clock",
            mend="set the clock by network time; nothing is sent before",
        )


def ask_who(desk: Desk, account: Account, passport: Passport) -> tuple[Account, Refused | None]:
    """Ask X who the credentials are, booked like any read, and learn it. Raises as `enrol` does."""
    account, decision = _book(desk, account, rate_limits.ME, PriceClass.USER_READ, 1)
    if isinstance(decision, Refused):
        return account, decision
    user, told = passport.me()
    known = account.snapshot.identity
    if known is not None and known.user_id != user.id:
        raise _another(user.id, known)

    def learned(snapshot: Snapshot) -> Snapshot:
        settled = settled_read(snapshot, decision, max(1, told.resources))
        limits = rate_limits.learned(snapshot.limits, told.limits)
        blank = Identity(user_id=user.id, username=user.username, credentials="", learned_at=told.at)
        identity = replace(
            snapshot.identity or blank,
            username=user.username,
            credentials=passport.credentials,
            learned_at=told.at,
            bio=user.description[:BIO_CHARACTERS],
        )
        return replace(settled, identity=identity, limits=limits)

    account = _record(desk, account, learned)
    check_clock(told)
    return account, None


def kind_of(post: Post) -> Kind:
    """What a post of the timeline is."""
    if post.reposted:
        return Kind.REPOST
    return Kind.REPLY if post.replied_to else Kind.POST


def _learn_past(desk: Desk, account: Account, passport: Passport) -> tuple[Account, Refused | None]:
    identity = account.snapshot.identity
    if identity is None:
        raise AssertionError("the past is read after the user is known")
    price_class = own_price(account.snapshot, desk.now().date())
    account, decision = _book(desk, account, rate_limits.TIMELINE, price_class, FIRST_POSTS)
    if isinstance(decision, Refused):
        return account, decision
    posts, told = passport.posts(identity.user_id, FIRST_POSTS)
    dated = [(post, post.created_at) for post in posts if post.created_at is not None]
    marks = tuple(PostMark(id=post.id, posted_at=at, by_hand=True, kind=kind_of(post)) for post, at in dated)
    entries = tuple(similarity.entry(post.text, at) for post, at in reversed(dated) if not post.reposted)

    def learned(snapshot: Snapshot) -> Snapshot:
        settled = settled_read(snapshot, decision, told.resources)
        if snapshot.timeline.read_at is not None:
            # Another tick was first, and may have posted since: what this read shows is not the past any more.
            return replace(settled, limits=rate_limits.learned(snapshot.limits, told.limits))
        fingerprints = snapshot.fingerprints
        fresh = tuple(entry for entry in entries if entry not in fingerprints.entries)
        timeline = replace(transitions.with_marks(snapshot.timeline, marks), read_at=told.at)
        return replace(
            settled,
            timeline=timeline,
            fingerprints=replace(fingerprints, entries=(*fresh, *fingerprints.entries)),
            limits=rate_limits.learned(snapshot.limits, told.limits),
        )

    account = _record(desk, account, learned)
    check_clock(told)
    return account, None
