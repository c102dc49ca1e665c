"""Phrases that betray an answer that is not about its input.

Two families: a model talking about itself or its limits, which fine-tuning then teaches, and
hedges that stand where a fact should. Matching ignores case and the kind of apostrophe.
"""

import functools
import re

PHRASES = (
    "as an ai",
    "as a language model",
    "as an artificial intelligence",
    "i am an ai",
    "i'm an ai",
    "my training data",
    "my knowledge cutoff",
    "my last update",
    "i don't have access to",
    "i do not have access to",
    "i can't access",
    "i cannot access",
    "i don't have real-time",
    "i cannot verify",
    "i can't verify",
    "i am unable to verify",
    "i'm unable to verify",
    "i cannot provide",
    "i can't provide",
    "i can't assist with",
    "i cannot assist with",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i don't have enough information",
    "i do not have enough information",
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


def _plain(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").lower().split())


@functools.cache
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    def whole(phrase: str) -> str:
        start = r"\b" if phrase[0].isalnum() else ""
        end = r"\b" if phrase[-1].isalnum() else ""
        return f"{start}{re.escape(phrase)}{end}"

    return re.compile("|".join(whole(_plain(phrase)) for phrase in phrases))
