import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.tiny_model import letter, orders, tiny_examples
from tunesmith.canonical import file_digest
from tunesmith.errors import InputError, Unready
from tunesmith.records import Message
from tunesmith.training import sft
from tunesmith.training.device import pick
from tunesmith.training.loading import load_adapter, load_base
from tunesmith.training.rows import IGNORED
from tunesmith.training.sft import LoraParams, SftParams, planned_steps, train

ROWS = tiny_examples(72, seed=1)
TRAIN, VALIDATION = ROWS[:64], ROWS[64:]
PARAMS = SftParams(
    epochs=2,
    batch_size=8,
    gradient_accumulation=2,
    learning_rate=1e-2,
    evaluate_every=3,
    adapter=LoraParams(dropout=0.1),
)
"""Eight steps, with checkpoints at 3, 6 and 8; dropout, so that a lost random state shows."""


@pytest.fixture(scope="module")
def device():
    return pick("fp32")


@pytest.fixture(scope="module")
def straight(tiny_base, tmp_path_factory, device):
    """An undisturbed run."""
    work = tmp_path_factory.mktemp("straight")
    return train(tiny_base, TRAIN, VALIDATION, PARAMS, work, device=device)


def losses(result, name="loss"):
    return [metrics[name] for metrics in result.metrics if name in metrics]


def answer_loss(base, adapter, rows_file):
    """Mean negative log-likelihood of the answers' tokens, from the plain model's scores."""
    import torch
    from datasets import Dataset

    model = load_base(base, torch.float32)
    if adapter is not None:
        model = load_adapter(model, adapter)
    model.eval()
    total = tokens = 0
    for row in Dataset.from_file(str(rows_file)):
        with torch.inference_mode():
            scores = model(input_ids=torch.tensor([row["input_ids"]])).logits[0].log_softmax(-1)
        for place, label in enumerate(row["labels"]):
            if label != IGNORED:
                total -= scores[place - 1, label].item()
                tokens += 1
    return total / tokens


def test_the_loss_falls_below_the_base_s(straight, tiny_base):
    before = answer_loss(tiny_base, None, straight.adapter_dir.parent / "validation.arrow")
    assert straight.best_loss < 0.9 * before
    # The first step comes before the first update: its loss is the base's own.
    assert losses(straight)[0] == pytest.approx(before, rel=0.5)


def test_the_loss_is_over_the_tokens_of_the_answer_alone(straight, tiny_base):
    rows = straight.adapter_dir.parent / "validation.arrow"
    ours = answer_loss(tiny_base, straight.adapter_dir, rows)
    assert straight.best_loss == pytest.approx(ours, rel=1e-4)


def test_the_account_of_a_run(straight):
    assert (straight.steps, straight.planned_steps) == (8, planned_steps(64, PARAMS)) == (8, 8)
    assert [metrics["step"] for metrics in straight.metrics] == list(range(1, 9))
    assert [m["step"] for m in straight.metrics if "eval_loss" in m] == [3, 6, 8]
    assert straight.best_loss == min(losses(straight, "eval_loss"))
    times = [metrics["timestamp"] for metrics in straight.metrics]
    assert times == sorted(times)
    assert {"learning_rate", "grad_norm", "loss"} <= set(straight.metrics[0])
    assert straight.train_counts.rows == 64
    assert straight.resumed_from == 0
    assert not straight.stopped_early


