"""What the training rows tell about a single input or answer: how far off it is, and its terms.

An input is out of distribution when it is farther from every training input than 99 % of these are
from one another: a conformal test (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random
World", 2005) at a level of 1 %, so about one usual input in a hundred is taken for an outlier.
Distance is to the nearest neighbour, as the cosine of word counts weighed by how rare a word is
(TF-IDF); all numbers count as one word.

A term is a word of the training answers that general English does not have.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tunesmith.data.comparing.row_texts import asked
from tunesmith.data.comparing.small_words import SMALL
from tunesmith.data.entities.language import tongue
from tunesmith.data.entities.ordinary_words import ALSO_NAMES, is_ordinary
from tunesmith.data.normal_text import normalise
from tunesmith.records import Example

ROWS = 3_000
"""Training rows that are looked at, where there are more."""
LEVEL = 0.01
"""Share of usual inputs that are taken for outliers."""
FEWEST = 200
"""Training rows from which a distance can be told to be unusual at that level."""
FREQUENT = 5
"""Training answers that must hold a word before it is a term of the task."""
FEWEST_WORDS = 1_000
"""Words from which the share of unknown ones says something."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_known = lru_cache(maxsize=1 << 16)(
    lambda word: is_ordinary(word) or word in ALSO_NAMES  # as a word, a gold ring is no name
)


class Training:
    """What a sample of the training rows tells.

    Args:
        rows: The sample.
    """

    def __init__(self, rows: Sequence[Example]) -> None:
        self.rows = len(rows)
        self._inputs = [_plain(asked(row)) for row in rows]
        self.terms = _terms(row.answer for row in rows)
        self._vectors: Any = None
        self._weigher: Any = None
        self._usual: Any = None

    @property
    def tells_distance(self) -> bool:
        """Whether there are enough rows to call an input far off."""
        return self.rows >= FEWEST

    def far_off(self, inputs: Sequence[str]) -> list[float | None]:
        """Return for each input how unusual its distance is, or None where it is usual.

        What is returned is the cosine to the nearest training input, below that of 99 % of these.
        """
        if not self.tells_distance or not inputs:
            return [None] * len(inputs)
        import numpy as np

        if self._vectors is None:
            self._learn()
        nearest = _nearest(self._vectors_of([_plain(text) for text in inputs]), self._vectors)
        below = np.searchsorted(self._usual, nearest, side="right")
        unusual = (below + 1) / (self.rows + 1)
        return [
            float(cosine) if share <= LEVEL else None
            for cosine, share in zip(nearest, unusual, strict=True)
        ]

    def _learn(self) -> None:
        import numpy as np
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._weigher = TfidfVectorizer(sublinear_tf=True, analyzer=str.split, norm=None)
        self._weigher.fit(["nothing", *self._inputs])  # blank inputs alone would have no words
        self._vectors = self._vectors_of(self._inputs)
        self._usual = np.sort(_nearest(self._vectors, self._vectors, itself=True))

    def _vectors_of(self, texts: Sequence[str]) -> Any:
        """Return vectors of length one, of which words that no training input has take a part."""
        import numpy as np
        from scipy.sparse import diags

        known = self._weigher.transform(texts)
        rarest = 1.0 + math.log((self.rows + 2) / 2)  # the weight of a word that one input has
        new = (_squares(text, self._weigher.vocabulary_) for text in texts)
        lengths = np.sqrt(
            np.asarray(known.multiply(known).sum(axis=1)).ravel()
            + rarest**2 * np.fromiter(new, float)
        )
        return diags(1.0 / np.maximum(lengths, 1e-12)) @ known


def _squares(text: str, known: Mapping[str, int]) -> float:
    """Return the sum of the squared weights of the words that are not known."""
    counts = Counter(word for word in text.split() if word not in known)
    return sum((1.0 + math.log(count)) ** 2 for count in counts.values())


def _nearest(vectors: Any, others: Any, itself: bool = False) -> Any:
    """Return the largest cosine of each vector to any other; rounded, to be the same anywhere."""
    import numpy as np

    found = np.zeros(vectors.shape[0])
    for start in range(0, vectors.shape[0], 500):
        cosines = (vectors[start : start + 500] @ others.T).toarray()
        if itself:
            cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = 0.0
        found[start : start + len(cosines)] = cosines.max(axis=1)
    return np.round(found, 9)


def _plain(text: str) -> str:
    return " ".join("0" if word.isdecimal() else word for word in normalise(text).split(" "))


def _terms(answers: Iterable[str]) -> frozenset[str]:
    counts: Counter[str] = Counter()
    for answer in answers:
        counts.update(words_in(answer))
    return frozenset(
        word for word, count in counts.items() if count >= FREQUENT and not _known(word)
    )


def words_in(text: str) -> set[str]:
    """Return the words of a text that say something; names do not count."""
    return {word for word in _small_words(text) if word not in SMALL}


def _small_words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text) if word.islower())


def unknown_words(rows: Sequence[Example]) -> float | None:
    """Return the share of words, 0 to 1, that general English does not have.

    Of the inputs and answers; words in lower case of four letters or more, so that names do not
    count. None where the rows are too few, or mostly not in English.
    """
    texts = [f"{asked(row)}\n{row.answer}" for row in rows]
    if 2 * sum(tongue(text) == "english" for text in texts) <= len(texts):
        return None
    words = [word for text in texts for word in _small_words(text)]
    if len(words) < FEWEST_WORDS:
        return None
    return sum(not _known(word) for word in words) / len(words)
