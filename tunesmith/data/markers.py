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
    found = _pattern(phrases).search(_plain(answer))
    return found.group() if found else None


_CONTRACTIONS = (
    (re.compile(r"\bcan ?not\b"), "can't"),
    (re.compile(r"\b(do|does|did|is|are|was|were|have|has|could|would) not\b"), r"\1n't"),
    (re.compile(r"\bi am\b"), "i'm"),
)


def _plain(text: str) -> str:
    plain = " ".join(text.replace("\u2019", "'").lower().split())
    for pattern, contracted in _CONTRACTIONS:
        plain = pattern.sub(contracted, plain)
    return plain


@functools.cache
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    def whole(phrase: str) -> str:
        start = r"\b" if phrase[0].isalnum() else ""
        end = r"\b" if phrase[-1].isalnum() else ""
        return f"{start}{re.escape(phrase)}{end}"

    return re.compile("|".join(whole(_plain(phrase)) for phrase in phrases))
