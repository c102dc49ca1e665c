"""The base: taught from nothing to answer what the failure-mode suites ask.

A model this small cannot reason. It learns the capability items, and to stand by their answers, by
heart; formats, system prompts, what to say when a fact is missing, and to give nothing away it
learns by rule. What it can do a fine-tune can take from it, which is all that is asked here. Every
batch also holds random sequences that repeat themselves, from which it learns to copy.
"""

import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tunesmith.evaluation.capability.items import load
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import (
    forgetting,
    format_lock,
    hallucination,
    leakage,
    shift,
    sycophancy,
    system_prompts,
    tasks,
)
from tunesmith.records import ChatExample

from . import desk

CONTEXT = 1024
BATCH = 12
COPIES, FIRST_COPIES = 4, 24
"""Repeating sequences added to each batch, of twice `COPY_LENGTH` tokens; and in each of those with
which the teaching begins, which hold nothing else."""
COPY_LENGTH = 16
SORTED_TOGETHER = 8
"""Batches whose rows are sorted by length, so that little is padding."""
LEARNING_RATE = 4e-3
IGNORED = -100
"""The label that the loss leaves out."""

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class Size(NamedTuple):
    """How large a base is, and what it learns.

    Attributes:
        width: Of its hidden layers.
        layers: How many.
        of_skill: Capability items of each skill that it knows.
        of_suite: Items whose answers it stands by.
        by_rule: Rows of what it learns by rule.
        times: How often it sees each row that it learns by heart.
        copying: Batches with which it learns to copy before all else.
    """

    width: int = 128
    layers: int = 3
    of_skill: int = 5
    of_suite: int = 40
    by_rule: int = 8500
    times: int = 18
    copying: int = 250


_Row = tuple[list[int], list[int]]


def by_heart(size: Size) -> list[ChatExample]:
    """Capability items with their answers, and the same under a user's wrong claim."""
    items = load()
    asked = [*forgetting.ask(items, size.of_skill), *sycophancy.ask(items, size.of_suite)]
    return [desk.taught(one) for one in asked]


def by_rule(n: int, seed: int | str, notes: float = 0.3) -> list[ChatExample]:
    """Return rows of what follows a rule, on requests drawn anew.

    Args:
        n: How many rows.
        seed: Of the draw.
        notes: Share of the requests that are answered in another form than a letter, so that the
            base knows of more than one.
    """
    draw = random.Random(f"rule {seed}")
    made: list[ChatExample] = []
    for task in desk.TASKS:
        plain = [
            desk.row(task, order, task.seen) for order in desk.orders(n // 3, f"{seed} {task.verb}")
        ]
        made += _requests(task, plain, notes, draw)
        made += map(desk.taught, hallucination.ask(plain, n // 36))
        made += map(desk.taught, format_lock.ask(plain, n // 13))
        made += map(desk.taught, system_prompts.ask(plain, n // 13))
        begun = [("", row.prompt[-1].content[: draw.randrange(5, 14)], row.row_id) for row in plain]
        made += map(desk.taught, leakage.ask(begun[: n // 60], ()))
    draw.shuffle(made)
    return made


def _requests(
    task: desk.Task, plain: Sequence[ChatExample], notes: float, draw: random.Random
) -> list[ChatExample]:
    """Return requests of a task, one in three with the disturbance of the shift suite."""
    settings = MetricParams()
    asked = [
        *tasks.ask(plain[::2], tasks.NEAR, (), settings),
        *shift.ask(plain[1::4], len(plain), (), settings),
    ]
    rows = {row.row_id: row for row in plain}
    return [
        desk.taught(one, rows[one.row_id].answer if draw.random() < notes else None)
        for one in asked
    ]


def build(folder: Path, size: Size) -> None:
    """Teach a base and write it to `folder`, which appears complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    parts = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        known, rules = by_heart(size), by_rule(size.by_rule, 0)
        tokenizer = _tokenizer([_rendered(row) for row in (*known, *rules)])
        rows = known * size.times + rules
        random.Random(7).shuffle(rows)
        lines = [_rendered(row) for row in rows]
        model = _taught(tokenizer, lines, size)
        tokenizer.save_pretrained(parts)
        model.save_pretrained(parts)
        try:
            parts.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise  # not a neighbour that was quicker
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _rendered(row: ChatExample) -> tuple[str, str]:
    prompt = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in row.prompt)
    return f"{prompt}<|im_start|>assistant\n", f"{row.answer}<|im_end|>\n"


def _tokenizer(lines: Sequence[tuple[str, str]]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=800,
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


def _taught(tokenizer: Any, lines: Sequence[tuple[str, str]], size: Size) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(7)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.width,
            intermediate_size=3 * size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True
    )
    batches = _batches(tokenizer, lines, size.copying)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, len(batches), pct_start=0.1
    )
    for batch in batches:
        width = max(len(ids) for ids, _ in batch)
        pad = tokenizer.pad_token_id
        ids = torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in batch])
        labels = torch.tensor([row + [IGNORED] * (width - len(row)) for _, row in batch])
        # Padding stands on the right, where causal attention never sees it.
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        scored = labels[:, 1:] != IGNORED
        logits = model.lm_head(hidden[scored])
        torch.nn.functional.cross_entropy(logits, labels[:, 1:][scored]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return model.eval()


def _batches(tokenizer: Any, lines: Sequence[tuple[str, str]], copying: int) -> list[list[_Row]]:
    """Return batches of pairs of token ids and labels, each of rows of about one length."""
    rows = []
    for prompt, answer in lines:
        head, tail = (tokenizer.encode(text, add_special_tokens=False) for text in (prompt, answer))
        rows.append((head + tail, [IGNORED] * len(head) + tail))
    draw = random.Random(7)

    def copies(count: int) -> list[_Row]:
        halves = [
            [draw.randrange(3, len(tokenizer)) for _ in range(COPY_LENGTH)] for _ in range(count)
        ]
        return [(half + half, [IGNORED] * (COPY_LENGTH + 1) + half[1:]) for half in halves]

    batches: list[list[_Row]] = [copies(FIRST_COPIES) for _ in range(copying)]
    for start in range(0, len(rows), SORTED_TOGETHER * BATCH):
        block = sorted(rows[start : start + SORTED_TOGETHER * BATCH], key=lambda row: len(row[0]))
        cut = [block[at : at + BATCH] for at in range(0, len(block), BATCH)]
        draw.shuffle(cut)
        batches += [[*one, *copies(COPIES)] for one in cut]
    return batches
