"""Text in scripts without letter case: Chinese, Japanese, Korean, Arabic, Hebrew, Thai, Hindi, ...

No capital marks a name there, so names cannot be told, and their letters are blanked out. Numbers
stand directly beside letters ("共3件") or in digits of their own ("٣"), and East Asian signs make
dates and times of them ("2024年3月5日", "3시 30분"). What is read here has the offsets of the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from tunesmith.data.entities.dates import Day, FoundDate, FoundTime
from tunesmith.data.entities.numbers import FoundNumber
from tunesmith.data.entities.text import mask

_BEYOND = "\u0590-\u1dff\u2d30-\u2dde\u3005-\ufaff\ufb1d-\U0003ffff"
_OTHER = re.compile(rf"[{_BEYOND}](?<=\w)")
"""A letter where scripts without case are, or a digit other than 0 to 9 there; a few cased scripts
lie between."""
_UNCASED_WORD = re.compile(rf"(?:[{_BEYOND}](?<=[^\W\d_])){{2}}")
_LATIN_NAME = re.compile(r"(?<!\w)[A-Z][a-z]{2,}")
_OTHER_LETTER = re.compile("[\u0370-\u058f]")
_OTHER_NAME = re.compile(r"(?<!\w)[\u0370-\u058f]{3}")


class Uncased(NamedTuple):
    """A text in which uncased letters are blank, and what their signs made of its numbers."""

    text: str
    dates: tuple[FoundDate, ...] = ()
    times: tuple[FoundTime, ...] = ()
    numbers: tuple[FoundNumber, ...] = ()


def without_uncased(text: str) -> Uncased:
    """Return the text without its uncased letters; a text that has none comes back as it is."""
    if text.isascii() or not _OTHER.search(text):
        return Uncased(text)
    plain = text.translate(_DIGITS)
    dates = tuple(_dates(plain))
    plain = mask(plain, ((one.start, one.start + len(one.text)) for one in dates))
    times = tuple(_times(plain))
    plain = mask(plain, ((one.start, one.start + len(one.text)) for one in times))
    numbers = (*_scaled(plain), *_days_of_month(plain))
    plain = mask(plain, ((one.start, one.start + len(one.text)) for one in numbers))
    return Uncased(plain.translate(_BLANK), dates, times, numbers)


def is_uncased(text: str) -> bool:
    """Whether half of a text's letters or more have no case."""
    if text.isascii():
        return False
    letters = [sign for sign in text if sign.isalpha()]
    return 2 * sum(sign.lower() == sign.upper() for sign in letters) >= max(len(letters), 1)


def numerals(text: str) -> set[Decimal]:
    """Return the values of the Chinese numerals of a text; they only ever support a number."""
    if text.isascii():
        return set()
    found = (match.group() for match in _NUMERALS.finditer(text))
    return {Decimal(_value(run)) for run in found if len(run) <= _LONGEST}


def may_be_spelt_otherwise(name: str, text: str) -> bool:
    """Whether a text that lacks a name may hold it in the letters of another script.

    A name is then spelt by its sound ("Мария", "玛丽亚"), and no comparison of letters tells.
    """
    if not text.isascii() and _UNCASED_WORD.search(text):
        return True
    if _OTHER_LETTER.search(name):
        return _LATIN_NAME.search(text) is not None
    return not text.isascii() and any(
        match.group()[0].isupper() for match in _OTHER_NAME.finditer(text)
    )


class _Table(dict[int, int]):
    """What becomes of each character, read when it is met first."""

    def __init__(self, *, blank: bool) -> None:
        super().__init__({ord("。"): ord("."), ord("、"): ord(")"), ord("・"): ord(" ")})
        self.update({ord("٫"): ord("."), ord("٬"): ord(","), ord("\u3000"): ord(" ")})
        self._blank = blank

    def __missing__(self, code: int) -> int:
        self[code] = new = self._new(code, chr(code))
        return new

    def _new(self, code: int, sign: str) -> int:
        if 0xFF01 <= code <= 0xFF5E:  # the full-width forms of ASCII
            return code - 0xFEE0
        if code < 0x0590:
            return code
        if sign.isdecimal():
            return ord("0") + unicodedata.decimal(sign)
        uncased = sign.isalpha() and sign.lower() == sign.upper()
        return (
            ord(" ") if self._blank and (uncased or unicodedata.category(sign)[0] == "M") else code
        )


