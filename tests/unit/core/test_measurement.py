"""Which posts are read today: what tells most, once a UTC day, and not for ever."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songpost.core.learning_state import fresh, observe
from songpost.core.measurement import Measurable, correction_at, plan_reads
from songpost.core.reward import reward_from
from songpost.model import Arm

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KNOWN, NEW = Arm("bread", "morning"), Arm("hiking", "morning")
STATISTICS = fresh(NOW - timedelta(days=60))
for _number in range(20):
    STATISTICS = observe(STATISTICS, KNOWN, reward_from(9, 900), NOW - timedelta(days=30, hours=_number))
DUE = Measurable(post_id="1", arm=KNOWN, posted_at=NOW - timedelta(hours=50))


def reasons(post: Measurable, reads: int = 9) -> str:
    """Why the plan leaves a post out; empty if it reads it."""
    plan = plan_reads([post], STATISTICS, NOW, credit_after_hours=48, reads=reads)
    return dict(plan.left_out).get(post.post_id, "")


def test_a_post_that_is_due_is_read_for_its_credit() -> None:
    """A post past its age of credit is read, with what that tells."""
    plan = plan_reads([DUE], STATISTICS, NOW, credit_after_hours=48, reads=1)
    assert [("1", "credit")] == [(reading.post_id, reading.purpose) for reading in plan.readings]
    assert () == plan.left_out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arm": None}, "no arm chose it"),
        ({"read_on": NOW.date()}, "read today"),
        ({"posted_at": NOW - timedelta(hours=47)}, "read from"),
        ({"posted_at": NOW - timedelta(days=30)}, "older than 30 days"),
        ({"credited_at": NOW - timedelta(hours=1)}, "final"),
        (
            {"posted_at": NOW - timedelta(hours=80), "credited_at": NOW - timedelta(hours=56), "corrected": True},
            "final",
        ),
        ({"posted_at": NOW - timedelta(hours=60), "credited_at": NOW - timedelta(hours=36)}, "read from"),
    ],
)
def test_every_other_post_is_left_out_with_its_reason(change: dict[str, object], reason: str) -> None:
    """Not ours to learn from, read today, too young, too old, or final: each is left out by name."""
    assert reason in reasons(replace(DUE, **change))  # type: ignore[arg-type]


def test_the_day_is_the_utc_one() -> None:
    """A post read late on the UTC day before is read again, whatever the local day."""
    assert "" == reasons(replace(DUE, read_on=NOW.date() - timedelta(days=1)))


def test_an_early_credit_is_corrected_once_where_it_matters() -> None:
    """Credited at 24 hours, a post of a little-known arm is corrected at 72 hours; one of a well-known arm is not."""
    early = Measurable(post_id="2", arm=NEW, posted_at=NOW - timedelta(hours=73), credited_at=NOW - timedelta(hours=49))
    assert "" == reasons(early)
    assert "can no longer change a choice" in reasons(replace(early, arm=KNOWN))


def test_a_credit_at_48_hours_stands() -> None:
    """A first credit at 48 hours or later is not corrected; a younger one is, at 72 hours."""
    assert correction_at(NOW, NOW + timedelta(hours=48)) is None
    assert correction_at(NOW, NOW + timedelta(hours=24)) == NOW + timedelta(hours=72)


def test_what_tells_most_is_read_first() -> None:
    """With one read left, the arm that is hardly known is read before the one with many posts."""
    young = Measurable(post_id="2", arm=NEW, posted_at=DUE.posted_at + timedelta(hours=1))
    plan = plan_reads([DUE, young], STATISTICS, NOW, credit_after_hours=48, reads=1)
    assert ["2"] == [reading.post_id for reading in plan.readings]
    assert {"1": "today's reads are spent on posts that tell more"} == dict(plan.left_out)


@given(
    ages=st.lists(st.integers(0, 1000), max_size=30),
    reads=st.integers(-1, 20),
    read=st.sets(st.integers(0, 29)),
)
def test_no_budget_is_exceeded_and_no_post_is_lost(ages: list[int], reads: int, read: set[int]) -> None:
    """At most `reads` posts are read, none twice a day, and each post is either read or has a reason."""
    posts = [
        Measurable(
            post_id=str(number),
            arm=(KNOWN, NEW)[number % 2],
            posted_at=NOW - timedelta(hours=age),
            read_on=NOW.date() if number in read else None,
        )
        for number, age in enumerate(ages)
    ]
    plan = plan_reads(posts, STATISTICS, NOW, credit_after_hours=48, reads=reads)
    chosen = [reading.post_id for reading in plan.readings]
    assert len(chosen) <= max(reads, 0)
    assert not {int(post_id) for post_id in chosen} & read
    assert sorted([*chosen, *(post_id for post_id, _ in plan.left_out)]) == sorted(post.post_id for post in posts)
