"""Answer a question about two models' scores on the same examples.

A judge's verdict may be missing, and seldom by chance: it is the strange answers that a judge
chokes on. A pair that lacks one is left out of the estimate and of n, and told with its reason; but
whether a criterion passes is asked with every missing verdict at its worst for the candidate, and
whether it is credibly worse with each at its best (the bounds of Horowitz and Manski 2000, Journal
of the American Statistical Association 95:77-84). So nothing ever passes or fails because of what
is missing, without any assumption why it is. No share of missing verdicts is refused beside that:
the more there are, the wider the interval, and a gain that stands whatever they would have said is
a gain.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import ne
from typing import TYPE_CHECKING, Any, NamedTuple

from tunesmith.deciding.questions import Question
from tunesmith.errors import RecipeError, Unready
from tunesmith.evaluation.metrics import spec
from tunesmith.evaluation.metrics.judged import missing
from tunesmith.records import Score

if TYPE_CHECKING:
    from tunesmith.statistics.binary import BinaryComparison
    from tunesmith.statistics.means import MeanComparison

_SEED = 0
"""Of the resampling, so that the same scores give the same verdict."""


class _Pairs(NamedTuple):
    """Values of the candidate and of another for the same examples, and the examples' groups."""

    ours: list[float]
    theirs: list[float]
    groups: list[str]


class _Lacking(NamedTuple):
    """A pair that lacks a verdict or two, and why."""

    ours: float | None
    theirs: float | None
    group: str
    why: tuple[str, ...]


def answer(
    question: Question, scores: Mapping[str, Mapping[str, Score]], alpha: float
) -> dict[str, Any]:
    """Compare the candidate with the other, paired by example; `alpha` is that of each test.

    Args:
        question: What is asked.
        scores: By "who where", then by row id.
        alpha: One-sided error.

    Returns:
        The criterion, without its answer, which hangs on the other criteria.

    Raises:
        RecipeError: the metric measured one model only, or no example.
        Unready: every pair lacks a verdict.
    """
    from tunesmith.statistics.intervals import TooFewPairs

    pairs, lacking = _pairs(question, scores)
    ours, theirs = (sum(values) / len(values) for values in pairs[:2])
    asked = {
        "metric": question.metric,
        "kind": spec(question.metric).kind,
        "against": question.against,
        "where": question.where,
        "rule": question.rule,
        "needed": question.needed,
        "candidate": ours,
        "other": theirs,
        "n": len(pairs.ours),
        "groups": len(set(pairs.groups)),
        "discordant": sum(map(ne, pairs.ours, pairs.theirs)),
        "missing": len(lacking),
        "missing_why": _reasons(lacking),
        "settled_but_for_missing": False,
    }
    try:
        compared = _compared(question, alpha, pairs)
        if lacking:
            compared = _bounded(question, alpha, pairs, lacking, compared)
        return asked | compared
    except TooFewPairs as error:
        return asked | _unknown(question, alpha, pairs, str(error))


def _reasons(lacking: Iterable[_Lacking]) -> dict[str, int]:
    """Count pairs by why they lack a verdict, the commonest reason first."""
    found = Counter(why for pair in lacking for why in dict.fromkeys(pair.why))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _unknown(question: Question, alpha: float, pairs: _Pairs, why: str) -> dict[str, Any]:
    """Say that too few pairs tell nothing: the difference is anywhere that it can be."""
    values = [*pairs.ours, *pairs.theirs]
    reach = 1.0 if spec(question.metric).kind == "share" else max(values) - min(values)
    return {
        "estimate": _gain(question, sum(pairs.ours) - sum(pairs.theirs)) / len(pairs.ours),
        "low": -reach,
        "high": reach,
        "confidence": 1 - 2 * alpha,
        "method": f"no interval: {why}",
        "smallest_effect": reach,
        "p_pass": 1.0,
        "p_worse": 1.0,
        "examples_needed": None,
    }


def _gain(question: Question, difference: float) -> float:
    return -difference if spec(question.metric).better == "lower" else difference


