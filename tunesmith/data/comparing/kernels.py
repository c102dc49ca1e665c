"""Compiled loops over the bytes of many texts: shingles, signatures, exact comparisons.

Needs numba, an optional extra. Everything here gives, bit for bit, what the plain code in
`minhash` and `near_duplicates` gives; it exists for speed alone. The loops leave Python's lock,
so threads run them side by side. Compiled code is kept on disk: the first import on a machine
takes some seconds, later ones a fraction of one.

A text is read in one pass: every character is replaced by its form from a table (`forms`), and
words are hashed as they end. A text with a character that has no such form, or without any word,
is left to the caller (`HARD`), who normalises it and hands it in again as `NORMAL`.
"""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from tunesmith.data.comparing.minhash import BASE, GRAM_BASE, MULTIPLIERS, OFFSETS, TABLE
from tunesmith.data.normal_text import SPACE

_numba = importlib.import_module("numba")

F = TypeVar("F", bound=Callable[..., Any])

RAW, NORMAL, HARD, UNKNOWN = 0, 1, 2, 3
"""States of a text: as written, normalised, without simple forms, with forms not yet looked up."""

UNSEEN, NO_FORM = 0, -1
"""Entries of the table of forms; others are the position in the pool, counted from 1."""

_TABLE_POWERS = 1024
_BLOCK = 1024
_ONE = np.uint64(1)
_BASE = np.uint64(BASE)
_GRAM_BASE = np.uint64(GRAM_BASE)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def _powers() -> Any:
    factors = np.full(_TABLE_POWERS, _BASE)
    factors[0] = 1
    return np.multiply.accumulate(factors)


_POWERS = _powers()
_SPACE_VALUE = np.uint64(TABLE[SPACE])


