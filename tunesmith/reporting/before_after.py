"""Before and after: what every model scored, each metric with its interval and n.

These are figures of single models, for reading. Nothing is decided on them: the verdict rests on
paired comparisons on the same examples, which see differences that these intervals hide.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from tunesmith.evaluation.metrics import METRICS, Better, set_value, spec
from tunesmith.pipeline import Result
from tunesmith.records import Score
from tunesmith.reporting.tables import TableRow, markdown_table, text_table
from tunesmith.store import Store

if TYPE_CHECKING:
    from tunesmith.statistics import Interval

CONFIDENCE = 0.95
NAMES = {
    "base": "base",
    "prompt_baseline": "prompt baseline",
    "retrieved": "retrieved baseline",
    "champion": "champion",
    "candidate": "candidate",
}
TOO_FEW = "n too small for an interval"
NOT_MEASURED = "does not apply"


@dataclass(frozen=True)
class Figure:
    """One metric of one model on one set of examples.

    Attributes:
        metric: Name of the metric.
        who: base, prompt_baseline, retrieved, champion or candidate.
        where: test, golden, or a further use of the model.
        kind: `rate` is the share of yes, 0 to 1; `mean` is on the metric's own scale; `set` is
            one figure of the whole set, such as macro F1.
        better: Which way is better.
        value: The estimate; None where the metric applies to no example.
        low: Lower limit of the interval; None without one, as is `high`.
        confidence: Two-sided coverage of the interval, 0 to 1.
        n: Examples to which the metric applies.
        groups: Groups that these come from.
        note: Why there is no interval or no value; empty otherwise.
    """

    metric: str
    who: str
    where: str
    kind: Literal["rate", "mean", "set"]
    better: Better
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    n: int
    groups: int
    note: str

    @property
    def text(self) -> str:
        """The estimate, with its interval in brackets where there is one."""
        if self.value is None:
            return "–"
        if self.low is None or self.high is None:
            return self._format(self.value)
        return f"{self._format(self.value)} [{self._bare(self.low)}, {self._bare(self.high)}]"

    @property
    def estimate(self) -> str:
        """The estimate alone."""
        return "–" if self.value is None else self._format(self.value)

    @property
    def limits(self) -> str:
        """The interval alone, or that there is none."""
        if self.low is None or self.high is None:
            return "no interval"
        unit = "%" if self.kind == "rate" else ""
        return f"{self._bare(self.low)} to {self._bare(self.high)}{unit}"

    @property
    def name(self) -> str:
        """The metric as people read it, with an arrow down where lower is better."""
        return self.metric.replace("_", " ") + (" ↓" if self.better == "lower" else "")

    def _format(self, value: float) -> str:
        return f"{value:.0%}" if self.kind == "rate" else _plain(value)

    def _bare(self, value: float) -> str:
        return f"{100 * value:.0f}" if self.kind == "rate" else _plain(value)


def _plain(value: float) -> str:
    """Return a figure on any scale: two decimals, none where it has hundreds."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def places(result: Result) -> list[str]:
    """Return where somebody was measured, in reading order: test, golden, then the uses."""
    return list(dict.fromkeys(name.partition(" ")[2] for name in result.measured))


def before_after(store: Store, result: Result) -> list[Figure]:
    """Return every metric of everybody who was measured.

    Ordered by place, then metric, then base, prompt baseline, champion, candidate.

    Raises:
        MissingArtifact: when scores are missing or damaged.
    """
    figures: list[Figure] = []
    for where in places(result):
        scores = {
            who: list(store.rows(result.measured[f"{who} {where}"].scores, Score))
            for who in NAMES
            if f"{who} {where}" in result.measured
        }
        metrics = in_order(
            {name for rows in scores.values() for row in rows for name in row.values}
        )
        figures += [
            figure(metric, who, where, rows) for metric in metrics for who, rows in scores.items()
        ]
    return figures


