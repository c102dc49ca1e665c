"""Patterns from a recipe, run on what a model wrote, within a time limit."""

import re
from typing import Any

import regex

from tunesmith.errors import InputError

SECONDS = 2.0
"""Processor time that one pattern may take on one text."""


_ESCAPED_OR_BRACE = re.compile(r"(\\.)|\{(?![\d,])", re.DOTALL)


def compiled(pattern: str, lines: bool = False) -> Any:
    """Return a pattern of Python's `re`, for the library that can be stopped.

    There a brace that starts no count asks for inexact matching; in `re` it stands for itself.

    Raises:
        regex.error: it is no pattern.
    """
    literal = _ESCAPED_OR_BRACE.sub(lambda match: match[1] or r"\{", pattern)
    return regex.compile(literal, regex.MULTILINE if lines else 0)


def search(field: str, pattern: str, text: str, at: int = 0, *, lines: bool = False) -> Any:
    """Return the first match from a place on, or None.

    Args:
        field: Of the recipe, for the message.
        pattern: As Python's `re` has them.
        text: Where to look.
        at: Characters to skip.
        lines: Let `^` and `$` stand for the start and the end of a line.

    Raises:
        InputError: it takes too long. That is no score of the answer: elsewhere, on a faster
            machine, the same answer would have another one.
    """
    try:
        return compiled(pattern, lines).search(text, at, timeout=SECONDS)
    except TimeoutError:
        raise InputError(
            f"{field}: the pattern {pattern!r} takes over {SECONDS:g} seconds on an answer of "
            f"{len(text)} characters; write it without repeats inside repeats"
        ) from None
