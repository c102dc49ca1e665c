"""Decide whether the candidate may be promoted.

Reads the `Scores` of everybody that was measured, by "who where" (as in "base test"), the
candidate's `Package`, and the `Probes` of "base" and "candidate"; writes a `Verdict` with every
criterion, its interval, its n, and what would settle it.

Promotion needs every criterion, each at `alpha`. Rejection is any criterion credibly worse,
corrected over the criteria (Holm), or a package that is not fit to serve. Anything else is
inconclusive, which never promotes. No decision rests on a point estimate.
"""

import json
from collections.abc import Mapping, Sequence
from operator import ne
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import Field, field_validator

from tunesmith.artifacts import Decision, Package, Probes, Scores, Verdict
from tunesmith.errors import RecipeError
from tunesmith.evaluation.metrics import Metric, spec
from tunesmith.records import Score
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.statistics.binary import BinaryComparison
    from tunesmith.statistics.means import MeanComparison

Baseline = Literal["base", "prompt_baseline", "retrieved"]


_SEED = 0
"""Of the resampling, so that the same scores give the same verdict."""


class GateParams(Params):
    """What promotes."""

    primary: Metric = Field("grounding", description="`evaluate.primary` by default.")
    better_than: tuple[Baseline, ...] = Field(
        ("base", "prompt_baseline"),
        min_length=1,
        description="Whom the candidate must beat on the primary metric.",
    )
    better_on: tuple[Metric, ...] = Field(
        (), description="Further metrics on which it must beat them."
    )
    not_worse_than: Literal["champion"] | None = Field(
        "champion",
        description="Whom it must not be worse than, by `margin`; on test and golden.",
    )
    margin: float = Field(
        0.05, gt=0, lt=1, description="Difference that is of no consequence, on the metric's scale."
    )
    tolerances: dict[str, float] = Field(
        default_factory=dict,
        description="How much worse than the base a failure-mode suite may be, by its name.",
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Error of each one-sided test a criterion rests on."
    )

    @field_validator("tolerances")
    @classmethod
    def _of_known_suites(cls, tolerances: dict[str, float]) -> dict[str, float]:
        if tolerances:
            from tunesmith.evaluation.suites.comparison import allowed

            allowed(tolerances)
        return tolerances


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
    params: GateParams,
    scores: Mapping[str, Mapping[str, Score]],
    unfit: Sequence[str] = (),
    suites: Sequence[dict[str, Any]] = (),
) -> tuple[Decision, dict[str, Any]]:
    """Answer every question and decide.

    Args:
        params: What promotes.
        scores: By "who where", then by row id.
        unfit: What makes the package unfit to serve, one sentence each.
        suites: The candidate beside its base in each failure-mode suite, from
            `tunesmith.evaluation.suites.criteria`. They only reject: most suites are too small to
            show that nothing was lost, and say so.

    Returns:
        The decision, and the verdict's document.
    """
    from tunesmith.statistics.multiple import holm

    asked = questions(params, list(scores))
    criteria = [_answer(question, params, scores) for question in asked]
    both = [*criteria, *(dict(item) for item in suites)]
    can_be_worse = {str(at): item["p_worse"] for at, item in enumerate(both)}
    worse = holm({at: p for at, p in can_be_worse.items() if p is not None}, params.alpha)
    for at, item in enumerate(both):
        settled = "yes" if item["p_pass"] <= params.alpha else "not settled"
        item["answer"] = "no" if str(at) in worse else settled
    decision: Decision = "inconclusive"
    if unfit or worse:
        decision = "reject"
    elif all(item["answer"] == "yes" for item in criteria):
        decision = "promote"
    lost = [item for item in both[len(criteria) :] if item["answer"] == "no"]
    return decision, {
        "decision": decision,
        "reasons": [
            *unfit,
            *(f"{item['suite'].replace('_', ' ')}: {item['reason']}" for item in lost),
            *(_reason(item) for item in criteria),
        ],
        "criteria": criteria,
        "suites": both[len(criteria) :],
        "unfit": list(unfit),
        "alpha": params.alpha,
        "margin": params.margin,
    }


class _Pairs(NamedTuple):
    """Values of the candidate and of another for the same examples, and the examples' groups."""

    ours: list[float]
    theirs: list[float]
    groups: list[str]


def _answer(
    question: _Question, params: GateParams, scores: Mapping[str, Mapping[str, Score]]
) -> dict[str, Any]:
    from tunesmith.statistics.intervals import TooFewPairs

    pairs = _pairs(question, scores)
    ours, theirs = (sum(values) / len(values) for values in pairs[:2])
    asked = {
        "metric": question.metric,
        "kind": spec(question.metric).kind,
        "against": question.against,
        "where": question.where,
        "rule": question.rule,
        "candidate": ours,
        "other": theirs,
        "n": len(pairs.ours),
        "groups": len(set(pairs.groups)),
        "discordant": sum(map(ne, pairs.ours, pairs.theirs)),
    }
    try:
        return asked | _compared(question, params, pairs)
    except TooFewPairs as error:
        return asked | _unknown(question, params, pairs, str(error))


def _unknown(question: _Question, params: GateParams, pairs: _Pairs, why: str) -> dict[str, Any]:
    """Say that too few pairs tell nothing: the difference is anywhere that it can be."""
    values = [*pairs.ours, *pairs.theirs]
    reach = 1.0 if spec(question.metric).kind == "share" else max(values) - min(values)
    return {
        "estimate": _gain(question, sum(pairs.ours) - sum(pairs.theirs)) / len(pairs.ours),
        "low": -reach,
        "high": reach,
        "confidence": 1 - 2 * params.alpha,
        "method": f"no interval: {why}",
        "smallest_effect": reach,
        "p_pass": 1.0,
        "p_worse": 1.0,
        "examples_needed": None,
    }


