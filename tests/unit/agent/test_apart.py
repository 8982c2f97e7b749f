from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from songpost.agent import apart, ledger
from songpost.agent.foretelling import foretell
from songpost.agent.planning import Texts
from songpost.agent.writing import Tick, tick
from songpost.bootstrap import Session
from songpost.core import content, neighbours
from songpost.core.admission import Admitted, Refused
from songpost.core.prices import quote_write
from songpost.errors import CommitConflict
from songpost.given import Given
from songpost.model import Action, Json, Kind, State, Text
from songpost.settings import Similarity
from songpost.store.port import Change, PutItem
from tests.unit.agent.conftest import START, World
from tests.unit.core.cases import NOW, action, attempt, snapshot

SAID = "Rye wants more water than you think, and a wet hand."
ALIKE = "Rye wants more water than you think, and a wet hand!!"
OTHER = "Leeks do not mind frost: they wait in the ground all winter."
RULE = Similarity(threshold=0.5, window_days=30)


def opened(world: World, account: str, *texts: str) -> Session:
    """One account of the store that all share, with a user of its own on X and these texts."""
    if not any(user.username == account for user in world.sandbox.service.world.users.values()):
        world.sandbox.add_account(account)
    told = world.sandbox.credentials(account)
    session = world.session()
    session.runtime = replace(session.runtime, account=account)
    session.environ = {
        "X_API_KEY": told.api_key,
        "X_API_SECRET": told.api_secret,
        "X_ACCESS_TOKEN": told.access_token,
        "X_ACCESS_SECRET": told.access_secret,
    }
    library = content.library_of(
        Text(id=f"bread-{n}", topic="bread", variants=(words,)) for n, words in enumerate(texts)
    )
    known = Texts(digest=content.digest(library), load=lambda: library)
    session.given = Given(settings=replace(world.settings, topics=("bread",)), texts=known, source="test")
    return session


def live(session: Session) -> Tick:
    """One live tick of an account."""
    return tick(session.desk, session.open(), session.hand, session.given.texts, lambda: 900.0)


@pytest.fixture
def sessions(world: World) -> Iterator[tuple[Session, Session]]:
    """Two accounts whose only texts are alike."""
    one, other = opened(world, "one", SAID), opened(world, "other", ALIKE)
    yield one, other
    one.close()
    other.close()


def outcome(found: Tick) -> tuple[str, str]:
    """State and gate of the one action of a tick."""
    (step,) = found.steps
    return step.action.state.value, step.action.gate


def test_two_accounts_do_not_say_the_same(world: World, sessions: tuple[Session, Session]) -> None:
    """The second account's text is refused for good as a duplicate, with how much alike it is, and X hears only one."""
    first, second = live(sessions[0]), live(sessions[1])

    assert [("sent", ""), ("refused", "duplicate")] == [outcome(first), outcome(second)]
    assert (
        "alike a text of another account of this store of 2026-11-25, 0.50 is too much" in second.steps[0].action.reason
    )
    assert 1 == world.creates()


def test_different_texts_of_two_accounts_both_go_out(world: World) -> None:
    """An account is kept from what another one said, not from speaking."""
    found = [outcome(live(opened(world, name, words))) for name, words in (("one", SAID), ("other", OTHER))]

    assert [("sent", "")] * 2 == found


def test_a_dry_run_says_what_a_live_run_finds(sessions: tuple[Session, Session]) -> None:
    """What another account has said stands in a dry run's way as it does in a live one's."""
    live(sessions[0])
    other = sessions[1]
    dry = foretell(
        other.open(), other.given.texts, START, lambda: "1", objection=apart.objections(other.store, "other", START)
    )

    assert [("duplicate", True)] == [
        (step.decision.gate, step.decision.final) for step in dry.steps if isinstance(step.decision, Refused)
    ]
    assert [("refused", "duplicate")] == [outcome(live(other))]


def test_a_text_may_be_said_again_when_the_window_is_over(world: World, sessions: tuple[Session, Session]) -> None:
    """After `similarity.window_days` the other account may say it: marks do not outlive the rule."""
    live(sessions[0])
    world.later(days=29)
    early = live(sessions[1])
    world.later(days=2)
    late = opened(world, "other", ALIKE)
    found = live(late)
    late.close()

    assert [("refused", "duplicate"), ("sent", "")] == [outcome(early), outcome(found)]


