"""Phrases that betray an answer that is not about its input.

Three families: a model talking about itself or its limits, which fine-tuning then teaches, hedges
about the reader's own affairs, where a fact should stand, and templates that nobody filled in.
Matching ignores case, the kind of apostrophe, and whether a negation or "I am" is contracted.

A phrase is not the answer's own where it stands in quotation marks or code, where the input has it
too (a text to translate, a string to count), or, when a model speaks of itself, where the input
asks for fiction or about such models, or a profession follows ("as an AI researcher").
"""

import functools
import re
from collections.abc import Sequence

PHRASES = (
    "as an ai",
    "as a language model",
    "as an artificial intelligence",
    "i'm an ai",
    "my training data",
    "my knowledge cutoff",
    "my last update",
    "i don't have access to",
    "i can't access",
    "i don't have real-time",
    "i can't verify",
    "i'm unable to verify",
    "i can't provide",
    "i can't assist with",
    "i'm sorry, but i can't",
    "i don't have enough information",
    "it is likely that your",
    "presumably your",
    "presumably you",
    "i would assume that you",
    "i assume that you",
    "if i recall correctly",
    "to the best of my knowledge",
    "[insert",
    "[your name",
    "[name]",
    "[date]",
    "[customer",
    "lorem ipsum",
)
"""The phrases that are looked for when a recipe names none."""


def find_marker(
    answer: str, phrases: tuple[str, ...] = PHRASES, asked: Sequence[str] = ()
) -> str | None:
    """Return the first marker phrase that is an answer's own, or None.

    Args:
        answer: The answer.
        phrases: What is looked for.
        asked: What the system and the user said before it.
    """
    text = plain(answer)
    # Most answers have none; to look for each phrase as it stands is ten times as fast.
    if not any(phrase in text for phrase in _plain_phrases(phrases)):
        return None
    matches = [match for match in _pattern(phrases).finditer(text) if not _is_spoken(match)]
    if not matches:
        return None
    before = "\n".join(map(plain, asked))
    return next((match[0] for match in matches if _is_own(match, before)), None)


_ITSELF = frozenset(
    ("as an ai", "as a language model", "as an artificial intelligence", "i'm an ai",
     "my training data", "my knowledge cutoff", "my last update")
)  # fmt: skip
_QUOTED = re.compile(r"\"[^\"]{1,400}\"|\u201c[^\u201d]{1,400}\u201d|`[^`]{1,2000}`")
_PROFESSION = re.compile(r" (?:\w+ )?\w+(?:er|or|ist|ian|ant|pist)s?\b")
_MODEL = re.compile(
    r" (?:\w+ )?(?:assistant|computer|language|model|chatbot|or|never|under|whether)\b"
)
_NEXT_WORD = re.compile(r" \w+")
_ADDRESSED = re.compile(
    r"\byou(?:'re| are) (?:an? )?(?:\w+ ){0,3}?(?:ai|bot|chatbot|language model)\b"
)
_MADE_UP = re.compile(
    r"\b(?:imagin\w+|pretend|role.?play\w*|stor(?:y|ies)|tales?|poems?|novels?|scenes?|fiction\w*"
    r"|characters?|diary|monologue|in the voice of|perspective of|speech|haiku|song"
    r"|ais?|artificial intelligence|artificial being|robots?|androids?|sentient|self-aware)\b"
)


def _is_spoken(match: re.Match[str]) -> bool:
    """Whether quotation marks or code stand around a phrase, but not around the whole answer."""
    return any(
        quoted.start() < match.start() < quoted.end() and quoted.group() != match.string
        for quoted in _QUOTED.finditer(match.string)
    )


def _is_own(match: re.Match[str], before: str) -> bool:
    """Whether a phrase is the answer's own, after what was said before it, made plain."""
    if match[0] in before:
        # A customer's "I can't access my bank" is no model's "I can't access your account".
        goes_on = _NEXT_WORD.match(match.string, match.end())
        if match[0][0] != "i" or goes_on is None or match[0] + goes_on[0] in before:
            return False
    if match[0] not in _ITSELF:
        return True
    if _PROFESSION.match(match.string, match.end()) and not _MODEL.match(match.string, match.end()):
        return False
    return not _MADE_UP.search(_ADDRESSED.sub(" ", before))


_CONTRACTIONS = (
    (("cannot", "can not"), re.compile(r"\bcan ?not\b"), "can't"),
    # The ends of do, does, did, is, are, was, were, have, has, could and would.
    (
        ("o not", "s not", "d not", "e not"),
        re.compile(r"\b(do|does|did|is|are|was|were|have|has|could|would) not\b"),
        r"\1n't",
    ),
    (("i am",), re.compile(r"\bi am\b"), "i'm"),
)
"""What a text must hold for a contraction to be worth trying, the pattern, and what it becomes."""


@functools.lru_cache(maxsize=8)
def plain(text: str) -> str:
    """Return the text in lower case, on one line, with negations and "I am" contracted."""
    text = " ".join(text.replace("\u2019", "'").lower().split())
    for needed, pattern, contracted in _CONTRACTIONS:
        if any(map(text.__contains__, needed)):
            text = pattern.sub(contracted, text)
    return text


@functools.cache
def _plain_phrases(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(plain(phrase) for phrase in phrases)


@functools.cache
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    def whole(phrase: str) -> str:
        start = r"\b" if phrase[0].isalnum() else ""
        end = r"\b" if phrase[-1].isalnum() else ""
        return f"{start}{re.escape(phrase)}{end}"

    return re.compile("|".join(whole(phrase) for phrase in _plain_phrases(phrases)))


def is_quoted(text: str, at: int) -> bool:
    """Whether a place lies inside double quotation marks: somebody else says it there."""
    before = text[:at]
    return before.count('"') % 2 == 1 or before.count("\u201c") > before.count("\u201d")
