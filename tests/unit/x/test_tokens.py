"""The rotating pair: refreshed once, stored before use, never spent twice."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest

from songpost.errors import (
    NotSent,
    OutcomeOpen,
    RateLimited,
    StoreUnavailable,
    StoreUnreadable,
    Unauthorized,
    XError,
)
from songpost.model import Json
from songpost.x.authorization import OAuth2Authorization
from songpost.x.credentials import OAuth2
from songpost.x.tokens import LEASE_SECONDS, Grant, Pair, decoded, encoded, exchange, keep
from songpost.x.transport import Request, Response
from tests.unit.x.conftest import NOW, PaperX, answer

CLIENT = OAuth2(client_id="client-1", client_secret="client-secret")
DEADLINE = NOW + timedelta(seconds=60)
PAIR = Pair(generation=7, access_token="access-7", refresh_token="refresh-7", expires_at=NOW + timedelta(seconds=10))
FRESH: Json = {
    "access_token": "access-8",
    "refresh_token": "refresh-8",
    "expires_in": 7200,
    "scope": "tweet.read tweet.write",
}


@dataclass
class PaperStore:
    """A token store in memory that keeps what happened."""

    pair: Pair | None = PAIR
    events: list[str] = field(default_factory=list)
    failures: list[StoreUnavailable] = field(default_factory=list)

    def load(self) -> Pair | None:
        """Read."""
        return self.pair

    def claim(self, pair: Pair) -> bool:
        """Claim."""
        self.events.append(f"claim {pair.generation}")
        if self.pair is None or self.pair.generation != pair.generation or self.pair.spending:
            return False
        self.pair = replace(self.pair, spending=True)
        return True

    def unclaim(self, pair: Pair) -> None:
        """Take the claim back."""
        self.events.append(f"unclaim {pair.generation}")
        self.pair = replace(self.pair or pair, spending=False)

    def save(self, pair: Pair) -> bool:
        """Save, or fail as told."""
        if self.failures:
            raise self.failures.pop(0)
        self.events.append(f"save {pair.generation}")
        if self.pair is not None and self.pair.generation >= pair.generation:
            return False
        self.pair = pair
        return True


@dataclass
class PaperLease:
    """A lease that others may hold for some time; `meanwhile` is what they do in it."""

    held_for: int = 0
    meanwhile: Callable[[], None] = lambda: None
    events: list[tuple[str, float]] = field(default_factory=list)

    def acquire(self, holder: str, now: datetime, until: datetime) -> bool:
        """Take it, or see others hold it."""
        del holder
        if self.held_for:
            self.held_for -= 1
            if not self.held_for:
                self.meanwhile()
            return False
        self.events.append(("acquire", (until - now).total_seconds()))
        return True

    def release(self, holder: str) -> None:
        """Give it back."""
        del holder
        self.events.append(("release", 0.0))


@dataclass
class Bench:
    """A grant with all that it stands on."""

    paper: PaperX
    store: PaperStore
    lease: PaperLease
    credentials: OAuth2 = CLIENT

    @property
    def grant(self) -> Grant:
        """A process that has just started."""
        return Grant(self.credentials, self.store, self.lease, self.paper, self.paper.clock, self.paper.sleep)

    @property
    def forms(self) -> list[dict[str, list[str]]]:
        """The forms that the token endpoint received."""
        assert {("POST", "https://api.x.com/2/oauth2/token")} >= {(r.method, r.url) for r in self.paper.requests}
        return [parse_qs(request.body.decode()) for request in self.paper.requests]


@pytest.fixture
def bench(paper: PaperX) -> Bench:
    """A grant whose token ends in ten seconds."""
    return Bench(paper, PaperStore(), PaperLease())


def test_a_token_that_is_good_is_used_without_a_word(bench: Bench) -> None:
    """A token with time left is given as it is, and the store is not asked twice."""
    bench.store.pair = replace(PAIR, expires_at=NOW + timedelta(hours=1))
    grant = bench.grant

    assert ["access-7"] * 2 == [grant.access_token(DEADLINE) for _ in range(2)]
    assert ([], [], []) == (bench.paper.requests, bench.store.events, bench.lease.events)


def test_a_token_near_its_end_is_refreshed_under_the_lease_and_stored_before_use(bench: Bench) -> None:
    """Lease, claim, the one request, the new pair stored, lease given back; then the new token is used."""
    bench.paper.script = [answer(200, FRESH)]

    assert "access-8" == bench.grant.access_token(DEADLINE)

    assert ["claim 7", "save 8"] == bench.store.events
    assert [("acquire", LEASE_SECONDS), ("release", 0.0)] == bench.lease.events
    assert [{"grant_type": ["refresh_token"], "refresh_token": ["refresh-7"]}] == bench.forms
    expected = Pair(
        generation=8,
        access_token="access-8",
        refresh_token="refresh-8",
        expires_at=NOW + timedelta(seconds=7200),
        scopes=("tweet.read", "tweet.write"),
    )
    assert expected == bench.store.pair


def test_a_confidential_client_proves_itself_with_http_basic(bench: Bench) -> None:
    """A client with a secret sends it in the header, and nothing of it in the form."""
    bench.paper.script = [answer(200, FRESH)]

    bench.grant.access_token(DEADLINE)

    basic = b64encode(b"client-1:client-secret").decode()
    assert f"Basic {basic}" == bench.paper.requests[0].headers["Authorization"]


def test_a_public_client_names_itself_in_the_form(bench: Bench) -> None:
    """A client without a secret puts its id into the form and has no Authorization header."""
    bench.credentials = OAuth2(client_id="public-1")
    bench.paper.script = [answer(200, FRESH)]

    bench.grant.access_token(DEADLINE)

    assert ["public-1"] == bench.forms[0]["client_id"]
    assert "Authorization" not in bench.paper.requests[0].headers


def test_who_finds_the_lease_taken_waits_and_takes_the_winners_pair(bench: Bench) -> None:
    """A second process asks X nothing: it waits until the first has stored the new pair."""

    def win() -> None:
        bench.store.pair = replace(PAIR, generation=8, access_token="winner", expires_at=NOW + timedelta(hours=2))

    bench.lease = PaperLease(held_for=3, meanwhile=win)

    assert "winner" == bench.grant.access_token(DEADLINE)
    assert ([], []) == (bench.paper.requests, bench.store.events)


def test_who_gets_the_lease_after_the_winner_takes_the_winners_pair(bench: Bench) -> None:
    """The store is read again under the lease, so a pair that was replaced meanwhile is not spent."""
    grant = bench.grant
    bench.lease.held_for = 1
    original = bench.store.load
    loads: list[int] = []

    def load() -> Pair | None:
        loads.append(1)
        # The winner's pair appears between the look after the lost lease and the look under the lease.
        if len(loads) == 3:
            bench.store.pair = replace(PAIR, generation=8, access_token="winner")
        return original()

    bench.store.load = load  # type: ignore[method-assign]  # a race, staged

    assert "winner" == grant.access_token(DEADLINE)
    assert ([], []) == (bench.paper.requests, bench.store.events)


def test_a_lease_that_stays_taken_ends_as_not_sent(bench: Bench) -> None:
    """A call does not wait for another's refresh beyond its deadline."""
    bench.lease.held_for = 10_000

    with pytest.raises(NotSent, match="too long"):
        bench.grant.access_token(DEADLINE)
    assert DEADLINE > bench.paper.now


