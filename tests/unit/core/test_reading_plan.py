"""The day's money for reading goes where it tells most; what is not read is told, with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from songpost.account_documents import Identity, Position, Positions, Timeline, Usage
from songpost.core.admission import Refused
from songpost.core.reading_plan import ReadPlan, plan, search_name
from songpost.core.reads import admit_read, left_today, settled_read
from songpost.core.snapshot import Snapshot
from songpost.core.sweep import id_at
from songpost.endpoints import MENTIONS
from songpost.errors import PriceUnknown
from songpost.model import PriceClass
from songpost.settings import AppOwner, Plan, Query, QueryAction, Reading, Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALL = ("timeline", "mentions", "search")
ME = Identity(user_id="7", username="songpost", credentials="", learned_at=NOW - timedelta(days=9))
SETTINGS = Settings(
    topics=("bread",),
    queries=(Query(query="rye", actions=(QueryAction.REPOST,)), Query(query="oats", actions=(QueryAction.REPOST,))),
    watchlist_user_ids=("21", "22"),
    watchlist_actions=(QueryAction.REPOST,),
    reading=Reading(usd_per_day=None),
)
SNAPSHOT = Snapshot(account="a", settings=SETTINGS, identity=ME, timeline=Timeline(read_at=NOW - timedelta(days=2)))


def at(snapshot: Snapshot, **places: Position) -> Snapshot:
    """The snapshot with positions; `__` in a name stands for a slash."""
    named = {name.replace("__", "/"): position for name, position in places.items()}
    return replace(snapshot, reading=Positions(places=named))


def names(found: ReadPlan) -> list[str]:
    """What is read, in order."""
    return [read.wanted.name for read in found.reads]


def with_reading(**changes: object) -> Snapshot:
    """The snapshot with other settings of reading."""
    return replace(SNAPSHOT, settings=replace(SETTINGS, reading=replace(SETTINGS.reading, **changes)))  # type: ignore[arg-type]


def test_mentions_come_before_the_timeline_and_finds() -> None:
    """Somebody waits; where an outcome is open, that comes first, whenever the timeline was read last."""
    finds = {search_name("rye"), search_name("oats"), "watch/21", "watch/22"}
    found = names(plan(SNAPSHOT, NOW, ALL))
    fresh = at(SNAPSHOT, timeline=Position(read_at=NOW))

    assert ["mentions", "timeline"] == found[:2]
    assert finds == set(found[2:])
    assert "timeline" == names(plan(fresh, NOW, ALL, ("55",)))[0]
    assert "timeline" not in names(plan(fresh, NOW, ALL))


def test_each_mode_reads_its_own() -> None:
    """And `done` names what this tick has finished with."""
    assert ["mentions"] == names(plan(SNAPSHOT, NOW, ("mentions",)))
    assert ["timeline"] == names(plan(SNAPSHOT, NOW, ("timeline",)))
    assert [] == names(plan(SNAPSHOT, NOW, ("mentions",), done=("mentions",)))


def test_what_brought_more_for_a_dollar_comes_first() -> None:
    """A query with finds before one without; a new one is believed to bring some."""
    rye, oats = search_name("rye"), search_name("oats")
    poor, rich = Position(posts=100, found=1), Position(posts=100, found=80)
    snapshot = replace(SNAPSHOT, reading=Positions(places={rye: poor, oats: rich}))
    found = [name for name in names(plan(snapshot, NOW, ALL)) if name.startswith("search/")]
    order = names(plan(snapshot, NOW, ALL))

    assert [oats, rye] == found
    assert order.index(oats) < order.index("watch/21") < order.index(rye)


def test_watched_users_take_turns() -> None:
    """Who was read longest ago comes first."""
    snapshot = at(
        SNAPSHOT,
        watch__21=Position(read_at=NOW - timedelta(hours=5)),
        watch__22=Position(read_at=NOW - timedelta(hours=9)),
    )
    found = [name for name in names(plan(snapshot, NOW, ALL)) if name.startswith("watch/")]

    assert ["watch/22", "watch/21"] == found


@pytest.mark.parametrize(("minutes", "due"), [(29, False), (30, True)])
def test_a_place_is_read_at_its_interval(minutes: int, due: bool) -> None:  # noqa: FBT001
    """Until then it says when; a cut sweep goes on at once."""
    read_at = NOW - timedelta(minutes=minutes)
    found = plan(at(SNAPSHOT, mentions=Position(read_at=read_at)), NOW, ("mentions",))
    cut = plan(at(SNAPSHOT, mentions=Position(read_at=read_at, until_id="9")), NOW, ("mentions",))

    assert due == bool(found.reads)
    assert due or [read_at + timedelta(minutes=30)] == [one.due_at for one in found.skipped]
    assert 1 == len(cut.reads)


def test_never_is_an_interval() -> None:
    """A null means that nobody looks there."""
    found = plan(with_reading(mentions_every_minutes=None), NOW, ("mentions",))

    assert [("mentions", "reading never looks there (every_minutes is null)")] == [
        (one.name, one.reason) for one in found.skipped
    ]


def test_a_read_is_as_large_as_its_money() -> None:
    """Eight posts of half a cent; below a page's least it waits, and says what it needs."""
    some = plan(with_reading(usd_per_day=Decimal("0.04")), NOW, ("mentions",))
    few = plan(with_reading(usd_per_day=Decimal("0.024")), NOW, ("mentions",))

    assert [(8, 40_000)] == [(read.most, read.micros) for read in some.reads]
    assert ["$0.024 is left of reading.usd_per_day, $0.025 needed at worst"] == [one.reason for one in few.skipped]


