"""Decide whether the candidate may be promoted.

Reads the `Scores` of everybody that was measured, by "who where" (as in "base test"), writes a
`Verdict` with every criterion, its interval, its n, and what would settle it.

Promotion needs every criterion, each at `alpha`. Rejection is any criterion credibly worse,
corrected over the criteria (Holm). Anything else is inconclusive, which never promotes. No
decision rests on a point estimate.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import Field

from tunesmith.artifacts import Decision, Scores, Verdict
from tunesmith.errors import RecipeError
from tunesmith.evaluation.metrics import YES_NO, Metric
from tunesmith.records import Score
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

Baseline = Literal["base", "prompt_baseline"]


class GateParams(Params):
    """What promotes."""

    primary: Metric = Field("grounding", description="`evaluate.primary` by default.")
    better_than: tuple[Baseline, ...] = Field(
        ("base", "prompt_baseline"),
        min_length=1,
        description="Whom the candidate must beat on the primary metric.",
    )
    better_on: tuple[Metric, ...] = Field(
        (), description="Further yes/no metrics on which it must beat them."
    )
    not_worse_than: Literal["champion"] | None = Field(
        "champion",
        description="Whom it must not be worse than, by `margin`; on test and golden.",
    )
    margin: float = Field(
        0.05, gt=0, lt=1, description="Difference of rates that is of no consequence."
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Error of each one-sided test a criterion rests on."
    )


class _Question(NamedTuple):
    """A difference that is asked for: above `bound` passes, credibly below `worse` rejects."""

    metric: Metric
    against: str
    where: str
    rule: str
    bound: float
    worse: float


def questions(params: GateParams, measured: Sequence[str]) -> list[_Question]:
    """List what is asked of the candidate, given who was measured where."""
    asked = []
    for other in params.better_than:
        for metric in dict.fromkeys((params.primary, *params.better_on)):
            asked.append(_Question(metric, other, "test", "better", 0.0, 0.0))
    if params.not_worse_than is not None:
        rule = f"not worse by {params.margin:g}"
        for where in ("test", "golden"):
            if f"champion {where}" in measured:
                asked.append(
                    _Question(
                        params.primary, "champion", where, rule, -params.margin, -params.margin
                    )
                )
    return asked


def decide(
    params: GateParams, scores: Mapping[str, Mapping[str, Score]]
) -> tuple[Decision, dict[str, Any]]:
    """Answer every question and decide.

    Args:
        params: What promotes.
        scores: By "who where", then by row id.

    Returns:
        The decision, and the verdict's document.
    """
    from tunesmith.statistics.multiple import holm

    asked = questions(params, list(scores))
    criteria = [_answer(question, params, scores) for question in asked]
    worse = holm(
        {str(number): item["p_worse"] for number, item in enumerate(criteria)}, params.alpha
    )
    for number, item in enumerate(criteria):
        settled = "yes" if item["p_pass"] <= params.alpha else "not settled"
        item["answer"] = "no" if str(number) in worse else settled
    answers = {item["answer"] for item in criteria}
    decision: Decision = (
        "reject" if "no" in answers else "promote" if answers == {"yes"} else "inconclusive"
    )
    return decision, {
        "decision": decision,
        "reasons": [_reason(item) for item in criteria],
        "criteria": criteria,
        "alpha": params.alpha,
        "margin": params.margin,
    }


def _answer(
    question: _Question, params: GateParams, scores: Mapping[str, Mapping[str, Score]]
) -> dict[str, Any]:
    from tunesmith.statistics.binary import compare_binary
    from tunesmith.statistics.power import pairs_needed, smallest_effect, smallest_margin

    candidate = scores[f"candidate {question.where}"]
    other = scores[f"{question.against} {question.where}"]
    if candidate.keys() != other.keys():
        raise RuntimeError(f"{question.against} was not measured on the candidate's examples")
    ours = _right(candidate, candidate, question.metric)
    theirs = _right(candidate, other, question.metric)
    compared = compare_binary(ours, theirs, [row.group_id for row in candidate.values()])
    interval = compared.interval(1 - 2 * params.alpha)
    p_pass, p_worse = compared.p_above(question.bound), compared.p_below(question.worse)
    discordance = max(compared.discordance, 1 / compared.n)
    smallest = smallest_effect if question.bound == 0 else smallest_margin
    needed = None
    if p_pass > params.alpha and compared.estimate > question.bound:
        needed = pairs_needed(question.bound, compared.estimate, discordance, params.alpha)
    return {
        "metric": question.metric,
        "against": question.against,
        "where": question.where,
        "rule": question.rule,
        "candidate": sum(ours) / len(ours),
        "other": sum(theirs) / len(theirs),
        "estimate": compared.estimate,
        "low": interval.low,
        "high": interval.high,
        "confidence": interval.confidence,
        "method": interval.method,
        "n": compared.n,
        "groups": compared.clusters,
        "discordant": compared.wins + compared.losses,
        "smallest_effect": smallest(compared.effective_n, discordance, params.alpha),
        "p_pass": p_pass,
        "p_worse": p_worse,
        "examples_needed": needed,
    }


def _right(order: Mapping[str, Score], scores: Mapping[str, Score], metric: Metric) -> list[bool]:
    values = [scores[row_id].values.get(metric) for row_id in order]
    if metric not in YES_NO or any(value is None for value in values):
        raise RecipeError(
            f"gate: {metric} gives no yes or no for every example; expected a metric among "
            f"{', '.join(sorted(YES_NO))} that evaluate.metrics measures"
        )
    return [value == 1.0 for value in values]


def _reason(item: Mapping[str, Any]) -> str:
    other = item["against"].replace("_", " ")
    text = (
        f"{item['metric']} on {item['where']}: {item['candidate']:.0%} against "
        f"{item['other']:.0%} of the {other}, difference {item['estimate']:+.2f} "
        f"[{item['low']:+.2f}, {item['high']:+.2f}] at {item['confidence']:.0%}, n = {item['n']}: "
    )
    if item["answer"] == "yes":
        return f"{text}{item['rule']}"
    if item["answer"] == "no":
        return text + "credibly worse"
    needed = item["examples_needed"]
    more = f"; about {max(needed - item['n'], 1)} more examples would settle it" if needed else ""
    return text + f"not settled whether {item['rule']}{more}"


def _write(params: GateParams, draft: Draft, measured: dict[str, Scores]) -> Verdict:
    scores = {
        name: {row.row_id: row for row in draft.peek(ref, Score)} for name, ref in measured.items()
    }
    decision, document = decide(params, scores)
    return draft.seal_json(Verdict, "verdict.json", document, decision=decision)


STAGE = Stage("gate", version=1, produces=Verdict, body=_write)
