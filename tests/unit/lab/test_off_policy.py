"""Off-policy estimates: right where the answer is known, and honest about what they rest on."""

import math
import random

import pytest

from songpost.errors import BadInput
from songpost.lab.off_policy import Logged, doubly_robust, expected, ips, snips

RATES = {"a": 0.1, "b": 0.3, "c": 0.6}
LOGGING = {"a": 0.5, "b": 0.3, "c": 0.2}
TARGET = {"a": 0.1, "b": 0.2, "c": 0.7}
TRUTH = sum(TARGET[arm] * RATES[arm] for arm in RATES)


def log(rounds: int, seed: int, model: dict[str, float] | None = None) -> list[Logged]:
    """A log of the logging policy, with what the target policy would have done."""
    draws = random.Random(seed)
    modelled = model or {}
    rows = []
    for _ in range(rounds):
        arm = draws.choices(list(LOGGING), list(LOGGING.values()))[0]
        rows.append(
            Logged(
                propensity=LOGGING[arm],
                target=TARGET[arm],
                reward=float(draws.random() < RATES[arm]),
                modelled=modelled.get(arm, 0.0),
                modelled_policy=expected(TARGET, modelled),
            )
        )
    return rows


@pytest.mark.parametrize("estimate", [ips, snips, doubly_robust])
def test_the_intervals_cover_the_truth(estimate: object) -> None:
    """In 200 logs the 95 % interval holds the true value about 190 times (180 to 199)."""
    assert callable(estimate)
    covered = 0
    for seed in range(200):
        found = estimate(log(400, seed, {"a": 0.2, "b": 0.2, "c": 0.5}))
        covered += found.low <= TRUTH <= found.high
    assert 180 <= covered <= 199


def test_a_good_model_narrows_the_interval() -> None:
    """With a model of the rewards the doubly robust interval is narrower than that of IPS."""
    rows = log(2000, 7, RATES)
    plain, robust = ips(rows), doubly_robust(rows)
    assert robust.high - robust.low < 0.8 * (plain.high - plain.low)


def test_the_same_policy_keeps_the_mean() -> None:
    """Against itself every weight is 1: the mean of the log, on all of its choices."""
    rows = [Logged(propensity=0.5, target=0.5, reward=reward) for reward in (0.0, 1.0, 1.0, 0.0)]
    for found in (ips(rows), snips(rows)):
        assert (0.5, 4, 4.0) == (found.value, found.choices, found.effective)


def test_the_effective_sample_size_tells_of_few_heavy_weights() -> None:
    """One choice that the other policy prefers tenfold among nine that it never makes counts as one."""
    rows = [Logged(propensity=0.1, target=1.0, reward=1.0)] + [Logged(propensity=0.1, target=0.0, reward=1.0)] * 9
    assert 1.0 == ips(rows).effective


def test_choices_without_propensity_are_counted_and_left_out() -> None:
    """A choice that an override made is no evidence: it is left out, and said so."""
    rows = [*log(50, 3), Logged(propensity=0.0, target=0.4, reward=1.0)]
    assert (50, 1) == (ips(rows).choices, ips(rows).unsupported)


def test_one_choice_has_no_interval() -> None:
    """From one choice a value follows, but its interval is infinite."""
    found = ips([Logged(propensity=0.5, target=0.5, reward=1.0)])
    assert 1.0 == found.value
    assert math.isinf(found.high)


def test_no_estimate_from_nothing() -> None:
    """An empty log, or one whose every choice was overridden, is a named error."""
    for rows in ([], [Logged(propensity=0.0, target=1.0, reward=1.0)]):
        with pytest.raises(BadInput, match="no logged choice"):
            ips(rows)


def test_a_policy_without_overlap_is_refused() -> None:
    """Where the other policy would have made none of the choices, SNIPS says so; IPS says 0 on no choices."""
    rows = [Logged(propensity=0.5, target=0.0, reward=1.0)] * 2
    with pytest.raises(BadInput, match="none of the logged choices"):
        snips(rows)
    assert (0.0, 0.0) == (ips(rows).value, ips(rows).effective)


@pytest.mark.parametrize(
    ("propensity", "target", "reward"), [(1.5, 0.5, 1.0), (0.5, -0.1, 1.0), (0.5, 0.5, math.nan), (math.nan, 0.5, 1.0)]
)
def test_impossible_rows_are_refused(propensity: float, target: float, reward: float) -> None:
    """Probabilities outside 0..1 and rewards that are no numbers are a named error, not a strange estimate."""
    with pytest.raises(BadInput, match="cannot be"):
        ips([Logged(propensity=propensity, target=target, reward=reward)])
