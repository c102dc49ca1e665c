"""Metrics of an answer's text: against the reference answer, or against a form."""

import re
import unicodedata
from collections import Counter

from tunesmith.evaluation.metrics.spec import MetricParams, Value
from tunesmith.evaluation.metrics.timed import search
from tunesmith.records import Example

NO_REFERENCE = Value(None, "the reference answer is empty")

SECTIONS = {
    "email": (r"^Subject:[ \t]*\S",),
    "soap": (
        r"^\W*(?:S|Subjective)\b\W*?:",
        r"^\W*(?:O|Objective)\b\W*?:",
        r"^\W*(?:A|Assessment)\b\W*?:",
        r"^\W*(?:P|Plan)\b\W*?:",
    ),
}
"""Patterns of known forms: an e-mail's subject, and the four parts of a medical note (Weed,
"Medical records that guide and teach", New England Journal of Medicine 278, 1968)."""


def exact_match(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output is the reference answer, else 0; higher is better.

    Character by character in Unicode's composed form (NFC), without outer white space. Stricter
    than the measure of the same name in SQuAD (Rajpurkar et al. 2016), which leaves out case,
    articles and punctuation: what is exact for a program depends on them.
    """
    if not example.answer.strip():
        return NO_REFERENCE
    ours, theirs = (unicodedata.normalize("NFC", text).strip() for text in (output, example.answer))
    return Value(float(ours == theirs))


def overlap(example: Example, output: str, params: MetricParams) -> Value:
    """Token F1 between output and reference answer, 0 to 1; higher is better.

    Words, lower-cased and without punctuation, as bags (Rajpurkar et al., "SQuAD", 2016). A low
    value is no fault where many answers are right. Scripts without spaces have long "words": take
    chrF for them.
    """
    if not example.answer.strip():
        return NO_REFERENCE
    ours, theirs = _words(output), _words(example.answer)
    common = sum((ours & theirs).values())
    if not common:
        return Value(0.0)
    precision, recall = common / ours.total(), common / theirs.total()
    return Value(2 * precision * recall / (precision + recall))


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def length_ratio(example: Example, output: str, params: MetricParams) -> Value:
    """Words of the output over words of the reference answer; from 0, ideal is 1.

    Neither way is better. After the length ratio that BLEU reports (Papineni et al. 2002).
    """
    if not example.answer.strip():
        return NO_REFERENCE
    return Value(len(output.split()) / len(example.answer.split()))


def format_match(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output, stripped of outer white space, matches the recipe's pattern, else 0.

    Higher is better. The pattern is matched from the start, as `score.format` is on training rows.
    Does not apply when the recipe has no pattern.
    """
    if params.format is None:
        return Value(None, "the recipe has no format")
    return Value(float(re.match(params.format, output.strip()) is not None))


def sections(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output has every section in the recipe's order, else 0; higher is better.

    A section is a pattern that matches in the output after the match of the one before; `^` and
    `$` stand for the start and the end of a line. The evidence names those that are missing or
    out of place.
    """
    at = 0
    missing = []
    for pattern in params.sections:
        found = search("evaluate.sections", pattern, output, at, lines=True)
        if found is None:
            anywhere = search("evaluate.sections", pattern, output, lines=True)
            missing.append(f"{pattern!r} {'is out of place' if anywhere else 'is missing'}")
        else:
            at = found.end()
    return Value(float(not missing), "; ".join(missing))
