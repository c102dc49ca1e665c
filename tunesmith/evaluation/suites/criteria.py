"""The suites as the gate's criteria: plain values that a verdict can hold."""

from collections.abc import Iterable, Mapping
from typing import Any

from tunesmith.evaluation.suites.asking import Probe
from tunesmith.evaluation.suites.comparison import compare
from tunesmith.evaluation.suites.results import SuiteResult

SHOWN = 600
"""Characters of a question or an answer that a criterion shows."""


def criteria(
    base: Iterable[Probe],
    candidate: Iterable[Probe],
    tolerances: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    primary: str | None = None,
) -> list[dict[str, Any]]:
    """Compare two models by all suites and return one criterion for each.

    `p_worse` is not yet corrected, for a gate that corrects over all its criteria; `outcome` is
    corrected over the suites alone. `p_worse` is None where nothing can be lost. The other fields
    are named as those of the gate's other criteria.

    Raises:
        ValueError: as `compare`.
    """
    results = compare(base, candidate, tolerances, alpha, primary)
    return [criterion(result, alpha) for result in results]


def criterion(result: SuiteResult, alpha: float) -> dict[str, Any]:
    """Return a result as a criterion."""
    difference = result.difference
    return {
        "suite": result.suite,
        "against": "base",
        "rule": f"not worse by {result.tolerance:g}" if result.tolerance else "none at all",
        "tolerance": result.tolerance,
        "candidate": result.candidate,
        "other": result.base,
        "n": result.n,
        "groups": result.groups,
        "discordant": result.discordant,
        "estimate": difference.estimate if difference else None,
        "low": difference.low if difference else None,
        "high": difference.high if difference else None,
        "confidence": 1 - 2 * alpha,
        "method": difference.method if difference else "no interval: nothing to compare",
        "p_pass": result.p_held,
        "p_worse": result.p_worse,
        "examples_needed": result.needed,
        "outcome": result.outcome,
        "reason": result.reason,
        "parts": [
            {
                "name": part.name,
                "candidate": part.candidate,
                "other": part.base,
                "estimate": part.difference,
                "n": part.n,
                "p_worse": part.p_worse,
            }
            for part in result.parts
        ],
        "examples": [
            {name: text[:SHOWN] for name, text in case._asdict().items()}
            for case in result.examples
        ],
    }
