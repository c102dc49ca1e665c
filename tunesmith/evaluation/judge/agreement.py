"""Does the judge judge as people do: agreement beyond chance on rows that people labelled.

Cohen's kappa (1960, Educational and Psychological Measurement 20:37-46), and weighted by the
square of the distance, so that 4 for 5 counts as a small error and 1 for 5 as a large one (Cohen
1968, Psychological Bulletin 70:213-220). 1 is full agreement, 0 what chance gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tunesmith.errors import Unready
from tunesmith.stage import Params
from tunesmith.statistics.intervals import Interval, one_sided

Weights = Literal["none", "quadratic"]

DRAWS = 2_000


class Trust(Params):
    """When a judge is trusted."""

    labelled: int = Field(
        50, ge=10, description="Rows labelled by people that it takes at least to trust a judge."
    )
    kappa: float = Field(
        0.6, ge=-1, le=1, description="What kappa must reach; over 0.6 is called substantial."
    )
    low: float = Field(
        0.4, ge=-1, le=1, description="What its lower limit must reach; over 0.4 is moderate."
    )
    missing: float = Field(
        0.1, ge=0, le=1, description="Share of the labelled rows that may lack a verdict."
    )


@dataclass(frozen=True)
class Agreement:
    """How a judge and people agree.

    Attributes:
        plain: Cohen's kappa.
        quadratic: Weighted by squared distance; None where the labels have no order.
        labelled: Rows that people labelled.
        missing: Those of them without a verdict; they are in neither figure.
        labels: All labels that there are.
        table: How often each label of the judge (rows) met each of people (columns).
        against: Why the judge is not to be trusted; empty if it is.
    """

    plain: Interval
    quadratic: Interval | None
    labelled: int
    missing: int
    labels: tuple[int | str, ...]
    table: tuple[tuple[int, ...], ...]
    against: tuple[str, ...]

    @property
    def decisive(self) -> Interval:
        """The kappa that trust rests on: the weighted one, where the labels are a scale."""
        return self.quadratic or self.plain

    def check(self) -> None:
        """Refuse a judge that is not to be trusted.

        Raises:
            Unready: too few labels, too many missing verdicts, or too little agreement.
        """
        if self.against:
            raise Unready(
                f"the judge is not to be trusted yet: {'; '.join(self.against)}. Label more rows, "
                "mend the rubric, or take another judge"
            )


def agreement(
    judge: Sequence[int | str | None],
    people: Sequence[int | str],
    labels: Sequence[int | str],
    trust: Trust | None = None,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Compare a judge's verdicts with people's on the same rows.

    Whether a judge is trusted is read from kappa and its lower limit, of the weighted one if the
    labels are numbers.

    Args:
        judge: Its verdicts, None where one is missing.
        people: Their labels.
        labels: All labels that there are; numbers are a scale.
        trust: When to trust it.
        confidence: Two-sided coverage of the intervals.
        seed: Seed of the bootstrap.

    Raises:
        Unready: there is not one verdict to compare.
        ValueError: the two do not pair up, or hold a label that is none.
    """
    bounds = trust or Trust()
    if len(judge) != len(people):
        raise ValueError(f"{len(judge)} verdicts and {len(people)} labels; expected one of each")
    both = [(ours, theirs) for ours, theirs in zip(judge, people, strict=True) if ours is not None]
    missing = len(people) - len(both)
    if not both:
        raise Unready(
            f"the judge gave no usable verdict on any of {len(people)} labelled rows. Look at the "
            "reasons, or take another judge"
        )
    table = confusion([ours for ours, _ in both], [theirs for _, theirs in both], labels)
    plain = _interval(table, _distances(labels, "none"), "kappa", confidence, seed)
    quadratic = None
    if all(isinstance(label, int) for label in labels):
        distances = _distances(labels, "quadratic")
        quadratic = _interval(table, distances, "quadratic-weighted kappa", confidence, seed)
    against = []
    if len(people) < bounds.labelled:
        against.append(f"{len(people)} labelled rows; expected at least {bounds.labelled}")
    if missing > bounds.missing * len(people):
        against.append(f"{missing} of {len(people)} verdicts are missing")
    decisive = quadratic or plain
    if decisive.estimate < bounds.kappa or decisive.low < bounds.low:
        against.append(
            f"{decisive.method} {decisive.estimate:.2f}, at least {decisive.low:.2f}; expected "
            f"{bounds.kappa:.2f}, and at least {bounds.low:.2f}"
        )
    counts = tuple(tuple(int(count) for count in row) for row in table)
    return Agreement(plain, quadratic, len(people), missing, tuple(labels), counts, tuple(against))


