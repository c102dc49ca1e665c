"""What Tunesmith costs beside the work itself.

`train_ratio`: CPU seconds of the process that runs the train stage (store, checkpoints, sealing,
record) over those of a bare TRL script on the same rows, model and steps; median of alternating
rounds. `cached_stage_s`: seconds until a new process has found the same adapter in the store,
imports counted. `help_s`: seconds of `tunesmith --help`, whole process.

    python benchmarks/overhead.py [--quick] [--rounds 5] [--rows 48]
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import json, sys
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, EarlyStoppingCallback
from trl import SFTConfig, SFTTrainer

work, model_dir = sys.argv[1:3]
plan = json.load(open(f"{work}/plan.json"))
tokenizer = AutoTokenizer.from_pretrained(model_dir)
model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
rows = {name: Dataset.from_list(plan[name]) for name in ("train", "validation")}
arguments = SFTConfig(
    output_dir=f"{work}/bare", num_train_epochs=1, learning_rate=2e-3,
    per_device_train_batch_size=8, per_device_eval_batch_size=8, warmup_steps=3,
    lr_scheduler_type="cosine", weight_decay=0.0, optim="adamw_torch", seed=0, max_length=1024,
    use_cpu=True, bf16=plan["bf16"], gradient_checkpointing=False, dataloader_pin_memory=False,
    logging_steps=1, eval_strategy="steps", eval_steps=plan["every"], save_strategy="steps",
    save_steps=plan["every"], load_best_model_at_end=True, metric_for_best_model="eval_loss",
    greater_is_better=False, report_to="none", disable_tqdm=True,
)
trainer = SFTTrainer(
    model=model, args=arguments, train_dataset=rows["train"], eval_dataset=rows["validation"],
    processing_class=tokenizer,
    peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    callbacks=[EarlyStoppingCallback(early_stopping_patience=3)],
)
trainer.train()
trainer.save_model(f"{work}/bare/final")
"""

OURS = """
import time
start = time.perf_counter()
import json, sys
from pathlib import Path
from tunesmith.artifacts import Base, Examples
from tunesmith.stages.train import STAGE, TrainParams
from tunesmith.store import Store

work = Path(sys.argv[1])
plan = json.loads((work / "plan.json").read_text())
store = Store(str(work / "store"), rebuild=frozenset(sys.argv[2:]))
refs = plan["refs"]
store.build(
    STAGE, TrainParams.model_validate(plan["params"]), Examples.model_validate(refs["train"]),
    Examples.model_validate(refs["validation"]), Base.model_validate(refs["base"]),
)
print(time.perf_counter() - start)
"""


def run(script: str, *arguments: str) -> tuple[float, str]:
    """Return user and system seconds of a Python process that runs a script, and what it says."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, done.stdout


def prepare(work: Path, rows: int) -> Path:
    """Put rows and the base model into a store, and the same rows into a file for the peer."""
    from tunesmith import settings
    from tunesmith.artifacts import Base
    from tunesmith.data.parsing import Reading, read_item
    from tunesmith.data.readers import read_files
    from tunesmith.data.source_files import gather
    from tunesmith.example_data import support_email
    from tunesmith.records import ChatExample
    from tunesmith.stages.train import TrainParams
    from tunesmith.store import Store
    from tunesmith.store.draft import Draft
    from tunesmith.training.device import pick
    from tunesmith.training.models import SMOLLM2, resolve

    support_email.write(work / "data", seed=7, rows=1400)
    found = [
        read_item(item, Reading("human", None))
        for item in read_files(gather(["tickets-*.jsonl"], work / "data"))
    ]
    # A bare script would cut a row of more than 1024 tokens; we refuse it.
    short = (
        row
        for row in found
        if isinstance(row, ChatExample) and sum(len(m.content) for m in row.messages) < 2000
    )
    good = list(itertools.islice(short, rows + 16))
    store = Store(str(work / "store"))
    draft = Draft(store, "benchmark", "0", work / "draft", {})
    base = resolve(SMOLLM2, None, settings.load().cache).path
    refs = {
        "train": _seal(store, work, good[:rows]),
        "validation": _seal(store, work, good[rows:]),
        "base": draft.seal_files(Base, _copy(base, draft.scratch()), model=SMOLLM2),
    }
    every = 3
    params = TrainParams(method="sft", evaluate_every=every)
    plain = [
        {
            "prompt": [{"role": m.role, "content": m.content} for m in row.prompt],
            "completion": [{"role": "assistant", "content": row.answer}],
        }
        for row in good
    ]
    plan = {
        "train": plain[:rows],
        "validation": plain[rows:],
        "every": every,
        "bf16": pick().precision == "bf16",
        "params": params.model_dump(mode="json"),
        "refs": {name: ref.model_dump(mode="json") for name, ref in refs.items()},
    }
    (work / "plan.json").write_text(json.dumps(plan))
    return base


def _seal(store, work, rows):
    from tunesmith.store.draft import Draft

    draft = Draft(store, "benchmark", str(len(rows)), work / "draft", {})
    draft.count_in(len(rows))
    return draft.seal_examples(rows)


def _copy(source: Path, target: Path) -> Path:
    import shutil

    for path in source.iterdir():
        if path.name != "manifest.json":
            shutil.copyfile(path, target / path.name)
    return target


def cached_seconds(work: Path) -> float:
    """Return seconds, imports counted, until a new process has found the trained adapter."""
    return statistics.median(float(run(OURS, str(work))[1]) for _ in range(5))


def help_seconds() -> float:
    """Return seconds of `tunesmith --help`."""
    command = [str(Path(sys.executable).parent / "tunesmith"), "--help"]
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, 16 rows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=48)
    arguments = parser.parse_args()
    rounds, rows = (1, 16) if arguments.quick else (arguments.rounds, arguments.rows)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        base = prepare(work, rows)
        ours, bare = [], []
        for number in range(rounds):
            pair = [
                ("ours", (OURS, str(work), "train"), ours),
                ("bare", (BARE, str(work), str(base)), bare),
            ]
            for name, process, times in pair if number % 2 == 0 else reversed(pair):
                times.append(run(*process)[0])
                print(f"round {number + 1}: {name:<5} {times[-1]:7.1f} CPU s")
        figures = {
            "train_ratio": statistics.median(ours) / statistics.median(bare),
            "cached_stage_s": cached_seconds(work),
            "help_s": help_seconds(),
        }
    print(
        f"\nmedian CPU seconds: train stage {statistics.median(ours):.1f}, "
        f"bare TRL {statistics.median(bare):.1f}"
    )
    for name, value in figures.items():
        print(f"{name:<16} {value:.3f}")
    print(json.dumps({"name": "overhead", "figures": {k: round(v, 4) for k, v in figures.items()}}))


if __name__ == "__main__":
    main()
