"""Where marks stand in the page's drawings, in per cent of the drawing's box.

The page draws with positioned elements and stretched lines instead of pictures, so that text
keeps its size on a phone and colours follow light and dark.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.reporting.plots import bound, curve


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis; `at` is in per cent, from the left or from the bottom."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A range of values with round ticks inside it."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        """Return where a value stands, in per cent."""
        return round(100 * (value - self.low) / (self.high - self.low), 3)


def axis(values: Sequence[float], signed: bool = False, wanted: int = 5) -> Axis:
    """Make an axis over values, widened to the next round numbers on both sides.

    Args:
        values: At least one finite number.
        signed: Write a plus before numbers above zero.
        wanted: About how many steps it has.
    """
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(size * power for size in (1, 2, 5, 10) if size * power * wanted >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = tuple(
        Tick(
            round(100 * (number - first) / (last - first), 3),
            _label(number * step, digits, signed),
        )
        for number in range(first, last + 1)
    )
    return Axis(first * step, last * step, ticks)


def _label(value: float, digits: int, signed: bool) -> str:
    text = f"{value:+.{digits}f}" if signed and value else f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


@dataclass(frozen=True)
class IntervalMark:
    """One criterion's interval on the axis that all criteria share, in per cent."""

    left: float
    width: float
    estimate: float
    zero: float
    bound: float


def interval_marks(criteria: Sequence[Mapping[str, Any]]) -> tuple[Axis, list[IntervalMark]]:
    """Place every criterion's interval on one axis that holds zero and all bounds."""
    values = [0.0]
    for item in criteria:
        values += [item["low"], item["high"], bound(item)]
    shared = axis(values, signed=True)
    marks = [
        IntervalMark(
            left=shared.at(item["low"]),
            width=round(shared.at(item["high"]) - shared.at(item["low"]), 3),
            estimate=shared.at(item["estimate"]),
            zero=shared.at(0.0),
            bound=shared.at(bound(item)),
        )
        for item in criteria
    ]
    return shared, marks


@dataclass(frozen=True)
class LossDrawing:
    """The loss curve: lines as SVG points in a 100 by 100 box, validations as dots."""

    x: Axis
    y: Axis
    training: str
    validation: str
    dots: tuple[tuple[float, float], ...]


def loss_drawing(steps: Sequence[Mapping[str, float]]) -> LossDrawing | None:
    """Place the loss curve; None where no loss was measured."""
    training, validation = curve(steps, "loss"), curve(steps, "eval_loss")
    points = training + validation
    if not points:
        return None
    x = axis([0.0, *(step for step, _ in points)])
    y = axis([loss for _, loss in points])
    return LossDrawing(
        x=x,
        y=y,
        training=_line(training, x, y),
        validation=_line(validation, x, y),
        dots=tuple((x.at(step), y.at(loss)) for step, loss in validation),
    )


def _line(points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> str:
    return " ".join(f"{x.at(step):g},{100 - y.at(loss):g}" for step, loss in points)