def kappa(
    one: Sequence[int | str],
    other: Sequence[int | str],
    labels: Sequence[int | str],
    weights: Weights = "none",
) -> float | None:
    """Return the agreement of two raters beyond chance, -1 to 1.

    None where it is not defined: both gave all rows one and the same label, so that chance alone
    agrees fully.

    Args:
        one: Labels of one rater.
        other: Labels of the other, of the same rows.
        labels: All labels that there are; the distances of `quadratic` are between their values.
        weights: How a disagreement counts: all the same, or by squared distance.

    Raises:
        ValueError: the two do not pair up, are empty, or hold a label that is none.
    """
    found = _kappas(confusion(one, other, labels)[None], _distances(labels, weights))[0]
    return None if np.isnan(found) else float(found)


def confusion(
    one: Sequence[int | str], other: Sequence[int | str], labels: Sequence[int | str]
) -> NDArray[np.int64]:
    """Count pairs of labels: rows by the first rater, columns by the second.

    Raises:
        ValueError: the two do not pair up, are empty, or hold a label that is none.
    """
    if len(one) != len(other) or not one:
        raise ValueError(f"{len(one)} and {len(other)} labels; expected as many, and at least one")
    places = {label: place for place, label in enumerate(labels)}
    if len(places) != len(labels) or len(places) < 2:
        raise ValueError(f"labels {list(labels)}; expected at least two different ones")
    if unknown := sorted({str(label) for label in (*one, *other) if label not in places}):
        raise ValueError(f"unknown labels {', '.join(unknown)}; expected {list(labels)}")
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(table, ([places[each] for each in one], [places[each] for each in other]), 1)
    return table


def _distances(labels: Sequence[int | str], weights: Weights) -> NDArray[np.float64]:
    if weights == "none":
        return 1.0 - np.eye(len(labels))
    values = np.asarray(labels, dtype=np.float64)
    return np.square(values[:, None] - values[None, :])


def _kappas(tables: NDArray[np.int64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kappa of each table; nan where chance alone agrees fully."""
    total = tables.sum(axis=(1, 2))
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    found = np.einsum("tij,ij->t", tables, distances) * total
    expected = np.einsum("ti,tj,ij->t", rows, columns, distances)
    share: NDArray[Any] = np.divide(
        found, expected, out=np.full(len(tables), np.nan), where=expected > 0
    )
    return 1.0 - share


def _interval(
    table: NDArray[np.int64],
    distances: NDArray[np.float64],
    method: str,
    confidence: float,
    seed: int,
) -> Interval:
    """Bootstrap by percentiles over rows, which are independent.

    Where kappa is not defined, nothing beyond chance was shown: it counts as 0.
    """
    error = one_sided(confidence)
    n = int(table.sum())
    drawn = np.random.default_rng(seed).multinomial(n, table.ravel() / n, size=DRAWS)
    kappas = np.nan_to_num(_kappas(drawn.reshape(-1, *table.shape), distances), nan=0.0)
    estimate = np.nan_to_num(_kappas(table[None], distances), nan=0.0)[0]
    low, high = np.quantile(kappas, [error, 1.0 - error])
    return Interval(float(estimate), float(low), float(high), confidence, n, n, method)
