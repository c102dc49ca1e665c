"""Where marks stand in the page's drawings, in per cent of the drawing's box.

The page draws with positioned elements and stretched lines instead of pictures, so that text
keeps its size on a phone and colours follow light and dark.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunesmith.reporting.plots import bound, curve, scale

if TYPE_CHECKING:
    from tunesmith.reporting.slices import Difference


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
    """An interval on an axis, in per cent; `width` is 0 where there is no interval."""

    left: float
    width: float
    estimate: float
    zero: float
    bound: float


def interval_marks(criteria: Sequence[Mapping[str, Any]]) -> list[tuple[Axis, IntervalMark]]:
    """Place every criterion's interval on an axis that holds zero and the bounds.

    Criteria on the scale from 0 to 1 share one; each metric of numbers has its own.
    """
    values: dict[str, list[float]] = {}
    for item in criteria:
        values.setdefault(scale(item), [0.0]).extend((item["low"], item["high"], bound(item)))
    axes = {name: axis(found, signed=True) for name, found in values.items()}
    return [
        (
            axes[scale(item)],
            _mark(axes[scale(item)], item["estimate"], item["low"], item["high"], bound(item)),
        )
        for item in criteria
    ]


def suite_marks(suites: Sequence[Mapping[str, Any]]) -> tuple[Axis, list[IntervalMark]]:
    """Place every suite's interval on one axis that holds zero and all tolerances."""
    values = [0.0]
    for item in suites:
        values += [item["low"], item["high"], -item["tolerance"]]
    shared = axis(values, signed=True)
    return shared, [
        _mark(shared, item["estimate"], item["low"], item["high"], -item["tolerance"])
        for item in suites
    ]


def difference_marks(differences: Sequence["Difference"]) -> tuple[Axis, list[IntervalMark]]:
    """Place differences on one axis that holds zero; those without an interval as a dot alone."""
    values = [0.0]
    for item in differences:
        values += [item.estimate, *_limits(item)]
    shared = axis(values, signed=True)
    return shared, [_mark(shared, item.estimate, *_limits(item), 0.0) for item in differences]


def _limits(item: "Difference") -> tuple[float, float]:
    if item.low is None or item.high is None:
        return item.estimate, item.estimate
    return item.low, item.high


def _mark(shared: Axis, estimate: float, low: float, high: float, asked: float) -> IntervalMark:
    return IntervalMark(
        left=shared.at(low),
        width=round(shared.at(high) - shared.at(low), 3),
        estimate=shared.at(estimate),
        zero=shared.at(0.0),
        bound=shared.at(asked),
    )


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


@dataclass(frozen=True)
class Whisker:
    """A point with its interval, in per cent; `height` is 0 where there is no interval."""

    left: float
    at: float
    bottom: float
    height: float


@dataclass(frozen=True)
class CurveDrawing:
    """A learning curve: sizes on a logarithmic axis, the fit as SVG points."""

    x: tuple[Tick, ...]
    y: Axis
    points: tuple[Whisker, ...]
    fit: str
    base: float | None
    knee: float | None


def curve_drawing(
    points: Sequence[tuple[int, float, float | None, float | None]],
    fit: Sequence[tuple[float, float]],
    base: float | None,
    knee: float | None,
) -> CurveDrawing:
    """Place a learning curve.

    Args:
        points: Size, figure, and its limits, if any.
        fit: Sizes and heights of the fitted curve; may be empty.
        base: Figure of the plain base, drawn across.
        knee: Size at which the curve bends, inside what is drawn.
    """
    sizes = [float(size) for size, *_ in points] + [size for size, _ in fit]
    first, last = math.log(min(sizes, default=1.0)), math.log(max(sizes, default=1.0))
    span = (last - first) or 1.0

    def across(size: float) -> float:
        return round(4 + 92 * (math.log(size) - first) / span, 3)

    heights = [value for _, *values in points for value in values if value is not None]
    y = axis([*heights, *(height for _, height in fit), *([] if base is None else [base])] or [0.0])
    whiskers = []
    for size, value, low, high in points:
        bottom, top = (value, value) if low is None or high is None else (low, high)
        at = y.at(bottom)
        whiskers.append(Whisker(across(size), y.at(value), at, round(y.at(top) - at, 3)))
    return CurveDrawing(
        x=tuple(Tick(across(size), f"{size:,}") for size, *_ in points),
        y=y,
        points=tuple(whiskers),
        fit=" ".join(f"{across(size):g},{100 - y.at(height):g}" for size, height in fit),
        base=None if base is None else y.at(base),
        knee=None if knee is None else across(knee),
    )
