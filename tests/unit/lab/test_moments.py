"""The clock that notices what it was asked: until when every answer stays what it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.lab.simulation.moments import Moment, Watch

NOON = datetime(2026, 11, 23, 12, 20, 30, tzinfo=UTC)
LATER = NOON + timedelta(minutes=40)
EARLIER = NOON - timedelta(minutes=40)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

FOLLOWED: tuple[tuple[str, Callable[[datetime], object], datetime], ...] = (
    ("before a later time", lambda now: now < LATER, LATER),
    ("behind an earlier one", lambda now: EARLIER <= now, FOREVER),
    ("a sum", lambda now: now + timedelta(minutes=30) >= LATER, NOON + timedelta(minutes=10)),
    ("a difference", lambda now: now - timedelta(minutes=5) > LATER, LATER + timedelta(minutes=5)),
    ("equal", lambda now: now == LATER, LATER),
    ("not before the present", lambda now: now >= NOON, FOREVER),
    ("before the present", lambda now: now < NOON, FOREVER),
    ("not behind the present", lambda now: now <= NOON, NOON),
    ("behind the present", lambda now: now > NOON, NOON),
    ("the present", lambda now: now == NOON, NOON),
    ("not the present", lambda now: now != NOON, NOON),
    ("the larger", lambda now: max(now, LATER), LATER),
    ("a date", lambda now: now.date(), MIDNIGHT),
    ("a year", lambda now: now.year, MIDNIGHT),
    ("a weekday", lambda now: (now.weekday(), now.isoweekday(), now.isocalendar()), MIDNIGHT),
    ("a local date", lambda now: now.astimezone(BERLIN).date(), MIDNIGHT - timedelta(hours=1)),
    ("the start of the day", lambda now: now.replace(hour=0, minute=0, second=0, microsecond=0), MIDNIGHT),
    ("an hour", lambda now: now.hour, datetime(2026, 11, 23, 13, tzinfo=UTC)),
    ("how long ago", lambda now: now - EARLIER > timedelta(hours=1), NOON + timedelta(minutes=20)),
    ("how long until", lambda now: LATER - now <= timedelta(minutes=15), NOON + timedelta(minutes=25)),
    ("how many hours", lambda now: (now - EARLIER) / timedelta(hours=1) >= 2, NOON + timedelta(minutes=80)),
    ("how many seconds", lambda now: (LATER - now).total_seconds() > 600, NOON + timedelta(minutes=30)),
    ("two of its own", lambda now: now + timedelta(hours=1) > now and (now + timedelta(hours=1)) - now, FOREVER),
)


@pytest.mark.parametrize(("ask", "until"), [case[1:] for case in FOLLOWED], ids=[case[0] for case in FOLLOWED])
def test_an_answer_says_until_when_it_stands(ask: Callable[[datetime], object], until: datetime) -> None:
    """A comparison stands until the time meets what it was compared with, a date until its midnight."""
    watch = Watch(NOON)

    answer = ask(watch.moment())

    assert until == watch.until
    assert answer == ask(NOON)


UNFOLLOWED: tuple[Callable[[datetime], object], ...] = (
    lambda now: now.isoformat(),
    lambda now: f"{now:%H}",
    str,
    repr,
    hash,
    lambda now: now.timestamp(),
    lambda now: now.minute,
    lambda now: now.replace(hour=0),
    lambda now: (now - EARLIER) // timedelta(seconds=1),
    lambda now: (now - EARLIER) + timedelta(1),
    lambda now: float((now - EARLIER) / timedelta(hours=1)),
    lambda now: 2 * ((now - EARLIER) / timedelta(hours=1)),
    lambda now: 2.0 ** -((now - EARLIER) / timedelta(hours=1)),
    lambda now: 1 / ((now - EARLIER) / timedelta(hours=1)),
    lambda now: abs(EARLIER - now),
    lambda now: (now - EARLIER) / 2,
    lambda now: (now - EARLIER).seconds,
    lambda now: ((now - EARLIER) / timedelta(hours=1)).is_integer(),
    lambda now: -(now - EARLIER) // timedelta(seconds=1),
    lambda now: EARLIER + (now - EARLIER),
    lambda now: (now - EARLIER) < (LATER - now),
)


@pytest.mark.parametrize("ask", UNFOLLOWED)
def test_what_cannot_be_followed_stands_for_no_time_at_all(ask: Callable[[datetime], object]) -> None:
    """Texts, numbers and parts of the time taint the watch; the answer is the plain one all the same."""
    watch = Watch(NOON)

    answer = ask(watch.moment())

    assert watch.until == NOON
    assert repr(answer) == repr(ask(NOON)) or isinstance(answer, str)


def test_telling_does_not_count_but_comparing_does() -> None:
    """A moment for telling may be written out; what is compared with it is noted as ever."""
    watch = Watch(NOON)
    told = watch.told()

    assert NOON.isoformat() == told.isoformat()
    assert FOREVER == watch.until
    assert told < LATER
    assert LATER == watch.until


def test_what_is_no_time_is_refused_as_by_a_plain_one() -> None:
    """Adding or comparing what is no time fails as it does for a `datetime`."""
    moment = Watch(NOON).moment()

    assert moment != "noon"
    for name, other in (("__add__", 1), ("__sub__", "x"), ("__rsub__", "x"), ("__lt__", 1)):
        assert NotImplemented is getattr(moment, name)(other)


@given(minutes=st.integers(0, 3 * 1440), step=st.integers(1, 2 * 1440), ago=st.integers(-1440, 1440))
def test_between_now_and_until_no_answer_changes(minutes: int, step: int, ago: int) -> None:
    """Whatever is asked, a plain clock gives the same answers at every time before `until`."""
    now, other = NOON + timedelta(minutes=minutes), NOON + timedelta(minutes=minutes + ago)

    def ask(at: datetime) -> tuple[object, ...]:
        return (
            at < other,
            other <= at,
            at.date(),
            at.astimezone(BERLIN).date(),
            at.astimezone(BERLIN).hour,
            at - other > timedelta(hours=3),
            (other - at).total_seconds() > 60,
            (at - other) / timedelta(days=1) > 0.5,
        )

    watch = Watch(now)
    answers = ask(watch.moment())
    at = now + timedelta(minutes=step)

    assert answers == ask(now)
    assert at >= watch.until or answers == ask(at)
    assert isinstance(watch.moment(), Moment)