def _gain(question: _Question, difference: float) -> float:
    return -difference if spec(question.metric).better == "lower" else difference


def _pairs(question: _Question, scores: Mapping[str, Mapping[str, Score]]) -> _Pairs:
    """Put the two side by side where the metric applies, which hangs on the example alone."""
    candidate = scores[f"candidate {question.where}"]
    other = scores[f"{question.against} {question.where}"]
    if candidate.keys() != other.keys():
        raise RuntimeError(f"{question.against} was not measured on the candidate's examples")
    ours, theirs, groups = [], [], []
    for row_id, row in candidate.items():
        one, another = (side[row_id].values.get(question.metric) for side in (candidate, other))
        if (one is None) != (another is None):
            raise RecipeError(
                f"gate: {question.metric} measured row {row_id} of {question.where} for one model "
                "only; expected the same evaluate.metrics for both"
            )
        if one is not None and another is not None:
            ours.append(one)
            theirs.append(another)
            groups.append(row.group_id)
    if not ours:
        raise RecipeError(
            f"gate: {question.metric} applies to none of the {len(candidate)} examples of "
            f"{question.where}; expected one of evaluate.metrics that measures their answers"
        )
    return _Pairs(ours, theirs, groups)


def _compared(question: _Question, params: GateParams, pairs: _Pairs) -> dict[str, Any]:
    """Compare by an exact test where the metric says yes or no, else by a bootstrap of groups."""
    compare = _rates if spec(question.metric).kind == "yes_no" else _means
    compared, found = compare(question, params, pairs)
    interval = compared.interval(1 - 2 * params.alpha)
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
    question: _Question, params: GateParams, pairs: _Pairs
) -> "tuple[BinaryComparison, dict[str, Any]]":
    from tunesmith.statistics.binary import compare_binary
    from tunesmith.statistics.power import pairs_needed, smallest_effect, smallest_margin

    ours, theirs = ([value == 1.0 for value in values] for values in pairs[:2])
    compared = compare_binary(ours, theirs, pairs.groups)
    discordance = max(compared.discordance, 1 / compared.n)
    smallest = smallest_effect if question.bound == 0 else smallest_margin
    needed = None
    if compared.p_above(question.bound) > params.alpha and compared.estimate > question.bound:
        needed = pairs_needed(question.bound, compared.estimate, discordance, params.alpha)
    effect = smallest(compared.effective_n, discordance, params.alpha)
    return compared, {"smallest_effect": effect, "examples_needed": needed}


def _means(
    question: _Question, params: GateParams, pairs: _Pairs
) -> "tuple[MeanComparison, dict[str, Any]]":
    """Compare means; where lower is better, a fall counts as the gain."""
    from tunesmith.statistics.means import compare_means

    treated, control = pairs.ours, pairs.theirs
    if spec(question.metric).better == "lower":
        treated, control = control, treated
    compared = compare_means(treated, control, pairs.groups, seed=_SEED)
    smallest = compared.smallest_effect if question.bound == 0 else compared.smallest_margin
    settled = compared.p_above(question.bound) <= params.alpha
    needed = None if settled else compared.pairs_needed(question.bound, params.alpha)
    return compared, {"smallest_effect": smallest(params.alpha), "examples_needed": needed}


def _reason(item: Mapping[str, Any]) -> str:
    other = item["against"].replace("_", " ")
    shown = "{:.0%}" if spec(item["metric"]).kind == "yes_no" else "{:.3g}"
    text = (
        f"{item['metric']} on {item['where']}: {shown.format(item['candidate'])} against "
        f"{shown.format(item['other'])} of the {other}, "
    )
    if item["method"].startswith("no interval"):
        return f"{text}n = {item['n']}: not settled, {item['method']}"
    change = "difference" if spec(item["metric"]).better == "higher" else "gain"
    text += (
        f"{change} {item['estimate']:+.2f} "
        f"[{item['low']:+.2f}, {item['high']:+.2f}] at {item['confidence']:.0%}, n = {item['n']}: "
    )
    if item["answer"] == "yes":
        return f"{text}{item['rule']}"
    if item["answer"] == "no":
        return text + "credibly worse"
    needed = item["examples_needed"]
    more = f"; about {max(needed - item['n'], 1)} more examples would settle it" if needed else ""
    return text + f"not settled whether {item['rule']}{more}"


def _write(
    params: GateParams,
    draft: Draft,
    measured: dict[str, Scores],
    package: Package,
    probes: dict[str, Probes],
) -> Verdict:
    scores = {
        name: {row.row_id: row for row in draft.peek(ref, Score)} for name, ref in measured.items()
    }
    checks = json.loads((draft.path(package) / "package.json").read_bytes())["checks"]
    unfit = [f"package: {item['found']}" for item in checks if not item["passed"]]
    decision, document = decide(params, scores, unfit, _suites(params, draft, probes))
    return draft.seal_json(Verdict, "verdict.json", document, decision=decision)


def _suites(params: GateParams, draft: Draft, probes: dict[str, Probes]) -> list[dict[str, Any]]:
    """Compare what the candidate answered to the suites with what its base did."""
    from tunesmith.evaluation.suites import Probe, criteria

    if not probes:
        return []
    base, candidate = (draft.peek(probes[who], Probe) for who in ("base", "candidate"))
    found = criteria(base, candidate, params.tolerances, params.alpha, params.primary)
    # A verdict travels farther than rows may: it names the cases, and the probes hold their texts.
    return [
        item | {"examples": [{"item": case["item"]} for case in item["examples"]]} for item in found
    ]


STAGE = Stage("gate", version=3, produces=Verdict, body=_write)
