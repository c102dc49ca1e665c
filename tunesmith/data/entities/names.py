"""Names of people, products, companies and places, told by their capital letters.

A capital letter inside a sentence marks a name unless the word is ordinary ("Support", "Please").
At the start of a sentence, in a title and in a line of capitals it marks nothing by itself; there
a word is a name only if it is not ordinary and what follows behaves as after a name. Names that
are written in lower case are not found.

This holds for English, whose ordinary words are known here. In another language only a capital
inside a sentence marks a name; in German, where all nouns have one, only a title or a capital
inside the word does. What has no letter case marks nothing.
"""

import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import NamedTuple

from tunesmith.data.entities.language import tongue
from tunesmith.data.entities.ordinary_words import (
    ALSO_NAMES,
    FUNCTION,
    GIVEN_NAMES,
    is_ordinary,
)
from tunesmith.data.entities.text import fold


class FoundName(NamedTuple):
    """A name, where it starts, and the folded words of it that need support.

    `inflected` says that its words may end otherwise elsewhere, as names do in many languages.
    """

    start: int
    text: str
    words: tuple[str, ...]
    inflected: bool = False


class _Word(NamedTuple):
    """A word of the text with what its place says about a capital letter."""

    start: int
    text: str
    folded: str
    ordinary: bool
    opens: bool  # first word of a sentence, a line or a quotation
    listed: bool  # after a colon in its line, where ordinary words mostly stay small
    shouted: bool  # in capitals beside another word in capitals

    @property
    def end(self) -> int:
        return self.start + len(self.text)


WORD = re.compile(r"(?<!\w)(?<![\w\x1f]['’])[^\W\d_]++(?:[&'’][^\W\d_]++)*+(?!['’]?[\w\x1f])")
_CAMEL = re.compile(r"[^\W\d_A-Z][A-Z]")
_CONTRACTION = re.compile(r"(?:n't|'(?:s|ll|ve|re|d|m))$")
_ABBREVIATED = re.compile(r"(?<!\w)(?:mr|mrs|ms|dr|prof|st|no|vs|[a-z])\.\s$", re.IGNORECASE)
_HONORIFIC = re.compile(r"(?<!\w)(?:mr|mrs|ms|dr|prof|miss)\.?\s$", re.IGNORECASE)
_ENDS_HONORIFIC = frozenset(".rsfRSF\u017f")
_STOP = re.compile(r"[.!?:;\n…•|>]|\s[-–—*]\s")
_TITLE = re.compile(r"\s*(?:subject|re|fwd?)\s*:|\s*#{1,6}\s", re.IGNORECASE)
_GREETING = re.compile(r"\s*(?:hi|hello|hey|dear|thanks|thank)\b", re.IGNORECASE)
_ENDS_SENTENCE = frozenset(".!?,")
_ALONE = re.compile(r"['’]s\b|[*_\"”')\]]{0,3}\s{0,2}(?:[,.!?\n\x1f(]|\s[-–—]\s|$)")
_VERBS = """
is was has had will would can could should may might does did and or called calls said says wrote
writes told tells asked asks needs wants ordered bought paid sent replied reported confirmed
mentioned explained contacted received returned noticed tried lives works
"""
_AFTER_NAME = frozenset(_VERBS.split())
_FORMED = re.compile(
    r"(?:[a-z]{4}ly|[a-z]{3}ing|[a-z]{4}ed|[a-z]{2}[ts]ions?|[a-z]{3}ments?|[a-z]{3}ness|[a-z]{4}ity"
    r"|[a-z]{4}[ae]nces?|[a-z]{3}[ai]ble|[a-z]{3}ous|[a-z]{3}tive|[a-z]{3}ful|[a-z]{3}less"
    r"|[a-z]{3}[a-np-z]i[sz]e|[a-z]{5}ate|[a-z]{3}ship|[a-z]{3}wards?|[a-z]{2}ology|[a-z]{3}ical)$"
)
"""Endings of formed words, which are seldom names."""
_ADJECTIVE = re.compile(r"[a-z]{4}(?:al|ic)$")
"""Endings of adjectives that names share; they excuse the first word of a sentence only."""
_LIKE_FORMED = """
kimberly beverly fleming mohammed muhammed trinity charity felicity constance florence clarence
laurence lawrence terence portugal montreal senegal dominic frederic atlantic pacific
"""
_NOT_FORMED = frozenset(_LIKE_FORMED.split())
_LONGEST_ACRONYM = 5
_TITLE_WORDS = """
herr herrn frau hr fr dr prof monsieur madame mademoiselle mme mlle senor senora senorita sr sra
srta don dona signor signora signorina sig senhor senhora pan pani pana panie pania panstwo meneer
mevrouw dhr mevr herra rouva fru bay bey hanim gospodin gospodina gospoja господин госпожа господина
госпожи госпоже господину пан пани
"""
_TITLES = frozenset(_TITLE_WORDS.split())
"""Folded words of other languages that stand before a name."""
_TITLED = re.compile(
    r"(?<!\w)(?:Herrn?|Frau|Hr|Fr|Dr|Prof|Monsieur|Madame|Mme|Mlle|Señora?|Sra?|Signora?|Sig|Senhora?"
    r"|Pani?|Panie|Meneer|Mevrouw|Fru|Господин|Госпожа)\.?\s$"
)
_TITLE_AT = 12
"""Characters before a name among which its title is looked for."""
_POLITE_WORDS = """
lei suo sua suoi sue loro usted ustedes vuestra merced du dich dir dein ihr euch sie ihnen u uw pan
pani pana panu panem panstwo panstwa panstwu panska panskie panskiego panskiej twoj twoja twoje ci
cie tobie wam was wy wasz wasza wasze вы вас вам вами ваш ваша ваше ваши вашего вашей вашему вашу
вашим вашими ваших ти тебе ви de dem deres jer jeres ni er ert on onok maga siz sizin size teie teid
te va vas vam vase vasa vi vo dumneavoastra voce
"""
_POLITE = frozenset(_POLITE_WORDS.split())
"""Folded words that speak to a person, which some languages capitalise."""
_MAX_WORDS = 8
_CAPITAL = re.compile(r"[^\Wa-z\d_]")
"""A letter that is not a small one of a to z; without one there is no name."""


