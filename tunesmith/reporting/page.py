"""The report page: one self-contained HTML file with everything a retrain's verdict rests on.

It holds no row text but the few test examples that it shows side by side, runs no script and
loads nothing.
"""

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunesmith.artifacts import Adapter, Ref
from tunesmith.pipeline import Result
from tunesmith.recipe import Recipe
from tunesmith.reporting import advice_view, comparisons, drawings, slices, verdict
from tunesmith.reporting import before_after as figures_view
from tunesmith.reporting.before_after import NAMES, Figure
from tunesmith.reporting.cost import costs, works
from tunesmith.reporting.data_view import DataView
from tunesmith.reporting.glance import glance
from tunesmith.reporting.judge_view import judges
from tunesmith.reporting.looks import Worn, told
from tunesmith.reporting.tables import fact, flat_facts, seconds
from tunesmith.reporting.tracking import Registered
from tunesmith.store import Store
from tunesmith.wording import share_of

if TYPE_CHECKING:
    from jinja2 import Environment

    from tunesmith.pipeline import Started


@dataclass(frozen=True)
class Seen:
    """What has been read from the store for all views of one retrain."""

    document: dict[str, Any]
    figures: list[Figure]
    data: DataView
    advice: dict[str, Any]
    steps: list[dict[str, float]]
    artifacts: dict[str, Ref]
    worn: dict[str, Worn]


def page(
    recipe: Recipe,
    store: Store,
    started: "Started",
    result: Result,
    registered: Registered | None,
    seen: Seen,
) -> str:
    """Return the report page."""
    suites = seen.document.get("suites", [])
    suite_axis, suite_marks = drawings.suite_marks(suites)
    primary, packaged = recipe.gate.primary, _package(store, result)
    record = {} if result.adapter is None else newest_record(store, result.adapter)
    return (
        environment()
        .get_template("report.html")
        .render(
            recipe=recipe,
            outcome=result.outcome,
            title=verdict.title(seen.document),
            headlines=verdict.headlines(seen.document, started.champion, registered),
            document=seen.document,
            glance=glance(seen.document, packaged, seen.worn),
            panels=_panels(seen.document["criteria"]),
            base_as_is=_base_as_is(result),
            suites=list(zip(suites, suite_marks, strict=True)),
            suite_axis=suite_axis,
            claim=verdict.claim,
            names=NAMES,
            measured=_measured(seen.figures),
            legend=figures_view.legend(seen.figures),
            target=recipe.target,
            primary=primary,
            advice=_advice(seen.advice),
            package=packaged,
            slices=_sliced(slices.slices(store, result, primary)),
            small=slices.SMALL,
            first=slices.FIRST,
            costs=costs(store, result, recipe.gate.cost.prices if recipe.gate.cost else None),
            works=works(store, result),
            funnel=seen.data.funnel,
            flags=seen.data.flags,
            split=seen.data.split,
            sides=seen.data.split["sides"],
            mixture=seen.data.mixture,
            drift=seen.data.drift,
            warnings=seen.data.warnings,
            golden=result.golden.rows,
            loss=drawings.loss_drawing(seen.steps),
            training=training_facts(record),
            tallies=comparisons.tally(store, result),
            changes=comparisons.comparisons(store, result, primary),
            how_chosen=comparisons.HOW_CHOSEN,
            provenance={
                **provenance(recipe, started, result, registered, record),
                **{f"judge, {name}": said for name, said in judges(store, result).items()},
                **{f"looks, {name}": told(name, worn) for name, worn in seen.worn.items()},
            },
            packages=record.get("packages", {}),
            artifacts=seen.artifacts,
        )
    )


