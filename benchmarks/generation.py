"""How fast we answer an evaluation's prompts, beside two common ways.

`ratio_single`: our tokens a second over those of transformers' `generate`, one prompt at a time,
which is asked every eighth prompt only: its speed is the same over more of them.
`ratio_lm_eval`: over those of lm-eval's `HFLM.generate_until` at our batch size. All three answer
the same support tickets greedily with the same loaded model, in the same number format and with as
many threads; loading is not counted, tokenizing is. Counted are tokens of answers, each way's own,
without padding and without what follows an answer's end. In bfloat16 a near tie may turn with the
size of the batch, so answers can differ between ways: `same_single` and `same_lm_eval` say how
many are equal. `.shots3` is the same with three examples before each ticket, as in the demo.

Rounds alternate, and each ratio is the median of the rounds' ratios, so that another's work on the
machine falls on all three. `cpu_ratio_single` and `cpu_ratio_lm_eval` are of tokens a second of
this process's CPU time, which other work hardly touches. `load` is the machine's at the start.

    python benchmarks/generation.py [--quick] [--rounds 3] [--rows 64] [--tokens 64]
"""

import argparse
import itertools
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tunesmith import settings
from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers import read_files
from tunesmith.data.source_files import gather
from tunesmith.evaluation.generation import LoadedModel, answer, load
from tunesmith.example_data import support_email
from tunesmith.records import ChatExample
from tunesmith.training.device import pick
from tunesmith.training.models import SMOLLM2, resolve
from tunesmith.training.rows import turns
from tunesmith.training.template import Turn, prompt_ids

Prompts = list[list[Turn]]

ASKED_SINGLY = 8
"""One prompt in so many is also answered alone."""


class Answers(NamedTuple):
    """What a way of answering yields: texts in the prompts' order, and how many tokens."""

    texts: list[str]
    tokens: int


def tickets(rows: int, shots: int) -> Prompts:
    """Return support tickets to answer, of the lengths that the demo's have."""
    with tempfile.TemporaryDirectory() as folder:
        support_email.write(Path(folder), seed=7, rows=1400)
        found = (
            read_item(item, Reading("human", None))
            for item in read_files(gather(["tickets-*.jsonl"], Path(folder)))
        )
        short = (
            row
            for row in found
            if isinstance(row, ChatExample) and sum(len(m.content) for m in row.messages) < 2000
        )
        examples = list(itertools.islice(short, rows + shots))
    told = [turn for row in examples[:shots] for turn in turns(row.messages)[1:]]
    prompts = [turns(row.prompt) for row in examples[shots:]]
    return [[prompt[0], *told, *prompt[1:]] for prompt in prompts]


def ours(loaded: LoadedModel, prompts: Prompts, tokens: int, batch_size: int) -> Answers:
    ids = [prompt_ids(loaded.tokenizer, prompt) for prompt in prompts]
    found = answer(loaded, ids, max_new_tokens=tokens, batch_size=batch_size).outputs
    return Answers([one.text for one in found], sum(one.completion_tokens for one in found))


def single(loaded: LoadedModel, prompts: Prompts, tokens: int, batch_size: int) -> Answers:
    import torch

    texts, count = [], 0
    for prompt in prompts[::ASKED_SINGLY]:
        row = prompt_ids(loaded.tokenizer, prompt)
        with torch.inference_mode():
            new = loaded.model.generate(
                torch.tensor([row], device=loaded.device.kind),
                attention_mask=torch.ones(1, len(row), dtype=torch.long, device=loaded.device.kind),
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=sorted(loaded.ends),
            )[0, len(row) :].tolist()
        count += sum(token not in loaded.ends for token in new)
        texts.append(loaded.tokenizer.decode(new, skip_special_tokens=True))
    return Answers(texts, count)


