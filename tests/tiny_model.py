"""A language model of 350 thousand parameters for the tests, and the task it is tuned on.

The task is to turn "Mary wants 37 lamps." into an order note. The base was taught two formats
for the same requests, seven parts letter to three parts note, so a greedy answer is a letter:

    base    Dear Mary, here are 37 lamps.
    tuned   Subject: lamps for Mary
            Count: 37

A LoRA adapter cannot teach a format to weights that never saw one: on a base taught letters only
it reaches no right note, on a random base not even the loss falls. The mix is what lets it switch
in about two CPU seconds. Every batch also holds random sequences that repeat themselves: without
them the base needs twice the steps before it copies names and numbers from the request.

Teaching the base takes some nine CPU seconds, so it is kept in pytest's cache folder under the
digest of this file: edit the file and the next run teaches it anew.
"""

import hashlib
import itertools
import os
import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tunesmith.records import ChatExample, Message, row_id

SYSTEM = "Write the order note."
CONTEXT = 1024
TEACHING_ROWS = 4000
BATCH = 16
COPIES = 8
"""Repeating sequences added to each batch, of twice `COPY_LENGTH` tokens."""
COPY_LENGTH = 20
IGNORED = -100
"""The label that the loss leaves out."""

_NAMES = """
Ada Alan Anna Ben Carl Clara Dan Dora Ed Elsa Emma Eric Eva Finn Fred Gina Hana Hugo Ida Ines
Ivan Jack Jane Joel Jon Kai Kate Lara Leo Lily Luis Mara Mary Max Mia Nils Nina Nora Olaf Omar
Otto Paul Pia Rita Rosa Ruth Sam Sara Sven Tara Theo Tom Tina Uma Vera Will Yara Zoe
"""
NAMES = tuple(_NAMES.split())
_ITEMS = """
lamps boxes chairs cups pens desks books maps rugs bowls forks spoons plates jars pots pans mats
bags belts boots hats coats scarfs socks towels pillows sheets clocks bells drums flutes kites
balls bikes tents ropes nails screws saws drills
"""
ITEMS = tuple(_ITEMS.split())

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "{{ '<|im_start|>assistant\n' }}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def letter(name: str, count: int, item: str) -> str:
    """What the base answers."""
    return f"Dear {name}, here are {count} {item}."


def note(name: str, count: int, item: str) -> str:
    """What the tuned model should answer."""
    return f"Subject: {item} for {name}\nCount: {count}"


def orders(n: int, seed: int) -> list[tuple[str, int, str]]:
    """Return `n` distinct orders of name, count and item, the same ones for the same seed."""
    every = list(itertools.product(NAMES, range(2, 100), ITEMS))
    return random.Random(seed).sample(every, n)


def tiny_rows(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return `n` rows as they stand in a JSONL file of chat messages."""
    return [
        {
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": f"{name} wants {count} {item}."},
                {"role": "assistant", "content": note(name, count, item)},
            ]
        }
        for name, count, item in orders(n, seed)
    ]


def tiny_examples(n: int, seed: int = 0) -> list[ChatExample]:
    """Return the same rows as examples."""
    return [
        ChatExample(
            row_id=row_id(row),
            group_id=f"order-{index}",
            source=f"orders.jsonl:{index + 1}",
            origin="human",
            messages=tuple(Message(**message) for message in row["messages"]),
        )
        for index, row in enumerate(tiny_rows(n, seed))
    ]


def build_tiny_base(folder: Path) -> None:
    """Teach the base and write it to `folder`, which appears complete or not at all."""
    parts = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        lines = _teaching_lines()
        tokenizer = _tokenizer(lines)
        model = _teach(tokenizer, lines)
        tokenizer.save_pretrained(parts)
        model.save_pretrained(parts)
        try:
            parts.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise  # not a neighbour that was quicker
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _teaching_lines() -> list[tuple[str, str]]:
    """Return prompts and answers, rendered; the three parts in ten that are notes come shuffled."""
    style = random.Random(7)
    lines = []
    for name, count, item in orders(TEACHING_ROWS, seed=7):
        answer = note if style.random() < 0.3 else letter
        prompt = (
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n"
            f"<|im_start|>user\n{name} wants {count} {item}.<|im_end|>\n<|im_start|>assistant\n"
        )
        lines.append((prompt, f"{answer(name, count, item)}<|im_end|>\n"))
    return lines


def _tokenizer(lines: Sequence[tuple[str, str]]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((prompt + answer for prompt, answer in lines), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
    )


def _teach(tokenizer: Any, lines: Sequence[tuple[str, str]]) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)  # two threads on matrices this small only wait for each other
    torch.manual_seed(7)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.0)
    batches = _batches(tokenizer, lines)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, len(batches), pct_start=0.1)
    for batch in batches:
        width = max(len(ids) for ids, _ in batch)
        pad = tokenizer.pad_token_id
        ids = torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in batch])
        labels = torch.tensor([row + [IGNORED] * (width - len(row)) for _, row in batch])
        # Padding stands on the right, where causal attention never sees it.
        model(input_ids=ids, labels=labels, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return model.eval()


def _batches(tokenizer: Any, lines: Sequence[tuple[str, str]]) -> list[list[Any]]:
    """Return batches of pairs of token ids and labels."""
    rows = []
    for prompt, answer in lines:
        head, tail = (tokenizer.encode(text, add_special_tokens=False) for text in (prompt, answer))
        rows.append((head + tail, [IGNORED] * len(head) + tail))
    draw = random.Random(7)
    batches = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        for _ in range(COPIES):
            half = [draw.randrange(3, len(tokenizer)) for _ in range(COPY_LENGTH)]
            batch.append((half + half, [IGNORED] * (COPY_LENGTH + 1) + half[1:]))
        batches.append(batch)
    return batches


@pytest.fixture(scope="session")
def tiny_base(request: pytest.FixtureRequest) -> Path:
    """The folder of the tiny base model, taught once and kept between runs."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("tiny-base")) / recipe
    if not folder.is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        build_tiny_base(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an adapter with which the tiny base writes notes, trained in a CPU second."""
    from tunesmith.training.device import pick
    from tunesmith.training.sft import SftParams, train

    rows = tiny_examples(144, seed=1)
    params = SftParams(epochs=2, batch_size=16, learning_rate=1e-2)
    work = tmp_path_factory.mktemp("tiny-adapter")
    return train(tiny_base, rows[:128], rows[128:], params, work, device=pick("fp32")).adapter_dir
