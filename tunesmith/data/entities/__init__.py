"""Entities of a text that can be checked against another text: numbers, dates, ids and names.

Rules and word lists, most of them for English; no model. Numbers and numeric dates are found in any
language, words that stand for them in English alone, names where a capital letter tells them. Every
step takes time linear in the text. Dates are taken first, then identifiers, then numbers, then
names, and no character belongs to two of them.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from tunesmith.data.entities.dates import FoundDate, FoundTime, clock, find_dates, find_times
from tunesmith.data.entities.ids import FoundId, find_ids, without_common_words
from tunesmith.data.entities.language import tongue
from tunesmith.data.entities.names import FoundName, find_names
from tunesmith.data.entities.numbers import FoundNumber, find_numbers
from tunesmith.data.entities.text import mask
from tunesmith.data.entities.uncased import without_uncased

Kind = Literal["number", "date", "id", "name"]
Found = FoundDate | FoundTime | FoundId | FoundNumber | FoundName


class Entity(NamedTuple):
    """Something that a text states: `text` as written, `normal` the same for every way to write it.

    The normal form holds "|" between the readings of an ambiguous wording. A clock time is of the
    kind "date".
    """

    kind: Kind
    text: str
    normal: str


def find_entities(text: str) -> list[Entity]:
    """Return the entities of the text in the order in which they stand."""
    return [entity(found) for found in sorted(find_all(text), key=lambda found: found.start)]


def find_all(text: str) -> list[Found]:
    """Return the entities with their parsed values, kind by kind."""
    plain = without_uncased(text)
    if plain.text is not text:
        return _as_written(text, [*plain.dates, *plain.times, *plain.numbers, *_find(plain.text)])
    return _find(text)


def _find(text: str) -> list[Found]:
    dates, times, ids, rest = find_outside_numbers(text)
    numbers = find_numbers(rest)
    if any(number.in_words for number in numbers) and tongue(text) != "english":
        numbers = [number for number in numbers if not number.in_words]
    return [*dates, *times, *ids, *numbers, *find_names(without(rest, numbers), text)]


def _as_written(text: str, found: list[Found]) -> list[Found]:
    """Show what was found in the text's own signs."""
    return [one._replace(text=text[one.start : one.start + len(one.text)]) for one in found]


def find_outside_numbers(
    text: str,
) -> tuple[list[FoundDate], list[FoundTime], list[FoundId], str]:
    """Return the dates, times and identifiers, and the text without them."""
    dates = find_dates(text)
    return dates, *find_times_and_ids(without(text, dates))


def find_times_and_ids(text: str) -> tuple[list[FoundTime], list[FoundId], str]:
    """Return the times and identifiers of a text without dates, and the text without them."""
    times = find_times(text)
    text = without_common_words(without(text, times))
    ids = find_ids(text)
    return times, ids, without(text, ids)


def without(text: str, found: Iterable[Found]) -> str:
    """Return the text with what was found in it blanked out."""
    return mask(text, ((one.start, one.start + len(one.text)) for one in found))


def entity(found: Found) -> Entity:
    """Return what was found in the form for reports."""
    if isinstance(found, FoundName):
        return Entity("name", found.text, " ".join(found.words))
    if isinstance(found, FoundDate):
        return Entity("date", found.text, "|".join(map(str, found.readings)))
    if isinstance(found, FoundTime):
        return Entity("date", found.text, "|".join(map(clock, found.readings)))
    return Entity("id" if isinstance(found, FoundId) else "number", found.text, found.normal)
