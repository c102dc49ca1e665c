"""A user's own metrics, from installed packages.

A package offers a metric in the entry point group `tunesmith.metrics`, under the name that recipes
use; the entry point is a `Spec` with that name:

    [project.entry-points."tunesmith.metrics"]
    polite = "our_metrics:polite"

It is loaded only when a recipe names it. What it is becomes part of the evaluation's key: the
package with its version, the entry point, and the sha256 of the module that holds the function, so
that a change of that file measures again, also under the same version. A change in other modules
it uses needs a new version. Names of built-in metrics cannot be taken.
"""

import functools
import inspect
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tunesmith.canonical import file_digest
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.metrics.spec import MetricParams, Spec, Value
from tunesmith.records import Example

GROUP = "tunesmith.metrics"


def offered() -> dict[str, list[EntryPoint]]:
    """Return what installed packages offer, by name."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


@functools.cache
def load(name: str) -> tuple[Spec, str]:
    """Return a user's metric and its identity: package, version, entry point, digest.

    Raises:
        RecipeError: no package or several offer it, or it cannot be loaded, or it is no `Spec`.
    """
    points = offered().get(name, [])
    if len(points) != 1:
        who = ", ".join(sorted(_package(point) for point in points)) or "no installed package"
        raise RecipeError(f"metric {name!r} is offered by {who}; expected one, in {GROUP}")
    point = points[0]
    where = f"metric {name!r} of {_package(point)} ({point.value})"
    try:
        spec = point.load()
    except Exception as error:
        raise RecipeError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}. Mend or remove the package"
        ) from error
    if not isinstance(spec, Spec):
        raise RecipeError(f"{where} is a {type(spec).__name__}; expected a Spec")
    if spec.name != name:
        raise RecipeError(f"{where} calls itself {spec.name!r}; expected the same name")
    return _guarded(spec, where), f"{_package(point)} {point.value}{_source(spec)}"


def _package(point: EntryPoint) -> str:
    return "an unnamed package" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _source(spec: Spec) -> str:
    try:
        file = inspect.getsourcefile(inspect.unwrap(spec.function))
    except TypeError:  # no Python function: the version has to do
        return ""
    return "" if file is None else f" sha256:{file_digest(Path(file))}"


def _guarded(spec: Spec, where: str) -> Spec:
    """Return the metric with errors that say whose they are and on which row."""
    from dataclasses import replace

    def function(example: Example, output: str, params: MetricParams) -> Value:
        try:
            value, evidence = spec.function(example, output, params)
        except Exception as error:
            raise InputError(
                f"{where} fails on {example.source}: {type(error).__name__}: {error}. Mend the "
                "metric, or take it out of evaluate.metrics"
            ) from error
        if not isinstance(value, int | float | None) or not isinstance(evidence, str):
            raise InputError(
                f"{where} gives {value!r} and {evidence!r} for {example.source}; expected a number "
                "or None, and text"
            )
        return Value(value, evidence)

    return replace(spec, function=function)
