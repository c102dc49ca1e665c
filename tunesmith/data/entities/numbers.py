"""Numbers in digits and in English words, with the unit that changes what they claim.

"1,200", "1200" and "twelve hundred" are the same number; "$45.00" and "45 dollars" too. Numbers
that state no fact are left out unless asked for: list numbers, "first", "second", and "one" where
it is not a measure ("one of them").
"""

import re
from decimal import Decimal
from typing import NamedTuple

from tunesmith.data.entities.number_words import (
    FIRST_WORDS,
    NUMBER_IN_WORDS,
    is_ordinal,
    value_in_words,
)
from tunesmith.data.entities.text import (
    aligned,
    lowered,
    mask,
    matches_at,
    starts,
    words_of,
    zeroed,
)


class FoundNumber(NamedTuple):
    """A number, where it starts, the values that it may have, and its unit.

    `unit` is "%", an ISO 4217 currency code, "s" or "month" for durations, "" for a bare number,
    or "implied" by a word ("a box", "double"). `factor` turns the values, which are as written,
    into that unit: 86400 for days.
    """

    start: int
    text: str
    values: tuple[Decimal, ...]
    unit: str = ""
    factor: int = 1
    ordinal: bool = False

    @property
    def in_words(self) -> bool:
        """Whether the number is written in words."""
        return not any(map(str.isdecimal, self.text))

    @property
    def normal(self) -> str:
        """The values in the unit, as in "1200", "45 USD", "172800 s" or "1.2|1200"."""
        values = "|".join(plain(value * self.factor) for value in self.values)
        return f"{values} {self.unit}".strip()


