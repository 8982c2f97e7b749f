"""Charts as SVG by Vega-Altair. Run as a program: figures as JSON in, drawings as JSON out, so that whoever asked has
none of this in memory.

Colours here are those of the light scheme; the page's stylesheet finds each by its value and gives it the dark
scheme's counterpart. Nothing is told by colour alone: lines differ by their dashes, cells carry their figures.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import altair as alt
import vl_convert

# Altair's charts and its JSON are `Any`: its own types do not know which channels a mark has.
Chart = Any
Data = Mapping[str, Any]

INK, MUTED, GRID = "#1d1b18", "#5e5a54", "#ddd8cf"
SERIES = ("#0b5cad", "#27704a", "#9a5700")
DASHES = ([1, 0], [7, 4], [2, 3])
SPENT, AHEAD, CEILING, BAND = "#0b5cac", "#9a5701", "#b3261e", "#eadcc6"
SHADES = ("#eef3f9", "#d3e3f4", "#abcbeb", "#7fb0df", "#2b6fb5", "#14508f")
ON_PALE, ON_DEEP = "#1d1b19", "#fefefe"
PALE = 4
"""Shades below this one carry dark letters."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDE, NARROW = 640, 268
"""Widths of a plot, in pixels, for a page and for a phone."""


def main() -> None:
    """Draw what standard input asks for."""
    json.dump(drawings(json.load(sys.stdin)), sys.stdout)


def drawings(asked: Mapping[str, Data]) -> dict[str, dict[str, str]]:
    """Each chart by its name, wide and narrow, as SVG."""
    return {
        name: {size: svg(CHARTS[name](data, width), f"{name}-{size}") for size, width in _SIZES.items()}
        for name, data in asked.items()
    }


_SIZES = {"wide": WIDE, "narrow": NARROW}


def svg(chart: Chart, name: str) -> str:
    """One chart as SVG that scales, without a background, and with ids that are its own on the page."""
    styled = (
        chart.configure(font=FONT, aria=False, background="transparent", padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            domainColor=GRID,
            tickColor=GRID,
            gridColor=GRID,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(
            labelColor=INK, labelFontSize=12, symbolStrokeWidth=2.5, title=None, orient="top", symbolSize=400
        )
        .configure_header(labelColor=INK, labelFontSize=13, title=None)
        .configure_title(color=INK, fontSize=13, anchor="start", fontWeight="normal")
    )
    drawn = vl_convert.vegalite_to_svg(styled.to_dict())
    drawn = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', drawn)
    drawn = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawn)
    return re.sub(r"<svg [^>]*?(viewBox=\"[^\"]+\")[^>]*>", r"<svg \1>", drawn, count=1)


def _values(rows: object) -> Chart:
    return alt.InlineData(values=rows)  # type: ignore[arg-type]  # plain JSON


def _days(width: int) -> Chart:
    return alt.X("at:T", title=None, axis=alt.Axis(grid=False, tickCount=4 if width == NARROW else 8, format="%d %b"))


def _extent(labels: list[str], limit: int) -> float:
    """Room for an axis's labels: a reader's letters may be wider than those that the drawing was measured with."""
    return min(8.0 * max(map(len, labels), default=0), 1.2 * limit) + 8


