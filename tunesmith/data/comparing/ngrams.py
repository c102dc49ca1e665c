"""How much of a text that must stay unseen stands inside other texts, by runs of words.

A near copy is found by the similarity of whole texts. A test question in the middle of a long
chat is none, and is found here: by the share of its runs of 8 words that the other text holds
too. Runs of 8 to 13 words are what T. Brown et al., "Language Models are Few-Shot Learners",
2020, appendix C, clean the training set of GPT-3 with; as there, a run that is common says
nothing. Common here is what stands in texts of three groups or more of those that must stay
unseen: a greeting, an instruction that many prompts open with.

Runs are compared by 64-bit hashes, so by chance one in 10^12 or so is taken for another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tunesmith.data.comparing.minhash import Hashes, Positions, gram_hashes
from tunesmith.data.comparing.signed_texts import kernels, read_words
from tunesmith.data.normal_text import encode, normalise

SIZE = 8
"""Words in a run."""
LEAST = 6
"""Runs that a text must have, common ones not counted, to be looked for: 13 words or so. Shorter
texts are whole phrases of everyday talk."""
COMMON = 3
"""Groups of texts from which a run is common."""

_FIRST_HITS = 1 << 12


class Held(NamedTuple):
    """That a text holds a share of the runs of the known text at a position."""

    text: int
    known: int
    share: float


class KnownGrams:
    """The runs of words of texts that must stay unseen.

    Args:
        texts: The texts.
        groups: What each belongs to: runs are counted once for each group.
        share: From which share on a text is held by another, above 0 up to 1.
    """

    def __init__(self, texts: Sequence[str], groups: Sequence[str], share: float) -> None:
        self._share = share
        hashes, of = _grams(texts)
        pairs = np.unique(np.stack([hashes, of.astype(np.uint64)], axis=1), axis=0)
        numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
        group_of = np.array([numbers[group] for group in groups], dtype=np.uint64)
        group_pairs = pairs.copy()
        group_pairs[:, 1] = group_of[pairs[:, 1].astype(np.intp)] if len(pairs) else 0
        grams, in_groups = np.unique(np.unique(group_pairs, axis=0)[:, 0], return_counts=True)
        special = grams[in_groups < COMMON]
        pairs = pairs[np.isin(pairs[:, 0], special)]
        of = pairs[:, 1].astype(np.intp)
        self._sizes = np.bincount(of, minlength=len(texts))
        wanted = self._sizes[of] >= LEAST
        self._of = of[wanted]
        self._grams, self._begins = np.unique(pairs[wanted, 0], return_index=True)
        self._slots: Hashes | None = None

    def __len__(self) -> int:
        return len(self._grams)

    def held(self, texts: list[str]) -> list[Held]:
        """Return which of the texts hold which known ones, in order of both."""
        if not len(self._grams) or not texts:
            return []
        holders, grams = self._hits(texts)
        hits = np.unique(np.stack([holders, grams], axis=1), axis=0)
        counts = np.diff(self._begins, append=len(self._of))[hits[:, 1]]
        starts = np.cumsum(counts) - counts
        index = np.arange(int(counts.sum())) - np.repeat(starts - self._begins[hits[:, 1]], counts)
        pairs = np.stack([np.repeat(hits[:, 0], counts), self._of[index]], axis=1)
        both, shared = np.unique(pairs, axis=0, return_counts=True)
        shares = shared / self._sizes[both[:, 1]]
        return [
            Held(text, known, share)
            for (text, known), share in zip(both.tolist(), shares.tolist(), strict=True)
            if share >= self._share
        ]

    def _hits(self, texts: list[str]) -> tuple[Positions, Positions]:
        """Return texts and the places in `_grams` of known runs in them, some more than once."""
        compiled = kernels()
        if compiled is None:
            hashes, of = _grams(texts)
            places = np.searchsorted(self._grams, hashes)
            found = self._grams[np.minimum(places, len(self._grams) - 1)] == hashes
            return of[found], places[found]
        if self._slots is None:
            self._slots = np.zeros(1 << (2 * len(self._grams)).bit_length(), dtype=np.uint64)
            compiled.insert(self._grams, self._slots)
        words = read_words(compiled, texts)
        hits = np.empty((_FIRST_HITS, 2), dtype=np.intp)
        found = compiled.find_grams(words.words, words.ends, SIZE, self._slots, hits)
        if found > len(hits):
            hits = np.empty((found, 2), dtype=np.intp)
            compiled.find_grams(words.words, words.ends, SIZE, self._slots, hits)
        return hits[:found, 0], np.searchsorted(self._grams, self._slots[hits[:found, 1]])


def _grams(texts: Sequence[str]) -> tuple[Hashes, Positions]:
    if not texts:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.intp)
    return gram_hashes([encode(normalise(text)) for text in texts], SIZE)
