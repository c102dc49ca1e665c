"""Test examples side by side: what went in, what each model answered, the reference.

Only a few, and chosen by a rule that nobody can bend: the changes that were best and those that
were worst, from what the candidate would replace to the candidate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.evaluation.metrics import spec
from tunesmith.pipeline import Result
from tunesmith.records import Example, Message, Prediction, Score
from tunesmith.reporting.before_after import NAMES, in_order
from tunesmith.store import Store

SHOWN = 10
"""Examples of each end."""
LONGEST = 4000
"""Characters of a text that are shown."""
TO_REPLACE = ("champion", "prompt_baseline", "base")
"""What the candidate is set against: the first of these that was measured."""

HOW_CHOSEN = (
    "An example's change is, first, that of the primary metric; then how many other yes/no "
    "metrics turned to yes less those that turned to no; then the sum of the other metrics' gains, "
    "each counted at most 1; then the row id decides. A metric without a better way counts nothing."
)


@dataclass(frozen=True)
class Told:
    """One metric of one answer, as it is shown.

    `good` is whether a yes/no metric said yes; None where it is no such metric.
    """

    metric: str
    value: str
    good: bool | None


@dataclass(frozen=True)
class Text:
    """A text to show: whose it is, and what its metrics say of it.

    `cut` is how many characters at the end are not shown; `evidence` why a metric said no.
    """

    who: str
    text: str
    cut: int
    told: tuple[Told, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One test example with everybody's answer to it; `change` says which metrics moved."""

    row_id: str
    change: str
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Changes:
    """The ends of the list of changes.

    Attributes:
        against: Who the candidate is set against.
        worst: The worst first; only examples that got worse.
        best: The best first; only examples that got better.
        worse: How many examples got worse in all.
        better: How many got better in all.
        same: How many did neither.
    """

    against: str
    worst: tuple[Comparison, ...]
    best: tuple[Comparison, ...]
    worse: int
    better: int
    same: int


@dataclass(frozen=True)
class Tally:
    """How many test examples one metric moved: to better, to worse, or not."""

    metric: str
    better: int
    worse: int
    same: int


Change = tuple[float, int, float]
"""How much better an answer got: on the primary metric, in yes/no metrics, in the others."""


def gain(metric: str, before: float | None, after: float | None) -> float:
    """Return how much better a value got; 0 where the metric has no better way or no value."""
    way = {"higher": 1.0, "lower": -1.0, "neither": 0.0}[spec(metric).better]
    if before is None or after is None or not way:
        return 0.0
    return round(way * (after - before), 9)


def change(before: Score, after: Score, primary: str) -> Change:
    """Return how much better one answer got, as `HOW_CHOSEN` says; it sorts by importance."""
    turned, other = 0, 0.0
    for metric in in_order(after.values.keys() - {primary}):
        gained = gain(metric, before.values.get(metric), after.values.get(metric))
        if spec(metric).kind == "yes_no":
            turned += (gained > 0) - (gained < 0)
        else:
            other += max(-1.0, min(gained, 1.0))
    first = gain(primary, before.values.get(primary), after.values.get(primary))
    return first, turned, round(other, 9)


def ends(
    before: Mapping[str, Score], after: Mapping[str, Score], primary: str
) -> tuple[list[str], list[str], int]:
    """Return the ids of the rows that got worse and of those that got better; count the rest.

    The largest change comes first in each.
    """
    changes = {row_id: change(before[row_id], after[row_id], primary) for row_id in after}
    still = (0.0, 0, 0.0)
    worse = sorted((found, row_id) for row_id, found in changes.items() if found < still)
    better = [(found, row_id) for row_id, found in changes.items() if found > still]
    better.sort(key=lambda item: (tuple(-part for part in item[0]), item[1]))
    rest = len(changes) - len(worse) - len(better)
    return [row_id for _, row_id in worse], [row_id for _, row_id in better], rest


def tallies(before: Mapping[str, Score], after: Mapping[str, Score]) -> list[Tally]:
    """Count for each metric with a better way how many examples it moved, and where to."""
    found = []
    for metric in in_order({name for score in after.values() for name in score.values}):
        if not spec(metric).decides:
            continue
        gains = [
            gain(metric, before[row_id].values[metric], value)
            for row_id, score in after.items()
            if (value := score.values.get(metric)) is not None
            and before[row_id].values.get(metric) is not None
        ]
        better, worse = sum(item > 0 for item in gains), sum(item < 0 for item in gains)
        found.append(Tally(metric, better, worse, len(gains) - better - worse))
    return found


