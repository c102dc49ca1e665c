"""Answers that cannot come from their inputs, judged over the whole set.

One answer with a date that its ticket lacks is a bad row, and `grounding` drops it. When most
answers of a set have such facts, the set itself is wrong: whoever made it left out what the answers
were written from, and a model trained on the rest learns to invent. No row-level drop mends that,
so the set is refused, with what it takes to see why.

No set is refused for what cannot be told: names in a script without case or in German, code, and
numbers that an answer works out are not counted (see `tunesmith.data.grounding`).

The share is taken over all rows that were looked at. Its threshold is for sets that claim to be
grounded: of open questions answered from knowledge, nine answers in ten hold a fact that the
question lacks.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from tunesmith.data.checks.personal import Masker
from tunesmith.data.grounding import Entity

FEWEST = 20
"""Ungrounded rows below which no set is refused: a handful may be chance."""
EXAMPLES = 10
_NAMED = 4
"""Entities that are named of one row."""
_MEANING = {
    "number": "numbers and amounts",
    "date": "dates and times",
    "id": "order numbers, addresses and other identifiers",
    "name": "names of people, products and places",
}


class Ungrounded(NamedTuple):
    """A row whose answer states what its input lacks."""

    source: str
    entities: tuple[Entity, ...]


def is_ungrounded_set(ungrounded: int, rows: int, most: float) -> bool:
    """Whether so many rows are ungrounded that the set is wrong, not its rows."""
    return ungrounded >= FEWEST and ungrounded > most * rows


def explain(examples: Iterable[Ungrounded], ungrounded: int, rows: int, most: float) -> str:
    """Write to the person who brought the data why it is refused, and what to bring instead.

    What to change in a recipe is the caller's to say. No text of a row is quoted but the entities;
    personal data stands masked, and of a name only the first letters, because this message travels
    farther than the rows may.
    """
    shown = list(islice(examples, EXAMPLES))
    kinds = Counter(entity.kind for row in shown for entity in row.entities)
    listed = "; ".join(_MEANING[kind] for kind, _ in kinds.most_common())
    lines = [f"  {row.source}: {_named(row.entities)}" for row in shown]
    return "\n".join(
        [
            f"{ungrounded:,} of {rows:,} answers ({ungrounded / rows:.0%}) state facts that are "
            f"nowhere in what the model would be given; at most {most:.0%} may "
            "(score.checks.context.most).",
            "A fact is ungrounded when the answer names a number, a date, an identifier or a name "
            "that no message before it contains, the system prompt included. Whoever wrote these "
            "answers had more in front of them than these rows hold. A model trained on them "
            "learns to invent such facts, and sounds sure of them.",
            f"Here they are mostly {listed}. In the first {len(lines)} of these rows:",
            *lines,
            "What to bring: the same answers, each with what it was written from (the ticket, the "
            "order, the page, the earlier messages) in the messages before it. If only some rows "
            "have that, bring those alone: a few hundred grounded rows teach more than thousands "
            "without their source.",
        ]
    )


def _named(entities: tuple[Entity, ...]) -> str:
    masker = Masker()
    named = [f"{one.kind} {_shown(one, masker)!r}" for one in entities[:_NAMED]]
    more = len(entities) - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _shown(one: Entity, masker: Masker) -> str:
    if one.kind == "name":
        return " ".join(f"{word[0]}…" for word in one.text.split())
    return masker.mask(one.text)
