"""Weights of the quality score, fitted to a small sample that people called good or bad.

The model is a logistic regression (Cox, 1958) with an L2 penalty (Hoerl and Kennard, 1970): a row
is good with probability s(b - sum of w over the checks that it fails). No weight is below 0,
because to fail a check is never a merit, and the penalty keeps a check that few labelled rows fail
near 0. The score asks for shares, so the weights are divided by their sum; where the model is even,
the quality is `minimum`. How well it agrees with people is told by cross-validation, on rows that
the weights have not seen, beside what calling every row the same would give.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from tunesmith.errors import InputError

FEWEST = 30
"""Labelled rows below which nothing is fitted."""
FEWEST_OF_KIND = 5
"""Rows that must be good, and rows that must be bad."""
FOLDS = 5
PENALTY = 1.0
"""Weight of half the squared weights beside the summed log loss: one row's worth of doubt."""


class Calibration(NamedTuple):
    """Fitted weights, and how far they can be trusted.

    `agrees` says of each labelled row, by its id, whether weights that have not seen it and person
    agree. `agreement` is the share on which they do, `kappa` the same beyond chance (Cohen, 1960;
    0 is chance, 1 perfect), and `constant` the agreement of calling every row what most rows are.
    """

    weights: dict[str, float]
    minimum: float
    rows: int
    agrees: dict[str, bool]
    agreement: float
    kappa: float
    constant: float


def calibrate(
    failed: Mapping[str, Collection[str]], good: Mapping[str, bool], checks: Sequence[str]
) -> Calibration:
    """Fit the weights of checks to labelled rows.

    Args:
        failed: For each row id, the checks that the row fails.
        good: For each labelled row id, whether a person called the row good.
        checks: The checks to weigh, in order; others that a row fails do not count.

    Raises:
        InputError: when a labelled row is unknown, too few are labelled, or all are alike.
    """
    ids = sorted(good, key=_shuffled)
    _expect_enough(ids, failed, good)
    fails = np.array([[check in failed[one] for check in checks] for one in ids], dtype=float)
    labels = np.array([good[one] for one in ids])
    folds = _folds(labels)
    judged = np.empty(len(ids), dtype=bool)
    for fold in range(FOLDS):
        weights, even = _fit(fails[folds != fold], labels[folds != fold])
        judged[folds == fold] = fails[folds == fold] @ weights <= even
    weights, even = _fit(fails, labels)
    whole = float(weights.sum())
    shares = weights / whole if whole else weights
    return Calibration(
        weights={name: round(float(w), 4) for name, w in zip(checks, shares, strict=True)},
        minimum=round(min(1.0, max(0.0, 1 - even / whole)), 4) if whole else 0.0,
        rows=len(ids),
        agrees=dict(zip(ids, (judged == labels).tolist(), strict=True)),
        agreement=round(float((judged == labels).mean()), 4),
        kappa=round(_kappa(judged, labels), 4),
        constant=round(max(float(labels.mean()), 1 - float(labels.mean())), 4),
    )


def _expect_enough(
    ids: Sequence[str], failed: Mapping[str, Collection[str]], good: Mapping[str, bool]
) -> None:
    unknown = [one for one in ids if one not in failed]
    if unknown:
        raise InputError(
            f"{len(unknown)} labelled rows are not in the examples, such as {min(unknown)}; "
            "expected row ids as `tunesmith show` prints them"
        )
    count = sum(good.values())
    if len(ids) < FEWEST or min(count, len(ids) - count) < FEWEST_OF_KIND:
        raise InputError(
            f"{len(ids)} rows are labelled, {count} of them good; expected at least {FEWEST}, and "
            f"{FEWEST_OF_KIND} of each kind. Label more rows, some of which are bad"
        )


def _shuffled(row_id: str) -> bytes:
    """An order that has nothing to do with how the rows came, and is the same everywhere."""
    return sha256(row_id.encode()).digest()


def _folds(labels: Any) -> Any:
    """Give each row a fold, so that good and bad ones are spread evenly."""
    folds = np.empty(len(labels), dtype=int)
    for kind in (True, False):
        places = np.flatnonzero(labels == kind)
        folds[places] = np.arange(len(places)) % FOLDS
    return folds


def _fit(fails: Any, labels: Any) -> tuple[Any, float]:
    """Return the weights, and the lost weight at which good and bad are even."""
    from scipy.optimize import minimize

    signs = np.where(labels, 1.0, -1.0)

    def loss(parameters: Any) -> tuple[float, Any]:
        weights, even = parameters[:-1], parameters[-1]
        margins = signs * (even - fails @ weights)
        pull = -signs / (1 + np.exp(np.clip(margins, -500, 500)))
        gradient = np.append(PENALTY * weights - fails.T @ pull, pull.sum())
        value = np.logaddexp(0, -margins).sum() + PENALTY / 2 * (weights @ weights)
        return float(value), gradient

    start = np.zeros(fails.shape[1] + 1)
    bounds = [(0, None)] * fails.shape[1] + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:-1], float(found.x[-1])


def _kappa(one: Any, other: Any) -> float:
    agreed = float((one == other).mean())
    yes = float(one.mean()) * float(other.mean())
    chance = yes + (1 - float(one.mean())) * (1 - float(other.mean()))
    return 0.0 if chance == 1 else (agreed - chance) / (1 - chance)
