"""Calendar dates and clock times in running English text.

A date may be partial ("March 14", "Saturday", "March 2026") and may have two readings
("03/04": 4 March or 3 April). Nothing here knows what day it is today.
"""

import re
from collections.abc import Callable, Iterable, Set
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from tunesmith.data.entities.text import (
    aligned,
    lowered,
    mask,
    matches_at,
    starts,
    words_of,
    zeroed,
)

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ORDINAL_WORDS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third",
    "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth",
    "twenty-ninth", "thirtieth", "thirty-first",
)  # fmt: skip


class Day(NamedTuple):
    """What a text says about a day; None is a field that it leaves open.

    `weekday` is 0 for Monday to 6 for Sunday; `offset` is days from today, for "tomorrow".
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        """Return an ISO 8601 date, with `-` for the open fields before the first known one."""
        if self.offset is not None:
            return f"today{self.offset:+d}"
        parts = [] if self.weekday is None else [WEEKDAYS[self.weekday]]
        if self.month is not None:
            year = "-" if self.year is None else f"{self.year:04d}"
            day = "" if self.day is None else f"-{self.day:02d}"
            parts.append(f"{year}-{self.month:02d}{day}")
        return " ".join(parts)

    def implied_weekday(self) -> int | None:
        """Return the weekday that is written or that follows from a whole date."""
        if self.weekday is None and self.year and self.month and self.day:
            return date(self.year, self.month, self.day).weekday()
        return self.weekday


class FoundDate(NamedTuple):
    """A date, where it starts, and what it may mean."""

    start: int
    text: str
    readings: tuple[Day, ...]


class FoundTime(NamedTuple):
    """A time of day, where it starts, and what it may mean in minutes after midnight."""

    start: int
    text: str
    readings: tuple[int, ...]


_MONTH = (
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
)
_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?)\b"
)
_DAY = (
    r"(?:(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?![\d%]|[.,:]\d|\s?[ap]\.?m\b)\b|(?:"
    + "|".join(sorted(ORDINAL_WORDS, key=len, reverse=True))
    + r")\b)"
)
_YEAR = r"(?:(?:19|20)\d\d\b|['’]\d\d\b)"
_AND = r"\s{0,2}(?:-|–|—|to|and|or|&|until|through)\s{0,2}(?:the\s)?"
_BEFORE = rf"(?<![\w/-])(?<!\d\.)(?:(?P<weekday>{_WEEKDAY})[.,]?\s+(?:the\s+)?)?"
_AFTER = rf"(?:,?\s?\(?(?P<weekday_after>{_WEEKDAY})\)?)?"
_END = r"(?![\w/]|[-.]\d|-\w)"
_PREPOSITION = (
    r"(?:on|by|until|till|since|before|after|from|due|in|of|this|next|last|every|early|late|mid"
    r"|through|to|and|or|for|is|was|coming|,|\()[\s-]?$"
)
_BEFORE_SLASH = re.compile(
    r"\b(?:on|by|until|till|since|before|after|from|due|dated|date:|starting)\s$", re.IGNORECASE
)
_BEFORE_MONTH = re.compile(
    r"\b(?:in|of|since|until|till|last|next|mid|early|late)[\s-]$", re.IGNORECASE
)
_BEFORE_WEEKDAY = re.compile(r"\b(?:on|by|until|till|last|next|every)\s$", re.IGNORECASE)
_NAMED = re.compile(_PREPOSITION, re.IGNORECASE)


def _pattern(body: str) -> re.Pattern[str]:
    return re.compile(body, re.IGNORECASE)


_ISO = _pattern(
    rf"{_BEFORE}(?P<y>(?:19|20)\d\d)(?P<s>[-/.])(?P<a>\d\d?)(?P=s)(?P<b>\d\d?)"
    rf"(?=t\d|(?!\w|[-/]\w)){_AFTER}"
)
_NUMERIC = _pattern(
    rf"{_BEFORE}(?P<a>\d\d?)(?P<s>[-/.])(?P<b>\d\d?)(?P=s)(?P<y>(?:19|20)\d\d|\d\d)(?!\d){_END}{_AFTER}"
)
_SLASH = _pattern(rf"{_BEFORE}(?P<a>\d\d?)/(?P<b>\d\d?){_END}(?!\.\d)")
_DAY_MONTH = _pattern(
    rf"{_BEFORE}(?P<a>{_DAY})(?:{_AND}(?P<b>{_DAY}))?(?:\.?\s|-|/|\s+of\s+)(?P<m>{_MONTH})"
    rf"(?:,?[\s/-](?P<y>{_YEAR}))?{_END}{_AFTER}"
)
_MONTH_DAY = _pattern(
    rf"{_BEFORE}(?P<m>{_MONTH})(?:[\s-](?:the\s)?|,\s(?={_DAY}\s*(?:[.,;!?)]|,?\s?{_YEAR}|$)))"
    rf"(?P<a>{_DAY})(?:{_AND}(?P<b>{_DAY}))?"
    rf"(?:,?[\s-](?P<y>{_YEAR}))?{_END}{_AFTER}"
)
_MONTH_YEAR = _pattern(rf"(?<!\w)(?P<m>{_MONTH})(?:,?\s+(?:of\s+)?|-)(?P<y>{_YEAR}){_END}")
_MONTH_ALONE = _pattern(rf"(?<![\w-])(?:mid-|early-|late-)?(?P<m>{'|'.join(MONTHS)})(?!\w)")
_WEEKDAY_ALONE = _pattern(
    r"(?<!\w)(?P<w>(?:mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)"
    r"(?!\w)"
)
_RELATIVE = _pattern(r"(?<!\w)(?P<o>tomorrow|yesterday)(?!\w)")
_OFFSETS = {"tomorrow": 1, "yesterday": -1}


def find_dates(text: str) -> list[FoundDate]:
    """Return the dates of the text; bare month and weekday names only where they mean one."""
    found: list[FoundDate] = []
    places = _Places(text)
    for look, read in _FORMS:
        spans = []
        for match in look(text, places):
            dates = read(match)
            if dates:
                spans.append(match.span())
                found += dates
        if spans:
            text = mask(text, spans)
    return found


def _numeric(match: re.Match[str]) -> list[FoundDate]:
    """Read year-month-day, or day and month in either order before a year."""
    a, b = int(match["a"]), int(match["b"])
    year = _year(match["y"])
    orders = ((a, b),) if match.re is _ISO else ((b, a), (a, b))
    weekday = _weekday(match["weekday"] or match["weekday_after"])
    return _found(match.start(), match.group(), year, orders, weekday)


def _slash(match: re.Match[str]) -> list[FoundDate]:
    """Read "14/03" and "by 3/4"; with a single digit and no such word, "1/2" is a fraction."""
    padded = len(match["a"]) == len(match["b"]) == 2
    before = match.string[max(0, match.start() - 10) : match.start()]
    if not (padded or match["weekday"] or _BEFORE_SLASH.search(before)):
        return []
    return _day_and_month(match)


def _day_and_month(match: re.Match[str]) -> list[FoundDate]:
    a, b = int(match["a"]), int(match["b"])
    weekday = _weekday(match["weekday"])
    return _found(match.start(), match.group(), None, ((b, a), (a, b)), weekday)


def possible_dates(text: str) -> list[FoundDate]:
    """Return all that could be a day and a month with a slash, fractions too."""
    if "/" not in text:
        return []
    return [found for match in _SLASH.finditer(text) for found in _day_and_month(match)]


def _month_and_days(match: re.Match[str]) -> list[FoundDate]:
    """Read "14 March 2026", "March 14th", "14-16 March"; "option 1 may help" is no date."""
    month, a, b, y, before, after = match.group("m", "a", "b", "y", "weekday", "weekday_after")
    if match.re is _DAY_MONTH and month.startswith("may"):
        proof = y or not a.isdigit() or " of " in match.group()
        if not proof:
            return []
    number = _month(month)
    year = None if y is None else _year(y)
    weekday = _weekday(before or after)
    if b is None:
        return _found(match.start(), match.group(), year, ((number, _day(a)),), weekday)
    spans = (
        ("a", match.start(), match.end("a"), weekday),
        ("b", match.start("b"), match.end(), None),
    )
    found: list[FoundDate] = []
    for group, start, end, its_weekday in spans:
        order = ((number, _day(match[group])),)
        found += _found(start, match.string[start:end], year, order, its_weekday)
    return found


def _month_and_year(match: re.Match[str]) -> list[FoundDate]:
    if match["m"].lower() == "may" and match["m"][0] == "m":
        return []
    day = Day(_year(match["y"]), _month(match["m"]))
    return [FoundDate(match.start(), match.group(), (day,))]


def _month_alone(match: re.Match[str]) -> list[FoundDate]:
    """Read a month; "March", "May" and "August" only after a word such as "in"."""
    name = match["m"]
    if name.lower() in ("may", "march", "august") and not _prepared(match, _BEFORE_MONTH, name):
        return []
    return [FoundDate(match.start(), match.group(), (Day(month=_month(name)),))]


def _weekday_alone(match: re.Match[str]) -> list[FoundDate]:
    """Read a weekday; "Sat" and "Sun" and the like only after a word such as "on"."""
    name = match["w"]
    whole = re.search("days?$", name, re.IGNORECASE)
    if not whole and not _prepared(match, _BEFORE_WEEKDAY, name):
        return []
    return [FoundDate(match.start(), match.group(), (Day(weekday=_weekday(name)),))]


def _relative(match: re.Match[str]) -> list[FoundDate]:
    offset = _OFFSETS[lowered(match["o"])]
    return [FoundDate(match.start(), match.group(), (Day(offset=offset),))]


def _prepared(match: re.Match[str], words: re.Pattern[str], name: str) -> bool:
    """Whether a word that announces a date stands just before the match.

    In lower case, where "may", "sun" and "sat" are mostly other words, only a few words do.
    """
    before = match.string[max(0, match.start() - 12) : match.start()]
    return (words if name[0].islower() else _NAMED).search(before) is not None


_ANY_MONTH = frozenset((*MONTHS, *(month[:3] for month in MONTHS), "sept"))
_ANY_WEEKDAY = frozenset(
    (
        *WEEKDAYS,
        *(f"{day}s" for day in WEEKDAYS),
        *(day[:3] for day in WEEKDAYS),
        *("tues", "thur", "thurs"),
    )
)


_ANY_WORD = _ANY_MONTH | _ANY_WEEKDAY | frozenset(_OFFSETS)


class _Places:
    """Where the dates of a text can be: what no form of a date can do without."""

    def __init__(self, text: str) -> None:
        self.zeros = zeroed(text)
        self.low = aligned(text)
        words = _ANY_WORD & words_of(self.low or lowered(text))
        self.months = self._at(_ANY_MONTH & words)
        self.weekdays = self._at(_ANY_WEEKDAY & words)
        self.relatives = self._at(_OFFSETS.keys() & words)

    def _at(self, words: Set[str]) -> list[int] | None:
        """Return where some words of the text stand, in order; None is anywhere."""
        if not words:
            return []
        return None if self.low is None else starts(self.low, words)


_Look = Callable[[str, _Places], Iterable[re.Match[str]]]
_SIGHT = 40
"""Characters before a month among which its day is looked for."""
_TO_DAY = re.compile(r"[a-z]{0,6}\.?,?[\s-](?:the\s)?[\dfsten]")
_JOINS = ("-", "–", "—", "to", "and", "or", "&", "until", "through")
_ENDED_WEEKDAYS = (day + stop for day in sorted(_ANY_WEEKDAY) for stop in ("", ".", ","))
_LEADS_ON = (*_JOINS, "the", *_ENDED_WEEKDAYS)
"""How the word before a day or a month ends that belongs to the date, as in "Monday, the 3rd"."""
_REACH, _MOST_WORDS = (72, 400), 8
"""Characters in which the start of such a date is looked for, and the words there that are enough:
before the month stand seven at most, "Monday the 3rd and the 4th of"."""


def _in_shape(pattern: re.Pattern[str], shape: str) -> _Look:
    """Look where the text has a shape, in which 0 is any digit."""
    may_be = re.compile(shape)

    def look(text: str, places: _Places) -> Iterable[re.Match[str]]:
        return pattern.finditer(text) if may_be.search(places.zeros) else ()

    return look


def _at_words(pattern: re.Pattern[str], places_of: Callable[[_Places], list[int] | None]) -> _Look:
    """Look where the words stand with which a form starts."""

    def look(text: str, places: _Places) -> Iterable[re.Match[str]]:
        at = places_of(places)
        return pattern.finditer(text) if at is None else matches_at(pattern, text, at)

    return look


def _around_months(pattern: re.Pattern[str], earliest: Callable[[str, int], int | None]) -> _Look:
    """Look from where a date with a month can start; `earliest` is None where none can."""

    def look(text: str, places: _Places) -> Iterable[re.Match[str]]:
        if not places.months:
            return pattern.finditer(text) if places.months is None else ()
        low = lowered(text)
        found: list[int] = []
        floor = 0  # no date before a month has another one in it
        for at in places.months:
            start = earliest(low, at)
            if start is not None:
                found += _word_starts(text, max(start, floor), at)
            floor = at + 1
        return matches_at(pattern, text, found)

    return look


def _word_starts(text: str, start: int, end: int) -> list[int]:
    """Return where words and numbers start between two places, both counted."""
    return [
        at
        for at in range(start, end + 1)
        if text[at].isalnum() and not (at and (text[at - 1].isalnum() or text[at - 1] in "_/-"))
    ]


def _from_day(low: str, at: int) -> int | None:
    """Return the earliest place of a date in which a day stands before the month at a place."""
    if at == 0 or not (low[at - 1].isspace() or low[at - 1] in "-/"):
        return None
    base = max(0, at - _SIGHT)
    before = low[base : at - 1].rstrip()
    if base and len(before) < len("d of"):
        return _from_afar(low, at)
    before = before.removesuffix("of").rstrip().removesuffix(".")
    if not before:
        return _from_afar(low, at) if base else None
    if not (before[-1].isdigit() or before[-1] in "tdh"):
        return None
    *words, day = before.rsplit(None, 2)
    if day.startswith(_JOINS) or not _stands_alone(words, base):
        return _from_afar(low, at)
    return base + len(before) - len(day)


def _from_month(low: str, at: int) -> int | None:
    """Return the earliest place of a date in which a day stands behind the month at a place."""
    if not _TO_DAY.match(low, at + len("may")):
        return None
    base = max(0, at - _SIGHT)
    return at if _stands_alone(low[base:at].rsplit(None, 2), base) else _from_afar(low, at)


def _stands_alone(words: list[str], base: int) -> bool:
    """Whether the last of some words, which start at a place of a text, leads on to no date."""
    if base and len(words) < 2:
        return False
    return not (words and words[-1].endswith(_LEADS_ON))


def _from_afar(low: str, at: int) -> int:
    for reach in _REACH:
        if at > reach and len(low[at - reach : at].split()) >= _MOST_WORDS:
            return at - reach
    return 0


def _at_months_alone(text: str, places: _Places) -> Iterable[re.Match[str]]:
    if not places.months:
        return _MONTH_ALONE.finditer(text) if places.months is None else ()
    low = lowered(text)
    return matches_at(_MONTH_ALONE, text, [_with_prefix(low, at) for at in places.months])


def _with_prefix(low: str, at: int) -> int:
    for prefix in ("mid-", "early-", "late-"):
        if low.endswith(prefix, 0, at):
            return at - len(prefix)
    return at


_FORMS: tuple[tuple[_Look, Callable[[re.Match[str]], list[FoundDate]]], ...] = (
    (_in_shape(_ISO, "0000[-/.]0"), _numeric),
    (_in_shape(_NUMERIC, "0[-/.]00?[-/.]00"), _numeric),
    (_around_months(_DAY_MONTH, _from_day), _month_and_days),
    (_around_months(_MONTH_DAY, _from_month), _month_and_days),
    (_at_words(_MONTH_YEAR, attrgetter("months")), _month_and_year),
    (_in_shape(_SLASH, "0/0"), _slash),
    (_at_months_alone, _month_alone),
    (_at_words(_WEEKDAY_ALONE, attrgetter("weekdays")), _weekday_alone),
    (_at_words(_RELATIVE, attrgetter("relatives")), _relative),
)
"""How each form of a date is looked for, the rare way to write it first, and how it is read."""


def _found(
    start: int,
    text: str,
    year: int | None,
    orders: tuple[tuple[int, int], ...],
    weekday: int | None,
) -> list[FoundDate]:
    """Keep the (month, day) orders that the calendar has; none at all is no date."""
    days = _days(year, orders, weekday)
    return [FoundDate(start, text.rstrip("."), days)] if days else []


@lru_cache(maxsize=1 << 12)
def _days(
    year: int | None, orders: tuple[tuple[int, int], ...], weekday: int | None
) -> tuple[Day, ...]:
    days = []
    for month, day in dict.fromkeys(orders):
        try:
            date(2024 if year is None else year, month, day)
        except ValueError:
            continue
        days.append(Day(year, month, day, weekday))
    return tuple(days)


_MONTH_NUMBERS = {month[:3]: number for number, month in enumerate(MONTHS, 1)}
_WEEKDAY_NUMBERS = {day[:3]: number for number, day in enumerate(WEEKDAYS)}


def _month(name: str) -> int:
    return _MONTH_NUMBERS[lowered(name)[:3]]


def _day(text: str) -> int:
    digits = _LEADING_DIGITS.match(text)
    return int(digits.group()) if digits else ORDINAL_WORDS.index(lowered(text)) + 1


_LEADING_DIGITS = re.compile(r"\d+")


def _year(text: str) -> int:
    digits = text.lstrip("'’")
    return int(digits) if len(digits) == 4 else 2000 + int(digits)


def _weekday(name: str | None) -> int | None:
    return None if name is None else _WEEKDAY_NUMBERS[lowered(name)[:3]]


_MERIDIEM = r"(?P<half>[ap])(?:m\b|\.\s?m\b\.?)"
_CLOCK = re.compile(
    rf"(?<![\w:.$€£])(?:(?P<from>\d\d?)(?:[:.](?P<from_minute>[0-5]\d))?{_AND})?"
    rf"(?P<hour>\d\d?)(?:[:.](?P<minute>[0-5]\d))?\s?{_MERIDIEM}",
    re.IGNORECASE,
)
_TWENTY_FOUR = re.compile(
    r"(?<![\w:.$€£])T?(?P<hour>[01]?\d|2[0-4])(?P<s>[:h])(?P<minute>[0-5]\d)"
    r"(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?(?:\s?(?:h|hrs|hours))?(?![\w:])"
)
_DOTTED = re.compile(
    r"\b(?:at|by|before|after|until|till|from|around)\s(?P<time>(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d))"
    r"(?![\w%]|[.,]\d|\s?(?:[%€$£]|percent|per\b|euros?|dollars?|pounds?|EUR|USD|GBP))",
    re.IGNORECASE,
)
_OCLOCK = re.compile(r"(?<![\w:.$€£])(?P<hour>\d\d?)\s?o['’]clock\b", re.IGNORECASE)
_NOON = re.compile(r"(?<!\w)(?P<word>noon|midday|midnight)(?!\w)", re.IGNORECASE)


_BEFORE_HALF = re.compile(r"0\s?[ap][.m]")
_DOT_IN_TIME = re.compile(r"0\.00(?:(?<=\s0\.00)|(?<=\s00\.00))")
_TIMES: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (_CLOCK, _BEFORE_HALF.search),
    (_TWENTY_FOUR, lambda low: "0:0" in low or "0h0" in low),
    (_OCLOCK, lambda low: "clock" in low and "0" in low),
    (_NOON, lambda low: "noon" in low or "midday" in low or "midnight" in low),
    (_DOTTED, _DOT_IN_TIME.search),
)
"""Each form of a time, and whether a lowered text, in which 0 is any digit, may hold it."""


def find_times(text: str) -> list[FoundTime]:
    """Return the clock times: 5:30 pm, 17:30, 17h30, 2-4 pm (two times), at 17.30, noon."""
    found: list[FoundTime] = []
    low = zeroed(lowered(text))
    for pattern, may_be in _TIMES:
        if not may_be(low):
            continue
        spans = []
        for match in pattern.finditer(text):
            times = _read_time(match)
            if times:
                spans.append(match.span())
                found += times
        if spans:
            text = mask(text, spans)
    return found


def _read_time(match: re.Match[str]) -> list[FoundTime]:
    start, text = match.span()[0], match.group()
    if match.re is _NOON:
        return [FoundTime(start, text, (0 if lowered(match["word"]) == "midnight" else 720,))]
    hour = int(match["hour"])
    if match.re is _DOTTED:
        minutes = _halves(hour, int(match["minute"]))
        return [FoundTime(match.start("time"), match["time"], minutes)]
    if match.re is _OCLOCK:
        return [FoundTime(start, text, _halves(hour, 0))] if hour <= 24 else []
    minute = int(match["minute"] or 0)
    if match.re is _TWENTY_FOUR:
        # A leading zero or an hour above 12 leaves one reading; "5:30" may be either half.
        written = match["hour"]
        one = hour == 0 or hour > 12 or written[0] == "0" or text[0] == "T"
        minutes = (hour % 24 * 60 + minute,) if one else _halves(hour, minute)
        return [FoundTime(start, text, minutes)]
    return _meridiem(match, hour, minute)


def _meridiem(match: re.Match[str], hour: int, minute: int) -> list[FoundTime]:
    """Read "5 pm", and "2-4 pm" as two times of which the first may be before noon."""
    if not 1 <= hour <= 12:
        return []
    afternoon = 720 if lowered(match["half"]) == "p" else 0
    last = match.start("hour")
    text = match.string[last : match.end()]
    found = [FoundTime(last, text, (hour % 12 * 60 + minute + afternoon,))]
    if match["from"] is not None and 1 <= int(match["from"]) <= 12:
        readings = _halves(int(match["from"]), int(match["from_minute"] or 0))
        end = match.end("from_minute") if match["from_minute"] else match.end("from")
        found.append(
            FoundTime(match.start("from"), match.string[match.start("from") : end], readings)
        )
    return found


def _halves(hour: int, minute: int) -> tuple[int, ...]:
    if hour > 12:
        return (hour % 24 * 60 + minute,)
    return (hour % 12 * 60 + minute, hour % 12 * 60 + minute + 720)


def clock(minutes: int) -> str:
    """Return minutes after midnight as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
