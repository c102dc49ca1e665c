"""Which numbers, dates, ids and names of an answer have no support in its input.

`find_entities` says what an answer states; this module looks each statement up in the source, and
is lenient there: "Ms Jones" stands on "Maria Jones", "March 14" on "2026-03-14", "2" on "twice",
"48 hours" on "two days". Letter case, accents and the order of day and month do not matter. A fact
that only follows by reasoning ("next week") counts as unsupported; what the answer works out step
by step ("48 / 2 = 24"), counts in its own list or abbreviates does not. Nor does its code: that
spells out identifiers and literals. Each word of a name is looked up by itself, so a first and a
last name of two people pass as one person. A name in lower case is not checked.

Numbers, numeric dates and identifiers are checked in every language, number words and the names of
months in English. Names are checked where letters tell them: not in scripts without case, in German
only behind a title, and not where the source may spell them in another script.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from tunesmith.data.entities import (
    Entity,
    Found,
    entity,
    find_all,
    find_entities,
    find_times_and_ids,
    without,
)
from tunesmith.data.entities.accounts import Accounts
from tunesmith.data.entities.code import code_spans
from tunesmith.data.entities.dates import Day, FoundDate, FoundTime, find_dates, possible_dates
from tunesmith.data.entities.ids import FoundId, squeeze
from tunesmith.data.entities.language import tongue
from tunesmith.data.entities.names import FoundName
from tunesmith.data.entities.numbers import FoundNumber, implied_numbers, stated_numbers
from tunesmith.data.entities.text import fold, mask
from tunesmith.data.entities.uncased import numerals, without_uncased

__all__ = ["Entity", "find_entities", "ungrounded"]

_RUN = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_HUMP = re.compile(r"[A-Z](?<=[a-z][A-Z])")
_PLAIN_JOINER = re.compile(r"[-_/.#:+]")
_SIBILANT = re.compile(r"(?<=[a-z](?:s|x|z))es$|(?<=ch|sh)es$")
_HOUR = re.compile(
    r"\b(?:at|by|until|till|from|to|around|before|after|between|and)\s(\d\d?)\b(?![:.,]?\d|%)"
)
_LONG_JOINED = 8
"""Letters from which two words may support one; shorter ones meet by chance: "am in", "Amin"."""
_DECIMAL = re.compile(r"\d\d?\.\d\d$")
_FRACTION = re.compile(r"(?<![\w/])\d\d?/\d\d?(?![\w/])")
_NUMERAL = re.compile(r"\d+")
_MAX_RUNS = 10
_MAX_CODE = 64


def ungrounded(answer: str, source: str) -> list[Entity]:
    """Return the entities of the answer that have no support in the source, in their order.

    The source is all that the answer may draw on: pass the system prompt with it.
    """
    spans = code_spans(answer)
    prose = mask(answer, spans) if spans else answer
    claims = sorted(find_all(prose), key=lambda found: found.start)
    if not claims:
        return []
    support = _Source(source, claims, prose)
    missing = [claim for claim in claims if not support.has(claim)]
    if not missing:
        return []
    own = Accounts(prose, source)
    return [entity(claim) for claim in missing if not own.account_for(claim)]


class _Source:
    """A source text, indexed for the claims of one answer as far as they ask for it.

    To read a whole source costs more than all other checks of a row together. So what supports
    most claims is looked at first, and the rest is read when that was not enough.
    """

    def __init__(self, text: str, claims: list[Found], answer: str) -> None:
        self._answer = answer
        self._written = text
        self._plain = without_uncased(text)
        self._text = text = self._plain.text
        self._claims = claims
        self._is_short = len(text) * len(claims) <= _SEARCHED

    @cached_property
    def _dates(self) -> list[FoundDate]:
        return [*self._plain.dates, *find_dates(self._text)]

    @cached_property
    def _undated(self) -> tuple[list[FoundTime], list[FoundId], str]:
        times, ids, rest = find_times_and_ids(without(self._text, self._dates))
        return [*self._plain.times, *times], ids, rest

    @property
    def _times(self) -> list[FoundTime]:
        return self._undated[0]

    @property
    def _ids(self) -> list[FoundId]:
        return self._undated[1]

    @property
    def _rest(self) -> str:
        return self._undated[2]

    def has(self, claim: Found) -> bool:
        """Whether something in the source supports the claim."""
        if isinstance(claim, FoundName):
            return self._has_name(claim)
        if isinstance(claim, FoundNumber):
            return self._has_number(claim)
        if isinstance(claim, FoundId):
            if self._is_short and _stands_in(self._text, claim):
                return True
            if claim.normal in self._supported_ids:
                return True
            return self._has_value(claim.normal)
        if self._is_short and _is_written_so(self._text, claim.text):
            return True
        if isinstance(claim, FoundDate):
            if any(self._has_day(day) for day in claim.readings):
                return True
            return claim.text in self._fractions or self._may_have_date(claim)
        if not self._minutes.isdisjoint(claim.readings):
            return True
        return _DECIMAL.match(claim.text) is not None and self._is_written(claim.text)

    def _may_have_date(self, claim: FoundDate) -> bool:
        """Whether the source may say a date in words that are not known here.

        All numbers of the date are in it then.
        """
        numbers = map(Decimal, _NUMERAL.findall(claim.text))
        return _is_foreign(self._written) and all(n in self._stated.written for n in numbers)

    def _has_name(self, claim: FoundName) -> bool:
        if "".join(claim.words) in self._words:
            return True
        return all(
            self._has_word(word) or (claim.inflected and self._has_stem(word))
            for word in claim.words
        )

    def _has_stem(self, word: str) -> bool:
        """Whether a word differs from one of the source in its ending alone."""
        return not self._stems.isdisjoint(_stems(word))

    @cached_property
    def _stems(self) -> set[str]:
        return {stem for word in self._words for stem in _stems(word)}

    def _has_word(self, word: str) -> bool:
        if "&" in word:
            return all(self._has_word(part) for part in word.split("&"))
        forms = {word, word + "s", _SIBILANT.sub("", word)}
        if len(word) > 3:
            forms.add(word.removesuffix("s"))
        if _SIBILANT.search(word + "es"):
            forms.add(word + "es")
        if not self._words.isdisjoint(forms):
            return True
        return word in self._joined and word in self._joined_words

    @cached_property
    def _words(self) -> set[str]:
        """Runs of letters and digits, of letters alone, and the parts of camel case."""
        text = _without_signs(self._text)
        bare = text.replace("'", "").replace("’", "")
        if text.isascii():
            words = {*_ascii_runs(bare, _ALPHANUMERIC), *_ascii_runs(bare, _ALPHABETIC)}
            if bare != text:
                words.update(_ascii_runs(text, _ALPHANUMERIC))
            if _HUMP.search(text):
                words.update(part.lower() for part in _camel_parts(bare))
            return words
        words = {*_RUN.findall(text), *_LETTERS.findall(bare)}
        if bare != text:
            words.update(_RUN.findall(bare))
        if _HUMP.search(bare):
            words.update(_camel_parts(bare))
        # Folded after they were told apart, because folding makes letters of other signs.
        return set(fold("\n".join(words)).split("\n"))

    @cached_property
    def _joined(self) -> str:
        """All runs of letters and digits in one, where a joined word must be."""
        return "".join(_RUN.findall(fold(self._text)))

    @cached_property
    def _joined_words(self) -> set[str]:
        """Words written in two, as one: "Wi-Fi", and long ones such as "Power Point"."""
        folded = fold(self._text)
        words = list(_RUN.finditer(folded))
        return {
            one.group() + other.group()
            for one, other in pairwise(words)
            if other.end() - one.start() >= _LONG_JOINED or folded[one.end() : other.start()] == "-"
        }

    def _has_number(self, claim: FoundNumber) -> bool:
        if claim.ordinal and not self._days_of_month.isdisjoint(claim.values):
            return True
        if self._is_short and _costs_as_much(self._text, claim):
            return True
        if self._stated.supports(claim) or self._implied.supports(claim):
            return True
        if self._stated.supports_share(claim):
            return True
        days = () if claim.unit else claim.values
        return not self._days_of_month.isdisjoint(days) and _is_foreign(self._answer)

    def _has_value(self, digits: str) -> bool:
        """Whether an identifier of digits alone stands in the source as a number: "1,400,000"."""
        return digits.isdecimal() and len(digits) <= 15 and self._is_written(digits)

    def _is_written(self, number: str) -> bool:
        value = Decimal(number)
        return value in self._stated.written or value in self._implied.written

    @cached_property
    def _stated(self) -> "_Values":
        """What the source has of numbers, and of what else is a number when seen alone."""
        values = _Values([*self._plain.numbers, *stated_numbers(self._rest)])
        for found in self._ids:
            digits = {Decimal(run) for run in re.findall(r"(?<!\d)\d{3,15}(?!\d)", found.text)}
            values.written |= digits
            values.bare |= digits
        for time in self._times:
            hours = {minutes // 60 for minutes in time.readings}
            values.written |= {Decimal(hour % half or half) for hour in hours for half in (12, 24)}
            if _DECIMAL.match(time.text):
                values.written.add(Decimal(time.text))
        years = {day.year for day in self._source_days if day.year}
        values.written.update(map(Decimal, years))
        return values

    @cached_property
    def _implied(self) -> "_Values":
        """What words such as "twice" lend; asked last, because most texts are full of "a"."""
        values = _Values(implied_numbers(self._rest))
        lent = self._numbers_of_fractions
        if self._text is not self._written:
            lent |= numerals(self._written)
        values.written |= lent
        values.bare |= lent
        return values

    @cached_property
    def _source_days(self) -> list[Day]:
        dates = (*self._dates, *possible_dates(self._rest))
        return [day for found in dates for day in found.readings]

    @cached_property
    def _days_of_month(self) -> set[Decimal]:
        return {Decimal(day.day) for day in self._source_days if day.day}

    @cached_property
    def _fractions(self) -> set[str]:
        """What looks like a day and a month, as written: "10/12" supports itself."""
        return set(_FRACTION.findall(self._text)) if "/" in self._text else set()

    @cached_property
    def _numbers_of_fractions(self) -> set[Decimal]:
        """Both numbers of what was read as a day and a month, and may be none: "9/11"."""
        return {Decimal(part) for one in self._fractions for part in one.split("/")}

    def _has_day(self, claim: Day) -> bool:
        if claim.offset is not None:
            return claim.offset in self._offsets
        if claim.month is None:
            return claim.weekday in self._weekdays
        place = (claim.month, claim.day)
        # What could be a date only adds to the dates that surely are.
        return any(self._agrees(claim, day) for day in self._sure_days.get(place, ())) or any(
            self._agrees(claim, day) for day in self._days_by_date.get(place, ())
        )

    def _agrees(self, claim: Day, day: Day) -> bool:
        """Whether year and weekday of the claim, where it has them, fit a day of the source.

        What that day leaves open may stand elsewhere: a year anywhere in the source will do.
        """
        if claim.year is not None and day.year is None and claim.year not in self._years:
            return False
        if claim.year is not None and day.year not in (None, claim.year):
            return False
        if claim.weekday is None:
            return True
        weekday = day.implied_weekday()
        if weekday is not None:
            return weekday == claim.weekday
        years = self._years if claim.year is None else {claim.year}
        dated = {day._replace(year=year, weekday=None) for year in years}
        return claim.weekday in self._weekdays or any(
            _exists(one) and one.implied_weekday() == claim.weekday for one in dated
        )

    @cached_property
    def _sure_days(self) -> dict[tuple[int, int | None], set[Day]]:
        return _by_date(day for found in self._dates for day in found.readings)

    @cached_property
    def _days_by_date(self) -> dict[tuple[int, int | None], set[Day]]:
        return _by_date(self._source_days)

    @cached_property
    def _weekdays(self) -> set[int | None]:
        return {day.implied_weekday() for day in self._source_days} - {None}

    @cached_property
    def _years(self) -> set[int]:
        # No word that implies a number means a year.
        return {int(n) for n in self._stated.written if 1900 <= n < 2100 and n % 1 == 0}

    @cached_property
    def _offsets(self) -> set[int]:
        """Days from today that the source names, or that lie between two of its dates."""
        days = {
            date(d.year, d.month, d.day) for d in self._source_days if d.year and d.month and d.day
        }
        steps = {step for step in (1, -1) if days & {day + timedelta(step) for day in days}}
        return steps | {day.offset for day in self._source_days if day.offset is not None}

    @cached_property
    def _minutes(self) -> set[int]:
        """Minutes after midnight of the times; "at 5" may be either half of the day."""
        minutes = {minute for time in self._times for minute in time.readings}
        for match in _HOUR.finditer(self._rest):
            hour = int(match[1])
            if hour <= 24:
                minutes |= {hour % 24 * 60, (hour + 12) % 24 * 60}
        return minutes

    @cached_property
    def _supported_ids(self) -> set[str]:
        """The identifiers among the claims that the source holds, however it groups them."""
        wanted = {claim.normal for claim in self._claims if isinstance(claim, FoundId)}
        written = {found.normal for found in self._ids}
        supported = wanted & (written | _domains(written))
        wanted -= supported
        if not wanted:
            return supported
        phones: dict[str, list[str]] = {}
        for digits in wanted:
            if digits.isdecimal() and len(digits) > _TAIL:
                phones.setdefault(digits[-_TAIL:], []).append(digits)
        for code, from_start in _codes(self._text):
            if code in wanted:
                supported.add(code)
            if from_start and code.isdecimal():
                endings = {"*" + code[-length:] for length in range(2, _LONGEST_ENDING + 1)}
                supported |= wanted & endings
                same = phones.get(code[-_TAIL:], ())
                supported.update(phone for phone in same if _same_phone(code, phone))
        return supported


def _is_foreign(text: str) -> bool:
    """Whether a text is, in part at least, in a language whose words for dates are not known."""
    return tongue(text) != "english" or without_uncased(text).text is not text


class _Values:
    """The values of some numbers: as written, those without a unit, and in their unit."""

    def __init__(self, numbers: list[FoundNumber]) -> None:
        self.written: set[Decimal] = set()
        self.bare: set[Decimal] = set()
        self._measured: dict[str, set[Decimal]] = {}
        for number in numbers:
            self.written.update(number.values)
            if not number.unit:
                self.bare.update(number.values)
            in_unit = {value * number.factor for value in number.values}
            self._measured.setdefault(number.unit, set()).update(in_unit)

    def supports(self, claim: FoundNumber) -> bool:
        """Whether one of the claim's values is here, in its unit or in none."""
        if not claim.unit:
            return not self.written.isdisjoint(claim.values)
        in_unit = self._measured.get(claim.unit, set())
        return any(v in self.bare or v * claim.factor in in_unit for v in claim.values)

    def supports_share(self, claim: FoundNumber) -> bool:
        """Whether the claim is a share that stands here as a percentage: "0.2" for "20%"."""
        shares = self._measured.get("%")
        return (
            shares is not None and not claim.unit and any(v * 100 in shares for v in claim.values)
        )


