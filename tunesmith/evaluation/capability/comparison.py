"""Whether a candidate can still do what its base could: paired by item, for each skill.

A skill has *held* when the candidate is credibly not worse than the base by the tolerance, and is
*worse* when it credibly is; anything else is *not settled*. Rejections are corrected over the
skills and the set as a whole (Holm), so that a candidate that lost nothing is called worse in any
of them with a chance of at most `alpha`.

A skill that the base does not have cannot be lost. Where the base is not credibly better than
guessing, or has less to lose than the tolerance, the skill is not settled either, whatever the
candidate does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tunesmith.evaluation.capability.items import Item
from tunesmith.evaluation.capability.scoring import guess_rate, score
from tunesmith.statistics import BinaryComparison, Interval, compare_binary, holm, proportion

TOLERANCE = 0.05
"""How much worse a skill may be: five points in a hundred."""

OVERALL = "overall"

Outcome = Literal["held", "worse", "not settled"]


class Pair(NamedTuple):
    """One item, answered by both models.

    `skill` is what it counts towards, `chance` how often a blind guess is right.
    """

    item: str
    skill: str
    chance: float
    base: bool
    candidate: bool


@dataclass(frozen=True, slots=True)
class SkillResult:
    """What the pairs of one skill, or of all, show.

    Attributes:
        skill: Its name, or "overall".
        base: The base's share of right answers.
        candidate: The candidate's.
        comparison: Both, paired.
        difference: The candidate's share minus the base's.
        chance: What blind guessing gets right, on average.
        outcome: Whether the skill has held.
        reason: Why, in a sentence.
        lost: The items that only the base got right.
        gained: The items that only the candidate got right.
    """

    skill: str
    base: Interval
    candidate: Interval
    comparison: BinaryComparison
    difference: Interval
    chance: float
    outcome: Outcome
    reason: str
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CapabilityResult:
    """What the comparison shows, skill by skill and overall, and under which rule."""

    skills: tuple[SkillResult, ...]
    overall: SkillResult
    tolerance: float
    alpha: float

    @property
    def worse(self) -> tuple[str, ...]:
        """The skills that are credibly worse, with "overall" if the whole is."""
        return tuple(one.skill for one in (*self.skills, self.overall) if one.outcome == "worse")


def pair_items(items: Sequence[Item], base: Sequence[str], candidate: Sequence[str]) -> list[Pair]:
    """Score both models' answers to the same items, all in the same order.

    Raises:
        ValueError: there is not one answer of each model for each item.
    """
    return [
        Pair(
            item.id,
            item.skill,
            guess_rate(item),
            bool(score(item, ours).value),
            bool(score(item, theirs).value),
        )
        for item, ours, theirs in zip(items, base, candidate, strict=True)
    ]


def compare(
    pairs: Sequence[Pair], tolerance: float = TOLERANCE, alpha: float = 0.05
) -> CapabilityResult:
    """Compare two models on the same items.

    Args:
        pairs: One for each item; skills stand in the order in which they first come.
        tolerance: How much worse a skill may be, as a difference of rates.
        alpha: The one-sided error of each claim that a skill has held, and of all claims
            together that one is worse.

    Raises:
        ValueError: no pairs, an item twice, a skill called "overall", or a number out of range.
    """
    if not 0.0 < tolerance < 1.0:
        raise ValueError(f"tolerance {tolerance}; expected a difference between 0 and 1")
    if len({pair.item for pair in pairs}) != len(pairs):
        raise ValueError("an item stands twice among the pairs; expected each once")
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.skill, []).append(pair)
    if OVERALL in groups:
        raise ValueError(f"a skill is called {OVERALL!r}; expected another name")
    groups[OVERALL] = list(pairs)
    counted = {name: _count(own) for name, own in groups.items()}
    without_room = {name: no_headroom(own, tolerance, alpha) for name, own in groups.items()}
    suspects = {
        name: comparison.p_below(-tolerance)
        for name, comparison in counted.items()
        if without_room[name] is None
    }
    worse = holm(suspects, alpha)
    results = [
        _result(name, own, counted[name], without_room[name], name in worse, tolerance, alpha)
        for name, own in groups.items()
    ]
    return CapabilityResult(tuple(results[:-1]), results[-1], tolerance, alpha)


def _count(pairs: Sequence[Pair]) -> BinaryComparison:
    return compare_binary([pair.candidate for pair in pairs], [pair.base for pair in pairs])


def _rate(answers: Iterable[bool], alpha: float) -> Interval:
    known = list(answers)
    return proportion(sum(known), len(known), 1.0 - 2.0 * alpha)


def _chance(pairs: Sequence[Pair]) -> float:
    return sum(pair.chance for pair in pairs) / len(pairs)


def no_headroom(pairs: Sequence[Pair], tolerance: float, alpha: float) -> str | None:
    """Return why the base has too little to lose here, or None."""
    base, chance = _rate((pair.base for pair in pairs), alpha), _chance(pairs)
    if base.low <= chance:
        return (
            f"no headroom: the base gets {base.estimate:.0%} right, which is not credibly more"
            f" than guessing ({chance:.0%})"
        )
    if base.estimate - chance <= tolerance:
        return (
            f"no headroom: the base is {base.estimate - chance:.1%} above guessing, and the"
            f" tolerance is {tolerance:.1%}"
        )
    return None


def _result(
    name: str,
    pairs: Sequence[Pair],
    comparison: BinaryComparison,
    without_room: str | None,
    worse: bool,
    tolerance: float,
    alpha: float,
) -> SkillResult:
    outcome: Outcome = "not settled"
    if without_room is not None:
        reason = without_room
    elif worse:
        outcome = "worse"
        reason = f"credibly worse than the base by more than {tolerance:.1%}"
    elif comparison.p_above(-tolerance) <= alpha:
        outcome = "held"
        reason = f"credibly not worse than the base by {tolerance:.1%}"
    else:
        reason = _what_is_missing(comparison, tolerance, alpha)
    return SkillResult(
        skill=name,
        base=_rate((pair.base for pair in pairs), alpha),
        candidate=_rate((pair.candidate for pair in pairs), alpha),
        comparison=comparison,
        difference=comparison.interval(1.0 - 2.0 * alpha),
        chance=_chance(pairs),
        outcome=outcome,
        reason=reason,
        lost=tuple(pair.item for pair in pairs if pair.base and not pair.candidate),
        gained=tuple(pair.item for pair in pairs if pair.candidate and not pair.base),
    )


def _what_is_missing(comparison: BinaryComparison, tolerance: float, alpha: float) -> str:
    start = f"{comparison.n} items cannot tell"
    needed = comparison.pairs_needed(-tolerance, alpha)
    if needed is None:
        return (
            f"{start}: {-comparison.estimate:.1%} worse as observed, but not credibly beyond the"
            f" {tolerance:.1%} allowed, given how many skills are looked at"
        )
    return f"{start}; about {max(needed - comparison.n, 1)} more like these would settle it"
