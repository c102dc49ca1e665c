"""Train an adapter on the base model.

Reads the train and validation sides and a `Base`, writes an `Adapter`: safetensors, its
configuration, and `steps.jsonl`, the step metrics without the clock (their timestamps stand in
the record). Not repeatable across devices and versions. Checkpoints are unfinished work: after a
kill, training goes on from the last complete one.
"""

import json
import shutil
from typing import Literal

from pydantic import Field

from tunesmith.artifacts import STEPS, Adapter, Base, Examples
from tunesmith.draft import Draft
from tunesmith.records import ChatExample
from tunesmith.sampling import sample
from tunesmith.stage import Stage
from tunesmith.training.sft import SftParams, SftRow


class TrainParams(SftParams):
    """How the adapter is trained."""

    method: Literal["sft"] = Field(description="Supervised fine-tuning on the answers.")
    sample: int | None = Field(
        None, ge=1, description="Rows to train on, chosen by hash; all by default."
    )
    validation_sample: int | None = Field(
        None, ge=1, description="Validation rows, chosen by hash; all by default."
    )


def _write(
    params: TrainParams, draft: Draft, rows: Examples, validation: Examples, base: Base
) -> Adapter:
    from tunesmith.training.sft import train

    salt = f"train {params.seed}"
    result = train(
        draft.path(base),
        [_row(row) for row in sample(draft.peek(rows), params.sample, salt)],
        [_row(row) for row in sample(draft.peek(validation), params.validation_sample, salt)],
        params,
        draft.state,
        on_step=lambda step: draft.measured([step]),
        on_progress=lambda done, total: draft.progress(done, total, "steps"),
        on_checkpoint=draft.save,
    )
    folder = draft.scratch()
    shutil.copytree(result.adapter, folder, dirs_exist_ok=True)
    with (folder / STEPS).open("w") as file:
        for step in result.steps:
            clockless = {name: step[name] for name in sorted(step) if name != "timestamp"}
            file.write(json.dumps(clockless) + "\n")
    draft.timings["steps"] = {str(int(step["step"])): step["timestamp"] for step in result.steps}
    draft.timings.update(result.timings)
    draft.notes.update(result.notes)
    return draft.seal_files(Adapter, folder, base=base.digest)


def _row(row: ChatExample) -> SftRow:
    messages = [{"role": item.role, "content": item.content} for item in row.messages]
    return SftRow(row_id=row.row_id, prompt=messages[:-1], completion=messages[-1:])


STAGE = Stage("train", version=1, produces=Adapter, body=_write, repeatable=False)
