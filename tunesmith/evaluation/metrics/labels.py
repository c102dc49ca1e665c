"""Answers that are labels: how one is read, its accuracy, and macro F1 over a set.

**How an answer is read as a label.** Both are compared in lower case, with white space made single
spaces and outer punctuation (quotes, asterisks, a full stop) left out. An answer is a label if

1. the whole answer is that label, or what stands after the first colon of a single line is
   ("Category: billing"); or else
2. the answer has at most 30 words, no negation ("not", "n't", "never", "neither", "nor", "no",
   "cannot"), and mentions exactly one label as whole words. A label inside a longer one that is
   mentioned ("spam" in "not spam") does not count as mentioned.

Anything else is *no label*: a wrong answer, never left out. The evidence says how it was read.
"""

import functools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from tunesmith.evaluation.metrics.spec import MetricParams, Value
from tunesmith.records import Example, Score

LONGEST_MENTION = 30
"""Words up to which an answer may mention its label in a sentence."""
_NEGATION = re.compile(r"\b(?:not|never|neither|nor|no|cannot)\b|n't\b")
_OUTER = re.compile(r"^[\W_]+|[\W_]+$")


def plain_label(text: str) -> str:
    """Return a label as it is compared; signs alone, such as `+`, stay as they are."""
    text = " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").casefold().split())
    return _OUTER.sub("", text) or text


def read_label(answer: str, labels: tuple[str, ...]) -> str | None:
    """Return the one of `labels` that an answer gives, or None; see the module for the rule."""
    known = _known(labels)
    whole = answer.strip()
    after = whole.partition(":")[2] if "\n" not in whole else ""
    for text in (whole, after):
        label = known.get(plain_label(text))
        if label is not None:
            return label
    text = plain_label(whole)
    if len(text.split()) > LONGEST_MENTION:
        return None
    mentioned = set(_mentions(labels).findall(text))
    # A label may itself be a negation ("not spam", "no"); what is left must not have one.
    rest = _mentions(labels).sub(" ", text)
    if len(mentioned) != 1 or _NEGATION.search(rest):
        return None
    return known[mentioned.pop()]


@functools.lru_cache(maxsize=8)
def _known(labels: tuple[str, ...]) -> dict[str, str]:
    """Return the labels by how they are compared; of two that are compared alike, the first."""
    known: dict[str, str] = {}
    for label in labels:
        known.setdefault(plain_label(label), label)
    return known


@functools.lru_cache(maxsize=8)
def _mentions(labels: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(_known(labels), key=lambda label: (-len(label), label))
    inner = "|".join(map(re.escape, longest_first))
    # Neither "25", "4.5" nor "-5" mentions 5, nor does "anti-spam" mention spam.
    return re.compile(rf"(?<![\w-])(?<!\d[.,])(?:{inner})(?![\w-])(?![.,]\d)")


def _expected(example: Example, params: MetricParams) -> str | None:
    """Return the label that is expected, as the recipe writes it; None where it is none."""
    return _known(params.labels).get(plain_label(example.answer))


def _no_label(params: MetricParams) -> Value:
    why = "the reference answer is none of the labels" if params.labels else "there are no labels"
    return Value(None, why)


def label_accuracy(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the output is read as the expected label, else 0; the mean is the accuracy.

    Higher is better. Does not apply where the reference answer is none of the labels.
    """
    expected = _expected(example, params)
    if expected is None:
        return _no_label(params)
    found = read_label(output, params.labels)
    if found == expected:
        return Value(1.0)
    return Value(0.0, "no label" if found is None else f"read as {found!r}")


def label_pair(example: Example, output: str, params: MetricParams) -> Value:
    """No value of its own: the expected label and the one read, as JSON, for `macro_f1`."""
    expected = _expected(example, params)
    if expected is None:
        return _no_label(params)
    pair = {"expected": expected, "found": read_label(output, params.labels)}
    return Value(None, json.dumps(pair, ensure_ascii=False))


def macro_f1(scores: Sequence[Score]) -> float | None:
    """Mean over the labels of each label's F1, 0 to 1; higher is better.

    The mean of F1 scores, not the F1 of mean precision and recall (Opitz and Burst, "Macro F1 and
    Macro F1", 2019). Labels that are expected or read somewhere in the set count; an answer that
    is no label is a miss of the expected one. None where it applies to no row.
    """
    pairs = [pair for score in scores if (pair := _pair(score)) is not None]
    if not pairs:
        return None
    expected = Counter(wanted for wanted, _ in pairs)
    found = Counter(read for _, read in pairs if read is not None)
    right = Counter(wanted for wanted, read in pairs if wanted == read)
    names = sorted(expected.keys() | found.keys())
    return sum(2 * right[name] / (expected[name] + found[name]) for name in names) / len(names)


def _pair(score: Score) -> tuple[str, str | None] | None:
    evidence = score.evidence.get("macro_f1", "")
    if not evidence.startswith("{"):
        return None
    pair = json.loads(evidence)
    return pair["expected"], pair["found"]