def _advice(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page says of the advice."""
    return {
        "named": advice_view.named(document),
        "reason": document["reason"],
        "told": list(advice_view.told(document)),
        "unless": document["unless"],
        "factors": advice_view.factor_rows(document),
        "failures_told": advice_view.failures_told(document),
        "failures": advice_view.failure_rows(document),
    }


@dataclass(frozen=True)
class Panel:
    """Criteria that share an axis, each with where its interval stands on it."""

    axis: drawings.Axis
    lines: list[tuple[Mapping[str, Any], drawings.IntervalMark]]


def _panels(criteria: Sequence[Mapping[str, Any]]) -> list[Panel]:
    panels: dict[drawings.Axis, Panel] = {}
    for item, (axis, mark) in zip(criteria, drawings.interval_marks(criteria), strict=True):
        panels.setdefault(axis, Panel(axis, [])).lines.append((item, mark))
    return list(panels.values())


def _base_as_is(result: Result) -> bool:
    """Return whether the best prompt is the rows' own: both gave the very same answers."""
    base, prompted = (result.measured.get(f"{who} test") for who in ("base", "prompt_baseline"))
    return base is not None and prompted is not None and base.predictions == prompted.predictions


def _package(store: Store, result: Result) -> dict[str, Any] | None:
    """Return what was checked about serving; None where no candidate was packaged."""
    if result.package is None:
        return None
    document: dict[str, Any] = store.json(result.package, "package.json")
    return document


@dataclass(frozen=True)
class Sliced:
    """The sliced results, with where each part's interval stands on the axis they share."""

    found: slices.Slices
    axis: drawings.Axis
    parts: list[tuple[slices.Slice, drawings.IntervalMark]]


def _sliced(found: slices.Slices | None) -> Sliced | None:
    if found is None:
        return None
    axis, marks = drawings.difference_marks([part.difference for part in found.parts])
    return Sliced(found, axis, list(zip(found.parts, marks, strict=True)))


@dataclass(frozen=True)
class Measured:
    """The before/after table of one set of examples."""

    where: str
    n: int
    who: list[str]
    lines: list[tuple[str, list[Figure]]]


def _measured(figures: Sequence[Figure]) -> list[Measured]:
    tables = []
    for where in dict.fromkeys(figure.where for figure in figures):
        here = [figure for figure in figures if figure.where == where]
        lines = [
            (metric, [figure for figure in here if figure.metric == metric])
            for metric in dict.fromkeys(figure.metric for figure in here)
        ]
        if here:
            tables.append(
                Measured(where, max(figure.n for figure in here), figures_view.present(here), lines)
            )
    return tables


def newest_record(store: Store, adapter: Adapter) -> dict[str, Any]:
    """Return the newest account of how an adapter was trained; empty if there is none."""
    records = [
        record
        for record in store.all_records("train")
        if record["output"]["digest"] == adapter.digest
    ]
    return max(records, key=lambda record: str(record["created"]), default={})


def training_facts(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person asks about a training: on what, how long, how much was trained."""
    timings = {
        "time" if name == "total" else f"time: {name}": seconds(value)
        for name, value in record.get("timings", {}).items()
        if isinstance(value, int | float)
    }
    where = {name: str(record[name]) for name in ("device", "host") if name in record}
    return {**where, **timings, **flat_facts(record.get("notes", {}))}


def provenance(
    recipe: Recipe,
    started: "Started",
    result: Result,
    registered: Registered | None,
    record: Mapping[str, Any],
) -> dict[str, str]:
    """Return where everything came from: who asked, why, and the digests of what went in."""
    champion = started.champion
    return {
        "retrain": started.id,
        "trigger": started.trigger,
        **({"why": started.why} if started.why else {}),
        "started by": started.started_by,
        "taken up again after an interruption": fact("resumed", started.resumed),
        "MLflow run": started.run_url,
        "registered as": registered.told if registered else "no",
        "champion at the start": f"version {champion.version}" if champion else "none",
        "recipe": f"{recipe.name}, sha256 {recipe.digest}",
        "base": f"{result.base.model}, {result.base.digest}",
        "source files": f"{', '.join(started.sources.examples.names)}, "
        f"{started.sources.examples.digest}",
        **_golden(recipe),
        "training rows": result.mixture.train.digest,
        **_trained(result, record),
    }


def _trained(result: Result, record: Mapping[str, Any]) -> dict[str, str]:
    if result.adapter is None:
        return {"adapter": "none, nothing was trained"}
    return {
        "adapter": result.adapter.digest,
        "adapter trained": str(record.get("created", "not recorded")),
        "commit at training": str(record.get("commit") or "not in git"),
    }


def _golden(recipe: Recipe) -> dict[str, str]:
    if recipe.golden is None:
        return {}
    return {"golden set": f"{recipe.golden.path}, sha256 {recipe.golden.sha256}"}


@functools.cache
def environment() -> "Environment":
    """Return what renders the pages; everything put into them is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tunesmith", "reporting/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=shown, share=share_of, signed=_signed, p_value=_p_value, seconds=seconds
    )
    return environment


def _signed(value: float) -> str:
    """Return a difference with its sign, a true minus, and no sign for what rounds to zero."""
    if abs(value) >= 100:
        return f"{value:+,.0f}".replace("-", "−")
    return f"{value:+.2f}".replace("-0.00", "0.00").replace("+0.00", "0.00").replace("-", "−")


def _p_value(value: float) -> str:
    """Return a p-value with its relation, to two digits."""
    return "< 0.0001" if value < 0.0001 else f"= {value:.2g}"


def shown(value: object) -> str:
    """Return a text with what has no visible form, or none in UTF-8, made visible."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"
        else char
        for char in str(value).replace("\r\n", "\n")
    )
