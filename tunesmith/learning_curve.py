"""How much data helps: the recipe trained on more and more of its examples, each model measured.

The training sets are nested, see `tunesmith.stages.subset`. The largest is the training set itself,
so a retrain of the recipe and its learning curve share that training. Every training is the
recipe's own, with as many passes over fewer rows, so a small set also takes fewer steps.

Everything is built by stages and cached by their keys: a curve that was interrupted goes on, and
one with a further size trains only that.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tunesmith import pipeline
from tunesmith import recipe as recipes
from tunesmith.artifacts import Adapter, Base, Examples
from tunesmith.errors import RecipeError, Unready
from tunesmith.pipeline import Candidate, Runner, Sources
from tunesmith.recipe import Recipe
from tunesmith.retrains import StoreRunner, logging_to, open_tracker, sources
from tunesmith.settings import Settings
from tunesmith.stage import Params
from tunesmith.stages import predict, retrieve, subset, train
from tunesmith.store import provenance

if TYPE_CHECKING:
    from tunesmith.reporting.curve import Drawn

logger = logging.getLogger(__name__)

SIZES = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
NEAR = 1.25
"""A size that the next one exceeds by less than this factor tells nothing beside it."""

Side = Literal["test", "validation"]


class Point(Params):
    """One size: what was trained on, what came of it, and how it did."""

    rows: Examples
    adapter: Adapter
    measured: Candidate


class Curve(Params):
    """Everything that a learning curve is made of, the smallest size first."""

    on: Side
    asked: Examples
    """What every model was measured on."""
    base: Candidate
    points: tuple[Point, ...]


class Ended(Params):
    """What a learning curve says, for whoever asked."""

    pays: Literal["yes", "no", "not settled"]
    told: str
    """The sentences and the table, as plain text."""
    markdown: str
    report: str
    run_url: str


def sizes_for(rows: int, wanted: Sequence[int] = SIZES) -> tuple[int, ...]:
    """Return the sizes that there are rows for, rising, with all rows as the last.

    Raises:
        RecipeError: a size is below 1.
    """
    if any(size < 1 for size in wanted):
        raise RecipeError(f"sizes {list(wanted)}; expected numbers of examples, from 1")
    return (*(size for size in sorted(set(wanted)) if size * NEAR <= rows), rows)


def measure(recipe: Recipe, found: Sources, wanted: Sequence[int], on: Side, run: Runner) -> Curve:
    """Train on every size and measure each model on one set.

    Raises:
        Unready: when there is nothing to train or to measure on.
    """
    prepared = pipeline.prepare(recipe, found, run)
    rows, validation = prepared.mixture.train, prepared.split.validation
    asked = prepared.split.test if on == "test" else validation
    context = recipe.context
    if context is not None and context.training and found.documents is not None:
        params, documents = context.retrieving, found.documents
        rows = run(retrieve.STAGE, "retrieve train", params, rows, documents)
        asked = run(retrieve.STAGE, f"retrieve {on}", params, asked, documents)
        validation = run(retrieve.STAGE, "retrieve validation", params, validation, documents)
    if not rows.rows or not asked.rows:
        raise Unready(
            f"{rows.rows} rows to train on and {asked.rows} of {on} to measure on; a learning "
            "curve needs both. Look at what was dropped with `tunesmith inspect RECIPE`"
        )
    # The curve asks what all the data give, so a sample that the recipe trains on does not count.
    training = recipe.train.model_copy(update={"sample": None})

    def answers(who: str, adapter: Adapter | None) -> Candidate:
        return _measured(recipe, who, asked, prepared.base, adapter, run)

    base = answers("base", None)
    points: list[Point] = []
    for size in sizes_for(rows.rows, wanted):
        taken = subset.SubsetParams(rows=size, salt=recipe.name)
        part = rows if size >= rows.rows else run(subset.STAGE, f"subset {size}", taken, rows)
        if points and part.rows == points[-1].rows.rows:
            continue  # one large group holds both sizes
        adapter = run(train.STAGE, f"train {size}", training, part, validation, prepared.base)
        points.append(Point(rows=part, adapter=adapter, measured=answers(f"{size} {on}", adapter)))
    return Curve(on=on, asked=asked, base=base, points=tuple(points))


def _measured(
    recipe: Recipe, who: str, asked: Examples, base: Base, adapter: Adapter | None, run: Runner
) -> Candidate:
    predictions = run(predict.STAGE, f"predict {who}", recipe.predict, asked, base, adapter, None)
    primary = (recipe.evaluate.primary,)
    scores = pipeline.scored(
        recipe, recipe.evaluate, who, asked, predictions, base, run, judged=primary
    )
    return Candidate(predictions=predictions, scores=scores)


def start(recipe: Recipe, settings: Settings) -> str:
    """Return the MLflow run of the recipe's learning curve, made if there is none."""
    tags = {
        "recipe": recipe.name,
        "recipe_digest": recipe.digest,
        "trigger": "manual",
        "why": "learning curve",
        "started_by": str(provenance.here()["host"]),
        "commit": provenance.commit() or "not in git",
    }
    name = f"{recipe.name[:18]}-curve-{recipe.digest[:8]}"
    return open_tracker(settings).start_run(recipe.name, name, tags)


def finish(recipe: Recipe, settings: Settings, run: str, curve: Curve) -> Ended:
    """Draw the curve, write its page, and log both."""
    from tunesmith.publishing import write_page
    from tunesmith.reporting.curve import documents, draw, markdown, told

    store, tracker = settings.store(), open_tracker(settings)
    drawn: Drawn = draw(recipe, store, curve)
    made = documents(recipe, drawn)
    tracker.documents(run, made)
    tracker.tag(run, {"outcome": f"more data would pay: {drawn.pays}"})
    tracker.end_run(run, "FINISHED")
    name = f"{recipe.name}-learning-curve"
    report = write_page(settings, name, made["learning-curve.html"])
    return Ended(
        pays=drawn.pays,
        told=told(drawn),
        markdown=markdown(drawn),
        report=str(report),
        run_url=tracker.run_url(run),
    )


def run(
    path: Path,
    settings: Settings,
    *,
    sizes: Sequence[int] = SIZES,
    on: Side = "test",
    accept: tuple[str, ...] = (),
) -> Ended:
    """Make a recipe's learning curve in this process, without Prefect.

    Raises:
        Unready: when too much was dropped, or too little is left.
    """
    recipe = recipes.load(path)
    mlflow_run = start(recipe, settings)
    with logging_to(settings, mlflow_run):
        runner = StoreRunner(recipe, settings.store(), accept)
        curve = measure(recipe, sources(recipe, settings), sizes, on, runner)
    return finish(recipe, settings, mlflow_run, curve)
