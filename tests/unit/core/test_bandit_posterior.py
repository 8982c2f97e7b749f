"""What the learner believes, against the textbook: the linear algebra, the exact posterior, and forgetting."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songpost.core import posterior
from songpost.core.envelope import Triangle, backward, factorised, forward
from songpost.core.learning_state import fresh, observe
from songpost.core.reward import reward_from
from songpost.model import Arm

START = datetime(2026, 1, 1, tzinfo=UTC)


def dense(matrix: Triangle) -> list[list[float]]:
    """The whole symmetric matrix of a lower envelope."""
    size = len(matrix)
    full = [[0.0] * size for _ in range(size)]
    for row, (first, line) in enumerate(matrix):
        for column, value in enumerate(line, first):
            full[row][column] = full[column][row] = value
    return full


@given(data=st.data(), size=st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_the_envelope_solves_what_it_is_given(data: st.DataObject, size: int) -> None:
    """Through L and L' the solution of A x = b satisfies A x = b, for any envelope."""
    entries = st.floats(-1, 1)
    matrix: Triangle = []
    for row in range(size):
        first = data.draw(st.integers(0, row))
        matrix.append((first, [*data.draw(st.lists(entries, min_size=row - first, max_size=row - first)), size + 1.0]))
    right = data.draw(st.lists(st.floats(-10, 10), min_size=size, max_size=size))
    factor = factorised(matrix)
    solution = backward(factor, forward(factor, right))
    for line, value in zip(dense(matrix), right, strict=True):
        assert math.isclose(value, sum(a * x for a, x in zip(line, solution, strict=True)), rel_tol=1e-9, abs_tol=1e-9)


def test_a_matrix_that_is_not_definite_is_no_posterior() -> None:
    """The factorisation refuses a negative pivot."""
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        factorised([(0, [1.0]), (0, [2.0, 1.0])])


def test_without_data_draws_have_the_priors_spread() -> None:
    """Before any post an arm's draws have mean 0 and the variance of base and effects, averaged over the priors."""
    arms = [Arm("bread", "noon"), Arm("hiking", "dawn", media=True)]
    drawn = posterior.draw(fresh(START), arms, START, "seed", draws=20_000, spread=1.0, curiosity=0.0)
    variance = posterior.BASE_SD**2 + sum(sum(sd * sd for sd in prior) for prior in posterior.PRIORS) / len(
        posterior.PRIORS
    )
    first = [row[0] for row in drawn.values]
    assert abs(math.fsum(first)) < 1e-6
    assert math.isclose(variance, math.fsum(x * x for x in first) / len(first), rel_tol=0.03)


