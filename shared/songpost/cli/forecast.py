"""`songpost forecast`: what a month will cost, X and AWS, which setting costs most, and what it did cost."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from songpost.bootstrap import Session
from songpost.cli.run import wrapped
from songpost.cli.terminal import bar, shown, table
from songpost.core.ownership import own_price
from songpost.lab import forecast as lab
from songpost.lab.forecast import Deployed, Forecast, Line, Range
from songpost.lab.spending import Actual, Knob, actuals, knobs
from songpost.model import MICROS_PER_USD, Json, PriceClass

if TYPE_CHECKING:
    from rich.console import Console

    from songpost.cli.terminal import Cell

SMALLEST_MICROS = 50
"""A line of AWS's that costs less than this at most is summed up, not shown."""


@dataclass(frozen=True, slots=True)
class Outlay:
    """A forecast with what it was made for, beside what was spent."""

    forecast: Forecast
    knobs: tuple[Knob, ...]
    actuals: tuple[Actual, ...]


def forecast(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Dollars a month, low, expected and high."""
    words.watch = None

    def look(session: Session) -> Outlay:
        snapshot, now = session.open().snapshot, session.clock()
        settings, on = snapshot.settings, now.date()
        with_links, with_pictures = lab.shares(session.given.texts.load())
        owns_app = own_price(snapshot, on) is PriceClass.OWNED_READ
        deployed = Deployed(region=words.region)
        found = lab.foretell(
            settings, on, with_links=with_links, with_pictures=with_pictures, owns_app=owns_app, deployed=deployed
        )
        steps = knobs(
            settings, on, with_links=with_links, with_pictures=with_pictures, owns_app=owns_app, deployed=deployed
        )
        return Outlay(found, steps, actuals(found, snapshot.usage, settings.budget.billing_day, now))

    return shown(words, environ, look, tell=_as_json, draw=_draw)


def _as_json(outlay: Outlay) -> dict[str, Json]:
    found = outlay.forecast
    return {
        "x": {
            "prices": found.x_prices,
            "usd": _usd(found.x_micros),
            "usd_without_ceilings": _usd(found.x_uncapped_micros),
            "ceiling_usd": found.ceiling_micros / MICROS_PER_USD,
            "lines": [_line_json(line) for line in found.x],
        },
        "aws": {
            "region": found.region,
            "prices_read_on": found.aws_read_on.isoformat(),
            "usd": _usd(found.aws_beyond_free_micros),
            "free_usd": _usd(found.aws_free_micros),
            "lines": [_line_json(line) for line in found.aws],
        },
        "total_usd": _usd(found.total_micros),
        "settings": [
            {"setting": one.setting, "now": one.now, "then": one.then, "saves_usd": one.saves_micros / MICROS_PER_USD}
            for one in outlay.knobs
        ],
        "actual": [
            {
                "month": one.month,
                "days": one.days,
                "spent_usd": one.spent_micros / MICROS_PER_USD,
                "forecast_usd": one.expected_micros / MICROS_PER_USD,
                "writes": one.writes,
                "reads": one.reads,
                "by_kind": {
                    kind: {"spent_usd": spent / MICROS_PER_USD, "forecast_usd": expected / MICROS_PER_USD}
                    for kind, (spent, expected) in one.by_kind.items()
                },
            }
            for one in outlay.actuals
        ],
        "assumed": {name: {**asdict(range_), "why": why} for name, (range_, why) in lab.ASSUMED.items()},
    }


def _line_json(line: Line) -> dict[str, Json]:
    return {
        "name": line.name,
        "quantity": {"low": line.quantity.low, "expected": line.quantity.expected, "high": line.quantity.high},
        "usd": _usd(line.micros),
        "free_usd": _usd(line.free_micros),
    }


def _usd(micros: Range) -> dict[str, Json]:
    found = micros.over(lambda one: round(one) / MICROS_PER_USD)
    return {"low": found.low, "expected": found.expected, "high": found.high}


# ------------------------------------------------------------------------------------------------------ for people


def _draw(page: Console, outlay: Outlay) -> None:
    found = outlay.forecast
    total = found.total_micros
    page.print(
        f"A month costs about {_dollars(total.expected)} ({_dollars(total.low)} to {_dollars(total.high)}): "
        f"X {_dollars(found.x_micros.expected)}, AWS {_dollars(found.aws_beyond_free_micros.expected)}",
        style="bold",
    )
    columns = ("", "a month", "low", "expected", "high", "")
    page.print()
    whole = max(found.x_uncapped_micros.expected, 1.0)
    rows: list[list[Cell]] = [[*_row(line), bar(page, line.micros.expected / whole, 8, "cyan")] for line in found.x]
    rows.append(["under the ceilings", "", *_three(found.x_micros), ""])
    table(f"X ({found.x_prices})", columns, rows, right=(1, 2, 3, 4), page=page)
    if found.x_uncapped_micros.high > found.x_micros.high:
        for line in wrapped(f"Without its ceilings it could be {_dollars(found.x_uncapped_micros.high)}."):
            page.print(line)
    page.print()
    shown_lines = [line for line in found.aws if line.micros.high >= SMALLEST_MICROS]
    rest = found.aws_beyond_free_micros.expected - sum(line.micros.expected for line in shown_lines)
    rows = [[*_row(line), ""] for line in shown_lines]
    rows.append(
        ["all of it" + (f" (the rest {_dollars(rest)})" if rest else ""), "", *_three(found.aws_beyond_free_micros), ""]
    )
    rows.append(["what is always free", "", *_three(found.aws_free_micros), ""])
    title = f"AWS {found.region}, beyond what is always free (prices of {found.aws_read_on})"
    table(title, columns, rows, right=(1, 2, 3, 4), page=page)
    _draw_knobs(page, outlay.knobs)
    for one in outlay.actuals:
        _draw_actual(page, one)


def _row(line: Line) -> list[str]:
    amount = f"{line.quantity.expected:,.0f}" if line.quantity.expected >= 10 else f"{line.quantity.expected:,.2f}"
    return [line.name, amount, *_three(line.micros)]


def _three(micros: Range) -> list[str]:
    return [_dollars(one) for one in (micros.low, micros.expected, micros.high)]


def _dollars(micros: float) -> str:
    return f"${micros / MICROS_PER_USD:,.3f}"


def _draw_knobs(page: Console, steps: Sequence[Knob]) -> None:
    page.print()
    dearest = max((one.saves_micros for one in steps), default=1)
    rows: list[list[Cell]] = [
        [
            one.setting,
            f"{one.now} → {one.then}",
            _dollars(one.saves_micros),
            bar(page, one.saves_micros / dearest, 12, "cyan"),
        ]
        for one in steps
    ]
    table(
        "What one step less of a setting saves a month", ("setting", "step", "saves", ""), rows, right=(2,), page=page
    )


def _draw_actual(page: Console, one: Actual) -> None:
    page.print()
    rows: list[list[Cell]] = [
        [kind, _dollars(spent), _dollars(expected), bar(page, spent / expected if expected else float(spent > 0))]
        for kind, (spent, expected) in one.by_kind.items()
    ]
    part = one.spent_micros / one.expected_micros if one.expected_micros else float(one.spent_micros > 0)
    rows.append(["together", _dollars(one.spent_micros), _dollars(one.expected_micros), bar(page, part)])
    title = f"{one.month}: X in {one.days:.1f} days, against today's forecast for as many"
    table(title, ("", "spent", "forecast", ""), rows, right=(1, 2), page=page)