def find_names(text: str, whole: str | None = None) -> list[FoundName]:
    """Return the names of the text. Identifiers, dates and times must have been masked before.

    `whole` is the text before that, which tells its language.
    """
    if not _CAPITAL.search(text):
        return []
    words = _Words(text)
    found = _runs(words, _is_name_in_english)
    language = tongue(whole or text) if found else "english"
    if language == "english":
        return found
    judge = _is_name_in_german if language == "german" else _is_name_elsewhere
    return [name._replace(inflected=True) for name in _runs(words, judge)]


def _runs(words: "_Words", judge: "_Judge") -> list[FoundName]:
    """Return the runs of capitalised words among which are names."""
    text = words.text
    found: list[FoundName] = []
    run: list[_Capital] = []
    # A small word between two others stands in the gap between them, which ends a run.
    for index in words.others:
        match = words.matches[index]
        read = _reading(match.group())
        if read.kept == read.kept.lower():
            continue
        start = match.start()
        if run and (len(run) == _MAX_WORDS or not _goes_on(text, run[-1].end, start)):
            found += _close(text, run)
            run = []
        name = judge(words, index, read)
        run.append(_Capital(start, start + len(read.kept), read.folded, name))
    return [*found, *_close(text, run)]


class _Capital(NamedTuple):
    """A capitalised word in a run of some, and whether it is a name by itself."""

    start: int
    end: int
    folded: str
    name: bool


def _goes_on(text: str, end: int, start: int) -> bool:
    """Whether a capitalised word may belong to the name that ends before it: "St. Paul"."""
    gap = text[end:start]
    if gap == ". ":
        return _ABBREVIATED.search(text[max(0, start - 6) : start]) is not None
    return gap in (" ", "-")


