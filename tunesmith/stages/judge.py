"""Let a model judge predictions by a rubric.

Reads `Examples`, the `Predictions` made on them, and `Scores` of the same predictions if there are
any; writes `Scores` that hold those and the judge's: `rubric`, an absolute score, and
`factual_consistency`, the share of an answer's claims that its input supports. `AGAINST` reads two
`Predictions` instead and writes `preferred`, asked in both orders. A missing verdict is None with
its reason as evidence, never 0.

The judge's model, what it is told and how it decodes stand in the key, so that another judge is
another measurement; what the endpoint said it was stands in the record's notes. A judge that goes
by a name of a model it judges, or of its base, is refused. Finished batches survive a kill. Not
repeatable: the endpoint need not say the same twice.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import Field, model_validator

from tunesmith.artifacts import Examples, Predictions, Scores
from tunesmith.errors import InputError, Unready
from tunesmith.evaluation.endpoint import key_from
from tunesmith.evaluation.endpoint.answers import cost_of
from tunesmith.evaluation.judge import (
    Case,
    Comparison,
    Facts,
    Judge,
    JudgeIdentity,
    JudgeParams,
    JudgeSpec,
    Judging,
    Pair,
    Rating,
    Rubric,
    Subject,
    check_facts,
    check_independent,
    compare,
    position_bias,
    rate,
)
from tunesmith.evaluation.judge.scores import (
    FACTS,
    PREFERRED,
    RUBRIC,
    Judged,
    consistent,
    missing_by_reason,
    preferred,
    rated,
)
from tunesmith.records import Example, Prediction, Score
from tunesmith.stage import Stage
from tunesmith.store.draft import Draft

KEPT_TOGETHER = 16
"""Verdicts in a batch that survives a kill; none depends on it."""


class JudgingParams(JudgeSpec):
    """How answers are judged, and whose they are."""

    subjects: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="Names of the judged models and of their bases, by role."
    )


class AgainstParams(JudgeParams):
    """How two answers are held against each other, and whose they are."""

    rubric: Rubric = Field(description="What is judged.")
    subjects: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="Names of the judged models and of their bases, by role."
    )

    @model_validator(mode="after")
    def _told_how(self) -> "AgainstParams":
        if self.rubric.pairwise is None:
            raise ValueError(f"rubric {self.rubric.name!r} has no 'pairwise' template; add one")
        return self


Told = JudgingParams | AgainstParams


def check(params: Told, served: Iterable[str] = ()) -> None:
    """Refuse a judge that is one of the judged.

    Raises:
        RecipeError: the name asked for, or one that was served, is a subject's.
    """
    subjects = (Subject(role, names) for role, names in sorted(params.subjects.items()))
    check_independent((params.endpoint.model, *served), subjects)


def _write(
    params: JudgingParams,
    draft: Draft,
    source: Examples,
    predictions: Predictions,
    scores: Scores | None,
) -> Scores:
    check(params)
    key = key_from(draft.secrets, params.endpoint)
    answers = list(draft.peek(predictions, Prediction))
    rows = _asked(draft, source, answers)
    cases = [
        Case(row.source, row.input_text, answer.output, row.answer or None)
        for row, answer in zip(rows, answers, strict=True)
    ]
    judged: list[dict[str, Judged]] = [{} for _ in answers]
    if "absolute" in params.asked:
        ratings = _judge(params, draft, key, "absolute", Rating, rate, cases)
        for values, rating in zip(judged, ratings, strict=True):
            values[RUBRIC] = rated(rating, params.rubric.scale)
    if "facts" in params.asked:
        found = _judge(params, draft, key, "facts", Facts, check_facts, cases)
        for values, facts, answer in zip(judged, found, answers, strict=True):
            values[FACTS] = consistent(facts, answer.output)
    others = {} if scores is None else {row.row_id: row for row in draft.peek(scores, Score)}
    if scores is not None and others.keys() != {answer.row_id for answer in answers}:
        raise InputError(
            f"scores {scores.short} are not of predictions {predictions.short}; expected scores of "
            "the same answers"
        )
    return _seal(draft, answers, judged, others)


def _compare(
    params: AgainstParams,
    draft: Draft,
    source: Examples,
    first: Predictions,
    second: Predictions,
) -> Scores:
    check(params)
    key = key_from(draft.secrets, params.endpoint)
    answers = list(draft.peek(first, Prediction))
    by_row = {row.row_id: row for row in draft.peek(second, Prediction)}
    if by_row.keys() != {answer.row_id for answer in answers}:
        raise InputError(
            f"predictions {first.short} and {second.short} answer different examples; expected "
            "both models to answer the same ones"
        )
    others = [by_row[answer.row_id] for answer in answers]
    pairs = [
        Pair(row.source, row.input_text, one.output, other.output, row.answer or None)
        for row, one, other in zip(_asked(draft, source, answers), answers, others, strict=True)
    ]
    found = _judge(params, draft, key, "pairwise", Comparison, compare, pairs)
    wins = [comparison.winner for comparison in found]
    draft.notes["chosen"] = {who: wins.count(who) for who in ("first", "tie", "second")}
    bias = position_bias(found)
    if bias is not None:
        draft.notes["position_bias"] = msgspec.to_builtins(bias)
    return _seal(draft, answers, [{PREFERRED: preferred(each)} for each in found], {})


def _asked(draft: Draft, source: Examples, answers: Sequence[Prediction]) -> list[Example]:
    """Return the example of each answer."""
    wanted = {answer.row_id for answer in answers}
    rows: dict[str, Example] = {
        row.row_id: row for row in draft.peek(source) if row.row_id in wanted
    }
    if lost := wanted - rows.keys():
        raise InputError(
            f"examples {source.short} lack {len(lost)} of {len(wanted)} rows that were answered, "
            f"such as {min(lost)}; expected the examples that the predictions were made on"
        )
    return [rows[answer.row_id] for answer in answers]


def _judge(
    params: Told,
    draft: Draft,
    key: str | None,
    task: str,
    result: type[Any],
    judging: Callable[..., Judging[Any]],
    items: Sequence[Any],
) -> list[Any]:
    """Get the verdicts of one task, and note who gave them and how."""
    finished, keep = draft.batches(task, result)
    made = judging(
        Judge(params, params.rubric, key),
        items,
        batch_size=KEPT_TOGETHER,
        finished=finished,
        on_batch=keep,
        on_progress=lambda count: draft.progress(count, len(items), "verdicts"),
    )
    check(params, made.identity.served)
    if items and all(verdict.missing for verdict in made.results):
        # The next run shall ask again: whoever mends the server changes nothing in the key.
        shutil.rmtree(draft.state / task)
        draft.save()
        raise Unready(
            f"the judge gave no usable verdict on any of {len(items)} answers; the first: "
            f"{made.results[0].missing}. Try it on one answer, or take another judge"
        )
    draft.timings.update({f"{task}.{name}": value for name, value in made.timings.items()})
    draft.notes.setdefault("judge", {})[task] = _plain(made.identity, params)
    draft.notes.setdefault("asked", {})[task] = {
        **made.notes,
        "cost": cost_of(made.notes["tokens"], params.endpoint.prices),
    }
    return made.results


def judged_by(record: Mapping[str, Any]) -> dict[str, JudgeIdentity]:
    """Return from a record of this stage who judged, by task; scores compare only if it was one."""
    found: dict[str, JudgeIdentity] = {}
    for task, plain in record["notes"].get("judge", {}).items():
        found[task] = msgspec.convert(plain, JudgeIdentity)
    return found


def _plain(identity: JudgeIdentity, params: Told) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(identity)
    return {**plain, "rubric": params.rubric.name}


def _seal(
    draft: Draft,
    answers: Sequence[Prediction],
    judged: Sequence[Mapping[str, Judged]],
    others: Mapping[str, Score],
) -> Scores:
    missing = missing_by_reason(judged)
    if missing:
        draft.notes["missing"] = missing
        draft.notes["warnings"] = [
            f"{name}: {sum(reasons.values())} of {len(judged)} verdicts are missing, and count in "
            "no figure"
            for name, reasons in missing.items()
        ]
    return draft.seal_rows(
        Scores,
        (
            _score(answer, values, others.get(answer.row_id))
            for answer, values in zip(answers, judged, strict=True)
        ),
    )


def _score(answer: Prediction, judged: Mapping[str, Judged], other: Score | None) -> Score:
    values = {name: item.value for name, item in judged.items()}
    evidence = {name: item.evidence for name, item in judged.items()}
    return Score(
        row_id=answer.row_id,
        group_id=answer.group_id,
        values={**(other.values if other else {}), **values},
        evidence={**(other.evidence if other else {}), **evidence},
    )


STAGE = Stage("judge", version=1, produces=Scores, body=_write, repeatable=False)
AGAINST = Stage("judge", version=1, produces=Scores, body=_compare, repeatable=False)
