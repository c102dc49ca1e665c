"""Both models' answers to the same questions, side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tunesmith.evaluation.suites.asking import Probe
from tunesmith.statistics import BinaryComparison, compare_binary


@dataclass(frozen=True, slots=True)
class Both:
    """The answers of both models to one question."""

    base: Probe
    candidate: Probe

    @property
    def suite(self) -> str:
        """The suite that asks."""
        return self.base.suite

    @property
    def part(self) -> str:
        """What kind of question it is."""
        return self.base.part

    @property
    def row(self) -> str:
        """The example that the question is made of, where it is made of one."""
        return self.base.item.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Judged:
    """One value of both answers: what passed."""

    both: Both
    base: bool
    candidate: bool
    why: str

    @property
    def part(self) -> str:
        """What kind of question it is."""
        return self.both.part


def pair(base: Iterable[Probe], candidate: Iterable[Probe]) -> list[Both]:
    """Put both models' answers side by side, in the order of the base's.

    Raises:
        ValueError: they were not asked the same questions.
    """
    theirs = {row.item: row for row in base}
    ours = {row.item: row for row in candidate}
    if theirs.keys() != ours.keys():
        odd = min(theirs.keys() ^ ours.keys())
        raise ValueError(f"{odd!r} was asked of one model only; expected the same probe for both")
    for item, row in theirs.items():
        if row.prompt_digest != ours[item].prompt_digest:
            raise ValueError(f"{item!r} was asked in other words; expected the same probe for both")
    return [Both(row, ours[item]) for item, row in theirs.items()]


def judged(both: Iterable[Both], value: str) -> list[Judged]:
    """Return one value of the answers that have it.

    Raises:
        ValueError: only one model's answer to a question has it.
    """
    found = []
    for one in both:
        ours, theirs = one.candidate.values.get(value), one.base.values.get(value)
        if (ours is None) != (theirs is None):
            raise ValueError(f"{one.base.item!r} has {value} for one model only")
        if ours is not None and theirs is not None:
            found.append(Judged(one, theirs, ours, one.candidate.evidence.get(value, "")))
    return found


def share(passed: Iterable[bool]) -> float:
    """Return the share that passed."""
    known = list(passed)
    return sum(known) / len(known)


def count(chosen: Sequence[Judged]) -> BinaryComparison:
    """Count what each model got right, by groups."""
    return compare_binary(
        [one.candidate for one in chosen],
        [one.base for one in chosen],
        [one.both.base.group_id for one in chosen],
    )
