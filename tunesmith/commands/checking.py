"""What `check`, `why`, `show` and `doctor` print, as text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tunesmith import retrains
from tunesmith.artifacts import Examples, Ref, Split
from tunesmith.commands.preview import Step, preview
from tunesmith.commands.releasing import lagging
from tunesmith.commands.upkeep import damage, find_artifact
from tunesmith.data.split_report import ASSUMED_DISCORDANCE, WEAK
from tunesmith.deciding.bounds import unsettling
from tunesmith.recipe import Recipe
from tunesmith.records import Example, FailedAnswer, Prediction, Score
from tunesmith.reporting.data_view import data_view, prepared_text
from tunesmith.settings import Settings
from tunesmith.store import Store
from tunesmith.wording import counted


def report(recipe: Recipe, settings: Settings) -> str:
    """Return the resolved recipe, what would run, and the power of its margin."""
    resolved = yaml.safe_dump(
        recipe.model_dump(mode="json", by_alias=True),
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    steps = _steps(recipe, settings)
    parts = [resolved, "stages:", *_lines(steps), "", power(recipe, steps)]
    return "\n".join(parts)


def _steps(recipe: Recipe, settings: Settings) -> list[Step]:
    found = retrains.sources(recipe, settings)
    champion = retrains.open_tracker(settings).champion(recipe.name)
    return preview(recipe, found, champion, settings.store())


def _lines(steps: list[Step]) -> Iterator[str]:
    width = max(len(step.label) for step in steps)
    for step in steps:
        state = f"cached  {step.ref.kind} {step.ref.short}" if step.ref else "would run"
        note = f"; {step.note}" if step.note else ""
        yield f"  {step.label:<{width}}  {state}{note}"


def power(recipe: Recipe, steps: list[Step]) -> str:
    """Say how likely the gate's margins can be shown, and warn where one is a gamble."""
    sample = recipe.predict.sample
    test = next((step.ref.test.rows for step in steps if isinstance(step.ref, Split)), None)
    margin = recipe.gate.margin
    sets = [("test", test, margin, "predict.sample, split.test, more data", "gate.margin")]
    for use in recipe.uses:
        ref = next((step.ref for step in steps if step.label == f"ingest {use.name}"), None)
        rows = ref.rows if isinstance(ref, Examples) else None
        more = f"predict.sample, {use.examples}"
        sets.append((use.name, rows, use.margin or margin, more, f"margin of {use.name}"))
    lines = []
    for name, rows, margin, more, wider in sets:
        known = [count for count in (rows, sample) if count is not None]
        if not known or (name != "test" and rows is None):
            what = "the test set" if name == "test" else f"the use {name}"
            lines.append(
                f"power: unknown until the data stages have run and the size of {what} is known"
            )
            continue
        lines.append(_power(name, min(known), margin, recipe.gate.alpha, more, wider))
    quick = recipe.gate.latency
    why = unsettling(quick, test, recipe.gate.alpha) if quick and test is not None else ""
    if why:
        lines.append(f"warning: gate.latency: the test set is too small: {why}")
    return "\n".join(lines)


def _power(name: str, n: int, margin: float, alpha: float, more: str, wider: str) -> str:
    from tunesmith.statistics.power import pairs_needed, power_not_worse

    chance = power_not_worse(n, margin, ASSUMED_DISCORDANCE, alpha)
    text = (
        f"power: with {counted(n, f'{name} example')} and {ASSUMED_DISCORDANCE:.0%} on which the "
        f"two differ, a candidate as good as the champion is shown to be not worse by {margin:g} "
        f"in {chance:.0%} of cases"
    )
    if chance < WEAK:
        needed = pairs_needed(-margin, 0.0, ASSUMED_DISCORDANCE, alpha, power=WEAK)
        text += (
            f"\nwarning: that is under {WEAK:.0%}. Use about {needed} {name} examples "
            f"({more}), or a wider {wider}"
        )
    return text


def prepared(path: Path, settings: Settings, accept: tuple[str, ...]) -> str:
    """Prepare a recipe's training set, and say what came of it."""
    recipe, made = retrains.prepare(path, settings, accept)
    champion = retrains.open_tracker(settings).champion(recipe.name)
    view = data_view(settings.store(), made.data, made.split, made.mixture, champion)
    return prepared_text(view, made.mixture, path)


