"""Stopping a run so that somebody looks at what the data stages dropped."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from tunesmith.artifacts import Examples
from tunesmith.data.checks.context import Ungrounded, explain, is_ungrounded_set
from tunesmith.data.funnel import examine, funnel
from tunesmith.data.grounding import ungrounded
from tunesmith.errors import Unready
from tunesmith.recipe import Recipe
from tunesmith.records import Example
from tunesmith.stages.score import ScoreParams
from tunesmith.store import Store
from tunesmith.wording import counted


def look(
    recipe: Recipe, store: Store, examples: Mapping[str, Examples], accept: Sequence[str]
) -> None:
    """Stop when the whole set is not what it should be, or too much of it was dropped.

    Args:
        recipe: With its limits, and the reasons whose drops it accepts.
        store: Where the rows are.
        examples: What each data stage made, by its name, in order.
        accept: Further reasons whose drops somebody has looked at; `all` accepts any.

    Raises:
        Unready: with the cause, and the command that shows the rows.
    """
    limits = recipe.drops
    accept = (*limits.accept, *accept)
    if not {"grounding", "all"} & set(accept):
        _refuse_ungrounded(recipe, store, examples)
    examine(
        funnel({stage: store.manifest(ref)["counts"] for stage, ref in examples.items()}),
        examples,
        per_check=limits.per_check,
        total=limits.total,
        minimum_rows=limits.minimum_rows,
        accept=accept,
    )


def _refuse_ungrounded(recipe: Recipe, store: Store, examples: Mapping[str, Examples]) -> None:
    """Refuse a set whose answers mostly do not come from their inputs."""
    params, scored = recipe.score, examples["score"]
    context = params.checks.context
    if context.action != "drop" or not params.asks_for("grounding"):
        return
    reasons = store.manifest(scored)["counts"]["dropped"]
    dropped = int(reasons.get("grounding", 0))
    # Where grounding is required, no ungrounded row is kept.
    flagged = 0 if "grounding" in params.required else sum(1 for _ in _flagged(store, scored))
    rows = sum(reasons.values()) + scored.rows
    if is_ungrounded_set(dropped + flagged, rows, context.most):
        found = chain(_left_out(store, scored), _flagged(store, scored))
        message = explain((_missing(row) for row in found), dropped + flagged, rows, context.most)
        left = list(examples.values())[-1].rows
        advice = _advice(params, left if left >= recipe.drops.minimum_rows else 0)
        raise Unready(
            f"these answers do not come from their inputs. {message}\n{advice}",
            (scored.short, "grounding") if dropped else None,
        )


def _advice(params: ScoreParams, left: int) -> str:
    """Say what to write into the recipe, and how to go on where enough rows are left."""
    required = ", ".join(name for name in params.required if name != "grounding")
    pasted = (
        "If the answers are meant to draw on what the model knows already, nothing is missing. "
        "Then the recipe needs:\n"
        "  score:\n"
        f"    required: [{required}]\n"
        "    checks: {context: flag}"
    )
    if not left:
        return pasted
    return (
        f"{pasted}\nTo go on with the {counted(left, 'row')} that {'is' if left == 1 else 'are'} "
        "left, run again with --accept-drops grounding."
    )


def _flagged(store: Store, scored: Examples) -> Iterator[Example]:
    return (row for row in store.rows(scored, Example) if "context" in row.flags)


def _left_out(store: Store, scored: Examples) -> Iterator[Example]:
    for dropped in store.dropped(scored):
        if dropped.reason == "grounding" and not isinstance(dropped.row, str):
            yield dropped.row


def _missing(row: Example) -> Ungrounded:
    return Ungrounded(row.source, tuple(ungrounded(row.answer, row.input_text)))
