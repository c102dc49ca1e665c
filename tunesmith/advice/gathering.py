"""Read from a store what advice rests on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tunesmith.advice.factors import Facts, Measured
from tunesmith.advice.failures import Judged, Sorted, Standard, sort_failures
from tunesmith.advice.method import Case
from tunesmith.advice.target import ALPHA, Reached, reaches_target
from tunesmith.advice.training import ROWS, Training, unknown_words
from tunesmith.advice.use import UseParams
from tunesmith.artifacts import Examples, Mixture, Predictions, Ref, Scores, Split
from tunesmith.data.surveys.formats import PLAIN
from tunesmith.records import Example, Prediction, Score
from tunesmith.sampling import fraction
from tunesmith.stages.evaluate import EvaluateParams, settings_of
from tunesmith.store import Store

_SALT = "advice"


class Measurement(NamedTuple):
    """The prompt baseline on one set."""

    examples: Examples
    predictions: Predictions
    scores: Scores


class Asked(NamedTuple):
    """What the recipe says about the advice."""

    use: UseParams
    evaluate: EvaluateParams
    target: float | None
    alpha: float = ALPHA


def gather(
    store: Store,
    asked: Asked,
    mixture: Mixture | None,
    split: Split | None,
    baseline: Mapping[str, Measurement],
    retrieved: Scores | None = None,
) -> Case:
    """Return all that is known; what the store does not have yet is unknown.

    Args:
        store: The store.
        asked: What the recipe says.
        mixture: What training reads.
        split: The sides of the data.
        baseline: The prompt baseline's measurement on "test", "golden" or both.
        retrieved: Scores on test of the base with passages of the recipe's documents.
    """
    rows = _sampled(store, split)
    judged = _judged(store, baseline)
    failures: Sorted | None = None
    if judged:
        examples = [one.example for one in judged]
        labels = settings_of(asked.evaluate, examples).labels
        standard = Standard(asked.evaluate.primary, asked.target, labels)
        failures = sort_failures(judged, standard, Training(rows))
    return Case(
        facts=_facts(store, asked.use, mixture, split, rows, judged),
        failures=failures,
        reached=_reached(asked, [one.score for one in judged]),
        retrieved=_reached(asked, list(store.rows(retrieved, Score)) if retrieved else []),
    )


def _reached(asked: Asked, scores: Sequence[Score]) -> Reached | None:
    if asked.target is not None and not scores:
        return None
    return reaches_target(scores, asked.target, asked.evaluate.primary, asked.alpha)


def _sampled(store: Store, split: Split | None) -> list[Example]:
    """Return about `ROWS` of the rows to train on, chosen by hash."""
    if split is None:
        return []
    share = ROWS / max(split.train.rows, 1)
    rows: Iterable[Example] = store.rows(split.train, Example)
    return [row for row in rows if fraction(row.row_id, _SALT) < share]


def _judged(store: Store, baseline: Mapping[str, Measurement]) -> list[Judged]:
    """Return the answers on the test set, or on golden where only that was measured.

    Shares are of one set, not of two put together; and to look at golden wears it out.
    """
    where = next((name for name in ("test", "golden") if name in baseline), None)
    if where is None:
        return []
    measured = baseline[where]
    scores = {row.row_id: row for row in store.rows(measured.scores, Score)}
    predictions = {row.row_id: row for row in store.rows(measured.predictions, Prediction)}
    return [
        Judged(row, predictions[row.row_id], scores[row.row_id], where)
        for row in store.rows(measured.examples, Example)
        if row.row_id in scores and row.row_id in predictions
    ]


def _facts(
    store: Store,
    use: UseParams,
    mixture: Mixture | None,
    split: Split | None,
    rows: Sequence[Example],
    judged: Sequence[Judged],
) -> Facts:
    document = store.json(mixture, "mixture.json") if mixture is not None else {}
    surveys = document.get("surveys", {})
    own = document.get("parts", {}).get("task")
    read_at = "" if mixture is None else _at(mixture)
    words = unknown_words(rows) if rows else None
    at = "" if split is None else f"{_at(split.train)}, {len(rows)} rows"
    examples = Measured(own["rows"], read_at) if own else None
    if examples is None and split is not None:
        examples = Measured(split.train.rows, _at(split.train))
    return Facts(
        use=use,
        examples=examples,
        tokens=Measured(own["tokens"], read_at) if own else None,
        prompt_tokens=_prompt(judged) or _asked(surveys, read_at),
        form=_form(surveys, read_at),
        unknown_words=None if words is None else Measured(words, at),
        preferences=_preferences(surveys, read_at),
    )


def _at(ref: Ref) -> str:
    return f"{ref.kind} {ref.short}"


def _prompt(judged: Sequence[Judged]) -> Measured | None:
    """Return the median length of the baseline's prompts, with their shots and the template."""
    lengths = sorted(one.prediction.prompt_tokens for one in judged)
    if not lengths:
        return None
    return Measured(lengths[len(lengths) // 2], "median of the prompt baseline, shots included")


def _asked(surveys: Mapping[str, Any], at: str) -> Measured | None:
    median = surveys.get("lengths", {}).get("prompt", {}).get("median")
    return None if median is None else Measured(median, f"{at}, median without shots")


def _form(surveys: Mapping[str, Any], at: str) -> Measured | None:
    """Return the share of the most frequent form; running text is none, and a label is one."""
    if surveys.get("labels"):
        return Measured(1.0, f"{at}, labels")
    formats = surveys.get("formats", {})
    if not formats.get("rows"):
        return None
    shares = (
        item["share"]
        for item in formats["skeletons"]
        if set(item["form"].split(" / ")) - {PLAIN, ""}
    )
    return Measured(max(shares, default=0.0), at)


def _preferences(surveys: Mapping[str, Any], at: str) -> Measured | None:
    types = surveys.get("schema", {}).get("type")
    return None if types is None else Measured(types.get("preference", 0.0), at)
