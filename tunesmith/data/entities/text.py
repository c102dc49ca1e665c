"""Folding and masking that every finder shares."""

import re
import unicodedata
from collections.abc import Iterable

MASK = "\x1f"
"""Stands for text that an earlier finder has taken: neither a word character nor a space."""


def fold(text: str) -> str:
    """Return the text without case, accents and the difference between apostrophes.

    Compatibility decomposition (Unicode Standard Annex 15, NFKD), so full-width letters and
    ligatures fold too.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def lowered(text: str) -> str:
    """Return the text in lower case, as patterns that ignore case see it.

    They take the long s for an s and the dotless i for an i. It
    serves to tell quickly that a pattern cannot match; its offsets are not those of the text.
    """
    low = text.lower()
    return low if low.isascii() else low.replace("ſ", "s").replace("ı", "i").replace("i̇", "i")


def words_of(low: str) -> set[str]:
    """Return the runs of letters from a to z in a lowered text."""
    return set(_LETTERS.findall(low))


_LETTERS = re.compile("[a-z]+")


def mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with the spans blanked out and every other offset unchanged."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start < position:
            continue
        parts += (text[position:start], MASK * (end - start))
        position = end
    parts.append(text[position:])
    return "".join(parts)
