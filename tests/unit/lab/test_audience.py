"""The virtual audience: its arithmetic, its seeds, and that it is what its docstrings say."""

from __future__ import annotations

import math
import statistics
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from songpost.lab.simulation import audience as crowd
from songpost.lab.simulation.audience import Audience, Dice, arrived, best_by_window, best_day, uniform_day
from songpost.model import Arm

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 23)
ARMS = tuple(Arm(topic, window, media) for topic in "ab" for window in ("am", "pm") for media in (False, True))
TABLE = {Arm("a", "am"): 3.0, Arm("b", "am"): 1.0, Arm("a", "pm"): 2.0, Arm("b", "pm"): 5.0}


def audience(seed: int = 1, days: int = 1) -> Audience:
    """An audience after so many days."""
    made = Audience(seed, "sim", BERLIN, ARMS)
    for number in range(days):
        made.begin(DAY + timedelta(days=number))
    return made


@pytest.mark.parametrize(
    ("room", "posts", "expected"), [(1, 0, 0.0), (1, 1, 5.0), (1, 2, 8.0), (1, 9, 8.0), (2, 3, 13.0), (2, 9, 16.0)]
)
def test_the_oracle_takes_the_best_arms_that_the_windows_have_room_for(room: int, posts: int, expected: float) -> None:
    """Each window offers its best arm as often as it has room: 5 and 3, or 5, 5, 3 and 3."""
    assert expected == best_day(TABLE, {"am": room, "pm": room}, posts)


def test_each_windows_best_and_the_even_choice() -> None:
    """The best of each window, and the mean of all arms a post; nothing of nothing."""
    assert {"am": 3.0, "pm": 5.0} == best_by_window(TABLE)
    assert 2 * 11 / 4 == uniform_day(TABLE, 2)
    assert 0.0 == uniform_day({}, 2)


def test_engagement_comes_in_as_measured() -> None:
    """Half within two hours or so, 95 % within a day, all within a week, and never less than before."""
    ages = [timedelta(hours=hours) for hours in range(200)]

    assert 0.0 == arrived(timedelta(seconds=-1))
    assert 0.45 < arrived(timedelta(hours=2)) < 0.55
    assert 0.94 < arrived(timedelta(hours=24)) < 0.96
    assert 1.0 == arrived(timedelta(days=7))
    assert all(early <= late for early, late in pairwise(map(arrived, ages)))


def test_counts_never_fall_and_end_at_what_was_drawn() -> None:
    """What X shows of a post only grows, to the whole reception."""
    made = audience()
    reception = made.receive("1", "p", ARMS[0], datetime(2026, 11, 23, 18, tzinfo=UTC))
    shown = [reception.by(reception.posted_at + timedelta(hours=hours)) for hours in range(0, 240, 3)]

    assert all(early[name] <= late[name] for early, late in pairwise(shown) for name in early)
    assert reception.impressions == shown[-1]["impression_count"]
    assert dict(reception.counts).items() <= shown[-1].items()


def test_the_same_seed_is_the_same_audience_and_another_is_another() -> None:
    """Tastes, receptions and people follow from the seed, and from nothing else."""
    one, same, other = audience(1, 9), audience(1, 9), audience(2, 9)
    at = datetime(2026, 12, 1, 9, tzinfo=UTC)

    assert one.expected == same.expected
    assert one.expected != other.expected
    assert one.receive("1", "p", ARMS[0], at) == same.receive("7", "p", ARMS[0], at)
    assert one.sayings(DAY, "me") == same.sayings(DAY, "me")


def test_a_days_tastes_do_not_hang_on_what_was_posted() -> None:
    """All policies meet the same audience: receiving posts moves no taste."""
    quiet, busy = audience(), audience()
    for number in range(50):
        busy.receive(str(number), str(number), ARMS[0], datetime(2026, 11, 23, 9, tzinfo=UTC))
    quiet.begin(DAY + timedelta(days=1))
    busy.begin(DAY + timedelta(days=1))

    assert quiet.expected == busy.expected


def test_tastes_drift_slowly_and_break_now_and_then() -> None:
    """From day to day a rate moves by a few per cent; over years there are breaks, about one in 120 days."""
    made = audience(3, 1200)
    arm = ARMS[0]
    logs = [math.log(rates[arm]) for rates in made.expected.values()]
    steps = [abs(late - early) for early, late in pairwise(logs)]
    breaks = sum(made.dice("break", day).uniform() < 1 / crowd.BREAK_DAYS for day in made.expected)

    assert statistics.median(steps) < 0.12
    assert 3 <= breaks <= 20
    assert max(steps) > 4 * statistics.median(steps)


def test_what_is_expected_is_what_comes_on_average() -> None:
    """Over many posts of one arm the engagements an impression meet the expected reward."""
    made = audience(5)
    at = datetime(2026, 11, 23, 18, tzinfo=UTC)
    receptions = [made.receive(str(number), str(number), ARMS[0], at) for number in range(4000)]
    rewards = [
        sum(crowd.WEIGHTS[name] * count for name, count in one.counts.items()) / one.impressions for one in receptions
    ]

    assert made.expected[DAY][ARMS[0]] == pytest.approx(statistics.mean(rewards), rel=0.1)
    seen = [one.impressions for one in receptions]
    assert statistics.mean(seen) > 1.3 * statistics.median(seen)


def test_the_audience_sleeps_at_night_and_rests_at_weekends() -> None:
    """More are there at eight in the evening than at eight in the morning, and on a Monday than on a Sunday."""
    made = audience()
    evening, morning = datetime(2026, 11, 23, 20, tzinfo=BERLIN), datetime(2026, 11, 23, 8, tzinfo=BERLIN)

    assert 1.3 < made.rhythm(evening) < 1.4
    assert made.rhythm(morning) < 0.7
    assert made.rhythm(evening + timedelta(days=6)) < made.rhythm(evening)


def test_old_posts_are_let_go() -> None:
    """After a week nothing more is shown of a post, so that a year takes no more memory than a week."""
    made = audience()
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    made.receive("1", "p", ARMS[0], at)

    assert {"1"} == set(made.due(at + timedelta(days=8)))
    assert {} == made.due(at + timedelta(days=8))


def test_people_speak_by_day_in_the_order_of_time() -> None:
    """All kinds of sayings come, on their own local day, and name the account."""
    made = audience()
    said = [one for number in range(200) for one in made.sayings(DAY + timedelta(days=number), "me")]

    assert {kind for kind, _ in crowd.KINDS} == {one.kind for one in said}
    assert 0.9 < len(said) / 200 / crowd.MENTIONS_A_DAY < 1.1
    assert all("@me" in one.text for one in said)
    assert all(early.at <= late.at for early, late in pairwise(said))


def test_followers_grow_with_what_is_seen() -> None:
    """An account that posts gains followers over one that does not."""
    silent, heard = audience(), audience()
    for number in range(40):
        heard.receive(str(number), str(number), ARMS[0], datetime(2026, 11, 23, 18, tzinfo=UTC))

    assert heard.grow(DAY) > silent.grow(DAY)


@pytest.mark.parametrize("mean", [0.5, 8.0, 300.0])
def test_poisson_numbers_have_their_mean_and_variance(mean: float) -> None:
    """Small means by Knuth's product, large ones by the normal: mean and variance are the same number."""
    dice = Dice("test", mean)
    drawn = [dice.poisson(mean) for _ in range(6000)]

    assert mean == pytest.approx(statistics.mean(drawn), rel=0.05)
    assert mean == pytest.approx(statistics.variance(drawn), rel=0.1)