_DIGITS, _BLANK = _Table(blank=False), _Table(blank=True)

_ONES = {sign: value for value, sign in enumerate("〇一二三四五六七八九")}
_ONES |= {"零": 0, "两": 2, "兩": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERALS = re.compile(f"[{''.join((*_ONES, *_TENS, *_MYRIADS))}]+")
_LONGEST = 24
"""Signs of a numeral that is read."""


def _value(run: str) -> int:
    """Return the value of a Chinese numeral, or of a run of its digits such as "二〇二四"."""
    if run.isdecimal():
        return int(run)
    if len(run) > 1 and all(sign in _ONES for sign in run):
        return int("".join(str(_ONES[sign]) for sign in run))
    total = part = one = 0
    for sign in run:
        if sign in _ONES:
            one = _ONES[sign]
        elif sign in _TENS:
            part, one = part + max(one, 1) * _TENS[sign], 0
        else:
            total, part, one = (total + max(part + one, 1)) * _MYRIADS[sign], 0, 0
    return total + part + one


_SMALL = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_DATE = re.compile(
    rf"(?<!\d)(?:(?P<year>\d{{4}}|[〇零一二三四五六七八九]{{4}})\s?[年년]\s?)?"
    rf"(?<![\d一二三四五六七八九十])(?P<month>{_SMALL})\s?[月월]"
    rf"(?:\s?(?P<day>{_SMALL})\s?[日号號일])?"
)
_TIME = re.compile(
    r"(?<!\d)(?P<half>上午|下午|晚上|早上|午前|午後|오전|오후)?\s?(?P<hour>\d{1,2})\s?[点點时時시](?![间間간])"
    r"(?:\s?(?:(?P<minute>[0-5]?\d)\s?[分분]|(?P<thirty>[半반])))?"
)
_DAY_OF_MONTH = re.compile(r"(?<![\d.,])(?P<day>\d{1,2})(?=\s?[日号號일](?![间間간]))")
_SCALES = {
    "百": 100, "千": 1000, "천": 1000, "万": 10**4, "萬": 10**4, "만": 10**4, "百万": 10**6,
    "百萬": 10**6, "千万": 10**7, "亿": 10**8, "億": 10**8, "억": 10**8, "हज़ार": 1000, "हजार": 1000,
    "लाख": 10**5, "करोड़": 10**7, "พัน": 1000, "ล้าน": 10**6, "ألف": 1000, "مليون": 10**6,
    "אלף": 1000, "מיליון": 10**6,
}  # fmt: skip
_SCALED = re.compile(
    r"(?<![\d.,])(?P<digits>\d{1,3}(?:,\d{3}){1,4}|\d{1,12})(?P<rest>\.\d{1,6})?\s?"
    rf"(?P<scale>{'|'.join(sorted(_SCALES, key=len, reverse=True))})"
)


def _dates(text: str) -> Iterator[FoundDate]:
    for match in _DATE.finditer(text):
        year, month, day = match.group("year", "month", "day")
        read = Day(
            None if year is None else _value(year), _value(month), (day and _value(day)) or None
        )
        if 1 <= (read.month or 0) <= 12 and (read.day or 1) <= _LENGTHS[(read.month or 1) - 1]:
            yield FoundDate(match.start(), match.group(), (read,))


_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _times(text: str) -> Iterator[FoundTime]:
    """Read "下午3点", "15時30分", "3시 반"; "3点" alone may be three points and stays a number."""
    for match in _TIME.finditer(text):
        half, hour, minute, thirty = match.group("half", "hour", "minute", "thirty")
        if not (half or minute or thirty) or int(hour) > 24:
            continue
        start = int(hour) % 24 * 60 + (30 if thirty else int(minute or 0))
        other = (start + 720) % 1440
        yield FoundTime(match.start(), match.group(), (start, other) if start < 780 else (start,))


def _scaled(text: str) -> Iterator[FoundNumber]:
    for match in _SCALED.finditer(text):
        number = Decimal(match["digits"].replace(",", "") + (match["rest"] or ""))
        yield FoundNumber(match.start(), match.group(), (number * _SCALES[match["scale"]],))


def _days_of_month(text: str) -> Iterator[FoundNumber]:
    for match in _DAY_OF_MONTH.finditer(text):
        yield FoundNumber(match.start(), match.group(), (Decimal(match["day"]),), ordinal=True)
