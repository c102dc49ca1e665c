"""Plots as small PNG files, for MLflow and Prefect. The report page draws its own.

Figures are made without pyplot, whose global state is not safe in threads.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.data.funnel import Step
from tunesmith.reporting.verdict import claim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tunesmith.reporting.before_after import Figure as Measured

# Told apart in print and by the colour-blind (Okabe and Ito, "Color Universal Design", 2008).
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
ANSWER_COLOURS = {"yes": GREEN, "no": RED, "not settled": GREY}
_DPI = 110


def loss_curve_png(steps: Sequence[Mapping[str, float]]) -> bytes:
    """Draw training and validation loss by step.

    Args:
        steps: Each with `step`, and `loss` or `eval_loss` where that was measured.
    """
    figure, axes = new_figure(6.4, 3.4)
    lines: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("loss", "training", {"color": BLUE, "linewidth": 1.2}),
        ("eval_loss", "validation", {"color": ORANGE, "marker": "o", "linewidth": 1.6}),
    )
    for name, label, style in lines:
        points = curve(steps, name)
        if points:
            axes.plot(*zip(*points, strict=True), label=label, **style)
    if axes.lines:
        axes.legend(frameon=False)
    else:
        note(axes, "no loss was measured")
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss, nats per answer token")
    axes.grid(alpha=0.25)
    return png_of(figure)


def curve(steps: Sequence[Mapping[str, float]], name: str) -> list[tuple[float, float]]:
    """Return the points of one step metric; steps without a finite value are left out."""
    return [(step["step"], step[name]) for step in steps if math.isfinite(step.get(name, math.nan))]


def criteria_png(verdict: Mapping[str, Any]) -> bytes:
    """Draw each criterion's interval with the bound it must clear; an empty one without any.

    Rates and shares stand on one scale, each metric of numbers on its own below.
    """
    scales: dict[str, list[Mapping[str, Any]]] = {}
    for item in verdict.get("criteria", []):
        scales.setdefault(scale(item), []).append(item)
    heights = [0.7 + 0.6 * len(items) for items in scales.values()] or [1.3]
    figure, panels = new_panels(6.4, 0.5 + sum(heights), heights)
    if not scales:
        note(panels[0], "nothing was compared")
        panels[0].set_axis_off()
    for axes, items in zip(panels, scales.values(), strict=False):
        _criteria(axes, items)
    return png_of(figure)


def _criteria(axes: "Axes", criteria: Sequence[Mapping[str, Any]]) -> None:
    axes.axvline(0, color=GREY, linewidth=1, alpha=0.5)
    for at, item in enumerate(criteria):
        colour = ANSWER_COLOURS[item["answer"]]
        axes.plot([item["low"], item["high"]], [at, at], color=colour, linewidth=3)
        axes.plot([item["estimate"]], [at], "o", color=colour, markersize=7)
        axes.plot([bound(item)] * 2, [at - 0.35, at + 0.35], color=RED, linestyle=":", linewidth=2)
    axes.set_yticks(
        range(len(criteria)),
        [f"{item['metric']} on {item['where']}:\n{claim(item)}" for item in criteria],
        fontsize=8,
    )
    axes.set_ylim(len(criteria) - 0.5, -0.5)
    axes.set_xlabel(f"gain, {criteria[0]['confidence']:.0%} interval; dotted: bound", fontsize=8)
    axes.grid(axis="x", alpha=0.25)


def scale(item: Mapping[str, Any]) -> str:
    """Return what a criterion's difference is measured on: rates and shares are on one scale."""
    return str(item["metric"]) if item.get("kind") == "number" else ""


def bound(item: Mapping[str, Any]) -> float:
    """Return the difference that a criterion's interval must lie above, from -1 to 1."""
    _, _, margin = str(item["rule"]).partition(" by ")
    return -float(margin) if margin else 0.0


def learning_curve_png(
    rows: Sequence[int],
    figures: Sequence["Measured"],
    base: "Measured",
    fit: Sequence[tuple[float, float]],
    knee: float | None,
) -> bytes:
    """Draw a metric by number of training examples, with intervals, the fit and its knee."""
    figure, axes = new_figure(6.4, 3.6)
    for size, item in zip(rows, figures, strict=True):
        if item.value is None:
            continue
        if item.low is not None and item.high is not None:
            axes.plot([size, size], [item.low, item.high], color=BLUE, linewidth=2, alpha=0.6)
        axes.plot([size], [item.value], "o", color=BLUE, markersize=6)
    if fit:
        axes.plot(*zip(*fit, strict=True), color=ORANGE, linewidth=1.4, label="fitted curve")
    if base.value is not None:
        axes.axhline(base.value, color=GREY, linestyle=":", label="base")
    if knee is not None:
        axes.axvline(knee, color=RED, linestyle="--", linewidth=1, label="knee")
    axes.set_xscale("log")
    axes.set_xticks(list(rows), [f"{size:,}" for size in rows])
    axes.minorticks_off()
    axes.set_xlabel("training examples")
    axes.set_ylabel(base.name)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.25)
    return png_of(figure)


def funnel_png(steps: Sequence[Step]) -> bytes:
    """Draw what each stage kept and dropped."""
    figure, axes = new_figure(6.4, 1.1 + 0.45 * len(steps))
    positions = range(len(steps))
    kept = [step.kept for step in steps]
    dropped = [step.rows_in - step.kept for step in steps]
    axes.barh(positions, kept, color=BLUE, label="kept")
    axes.barh(positions, dropped, left=kept, color=ORANGE, label="dropped")
    for at, step in enumerate(steps):
        told = f" {step.kept:,} of {step.rows_in:,}" if step.dropped else f" all {step.kept:,}"
        if step.tokens_kept is not None and step.dropped:
            told += f"\n {step.tokens_kept:,} of {step.tokens_in:,} tokens"
        axes.text(step.rows_in, at, told, va="center", fontsize=8)
    axes.set_yticks(positions, [step.stage for step in steps])
    axes.set_ylim(len(steps) - 0.5, -0.5)
    axes.set_xlim(0, 1.6 * max(step.rows_in for step in steps) or 1)
    axes.set_xlabel("rows")
    axes.set_xticks(_ticks(max(step.rows_in for step in steps)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(frameon=False, loc="outside upper right", ncols=2, fontsize=8)
    return png_of(figure)


def _ticks(most: int) -> list[float]:
    """Return round numbers of rows, up to the most that there are."""
    from matplotlib.ticker import MaxNLocator

    return [at for at in MaxNLocator(5, integer=True).tick_values(0, most) if 0 <= at <= most]


def new_figure(width: float, height: float) -> "tuple[Figure, Axes]":
    """Make a figure of one panel, in inches."""
    figure, [axes] = new_panels(width, height, [height])
    return figure, axes


def new_panels(
    width: float, height: float, heights: Sequence[float]
) -> "tuple[Figure, list[Axes]]":
    """Make a figure of panels below each other, as high as these are to each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=list(heights))
    panels = [figure.add_subplot(grid[row, 0]) for row in range(len(heights))]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def note(axes: "Axes", text: str) -> None:
    """Write into the middle of a panel that has nothing to draw."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)


def png_of(figure: "Figure") -> bytes:
    """Return a figure as PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
