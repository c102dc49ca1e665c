"""Gather what advice rests on, from artifacts that a store or a stage reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pydantic import Field

from tunesmith.advice.factors import Facts, Measured
from tunesmith.advice.failures import Judged, Sorted, Standard, sort_failures
from tunesmith.advice.method import Case
from tunesmith.advice.target import ALPHA, Reached, reaches_target
from tunesmith.advice.training import ROWS, Training, unknown_words
from tunesmith.advice.use import UseParams
from tunesmith.artifacts import Mixture, Predictions, Ref, Scores, Split
from tunesmith.data.surveys.formats import PLAIN
from tunesmith.records import Example, LabelExample, Prediction, Score
from tunesmith.sampling import fraction
from tunesmith.stage import Params

_SALT = "advice"


class Asked(Params):
    """What the recipe says about the advice."""

    use: UseParams = Field(UseParams(), description="How the model is used.")
    primary: str = Field(description="The primary metric.")
    labels: tuple[str, ...] = Field(
        (), description="Labels that an answer may be; those of the labelled rows by default."
    )
    target: float | None = Field(None, description="Value of the primary metric that is enough.")
    alpha: float = Field(
        ALPHA, gt=0, lt=0.5, description="Chance of calling a target reached that is not."
    )


class Given(NamedTuple):
    """What has been built; None where it has not been yet."""

    mixture: Mixture | None = None
    split: Split | None = None
    predictions: Predictions | None = None
    """The prompt baseline's answers to the test examples."""
    scores: Scores | None = None
    """Their scores."""
    retrieved: Scores | None = None
    """On test, of the base with passages of the recipe's documents."""


class Reader(Protocol):
    """Reads artifacts."""

    def rows(self, ref: Ref, row_type: Any) -> Iterator[Any]:
        """Read the kept rows of an artifact, in order."""

    def json(self, ref: Ref, name: str) -> Any:
        """Read a JSON document of an artifact."""


def gather(reader: Reader, asked: Asked, given: Given) -> Case:
    """Return all that is known; what has not been built yet is unknown."""
    rows = _sampled(reader, given.split)
    judged = _judged(reader, given)
    failures: Sorted | None = None
    if judged:
        labels = asked.labels or _labels(one.example for one in judged)
        standard = Standard(asked.primary, asked.target, labels)
        failures = sort_failures(judged, standard, Training(rows))
    return Case(
        facts=_facts(reader, asked.use, given, rows, judged),
        failures=failures,
        reached=_reached(asked, [one.score for one in judged]),
        retrieved=None
        if given.retrieved is None
        else _reached(asked, list(reader.rows(given.retrieved, Score))),
    )


def _reached(asked: Asked, scores: Sequence[Score]) -> Reached | None:
    if asked.target is not None and not scores:
        return None
    return reaches_target(scores, asked.target, asked.primary, asked.alpha)


def _sampled(reader: Reader, split: Split | None) -> list[Example]:
    """Return about `ROWS` of the rows to train on, chosen by hash."""
    if split is None:
        return []
    share = ROWS / max(split.train.rows, 1)
    rows: Iterable[Example] = reader.rows(split.train, Example)
    return [row for row in rows if fraction(row.row_id, _SALT) < share]


def _judged(reader: Reader, given: Given) -> list[Judged]:
    """Return the answers to the test examples with their scores."""
    if given.split is None or given.predictions is None or given.scores is None:
        return []
    scores = {row.row_id: row for row in reader.rows(given.scores, Score)}
    predictions = {row.row_id: row for row in reader.rows(given.predictions, Prediction)}
    return [
        Judged(row, predictions[row.row_id], scores[row.row_id])
        for row in reader.rows(given.split.test, Example)
        if row.row_id in scores and row.row_id in predictions
    ]


def _labels(examples: Iterable[Example]) -> tuple[str, ...]:
    return tuple(sorted({row.label for row in examples if isinstance(row, LabelExample)}))


def _facts(
    reader: Reader,
    use: UseParams,
    given: Given,
    rows: Sequence[Example],
    judged: Sequence[Judged],
) -> Facts:
    mixture, split = given.mixture, given.split
    document = reader.json(mixture, "mixture.json") if mixture is not None else {}
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