def test_of_two_that_book_at_once_one_is_refused(sessions: tuple[Session, Session]) -> None:
    """Both have decided on an empty store; the second commit fails on the shared bands and is decided again."""
    one, other = sessions
    account_one, account_other = one.open(), other.open()
    accounts = {"one": account_one, "other": account_other}
    decisions = {
        name: ledger.book(session.desk, accounts[name], _planned(words))[1]
        for name, session, words in (("one", one, SAID), ("other", other, ALIKE))
    }

    assert isinstance(decisions["one"], Admitted)
    assert isinstance(decisions["other"], Refused)
    assert ("duplicate", True) == (decisions["other"].gate, decisions["other"].final)


def test_an_account_may_send_its_own_text_a_second_time(sessions: tuple[Session, Session]) -> None:
    """A second attempt of an action, after a 429, meets its own marks, and goes out."""
    one = sessions[0]
    account, first = ledger.book(one.desk, one.open(), _planned(SAID))
    assert isinstance(first, Admitted)
    again = replace(first.action, state=State.PLANNED)
    rule = account.snapshot.settings.similarity
    found = apart.kept(one.store, "one", replace(first, action=again), rule, START, ask=True)

    assert isinstance(found, tuple)
    assert [False] * 16 == [put.if_absent for put in found]


def test_a_text_that_comes_round_asks_for_its_marks_at_once(world: World) -> None:
    """Its marks still stand after the window: no booking fails on them to find that out."""
    first = opened(world, "one", SAID)
    live(first)
    first.close()
    world.later(days=31)
    one, conflicts = opened(world, "one", SAID), list[str]()
    commit = one.store.commit

    def counted(account: str, changes: Sequence[Change], token: str) -> None:
        try:
            commit(account, changes, token)
        except CommitConflict as error:
            conflicts.append(str(error))
            raise

    one.store.commit = counted  # type: ignore[method-assign]  # at the port, as a store that counts would
    assert ("sent", "") == outcome(live(one))
    assert [] == conflicts
    one.close()


def test_another_accounts_mark_stays(sessions: tuple[Session, Session]) -> None:
    """A band that an unlike text holds is left to it: it may be all that keeps a third text apart."""
    one, other = sessions
    _, first = ledger.book(one.desk, one.open(), _planned(SAID))
    assert isinstance(first, Admitted)
    session = other
    taken, *free = neighbours.keys(OTHER, START)
    body: dict[str, Json] = {"account": "one", "entry": neighbours.mark("one", SAID, START).entry, "schema_version": 1}
    ledger.commit(one.desk, [PutItem(apart.BANDS, taken, body, account=apart.SHARED)])
    _, second = ledger.book(session.desk, session.open(), _planned(OTHER))

    assert isinstance(second, Admitted)
    stands = {item.key: item.body["account"] for item in one.store.items(apart.SHARED, apart.BANDS)}
    assert "one" == stands[taken]
    assert {"other"} == {stands[key] for key in free}


@pytest.mark.parametrize("kind", [Kind.REPOST, Kind.LIKE, Kind.FOLLOW, Kind.DELETE])
def test_only_texts_are_kept_apart(kind: Kind) -> None:
    """Whatever makes no post leaves no mark."""
    quote = quote_write(snapshot().settings, kind, "", 0, NOW.date())
    decision = Admitted(
        action=action(kind=kind), attempt=attempt(), snapshot=snapshot(), written=(), quote=quote, verdicts=()
    )

    assert "" == apart.words_of(decision)


def test_marks_meet_over_the_end_of_a_period() -> None:
    """A text of a period's last day and one of the next day share a key, and the mark outlives the window between."""
    last = datetime.fromtimestamp(0, tz=NOW.tzinfo) + timedelta(days=230 * neighbours.PERIOD_DAYS - 1)
    before, after = neighbours.keys(SAID, last), neighbours.keys(SAID, last + timedelta(days=1))

    assert 8 == len(set(before) & set(after))
    assert neighbours.forgotten_at(last) == last + timedelta(days=1 + neighbours.PERIOD_DAYS)


def _planned(words: str) -> Action:
    return action(words=words, at=START)