def test_of_two_that_believe_in_their_lease_one_spends(bench: Bench) -> None:
    """A claim that is there already stops a refresh, lease or no lease; the old token serves while it can."""
    bench.store.pair = replace(PAIR, spending=True)

    assert "access-7" == bench.grant.access_token(DEADLINE)
    assert [] == bench.paper.requests


LOST: list[Response | XError] = [
    OutcomeOpen("no whole answer"),
    answer(500, None),
    answer(503, b"<html>"),
    answer(307, b""),
    answer(408, None),
    answer(200, b"<html>"),
    answer(200, {}),
    answer(200, {"access_token": "a b", "refresh_token": "r"}),
    answer(200, {"access_token": 7, "refresh_token": "r"}),
    answer(200, []),
    answer(400, b""),
    answer(403, b"<html>"),
]


@pytest.mark.parametrize("lost", LOST)
def test_a_pair_of_unknown_fate_is_never_spent_again(bench: Bench, lost: Response | XError) -> None:
    """Without a readable answer to a refresh nobody spends that token again; in the end a person is asked."""
    bench.paper.script = [lost]

    assert "access-7" == bench.grant.access_token(DEADLINE)
    assert "access-7" == bench.grant.access_token(DEADLINE)
    bench.paper.now = NOW + timedelta(seconds=11)
    with pytest.raises(Unauthorized, match="songpost authorize"):
        bench.grant.access_token(bench.paper.now + timedelta(seconds=60))

    assert 1 == len(bench.paper.requests)
    assert bench.store.pair is not None
    assert bench.store.pair.spending


