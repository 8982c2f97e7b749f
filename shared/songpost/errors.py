"""Every error that Songpost raises on purpose, in one tree.

    SongpostError                 what was wrong, where, and what to do about it
    ├── BadInput                  a person or a caller gave something unusable (exit code 2)
    │   ├── SettingsError         a settings file; carries every problem with its path
    │   ├── ContentError          a content file
    │   ├── VariableError         an environment variable
    │   ├── EventError            the event of an invocation
    │   └── UsageError            the words of a command
    ├── Refusal                   Songpost would not do it, and says why (exit code 1)
    │   ├── ClockError            this clock cannot be trusted
    │   ├── IdentityError         these credentials are of another X user than the store
    │   ├── CredentialsError      credentials are missing or unreadable
    │   ├── PriceUnknown          a call that no price list prices
    │   └── NotFound              no action, plan or slot of that name
    ├── StoreError                the store
    │   ├── StoreUnavailable      locked, throttled, unreachable, read-only, disk full
    │   ├── StoreUnreadable       not a store, truncated, or a document that does not decode
    │   ├── StoreNewer            written by a newer Songpost
    │   ├── CommitRefused         no store takes these changes: too many, too large, two on one record
    │   ├── CommitConflict        somebody else moved a version first; nothing was written
    │   └── CommitUnanswered      no answer: it may or may not have been written
    ├── MailFailed                a notice to the owner did not go out; nothing else depends on it
    ├── SourceError               a feed or a model gave no texts; nothing else depends on it
    └── XError                    X's answer, or its absence
        ├── NotSent               nothing reached X: certainly not billed
        ├── RateLimited           429: certainly not billed; carries retry_at
        │   └── UsageCapped       429 because a monthly or project cap is spent: waiting minutes is no use
        ├── Refused               X said no to this action (400, 403, 404 …): final
        │   └── Duplicate         403 because the text was posted before
        ├── AccountBlocked        nothing of this account will succeed now; the action stays planned
        │   ├── Unauthorized      401
        │   ├── CreditsDepleted   402
        │   └── Suspended         403: suspended, locked, or the app is not enrolled
        └── OutcomeOpen           may have taken effect, a read may be billed (timeout, 3xx, 408, 5xx)
            └── Unreadable        an answer that cannot be understood (HTML, empty, a list, no id)

An error's message is one line for a person; `mend` is the next step. No error carries a secret: what
comes from outside is cut to `QUOTE_CHARACTERS` and passed through `quote` before it gets in here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from songpost.nouns import dataclass

if TYPE_CHECKING:
    from songpost.account_documents import Bucket

QUOTE_CHARACTERS = 200


def quote(value: object) -> str:
    """Show a foreign value in a message: its repr, cut to `QUOTE_CHARACTERS` characters."""
    try:
        shown = repr(value)
    except ValueError:  # a whole number of thousands of digits
        shown = "an endless number"
    return shown if len(shown) <= QUOTE_CHARACTERS else shown[:QUOTE_CHARACTERS] + "…"


class SongpostError(Exception):
    """What was wrong (`what`), where (`where`: a file, variable, key), and the way out (`mend`)."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        """One line: place, fault, way out."""
        place = f"{self.where}: " if self.where else ""
        way_out = f" — {self.mend}" if self.mend else ""
        return f"{place}{self.what}{way_out}"

    @property
    def name(self) -> str:
        """The error's name as it stands in summaries and logs."""
        return type(self).__name__


class BadInput(SongpostError):
    """A person or a caller gave something unusable."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a settings or content file: its path (`budget.usd_per_month`), and what is wrong."""

    path: str
    message: str

    def __str__(self) -> str:
        """`path: message`."""
        return f"{self.path}: {self.message}"


class SettingsError(BadInput):
    """A settings file with every one of its problems."""

    def __init__(self, problems: tuple[Problem, ...], *, where: str) -> None:
        self.problems = problems
        count = len(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''}{lines}",
            where=where,
        )


class ContentError(SettingsError):
    """A content file with every one of its problems."""