_ENDING, _STEM = 4, 3
"""Letters that the ending of a name may have, and its stem must; the stem is half of it or more."""


def _stems(word: str) -> Iterator[str]:
    """Yield a word and what is left of it without its ending, if it has one."""
    yield word
    for length in range(1, _ENDING + 1):
        if len(word) - length >= max(_STEM, length):
            yield word[:-length]


def _by_date(days: Iterable[Day]) -> dict[tuple[int, int | None], set[Day]]:
    found: dict[tuple[int, int | None], set[Day]] = {}
    for day in days:
        if day.month is not None:
            found.setdefault((day.month, None), set()).add(Day(day.year, day.month))
            found.setdefault((day.month, day.day), set()).add(day)
    return found


def _without_signs(text: str) -> str:
    """Return the text without the signs that keep most texts from being ASCII; they part words."""
    if not text.isascii():
        for sign in "€£–—“”…•":
            text = text.replace(sign, " ")
    return text


def _ascii_runs(text: str, kept: bytes) -> list[str]:
    """Return the runs of kept characters of a text of ASCII, in lower case."""
    return text.encode().translate(kept).decode().split()


def _table(kept: Callable[[str], bool]) -> bytes:
    """Return what each byte becomes: a kept character its lower case, any other a space."""
    return bytes(ord(chr(c).lower() if c < 128 and kept(chr(c)) else " ") for c in range(256))


