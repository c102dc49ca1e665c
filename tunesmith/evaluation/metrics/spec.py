"""What a metric is: a named function of one answer, and what its values mean.

Every metric takes the example, the model's output and the evaluation's parameters, and returns
its value with the evidence for it. Whether a metric applies depends on the example and the
parameters alone, never on the output: two models are then compared on the same rows. Only a
judge's verdict may be missing for one of them (see `judged`).

An example whose answer calls tools and says nothing has no text to compare with. Metrics of text
do not apply to it; `tool_call` does. Where an answer both speaks and calls, metrics of text read
what the output says beside its calls.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tunesmith.data.markers import PHRASES
from tunesmith.errors import InputError
from tunesmith.evaluation.metrics.calls import expected_calls, said
from tunesmith.evaluation.metrics.tone_rows import ToneRows
from tunesmith.records import Example, Score

Kind = Literal["yes_no", "share", "number"]
Better = Literal["higher", "lower", "neither"]

LONGEST_EVIDENCE = 1000
"""Characters of evidence that are kept."""
CALLS_ONLY = "the expected answer is a call of a tool"


class Value(NamedTuple):
    """A metric's value, None where it does not apply, and what it rests on."""

    value: float | None
    evidence: str = ""


@dataclass(frozen=True)
class MetricParams:
    """What metrics need to know beside the example and the output.

    Attributes:
        format: Pattern of the whole answer.
        phrases: Marker phrases.
        labels: Labels that an answer may be read as.
        sections: Patterns of the sections, in order.
        json_schema: JSON Schema, as JSON text.
        tone: Texts on and off the brand's tone.
    """

    format: str | None = None
    phrases: tuple[str, ...] = PHRASES
    labels: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    json_schema: str | None = None
    tone: ToneRows | None = None


Need = Literal["sections", "json_schema", "tone"]
Measure = Callable[[Example, str, MetricParams], Value]


@dataclass(frozen=True)
class Spec:
    """A metric.

    Calling it measures one output, and holds the function to what the spec says of it.

    Attributes:
        name: What recipes call it.
        function: What measures.
        kind: `yes_no` gives 0 or 1, `share` 0 to 1, `number` any finite number.
        better: Which way is better; a yes is always the good answer.
        needs: Parameters without which a recipe that names it is refused.
        text: Whether it measures text, and so leaves out examples whose answer only calls tools.
        over_set: What makes one figure of the scores of a whole set, where their mean is not it;
            the value of a single row is then None.
        caution: Why it is a poor primary metric; empty where it is not.
        judged: Whether a judge measures it, after the others and apart from them; of an answer
            that it should measure, the value may be missing.
    """

    name: str
    function: Measure
    kind: Kind
    better: Better
    needs: tuple[Need, ...] = ()
    text: bool = True
    over_set: Callable[[Sequence[Score]], float | None] | None = None
    caution: str = ""
    judged: bool = False

    def __call__(self, example: Example, output: str, params: MetricParams) -> Value:
        """Measure one output.

        Raises:
            InputError: the value is not what the spec says, as may happen with a user's own.
        """
        if self.text:
            text = text_of(example, output)
            if text is None:
                return Value(None, CALLS_ONLY)
            output = text
        value, evidence = self.function(example, output, params)
        if value is not None:
            value = float(value)
            if not self._allows(value):
                raise InputError(
                    f"metric {self.name} gives {value} for {example.source}; expected "
                    f"{_EXPECTED[self.kind]}"
                )
        return Value(value, _kept(evidence))

    @property
    def decides(self) -> bool:
        """Whether two models can be compared by it, row by row."""
        return self.better != "neither" and self.over_set is None

    def _allows(self, value: float) -> bool:
        if self.kind == "yes_no":
            return value in (0.0, 1.0)
        return math.isfinite(value) if self.kind == "number" else 0.0 <= value <= 1.0


def text_of(example: Example, output: str) -> str | None:
    """Return what metrics of text read of an output, None where they do not apply."""
    if not expected_calls(example):
        return output
    return said(output) if example.answer.strip() else None


_EXPECTED = {"yes_no": "0 or 1", "share": "0 to 1", "number": "a finite number"}


def _kept(evidence: str) -> str:
    """Return evidence that is short and can be stored: no half characters, which have no UTF-8."""
    return evidence[:LONGEST_EVIDENCE].encode("utf-8", "backslashreplace").decode("utf-8")
