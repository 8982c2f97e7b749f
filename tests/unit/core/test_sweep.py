"""A place is read from its newest post down to what was read before, whatever cuts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.account_documents import Position
from songpost.core import sweep
from songpost.core.sweep import Asked, advanced, id_at, is_cut, later_of, question, time_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def test_ids_tell_their_time() -> None:
    """A snowflake is milliseconds since X's epoch, shifted by 22 bits; there and back to the millisecond."""
    assert datetime(2010, 11, 4, 1, 42, 54, 658_000, tzinfo=UTC) == time_of(str((1 << 22) + 17))
    assert NOW == time_of(id_at(NOW))
    assert "0" == id_at(datetime(2009, 1, 1, tzinfo=UTC))


def test_ids_are_compared_as_numbers() -> None:
    """`9` is older than `10`; what is empty does not count."""
    assert "10" == later_of("9", "10", "")
    assert "" == later_of("", "")


def test_a_whole_sweep_moves_the_watermark() -> None:
    """Nothing is left between: the newest post is the new floor."""
    after = advanced(Position(), Asked(since_id="5"), ["7", "9", "8"], complete=True, next_token="", asked_at=LATER)

    assert ("9", "", "", 3, 0) == (after.since_id, after.until_id, after.newest_id, after.posts, after.swept)
    assert not is_cut(after)


def test_a_sweep_that_finds_nothing_keeps_its_floor() -> None:
    """The bound that was asked counts as read."""
    after = advanced(Position(), Asked(since_id="5"), [], complete=True, next_token="", asked_at=LATER)

    assert "5" == after.since_id


def test_a_cut_sweep_goes_on_below() -> None:
    """The watermark stays, the next question is bounded above, and the newest of all pages counts in the end."""
    cut = advanced(
        Position(since_id="3"), Asked(since_id="3"), ["9", "8"], complete=False, next_token="t", asked_at=LATER
    )
    asked = question(cut, "1")
    whole = advanced(cut, asked, ["5", "4"], complete=True, next_token="", asked_at=LATER)

    assert ("3", "8", "9") == (cut.since_id, cut.until_id, cut.newest_id)
    assert Asked(since_id="3", until_id="8") == asked
    assert ("9", "", 4) == (whole.since_id, whole.until_id, whole.posts)


def test_posts_outside_of_the_question_move_nothing() -> None:
    """X gave what was not asked for: no progress is made up from it, and the same is asked again."""
    cut = Position(since_id="3", until_id="8", newest_id="9")
    after = advanced(cut, question(cut, ""), ["9", "8", "3"], complete=False, next_token="", asked_at=LATER)

    assert ("3", "8", 0) == (after.since_id, after.until_id, after.posts)
    assert "empty page and no way on" in after.stuck


@pytest.mark.parametrize(("token", "stuck"), [("b", ""), ("a", "the same page token again"), ("", "no way on")])
def test_an_empty_page_is_followed_by_its_token(token: str, stuck: str) -> None:
    """A new token is kept; the same one, or none, ends the turn with a word."""
    asked = Asked(since_id="3", token="a")
    after = advanced(Position(since_id="3", token="a"), asked, [], complete=False, next_token=token, asked_at=LATER)

    assert (token if not stuck else "") == after.token
    assert stuck in after.stuck
    assert bool(stuck) == bool(after.stuck)


def test_the_watermark_stays_behind_the_question() -> None:
    """A minute, for posts that turn up late; it never goes back."""
    newest = id_at(NOW - timedelta(seconds=5))
    after = advanced(Position(), Asked(since_id="5"), [newest], complete=True, next_token="", asked_at=NOW)
    again = advanced(
        after, Asked(since_id=after.since_id), [], complete=True, next_token="", asked_at=NOW - timedelta(hours=1)
    )

    assert id_at(NOW - sweep.LAG) == after.since_id == again.since_id


def test_a_cut_sweep_stays_behind_its_first_look() -> None:
    """What turns up late may lie between pages that were taken: it counts when the first was asked for."""
    newest, older, oldest = (id_at(NOW - timedelta(seconds=seconds)) for seconds in (5, 90, 600))
    cut = advanced(Position(), Asked(since_id="5"), [newest, older], complete=False, next_token="t", asked_at=NOW)
    whole = advanced(cut, question(cut, "5"), [oldest], complete=True, next_token="", asked_at=LATER)

    assert (older, id_at(NOW - sweep.LAG)) == (cut.until_id, whole.since_id)


def test_a_sweep_of_all_that_x_shows_says_so() -> None:
    """800 posts at once: older ones may be out of reach."""
    after = advanced(
        Position(), Asked(since_id="0"), map(str, range(1, 801)), complete=True, next_token="", asked_at=LATER
    )

    assert "X reaches back 800" in after.stuck


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 9), st.booleans()), min_size=1, max_size=40),
)
def test_whatever_cuts_it_each_post_is_taken_once(steps: list[tuple[int, int, bool]]) -> None:
    """New posts come, pages of any size are read or lost: in the end each post was taken, none twice."""
    posts: list[int] = []
    taken: list[int] = []
    position, number = Position(), 100

    def page(position: Position, size: int) -> tuple[Asked, list[int], bool]:
        asked = question(position, "")
        below = int(asked.until_id or 10**9)
        shown = [one for one in sorted(posts, reverse=True) if int(asked.since_id or 0) < one < below]
        return asked, shown[:size], len(shown) <= size

    for new, size, lost in [*steps, *[(0, 50, False)] * 3]:
        posts += range(number, number + new)
        number += new
        asked, got, complete = page(position, size)
        if lost:
            continue
        taken += got
        position = advanced(position, asked, map(str, got), complete=complete, next_token="t", asked_at=LATER)

    assert sorted(posts) == sorted(taken)
