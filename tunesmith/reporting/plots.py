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

# Told apart in print and by the colour-blind (Okabe and Ito, "Color Universal Design", 2008).
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
ANSWER_COLOURS = {"yes": GREEN, "no": RED, "not settled": GREY}
_DPI = 110


def loss_curve_png(steps: Sequence[Mapping[str, float]]) -> bytes:
    """Draw training and validation loss by step.

    Args:
        steps: Each with `step`, and `loss` or `eval_loss` where that was measured.
    """
    figure, axes = _figure(6.4, 3.4)
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
        _say(axes, "no loss was measured")
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss, nats per answer token")
    axes.grid(alpha=0.25)
    return _png(figure)


def curve(steps: Sequence[Mapping[str, float]], name: str) -> list[tuple[float, float]]:
    """Return the points of one step metric; steps without a finite value are left out."""
    return [(step["step"], step[name]) for step in steps if math.isfinite(step.get(name, math.nan))]


def criteria_png(verdict: Mapping[str, Any]) -> bytes:
    """Draw each criterion's interval with the bound it must clear; an empty one without any."""
    criteria = verdict.get("criteria", [])
    figure, axes = _figure(6.4, 1.2 + 0.6 * max(len(criteria), 1))
    if not criteria:
        _say(axes, "nothing was compared")
        axes.set_axis_off()
        return _png(figure)
    for at, item in enumerate(criteria):
        colour = ANSWER_COLOURS[item["answer"]]
        axes.plot([item["low"], item["high"]], [at, at], color=colour, linewidth=3)
        axes.plot([item["estimate"]], [at], "o", color=colour, markersize=7)
        axes.plot([bound(item)] * 2, [at - 0.35, at + 0.35], color=RED, linestyle=":")
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(
        range(len(criteria)),
        [f"{item['metric']} on {item['where']}:\n{claim(item)}" for item in criteria],
        fontsize=8,
    )
    axes.set_ylim(len(criteria) - 0.5, -0.5)
    axes.set_xlabel(f"difference of rates, {criteria[0]['confidence']:.0%} interval; dotted: bound")
    axes.grid(axis="x", alpha=0.25)
    return _png(figure)


def bound(item: Mapping[str, Any]) -> float:
    """Return the difference that a criterion's interval must lie above, from -1 to 1."""
    _, _, margin = str(item["rule"]).partition(" by ")
    return -float(margin) if margin else 0.0


def funnel_png(steps: Sequence[Step]) -> bytes:
    """Draw what each stage kept and dropped."""
    figure, axes = _figure(6.4, 1.1 + 0.45 * len(steps))
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
    return _png(figure)


def _ticks(most: int) -> list[float]:
    """Return round numbers of rows, up to the most that there are."""
    from matplotlib.ticker import MaxNLocator

    return [at for at in MaxNLocator(5, integer=True).tick_values(0, most) if 0 <= at <= most]


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _say(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
