"""Recent search: the query language, its bounds, its pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from songpost.lab.sandbox.wire import as_dict
from songpost.lab.sandbox.world import first_id_at
from tests.unit.sandbox.calling import MORNING, Caller, detail, rows

SEARCH = "/2/tweets/search/recent"


def found(caller: Caller, query: str, **more: str) -> set[str]:
    """The texts that a query finds, each up to its first link."""
    response = caller.get(SEARCH, query=query, max_results="100", **more)
    assert response.status == 200, response.body
    return {str(row["text"]).partition(" https://t.co")[0] for row in rows(response)}


@pytest.fixture
def busy(caller: Caller) -> Caller:
    """A caller on an X where something happens."""
    actors = caller.sandbox.actors
    first = actors.post("ann", "jazz tonight #Jazz")
    actors.post("bob", "I like jazz", reply_to=first.id)
    actors.post("bob", "rock, not roll $ROCK", quote=first.id)
    actors.post("cid", "see https://example.com/jazz now")
    actors.post("cid", "", repost=first.id)
    actors.post("ann", "late night jazz", at=MORNING - timedelta(days=8))
    return caller


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("jazz -is:retweet", {"jazz tonight #Jazz", "@ann I like jazz"}),
        ("jazz tonight -is:retweet", {"jazz tonight #Jazz"}),
        ('"jazz tonight" -is:retweet', {"jazz tonight #Jazz"}),
        ("#jazz -is:retweet", {"jazz tonight #Jazz"}),
        ("$rock", {"rock, not roll $ROCK"}),
        ("@ann -is:retweet", {"@ann I like jazz"}),
        ("from:bob", {"@ann I like jazz", "rock, not roll $ROCK"}),
        ("to:ann", {"@ann I like jazz"}),
        ("is:reply", {"@ann I like jazz"}),
        ("is:quote", {"rock, not roll $ROCK"}),
        ("is:retweet", {"RT @ann: jazz tonight #Jazz"}),
        ("is:verified", set()),
        ("has:links -is:quote", {"see"}),
        ("has:mentions is:reply", {"@ann I like jazz"}),
        ("has:hashtags -is:retweet", {"jazz tonight #Jazz"}),
        ("has:media", set()),
        ("url:example.com", {"see"}),
        ("(from:bob OR from:cid) -jazz -is:retweet", {"rock, not roll $ROCK", "see"}),
        ("from:bob -(is:reply OR is:retweet)", {"rock, not roll $ROCK"}),
        ("rock lang:en", {"rock, not roll $ROCK"}),
        ("rock lang:de", set()),
        ('-"not roll" from:bob', {"@ann I like jazz"}),
    ],
)
def test_a_query_finds_what_it_asks_for(busy: Caller, query: str, texts: set[str]) -> None:
    """Words, phrases, signs, operators, OR, groups and negation; posts older than seven days are out of reach."""
    shortened = {text.partition(" now")[0] for text in found(busy, query)}
    assert texts == shortened


def test_a_conversation_can_be_searched(caller: Caller) -> None:
    """`conversation_id:` finds the replies below a post."""
    first = caller.posted("one")
    caller.sandbox.actors.post("ann", "two", reply_to=first)
    caller.sandbox.actors.post("ann", "elsewhere")
    assert found(caller, f"conversation_id:{first}") == {"one", "@songpost two"}


@pytest.mark.parametrize(
    "query", ["", "   ", "x" * 513, "(jazz", "jazz)", "OR jazz", "colour:red", "is:blue", "has:everything", "from:"]
)
def test_a_query_that_cannot_be_understood_is_a_400(caller: Caller, query: str) -> None:
    """The refusal is an invalid request that says why."""
    response = caller.get(SEARCH, query=query)
    assert response.status == 400
    assert detail(response)


def test_enterprise_may_ask_at_length(make: Callable[..., Caller]) -> None:
    """There a query may have 4,096 characters."""
    assert make(plan="enterprise").get(SEARCH, query="x" * 4_096).status == 200


def test_results_are_at_least_ten_a_page(caller: Caller) -> None:
    """Nine is refused; twelve posts are two pages, by either name of the token."""
    for number in range(12):
        caller.sandbox.actors.post("ann", f"jazz {number}")
    assert caller.get(SEARCH, query="jazz", max_results="9").status == 400
    first = caller.get(SEARCH, query="jazz")
    meta = as_dict(as_dict(first.json())["meta"])
    assert (meta["result_count"], "previous_token" in meta) == (10, False)
    for name in ("next_token", "pagination_token"):
        assert len(rows(caller.get(SEARCH, query="jazz", **{name: str(meta["next_token"])}))) == 2


def test_a_since_id_older_than_a_week_is_refused(caller: Caller) -> None:
    """X does not search back further, and says from where on."""
    old = first_id_at(MORNING - timedelta(days=7, minutes=1))
    response = caller.get(SEARCH, query="jazz", since_id=str(old))
    assert response.status == 400
    assert "since_id" in detail(response)
    young = first_id_at(MORNING - timedelta(days=6))
    assert caller.get(SEARCH, query="jazz", since_id=str(young)).status == 200
