"""How well the learner learns: `python -m songpost.lab.benchmarks.learning`, with the extra `bench` installed.

Every policy plays every audience with the same noise; the score is the expected reward of its posts over the
oracle's, from day 1 through day 90 and 365. Finished audiences are kept as JSON Lines in `--runs`, so a run that was
stopped goes on. Prints the tables of docs/learning.md, and draws its picture with `--picture`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from songpost.lab.benchmarks import picture
from songpost.lab.benchmarks.play import play, through
from songpost.lab.benchmarks.policies import LIBRARIES, POLICIES
from songpost.lab.benchmarks.worlds import MAIN_WORLDS, WORLDS, draw_audience

FIRST_SEED = 100_000
"""Benchmark audiences have seeds from here on; settings were tuned on seeds below."""

DAYS = (90, 365)
GOALS = {
    "mean": (0.74, 0.80),
    "standard": (0.79, 0.87),
    "unstructured": (0.66, 0.80),
    "drift": (0.70, 0.72),
    "abrupt": (0.69, 0.74),
}
LEAD = 0.03
Z95 = 1.96

START, END = "<!-- measured -->", "<!-- end of what was measured -->"

Scores = dict[str, dict[str, dict[int, list[float]]]]
"""By world, policy and audience: the score through day 90, through day 365, then the mean of each week."""


def run(world: str, seed: int, names: tuple[str, ...]) -> dict[str, list[float]]:
    """All of `names` against one audience."""
    audience = draw_audience(WORLDS[world], seed)
    results = {}
    for name in names:
        fractions = play(POLICIES[name], audience, seed)
        weeks = [float(fractions[start : start + 7].mean()) for start in range(0, audience.days, 7)]
        results[name] = [round(value, 5) for value in (*(through(fractions, day) for day in DAYS), *weeks)]
    return results


def measure(worlds: dict[str, int], names: tuple[str, ...], workers: int, runs: Path) -> Scores:
    """Play `worlds[name]` audiences of each world, in audience order across worlds, and keep what is done in `runs`."""
    scores: Scores = {world: {name: {} for name in names} for world in worlds}
    if runs.exists():
        for line in runs.read_text(encoding="utf-8").splitlines():
            world, seed, results = json.loads(line)
            for name, values in results.items():
                if world in scores and name in scores[world]:
                    scores[world][name][seed] = values
    todo = list(_missing(worlds, names, scores))
    started = time.monotonic()
    with ProcessPoolExecutor(workers) as pool, runs.open("a", encoding="utf-8") as kept:
        futures = [(world, seed, pool.submit(run, world, seed, missing)) for world, seed, missing in todo]
        for done, (world, seed, future) in enumerate(futures, 1):
            results = future.result()
            kept.write(json.dumps([world, seed, results]) + "\n")
            kept.flush()
            for name, values in results.items():
                scores[world][name][seed] = values
            if done % 10 == 0:
                sys.stderr.write(f"{done}/{len(futures)} audiences, {time.monotonic() - started:.0f} s\n")
    return scores


def _missing(
    worlds: dict[str, int], names: tuple[str, ...], scores: Scores
) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for number in range(max(worlds.values())):
        for world, audiences in worlds.items():
            seed = FIRST_SEED + number
            missing = tuple(name for name in names if seed not in scores[world][name])
            if number < audiences and missing:
                yield world, seed, missing


def column(scores: Scores, world: str, name: str, index: int) -> list[float]:
    """One score (0 is day 90, 1 is day 365) of every audience, in order of seeds."""
    return [values[index] for _, values in sorted(scores[world][name].items())]


def interval(values: list[float]) -> tuple[float, float]:
    """The mean and the half width of its 95 % interval."""
    array = np.asarray(values)
    return float(array.mean()), Z95 * float(array.std(ddof=1)) / math.sqrt(len(array)) if len(array) > 1 else math.inf


def over_worlds(scores: Scores, name: str, index: int) -> list[float]:
    """Each audience number's mean over the four main worlds."""
    columns = [column(scores, world, name, index) for world in MAIN_WORLDS]
    return [float(np.mean(row)) for row in zip(*columns, strict=False)]