def to_replace(result: Result) -> str | None:
    """Return who the candidate is set against; None where no candidate was measured."""
    if "candidate test" not in result.measured:
        return None
    return next(name for name in TO_REPLACE if f"{name} test" in result.measured)


def scores_by_row(store: Store, result: Result, name: str) -> dict[str, Score]:
    """Return the scores of somebody somewhere, as in "base test", by row id."""
    rows = store.rows(result.measured[name].scores, Score)
    return {score.row_id: score for score in rows}


def comparisons(store: Store, result: Result, primary: str) -> Changes | None:
    """Return the test examples that changed for the worst and for the best, with all answers.

    None where no candidate was measured.

    Raises:
        MissingArtifact: when an artifact is missing or damaged.
    """
    against = to_replace(result)
    if against is None:
        return None
    who = [name for name in NAMES if f"{name} test" in result.measured]
    scores = {name: scores_by_row(store, result, f"{name} test") for name in who}
    worse, better, same = ends(scores[against], scores["candidate"], primary)
    chosen = frozenset((*worse[:SHOWN], *better[:SHOWN]))
    answers = {
        name: {
            row.row_id: row
            for row in store.rows(result.measured[f"{name} test"].predictions, Prediction)
            if row.row_id in chosen
        }
        for name in who
    }
    rows = {
        row.row_id: row for row in store.rows(result.split.test, Example) if row.row_id in chosen
    }

    def compared(row_id: str) -> Comparison:
        # The two that are set against each other stand side by side, after what they answer.
        shown = [
            against,
            "candidate",
            *(name for name in who if name not in (against, "candidate")),
        ]
        texts = [_shown("what went in", _asked(rows[row_id]))]
        texts.append(_shown("reference", rows[row_id].answer))
        texts += [
            _answer(NAMES[name], answers[name][row_id].output, scores[name][row_id])
            for name in shown
        ]
        moved = _moved(scores[against][row_id], scores["candidate"][row_id], primary)
        return Comparison(row_id, moved, tuple(texts))

    return Changes(
        against=against,
        worst=tuple(map(compared, worse[:SHOWN])),
        best=tuple(map(compared, better[:SHOWN])),
        worse=len(worse),
        better=len(better),
        same=same,
    )


def _asked(row: Example) -> str:
    return "\n\n".join(_turn(message) for message in row.prompt if message.role != "system")


def _turn(message: Message) -> str:
    return message.content if message.role == "user" else f"{message.role}: {message.content}"


def _answer(who: str, output: str, score: Score) -> Text:
    told = tuple(
        Told(metric, *_value(metric, value))
        for metric in in_order(score.values.keys())
        if (value := score.values[metric]) is not None
    )
    evidence = tuple(
        f"{item.metric}: {score.evidence[item.metric]}"[:300]
        for item in told
        if item.good is False and item.metric in score.evidence
    )
    return _shown(who, output, told, evidence)


def _value(metric: str, value: float) -> tuple[str, bool | None]:
    if spec(metric).kind == "yes_no":
        return ("yes", True) if value == 1.0 else ("no", False)
    return f"{value:.3g}", None


def _shown(
    who: str, text: str, told: tuple[Told, ...] = (), evidence: tuple[str, ...] = ()
) -> Text:
    return Text(who, text[:LONGEST], max(len(text) - LONGEST, 0), told, evidence)


def _moved(before: Score, after: Score, primary: str) -> str:
    """Say which metrics moved, the primary first; numbers with both values."""
    names = [primary, *(name for name in in_order(after.values.keys()) if name != primary)]
    said = []
    for metric in names:
        old, new = before.values.get(metric), after.values.get(metric)
        if old is None or new is None or not gain(metric, old, new):
            continue
        if spec(metric).kind == "yes_no":
            said.append(f"{metric} {'gained' if new > old else 'lost'}")
        else:
            said.append(f"{metric} {old:.3g} → {new:.3g}")
    return ", ".join(said)


def tally(store: Store, result: Result) -> list[Tally]:
    """Return the tallies of the test examples; empty where no candidate was measured."""
    against = to_replace(result)
    if against is None:
        return []
    before = scores_by_row(store, result, f"{against} test")
    return tallies(before, scores_by_row(store, result, "candidate test"))
