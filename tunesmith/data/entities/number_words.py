"""Numbers written in English words: "twelve hundred", "two thousand and five", "twenty-first"."""

import re

from tunesmith.data.entities.text import lowered

_ONES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
"""
ONES, TENS, ORDINALS = _ONES.split(), _TENS.split(), _ORDINALS.split()
_TENTHS = [word[:-1] + "ieth" for word in TENS]
ORDINAL_VALUES = {word: value for value, word in enumerate(ORDINALS, 1)}
ORDINAL_VALUES |= {word: 10 * value for value, word in enumerate(_TENTHS, 2)}
VALUES = {word: value for value, word in enumerate(ONES)}
VALUES |= {word: 10 * value for value, word in enumerate(TENS, 2)}
VALUES |= ORDINAL_VALUES
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def _any(words: list[str]) -> str:
    """Alternatives, the longest first, so that "sixth" is not read as "six"."""
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


FIRST_WORDS = frozenset((*VALUES, "hundred", *SCALES, "dozen"))
"""The words of which one stands in every number in words."""
_UNITS = _any([*ONES[1:10], *ORDINALS[:9]])
_SMALL = rf"(?:{_any(TENS)}(?:[\s-]{_UNITS}\b)?|{_any([*ONES, *ORDINALS, *_TENTHS])})\b"
_HUNDREDS = rf"(?:(?:{_SMALL}[\s-])?hundred\b(?:\s(?:and\s)?{_SMALL})?|{_SMALL})"
_SCALED = rf"(?:{_HUNDREDS}[\s-])?(?:thousand|million|billion)\b"
_FIRST = _any([*ONES, *TENS, *ORDINALS, *_TENTHS, "hundred", *SCALES, "dozen"])
NUMBER_IN_WORDS = re.compile(
    rf"(?<!\w)(?=[a-z])(?={_FIRST})(?:{_SCALED}(?:\s{_SCALED})?(?:\s(?:and\s)?{_HUNDREDS})?|(?:{_SMALL}\s)?dozen\b"
    rf"|{_HUNDREDS})(?!\w)",
    re.IGNORECASE,
)


def value_in_words(phrase: str) -> int:
    """Return the value of a phrase that `NUMBER_IN_WORDS` matched."""
    total = current = 0
    for word in re.findall("[a-z]+", lowered(phrase)):
        if word == "dozen":
            current = max(current, 1) * 12
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in SCALES:
            total, current = total + max(current, 1) * SCALES[word], 0
        else:
            current += VALUES.get(word, 0)
    return total + current


def is_ordinal(phrase: str) -> bool:
    """Whether a phrase in words is a rank and not a count."""
    return re.split(r"[\s-]", lowered(phrase))[-1] in ORDINAL_VALUES