def plain(value: Decimal) -> str:
    """Return the value without exponent and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_CURRENCIES = {
    "USD": "$ us$ usd dollar dollars buck bucks",
    "EUR": "€ eur euro euros",
    "GBP": "£ gbp quid",
    "JPY": "¥ jpy yen",
    "INR": "₹ inr rupee rupees",
}
_UNITS = {name: (code, 1) for code, names in _CURRENCIES.items() for name in names.split()}
_UNITS |= dict.fromkeys(("%", "percent", "per cent", "pct"), ("%", 1))
_DURATIONS = {
    ("s", 1): "second sec",
    ("s", 60): "minute min",
    ("s", 3600): "hour hr h",
    ("s", 86400): "day",
    ("s", 604800): "week",
    ("s", 1209600): "fortnight",
    ("month", 1): "month",
    ("month", 12): "year yr",
}
for _unit, _names in _DURATIONS.items():
    for _name in _names.split():
        _UNITS[_name] = _UNITS[_name + "s"] = _unit

_UNIT_NAMES = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_UNIT_AFTER = re.compile(
    r"[\s-]{0,2}(?:(?:business|working|calendar|full|whole|consecutive|more|additional|extra)[\s-])?"
    rf"(?P<unit>{_UNIT_NAMES})(?!\w)",
    re.IGNORECASE,
)
_SCALE_AFTER = re.compile(
    r"[\s-]?(?P<scale>hundred|thousand|million|billion|dozen|bn)\b", re.IGNORECASE
)
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_SCALES |= {"dozen": 12, "bn": 10**9, "k": 10**3, "m": 10**6}
_DIGITS = re.compile(
    r"(?<!\w)(?<!\d[.,])(?P<currency>[$€£¥₹]\s?|(?:USD|EUR|GBP)\s?)?"
    r"(?P<digits>\d{1,3}(?:(?P<group>[,.'’\u00a0\u202f])\d{3}(?:(?P=group)\d{3}){0,4})(?!\d)"
    r"(?:[.,]\d{1,2}(?!\d))?|\d{1,15}(?!\d)(?:[.,]\d{1,9}(?!\d))?)"
    r"(?P<suffix>[^\W\d_]{0,9})(?!\w)",
    re.IGNORECASE,
)
_POINT_BEFORE = re.compile(r"(?:\A|[\s(=<*x×/+-])\.")
"""The point of a number below one without its zero: ".5"."""
_DIGIT = re.compile(r"\d")
_HALF = re.compile(r"\sand\sa\shalf\b", re.IGNORECASE)
_HALF_LENGTH = len(" and a half")
_ORDINAL_SUFFIXES = ("st", "nd", "rd", "th")

_IMPLIED = {
    "once": "1", "single": "1", "sole": "1", "twice": "2", "double": "2", "doubled": "2",
    "both": "2", "pair": "2", "couple": "2", "duplicate": "2", "duplicated": "2", "thrice": "3",
    "triple": "3", "treble": "3", "quadruple": "4", "half": "0.5", "an": "1", "a": "1",
    "half a": "0.5", "half an": "0.5",
}  # fmt: skip
"""Words that say how many without being a number; they only ever support one."""
_IMPLIED_VALUES = {word: Decimal(value) for word, value in _IMPLIED.items()}
_IMPLIED_WORDS = re.compile(
    rf"(?<!\w)(?:{'|'.join(sorted(_IMPLIED, key=len, reverse=True))})(?!\w)", re.IGNORECASE
)
_IMPLIED_SMALL = re.compile(_IMPLIED_WORDS.pattern)
_AFTER_LIST_NUMBER = re.compile(r"0[.):]\s")
_LIST_NUMBER = re.compile(r"(?m)^[ \t>*-]{0,8}\(?\d{1,2}[.):](?=\s)|(?i:\bsteps?\s\d{1,2}\b)")
_LISTED = re.compile(r"(?<![\w.,:$€£(-])\(?(?P<number>\d{1,2})[.)]\s")
_LISTED_IN_LINE = re.compile(r"[^\s0] \(?00?[.)]\s")
_BULLET = re.compile(r"(?m)^[ \t]{0,8}[-*•–]\s")
_IDIOM = re.compile(
    r"-(?:factor|step|way|party|hand|sided|fold|class|rate)\b|\sparty\b", re.IGNORECASE
)


def find_numbers(text: str) -> list[FoundNumber]:
    """Return the numbers that state a fact. Identifiers, dates and times must be masked before."""
    zeros = zeroed(text)
    if "0" in zeros and (_AFTER_LIST_NUMBER.search(zeros) or "step" in lowered(text)):
        listed = list(_LIST_NUMBER.finditer(text))
        if _LISTED_IN_LINE.search(zeros):
            listed += _in_line(text)
        text = mask(text, (match.span() for match in listed))
    return [number for number in stated_numbers(text) if not _says_nothing(number, text)]


def _in_line(text: str) -> list[re.Match[str]]:
    """Return the numbers of a list, as in "1. Unplug it. 2. Wait.", that may run on in its line."""
    listed: list[re.Match[str]] = []
    wanted = 1
    for match in _LISTED.finditer(text):
        number = int(match["number"])
        if number == wanted:
            listed.append(match)
            wanted += 1
    return listed if len(listed) > 1 else []


def list_length(text: str) -> int:
    """Return how many items the list of a text has, by its numbers or its bullets; 0 is none."""
    return max(len(_in_line(text)), len(_BULLET.findall(text)))


def implied_numbers(text: str) -> list[FoundNumber]:
    """Return what words such as "twice" and "a" could lend to an answer."""
    implied = []
    # Where every character has one, small letters spare the pattern to look at both.
    pattern, searched = _IMPLIED_WORDS, text
    if text.isascii():
        pattern, searched = _IMPLIED_SMALL, text.lower()
    for match in pattern.finditer(searched):
        value = _IMPLIED_VALUES[lowered(match.group())]
        number = _measured(text, *match.span(), (value,))
        implied.append(number if number.unit else number._replace(unit="implied"))
    return implied


def stated_numbers(text: str) -> list[FoundNumber]:
    """Return the numbers in digits and, in what is left, those in words."""
    digits = _in_digits(text)
    rest = mask(text, ((number.start, number.start + len(number.text)) for number in digits))
    return [*digits, *_in_words(rest)]


def _says_nothing(number: FoundNumber, text: str) -> bool:
    """Whether a number in words states no fact: "one of", "the second", "two-step"."""
    if _DIGIT.search(number.text):
        return False
    if _IDIOM.match(text, number.start + len(number.text)):
        return True
    if number.ordinal:
        return number.values[0] <= 2
    brief = number.unit == "s" and number.factor <= 60  # "one minute, please"
    return number.values[0] == 0 or (number.values[0] == 1 and (brief or not number.unit))


def _in_words(text: str) -> list[FoundNumber]:
    found: list[FoundNumber] = []
    present = FIRST_WORDS & words_of(lowered(text))
    if not present:
        return found
    low = aligned(text)
    matches = (
        NUMBER_IN_WORDS.finditer(text)
        if low is None
        else matches_at(NUMBER_IN_WORDS, text, starts(low, present))
    )
    for match in matches:
        start, end = match.span()
        value, ordinal = Decimal(value_in_words(match.group())), is_ordinal(match.group())
        half = None if ordinal else _HALF.match(text, end)
        if half:
            value, end = value + Decimal("0.5"), half.end()
        found.append(_measured(text, start, end, (value,), ordinal=ordinal))
    return found


def _in_digits(text: str) -> list[FoundNumber]:
    found: list[FoundNumber] = []
    for match in matches_at(_DIGITS, text, _numeral_starts(text)):
        start, end = match.start(), match.end("digits")
        values = _values(match["digits"], match["group"])
        if match["digits"].isdecimal() and _POINT_BEFORE.match(text, max(0, start - 2), start):
            start, values = start - 1, (Decimal(f".{match['digits']}"),)
        suffix = lowered(match["suffix"])
        scale = _SCALE_AFTER.match(text, end)
        if scale:
            values, end = _times(values, lowered(scale["scale"])), scale.end()
        elif suffix in ("k", "m", "bn") and (match["currency"] or suffix == "k"):
            values, end = _times(values, suffix), match.end()
        elif suffix in _ORDINAL_SUFFIXES:
            end = match.end()
        elif not suffix and text.startswith(" and a half", end):
            values, end = tuple(value + Decimal("0.5") for value in values), end + _HALF_LENGTH
        number = _measured(text, start, end, values, ordinal=suffix in _ORDINAL_SUFFIXES)
        if not number.unit and end < match.end():  # letters of no known meaning: "500GB"
            number = number._replace(text=text[start : match.end()])
        if match["currency"]:
            number = number._replace(unit=_UNITS[lowered(match["currency"]).strip()][0], factor=1)
        found.append(number)
    return found


def _numeral_starts(text: str) -> list[int]:
    """Return where a number in digits can start, with its currency or without."""
    places = [match.start() for match in _NUMERAL.finditer(zeroed(text))]
    low = lowered(text)
    if places and ("usd" in low or "eur" in low or "gbp" in low):
        places += [match.start() for match in _CODED.finditer(text)]
        places.sort()
    return places


_NUMERAL = re.compile("[$€£¥₹0](?:(?<=0)0+)?")
_CODED = re.compile("USD|EUR|GBP", re.IGNORECASE)


def _measured(
    text: str, start: int, end: int, values: tuple[Decimal, ...], *, ordinal: bool = False
) -> FoundNumber:
    """Add the unit that follows, if one does, and express durations in their base unit."""
    after = None if ordinal else _UNIT_AFTER.match(text, end)
    if after is None:
        return FoundNumber(start, text[start:end], values, ordinal=ordinal)
    unit, factor = _UNITS[" ".join(lowered(after["unit"]).split())]
    return FoundNumber(start, text[start : after.end()], values, unit, factor)


def _times(values: tuple[Decimal, ...], scale: str) -> tuple[Decimal, ...]:
    return tuple(value * _SCALES[scale] for value in values)


def _values(digits: str, group: str | None) -> tuple[Decimal, ...]:
    """Return the readings of a numeral: "1.200" may be a decimal or a thousand and more."""
    if group is None:
        return (Decimal(digits.replace(",", ".")),)
    cents = re.search(r"[.,](\d{1,2})$", digits)
    whole = digits[: cents.start()] if cents else digits
    joined = Decimal(re.sub(r"\D", "", whole) + (f".{cents[1]}" if cents else ""))
    if group == "." and digits.count(".") == 1 and not cents:
        return (Decimal(digits), joined)
    return (joined,)