def _compiled(function: F) -> F:
    """Compile a function at its first call, and keep the code on disk where there is a place."""
    try:
        return cast(F, _numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # numba found no folder that it may write to
        return cast(F, _numba.njit(nogil=True)(function))


def _inlined(function: F) -> F:
    """Compile a function into each that calls it: as a call of its own it costs half the speed."""
    return cast(F, _numba.njit(nogil=True, inline="always")(function))


@_compiled
def _mix(value: Any) -> Any:
    value = value + _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * _MIX_A
    value = (value ^ (value >> np.uint64(27))) * _MIX_B
    return value ^ (value >> np.uint64(31))


@_compiled
def _power(exponent: Any) -> Any:
    if exponent < _TABLE_POWERS:
        return _POWERS[exponent]
    result, factor = _ONE, _BASE
    while exponent:
        if exponent & 1:
            result *= factor
        factor *= factor
        exponent >>= 1
    return result


@_compiled
def _joined(left: Any, length: Any, right: Any) -> Any:
    """The polynomial of two spans with a space between them."""
    power = _power(length)
    return left + power * _SPACE_VALUE + power * _BASE * right


@_compiled
def _lower_minima(block: Any, count: Any, values: Any) -> None:
    """Lower each value of a signature to the least permuted hash of a block of shingles."""
    for column in range(len(values)):
        factor, offset, least = MULTIPLIERS[column], OFFSETS[column], values[column]
        for at in range(count):
            least = min(least, np.uint32(np.uint32(block[at] * factor) + offset))
        values[column] = least


@_compiled
def read_words(
    codes: Any, starts: Any, states: Any, forms: Any, pool: Any, words: Any, lengths: Any, ends: Any
) -> None:
    """Hash the words of each text of a batch.

    Args:
        codes: The texts in UTF-8, one after the other.
        starts: Where each begins, and where the last ends.
        states: RAW or NORMAL for each; HARD or UNKNOWN afterwards for one that was given up.
        forms: For every code point UNSEEN, NO_FORM, or the place of its form in `pool`.
        pool: The forms of the 128 ASCII characters, then others as their length and their bytes.
        words: Filled with the hashes of the words, text after text; as long as `codes` and
            `starts` together.
        lengths: Filled with the bytes of each word.
        ends: Filled with where the words of each text end.
    """
    count = 0
    for text in range(len(starts) - 1):
        at, end, raw = starts[text], starts[text + 1], states[text] == RAW
        opened = count
        word, length = np.uint64(0), 0
        form, form_end = 0, 0
        while at <= end:
            if form < form_end:
                byte = pool[form]
                form += 1
            elif at == end:
                byte = np.uint8(SPACE)
                at += 1
            else:
                byte = codes[at]
                at += 1
                if raw and byte < 128:
                    byte = pool[byte]
                elif raw:
                    code, at = _code_point(codes, at, byte)
                    place = forms[code]
                    if place <= 0:
                        states[text] = UNKNOWN if place == UNSEEN else HARD
                        break
                    form, form_end = place + 1, place + 1 + pool[place]
                    continue
            if byte != SPACE:
                if length < _TABLE_POWERS:
                    word += TABLE[byte] * _POWERS[length]
                else:
                    word += TABLE[byte] * _power(length)
                length += 1
            elif length:
                words[count], lengths[count] = word, length
                count += 1
                word, length = np.uint64(0), 0
        if count == opened and states[text] == RAW:
            states[text] = HARD
        ends[text] = count


@_inlined
def _code_point(codes: Any, at: Any, lead: Any) -> Any:
    """Decode the character whose first byte, before `at`, is `lead`; return it and its end."""
    one = np.int64(codes[at]) & 0x3F
    if lead < 0xE0:
        return (np.int64(lead) & 0x1F) << 6 | one, at + 1
    two = np.int64(codes[at + 1]) & 0x3F
    if lead < 0xF0:
        return (np.int64(lead) & 0xF) << 12 | one << 6 | two, at + 2
    three = np.int64(codes[at + 2]) & 0x3F
    return (np.int64(lead) & 0x7) << 18 | one << 12 | two << 6 | three, at + 3


@_compiled
def sign(words: Any, lengths: Any, ends: Any, values: Any, prints: Any) -> None:
    """Fill in the signature and a 128-bit fingerprint of each text of a batch.

    Args:
        words: As `read_words` filled them.
        lengths: As `read_words` filled them.
        ends: As `read_words` filled them.
        values: The signatures, a row for each text; must hold the greatest value everywhere.
        prints: The fingerprints: equal where and only where, but for chance, the texts are.
    """
    block = np.empty(_BLOCK, dtype=np.uint32)
    begin = 0
    for text in range(len(ends)):
        end = ends[text]
        one, two = np.uint64(0), np.uint64(0)
        for at in range(begin, end):
            one = _mix(one ^ words[at])
            two = _mix((two + words[at]) * _BASE + np.uint64(lengths[at]))
        prints[text, 0], prints[text, 1] = one, two
        for first in range(begin, max(end - 2, begin + 1), _BLOCK):
            last = min(first + _BLOCK, max(end - 2, begin + 1))
            for at in range(first, last):
                whole = np.uint64(0)
                for back in range(min(at + 3, end) - 1, at - 1, -1):
                    if back + 1 < min(at + 3, end):
                        whole = _joined(words[back], lengths[back], whole)
                    else:
                        whole = words[back]
                block[at - first] = np.uint32(_mix(whole) >> np.uint64(32))
            _lower_minima(block, last - first, values[text])
        begin = end


@_compiled
def find_grams(words: Any, ends: Any, size: Any, slots: Any, hits: Any) -> Any:
    """Find which runs of `size` words of the texts of a batch are in a table.

    Args:
        words: As `read_words` filled them.
        ends: As `read_words` filled them.
        size: Words in a run.
        slots: Hashes of runs by open addressing, 0 where free; its size is a power of 2.
        hits: Filled with the text and the slot of each run that is found.

    Returns:
        How many were found; what `hits` has no room for is not written.
    """
    mask = np.uint64(len(slots) - 1)
    found = 0
    begin = 0
    for text in range(len(ends)):
        end = ends[text]
        for first in range(begin, end - size + 1):
            whole = np.uint64(0)
            for at in range(first, first + size):
                whole = whole * _GRAM_BASE + words[at]
            whole = _mix(whole) | _ONE
            slot = whole & mask
            while slots[slot] and slots[slot] != whole:
                slot = (slot + _ONE) & mask
            if slots[slot]:
                if found < len(hits):
                    hits[found, 0], hits[found, 1] = text, np.int64(slot)
                found += 1
        begin = end
    return found


@_compiled
def insert(hashes: Any, slots: Any) -> None:
    """Put hashes into a table for `find_grams` that is at least twice as large."""
    mask = np.uint64(len(slots) - 1)
    for at in range(len(hashes)):
        slot = hashes[at] & mask
        while slots[slot] and slots[slot] != hashes[at]:
            slot = (slot + _ONE) & mask
        slots[slot] = hashes[at]


@_compiled
def _spans(codes: Any) -> Any:
    """Return hash, begin and end of every shingle of a normalised text."""
    words = 1
    for at in range(len(codes)):
        words += codes[at] == SPACE
    count = max(words - 2, 1)
    hashes = np.empty(count, dtype=np.uint64)
    begins = np.empty(count, dtype=np.int64)
    ends = np.empty(count, dtype=np.int64)
    # A ring of the last three words: where each begins, and its hash.
    opened = np.zeros(3, dtype=np.int64)
    hashed = np.zeros(3, dtype=np.uint64)
    word, seen, found = np.uint64(0), 0, 0
    for at in range(len(codes) + 1):
        if at < len(codes) and codes[at] != SPACE:
            word = (word ^ TABLE[codes[at]]) * _BASE
            continue
        hashed[seen % 3] = _mix(word)
        seen += 1
        if seen >= 3 or at == len(codes):
            whole = np.uint64(0)
            for back in range(max(seen - 3, 0), seen):
                whole = _mix(whole ^ hashed[back % 3])
            hashes[found], ends[found] = whole, at
            begins[found] = opened[max(seen - 3, 0) % 3]
            found += 1
        opened[seen % 3] = at + 1
        word = np.uint64(0)
    return hashes[:found], begins[:found], ends[:found]


@_compiled
def _same(one: Any, begin: Any, end: Any, other: Any, other_begin: Any, other_end: Any) -> Any:
    if end - begin != other_end - other_begin:
        return False
    at = 0
    while at < end - begin and one[begin + at] == other[other_begin + at]:
        at += 1
    return at == end - begin


@_compiled
def overlap(one: Any, other: Any) -> Any:
    """Return how many distinct shingles two normalised texts share, and have together.

    Exact: shingles that share a hash are compared byte by byte.
    """
    hashes, begins, ends = _spans(one)
    other_hashes, other_begins, other_ends = _spans(other)
    size = 4
    while size < 2 * (len(hashes) + len(other_hashes)):
        size *= 2
    mask = size - 1
    # Shingles of `one` are numbered up from 1, those of `other` down from -1.
    slots = np.zeros(size, dtype=np.int32)
    met = np.zeros(size, dtype=np.bool_)
    shared, together = 0, 0
    for number in range(len(hashes)):
        slot = np.int64(hashes[number] & np.uint64(mask))
        while slots[slot]:
            held = slots[slot] - 1
            if hashes[held] == hashes[number] and _same(
                one, begins[held], ends[held], one, begins[number], ends[number]
            ):
                break
            slot = (slot + 1) & mask
        if not slots[slot]:
            slots[slot] = number + 1
            together += 1
    for number in range(len(other_hashes)):
        slot = np.int64(other_hashes[number] & np.uint64(mask))
        begin, end = other_begins[number], other_ends[number]
        while slots[slot]:
            held = slots[slot]
            if held > 0:
                if hashes[held - 1] == other_hashes[number] and _same(
                    one, begins[held - 1], ends[held - 1], other, begin, end
                ):
                    break
            elif other_hashes[-held - 1] == other_hashes[number] and _same(
                other, other_begins[-held - 1], other_ends[-held - 1], other, begin, end
            ):
                break
            slot = (slot + 1) & mask
        if not slots[slot]:
            slots[slot] = -number - 1
            together += 1
        elif slots[slot] > 0 and not met[slot]:
            met[slot] = True
            shared += 1
    return shared, together