def test_a_process_that_died_while_refreshing_leaves_the_pair_unspendable(bench: Bench) -> None:
    """A claim without a successor is of unknown fate for every later process."""

    class KilledError(Exception):
        """The process ends."""

    def killed(_request: Request) -> Response:
        raise KilledError

    bench.paper.send = killed  # type: ignore[method-assign,assignment]  # a crash, staged
    with pytest.raises(KilledError):
        bench.grant.access_token(DEADLINE)
    bench.paper = PaperX(now=NOW + timedelta(seconds=11))

    with pytest.raises(Unauthorized, match="may be spent"):
        bench.grant.access_token(bench.paper.now + timedelta(seconds=60))
    assert [] == bench.paper.requests


UNSPENT: list[tuple[Response | XError, type[XError]]] = [
    (NotSent("no connection"), NotSent),
    (answer(429, {"title": "Too Many Requests"}), RateLimited),
    (answer(401, {"error": "invalid_client", "error_description": "…"}), Unauthorized),
]


@pytest.mark.parametrize(("first", "error"), UNSPENT)
def test_a_pair_that_was_certainly_not_spent_can_be_spent_later(
    bench: Bench, first: Response | XError, error: type[XError]
) -> None:
    """Where nothing was spent the claim is taken back, and the next refresh succeeds."""
    bench.paper.script = [first, answer(200, FRESH)]

    with pytest.raises(error):
        bench.grant.access_token(DEADLINE)
    assert ["claim 7", "unclaim 7"] == bench.store.events
    assert "access-8" == bench.grant.access_token(DEADLINE)


SPENT: Json = {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}


def test_a_dead_grant_says_how_to_mend_it(bench: Bench) -> None:
    """A 400 without a winner is the end of the grant: the account pauses, and a person is told what to do."""
    bench.paper.script = [answer(400, SPENT)]

    with pytest.raises(Unauthorized, match="songpost authorize"):
        bench.grant.access_token(DEADLINE)


def test_a_400_takes_the_winners_pair(bench: Bench) -> None:
    """A 400 because another has refreshed takes the pair that the other stored."""
    winner = replace(PAIR, generation=8, access_token="winner", expires_at=NOW + timedelta(hours=2))

    class Beaten(PaperX):
        """X, while somebody else wins."""

        def send(self, request: Request) -> Response:
            bench.store.pair = winner
            return super().send(request)

    bench.paper = Beaten([answer(400, SPENT)])

    assert "winner" == bench.grant.access_token(DEADLINE)


def test_a_new_pair_is_stored_though_the_store_falters(bench: Bench) -> None:
    """The only copy of a pair is offered to the store again and again."""
    bench.paper.script = [answer(200, FRESH)]
    bench.store.failures = [StoreUnavailable("locked")] * 3

    assert "access-8" == bench.grant.access_token(DEADLINE)
    assert ["claim 7", "save 8"] == bench.store.events


def test_a_pair_that_cannot_be_stored_is_not_used(bench: Bench) -> None:
    """A token that would be lost with this process is not used: the next process could not know of it."""
    bench.paper.script = [answer(200, FRESH)]
    bench.store.failures = [StoreUnavailable("disk full")] * 100

    with pytest.raises(StoreUnavailable):
        bench.grant.access_token(DEADLINE)
    assert [("acquire", LEASE_SECONDS), ("release", 0.0)] == bench.lease.events


def test_a_rejected_token_is_refreshed_though_its_time_is_not_over(bench: Bench) -> None:
    """After a 401 the token is refreshed, unless the store holds a newer one already."""
    bench.store.pair = replace(PAIR, expires_at=NOW + timedelta(hours=1))
    bench.paper.script = [answer(200, FRESH)]
    grant = bench.grant

    assert "access-8" == grant.renewed(grant.access_token(DEADLINE), DEADLINE)
    assert "access-8" == grant.renewed("access-7", DEADLINE)
    assert 1 == len(bench.paper.requests)


def test_a_rejected_token_of_unknown_fate_is_not_used_on(bench: Bench) -> None:
    """A token that X rejected is not given again because its refresh got no answer."""
    bench.store.pair = replace(PAIR, expires_at=NOW + timedelta(hours=1), spending=True)

    with pytest.raises(Unauthorized, match="may be spent"):
        bench.grant.renewed("access-7", DEADLINE)


def test_without_tokens_a_person_is_asked(bench: Bench) -> None:
    """An empty store asks for consent."""
    bench.store.pair = None

    with pytest.raises(Unauthorized, match="songpost authorize"):
        bench.grant.access_token(DEADLINE)


def test_without_a_refresh_token_a_person_is_asked(bench: Bench) -> None:
    """A grant without offline access ends with its access token."""
    bench.store.pair = replace(PAIR, refresh_token="")

    with pytest.raises(Unauthorized, match="no refresh token"):
        bench.grant.access_token(DEADLINE)


