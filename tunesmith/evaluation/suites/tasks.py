"""The task itself, asked on rows of training and on rows of test, as they stand.

The answers are what `overfitting`, `shift` and `memorised` look at. Their values are the recipe's
metrics that say yes or no, 1 where an answer passes; see `tunesmith.evaluation.metrics` for what
each measures and its source. A metric that does not apply to an example gives no value.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from tunesmith.evaluation.metrics import MetricParams, Spec, spec
from tunesmith.evaluation.suites.asking import TASK, Judged, Question
from tunesmith.records import ChatExample, Example, Message

TRAIN, NEAR, FAR = "train", "test", "test, unlike training"


def yes_no(metrics: Sequence[str], primary: str | None) -> tuple[str, ...]:
    """Return the metrics that say yes or no, the primary one first."""
    fitting = [name for name in metrics if spec(name).kind == "yes_no" and spec(name).decides]
    return tuple(sorted(fitting, key=lambda name: name != primary))


def ask(
    rows: Sequence[Example], part: str, metrics: Sequence[str], settings: MetricParams
) -> list[Question]:
    """Return one question a row."""
    return [question(row, TASK, part, row.prompt, metrics, settings) for row in rows]


def question(
    row: Example,
    suite: str,
    part: str,
    messages: tuple[Message, ...],
    metrics: Sequence[str],
    settings: MetricParams,
) -> Question:
    """Return a question whose answer the metrics measure as an answer to the example."""
    found = {name: spec(name) for name in metrics}
    return Question(
        f"{suite}:{part}:{row.row_id}",
        suite,
        part,
        row.group_id,
        messages,
        partial(_measured, row, found, settings),
        tools=row.tools if isinstance(row, ChatExample) else (),
        long=True,
        row_id=row.row_id,
    )


def _measured(
    row: Example, metrics: Mapping[str, Spec], settings: MetricParams, output: str
) -> dict[str, Judged]:
    found = {name: metric(row, output, settings) for name, metric in metrics.items()}
    return {
        name: Judged(value.value == 1.0, value.evidence)
        for name, value in found.items()
        if value.value is not None
    }
