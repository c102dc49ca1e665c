"""Examples as token ids on disk, as a trainer reads them.

One pass turns each example into the tokens of its prompt and its answer; only the answer's tokens
carry a label. The file is memory-mapped, so a data set need not fit into memory.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.errors import InputError
from tunesmith.records import ChatExample, Message
from tunesmith.training.template import Turn, answer_ids, prompt_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label that PyTorch's cross entropy leaves out."""
NAMED = 3
"""How many of the rows that are too long a message names."""
BUFFERED = 1000


@dataclass(frozen=True)
class TokenCounts:
    """How much a file of rows holds."""

    rows: int
    tokens: int
    answer_tokens: int


def turns(messages: Iterable[Message]) -> list[Turn]:
    """Return messages as chat templates take them: the arguments of calls as objects."""
    return [_turn(message) for message in messages]


def _turn(message: Message) -> Turn:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        turn["name"] = message.name
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.loads(call.arguments)},
            }
            for call in message.tool_calls
        ]
    return turn


def write_rows(
    path: Path,
    examples: Iterable[ChatExample],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
) -> TokenCounts:
    """Write `input_ids` and `labels` of every example to an Arrow stream file, in order.

    Raises:
        InputError: rows are longer than `max_length` tokens. They are not cut: a model that only
            sees answers without their ends learns not to end them.
    """
    import pyarrow as pa

    kind = pa.list_(pa.int32())
    schema = pa.schema({"input_ids": kind, "labels": kind})
    rows = tokens = answer_tokens = 0
    longest = 0
    too_long: list[str] = []
    part = path.with_name(f"{path.name}.part")
    with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        buffer: list[dict[str, list[int]]] = []
        for example in examples:
            *prompt, answer = turns(example.messages)
            head = prompt_ids(tokenizer, prompt, example.tools)
            tail = answer_ids(tokenizer, prompt, answer, example.tools)
            length = len(head) + len(tail)
            if length > max_length:
                too_long.append(example.source)
                longest = max(longest, length)
                continue
            buffer.append({"input_ids": head + tail, "labels": [IGNORED] * len(head) + tail})
            rows, tokens, answer_tokens = rows + 1, tokens + length, answer_tokens + len(tail)
            if len(buffer) == BUFFERED:
                writer.write_batch(pa.RecordBatch.from_pylist(buffer, schema))
                buffer = []
        if buffer:
            writer.write_batch(pa.RecordBatch.from_pylist(buffer, schema))
    if too_long:
        names = ", ".join(too_long[:NAMED]) + (", ..." if len(too_long) > NAMED else "")
        raise InputError(
            f"{names}: {len(too_long)} rows are longer than train.max_length, {max_length} tokens;"
            f" the longest has {longest}. Rows are never cut: raise train.max_length (up to the"
            " model's context) or drop these rows"
        )
    part.rename(path)
    return TokenCounts(rows, tokens, answer_tokens)
