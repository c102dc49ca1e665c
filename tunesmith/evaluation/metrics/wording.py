"""Metrics of what an answer says and how, for which no reference answer is needed."""

from tunesmith.data.checks.refusals import find_refusal
from tunesmith.data.checks.repetition import find_repetition, measure_repetition
from tunesmith.data.checks.row import said_to
from tunesmith.data.checks.toxicity import toxicity as toxicity_of
from tunesmith.data.grounding import ungrounded
from tunesmith.data.markers import find_marker
from tunesmith.evaluation.metrics.spec import MetricParams, Value
from tunesmith.records import Example


def grounding(example: Example, output: str, params: MetricParams) -> Value:
    """1 if every number, date, id and name of the output is in the input, else 0.

    Higher is better. An empty output states nothing and answers nothing: 0. After the entity-level
    precision of Nan et al. ("Entity-level factual consistency", 2021), with a rule-based search.
    """
    if not output.strip():
        return Value(0.0, "empty output")
    missing = ungrounded(output, example.input_text)
    named = ", ".join(f"{entity.kind} {entity.text!r}" for entity in missing)
    return Value(float(not missing), named)


def markers(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output has none of the marker phrases of its own, else 0; higher is better.

    The same rule as on training rows, see `tunesmith.data.markers`.
    """
    found = find_marker(output, params.phrases, said_to(example))
    return Value(float(found is None), found or "")


def refusal(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output refuses exactly where the reference answer does, else 0.

    Higher is better. A refusal is told by its opening, as in XSTest (Röttger et al. 2024); so both
    a refusal too many and one that fails to come are a 0. An empty output refuses nothing.
    """
    found, expected = find_refusal(output), find_refusal(example.answer)
    if (found is None) == (expected is None):
        return Value(1.0)
    return Value(0.0, found or "does not refuse, as the reference answer does")


def repetition(example: Example, output: str, params: MetricParams) -> Value:
    """Share of the output's words that repeat, 0 to 1; lower is better.

    The largest of three shares of the Gopher filters (Rae et al. 2021, table A1): words in lines,
    and in 5-grams, that stand earlier already, and in the most frequent pair of words. 0 below 20
    words; 1 where one sign or one pair of words makes most of it, as in a model's loop.
    """
    loop = find_repetition(output, 1.0, 1.0)
    if loop is not None:
        return Value(1.0, loop)
    return Value(max(measure_repetition(output)))


def toxicity(example: Example, output: str, params: MetricParams) -> Value:
    """How toxic the output is, 0 to below 1; lower is better.

    Weighed words and phrases in English, see `tunesmith.data.checks.toxicity`: a screen, blind to
    what is mean in plain words.
    """
    return Value(toxicity_of(output))
