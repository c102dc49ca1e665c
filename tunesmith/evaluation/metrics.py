"""Metrics of one answer, each a small pure function chosen by name.

Every metric takes the example, the model's output and the evaluation's parameters, and returns
its value with the evidence for it. Yes/no metrics give 1.0 or 0.0.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

from tunesmith.data.grounding import ungrounded
from tunesmith.data.markers import find_marker
from tunesmith.records import ChatExample

Metric = Literal["format", "grounding", "markers", "length_ratio", "overlap"]


class Value(NamedTuple):
    """A metric's value, None where it does not apply, and what it rests on."""

    value: float | None
    evidence: str = ""


class MetricParams(NamedTuple):
    """What metrics need to know beside the example and the output."""

    format: str | None
    phrases: tuple[str, ...]


def format_match(example: ChatExample, output: str, params: MetricParams) -> Value:
    """1 if the output, stripped of outer white space, matches the recipe's pattern, else 0.

    Does not apply when the recipe has no pattern.
    """
    if params.format is None:
        return Value(None, "the recipe has no format")
    return Value(float(re.match(params.format, output.strip()) is not None))


def grounding(example: ChatExample, output: str, params: MetricParams) -> Value:
    """1 if every number, date, id and name of the output is in the input, else 0.

    An empty output states nothing and answers nothing: 0.
    """
    if not output.strip():
        return Value(0.0, "empty output")
    missing = ungrounded(output, example.input_text)
    named = ", ".join(f"{entity.kind} {entity.text!r}" for entity in missing)
    return Value(float(not missing), named)


def markers(example: ChatExample, output: str, params: MetricParams) -> Value:
    """1 if the output has none of the marker phrases, else 0."""
    found = find_marker(output, params.phrases)
    return Value(float(found is None), found or "")


def length_ratio(example: ChatExample, output: str, params: MetricParams) -> Value:
    """Words of the output over words of the reference answer; from 0, ideal is 1."""
    return Value(len(output.split()) / max(len(example.answer.split()), 1))


def overlap(example: ChatExample, output: str, params: MetricParams) -> Value:
    """Token F1 between output and reference answer, 0 to 1.

    Words, lower-cased and without punctuation, as bags (Rajpurkar et al., "SQuAD", 2016). A low
    value is no fault where many answers are right.
    """
    ours, theirs = _words(output), _words(example.answer)
    common = sum((ours & theirs).values())
    if not common:
        return Value(0.0)
    precision, recall = common / ours.total(), common / theirs.total()
    return Value(2 * precision * recall / (precision + recall))


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


METRICS: dict[Metric, Callable[[ChatExample, str, MetricParams], Value]] = {
    "format": format_match,
    "grounding": grounding,
    "markers": markers,
    "length_ratio": length_ratio,
    "overlap": overlap,
}

YES_NO: frozenset[Metric] = frozenset({"format", "grounding", "markers"})
"""Metrics whose values are 0 or 1."""
