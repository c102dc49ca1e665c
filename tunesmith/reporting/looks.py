"""Who has looked at a set of examples: verdicts, and models measured without one.

All of it is read from the store's records. Those of `gate` say which scores a verdict read; those
of `evaluate` and `judge` on which examples and answers scores were measured; those of `predict`
whose answers these were.

| look | counted once for |
|---|---|
| a verdict | its key: one that was cached is the same look, the same scores judged under other \
parameters are another |
| a model measured without one, as `tunesmith evaluate` and `learning-curve` do | the model on the \
set: an adapter or an endpoint, until a verdict reads its scores there |

A look without a verdict counts as much as a verdict. Whoever measures several models and lets the
best be judged has chosen it on the set: the chance that it is promoted wrongly is at most that of
one verdict for each model that could have been chosen (Boole's inequality). The plain base can't be
promoted, and measuring it counts nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tunesmith.artifacts import Examples
from tunesmith.deciding.params import GateParams
from tunesmith.pipeline import Result
from tunesmith.statistics.looks import Wear, wear
from tunesmith.store import Store
from tunesmith.wording import counted

_MEASURING = ("evaluate", "judge")
"""Stages that write scores."""


class Look(NamedTuple):
    """One look at a set."""

    verdict: str
    """Digest of the verdict; empty where there was none."""
    decision: str
    """What it decided; empty without a verdict."""
    alpha: float
    at: str
    """When it was made first, UTC, ISO 8601."""
    model: str = ""
    """What was measured without a verdict; empty for a verdict."""


class Worn(NamedTuple):
    """How far a set is worn, and by how many looks of each kind."""

    wear: Wear
    verdicts: int
    others: int


class _Measured(NamedTuple):
    """Scores: of which set, of whom (empty for the plain base), and since when."""

    examples: str
    model: str
    at: str


def looks(store: Store) -> dict[str, list[Look]]:
    """Return the looks at each set by its digest: verdicts, then others, each oldest first."""
    measured = dict(_measured(store))
    found: dict[str, list[Look]] = {}
    judged: set[tuple[str, str]] = set()
    for record in _first(store, "gate"):
        output = record["output"]
        look = Look(
            output["digest"], output["decision"], record["params"]["alpha"], record["created"]
        )
        read = [measured[scores] for scores in _scores(record["refs"]) if scores in measured]
        judged |= {(item.examples, item.model) for item in read}
        for examples in {item.examples for item in read}:
            found.setdefault(examples, []).append(look)
    first: dict[tuple[str, str], str] = {}
    for item in sorted(measured.values(), key=lambda item: item.at):
        if item.model and (item.examples, item.model) not in judged:
            first.setdefault((item.examples, item.model), item.at)
    for (examples, model), at in first.items():
        before = found.setdefault(examples, [])
        alpha = before[-1].alpha if before else GateParams().alpha
        before.append(Look("", "", alpha, at, model))
    return found


def _measured(store: Store) -> Iterator[tuple[str, _Measured]]:
    """Yield the digests of scores, each with what was measured; the first account comes last.

    Scores of two models that are the same to the row are one artifact, and tell nothing apart.
    """
    whose = dict(_whose(store))
    plain = {digest: ref.digest for digest, ref in without_passages(store).items()}
    records = [record for stage in _MEASURING for record in store.all_records(stage)]
    for record in sorted(records, key=lambda item: str(item["created"]), reverse=True):
        refs = [ref for ref in record["refs"] if isinstance(ref, dict)]
        sets = [ref["digest"] for ref in refs if ref.get("kind") == "examples"]
        answers = [ref["digest"] for ref in refs if ref.get("kind") == "predictions"]
        if sets:
            model = whose.get(answers[0], "") if len(answers) == 1 else ""
            examples = plain.get(sets[0], sets[0])
            yield record["output"]["digest"], _Measured(examples, model, str(record["created"]))


def _whose(store: Store) -> Iterator[tuple[str, str]]:
    """Yield the digests of answers, each with whose they are: of who gave them first, at last."""
    for record in reversed(_first(store, "predict")):
        refs = [ref for ref in record["refs"] if isinstance(ref, dict)]
        adapters = [ref["digest"] for ref in refs if ref.get("kind") == "adapter"]
        endpoint = record["params"].get("endpoint")
        served = f"{endpoint['model']} at {endpoint['base_url']}" if endpoint else ""
        yield record["output"]["digest"], adapters[0] if adapters else served


def without_passages(store: Store) -> dict[str, Examples]:
    """Return, by digest, sets that passages were put into, each as it was before."""
    return {
        record["output"]["digest"]: Examples.model_validate(record["refs"][0])
        for record in store.all_records("retrieve")
    }


def _first(store: Store, stage: str) -> list[dict[str, Any]]:
    """Return the first record of each key, oldest first."""
    first: dict[str, dict[str, Any]] = {}
    for record in store.all_records(stage):
        known = first.setdefault(record["key"], record)
        first[record["key"]] = min(known, record, key=lambda item: str(item["created"]))
    return sorted(first.values(), key=lambda item: (str(item["created"]), item["key"]))


def _scores(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.get("kind") == "scores":
        yield value["digest"]
    elif isinstance(value, dict):
        for item in value.values():
            yield from _scores(item)
    elif isinstance(value, list):
        for item in value:
            yield from _scores(item)


def judging_sets(result: Result) -> dict[str, str]:
    """Return the digests of the sets that a retrain is judged on, by what people call them."""
    uses = {name: examples.digest for name, examples in result.uses.items()}
    return {"test": result.split.test.digest, "golden": result.golden.digest, **uses}


def wear_of(store: Store, sets: Mapping[str, str]) -> dict[str, Worn]:
    """Return how far each set is worn; one that nobody has looked at is left out.

    Args:
        store: The store.
        sets: Digests of examples, by what people call them, such as "golden".
    """
    found, plain = looks(store), without_passages(store)
    worn = {}
    for name, digest in sets.items():
        seen = found.get(plain[digest].digest if digest in plain else digest, [])
        if seen:
            verdicts = sum(bool(look.verdict) for look in seen)
            spent = wear([look.alpha for look in seen])
            worn[name] = Worn(spent, verdicts, len(seen) - verdicts)
    return worn


def worn_out(worn: Mapping[str, Worn]) -> list[str]:
    """Say which sets are worn out, one sentence each; empty while all are fresh enough."""
    return [told(name, found) for name, found in worn.items() if found.wear.worn_out]


def told(name: str, found: Worn) -> str:
    """Say in a sentence how far a set is worn."""
    kinds = [counted(found.verdicts, "verdict")] if found.verdicts else []
    if found.others:
        kinds.append(f"{counted(found.others, 'model')} measured without a verdict")
    text = (
        f"{name} set: {' and '.join(kinds)} so far, which together give a wrong promotion a chance "
        f"of up to {found.wear.spent:.0%}"
    )
    if found.wear.worn_out:
        return f"{text}: it is worn out; put fresh examples in its place"
    return f"{text}; it carries {found.wear.left} more"
