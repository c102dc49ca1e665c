"""Who has looked at a set of examples: every verdict that rests on it, from the store's records.

One look is one verdict on the set's digest. The records of `gate` say which scores a verdict read,
and those of `evaluate` on which examples these were measured. A verdict that was cached is the same
look; the same scores judged under other parameters are another.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tunesmith.statistics.looks import Wear, wear
from tunesmith.store import Store
from tunesmith.wording import counted


class Look(NamedTuple):
    """One verdict on a set."""

    verdict: str
    decision: str
    alpha: float
    at: str
    """When the verdict was made first, UTC, ISO 8601."""


def looks(store: Store) -> dict[str, list[Look]]:
    """Return the looks at each set of examples by its digest, oldest first."""
    measured = dict(_measured_on(store))
    first: dict[str, dict[str, Any]] = {}
    for record in store.all_records("gate"):
        known = first.setdefault(record["key"], record)
        first[record["key"]] = min(known, record, key=lambda item: str(item["created"]))
    found: dict[str, list[Look]] = {}
    for record in sorted(first.values(), key=lambda item: (str(item["created"]), item["key"])):
        output = record["output"]
        look = Look(
            output["digest"], output["decision"], record["params"]["alpha"], record["created"]
        )
        sets = {measured[scores] for scores in _scores(record["refs"]) if scores in measured}
        for examples in sets:
            found.setdefault(examples, []).append(look)
    return found


def _measured_on(store: Store) -> Iterator[tuple[str, str]]:
    """Yield the digests of scores, each with that of the examples it was measured on."""
    for record in store.all_records("evaluate"):
        examples = [ref for ref in record["refs"] if _kind(ref) == "examples"]
        if examples:
            yield record["output"]["digest"], examples[0]["digest"]


def _scores(value: Any) -> Iterator[str]:
    if _kind(value) == "scores":
        yield value["digest"]
    elif isinstance(value, dict):
        for item in value.values():
            yield from _scores(item)
    elif isinstance(value, list):
        for item in value:
            yield from _scores(item)


def _kind(value: Any) -> Any:
    return value.get("kind") if isinstance(value, dict) else None


def wear_of(store: Store, sets: Mapping[str, str]) -> dict[str, Wear]:
    """Return how far each set is worn; one that nobody has looked at is left out.

    Args:
        store: The store.
        sets: Digests of examples, by what people call them, such as "golden".
    """
    found = looks(store)
    return {
        name: wear([look.alpha for look in found[digest]])
        for name, digest in sets.items()
        if digest in found
    }


def worn_out(wears: Mapping[str, Wear]) -> list[str]:
    """Say which sets are worn out, one sentence each; empty while all are fresh enough."""
    return [told(name, found) for name, found in wears.items() if found.worn_out]


def told(name: str, found: Wear) -> str:
    """Say in a sentence how far a set is worn."""
    text = (
        f"{name} set: {counted(found.looks, 'verdict')} so far, which together may have promoted "
        f"wrongly with a chance of up to {found.spent:.0%}"
    )
    if found.worn_out:
        return f"{text}: it is worn out; put fresh examples in its place"
    return f"{text}; it carries {found.left} more"
