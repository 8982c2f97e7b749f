"""The stage of a simulation: X in process, one store for all accounts, one clock, and what may go wrong between them.

Nothing of Songpost is replaced: a tick is the functions' own, in a session of its own. The wire (a transport) and the
store (a port) are wrapped, so that calls and commits are counted, and fail or end the process where the dice say so.
What a load brought is remembered until something of the account is committed: nobody else writes this store.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from songpost.agent import documents
from songpost.agent.ledger import Account, Desk
from songpost.bootstrap import Session
from songpost.core.snapshot import Snapshot
from songpost.errors import CommitUnanswered, StoreUnavailable
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.simulation.audience import Dice
from songpost.model import Json, Kind, State
from songpost.store.port import Change, Item, Loaded, Store, StoredAction
from songpost.x.transport import Request, Response

if TYPE_CHECKING:
    from songpost.x.client import Client


class Died(BaseException):
    """The process ends here: nothing catches it, as nothing catches SIGKILL."""


class Busy(BaseException):
    """A tick that was only tried out is about to do something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishaps:
    """How often things go wrong outside of X: per commit an answer that is lost or a store that is not there, per
    commit and per call a process that dies just before or just after it.
    """

    lost: float = 0.0
    unavailable: float = 0.0
    death: float = 0.0


MISHAPS: Mapping[str, Mishaps] = {
    "none": Mishaps(),
    "rough": Mishaps(lost=0.004, unavailable=0.004, death=0.001),
    "hostile": Mishaps(lost=0.03, unavailable=0.03, death=0.01),
}
"""Beside the profiles of X's faults of the same names (`lab/sandbox/faults.py`)."""


@dataclass(slots=True)
class Happened:
    """What was counted on the way."""

    calls: int = 0
    commits: int = 0
    store: int = 0
    deaths: int = 0
    mails: int = 0


class Chance:
    """The dice of what goes wrong outside of X."""

    def __init__(self, mishaps: Mishaps, seed: int, happened: Happened) -> None:
        self.mishaps, self.happened = mishaps, happened
        self._dice = Dice(seed, "mishaps")

    def trouble(self) -> str:
        """What the store does to the next commit; mostly nothing."""
        if not self.mishaps.lost:
            return ""
        point = self._dice.uniform()
        for name, share in (
            ("lost before", self.mishaps.lost / 2),
            ("lost after", self.mishaps.lost / 2),
            ("unavailable", self.mishaps.unavailable),
        ):
            point -= share
            if point < 0:
                self.happened.store += 1
                return name
        return ""

    def survive(self) -> None:
        """Go on, or die here."""
        if self.mishaps.death and self._dice.uniform() < self.mishaps.death / 2:
            self.happened.deaths += 1
            raise Died


class RememberingStore(Store):
    """A store that nobody else writes: what was loaded of an account is true until it commits.

    `written` is called with the account's name when something of it was, or may have been, written.
    """

    def __init__(self, inner: Store, chance: Chance, written: Callable[[str], None]) -> None:
        self.inner, self.chance, self._written = inner, chance, written
        self._loaded: dict[str, Loaded] = {}
        self._before: dict[str, Loaded] = {}

    def load(self, account: str) -> Loaded:
        """Load, unless nothing was committed since the last time; documents whose version stands are the same ones."""
        if account not in self._loaded:
            loaded, before = self.inner.load(account), self._before.get(account, Loaded()).documents
            documents = {
                name: before[name] if name in before and before[name].version == document.version else document
                for name, document in loaded.documents.items()
            }
            self._loaded[account] = self._before[account] = Loaded(documents, loaded.actions)
        return self._loaded[account]

    def commit(self, account: str, changes: Sequence[Change], token: str) -> None:
        """Commit; the answer may get lost on either side of the effect, and the process may end there."""
        self.chance.survive()
        trouble = self.chance.trouble()
        if trouble == "unavailable":
            raise StoreUnavailable("throttled", where=account, mend="try again")
        if trouble != "lost before":
            self._forget(account)
            self.chance.happened.commits += 1
            self.inner.commit(account, changes, token)
        self.chance.survive()
        if trouble:
            raise CommitUnanswered("no answer", where=account, mend="ask again")

    def _forget(self, account: str) -> None:
        self._loaded.pop(account, None)
        self._written(account)

    def action(self, account: str, key: str) -> StoredAction | None:
        """As the store has it."""
        return self.inner.action(account, key)

    def actions(
        self,
        account: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        state: State | None = None,
        kind: Kind | None = None,
        limit: int | None = None,
    ) -> Iterator[StoredAction]:
        """As the store has them."""
        return self.inner.actions(account, since=since, until=until, state=state, kind=kind, limit=limit)

    def items(
        self, account: str, collection: str, *, after: str = "", until: str = "", newest_first: bool = False
    ) -> Iterator[Item]:
        """As the store has them."""
        return self.inner.items(account, collection, after=after, until=until, newest_first=newest_first)

    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """As the store does."""
        return self.inner.acquire_lease(account, name, holder, now, until)

    def release_lease(self, account: str, name: str, holder: str) -> None:
        """As the store does."""
        self.inner.release_lease(account, name, holder)

    def export(self, account: str) -> Iterator[dict[str, Json]]:
        """As the store has it."""
        return self.inner.export(account)

    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> int:
        """As the store does."""
        self._forget(account)
        return self.inner.import_(account, records)

    def close(self) -> None:
        """Close the store."""
        self.inner.close()


