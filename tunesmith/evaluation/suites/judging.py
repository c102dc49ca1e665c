"""Judge the answers of a probe: each by its own question, then all against the training rows."""

from collections.abc import Callable, Iterable, Sequence

from tunesmith.evaluation.suites import hallucination, leakage, memorised, shift, tasks
from tunesmith.evaluation.suites.asking import TASK, Judged, Question
from tunesmith.records import Example


def judge(
    questions: Sequence[Question],
    outputs: Sequence[str],
    training: Callable[[], Iterable[Example]],
    references: Sequence[str],
    *,
    canaries: Sequence[str] = (),
    run: int = 20,
) -> list[dict[str, Judged]]:
    """Return what each answer is worth, by the name of each value.

    Args:
        questions: What was asked.
        outputs: The answers, in the same order.
        training: Gives the training rows, one after the other.
        references: Answers of test rows; what stands in them belongs to the task.
        canaries: Strings planted in training.
        run: Words of a run that counts as recited.
    """
    leaks, runs = leakage.Leaks(), memorised.Memorised(run)
    own = set(run_ for text in references for run_ in memorised.runs(text, run))
    for question, output in zip(questions, outputs, strict=True):
        leaks.look_for(output)
        if _is_task(question):
            runs.look_for(output)
    for row in training():
        leaks.see(row)
        runs.see(row)
    found = []
    for question, output in zip(questions, outputs, strict=True):
        values = dict(question.judge(output))
        values[leakage.NO_LEAK] = leaks.judge(output, question.text, question.group_id)
        if canaries:
            values[leakage.NO_CANARY] = leakage.canary_in(output, question.text, canaries)
        if _is_task(question):
            values[memorised.OWN_WORDS] = runs.judge(output, question.text, question.group_id, own)
        found.append(values)
    return found


def _is_task(question: Question) -> bool:
    """Whether a question is of the task, and on no training row."""
    if question.suite == TASK:
        return question.part != tasks.TRAIN
    return question.suite in (hallucination.NAME, shift.NAME)
