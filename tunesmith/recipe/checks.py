"""What can be refused before a stage runs, by the whole recipe and the files that it names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tunesmith.canonical import file_digest
from tunesmith.data.source_files import gather, gather_all
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.capability.harness import check_tasks
from tunesmith.evaluation.constraints import problem
from tunesmith.evaluation.judge import Subject, check_independent
from tunesmith.evaluation.metrics import spec
from tunesmith.mistakes import Mistake
from tunesmith.recipe.model import Recipe, mapping
from tunesmith.recipe.named_files import read_examples, why
from tunesmith.records import Dropped
from tunesmith.rollout.answers import shadow_metrics
from tunesmith.stages.evaluate import settings_of
from tunesmith.stages.split import DIFFICULTY

REFERENCE_EXAMPLES = 3


def of_files(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    """Check the files that are read by stages, and that are no part of the recipe itself."""
    yield from _check_references(raw, path)
    yield from _check_golden(raw, path)
    yield from _check_uses(raw, path)
    yield from _check_tasks(raw, path)


def of_recipe(recipe: Recipe, raw: dict[str, Any], training: bool) -> Iterator[Mistake]:
    """Check what one part asks of another; `raw` is what the file says."""
    if training:
        yield from _check_gate(recipe)
    yield from _check_difficulty(recipe, raw)
    yield from _check_schema(recipe)
    yield from _check_rollout(recipe)


def prompting(raw: dict[str, Any]) -> Iterator[Mistake]:
    """Refuse to put prompts in one way for all: what is trained is asked as its rows are."""
    predict = mapping(raw.get("predict"))
    for key in ("shots", "prompting"):
        if key in predict:
            predict.pop(key)
            yield (
                ("predict", key),
                "is not set here; name what the base is asked with in `prompt_baseline`, such as "
                "prompt_baseline: {shots: [0, 5]}",
            )


def _check_references(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    name = raw.get("reference_examples")
    if not isinstance(name, str):
        return
    field = ("reference_examples",)
    try:
        rows = read_examples(name, path.parent)
    except InputError as error:
        yield field, str(error)
        return
    for row in rows:
        if isinstance(row, Dropped):
            yield field, f"{row.source}: {row.reason}: {row.detail}"
    if len(rows) < REFERENCE_EXAMPLES:
        yield (
            field,
            f"{name} has {len(rows)} examples; expected at least {REFERENCE_EXAMPLES} that "
            "everyone agrees on: without them nobody can say what a good answer is",
        )


def _check_golden(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    golden = raw.get("golden")
    if not isinstance(golden, dict) or not isinstance(golden.get("path"), str):
        return
    file = path.parent / golden["path"]
    try:
        found = file_digest(file)
    except (OSError, ValueError) as error:
        yield (
            ("golden", "path"),
            f"{file}: cannot be read: {why(error)}. Make one with `tunesmith golden create`",
        )
        return
    if re.fullmatch("[0-9a-f]{64}", str(golden.get("sha256"))) and found != golden["sha256"]:
        yield (
            ("golden", "sha256"),
            f"{file} has the sha256 {found}, not the one in the recipe. A golden set never "
            "changes: restore the file, or give a new set a new name and its own sha256",
        )


def _check_uses(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    """Read the examples of the uses, before anything is trained for them."""
    uses = raw.get("uses")
    for at, use in enumerate(uses if isinstance(uses, list) else ()):
        name = mapping(use).get("examples")
        if not isinstance(name, str):
            continue
        try:
            gather([name], path.parent)
        except InputError as error:
            yield ("uses", at, "examples"), str(error)


def _check_tasks(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    """Read the tasks of the harness, before anything is trained that they judge."""
    examine = mapping(raw.get("examine"))
    folder = examine.get("folder")
    if not isinstance(folder, str):
        return
    try:
        gather_all(folder, path.parent)
        check_tasks(path.parent / folder, examine.get("hub") is True)
    except InputError as error:
        yield ("examine", "folder"), str(error)


def _check_gate(recipe: Recipe) -> Iterator[Mistake]:
    """Refuse what the gate could not judge, before anything is trained for it."""
    metrics = recipe.evaluate.metrics
    if recipe.gate.withdrawn:
        yield ("gate", "withdrawn"), "is not set here; a retrain fills it in"
    if "retrieved" in recipe.gate.better_than and recipe.context is None:
        yield (
            ("gate", "better_than"),
            "found 'retrieved', but the recipe has no documents; give context.documents",
        )
    for field, metric in (
        ("primary", recipe.gate.primary),
        *(("better_on", metric) for metric in recipe.gate.better_on),
    ):
        if metric not in metrics or not spec(metric).decides:
            named = ", ".join(name for name in metrics if spec(name).decides)
            yield (
                ("gate", field),
                f"found {metric!r}; expected one of evaluate.metrics with a better and a worse way "
                f"in each row: {named or 'none is listed'}",
            )
        elif metric == "format" and recipe.evaluate.format is None:
            yield (
                ("gate", field),
                "found 'format', but the recipe has no pattern; give score.format",
            )


def _check_difficulty(recipe: Recipe, raw: dict[str, Any]) -> Iterator[Mistake]:
    """Refuse what needs a score of the base that nobody would measure."""
    for field, by, metric in (
        (("split", "stratify"), recipe.split.stratify, recipe.split.difficulty),
        (("mix", "curriculum"), recipe.mix.curriculum, recipe.mix.difficulty),
    ):
        if by != DIFFICULTY:
            continue
        if raw.get("evaluate") is None or metric not in recipe.evaluate.metrics:
            yield field, f"found 'difficulty', which needs {metric!r} among evaluate.metrics"
        elif not (measured := spec(metric)).decides or measured.better == "lower":
            yield (
                (field[0], "difficulty"),
                f"found {metric!r}; expected a metric of which more is better in each row",
            )
        elif measured.judged:
            yield (
                (field[0], "difficulty"),
                f"found {metric!r}; expected a metric that needs no judge, for every row has one",
            )


def of_judge(recipe: Recipe) -> Iterator[Mistake]:
    """Refuse metrics that nobody would measure, and a judge of its own kin."""
    for field, evaluate in (
        (("evaluate", "metrics"), recipe.evaluate),
        *(
            (("uses", at, "evaluate", "metrics"), use.evaluate)
            for at, use in enumerate(recipe.uses)
        ),
    ):
        named = [name for name in evaluate.metrics if spec(name).judged]
        if named and recipe.judge is None:
            yield (
                field,
                f"found {' and '.join(named)}, which only a judge measures, and the recipe has "
                "none; give judge: {endpoint: {base_url: https://host/v1, model: NAME, key: "
                "HOST_KEY}, rubric: rubric.yaml}",
            )
        elif "rubric" in named and recipe.judge and recipe.judge.rubric.absolute is None:
            yield field, "found 'rubric', but judge.rubric has no 'absolute' template; add one"
    if recipe.judge is not None:
        kin = Subject("base", (recipe.base.model,)), Subject("candidate", (recipe.name,))
        try:
            check_independent((recipe.judge.endpoint.model,), kin)
        except RecipeError as error:
            yield ("judge", "endpoint", "model"), str(error).removeprefix("judge.model: ")


def _check_schema(recipe: Recipe) -> Iterator[Mistake]:
    """Refuse to hold answers to a schema that is not there, or that nothing can hold them to."""
    if "schema" not in recipe.prompt_baseline.styles:
        return
    field = ("prompt_baseline", "styles")
    schema = recipe.evaluate.json_schema
    if schema is None:
        yield field, "found 'schema', which needs evaluate.json_schema; give it, or take it out"
    elif found := problem(schema):
        yield (
            field,
            "found 'schema', but answers cannot be held to evaluate.json_schema while they are "
            f"written: {found}. Take 'schema' out, or what is named here out of the JSON Schema",
        )


def _check_rollout(recipe: Recipe) -> Iterator[Mistake]:
    """Refuse to compare answers to live prompts by what needs more than these."""
    if recipe.rollout is None:
        return
    field = ("rollout", "shadow_metrics")
    named = recipe.rollout.shadow_metrics
    if named and "shadow" not in recipe.rollout.stages:
        yield (
            field,
            "is for the stage shadow, and rollout.stages has none; add it, or take this out",
        )
    for name in named:
        try:
            shadow_metrics((name,), settings_of(recipe.evaluate, ()))
        except RecipeError as error:
            yield field, str(error).removeprefix("rollout.shadow_metrics: ")
        if name == "format" and recipe.evaluate.format is None:
            yield field, "found 'format', but the recipe has no pattern; give score.format"
