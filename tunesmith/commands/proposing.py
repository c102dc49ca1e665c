"""Preference pairs that a judge proposes, in a file for a person to review.

A line has the shape `preference` and says that a model wrote it; `ingest` drops it until
`reviewed_by` names somebody. What is asked on test or golden is refused: these rows never train.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tunesmith.artifacts import Scores
from tunesmith.commands.evaluated import Evaluation
from tunesmith.errors import InputError, RecipeError, Unready
from tunesmith.evaluation.judge import propose
from tunesmith.recipe import Recipe
from tunesmith.records import Example, Prediction, PreferenceExample, Score
from tunesmith.reporting.judge_view import identities
from tunesmith.store import Store
from tunesmith.wording import counted


def check_proposing(where: str, out: Path) -> None:
    """Refuse before anything is asked what could not be written, or never be used.

    Raises:
        RecipeError: the set never enters training.
        InputError: the file is there already.
    """
    if where in ("test", "golden"):
        raise RecipeError(
            f"--propose: rows of {where} never enter training; expected --on with a file of others"
        )
    if out.exists():
        raise InputError(f"{out}: is there already, perhaps reviewed; give another name")


def write_pairs(
    recipe: Recipe,
    store: Store,
    one: Evaluation,
    other: Evaluation,
    preferred: Scores,
    out: Path,
) -> str:
    """Write a pair for every example that the judge chose an answer for.

    Raises:
        Unready: the judge chose none.
        InputError: the file is there already, or cannot be written.
    """
    lines = [_line(pair, recipe.ingest.group_by) for pair in _pairs(store, one, other, preferred)]
    if not lines:
        raise Unready("the judge chose no answer over another: there is nothing to propose")
    try:
        # Its rows are as private as those of the store.
        made = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(made, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    except FileExistsError:
        raise InputError(f"{out}: is there already, perhaps reviewed; give another name") from None
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    return (
        f"{out}: {counted(len(lines), 'pair')} to review. Put your name into reviewed_by of those "
        "that are right, and name the file as a source with origin: model; the others are dropped"
    )


def _pairs(
    store: Store, one: Evaluation, other: Evaluation, preferred: Scores
) -> Iterator[PreferenceExample]:
    rows = {row.row_id: row for row in store.rows(one.examples, Example)}
    first, second = (
        {answer.row_id: answer.output for answer in store.rows(made.predictions, Prediction)}
        for made in (one, other)
    )
    scores = list(store.rows(preferred, Score))
    return propose(
        [rows[score.row_id] for score in scores],
        [first[score.row_id] for score in scores],
        [second[score.row_id] for score in scores],
        scores,
        identities(store, preferred)["pairwise"],
    )


def _line(pair: PreferenceExample, group_by: str | None) -> dict[str, Any]:
    group = (
        {}
        if group_by is None or group_by not in pair.metadata
        else {group_by: pair.metadata[group_by]}
    )
    return {
        "prompt": msgspec.to_builtins(pair.prompt),
        "chosen": pair.chosen,
        "rejected": pair.rejected,
        "origin": pair.origin,
        "reviewed_by": None,
        "reviewed_at": None,
        **group,
        "proposed_by": pair.metadata["proposed_by"],
        "judge_prompt": pair.metadata["judge_prompt"],
        "why": pair.metadata["why"],
        "of_row": pair.metadata["row_id"],
    }