def test_draws_agree_with_the_posterior_by_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under one prior, mean and variance equal those of importance sampling from the prior with the same likelihood."""
    monkeypatch.setattr(posterior, "PRIORS", ((0.5, 0.3, 0.2, 0.3),))
    monkeypatch.setattr(posterior, "CORRELATIONS", (0.7,))
    tried, other = Arm("bread", "noon"), Arm("bread", "dawn")
    statistics = fresh(START)
    at = START + timedelta(days=100)
    for likes, age in ((40, 90), (30, 85), (3, 3), (5, 2)):
        statistics = observe(statistics, tried, reward_from(likes, 1000), at - timedelta(days=age))
    seen = posterior._seen(statistics, at)
    known = seen.arms[tried]
    drawn = posterior.draw(statistics, [tried, other], at, "seed", draws=40_000, spread=1.0, curiosity=0.0)

    draws = random.Random(5)
    weights, values = [], []
    for _ in range(60_000):
        new_tried = new_other = old_tried = 0.0
        for sd, kept, on_tried, on_other in (
            (posterior.BASE_SD, 1 - 0.3 * (1 - posterior.BASE_KEEPS), 1, 1),
            (0.5, 0.7, 1, 1),
            (0.3, 0.7, 1, 0),
            (0.3, 0.7, 0, 1),
            (0.2, 0.7, 1, 1),
            (0.3, 0.7, 1, 0),
            (0.3, 0.7, 0, 1),
        ):
            old = draws.gauss(0, sd)
            new = kept * old + draws.gauss(0, sd * math.sqrt(1 - kept * kept))
            old_tried += on_tried * old
            new_tried += on_tried * new
            new_other += on_other * new
        misfit = known.old_n * (known.old_mean - old_tried) ** 2 + known.new_n * (known.new_mean - new_tried) ** 2
        weights.append(math.exp(-0.5 * misfit / seen.noise))
        values.append((new_tried, new_other))
    total = math.fsum(weights)
    for position in (0, 1):
        mean = math.fsum(w * v[position] for w, v in zip(weights, values, strict=True)) / total
        variance = math.fsum(w * (v[position] - mean) ** 2 for w, v in zip(weights, values, strict=True)) / total
        column = [row[position] for row in drawn.values]
        found = math.fsum(column) / len(column)
        assert abs(mean - found) < 0.04
        assert math.isclose(variance, math.fsum((x - found) ** 2 for x in column) / len(column), rel_tol=0.08)


def test_what_is_old_is_believed_less() -> None:
    """The same posts leave a wider belief two years later than two days later."""
    statistics = fresh(START)
    for number in range(30):
        statistics = observe(statistics, Arm("bread", "noon"), reward_from(30, 1000), START + timedelta(days=number))

    def width(days: int) -> float:
        rows = posterior.draw(statistics, [Arm("bread", "noon")], START + timedelta(days=days), "seed", draws=2000)
        values = sorted(row[0] for row in rows.values)
        return values[1900] - values[100]

    assert width(2 * 365) > 1.5 * width(32)


def test_a_change_of_taste_reaches_the_topics_other_arms() -> None:
    """Recent failures of one arm of a topic lower the belief in its other arms, whose own posts are old and good."""
    statistics = fresh(START)
    arms = [Arm(topic, window) for topic in ("bread", "hiking") for window in ("dawn", "noon", "dusk")]
    for number in range(90):
        statistics = observe(statistics, arms[number % 6], reward_from(20, 1000), START + timedelta(days=number))
    before = posterior.draw(statistics, arms, START + timedelta(days=120), "seed", draws=4000)
    for number in range(12):
        statistics = observe(statistics, arms[0], reward_from(1, 1000), START + timedelta(days=106 + number))
    after = posterior.draw(statistics, arms, START + timedelta(days=120), "seed", draws=4000)

    def mean(drawn: posterior.Draws, position: int) -> float:
        return math.fsum(row[position] for row in drawn.values) / len(drawn.values)

    same_topic = mean(after, 1) - mean(before, 1)
    other_topic = mean(after, 4) - mean(before, 4)
    assert same_topic < other_topic - 0.2


@given(posts=st.lists(st.tuples(st.integers(0, 10**6), st.integers(20, 10**9)), max_size=8), days=st.integers(0, 4000))
@settings(max_examples=60, deadline=None)
def test_the_posterior_stays_proper(posts: list[tuple[int, int]], days: int) -> None:
    """Whatever posts earned, a million impressions without a like among it, all draws are finite numbers."""
    arm = Arm("bread", "noon")
    statistics = fresh(START)
    for number, (engagements, impressions) in enumerate(posts):
        statistics = observe(statistics, arm, reward_from(engagements, impressions), START + timedelta(days=number))
    drawn = posterior.draw(statistics, [arm, Arm("new", "noon")], START + timedelta(days=days), "seed", draws=16)
    assert all(math.isfinite(value) and abs(value) < 20 for row in drawn.values for value in row)
    assert 0 < posterior.smearing(statistics, START + timedelta(days=days)) < 10


def test_a_sixteenth_of_a_share_is_not_lost() -> None:
    """Models share the draws by their evidence to within one four, whatever the offset, and all draws are used."""
    models = [posterior._Solved([], [], {}, posterior._cell(posterior._Tried(0, 0, 0, 0), 1, 1, 0.5)[0], evidence)
              for evidence in (0.0, math.log(2.0), -700.0)]  # fmt: skip
    for offset in (0.0, 0.3, 0.999999):
        counts = posterior._shares(models, 30, offset)
        assert 30 == sum(counts)
        assert all(abs(count - share) <= 1 for count, share in zip(counts, (10, 20, 0), strict=True))
