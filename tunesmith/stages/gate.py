"""Decide whether the candidate may be promoted.

Reads the `Scores` of everybody that was measured, by "who where" (as in "base test"), the
candidate's `Package`, the `Probes` of base and candidate by "who what" (as in "base suites"), and
where the recipe bounds them the `Latencies` of the package and the candidate's `Predictions` on
test; writes a `Verdict` with every criterion, its interval, its n, and what would settle it.

Promotion needs every criterion that is `needed`, each at `alpha`. Rejection is any criterion or
suite credibly worse, corrected over all of them (Holm), a package that is not fit to serve, or an
adapter that was rolled back and that nobody has brought back. Anything else is inconclusive, which
never promotes. No decision rests on a point estimate.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from tunesmith.artifacts import (
    Decision,
    Latencies,
    Package,
    Predictions,
    Probes,
    Scores,
    Verdict,
)
from tunesmith.deciding import bounds
from tunesmith.deciding.answers import answer
from tunesmith.deciding.params import GateParams
from tunesmith.deciding.questions import questions
from tunesmith.deciding.reasons import reason
from tunesmith.records import Prediction, Score
from tunesmith.stage import Stage
from tunesmith.store.draft import Draft


def decide(
    params: GateParams,
    scores: Mapping[str, Mapping[str, Score]],
    unfit: Sequence[str] = (),
    suites: Sequence[dict[str, Any]] = (),
    bounded: Sequence[dict[str, Any]] = (),
) -> tuple[Decision, dict[str, Any]]:
    """Answer every question and decide.

    Args:
        params: What promotes.
        scores: By "who where", then by row id.
        unfit: What makes the package unfit to serve, one sentence each.
        suites: The candidate beside its base in each failure-mode suite, from
            `tunesmith.evaluation.suites.criteria`. They only reject: most suites are too small to
            show that nothing was lost, and say so.
        bounded: Criteria of what serving takes, from `tunesmith.deciding.bounds`.

    Returns:
        The decision, and the verdict's document.
    """
    from tunesmith.statistics.multiple import holm

    asked = questions(params, list(scores))
    criteria = [answer(question, scores, params.alpha) for question in asked]
    criteria += map(dict, bounded)
    both = [*criteria, *(dict(item) for item in suites)]
    can_be_worse = {str(at): item["p_worse"] for at, item in enumerate(both)}
    worse = holm({at: p for at, p in can_be_worse.items() if p is not None}, params.alpha)
    for at, item in enumerate(both):
        settled = "yes" if item["p_pass"] <= params.alpha else "not settled"
        item["answer"] = "no" if str(at) in worse else settled
    decision: Decision = "inconclusive"
    if unfit or worse:
        decision = "reject"
    elif all(item["answer"] == "yes" for item in criteria if item["needed"]):
        decision = "promote"
    lost = [item for item in both[len(criteria) :] if item["answer"] == "no"]
    return decision, {
        "decision": decision,
        "reasons": [
            *unfit,
            *(f"{item['suite'].replace('_', ' ')}: {item['reason']}" for item in lost),
            *(reason(item) for item in criteria),
        ],
        "criteria": criteria,
        "suites": both[len(criteria) :],
        "unfit": list(unfit),
        "alpha": params.alpha,
        "margin": params.margin,
    }


def _write(
    params: GateParams,
    draft: Draft,
    measured: dict[str, Scores],
    package: Package,
    probes: dict[str, Probes],
    latencies: Latencies | None,
    predictions: Predictions | None,
) -> Verdict:
    scores = {
        name: {row.row_id: row for row in draft.peek(ref, Score)} for name, ref in measured.items()
    }
    checks = json.loads((draft.path(package) / "package.json").read_bytes())["checks"]
    unfit = [f"package: {item['found']}" for item in checks if not item["passed"]]
    if params.withdrawn:
        unfit.insert(0, f"withdrawn: {params.withdrawn}")
    suites = _suites(params, draft, probes)
    bounded = list(_bounded(params, draft, latencies, predictions))
    decision, document = decide(params, scores, unfit, suites, bounded)
    return draft.seal_json(Verdict, "verdict.json", document, decision=decision)


def _suites(params: GateParams, draft: Draft, probes: dict[str, Probes]) -> list[dict[str, Any]]:
    """Compare what the candidate answered to the suites with what its base did."""
    from tunesmith.evaluation.suites import Probe, criteria

    if not probes:
        return []

    def answers(who: str) -> Iterator[Probe]:
        return chain.from_iterable(
            draft.peek(ref, Probe) for name, ref in probes.items() if name.startswith(f"{who} ")
        )

    found = criteria(
        answers("base"), answers("candidate"), params.tolerances, params.alpha, params.primary
    )
    # A verdict travels farther than rows may: it names the cases, and the probes hold their texts.
    return [
        item | {"examples": [{"item": case["item"]} for case in item["examples"]]} for item in found
    ]


def _bounded(
    params: GateParams,
    draft: Draft,
    latencies: Latencies | None,
    predictions: Predictions | None,
) -> Iterator[dict[str, Any]]:
    """Hold what serving takes to the recipe's bounds."""
    if params.latency is not None and latencies is not None:
        measured = json.loads((draft.path(latencies) / "latencies.json").read_bytes())
        seconds = [item["seconds"] for item in measured["requests"]]
        yield bounds.latency(params.latency, seconds, measured["machine"], params.alpha)
    if params.cost is not None and predictions is not None:
        answers = list(draft.peek(predictions, Prediction))
        yield bounds.cost(params.cost, answers, params.alpha)


STAGE = Stage("gate", version=4, produces=Verdict, body=_write)
