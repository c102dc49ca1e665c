"""Test examples side by side: what went in, what each model answered, the reference.

Only a few, and chosen by a rule that nobody can bend: the largest changes from base to
candidate, for better and for worse alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.evaluation.metrics import YES_NO
from tunesmith.pipeline import Result
from tunesmith.records import ChatExample, Example, Message, Prediction, Score
from tunesmith.reporting.before_after import NAMES
from tunesmith.store import Store

SHOWN = 10
LONGEST = 4000
"""Characters of a text that are shown."""

HOW_CHOSEN = (
    f"The {SHOWN} test examples that changed most from base to candidate: first by how many "
    "yes/no metrics turned, those that got worse before those that got better, then by the sum "
    "of the other metrics' differences, each counted at most 1, then by row id."
)


@dataclass(frozen=True)
class Text:
    """A text to show: whose it is, and what its metrics say of it.

    `cut` is how many characters at the end are not shown; `evidence` why a metric said no.
    """

    who: str
    text: str
    cut: int
    answered: tuple[tuple[str, bool], ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One test example with everybody's answer to it."""

    row_id: str
    change: str
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Tally:
    """How many test examples one yes/no metric turned from base to candidate."""

    metric: str
    better: int
    worse: int
    same: int


def tallies(before: Mapping[str, Score], after: Mapping[str, Score]) -> list[Tally]:
    """Count for each yes/no metric how many examples got better, worse, or stayed."""
    found = []
    names = dict.fromkeys(name for score in after.values() for name in score.values)
    for metric in names:
        if metric not in YES_NO:
            continue
        pairs = [
            (before[row_id].values.get(metric), score.values.get(metric))
            for row_id, score in after.items()
        ]
        both = [(old, new) for old, new in pairs if old is not None and new is not None]
        better, worse = sum(n > o for o, n in both), sum(n < o for o, n in both)
        found.append(Tally(metric, better, worse, len(both) - better - worse))
    return found


def largest_changes(
    before: Mapping[str, Score], after: Mapping[str, Score], count: int = SHOWN
) -> list[str]:
    """Return the ids of the rows that changed most, as `HOW_CHOSEN` says."""

    def place(row_id: str) -> tuple[int, int, float, str]:
        better, worse, other = _turned(before[row_id], after[row_id])
        return -(better + worse), -worse, -round(other, 9), row_id

    return sorted((row_id for row_id in after if row_id in before), key=place)[:count]


def _turned(before: Score, after: Score) -> tuple[int, int, float]:
    """Count the yes/no metrics that turned to yes and to no; add up the other differences."""
    better = worse = 0
    other = 0.0
    for metric, new in after.values.items():
        old = before.values.get(metric)
        if old is None or new is None:
            continue
        if metric in YES_NO:
            better, worse = better + (new > old), worse + (new < old)
        else:
            other += min(abs(new - old), 1.0)
    return better, worse, other


def scores_by_row(store: Store, result: Result, name: str) -> dict[str, Score]:
    """Return the scores of somebody somewhere, as in "base test", by row id."""
    rows = store.rows(result.measured[name].scores, Score)
    return {score.row_id: score for score in rows}


def comparisons(store: Store, result: Result) -> list[Comparison]:
    """Return the test examples that changed most, with everybody's answers.

    Empty where no candidate was measured.

    Raises:
        MissingArtifact: when an artifact is missing or damaged.
    """
    if "candidate test" not in result.measured:
        return []
    who = [name for name in NAMES if f"{name} test" in result.measured]
    scores = {name: scores_by_row(store, result, f"{name} test") for name in who}
    wanted = largest_changes(scores["base"], scores["candidate"])
    chosen = frozenset(wanted)
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
    made = []
    for row_id in wanted:
        texts = [_shown("what went in", _asked(rows[row_id]))]
        texts += [
            _answer(NAMES[name], answers[name][row_id].output, scores[name][row_id]) for name in who
        ]
        texts.append(_shown("reference", _reference(rows[row_id])))
        change = _change(scores["base"][row_id], scores["candidate"][row_id])
        made.append(Comparison(row_id, change, tuple(texts)))
    return made


def _asked(row: Example) -> str:
    if not isinstance(row, ChatExample):
        return ""
    return "\n\n".join(_turn(message) for message in row.prompt if message.role != "system")


def _turn(message: Message) -> str:
    return message.content if message.role == "user" else f"{message.role}: {message.content}"


def _reference(row: Example) -> str:
    return row.answer if isinstance(row, ChatExample) else ""


def _answer(who: str, output: str, score: Score) -> Text:
    answered = tuple(
        (metric, value == 1.0)
        for metric, value in score.values.items()
        if metric in YES_NO and value is not None
    )
    evidence = tuple(
        f"{metric}: {score.evidence[metric]}"[:300]
        for metric, yes in answered
        if not yes and metric in score.evidence
    )
    return _shown(who, output, answered, evidence)


def _shown(
    who: str,
    text: str,
    answered: tuple[tuple[str, bool], ...] = (),
    evidence: tuple[str, ...] = (),
) -> Text:
    return Text(who, text[:LONGEST], max(len(text) - LONGEST, 0), answered, evidence)


def _change(before: Score, after: Score) -> str:
    turned = [
        f"{metric} {'gained' if (new or 0) > (old or 0) else 'lost'}"
        for metric, new in after.values.items()
        if metric in YES_NO
        and (old := before.values.get(metric)) is not None
        and new is not None
        and new != old
    ]
    return ", ".join(turned) or "no yes/no metric turned"


def tally(store: Store, result: Result) -> list[Tally]:
    """Return the tallies of the test examples; empty where no candidate was measured."""
    if "candidate test" not in result.measured:
        return []
    before = scores_by_row(store, result, "base test")
    return tallies(before, scores_by_row(store, result, "candidate test"))
