"""Supervised fine-tuning of a LoRA adapter on chat examples.

The adapter (Hu et al., https://arxiv.org/abs/2106.09685) is trained with TRL's `SFTTrainer`; the
loss is over the tokens of the answer only. Training looks at the validation rows at intervals and
at its end, stops when they no longer gain, and keeps the best checkpoint.

Everything unfinished is in the work folder: a run that was killed goes on from its last whole
checkpoint and, on one CPU thread in float32, ends with the same bits as an undisturbed one. The
weights stay in float32; on a device that has it the arithmetic is bfloat16 (autocast).
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tunesmith.errors import InputError, Unready
from tunesmith.records import ChatExample
from tunesmith.stage import Params
from tunesmith.training.checkpoints import (
    METRICS,
    StepLog,
    StepMetrics,
    keep_checkpoints,
    last_checkpoint,
    read_state,
    seal_checkpoint,
)
from tunesmith.training.device import Device, pick
from tunesmith.training.loading import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    load_base,
    load_tokenizer,
    quiet,
)
from tunesmith.training.model_folder import CONFIG, read_header
from tunesmith.training.rows import TokenCounts, write_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LOOKS = 4
"""Validations in a run where no interval is given."""
REPORTED = ("loss", "learning_rate", "grad_norm", "mean_token_accuracy", "entropy", "epoch")
"""What is kept of the trainer's log, also with the prefix `eval_`."""


class LoraParams(Params):
    """A low-rank adapter."""

    kind: Literal["lora"] = Field("lora", description="LoRA: W + alpha / r * B A, B and A trained.")
    r: int = Field(8, ge=1, le=512, description="Rank: columns of B and rows of A.")
    alpha: float = Field(16, gt=0, description="Scale of the adapter; twice the rank is common.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of the adapter's inputs left out.")
    target_modules: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear", description="Names of the layers to adapt; all linear ones but the head."
    )


class SftParams(Params):
    """Supervised fine-tuning."""

    adapter: LoraParams = Field(LoraParams(), description="What is trained.")
    epochs: int = Field(1, ge=1, description="Passes over the training rows.")
    learning_rate: float = Field(
        2e-3, gt=0, lt=1, description="Highest learning rate. 2e-3 suits runs of a few dozen steps."
    )
    batch_size: int = Field(8, ge=1, description="Rows that go through the model together.")
    gradient_accumulation: int = Field(
        1, ge=1, description="Batches whose gradients are added up for one optimizer step."
    )
    max_length: int = Field(
        1024, ge=2, description="Longest row in tokens, prompt and answer; a longer one is refused."
    )
    warmup_steps: int = Field(
        3, ge=0, description="Optimizer steps over which the learning rate rises from zero."
    )
    scheduler: Literal["cosine", "linear", "constant_with_warmup"] = Field(
        "cosine", description="How the learning rate falls after the warm-up."
    )
    evaluate_every: int | None = Field(
        None,
        ge=1,
        description="Optimizer steps between validations, each with a checkpoint; "
        "a quarter of the run by default. The last step is always validated.",
    )
    patience: int = Field(
        3, ge=1, description="Validations in a row without a lower loss that end the training."
    )
    shuffle: bool = Field(
        True,
        description="Draw the rows in another order each epoch, or read them in the order that "
        "`mix` gave them; a curriculum is not shuffled by default.",
    )
    seed: int = Field(0, ge=0, description="Seed of the adapter's weights, dropout and row order.")


@dataclass(frozen=True)
class TrainResult:
    """A trained adapter and how it came about.

    Attributes:
        adapter_dir: Folder with `adapter_model.safetensors` and `adapter_config.json`.
        steps: Optimizer steps made, of `planned_steps`.
        best_step: The step whose adapter this is.
        best_loss: Validation loss there: mean negative log-likelihood of an answer's token, nats.
        metrics: What was measured, one entry a step.
        trainable: Parameters of the adapter, out of `parameters` with those of the base.
        resumed_from: The step at which this run took up an interrupted one.
        seconds: Duration of this run's training and validation.
    """

    adapter_dir: Path
    steps: int
    planned_steps: int
    best_step: int
    best_loss: float
    metrics: list[StepMetrics]
    trainable: int
    parameters: int
    train_counts: TokenCounts
    validation_counts: TokenCounts
    device: Device
    resumed_from: int
    seconds: float

    @property
    def stopped_early(self) -> bool:
        """Whether patience ended the training before its last step."""
        return self.steps < self.planned_steps

    @property
    def trainable_share(self) -> float:
        """Share of the parameters that were trained."""
        return self.trainable / self.parameters


