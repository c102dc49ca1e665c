"""Train an adapter on the base model.

Reads the train and validation sides and a `Base`, writes an `Adapter`: safetensors, its
configuration, and `steps.jsonl`, the step metrics without the clock (their timestamps stand in
the record). Not repeatable across devices and versions. Checkpoints are unfinished work: after a
kill, training goes on from the last complete one.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tunesmith.artifacts import STEPS, Adapter, Base, Examples
from tunesmith.errors import RecipeError
from tunesmith.records import ChatExample, Example, LabelExample, PreferenceExample, Row
from tunesmith.sampling import sample
from tunesmith.stage import Stage
from tunesmith.store.draft import Draft
from tunesmith.training.sft import SftParams

if TYPE_CHECKING:
    from tunesmith.training.sft import TrainResult


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

    def kept(steps: Sequence[dict[str, float]]) -> None:
        draft.save()
        draft.measured(steps)  # only now: what a killed run measured after this is measured again

    salt = f"train {params.seed}"
    result = train(
        draft.path(base),
        _ordered(list(_chats(draft.peek(rows))), params, salt),
        sample(_chats(draft.peek(validation)), params.validation_sample, salt),
        params,
        draft.state,
        on_step=lambda step, planned: draft.progress(int(step["step"]), planned, "steps"),
        on_checkpoint=kept,
    )
    folder = draft.scratch()
    shutil.copytree(result.adapter_dir, folder, dirs_exist_ok=True)
    with (folder / STEPS).open("w") as file:
        for step in result.metrics:
            clockless = {name: step[name] for name in sorted(step) if name != "timestamp"}
            file.write(json.dumps(clockless) + "\n")
    draft.timings["train"] = round(result.seconds, 3)
    draft.timings["steps"] = {str(int(step["step"])): step["timestamp"] for step in result.metrics}
    draft.notes.update(_notes(result))
    return draft.seal_files(Adapter, folder, base=base.digest)


def _ordered(rows: list[ChatExample], params: TrainParams, salt: str) -> list[ChatExample]:
    """Choose the sample; in the order of the rows where training must keep it."""
    chosen = sample(rows, params.sample, salt)
    if params.shuffle:
        return chosen
    ids = {row.row_id for row in chosen}
    return [row for row in rows if row.row_id in ids]


def _chats(rows: Iterable[Example]) -> Iterator[ChatExample]:
    """Pass chats on; a labelled text is one whose answer is the label, as it is asked too.

    Raises:
        RecipeError: for a preference, from which this method cannot learn.
    """
    for row in rows:
        if isinstance(row, PreferenceExample):
            raise RecipeError(
                f"train.method sft learns from chats and labelled texts, but {row.source} is a "
                "preference. Take its source out of the recipe, or give the rows as chat messages; "
                "`tunesmith prepare` prepares rows of every type"
            )
        if isinstance(row, LabelExample):
            shared = {name: getattr(row, name) for name in Row.__struct_fields__}
            yield ChatExample(messages=row.messages, **shared)
        else:
            yield row


def _notes(result: "TrainResult") -> dict[str, Any]:
    return {
        "steps": result.steps,
        "planned_steps": result.planned_steps,
        "stopped_early": result.stopped_early,
        "best_step": result.best_step,
        "best_validation_loss": result.best_loss,
        "resumed_from": result.resumed_from,
        "trainable": result.trainable,
        "parameters": result.parameters,
        "trainable_share": result.trainable_share,
        "train": asdict(result.train_counts),
        "validation": asdict(result.validation_counts),
        "precision": result.device.precision,
        "threads": result.device.threads,
    }


STAGE = Stage("train", version=1, produces=Adapter, body=_write, repeatable=False)
