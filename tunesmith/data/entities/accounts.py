"""What an answer accounts for itself, though its source does not hold it.

It works a number out ("48 / 2 = 24"), counts the items of its own list, counts up to a rank, or
abbreviates words that it has just written. Nor can a name be missed that the source may spell in
another script.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from tunesmith.data.entities import Found
from tunesmith.data.entities.arithmetic import NOTHING, Worked, worked_out, worked_out_plainly
from tunesmith.data.entities.names import FoundName
from tunesmith.data.entities.number_words import ORDINALS
from tunesmith.data.entities.numbers import FoundNumber, list_length
from tunesmith.data.entities.text import lowered, words_of
from tunesmith.data.entities.uncased import may_be_spelt_otherwise

_WORD = re.compile(r"[^\W_]+")


class Accounts:
    """What of an answer states no fact that a source must hold, read when something is missing."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source

    def account_for(self, claim: Found) -> bool:
        """Whether the answer itself accounts for a claim, or the claim cannot be compared."""
        if isinstance(claim, FoundName):
            return claim.text in self._abbreviations or may_be_spelt_otherwise(
                claim.text, self._source
            )
        if isinstance(claim, FoundNumber):
            return self._has_number(claim)
        return _covers(self._worked_out.spans, claim.start)

    def _has_number(self, claim: FoundNumber) -> bool:
        if not self._plainly.values.isdisjoint(claim.values):
            return True
        if not self._worked_out.values.isdisjoint(claim.values):
            return True
        if claim.ordinal:
            return self._enumerates(claim)
        return not claim.unit and self._list_length in claim.values

    def _enumerates(self, claim: FoundNumber) -> bool:
        """Whether the answer counts up to a rank: "the first set, the second, the third"."""
        before = ORDINALS[: int(claim.values[0]) - 1]
        return claim.in_words and words_of(lowered(self._text)).issuperset(before)

    @cached_property
    def _list_length(self) -> int:
        return list_length(self._text)

    @cached_property
    def _plainly(self) -> Worked:
        return worked_out_plainly(self._text) if "=" in self._text else NOTHING

    @cached_property
    def _worked_out(self) -> Worked:
        return worked_out(self._text) if "=" in self._text else NOTHING

    @cached_property
    def _abbreviations(self) -> set[str]:
        return set(_abbreviations(self._text))


def _covers(spans: Iterable[tuple[int, int]], at: int) -> bool:
    return any(start <= at < end for start, end in spans)


_ABBREVIATION = re.compile(r"\((?P<letters>[A-Z]{2,6})s?\)")
_INITIALS = 100
"""Characters before an abbreviation among which its words are looked for."""


def _abbreviations(text: str) -> Iterator[str]:
    """Yield the abbreviations that stand in brackets behind the words whose initials they are."""
    for match in _ABBREVIATION.finditer(text):
        before = _WORD.findall(text[max(0, match.start() - _INITIALS) : match.start()])
        letters = match["letters"]
        words = before[-len(letters) :]
        if "".join(word[0].upper() for word in words) == letters:
            yield letters
