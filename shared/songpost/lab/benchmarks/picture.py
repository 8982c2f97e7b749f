"""The learning curves as an SVG picture: a panel a world, a line a policy, the mean fraction of each week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

SHOWN = {
    "songpost": "#d1495b",
    "MABWiser UCB1": "#00798c",
    "MABWiser UCB1 a factor": "#66b2b2",
    "River UCB": "#edae49",
    "Vowpal Wabbit SquareCB": "#30638e",
    "earlier agent as meant": "#8d8d8d",
    "uniform": "#bbbbbb",
}
WIDTH, HEIGHT, LEFT, TOP = 340, 210, 42, 34
LOWEST, HIGHEST = 0.3, 1.0


def svg(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """A grid of panels from {world: {policy: mean of each week}}, with a title and a description."""
    panels = "".join(
        f'<g transform="translate({LEFT + (index % 2) * (WIDTH + 60)},{TOP + (index // 2) * (HEIGHT + 52)})">'
        f"{_panel(world, lines)}</g>"
        for index, (world, lines) in enumerate(curves.items())
    )
    bottom = TOP + 2 * (HEIGHT + 52)
    names = [name for name in SHOWN if any(name in lines for lines in curves.values())]
    legend = "".join(
        f'<g transform="translate({LEFT + (index % 4) * 190},{bottom + (index // 4) * 20})">'
        f'<path d="M0 0h22" stroke="{SHOWN[name]}" stroke-width="3"/><text x="28" y="4">{escape(name)}</text></g>'
        for index, name in enumerate(names)
    )
    width, height = LEFT + 2 * WIDTH + 80, bottom + 44
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="12"><title>Learning curves</title>'
        "<desc>Weekly expected reward as a fraction of the oracle's, by policy and world.</desc>"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>{panels}{legend}</svg>\n'
    )


def _panel(world: str, lines: Mapping[str, Sequence[float]]) -> str:
    """One world: axes, grid and lines."""
    grid = "".join(
        f'<path d="M0 {_y(level):.1f}h{WIDTH}" stroke="#e4e4e4"/>'
        f'<text x="-8" y="{_y(level) + 4:.1f}" text-anchor="end">{level:.1f}</text>'
        for level in (0.4, 0.6, 0.8, 1.0)
    )
    days = "".join(
        f'<text x="{WIDTH * day / 365:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{day}</text>'
        for day in (0, 90, 180, 270, 365)
    )
    paths = "".join(
        f'<path fill="none" stroke="{SHOWN[name]}" stroke-width="{2.4 if name == "songpost" else 1.4}" '
        f'd="M{_points(values)}"/>'
        for name, values in lines.items()
        if name in SHOWN
    )
    frame = f'<path d="M0 0v{HEIGHT}h{WIDTH}" fill="none" stroke="#444444"/>'
    return f'<text x="0" y="-10" font-weight="bold">{escape(world)}</text>{grid}{days}{frame}{paths}'


def _points(values: Sequence[float]) -> str:
    step = WIDTH / max(len(values) - 1, 1)
    return "L".join(f"{index * step:.1f} {_y(value):.1f}" for index, value in enumerate(values))


def _y(value: float) -> float:
    return HEIGHT * (1 - (value - LOWEST) / (HIGHEST - LOWEST))
