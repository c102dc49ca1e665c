"""Folding, masking and quick ways to a pattern's matches, which every finder shares.

Most of a text is prose in which no pattern matches. To try a pattern at every character costs more
than all else, so finders first look for what a match cannot do without, a digit or a word, and try
the pattern there alone. What they return is the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MASK = "\x1f"
"""Stands for text that an earlier finder has taken: no word character; patterns take it for a
space."""


def fold(text: str) -> str:
    """Return the text without case, accents and the difference between apostrophes.

    Compatibility decomposition (Unicode Standard Annex 15, NFKD), so full-width letters and
    ligatures fold too.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    if decomposed.isascii():
        return decomposed.lower()
    for sign in set(decomposed):
        if sign >= _FIRST_COMBINING and unicodedata.combining(sign):
            decomposed = decomposed.replace(sign, "")
    return decomposed.casefold()


_FIRST_COMBINING = "\u0300"


def lowered(text: str) -> str:
    """Return the text in lower case, as patterns that ignore case see it.

    They take the long s for an s and the dotless i for an i. It
    serves to tell quickly that a pattern cannot match; its offsets are not those of the text.
    """
    low = text.lower()
    return low if low.isascii() else low.replace("ſ", "s").replace("ı", "i").replace("i̇", "i")


def aligned(text: str) -> str | None:
    """Return the text as `lowered` does, or None where that moves an offset."""
    low = lowered(text)
    return low if len(low) == len(text) else None


def words_of(low: str) -> set[str]:
    """Return the runs of letters from a to z in a lowered text."""
    return set(_bytes(low).translate(_LETTERS_ALONE).decode().split())


def _bytes(text: str) -> bytes:
    """Return the text as bytes, in which those below 128 are the characters of ASCII."""
    return text.encode("utf-8", "surrogatepass")


_LETTERS_ALONE = bytes(
    code if chr(code).isascii() and chr(code).islower() else ord(" ") for code in range(256)
)


def zeroed(text: str) -> str:
    """Return the text with a 0 for every digit: "00:00" is then in every text with a clock time."""
    zeros = _bytes(text).translate(_DIGITS_AS_ZERO).decode("utf-8", "surrogatepass")
    return zeros if zeros.isascii() else _FOREIGN_DIGIT.sub("0", zeros)


_FOREIGN_DIGIT = re.compile(r"[^\x00-\x7f](?<=\d)")
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)


def starts(low: str, words: Iterable[str]) -> list[int]:
    """Return where words of letters stand in a lowered text, with no letter beside them."""
    found: list[int] = []
    for word in words:
        at = low.find(word)
        while at >= 0:
            end = at + len(word)
            if not (low[end : end + 1].isalpha() or (at and low[at - 1].isalpha())):
                found.append(at)
            at = low.find(word, end)
    found.sort()
    return found


def digit_words(text: str) -> list[tuple[int, int]]:
    """Return where the runs without a space that hold a 0 stand; they may start too early."""
    found: list[tuple[int, int]] = []
    end = 0
    for match in _FROM_ZERO.finditer(text):
        at = match.start()
        start = max(text.rfind(" ", end, at), text.rfind("\n", end, at), end)
        end = match.end()
        found.append((start, end))
    return found


_FROM_ZERO = re.compile(r"0\S*")


def matches_at(
    pattern: re.Pattern[str], text: str, places: Iterable[int]
) -> Iterator[re.Match[str]]:
    """Yield what `finditer` does, where a match can start in some places alone, given in order."""
    end = 0
    for at in places:
        match = pattern.match(text, at) if at >= end else None
        if match:
            end = match.end()
            yield match


def matches_within(
    pattern: re.Pattern[str], text: str, spans: Iterable[tuple[int, int]]
) -> Iterator[re.Match[str]]:
    """Yield what `finditer` does, where every match lies within some spans, given in order.

    A span holds what the pattern looks at behind a match, too. Spans may overlap.
    """
    start = end = 0
    for low, high in spans:
        if low > end:
            yield from pattern.finditer(text, start, end)
            start = low
        end = max(end, high)
    yield from pattern.finditer(text, start, end)


def mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with the spans blanked out and every other offset unchanged."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start < position:
            continue
        parts += (text[position:start], MASK * (end - start))
        position = end
    if not parts:
        return text
    parts.append(text[position:])
    return "".join(parts)
