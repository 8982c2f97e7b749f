"""The reader of the Open Bandit logs, on a log of its shape."""

from pathlib import Path

from songpost.lab.open_bandit import logged, priors, thompson_distribution

PRIORS = """all:
  alpha:
    - 47.0
    - 8.0
  beta:
    - 53.0
    - 9992.0

men:
  alpha:
    - 1.0
  beta:
    - 2.0
"""
LOG = """,timestamp,item_id,position,click,propensity_score,user_feature_0
0,2019-11-24 00:00:34+00:00,1,3,0,0.5,x
1,2019-11-24 00:00:53+00:00,0,1,1,0.25,y
"""


def test_logs_and_priors_are_read(tmp_path: Path) -> None:
    """Priors by campaign, and each row with the target's probability of its item at its position."""
    (tmp_path / "obp/policy/conf").mkdir(parents=True)
    (tmp_path / "obp/policy/conf/prior_bts.yaml").write_text(PRIORS, encoding="utf-8")
    (tmp_path / "obp/dataset/obd/random/all").mkdir(parents=True)
    (tmp_path / "obp/dataset/obd/random/all/all.csv").write_text(LOG, encoding="utf-8")
    assert [(47.0, 53.0), (8.0, 9992.0)] == priors(tmp_path, "all")
    assert [(1.0, 2.0)] == priors(tmp_path, "men")
    rows = list(logged(tmp_path, "random", "all", [[0.9, 0.1, 0.0], [0.1, 0.9, 0.3]]))
    assert [(0.5, 0.3, 0.0), (0.25, 0.9, 1.0)] == [(row.propensity, row.target, row.reward) for row in rows]


def test_the_better_item_is_shown_first() -> None:
    """Of two items of which one is far better, it stands in the first place in every simulated round."""
    found = thompson_distribution([(8.0, 9992.0), (500.0, 500.0)], draws=50, seed=1)
    assert [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]] == found
