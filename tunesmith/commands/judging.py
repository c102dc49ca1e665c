"""What `tunesmith judge` does: answers to label, and how a judge agrees with the labels.

The answers to label are those that the recipe's models gave on test, from the store; nobody is told
whose they are, nor what a judge said of them.
"""

import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from tunesmith import recipe as recipes
from tunesmith import retrains
from tunesmith.artifacts import Examples, Predictions
from tunesmith.commands.preview import preview
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError, Unready
from tunesmith.evaluation.judge import Agreement, JudgingParams, RubricJudge, load_judge
from tunesmith.evaluation.judge.labels import Labelled, agreements, read_labels
from tunesmith.evaluation.judge.scores import TASKS
from tunesmith.evaluation.metrics.spec import text_of
from tunesmith.recipe import Recipe
from tunesmith.records import Example, Prediction, Score
from tunesmith.reporting.judge_view import agreement_text
from tunesmith.sampling import fraction
from tunesmith.settings import Settings
from tunesmith.stages import judge
from tunesmith.store import Store
from tunesmith.wording import counted

_SALT = "judge"


def hold(path: Path, settings: Settings, labels: Path, judge_file: Path | None = None) -> str:
    """Hold a judge against answers that people labelled, and say how they agree.

    Args:
        path: The recipe.
        settings: Where this runs.
        labels: The labelled answers.
        judge_file: Another judge than the recipe's.

    Raises:
        RecipeError: there is no judge, it is one of the recipe's models, or its rubric cannot
            score.
        InputError: the file of labels is wrong, or the endpoint refuses.
        Transient: the endpoint does not answer; run the same command again to go on.
    """
    recipe = recipes.load(path, training=False)
    asked = _judge(recipe, judge_file)
    rows = read_labels(labels, asked.rubric.scale)
    scale = asked.rubric.scale
    metrics = [
        metric for metric in TASKS if any(row.value(metric, scale) is not None for row in rows)
    ]
    if "rubric" in metrics and asked.rubric.absolute is None:
        raise RecipeError(
            f"{labels} has scores, but rubric {asked.rubric.name!r} has no 'absolute' template; "
            "add one, or label `consistent` alone"
        )
    told = JudgingParams(
        **{**dict(asked), "tasks": tuple(TASKS[metric] for metric in metrics)},
        subjects={"base": (recipe.base.model,), "candidate": (recipe.name,)},
    )
    store = settings.store()
    found = gather([labels.name], labels.absolute().parent)
    made = store.build(judge.LABELLED, told, found)
    agreed = agreements(list(store.rows(made, Score)), scale)
    name = f"{asked.endpoint.model} ({', '.join(made.judged_by)})"
    return "\n\n".join(
        [f"{name} against {labels}", *(_told(metric, one) for metric, one in agreed.items())]
    )


def _judge(recipe: Recipe, judge_file: Path | None) -> RubricJudge:
    asked = recipe.judge if judge_file is None else load_judge(judge_file)
    if asked is None:
        raise RecipeError(
            f"{recipe.path}: judge: is missing; give one there, or a file with --judge"
        )
    return asked


def _told(metric: str, found: Agreement) -> str:
    lines = [f"{metric.replace('_', ' ')}, {agreement_text(found)}"]
    if found.quadratic is not None:
        plain = found.plain
        lines.append(
            f"  without weights: {plain.method} {plain.estimate:.2f} [{plain.low:.2f}, "
            f"{plain.high:.2f}]"
        )
    if found.missing:
        lines.append(f"  {found.missing} of {found.labelled} verdicts are missing")
    lines += [f"  {line}" for line in _table(found)]
    if found.against:
        lines.append(
            f"not to be trusted yet: {'; '.join(found.against)}. Label more answers, mend the "
            "rubric, or take another judge"
        )
    else:
        lines.append("trusted")
    return "\n".join(lines)


def _table(found: Agreement) -> Iterator[str]:
    """Yield the confusion: how often each label of the judge met each of people."""
    width = max(5, *(len(str(label)) for label in found.labels))
    yield "judge \\ people" + "".join(f"{label!s:>{width + 1}}" for label in found.labels)
    for label, row in zip(found.labels, found.table, strict=True):
        yield f"{label!s:>14}" + "".join(f"{count:>{width + 1}}" for count in row)


def draw(path: Path, settings: Settings, size: int, out: Path) -> str:
    """Write answers to label: as many of each model that answered the recipe's test set.

    Raises:
        InputError: the file is there already, or cannot be written.
        Unready: no model has answered the test set yet.
    """
    recipe = recipes.load(path)
    store = settings.store()
    lines = list(_drawn(_answers(recipe, settings, store), size))
    if not lines:
        raise Unready(
            f"no model has answered the test set yet: run `tunesmith run {path}`, or write the "
            "lines by hand"
        )
    try:
        with out.open("x", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    except FileExistsError:
        raise InputError(
            f"{out}: is there already, perhaps with labels; give another name"
        ) from None
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    return (
        f"{out}: {counted(len(lines), 'answer')}. Set score, consistent or both in each, then: "
        f"tunesmith judge {path} {out}"
    )


def _answers(recipe: Recipe, settings: Settings, store: Store) -> Iterator[list[Labelled]]:
    """Yield what each model answered on test, each model's answers in an order of their own."""
    asked = {
        record["output"]["digest"]: Examples.model_validate(record["refs"][0])
        for record in store.all_records("predict")
    }
    for step in preview(recipe, retrains.sources(recipe, settings), None, store):
        on_test = step.label.startswith("predict ") and step.label.endswith(" test")
        if not on_test or not isinstance(step.ref, Predictions):
            continue
        rows = {row.row_id: row for row in store.rows(asked[step.ref.digest], Example)}
        found = [
            Labelled(rows[answer.row_id].input_text, text, rows[answer.row_id].answer or None)
            for answer in store.rows(step.ref, Prediction)
            if (text := text_of(rows[answer.row_id], answer.output)) is not None
        ]
        yield sorted(found, key=lambda row: fraction(row.row_id, _SALT))


def _drawn(models: Iterator[list[Labelled]], size: int) -> Iterator[dict[str, Any]]:
    """Take an answer of each model in turn, each once, and hide whose they are by their order."""
    turns = [row for turn in zip_longest(*models) for row in turn if row is not None]
    drawn = list({row.row_id: row for row in turns}.values())[:size]
    for row in sorted(drawn, key=lambda row: fraction(row.row_id, _SALT)):
        yield msgspec.to_builtins(row)
