"""Sliced results: the primary metric on parts of the test examples, the worst part first.

Parts are the values of every metadata field with few of them, thirds of the lengths of prompt and
answer, and the number of the user's turns. So many looks find something by chance alone: they
tell where to look, and nothing is decided on them. What a part is taken from is the example, never
the output, so all models are compared on the same rows. A row that lacks the judge's verdict on one
of the models is left out for all.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tunesmith.evaluation.metrics import spec
from tunesmith.pipeline import Result
from tunesmith.records import Example, Score
from tunesmith.reporting.before_after import NAMES
from tunesmith.reporting.comparisons import scores_by_row, to_replace
from tunesmith.store import Store

MOST_VALUES = 12
"""Values up to which a metadata field makes parts."""
MOST_FIELDS = 20
"""Fields that are looked at, those with the fewest values first."""
SMALL = 20
"""Examples below which a part is called small: its figures are mostly chance."""
FIRST = 12
"""Parts that the page shows at once."""
CONFIDENCE = 0.90
ALPHA = 0.05

Label = Callable[[Example], str | None]


@dataclass(frozen=True)
class Difference:
    """Candidate minus another, as a gain: above zero is better.

    Attributes:
        estimate: The gain.
        low: Lower limit; None where there are too few examples for an interval, as is `high`.
        high: Upper limit.
    """

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Slice:
    """One part of the test examples.

    Attributes:
        field: What it is taken from.
        value: Which part of that.
        n: Examples in it to which the metric applies.
        groups: Groups that these come from.
        figures: The metric's mean, by who was measured.
        difference: How the candidate differs from what it would replace.
        small: Whether it has too few examples to mean much.
        worse: Whether it is credibly worse than what it would replace, after Holm's correction
            over all parts.
    """

    field: str
    value: str
    n: int
    groups: int
    figures: Mapping[str, float]
    difference: Difference
    small: bool
    worse: bool


@dataclass(frozen=True)
class Slices:
    """All parts, the worst first, the small ones last.

    Attributes:
        metric: The metric.
        yes_no: Whether its means are rates.
        against: Whom the order goes by.
        who: Who was measured, in reading order.
        parts: The parts.
        fields: What they were taken from.
    """

    metric: str
    yes_no: bool
    against: str
    who: tuple[str, ...]
    parts: tuple[Slice, ...]
    fields: tuple[str, ...]


def slices(store: Store, result: Result, primary: str) -> Slices | None:
    """Return the sliced results; None without a candidate, or where nothing can be sliced.

    Raises:
        MissingArtifact: when an artifact is missing or damaged.
    """
    against = to_replace(result)
    if against is None:
        return None
    who = [name for name in NAMES if f"{name} test" in result.measured]
    scores = {name: scores_by_row(store, result, f"{name} test") for name in who}
    rows = [
        row
        for row in store.rows(result.split.test, Example)
        if all(
            row.row_id in of and of[row.row_id].values.get(primary) is not None
            for of in scores.values()
        )
    ]
    return sliced(rows, scores, primary, against)


def sliced(
    rows: Sequence[Example], scores: Mapping[str, Mapping[str, Score]], metric: str, against: str
) -> Slices | None:
    """Slice rows that the metric measured; `scores` are by who, then by row id."""
    from tunesmith.statistics import holm

    labels = fields(rows)
    found: list[tuple[Slice, float]] = []
    for field, label in labels.items():
        parts: dict[str, list[Example]] = {}
        for row in rows:
            value = label(row)
            if value is not None:
                parts.setdefault(value, []).append(row)
        if len(parts) > 1:
            found += [
                _part(field, value, parts[value], scores, metric, against)
                for value in sorted(parts)
            ]
    if not found:
        return None
    p_values = {str(number): p_worse for number, (_, p_worse) in enumerate(found)}
    worse = holm(p_values, ALPHA)
    parts_found = [
        Slice(**{**vars(part), "worse": str(number) in worse})
        for number, (part, _) in enumerate(found)
    ]
    parts_found.sort(key=lambda part: (part.small, part.difference.estimate, part.n))
    return Slices(
        metric=metric,
        yes_no=spec(metric).kind == "yes_no",
        against=against,
        who=tuple(name for name in NAMES if name in scores),
        parts=tuple(parts_found),
        fields=tuple(dict.fromkeys(part.field for part in parts_found)),
    )


def fields(rows: Sequence[Example]) -> dict[str, Label]:
    """Return what rows can be sliced by, with what tells the part that a row is in."""
    found: dict[str, Label] = {}
    for name in _metadata(rows):
        found[name] = _by_metadata(name)
    found["prompt length"] = _thirds(
        [len(row.input_text) for row in rows], lambda row: len(row.input_text)
    )
    found["answer length"] = _thirds([len(row.answer) for row in rows], lambda row: len(row.answer))
    found["turns"] = _turns
    return found


def _metadata(rows: Sequence[Example]) -> list[str]:
    """Return the metadata fields with 2 to `MOST_VALUES` plain values."""
    values: dict[str, set[str]] = {}
    refused: set[str] = set()
    for row in rows:
        for name, value in row.metadata.items():
            seen = values.setdefault(name, set())
            if isinstance(value, str | int | float | bool):
                seen.add(str(value))
            elif value is not None:
                refused.add(name)
            if len(seen) > MOST_VALUES:
                refused.add(name)
    usable = [name for name, seen in values.items() if name not in refused and len(seen) > 1]
    return sorted(usable, key=lambda name: (len(values[name]), name))[:MOST_FIELDS]


def _by_metadata(name: str) -> Label:
    def label(row: Example) -> str | None:
        value = row.metadata.get(name)
        return None if value is None else str(value)

    return label


def _thirds(lengths: Sequence[int], length: Callable[[Example], int]) -> Label:
    """Cut lengths into three parts with about as many examples each; fewer where they are alike."""
    first, second = (
        int(cut) for cut in np.quantile(lengths or [0], [1 / 3, 2 / 3], method="lower")
    )

    def label(row: Example) -> str:
        if length(row) <= first:
            return f"up to {first:,} characters"
        if length(row) <= second:
            return f"{first + 1:,} to {second:,} characters"
        return f"over {second:,} characters"

    return label


def _turns(row: Example) -> str:
    turns = Counter(message.role for message in row.prompt)["user"]
    return "1" if turns <= 1 else str(turns) if turns < 4 else "4 or more"


def _part(
    field: str,
    value: str,
    rows: Sequence[Example],
    scores: Mapping[str, Mapping[str, Score]],
    metric: str,
    against: str,
) -> tuple[Slice, float]:
    """Measure one part; also return the p-value of its being worse than what it would replace."""
    values = {
        name: [found for row in rows if (found := by_row[row.row_id].values[metric]) is not None]
        for name, by_row in scores.items()
    }
    groups = [row.group_id for row in rows]
    difference, p_worse = _difference(metric, values["candidate"], values[against], groups)
    part = Slice(
        field=field,
        value=value,
        n=len(rows),
        groups=len(set(groups)),
        figures={name: sum(found) / len(found) for name, found in values.items()},
        difference=difference,
        small=len(rows) < SMALL,
        worse=False,
    )
    return part, p_worse


def _difference(
    metric: str, ours: Sequence[float], theirs: Sequence[float], groups: Sequence[str]
) -> tuple[Difference, float]:
    """Compare two models on one part; the p-value is of the candidate being worse."""
    from tunesmith.statistics import TooFewPairs, compare_binary, compare_means
    from tunesmith.statistics.binary import BinaryComparison
    from tunesmith.statistics.means import MeanComparison

    if spec(metric).better == "lower":
        ours, theirs = theirs, ours
    compared: BinaryComparison | MeanComparison
    try:
        if spec(metric).kind == "yes_no":
            yes = [[value == 1.0 for value in values] for values in (ours, theirs)]
            compared = compare_binary(yes[0], yes[1], groups)
        else:
            compared = compare_means(ours, theirs, groups, seed=0)
    except TooFewPairs:
        return Difference((sum(ours) - sum(theirs)) / len(ours), None, None), 1.0
    interval = compared.interval(CONFIDENCE)
    return Difference(interval.estimate, interval.low, interval.high), compared.p_below(0.0)
