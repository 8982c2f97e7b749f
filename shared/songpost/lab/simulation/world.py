"""The stage of a simulation: X in process, one store for all accounts, one clock, and what may go wrong between them.

Nothing of Songpost is replaced: a tick is the functions' own, in a session of its own. The wire (a transport) and the
store (a port) are wrapped, so that calls and commits are counted, and fail or end the process where the dice say so.
What a load brought is remembered together with what was committed since: nobody else writes this store.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from songpost.agent import documents
from songpost.agent.ledger import Account, Desk
from songpost.bootstrap import Session
from songpost.core.snapshot import PLAN_PREFIX, Snapshot
from songpost.errors import CommitUnanswered, StoreUnavailable
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.simulation.audience import Dice
from songpost.lab.simulation.moments import Watch
from songpost.lab.simulation.reliance import Reliance
from songpost.lab.simulation.texts import PICTURE_BYTES
from songpost.lab.simulation.trying import Busy, Proof, TriedStore
from songpost.model import Json, Kind, Media, State
from songpost.nouns import replace
from songpost.settings import Settings
from songpost.store.port import (
    Change,
    DeleteDocument,
    Document,
    Item,
    Loaded,
    PutAction,
    PutDocument,
    Store,
    StoredAction,
)
from songpost.x.transport import Request, Response

if TYPE_CHECKING:
    from songpost.x.client import Client


_OF_DOCUMENTS = (PutDocument, DeleteDocument)


class Died(BaseException):
    """The process ends here: nothing catches it, as nothing catches SIGKILL."""


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
    """A store that nobody else writes: what was loaded of an account, and what was committed of it since, is true.

    `written` is called with the account's name and the changes when something of it was, or may have been, written.
    One that is `honest` remembers nothing: each load asks the store.
    """

    def __init__(
        self, inner: Store, chance: Chance, written: Callable[[str, Sequence[Change]], None], *, honest: bool = False
    ) -> None:
        self.inner, self.chance, self._written, self._honest = inner, chance, written, honest
        self._loaded: dict[str, Loaded] = {}

    def load(self, account: str) -> Loaded:
        """Load, unless it was loaded before."""
        found = self._loaded.get(account)
        if found is None or self._honest:
            found = self._loaded[account] = self.inner.load(account)
        return found

    def commit(self, account: str, changes: Sequence[Change], token: str) -> None:
        """Commit; the answer may get lost on either side of the effect, and the process may end there."""
        self.chance.survive()
        trouble = self.chance.trouble()
        if trouble == "unavailable":
            raise StoreUnavailable("throttled", where=account, mend="try again")
        if trouble != "lost before":
            self.chance.happened.commits += 1
            self.inner.commit(account, changes, token)
            self._remember(account, changes)
            self._written(account, changes)
        self.chance.survive()
        if trouble:
            raise CommitUnanswered("no answer", where=account, mend="ask again")

    def _remember(self, account: str, changes: Sequence[Change]) -> None:
        """What was loaded is as this commit has left it; a commit that is repeated leaves it as it is."""
        before = self._loaded.get(account)
        if before is None:
            return
        documents, actions = dict(before.documents), dict(before.actions)
        for change in changes:
            if isinstance(change, _OF_DOCUMENTS):
                if change.account not in {"", account}:
                    self._loaded.pop(change.account, None)
                elif isinstance(change, PutDocument):
                    documents[change.name] = Document(change.name, change.expected + 1, change.body)
                else:
                    documents.pop(change.name, None)
            elif isinstance(change, PutAction):
                actions.pop(change.action.key, None)
                if change.action.is_open:
                    version = 1 if change.previous is None else change.previous.version + 1
                    actions[change.action.key] = StoredAction(change.action, version)
        kept = before.actions if actions == before.actions else dict(sorted(actions.items()))
        if documents.keys() != before.documents.keys():
            documents = dict(sorted(documents.items()))
        self._loaded[account] = Loaded(documents, kept)

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
        self._loaded.pop(account, None)
        return self.inner.import_(account, records)

    def close(self) -> None:
        """Close the store."""
        self.inner.close()


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
        if request.method == "GET" and request.url.partition("?")[0].endswith("/tweets"):
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
    """What stays between the ticks of one account: the client, and the newest snapshot that anybody had of it."""

    seed: str
    token: str
    honest: bool = False
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

    def snapshot_of(self, account: str, loaded: Loaded, settings: Settings) -> Snapshot:
        """What a load brought, decoded. A document whose version was known is not, unless all is to be `honest`."""
        if self.loaded is not loaded or self.snapshot is None:
            if self.snapshot is None or self.honest:
                self.snapshot = documents.snapshot_of(account, loaded, settings)
            elif not self._is_as_loaded(loaded, self.snapshot):
                self.snapshot = documents.snapshot_of(account, loaded, settings, self._known(loaded, self.snapshot))
            self.loaded = loaded
        return self.snapshot

    @staticmethod
    def _is_as_loaded(loaded: Loaded, snapshot: Snapshot) -> bool:
        """Whether a load brought nothing else than what a tick has left, in the same order."""
        plans = [name for name in loaded.documents if name.startswith(PLAN_PREFIX)]
        return (
            snapshot.versions == {name: one.version for name, one in loaded.documents.items()}
            and [*snapshot.actions.values()] == [one.action for one in loaded.actions.values()]
            and [PLAN_PREFIX + day for day in snapshot.plans] == plans
        )

    @staticmethod
    def _known(loaded: Loaded, snapshot: Snapshot) -> tuple[Loaded, Snapshot]:
        versions = snapshot.versions
        same = {name: one for name, one in loaded.documents.items() if versions.get(name) == one.version}
        return Loaded(same), snapshot

    def left(self, snapshot: Snapshot) -> None:
        """A tick has left the account like this, as far as it knows."""
        self.loaded, self.snapshot = None, snapshot


@dataclass(kw_only=True)
class VirtualSession(Session):
    """A session of one tick. What a warm function keeps, its account keeps in `warm`.

    One that is `tried` decides by a clock of its own and over a snapshot that notices what it is asked.
    """

    warm: Warm
    tried: Watch | None = None
    reliance: Reliance | None = None

    @cached_property
    def desk(self) -> Desk:
        """The ledger's desk, on a clock of its own where the tick is tried: by it things are decided."""
        desk = super().desk
        return desk if self.tried is None else replace(desk, now=self.tried.moment)

    def _account(self, loaded: Loaded) -> Account:
        snapshot = self.warm.snapshot_of(self.account, loaded, self.given.settings)
        if self.tried is not None:
            if self.reliance is None:
                self.reliance = Reliance(snapshot)
            snapshot = self.reliance.view
        return Account(snapshot, dict(loaded.actions))

    @cached_property
    def client(self) -> Client:
        """X's client, with seeded dice for its waits; whoever asks for it in a tick that is tried out is busy."""
        if self.tried is not None:
            raise Busy
        return self.warm.client_of(self)

    def _medium(self, medium: Media) -> bytes:
        """Made up, as the texts are."""
        del medium
        return PICTURE_BYTES

    def proof(self) -> Proof | None:
        """What a tried tick has shown that had no effect; `None` where it rests on what nobody tells of."""
        store = self.store
        if self.tried is None or self.reliance is None or not isinstance(store, TriedStore) or store.elsewhere:
            return None
        return Proof(watch=self.tried, loaded=self.loaded, reliance=self.reliance, asked=store.asked)