class VariableError(BadInput):
    """An environment variable; `where` is its name."""


class EventError(BadInput):
    """The event of an invocation; `where` is the key."""


class UsageError(BadInput):
    """The words of a command."""


class Refusal(SongpostError):
    """Songpost would not do it, and says why."""


class ClockError(Refusal):
    """The clock is off: against X's `Date` header, or behind what the store already holds."""


class IdentityError(Refusal):
    """The credentials belong to another X user than the one this store was made for."""


class CredentialsError(Refusal):
    """Credentials are missing, unreadable, or of a grant that is dead."""


class PriceUnknown(Refusal):
    """A call that the account's price list does not price: it is not made."""


class NotFound(Refusal):
    """No action, plan, slot or file of that name."""


class MailFailed(SongpostError):
    """A notice to the owner may not have gone out. What it tells of is in the ledger all the same."""


class SourceError(SongpostError):
    """A feed or a model gave no texts; nothing else depends on it."""


class StoreError(SongpostError):
    """The store could not do what was asked."""


class StoreUnavailable(StoreError):
    """Locked, throttled, unreachable, read-only, or out of room. Nothing was written."""


class StoreUnreadable(StoreError):
    """Not a store, truncated, or holding something that does not decode."""


class StoreNewer(StoreError):
    """Written by a newer Songpost than this one."""


class CommitRefused(StoreError):
    """No store takes these changes, and repeating them is of no use. Nothing was written."""


class CommitConflict(StoreError):
    """Another writer moved one of the versions first. Nothing was written; load and decide again."""


class CommitUnanswered(StoreError):
    """The store gave no answer. It may have been written: repeat with the same token until it answers."""


class XError(SongpostError):
    """X's answer or its absence; `status` is 0 where there was none, `limits` what its headers told.

    `answered_at` is X's own time (its `Date` header), `skew_seconds` how far this clock is ahead of it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        mend: str = "",
        status: int = 0,
        limits: tuple[Bucket, ...] = (),
        answered_at: datetime | None = None,
        skew_seconds: int = 0,
    ) -> None:
        super().__init__(what, where=where, mend=mend)
        self.status = status
        self.limits = limits
        self.answered_at = answered_at
        self.skew_seconds = skew_seconds


class NotSent(XError):
    """Nothing reached X (no connection, or the send deadline had passed): certainly not billed."""


class RateLimited(XError):
    """429: certainly not billed. `retry_at` is the latest reset among the exhausted buckets, if told."""

    def __init__(  # noqa: PLR0913 - what an answer told, each by its name
        self,
        what: str,
        *,
        retry_at: datetime | None = None,
        where: str = "",
        mend: str = "",
        status: int = 429,
        limits: tuple[Bucket, ...] = (),
        answered_at: datetime | None = None,
        skew_seconds: int = 0,
    ) -> None:
        super().__init__(
            what,
            where=where,
            mend=mend,
            status=status,
            limits=limits,
            answered_at=answered_at,
            skew_seconds=skew_seconds,
        )
        self.retry_at = retry_at


class UsageCapped(RateLimited):
    """429: a monthly or project cap is spent. `retry_at` is mostly not told: the cap's own period decides."""


class Refused(XError):
    """X said no to this very action, for good."""


class Duplicate(Refused):
    """403: X has seen this text. On a second send that is a reason to reconcile, not a refusal."""


class AccountBlocked(XError):
    """Nothing of this account will succeed until a person mends it. The action stays planned."""


class Unauthorized(AccountBlocked):
    """401: the token is not accepted."""


class CreditsDepleted(AccountBlocked):
    """402: the prepaid credits are gone."""


class Suspended(AccountBlocked):
    """403: the account is suspended or locked, or the app is not enrolled."""


class OutcomeOpen(XError):
    """The call may have taken effect: only the timeline can tell. Of a read: it may have been billed."""


class Unreadable(OutcomeOpen):
    """X's answer cannot be understood: HTML, nothing, a list, a 201 without an id."""