def _close(text: str, run: list[_Capital]) -> list[FoundName]:
    """Make one name of a run of capitalised words, less the ordinary words at both ends."""
    names = [word for word in run if word.name]
    if not names:
        return []
    start, end = names[0].start, names[-1].end
    return [FoundName(start, text[start:end], tuple(word.folded for word in names))]


class _Words:
    """The words of a text; what a place says is read when it is asked for, seldom for all."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.matches = list(WORD.finditer(text))
        raws = [match.group() for match in self.matches]
        self._small = {raw for raw in raws if raw.islower() and raw.isascii() and raw != "n't"}
        self.others = [index for index, raw in enumerate(raws) if raw not in self._small]
        """The places of the words that are not surely in lower case."""
        self._titles: dict[int, bool] = {}
        self._read: dict[int, _Word] = {}

    def __getitem__(self, index: int) -> _Word:
        """Return a word with what its line and the text before it say."""
        word = self._read.get(index)
        if word is None:
            word = self._read[index] = self._word(index)
        return word

    def after(self, index: int) -> _Word | None:
        """Return the word that follows."""
        return self[index + 1] if index + 1 < len(self.matches) else None

    @cached_property
    def lower(self) -> set[str]:
        """The folded words that stand in lower case."""
        found = {
            _CONTRACTION.sub("", raw).replace("'", "") if "'" in raw else raw for raw in self._small
        }
        for index in self.others:
            raw = self.matches[index].group()
            if "'" in raw or not raw.isascii():
                word = self[index]
                if word.text.islower():
                    found.add(word.folded)
        return found

    def _word(self, index: int) -> _Word:
        text, match = self.text, self.matches[index]
        start, raw = match.start(), match.group()
        read = _reading(raw)
        shouted = _shouts(raw) and (self._shouts(index - 1) or self._shouts(index + 1))
        gap = text[self.matches[index - 1].end() if index else 0 : start]
        opens = index == 0 or (
            gap != " "
            and _STOP.search(gap) is not None
            and not _ABBREVIATED.search(text[max(0, start - 6) : start])
        )
        listed = ":" in gap and "\n" not in gap
        return _Word(start, *read, opens, listed, shouted)

    def _shouts(self, index: int) -> bool:
        return 0 <= index < len(self.matches) and _shouts(self.matches[index].group())

    def is_titled(self, at: int) -> bool:
        """Whether a place is in a line that capitalises everything."""
        start = self.text.rfind("\n", 0, at) + 1
        if start not in self._titles:
            end = self.text.find("\n", at)
            line = self.text[start : len(self.text) if end < 0 else end]
            self._titles[start] = _is_title(line)
        return self._titles[start]


class _Reading(NamedTuple):
    """A word without its contraction, as it stands and folded, and whether it is ordinary."""

    kept: str
    folded: str
    ordinary: bool


def _read(raw: str) -> _Reading:
    folded = fold(raw)
    stem = _CONTRACTION.sub("", folded)
    kept = raw[: len(raw) - len(folded) + len(stem)] if len(folded) == len(raw) else raw
    folded = stem.replace("'", "")
    return _Reading(kept, folded, is_ordinary(folded))


_read_again = lru_cache(maxsize=1 << 14)(_read)
_LONGEST = 32
"""Letters of a word that is worth remembering."""


def _reading(raw: str) -> _Reading:
    return _read_again(raw) if len(raw) <= _LONGEST else _read(raw)


def _is_honored(text: str, start: int) -> bool:
    """Whether "Ms" or the like stands just before a place."""
    before = text[max(0, start - 6) : start]
    # Few words end like one of those, and to see that is quicker.
    return not _ENDS_HONORIFIC.isdisjoint(before[-3:-1]) and _HONORIFIC.search(before) is not None


def _shouts(raw: str) -> bool:
    return len(raw) > 1 and raw.isupper()


def _is_title(line: str) -> bool:
    """Whether a line capitalises its words as a title does, so that capitals mark nothing."""
    title = _TITLE.match(line)
    if title is None and (_GREETING.match(line) or line.rstrip()[-1:] in _ENDS_SENTENCE):
        return False
    words = (match.group() for match in WORD.finditer(line, title.end() if title else 0))
    long = [word for word in words if len(word) > 3]
    if len(long) < (1 if title else 3):
        return False
    capitals = sum(1 for word in long if word[0].isupper())
    return capitals >= 0.8 * len(long)


_Judge = Callable[[_Words, int, _Reading], bool]


def _is_name_in_english(words: _Words, index: int, read: _Reading) -> bool:
    if read.ordinary and not _is_honored(words.text, words.matches[index].start()):
        return False
    return _is_name(words, index, words[index])


def _is_name_in_german(words: _Words, index: int, read: _Reading) -> bool:
    """Judge a word where every noun has a capital: a title or a capital within tells a name."""
    word = words[index]
    if word.shouted or len(word.folded) < 2:
        return False
    if _TITLED.search(words.text[max(0, word.start - _TITLE_AT) : word.start]):
        return not _is_title_word(word)
    return not read.ordinary and not word.text.isupper() and _CAMEL.search(word.text) is not None


def _is_name_elsewhere(words: _Words, index: int, read: _Reading) -> bool:
    """Judge a word by its place alone, in a language whose ordinary words are not known."""
    word = words[index]
    if _is_name_in_german(words, index, read):
        return True
    if len(word.folded) < 2 or word.shouted or word.opens or read.ordinary:
        return False
    if word.folded in _POLITE or word.folded in words.lower or _is_title_word(word):
        return False
    if word.text.isupper() and len(word.folded) > _LONGEST_ACRONYM:
        return False
    # Behind a number stands a month; behind anything but a space or a comma may begin a sentence.
    gap = words.text[words.matches[index - 1].end() : word.start] if index else ""
    return gap in (" ", ", ", "-") and not words.is_titled(word.start)


def _is_title_word(word: _Word) -> bool:
    return word.folded in _TITLES


def _is_name(words: _Words, index: int, word: _Word) -> bool:
    """Judge one capitalised word by itself, its place and what follows."""
    text = words.text
    folded = word.folded
    if len(folded) < 2 or not folded.replace("&", "").isalpha() or word.shouted:
        return False
    if _is_honored(text, word.start):
        return True
    if word.ordinary:
        return False
    if word.text.isupper() and len(folded) > _LONGEST_ACRONYM:
        return False
    small = word.text[1:].islower() and folded not in ALSO_NAMES
    if small and folded in words.lower:
        return False
    if _CAMEL.search(word.text):
        return True
    if not (word.opens or words.is_titled(word.start)):
        return True
    following = words.after(index)
    if folded in ALSO_NAMES or folded.removesuffix("s") in ALSO_NAMES:
        called = text[word.end : word.end + 1] == "," or _is_subject(text, word, following)
        return folded in GIVEN_NAMES and called
    formed = _FORMED.search(folded) or (not word.listed and _ADJECTIVE.search(folded))
    if formed and folded not in _NOT_FORMED:
        return False
    return words.is_titled(word.start) or _acts_as_name(text, word, following)


def _acts_as_name(text: str, word: _Word, following: _Word | None) -> bool:
    """Whether what follows the first word of a sentence fits a name.

    "Maria called", "Maria, your order", "Zephyra humidifier"; after a verb that gives an order
    comes an article, a pronoun, a preposition or an adverb instead: "Sift in the flour".
    """
    if following is None or _ALONE.match(text, word.end) or _is_subject(text, word, following):
        return True
    if following.opens:
        return False
    return not (following.folded in FUNCTION or following.folded.endswith("ly"))


def _is_subject(text: str, word: _Word, following: _Word | None) -> bool:
    """Whether a verb follows that goes with a person: "Maria called", "Will has"."""
    if text[word.end : word.end + 2] in ("'s", "’s"):
        return True
    if following is None or following.folded not in _AFTER_NAME:
        return False
    return text[word.end : following.start] == " "
