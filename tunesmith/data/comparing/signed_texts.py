"""The distinct texts of a collection, with a MinHash signature each.

Texts are read in order, a batch at a time, and signed by a thread for each core. Large
collections go through the compiled loops of `kernels` where numba is installed: the signatures
are the same, ten times sooner. Texts are not kept: whoever needs one again reads it by position.
"""

import importlib.util
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunesmith.data.comparing.minhash import SHINGLE, Hashes, Positions, Signatures, signatures
from tunesmith.data.normal_text import encode, normalise, simple_form

COMPILED_FROM = 10_000
"""Texts in one process from which loading the compiled loops costs less than they save."""

_WORTH_THREADS = 1 << 10
_BATCH_CHARACTERS = 1 << 20
_BATCH_TEXTS = 1 << 13
_CHUNK_BYTES = 1 << 18
_PIECE_WORDS = 1 << 15
_ROWS_MOVED = 1 << 13
_EMPTY = np.iinfo(np.uint32).max
_POOL_BYTES = 1 << 20


class _Batch(NamedTuple):
    """Signatures, and 128-bit fingerprints of the normalised texts in two columns."""

    values: Signatures
    prints: Hashes


class _Seen:
    """How many texts this process has read."""

    texts = 0


def kernels(texts: int = 0) -> Any | None:
    """Return the compiled loops if they are installed and worth it, with this many more texts."""
    _Seen.texts += texts
    if _Seen.texts < COMPILED_FROM or not _has_numba():
        return None
    from tunesmith.data.comparing import kernels as compiled

    return compiled


@cache
def _has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


class SignedTexts:
    """The distinct normalised texts of a collection and their signatures.

    Equal texts are one from here on, so thousands of copies of one text cost nothing later.

    Attributes:
        firsts: Position in the collection of each distinct text, in rising order.
        numbers: Which distinct text each text is.
        signatures: Of the distinct texts.
    """

    def __init__(self, texts: Sequence[str], permutations: int) -> None:
        values = np.empty((len(texts), permutations), dtype=np.uint32)
        prints = np.empty((len(texts), 2), dtype=np.uint64)
        filled = 0
        for batch in _signed(texts, permutations):
            end = filled + len(batch.values)
            values[filled:end], prints[filled:end] = batch
            filled = end
        self.firsts, self.numbers = _distinct(prints)
        # Moved in place: two of these tables would be the most that is held here.
        for start in range(0, len(self.firsts), _ROWS_MOVED):
            some = self.firsts[start : start + _ROWS_MOVED]
            values[start : start + len(some)] = values[some]
        self.signatures: Signatures = values[: len(self.firsts)]

    def forget_signatures(self) -> None:
        """Free their memory, where the rest is still needed."""
        self.signatures = self.signatures[:0].copy()


def _distinct(prints: Hashes) -> tuple[Positions, Positions]:
    """Return the position of the first of each group of equal rows, and the group of each row."""
    order = np.lexsort((prints[:, 1], prints[:, 0]))
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = (prints[order[1:]] != prints[order[:-1]]).any(axis=1)
    firsts = order[opens]
    rank = np.empty(len(firsts), dtype=np.intp)
    rank[np.argsort(firsts)] = np.arange(len(firsts))
    numbers = np.empty(len(order), dtype=np.intp)
    numbers[order] = rank[np.cumsum(opens) - 1]
    return np.sort(firsts), numbers


def _signed(texts: Sequence[str], permutations: int) -> Iterator[_Batch]:
    """Sign batches of texts on all cores, in order."""
    compiled = kernels(len(texts))
    sign = partial(_sign_compiled, compiled) if compiled else _sign
    if len(texts) < _WORTH_THREADS:
        yield from (sign(batch, permutations) for batch in _batches(texts))
        return
    workers = cores()
    with ThreadPoolExecutor(workers, "sign") as pool:
        waiting: deque[Future[_Batch]] = deque()
        for batch in _batches(texts):
            waiting.append(pool.submit(sign, batch, permutations))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_CHARACTERS or len(batch) >= _BATCH_TEXTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


# Without numba