def test_what_comes_first_takes_the_money() -> None:
    """Of what is left after the mentions, the rest gets less, and the last nothing."""
    found = plan(with_reading(usd_per_day=Decimal("0.50")), NOW, ALL)

    assert [("mentions", 90), ("timeline", 10)] == [(read.wanted.name, read.most) for read in found.reads]
    assert 4 == len(found.skipped)


def test_an_attested_owner_reads_five_times_as_much() -> None:
    """The own timeline and mentions at a thousandth, everybody else's at the full price."""
    settings = replace(SETTINGS, app_owner=AppOwner(user_id="7", attested_on=NOW.date()))
    found = {r.wanted.name: r.unit_micros for r in plan(replace(SNAPSHOT, settings=settings), NOW, ALL).reads}

    assert (1_000, 1_000, 5_000) == (found["mentions"], found["timeline"], found["watch/21"])


def test_the_first_read_begins_where_finds_expire() -> None:
    """Nobody pays for mentions that are too old to answer; a search never asks further back than X allows."""
    found = {read.wanted.name: read.asked.since_id for read in plan(SNAPSHOT, NOW, ALL).reads}
    old = Position(since_id=id_at(NOW - timedelta(days=20)), read_at=NOW - timedelta(days=20))
    name = search_name("rye")
    late = {r.wanted.name: r for r in plan(replace(SNAPSHOT, reading=Positions(places={name: old})), NOW, ALL).reads}

    assert id_at(NOW - timedelta(hours=24)) == found["mentions"] == found["watch/21"] == found[name]
    assert id_at(NOW - timedelta(days=7)) < late[name].asked.since_id


def test_without_a_user_nothing_is_planned() -> None:
    """X is asked first whose credentials these are."""
    found = plan(replace(SNAPSHOT, identity=None), NOW, ALL)

    assert ((), 1) == (found.reads, len(found.skipped))


def test_a_blocked_user_is_not_watched() -> None:
    """Though the list of watched users says so."""
    found = plan(replace(SNAPSHOT, settings=replace(SETTINGS, blocked_user_ids=("21",))), NOW, ("search",))

    assert "blocked_user_ids names this user" in {one.reason for one in found.skipped if one.name == "watch/21"}


def test_an_unknown_price_is_an_error() -> None:
    """Nothing is read at a price that nobody has named."""
    with pytest.raises(PriceUnknown):
        plan(replace(SNAPSHOT, settings=replace(SETTINGS, plan=Plan.ENTERPRISE)), NOW, ALL)


def test_the_day_s_money_is_booked_and_given_back() -> None:
    """A read counts at its worst until it is settled; beyond the ceiling it is refused until the next UTC day."""
    snapshot = with_reading(usd_per_day=Decimal("0.03"))
    read = admit_read(snapshot, MENTIONS.key, PriceClass.POST_READ, 6, NOW)
    assert not isinstance(read, Refused)
    after = settled_read(read.snapshot, read, 2)
    refused = admit_read(after, MENTIONS.key, PriceClass.POST_READ, 5, NOW)
    whole = admit_read(after, MENTIONS.key, PriceClass.POST_READ, 7, NOW)

    assert 0 == left_today(snapshot.settings, read.snapshot.usage, NOW)
    assert 20_000 == left_today(snapshot.settings, after.usage, NOW)
    assert 30_000 == left_today(snapshot.settings, after.usage, NOW + timedelta(days=1))
    assert None is left_today(SETTINGS, Usage(), NOW)
    assert isinstance(refused, Refused)
    assert ("budget", datetime(2026, 11, 23, tzinfo=UTC)) == (refused.gate, refused.retry_at)
    assert "dollars of reading per day: $0.020 left, $0.025 needed at worst" == refused.reason
    assert isinstance(whole, Refused)
    assert None is whole.retry_at
    assert not isinstance(admit_read(after, MENTIONS.key, PriceClass.POST_READ, 7, NOW, must=True), Refused)
