"""What answers cost: tokens in and out, and seconds, for everybody who was measured.

Tokens are of the predictions and the same wherever they were made. Seconds are of the build that
made them, on the machine that it ran on; answers are generated in batches, so a single request
takes longer than its share.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tunesmith.pipeline import Result
from tunesmith.records import Prediction
from tunesmith.reporting.before_after import NAMES, PLACES
from tunesmith.store import Store


@dataclass(frozen=True)
class Cost:
    """What somebody's answers to one set of examples cost.

    Attributes:
        who: base, prompt_baseline, retrieved, champion or candidate.
        where: test or golden.
        answers: How many.
        prompt_tokens: Of all prompts.
        answer_tokens: Of all answers.
        cut: Answers that ended at the longest length allowed.
        seconds: That the build took, without loading the model where that was timed; None where
            no record is left.
    """

    who: str
    where: str
    answers: int
    prompt_tokens: int
    answer_tokens: int
    cut: int
    seconds: float | None

    @property
    def prompt_each(self) -> float:
        """Tokens of a prompt, on average."""
        return self.prompt_tokens / max(self.answers, 1)

    @property
    def answer_each(self) -> float:
        """Tokens of an answer, on average."""
        return self.answer_tokens / max(self.answers, 1)

    @property
    def seconds_each(self) -> float | None:
        """Seconds of an answer, on average, as the batches made them."""
        return None if self.seconds is None else self.seconds / max(self.answers, 1)


def costs(store: Store, result: Result) -> list[Cost]:
    """Return what everybody's answers cost, test before golden.

    Raises:
        MissingArtifact: when predictions are missing or damaged.
    """
    seconds = dict(_seconds(store))
    found = []
    for where in PLACES:
        for who in NAMES:
            measured = result.measured.get(f"{who} {where}")
            if measured is None:
                continue
            rows = list(store.rows(measured.predictions, Prediction))
            found.append(
                Cost(
                    who=who,
                    where=where,
                    answers=len(rows),
                    prompt_tokens=sum(row.prompt_tokens for row in rows),
                    answer_tokens=sum(row.completion_tokens for row in rows),
                    cut=sum(row.finish_reason == "length" for row in rows),
                    seconds=seconds.get(measured.predictions.digest),
                )
            )
    return found


def _seconds(store: Store) -> Iterator[tuple[str, float]]:
    """Yield how long each build of predictions took, by digest, the newest last."""
    records = sorted(store.all_records("predict"), key=lambda record: str(record["created"]))
    for record in records:
        timings = record["timings"]
        parts = [timings[name] for name in ("prefill", "decode") if name in timings]
        yield record["output"]["digest"], sum(parts) if parts else timings["total"]
