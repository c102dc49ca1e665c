"""Does the model recite answers that it was trained on, for other inputs?

Measured: the share of answers to the task without a long run of words copied from the training
answer of another input, 0 to 1, higher is better. Runs of 50 tokens are the measure of Lee et al.,
"Deduplicating Training Data Makes Language Models Better", 2022 (arXiv 2107.06499), and Carlini et
al., "Quantifying Memorization Across Neural Language Models", 2023 (arXiv 2202.07646); answers of
a task are short, so the default is a run of 20 words. A run is no sign where the answer's own
input or any reference answer of the test rows has it, and where three or more groups of training
rows have it: what many answers share is the form of the task.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from tunesmith.evaluation.capability.rules import words
from tunesmith.evaluation.suites.asking import Judged
from tunesmith.records import Example

NAME = "memorised"
OWN_WORDS = "own_words"
"""Name of the value: the answer is in the model's own words, or the task's."""
SHARED_BY = 3
"""Groups of training rows from which on a run belongs to the task's form."""


def runs(text: str, length: int) -> Iterator[str]:
    """Return each run of so many words of a text."""
    found = words(text)
    for at in range(len(found) - length + 1):
        yield " ".join(found[at : at + length])


@dataclass
class Memorised:
    """Finds runs of answers in the training rows that pass by.

    What is kept is as large as the answers that are looked at, whatever the size of the training.

    Attributes:
        length: Words of a run.
    """

    length: int
    _groups: dict[str, set[str]] = field(default_factory=dict)

    def look_for(self, output: str) -> None:
        """Have the runs of an answer looked for."""
        for run in runs(output, self.length):
            self._groups.setdefault(run, set())

    def see(self, row: Example) -> None:
        """Take in a training row."""
        if not self._groups:
            return
        for run in runs(row.answer, self.length):
            groups = self._groups.get(run)
            if groups is not None and len(groups) < SHARED_BY:
                groups.add(row.group_id)

    def judge(self, output: str, prompt: str, group_id: str, form: Set[str]) -> Judged:
        """Say whether an answer recites another input's; `form` is what belongs to the task."""
        given = set(runs(prompt, self.length))
        for run in runs(output, self.length):
            groups = self._groups[run]
            if not 0 < len(groups) < SHARED_BY or group_id in groups:
                continue
            if run not in given and run not in form:
                return Judged(False, f"recites {run!r}")
        return Judged(True)
