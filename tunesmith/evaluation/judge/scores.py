"""Verdicts of a judge as metrics: a value for each answer, and the evidence for it.

A verdict that is missing has no value, and the evidence says why; only a judge's own word makes a
low one. All values are 0 to 1, so that a margin means the same for each.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tunesmith.evaluation.judge.results import Comparison, Facts, Rating
from tunesmith.evaluation.judge.rubric import Scale, Task
from tunesmith.evaluation.metrics.judged import FACTS, MISSING, RUBRIC

PREFERRED = "preferred"
JUDGED = (RUBRIC, FACTS, PREFERRED)
"""Metrics that only a judge can measure; more is better, for `preferred` of the first answer."""

TASKS: Mapping[str, Task] = {RUBRIC: "absolute", FACTS: "facts"}
"""What a judge is asked for a metric of one answer."""

LONGEST_EVIDENCE = 4000
"""Characters of evidence that are kept: room for the claims of a long answer."""


class Judged(NamedTuple):
    """A value, None where the verdict is missing, and what it rests on."""

    value: float | None
    evidence: str


def rated(rating: Rating, scale: Scale) -> Judged:
    """Return where a score stands on the rubric's scale: the worst is 0, the best is 1."""
    if rating.score is None:
        return _missing(rating.missing)
    return _judged(
        scale.share(rating.score),
        f"{rating.score} of {scale.lowest} to {scale.highest}: {rating.reason}",
    )


def consistent(facts: Facts, answer: str) -> Judged:
    """Return the share of an answer's claims that its input supports.

    As for `grounding`, an answer that claims nothing states nothing wrong, and a blank one is no
    answer.
    """
    if facts.claims is None:
        return _missing(facts.missing)
    if not answer.strip():
        return _judged(0.0, "a blank answer")
    share = facts.share
    if share is None:
        return _judged(1.0, "claims nothing")
    supported = sum(claim.verdict == "supported" for claim in facts.claims)
    parts = [f"{supported} of {len(facts.claims)} claims supported"]
    for claim in facts.claims:
        if claim.verdict == "contradicted":
            parts.append(f"contradicted: {claim.said!r}; the input says {claim.quote!r}")
        elif claim.verdict == "not_in_input":
            parts.append(f"not in the input: {claim.said!r}")
    return _judged(share, "\n".join(parts))


def preferred(comparison: Comparison) -> Judged:
    """Return 1 if the first answer won in both orders, 0 if the second did, and 0.5 for a tie."""
    if comparison.winner is None:
        return _missing(comparison.missing)
    value = {"first": 1.0, "tie": 0.5, "second": 0.0}[comparison.winner]
    in_order, swapped = (each or "" for each in comparison.orders)
    one, other = comparison.reasons
    return _judged(value, f"in order: {in_order}: {one}\nswapped: {swapped}: {other}")


def missing_by_reason(results: Iterable[Mapping[str, Judged]]) -> dict[str, dict[str, int]]:
    """Count verdicts without a value, by metric and reason."""
    found: dict[str, dict[str, int]] = {}
    for result in results:
        for name, judged in result.items():
            if judged.value is None and judged.evidence.startswith(MISSING):
                reasons = found.setdefault(name, {})
                reason = judged.evidence.removeprefix(MISSING)
                reasons[reason] = reasons.get(reason, 0) + 1
    return found


def _missing(why: str) -> Judged:
    return Judged(None, _kept(MISSING + (why or "no verdict")))


def _judged(value: float, evidence: str) -> Judged:
    return Judged(value, _kept(evidence))


def _kept(evidence: str) -> str:
    """Return evidence that can be stored: half characters have no UTF-8."""
    return evidence[:LONGEST_EVIDENCE].encode("utf-8", "backslashreplace").decode("utf-8")
