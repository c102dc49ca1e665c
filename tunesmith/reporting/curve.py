"""The views of a learning curve: what it says in words, its table, its plot, its page.

A point's interval is of that model alone. Whether more data would pay is told by the fitted curve,
see `tunesmith.statistics.knee`.
"""

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tunesmith.evaluation.metrics import spec
from tunesmith.recipe import Recipe
from tunesmith.records import Score
from tunesmith.reporting import drawings
from tunesmith.reporting.before_after import Figure, as_documents, figure
from tunesmith.reporting.looks import told as looks_told
from tunesmith.reporting.looks import wear_of
from tunesmith.reporting.page import environment
from tunesmith.reporting.plots import learning_curve_png
from tunesmith.reporting.tables import TableRow, escape, markdown_table, text_table
from tunesmith.store import Store

if TYPE_CHECKING:
    from tunesmith.learning_curve import Curve
    from tunesmith.statistics.knee import Bend

TITLES = {
    "yes": "More data would pay",
    "no": "More data would not pay",
    "not settled": "Not settled whether more data would pay",
}
HOW = (
    "The curve is an inverse power law, fitted by least squares. Its intervals come from drawing "
    "the test groups again, together for all sizes, with noise as large as the points' scatter "
    "about it, and from a second fit without the smallest size. They do not hold what a curve "
    "might do that bends otherwise beyond these sizes. Each training is the recipe's own: fewer "
    "examples also mean fewer steps."
)


@dataclass(frozen=True)
class Drawn:
    """What a learning curve is drawn from.

    Attributes:
        metric: The primary metric.
        on: The set that every model was measured on.
        rows: Training examples of each model.
        figures: How each did, in the same order.
        base: How the plain base did.
        bend: What the fit says; None where there is too little to fit.
        why: Why there is no fit; empty otherwise.
        margin: The gain that is of no consequence.
        worn: How far the set is worn by looks at it; empty for validation, which decides nothing.
    """

    metric: str
    on: str
    rows: tuple[int, ...]
    figures: tuple[Figure, ...]
    base: Figure
    bend: "Bend | None"
    why: str
    margin: float
    worn: str

    @property
    def pays(self) -> Literal["yes", "no", "not settled"]:
        """Whether twice the examples would gain at least the margin."""
        return "not settled" if self.bend is None else self.bend.pays

    @property
    def sign(self) -> float:
        """What turns a height of the fit into the metric's own scale."""
        return -1.0 if spec(self.metric).better == "lower" else 1.0

    def fitted(self, size: float) -> float:
        """Return the fitted figure at a size; only where there is a fit."""
        if self.bend is None:
            raise ValueError("there is no fit")
        return self.sign * self.bend.law.at(size)


def draw(recipe: Recipe, store: Store, curve: "Curve") -> Drawn:
    """Read the scores of every size, and fit.

    Raises:
        MissingArtifact: when scores are missing or damaged.
    """
    from tunesmith.statistics.knee import TooLittle, bend

    metric, margin = recipe.gate.primary, recipe.gate.margin
    scores = [list(store.rows(point.measured.scores, Score)) for point in curve.points]
    base = list(store.rows(curve.base.scores, Score))
    sizes = [point.rows.rows for point in curve.points]
    measured, why = None, ""
    sign = -1.0 if spec(metric).better == "lower" else 1.0
    by_row = [{score.row_id: score.values.get(metric) for score in found} for found in scores]
    # A judge's verdict on one size may be missing: then the row is left out for all.
    rows = [row for row in scores[-1] if all(of[row.row_id] is not None for of in by_row)]
    values = [[sign * (found[row.row_id] or 0.0) for row in rows] for found in by_row]
    ends = sorted((0.0, sign))
    try:
        if not rows:
            raise TooLittle(f"{metric} applies to none of the examples")
        measured = bend(
            sizes,
            values,
            [row.group_id for row in rows],
            margin=margin,
            alpha=recipe.gate.alpha,
            bounds=None if spec(metric).kind == "number" else (ends[0], ends[1]),
        )
    except TooLittle as error:
        why = str(error)
    return Drawn(
        metric=metric,
        on=curve.on,
        rows=tuple(sizes),
        figures=tuple(figure(metric, "candidate", curve.on, found) for found in scores),
        base=figure(metric, "base", curve.on, base),
        bend=measured,
        why=why,
        margin=margin,
        worn=_worn(store, curve),
    )


def _worn(store: Store, curve: "Curve") -> str:
    worn = wear_of(store, {curve.on: curve.asked.digest}) if curve.on == "test" else {}
    return " ".join(_sentence(f"{looks_told(name, found)}.") for name, found in worn.items())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def headline(drawn: Drawn) -> str:
    """Say whether more data would pay."""
    return f"{TITLES[drawn.pays]}: {reason(drawn)}"


def reason(drawn: Drawn) -> str:
    """Say what speaks for it, or what is missing to tell."""
    found = drawn.bend
    if found is None:
        return f"{drawn.why}."
    doubling = found.doubling
    gain = f"{doubling.estimate:.3f} [{doubling.low:.3f}, {doubling.high:.3f}]"
    at = f"{doubling.confidence:.0%} interval"
    twice = f"twice the examples, {2 * drawn.rows[-1]:,}, would gain about {gain} ({at})"
    sides = {"yes": "all of it at or over", "no": "all of it under"}
    side = sides.get(found.pays, "on both sides of")
    return f"{twice}, {side} the margin of {found.margin:g}."


