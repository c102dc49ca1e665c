"""Rules about the form of an answer that a program can check.

Each rule is a small struct, told apart in JSON by `rule`, with one method that says what is wrong,
or nothing. A word is a run of letters and digits (apostrophes, hyphens and points inside belong to
it), so punctuation and markup neither count nor hide one.
"""

import json
import re
from typing import Literal

from msgspec import Struct

_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")
_BULLET = re.compile(r"^\s*[-*•]\s+\S")
_NUMBERED = re.compile(r"^\s*\d+[.)]\s+\S")
_SENTENCE = re.compile(r"[^.!?]*[^\W_][^.!?]*(?:[.!?]+|$)")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, with straight apostrophes."""
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]


def holds(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text as whole words; a hyphen counts as a space."""
    found, sought = words(text.replace("-", " ")), words(phrase.replace("-", " "))
    return any(found[at : at + len(sought)] == sought for at in range(len(found) - len(sought) + 1))


def lines(text: str) -> list[str]:
    """Return the lines of a text that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]


class Shape(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="shape"):
    """So many of something: `unit` says of what, `count` how many."""

    unit: Literal["bullets", "numbered", "lines", "sentences", "paragraphs", "words"]
    count: int

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        found = _COUNTS[self.unit](text)
        return None if found == self.count else f"{found} {self.unit}, not {self.count}"


class Has(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="has"):
    """All of these stand in the text, as whole words; `times` of each, where it is given."""

    texts: tuple[str, ...]
    times: int | None = None

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        if self.times is None:
            missing = [one for one in self.texts if not holds(text, one)]
            return f"without {missing[0]!r}" if missing else None
        found = words(text)
        for one in self.texts:
            if found.count(one.casefold()) != self.times:
                return f"{one!r} {found.count(one.casefold())} times, not {self.times}"
        return None


class Lacks(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="lacks"):
    """None of these words or phrases stands in the text."""

    texts: tuple[str, ...]

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        found = [one for one in self.texts if holds(text, one)]
        return f"with {found[0]!r}" if found else None


class LacksCharacter(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="lacks_character"
):
    """A character, in either case, is nowhere in the text, or in its first or last line."""

    character: str
    where: Literal["all", "first line", "last line"] = "all"

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        rows = lines(text) or [""]
        part = {"all": text, "first line": rows[0], "last line": rows[-1]}[self.where]
        present = self.character.casefold() in part.casefold()
        return f"{self.character!r} in {self.where}" if present else None


class Characters(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="characters"
):
    """A character stands in the text so many times."""

    character: str
    count: int

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        found = text.count(self.character)
        return None if found == self.count else f"{self.character!r} {found} times"


class Edge(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="edge"):
    """The text, without outer white space, starts or ends exactly so."""

    starts: str = ""
    ends: str = ""

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        plain = text.strip()
        if not plain.startswith(self.starts):
            return f"does not start with {self.starts!r}"
        return None if plain.endswith(self.ends) else f"does not end with {self.ends!r}"


class Initials(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="initials"):
    """The words, or the lines, begin with these letters, one after the other, in either case.

    A single letter holds for all of them.
    """

    letters: str
    of: Literal["words", "lines"]

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        rows = (
            words(text) if self.of == "words" else [(words(row) or [" "])[0] for row in lines(text)]
        )
        found = "".join(row[0] for row in rows)
        wanted = self.letters.casefold()
        wanted = wanted * len(found) if len(wanted) == 1 else wanted
        return None if found and found == wanted else f"{self.of} begin with {found!r}"


class Case(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="case"):
    """All letters are capitals, or none is, or each word begins with one."""

    case: Literal["upper", "lower", "title"]

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        fits = {
            "upper": text == text.upper(),
            "lower": text == text.lower(),
            "title": all(word[0] == word[0].upper() for word in _WORD.findall(text)),
        }[self.case]
        return None if fits and any(map(str.isalpha, text)) else f"not in {self.case} case"


class Json(Struct, frozen=True, forbid_unknown_fields=True, tag_field="rule", tag="json"):
    """The text is JSON equal to `value`, alone or in one fenced block; 1 and 1.0 are equal."""

    value: dict[str, str | int | float | bool | list[str | int] | None] | list[str | int]

    def broken(self, text: str) -> str | None:
        """Return what is wrong, or None."""
        try:
            found = json.loads(unfenced(text))
        except ValueError as error:
            return f"no JSON: {error}"
        return None if _alike(found) == _alike(self.value) else f"JSON is {found!r}"


Rule = Shape | Has | Lacks | LacksCharacter | Characters | Edge | Initials | Case | Json


def unfenced(text: str) -> str:
    """Return a text without outer white space and the code fence or quotes around it."""
    plain = text.strip()
    fence = re.fullmatch(r"```[\w+]*\n(.*?)\n?```", plain, re.DOTALL)
    if fence:
        return fence.group(1).strip()
    for mark in ("`", '"'):
        if len(plain) > 2 and plain[0] == plain[-1] == mark and plain.count(mark) == 2:
            return plain[1:-1].strip()
    return plain


def _alike(value: object) -> object:
    """Return JSON with the case and outer white space of strings taken away."""
    if isinstance(value, dict):
        return {str(key): _alike(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_alike(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return repr(value)  # in Python True == 1, in JSON not
    return value.strip().casefold() if isinstance(value, str) else value


_COUNTS = {
    "bullets": lambda text: sum(bool(_BULLET.match(row)) for row in text.splitlines()),
    "numbered": lambda text: sum(bool(_NUMBERED.match(row)) for row in text.splitlines()),
    "lines": lambda text: len(lines(text)),
    "sentences": lambda text: len(_SENTENCE.findall(text)),
    "paragraphs": lambda text: sum(bool(part.strip()) for part in re.split(r"\n\s*\n", text)),
    "words": lambda text: len(words(text)),
}
