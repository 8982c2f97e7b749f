"""Asking sources in the reader's tick: once, booked before, settled after, and from draft to post by every gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from songpost.account_documents import Origin
from songpost.agent import sourcing
from songpost.agent.events import Invocation
from songpost.agent.sourcing import Look
from songpost.core import drafting
from songpost.errors import SourceError
from songpost.invoking import run_reader
from songpost.model import Action, State
from songpost.money_settings import Budget
from songpost.settings import Approval, ByRisk, Consent
from songpost.source_settings import Feed, Model, Sources
from songpost.sources.bedrock import prompt_of
from songpost.sources.port import Drawn, Entry
from tests.unit.agent.conftest import World

FEED = Feed(url="https://example.org/feed", topic="gardening", every_hours=6)
MODEL = Model(
    model_id="some.model-v1",
    topic="bread",
    prompt="Short and warm.",
    usd_per_million_input_tokens=Decimal(3),
    usd_per_million_output_tokens=Decimal(15),
    every_hours=24,
)
WORST = drafting.worst_micros(MODEL, prompt_of(MODEL))


class Told:
    """A source that says what it is told to, and counts how often it was asked; nothing goes over a wire."""

    def __init__(self, *answers: Drawn | SourceError) -> None:
        self.answers, self.origins = list(answers), list[Origin]()

    def __call__(self, of: Feed | Model) -> Told:
        """Open it."""
        del of
        return self

    def draw(self, origin: Origin) -> Drawn:
        """Its next answer."""
        self.origins.append(origin)
        answer = self.answers.pop(0)
        if isinstance(answer, SourceError):
            raise answer
        return answer


def look(world: World, source: Told) -> tuple[Look, ...]:
    """One live round of asking."""
    session = world.session()
    try:
        return sourcing.gather(session.desk, session.open(), source, lambda: 900.0)[1]
    finally:
        session.close()


def ledger(world: World) -> list[Action]:
    """Every action, open or closed."""
    session = world.session()
    try:
        return [stored.action for stored in session.store.actions("default")]
    finally:
        session.close()


def spent(world: World) -> int:
    """What the ledger says the day has cost."""
    days = world.account().snapshot.usage.days
    return sum(tally.spent_micros for tally in days.values())


FOUND = Drawn(entries=(Entry("Leeks in frost", "https://example.org/1", "g1"),), etag='"v1"')


def test_a_feed_is_asked_when_it_is_due_and_costs_nothing(world: World) -> None:
    """One look, then none for six hours; the next one asks only for news."""
    world.with_settings(sources=Sources(feeds=(FEED,)))
    source = Told(FOUND, Drawn(entries=(), etag='"v1"', note="nothing new"))
    (first,) = look(world, source)
    assert 1 == len(first.taken)
    assert () == look(world, source)
    world.later(hours=6, minutes=1)
    (again,) = look(world, source)
    assert ((), ("nothing new",)) == (again.taken, again.left_out)
    assert ["", '"v1"'] == [origin.etag for origin in source.origins]
    assert 0 == spent(world)


def test_a_model_is_booked_at_its_worst_and_settled_at_its_tokens(world: World) -> None:
    """While the model thinks the worst price is booked; afterwards what its tokens cost."""
    world.with_settings(sources=Sources(models=(MODEL,)))
    booked: list[int] = []

    class Slow(Told):
        def draw(self, origin: Origin) -> Drawn:
            booked.append(spent(world))
            return super().draw(origin)

    (found,) = look(world, Slow(Drawn(entries=(Entry("A loaf.", "", "1"),), input_tokens=100, output_tokens=10)))
    assert [WORST] == booked
    assert 3 * 100 + 15 * 10 == spent(world) == found.micros


def test_a_model_that_fails_stays_paid_and_is_not_asked_again_at_once(world: World) -> None:
    """No answer may have been billed: the booking stands, and the next look waits for its hour."""
    world.with_settings(sources=Sources(models=(MODEL,)))
    source = Told(SourceError("gave no answer: ReadTimeoutError", where="bedrock", mend="wait"))
    (found,) = look(world, source)
    assert isinstance(found.error, SourceError)
    assert WORST == spent(world)
    assert () == look(world, source)


def test_without_room_a_model_is_not_asked(world: World) -> None:
    """The ceilings of the account hold for the model: refused by the budget, nobody called."""
    world.with_settings(sources=Sources(models=(MODEL,)), budget=Budget(usd_per_month=Decimal("0.001")))
    source = Told()
    (found,) = look(world, source)
    assert found.refused.startswith("budget")
    assert [] == source.origins


def test_a_pause_stops_sources_too(world: World) -> None:
    """A paused account asks nobody."""
    world.with_settings(sources=Sources(feeds=(FEED,)))
    session = world.session()
    from songpost.agent import control

    control.pause(session.desk, "holidays", "a person")
    session.close()
    assert () == look(world, Told())


def test_two_readers_ask_once(world: World) -> None:
    """Of two readers that find the same source due one asks; the other finds it taken."""
    world.with_settings(sources=Sources(feeds=(FEED,)))
    first, second = world.session(), world.session()
    seen = second.open()
    source = Told(FOUND)
    sourcing.gather(first.desk, first.open(), source, lambda: 900.0)
    _, looks = sourcing.gather(second.desk, seen, source, lambda: 900.0)
    assert ["ledger: another reader asks it"] == [one.refused for one in looks]
    assert 1 == len(source.origins)
    first.close()
    second.close()


def test_no_time_no_look(world: World) -> None:
    """A source that may take longer than the invocation has left is not begun."""
    world.with_settings(sources=Sources(feeds=(FEED,)))
    session = world.session()
    assert () == sourcing.gather(session.desk, session.open(), Told(), lambda: 10.0)[1]
    session.close()


@pytest.mark.parametrize(("word", "state"), [(Consent.ASK, State.PROPOSED), (Consent.AUTO, State.SENT)])
def test_a_draft_becomes_a_post_by_every_gate(world: World, word: Consent, state: State) -> None:
    """By default a feed's text waits for a person; where the owner says auto it goes out, with its link's price."""
    world.texts = ()
    world.with_settings(
        topics=("gardening",), sources=Sources(feeds=(FEED,)), approval=Approval(by_risk=ByRisk(feed=word))
    )
    look(world, Told(FOUND))
    world.clock.advance(1)
    for _ in range(60):
        world.tick()
        if any(action.state is state for action in ledger(world)):
            break
        world.later(minutes=5)
    (action,) = [one for one in ledger(world) if one.state is state]
    assert "Leeks in frost\nhttps://example.org/1" == action.text
    assert (state is State.SENT) == bool(world.sandbox.posts())


def test_a_dry_run_says_whom_it_would_ask(world: World) -> None:
    """Nothing is asked; each source that is due is named with its worst price."""
    world.with_settings(sources=Sources(feeds=(FEED,), models=(MODEL,)))
    session = world.session(dry_run=True) if (world.folder / "songpost.db").exists() else None
    if session is None:
        world.session().close()
        session = world.session(dry_run=True)
    shown, *_ = run_reader(session, Invocation(mode="all", dry_run=True), lambda: 900.0)
    session.close()
    told = shown["sources"]
    assert isinstance(told, list)
    assert [0.0, WORST / 1e6] == [one["price_usd"] for one in told if isinstance(one, dict)]


def test_drafts_are_forgotten_with_their_source(world: World) -> None:
    """A feed that the settings name no more is forgotten at the next look; its drafts go when their days are over."""
    world.with_settings(sources=Sources(feeds=(FEED,)))
    look(world, Told(FOUND))
    other = replace(FEED, url="https://example.org/other")
    world.with_settings(sources=Sources(feeds=(other,)))
    world.later(hours=timedelta(days=4) / timedelta(hours=1))
    look(world, Told(Drawn(entries=())))
    drafts = world.account().snapshot.drafts
    assert ((), [f"feed/{other.url}"]) == (drafts.texts, list(drafts.origins))
