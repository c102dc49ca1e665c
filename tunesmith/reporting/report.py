"""What a retrain leaves in its MLflow run: the report page, its data, its plots, its figures.

All of it is a view, made again from artifacts whenever it is wanted. Dropped rows never leave
the store; of the others, only the few test examples on the page.
"""

import json
from typing import TYPE_CHECKING, Any

from tunesmith.artifacts import Ref
from tunesmith.deciding.bounds import BOUND
from tunesmith.pipeline import Result
from tunesmith.recipe import Recipe
from tunesmith.reporting.advice_view import advice_document
from tunesmith.reporting.before_after import as_documents, before_after
from tunesmith.reporting.data_view import data_view
from tunesmith.reporting.looks import judging_sets, wear_of
from tunesmith.reporting.page import Seen, page
from tunesmith.reporting.plots import criteria_png, funnel_png, loss_curve_png
from tunesmith.reporting.tracking import Move, Registered
from tunesmith.reporting.verdict import override_document, verdict_document
from tunesmith.store import Store

if TYPE_CHECKING:
    from tunesmith.pipeline import Started


def documents(
    recipe: Recipe,
    store: Store,
    started: "Started",
    result: Result,
    registered: Registered | None,
    override: Move | None = None,
) -> dict[str, bytes]:
    """Return the files of a retrain's MLflow run, by name.

    `override` is how a person promoted against the verdict; it comes before all else then.

    Raises:
        MissingArtifact: when an artifact that the report speaks of is missing or damaged.
    """
    seen = see(store, started, result)
    if override is not None:
        seen.document["override"] = override_document(override)
    html = page(recipe, store, started, result, registered, seen)
    return {
        "report.html": html.encode("utf-8", "replace"),
        "verdict.json": _json(seen.document),
        "funnel.json": _json([step._asdict() for step in seen.data.funnel]),
        "mixture.json": _json(seen.data.mixture),
        "advice.json": _json(seen.advice),
        "before_after.json": _json(as_documents(seen.figures)),
        "artifacts.json": _json(
            [
                {"name": name, "kind": ref.kind, "digest": ref.digest}
                for name, ref in seen.artifacts.items()
            ]
        ),
        **pictures(seen),
    }


def pictures(seen: Seen) -> dict[str, bytes]:
    """Return the plots by file name; criteria only where something was compared."""
    made = {"funnel.png": funnel_png(seen.data.funnel)}
    if "adapter" in seen.artifacts:
        made["loss.png"] = loss_curve_png(seen.steps)
    if seen.document["criteria"]:
        made["criteria.png"] = criteria_png(seen.document)
    return made


def see(store: Store, started: "Started", result: Result) -> Seen:
    """Read from the store what the views of a retrain share."""
    return Seen(
        document=verdict_document(store, result, started.champion),
        figures=before_after(store, result),
        data=data_view(store, result.data, result.split, result.mixture, started.champion),
        advice=advice_document(store, result),
        steps=[] if result.adapter is None else store.steps(result.adapter),
        artifacts=artifacts(started, result),
        worn=wear_of(store, judging_sets(result)),
    )


def artifacts(started: "Started", result: Result) -> dict[str, Ref]:
    """Return everything that went in or came out, by what people call it, in order."""
    found: dict[str, Ref] = {
        "base files": started.sources.base,
        "source files": started.sources.examples,
        **_files(started),
        "base": result.base,
        **result.data,
        "golden": result.golden,
        **{f"use: {name}": rows for name, rows in result.uses.items()},
        "split": result.split,
        "train side": result.split.train,
        "validation side": result.split.validation,
        "test side": result.split.test,
        "mixture": result.mixture,
        "training set": result.mixture.train,
        "advice": result.advice,
    }
    if result.adapter is not None:
        found["adapter"] = result.adapter
    if result.package is not None:
        found["package"] = result.package
    if result.latencies is not None:
        found["latencies"] = result.latencies
    for name, candidate in result.measured.items():
        found[f"predictions: {name}"] = candidate.predictions
        found[f"scores: {name}"] = candidate.scores
    if result.verdict is not None:
        found["verdict"] = result.verdict
    return found


def _files(started: "Started") -> dict[str, Ref]:
    found = {
        "golden file": started.sources.golden,
        **{f"use file: {name}": files for name, files in started.sources.uses.items()},
        "benchmark files": started.sources.benchmarks,
        "replay files": started.sources.replay,
    }
    return {name: files for name, files in found.items() if files is not None}


def summary_metrics(store: Store, result: Result) -> dict[str, float]:
    """Return what everybody scored, as "test/candidate/grounding": a rate or a mean.

    Latency and cost are among them where the recipe bounds them.
    """
    found = {
        f"{figure.where}/{figure.who}/{figure.metric}": figure.value
        for figure in before_after(store, result)
        if figure.value is not None
    }
    if result.verdict is not None:
        for item in store.json(result.verdict, "verdict.json")["criteria"]:
            if item["against"] == BOUND:
                found[f"{item['where']}/candidate/{item['metric']}"] = item["candidate"]
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, allow_nan=False).encode()