class TriedStore(RememberingStore):
    """The same store for a tick that is only tried out: it reads, and whoever would write is busy."""

    def __init__(self, of: RememberingStore) -> None:
        super().__init__(of.inner, of.chance, lambda _: None)
        self._of = of

    def load(self, account: str) -> Loaded:
        """As the other store remembers it."""
        return self._of.load(account)

    def commit(self, account: str, changes: Sequence[Change], token: str) -> NoReturn:
        """Busy."""
        del account, changes, token
        raise Busy

    def acquire_lease(self, account: str, name: str, holder: str, now: datetime, until: datetime) -> NoReturn:
        """Busy."""
        del account, name, holder, now, until
        raise Busy

    def release_lease(self, account: str, name: str, holder: str) -> NoReturn:
        """Busy."""
        del account, name, holder
        raise Busy

    def import_(self, account: str, records: Iterable[Mapping[str, Json]]) -> NoReturn:
        """Busy."""
        del account, records
        raise Busy


class NoWire:
    """The wire of a tick that is only tried out: whoever would call is busy."""

    def send(self, request: Request) -> NoReturn:
        """Busy."""
        del request
        raise Busy


class TriedMail:
    """The mail of a tick that is only tried out: whoever would write to the owner is busy."""

    def send(self, subject: str, body: str) -> NoReturn:
        """Busy."""
        del subject, body
        raise Busy


class Letterbox:
    """The mail of a virtual owner, who looks anyway: it is counted."""

    def __init__(self, happened: Happened) -> None:
        self._happened = happened

    def send(self, subject: str, body: str) -> None:
        """Take it in."""
        del subject, body
        self._happened.mails += 1


class CountedWire:
    """The sandbox as one account's wire: counts its calls and X's charges for them, and may end the process.

    `before_reads` lets the audience's reactions come in before X is asked for posts.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        clock: Callable[[], datetime],
        chance: Chance,
        before_reads: Callable[[], None],
        billed: Callable[[int], None],
    ) -> None:
        self._inner = SandboxTransport(sandbox, clock)
        self._sandbox, self._chance = sandbox, chance
        self._before_reads, self._billed = before_reads, billed

    def send(self, request: Request) -> Response:
        """Call, and put X's charge down to the account and the day."""
        self._chance.survive()
        if request.method == "GET" and urlsplit(request.url).path.endswith("/tweets"):
            self._before_reads()
        self._chance.happened.calls += 1
        before = self._sandbox.service.bill.spent_micros
        try:
            answer = self._inner.send(request)
        finally:
            self._billed(self._sandbox.service.bill.spent_micros - before)
        self._chance.survive()
        return answer


class Ids:
    """Ids that follow from a count: the same in every run."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        """The next one: 32 hex digits."""
        self._last += 1
        return f"{self._last:032x}"

    def mark(self) -> int:
        """Where the count stands."""
        return self._last

    def back_to(self, mark: int) -> None:
        """Forget the ids that were made since: they named nothing."""
        self._last = mark


@dataclass(frozen=True, slots=True)
class LastingToken:
    """An access token of OAuth 2.0 that never ends: to sign every call by OAuth 1.0a takes longer than to answer it."""

    token: str

    def access_token(self, deadline: datetime) -> str:
        """Give it."""
        del deadline
        return self.token

    def renewed(self, rejected: str, deadline: datetime) -> str:
        """There is no other."""
        del rejected, deadline
        return self.token


@dataclass(slots=True)
class Warm:
    """What stays between the ticks of one account."""

    seed: str
    token: str
    loaded: Loaded | None = None
    snapshot: Snapshot | None = None
    client: Client | None = None

    def client_of(self, session: Session) -> Client:
        """The account's client."""
        if self.client is None:
            from songpost.x.authorization import OAuth2Authorization
            from songpost.x.client import Client

            self.client = Client(
                OAuth2Authorization(LastingToken(self.token)),
                session.wire,
                clock=session.clock,
                sleep=session.sleep,
                user_id=session.credentials.user_id,
                rng=random.Random(self.seed),
            )
        return self.client


@dataclass(kw_only=True)
class VirtualSession(Session):
    """A session of one tick. What a warm function keeps, its account keeps in `warm`: the client, and what was decoded
    of the newest load.
    """

    warm: Warm
    deciding: Callable[[], datetime] | None = None

    @cached_property
    def desk(self) -> Desk:
        """The ledger's desk, on a clock of its own where one is given: by it things are decided, by the other told."""
        desk = super().desk
        return desk if self.deciding is None else replace(desk, now=self.deciding)

    def _account(self, loaded: Loaded) -> Account:
        if self.warm.loaded is not loaded:
            before = self.warm.loaded, self.warm.snapshot
            known = None if before[0] is None or before[1] is None else (before[0], before[1])
            self.warm.snapshot = documents.snapshot_of(self.account, loaded, self.given.settings, known)
            self.warm.loaded = loaded
        if self.warm.snapshot is None:
            raise AssertionError("a load was remembered without its snapshot")
        return Account(self.warm.snapshot, dict(loaded.actions))

    @cached_property
    def client(self) -> Client:
        """X's client, with seeded dice for its waits; whoever asks for it in a tick that is tried out is busy."""
        if self.deciding is not None:
            raise Busy
        return self.warm.client_of(self)
