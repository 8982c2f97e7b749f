"""The stage of a simulation: X in process, one store for all accounts, one clock, and what may go wrong between them.

Nothing of Songpost is replaced: a tick is the functions' own, in a session of its own (`sessions.py`). The wire and the
store (a port) are wrapped, so that calls and commits are counted, and fail or end the process where the dice say so.
What a load brought is remembered together with what was committed since: nobody else writes this store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from songpost.errors import CommitUnanswered, StoreUnavailable
from songpost.lab.in_process import SandboxTransport
from songpost.lab.sandbox.sandbox import Sandbox
from songpost.lab.simulation.audience import Dice
from songpost.model import Json, Kind, State
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