def test_the_adapter_is_safetensors_and_names_no_path_of_this_machine(straight, tiny_base):
    assert sorted(path.name for path in straight.adapter_dir.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    text = (straight.adapter_dir / "adapter_config.json").read_text()
    config = json.loads(text)
    assert config["base_model_name_or_path"] is None
    assert config["target_modules"] == sorted(config["target_modules"])
    assert str(tiny_base) not in text
    assert str(straight.adapter_dir.parent) not in text


def test_the_share_of_trained_parameters(straight, tiny_base):
    import torch

    model = load_adapter(load_base(tiny_base, torch.float32), straight.adapter_dir)
    adapter = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    assert straight.trainable == adapter
    assert straight.parameters == sum(p.numel() for p in model.parameters())
    assert straight.trainable_share == adapter / straight.parameters


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.training.test_sft import PARAMS, TRAIN, VALIDATION
from tunesmith.training import sft
from tunesmith.training.device import pick

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def at_step(metrics, planned):
    if metrics["step"] == 5:
        die()

on_step = None
if sys.argv[3] == "between checkpoints":
    on_step = at_step
else:
    # Of the second checkpoint the weights are written, the optimizer is not.
    import torch
    saved, written = torch.save, []

    def save(value, path, *rest, **named):
        if "checkpoint-6" in str(path):
            Path(path).write_bytes(b"half")
            die()
        return saved(value, path, *rest, **named)

    torch.save = save
base, work = map(Path, sys.argv[1:3])
sft.train(base, TRAIN, VALIDATION, PARAMS, work, device=pick("fp32"), on_step=on_step)
"""


@pytest.mark.parametrize("moment", ["between checkpoints", "while writing one"])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    straight, tiny_base, tmp_path, device, moment
):
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(tiny_base), str(tmp_path), moment],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    left = {path.name for path in (tmp_path / "checkpoints").glob("checkpoint-*")}
    half = moment == "while writing one"
    assert left == ({"checkpoint-3", "checkpoint-6"} if half else {"checkpoint-3"})

    began = time.time()
    made = []
    resumed = train(
        tiny_base,
        TRAIN,
        VALIDATION,
        PARAMS,
        tmp_path,
        device=device,
        on_step=lambda metrics, planned: made.append(int(metrics["step"])),
    )
    assert resumed.resumed_from == 3
    assert sorted(set(made)) == [4, 5, 6, 7, 8]
    assert contents(resumed) == contents(straight)
    assert without_times(resumed) == without_times(straight)
    assert [m["step"] for m in resumed.metrics if m["timestamp"] > began] == [4, 5, 6, 7, 8]


def contents(result):
    return {path.name: file_digest(path) for path in result.adapter_dir.iterdir()}


def without_times(result):
    return [
        {name: value for name, value in metrics.items() if name != "timestamp"}
        for metrics in result.metrics
    ]


def test_what_is_finished_is_not_trained_again(tiny_base, tmp_path, device, monkeypatch):
    first = train(tiny_base, TRAIN[:16], VALIDATION, SftParams(), tmp_path, device=device)
    monkeypatch.setattr(sft, "_trainer", None)  # a second training would fail here
    second = train(tiny_base, TRAIN[:16], VALIDATION, SftParams(), tmp_path, device=device)
    assert contents(second) == contents(first)
    assert second.metrics == first.metrics
    assert second.resumed_from == second.steps == first.steps


def test_a_curriculum_is_read_in_its_order(tiny_base, tmp_path, device):
    """The first step of all rows, unshuffled, is the first step of the first rows alone."""

    def first_loss(name, rows, shuffle):
        params = SftParams(batch_size=8, evaluate_every=1, patience=1, shuffle=shuffle)
        done = train(tiny_base, rows, VALIDATION[:1], params, tmp_path / name, device=device)
        return losses(done)[0]

    alone = first_loss("alone", TRAIN[:8], shuffle=True)
    assert first_loss("kept", TRAIN[:24], shuffle=False) == pytest.approx(alone, rel=1e-4)
    assert first_loss("shuffled", TRAIN[:24], shuffle=True) != pytest.approx(alone, rel=1e-4)


UNLEARNED = [
    msgspec.structs.replace(
        example, messages=(*example.prompt, Message("assistant", letter(*order)))
    )
    for example, order in zip(tiny_examples(8, seed=3), orders(8, seed=3), strict=True)
]
"""Letters, which a model unlearns with every note."""
EARLY = SftParams(batch_size=8, learning_rate=1e-2, evaluate_every=2, patience=2, warmup_steps=0)


@pytest.fixture(scope="module")
def early(tiny_base, tmp_path_factory, device):
    """A run that stops early."""
    work = tmp_path_factory.mktemp("early")
    return train(tiny_base, TRAIN, UNLEARNED, EARLY, work, device=device)


def test_patience_goes_on_where_it_was_interrupted(early, tiny_base, tmp_path, device):
    def interrupt(metrics, planned):
        if metrics["step"] == early.best_step + 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_base, TRAIN, UNLEARNED, EARLY, tmp_path, device=device, on_step=interrupt)
    resumed = train(tiny_base, TRAIN, UNLEARNED, EARLY, tmp_path, device=device)
    assert resumed.resumed_from == early.best_step + 2
    assert resumed.steps == early.steps
    assert contents(resumed) == contents(early)


def test_early_stopping_keeps_the_best_checkpoint(early, tiny_base):
    seen = [(m["step"], m["eval_loss"]) for m in early.metrics if "eval_loss" in m]
    assert early.stopped_early
    assert early.steps == seen[-1][0] < early.planned_steps
    best_step, best_loss = min(seen, key=lambda look: look[1])
    assert (early.best_step, early.best_loss) == (best_step, best_loss)
    assert [step for step, _ in seen if step > best_step] == [best_step + 2, best_step + 4]
    kept = answer_loss(tiny_base, early.adapter_dir, early.adapter_dir.parent / "validation.arrow")
    assert kept == pytest.approx(best_loss, rel=1e-4)
    assert kept < 0.9 * seen[-1][1], "the last adapter is not told apart from the best"


def test_only_the_best_and_the_last_checkpoint_are_kept(early):
    checkpoints = (early.adapter_dir.parent / "checkpoints").glob("checkpoint-*")
    assert {path.name for path in checkpoints} == {
        f"checkpoint-{early.best_step}",
        f"checkpoint-{early.steps}",
    }


def test_checkpoints_hand_on_metrics_that_no_kill_takes_back(tiny_base, tmp_path, device):
    handed = []
    params = SftParams(evaluate_every=1, warmup_steps=0)
    result = train(
        tiny_base,
        TRAIN[:16],
        VALIDATION,
        params,
        tmp_path,
        device=device,
        on_checkpoint=lambda steps: handed.append(list(steps)),
    )
    assert handed == [result.metrics[:1], result.metrics]


def test_bfloat16_learns_as_well_after_float32_in_one_process(tiny_base, tmp_path, straight):
    result = train(tiny_base, TRAIN, VALIDATION, PARAMS, tmp_path, device=pick("bf16"))
    assert result.device.precision == "bf16"
    assert result.best_loss == pytest.approx(straight.best_loss, rel=0.1)
    assert result.best_loss != straight.best_loss, "the arithmetic is still that of float32"


@pytest.mark.parametrize(
    ("rows", "validation", "changes", "message"),
    [
        ([], VALIDATION, {}, "no train rows"),
        (TRAIN, [], {}, "no validation rows"),
        (TRAIN, VALIDATION, {"max_length": 20}, r"orders\.jsonl:1, .*: 64 rows are longer"),
        (TRAIN, VALIDATION, {"max_length": 4096}, r"train\.max_length: 4096 .* holds 1024"),
        (
            TRAIN,
            VALIDATION,
            {"adapter": LoraParams(target_modules=("query",))},
            r"target_modules: .*down_proj, .*v_proj",
        ),
    ],
)
def test_what_cannot_be_trained_is_told(
    tiny_base, tmp_path, device, rows, validation, changes, message
):
    with pytest.raises(InputError, match=message):
        train(tiny_base, rows, validation, SftParams(**changes), tmp_path, device=device)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run(value):
    sft._check_finite({"loss": 1.0, "grad_norm": 1e30}, 7)
    with pytest.raises(Unready, match=r"grad_norm became .* at step 7; lower"):
        sft._check_finite({"loss": 1.0, "grad_norm": value}, 7)


@pytest.mark.parametrize(
    ("rows", "batch", "accumulation", "epochs", "steps"),
    [(64, 8, 1, 1, 8), (65, 8, 1, 1, 9), (64, 8, 3, 1, 3), (65, 8, 3, 2, 6), (1, 8, 4, 3, 3)],
)
def test_steps_are_counted_as_the_trainer_does(rows, batch, accumulation, epochs, steps):
    params = SftParams(batch_size=batch, gradient_accumulation=accumulation, epochs=epochs)
    assert planned_steps(rows, params) == steps
