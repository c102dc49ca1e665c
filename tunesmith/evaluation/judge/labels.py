"""Answers that people labelled, to hold a judge against.

A file of JSON lines, one answer a line:

    {"input": "…", "answer": "…", "reference": "…", "score": 4, "consistent": true}

`score` is a whole number on the rubric's scale; `consistent` says whether the input supports all
that the answer states. One of the two is enough, and what is null nobody has said yet. A judge's
list of claims counts as consistent where it supports every one.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tunesmith.errors import InputError
from tunesmith.evaluation.judge.agreement import Agreement, agreement
from tunesmith.evaluation.judge.rubric import Scale
from tunesmith.evaluation.metrics.judged import FACTS, RUBRIC
from tunesmith.records import Score, row_id

CONSISTENT = ("no", "yes")
"""Labels of `consistent`."""


class Labelled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a file of labels."""

    input: str
    answer: str
    reference: str | None = None
    score: int | None = None
    consistent: bool | None = None

    @property
    def row_id(self) -> str:
        """What tells the answer from others."""
        return row_id([self.input, self.answer, self.reference])

    def value(self, metric: str, scale: Scale) -> float | None:
        """Return what people said of the answer, on the metric's scale; None where nothing."""
        if metric == FACTS:
            return None if self.consistent is None else float(self.consistent)
        return None if self.score is None else scale.share(self.score)


def by_people(metric: str) -> str:
    """Return what a metric is called where people measured it."""
    return f"{metric}_by_people"


def read_labels(path: Path, scale: Scale) -> list[Labelled]:
    """Read labelled answers; those that nobody has labelled yet are left out.

    Raises:
        InputError: with the line that is wrong, or when nothing is labelled.
    """
    decoder = msgspec.json.Decoder(Labelled)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    found: dict[str, tuple[int, Labelled]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            label = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f'{path} line {number}: {error}; expected {{"input": …, "answer": …, "score": …, '
                '"consistent": true or false}'
            ) from error
        if label.score is not None and label.score not in scale.scores:
            raise InputError(
                f"{path} line {number}: score {label.score}; expected a whole number from "
                f"{scale.lowest} to {scale.highest}, the scale of the rubric"
            )
        if label.score is None and label.consistent is None:
            continue
        first, known = found.setdefault(label.row_id, (number, label))
        if known != label:
            raise InputError(
                f"{path} line {number}: the answer of line {first}, labelled otherwise; keep one"
            )
    if not found:
        raise InputError(f"{path}: nothing is labelled; set score or consistent in its lines")
    return [label for _, label in found.values()]


def agreements(scores: Sequence[Score], scale: Scale) -> dict[str, Agreement]:
    """Hold a judge against people on each metric that both measured.

    Args:
        scores: As the stage `judge` writes them of a file of labels.
        scale: Of the rubric.

    Raises:
        Unready: the judge gave not one verdict on what people labelled.
    """
    found: dict[str, Agreement] = {}
    for metric, labels in ((RUBRIC, scale.scores), (FACTS, list(CONSISTENT))):
        pairs = [
            (row.values[metric], people)
            for row in scores
            if (people := row.values.get(by_people(metric))) is not None
        ]
        if pairs:
            places = len(labels) - 1
            judge = [
                # Of facts, only the whole counts: one claim without support is enough for a no.
                None if ours is None else labels[int(ours * places + (metric == RUBRIC) / 2)]
                for ours, _ in pairs
            ]
            said = [labels[round(theirs * places)] for _, theirs in pairs]
            found[metric] = agreement(judge, said, labels)
    return found
