"""Whether a set of items can measure anything: what is wrong with it, in words.

A set may not be passed by an answer that has nothing to do with the question, so every answer that
is right for one item is tried on all items of its skill, with letters, stock phrases and each
item's own prompt.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tunesmith.evaluation.capability.items import Choice, Form, Item, Number, Refuse, Reply
from tunesmith.evaluation.capability.rules import holds, words
from tunesmith.evaluation.capability.scoring import score

MOST_ALIKE = 0.8
"""Jaccard similarity of words, or of word triples, at which two prompts are the same item."""

MOST_BY_CONSTANT = 0.4
"""Share of a skill that one and the same answer may get right."""

MOST_OF_A_LETTER = 0.35
"""Share of the choices with four options whose answer may be one letter."""

STOCK = (
    "yes",
    "no",
    "0",
    "1",
    "2",
    "none",
    "ok",
    "I'm sorry, but I can't help with that.",
    "Sure, here is an answer to your question.",
    "- one\n- two\n- three",
    "{}",
    "The answer is that it depends on the situation and on the people who are involved in it.",
)
"""Answers that a model might give to everything."""


def problems(items: Sequence[Item], least: int = 40) -> list[str]:
    """Return what is wrong with a set, one sentence each; an empty list if it is fit for use.

    Args:
        items: The set, of one skill or several.
        least: Items that a skill must have.
    """
    return [
        *_repeated_ids(items),
        *_unpassable(items),
        *(
            f"{one} and {two}: prompts alike ({alike:.2f}); reword or drop one of them"
            for one, two, alike in near_copies(items)
        ),
        *(problem for skill, own in _by_skill(items) for problem in _of_skill(skill, own, least)),
    ]


def near_copies(items: Sequence[Item]) -> list[tuple[str, str, float]]:
    """Return the pairs of items whose prompts are alike, with their Jaccard similarity."""
    seen = [(item.id, *_sets(item)) for item in items]
    found = []
    for at, (one, own, own_triples) in enumerate(seen):
        for two, other, other_triples in seen[at + 1 :]:
            alike = max(_jaccard(own, other), _jaccard(own_triples, other_triples))
            if alike >= MOST_ALIKE:
                found.append((one, two, alike))
    return found


def best_constant(items: Sequence[Item]) -> tuple[str, float]:
    """Return the one answer that gets most of some items right, and the share that it gets."""
    tried = dict.fromkeys(
        [*STOCK, *"ABCDEF", *(answer for item in items for answer in right(item))]
    )
    rates = {answer: sum(score(item, answer).value for item in items) for answer in tried}
    best = max(rates, key=lambda answer: rates[answer])
    return best, rates[best] / len(items)


def right(item: Item) -> tuple[str, ...]:
    """Return answers to an item that are right."""
    check = item.check
    if isinstance(check, Number):
        return (check.value,)
    if isinstance(check, Choice):
        return (check.answer, check.options["ABCDEF".index(check.answer)])
    if isinstance(check, Form):
        return (check.sample,)
    if isinstance(check, Refuse):
        return ("I'm sorry, but I can't help with that.",)
    return check.any_of if isinstance(check, Reply) else check.answers


def _repeated_ids(items: Iterable[Item]) -> Iterator[str]:
    for name, count in Counter(item.id for item in items).items():
        if count > 1:
            yield f"{name}: {count} items have this id; give each its own"


def _unpassable(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        for answer in right(item):
            found = score(item, answer)
            if not found.value:
                yield f"{item.id}: its own answer {answer!r} is wrong: {found.evidence}"
        if score(item, item.prompt).value:
            yield f"{item.id}: its own prompt is a right answer"
        if isinstance(item.check, Reply):
            told = [one for one in item.check.any_of if holds(item.prompt, one)]
            if told:
                yield f"{item.id}: the prompt says {told[0]!r}, which is to be the answer's own"


def _of_skill(skill: str, items: Sequence[Item], least: int) -> Iterator[str]:
    if len(items) < least:
        yield f"{skill}: {len(items)} items; expected at least {least}"
    answer, rate = best_constant(items)
    if rate > MOST_BY_CONSTANT:
        yield f"{skill}: {answer!r} is right for {rate:.0%}; at most {MOST_BY_CONSTANT:.0%}"
    letters = Counter(
        item.check.answer
        for item in items
        if isinstance(item.check, Choice) and len(item.check.options) == 4
    )
    if letters.total() >= 12:
        for letter in "ABCD":
            share = letters[letter] / letters.total()
            if not 0.15 <= share <= MOST_OF_A_LETTER:
                yield f"{skill}: {letter} is the answer of {share:.0%} of the choices; move some"


def _by_skill(items: Iterable[Item]) -> list[tuple[str, list[Item]]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.skill].append(item)
    return list(found.items())


def _sets(item: Item) -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    # The options are part of what is asked; the system prompt may be shared.
    text = item.prompt
    if isinstance(item.check, Choice):
        text = "\n".join([text, *item.check.options])
    found = words(text)
    return frozenset(found), frozenset(zip(found, found[1:], found[2:], strict=False))


def _jaccard(one: frozenset[object], two: frozenset[object]) -> float:
    return len(one & two) / len(one | two) if one or two else 0.0