def explain(recipe: Recipe, settings: Settings, stage: str) -> str:
    """Say, for each stage that would run, how it differs from the most similar build."""
    lines = []
    for step in _steps(recipe, settings):
        if stage and step.label.split(" ")[0] != stage:
            continue
        if step.ref is not None:
            lines.append(f"{step.label}: cached, {step.ref.kind} {step.ref.short}")
        else:
            lines.append(f"{step.label}: would run")
            lines.extend(f"    {difference}" for difference in step.differences)
        if step.note:
            lines.append(f"    {step.note}")
    return "\n".join(lines) or f"the recipe has no stage {stage!r}"


def show_artifact(
    store: Store, prefix: str, dropped: str | None, rows: int, characters: int = 2000
) -> str:
    """Describe an artifact: its record, its counts, and some of its rows.

    Args:
        store: The store.
        prefix: The start of its digest.
        dropped: Show rows dropped for this reason alone, or for any if `all`.
        rows: How many rows to show.
        characters: How much to show of a dropped row.
    """
    ref, record = find_artifact(store, prefix)
    if dropped is not None:
        return _dropped(store, ref, dropped, rows, characters)
    about = {
        "artifact": f"{ref.kind}/{ref.digest}",
        "facts": ref.model_dump(mode="json", exclude={"kind", "digest"}),
        "built by": f"{record['stage']} version {record['version']}, key {record['key']}",
        "created": record["created"],
        "commit": record["commit"],
        "device": record["device"],
        "counts": record["counts"],
        "timings": {name: value for name, value in record["timings"].items() if name != "steps"},
        "params": record["params"],
        "inputs": record["inputs"],
        "files": {name: file["bytes"] for name, file in store.manifest(ref)["files"].items()},
    }
    text = yaml.safe_dump(about, sort_keys=False, allow_unicode=True, width=100)
    types: dict[str, Any] = {
        "examples": Example,
        "failures": FailedAnswer,
        "predictions": Prediction,
        "scores": Score,
    }
    if ref.kind in types:
        text += "rows:\n" + "\n".join(_some(store, ref, types[ref.kind], rows))
    return text


def _some(store: Store, ref: Ref, row_type: Any, rows: int) -> Iterator[str]:
    from itertools import islice

    from tunesmith.canonical import canonical_row

    for row in islice(store.rows(ref, row_type), rows):
        yield "  " + canonical_row(row).decode()


def _dropped(store: Store, ref: Ref, reason: str, rows: int, characters: int) -> str:
    if not isinstance(ref, Examples):
        return f"{ref.kind} {ref.short} has no dropped rows; only examples have"
    lines = []
    count = 0
    reasons = store.manifest(ref)["counts"]["dropped"]
    if reasons and reason != "all" and reason not in reasons:
        return f"no row was dropped for {reason!r}; expected all, {', '.join(sorted(reasons))}"
    for row in store.dropped(ref):
        if reason not in ("all", row.reason):
            continue
        count += 1
        if count <= rows:
            lines.append(_visible(f"{row.source}  {row.reason}: {row.detail}"))
            shown = row.row if isinstance(row.row, str) else _text(row.row)
            lines.extend(f"    {_visible(line)}" for line in shown[:characters].splitlines())
            if len(shown) > characters:
                lines.append(f"    … and {counted(len(shown) - characters, 'character')} more")
    why = "" if reason == "all" else f" for {reason}"
    return "\n".join([*lines, f"{counted(count, 'row')} dropped{why}, {min(count, rows):,} shown"])


def _visible(line: str) -> str:
    """Return a line without what would steer a terminal, or turn the direction of its text."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line
    )


def _text(row: Any) -> str:
    messages = getattr(row, "messages", None)
    if messages is None:
        return str(row)
    return "\n".join(f"{message.role}: {message.content}" for message in messages)


def diagnose(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the store, the retrains, and the registry's aliases."""
    from sqlalchemy import select

    from tunesmith.database.session import session
    from tunesmith.database.tables import Retrain

    yield from damage(settings.store())
    with session(settings.database) as database:
        rows = list(database.scalars(select(Retrain).order_by(Retrain.started)))
    for row in rows:
        if row.outcome is None:
            yield (
                f"retrain {row.id} has not ended; if nothing runs it, run its recipe again: "
                "it is taken up where it stopped"
            )
    tracker = retrains.open_tracker(settings)
    for name in dict.fromkeys(row.recipe for row in rows if row.outcome == "promote"):
        if told := lagging(tracker, name):
            yield told
