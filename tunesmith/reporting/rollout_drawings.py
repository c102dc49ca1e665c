"""Where the marks of a rollout's page stand, in per cent of each drawing's box."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.reporting.drawings import Axis, Tick, axis
from tunesmith.reporting.rollout_words import in_percent, stage_name
from tunesmith.rollout.ledger import Entry, Rollout
from tunesmith.rollout.params import Guardrail
from tunesmith.rollout.past import Look, weight_after

_STEPS = tuple(
    datetime.timedelta(seconds=seconds)
    for seconds in (
        *(1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 21_600, 43_200),
        *(86_400 * days for days in (1, 2, 4, 7, 14, 28, 91, 364)),
    )
)
_MOST_TICKS = 6
_DAY = datetime.timedelta(days=1)
_ROOM = 1.6
"""How far beyond the last limits and the margin a drawing reaches; what was wider before is cut."""


@dataclass(frozen=True)
class Times:
    """An axis of time."""

    begin: datetime.datetime
    end: datetime.datetime
    ticks: tuple[Tick, ...]

    def at(self, moment: datetime.datetime) -> float:
        """Return where a moment stands, in per cent."""
        return round(100 * ((moment - self.begin) / (self.end - self.begin)), 3)


def times(begin: datetime.datetime, end: datetime.datetime) -> Times:
    """Make an axis over a time, with ticks at round moments, UTC."""
    begin, end = begin.astimezone(datetime.UTC), end.astimezone(datetime.UTC)
    span = max(end - begin, datetime.timedelta(seconds=1))
    step = next((step for step in _STEPS if span / step <= _MOST_TICKS), _STEPS[-1])
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = math.ceil((begin - midnight) / step)
    shape = "%-d %b" if step >= _DAY else "%H:%M" if step.seconds >= 60 else "%H:%M:%S"
    moments = [midnight + number * step for number in range(first, first + 2 * _MOST_TICKS)]
    ticks = [
        Tick(round(100 * ((moment - begin) / span), 3), moment.strftime(shape))
        for moment in moments
        if moment <= begin + span
    ]
    return Times(begin, begin + span, tuple(ticks))


@dataclass(frozen=True)
class Weights:
    """The treatment's percent over time, as SVG points in a 100 by 100 box.

    Attributes:
        line: The line.
        area: The same, closed below.
        marks: Where stages begin, with their names.
    """

    line: str
    area: str
    marks: tuple[Tick, ...]


def weights(rollout: Rollout, entries: Sequence[Entry], along: Times) -> Weights:
    """Place the treatment's percent over time."""
    points: list[tuple[float, float]] = []
    for entry in entries:
        left, height = along.at(entry.at), 100 - weight_after(rollout, entry) / 100
        points += [(left, points[-1][1] if points else height), (left, height)]
    points.append((100.0, points[-1][1]))
    line = _points(points)
    marks = _apart(stages(rollout, entries, along))
    return Weights(line, f"{points[0][0]:g},100 {line} 100,100", tuple(marks))


def stages(rollout: Rollout, entries: Sequence[Entry], along: Times) -> list[Tick]:
    """Place the beginnings of the stages."""
    return [
        Tick(along.at(entry.at), stage_name(rollout.params.stages[entry.stage]))
        for entry in entries
        if entry.kind in ("start", "advance")
    ]


def _apart(marks: Sequence[Tick], least: float = 4.0) -> list[Tick]:
    """Leave out the names of stages that would stand on the one after."""
    kept: list[Tick] = []
    for mark in reversed(marks):
        if not kept or kept[-1].at - mark.at >= least:
            kept.append(mark)
    return kept[::-1]


@dataclass(frozen=True)
class Band:
    """A guardrail over time.

    Attributes:
        y: The axis.
        band: Between the limits, as SVG points; empty without any.
        line: The estimates.
        zero: Where no difference stands.
        margins: Where what is of no consequence ends.
        last: Where the last look stands: left and bottom.
    """

    y: Axis
    band: str
    line: str
    zero: float
    margins: tuple[float, ...]
    last: tuple[float, float]


def band(name: str, guardrail: Guardrail, looks: Sequence[Look], along: Times) -> Band | None:
    """Place a guardrail's looks; None where it never had a value."""
    found = [
        (look.at, reading)
        for look in looks
        for reading in look.readings
        if reading.name == name and math.isfinite(reading.estimate)
    ]
    if not found:
        return None
    margins = _margins(guardrail)
    scale = 100.0 if in_percent(guardrail) else 1.0
    values = [0.0, found[-1][1].estimate, *margins]
    values += [limit for limit in (found[-1][1].low, found[-1][1].high) if math.isfinite(limit)]
    shares = in_percent(guardrail) and not guardrail.relative
    y = _range([scale * value for value in values], 100.0 if shares else math.inf)
    told = [(at, reading) for at, reading in found if reading.known]

    def place(at: datetime.datetime, value: float) -> tuple[float, float]:
        return along.at(at), 100 - y.at(min(max(scale * value, y.low), y.high))

    upper = [place(at, reading.high) for at, reading in told]
    lower = [place(at, reading.low) for at, reading in told]
    line = [place(at, reading.estimate) for at, reading in found]
    return Band(
        y=y,
        band=_points([*upper, *reversed(lower)]),
        line=_points(line),
        zero=y.at(0.0),
        margins=tuple(y.at(scale * margin) for margin in margins),
        last=(line[-1][0], 100 - line[-1][1]),
    )


def _margins(guardrail: Guardrail) -> tuple[float, ...]:
    """Return where a difference begins to matter; of a quantile that is in its values already."""
    if guardrail.quantile is not None:
        return (0.0,)
    if guardrail.better == "neither":
        return (-guardrail.margin, guardrail.margin)
    return (-guardrail.margin if guardrail.better == "higher" else guardrail.margin,)


def _range(values: Sequence[float], most: float) -> Axis:
    """Return an axis that shows both sides of zero, with room, and nothing beyond `most`."""
    low, high = max(-most, _ROOM * min(values)), min(most, _ROOM * max(values))
    # Zero is not drawn on an edge.
    return axis([min(low, -high / 10), max(high, -low / 10)], signed=True, wanted=4)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{left:g},{top:g}" for left, top in points)