def train(
    model_dir: Path,
    train_rows: Iterable[ChatExample],
    validation_rows: Iterable[ChatExample],
    params: SftParams,
    work_dir: Path,
    *,
    device: Device | None = None,
    on_step: Callable[[StepMetrics, int], None] | None = None,
    on_checkpoint: Callable[[Sequence[StepMetrics]], None] | None = None,
) -> TrainResult:
    """Train an adapter, going on from the work folder's last checkpoint if there is one.

    Args:
        model_dir: Folder of the base model.
        train_rows: Examples to learn.
        validation_rows: Examples that only choose the best checkpoint.
        params: The method's parameters.
        work_dir: Folder of this one training; the same parameters and rows must come back to it.
        device: Where and how precisely to compute; the best this machine has by default.
        on_step: Gets what was measured at a step, and the number of steps planned. A resumed run
            repeats the steps after its checkpoint.
        on_checkpoint: Gets the metrics of all steps that no kill can take back any more.

    Raises:
        InputError: no rows, rows longer than `max_length`, or a model that cannot be used.
        Unready: the loss became infinite or not a number.
    """
    chosen = device or pick()
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    tokenizer = load_tokenizer(model_dir)
    _check_context(model_dir, params)
    counts = []
    for name, rows in (("train", train_rows), ("validation", validation_rows)):
        count = write_rows(work_dir / f"{name}.arrow", rows, tokenizer, params.max_length)
        if count.rows == 0:
            raise InputError(
                f"train: there are no {name} rows; expected at least one. See what was dropped and"
                " why with `tunesmith show`, or raise the share in split"
            )
        counts.append(count)
    checkpoints = work_dir / "checkpoints"
    checkpoints.mkdir(exist_ok=True, mode=0o700)
    checkpoint = last_checkpoint(checkpoints)
    resumed_from = read_state(checkpoint)["global_step"] if checkpoint else 0
    log = StepLog(work_dir / METRICS, resumed_from)
    start = time.perf_counter()
    if checkpoint is None or not _is_finished(checkpoint):
        trainer = _trainer(model_dir, tokenizer, params, work_dir, counts[0].rows, chosen)
        trainer.add_callback(_recorder(log, checkpoints, on_step, on_checkpoint))
        with _scoring_answers_only():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - start
    return _finish(model_dir, work_dir, log, counts, chosen, resumed_from, seconds)


def planned_steps(rows: int, params: SftParams) -> int:
    """Return the optimizer steps of a whole run, counted as the trainer does."""
    batches = math.ceil(rows / params.batch_size)
    return params.epochs * math.ceil(batches / params.gradient_accumulation)


def _check_context(model_dir: Path, params: SftParams) -> None:
    config = json.loads((model_dir / CONFIG).read_bytes())
    context = config.get("max_position_embeddings")
    if context is not None and params.max_length > context:
        raise InputError(
            f"train.max_length: {params.max_length} tokens; the context of {model_dir} holds"
            f" {context}. Lower train.max_length to it"
        )


def _is_finished(checkpoint: Path) -> bool:
    """Whether training ended at this checkpoint, at its last step or by early stopping."""
    control = read_state(checkpoint)["stateful_callbacks"]["TrainerControl"]
    return bool(control["args"]["should_training_stop"])


def _trainer(
    model_dir: Path,
    tokenizer: "PreTrainedTokenizerBase",
    params: SftParams,
    work_dir: Path,
    rows: int,
    device: Device,
) -> Any:
    import torch
    from datasets import Dataset
    from transformers import EarlyStoppingCallback, PrinterCallback
    from trl import SFTTrainer

    model = load_base(model_dir, torch.float32)
    try:
        with quiet():
            trainer = SFTTrainer(
                model=model,
                args=_arguments(params, work_dir, rows, device),
                train_dataset=Dataset.from_file(str(work_dir / "train.arrow")),
                eval_dataset=Dataset.from_file(str(work_dir / "validation.arrow")),
                processing_class=tokenizer,
                peft_config=_lora(params.adapter),
                callbacks=[EarlyStoppingCallback(early_stopping_patience=params.patience)],
            )
    except ValueError as error:
        if "arget modules" not in str(error):
            raise
        linear = {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear)
        }
        raise InputError(
            f"train.adapter.target_modules: {params.adapter.target_modules} are not in {model_dir};"
            f" its linear layers are {', '.join(sorted(linear))}"
        ) from error
    trainer.remove_callback(PrinterCallback)  # what stands in for progress bars, and prints
    return trainer


@contextmanager
def _scoring_answers_only() -> Iterator[None]:
    """Let TRL put only the positions with a label through the language-model head.

    It does so on GPUs; elsewhere it scores every position and multiplies those of the prompt by
    zero, to keep shapes constant for devices that compile. On a CPU that is a quarter of a step:
    the head of a small model is a fifth of its weights, and prompts are longer than answers.
    """
    from trl.trainer import utils

    decide = utils._use_triton
    utils._use_triton = lambda device: True
    try:
        yield
    finally:
        utils._use_triton = decide


