"""A classifier of tone, learned from the user's own texts.

It is a function of the texts in the recipe and trained anew in each process that needs it, within
seconds. So nothing trained is stored or unpickled: what identifies it is the texts' digest, which
is part of the evaluation's key. Features are hashed pairs and single words and character 3- to
5-grams, which need no vocabulary; the model is a logistic regression (Wang and Manning, "Baselines
and Bigrams", 2012, show how far such models go on short texts).

It learns whatever tells the two sets of texts apart. Where they also differ in topic or length, it
measures that: give texts on and off tone about the same things.
"""

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tunesmith.errors import Unready
from tunesmith.evaluation.metrics.spec import MetricParams, Value
from tunesmith.evaluation.metrics.tone_rows import ToneRows, one_line
from tunesmith.records import Example

if TYPE_CHECKING:
    from tunesmith.statistics import Interval

FOLDS = 5
LONGEST = 4_000
"""Characters of a text that count."""
_BUCKETS = 2**18
_WORDS = re.compile(r"\w+|[^\w\s]")
CONFIDENCE = 0.95


class Trained(NamedTuple):
    """A classifier, with the share of texts it gets right in cross-validation.

    Attributes:
        model: Of scikit-learn.
        accuracy: Share right, each text judged by a classifier that did not see it.
        commonest: Share of the larger set: what always answering that would get right.
    """

    model: Any
    accuracy: "Interval"
    commonest: float

    @property
    def facts(self) -> dict[str, Any]:
        """What the record says of it."""
        return {
            "accuracy": self.accuracy.estimate,
            "low": self.accuracy.low,
            "high": self.accuracy.high,
            "confidence": self.accuracy.confidence,
            "texts": self.accuracy.n,
            "folds": FOLDS,
            "commonest": self.commonest,
        }


@functools.lru_cache(maxsize=4)
def train(rows: ToneRows) -> Trained:
    """Train the classifier and measure it.

    Raises:
        Unready: it cannot tell the two sets apart better than a constant answer.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    from tunesmith.statistics import proportion

    on, off = (sorted({one_line(text) for text in texts} - {""}) for texts in (rows.on, rows.off))
    features = _features([*on, *off])
    truth = np.array([1] * len(on) + [0] * len(off))
    right = 0
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(features, truth):
        fitted = _fit(features[seen], truth[seen])
        right += int((fitted.predict(features[unseen]) == truth[unseen]).sum())
    accuracy = proportion(right, len(truth), CONFIDENCE)
    commonest = max(len(on), len(off)) / len(truth)
    if accuracy.low <= commonest:
        raise Unready(
            f"evaluate.tone: a classifier gets {accuracy.estimate:.0%} [{accuracy.low:.0%}, "
            f"{accuracy.high:.0%}] of {len(truth)} texts right where always answering the same "
            f"gets {commonest:.0%}; expected better, to measure with it. Give more texts, or "
            "texts whose tone differs more"
        )
    return Trained(_fit(features, truth), accuracy, commonest)


def tone(example: Example, output: str, params: MetricParams) -> Value:
    """1 if the classifier takes the output for a text on the brand's tone, else 0.

    Higher is better. The classifier errs as its cross-validated accuracy says, in the same way for
    every model; so differences are shrunk rather than turned. An empty output has no tone: 0.
    """
    if params.tone is None:
        return Value(None, "the recipe has no texts for the tone")
    if not output.strip():
        return Value(0.0, "empty output")
    model = train(params.tone).model
    on = float(model.predict_proba(_features([one_line(output)]))[0, 1])
    return Value(float(on >= 0.5), f"{on:.2f} on tone")


def _features(texts: list[str]) -> Any:
    from scipy.sparse import hstack

    cut = [text[:LONGEST] for text in texts]
    return hstack([part.transform(cut) for part in _hashing()]).tocsr()


@functools.cache
def _hashing() -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(
        n_features=_BUCKETS, tokenizer=_WORDS.findall, ngram_range=(1, 2), alternate_sign=False,
        token_pattern=None,
    )  # fmt: skip
    signs = HashingVectorizer(
        n_features=_BUCKETS, analyzer="char_wb", ngram_range=(3, 5), alternate_sign=False
    )
    return words, signs


def _fit(features: Any, truth: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        C=10.0, solver="liblinear", class_weight="balanced", random_state=0
    ).fit(features, truth)
