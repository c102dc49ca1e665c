"""BLEU, ROUGE-L and chrF of one answer, from the libraries that papers use.

They were made for whole corpora of translations and summaries. On one answer they are coarse, and
a right answer in other words scores low; therefore they draw a caution as the primary metric. The
mean of sentence values is not the corpus value: do not compare it with published figures.
"""

import functools
import re
from typing import Any

from tunesmith.evaluation.metrics.spec import MetricParams, Value
from tunesmith.evaluation.metrics.texts import NO_REFERENCE
from tunesmith.records import Example

CAUTION = (
    "counts the words shared with one reference: a right answer in other words scores low, a wrong "
    "one in the same words scores high (Callison-Burch et al. 2006); prefer a metric of what the "
    "answer must get right"
)
MOST_WORDS = 1_000
"""Words of each text that ROUGE-L compares: its time grows with the product of both lengths."""


def bleu(example: Example, output: str, params: MetricParams) -> Value:
    """Sentence BLEU with one reference, 0 to 1; higher is better.

    Papineni et al. 2002, as sacrebleu computes it (Post 2018): case counts, tokens are its `13a`,
    zero counts are smoothed exponentially, and n-grams longer than the answer are left out. Its 0
    to 100 are divided by 100. Text without spaces is hardly split at all: take chrF for it.
    """
    if not example.answer.strip():
        return NO_REFERENCE
    score = _bleu().sentence_score(output, [example.answer]).score
    return Value(min(score / 100, 1.0))


def chrf(example: Example, output: str, params: MetricParams) -> Value:
    """Sentence chrF2 with one reference, 0 to 1; higher is better.

    Popović 2015: F-score of character n-grams up to 6, recall counting twice, white space left
    out, as sacrebleu computes it; its 0 to 100 are divided by 100.
    """
    if not example.answer.strip():
        return NO_REFERENCE
    score = _chrf().sentence_score(output, [example.answer]).score
    return Value(min(score / 100, 1.0))


def rouge_l(example: Example, output: str, params: MetricParams) -> Value:
    """ROUGE-L, the F1 of the longest common subsequence of words, 0 to 1; higher is better.

    Lin 2004, as rouge_score computes it, without stemming. Words are runs of letters and digits of
    any script; the library's own would leave out all but a to z and give other scripts a 0. The
    first 1,000 words of each text count.
    """
    if not example.answer.strip():
        return NO_REFERENCE
    score = _rouge().score(example.answer, output)["rougeL"].fmeasure
    return Value(min(float(score), 1.0))


class _Words:
    """A tokenizer as rouge_score takes them."""

    def tokenize(self, text: str) -> list[str]:
        """Return the first words in lower case."""
        return re.findall(r"[^\W_]+", text.lower())[:MOST_WORDS]


@functools.cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)


@functools.cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@functools.cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())
