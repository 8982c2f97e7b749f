"""An outside check of the bench itself: Chapelle and Li 2011, "An empirical evaluation of Thompson sampling", table 1.

Ten items whose click rates are drawn from Beta(4, 4); in each of 10^6 steps an item is replaced by a new one with
probability 10^-3; Thompson sampling with Beta(1, 1) priors and no delay. Published regret: 9,105.
Run it with `python -m songpost.lab.benchmarks.chapelle_li`.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

PUBLISHED_REGRET = 9_105
TOLERANCE = 0.05
ITEMS, STEPS, REPLACED = 10, 1_000_000, 1e-3


def regret(seed: int, steps: int = STEPS) -> float:
    """The regret of one run: the best item's rate less the chosen item's, summed over all steps."""
    rng = np.random.default_rng(seed)
    rates = rng.beta(4, 4, ITEMS)
    clicks, misses = np.ones(ITEMS), np.ones(ITEMS)
    total = 0.0
    replaced = rng.random(steps) < REPLACED
    clicked = rng.random(steps)
    for step in range(steps):
        if replaced[step]:
            item = int(rng.integers(ITEMS))
            rates[item] = rng.beta(4, 4)
            clicks[item] = misses[item] = 1.0
        item = int(rng.beta(clicks, misses).argmax())
        total += rates.max() - rates[item]
        if clicked[step] < rates[item]:
            clicks[item] += 1
        else:
            misses[item] += 1
    return total


def main(arguments: list[str] | None = None) -> int:
    """Print the mean regret of some runs and compare it with the table; exit code 1 outside the tolerance."""
    parser = argparse.ArgumentParser(prog="python -m songpost.lab.benchmarks.chapelle_li", description=__doc__)
    parser.add_argument("--runs", type=int, default=8)
    chosen = parser.parse_args(arguments)
    found = [regret(seed) for seed in range(chosen.runs)]
    mean, error = float(np.mean(found)), float(np.std(found, ddof=1)) / len(found) ** 0.5 if len(found) > 1 else 0.0
    ratio = mean / PUBLISHED_REGRET
    sys.stdout.write(
        f"regret {mean:,.0f} ± {1.96 * error:,.0f} over {len(found)} runs; "
        f"published {PUBLISHED_REGRET:,}; ratio {ratio:.3f}\n"
    )
    return 0 if abs(ratio - 1) <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
