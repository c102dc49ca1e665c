"""Say whether fine-tuning is the answer, once the baselines are measured and before training.

Reads the `Mixture`, the `Split`, the prompt baseline's `Predictions` and `Scores` on test, and the
`Scores` of the base with passages where there are documents. Writes an `Advice`: the document, and
the failures of the prompt baseline as rows. It says so when a baseline reaches the target; whether
the retrain then stops is the recipe's to say.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import Field

from tunesmith.advice.document import DOCUMENT, document, failed_answers
from tunesmith.advice.gathering import Asked, Given, gather
from tunesmith.artifacts import Advice, Failures, Mixture, Predictions, Ref, Scores, Split
from tunesmith.evaluation.prompting import Prompting
from tunesmith.stage import Stage
from tunesmith.store.draft import Draft, read_json


class AdviseParams(Asked):
    """What the recipe says about the advice, and how the prompt baseline was asked."""

    prompting: Prompting = Field(Prompting(), description="How the prompt baseline was asked.")


class _Peeking(NamedTuple):
    """Reads artifacts that only inform the stage."""

    draft: Draft

    def rows(self, ref: Ref, row_type: Any) -> Iterator[Any]:
        return self.draft.peek(ref, row_type)

    def json(self, ref: Ref, name: str) -> Any:
        return read_json(self.draft.path(ref) / name)


def _write(
    params: AdviseParams,
    draft: Draft,
    mixture: Mixture,
    split: Split,
    predictions: Predictions,
    scores: Scores,
    retrieved: Scores | None,
) -> Advice:
    given = Given(mixture, split, predictions, scores, retrieved)
    case = gather(_Peeking(draft), params, given)
    made = document(case, params.prompting)
    failures = draft.seal_rows(Failures, failed_answers(case))
    told = {who: found["reason"] for who, found in made["target"].items() if found}
    draft.notes.update(method=made["method"], rule=made["rule"], target=told)
    return draft.seal_json(
        Advice,
        DOCUMENT,
        {**made, "sorted": failures.digest},
        stop=made["enough"] is not None,
        failures=failures,
    )


STAGE = Stage("advise", version=1, produces=Advice, body=_write)