def table(scores: Scores) -> str:
    """The scores as a Markdown table, mean and 95 % interval, day 90 / day 365."""
    worlds = [world for world in WORLDS if world in scores]
    lines = [
        f"| policy | {' | '.join(worlds)} | mean of the four |",
        "|---" * (len(worlds) + 2) + "|",
    ]
    for name in next(iter(scores.values())):
        cells = []
        for world in (*worlds, None):
            parts = []
            for index in range(len(DAYS)):
                values = over_worlds(scores, name, index) if world is None else column(scores, world, name, index)
                mean, half = interval(values) if values else (math.nan, math.nan)
                parts.append(f"{mean:.3f} ± {half:.3f}")
            cells.append(" / ".join(parts))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def verdicts(scores: Scores) -> list[tuple[str, bool]]:
    """Each goal, as a sentence with its numbers, and whether it is reached."""
    found = []
    for world, goals in GOALS.items():
        for index, goal in enumerate(goals):
            values = (
                over_worlds(scores, "songpost", index) if world == "mean" else column(scores, world, "songpost", index)
            )
            mean, half = interval(values)
            found.append((f"{world}, day {DAYS[index]}: {mean:.3f} ± {half:.3f}, goal {goal:.2f}", mean >= goal))
    for index, least in enumerate((LEAD, 0.0)):
        ours = over_worlds(scores, "songpost", index)
        means = {name: np.mean(over_worlds(scores, name, index)) for name in LIBRARIES if name in scores["standard"]}
        best = max(means, key=lambda name: means[name])
        lead, half = interval([a - b for a, b in zip(ours, over_worlds(scores, best, index), strict=True)])
        reached = lead >= least and (index == 1 or lead - half > 0)
        found.append(
            (f"lead over {best}, day {DAYS[index]}: {lead:+.3f} ± {half:.3f} (paired), goal {least:+.2f}", reached)
        )
    return found


def versions() -> str:
    """The versions of what was compared."""
    names = ("numpy", "mabwiser", "river", "vowpalwabbit")
    told = []
    for name in names:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            told.append(f"{name} absent")
    return f"Python {sys.version.split()[0]}, {', '.join(told)}"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, draw; exit code 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m songpost.lab.benchmarks.learning", description=__doc__)
    parser.add_argument("--audiences", type=int, default=100, help="audiences of each of the four main worlds")
    parser.add_argument("--side-audiences", type=int, default=40, help="audiences of the other worlds")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--policies", nargs="*", choices=POLICIES, default=list(POLICIES), help="who plays")
    parser.add_argument(
        "--runs", type=Path, default=Path("build/learning-runs.jsonl"), help="where finished audiences lie"
    )
    parser.add_argument("--picture", type=Path, help="write the learning curves here, as SVG")
    parser.add_argument("--document", type=Path, help="put the output between the marks of this Markdown file")
    chosen = parser.parse_args(arguments)
    worlds = {name: chosen.audiences if name in MAIN_WORLDS else chosen.side_audiences for name in WORLDS}
    chosen.runs.parent.mkdir(parents=True, exist_ok=True)
    scores = measure({name: n for name, n in worlds.items() if n}, tuple(chosen.policies), chosen.workers, chosen.runs)
    reached = verdicts(scores)
    told = (
        f"{versions()}; {chosen.audiences} audiences a main world, {chosen.side_audiences} a side world.\n\n"
        f"{table(scores)}\n\n"
        + "".join(f"- {'reached' if good else '**missed**'}: {sentence}\n" for sentence, good in reached)
    )
    sys.stdout.write(told)
    if chosen.document:
        before, _, rest = chosen.document.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        chosen.document.write_text(f"{before}{START}\n{told}{END}{after}", encoding="utf-8")
    if chosen.picture:
        curves = {
            world: {
                name: [float(np.mean(week)) for week in zip(*(v[len(DAYS) :] for v in by.values()), strict=True)]
                for name, by in scores[world].items()
            }
            for world in MAIN_WORLDS
        }
        chosen.picture.write_text(picture.svg(curves), encoding="utf-8")
    return 0 if all(good for _, good in reached) else 1


if __name__ == "__main__":
    sys.exit(main())
