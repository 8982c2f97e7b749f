"""A tick's session in a simulation, and what stays between the ticks of one account, as in a warm function.

A load whose documents are as the last tick left them is not decoded again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from songpost import invoking
from songpost.agent import documents, events
from songpost.agent.ledger import Account, Desk
from songpost.bootstrap import Session
from songpost.core.snapshot import DOCUMENTS, PLAN_PREFIX, Snapshot
from songpost.lab.simulation.moments import Watch
from songpost.lab.simulation.reliance import Reliance
from songpost.lab.simulation.texts import PICTURE_BYTES
from songpost.lab.simulation.trying import Busy, Proof, TriedStore
from songpost.model import Media
from songpost.nouns import replace
from songpost.settings import Settings
from songpost.store.port import Loaded

if TYPE_CHECKING:
    from songpost.agent.measuring import Measurement
    from songpost.agent.reading import Round
    from songpost.agent.writing import Tick
    from songpost.x.client import Client

LAMBDA_SECONDS = 900.0
WRITE, READ = events.Invocation(mode="both"), events.Invocation(mode="all")


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
        """A tick has left the account like this, as far as it knows.

        Raises `AssertionError` where it has changed a document and not written it: a function would have lost that,
        and what stays warm here would hide it.
        """
        before = snapshot if self.snapshot is None else self.snapshot
        for name in DOCUMENTS:
            was, now = getattr(before, name), getattr(snapshot, name)
            if was is not now and was != now and before.versions.get(name) == snapshot.versions.get(name):
                raise AssertionError(f"a tick has changed the document {name} and not written it")
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

    def write(self, *, told: bool) -> Tick | None:
        """A tick of the writer; `told`: as the handler plays it, with the summary that is logged."""
        play = invoking.run_writer if told else invoking.write
        return play(self, WRITE, lambda: LAMBDA_SECONDS)[1]

    def read(self, *, told: bool) -> tuple[Measurement | None, Round | None]:
        """A tick of the reader: what was measured, and what was read; `told` as above."""
        play = invoking.run_reader if told else invoking.look
        return play(self, READ, lambda: LAMBDA_SECONDS)[1:3]

    def proof(self) -> Proof | None:
        """What a tried tick has shown that had no effect; `None` where it rests on what nobody tells of."""
        store = self.store
        if self.tried is None or self.reliance is None or not isinstance(store, TriedStore) or store.elsewhere:
            return None
        return Proof(watch=self.tried, loaded=self.loaded, reliance=self.reliance, asked=store.asked)
