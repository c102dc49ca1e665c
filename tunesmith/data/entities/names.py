"""Names of people, products, companies and places, told by their capital letters.

A capital letter inside a sentence marks a name unless the word is ordinary ("Support", "Please").
At the start of a sentence, in a title and in a line of capitals it marks nothing by itself; there
a word is a name only if it is not ordinary and what follows behaves as after a name. Names that
are written in lower case are not found.
"""

import re
from typing import NamedTuple

from tunesmith.data.entities.ordinary_words import ALSO_NAMES, CALENDAR, FUNCTION, ORDINARY
from tunesmith.data.entities.text import fold


class FoundName(NamedTuple):
    """A name, where it starts, and the folded words of it that need support."""

    start: int
    text: str
    words: tuple[str, ...]


class _Word(NamedTuple):
    """A word of the text with what its place says about a capital letter."""

    start: int
    text: str
    folded: str
    opens: bool  # first word of a sentence, a line or a quotation
    titled: bool  # in a line that capitalises everything

    @property
    def end(self) -> int:
        return self.start + len(self.text)


WORD = re.compile(r"[^\W\d_]++(?:[-&'’][^\W\d_]++)*+['’]?")
_CONTRACTION = re.compile(r"(?:'(?:s|ll|ve|re|d|m|t)|')$")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|no|vs|e\.g|i\.e|[a-z])\.\s*$", re.IGNORECASE)
_STOP = re.compile(r"[.!?:;\n…\u2022|>\x1f\"“”\[(]|\s[-–—*]\s|^\W*$")
_AFTER_NAME = frozenset(
    "is was has had will would can could should may might does did and or called calls said says"
    " wrote writes told tells asked asks needs wants ordered bought paid sent replied reported"
    " confirmed mentioned explained contacted received returned noticed tried lives works from".split()
)
_SUFFIXES = re.compile(
    r"(?:[a-z]{4}ly|[a-z]{3}ing|[a-z]{4}ed|[a-z]{2}[ts]ions?|[a-z]{3}ments?|[a-z]{3}ness|[a-z]{4}ity"
    r"|[a-z]{3}ances?|[a-z]{4}ences?|[a-z]{3}[ai]ble|[a-z]{3}ous|[a-z]{3}tive|[a-z]{3}ful|[a-z]{3}less"
    r"|[a-z]{3}ship|[a-z]{3}wards?|[a-z]{2}ology|[a-z]{3}ical)$"
)
_NAMES_WITH_SUFFIX = frozenset(
    "kimberly beverly fleming sterling browning manning harding mohammed muhammed muhammad trinity"
    " charity felicity constance florence clarence laurence lawrence terence clements kelly".split()
)
_MAX_WORDS = 8


def find_names(text: str) -> list[FoundName]:
    """Return the names of the text. Identifiers, dates, times must have been masked before."""
    words = _words(text)
    lower = {word.folded for word in words if word.text[0].islower()}
    found: list[FoundName] = []
    run: list[tuple[_Word, bool]] = []
    for index, word in enumerate(words):
        joined = run and text[run[-1][0].end : word.start] in (" ", ". ")
        if run and (not joined or word.opens or len(run) == _MAX_WORDS):
            found += _close(run)
            run = []
        if not _capital(word.text):
            found += _close(run)
            run = []
            continue
        following = words[index + 1] if index + 1 < len(words) else None
        run.append((word, _is_name(word, following, text, lower)))
    return [*found, *_close(run)]


def _close(run: list[tuple[_Word, bool]]) -> list[FoundName]:
    """Make one name of a run of capitalised words, less the ordinary words at both ends."""
    marked = [index for index, (_, name) in enumerate(run) if name]
    if not marked:
        return []
    inside = run[marked[0] : marked[-1] + 1]
    start = inside[0][0].start
    text = " ".join(word.text for word, _ in inside)
    return [FoundName(start, text, tuple(word.folded for word, name in inside if name))]
