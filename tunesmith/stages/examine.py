"""Ask a model tasks of lm-evaluation-harness, such as MMLU or a user's own.

Reads a `Base`, optionally an `Adapter` on it, and the tasks' files as `Files`; writes `Probes`, one
row an item, for the suite `harness`. The same stage without an adapter gives the base's answers,
with which the gate compares. Each name that was answered survives a kill. Not repeatable, as
`predict`.
"""

import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from tunesmith.artifacts import Adapter, Base, Files, Probes
from tunesmith.canonical import digest
from tunesmith.data.source_files import copy
from tunesmith.evaluation.capability import harness
from tunesmith.evaluation.capability.harness import TaskRun
from tunesmith.evaluation.suites.asking import RIGHT, Probe
from tunesmith.packaging.pinning import check_base
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.training.device import Device


class ExamineParams(Params):
    """Which tasks are asked, and how many items of each."""

    names: tuple[str, ...] = Field(min_length=1, description="Tasks, or groups of tasks.")
    folder: str | None = Field(
        None,
        description="Folder with YAML files of tasks and their data, from the recipe's folder.",
    )
    hub: bool = Field(
        False,
        description="Whether the harness's own tasks may be named, with data from the model hub.",
    )
    limit: int | None = Field(
        200, ge=1, description="Items of each task, the first ones; null asks all."
    )
    metrics: dict[str, str] = Field(
        default_factory=dict,
        description="Metric that says whether an item is right, by task; acc or exact_match else.",
    )
    batch_size: int = Field(8, ge=1, description="Prompts that are answered together.")
    precision: Literal["fp32", "bf16"] | None = Field(
        None, description="Number format; `predict.precision` by default."
    )

    @model_validator(mode="after")
    def _from_somewhere(self) -> "ExamineParams":
        if self.folder is None and not self.hub:
            raise ValueError("expected folder with the tasks' files, or hub: true")
        if len(set(self.names)) < len(self.names):
            raise ValueError("names: a task stands twice; expected each once")
        return self


def _write(
    params: ExamineParams,
    draft: Draft,
    base: Base,
    adapter: Adapter | None,
    files: Files | None,
) -> Probes:
    from tunesmith.training.device import pick

    check_base(adapter, base)
    device = pick(params.precision)
    runs = _runs(params, draft, base, adapter, files, device)
    draft.notes.update(
        harness=runs[0].harness,
        metrics={task: metric for run in runs for task, metric in run.metrics.items()},
        versions={task: version for run in runs for task, version in run.versions.items()},
        device=device.name,
    )
    made = draft.seal_rows(Probes, _rows(runs))
    return made.model_copy(update={"answered_by": f"transformers {device.precision}"})


def _runs(
    params: ExamineParams,
    draft: Draft,
    base: Base,
    adapter: Adapter | None,
    files: Files | None,
    device: "Device",
) -> Sequence[TaskRun]:
    """Ask what a killed run has not asked in the same way."""
    from tunesmith.evaluation.generation import load

    finished, keep = draft.batches(f"{device.kind}-{device.precision}", TaskRun)
    missing = [number for number in range(len(params.names)) if number not in finished]
    if missing:
        with draft.timed("load"):
            adapter_dir = draft.path(adapter) if adapter else None
            loaded = load(draft.path(base), adapter_dir, device)
        folder = None
        if files is not None:
            folder = draft.scratch()
            copy(files, folder)
        asked = harness.Asked(params.metrics, params.hub, params.limit, params.batch_size)
        examiner = harness.Examiner(loaded, folder, params.names, asked)
        for number in missing:
            draft.progress(len(finished), len(params.names), "tasks")
            with draft.timed("ask"):
                finished[number] = examiner.ask(params.names[number])
            keep(number, {number: finished[number]})
        if folder is not None:
            shutil.rmtree(folder)
    draft.progress(len(finished), len(params.names), "tasks")
    return [finished[number] for number in range(len(params.names))]


def _rows(runs: Sequence[TaskRun]) -> Iterator[Probe]:
    seen = set()
    for run in runs:
        for answer in run.answers:
            item = f"{answer.task}/{answer.doc_id}"
            if item in seen:  # a task may stand in two groups that are named
                continue
            seen.add(item)
            how = run.metrics[answer.task], run.versions.get(answer.task, ""), run.harness
            yield Probe(
                item=item,
                suite=harness.NAME,
                part=answer.task,
                group_id=item,
                asked=answer.asked,
                # Answers to another text, or that another metric decided, do not compare.
                prompt_digest=digest([answer.item_digest, answer.asked, *how]),
                output=answer.output,
                finish_reason="stop",
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                values={RIGHT: answer.right},
                chance=answer.chance,
            )


STAGE = Stage("examine", version=1, produces=Probes, body=_write, repeatable=False)
