"""Whether a judge that had a say in a verdict was held against people, and how it agreed.

An agreement counts for the very judge that it was measured of: model, what the server says it is,
prompt and decoding, see `tunesmith.evaluation.judge.identity`. It is read from the store's records
whenever somebody asks, so it may be measured before the retrain or after it: a report that is
written again knows it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tunesmith.artifacts import Scores
from tunesmith.canonical import digest
from tunesmith.errors import Unready
from tunesmith.evaluation.judge import Agreement, JudgeIdentity, Rubric, differences
from tunesmith.evaluation.judge.labels import agreements
from tunesmith.evaluation.judge.scores import TASKS
from tunesmith.pipeline import Result
from tunesmith.records import Score
from tunesmith.stages import evaluate, judge
from tunesmith.stages.judge import judged_by
from tunesmith.store import Store
from tunesmith.wording import counted


def judges(store: Store, result: Result) -> dict[str, str]:
    """Say of each judged metric of a verdict how its judge agrees with people."""
    if result.verdict is None:
        return {}
    places: dict[str, str] = {}
    for item in store.json(result.verdict, "verdict.json")["criteria"]:
        if item.get("metric") in TASKS:
            places.setdefault(item["metric"], item["where"])
    return {
        metric: _said(store, metric, result.measured[f"candidate {where}"].scores)
        for metric, where in places.items()
    }


def _said(store: Store, metric: str, scores: Scores) -> str:
    identity = identities(store, scores).get(TASKS[metric])
    if identity is None:
        return f"nobody knows who judged {metric}: the record of its verdicts is gone"
    head = f"{metric} was measured by the judge {identity.model}"
    found = None
    for record in sorted(_held(store), key=lambda record: str(record["created"])):
        other = judged_by(record).get(TASKS[metric])
        if other is not None and not differences(identity, other):
            found = _agreement(store, record, metric) or found
    if found is None:
        return (
            f"{head}, which was never held against people: label 50 answers, then `tunesmith judge "
            "RECIPE LABELS`"
        )
    if found.against:
        return f"{head}, which is not to be trusted yet: {'; '.join(found.against)}"
    return f"{head}; {agreement_text(found)}"


def agreement_text(found: Agreement) -> str:
    """Say how a judge agrees with people, with the interval."""
    kappa = found.decisive
    return (
        f"against people on {counted(kappa.n, 'answer')}: {kappa.method} {kappa.estimate:.2f} "
        f"[{kappa.low:.2f}, {kappa.high:.2f}] at {kappa.confidence:.0%}"
    )


def measured_by(store: Store, scores: Scores, metric: str) -> str:
    """Say what measured a metric, so that figures of two versions compare only if it is the same.

    The stage with its version, and of a judge also the model, what it was told and how it decoded.
    """
    identity = identities(store, scores).get(TASKS[metric]) if metric in TASKS else None
    if identity is None:
        return f"{evaluate.STAGE.name} {evaluate.STAGE.version}"
    told = digest(msgspec.to_builtins(identity))[:12]
    return f"{judge.STAGE.name} {judge.STAGE.version}: {', '.join(identity.served)} {told}"


def identities(store: Store, scores: Scores) -> dict[str, JudgeIdentity]:
    """Return who judged, by task, from the newest record that names scores; none without one."""
    records = [
        record
        for record in store.all_records("judge")
        if record["output"]["digest"] == scores.digest
    ]
    newest = max(records, key=lambda record: str(record["created"]), default=None)
    return {} if newest is None else judged_by(newest)


def _held(store: Store) -> Iterator[Mapping[str, Any]]:
    """Yield the records of judges that were held against people."""
    for record in store.all_records("judge"):
        if [ref["kind"] for ref in record["refs"] if ref is not None] == ["files"]:
            yield record


def _agreement(store: Store, record: Mapping[str, Any], metric: str) -> Agreement | None:
    scale = Rubric.model_validate(record["params"]["rubric"]).scale
    rows = store.rows(Scores.model_validate(record["output"]), Score)
    try:
        return agreements(list(rows), scale).get(metric)
    except Unready:
        return None
