"""What a retrain would do, without doing it: which stages are cached, and why others are not."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from tunesmith import pipeline
from tunesmith.artifacts import Advice, Examples, Ref
from tunesmith.recipe import Recipe
from tunesmith.reporting.tracking import Champion
from tunesmith.stage import Ins, Out, P, Stage
from tunesmith.store import Store

UNKNOWN = "not built yet"

R = TypeVar("R", bound=Ref)


class Step(NamedTuple):
    """One stage of the pipeline as it stands now."""

    label: str
    ref: Ref | None
    differences: tuple[str, ...]
    """How its identity differs from the most similar build in the store; empty if cached."""
    note: str = ""
    """What it means for the stages after it."""


class Preview:
    """A runner that only looks: what is missing downstream of a missing artifact is unknown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.steps: list[Step] = []

    def __call__(self, stage: Stage[P, Out, *Ins], label: str, params: P, *inputs: *Ins) -> Out:
        """Find the artifact, or stand a reference with an unknown digest in for it."""
        found = self._store.find(stage, params, *inputs)
        differences: tuple[str, ...] = ()
        if found is None and stage.name in self._store.rebuild:
            differences = ("--rebuild asks for it",)
        elif found is None:
            identity = stage.identity(params, *inputs)
            differences = tuple(self._differences(identity, stage.key(params, *inputs)))
        self.steps.append(Step(label, found, differences))
        return found or _unknown(stage.produces)

    def look(self, examples: Mapping[str, Examples]) -> None:
        """Judge nothing: rows that were not made yet cannot be judged."""

    def _differences(self, identity: dict[str, Any], key: str) -> Iterator[str]:
        wanted = dict(_flat(identity))
        nearest: tuple[int, str, list[str]] | None = None
        for record in self._store.all_records(identity["stage"]):
            if record["key"] == key:
                yield f"its artifact {record['output']['digest'][:12]} is missing or damaged"
                return
            built = dict(_flat({name: record[name] for name in identity}))
            changed = [
                f"{field}: {_short(built.get(field))} → {_short(wanted.get(field))}"
                for field in sorted(wanted.keys() | built.keys())
                if wanted.get(field) != built.get(field)
            ]
            # Fewest differences first, then the newest.
            if (
                nearest is None
                or len(changed) < nearest[0]
                or (len(changed) == nearest[0] and record["created"] > nearest[1])
            ):
                nearest = (len(changed), record["created"], changed)
        if nearest is None:
            yield "never built in this store"
        else:
            yield from nearest[2]


def preview(
    recipe: Recipe, sources: pipeline.Sources, champion: Champion | None, store: Store
) -> list[Step]:
    """Return every stage in order, cached or not.

    Whether a baseline reaches the target is known when the advice has been built. Until then the
    stages after it are listed as if none did, and a note says so.
    """
    runner = Preview(store)
    pipeline.retrain(recipe, sources, champion, runner)
    return [step._replace(note=_note(recipe, step)) for step in runner.steps]


def _note(recipe: Recipe, step: Step) -> str:
    if step.label != "advise":
        return ""
    if isinstance(step.ref, Advice) and step.ref.stop:
        if recipe.train_beyond_target:
            return "a baseline reaches the target, and train_beyond_target goes on"
        return "a baseline reaches the target: the run stops here"
    if step.ref is None and recipe.target is not None and not recipe.train_beyond_target:
        return "if a baseline turns out to reach the target, the run stops here"
    return ""


def _unknown(kind: type[R]) -> R:
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        annotation = field.annotation
        if name == "kind":
            values[name] = field.default
        elif isinstance(annotation, type) and issubclass(annotation, Ref):
            values[name] = _unknown(annotation)
        elif not field.is_required():
            values[name] = field.default
        elif name == "decision":
            values[name] = "inconclusive"
        else:
            values[name] = UNKNOWN if annotation is str else 0
    return cast(R, kind.model_construct(**values))


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(item, f"{at}.{name}" if at else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flat(item, f"{at}[{index}]")
    else:
        yield at, value


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"
