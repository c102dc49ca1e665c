"""Several tests at once: which of them may be called significant together."""

from __future__ import annotations

from collections.abc import Mapping

from tunesmith.statistics.intervals import check_alpha


def holm(p_values: Mapping[str, float], alpha: float) -> frozenset[str]:
    """Name the tests that Holm's step-down procedure rejects.

    The chance of one or more false rejections stays at or below `alpha`, however the tests
    depend on each other (Holm 1979, Scandinavian Journal of Statistics 6:65-70).

    Raises:
        ValueError: A p-value isn't between 0 and 1, or `alpha` isn't between 0 and 0.5.
    """
    check_alpha(alpha)
    for name, p_value in p_values.items():
        if not 0.0 <= p_value <= 1.0:
            raise ValueError(f"p-value {p_value} of {name!r}; expected a value from 0 to 1")
    rejected: set[str] = set()
    for left, name in zip(
        range(len(p_values), 0, -1),
        sorted(p_values, key=lambda key: (p_values[key], key)),
        strict=True,
    ):
        if p_values[name] * left > alpha:
            break
        rejected.add(name)
    return frozenset(rejected)
