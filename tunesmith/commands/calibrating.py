"""What `tunesmith calibrate` does: a file of rows to label, and weights that fit the labels.

A label says of one row whether it is good: `{"row_id": …, "good": true}`, or `source` in place of
`row_id`. Labels are asked of rows as `score` gets them. What a required check drops stays dropped
whatever the weights, so the weights are fitted to the other rows, and to the other checks.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from tunesmith import recipe as recipes
from tunesmith import retrains
from tunesmith.commands.inspecting import WIDTH, Built, build
from tunesmith.data.calibration import Calibration
from tunesmith.data.calibration import calibrate as fit
from tunesmith.data.tokenizer import tokenizer
from tunesmith.errors import InputError, Unready
from tunesmith.recipe import Recipe
from tunesmith.records import Dropped, Example, Extra
from tunesmith.sampling import Largest, fraction
from tunesmith.settings import Settings
from tunesmith.stages.score import CHECKS, Check, ScoreParams, check, score
from tunesmith.statistics import BinaryComparison, Interval, compare_binary, proportion
from tunesmith.wording import counted

CONFIDENCE = 0.9
_SALT = "calibrate"
_NAMED = 5


class Label(msgspec.Struct, frozen=True):
    """One line of a file of labels; `good` is null until somebody has said."""

    row_id: str = ""
    source: str = ""
    good: bool | None = None


class Judged(NamedTuple):
    """A labelled row: what it fails, what the present score does, and what a person said."""

    row_id: str
    group_id: str
    failed: frozenset[Check]
    kept: bool
    good: bool


# The file to label


def draw(path: Path, settings: Settings, size: int, out: Path) -> str:
    """Write rows to label, of every quality and every reason of the score's drops.

    The file does not tell how a row scored: who reads it must judge by the text alone.

    Raises:
        InputError: when the file is there already, or cannot be written.
        Unready: when the data stages do not come as far as the score.
    """
    recipe = recipes.load(path, training=False)
    built = _build(recipe, settings, "score")
    strata: dict[str, Largest[Example]] = {}
    for name, row in _strata(built):
        found = strata.setdefault(name, Largest(size))
        found.add((fraction(row.source, _SALT), row.source), row)
    drawn = _in_turns([found.items() for _, found in sorted(strata.items())], size)
    lines = [_to_label(row) for row in sorted(drawn, key=lambda row: fraction(row.source, _SALT))]
    try:
        with out.open("x", encoding="utf-8") as file:
            file.writelines(lines)
    except FileExistsError:
        raise InputError(
            f"{out}: is there already, perhaps with labels; give another name"
        ) from None
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    return (
        f"{out}: {counted(len(lines), 'row')} from {len(strata)} strata of quality. Set good to "
        f"true or false in each, then: tunesmith calibrate {path} {out}"
    )


def _build(recipe: Recipe, settings: Settings, last: str) -> Built:
    built = build(recipe, retrains.sources(recipe, settings), settings.store(), last)
    if built.stopped:
        raise Unready(built.stopped)
    return built


def _strata(built: Built) -> Iterator[tuple[str, Example]]:
    """Yield the rows whose fate hangs on the quality, each with its stratum."""
    ref = next(ref for stage, ref in built.parts if stage == "score")
    for row in built.store.rows(ref, Example):
        yield f"kept {row.quality or 0:.1f}", row
    for dropped in built.store.dropped(ref):
        if dropped.reason in CHECKS and not isinstance(dropped.row, str):
            yield f"dropped {dropped.reason}", dropped.row


def _in_turns(strata: Sequence[Sequence[Example]], size: int) -> list[Example]:
    """Take a row of each stratum in turn, so that small ones are not lost."""
    longest = max((len(rows) for rows in strata), default=0)
    turns = [rows[at] for at in range(longest) for rows in strata if at < len(rows)]
    return turns[:size]


def _to_label(row: Example) -> str:
    shown = {
        "row_id": row.row_id,
        "source": row.source,
        "input": row.input_text,
        "answer": row.answer,
        "good": None,
    }
    return json.dumps(shown, ensure_ascii=False) + "\n"


# The fit


def calibrate(path: Path, settings: Settings, labels: Path) -> str:
    """Say how well the score agrees with labels, and which weights would agree better.

    Raises:
        InputError: when a label is wrong, names an unknown row, or there are too few.
        Unready: when the data stages do not come as far as the score.
    """
    recipe = recipes.load(path, training=False)
    wanted = read_labels(labels)
    built = _build(recipe, settings, "validate")
    if built.base is None:
        raise RuntimeError("validate is built after the base")
    text = (built.store.path(built.base) / "tokenizer.json").read_text("utf-8")
    rows = list(_judged(built, wanted, labels, recipe.score, text))
    return "\n".join(_report(recipe.score, rows))


def read_labels(path: Path) -> dict[str, tuple[int, bool]]:
    """Read labels: by row id or source, the line and whether the row is good.

    Raises:
        InputError: with the line that is wrong, or when no row is labelled.
    """
    decoder = msgspec.json.Decoder(Label)
    labels: dict[str, tuple[int, bool]] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f'{path} line {number}: {error}; expected {{"row_id": …, "good": true or false}}'
            ) from error
        name = label.row_id or label.source
        if not name:
            raise InputError(f"{path} line {number}: has neither row_id nor source")
        if label.good is None:
            continue
        if name in labels and labels[name][1] != label.good:
            raise InputError(
                f"{path} line {number}: {name} is called {_word(label.good)}, but line "
                f"{labels[name][0]} calls it {_word(labels[name][1])}; keep one of them"
            )
        labels.setdefault(name, (number, label.good))
    if not labels:
        raise InputError(f"{path}: no row is labelled; set good to true or false in its lines")
    return labels


def _word(good: bool) -> str:
    return "good" if good else "bad"


def _judged(
    built: Built,
    labels: Mapping[str, tuple[int, bool]],
    path: Path,
    params: ScoreParams,
    text: str,
) -> Iterator[Judged]:
    """Score the labelled rows.

    Raises:
        InputError: when a label names a row that does not reach the score.
    """
    tokens = tokenizer(text)
    asking = params.model_copy(update={"weights": dict.fromkeys(CHECKS, 1.0)})
    left = dict(labels)
    validated = next(ref for stage, ref in built.parts if stage == "validate")
    for row in built.store.rows(validated, Example):
        found = left.pop(row.row_id, None) or left.pop(row.source, None)
        if found is None:
            continue
        judged = next(iter(score([row], params, tokens)))
        judged = judged.row if isinstance(judged, Extra) else judged
        failed = frozenset(check(row, asking, tokens))
        yield Judged(row.row_id, row.group_id, failed, not isinstance(judged, Dropped), found[1])
    if left:
        named = ", ".join(f"{name} (line {line})" for name, (line, _) in [*left.items()][:_NAMED])
        raise InputError(
            f"{path}: {counted(len(left), 'label')} name no row that reaches score: {named}. "
            "Expected a row_id or source as `tunesmith calibrate --sample` writes them"
        )


def _report(params: ScoreParams, rows: Sequence[Judged]) -> Iterator[str]:
    good = sum(row.good for row in rows)
    yield f"{counted(len(rows), 'labelled row')}: {good} good, {len(rows) - good} bad"
    free = [name for name in CHECKS if name not in params.required]
    required = [row for row in rows if row.failed & set(params.required)]
    if required:
        bad = sum(not row.good for row in required)
        yield from textwrap.wrap(
            f"{len(required)} of them fail a required check ({', '.join(params.required)}), which "
            f"drops them whatever the weights; people call {bad} of them bad.",
            WIDTH,
        )
    open_rows = [row for row in rows if not row.failed & set(params.required)]
    if not any(row.failed & set(free) for row in open_rows):
        yield "No other row fails a check that has a weight: there is nothing to fit."
        return
    try:
        fitted = fit(
            {row.row_id: row.failed for row in open_rows},
            {row.row_id: row.good for row in open_rows},
            free,
        )
    except InputError as error:
        if not required:
            raise
        raise InputError(
            f"{counted(len(rows), 'labelled row')}, of which a required check "
            f"({', '.join(params.required)}) drops {len(required):,} whatever the weights. Of the "
            f"others: {error}"
        ) from error
    present = proportion(sum(row.kept == row.good for row in open_rows), len(open_rows), CONFIDENCE)
    after = proportion(sum(fitted.agrees.values()), fitted.rows, CONFIDENCE)
    change = compare_binary(
        [fitted.agrees[row.row_id] for row in open_rows],
        [row.kept == row.good for row in open_rows],
        [row.group_id for row in open_rows],
    )
    yield from _agreements(present, after, fitted)
    yield from _change(change)
    yield from _checks(params, fitted, open_rows)
    yield from _advice(params, fitted, change)


def _agreements(present: Interval, after: Interval, fitted: Calibration) -> Iterator[str]:
    yield ""
    head = f"agreement with the labels, on {counted(fitted.rows, 'row')}"
    yield f"{head:<48}{CONFIDENCE:.0%} interval"
    for name, interval in (("present score", present), ("fitted, on rows left out", after)):
        yield f"  {name:<32}{interval.estimate:>6.2f}{interval.low:>10.2f} to {interval.high:.2f}"
    yield f"  {'calling every row the same':<32}{fitted.constant:>6.2f}"
    yield "(of the labelled rows; --sample draws them evenly over qualities, not as they come)"


def _change(change: BinaryComparison) -> Iterator[str]:
    """Say by how much the fitted weights agree better, row against row.

    The folds share most of their training rows, so the interval is exact for given weights only.
    """
    found = change.interval(CONFIDENCE)
    smallest = change.smallest_effect((1 - CONFIDENCE) / 2)
    groups = "" if found.clusters == found.n else f" in {counted(found.clusters, 'group')}"
    yield ""
    yield from textwrap.wrap(
        f"fitted against present, on the same {counted(found.n, 'row')}{groups}: "
        f"{found.estimate:+.2f} [{found.low:+.2f}, {found.high:+.2f}]; {change.wins} rows are only "
        f"judged right by the fitted weights, {change.losses} only by the present ones. The "
        f"smallest gain that so many would show with a power of 80% is {smallest:+.2f}.",
        WIDTH,
    )


def _checks(params: ScoreParams, fitted: Calibration, rows: Sequence[Judged]) -> Iterator[str]:
    whole = sum(params.weights.values())
    yield ""
    yield f"{'':<16}{'present':>9}{'fitted':>9}   rows that fail it"
    for name, weight in fitted.weights.items():
        failing = [row for row in rows if name in row.failed]
        bad = sum(not row.good for row in failing)
        told = f"{len(failing)}, of which {bad} bad" if failing else "none"
        present = params.weights.get(name, 0) / whole  # type: ignore[call-overload]
        yield f"{name:<16}{present:>9.2f}{weight:>9.2f}   {told}"
    yield f"{'minimum':<16}{params.minimum:>9.3g}{fitted.minimum:>9.3g}"


def _advice(params: ScoreParams, fitted: Calibration, change: BinaryComparison) -> Iterator[str]:
    yield ""
    if not any(fitted.weights.values()):
        yield "No check tells good rows from bad ones here: keep the weights as they are."
        return
    if change.estimate <= 0:
        yield "The fitted weights agree no better than the present ones: keep those."
    elif change.interval(CONFIDENCE).low <= 0:
        yield "The sample is too small to tell the two apart: label more rows first."
    else:
        yield "The fitted weights agree better than the present ones. In the recipe:"
    weights: dict[str, Any] = dict(fitted.weights)
    weights |= {name: params.weights[name] for name in params.required if name in params.weights}
    pasted = {"score": {"weights": weights, "minimum": fitted.minimum}}
    yield ""
    yield yaml.safe_dump(pasted, sort_keys=False).rstrip()