def lm_eval(loaded: LoadedModel, prompts: Prompts, tokens: int, batch_size: int) -> Answers:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=batch_size,
        device=loaded.device.kind,
        add_bos_token=False,
    )
    requests = [
        Instance(
            "generate_until",
            {},
            (
                model.apply_chat_template([dict(turn) for turn in prompt]),
                {"until": [], "max_gen_toks": tokens, "do_sample": False},
            ),
            number,
        )
        for number, prompt in enumerate(prompts)
    ]
    texts = model.generate_until(requests, disable_tqdm=True)
    encode = loaded.tokenizer.encode
    return Answers(texts, sum(len(encode(text, add_special_tokens=False)) for text in texts))


WAYS: dict[str, Callable[[LoadedModel, Prompts, int, int], Answers]] = {
    "ours": ours,
    "single": single,
    "lm_eval": lm_eval,
}


def compare(
    loaded: LoadedModel, prompts: Prompts, tokens: int, batch_size: int, rounds: int
) -> dict[str, float]:
    """Answer in each way, in turn, `rounds` times; print each, and return the figures."""
    for way in WAYS.values():  # allocations and kernels of the first call are nobody's business
        way(loaded, prompts[:2], 2, 2)
    speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    cpu_speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    found: dict[str, Answers] = {}
    for number in range(rounds):
        order = list(WAYS) if number % 2 == 0 else list(reversed(WAYS))
        for name in order:
            start, cpu_start = time.perf_counter(), time.process_time()
            found[name] = WAYS[name](loaded, prompts, tokens, batch_size)
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
            speeds[name].append(found[name].tokens / seconds)
            cpu_speeds[name].append(found[name].tokens / cpu)
            print(
                f"round {number + 1}: {name:<8} {found[name].tokens:6d} tokens "
                f"{seconds:7.1f} s {speeds[name][-1]:8.1f} tokens/s "
                f"{cpu_speeds[name][-1]:8.1f} a CPU second",
                flush=True,
            )
    figures = {"tokens_per_s": statistics.median(speeds["ours"])}
    for name in ("single", "lm_eval"):
        for kind, found_speeds in (("", speeds), ("cpu_", cpu_speeds)):
            pairs = zip(found_speeds["ours"], found_speeds[name], strict=True)
            figures[f"{kind}ratio_{name}"] = statistics.median(fast / slow for fast, slow in pairs)
        mine = found["ours"].texts[:: ASKED_SINGLY if name == "single" else 1]
        same = zip(mine, found[name].texts, strict=True)
        figures[f"same_{name}"] = statistics.mean(a.strip() == b.strip() for a, b in same)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds, few prompts and tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64, help="most tokens of an answer")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", choices=["fp32", "bf16"], help="this machine's fastest")
    arguments = parser.parse_args()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    busy = os.getloadavg()[0]
    model_dir = resolve(SMOLLM2, None, settings.load().cache).path
    loaded = load(model_dir, None, pick(arguments.precision))
    rows, tokens, rounds = arguments.rows, arguments.tokens, arguments.rounds
    if arguments.quick:
        rows, tokens, rounds = 32, 32, 2
    print(
        f"{rows} prompts, up to {tokens} tokens, batches of {arguments.batch_size}, "
        f"{loaded.device.precision} on {loaded.device.name}, {loaded.device.threads} threads, "
        f"load {busy:.1f}"
    )
    figures = {"load": busy, "threads": float(loaded.device.threads)}
    for shots in (0,) if arguments.quick else (0, 3):
        print(f"\n{shots} examples before each prompt")
        found = compare(loaded, tickets(rows, shots), tokens, arguments.batch_size, rounds)
        figures |= {f"{key}.shots3" if shots else key: value for key, value in found.items()}
    print()
    for key, value in figures.items():
        print(f"{key:<24} {value:.2f}")
    print(
        json.dumps({"name": "generation", "figures": {k: round(v, 3) for k, v in figures.items()}})
    )


if __name__ == "__main__":
    sys.exit(main())