def knee_sentence(drawn: Drawn) -> str:
    """Name the knee, or say on which side of what was measured it lies; empty without a fit."""
    if drawn.bend is None:
        return ""
    knee, beyond = drawn.bend.knee, drawn.bend.beyond
    first = drawn.rows[0]
    low = f"{first:,} or fewer" if knee.low <= first else f"about {_round(knee.low):,}"
    high = f"more than {beyond:,}" if knee.high >= beyond else f"about {_round(knee.high):,}"
    if knee.estimate <= first:
        at = f"at {first:,} examples or fewer"
    elif knee.estimate >= beyond:
        at = f"beyond {beyond:,} examples"
    else:
        at = f"at about {_round(knee.estimate):,} examples"
    ends = f" (between {low} and {high})" if first < knee.high and knee.low < beyond else ""
    return f"The knee, from which on doubling gains less than {drawn.margin:g}, lies {at}{ends}."


def _round(size: float) -> int:
    """Return a size to two digits, which is more than is known of it."""
    step = int(10 ** max(0, math.floor(math.log10(max(size, 1.0))) - 1))
    return round(size / step) * step


def table(drawn: Drawn) -> list[TableRow]:
    """Return a line for each size, the base first."""
    lines = [(0, drawn.base), *zip(drawn.rows, drawn.figures, strict=True)]
    return [
        {"examples": rows, f"{item.name} on {drawn.on}": item.text, "n": item.n}
        for rows, item in lines
    ]


def told(drawn: Drawn) -> str:
    """Return all of it as plain text."""
    sentences = [headline(drawn), knee_sentence(drawn), drawn.worn]
    return "\n".join([text_table(table(drawn)), "", *(text for text in sentences if text)])


def markdown(drawn: Drawn) -> str:
    """Return all of it in Markdown."""
    sentences = [
        escape(text) for text in (headline(drawn), knee_sentence(drawn), drawn.worn, HOW) if text
    ]
    return "\n\n".join([*sentences[:-1], markdown_table(table(drawn)), sentences[-1]])


def documents(recipe: Recipe, drawn: Drawn) -> dict[str, bytes]:
    """Return the files of a learning curve, by name."""
    return {
        "learning-curve.html": page(recipe, drawn).encode("utf-8", "replace"),
        "learning-curve.png": learning_curve_png(
            drawn.rows, drawn.figures, drawn.base, line(drawn), knee_at(drawn)
        ),
        "learning-curve.json": json.dumps(_document(drawn), indent=2, allow_nan=False).encode(),
    }


def _document(drawn: Drawn) -> dict[str, object]:
    found = drawn.bend
    document: dict[str, object] = {
        "metric": drawn.metric,
        "on": drawn.on,
        "examples": drawn.rows,
        "figures": as_documents(drawn.figures),
        "base": as_documents([drawn.base])[0],
        "margin": drawn.margin,
        "pays": drawn.pays,
        "why_no_fit": drawn.why,
    }
    if found is not None:
        document |= {
            "law": found.law._asdict(),
            "scatter": found.scatter,
            "doubling": _limits(found.doubling.estimate, found.doubling.low, found.doubling.high),
            "knee": _limits(found.knee.estimate, found.knee.low, found.knee.high),
            "confidence": found.doubling.confidence,
        }
    return document


def _limits(estimate: float, low: float, high: float) -> dict[str, float]:
    return {"estimate": estimate, "low": low, "high": high}


def line(drawn: Drawn, steps: int = 60) -> list[tuple[float, float]]:
    """Return points of the fitted curve up to twice the last size; none without a fit."""
    if drawn.bend is None:
        return []
    first, last = drawn.rows[0], 2 * drawn.rows[-1]
    sizes = [first * (last / first) ** (step / steps) for step in range(steps + 1)]
    return [(size, drawn.fitted(size)) for size in sizes]


def knee_at(drawn: Drawn) -> float | None:
    """Return the knee where it lies inside what is drawn, else None."""
    if drawn.bend is None:
        return None
    inside = drawn.rows[0] < drawn.bend.knee.estimate <= 2 * drawn.rows[-1]
    return drawn.bend.knee.estimate if inside else None


def page(recipe: Recipe, drawn: Drawn) -> str:
    """Return the page: one self-contained file that loads nothing and runs nothing."""
    return (
        environment()
        .get_template("learning_curve.html")
        .render(
            recipe=recipe,
            drawn=drawn,
            lines=list(zip(drawn.rows, drawn.figures, strict=True)),
            title=TITLES[drawn.pays],
            why=_sentence(reason(drawn)),
            knee=knee_sentence(drawn),
            how=HOW,
            plot=_placed(drawn),
        )
    )


def _placed(drawn: Drawn) -> drawings.CurveDrawing:
    points = [
        (rows, item.value, item.low, item.high)
        for rows, item in zip(drawn.rows, drawn.figures, strict=True)
        if item.value is not None
    ]
    return drawings.curve_drawing(points, line(drawn), drawn.base.value, knee_at(drawn))