def _lora(adapter: LoraParams) -> Any:
    from peft import LoraConfig

    targets = adapter.target_modules
    return LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        bias="none",
        task_type="CAUSAL_LM",
    )


def _arguments(params: SftParams, work_dir: Path, rows: int, device: Device) -> Any:
    from trl import SFTConfig

    every = params.evaluate_every or math.ceil(planned_steps(rows, params) / LOOKS)
    return SFTConfig(
        output_dir=str(work_dir / "checkpoints"),
        num_train_epochs=params.epochs,
        learning_rate=params.learning_rate,
        per_device_train_batch_size=params.batch_size,
        per_device_eval_batch_size=params.batch_size,
        gradient_accumulation_steps=params.gradient_accumulation,
        warmup_steps=params.warmup_steps,
        lr_scheduler_type=params.scheduler,
        weight_decay=0.0,
        optim="adamw_torch",
        seed=params.seed,
        train_sampling_strategy="random" if params.shuffle else "sequential",
        # The rows are tokenized, labelled and measured: nothing is left to prepare or to cut.
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        packing=False,
        use_cpu=device.kind == "cpu",
        bf16=device.precision == "bf16",
        activation_checkpointing=False,  # saves memory, costs a second forward pass
        dataloader_pin_memory=device.kind != "cpu",
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is not a number must show
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=None,  # the trainer would delete before we know that the new one is whole
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=True,  # else patience starts anew
        report_to="none",
        disable_tqdm=True,
        push_to_hub=False,
    )


def _recorder(
    log: StepLog,
    checkpoints: Path,
    on_step: Callable[[StepMetrics, int], None] | None,
    on_checkpoint: Callable[[Sequence[StepMetrics]], None] | None,
) -> Any:
    """Return the trainer's callback that keeps metrics and completes checkpoints."""
    from transformers import TrainerCallback

    class Recorder(TrainerCallback):  # type: ignore[misc]  # transformers is not typed for us
        def on_log(self, args: Any, state: Any, control: Any, logs: Any, **_: Any) -> None:
            values = {
                name: float(value)
                for name, value in logs.items()
                if name.removeprefix("eval_") in REPORTED
            }
            if "loss" not in values and "eval_loss" not in values:
                return  # the summary at the end
            _check_finite(values, state.global_step)
            step = {"step": state.global_step, "timestamp": time.time()}
            known = log.add({**step, **values})
            if on_step:
                on_step(known, state.max_steps)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            seal_checkpoint(checkpoints / f"checkpoint-{state.global_step}")
            keep_checkpoints(checkpoints, {state.global_step, state.best_global_step})
            if on_checkpoint:
                on_checkpoint(log.steps)

    return Recorder()


def _check_finite(values: StepMetrics, step: int) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise Unready(
                f"train: {name} became {value} at step {step}; lower train.learning_rate, or raise"
                " train.warmup_steps"
            )


def _finish(
    model_dir: Path,
    work_dir: Path,
    log: StepLog,
    counts: Sequence[TokenCounts],
    device: Device,
    resumed_from: int,
    seconds: float,
) -> TrainResult:
    """Make the artifact from the checkpoints on disk, of this run or of an earlier one."""
    checkpoints = work_dir / "checkpoints"
    last = last_checkpoint(checkpoints)
    if last is None:
        raise RuntimeError(f"{checkpoints}: the trainer ended without a checkpoint")
    state = read_state(last)
    best = int(state["best_global_step"])
    adapter_dir = work_dir / "adapter"
    shutil.rmtree(adapter_dir, ignore_errors=True)
    adapter_dir.mkdir(mode=0o700)
    source = checkpoints / f"checkpoint-{best}"
    shutil.copyfile(source / ADAPTER_WEIGHTS, adapter_dir / ADAPTER_WEIGHTS)
    config = json.loads((source / ADAPTER_CONFIG).read_bytes())
    config["base_model_name_or_path"] = None  # a path of this machine; a digest says it better
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # a set, in an order that changes from run to run
    text = json.dumps(config, indent=1, sort_keys=True)
    (adapter_dir / ADAPTER_CONFIG).write_text(text + "\n", encoding="utf-8")
    trainable = _count_parameters([adapter_dir / ADAPTER_WEIGHTS])
    return TrainResult(
        adapter_dir=adapter_dir,
        steps=int(state["global_step"]),
        planned_steps=int(state["max_steps"]),
        best_step=best,
        best_loss=float(state["best_metric"]),
        metrics=log.steps,
        trainable=trainable,
        parameters=trainable + _count_parameters(sorted(model_dir.glob("model*.safetensors"))),
        train_counts=counts[0],
        validation_counts=counts[1],
        device=device,
        resumed_from=resumed_from,
        seconds=seconds,
    )


def _count_parameters(files: Iterable[Path]) -> int:
    return sum(
        math.prod(tensor["shape"]) for path in files for tensor in read_header(path).values()
    )
