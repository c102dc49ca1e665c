"""Let a model judge predictions by a rubric.

Reads `Examples`, the `Predictions` made on them, and `Scores` of the same predictions if there are
any; writes `Scores` that hold those and the judge's: `rubric`, an absolute score, and
`factual_consistency`, the share of an answer's claims that its input supports. A missing verdict is
None with its reason as evidence, never 0. Where the expected answer only calls tools there is no
text to judge, and no value either.

`AGAINST` reads two `Predictions` instead and writes `preferred`, asked in both orders. `LABELLED`
reads a file of answers that people labelled and writes the judge's values beside theirs.

The judge's model, what it is told and how it decodes stand in the key, so that another judge is
another measurement; what the endpoint said it was stands in the reference and, with the rest, in
the record's notes. A judge that goes by a name of a model it judges, or of its base, is refused.
Finished batches survive a kill. Not repeatable: the endpoint need not say the same twice.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tunesmith.artifacts import Examples, Files, Predictions, Scores
from tunesmith.errors import InputError, Unready
from tunesmith.evaluation.endpoint import key_from
from tunesmith.evaluation.endpoint.answers import cost_of
from tunesmith.evaluation.judge import (
    AgainstParams,
    Case,
    Comparison,
    Facts,
    Judge,
    JudgeIdentity,
    Judging,
    JudgingParams,
    Pair,
    Rating,
    Told,
    check,
    check_facts,
    compare,
    position_bias,
    rate,
)
from tunesmith.evaluation.judge.labels import by_people, read_labels
from tunesmith.evaluation.judge.rubric import Task
from tunesmith.evaluation.judge.scores import (
    PREFERRED,
    TASKS,
    Judged,
    consistent,
    missing_by_reason,
    preferred,
    rated,
)
from tunesmith.evaluation.metrics.spec import CALLS_ONLY, text_of
from tunesmith.records import Example, Prediction, Score
from tunesmith.stage import Stage
from tunesmith.store.draft import Draft

KEPT_TOGETHER = 16
"""Verdicts in a batch that survives a kill; none depends on it."""
_NAMES = {task: name for name, task in TASKS.items()}


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
    cases: list[Case] = []
    judged: list[dict[str, Judged]] = []
    spoken: list[dict[str, Judged]] = []
    for row, answer in zip(_asked(draft, source, answers), answers, strict=True):
        text = text_of(row, answer.output)
        silent = Judged(None, CALLS_ONLY)
        judged.append({} if text is not None else {_NAMES[task]: silent for task in params.asked})
        if text is not None:
            cases.append(Case(row.source, row.input_text, text, row.answer or None))
            spoken.append(judged[-1])
    for task in params.asked:
        for values, found in zip(spoken, _measure(params, draft, key, task, cases), strict=True):
            values[_NAMES[task]] = found
    others = {} if scores is None else {row.row_id: row for row in draft.peek(scores, Score)}
    if scores is not None and others.keys() != {answer.row_id for answer in answers}:
        raise InputError(
            f"scores {scores.short} are not of predictions {predictions.short}; expected scores of "
            "the same answers"
        )
    made = [others.get(answer.row_id) or _unscored(answer) for answer in answers]
    return _seal(draft, made, judged)


def _measure(
    params: JudgingParams, draft: Draft, key: str | None, task: Task, cases: Sequence[Case]
) -> list[Judged]:
    """Ask one thing about each answer."""
    if task == "absolute":
        ratings = _judge(params, draft, key, task, Rating, rate, cases)
        return [rated(rating, params.rubric.scale) for rating in ratings]
    found = _judge(params, draft, key, task, Facts, check_facts, cases)
    return [consistent(facts, case.answer) for facts, case in zip(found, cases, strict=True)]


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
    pairs: list[Pair] = []
    judged = [Judged(None, CALLS_ONLY)] * len(answers)
    places = []
    rows = _asked(draft, source, answers)
    for place, (row, one, other) in enumerate(zip(rows, answers, others, strict=True)):
        first_text, second_text = (text_of(row, answer.output) for answer in (one, other))
        if first_text is not None and second_text is not None:
            named = row.source, row.input_text
            pairs.append(Pair(*named, first_text, second_text, row.answer or None))
            places.append(place)
    found = _judge(params, draft, key, "pairwise", Comparison, compare, pairs)
    for place, comparison in zip(places, found, strict=True):
        judged[place] = preferred(comparison)
    wins = [comparison.winner for comparison in found]
    draft.notes["chosen"] = {who: wins.count(who) for who in ("first", "tie", "second")}
    bias = position_bias(found)
    if bias is not None:
        draft.notes["position_bias"] = msgspec.to_builtins(bias)
    made = [_unscored(answer) for answer in answers]
    return _seal(draft, made, [{PREFERRED: value} for value in judged])


def _hold(params: JudgingParams, draft: Draft, labels: Files) -> Scores:
    check(params)
    key = key_from(draft.secrets, params.endpoint)
    path = Path(labels.root) / labels.names[0]
    rows = read_labels(path, params.rubric.scale)
    judged: list[dict[str, Judged]] = [{} for _ in rows]
    people: list[dict[str, float | None]] = [{} for _ in rows]
    for task in params.asked:
        said = [row.value(_NAMES[task], params.rubric.scale) for row in rows]
        places = [place for place, value in enumerate(said) if value is not None]
        cases = [
            Case(f"{path.name}: {row.row_id}", row.input, row.answer, row.reference)
            for row in (rows[place] for place in places)
        ]
        found = _measure(params, draft, key, task, cases)
        for place, verdict in zip(places, found, strict=True):
            judged[place][_NAMES[task]] = verdict
            people[place][by_people(_NAMES[task])] = said[place]
    made = [
        Score(row_id=row.row_id, group_id=row.row_id, values=values)
        for row, values in zip(rows, people, strict=True)
    ]
    return _seal(draft, made, judged)


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
    task: Task,
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


def _unscored(answer: Prediction) -> Score:
    return Score(row_id=answer.row_id, group_id=answer.group_id, values={})


def _seal(draft: Draft, scores: Sequence[Score], judged: Sequence[Mapping[str, Judged]]) -> Scores:
    """Add what was judged to the scores, and say what is missing and who judged."""
    missing = missing_by_reason(judged)
    if missing:
        draft.notes["missing"] = missing
        draft.notes["warnings"] = [
            f"{name}: {sum(reasons.values())} of {len(judged)} verdicts are missing, and count in "
            "no figure"
            for name, reasons in missing.items()
        ]
    ref = draft.seal_rows(Scores, map(_with, scores, judged))
    served = {
        f"{name} ({', '.join(notes['decoding']['forms'])})"
        for notes in draft.notes.get("judge", {}).values()
        for name in notes["served"]
    }
    return ref.model_copy(update={"judged_by": tuple(sorted(served))})


def _with(score: Score, judged: Mapping[str, Judged]) -> Score:
    values = {name: item.value for name, item in judged.items()}
    evidence = {name: item.evidence for name, item in judged.items()}
    return msgspec.structs.replace(
        score, values={**score.values, **values}, evidence={**score.evidence, **evidence}
    )


STAGE = Stage("judge", version=2, produces=Scores, body=_write, repeatable=False)
AGAINST = Stage("judge", version=2, produces=Scores, body=_compare, repeatable=False)
LABELLED = Stage("judge", version=2, produces=Scores, body=_hold, repeatable=False)