_ALPHANUMERIC, _ALPHABETIC = _table(str.isalnum), _table(str.isalpha)


def _camel_parts(text: str) -> Iterator[str]:
    """Yield the parts of the words in camel case: "Power" and "Point"."""
    for run in _LETTERS.findall(text):
        if _HUMP.search(run):
            yield from _CAMEL.split(run)


_SEARCHED = 1 << 22
"""Characters through which claims are looked for one by one; to read a longer source is quicker."""


def _stands_in(text: str, claim: FoundId) -> bool:
    """Whether a plain code stands in a text as it is written in the claim, and not in a longer one.

    Then it is among the `_codes` of the text, too, which take much longer to read.
    """
    code = claim.text.removeprefix("#")
    runs = _PLAIN_JOINER.split(code)
    if len(code) > _MAX_CODE or len(runs) > _MAX_RUNS or not code.isascii():
        return False
    if not all(map(str.isalnum, runs)) or "".join(runs).lower() != claim.normal:
        return False
    at = text.find(code)
    while at >= 0:
        end = at + len(code)
        if not (text[end : end + 1].isalnum() or (at and text[at - 1].isalnum())):
            return True
        at = text.find(code, at + 1)
    return False


_AMOUNT = re.compile(r"[$€£]\d{1,6}\.\d\d")
_ENDS_AMOUNT = re.compile(
    r"[.,;:)]?(?=\s|$)(?!\s(?:hundred|thousand|million|billion|dozen|bn)\b)", re.IGNORECASE
)


