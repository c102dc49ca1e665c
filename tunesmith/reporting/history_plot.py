"""The plot of a model's golden scores over the years."""

import datetime
import math
from collections.abc import Sequence
from typing import NamedTuple

from tunesmith.reporting.plots import BLUE, GREEN, GREY, ORANGE, RED, new_figure, note, png_of

_COLOURS = (BLUE, ORANGE, GREEN, GREY)
_LABELS = 8
"""Versions that are named below the plot; of more, every second or third and the newest."""


class Point(NamedTuple):
    """The golden score of one version.

    `series` numbers what can be compared; scores of two series share no line. `named` says what the
    series is; `rate` whether the value is a share of yes.
    """

    version: str
    at: datetime.datetime
    value: float
    rate: bool
    low: float | None
    high: float | None
    series: int
    named: str
    champion: bool
    override: bool


def history_png(points: Sequence[Point]) -> bytes:
    """Draw each version's score with its interval, oldest first.

    Versions stand at equal distances, with their day below: of two on one day, both can be read.
    The champion is ringed; a version that a person promoted against the verdict is a cross. Without
    points, the plot says so.
    """
    figure, axes = new_figure(6.8, 3.6)
    for number in sorted({point.series for point in points}):
        mine = [(at, point) for at, point in enumerate(points) if point.series == number]
        colour = _COLOURS[number % len(_COLOURS)]
        line = [at for at, _ in mine], [point.value for _, point in mine]
        axes.plot(*line, color=colour, linewidth=1, alpha=0.6, label=mine[0][1].named)
        for at, point in mine:
            if point.low is not None and point.high is not None:
                axes.plot([at, at], [point.low, point.high], color=colour, linewidth=2.5)
            axes.plot([at], [point.value], "o", color=colour, markersize=7)
    overridden = [(at, point.value) for at, point in enumerate(points) if point.override]
    if overridden:
        crosses = axes.plot(*zip(*overridden, strict=True), "x", label="promoted by a person")
        crosses[0].set(color="black", markersize=9, markeredgewidth=1.5)
    champion = [(at, point.value) for at, point in enumerate(points) if point.champion]
    if champion:
        ring = axes.plot(*champion[0], "o", color=RED, label="champion", markersize=15)
        ring[0].set(markerfacecolor="none", markeredgewidth=2)
    if points:
        named = _named(len(points))
        axes.set_xticks(
            named,
            [f"v{points[at].version}\n{points[at].at:%Y-%m-%d}" for at in named],
            fontsize=8,
        )
        axes.set_xlim(-0.6, len(points) - 0.4)
        figure.legend(
            frameon=False, fontsize=8, loc="outside upper right", ncols=3, markerscale=0.5
        )
    else:
        note(axes, "no version has a golden score")
    axes.set_ylabel("golden score")
    if points and all(point.rate for point in points):
        axes.yaxis.set_major_formatter("{x:.0%}")
    axes.grid(axis="y", alpha=0.25)
    return png_of(figure)


def _named(count: int) -> list[int]:
    """Return which versions are named: at most `_LABELS`, evenly, and the newest always."""
    step = math.ceil(count / _LABELS)
    return sorted(range(count - 1, -1, -step))