def _pairs(
    question: Question, scores: Mapping[str, Mapping[str, Score]]
) -> tuple[_Pairs, list[_Lacking]]:
    """Put the two side by side where the metric applies, which hangs on the example alone."""
    candidate = scores[f"candidate {question.where}"]
    other = scores[f"{question.against} {question.where}"]
    if candidate.keys() != other.keys():
        raise RuntimeError(f"{question.against} was not measured on the candidate's examples")
    ours, theirs, groups = [], [], []
    lacking = []
    for row_id, row in candidate.items():
        sides = row, other[row_id]
        one, another = (side.values.get(question.metric) for side in sides)
        why = tuple(text for side in sides if (text := missing(side, question.metric)))
        if why:
            lacking.append(_Lacking(one, another, row.group_id, why))
            continue
        if (one is None) != (another is None):
            raise RecipeError(
                f"gate: {question.metric} measured row {row_id} of {question.where} for one model "
                "only; expected the same evaluate.metrics for both"
            )
        if one is not None and another is not None:
            ours.append(one)
            theirs.append(another)
            groups.append(row.group_id)
    if lacking and not ours:
        raise Unready(
            f"gate: {question.metric} on {question.where}: each of {len(lacking)} pairs lacks a "
            f"verdict of the judge, such as: {lacking[0].why[0]}. Mend that or take another judge, "
            "and run the recipe again with --rebuild judge"
        )
    if not ours:
        raise RecipeError(
            f"gate: {question.metric} applies to none of the {len(candidate)} examples of "
            f"{question.where}; expected one of evaluate.metrics that measures their answers"
        )
    return _Pairs(ours, theirs, groups), lacking


def _bounded(
    question: Question,
    alpha: float,
    pairs: _Pairs,
    lacking: list[_Lacking],
    compared: dict[str, Any],
) -> dict[str, Any]:
    """Widen what the whole pairs say by all that the missing verdicts could have been."""
    good, bad = (0.0, 1.0) if spec(question.metric).better == "lower" else (1.0, 0.0)
    worst = _compared(question, alpha, _filled(pairs, lacking, bad, good))
    best = _compared(question, alpha, _filled(pairs, lacking, good, bad))
    passes, settled = max(compared["p_pass"], worst["p_pass"]), compared["p_pass"] <= alpha
    needed = worst["examples_needed"]
    return compared | {
        "low": min(compared["low"], worst["low"]),
        "high": max(compared["high"], best["high"]),
        "method": f"{compared['method']}, missing verdicts at their worst and best",
        # A gain must show over what the missing ones could take from it.
        "smallest_effect": worst["smallest_effect"] + compared["estimate"] - worst["estimate"],
        "p_pass": passes,
        "p_worse": max(compared["p_worse"], best["p_worse"]),
        "examples_needed": None if needed is None else needed - len(lacking),
        "settled_but_for_missing": settled and passes > alpha,
    }


def _filled(pairs: _Pairs, lacking: list[_Lacking], ours: float, theirs: float) -> _Pairs:
    """Return all pairs, with these values where a verdict is missing."""
    return _Pairs(
        pairs.ours + [ours if pair.ours is None else pair.ours for pair in lacking],
        pairs.theirs + [theirs if pair.theirs is None else pair.theirs for pair in lacking],
        pairs.groups + [pair.group for pair in lacking],
    )


def _compared(question: Question, alpha: float, pairs: _Pairs) -> dict[str, Any]:
    """Compare by an exact test where the metric says yes or no, else by the mean difference."""
    compare = _rates if spec(question.metric).kind == "yes_no" else _means
    compared, found = compare(question, alpha, pairs)
    interval = compared.interval(1 - 2 * alpha)
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "confidence": interval.confidence,
        "method": interval.method,
        "p_pass": compared.p_above(question.bound),
        "p_worse": compared.p_below(question.worse),
        **found,
    }


def _rates(
    question: Question, alpha: float, pairs: _Pairs
) -> "tuple[BinaryComparison, dict[str, Any]]":
    from tunesmith.statistics.binary import compare_binary
    from tunesmith.statistics.power import pairs_needed, smallest_effect, smallest_margin

    ours, theirs = ([value == 1.0 for value in values] for values in pairs[:2])
    compared = compare_binary(ours, theirs, pairs.groups)
    discordance = max(compared.discordance, 1 / compared.n)
    smallest = smallest_effect if question.bound == 0 else smallest_margin
    needed = None
    if compared.p_above(question.bound) > alpha and compared.estimate > question.bound:
        needed = pairs_needed(question.bound, compared.estimate, discordance, alpha)
    effect = smallest(compared.effective_n, discordance, alpha)
    return compared, {"smallest_effect": effect, "examples_needed": needed}


def _means(
    question: Question, alpha: float, pairs: _Pairs
) -> "tuple[MeanComparison, dict[str, Any]]":
    """Compare means; where lower is better, a fall counts as the gain."""
    from tunesmith.statistics.means import compare_means

    treated, control = pairs.ours, pairs.theirs
    if spec(question.metric).better == "lower":
        treated, control = control, treated
    compared = compare_means(treated, control, pairs.groups, seed=_SEED)
    smallest = compared.smallest_effect if question.bound == 0 else compared.smallest_margin
    settled = compared.p_above(question.bound) <= alpha
    needed = None if settled else compared.pairs_needed(question.bound, alpha)
    return compared, {"smallest_effect": smallest(alpha), "examples_needed": needed}
