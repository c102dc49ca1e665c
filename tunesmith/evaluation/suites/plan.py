"""All that a probe asks, from what passed by of training and a sample of the test rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tunesmith.evaluation.capability.items import Item
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import (
    forgetting,
    format_lock,
    hallucination,
    leakage,
    shift,
    sycophancy,
    system_prompts,
    tasks,
)
from tunesmith.evaluation.suites.asking import Question
from tunesmith.records import Example
from tunesmith.sampling import Largest, fraction

_COPIES = 4
"""Copies of a row that `mix` may make on average before the sample of training gets smaller."""


@dataclass(frozen=True)
class Sizes:
    """How much is asked.

    Attributes:
        of_skill: Capability items of each skill.
        of_suite: Questions of each suite that has no number of its own.
        of_task: Rows of training, and as many of test, that are asked as they stand.
        beginnings: Training texts that break off before personal data.
    """

    of_skill: int = 15
    of_suite: int = 80
    of_task: int = 80
    beginnings: int = 8

    def most(self, skills: int, canaries: int = 0) -> int:
        """Return how many answers a probe costs at most."""
        drawn = len(leakage.REQUESTS) + self.beginnings + canaries
        return self.of_skill * skills + 5 * self.of_suite + 2 * self.of_task + drawn


@dataclass
class Training:
    """What the questions need of the training rows, gathered while they pass by.

    Attributes:
        test: The test rows that are asked about.
        sizes: How much is asked.
        canaries: Strings planted in training.
        salt: Of the hash that chose the rows trained on, so that those asked are among them.
        trained_on: How many rows that were; all if None.
    """

    test: Sequence[Example]
    sizes: Sizes
    canaries: Sequence[str] = ()
    salt: str = "train 0"
    trained_on: int | None = None
    novelty: shift.Novelty = field(init=False)
    beginnings: leakage.Beginnings = field(init=False)

    def __post_init__(self) -> None:
        self.novelty = shift.Novelty(self.test)
        self.beginnings = leakage.Beginnings(self.sizes.beginnings, self.canaries)
        most = _COPIES * self.sizes.of_task
        self._first: Largest[Example] = Largest(min(most, self.trained_on or most))
        self._files = {_file(row) for row in self.test}

    def see(self, row: Example) -> None:
        """Take in a training row."""
        self.novelty.see(row)
        self.beginnings.see(row)
        key = (1.0 - fraction(row.row_id, self.salt), row.row_id)
        self._first.add(key, row)

    def sample(self) -> list[Example]:
        """Return examples of the task that were trained on, each once.

        What is replayed comes from other files than the test rows do, and would hide how well the
        task was learned by heart.
        """
        rows = {row.row_id: row for row in self._first.items() if _file(row) in self._files}
        return list(rows.values())[: self.sizes.of_task]


def _file(row: Example) -> str:
    return row.source.rpartition(":")[0]


def questions(
    training: Training,
    items: Sequence[Item],
    metrics: Sequence[str],
    settings: MetricParams,
) -> list[Question]:
    """Return every question of a probe, in an order that hangs on the inputs alone.

    Args:
        training: What passed by, with the test rows.
        items: The capability set.
        metrics: Those of the recipe that say yes or no, the primary one first.
        settings: What the metrics need.
    """
    sizes, test = training.sizes, training.test
    near, far = shift.divide(test, training.novelty)
    found = [
        *forgetting.ask(items, sizes.of_skill),
        *tasks.ask(training.sample(), tasks.TRAIN, metrics, settings),
        *tasks.ask(near, tasks.NEAR, metrics, settings),
        *tasks.ask(far, tasks.FAR, metrics, settings),
        *system_prompts.ask(test, sizes.of_suite),
        *format_lock.ask(test, sizes.of_suite),
        *hallucination.ask(test, sizes.of_suite),
        *sycophancy.ask(items, sizes.of_suite),
        *shift.ask(test, sizes.of_suite, metrics, settings),
        *leakage.ask(training.beginnings.found(), training.canaries),
    ]
    return list(_each_once(found))


def _each_once(found: Iterable[Question]) -> Iterator[Question]:
    """Leave out what is asked already, as of a row that is in training and in test."""
    seen: set[str] = set()
    for question in found:
        if question.item not in seen:
            seen.add(question.item)
            yield question