def learned(data: Data, width: int) -> Chart:
    """The heat map: a row a topic, a column a window, text and media one below the other."""
    rows, windows = data["rows"], data["windows"]
    topics = data["topics"]
    kinds = [kind for kind in ("text alone", "with media") if any(row["media"] == kind for row in rows)]
    narrow = width == NARROW
    cell = max((width - (0 if narrow else 60)) // max(len(windows), 1), 36)
    size = 13 if cell >= 80 else 11
    limit = 84 if narrow else 150
    parts = []
    for kind in kinds:
        base = alt.Chart(_values([row for row in rows if row["media"] == kind])).encode(
            x=alt.X(
                "window:N",
                sort=windows,
                title=None,
                scale=alt.Scale(paddingInner=0.03, paddingOuter=0),
                axis=alt.Axis(orient="top", labelAngle=0, labelLimit=cell, ticks=False, domain=False),
            ),
            y=alt.Y(
                "topic:N",
                sort=topics,
                title=None,
                scale=alt.Scale(paddingInner=0.08, paddingOuter=0),
                axis=alt.Axis(
                    labelLimit=limit,
                    minExtent=_extent(topics, limit),
                    ticks=False,
                    domain=False,
                    labelColor=INK,
                    labelPadding=6,
                ),
            ),
        )
        cells = base.mark_rect(cornerRadius=4).encode(
            color=alt.Color(
                "shade:O", legend=None, scale=alt.Scale(domain=list(range(len(SHADES))), range=list(SHADES))
            )
        )
        letters = alt.condition(f"datum.shade < {PALE}", alt.value(ON_PALE), alt.value(ON_DEEP))
        middle = base.mark_text(fontSize=size, fontWeight="bold", dy=-7).encode(text="middle:N", color=letters)
        around = base.mark_text(fontSize=size - 2 if cell >= 80 else 8, dy=9).encode(text="range:N", color=letters)
        title = kind.capitalize() if len(kinds) > 1 else alt.Undefined
        parts.append(
            alt.layer(cells, middle, around, title=title).properties(width=alt.Step(cell), height=alt.Step(48))
        )
    return alt.vconcat(*parts).resolve_scale(color="shared")


def reward(data: Data, width: int) -> Chart:
    """Curves by series, and a band where one is estimated."""
    names, rows = data["series"], data["rows"]
    of_series = {
        "color": alt.Color(
            "series:N",
            sort=names,
            scale=alt.Scale(domain=names, range=list(SERIES[: len(names)])),
            legend=alt.Legend(columns=len(names) if width == WIDE else 2),
        ),
        "strokeDash": alt.StrokeDash(
            "series:N", sort=names, scale=alt.Scale(domain=names, range=list(DASHES[: len(names)]))
        ),
    }
    rates = alt.Axis(format=".1%", tickCount=5, domain=False, ticks=False)
    lines = (
        alt.Chart(_values(rows))
        .mark_line(strokeWidth=2.5, point=len(rows) <= 3 * len(names))
        .encode(x=_days(width), y=alt.Y("rate:Q", title=None, axis=rates, scale=alt.Scale(zero=True)), **of_series)
    )
    layers = [lines]
    banded = [row for row in rows if "low" in row]
    if banded:
        top = max(row["rate"] for row in rows) * 2.5
        band = [{**row, "high": min(row["high"], top), "low": min(row["low"], top)} for row in banded]
        layers.insert(0, alt.Chart(_values(band)).mark_area(color=BAND).encode(x=_days(width), y="low:Q", y2="high:Q"))
    return alt.layer(*layers).properties(width=width, height=220)


def month(data: Data, width: int) -> Chart:
    """The month's sum so far over the forecast's band, under its ceiling."""
    money = alt.Axis(format="$.2f", tickCount=5, domain=False, ticks=False)
    ahead = alt.Chart(_values(data["forecast"]))
    band = ahead.mark_area(color=BAND).encode(x=_days(width), y=alt.Y("low:Q", title=None, axis=money), y2="high:Q")
    line = ahead.mark_line(color=AHEAD, strokeDash=DASHES[1], strokeWidth=2).encode(x=_days(width), y="usd:Q")
    spent = (
        alt.Chart(_values(data["spent"]))
        .mark_line(color=SPENT, strokeWidth=3, interpolate="step-after", point=len(data["spent"]) == 1)
        .encode(x=_days(width), y="usd:Q")
    )
    last = data["spent"][-1]
    labels = [{**last, "label": "spent"}]
    end = {**data["forecast"][-1], "label": "forecast"}
    ahead_by_now = data["forecast"][min(len(data["spent"]), len(data["forecast"])) - 1]["usd"]
    side = -10 if last["usd"] >= ahead_by_now else 16  # away from the forecast's line
    named = alt.Chart(_values(labels)).mark_text(align="center", dy=side, color=SPENT, fontSize=12, fontWeight="bold")
    foretold = alt.Chart(_values([end])).mark_text(align="right", dx=-4, dy=-10, color=AHEAD, fontSize=12)
    layers = [
        band,
        line,
        spent,
        named.encode(x="at:T", y="usd:Q", text="label:N"),
        foretold.encode(x="at:T", y="usd:Q", text="label:N"),
    ]
    return alt.layer(*layers, *_ceiling(data["ceiling"])).properties(width=width, height=220)


def months(data: Data, width: int) -> Chart:
    """A bar a month, with the forecast's mark."""
    money = alt.Axis(format="$.2f", tickCount=5, domain=False, ticks=False)
    angle = -60 if width == NARROW and len(data["rows"]) > 6 else 0
    base = alt.Chart(_values(data["rows"])).encode(
        x=alt.X("month:O", sort=None, title=None, axis=alt.Axis(labelAngle=angle, labelOverlap=True, ticks=False))
    )
    step = width / len(data["rows"])
    spent = base.mark_bar(color=SPENT, cornerRadiusEnd=3, size=min(0.7 * step, 44)).encode(
        y=alt.Y("usd:Q", title=None, axis=money)
    )
    expected = base.transform_filter("isValid(datum.forecast)")
    foretold = expected.mark_tick(color=INK, thickness=3, size=min(0.9 * step, 60), opacity=1).encode(y="forecast:Q")
    return alt.layer(spent, foretold, *_ceiling(data["ceiling"])).properties(width=width, height=220)


def _ceiling(usd: float | None) -> list[Chart]:
    if usd is None:
        return []
    base = alt.Chart(_values([{"usd": usd, "label": "ceiling"}])).encode(y="usd:Q")
    rule = base.mark_rule(color=CEILING, strokeWidth=1.5, strokeDash=[4, 3])
    word = base.mark_text(align="left", dx=4, dy=-7, color=CEILING, fontSize=12).encode(x=alt.value(0), text="label:N")
    return [rule, word]


def limits(data: Data, width: int) -> Chart:
    """A bar a rate limit: how much of it is left."""
    narrow = width == NARROW
    limit = 170 if narrow else 320
    return (
        alt.Chart(_values(data["rows"]))
        .mark_bar(color=SPENT, cornerRadiusEnd=3, height=10)
        .encode(
            y=alt.Y(
                "name:N",
                sort=None,
                title=None,
                axis=alt.Axis(
                    labelLimit=limit,
                    minExtent=_extent([row["name"] for row in data["rows"]], limit),
                    ticks=False,
                    domain=False,
                    labelFontSize=11,
                ),
            ),
            x=alt.X(
                "left:Q",
                title="left",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format=".0%", values=[0, 0.5, 1], domain=False, ticks=False),
            ),
        )
        .properties(width=110 if narrow else 360, height=alt.Step(20))
    )


CHARTS: Mapping[str, Callable[[Data, int], Chart]] = {
    "learned": learned,
    "reward": reward,
    "month": month,
    "months": months,
    "limits": limits,
}
"""How each figure is drawn, by its name."""


if __name__ == "__main__":
    main()
