"""Forms that an answer may be asked for, as functions that say what is wrong, or nothing."""

import json
import re
from collections.abc import Callable
from functools import partial

from tunesmith.data.checks.languages import find_language
from tunesmith.evaluation.capability.rules import lines, unfenced, words
from tunesmith.evaluation.suites.asking import Judged

Broken = Callable[[str], str | None]

_BULLET = re.compile(r"[-*•]\s+\S")
_NUMBERED = re.compile(r"\d+[.)]\s+\S")
_ONE = re.compile(r"\w+(?:[ '’-]\w+)?")


def judged(broken: Broken, output: str) -> Judged:
    """Say whether an answer has a form; an empty one has none."""
    if not output.strip():
        return Judged(False, "empty answer")
    wrong = broken(output)
    return Judged(wrong is None, wrong or "")


def is_json(output: str) -> str | None:
    """Return what is wrong with a JSON object or list, or None."""
    try:
        found = json.loads(unfenced(output))
    except ValueError:
        return "no JSON"
    return None if isinstance(found, dict | list) else "neither an object nor a list"


def is_list(mark: re.Pattern[str], output: str) -> str | None:
    """Return what is wrong with a list of two items or more, or None.

    A line before the list that announces it is no fault; any other line is.
    """
    rows = lines(output)
    if rows and rows[0].endswith(":") and not mark.match(rows[0]):
        rows = rows[1:]
    items = sum(bool(mark.match(row)) for row in rows)
    if items < 2:
        return f"{items} items, expected 2 or more"
    return None if items == len(rows) else f"{len(rows) - items} lines that are no items"


is_bullets: Broken = partial(is_list, _BULLET)
is_numbered: Broken = partial(is_list, _NUMBERED)


def is_word(output: str) -> str | None:
    """Return what is wrong with an answer in one word, or None; some words are written as two."""
    if _ONE.fullmatch(output.strip().strip("\"'`*.!")):
        return None
    return f"{len(words(output))} words and other signs"


def is_in(code: str, output: str) -> str | None:
    """Return what is wrong with an answer in a language, or None."""
    found = find_language(output)
    if found is None:
        return "too short to tell the language"
    return None if found.code == code else f"in {found.code}, not in {code}"
