"""Phrases that betray an answer that is not about its input.

Two families: a model talking about itself or its limits, which fine-tuning then teaches, and
hedges that stand where a fact should. Matching ignores case, the kind of apostrophe, and whether
a negation or "I am" is contracted.
"""

import functools
import re

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
    "presumably",
    "i would assume",
    "i assume that",
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


def find_marker(answer: str, phrases: tuple[str, ...] = PHRASES) -> str | None:
    """Return the first marker phrase of an answer, or None."""
    text = plain(answer)
    # Most answers have none; to look for each phrase as it stands is ten times as fast.
    if not any(phrase in text for phrase in _plain_phrases(phrases)):
        return None
    found = _pattern(phrases).search(text)
    return found.group() if found else None


_CONTRACTIONS = (
    ("not", re.compile(r"\bcan ?not\b"), "can't"),
    (
        "not",
        re.compile(r"\b(do|does|did|is|are|was|were|have|has|could|would) not\b"),
        r"\1n't",
    ),
    ("i am", re.compile(r"\bi am\b"), "i'm"),
)
"""What a text must hold for a contraction to be worth trying, the pattern, and what it becomes."""


@functools.lru_cache(maxsize=8)
def plain(text: str) -> str:
    """Return the text in lower case, on one line, with negations and "I am" contracted."""
    text = " ".join(text.replace("\u2019", "'").lower().split())
    for needed, pattern, contracted in _CONTRACTIONS:
        if needed in text:
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
