"""What people read of a retrain, put where they read it: the home folder, and its MLflow run.

Everything is a view of the store, so it is written anew whenever what it tells has changed: when a
retrain ends, and when a person promotes against its verdict.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.pipeline import Result
from tunesmith.recipe import Recipe
from tunesmith.replacing import replace_file
from tunesmith.reporting.advice_view import advice_document, stopped
from tunesmith.reporting.judge_view import judges
from tunesmith.reporting.looks import judging_sets, wear_of, worn_out
from tunesmith.reporting.report import documents
from tunesmith.reporting.tracking import Champion, Move, Registered, Tracker
from tunesmith.reporting.verdict import override_document, override_note
from tunesmith.settings import Settings
from tunesmith.store import Store

if TYPE_CHECKING:
    from tunesmith.pipeline import Started

RECIPE = "recipe.json"
"""The document of a run that holds its recipe, whole."""
RETRAIN = "retrain.json"
"""The document of a run from which its report can be made again: what was started, what came."""


def publish(
    recipe: Recipe,
    settings: Settings,
    tracker: Tracker,
    started: "Started",
    result: Result,
    registered: Registered | None,
    override: Move | None = None,
) -> Path:
    """Write the report to the home folder and to MLflow, with its data and the run's headline.

    Args:
        recipe: Of the retrain.
        settings: Where home and store are.
        tracker: The MLflow client.
        started: What was started.
        result: What came of it.
        registered: The version, where one was made.
        override: How a person promoted it against the verdict.

    Returns:
        The page in the home folder.

    Raises:
        MissingArtifact: when an artifact that the report speaks of is missing or damaged.
    """
    store = settings.store()
    made = documents(recipe, store, started, result, registered, override)
    tracker.documents(started.run, {**made, RETRAIN: account(started, result)})
    told = reasons(store, result, started.champion)
    if override is not None:
        told = [override_note(override_document(override)), *told]
    if told:
        tracker.describe(started.run, "\n".join(f"- {reason}" for reason in told))
    return write_page(settings, started.id, made["report.html"])


def reasons(store: Store, result: Result, champion: Champion | None) -> list[str]:
    """Return why nothing was trained, or what a verdict says, and how far it is to be trusted.

    That is how its judges agree with people, and which sets decided too often.
    """
    if result.outcome == "prompt_is_enough":
        return stopped(advice_document(store, result), champion)
    if result.verdict is None:
        return []
    said: list[str] = store.json(result.verdict, "verdict.json")["reasons"]
    return [*said, *judges(store, result).values(), *worn_out(wear_of(store, judging_sets(result)))]


def write_page(settings: Settings, name: str, content: bytes) -> Path:
    """Write a page to the home folder."""
    page = settings.home.absolute() / "reports" / f"{name}.html"
    replace_file(page, content)
    return page


def account(started: "Started", result: Result) -> str:
    """Return the document from which the report of a retrain can be made again."""
    facts = {"started": started.model_dump(mode="json"), "result": result.model_dump(mode="json")}
    return json.dumps(facts, indent=2)