def _costs_as_much(text: str, claim: FoundNumber) -> bool:
    """Whether a plain amount of money stands by itself in a text as it is written in the claim.

    With the sign of the currency before it and no more than a stop behind it, it is part of no
    date, time or identifier, and the numbers of the text hold it.
    """
    amount = claim.text
    if not _AMOUNT.fullmatch(amount):
        return False
    at = text.find(amount)
    while at >= 0:
        end = at + len(amount)
        if (at == 0 or text[at - 1].isspace()) and _ENDS_AMOUNT.match(text, end):
            return True
        at = text.find(amount, end)
    return False


_WHOLE_DATE = re.compile(r"(?=.*\d)(?=.*[^\W\d_]).{4,}|\d+([-/.])\d+\1\d+", re.DOTALL)
_BEFORE_DATE = re.compile(r"(?:^|[^\s\d][ \n\t(])(?<!\bof )(?<!\bthe )$")
_AFTER_DATE = re.compile(r"[,;:!?)]?(?:\s(?!\d)|$)|\.(?:\s|$)")


def _is_written_so(text: str, wording: str) -> bool:
    """Whether a date or a time stands by itself in a text, word for word.

    Then it is among the dates and times of the text, too, which take much longer to read.
    """
    if not _WHOLE_DATE.fullmatch(wording):
        return False  # "March" and "7" may mean something else there
    at = text.find(wording)
    while at >= 0:
        before, end = text[max(0, at - 5) : at], at + len(wording)
        if _BEFORE_DATE.search(before) and _AFTER_DATE.match(text, end):
            return True
        at = text.find(wording, at + 1)
    return False


