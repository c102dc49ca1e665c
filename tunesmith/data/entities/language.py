"""Whether a text is English, German or something else, told by its small words.

The rules for names know the ordinary words of English. In another language they know none, so what
a capital letter says there depends on the language: in German it says nothing, because all nouns
have one. This takes no model: it must say the same wherever it runs.
"""

import re
from functools import lru_cache
from typing import Literal

from tunesmith.data.entities.ordinary_words import FUNCTION, is_ordinary
from tunesmith.data.entities.text import lowered, words_of

Tongue = Literal["english", "german", "other"]

_GERMAN_WORDS = """
aber auch auf aus bei beim bis bitte da damit das dann dass dem der deren deshalb diese dieser
dieses dich dir doch durch drei ein eine es einem einen einer eines euch euer für gerne gut haben
heute hier hat ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres ist jede jeden jetzt kann kein
keine können mehr mein meine meinen mit nach nicht noch nur oder schon sehr sein seine sich sie sind
sobald sowie über uhr und uns unser unsere unseren viele vielen vom von vor wenn werden wie wieder
wir wird worden wurde wurden zu zum zur zurück zwei
"""
_GERMAN = frozenset(_GERMAN_WORDS.split())
_WEAK_GERMAN = frozenset(("als", "am", "an", "ab", "den", "des", "die", "er", "im", "um", "war"))
"""German words that others have too: they count where most of the other words have a capital."""
_GERMAN_SHARE = 0.1
"""Share of words that hardly another language has, from which a text that is not English is German.
"""
_ENOUGH = 3
"""Different words in small letters from which their share says something."""
_ENGLISH = 0.3
"""Share of them that are ordinary words of English, from which a text is English."""
_PLAIN, _PLAINLY = 2, 0.2
"""Function words of English, and their share beside those, at which the others need no look."""
_WORD = re.compile(r"(?<![\w'’])[^\W\d_]{2,}(?![\w'’])")
_NOT_LATIN = re.compile("[\u0370-\u058f]")
_LOOKED_AT = 600
"""Characters that are looked at."""
_is_known = lru_cache(maxsize=1 << 14)(is_ordinary)


@lru_cache(maxsize=16)
def tongue(text: str) -> Tongue:
    """Tell the language of a text from its different words in small letters.

    Where they are too few, a single word of English is enough, and no word at all says nothing:
    such a text counts as English.
    """
    start = text[:_LOOKED_AT]
    words = words_of(lowered(start))
    if len(FUNCTION & words) >= _PLAIN + _PLAINLY * len(words):
        return "english"
    found = set(_WORD.findall(start))
    words = {word for word in found if word.islower()}
    least = 1.0
    if len(words) >= _ENOUGH:
        known = len(FUNCTION & words)
        least = _ENGLISH * len(words)
    elif not words and not _NOT_LATIN.search(text):
        return "english"
    else:
        words = set(map(str.lower, found))
        known = len(FUNCTION & words)
    known += sum(1 for word in words - FUNCTION if _is_known(word))
    german = len(_GERMAN & words)
    if 2 * sum(1 for word in found if word[0].isupper()) >= len(words):
        german += len(_WEAK_GERMAN & words)
    if known >= least and known > german:
        return "english"
    return "german" if german >= max(1, _GERMAN_SHARE * len(words)) else "other"