def _sign(texts: list[str], permutations: int) -> _Batch:
    values = np.full((len(texts), permutations), _EMPTY, dtype=np.uint32)
    normal = [encode(normalise(text)) for text in texts]
    digests = b"".join(blake2b(text, digest_size=16).digest() for text in normal)
    for numbers, pieces in _chunks(normal):
        # The pieces of a long text stand together: their minimum is the whole's.
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        found = np.minimum.reduceat(signatures(pieces, permutations), starts, axis=0)
        values[numbers[starts]] = np.minimum(values[numbers[starts]], found)
    return _Batch(values, np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2))


def _chunks(normal: Iterable[bytes]) -> Iterator[tuple[Positions, list[bytes]]]:
    """Gather numbered texts, long ones in pieces, until their size makes a chunk."""
    numbers: list[int] = []
    pieces: list[bytes] = []
    size = 0
    for number, text in enumerate(normal):
        for piece in cut(text):
            numbers.append(number)
            pieces.append(piece)
            size += len(piece)
            if size >= _CHUNK_BYTES:
                yield np.array(numbers), pieces
                numbers, pieces, size = [], [], 0
    if pieces:
        yield np.array(numbers), pieces


def cut(normal: bytes) -> Iterator[bytes]:
    """Cut a long normalised text so that every shingle lies whole in one piece."""
    if len(normal) < _CHUNK_BYTES:
        yield normal
        return
    words = normal.split(b" ")
    for start in range(0, max(len(words) - SHINGLE + 1, 1), _PIECE_WORDS):
        yield b" ".join(words[start : start + _PIECE_WORDS + SHINGLE - 1])


# With numba


class _Forms:
    """What the compiled loops make of each character, looked up as characters turn up."""

    def __init__(self) -> None:
        self.places: NDArray[np.int32] = np.zeros(0x110000, dtype=np.int32)
        self.pool: NDArray[np.uint8] = np.zeros(_POOL_BYTES, dtype=np.uint8)
        self._lock = Lock()
        self._used = 128
        for code in range(128):
            self.pool[code] = (simple_form(code) or b" ")[0]

    def add(self, text: str) -> None:
        """Look up the characters of a text."""
        with self._lock:
            for code in map(ord, set(text)):
                if code >= 128 and not self.places[code]:
                    self._add(code)

    def _add(self, code: int) -> None:
        form = simple_form(code)
        if form is None or self._used + 1 + len(form) > len(self.pool):
            self.places[code] = -1
            return
        place, self._used = self._used, self._used + 1 + len(form)
        self.pool[place : self._used] = np.frombuffer(bytes([len(form)]) + form, dtype=np.uint8)
        # Last, since another thread may be reading: a place stands only over a finished form.
        self.places[code] = place


@cache
def _forms() -> _Forms:
    return _Forms()


class Words(NamedTuple):
    """The hashes of the words of a batch of texts; see `kernels.read_words`."""

    words: Hashes
    lengths: NDArray[np.int32]
    ends: Positions


def read_words(compiled: Any, texts: list[str]) -> Words:
    """Hash the words of a batch of texts with the compiled loops."""
    forms = _forms()
    encoded = [encode(text) for text in texts]
    states = np.full(len(texts), compiled.RAW, dtype=np.uint8)
    ends = np.empty(len(texts), dtype=np.intp)
    while True:
        starts = np.zeros(len(encoded) + 1, dtype=np.intp)
        np.cumsum(np.fromiter(map(len, encoded), dtype=np.intp, count=len(encoded)), out=starts[1:])
        codes = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        words = np.empty(len(codes) + len(starts), dtype=np.uint64)
        lengths = np.empty(len(words), dtype=np.int32)
        compiled.read_words(codes, starts, states, forms.places, forms.pool, words, lengths, ends)
        given_up = np.flatnonzero(states >= compiled.HARD).tolist()
        if not given_up:
            return Words(words[: ends[-1]], lengths[: ends[-1]], ends)
        for at in given_up:
            if states[at] == compiled.UNKNOWN:
                forms.add(texts[at])
                states[at] = compiled.RAW
            else:
                encoded[at] = encode(normalise(texts[at]))
                states[at] = compiled.NORMAL


def _sign_compiled(compiled: Any, texts: list[str], permutations: int) -> _Batch:
    values = np.full((len(texts), permutations), _EMPTY, dtype=np.uint32)
    prints = np.empty((len(texts), 2), dtype=np.uint64)
    compiled.sign(*read_words(compiled, texts), values, prints)
    return _Batch(values, prints)