def in_order(found: Collection[str]) -> list[str]:
    """Return metrics as they are listed everywhere: the built-in ones first, then by name."""
    return [name for name in METRICS if name in found] + sorted(set(found) - METRICS.keys())


def figure(metric: str, who: str, where: str, rows: Sequence[Score]) -> Figure:
    """Return one metric of one model on one set, with its interval where there is one."""
    measure = spec(metric)
    of_set = measure.over_set is not None
    kind: Literal["rate", "mean", "set"] = (
        "set" if of_set else "rate" if measure.kind == "yes_no" else "mean"
    )
    # A row has no value of a figure of the set; whether it counts, it says when it is the set.
    measured = [
        row
        for row in rows
        if (set_value(metric, [row]) if of_set else row.values.get(metric)) is not None
    ]
    value = set_value(metric, measured)
    interval = _interval(metric, kind, measured) if measured else None
    return Figure(
        metric=metric,
        who=who,
        where=where,
        kind=kind,
        better=measure.better,
        value=value,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        confidence=CONFIDENCE,
        n=len(measured),
        groups=len({row.group_id for row in measured}),
        note=NOT_MEASURED if value is None else "" if interval is not None else TOO_FEW,
    )


def _interval(metric: str, kind: str, rows: Sequence[Score]) -> "Interval | None":
    """Return the interval of a figure, None where there are too few rows or groups for one."""
    from tunesmith.statistics import TooFewPairs, mean_interval, proportion
    from tunesmith.statistics.resampled import set_interval

    groups = [row.group_id for row in rows]
    values = [value for row in rows if (value := row.values.get(metric)) is not None]
    try:
        if kind == "rate":
            return proportion(sum(value == 1.0 for value in values), len(values), CONFIDENCE)
        if kind == "mean":
            return mean_interval(values, CONFIDENCE, groups, seed=0)
        return set_interval(
            lambda drawn: set_value(metric, drawn), rows, groups, CONFIDENCE, seed=0
        )
    except TooFewPairs:
        return None


def as_documents(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the figures as JSON values, unrounded."""
    return [asdict(figure) for figure in figures]


def as_rows(figures: Sequence[Figure]) -> list[TableRow]:
    """Return a table with a line for each place and metric and a column for each model."""
    return [
        {
            "examples": f"{where} (n = {max(figure.n for figure in line)})",
            "metric": line[0].name,
            **{NAMES[who]: _cell(line, who) for who in present(figures)},
        }
        for where, line in _lines(figures)
    ]


def present(figures: Sequence[Figure]) -> list[str]:
    """Return who was measured anywhere, in reading order."""
    return [who for who in NAMES if any(figure.who == who for figure in figures)]


def _lines(figures: Sequence[Figure]) -> Iterator[tuple[str, list[Figure]]]:
    for where, metric in dict.fromkeys((figure.where, figure.metric) for figure in figures):
        yield where, [item for item in figures if (item.where, item.metric) == (where, metric)]


def _cell(line: Sequence[Figure], who: str) -> str:
    return next((figure.text for figure in line if figure.who == who), "")


def as_markdown(figures: Sequence[Figure]) -> str:
    """Return the table in Markdown, with what the brackets mean."""
    return f"{markdown_table(as_rows(figures))}\n\nIn brackets: {legend(figures)}"


def as_text(figures: Sequence[Figure]) -> str:
    """Return the table as aligned plain text, with what the brackets mean."""
    return f"{text_table(as_rows(figures))}\nIn brackets: {legend(figures)}"


def legend(figures: Sequence[Figure]) -> str:
    """Say what the intervals are, and what they leave out."""
    text = f"{CONFIDENCE:.0%} interval, of each model alone"
    if any(figure.note == TOO_FEW for figure in figures):
        text += "; where a figure has none, n is too small for one"
    if any(figure.groups < figure.n for figure in figures):
        text += "; rates count examples of one group as independent, the verdict does not"
    if any(figure.better == "lower" for figure in figures):
        text += "; ↓: lower is better"
    return text + "."