_LONGEST_ENDING = 6
"""Digits after "ending in" that are looked for at the end of a longer number."""
_TAIL = 7
"""Digits that two writings of one phone number share at the least; what precedes is a prefix."""


def _same_phone(one: str, other: str) -> bool:
    """Whether two digit strings differ only by a trunk zero and a country code.

    Countries whose code is a single digit have no trunk zero (ITU-T E.123 and E.164 lists).
    """
    short, long = sorted((one, other), key=len)
    national = short.removeprefix("0")
    prefix = len(long.removeprefix("00")) - len(national)
    if not long.endswith(national):
        return False
    return prefix in (0, 2, 3) if national != short else prefix <= 3


def _domains(ids: set[str]) -> set[str]:
    """The hosts of the e-mail and web addresses, which support the bare host."""
    return {one.rpartition("@")[2].partition("/")[0] for one in ids if "." in one}


def _exists(day: Day) -> bool:
    """Whether the day, 29 February for instance, is in the calendar of its year."""
    try:
        date(day.year or 2024, day.month or 1, day.day or 1)
    except ValueError:
        return False
    return True


def _codes(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each run of letters and digits, its digits, and runs joined across separators.

    Each comes with whether it starts where a joined row of runs does.

    A space joins a word and a longer run with a digit, and runs that hold a digit or are capitals:
    "tk 48213", "555 0102", "SM G991B", but not "a 12".
    """
    runs = list(_RUN.finditer(text))
    for index, run in enumerate(runs):
        before = runs[index - 1] if index else None
        first = before is None or not (before.group().isdecimal() and _joins(text, before, run))
        code = squeeze(run.group()[: _MAX_CODE + 1])
        yield code, first
        if not code.isdecimal():
            for digits in re.findall(r"\d{3,}", code):
                yield digits, True
        previous = run
        for following in runs[index + 1 : index + _MAX_RUNS]:
            if not _joins(text, previous, following) or len(code) > _MAX_CODE:
                break
            code += squeeze(following.group()[: _MAX_CODE + 1])
            yield code, first
            previous = following


def _joins(text: str, run: re.Match[str], following: re.Match[str]) -> bool:
    gap = text[run.end() : following.start()]
    if gap in _JOINERS:
        return True
    if gap not in _SPACES:
        return False
    before, after = run.group(), following.group()
    if len(before) > 1 and len(after) > 2 and re.search(r"\d", after):
        return True
    return all(re.search(r"\d", one) or (len(one) > 1 and one.isupper()) for one in (before, after))


_JOINERS = frozenset("-_/.#:+")
_SPACES = frozenset((" ", " (", ") ", ")", "(", " #", "\u00a0", " +"))
