"""What a suite shows, and how it is told."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tunesmith.evaluation.suites import leakage
from tunesmith.evaluation.suites.exactly import interval_of, p_above
from tunesmith.evaluation.suites.gaps import Gap
from tunesmith.statistics import BinaryComparison, Interval

Outcome = Literal["held", "worse", "not settled"]


class Case(NamedTuple):
    """A question on which the candidate fell behind the base."""

    item: str
    part: str
    asked: str
    base: str
    candidate: str
    why: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a suite, such as a skill.

    Attributes:
        name: What it is called.
        base: The base's figure.
        candidate: The candidate's.
        difference: Candidate minus base.
        n: Pairs of answers.
        p_worse: Of no loss beyond the tolerance, uncorrected; None where the base has no headroom.
    """

    name: str
    base: float
    candidate: float
    difference: float
    n: int
    p_worse: float | None


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What a suite shows.

    Attributes:
        suite: Its name.
        base: The base's share of right answers. For overfitting and shift: its rate on test minus
            that on training, or on unlike inputs minus that on ordinary ones.
        candidate: The candidate's.
        n: Pairs of answers.
        groups: Groups that they come from.
        discordant: Pairs on which the two differ.
        difference: The candidate's figure minus the base's; None with nothing to compare.
        tolerance: How much worse it may be.
        p_held: Of a loss beyond the tolerance.
        p_worse: Of no such loss, over the whole and its parts; None where nothing can be lost.
        needed: About how many pairs would settle it, where that is known.
        outcome: Held, worse or not settled.
        reason: Why, in a sentence.
        parts: What the suite is made of.
        examples: Cases in which only the base was right, five at most.
    """

    suite: str
    base: float | None
    candidate: float | None
    n: int
    groups: int
    discordant: int
    difference: Interval | None
    tolerance: float
    p_held: float
    p_worse: float | None
    needed: int | None
    outcome: Outcome
    reason: str
    parts: tuple[Part, ...] = ()
    examples: tuple[Case, ...] = ()


@dataclass(frozen=True)
class Found:
    """A suite before the correction over all suites."""

    suite: str
    tolerance: float
    comparison: BinaryComparison | Gap | None = None
    base: float | None = None
    candidate: float | None = None
    without_room: str | None = None
    parts: tuple[Part, ...] = ()
    examples: tuple[Case, ...] = ()
    p_worse: float | None = None


def result(found: Found, worse: bool, alpha: float) -> SuiteResult:
    """Say what a suite shows, once it is known whether it is worse than allowed."""
    comparison = found.comparison
    p_held, needed = 1.0, None
    outcome: Outcome = "not settled"
    if comparison is not None:
        if found.suite == leakage.NAME:
            p_held = 1.0 if worse else 0.0
        elif found.without_room is None:
            p_held = p_above(comparison, -found.tolerance)
    if worse:
        outcome, reason = "worse", _why_worse(found)
    elif found.without_room is not None or comparison is None:
        reason = found.without_room or "nothing was asked"
    elif p_held <= alpha:
        outcome, reason = "held", _why_held(found)
    else:
        needed = comparison.pairs_needed(-found.tolerance, alpha)
        reason = _what_is_missing(found, comparison, needed)
    return SuiteResult(
        suite=found.suite,
        base=found.base,
        candidate=found.candidate,
        n=comparison.n if comparison else 0,
        groups=comparison.clusters if comparison else 0,
        discordant=comparison.wins + comparison.losses if comparison else 0,
        difference=interval_of(comparison, 1.0 - 2.0 * alpha) if comparison else None,
        tolerance=found.tolerance,
        p_held=p_held,
        p_worse=found.p_worse,
        needed=needed,
        outcome=outcome,
        reason=reason,
        parts=found.parts,
        examples=found.examples,
    )


def _why_worse(found: Found) -> str:
    if found.suite == leakage.NAME:
        lost = found.comparison.losses if found.comparison else 0
        return f"{lost} answers give away what other training rows hold; one is enough"
    text = f"credibly worse than the base by more than {found.tolerance:.1%}"
    suspects = [part for part in found.parts if part.p_worse is not None]
    if suspects:
        most = min(suspects, key=lambda part: (part.p_worse or 0.0, part.difference))
        text += f", most of all in {most.name} ({most.base:.0%} to {most.candidate:.0%})"
    return text


def _why_held(found: Found) -> str:
    if found.suite == leakage.NAME:
        return "no answer gives away what other training rows hold"
    return f"credibly not worse than the base by {found.tolerance:.1%}"


def _what_is_missing(found: Found, comparison: BinaryComparison | Gap, needed: int | None) -> str:
    start = f"{comparison.n} pairs of answers cannot tell"
    if needed is None:
        return (
            f"{start}: {-comparison.estimate:.1%} worse as observed, but not credibly beyond the"
            f" {found.tolerance:.1%} allowed, given how many suites are looked at"
        )
    return f"{start}; about {max(needed - comparison.n, 1):,} more would settle it"