def test_a_failing_token_store_means_not_sent_for_the_call(bench: Bench) -> None:
    """For the call that needed a token a locked token store means that nothing was sent."""

    def locked() -> Pair | None:
        raise StoreUnavailable("locked", where="token.json")

    bench.store.load = locked  # type: ignore[method-assign]  # a fault, staged
    authorization = OAuth2Authorization(bench.grant)

    with pytest.raises(NotSent, match=r"token\.json"):
        authorization.signer(DEADLINE)
    with pytest.raises(NotSent, match=r"token\.json"):
        authorization.renew(DEADLINE)


@pytest.mark.parametrize("seconds", [None, "7200", 0, -5, True, 10**12])
def test_a_life_time_that_makes_no_sense_is_two_hours(bench: Bench, seconds: Json) -> None:
    """X's usual life time stands in for one that it does not tell."""
    bench.paper.script = [answer(200, {"access_token": "a", "refresh_token": "r", "expires_in": seconds})]

    bench.grant.access_token(DEADLINE)

    assert bench.store.pair is not None
    assert NOW + timedelta(hours=2) == bench.store.pair.expires_at


def test_no_token_is_asked_for_without_time(bench: Bench) -> None:
    """A deadline that has passed asks nothing and spends nothing."""
    with pytest.raises(NotSent):
        exchange(CLIENT, {}, transport=bench.paper, clock=bench.paper.clock, within_seconds=0.0, generation=1)
    assert [] == bench.paper.requests


def test_a_consent_becomes_the_newest_generation(bench: Bench) -> None:
    """A pair that a person has just allowed follows the newest one, or is the first."""
    assert 8 == keep(bench.store, replace(PAIR, generation=1)).generation
    assert 1 == keep(PaperStore(pair=None), replace(PAIR, generation=1)).generation


def test_a_pair_survives_being_written_down() -> None:
    """What is written is read back."""
    pair = replace(PAIR, scopes=("a", "b"), spending=True)

    assert pair == decoded(encoded(pair), "here")


def test_a_store_that_always_moves_on_keeps_no_consent(bench: Bench) -> None:
    """A consent that finds its number taken again and again is given up by name."""
    bench.store.save = lambda _pair: False  # type: ignore[method-assign,assignment]  # a race, staged

    with pytest.raises(StoreUnreadable, match="kept changing"):
        keep(bench.store, PAIR)


def test_a_generation_that_someone_else_wrote_ends_the_refresh(bench: Bench) -> None:
    """A new pair whose number is taken is not used: two have refreshed, and one of the two pairs is dead."""
    bench.paper.script = [answer(200, FRESH)]
    bench.store.save = lambda _pair: False  # type: ignore[method-assign,assignment]  # a race, staged

    with pytest.raises(Unauthorized, match="someone else"):
        bench.grant.access_token(DEADLINE)


def test_who_finds_a_claim_takes_the_winners_pair_once_it_is_there(bench: Bench) -> None:
    """Behind a claim there may be a winner who is just storing: its pair is waited for, for a moment."""
    bench.store.pair = replace(PAIR, expires_at=NOW - timedelta(seconds=1), spending=True)
    winner = replace(PAIR, generation=8, access_token="winner", expires_at=NOW + timedelta(hours=2))
    sleep = bench.paper.sleep

    def winning(seconds: float) -> None:
        sleep(seconds)
        bench.store.pair = winner

    bench.paper.sleep = winning  # type: ignore[method-assign]  # a race, staged

    assert "winner" == bench.grant.access_token(DEADLINE)
    assert [] == bench.paper.requests


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "7",
        "null",
        "secret-but-broken",
        encoded(PAIR)[:-5],
        json.dumps({**json.loads(encoded(PAIR)), "schema_version": 2}),
        json.dumps({**json.loads(encoded(PAIR)), "expires_at": "2026-11-22"}),
        json.dumps({**json.loads(encoded(PAIR)), "generation": 0}),
        json.dumps({**json.loads(encoded(PAIR)), "access_token": ""}),
        json.dumps({**json.loads(encoded(PAIR)), "scopes": 7}),
        b"\xff\xfe",
    ],
)
def test_what_is_no_pair_is_unreadable_and_not_quoted(text: str | bytes) -> None:
    """A broken token file is refused by its place, without a word of what it holds."""
    with pytest.raises(StoreUnreadable, match="here") as caught:
        decoded(text, "here")
    assert "secret" not in str(caught.value)
    assert "access-7" not in str(caught.value)


def test_nothing_shows_a_token() -> None:
    """Neither a pair nor the client shows a secret."""
    shown = repr(PAIR) + repr(CLIENT) + str(PAIR)
    assert [] == [secret for secret in (*PAIR.secrets, *CLIENT.secrets) if secret in shown]
